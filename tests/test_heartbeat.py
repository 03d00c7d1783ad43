"""
The server's heartbeat, watched.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.base import ReactorBase
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from txsocketio import heartbeat
from txsocketio.heartbeat import Heartbeat, clockOf


class Turns(Clock):
    """
    A clock that, as a reactor does, runs what is scheduled for now in the
    next turn.
    """

    def advance(self, amount: float) -> None:
        self.rightNow += amount
        for call in [each for each in self.calls if each.getTime() <= self.rightNow]:
            self.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)


class Heart:
    """
    A ping every 25 s, of which one may be 20 s late.
    """

    def __init__(self, interval: float = 25.0, timeout: float = 20.0) -> None:
        self.clock = Turns()
        self.missed: list[float] = []
        self.beat = Heartbeat(
            self.clock, interval, timeout, lambda: self.missed.append(self.clock.seconds())
        )

    def sleep(self, seconds: float) -> None:
        """
        Suspend the process: time passes, nothing runs.
        """
        self.clock.rightNow += seconds


@pytest.fixture
def heart() -> Heart:
    return Heart()


def test_noPing(heart: Heart) -> None:
    """
    Without any ping, the connection is dead after both durations.

    behaviours Q25
    """
    heart.clock.advance(44.9)
    assert heart.missed == []
    heart.clock.advance(0.1)
    heart.clock.advance(0)
    assert len(heart.missed) == 1


def test_pings(heart: Heart) -> None:
    """
    Each ping gives it that long again; missed is said once.

    behaviours Q25
    """
    for _ in range(10):
        heart.clock.advance(25.0)
        heart.beat.beat()
    heart.clock.pump([44.9, 0.2, 0, 0, 100.0])
    assert len(heart.missed) == 1
    assert heart.clock.getDelayedCalls() == []


def test_lastChance(heart: Heart) -> None:
    """
    After a suspension timers run before sockets are read; a ping that waits
    there counts.

    faults F114
    """
    heart.clock.advance(60.0)
    heart.beat.beat()
    heart.clock.advance(0)
    assert heart.missed == []
    heart.clock.pump([45.0, 0])
    assert len(heart.missed) == 1


def test_notOverdue(heart: Heart) -> None:
    """
    Up to the deadline the connection counts as alive.
    """
    heart.clock.advance(45.0)
    assert not heart.beat.overdue()


def test_overdue(heart: Heart) -> None:
    """
    Who asks after a suspension, before the timer ran, is told that it is
    dead, however often; it is closed in the next turn.

    behaviours B48; faults F114
    """
    heart.sleep(60.0)
    assert heart.beat.overdue()
    assert heart.beat.overdue()
    assert heart.missed == []
    heart.clock.advance(0)
    assert len(heart.missed) == 1


def test_overdueIsFinal(heart: Heart) -> None:
    """
    Who was told so has kept its packet for the next connection; a ping that
    comes now is too late.
    """
    heart.sleep(60.0)
    assert heart.beat.overdue()
    heart.beat.beat()
    assert heart.beat.overdue()
    heart.clock.advance(0)
    assert len(heart.missed) == 1


def test_overdueInTheLastChance(heart: Heart) -> None:
    """
    So for who asks between the timer and the reading of sockets.
    """
    heart.clock.advance(60.0)
    assert heart.beat.overdue()
    heart.clock.advance(0)
    assert heart.beat.overdue()
    assert len(heart.missed) == 1


def test_stop(heart: Heart) -> None:
    """
    Nothing is left when nobody watches any more, and nothing begins again.
    """
    heart.beat.stop()
    heart.beat.stop()
    heart.beat.beat()
    assert heart.clock.getDelayedCalls() == []
    heart.sleep(60.0)
    assert heart.beat.overdue()
    assert heart.clock.getDelayedCalls() == []


def test_atMostADay() -> None:
    """
    However long the server says it may be silent, a day is enough.

    faults R6
    """
    heart = Heart(1e12, 1e12)
    heart.clock.advance(86400.0)
    heart.clock.advance(0)
    assert len(heart.missed) == 1


@pytest.mark.parametrize(("late", "warnings"), [(12.0, 0), (13.0, 1)])
def test_lateIsLogged(heart: Heart, late: float, warnings: int) -> None:
    """
    A heartbeat more than half an interval late is a warning with the measured
    delay.

    faults F115
    """
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        heart.clock.advance(25.0 + late)
        heart.beat.beat()
    finally:
        globalLogPublisher.removeObserver(events.append)
    found = [each["late"] for each in events if each["log_namespace"] == heartbeat.__name__]
    assert found == [late] * warnings


# the wall clock


def test_wallClockIsNotBelieved() -> None:
    """
    The time of a real reactor may jump; the deadline goes by time that does
    not.

    faults F113
    """
    assert isinstance(reactor, ReactorBase)
    assert clockOf(reactor) is monotonic


def test_clockOfTests() -> None:
    """
    A clock for tests tells its own time.
    """
    clock = Clock()
    assert clockOf(clock) == clock.seconds


def test_wallClockJumps(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    When the wall clock jumps an hour forward, the timer comes too early and
    waits on.

    faults F113
    """
    time = Clock()
    monkeypatch.setattr(heartbeat, "clockOf", lambda _: time.seconds)
    heart = Heart()
    time.advance(10.0)
    heart.clock.advance(3610.0)
    heart.clock.advance(0)
    assert heart.missed == []
    assert not heart.beat.overdue()
    time.advance(35.0)
    heart.clock.pump([35.0, 0])
    assert len(heart.missed) == 1
