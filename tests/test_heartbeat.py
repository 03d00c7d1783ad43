"""
The watch over the server's pings.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python import runtime

from txsocketio import heartbeat
from txsocketio.heartbeat import Heartbeat, clockOf


class Watch:
    """
    A heartbeat of 25 + 20 seconds, and how often it was missed.
    """

    def __init__(self, clock: Any = None) -> None:
        self.clock = Clock() if clock is None else clock
        self.missed = 0
        self.heartbeat = Heartbeat(self.clock, 25.0, 20.0, self.miss)

    def miss(self) -> None:
        self.missed += 1

    def sleep(self, seconds: float) -> None:
        """
        Time passes, and no timer runs.
        """
        self.clock.rightNow += seconds


class StockReactor(Clock):
    """
    Its timers follow the wall clock, as those of every stock reactor.
    """

    seconds = staticmethod(runtime.seconds)  # type: ignore[assignment]

    def advance(self, amount: float) -> None:
        self.rightNow += amount
        for call in [each for each in self.calls if each.getTime() <= self.rightNow]:
            self.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)

    def callLater(self, when: float, what: Any, *args: Any, **kw: Any) -> Any:
        type(self).seconds = Clock.seconds  # type: ignore[assignment]
        try:
            return super().callLater(when, what, *args, **kw)
        finally:
            type(self).seconds = staticmethod(runtime.seconds)  # type: ignore[assignment]


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """
    What C{time.monotonic} says, in the hands of the test.
    """
    now = [1000.0]
    monkeypatch.setattr(heartbeat, "monotonic", lambda: now[0])
    return now


def test_silenceIsDeath() -> None:
    """
    Without a ping for interval and timeout together, the server is dead.
    """
    watch = Watch()
    watch.clock.pump([45.0, 0.0])
    assert watch.missed == 1


def test_patience() -> None:
    """
    A server that is late, but within its timeout, is waited for.
    """
    watch = Watch()
    watch.clock.pump([44.9, 0.0])
    assert watch.missed == 0


def test_pingMovesTheDeadline() -> None:
    """
    The time counts from the last ping.
    """
    watch = Watch()
    watch.clock.advance(40.0)
    watch.heartbeat.beat()
    watch.clock.pump([44.9, 0.0])
    assert watch.missed == 0


def test_pingReadInTheTurnOfTheTimer() -> None:
    """
    After a suspension the timer runs before the sockets are read; the ping
    that waits there still counts (faults F114).
    """
    watch = Watch()
    watch.clock.callLater(46.0, watch.heartbeat.beat)  # read behind the timer of 45
    watch.clock.pump([3600.0, 44.9, 0.0])
    assert watch.missed == 0


def test_nothingReadAfterSuspension() -> None:
    """
    If nothing waits there, a suspension ends the connection (faults F114).
    """
    watch = Watch()
    watch.clock.pump([3600.0, 0.0])
    assert watch.missed == 1


def test_overdueBeforeTheTimer() -> None:
    """
    Who asks before the timer could run is told the truth.
    """
    watch = Watch()
    watch.sleep(46.0)
    assert watch.heartbeat.overdue()


def test_overdueWhileTheLastChanceRuns() -> None:
    """
    Between the timer and its last chance it is overdue as well.
    """
    watch = Watch()
    seen: list[bool] = []
    watch.clock.callLater(45.5, lambda: seen.append(watch.heartbeat.overdue()))
    watch.clock.advance(46.0)
    assert seen == [True] and watch.missed == 1


def test_notOverdue() -> None:
    """
    In time is in time.
    """
    watch = Watch()
    watch.clock.advance(45.0 - 1e-6)
    assert not watch.heartbeat.overdue()


def test_overdueIsFinal() -> None:
    """
    A ping that comes after somebody was told does not save the connection:
    what he kept for the next one would never be sent.
    """
    watch = Watch()
    watch.sleep(46.0)
    watch.heartbeat.overdue()
    watch.heartbeat.beat()
    assert watch.heartbeat.overdue()
    watch.clock.advance(0.0)
    assert watch.missed == 1


def test_overdueEndsOnce() -> None:
    """
    Asking often ends it once.
    """
    watch = Watch()
    watch.sleep(46.0)
    assert [watch.heartbeat.overdue() for _ in range(3)] == [True] * 3
    watch.clock.pump([0.0, 100.0])
    assert watch.missed == 1


def test_stop() -> None:
    """
    A stopped watch leaves no timer, whatever still comes.
    """
    watch = Watch()
    watch.heartbeat.stop()
    watch.heartbeat.beat()
    watch.sleep(100.0)
    watch.heartbeat.overdue()
    watch.heartbeat.stop()
    assert watch.clock.getDelayedCalls() == []


def test_endlessPatience() -> None:
    """
    A server that announces a ping in a million years is watched all the same.
    """
    clock = Clock()
    Heartbeat(clock, 1e300, 1e300, lambda: None)
    assert clock.getDelayedCalls()[0].getTime() <= 86400.0


@pytest.mark.parametrize(("seconds", "warnings"), [(38.0, 1), (37.0, 0)])
def test_lateHeartbeatIsLogged(seconds: float, warnings: int) -> None:
    """
    A ping that is more than half an interval late says that something held
    the process or the network, and how long (faults F115).
    """
    watch = Watch()
    watch.clock.advance(seconds)
    with capturedLogs() as events:
        watch.heartbeat.beat()
    late = [each["late"] for each in events if "late" in each]
    assert late == [seconds - 25.0] * warnings


def test_wallClockJumpsForward(steady: list[float]) -> None:
    """
    A wall clock put forward by an hour ends no connection (faults F113).
    """
    watch = Watch(StockReactor())
    watch.clock.advance(3600.0)
    watch.clock.advance(0.0)
    assert watch.missed == 0
    steady[0] += 45.0
    watch.clock.advance(45.0)
    watch.clock.advance(0.0)
    assert watch.missed == 1


def test_wallClockJumpsBack(steady: list[float]) -> None:
    """
    A wall clock put back does not hide that the time is over (faults F113).
    """
    watch = Watch(StockReactor())
    watch.sleep(-3600.0)
    steady[0] += 46.0
    assert watch.heartbeat.overdue()


def test_clockForTests() -> None:
    """
    A clock that is no stock reactor's tells its own time.
    """
    clock = Clock()
    clock.advance(7.0)
    assert clockOf(clock)() == 7.0
