"""
How one socket emits: the acknowledgement waited for, the packet encoded, sent
at once, kept for later, queued for retries, or dropped - and every Deferred
settled in the end.

Must not know: connecting, receiving, engines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from threading import get_ident
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from txsocketio.acks import AckCallback, AckDeferred, PendingAcks, shaped
from txsocketio.errors import (
    Disconnected,
    Dropped,
    PayloadTooLarge,
    ReservedEventName,
    SocketIOError,
)
from txsocketio.interfaces import IManager
from txsocketio.modifiers import PLAIN, Modifiers
from txsocketio.options import SocketOptions
from txsocketio.outbox import Acceptance, Accepted, Outbox, Parcel
from txsocketio.protocol.socketio import EVENT, RESERVED_EVENTS
from txsocketio.retries import Retried, RetryQueue

__all__ = ["Sender"]

Waiting = AckDeferred | AckCallback | None


class Sender:
    """
    The emitting half of a socket.

    @ivar acks: the acknowledgements that are waited for.
    @ivar outbox: what waits to be sent.
    @ivar failure: why nothing can be emitted any more, or L{None}.
    @ivar sessions: how many sessions are over.
    """

    __slots__ = (
        "_ackTimeout",
        "_manager",
        "_namespace",
        "_retries",
        "_thread",
        "acks",
        "failure",
        "outbox",
        "sessions",
    )

    def __init__(
        self,
        manager: IManager,
        namespace: str,
        options: SocketOptions,
    ) -> None:
        self._manager = manager
        self._namespace = namespace
        self._ackTimeout = options.ackTimeout
        self.failure: SocketIOError | None = None
        self._thread: int | None = None  # the reactor's, once that is known
        self.sessions = 0
        self.acks = PendingAcks(manager.reactor, self._timedOut)
        self.outbox = Outbox(manager, options.sendBufferLimit, self.acks.forget)
        self._retries: RetryQueue | None = None
        if options.retries:
            self._retries = RetryQueue(options.retries, self._sendRetried, self._forget)

    @property
    def settled(self) -> bool:
        """
        Whether nothing waits to be sent or answered.
        """
        engine = self._manager.engine
        unsent = engine is not None and engine.bufferedAmount()
        return not (len(self.outbox) or len(self.acks) or self._retries or unsent)

    # from above: emitting

    def emit(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[bool]:
        """
        See L{Socket.emit <txsocketio.socket.Socket.emit>}.
        """
        if event.__class__ is str and event in RESERVED_EVENTS:
            raise ReservedEventName(event)
        if self._thread != get_ident():
            self._checkThread()
        outbox = self.outbox
        if (
            how is not PLAIN
            or not outbox.live
            or self._retries is not None
            or (args and callable(args[-1]))
        ):
            return self._emitCarefully(how, event, args)
        # What _post would do for most events, without its detours.
        engine = self._manager.engine
        if not engine.ready():
            if engine.expired():
                return self._emitCarefully(how, event, args)
            outbox.checkRoom()
        values = (event, *args)
        text, binaries = self._manager.parser.encode(EVENT, self._namespace, None, values)
        if not outbox.open:
            # What the parser called has disconnected us.
            return succeed(False)
        try:
            congested = self._manager.sendPacket(text, binaries, True)
        except PayloadTooLarge as error:
            return fail(error)
        if outbox.show is not None:
            outbox.show(values)
        if not congested or not outbox.open:
            return Accepted()  # also if a listener to whom it was shown has disconnected us
        outbox.count(text, binaries)
        return outbox.whenAccepted()

    def call(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[Any]:
        """
        See L{Socket.emitWithAck <txsocketio.socket.Socket.emitWithAck>}.
        """
        if event.__class__ is str and event in RESERVED_EVENTS:
            raise ReservedEventName(event)
        if self._thread != get_ident():
            self._checkThread()
        if self._retries is not None and not how.volatile:
            return self._callRetried(how, (event, *args))
        values = (event, *args)
        waiting = AckDeferred(self._cancelled)
        if how is not PLAIN or not self.outbox.live or not self._manager.engine.ready():
            self._post(how, values, waiting, False)
            return waiting
        # What _post would do for most events, without its detours.
        text, binaries = self._encode(how, values, waiting)
        if not self.outbox.open:
            # What the parser called has disconnected us, and so this has failed.
            return waiting
        try:
            self._manager.sendPacket(text, binaries, True)
        except PayloadTooLarge as error:
            self._forget(waiting)
            waiting.fail(error)
            return waiting
        if self.outbox.show is not None:
            self.outbox.show(values)
        return waiting

    def emitNow(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[bool]:
        """
        Emit past the buffers, while a session is being set up.
        """
        _checkName(event)
        waiting = None
        if args and callable(args[-1]):
            waiting = self._callbackFor(how, args[-1])
            args = args[:-1]
        return self._sendNow(how, (event, *args), waiting, True)  # type: ignore[return-value]

    def callNow(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[Any]:
        """
        Emit and ask past the buffers, while a session is being set up.
        """
        _checkName(event)
        waiting = AckDeferred(self._cancelled)
        self._sendNow(how, (event, *args), waiting, False)
        return waiting

    def clear(self) -> int:
        """
        Drop what waits to be sent.

        @return: how many packets that were.
        """
        parcels = list(self.outbox)
        for parcel in parcels:
            if parcel.waiting is not None:
                self.acks.forget(parcel.waiting)
        self.outbox.empty(False)
        for parcel in parcels:
            if parcel.waiting is not None:
                parcel.waiting.fail(Dropped("clearSendBuffer() was called"))
        return len(parcels)

    # from above: the session

    def sessionReady(self) -> None:
        """
        Send what waits; from now on packets go straight.
        """
        self._thread = get_ident()
        self.outbox.flush()
        if self._retries is not None and self.outbox.live:
            self._retries.ready()

    def cork(self) -> None:
        """
        Keep from now on what is emitted, whether or not there is a session.
        """
        self.outbox.cork()
        if self._retries is not None:
            self._retries.hold()

    def uncork(self) -> None:
        """
        Send what waited while the outbox was corked.
        """
        self.outbox.uncork()
        if self._retries is not None and self.outbox.live:
            self._retries.ready()

    def sessionOver(self) -> None:
        """
        Keep from now on what is emitted.
        """
        self.sessions += 1
        self.outbox.stop()

    def sessionEnded(self, reason: str, details: Any) -> None:
        """
        Settle what depended on the session that is over.
        """
        self.outbox.drained()
        if self._retries is not None:
            self._retries.interrupted(reason, details)
        kept = {
            parcel.waiting.ackID
            for parcel in self.outbox
            if parcel.waiting is not None and parcel.waiting.ackID is not None
        }
        self.acks.failAll(Disconnected(reason, details), kept)

    def release(self) -> Callable[[bool | SocketIOError, SocketIOError], None]:
        """
        Take out everything that waits now, so that what is emitted from now
        on is not touched.

        @return: settles it: it will not be sent, or not be answered.  To be
            called with what becomes of emits that were not sent, and what
            those fail with that wait for an answer.
        """
        parcels = self.outbox.takeAll()
        queued = self._retries.takeAll() if self._retries is not None else ()
        waiting = self.acks.present()

        def settle(outcome: bool | SocketIOError, error: SocketIOError) -> None:
            for parcel in parcels:
                parcel.settle(outcome)
            for retried in queued:
                retried.settle(error, ())
            self.acks.failThese(waiting, error)

        return settle

    # inside: threads

    def _checkThread(self) -> None:
        if self._thread is not None:
            raise RuntimeError(
                "emit was called from another thread than the reactor's; "
                "use reactor.callFromThread(socket.emit, ...)"
            )

    # inside: once

    def _emitCarefully(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[bool]:
        waiting = None
        if args and callable(args[-1]):
            waiting = self._callbackFor(how, args[-1])
            args = args[:-1]
        if self._retries is not None and not how.volatile:
            return self._emitRetried(how, (event, *args), waiting)
        return self._post(how, (event, *args), waiting, True)  # type: ignore[return-value]

    def _callbackFor(self, how: Modifiers, function: Callable[..., Any]) -> AckCallback:
        timed = how.timeout is not None or self._ackTimeout is not None
        return AckCallback(function, timed or self._retries is not None, self._manager)

    def _post(
        self, how: Modifiers, values: tuple[Any, ...], waiting: Waiting, wanted: bool
    ) -> Deferred[bool] | None:
        """
        Send an event or keep it.

        @param wanted: whether the caller wants to know what became of it.
        """
        if self.failure is not None:
            return _refused(self.failure, waiting, wanted)
        engine = self._manager.engine
        now = self.outbox.live and not engine.expired()
        congested = now and engine.congested
        if how.volatile and (congested or not now):
            return _dropped(waiting, wanted)
        if congested or not now:
            self.outbox.checkRoom()
        if now:
            return self._sendNow(how, values, waiting, wanted)
        return self._keep(how, values, waiting, wanted)

    def _encode(
        self, how: Modifiers, values: tuple[Any, ...], waiting: Waiting
    ) -> tuple[bytes | None, Sequence[bytes]]:
        parser = self._manager.parser
        if waiting is None:
            return parser.encode(EVENT, self._namespace, None, values)
        if self._manager.reading.held:
            self._manager.reading.goOn()
        timeout = self._ackTimeout if how.timeout is None else how.timeout
        ackID = self.acks.expect(waiting, values[0], timeout)
        try:
            return parser.encode(EVENT, self._namespace, ackID, values)
        except BaseException:
            self.acks.forget(waiting)
            raise

    def _sendNow(
        self, how: Modifiers, values: tuple[Any, ...], waiting: Waiting, wanted: bool
    ) -> Deferred[bool] | None:
        session = self.sessions
        text, binaries = self._encode(how, values, waiting)
        if self.sessions != session:
            # What the parser called has ended it, and whoever waits was told.
            return succeed(False) if wanted else None
        try:
            self.outbox.send(text, binaries, how.compress, values)
        except PayloadTooLarge as error:
            if waiting is not None:
                self.acks.forget(waiting)
            return _refused(error, waiting, wanted)
        if not wanted:
            return None
        # If who was shown it has ended the session, nobody tells us more.
        return Accepted() if self.sessions != session else self.outbox.whenAccepted()

    def _keep(
        self, how: Modifiers, values: tuple[Any, ...], waiting: Waiting, wanted: bool
    ) -> Deferred[bool] | None:
        text, binaries = self._encode(how, values, waiting)
        if waiting is not None and not self.acks.expects(waiting):
            # What the parser called has disconnected us, and whoever waits was told.
            return succeed(False) if wanted else None
        parcel = Parcel(text, binaries, how.compress, values, waiting)
        if wanted:
            parcel.accepted = Acceptance()
            parcel.accepted._canceller = lambda _: self._takeBack(parcel)
        self.outbox.keep(parcel)
        if self.outbox.live and not self._manager.engine.expired():
            # What the parser called has drawn the cork.
            self.outbox.flush()
        return parcel.accepted

    def _takeBack(self, parcel: Parcel) -> None:
        if self.outbox.withdraw(parcel) and parcel.waiting is not None:
            self.acks.forget(parcel.waiting)

    def _timedOut(self, waiting: AckDeferred | AckCallback) -> None:
        """
        Nobody waits for this answer any more, so the packet need not go.
        """
        self.outbox.withdrawFor(waiting)

    def _cancelled(self, waiting: Deferred[Any]) -> None:
        assert isinstance(waiting, AckDeferred)
        self._forget(waiting)

    def _forget(self, waiting: AckDeferred | AckCallback) -> None:
        self.acks.forget(waiting)
        self.outbox.withdrawFor(waiting)

    # inside: with retries

    def _emitRetried(
        self, how: Modifiers, values: tuple[Any, ...], callback: AckCallback | None
    ) -> Deferred[bool]:
        result: Deferred[bool] = Deferred(lambda _: self._queue().withdraw(retried))

        def settle(error: SocketIOError | None, answer: tuple[Any, ...]) -> None:
            if callback is not None:
                callback.fail(error) if error is not None else callback.answer(answer)
            if result.called:
                return
            unsent = isinstance(error, Disconnected) and not retried.tries
            if error is None or unsent or callback is not None:
                result.callback(error is None)
            else:
                result.errback(error)

        retried = self._retried(how, values, settle)
        self._enqueue(retried)
        return result

    def _callRetried(self, how: Modifiers, values: tuple[Any, ...]) -> Deferred[Any]:
        result: Deferred[Any] = Deferred(lambda _: self._queue().withdraw(retried))

        def settle(error: SocketIOError | None, answer: tuple[Any, ...]) -> None:
            if not result.called:
                result.callback(shaped(answer)) if error is None else result.errback(error)

        retried = self._retried(how, values, settle)
        self._enqueue(retried)
        return result

    def _retried(
        self,
        how: Modifiers,
        values: tuple[Any, ...],
        settle: Callable[[SocketIOError | None, tuple[Any, ...]], None],
    ) -> Retried:
        # Encoded once here, so that what cannot be sent is refused at the call.
        text, binaries = self._manager.parser.encode(EVENT, self._namespace, None, values)
        queue = self._queue()
        mustWait = len(queue) or not self.outbox.live
        self.outbox.checkLimits(len(queue) if mustWait else None, queue.bytes)
        size = len(text or b"") + sum(map(len, binaries))
        return Retried(tuple(map(_frozen, values)), how, settle, size)

    def _enqueue(self, retried: Retried) -> None:
        if self.failure is not None:
            retried.settle(self.failure, ())
        else:
            self._queue().add(retried)

    def _sendRetried(self, retried: Retried, waiting: AckCallback) -> None:
        # The limits were asked when it was queued.
        now = self.outbox.live and not self._manager.engine.expired()
        send = self._sendNow if now else self._keep
        try:
            send(retried.how, retried.values, waiting, False)
        except Exception as error:
            # What the parser calls, and it may be anybody's, did it once only.
            self.acks.forget(waiting)
            waiting.fail(error)  # type: ignore[arg-type]

    def _queue(self) -> RetryQueue:
        assert self._retries is not None
        return self._retries


def _frozen(value: Any) -> Any:
    """
    What the caller's later changes do not reach.
    """
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_frozen(each) for each in value]
    return deepcopy(value)


def _checkName(event: Any) -> None:
    if event.__class__ is str and event in RESERVED_EVENTS:
        raise ReservedEventName(event)


def _refused(error: SocketIOError, waiting: Waiting, wanted: bool) -> Deferred[bool] | None:
    if waiting is not None:
        waiting.fail(error)
    return fail(error) if wanted else None


def _dropped(waiting: Waiting, wanted: bool) -> Deferred[bool] | None:
    if waiting is not None:
        waiting.fail(Dropped("a volatile event was dropped: the socket could not send it now"))
    return succeed(False) if wanted else None
