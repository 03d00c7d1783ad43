"""
Acknowledgements that are waited for: ack id to whoever waits.

Every one of them settles exactly once, whatever happens: by the answer, by a
timeout, by the end of the session, or by being forgotten (cancelled).  A plain
callback without a timeout is the one exception, as in the reference: at the
end of the session it is never called.

Must not know: packets, buffers, managers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsocketio.errors import AckTimeout, SocketIOError
from txsocketio.results import unfinished

__all__ = ["AckCallback", "AckDeferred", "PendingAcks", "shaped"]


def shaped(values: Sequence[Any]) -> Any:
    """
    What a Deferred fires with for several arguments: none is L{None}, one is
    itself, more are a tuple (parsers give lists for arrays, so a tuple is
    never data).
    """
    if len(values) == 1:
        return values[0]
    return tuple(values) if values else None


class AckDeferred(Deferred[Any]):
    """
    A Deferred that waits for an acknowledgement.
    """

    ackID: int | None = None
    timer: IDelayedCall | None = None
    isCallback = False

    def answer(self, values: Sequence[Any]) -> None:
        """
        The server's answer came.
        """
        if not self.called:
            self.callback(values[0] if len(values) == 1 else shaped(values))

    def fail(self, error: SocketIOError) -> None:
        """
        No answer will come.
        """
        if not self.called:
            self.errback(error)


class AckCallback:
    """
    A plain callable that waits for an acknowledgement.

    @ivar errorFirst: whether it is called with an error, or L{None}, before
        the answer, and so also when no answer comes.
    """

    __slots__ = ("_asker", "_function", "ackID", "errorFirst", "timer")
    isCallback = True

    def __init__(
        self, function: Callable[..., Any], errorFirst: bool, asker: object = None
    ) -> None:
        """
        @param asker: whom the log names as the source, should C{function} fail.
        """
        self._asker = asker
        self._function = function
        self.errorFirst = errorFirst
        self.ackID: int | None = None
        self.timer: IDelayedCall | None = None

    def answer(self, values: Sequence[Any]) -> None:
        """
        The server's answer came.
        """
        self._call(None, *values) if self.errorFirst else self._call(*values)

    def fail(self, error: SocketIOError) -> None:
        """
        No answer will come.
        """
        if self.errorFirst:
            self._call(error)

    def _call(self, *values: Any) -> None:
        try:
            result = self._function(*values)
        except Exception:
            self._logFailure()
        else:
            later = unfinished(result)
            if later is not None:
                later.addErrback(self._logFailure)

    def _logFailure(self, failure: Failure | None = None) -> None:
        log = Logger(source=self._asker)
        text = "Acknowledgement callback {function!r} failed."
        log.failure(text, failure, function=self._function)


Waiting = AckDeferred | AckCallback


class PendingAcks:
    """
    The acknowledgements one socket waits for.
    """

    __slots__ = ("_clock", "_nextID", "_timedOut", "_waiting")
    _missing = "was not acknowledged"

    def __init__(self, clock: IReactorTime, timedOut: Callable[[Waiting], None]) -> None:
        """
        @param timedOut: told of one whose time is up, before it fails, so
            that a packet still in a buffer can be withdrawn.
        """
        self._clock = clock
        self._timedOut = timedOut
        self._nextID = 0
        self._waiting: dict[int, Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, waiting: Waiting, event: object = None, timeout: float | None = None) -> int:
        """
        Wait for an answer.

        @param timeout: seconds from now, or L{None}.
        @return: the ack id to put in the packet.
        """
        ackID = self._nextID
        self._nextID = ackID + 1
        self._waiting[ackID] = waiting
        waiting.ackID = ackID
        if timeout is not None:
            waiting.timer = self._clock.callLater(timeout, self._timeUp, waiting, event, timeout)
        return ackID

    def expects(self, waiting: Waiting) -> bool:
        """
        Whether its answer is still to come.
        """
        return self._waiting.get(waiting.ackID) is waiting  # type: ignore[arg-type]

    def resolve(self, ackID: int | None, values: Sequence[Any]) -> bool:
        """
        The server answered.

        @return: whether anybody waited for it.
        """
        waiting = self._waiting.pop(ackID, None)  # type: ignore[arg-type]
        if waiting is None:
            return False
        if waiting.timer is not None:
            _stopTimer(waiting)
        waiting.answer(values)
        return True

    def forget(self, waiting: Waiting) -> None:
        """
        Wait no longer for this one, and tell it nothing.
        """
        if waiting.ackID is not None:
            self._waiting.pop(waiting.ackID, None)
        _stopTimer(waiting)

    def failAll(self, error: SocketIOError, keep: set[int]) -> None:
        """
        The session ended: fail all but those whose packets are still here.
        """
        lost = [each for ackID, each in self._waiting.items() if ackID not in keep]
        self.failThese(lost, error)

    def present(self) -> list[Waiting]:
        """
        Those who wait now.
        """
        return list(self._waiting.values())

    def failThese(self, some: Sequence[Waiting], error: SocketIOError) -> None:
        """
        Fail those of C{some} who still wait.
        """
        lost = [each for each in some if self.expects(each)]
        for waiting in lost:
            self.forget(waiting)
        for waiting in lost:
            waiting.fail(error)

    # inside

    def _timeUp(self, waiting: Waiting, event: object, timeout: float) -> None:
        waiting.timer = None
        self.forget(waiting)
        self._timedOut(waiting)
        waiting.fail(AckTimeout(event, timeout, self._missing))


def _stopTimer(waiting: Waiting) -> None:
    timer, waiting.timer = waiting.timer, None
    if timer is not None and timer.active():
        timer.cancel()
