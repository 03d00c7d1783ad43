"""
What a person reads when a connection fails: where it was, what was seen, and
what to do about it, by whichever transport.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha1
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

import tlskit
from interop.scenarios import Clients, collect
from interop.servers import ServerProcess
from interop.wires import (
    BOTH,
    LIMIT,
    POLLING,
    WEBSOCKET,
    clients,
    connectionError,
    servers,
)
from proxykit import ConnectProxy
from support import deferred, freePort, until
from txsocketio import ConnectRefused, TransportError
from txsocketio.errors import DecodeError
from wirekit import Servers

__all__ = ["clients", "servers"]

pytestmark = pytest.mark.node

Port = Callable[[Servers], Awaitable[int]]


def answering(body: str, status: str = "200 OK", *headers: str) -> Port:
    """
    A server that has one answer to everything.
    """
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", body]
    return lambda servers: servers.saying("\r\n".join(head).encode())


def saying(*pieces: bytes, close: bool = False) -> Port:
    """
    A server that does not speak HTTP.
    """
    return lambda servers: servers.saying(*pieces, close=close)


async def nobody(servers: Servers) -> int:
    """
    A port on which nobody listens.
    """
    return freePort()


async def silence(servers: Servers) -> int:
    """
    A server that says nothing.
    """
    return await servers.tcp(Factory.forProtocol(Protocol))


async def secure(servers: Servers) -> int:
    """
    A server that speaks TLS.
    """
    options = tlskit.serverOptions(tlskit.certificateFor("localhost"))
    return await servers.tcp(Factory.forProtocol(Protocol), options)


def code(number: int, message: str) -> str:
    """
    How Engine.IO servers refuse.
    """
    return json.dumps({"code": number, "message": message})


JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html"

FAILURES: dict[str, tuple[Port, str, dict[str, Any], str, str]] = {
    # server, scheme, options, what was seen, what to do
    "connection refused": (nobody, "http", {}, "connection refused", "is it the right one?"),
    "wrong path": (
        answering("Cannot GET /socket.io/", "404 Not Found", HTML),
        "http",
        {},
        "HTTP status 404",
        "check the URL and path=",
    ),
    "bad sid": (
        answering(code(1, "Session ID unknown"), "400 Bad Request", JSON),
        "http",
        {},
        "'Session ID unknown' (code 1)",
        "sticky sessions",
    ),
    "transport not offered": (
        answering(code(0, "Transport unknown"), "400 Bad Request", JSON),
        "http",
        {},
        "'Transport unknown' (code 0)",
        "change transports=",
    ),
    "version not offered": (
        answering(code(5, "Unsupported protocol version"), "400 Bad Request", JSON),
        "http",
        {},
        "'Unsupported protocol version' (code 5)",
        "must be Socket.IO 3 or later",
    ),
    "forbidden": (
        answering(code(4, "Forbidden"), "403 Forbidden", JSON),
        "http",
        {},
        "'Forbidden' (code 4)",
        "check credentials",
    ),
    "unauthorized": (
        answering("", "401 Unauthorized", "WWW-Authenticate: Basic"),
        "http",
        {},
        "HTTP status 401",
        "Authorization in extraHeaders=",
    ),
    "captive portal": (
        answering("<html>Please sign in</html>", "200 OK", HTML),
        "http",
        {},
        "the answer begins '<html>Please sign in</html>'",
        "captive portal",
    ),
    "redirect": (
        answering("", "302 Found", "Location: https://login.example/"),
        "http",
        {},
        "redirected to 'https://login.example/'",
        "connect to that URL",
    ),
    "overloaded": (
        answering("", "503 Service Unavailable", "Retry-After: 7"),
        "http",
        {},
        "HTTP status 503",
        "Retry-After: 7",
    ),
    "behind a gateway": (
        answering("", "502 Bad Gateway"),
        "http",
        {},
        "HTTP status 502",
        "is the server running?",
    ),
    "not HTTP": (
        saying(b"SSH-2.0-OpenSSH_9.6\r\n"),
        "http",
        {},
        "not an HTTP answer",
        "is this the server's port?",
    ),
    "TLS on a plain port": (
        answering("", "400 Bad Request"),
        "https",
        {},
        "TLS failed",
        "use http:// or ws://",
    ),
    "plain on a TLS port": (secure, "http", {}, "closed the connection", "use https:// or wss://"),
    "hang-up": (saying(close=True), "http", {}, "closed the connection", "if it speaks TLS"),
    "self-made certificate": (secure, "https", {}, "certificate verify failed", "pass ca="),
    "timeout": (silence, "http", {"timeout": 0.2}, "not reached within 0.2 s", "firewall"),
    "TLS timeout": (silence, "https", {"timeout": 0.2}, "not reached within 0.2 s", "firewall"),
    "request timeout": (
        silence,
        "http",
        {"requestTimeout": 0.2},
        "no complete answer within 0.2 s",
        "requestTimeout",
    ),
    "long header": (
        answering("", "200 OK", f"X: {'y' * 2000}"),
        "http",
        {"maxHeaderBytes": 1000},
        "over 1000 bytes",
        "maxHeaderBytes",
    ),
}


@BOTH
@pytest.mark.parametrize("failure", FAILURES)
@deferred(LIMIT)
async def test_failure(servers: Servers, clients: Clients, transports: Any, failure: str) -> None:
    """
    C{connect_error} says where it was, what was seen, and what to do.

    behaviours I13, I14; faults F22, F23, F24, F26, F33, F34, F35, F108, F109
    """
    make, scheme, options, seen, fix = FAILURES[failure]
    port = await make(servers)
    url = f"{scheme}://localhost:{port}"
    error = await connectionError(clients, url, transports=transports, **options)
    assert isinstance(error, TransportError)
    text = str(error)
    assert f"localhost:{port}" in text
    assert seen in text
    assert fix in text
    assert text.isprintable()


@BOTH
@deferred(LIMIT)
async def test_unknownHost(clients: Clients, transports: Any) -> None:
    """
    A name that is not found is told with what to check.

    faults F107
    """
    text = str(await connectionError(clients, "http://nobody.invalid:99", transports=transports))
    assert "nobody.invalid:99: the host name was not found" in text
    assert "check the URL" in text


@BOTH
@deferred(LIMIT)
async def test_refusalIsKept(servers: Servers, clients: Clients, transports: Any) -> None:
    """
    Status, headers and the head of the body of a refusal are attributes.
    """
    port = await answering("busy" * 1000, "503 Slow Down", "Retry-After: 7")(servers)
    error = await connectionError(clients, f"http://localhost:{port}", transports=transports)
    assert (error.status, error.header("retry-after")) == (503, "7")
    assert error.body.startswith(b"busybusy")
    assert len(error.body) <= 1024
    assert error.transport == transports[0]


# namespaces


@BOTH
@deferred(LIMIT)
async def test_wrongNamespace(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    An unknown namespace is usually a URL with a path that was meant otherwise.
    """
    url = f"{nodeServer.url}/nowhere"
    error = await connectionError(clients, url, transports=transports)
    assert isinstance(error, ConnectRefused)
    assert f"(namespace /nowhere of {nodeServer.url})" in str(error)
    assert "Invalid namespace" in str(error)
    assert 'use namespace="/" and path=' in str(error)


@BOTH
@deferred(LIMIT)
async def test_refusedCredentials(
    nodeServer: ServerProcess, clients: Clients, transports: Any
) -> None:
    """
    Who is refused reads the server's words, and by which options credentials
    go; the credentials themselves are not shown.
    """
    url = f"{nodeServer.url}/token"
    auth = {"token": "sesame"}
    error = await connectionError(clients, url, transports=transports, auth=auth)
    assert isinstance(error, ConnectRefused)
    assert f"bad token (namespace /token of {nodeServer.url})" in str(error)
    assert "by auth, query or a header" in str(error)
    assert "sesame" not in f"{error}{error!r}"


@BOTH
@deferred(LIMIT)
async def test_slowNamespace(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    A namespace that is not ready in time is told with the server's URL.
    """
    options = {"connectTimeout": 0.2, "transports": transports, "reconnection": False}
    socket = clients.make(nodeServer, "/foo", **options)
    socket.onSession(lambda info: Deferred())
    errors = collect(socket, "connect_error")
    await until(lambda: errors)
    text = str(errors[0])
    assert "namespace /foo was not ready within 0.2 s (connectTimeout)" in text
    assert "a session listener" in text
    assert nodeServer.url in text


# another protocol


@BOTH
@deferred(LIMIT)
async def test_onlyEngineIO(engineServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    A server that speaks Engine.IO, but something else on top.
    """
    options = {"path": "/engine.io", "transports": transports}
    error = await connectionError(clients, engineServer.url, **options)
    assert isinstance(error, DecodeError)
    assert "'hi'" in str(error)
    assert "is that a Socket.IO server?" in str(error)
    assert engineServer.url in str(error)


OPEN_2 = '0{"sid":"x","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}'


def framedLikeOld(*packets: str) -> bytes:
    """
    A payload of Engine.IO 3 for a client that takes bytes.
    """
    return b"".join(
        b"\0" + bytes(int(digit) for digit in str(len(each))) + b"\xff" + each.encode()
        for each in packets
    )


@pytest.mark.parametrize(
    "payload",
    [f"{len(OPEN_2)}:{OPEN_2}2:40".encode(), framedLikeOld(OPEN_2, "40")],
    ids=["text", "bytes"],
)
@deferred(LIMIT)
async def test_oldServerOnPolling(servers: Servers, clients: Clients, payload: bytes) -> None:
    """
    A server of Socket.IO 2 is recognized by how it wraps its packets.
    """
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(payload)}\r\n\r\n".encode()
    port = await servers.saying(head + payload)
    error = await connectionError(clients, f"http://localhost:{port}", transports=POLLING)
    assert f"localhost:{port}" in str(error)
    assert "Socket.IO 2" in str(error)
    assert "must be Socket.IO 3 or later" in str(error)


class OldServer(Protocol):
    """
    Speaks as much of Socket.IO 2 over WebSocket as it takes to be recognized.
    """

    _head = b""

    def dataReceived(self, data: bytes) -> None:
        if self._head.endswith(b"\r\n\r\n"):
            return
        self._head += data
        assert self.transport is not None
        key = self._head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        digest = sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        head = b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.transport.write(head + b"Sec-WebSocket-Accept: %b\r\n\r\n" % b64encode(digest))
        for packet in (OPEN_2, "40"):
            self.transport.write(bytes([0x81, len(packet)]) + packet.encode())


@deferred(LIMIT)
async def test_oldServerOnWebSocket(servers: Servers, clients: Clients) -> None:
    """
    Over WebSocket, it is recognized by a CONNECT without a session id.
    """
    port = await servers.tcp(Factory.forProtocol(OldServer))
    error = await connectionError(clients, f"http://localhost:{port}", transports=WEBSOCKET)
    assert f"localhost:{port}" in str(error)
    assert "Socket.IO 2" in str(error)
    assert "must be upgraded to Socket.IO 3 or later" in str(error)


# limits and proxies


@BOTH
@deferred(LIMIT)
async def test_oversize(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    A message over our limit is told with the option that limits it.

    faults F31
    """
    options = {"maxMessageBytes": 20, "transports": transports}
    text = str(await connectionError(clients, nodeServer.url, **options))
    assert f"localhost:{nodeServer.port}" in text
    assert "20 bytes" in text
    assert "maxMessageBytes" in text


@BOTH
@deferred(LIMIT)
async def test_proxyNotThere(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    A proxy that is not there is told from a server that is not.

    behaviours P10
    """
    proxy = f"http://localhost:{freePort()}"
    text = str(await connectionError(clients, nodeServer.url, proxy=proxy, transports=transports))
    assert "the proxy was not reached: connection refused" in text
    assert proxy in text
    assert nodeServer.url.partition("//")[2] in text


@BOTH
@deferred(LIMIT)
async def test_proxyCannot(servers: Servers, clients: Clients, transports: Any) -> None:
    """
    A proxy that does not get to the server is told with its own words.

    behaviours P10
    """
    proxy = f"http://localhost:{await servers.tcp(ConnectProxy())}"
    target = f"localhost:{freePort()}"
    options = {"proxy": proxy, "transports": transports}
    text = str(await connectionError(clients, f"http://{target}", **options))
    assert target in text
    assert "HTTP/1.1 502 Bad Gateway" in text
    assert "able, and allowed, to reach the server" in text
    assert proxy in text
