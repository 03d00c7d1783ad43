"""
A server that is killed and comes back, again and again, while a client emits
numbered events and asks for acknowledgements.

Both transports are tried at the same time, each with a server of its own.
C{TXSOCKETIO_RESTARTS} says how often the servers are killed (10).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.defer import DeferredList, ensureDeferred, gatherResults
from twisted.internet.task import LoopingCall

from interop.servers import ServerProcess
from support import deferred, sleep, until
from txsocketio import Disconnected, Socket, io

pytestmark = pytest.mark.node

RESTARTS = int(os.environ.get("TXSOCKETIO_RESTARTS", "10"))
DOWN_SECONDS = 2.0
# Slow enough for a server that puts each number on the disk.
EVERY_SECONDS = 0.04
BOUND_SECONDS = 1.0

Make = Callable[..., ServerProcess]


class Emitting:
    """
    Emits numbers steadily, connected or not, and notes what became of them.

    @ivar acknowledged: the numbers that were answered, in the order of the
        answers.
    @ivar failed: the numbers whose Deferred failed, and how.
    """

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._loop = LoopingCall(self._emit)
        self.count = 0
        self.acknowledged: list[int] = []
        self.failed: dict[int, BaseException] = {}
        self._loop.start(EVERY_SECONDS)

    def _emit(self) -> None:
        number, self.count = self.count, self.count + 1
        self._socket.emitWithAck("numbered", number).addCallbacks(
            self.acknowledged.append,
            lambda failure: self.failed.__setitem__(number, failure.value),
        )

    def stop(self) -> None:
        self._loop.stop()

    async def progress(self) -> None:
        """
        Wait until something emitted from now on was answered: what waited
        for the connection has gone through, and more is under way.
        """
        now = self.count
        await until(lambda: self.acknowledged and self.acknowledged[-1] >= now, 20.0)

    @property
    def settled(self) -> bool:
        """
        Whether every Deferred has fired.
        """
        return len(self.acknowledged) + len(self.failed) == self.count


async def killAndRestart(server: ServerProcess, socket: Socket) -> float:
    """
    Kill the server, start it again 2 s later, and wait for the client.

    @return: how many seconds later than its pending delay the client was
        connected, counted from when the server listened.
    """
    await server.kill()
    await until(lambda: not socket.connected)
    await sleep(DOWN_SECONDS)
    await server.start()
    listening = reactor.seconds()
    # An attempt that is under way now may have been refused already.
    await until(lambda: socket.io.state != "opening")
    delay = socket.io.nextAttempt or 0.0
    await socket.whenConnected()
    return reactor.seconds() - listening - delay


async def suffer(server: ServerProcess, transport: str, log: Path) -> None:
    """
    One client's whole story.
    """
    # The delay is kept short to have the story told within a minute.
    socket = io(server.url, transports=[transport], forceNew=True, reconnectionDelayMax=1.0)
    try:
        await socket.whenConnected()
        emitting = Emitting(socket)
        late = []
        for _ in range(RESTARTS):
            await emitting.progress()
            late.append(await killAndRestart(server, socket))
        await emitting.progress()
        emitting.stop()
        await until(lambda: emitting.settled)
    finally:
        await socket.disconnect().whenDisconnected()
    judge(emitting, [int(line) for line in log.read_text().split()])
    assert max(late) < BOUND_SECONDS, late


def judge(emitting: Emitting, received: list[int]) -> None:
    """
    At most once and in order; what was acknowledged, exactly once.
    """
    assert received == sorted(set(received)), "received twice, or out of order"
    assert set(emitting.acknowledged) <= set(received), "acknowledged, but not received"
    assert emitting.acknowledged == sorted(emitting.acknowledged), "answered out of order"
    assert set(map(type, emitting.failed.values())) <= {Disconnected}
    # The story was worth telling: most of what was emitted offline arrived.
    assert len(emitting.acknowledged) > emitting.count / 2


@deferred(timeout=30 + 15 * RESTARTS)
async def test_killedAgainAndAgain(newServer: Make, tmp_path: Path) -> None:
    """
    The Node server is killed by SIGKILL and restarted 2 s later, ten times in
    a row, over polling and over websocket: each acknowledged event was
    received exactly once, each failed one at most once, all in order; every
    Deferred has fired; and the client is connected again within its pending
    delay plus 1 s (needs 2.1; faults F112; promises 3.4.1, 3.4.2, 3.4.4).
    """
    stories = []
    for transport in ("polling", "websocket"):
        log = tmp_path / transport
        server = newServer("sio", log=str(log))
        stories.append(ensureDeferred(suffer(server, transport, log)))
    for _, story in await DeferredList(stories, consumeErrors=True):
        if story is not None:
            story.raiseException()


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@deferred(timeout=30)
async def test_retriedAreSentAgain(newServer: Make, tmp_path: Path, transport: str) -> None:
    """
    With C{retries}, what was under way when the server was killed is sent
    again: everything is answered, in order, at least once (faults F112;
    promise 3.4.3).
    """
    log = tmp_path / "numbers"
    server = newServer("sio", log=str(log))
    socket = io(
        server.url,
        transports=[transport],
        forceNew=True,
        reconnectionDelay=0.1,
        retries=5,
        ackTimeout=10.0,
    )
    try:
        answers = [socket.emitWithAck("numbered", number) for number in range(40)]
        await until(lambda: answers[5].called)
        await server.kill()
        await server.start()
        assert await gatherResults(answers) == list(range(40))
    finally:
        await socket.disconnect().whenDisconnected()
    received = [int(line) for line in log.read_text().split()]
    assert received == sorted(received)
    assert set(received) == set(range(40))
