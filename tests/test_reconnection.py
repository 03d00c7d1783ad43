"""
A manager's life as a state machine, and when it tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.task import Clock

from txsocketio.errors import TransportError
from txsocketio.options import ManagerOptions
from txsocketio.reconnection import LONGEST_RETRY_AFTER, Reconnection, retryAfter


class Life:
    """
    A reconnection under a clock, and the timers that ended.
    """

    def __init__(self, random: float = 0.5, **options: Any) -> None:
        self.clock = Clock()
        self.ended: list[str] = []
        self.machine = Reconnection(self.clock, ManagerOptions(**options), lambda: random)

    def do(self, step: str) -> None:
        """
        Give the machine one input; timers are of 10 s.
        """
        life = self.machine.life
        if step in ("attempt", "wait"):
            getattr(life, step)(10.0, lambda: self.ended.append(step))
        else:
            getattr(life, step)()

    @property
    def seen(self) -> tuple[str, float | None, int]:
        """
        The state, the seconds left, and how many timers there are.
        """
        return self.machine.state, self.machine.secondsLeft, len(self.clock.getDelayedCalls())


@pytest.fixture
def life() -> Life:
    return Life()


WAYS = {
    "closed": [],
    "opening": ["attempt"],
    "open": ["attempt", "opened"],
    "waiting": ["wait"],
}
REST = (None, 0)
FRESH = (10.0, 1)
LEFT = (7.0, 1)


@pytest.mark.parametrize(
    ("state", "step", "after", "timer"),
    [
        ("closed", "attempt", "opening", FRESH),
        ("closed", "opened", "closed", REST),
        ("closed", "wait", "waiting", FRESH),
        ("closed", "rest", "closed", REST),
        ("opening", "attempt", "opening", LEFT),
        ("opening", "opened", "open", REST),
        ("opening", "wait", "waiting", FRESH),
        ("opening", "rest", "closed", REST),
        ("open", "attempt", "open", REST),
        ("open", "opened", "open", REST),
        ("open", "wait", "waiting", FRESH),
        ("open", "rest", "closed", REST),
        ("waiting", "attempt", "opening", FRESH),
        ("waiting", "opened", "waiting", LEFT),
        ("waiting", "wait", "waiting", FRESH),
        ("waiting", "rest", "closed", REST),
    ],
)
def test_everyInputInEveryState(
    life: Life, state: str, step: str, after: str, timer: tuple[float | None, int]
) -> None:
    """
    Whatever happens in whichever state, the next state is known and there is
    at most one timer.

    behaviours Q2
    """
    for each in WAYS[state]:
        life.do(each)
    assert life.machine.state == state
    life.clock.advance(3.0)
    life.do(step)
    assert life.seen == (after, *timer)


@pytest.mark.parametrize("step", ["attempt", "wait"])
def test_timeUp(life: Life, step: str) -> None:
    """
    The timer tells, and leaves the decision to whoever it told.
    """
    life.do(step)
    life.clock.advance(10.0)
    assert life.ended == [step]
    assert len(life.clock.getDelayedCalls()) == 0


def test_secondsLeftAfterTheTimer(life: Life) -> None:
    """
    A timer that has ended has no negative time left.
    """
    life.do("wait")
    life.clock.advance(11.0)
    assert life.machine.secondsLeft == 0.0


def test_noTimeout(life: Life) -> None:
    """
    An attempt without a limit has no timer.

    behaviours Q24
    """
    life.machine.life.attempt(None, lambda: None)
    assert life.seen == ("opening", None, 0)


@pytest.mark.parametrize("step", ["opened", "wait", "rest"])
def test_oldTimersAreSilent(life: Life, step: str) -> None:
    """
    The timer of a state that was left says nothing.
    """
    life.do("attempt")
    life.do(step)
    life.clock.advance(9.9)
    assert life.ended == []


# when it tries again


def test_delays() -> None:
    """
    Each delay is twice the last, up to the longest.

    behaviours Q19
    """
    life = Life(randomizationFactor=0.0)
    assert [life.machine.nextDelay() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert life.machine.attempts == 5


@pytest.mark.parametrize(("random", "delay"), [(0.0, 2.5), (1.0, 7.5)])
def test_jitterAfterTheCap(random: float, delay: float) -> None:
    """
    The jitter spreads the longest delay as well.

    behaviours Q19
    """
    life = Life(random)
    for _ in range(10):
        last = life.machine.nextDelay()
    assert last == delay


@pytest.mark.parametrize(("attempts", "spent"), [(0, 0), (3, 3)])
def test_spent(attempts: int, spent: int) -> None:
    """
    After so many attempts there is no further one; 0 is none.
    """
    life = Life(reconnectionAttempts=attempts)
    made = 0
    while not life.machine.spent:
        life.machine.nextDelay()
        made += 1
    assert made == spent


def test_neverSpent(life: Life) -> None:
    """
    By default there is no end.
    """
    for _ in range(1000):
        life.machine.nextDelay()
    assert not life.machine.spent


def test_provedByLasting(life: Life) -> None:
    """
    Past attempts are forgotten when a namespace was connected for the longest
    delay, not before.

    faults R11
    """
    life.machine.nextDelay()
    life.machine.proved()
    life.clock.advance(4.9)
    assert life.machine.attempts == 1
    life.clock.advance(0.2)
    assert life.machine.attempts == 0
    assert life.clock.getDelayedCalls() == []


def test_kickedOut(life: Life) -> None:
    """
    A server that accepts and hangs up proves nothing; no timer is left.

    faults R11
    """
    life.machine.nextDelay()
    life.machine.proved()
    life.machine.unproved()
    life.machine.unproved()
    life.clock.advance(100.0)
    assert life.machine.attempts == 1
    assert life.clock.getDelayedCalls() == []


def test_provedTwice(life: Life) -> None:
    """
    A second namespace does not begin the time again.
    """
    life.machine.nextDelay()
    life.machine.proved()
    life.clock.advance(4.0)
    life.machine.proved()
    life.clock.advance(1.0)
    assert life.machine.attempts == 0


def test_nothingToProve(life: Life) -> None:
    """
    Without past attempts there is no timer.
    """
    life.machine.proved()
    assert life.clock.getDelayedCalls() == []


def test_reset(life: Life) -> None:
    """
    The user may begin to count again.
    """
    life.machine.nextDelay()
    life.machine.reset()
    assert life.machine.attempts == 0


# Retry-After


def refusal(*headers: tuple[str, str]) -> TransportError:
    return TransportError("xhr poll error", status=503, headers=headers)


DATE = ("Date", "Mon, 23 Nov 2026 12:00:00 GMT")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Retry-After", "7")], 7.0),
        ([("retry-after", " 7 ")], 7.0),
        ([("Retry-After", "0")], 0.0),
        ([("Retry-After", "299")], 299.0),
        ([("Retry-After", "301")], LONGEST_RETRY_AFTER),
        ([("Retry-After", "9" * 5000)], LONGEST_RETRY_AFTER),
        ([("Retry-After", "-7")], 0.0),
        ([("Retry-After", "7.5")], 0.0),
        ([("Retry-After", "1e3")], 0.0),
        ([("Retry-After", "inf")], 0.0),
        ([("Retry-After", "nan")], 0.0),
        ([("Retry-After", "")], 0.0),
        ([("Retry-After", "soon")], 0.0),
        ([("Retry-After", "Mon, 23 Nov 2026 12:00:30 GMT"), DATE], 30.0),
        ([("Retry-After", "Mon, 23 Nov 2026 11:00:00 GMT"), DATE], 0.0),
        ([("Retry-After", "Mon, 23 Nov 2099 12:00:00 GMT"), DATE], LONGEST_RETRY_AFTER),
        ([("Retry-After", "Mon, 23 Nov 2026 12:00:30 GMT")], 0.0),
        ([("Retry-After", "Mon, 23 Nov 2026 12:00:30 GMT"), ("Date", "now")], 0.0),
        ([("Retry-After", "Mon, 99 Nov 2026 12:00:30 GMT"), DATE], 0.0),
        ([("Retry-After", "Mon, 23 Nov 99999 12:00:30 GMT"), DATE], 0.0),
        ([], 0.0),
    ],
)
def test_retryAfter(headers: list[tuple[str, str]], seconds: float) -> None:
    """
    A server that asks us to stay away is obeyed, for at most five minutes;
    what it does not say properly it did not say.
    """
    assert retryAfter(refusal(*headers)) == seconds


@pytest.mark.parametrize("error", [None, ValueError("x"), "transport close"])
def test_noRetryAfter(error: object) -> None:
    """
    Other errors ask nothing.
    """
    assert retryAfter(error) == 0.0


def test_retryAfterIsALowerBound() -> None:
    """
    The longer of both delays counts.
    """
    life = Life(randomizationFactor=0.0)
    delays = [life.machine.nextDelay(refusal(("Retry-After", "3"))) for _ in range(4)]
    assert delays == [3.0, 3.0, 4.0, 5.0]


def test_callbacksAreForgotten() -> None:
    """
    A machine at rest holds nobody.
    """
    life = Life()
    told: list[Callable[[], None]] = []
    life.machine.life.wait(1.0, lambda: told.append(print))
    life.machine.life.rest()
    life.clock.advance(2.0)
    assert told == []
