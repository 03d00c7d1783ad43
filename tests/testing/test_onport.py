"""
Clients of our own on the port; what other clients see is judged by
interop/test_protocol_suite.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from twisted.internet.error import CannotListenError, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.server import Site

from support import deferred, failureOf, until
from txsocketio import io
from txsocketio.testing import MemoryServer
from txsocketio.testing.links import Attempt
from txsocketio.testing.onport import ListeningServer, _EngineResource, _WebSocketFactory


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[MemoryServer, ListeningServer]]:
    from twisted.internet import reactor

    server = MemoryServer(reactor, **options)
    server.on("connection", lambda client: client.on("echo", lambda value: value))
    listening = await server.listen(reactor)
    try:
        yield server, listening
    finally:
        await listening.stopListening()


TRANSPORTS = pytest.mark.parametrize(
    "transports", [["polling"], ["websocket"], ["polling", "websocket"]]
)


@TRANSPORTS
@deferred()
async def test_clients(transports: list[str]) -> None:
    """
    Text and bytes go there and come back, by whatever transport.
    """
    async with serving() as (server, listening):
        socket = io(listening.url, transports=transports, forceNew=True)
        assert await socket.emitWithAck("echo", {"a": [1]}) == {"a": [1]}
        assert await socket.emitWithAck("echo", b"\0\1") == b"\0\1"
        await until(lambda: server.connection.transport == transports[-1])
        assert await socket.emitWithAck("echo", "after") == "after"
        await socket.disconnect().whenDisconnected()


@TRANSPORTS
@deferred()
async def test_hangingUp(transports: list[str]) -> None:
    """
    The server's hanging up is heard by the client.
    """
    async with serving() as (server, listening):
        socket = io(listening.url, transports=transports, forceNew=True, reconnection=False)
        reasons: list[str] = []
        socket.on("disconnect", reasons.append)
        await socket.whenConnected()
        await until(lambda: server.connection.transport == transports[-1])
        server.connection.close()
        await until(lambda: reasons)
        assert reasons == ["transport close"]
        await socket.disconnect().whenDisconnected()


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@deferred()
async def test_requestsAndHeaders(transport: str) -> None:
    """
    The server sees the client's query and headers, and can set cookies.
    """
    async with serving() as (server, listening):
        server.responseHeaders = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        socket = io(
            listening.url,
            transports=[transport],
            forceNew=True,
            query={"room": "é"},
            extraHeaders={"X-Token": "t"},
            reconnectionDelay=0.01,
            randomizationFactor=0,
        )
        await socket.whenConnected()
        assert server.attempts[0].query["room"] == "é"
        assert server.connection.headers["x-token"] == "t"
        assert "cookie" not in server.connection.headers
        socket.io.engine.close()
        await until(lambda: len(server.connections) == 2)
        assert server.connection.headers["cookie"] == "a=1; b=2"
        await until(lambda: socket.connected)
        await socket.disconnect().whenDisconnected()


@deferred()
async def test_tooLargeABody() -> None:
    """
    More than C{maxPayload} ends the session, also when a client does not ask
    first.
    """
    async with serving(maxPayload=100) as (server, listening):
        socket = io(listening.url, transports=["websocket"], forceNew=True, reconnection=False)
        await socket.whenConnected()
        socket.io.engine.sendText(b"2" + b"x" * 200)
        await until(lambda: server.live == [])
        await socket.disconnect().whenDisconnected()


@deferred()
async def test_stopListening() -> None:
    """
    Stopping ends every connection, polls under way included.
    """
    async with serving() as (server, listening):
        socket = io(listening.url, transports=["polling"], forceNew=True, reconnection=False)
        await socket.whenConnected()
        await listening.stopListening()
        assert server.live == []
        await until(lambda: not socket.connected)
        await socket.disconnect().whenDisconnected()


@deferred()
async def test_portTaken() -> None:
    """
    A port that is taken is an error of the Deferred.
    """
    from twisted.internet import reactor

    async with serving() as (server, listening):
        again = server.listen(reactor, listening.port)
        await failureOf(again, CannotListenError)


@pytest.mark.parametrize(
    ("transport", "reason"), [("polling", "transport error"), ("websocket", "transport close")]
)
@deferred()
async def test_drop(transport: str, reason: str) -> None:
    """
    A dropped connection is found out by the client.
    """
    async with serving() as (server, listening):
        socket = io(listening.url, transports=[transport], forceNew=True, reconnection=False)
        reasons: list[str] = []
        socket.on("disconnect", reasons.append)
        await socket.whenConnected()
        server.connection.drop()
        await until(lambda: reasons)
        assert reasons == [reason]
        await socket.disconnect().whenDisconnected()


@deferred()
async def test_networkOfAPort() -> None:
    """
    What only a network in memory can do is refused for a client on a port.
    """
    async with serving() as (server, listening):
        socket = io(listening.url, transports=["websocket"], forceNew=True)
        await socket.whenConnected()
        with pytest.raises(TypeError, match="on a port"):
            server.connection.stall()
        await socket.disconnect().whenDisconnected()


@deferred()
async def test_heartbeatAfterGoodbye() -> None:
    """
    A ping that is due while a WebSocket says goodbye is dropped, and nothing
    is raised out of the timer.
    """
    async with serving() as (server, listening):
        socket = io(listening.url, transports=["websocket"], forceNew=True, reconnection=False)
        await socket.whenConnected()
        lost: list[str] = []
        socket.on("disconnect", lost.append)
        link: Any = server.connection.link
        link.sendClose()
        server.connection.ping()
        await until(lambda: lost)
        assert lost == ["transport close"]


@deferred()
async def test_getHost() -> None:
    """
    Like any listening port, it tells its address.
    """
    async with serving() as (server, listening):
        assert listening.getHost().port == listening.port


# requests that no client of ours sends


def ask(server: MemoryServer, method: str, query: str, *headers: str) -> bytes:
    """
    What a server answers to one request.
    """
    site = Site(_EngineResource(server, server.clock, "/socket.io"), reactor=server.clock)
    channel: Any = site.buildProtocol(None)
    transport = StringTransport()
    channel.makeConnection(transport)
    lines = [f"{method} /socket.io/?{query} HTTP/1.0", *headers, "", ""]
    channel.dataReceived("\r\n".join(lines).encode())
    server.flush()
    return transport.value()


@pytest.mark.parametrize(
    ("method", "query", "message"),
    [
        ("GET", "EIO=3&transport=polling", b"Unsupported protocol version"),
        ("GET", "transport=polling", b"Unsupported protocol version"),
        ("GET", "EIO=4&transport=pigeon", b"Transport unknown"),
        ("GET", "EIO=4&transport=websocket", b"Bad request"),
        ("PUT", "EIO=4&transport=polling", b"Bad handshake method"),
        ("GET", "EIO=4&transport=polling&sid=nobody", b"Session ID unknown"),
    ],
)
def test_refusedRequests(method: str, query: str, message: bytes) -> None:
    """
    What is wrong with a request is said with status 400, and no session is
    made.
    """
    server = MemoryServer(Clock())
    answer = ask(server, method, query)
    assert answer.split()[1] == b"400" and message in answer
    assert server.connections == []


def test_methodWithinASession() -> None:
    """
    A session is polled with GET and POST only.
    """
    server = MemoryServer(Clock())
    ask(server, "GET", "EIO=4&transport=polling")
    answer = ask(server, "PUT", f"EIO=4&transport=polling&sid={server.connection.sid}")
    assert answer.split()[1] == b"400" and b"Bad request" in answer


def test_pollAfterTheUpgrade() -> None:
    """
    A session on WebSocket cannot be polled.
    """
    server = MemoryServer(Clock())
    openedWebSocket(server)
    answer = ask(server, "GET", f"EIO=4&transport=polling&sid={server.connection.sid}")
    assert answer.split()[1] == b"400" and b"Bad request" in answer


HELLO = (
    b"GET /socket.io/ HTTP/1.1\r\nHost: memory\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


def openedWebSocket(server: MemoryServer, sid: str | None = None) -> tuple[Any, StringTransport]:
    """
    The server's end of a WebSocket after its handshake, and its wire, on which
    nothing has been written since.
    """
    attempt = Attempt("websocket", "", {}, {}, sid)
    link = _WebSocketFactory(server, attempt, server.clock).buildProtocol(None)
    wire = StringTransport()
    link.makeConnection(wire)
    wire.clear()
    link.dataReceived(HELLO)
    return link, wire


def frame(text: bytes) -> bytes:
    """
    A client's frame, masked with nothing.
    """
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


def test_webSocketKeepsNothing() -> None:
    """
    A WebSocket holds back no packet that another link would have to send.
    """
    link, wire = openedWebSocket(MemoryServer(Clock()))
    assert link.takeUnsent() == []


def test_notAPacket() -> None:
    """
    A text frame that is not a packet ends the session.
    """
    server = MemoryServer(Clock())
    link, wire = openedWebSocket(server)
    link.dataReceived(frame(b"zzz"))
    assert server.connection.closed == "parse error"


def test_newcomerToNothing() -> None:
    """
    A WebSocket that wants to join a session that has gone is told goodbye;
    what it still says is not heard, nor its end.
    """
    server = MemoryServer(Clock())
    link, wire = openedWebSocket(server, "gone")
    assert wire.value().endswith(b"\x88\x00")
    link.dataReceived(frame(b"2probe"))
    link.connectionLost(Failure(ConnectionLost()))
    assert wire.value().endswith(b"\x88\x00") and server.connections == []
