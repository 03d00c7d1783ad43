"""
How fast one bot may emit: a token bucket before its socket's send buffer.

What is over the rate waits in order, within C{sendBufferLimit}, and is sent
when its time has come; nothing vanishes but what is volatile.  What a session
listener emits by its C{info} goes out at once and is counted, so that logging
in never waits.

Must not know: bots, files.
"""

from __future__ import annotations

import math
from typing import Any

from twisted.internet.interfaces import IDelayedCall

__all__ = ["RateLimit"]

ROUNDING = 1e-9
"""So much less than a token is one: time is counted in floats."""


class RateLimit:
    """
    Corks a socket when it has sent enough for the moment.
    """

    _timer: IDelayedCall | None = None

    def __init__(self, socket: Any, rate: float, burst: int | None = None) -> None:
        """
        @param rate: how many events a second, on the average.
        @param burst: how many at once after a pause; a second's worth, and
            one at least, when L{None}.
        """
        self._socket = socket
        self._clock = socket.io.reactor
        self._rate = rate
        self._burst = burst or max(1, math.ceil(rate))
        self._tokens = float(self._burst)
        self._counted = self._clock.seconds()
        socket.pace(self._sent)

    def stop(self) -> None:
        """
        Limit no more.
        """
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self._socket.pace(None).uncork()

    # inside

    def _sent(self) -> None:
        self._refill()
        self._tokens -= 1
        if self._timer is None and not self._enough:
            self._socket.cork()
            self._wait()

    def _refill(self) -> None:
        now = self._clock.seconds()
        gained = (now - self._counted) * self._rate
        self._counted = now
        self._tokens = min(float(self._burst), self._tokens + gained)

    @property
    def _enough(self) -> bool:
        return self._tokens >= 1 - ROUNDING

    def _wait(self) -> None:
        self._timer = self._clock.callLater((1 - self._tokens) / self._rate, self._look)

    def _look(self) -> None:
        self._timer = None
        self._refill()
        if self._enough:
            self._socket.uncork()
        else:
            self._wait()  # a session was set up meanwhile
