"""
Tests for L{txsocketio.bots.ratelimit}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from txsocketio.bots.ratelimit import RateLimit
from txsocketio.errors import BufferFull
from txsocketio.testing import MemoryServer


class Stage:
    """
    A connected socket with a limit, and what its server got.
    """

    def __init__(
        self, rate: float = 2.0, burst: int | None = 3, online: bool = True, **options: Any
    ) -> None:
        self.server = MemoryServer(Clock())
        self.socket: Any = self.server.connect(**options)
        self.limit = RateLimit(self.socket, rate, burst)
        if online:
            self.server.flush()

    @property
    def events(self) -> list[Any]:
        self.server.flush()
        return [each.event for each in self.server.received]


def test_whatIsOverTheBurstWaitsForItsTimeInOrder() -> None:
    """
    Three at once, then two a second; nothing vanishes.
    """
    stage = Stage()
    for event in range(7):
        stage.socket.emit(event)
    counts = []
    for _ in range(5):
        counts.append(len(stage.events))
        stage.server.advance(0.5)
    assert counts == [3, 4, 5, 6, 7]
    assert stage.events == list(range(7))


def test_aPauseIsSavedUpToTheBurst() -> None:
    """
    An hour of silence does not buy an hour's worth of events.
    """
    stage = Stage()
    for event in range(3):
        stage.socket.emit(event)
    stage.server.advance(3600)
    for event in range(10):
        stage.socket.emit(event)
    assert len(stage.events) == 6


def test_questionsAreLimitedToo() -> None:
    """
    C{emitWithAck} waits its turn among the others.
    """
    stage = Stage(burst=1)
    stage.socket.emit("a")
    stage.socket.emitWithAck("b").addErrback(lambda _: None)
    stage.socket.emit("c")
    assert stage.events == ["a"]
    stage.server.advance(0.5)
    assert stage.events == ["a", "b"]
    stage.server.advance(0.5)
    assert stage.events == ["a", "b", "c"]


def test_whatWasEmittedOfflineIsLimitedAsWell() -> None:
    """
    A server that comes back is not flooded.
    """
    stage = Stage(online=False)
    for event in range(5):
        stage.socket.emit(event)
    assert len(stage.events) == 3
    stage.server.advance(1)
    assert len(stage.events) == 5


def test_whatWaitsIsBounded() -> None:
    """
    C{sendBufferLimit} holds for it, and says so.
    """
    stage = Stage(sendBufferLimit=(2, None))
    for event in range(5):
        stage.socket.emit(event)
    with pytest.raises(BufferFull):
        stage.socket.emit(6)


def test_withoutABurstItIsASecondsWorth() -> None:
    """
    And one at least.
    """
    fast, slow = Stage(10.0, None), Stage(0.5, None)
    for event in range(30):
        fast.socket.emit(event)
        slow.socket.emit(event)
    assert (len(fast.events), len(slow.events)) == (10, 1)


def test_whatASessionListenerEmitsGoesAtOnceAndCounts() -> None:
    """
    A login never waits, but what comes after it waits longer.
    """
    stage = Stage(rate=1.0, burst=1, online=False)
    stage.socket.onSession(lambda info: [info.emit("login"), info.emit("join")] and None)
    stage.socket.emit("a")
    assert stage.events == ["login", "join"]
    stage.server.advance(1)
    assert stage.events == ["login", "join"]
    stage.server.advance(1)
    assert stage.events == ["login", "join", "a"]


def test_aSessionSetUpWhileEventsWaitMakesThemWaitLonger() -> None:
    """
    The limit is not passed by reconnecting.
    """
    stage = Stage(rate=1.0, burst=1)
    stage.socket.emit("a")
    stage.socket.emit("b")
    assert stage.events == ["a"]
    stage.limit._sent()
    stage.server.advance(1)
    assert stage.events == ["a"]
    stage.server.advance(1)
    assert stage.events == ["a", "b"]


def test_aStoppedLimitHoldsNothingBack() -> None:
    """
    And leaves no timer.
    """
    stage = Stage()
    for event in range(5):
        stage.socket.emit(event)
    stage.limit.stop()
    stage.limit.stop()
    assert len(stage.events) == 5
    for event in range(50):
        stage.socket.emit(event)
    assert len(stage.events) == 55


def test_theRateHoldsOverALongTime() -> None:
    """
    Whatever the rounding of the clock: so many, neither more nor fewer.
    """
    stage = Stage(rate=7.0, burst=1, sendBufferLimit=(None, None))
    for event in range(1000):
        stage.socket.emit(event)
    stage.server.advance(100)
    assert abs(len(stage.events) - 700) <= 1
