"""
What tests of plugins against real peers share: a bots file that is run, a
Socket.IO server and an HTTP server on ports of this machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from support import until
from txsocketio.bots.config import readConfig
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.loader import Plugins
from txsocketio.testing import MemoryServer
from txsocketio.testing.onport import _Connections

__all__ = ["Hook", "hooking", "running", "serving"]


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Any]:
    """
    A Socket.IO server; its C{url} says where.
    """
    from twisted.internet import reactor

    server: Any = MemoryServer(reactor, **options)
    listening = await server.listen(reactor)
    server.url = listening.url
    try:
        yield server
    finally:
        await listening.stopListening()


@asynccontextmanager
async def running(folder: Path, text: str) -> AsyncIterator[BotDaemon]:
    """
    The bots of a file, connected.
    """
    from twisted.internet import reactor

    file = folder / "bots.ini"
    file.write_text(text)
    described = readConfig(str(file), Plugins().find)
    daemon = BotDaemon(described.bots, Plugins(), reactor)
    daemon.startService()
    try:
        for runner in daemon.runners.values():
            await until(lambda runner=runner: runner.client and runner.client.socket.connected)
        yield daemon
    finally:
        await daemon.stopService()


class Hook(Resource):
    """
    An HTTP server that remembers what was posted.

    @ivar posts: headers and body of each request.
    @ivar statuses: what to answer, one after the other; then 200.
    @ivar waiting: the requests not answered yet, while C{slow}.
    """

    isLeaf = True
    slow = False
    said = b"thanks"

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[Any] = []
        self.statuses: list[int] = []
        self.waiting: list[Any] = []

    def render_POST(self, request: Any) -> Any:
        self.posts.append((request.requestHeaders, request.content.read()))
        request.setResponseCode(self.statuses.pop(0) if self.statuses else 200)
        if not self.slow:
            return self.said
        request.notifyFinish().addBoth(lambda _: self.waiting.remove(request))
        self.waiting.append(request)
        return NOT_DONE_YET

    def answer(self) -> None:
        """
        Answer what waits.
        """
        for request in list(self.waiting):
            request.finish()


@asynccontextmanager
async def hooking() -> AsyncIterator[Any]:
    """
    An HTTP server; its C{url} says where.
    """
    from twisted.internet import reactor

    hook: Any = Hook()
    connections = _Connections(Site(hook))
    port: Any = reactor.listenTCP(0, connections, interface="127.0.0.1")  # type: ignore[attr-defined]
    hook.url = f"http://127.0.0.1:{port.getHost().port}/hook"
    try:
        yield hook
    finally:
        await port.stopListening()
        await connections.abortAll()
