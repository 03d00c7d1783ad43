"""
The server's heartbeat, watched from the client (Engine.IO v4, "Heartbeat").

The server pings every C{pingInterval}; when no ping came for C{pingInterval +
pingTimeout}, the connection is dead, whatever TCP says.  Only pings count, as
in the reference.

Must not know: engines, transports.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python import runtime

__all__ = ["Heartbeat", "clockOf"]

_log = Logger()

LONGEST = 86400.0
"""A deadline is at most a day away, whatever the server says."""

_ALIVE, _LAST_CHANCE, _DEAD = range(3)


def clockOf(reactor: Any) -> Callable[[], float]:
    """
    What tells the time for deadlines.

    Stock reactors tell the wall clock, which may jump by hours; then it is
    C{time.monotonic}.  A clock for tests tells its own time.
    """
    if getattr(reactor, "seconds", None) is runtime.seconds:
        return monotonic
    return reactor.seconds  # type: ignore[no-any-return]


class Heartbeat:
    """
    One deadline, moved by every ping.

    @ivar now: tells the time.
    @ivar expires: when the connection is dead, by that time; always past once
        L{overdue} has said so.
    """

    __slots__ = (
        "_call",
        "_interval",
        "_last",
        "_missed",
        "_reactor",
        "_state",
        "expires",
        "now",
        "patience",
    )

    def __init__(
        self, reactor: Any, interval: float, timeout: float, missed: Callable[[], None]
    ) -> None:
        """
        @param missed: called once, when no ping came in time.
        """
        self._reactor = reactor
        self.now = clockOf(reactor)
        self.patience = min(interval + timeout, LONGEST)
        self._interval = interval
        self._missed = missed
        self._state = _ALIVE
        self._last = self.now()
        self.expires = self._last + self.patience
        self._call: IDelayedCall = reactor.callLater(self.patience, self._timeUp)

    def beat(self) -> None:
        """
        A ping came.  It comes too late if L{overdue} has said so.
        """
        if self._state == _DEAD:
            return
        now = self.now()
        late = now - self._last - self._interval
        if late > self._interval / 2:
            _log.warn(
                "A heartbeat came {late:.1f} s late; something held this process, or the network.",
                late=late,
            )
        self._last = now
        self.expires = now + self.patience
        self._state = _ALIVE
        if self._call.active():
            self._call.reset(self.patience)

    def overdue(self) -> bool:
        """
        Whether the deadline has passed already, noticed or not.

        If so, that is final: who asked keeps what it has for the next
        connection.  C{missed} is called in the next turn, whatever comes.
        """
        if self._state != _DEAD and self.now() > self.expires:
            self._die()
            if self._call.active():
                self._call.reset(0)
        return self._state == _DEAD

    def stop(self) -> None:
        """
        Watch no longer.
        """
        if self._call.active():
            self._call.cancel()

    # inside

    def _die(self) -> None:
        self._state = _DEAD
        self.expires = float("-inf")

    def _timeUp(self) -> None:
        left = self.expires - self.now()
        if self._state == _DEAD:
            self._missed()
        elif left > 0:
            # The wall clock jumped forward, time did not.
            self._call = self._reactor.callLater(left, self._timeUp)
        elif self._state == _LAST_CHANCE:
            self._die()
            self._missed()
        else:
            # After a suspension timers run before sockets are read: a ping
            # may be waiting there.
            self._state = _LAST_CHANCE
            self._call = self._reactor.callLater(0, self._timeUp)
