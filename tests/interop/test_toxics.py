"""
A bad network between us and socket.io's own server, and processes that stop:
what the client promises must hold (faults 3.4).

C{TXSOCKETIO_CUTS=all} cuts a thousand times where an everyday run cuts fifty
times, and C{TXSOCKETIO_SEED} is where chance begins.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol

from faultproxy import DOWN, FIN, HOLE, RST, UP, FaultProxy, Toxic
from interop.servers import ServerProcess
from promises import Witness
from story import WAYS
from support import ROOT, deferred, failureOf, sleep, until
from txsocketio import Socket, io
from txsocketio.errors import SocketIOError

pytestmark = pytest.mark.node

CUTS = 1000 if os.environ.get("TXSOCKETIO_CUTS") == "all" else 50
SEED = int(os.environ.get("TXSOCKETIO_SEED", "1"))

LIMIT = 60.0
EVERY = 0.01
EVENTS = 40
HASTY = {"pingInterval": 300, "pingTimeout": 200}
"""A server whose clients notice silence in half a second."""

Make = Callable[..., ServerProcess]
every = pytest.mark.parametrize("way", WAYS)


@asynccontextmanager
async def through(server: ServerProcess, toxic: Toxic | None = None) -> AsyncIterator[FaultProxy]:
    """
    A proxy before a server.
    """
    proxy = FaultProxy(reactor, server.port, toxic, SEED)
    try:
        yield proxy
    finally:
        await proxy.stop()


@asynccontextmanager
async def connected(url: str, way: str, **options: Any) -> AsyncIterator[Socket]:
    """
    A client that comes back quickly, on its last transport.
    """
    delays = {"reconnectionDelay": 0.02, "reconnectionDelayMax": 0.1}
    socket = io(url, transports=WAYS[way], forceNew=True, **{**delays, **options})
    try:
        await socket.whenConnected().addTimeout(LIMIT / 2, reactor)
        yield socket
    finally:
        await socket.disconnect().whenDisconnected()


async def converse(server: ServerProcess, witness: Witness, events: int = EVENTS) -> None:
    """
    Numbers both ways, until so many of ours are on their way.
    """
    witness.start(EVERY)
    tick = 0
    while witness.emitted < events:
        await server.control("emit", event="tick", args=[tick])
        tick += 1
    witness.stop()


async def numbers(server: ServerProcess) -> list[int]:
    """
    The numbers that the server has received.
    """
    found: list[int] = (await server.control("log"))["numbers"]
    return found


# toxics

TOXICS = {
    "late": lambda: Toxic(latency=0.01, jitter=0.04),
    "sliced": lambda: Toxic(slices=(1, 3)),
    "narrow": lambda: Toxic(bandwidth=10_000.0),
}


@every
@pytest.mark.parametrize("toxic", TOXICS)
@deferred(LIMIT)
async def test_badLine(way: str, toxic: str, newServer: Make) -> None:
    """
    A late, a sliced or a narrow line costs time, and nothing else: no
    connection is lost, everything arrives once and in order (faults F64, F66).
    """
    server = newServer("sio")
    async with through(server, TOXICS[toxic]()) as proxy, connected(proxy.url, way) as socket:
        witness = Witness(socket)
        await converse(server, witness)
        await until(lambda: witness.settled, LIMIT / 2)
        await until(lambda: socket.io.engine.transport.name == WAYS[way][-1], LIMIT / 2)
        witness.judge(await numbers(server))
        assert witness.answered == list(range(witness.emitted))
        assert witness.losses == []
        assert proxy.counts.pieces > 10


def arm(proxy: FaultProxy, chance: Random, room: int) -> None:
    """
    Cut in a while, at any byte of either direction.
    """
    direction = chance.choice((UP, DOWN))
    how = chance.choice((FIN, RST))
    after = proxy.carried[direction] + chance.randrange(room)
    proxy.toxic = Toxic(cuts=[(direction, after)], how=how)


@every
@deferred(LIMIT)
async def test_resets(way: str, newServer: Make) -> None:
    """
    Connections are cut at random bytes while numbers go both ways: each is
    delivered at most once and in order, each lost one is told (faults F37,
    F38, F53, F112).
    """
    server = newServer("sio", recovery=False)
    chance = Random(SEED)
    async with through(server) as proxy, connected(proxy.url, way) as socket:
        witness = Witness(socket)
        proxy.onCut = lambda: arm(proxy, chance, 3000)
        arm(proxy, chance, 3000)
        await converse(server, witness, 4 * EVENTS)
        proxy.onCut = lambda: None
        proxy.toxic = Toxic()
        await until(lambda: witness.settled, LIMIT / 2)
        witness.judge(await numbers(server))
        assert proxy.counts.cuts > 3
        assert set(witness.losses) <= {"transport close", "transport error"}
        assert len(witness.answered) > EVENTS


@every
@deferred(LIMIT)
async def test_retriesThroughResets(way: str, newServer: Make) -> None:
    """
    With C{retries}, everything arrives at least once, in order, one in flight,
    over however many connections.
    """
    server = newServer("sio", recovery=False)
    chance = Random(SEED + 1)
    options = {"retries": 100, "ackTimeout": 2.0}
    async with through(server) as proxy, connected(proxy.url, way, **options) as socket:
        witness = Witness(socket)
        proxy.onCut = lambda: arm(proxy, chance, 4000)
        arm(proxy, chance, 4000)
        await converse(server, witness)
        proxy.onCut = lambda: None
        proxy.toxic = Toxic()
        await until(lambda: witness.settled, LIMIT / 2)
        witness.judgeRetried(await numbers(server))
        assert proxy.counts.cuts > 1


@every
@deferred(LIMIT)
async def test_blackHole(way: str, newServer: Make) -> None:
    """
    When the line falls silent, the server's missing ping is noticed, and a new
    connection is made (faults F36, F56, F111).
    """
    server = newServer("sio", recovery=False, **HASTY)
    async with through(server) as proxy, connected(proxy.url, way) as socket:
        await until(lambda: socket.io.engine.transport.name == WAYS[way][-1])
        witness = Witness(socket)
        witness.emit()
        await until(lambda: witness.settled)
        assert proxy.cut(HOLE) > 0
        silentSince = reactor.seconds()
        await until(lambda: witness.losses, 10)
        # The patience counts from the last ping; a busy machine is late.
        assert reactor.seconds() - silentSince < 0.5 * 5
        assert witness.losses == ["ping timeout"]
        await socket.whenConnected()
        witness.emit()
        await until(lambda: witness.settled, LIMIT / 2)
        witness.judge(await numbers(server))
        assert witness.answered == [0, 1]


# recovery


@every
@deferred(LIMIT + CUTS)
async def test_recovery(way: str, newServer: Make) -> None:
    """
    With connection state recovery, nothing that the server emits is lost or
    comes twice, wherever and however often the connection is cut.

    By polling a server may not know yet that a session has ended when the
    client is back, and then it does not recover it.
    """
    server = newServer("sio")
    chance = Random(SEED + 2)
    async with through(server) as proxy, connected(proxy.url, way) as socket:
        witness = Witness(socket)
        tick = 0
        while proxy.counts.cuts < CUTS:
            # Without an offset yet, a server cannot know where to go on.
            if witness.ticks and not proxy.toxic.cuts and socket.connected:
                arm(proxy, chance, 500)
            await server.control("emit", event="tick", args=[tick])
            socket.volatile.emit("silence", tick)
            tick += 1
            await sleep(0.002)
        proxy.toxic = Toxic()
        await until(lambda: witness.ticks[-1] == tick - 1, 10)
        witness.judgeTicks()
        witness.judgeRecovered(tick - 1)
        assert all(witness.recovered)
        assert sum(witness.recovered) > CUTS / 4


# processes that stop


@every
@deferred(LIMIT)
async def test_serverStopped(way: str, newServer: Make) -> None:
    """
    A server that is suspended is given up after its ping is overdue, and
    found again when it goes on; what was emitted meanwhile arrives once.
    """
    server = newServer("sio", recovery=False, **HASTY)
    async with connected(server.url, way) as socket:
        witness = Witness(socket)
        await until(lambda: socket.io.engine.transport.name == WAYS[way][-1])
        witness.start(EVERY)
        await until(lambda: len(witness.answered) > 5)
        server.signal(signal.SIGSTOP)
        try:
            await until(lambda: witness.losses, 10)
            await sleep(0.5)
            assert not socket.connected
        finally:
            server.signal(signal.SIGCONT)
        # A POST without an answer is given up after the pingTimeout.
        unanswered = {"transport error"} if way == "polling" else set()
        assert set(witness.losses) <= {"ping timeout"} | unanswered
        await socket.whenConnected()
        witness.stop()
        await until(lambda: witness.settled, LIMIT / 2)
        witness.judge(await numbers(server))


class Child(ProcessProtocol):
    """
    A client in a process of its own; see suspended.py.
    """

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.errors = b""
        self.ended: Deferred[Any] = Deferred()
        self._rest = b""

    def outReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.lines += [json.loads(each) for each in lines]

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: Any) -> None:
        self.ended.callback(reason)

    def count(self, word: str) -> int:
        return sum(each[0] == word for each in self.lines)


@every
@deferred(LIMIT)
async def test_clientStopped(way: str, newServer: Make) -> None:
    """
    A client that was suspended for three times the server's patience notices
    when it goes on, connects again, and has lost nothing without saying so
    (faults F114).
    """
    server = newServer("sio", recovery=False, **HASTY)
    child = Child()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    script = str(ROOT / "tests" / "interop" / "suspended.py")
    process: Any = reactor.spawnProcess(  # type: ignore[attr-defined]
        child,
        sys.executable,
        [sys.executable, script, server.url, *WAYS[way]],
        {**os.environ, "PYTHONPATH": paths},
    )
    try:
        await until(lambda: child.count("answered") > 5, LIMIT / 2)
        process.signalProcess(signal.SIGSTOP)
        await sleep(3 * 0.5)
        process.signalProcess(signal.SIGCONT)
        await until(lambda: child.count("connect") == 2, LIMIT / 2)
        before = child.count("answered")
        await until(lambda: child.count("answered") > before + 5, LIMIT / 2)
        process.closeStdin()
        reason = await failureOf(child.ended, ProcessDone, ProcessTerminated)
        assert isinstance(reason, ProcessDone), child.errors
    finally:
        if process.pid:
            process.signalProcess(signal.SIGKILL)
    reasons = [each[1] for each in child.lines if each[0] == "disconnect"]
    # The server has hung up meanwhile; which of both is seen first is chance.
    assert reasons[0] in ("ping timeout", "transport close", "transport error")
    assert len(reasons) == 1
    received = await numbers(server)
    answered = [each[1] for each in child.lines if each[0] == "answered"]
    failed = [each[1] for each in child.lines if each[0] == "failed"]
    emitted = next(each[1] for each in child.lines if each[0] == "emitted")
    assert received == sorted(set(received))
    assert sorted(answered + failed) == list(range(emitted))
    assert set(answered) <= set(received)
    assert not child.errors


# somebody else on the port


class Stranger(Protocol):
    """
    Speaks something, and perhaps hangs up.
    """

    def __init__(self, says: bytes, hangsUp: bool) -> None:
        self._says = says
        self._hangsUp = hangsUp

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(self._says)
        if self._hangsUp:
            self.transport.loseConnection()


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"
STRANGERS = {
    "ssh": (b"SSH-2.0-OpenSSH_9.9\r\n", True),
    "website": (HTML, False),
    "nothing": (b"", True),
}


@pytest.mark.parametrize("stranger", STRANGERS)
@every
@deferred(LIMIT)
async def test_portOfSomebodyElse(way: str, stranger: str, newServer: Make) -> None:
    """
    While something else listens on the server's port, each attempt fails with
    a sentence about it; when the server is back, so are we, and what was
    emitted meanwhile arrives once (faults F26, F112).
    """
    server = newServer("sio")
    async with connected(server.url, way) as socket:
        witness = Witness(socket)
        witness.emit()
        await until(lambda: witness.settled)
        await server.kill()
        # What is emitted before the loss is noticed may be lost with it.
        await until(lambda: not socket.connected)
        factory = Factory.forProtocol(lambda: Stranger(*STRANGERS[stranger]))
        factory.noisy = False
        port: Any = reactor.listenTCP(server.port, factory)  # type: ignore[attr-defined]
        try:
            for _ in range(3):
                witness.emit()
            begun = len(witness.errors)
            await until(lambda: len(witness.errors) > begun + 2, LIMIT / 2)
        finally:
            await port.stopListening()
        assert all(isinstance(each, SocketIOError) for each in witness.errors)
        await server.restart()
        await until(lambda: witness.settled, LIMIT / 2)
        witness.told.clear()
        assert await numbers(server) == [1, 2, 3]
        assert witness.answered == [0, 1, 2, 3]
