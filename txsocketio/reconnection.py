"""
The life of a manager as one state machine, and when it tries again.

Four states: C{closed}, C{opening}, C{open}, C{waiting}; at most one timer: the
limit of an attempt, or the wait before the next.  The machine changes state
and timers and tells nobody: the manager does that afterwards, so that whoever
hears news finds the house in its new state.

Must not know: engines, sockets, packets.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from txsocketio.errors import TransportError
from txsocketio.options import ManagerOptions
from txsocketio.protocol.backoff import Backoff

__all__ = ["LONGEST_RETRY_AFTER", "Life", "Reconnection", "retryAfter"]

LONGEST_RETRY_AFTER = 300.0
"""However long a server asks us to stay away, we try again after this."""


class Life:
    """
    The machine: what can happen to a manager, in whichever state.

    Every pair of a state and an input is in the table of
    C{tests/test_reconnection.py}.

    @ivar state: its state's name.
    @ivar due: when the timer ends, or L{None}.
    """

    __slots__ = ("_clock", "_timer", "due", "state")

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._timer: IDelayedCall | None = None
        self.state = "closed"
        self.due: float | None = None

    def attempt(self, seconds: float | None, timeUp: Callable[[], None]) -> None:
        """
        Try to connect, for at most so many seconds.
        """
        if self.state in ("closed", "waiting"):
            self._enter("opening")
            if seconds is not None:
                self._after(seconds, timeUp)

    def opened(self) -> None:
        """
        The attempt succeeded.
        """
        if self.state == "opening":
            self._enter("open")

    def wait(self, seconds: float, timeUp: Callable[[], None]) -> None:
        """
        Wait before the next attempt.
        """
        self._enter("waiting")
        self._after(seconds, timeUp)

    def rest(self) -> None:
        """
        Do nothing any more.
        """
        self._enter("closed")

    # inside

    def _enter(self, state: str) -> None:
        self.state = state
        self.due = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _after(self, seconds: float, timeUp: Callable[[], None]) -> None:
        self.due = self._clock.seconds() + seconds
        self._timer = self._clock.callLater(seconds, timeUp)


class Reconnection:
    """
    Whether, and when, a manager tries again.

    One counter serves the delay, the attempt's number and the limit.  It goes
    back to zero only after a namespace has been connected for
    C{reconnectionDelayMax}, so that a server that accepts and hangs up is not
    hammered.
    """

    __slots__ = ("_clock", "_stable", "attemptLimit", "backoff", "enabled", "life")

    def __init__(self, clock: Any, options: ManagerOptions, random: Callable[[], float]) -> None:
        self._clock = clock
        self.life = Life(clock)
        self.enabled: bool = options.reconnection
        self.attemptLimit: float = options.reconnectionAttempts
        self.backoff = Backoff(
            options.reconnectionDelay,
            options.reconnectionDelayMax,
            options.randomizationFactor,
            random,
        )
        self._stable: IDelayedCall | None = None

    @property
    def state(self) -> str:
        """
        C{"closed"}, C{"opening"}, C{"open"} or C{"waiting"}.
        """
        return self.life.state

    @property
    def secondsLeft(self) -> float | None:
        """
        How long until the present timer ends, or L{None}.
        """
        due = self.life.due
        return None if due is None else max(0.0, due - self._clock.seconds())

    @property
    def attempts(self) -> int:
        """
        The number of the present or next attempt; 0 before the first retry.
        """
        return self.backoff.attempts

    @property
    def spent(self) -> bool:
        """
        Whether all attempts were made.
        """
        return self.backoff.attempts >= self.attemptLimit

    def nextDelay(self, error: object = None) -> float:
        """
        Count one more attempt.

        @param error: what ended the last one; a C{Retry-After} in it is
            respected.
        @return: how many seconds to wait.
        """
        return max(self.backoff.next(), retryAfter(error))

    def proved(self) -> None:
        """
        A namespace is connected: forget past attempts once that has lasted.
        """
        if self.backoff.attempts and self._stable is None:
            self._stable = self._clock.callLater(self.backoff.maxDelay, self._forgetAttempts)

    def unproved(self) -> None:
        """
        The connection is gone, or nobody is connected on it any more.
        """
        stable, self._stable = self._stable, None
        if stable is not None:
            stable.cancel()

    def reset(self) -> None:
        """
        Begin to count again.
        """
        self.backoff.reset()

    # inside

    def _forgetAttempts(self) -> None:
        self._stable = None
        self.backoff.reset()


def retryAfter(error: object) -> float:
    """
    How many seconds a refusal asks us to stay away (RFC 9110, 10.2.3), at
    most L{LONGEST_RETRY_AFTER}; 0 when it does not ask.
    """
    text = error.header("Retry-After") if isinstance(error, TransportError) else None
    if text is None:
        return 0.0
    assert isinstance(error, TransportError)
    try:
        seconds = float(text) if text.strip().isdecimal() else _untilDate(text, error)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def _untilDate(text: str, error: TransportError) -> float:
    """
    Count from the response's own date: the server's clock need not be ours.
    """
    now = parsedate_to_datetime(error.header("Date") or "")
    return (parsedate_to_datetime(text) - now).total_seconds()
