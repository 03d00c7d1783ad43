"""
How long to wait before the next attempt to reconnect.

Knows neither clock nor reactor; chance is handed in.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Backoff"]

MAX_EXPONENT = 1000
"""Two to this power is still a float; any sane cap was reached long before."""

LONGEST = 30 * 86400.0
"""No delay is longer, so that an infinite C{maxDelay} still makes a timer."""


class Backoff:
    """
    An exponential delay with a cap, and a jitter that survives the cap.

    The attributes may be changed at any time; the next delay obeys them.

    @ivar delay: the first delay, in seconds.
    @ivar maxDelay: the cap, in seconds, before the jitter.
    @ivar randomizationFactor: from 0 (none) to 1; C{0.5} is half more or less.
    @ivar random: gives floats from 0 to 1; handed in, for the tests.
    @ivar attempts: how many delays were given since the last reset.
    """

    __slots__ = ("attempts", "delay", "maxDelay", "random", "randomizationFactor")

    def __init__(
        self,
        delay: float,
        maxDelay: float,
        randomizationFactor: float,
        random: Callable[[], float],
    ) -> None:
        self.delay = delay
        self.maxDelay = maxDelay
        self.randomizationFactor = randomizationFactor
        self.random = random
        self.attempts = 0

    def next(self) -> float:
        """
        Count an attempt, and say how many seconds to wait before it.

        The jitter comes after the cap: else all clients of a server that was
        down for long would return at the same moment.
        """
        exponent = min(self.attempts, MAX_EXPONENT)
        self.attempts += 1
        delay = min(self.delay * 2.0**exponent, self.maxDelay, LONGEST)
        spread = self.randomizationFactor * (2.0 * self.random() - 1.0)
        return max(0.0, delay * (1.0 + spread))

    def reset(self) -> None:
        """
        Begin again with the first delay.
        """
        self.attempts = 0
