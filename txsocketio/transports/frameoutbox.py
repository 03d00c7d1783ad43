"""
The way out of a WebSocket: frames are gathered and written once a turn.

The first write of a turn is tried at once, by the transport's own system call
where it has one, because a lone message should not wait for the reactor; what
follows in the same turn is gathered, because a system call a frame costs more
than the frames.  Knows Twisted's transports, knows nothing of frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

__all__ = ["FrameOutbox", "bytesWaitingIn"]

LIMIT = 65536
"""Bytes that are gathered before they are written without waiting for the turn's end."""

TURN = 0.00001
"""Seconds after a write during which another counts as of the same turn: some
emits in a row are closer together than that, two turns of a reactor are not."""


@implementer(IPushProducer)
class FrameOutbox:
    """
    Gathers what is written and hands it to a transport.

    It registers as the transport's streaming producer only to learn when that
    is full.

    @ivar congested: true while more than 64 KiB wait in the transport.
    """

    __slots__ = (
        "_direct",
        "_drainCall",
        "_drained",
        "_ended",
        "_filled",
        "_flushCall",
        "_frames",
        "_gathering",
        "_lastWrite",
        "_reactor",
        "_registered",
        "_seconds",
        "_shut",
        "_transport",
        "_waiting",
        "_writing",
        "congested",
    )

    def __init__(
        self,
        reactor: Any,
        transport: Any,
        drained: Callable[[], None],
        filled: Callable[[], None] = lambda: None,
    ) -> None:
        """
        @param drained: called when the outbox is not congested any more.
        @param filled: called when it becomes so, which may be while it is
            written to.
        """
        self.congested = False
        self._gathering = False  # somebody will call flush()
        self._shut = False
        self._reactor = reactor
        self._seconds = reactor.seconds
        self._transport = transport
        self._drained = drained
        self._filled = filled
        self._direct = _writesDirectly(transport)
        self._frames: list[bytes] = []
        self._waiting = 0
        self._lastWrite = -1.0
        self._flushCall: Any = None
        self._drainCall: Any = None
        self._writing = False
        self._ended = False
        self._registered = _register(transport, self)

    # from above

    def put(self, frame: bytes) -> None:
        """
        Write one frame, now or at the end of this turn.
        """
        if self._gathering:
            self._frames.append(frame)
            self._waiting += len(frame)
            if self._waiting > LIMIT:
                self.flush()
        elif not self._shut:
            self._putFirst(frame)

    def putAhead(self, frame: bytes) -> None:
        """
        As L{put}, but before what was gathered.
        """
        if self._gathering:
            self._frames.insert(0, frame)
            self._waiting += len(frame)
        else:
            self.put(frame)

    def hold(self) -> None:
        """
        Gather all that is put, until L{letGo}.
        """
        self._gathering = not self._shut

    def letGo(self) -> None:
        """
        Write what was gathered; what is put now need not wait.
        """
        self._gathering = self._flushCall is not None and not self._shut
        self.flush()

    def shut(self) -> None:
        """
        Take nothing any more; what was put will be written.
        """
        self._shut = True
        self._gathering = False

    def flush(self) -> None:
        """
        Write what was gathered.
        """
        frames = self._frames
        if frames:
            self._frames = []
            self._waiting = 0
            self._write(frames[0] if len(frames) == 1 else b"".join(frames))

    def bufferedAmount(self) -> int:
        """
        Bytes that wait here and in the transport.
        """
        if self._direct:
            transport = self._transport
            held: int = transport._tempDataLen + len(transport.dataBuffer) - transport.offset
            return self._waiting + held
        return self._waiting + bytesWaitingIn(self._transport)

    def release(self) -> None:
        """
        Write what was gathered, take nothing any more, and stop being the
        transport's producer, which would keep it from closing.
        """
        self.shut()
        self.flush()
        if self._registered:
            self._registered = False
            self._transport.unregisterProducer()

    def end(self) -> None:
        """
        Forget everything: the connection is gone.
        """
        self._ended = True
        self.shut()
        self._frames = []
        self._waiting = 0
        self.congested = False
        for call in (self._flushCall, self._drainCall):
            if call is not None:
                call.cancel()
        self._flushCall = self._drainCall = None

    # from the transport

    def pauseProducing(self) -> None:
        """
        The transport is full; it says so again at every write.
        """
        if not self.congested:
            self.congested = True
            self._filled()

    def resumeProducing(self) -> None:
        """
        The transport has written everything.
        """
        if not self.congested or self._ended:
            return
        if not self._writing:
            self._tellDrained()
        elif self._drainCall is None:
            self._drainCall = self._reactor.callLater(0, self._tellDrained)

    def stopProducing(self) -> None:
        """
        The connection is lost; it is said elsewhere.
        """

    # inside

    def _putFirst(self, frame: bytes) -> None:
        """
        Write the first frame of a turn; gather the others.
        """
        if 0 <= self._seconds() - self._lastWrite < TURN:
            self._flushCall = self._reactor.callLater(0, self._turnEnded)
            self._gathering = True
            self._frames.append(frame)
            self._waiting += len(frame)
        else:
            self._write(frame)
            self._lastWrite = self._seconds()

    def _tellDrained(self) -> None:
        self._drainCall = None
        self.congested = False
        self._drained()

    def _turnEnded(self) -> None:
        self._flushCall = None
        self.letGo()

    def _write(self, data: bytes) -> None:
        self._writing = True
        try:
            if self._direct:
                self._writeDirectly(data)
            else:
                self._transport.write(data)
        finally:
            self._writing = False

    def _writeDirectly(self, data: bytes) -> None:
        transport = self._transport
        if transport.connected and not (
            transport._tempDataLen or transport.dataBuffer or transport.disconnecting
        ):
            written = transport.writeSomeData(data)
            # An exception means the connection is lost; the reactor will
            # notice by the write below.
            if written.__class__ is int and written > 0:
                if written == len(data):
                    return
                data = data[written:]
        transport.write(data)


def _writesDirectly(transport: Any) -> bool:
    """
    Whether what waits in the transport can be seen, and written past the reactor.
    """
    return (
        isinstance(transport, FileDescriptor)
        and not getattr(transport, "TLS", False)
        and all(
            hasattr(transport, name)
            for name in ("_tempDataLen", "dataBuffer", "offset", "writeSomeData")
        )
    )


def _register(transport: Any, producer: FrameOutbox) -> bool:
    try:
        transport.registerProducer(producer, True)
    except (AttributeError, RuntimeError):
        # No consumer, or a producer of somebody else.
        return False
    return True


def bytesWaitingIn(transport: Any) -> int:
    """
    How many bytes wait in a transport and in those it wraps, as far as can be seen.
    """
    total = 0
    for _ in range(8):
        total += _waitingHere(transport)
        inner = getattr(transport, "transport", None)
        if inner is None or isinstance(transport, FileDescriptor):
            break
        transport = inner
    return total


def _waitingHere(transport: Any) -> int:
    if isinstance(transport, FileDescriptor):
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    # TLS: what OpenSSL did not take, and what waits for the turn's end.
    unsent = getattr(transport, "_appSendBuffer", ())
    aggregated = getattr(getattr(transport, "_aggregator", None), "_buffer", ())
    return sum(map(len, unsent)) + sum(map(len, aggregated))
