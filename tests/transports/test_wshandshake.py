"""
The two texts of the opening handshake.
"""

from __future__ import annotations

import pytest

from txsocketio.transports.wshandshake import (
    HandshakeRefused,
    Request,
    bodyOf,
    checkResponse,
    parseResponse,
)
from wskit import answer, headerOf

NONCE = b"0123456789abcdef"


def written(url: str = "ws://example.com/x", **rest: object) -> bytes:
    """
    The bytes of a request.
    """
    return Request(url, **rest).toBytes(NONCE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("ws://example.com/x", "example.com"),
        ("ws://example.com:80/x", "example.com"),
        ("wss://example.com:443/x", "example.com"),
        ("wss://example.com:80/x", "example.com:80"),
        ("ws://[::1]:3000/x", "[::1]:3000"),
        ("ws://[::1]/x", "[::1]"),
        ("ws://user:secret@example.com:81/x", "example.com:81"),
    ],
)
def test_hostNamesTheServer(url: str, host: str) -> None:
    """
    The Host header has brackets round IPv6 and no default port.
    behaviours J11
    """
    assert headerOf(written(url), "Host") == host


def test_usersHostIsSentOnce() -> None:
    """
    A Host of the user replaces ours.  behaviours J13
    """
    assert headerOf(written(headers=[("host", "other")]), "Host") == "other"


def test_extraHeadersAreOnTheWire() -> None:
    """
    Extra headers are sent as given, repeated ones too.  behaviours J13, P8
    """
    request = written(headers=[("X-A", "1"), ("X-A", "2"), ("Cookie", "a=1; b=2")])
    assert b"\r\nX-A: 1\r\nX-A: 2\r\nCookie: a=1; b=2\r\n" in request


def test_resourceKeepsTheQuery() -> None:
    """
    Path and query are requested as the URL has them.  behaviours J8, J9
    """
    assert written("ws://test/engine.io?transport=websocket").startswith(
        b"GET /engine.io?transport=websocket HTTP/1.1\r\n"
    )
    assert written("wss://test/engine.io").startswith(b"GET /engine.io HTTP/1.1\r\n")


def test_subprotocolsAreOffered() -> None:
    """
    The protocols option becomes a header.
    """
    assert headerOf(written(protocols=["a", "b"]), "Sec-WebSocket-Protocol") == "a, b"


def test_handshakeHeadersOfTheUserAreLeftOut() -> None:
    """
    Headers meant for polling cannot break the handshake.
    """
    request = written(headers=[("Connection", "close"), ("Sec-WebSocket-Key", "x")])
    assert headerOf(request, "Connection") == "Upgrade"
    assert headerOf(request, "Sec-WebSocket-Key") != "x"


@pytest.mark.parametrize(
    "headers",
    [
        [("X-A", "1\r\nX-Injected: yes")],
        [("X-A", "1\nX-Injected: yes")],
        [("X-A", "\0")],
        [("X-A: 1\r\nX-B", "2")],
        [("", "2")],
    ],
)
def test_injectionIsRefused(headers: list[tuple[str, str]]) -> None:
    """
    A line break in a header is an error, not another header.
    """
    with pytest.raises(ValueError, match="header"):
        written(headers=headers)


@pytest.mark.parametrize("url", ["ws://h/a b", "ws://h/\x7f", "ws://h/ü"])
def test_urlsThatCannotBeRequestedAreRefused(url: str) -> None:
    """
    Blanks and control characters never reach the request line.
    """
    with pytest.raises(ValueError, match="URL"):
        written(url)


def test_badSubprotocolIsRefused() -> None:
    """
    A subprotocol is a token.
    """
    with pytest.raises(ValueError, match="subprotocol"):
        written(protocols=["a b"])


def check(text: str, protocols: tuple[str, ...] = ()) -> str:
    """
    Judge an answer whose C{ACCEPT} is filled in.
    """
    accept = headerOf(answer(written()), "Sec-WebSocket-Accept")
    head = text.replace("ACCEPT", accept).replace("\n", "\r\n").encode("latin-1")
    return checkResponse(parseResponse(head + b"\r\n\r\n"), NONCE, protocols)


GOOD = """HTTP/1.1 101 Switching Protocols
Upgrade: WebSocket
Connection: keep-alive, Upgrade
Sec-WebSocket-Accept: ACCEPT"""


def test_goodAnswer() -> None:
    """
    Case and company of the words do not matter.
    """
    assert check(GOOD) == ""


def test_chosenSubprotocol() -> None:
    """
    The server may choose one of ours.
    """
    assert check(GOOD + "\nSec-WebSocket-Protocol: b", ("a", "b")) == "b"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SSH-2.0-OpenSSH", "not an HTTP answer"),
        ("HTTP/1.1 101", "Upgrade"),
        ("HTTP/1.1 1000 x", "not an HTTP answer"),
        (GOOD + "\nno colon", "not an HTTP header"),
        (GOOD + "\n folded: x", "not an HTTP header"),
        (GOOD.replace("101", "200"), "Unexpected server response: 200"),
        (GOOD.replace("HTTP/1.1", "HTTP/1.0"), "HTTP/1.0"),
        (GOOD.replace("Upgrade: WebSocket\n", ""), "Upgrade"),
        (GOOD.replace("Upgrade: WebSocket", "Upgrade: h2c"), "Upgrade"),
        (GOOD.replace("keep-alive, Upgrade", "keep-alive"), "Connection"),
        (GOOD.replace("ACCEPT", "bm90IGl0"), "Accept"),
        (GOOD.replace("\nSec-WebSocket-Accept: ACCEPT", ""), "Accept"),
        (GOOD + "\nSec-WebSocket-Accept: ACCEPT", "Accept"),
        (GOOD + "\nSec-WebSocket-Protocol: a", "none was requested"),
    ],
)
def test_badAnswersAreRefused(text: str, why: str) -> None:
    """
    An answer that opens no WebSocket says why.  faults F46, F47, F48
    """
    with pytest.raises(HandshakeRefused, match=why):
        check(text)


def test_unknownSubprotocolIsRefused() -> None:
    """
    The server may not choose what nobody offered.  faults F48
    """
    with pytest.raises(HandshakeRefused, match="invalid subprotocol"):
        check(GOOD + "\nSec-WebSocket-Protocol: c", ("a", "b"))


def test_headersInAnotherEncodingAreRead() -> None:
    """
    Bytes that are not UTF-8 in an answer's header do no harm.
    """
    response = parseResponse(b"HTTP/1.1 400 B\xe4d\r\nX: \xff\r\n\r\n")
    assert (response.status, response.headers) == (400, (("X", "\xff"),))


@pytest.mark.parametrize(
    ("headers", "data", "body", "complete"),
    [
        ("Content-Length: 4", b"no", b"no", False),
        ("Content-Length: 4", b"nope", b"nope", True),
        ("Content-Length: x", b"nope", b"nope", False),
        ("X: y", b"nope", b"nope", False),
        ("Transfer-Encoding: Chunked", b"", b"", False),
        ("Transfer-Encoding: Chunked", b"4\r\nno", b"no", False),
        ("Transfer-Encoding: Chunked", b"A \r\n0123456789\r\n0\r\n", b"0123456789", True),
        ("Transfer-Encoding: Chunked", b"nope\r\n", b"nope\r\n", True),
    ],
)
def test_bodyOf(headers: str, data: bytes, body: bytes, complete: bool) -> None:
    """
    The body of a refusal is found in whatever way it is carried.
    """
    response = parseResponse(f"HTTP/1.1 400 No\r\n{headers}\r\n\r\n".encode())
    assert bodyOf(response, data) == (body, complete)


def test_headersBeyondLatin1AreUTF8() -> None:
    """
    A value that Latin-1 cannot hold is sent as UTF-8.
    """
    assert "X-Name: \u65e5\u672c\r\n".encode() in written(headers=[("X-Name", "\u65e5\u672c")])
