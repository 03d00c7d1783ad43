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
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from automat import TypeMachineBuilder
from twisted.internet.interfaces import IDelayedCall

from txsocketio.errors import TransportError
from txsocketio.options import ManagerOptions
from txsocketio.protocol.backoff import Backoff

__all__ = ["LONGEST_RETRY_AFTER", "Life", "Reconnection", "retryAfter"]

LONGEST_RETRY_AFTER = 300.0
"""However long a server asks us to stay away, we try again after this."""


class Life(Protocol):
    """
    What can happen to a manager.
    """

    def attempt(self, seconds: float | None, timeUp: Callable[[], None]) -> None:
        """
        Try to connect, for at most so many seconds.
        """

    def opened(self) -> None:
        """
        The attempt succeeded.
        """

    def wait(self, seconds: float, timeUp: Callable[[], None]) -> None:
        """
        Wait before the next attempt.
        """

    def rest(self) -> None:
        """
        Do nothing any more.
        """


@dataclass(slots=True)
class _Timing:
    """
    What the machine acts on: its state's name, and its only timer.
    """

    clock: Any
    state: str = "closed"
    timer: IDelayedCall | None = None
    due: float | None = None

    def enter(self, state: str) -> None:
        self.state = state
        self.due = None
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        self.timer = None

    def after(self, seconds: float, timeUp: Callable[[], None]) -> None:
        self.due = self.clock.seconds() + seconds
        self.timer = self.clock.callLater(seconds, timeUp)


def _buildMachine() -> Callable[[_Timing], Life]:
    builder = TypeMachineBuilder(Life, _Timing)
    closed = builder.state("closed")
    opening = builder.state("opening")
    open_ = builder.state("open")
    waiting = builder.state("waiting")

    def startAttempt(
        life: Life, timing: _Timing, seconds: float | None, timeUp: Callable[[], None]
    ) -> None:
        timing.enter("opening")
        if seconds is not None:
            timing.after(seconds, timeUp)

    def endAttempt(life: Life, timing: _Timing) -> None:
        timing.enter("open")

    def startWait(life: Life, timing: _Timing, seconds: float, timeUp: Callable[[], None]) -> None:
        timing.enter("waiting")
        timing.after(seconds, timeUp)

    def goToRest(life: Life, timing: _Timing) -> None:
        timing.enter("closed")

    for state in (closed, waiting):
        state.upon(Life.attempt).to(opening)(startAttempt)
        state.upon(Life.opened).loop().returns(None)
    for state in (opening, open_):
        state.upon(Life.attempt).loop().returns(None)
    opening.upon(Life.opened).to(open_)(endAttempt)
    open_.upon(Life.opened).loop().returns(None)
    for state in (closed, opening, open_, waiting):
        state.upon(Life.wait).to(waiting)(startWait)
        state.upon(Life.rest).to(closed)(goToRest)
    return builder.build()


buildLife = _buildMachine()


class Reconnection:
    """
    Whether, and when, a manager tries again.

    One counter serves the delay, the attempt's number and the limit.  It goes
    back to zero only after a namespace has been connected for
    C{reconnectionDelayMax}, so that a server that accepts and hangs up is not
    hammered.
    """

    __slots__ = ("_clock", "_stable", "_timing", "attemptLimit", "backoff", "enabled", "life")

    def __init__(self, clock: Any, options: ManagerOptions, random: Callable[[], float]) -> None:
        self._clock = clock
        self._timing = _Timing(clock)
        self.life = buildLife(self._timing)
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
        return self._timing.state

    @property
    def secondsLeft(self) -> float | None:
        """
        How long until the present timer ends, or L{None}.
        """
        due = self._timing.due
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
