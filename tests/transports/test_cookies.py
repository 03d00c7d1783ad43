"""
The cookie jar that both transports share.
"""

from __future__ import annotations

import time
from http import cookiejar

import pytest

from txsocketio.transports.cookies import MAX_COOKIE_BYTES, MAX_COOKIES, BoundedJar, mergeCookies

URL = "http://example.com/socket.io/"


def jarWith(*cookies: str, url: str = URL) -> BoundedJar:
    """
    A jar that a response of C{url} has set these cookies in.
    """
    jar = BoundedJar()
    jar.store(url, [("Set-Cookie", cookie) for cookie in cookies])
    return jar


def test_empty() -> None:
    """
    Without cookies nothing is sent.
    """
    assert BoundedJar().cookiesFor(URL) == []


def test_sendsWhatWasSet() -> None:
    """
    Each C{Set-Cookie} of a response is sent back; expired ones are not.

    behaviours J18
    """
    jar = jarWith(
        "1=1; Path=/",
        "2=2; Path=/; HttpOnly",
        "3=3; Path=/; Max-Age=0",
        "4=4; Path=/; Expires=Tue, 01 Jan 2019 00:00:00 GMT",
    )
    assert jar.cookiesFor(URL) == ["1=1", "2=2"]


def test_otherHeaders() -> None:
    """
    Only C{Set-Cookie} sets cookies, however it is capitalized.
    """
    jar = BoundedJar()
    jar.store(URL, [("Content-Type", "a=1"), ("set-cookie", "b=2"), ("SET-COOKIE", "c=3")])
    assert jar.cookiesFor(URL) == ["b=2", "c=3"]


@pytest.mark.parametrize(
    "header, sent",
    [
        ("foo=bar", "foo=bar"),
        ("foo=bar; Max-Age=1000; Domain=example.com; Path=/; Secure=no", "foo=bar"),
        ("foo=b%26c==; Path=/", "foo=b%26c=="),
        ("foo=a=b&c=d; path=/", "foo=a=b&c=d"),
        ('foo="a b"; Path=/', 'foo="a b"'),
        ("foo=; Path=/", "foo="),
    ],
)
def test_values(header: str, sent: str) -> None:
    """
    A value is sent back as it came, whatever attributes follow it.

    behaviours J20
    """
    jar = jarWith(header, url="https://example.com/socket.io/")
    assert jar.cookiesFor("https://example.com/socket.io/") == [sent]


def test_replaced() -> None:
    """
    A cookie of the same name replaces the one before.
    """
    jar = jarWith("a=1")
    jar.store(URL, [("Set-Cookie", "a=2")])
    assert jar.cookiesFor(URL) == ["a=2"]


def test_removed() -> None:
    """
    A server removes a cookie by letting it expire.

    behaviours J18
    """
    jar = jarWith("a=1")
    jar.store(URL, [("Set-Cookie", "a=; Max-Age=0")])
    assert jar.cookiesFor(URL) == []


def test_webSocketURL() -> None:
    """
    A cookie set by polling is sent with the WebSocket's handshake, and the
    other way round.

    behaviours P8
    """
    assert jarWith("a=1").cookiesFor("ws://example.com/socket.io/") == ["a=1"]
    assert jarWith("a=1", url="ws://example.com/socket.io/").cookiesFor(URL) == ["a=1"]


def test_portsDoNotMatter() -> None:
    """
    A cookie belongs to a host, on whichever port, even if it says otherwise.
    """
    jar = jarWith("a=1", 'b=2; Port="81"')
    assert jar.cookiesFor("http://example.com:81/socket.io/") == ["a=1", "b=2"]


@pytest.mark.parametrize("url, sent", [("wss", True), ("https", True), ("ws", False)])
def test_secure(url: str, sent: bool) -> None:
    """
    A secure cookie travels by C{https} and C{wss} only.

    behaviours J20
    """
    jar = jarWith("a=1; Secure", url="https://example.com/socket.io/")
    assert bool(jar.cookiesFor(f"{url}://example.com/socket.io/")) == sent


@pytest.mark.parametrize(
    "cookie",
    ["a=1; Domain=other.example", "a=1; Domain=.com", "a=1; Domain=sub.example.com"],
)
def test_foreignDomain(cookie: str) -> None:
    """
    A server cannot set cookies for another.

    behaviours J20; faults F45
    """
    assert len(jarWith(cookie)) == 0


def test_otherHost() -> None:
    """
    A cookie is not sent to another host.

    faults F45
    """
    assert jarWith("a=1").cookiesFor("http://other.example/socket.io/") == []


def test_path() -> None:
    """
    A cookie for a path is not sent to another.

    behaviours J20
    """
    assert jarWith("a=1; Path=/admin").cookiesFor(URL) == []


@pytest.mark.parametrize("bad", ["\r\nX: y", "\n", "\x00", "\x1f", "\x7f", "é"])
def test_injection(bad: str) -> None:
    """
    A cookie that could end a header line is ignored.

    faults F45
    """
    assert len(jarWith(f"a=1{bad}")) == 0


@pytest.mark.parametrize("excess, kept", [(0, 1), (1, 0)])
def test_longest(excess: int, kept: int) -> None:
    """
    A cookie of more than 4 KiB is ignored.

    faults F45
    """
    assert len(jarWith("a=" + "x" * (MAX_COOKIE_BYTES - 2 + excess))) == kept


def test_mostAtOnce() -> None:
    """
    Of 10,000 cookies in one response the last 50 are kept.

    faults F45
    """
    jar = jarWith(*(f"c{number}=1" for number in range(10_000)))
    assert jar.cookiesFor(URL) == [f"c{number}=1" for number in range(9_950, 10_000)]


def test_mostInTime() -> None:
    """
    Of cookies set one after the other the oldest go.

    faults F45
    """
    jar = BoundedJar()
    for number in range(MAX_COOKIES + 3):
        jar.store(URL, [("Set-Cookie", f"c{number}=1")])
    assert jar.cookiesFor(URL) == [f"c{number}=1" for number in range(3, MAX_COOKIES + 3)]


def test_expiredMakeRoom() -> None:
    """
    A cookie that is gone already needs no removing when room is made.

    faults F45
    """
    jar = jarWith("old=1")
    jar.store(URL, [("Set-Cookie", "old=; Max-Age=0")])
    for number in range(MAX_COOKIES):
        jar.store(URL, [("Set-Cookie", f"c{number}=1")])
    assert len(jar) == MAX_COOKIES


@pytest.mark.parametrize(
    "cookie", ["", ";", "=", "; Path=/", "a=1; Expires=never", "a=1; Max-Age=x"]
)
def test_nonsense(cookie: str) -> None:
    """
    Malformed cookies raise nothing.

    faults F45
    """
    jarWith(cookie).cookiesFor(URL)


def test_expiresMeanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A cookie is sent until its time is over.

    behaviours J18
    """
    jar = jarWith("a=1; Max-Age=100", "b=2")
    assert jar.cookiesFor(URL) == ["a=1", "b=2"]
    late = time.time() + 101
    monkeypatch.setattr(cookiejar.time, "time", lambda: late)
    assert jar.cookiesFor(URL) == ["b=2"]


def test_changedAfterSending() -> None:
    """
    What a later response sets is sent from then on.
    """
    jar = jarWith("a=1")
    jar.cookiesFor(URL)
    jar.store(URL, [("Set-Cookie", "b=2")])
    assert jar.cookiesFor(URL) == ["a=1", "b=2"]


def test_queryDoesNotMatter() -> None:
    """
    Cookies depend on a URL's path, and not on its query.
    """
    jar = jarWith("a=1; Path=/socket.io/", url=f"{URL}?EIO=4&x=/admin/y")
    assert jar.cookiesFor(f"{URL}?sid=/x/y") == ["a=1"]


def test_merge() -> None:
    """
    The user's cookies are kept, but for names that the jar knows better.

    behaviours P8
    """
    assert mergeCookies("LB=old; mine=1;", ["LB=new", "sid=2"]) == "mine=1; LB=new; sid=2"


def test_mergeWithoutUsers() -> None:
    """
    Without the user's cookies the jar's are sent alone.
    """
    assert mergeCookies("", ["a=1"]) == "a=1"
