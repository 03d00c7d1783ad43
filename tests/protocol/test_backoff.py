"""
How long a client waits before it tries again.
"""

from __future__ import annotations

import math

import pytest

from txsocketio.protocol.backoff import Backoff


def delays(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next() for _ in range(count)]


def steady() -> float:
    """
    A chance that changes nothing.
    """
    return 0.5


def test_growth() -> None:
    """
    Each delay is twice as long as the one before, up to the cap.

    behaviours A33, Q19
    """
    assert delays(Backoff(1.0, 5.0, 0.0, steady), 5) == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_jitterIsOfTheDelay() -> None:
    """
    Chance makes a delay longer or shorter by the factor at most.

    behaviours A17, O16
    """
    chances = iter([1.0, 0.0, 0.5])
    assert delays(Backoff(1.0, 5.0, 0.5, lambda: next(chances)), 3) == [1.5, 1.0, 4.0]


def test_jitterSurvivesTheCap() -> None:
    """
    Clients that all reached the cap do not return at the same moment.
    """
    chances = iter([0.0, 0.25, 1.0])
    backoff = Backoff(10.0, 4.0, 0.5, lambda: next(chances))
    assert delays(backoff, 3) == [2.0, 3.0, 6.0]


def test_reset() -> None:
    """
    After a reset the delays begin anew.
    """
    backoff = Backoff(1.0, 60.0, 0.0, steady)
    delays(backoff, 3)
    backoff.reset()
    assert (backoff.attempts, backoff.next()) == (0, 1.0)


def test_attemptsAreCounted() -> None:
    """
    The number of the attempt is the number of delays asked for.
    """
    backoff = Backoff(1.0, 5.0, 0.0, steady)
    delays(backoff, 3)
    assert backoff.attempts == 3


def test_zeroMeansZero() -> None:
    """
    A delay of 0 retries at once, every time.
    """
    assert delays(Backoff(0.0, 5.0, 0.5, steady), 3) == [0.0, 0.0, 0.0]


def test_neverNegative() -> None:
    """
    Even an absurd factor cannot ask for a moment in the past.
    """
    assert Backoff(1.0, 5.0, 3.0, lambda: 0.0).next() == 0.0


@pytest.mark.parametrize("maxDelay", [5.0, math.inf])
def test_weeksOfAttempts(maxDelay: float) -> None:
    """
    After any number of attempts the delay is a number a timer can take.
    """
    backoff = Backoff(1.0, maxDelay, 0.5, lambda: 1.0)
    backoff.attempts = 10**9
    assert 0.0 < backoff.next() < 10**7


def test_changesWhileRunning() -> None:
    """
    A setter takes effect on the very next delay.
    """
    backoff = Backoff(1.0, 5.0, 0.0, steady)
    backoff.next()
    backoff.delay, backoff.maxDelay = 3.0, 100.0
    assert backoff.next() == 6.0
