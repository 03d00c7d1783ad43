"""
What users write as URL, and what is requested of the server.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsocketio.protocol.url import EngineAddress, enginePath, parseURL, uniqueTokens

# a user's URL


@pytest.mark.parametrize(
    ("url", "secure", "host", "port"),
    [
        ("http://localhost", False, "localhost", 80),
        ("https://localhost", True, "localhost", 443),
        ("ws://localhost", False, "localhost", 80),
        ("wss://localhost", True, "localhost", 443),
        ("wss://localhost:2020", True, "localhost", 2020),
        ("HTTPS://Example.COM", True, "example.com", 443),
        ("http://localhost:", False, "localhost", 80),
        ("http://[::1]", False, "::1", 80),
        ("http://[::1]:8080", False, "::1", 8080),
        ("https://[2001:DB8::0:1]/", True, "2001:db8::1", 443),
        ("http://[fe80::1%25eth0]", False, "fe80::1%eth0", 80),
        ("http://127.0.0.1:3000", False, "127.0.0.1", 3000),
        ("http://my_host.local.", False, "my_host.local.", 80),
        ("http://localhost?a=1:2@3", False, "localhost", 80),
        ("http://localhost#f@g:1", False, "localhost", 80),
        ("http://bücher.example:81", False, "xn--bcher-kva.example", 81),
        ("http://BÜCHER.example", False, "xn--bcher-kva.example", 80),
    ],
)
def test_server(url: str, secure: bool, host: str, port: int) -> None:
    """
    Scheme, host and port are found in every spelling; names are ASCII.

    behaviours E7, H2, H3, H4, H5, H9, H10, H16; faults F109
    """
    parsed = parseURL(url)
    assert (parsed.secure, parsed.host, parsed.port) == (secure, host, port)


@pytest.mark.parametrize(
    ("url", "namespace"),
    [
        ("http://google.com", "/"),
        ("http://google.com/", "/"),
        ("http://google.com?a=b", "/"),
        ("https://woot.com/some-namespace", "/some-namespace"),
        ("https://woot.com/a/b/?c=d#e", "/a/b/"),
        ("https://woot.com/%C3%A9@x:y", "/%C3%A9@x:y"),
    ],
)
def test_namespace(url: str, namespace: str) -> None:
    """
    The path of the URL is the namespace, as it is written.

    behaviours E6, E9
    """
    assert parseURL(url).namespace == namespace


def test_sameServer() -> None:
    """
    A server has one id, whether its port is written or not.

    behaviours E5
    """
    urls = [
        "http://google.com:80/",
        "http://google.com/",
        "ws://google.com/x",
        "https://google.com",
    ]
    ids = [parseURL(url).id for url in urls]
    assert ids[0] == ids[1] == ids[2] == "http://google.com:80"
    assert ids[3] == "https://google.com:443"


def test_idOfAnAddress() -> None:
    """
    An IPv6 address stands in brackets in the id.

    behaviours E7
    """
    assert parseURL("http://[::1]").id == "http://[::1]:80"


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("http://h", ()),
        ("http://h?", ()),
        (
            "http://h/x?a=1&b=%20c%C3%A9&d&e=&&f=g=h",
            (
                ("a", "1"),
                ("b", " cé"),
                ("d", ""),
                ("e", ""),
                ("f", "g=h"),
            ),
        ),
        ("http://h?token=a+b/c==", (("token", "a+b/c=="),)),
        ("http://h?a=1#b=2", (("a", "1"),)),
    ],
)
def test_query(url: str, query: tuple[tuple[str, str], ...]) -> None:
    """
    The query is decoded as the reference does; a plus is a plus.

    behaviours H16, P13
    """
    assert parseURL(url).query == query


@pytest.mark.parametrize(
    ("url", "userinfo"),
    [
        ("http://h", None),
        ("http://user:pass@h", "user:pass"),
        ("http://user%40x:p%3Aw@h", "user@x:p:w"),
        ("http://a@b@h", "a@b"),
        ("http://h/x?mail=a@b", None),
    ],
)
def test_userinfo(url: str, userinfo: str | None) -> None:
    """
    User and password stand before the host; an "@" elsewhere is only an "@".

    behaviours H16
    """
    assert parseURL(url).userinfo == userinfo


@pytest.mark.parametrize("url", ["localhost:3000", "//localhost:3000", "localhost:3000/admin"])
def test_schemeIsMissing(url: str) -> None:
    """
    Who forgets the scheme is told both spellings to choose from.

    behaviours E3, E4
    """
    with pytest.raises(ValueError) as raised:
        parseURL(url)
    rest = url.removeprefix("//")
    assert f'"http://{rest}"' in str(raised.value)
    assert f'"https://{rest}"' in str(raised.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "http://localhost:3000"),
        ("ftp://h", "http, https, ws or wss"),
        ("http+unix:///run/x", "endpoint="),
        ("http://", "has no host"),
        ("http://:80", "has no host"),
        ("http:///path", "has no host"),
        ("http://user@", "has no host"),
        ("http://h:0", "from 1 to 65535"),
        ("http://h:65536", "from 1 to 65535"),
        ("http://h:-1", "from 1 to 65535"),
        ("http://h:3٣", "from 1 to 65535"),
        ("http://h:http", "from 1 to 65535"),
        ("http://h:000000000080", "from 1 to 65535"),
        ("http://::1", "in brackets"),
        ("http://h:1:2", "in brackets"),
        ("http://[::1", "brackets"),
        ("http://[::1]x", "brackets"),
        ("http://[::g]", "not an IPv6 address"),
        ("http://[127.0.0.1]", "not an IPv6 address"),
        ("http://h<x>", "not a host name"),
        ("http://a..b", "not a host name"),
        ("http://-a", "not a host name"),
        ("http://a%20b", "not a host name"),
        ("http://evil.com\\@good.com", "percent-encode"),
        ("http://[::1%25%0d%0aX:]", "not an IPv6 address"),
        ("http://" + "a" * 254, "not a host name"),
        ("http://☃\u0301\u200d.example", "not a host name"),
        (" http://h", "percent-encode"),
        ("http://h/a b", "percent-encode"),
        ("http://h/\r\nX: y", "percent-encode"),
        ("http://h/\x00", "percent-encode"),
        ("http://h/\ud800", "percent-encode"),
    ],
)
def test_refused(url: str, says: str) -> None:
    """
    A URL that cannot be meant is refused with what to do about it.
    """
    with pytest.raises(ValueError) as raised:
        parseURL(url)
    assert says in str(raised.value)


def test_lengthLimit() -> None:
    """
    8000 characters are enough for everybody, 8001 are refused.

    behaviours H16
    """
    url = "http://h/" + "a" * 7991
    assert parseURL(url).namespace == url[8:]
    with pytest.raises(ValueError, match="8001 characters"):
        parseURL(url + "a")


@pytest.mark.parametrize("url", [None, b"http://h", 80])
def test_noText(url: Any) -> None:
    """
    Anything but a text is a mistake of type; the message shows a URL.

    behaviours E1
    """
    with pytest.raises(TypeError, match="http://localhost:3000"):
        parseURL(url)


def test_errorsAreShort() -> None:
    """
    A long bad URL does not fill the log.
    """
    with pytest.raises(ValueError) as raised:
        parseURL("x" * 7000)
    assert len(str(raised.value)) < 500


@given(st.text(max_size=60) | st.builds("http://{}".format, st.text(max_size=60)))
def test_anyText(url: str) -> None:
    """
    No text makes anything but a server or a ValueError.
    """
    try:
        parsed = parseURL(url)
    except ValueError:
        return
    assert parsed.host.isascii()
    assert 0 < parsed.port < 65536
    assert parsed.namespace.startswith("/")


# requests


def address(secure: bool, host: str, port: int, path: str = "/engine.io") -> EngineAddress:
    return EngineAddress(secure, host, port, path)


@pytest.mark.parametrize(
    ("secure", "host", "port", "webSocket", "url"),
    [
        (False, "localhost", 80, False, "http://localhost/engine.io?sid=test"),
        (False, "localhost", 3000, False, "http://localhost:3000/engine.io?sid=test"),
        (True, "localhost", 443, False, "https://localhost/engine.io?sid=test"),
        (True, "localhost", 8443, False, "https://localhost:8443/engine.io?sid=test"),
        (True, "localhost", 80, False, "https://localhost:80/engine.io?sid=test"),
        (False, "::1", 80, False, "http://[::1]/engine.io?sid=test"),
        (False, "::1", 8080, False, "http://[::1]:8080/engine.io?sid=test"),
        (False, "test", 80, True, "ws://test/engine.io?sid=test"),
        (True, "test", 443, True, "wss://test/engine.io?sid=test"),
        (False, "::1", 80, True, "ws://[::1]/engine.io?sid=test"),
        (False, "::1", 8080, True, "ws://[::1]:8080/engine.io?sid=test"),
    ],
)
def test_requestURL(secure: bool, host: str, port: int, webSocket: bool, url: str) -> None:
    """
    Requests go to the right place; the scheme's own port is left out.

    behaviours J4, J5, J7, J8, J11, P13
    """
    made = address(secure, host, port).requestURL(webSocket, [("sid", "test")])
    assert made == url


def test_noQuery() -> None:
    """
    Without a query there is no question mark.

    behaviours J9
    """
    assert address(True, "test", 443).requestURL(True, []) == "wss://test/engine.io"


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1))))
def test_queryComesBackEqual(query: list[tuple[str, str]]) -> None:
    """
    Whatever is in a query, the server reads it as it was given.

    behaviours J6, J10
    """
    made = address(False, "h", 80).requestURL(False, iter(query))
    assert parse_qsl(urlsplit(made).query) == query
    assert made.isascii()
    assert made.isprintable()


def test_hostHeader() -> None:
    """
    The header shows a port only where it is not the scheme's own, and no zone.
    """
    assert address(False, "h", 80).hostHeader == "h"
    assert address(False, "h", 443).hostHeader == "h:443"
    assert address(True, "fe80::1%eth0", 443).hostHeader == "[fe80::1]"


@pytest.mark.parametrize(
    ("path", "slash", "made"),
    [
        ("/engine.io", True, "/engine.io/"),
        ("/engine.io", False, "/engine.io"),
        ("/engine.io/", True, "/engine.io/"),
        ("/engine.io/", False, "/engine.io"),
        ("socket.io", True, "/socket.io/"),
        ("/", True, "/"),
        ("/", False, "/"),
        ("/a%20b/é", False, "/a%20b/%C3%A9"),
    ],
)
def test_enginePath(path: str, slash: bool, made: str) -> None:
    """
    The path ends with a slash exactly if it should, and is ASCII.

    behaviours H8
    """
    assert enginePath(path, slash) == made


@pytest.mark.parametrize("path", ["/a?b", "/a#b", "/a b", "/a\r\nb", "/\ud800"])
def test_badPath(path: str) -> None:
    """
    A path cannot smuggle a query or a header into requests.
    """
    with pytest.raises(ValueError, match="must not hold"):
        enginePath(path, True)


def test_tokensDiffer() -> None:
    """
    No two tokens are equal, in one iterator or between two.

    behaviours H15
    """
    tokens = [*itertools.islice(uniqueTokens(), 500), *itertools.islice(uniqueTokens(), 500)]
    assert len(set(tokens)) == 1000
    assert all(len(token) >= 8 and token.isascii() for token in tokens)


def test_tokensTakeChanceFromOutside() -> None:
    """
    The chance in a token can be handed in.
    """
    first = next(uniqueTokens(lambda count: b"\xff" * count))
    assert first == next(uniqueTokens(lambda count: b"\xff" * count))


def test_asciiHostsCostNoTables() -> None:
    """
    The tables of international names are loaded only for such names.
    """
    saved = sys.modules.pop("idna", None)
    try:
        parseURL("http://example.com")
        assert "idna" not in sys.modules
    finally:
        if saved is not None:
            sys.modules["idna"] = saved
