"""
Clients of our own on the port; what other clients see is judged by
interop/test_protocol_suite.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from twisted.internet.error import CannotListenError

from support import deferred, failureOf, until
from txsocketio import io
from txsocketio.testing import MemoryServer
from txsocketio.testing.onport import ListeningServer


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
