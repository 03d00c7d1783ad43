"""
Counts what reconnections leave behind; run by test_leaks.py, in a process of
its own, so that nothing else has left anything.

    python leaks.py KIND WAY COUNT

prints one JSON object.  KIND is C{memory} (a server in memory, under a clock),
C{sockets} (the same server on a port, real connections), or C{churn} (C{COUNT}
times C{io()}, a little talk, C{disconnect()}).  WAY is C{polling},
C{websocket} or C{upgrade}.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import globalLogBeginner

from txsocketio import Disconnected, io
from txsocketio.client import _managers
from txsocketio.testing import MemoryServer

WAYS = {
    "polling": ("polling",),
    "websocket": ("websocket",),
    "upgrade": ("polling", "websocket"),
}
WARM = 300
"""Reconnections before the first count: caches fill."""

REASONS = ("transport close", "transport error", "parse error")

HOUSES = ("txsocketio.", "twisted.", "treq.", "autobahn.")

NOT_OURS = (
    # The reactor's pool, which looks up names, may have come to another thread.
    *("twisted._threads.", "twisted.python.context."),
    # The reactor forgets cancelled calls by and by; the live ones are counted.
    "twisted.internet.base.DelayedCall",
)


# Python keeps up to 4,096 names that attributes were looked up by; 3.13 keeps a
# new text for each of them.
_emptyCaches = getattr(sys, "_clear_internal_caches", sys._clear_type_cache)


class Count:
    """
    What there is at one moment.

    @ivar start: how many bytes were allocated before this count was made.
    @ivar end: the same with it.
    """

    def __init__(self, calls: Callable[[], int]) -> None:
        gc.collect()
        _emptyCaches()
        self.start = tracemalloc.get_traced_memory()[0]
        self.objects = Counter(
            name for each in gc.get_objects() if (name := _name(type(each))).startswith(HOUSES)
        )
        self.calls = calls()
        self.descriptors = len(os.listdir("/proc/self/fd"))
        self.end = tracemalloc.get_traced_memory()[0]

    def growth(self, before: Count) -> dict[str, Any]:
        """
        What has come since C{before}.
        """
        return {
            "objects": dict(self.objects - before.objects),
            "calls": self.calls - before.calls,
            "descriptors": self.descriptors - before.descriptors,
            "bytes": self.start - before.end,
        }


def _name(kind: type) -> str:
    # The module of some classes is no text.
    name = f"{kind.__module__}.{kind.__qualname__}"
    return "" if name.startswith(NOT_OURS) else name


def forget(server: MemoryServer) -> None:
    """
    A server in memory remembers everything; that is no leak.
    """
    del server.connections[:-1]
    server.received.clear()
    server.attempts.clear()
    for each in server.connections:
        each.wire.clear()


def buildServer(clock: Any) -> MemoryServer:
    """
    A server that answers C{echo} and never C{silence}.
    """
    server = MemoryServer(clock)
    server.on("connection", lambda client: client.on("echo", lambda value: value))
    return server


def busy(socket: Any, failures: list[BaseException]) -> None:
    """
    Leave everything under way that a lost connection must end.
    """
    for later in (socket.emitWithAck("silence", b"1"), socket.timeout(60).emitWithAck("silence")):
        later.addErrback(lambda failure: failures.append(failure.value))
    waiting = socket.whenEvent("never", timeout=1000)
    waiting.addErrback(lambda failure: failure.trap(CancelledError))
    waiting.cancel()
    socket.emit("news", {"x": [1, b"2"]})


# in memory


def reconnectInMemory(way: str, count: int) -> dict[str, Any]:
    """
    One manager, dropped and reconnected C{count} times.
    """
    clock = Clock()
    server = buildServer(clock)
    socket = server.connect(transports=WAYS[way], reconnectionDelay=0.01, reconnectionDelayMax=0.01)
    sessions: list[Any] = []
    socket.onSession(lambda info: None)
    socket.on("connect", lambda: sessions.append(socket.id))
    failures: list[BaseException] = []
    server.flush()

    def rounds(number: int) -> None:
        for n in range(number):
            busy(socket, failures)
            server.flush()
            server.connection.drop(
                ("transport close", "transport error", "parse error")[(number - n) % 3]
            )
            server.advance(0.02)
            forget(server)
        server.advance(1)
        assert len(sessions) == number + 1 and len(failures) == 2 * number
        assert {type(each) for each in failures} == {Disconnected}
        del sessions[1:], failures[:]

    rounds(WARM)
    before = Count(lambda: len(clock.getDelayedCalls()))
    rounds(count)
    return Count(lambda: len(clock.getDelayedCalls())).growth(before)


# over sockets


async def reconnectOverSockets(reactor: Any, way: str, count: int) -> dict[str, Any]:
    """
    The same with real connections, which the server aborts.
    """
    server = buildServer(reactor)
    port = await server.listen(reactor)
    delays = {"reconnectionDelay": 0.0, "reconnectionDelayMax": 0.0}
    socket = io(port.url, transports=WAYS[way], forceNew=True, **delays)
    failures: list[BaseException] = []

    async def settled() -> None:
        await socket.whenConnected()
        while socket.io.engine.transport.name != WAYS[way][-1]:
            await deferLater(reactor, 0.001)
        assert await socket.emitWithAck("echo", 1) == 1

    async def rounds(number: int) -> None:
        for _ in range(number):
            await settled()
            busy(socket, failures)
            lost: Deferred[Any] = Deferred()
            socket.once("disconnect", lost.callback)
            server.connection.drop()
            await lost
            forget(server)
        await settled()
        # The engines that were left, and the server's ends, have gone.
        await deferLater(reactor, 0.2)
        assert len(failures) == 2 * number
        failures.clear()

    def calls() -> int:
        return len(reactor.getDelayedCalls())

    await rounds(min(WARM, count // 10))
    before = Count(calls)
    await rounds(count)
    after = Count(calls)
    await socket.disconnect().whenDisconnected()
    await port.stopListening()
    return after.growth(before)


# churn


def churn(way: str, count: int) -> dict[str, Any]:
    """
    C{count} clients, one after the other, each with a manager of its own.
    """
    clock = Clock()
    server = buildServer(clock)

    def rounds(number: int) -> None:
        for _ in range(number):
            # With cache: forceNew would leave nothing to be forgotten.
            socket = server.connect(transports=WAYS[way], forceNew=False)
            answers: list[Any] = []
            server.flush()
            socket.emitWithAck("echo", 1).addCallback(answers.append)
            server.flush()
            gone = socket.disconnect().whenDisconnected()
            server.advance(3)
            assert answers == [1] and gone.called
            forget(server)
        del socket, gone
        server.connections.clear()

    rounds(WARM)
    before = Count(lambda: len(clock.getDelayedCalls()))
    rounds(count)
    growth = Count(lambda: len(clock.getDelayedCalls())).growth(before)
    return {**growth, "managers": len(_managers)}


def main(kind: str, way: str, count: int) -> dict[str, Any]:
    """
    Run one kind.
    """
    # Unstarted, Twisted's logging keeps what it was told, and all in it.
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    tracemalloc.start(1)
    if kind == "memory":
        return reconnectInMemory(way, count)
    if kind == "churn":
        return churn(way, count)
    from twisted.internet import reactor

    result: list[Any] = []
    running = ensureDeferred(reconnectOverSockets(reactor, way, count))
    running.addBoth(result.append).addBoth(lambda _: reactor.stop())  # type: ignore[attr-defined]
    reactor.run()  # type: ignore[attr-defined]
    if not isinstance(result[0], dict):
        result[0].raiseException()
    return dict(result[0])


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
