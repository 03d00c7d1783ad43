"""
C{socket.stream("a")}: events as an asynchronous iterator, with back-pressure.

The emitter holds a stream weakly, so that a loop left by C{break} costs
nothing any more - except while somebody waits for its next event, for then
nothing else may hold it.

Must not know: sockets, packets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred, fail, succeed

from txsocketio.acks import shaped
from txsocketio.backlog import Backlog
from txsocketio.errors import Overflow

__all__ = ["OVERFLOWS", "Stream"]

OVERFLOWS = ("raise", "dropOldest")


class Stream:
    """
    Events still to come, one after the other.

    Use it as C{async for value in stream}; with C{async with} around it, it
    is closed in time also when the loop is left.

    @ivar events: the names of the events.
    """

    events: tuple[Any, ...] = ()

    def __init__(
        self,
        backlog: Backlog,
        overflow: str,
        withNames: bool,
        anchor: set[Stream],
        closed: Callable[[Stream], None],
    ) -> None:
        """
        @param withNames: whether values are pairs of event and argument(s).
        @param anchor: holds the stream while somebody waits.
        @param closed: told when the stream wants no more events.
        """
        if overflow not in OVERFLOWS:
            raise ValueError(f'overflow must be "raise" or "dropOldest", not {overflow!r}')
        self._backlog = backlog
        self._overflow = overflow
        self._withNames = withNames
        self._anchor = anchor
        self._closed = closed
        self._waiters: deque[Deferred[Any]] = deque()
        self._end: BaseException | None = None

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.events))
        ended = "" if self._end is None else ", ended"
        return f"<Stream of {names}: {len(self._backlog)} waiting{ended}>"

    def __aiter__(self) -> Stream:
        return self

    def __anext__(self) -> Deferred[Any]:
        """
        @return: fires with the next event's argument(s), shaped as in
            C{emitWithAck}; with several events, with a pair of the event and
            these.  Fails with L{StopAsyncIteration} at the end, with
            L{Overflow} when the loop was too slow.
        """
        if len(self._backlog):
            return succeed(self._backlog.take())
        if self._end is not None:
            return fail(self._end)
        waiter: Deferred[Any] = Deferred(self._cancelled)
        self._waiters.append(waiter)
        self._anchor.add(self)
        return waiter

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def aclose(self) -> None:
        """
        End the stream; what it holds is forgotten.
        """
        self.close()

    def close(self) -> None:
        """
        As L{aclose}, for code that is not a coroutine.
        """
        self._backlog.clear()
        self.finish(StopAsyncIteration())

    def finish(self, end: BaseException) -> None:
        """
        No more events come; those that wait are still delivered.
        """
        if self._end is not None:
            return
        self._end = end
        self._closed(self)
        waiters, self._waiters = self._waiters, deque()
        self._anchor.discard(self)
        for waiter in waiters:
            if not waiter.called:  # an earlier one may have cancelled it
                waiter.errback(end)

    def forwarder(self, event: Any) -> Callable[..., None]:
        """
        A listener that knows this stream weakly.
        """
        weak = ref(self)

        def forward(*values: Any) -> None:
            stream = weak()
            if stream is not None:
                stream.put(event, values)

        return forward

    def put(self, event: Any, values: tuple[Any, ...]) -> None:
        """
        An event came.
        """
        if self._end is not None:
            return  # an earlier listener of this very event ended the stream
        item = (event, shaped(values)) if self._withNames else shaped(values)
        if self._waiters:
            waiter = self._waiters.popleft()
            if not self._waiters:
                self._anchor.discard(self)
            waiter.callback(item)
        elif not self._backlog.full:
            self._backlog.put(item)
        elif self._overflow == "dropOldest":
            self._backlog.take()
            self._backlog.put(item)
        else:
            self.finish(Overflow(f"{len(self._backlog)} events wait; the stream reads too slowly"))

    # inside

    def _cancelled(self, waiter: Deferred[Any]) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        if not self._waiters:
            self._anchor.discard(self)
