"""
Too much for one side: the other one waits, and memory stays as it is.

Against socket.io's own server, over real sockets, by the quick paths.
"""

from __future__ import annotations

import os
import socket as sockets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from interop.servers import ServerProcess
from support import deferred, until
from txsocketio import Socket, io
from txsocketio.errors import Overflow

pytestmark = pytest.mark.node

LIMIT = 60.0
BURST = 300_000
FLAT = 6 << 20
"""Bytes that a process may grow by and still be called flat: a tenth of what
the burst would need, were it all kept."""

Make = Callable[..., ServerProcess]


def memory() -> int:
    """
    Bytes of this process that are in memory.
    """
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def connected(url: str, transport: str = "websocket") -> AsyncIterator[Socket]:
    """
    A client that does not come back, so that nothing hides a loss.
    """
    socket = io(url, transports=[transport], forceNew=True, reconnection=False)
    losses: list[Any] = []
    socket.on("disconnect", losses.append)
    try:
        await socket.whenConnected().addTimeout(LIMIT / 2, reactor)
        yield socket
        assert losses == []
    finally:
        await socket.disconnect().whenDisconnected()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to see memory")
@deferred(LIMIT)
async def test_aBurstThatASlowLoopDrains(newServer: Make) -> None:
    """
    A loop that takes 64 events a turn gets all of a burst, in order; what it
    has not taken waits at the server, not here.
    """
    async with connected(newServer("sio").url) as socket:
        stream = socket.stream("number")
        socket.emit("count", BURST)
        taken, peak = 0, 0
        before = memory()
        async for number in stream:
            assert number == taken
            taken += 1
            if taken % 64 == 0:
                await deferLater(reactor, 0)
            if taken % 4096 == 0:
                peak = max(peak, memory())
            if taken == BURST:
                break
        assert peak - before < FLAT


@deferred(LIMIT)
async def test_aLoopThatIsTooSlow(newServer: Make) -> None:
    """
    A loop that takes nothing for longer than half the ping timeout loses
    what is beyond four times its limit, and is told so; the connection stays.
    """
    server = newServer("sio", pingInterval=300, pingTimeout=400)
    async with connected(server.url) as socket:
        stream = socket.stream("number", limit=64)
        heard: list[int] = []
        socket.on("number", heard.append)
        socket.emit("count", 5000)
        await until(lambda: len(heard) == 5000, LIMIT / 2)
        taken: list[int] = []
        with pytest.raises(Overflow):
            async for number in stream:
                taken.append(number)
        assert taken == list(range(256))
        assert await socket.timeout(5).emitWithAck("echo", "still here") == "still here"


class _Narrow(Protocol):
    """
    Passes bytes on, and reads no faster than its line is.
    """

    transport: Any

    def __init__(self, rate: float | None, peer: _Narrow | None = None) -> None:
        self._rate = rate
        self.peer = peer
        self._resume: Any = None

    def dataReceived(self, data: bytes) -> None:
        assert self.peer is not None
        self.peer.transport.write(data)
        if self._rate is not None:
            self.transport.pauseProducing()
            self._resume = reactor.callLater(len(data) / self._rate, self._goOn)

    def _goOn(self) -> None:
        self._resume = None
        self.transport.resumeProducing()

    def connectionLost(self, reason: Any) -> None:
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        if self.peer is not None:
            self.peer.transport.loseConnection()


class NarrowLine(Factory):
    """
    A proxy that carries so many bytes a second to its server, and lets the
    kernel keep little.
    """

    noisy = False

    def __init__(self, port: int, rate: float) -> None:
        self._rate = rate
        self._endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        self.listening: Any = reactor.listenTCP(0, self, interface="127.0.0.1")
        self.listening.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 65536)

    @property
    def url(self) -> str:
        """
        Where clients go.
        """
        return f"http://127.0.0.1:{self.listening.getHost().port}"

    def buildProtocol(self, address: Any) -> Protocol:
        """
        A client came: its bytes wait until the server's side is there.
        """
        client = _Narrow(self._rate)
        reactor.callLater(0, self._connect, client)
        return client

    def _connect(self, client: _Narrow) -> None:
        client.transport.pauseProducing()
        server = _Narrow(None, client)
        made = self._endpoint.connect(Factory.forProtocol(lambda: server))

        def ready(_: Any) -> None:
            client.peer = server
            client.transport.resumeProducing()

        made.addCallback(ready)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@deferred(LIMIT)
async def test_awaitedEmitsOnANarrowLine(transport: str, newServer: Make) -> None:
    """
    Who awaits C{emit} on a line of 1 MB/s never has more than one packet and
    64 KiB waiting, however much is sent.
    """
    line = NarrowLine(newServer("sio").port, 1e6)
    waiting: list[int] = []
    packet = b"x" * 10_240
    try:
        async with connected(line.url, transport) as socket:
            for _ in range(300):
                accepted = socket.emit("silence", packet)
                waiting.append(socket.io.engine.bufferedAmount())
                await accepted
            assert await socket.emitWithAck("echo", "all of it") == "all of it"
    finally:
        stopped: Deferred[None] = line.listening.stopListening()
        await stopped
    assert max(waiting) < 65536 + 2 * len(packet)
    assert sum(each > 32768 for each in waiting) > 100  # the line was narrow indeed
