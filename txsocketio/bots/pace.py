"""
One pace for all bots of a daemon: how soon they may come back to one host.

Fifty bots whose server restarts would else return together.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from txsocketio.protocol.url import parseURL

__all__ = ["AttemptPace"]


class AttemptPace:
    """
    Gives out the moments at which attempts may be made, at each host not more
    than so many in a second, evenly spread.

    @ivar perSecond: how many; L{None} for any number.
    """

    def __init__(self, clock: Any, perSecond: float | None = None) -> None:
        self._clock = clock
        self.perSecond = perSecond
        self._taken: dict[str, list[float]] = {}

    def lengthen(self, url: str, delay: float) -> float:
        """
        Take the first free moment for an attempt.

        @param url: the server's.
        @param delay: how many seconds from now it is planned.
        @return: how many seconds from now it may be made; never fewer.
        """
        if self.perSecond is None:
            return delay
        now: float = self._clock.seconds()
        apart = 1.0 / self.perSecond
        taken = self._stillTaken(parseURL(url).host, now - apart)
        moment = _firstFree(taken, now + delay, apart)
        insort(taken, moment)
        return max(delay, moment - now)

    def _stillTaken(self, host: str, since: float) -> list[float]:
        taken = self._taken.setdefault(host, [])
        del taken[: bisect_left(taken, since)]
        return taken


def _firstFree(taken: list[float], moment: float, apart: float) -> float:
    """
    The first moment, not before C{moment}, that is far enough from all taken.
    """
    # What was added up must not be refused for its last bit.
    near = apart * (1 - 1e-9)
    for each in taken[bisect_left(taken, moment - near) :]:
        if each - moment >= near:
            break
        moment = each + apart
    return moment
