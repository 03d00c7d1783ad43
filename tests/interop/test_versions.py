"""
The scenarios against socket.io's older servers: the oldest that speaks our
protocols, and one of 4.x before connection state recovery.

The newest is in test_node.py, python-socketio in test_python.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from interop.scenarios import LIMIT, Clients, Scenarios
from interop.servers import ServerPool, ServerProcess
from support import deferred, failureOf, until
from txsocketio import Disconnected

pytestmark = pytest.mark.node

Make = Callable[..., ServerProcess]


class OldScenarios(Scenarios):
    """
    @cvar version: of socket.io.
    """

    kind = "sio"
    version: str

    @pytest.fixture
    def server(self, sharedServers: ServerPool) -> ServerProcess:
        return sharedServers.get(self.kind, version=self.version)

    @pytest.fixture
    def newServer(self, newServer: Make) -> Make:
        return partial(newServer, version=self.version)

    @deferred(LIMIT)
    async def test_notRecovered(self, server: ServerProcess, clients: Clients) -> None:
        """
        These servers recover no session: after a loss comes a new one, and an
        event that has a text as last argument is not mistaken for one with an
        offset.
        """
        socket = await clients.connect(server)
        before = socket.id
        seen: list[Any] = []
        socket.on("back", lambda a, b: seen.append((a, b)))
        socket.emit("back", 1, "text")
        await until(lambda: seen)
        lost: list[Any] = []
        socket.on("disconnect", lost.append)
        socket.io.engine.abort("transport error")
        await until(lambda: lost and socket.connected)
        assert seen == [(1, "text")]
        assert (socket.recovered, socket.id == before) == (False, False)


class Scenarios45(OldScenarios):
    """
    4.5, the last before recovery.
    """

    version = "4.5"


class Scenarios31(OldScenarios):
    """
    3.1, the oldest that speaks Engine.IO 4.  It does not say how much it takes
    in one message, so nobody can know beforehand what is too much.
    """

    version = "3.1"

    @deferred(LIMIT)
    async def test_tooLarge(self, server: ServerProcess, clients: Clients) -> None:
        """
        The server hangs up on too large a message: whoever asked is told, and
        we come back.
        """
        socket = await clients.connect(server)
        await failureOf(socket.emitWithAck("echo", "x" * 1_000_001), Disconnected)
        await socket.whenConnected()
        assert await socket.emitWithAck("echo", "small") == "small"

    @deferred(LIMIT)
    async def test_tooLargeOffline(self, server: ServerProcess, clients: Clients) -> None:
        """
        The same for what waited for the connection; it is not sent twice.
        """
        socket = clients.make(server, autoConnect=False)
        asked = socket.emitWithAck("echo", "x" * 1_000_001)
        socket.connect()
        await failureOf(asked, Disconnected)
        await socket.whenConnected()
        assert await socket.emitWithAck("echo", "small") == "small"


class TestPolling45(Scenarios45):
    """
    HTTP long-polling only.
    """

    transports = ("polling",)


class TestWebSocket45(Scenarios45):
    """
    WebSocket only.
    """

    transports = ("websocket",)


class TestUpgrade45(Scenarios45):
    """
    Begun on polling, upgraded to WebSocket under way.
    """

    transports = ("polling", "websocket")


class TestPolling31(Scenarios31):
    """
    HTTP long-polling only.
    """

    transports = ("polling",)


class TestWebSocket31(Scenarios31):
    """
    WebSocket only.
    """

    transports = ("websocket",)


class TestUpgrade31(Scenarios31):
    """
    Begun on polling, upgraded to WebSocket under way.
    """

    transports = ("polling", "websocket")
