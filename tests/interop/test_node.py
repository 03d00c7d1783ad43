"""
The scenarios against the reference's own server (Server A).
"""

from __future__ import annotations

from typing import Any

import pytest

from interop.scenarios import LIMIT, Clients, Scenarios, collect
from interop.servers import ServerProcess
from support import deferred, sleep, until
from txsocketio import Socket

pytestmark = pytest.mark.node


class NodeScenarios(Scenarios):
    """
    What only this server does: connection state recovery.
    """

    kind = "sio"

    @deferred(LIMIT)
    async def test_offsetIsOurs(self, server: ServerProcess, clients: Clients) -> None:
        """
        The offset that the server appends is not handed to a listener that
        has no room for it.
        """
        socket = await clients.connect(server)
        none: list[Any] = []
        socket.on("hi", lambda: none.append(()))
        seen = collect(socket, "back")
        socket.emit("hi")
        socket.emit("back", 1)
        await until(lambda: none and seen)
        assert (none, seen) == ([()], [1])

    @deferred(LIMIT)
    async def test_recovery(self, server: ServerProcess, clients: Clients) -> None:
        """
        After a cut, the session goes on: same id, and what the server emitted
        meanwhile arrives once, before C{connect}.
        """
        socket = await self.settled(server, clients, reconnectionDelay=0.5)
        assert not socket.recovered
        seen = collect(socket, "back")
        socket.on("connect", lambda: seen.append("connect"))
        socket.emit("back", "first")
        await until(lambda: seen)
        before = socket.id
        await self.cut(server, socket)
        await self.gone(server, before)
        await server.control("emit", event="back", args=["missed"])
        await socket.whenConnected()
        socket.emit("back", "last")
        await until(lambda: seen[-1] == "last")
        assert seen == ["first", "missed", "connect", "last"]
        assert (socket.recovered, socket.id) == (True, before)

    async def cut(self, server: ServerProcess, socket: Socket) -> None:
        """
        Reset every TCP connection until the client knows.  Once may not be
        enough: by polling there is none for a moment between two GETs.
        """
        while socket.connected:
            await sleep(0.05)
            await server.control("cut")

    async def gone(self, server: ServerProcess, sid: str | None) -> None:
        """
        Wait until the server knows as well.
        """
        while sid in (await server.control("stats"))["sockets"]["/"]:
            await sleep(0.01)


class TestPolling(NodeScenarios):
    """
    HTTP long-polling only.
    """

    transports = ("polling",)


class TestWebSocket(NodeScenarios):
    """
    WebSocket only.
    """

    transports = ("websocket",)


class TestUpgrade(NodeScenarios):
    """
    Begun on polling, upgraded to WebSocket under way.
    """

    transports = ("polling", "websocket")
