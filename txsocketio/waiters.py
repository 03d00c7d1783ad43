"""
Several who wait for the same thing, each with a Deferred of its own.

Must not know: what they wait for.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

__all__ = ["Waiters"]


class Waiters:
    """
    Deferreds that fire together; whoever cancels one only stops waiting.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[Deferred[Any], None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self) -> Deferred[Any]:
        """
        @return: fires when the others do.
        """
        waiter: Deferred[Any] = Deferred(lambda each: self._waiting.pop(each, None))
        self._waiting[waiter] = None
        return waiter

    def take(self) -> Waiters:
        """
        Set those who wait now apart from those who come.
        """
        taken = Waiters()
        taken._waiting, self._waiting = self._waiting, {}
        return taken

    def succeed(self, result: Any) -> None:
        """
        What they waited for is there.
        """
        for waiter in self.take()._waiting:
            if not waiter.called:
                waiter.callback(result)

    def fail(self, error: BaseException) -> None:
        """
        What they waited for will not come.
        """
        for waiter in self.take()._waiting:
            if not waiter.called:
                waiter.errback(error)
