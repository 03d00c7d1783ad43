"""
Answering an event that the server wants acknowledged.

A listener may take the C{ack} callable, or return the answer, or a Deferred
or coroutine of it.  The first answer counts; when all listeners are done, none
took C{ack} and none returned anything, the answer is empty.

Must not know: sockets, packets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Answer"]


class Answer:
    """
    The one answer to one event.
    """

    __slots__ = ("_answer", "_given", "_pending", "_succeeded", "_taken")

    def __init__(self, answer: Callable[[Sequence[Any]], None]) -> None:
        """
        @param answer: sends the answer; called at most once.
        """
        self._answer = answer
        self._given = False
        self._taken = False
        self._succeeded = False
        self._pending = 1

    def __call__(self, *values: Any) -> None:
        """
        Acknowledge.  Only the first call does anything.

        @raise NotEncodable: a value cannot be sent.
        """
        if not self._given:
            self._answer(values)
            self._given = True

    def returned(self, took: bool, result: object) -> None:
        """
        A listener returned.
        """
        self._succeeded = True
        # What was returned and cannot be sent is no empty answer either.
        self._taken = self._taken or took or result is not None
        if result is not None:
            self(*result if isinstance(result, tuple) else (result,))

    def wait(self, took: bool, later: Deferred[Any], failed: Callable[[Failure], Any]) -> None:
        """
        A listener will return later.
        """
        self._taken = self._taken or took
        self._pending += 1
        later.addCallback(lambda result: self.returned(took, result))
        later.addErrback(failed)
        later.addCallback(lambda _: self.done())

    def done(self) -> None:
        """
        One listener, or the round of calling them, is done.
        """
        self._pending -= 1
        if self._pending == 0 and self._succeeded and not self._taken:
            self()
