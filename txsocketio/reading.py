"""
When a manager's connection may stop being read, so that a server feels that
its events are consumed too slowly.

Reading stops for the whole connection, and pings and answers wait behind the
events.  So it never stops while anybody waits for an answer, and never for
longer than half the server's C{pingTimeout} at a time.

Must not know: sockets, streams.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

__all__ = ["Reading"]


_NOBODY: frozenset[object] = frozenset()


class Reading:
    """
    Whether a connection is read, and who wants it not to be.

    @ivar held: whether it is not read now.
    """

    __slots__ = (
        "_answerAwaited",
        "_clock",
        "_engine",
        "_exhausted",
        "_holders",
        "_longest",
        "_timer",
        "held",
    )

    def __init__(self, clock: Any, answerAwaited: Callable[[], bool]) -> None:
        self._clock = clock
        self._answerAwaited = answerAwaited
        self._engine: Any = None
        self._longest = 0.0
        self._holders = _NOBODY
        self._timer: IDelayedCall | None = None
        self._exhausted = False
        self.held = False

    def begin(self, engine: Any, pingTimeout: float) -> None:
        """
        A connection is there.
        """
        self._engine = engine
        self._longest = pingTimeout / 2
        self._exhausted = False

    def end(self) -> None:
        """
        The connection is gone.
        """
        self.goOn()
        self._engine = None

    def hold(self, holder: object) -> None:
        """
        Somebody has more than enough; said again with everything that comes.
        """
        self._holders |= {holder}
        if self.held or self._exhausted or self._engine is None or self._answerAwaited():
            return
        self.held = True
        self._timer = self._clock.callLater(self._longest, self._longEnough)
        self._engine.pauseReading()

    def release(self, holder: object) -> None:
        """
        Somebody can take more.
        """
        self._holders -= {holder}
        if not self._holders:
            self._exhausted = False
            self.goOn()

    def goOn(self) -> None:
        """
        Read again: somebody waits for an answer.
        """
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        if self.held:
            self.held = False
            self._engine.resumeReading()

    def pinged(self) -> None:
        """
        The heartbeat was heard, so reading may stop again.
        """
        self._exhausted = False

    # inside

    def _longEnough(self) -> None:
        self._timer = None
        self._exhausted = True
        self.goOn()
