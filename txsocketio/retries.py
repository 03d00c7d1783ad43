"""
At least once: the queue behind the C{retries} option.

One packet is in flight at a time, in order.  Only a try that timed out uses up
a retry; time spent offline does not.  Five disconnections in a row with the
same packet in flight fail it, since it may well be what kills the connection.

Must not know: connections, the wire.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from txsocketio.acks import AckCallback, AckDeferred
from txsocketio.errors import AckTimeout, Disconnected, SocketIOError
from txsocketio.modifiers import Modifiers

__all__ = ["RetryQueue", "Retried"]

DISCONNECTIONS = 5


class Retried:
    """
    One event that is sent until it is answered.

    @ivar values: the event's name and (frozen) arguments.
    @ivar settle: called once, with an error or L{None}, and the answer.
    @ivar size: its bytes on the wire, more or less.
    """

    __slots__ = (
        "disconnections",
        "how",
        "settle",
        "size",
        "timeouts",
        "tries",
        "values",
        "waiting",
    )

    def __init__(
        self,
        values: tuple[Any, ...],
        how: Modifiers,
        settle: Callable[[SocketIOError | None, tuple[Any, ...]], None],
        size: int = 0,
    ) -> None:
        self.values = values
        self.size = size
        self.how = how
        self.settle = settle
        self.tries = 0
        self.timeouts = 0
        self.disconnections = 0
        self.waiting: AckDeferred | AckCallback | None = None


class RetryQueue:
    """
    Events waiting for their turn, and the one in flight.

    @ivar bytes: their size together.
    """

    def __init__(
        self,
        retries: float,
        send: Callable[[Retried, AckCallback], None],
        forget: Callable[[AckCallback | AckDeferred], None],
    ) -> None:
        """
        @param send: send one, acknowledged to the given callback.
        @param forget: stop waiting for the acknowledgement.
        """
        self._retries = retries
        self._send = send
        self._forget = forget
        # No deque: each may be withdrawn, and thousands at once.
        self._queue: OrderedDict[Retried, None] = OrderedDict()
        self._ready = False
        self._sending = False
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, retried: Retried) -> None:
        """
        Take one more event.
        """
        self._queue[retried] = None
        self.bytes += retried.size
        self._next()

    def ready(self) -> None:
        """
        The socket is connected: go on.
        """
        self._ready = True
        self._next()

    def hold(self) -> None:
        """
        Send nothing until L{ready}; what is in flight may be answered.
        """
        self._ready = False

    def interrupted(self, reason: str, details: Any) -> None:
        """
        The connection is gone; the packet in flight will be sent again.
        """
        self._ready = False
        head = self._head
        if head is None or head.waiting is None:
            return
        self._landed(head)
        head.disconnections += 1
        if head.disconnections >= DISCONNECTIONS:
            self._finish(head, Disconnected(reason, details))

    def withdraw(self, retried: Retried) -> None:
        """
        Send this one no more; it settles nothing.
        """
        if retried in self._queue:
            self._landed(retried)
            del self._queue[retried]
            self.bytes -= retried.size
            self._next()

    def takeAll(self) -> Sequence[Retried]:
        """
        Give away what waits; whoever asked for it settles it.
        """
        self._ready = False
        queue, self.bytes = list(self._queue), 0
        self._queue.clear()
        for retried in queue:
            self._landed(retried)
        return queue

    # inside

    @property
    def _head(self) -> Retried | None:
        return next(iter(self._queue), None)

    def _next(self) -> None:
        if self._sending:
            return  # a loop, not a recursion, however many fail at once
        self._sending = True
        try:
            while self._ready and (head := self._head) is not None and head.waiting is None:
                self._sendHead(head)
        finally:
            self._sending = False

    def _sendHead(self, head: Retried) -> None:
        waiting = head.waiting = AckCallback(lambda *answer: self._answered(head, *answer), True)
        head.tries += 1
        self._send(head, waiting)

    def _answered(self, head: Retried, error: SocketIOError | None, *values: Any) -> None:
        head.waiting = None
        if error is None:
            self._finish(head, None, values)
        elif isinstance(error, AckTimeout) and head.timeouts < self._retries:
            head.timeouts += 1
            head.disconnections = 0
            self._next()
        elif isinstance(error, AckTimeout):
            self._finish(head, AckTimeout(error.event, error.seconds, tries=head.tries))
        else:
            self._finish(head, error)

    def _finish(
        self, head: Retried, error: SocketIOError | None, values: tuple[Any, ...] = ()
    ) -> None:
        del self._queue[head]
        self.bytes -= head.size
        head.settle(error, values)
        self._next()

    def _landed(self, retried: Retried) -> None:
        waiting, retried.waiting = retried.waiting, None
        if waiting is not None:
            self._forget(waiting)
