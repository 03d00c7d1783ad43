"""
One namespace of one server, as its user sees it.

A socket knows its manager as an L{IManager} and hears from it as an
L{IManagerReceiver}.  Two things are kept apart: C{connected}, the server has
answered CONNECT and the session is set up; and C{active}, the socket wants to
be connected, now or after the next reconnection.

Must not know: engines, transports, the class Manager.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, overload

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.acks import AckCallback, AckDeferred, PendingAcks, shaped
from txsocketio.answers import Answer
from txsocketio.emitter import AnyListener, Emitter, F, Listener, asDeferred
from txsocketio.errors import (
    ConnectRefused,
    DecodeError,
    Disconnected,
    Dropped,
    PayloadTooLarge,
    ReconnectFailed,
    ReservedEventName,
    SocketIOError,
    TransportError,
)
from txsocketio.interfaces import IManager, IManagerReceiver
from txsocketio.modifiers import PLAIN, Emission, Modifiers
from txsocketio.options import SocketOptions
from txsocketio.outbox import Outbox, Parcel
from txsocketio.protocol.socketio import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    RESERVED_EVENTS,
)
from txsocketio.retries import Retried, RetryQueue
from txsocketio.eventwaits import EventWaits
from txsocketio.sessions import SessionInfo, runSession

__all__ = ["Socket"]

_V2_HINT = (
    "the server speaks the protocol of Socket.IO 2; it must be upgraded to Socket.IO 3 or later"
)


@implementer(IManagerReceiver)
class Socket(Emitter):
    """
    A namespace of a server.

    @ivar io: the socket's manager.
    @ivar nsp: the namespace, e.g. C{"/"}.
    @ivar id: the session's id while there is a session, else L{None}.
    @ivar connected: whether events can be exchanged now.
    @ivar active: whether the socket is connected or will connect by itself.
    @ivar recovered: whether the present session continues the previous one.
    @ivar auth: what CONNECT carries: a mapping, L{None}, or a callable that
        returns one, or a Deferred or coroutine of it.
    @ivar why: a sentence that explains C{state}.
    """

    _log = Logger()

    id: str | None = None
    connected = False
    active = False
    recovered = False

    _askedOn: Any = None  # the engine on which CONNECT was sent and not answered by a refusal
    _failure: SocketIOError | None = None
    _connectTimer: IDelayedCall | None = None
    _retryTimer: IDelayedCall | None = None
    _asking: Deferred[Any] | None = None
    _session: Deferred[Any] | None = None
    _pid: str | None = None
    _offset: str | None = None
    _lastReason: str | None = None
    _sessions = 0

    def __init__(self, manager: IManager, namespace: str, options: SocketOptions) -> None:
        super().__init__()
        self.io: Any = manager
        self.nsp = namespace
        self.auth = options.auth
        self.why = "connect() was not called yet"
        self._options = options
        self._any: tuple[Listener, ...] = ()
        self._anyOutgoing: tuple[Listener, ...] = ()
        self._sessionListeners: list[Callable[[SessionInfo], Any]] = []
        self._backoff = manager.buildBackoff()
        self._acks = PendingAcks(manager.reactor, self._ackTimedOut)
        self._outbox = Outbox(manager, options.sendBufferLimit, self._showOutgoing)
        self._retryQueue: RetryQueue | None = None
        if options.retries:
            self._retryQueue = RetryQueue(options.retries, self._sendRetried, self._acks.forget)
        self._received: list[tuple[int | None, list[Any]]] = []
        self._receivedBytes = 0
        self._eventWaits = EventWaits(manager.reactor)
        self._connectWaiters: list[Deferred[Socket]] = []
        self._idleWaiters: list[Deferred[None]] = []

    def __repr__(self) -> str:
        return f"<Socket {self.nsp} {self.state} id={self.id} of {self.io!r}>"

    # from above: state

    @property
    def disconnected(self) -> bool:
        """
        Whether events cannot be exchanged now.
        """
        return not self.connected

    @property
    def state(self) -> str:
        """
        C{"connected"}, C{"connecting"}, C{"waiting"} (before the next
        attempt), C{"failed"} (no further attempt) or C{"disconnected"}.
        """
        if self.connected:
            return "connected"
        if self._failure is not None:
            return "failed"
        if not self.active or self.io.state == "closed":
            return "disconnected"
        waits = self._retryTimer is not None or self.io.state == "waiting"
        return "waiting" if waits else "connecting"

    @property
    def settled(self) -> bool:
        """
        Whether nothing that was emitted waits to be sent or answered, or no
        connection will come to do it.
        """
        if self.state in ("disconnected", "failed"):
            return True
        retried = 0 if self._retryQueue is None else len(self._retryQueue)
        engine = self.io.engine
        unsent = engine is not None and engine.bufferedAmount()
        return not (len(self._outbox) or len(self._acks) or retried or unsent)

    @property
    def _connectSent(self) -> bool:
        return self._askedOn is not None and self._askedOn is self.io.engine

    @property
    def pending(self) -> bool:
        """
        Whether the connection is in use by this socket: the namespace is
        connected, or asked for.
        """
        return self.connected or self._connectSent

    @property
    def sendBuffer(self) -> list[tuple[Any, ...]]:
        """
        What waits to be sent: the name and arguments of each event.
        """
        return [tuple(parcel.values) for parcel in self._outbox]

    @property
    def receiveBuffer(self) -> list[list[Any]]:
        """
        What came before the session was ready: name and arguments.
        """
        return [data for _, data in self._received]

    # from above: connecting

    def connect(self) -> Socket:
        """
        Connect, and stay connected as the manager's options say.  Does
        nothing when that is under way.

        @return: self
        """
        if not self.connected:
            self._failure = None
            if not self.active:
                self.active = True
                self.why = "connecting to the server"
            self._stopRetrying()
            self.io.socketNeeds(self)
        return self

    open = connect

    def disconnect(self) -> Socket:
        """
        Leave the namespace, and the server if nothing else needs it.  What
        was handed over is still sent, for at most 2 seconds.

        @return: self
        """
        if self.connected or self._session is not None:
            self.sayGoodbye()
            self._askedOn = None
        self._leave("io client disconnect", None, "disconnect() was called")
        self._abandon(Disconnected("io client disconnect"))
        return self

    close = disconnect

    def whenConnected(self) -> Deferred[Socket]:
        """
        @return: fires with this socket, now or at the next C{connect}.  Fails
            when none will come: L{ConnectRefused}, L{Disconnected} by the
            client, L{ReconnectFailed}, or what went wrong where
            C{reconnection} is off.  Cancelling it disconnects nothing.
        """
        if self.connected:
            return succeed(self)
        if self._failure is not None:
            return fail(self._failure)
        waiter: Deferred[Socket] = Deferred(lambda d: _discard(self._connectWaiters, d))
        self._connectWaiters.append(waiter)
        return waiter

    def whenDisconnected(self) -> Deferred[None]:
        """
        @return: fires when the socket was given up, by C{disconnect()} or by
            the server, and no timer, request or connection that it alone
            needed is left; at once when that is so now.
        """
        if self.state in ("disconnected", "failed"):
            return self.io.whenUnused()  # type: ignore[no-any-return]
        waiter: Deferred[None] = Deferred(lambda d: _discard(self._idleWaiters, d))
        self._idleWaiters.append(waiter)
        return waiter

    # from above: sending

    def emit(self, event: Any, *args: Any) -> Deferred[bool]:
        """
        Send an event, now or, while the socket is not connected, later.

        A callable as last argument is the acknowledgement callback: it is
        called with the server's answer, error first where a timeout is set.

        @param event: the name: L{str} or L{int}.
        @param args: what the parser can send: for JSON L{None}, booleans,
            numbers, L{str}, L{bytes} and the like, and lists, tuples and
            dicts of these.
        @return: fires with L{True} when the packet was accepted and at most
            64 KiB wait (with C{retries}: when it was answered); with L{False}
            when it was dropped on purpose.  Fails when it is lost:
            L{PayloadTooLarge}, L{ReconnectFailed}; with C{retries} also
            L{AckTimeout} and L{Disconnected}.  Cancelling it takes the packet
            back while it waits here.
        @raise ReservedEventName: the name is the protocol's own.
        @raise NotEncodable: an argument cannot be sent.
        @raise BufferFull: C{sendBufferLimit} is reached.
        """
        return self.emitModified(PLAIN, event, args)

    def emitWithAck(self, event: Any, *args: Any) -> Deferred[Any]:
        """
        Send an event and ask for an answer.

        @return: fires with the answer: L{None} for none, one argument as
            itself, several as a tuple.  Fails with L{AckTimeout},
            L{Disconnected}, L{Dropped} (volatile) or what L{emit} fails with.
            Cancelling it takes the packet back while it waits here, and else
            forgets the answer.
        @raise ReservedEventName: the name is the protocol's own.
        @raise NotEncodable: an argument cannot be sent.
        @raise BufferFull: C{sendBufferLimit} is reached.
        """
        return self.callModified(PLAIN, event, args)

    def send(self, *args: Any) -> Deferred[bool]:
        """
        C{emit("message", ...)}
        """
        return self.emit("message", *args)

    @property
    def volatile(self) -> Emission:
        """
        See L{Emission.volatile}.
        """
        return Emission(self).volatile

    def compress(self, compress: bool) -> Emission:
        """
        See L{Emission.compress}.
        """
        return Emission(self).compress(compress)

    def timeout(self, seconds: float) -> Emission:
        """
        See L{Emission.timeout}.
        """
        return Emission(self).timeout(seconds)

    def clearSendBuffer(self) -> int:
        """
        Drop what waits to be sent; what C{emit} returned fires with
        L{False}, what C{emitWithAck} returned fails with L{Dropped}.

        @return: how many packets that were.
        """
        parcels = list(self._outbox)
        count = self._outbox.empty(False)
        for parcel in parcels:
            self._dropWaiting(parcel.waiting, Dropped("clearSendBuffer() was called"))
        return count

    def emitModified(
        self, how: Modifiers, event: Any, args: tuple[Any, ...]
    ) -> Deferred[bool]:
        """
        L{emit} with modifiers; see L{Emission}.
        """
        _checkName(event)
        waiting = None
        if args and callable(args[-1]):
            waiting = self._callbackFor(how, args[-1])
            args = args[:-1]
        if self._retryQueue is not None and not how.volatile:
            return self._emitRetried(how, (event, *args), waiting)
        return self._emitOnce(how, (event, *args), waiting)

    def callModified(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[Any]:
        """
        L{emitWithAck} with modifiers; see L{Emission}.
        """
        _checkName(event)
        if self._retryQueue is not None and not how.volatile:
            return self._callRetried(how, (event, *args))
        waiting = AckDeferred(self._ackCancelled)
        self._post(how, (event, *args), waiting, False)
        return waiting

    # from above: listening

    @overload
    def onAny(self) -> Callable[[F], F]: ...

    @overload
    def onAny(self, listener: AnyListener) -> Socket: ...

    def onAny(self, listener: AnyListener | None = None) -> Any:
        """
        Call C{listener(event, *args)} for every event that comes.

        @return: self; without a listener, a decorator.
        """
        return self._addAny("_any", listener, False)

    def prependAny(self, listener: AnyListener) -> Socket:
        """
        As L{onAny}, before those that listen already.
        """
        self._addAny("_any", listener, True)
        return self

    def offAny(self, listener: AnyListener | None = None) -> Socket:
        """
        Forget one catch-all listener, or all.
        """
        self._any = _without(self._any, listener)
        return self

    def listenersAny(self) -> list[AnyListener]:
        """
        The catch-all listeners, in order.
        """
        return [each.original for each in self._any]

    @overload
    def onAnyOutgoing(self) -> Callable[[F], F]: ...

    @overload
    def onAnyOutgoing(self, listener: AnyListener) -> Socket: ...

    def onAnyOutgoing(self, listener: AnyListener | None = None) -> Any:
        """
        Call C{listener(event, *args)} for every event when it is sent.

        @return: self; without a listener, a decorator.
        """
        return self._addAny("_anyOutgoing", listener, False)

    def prependAnyOutgoing(self, listener: AnyListener) -> Socket:
        """
        As L{onAnyOutgoing}, before those that listen already.
        """
        self._addAny("_anyOutgoing", listener, True)
        return self

    def offAnyOutgoing(self, listener: AnyListener | None = None) -> Socket:
        """
        Forget one outgoing catch-all listener, or all.
        """
        self._anyOutgoing = _without(self._anyOutgoing, listener)
        return self

    def listenersAnyOutgoing(self) -> list[AnyListener]:
        """
        The outgoing catch-all listeners, in order.
        """
        return [each.original for each in self._anyOutgoing]

    def onSession(
        self, listener: Callable[[SessionInfo], Any]
    ) -> Callable[[SessionInfo], Any]:
        """
        Call C{listener(info)} once per session, and wait for it, before
        anything else happens in the session.  Also a decorator.

        @param listener: may return a Deferred or be a coroutine function; if
            it fails, so does the session: C{connect_error}, and another try
            after a while.
        @return: C{listener}
        """
        self._sessionListeners.append(listener)
        return listener

    def offSession(self, listener: Callable[[SessionInfo], Any] | None = None) -> Socket:
        """
        Forget one session listener, or all.
        """
        self._sessionListeners = [
            each for each in self._sessionListeners if listener is not None and each != listener
        ]
        return self

    # from below

    def managerOpened(self) -> None:
        """
        The engine is open: ask for the namespace.
        """
        if self.active:
            self._askForNamespace()

    def packetReceived(self, packetType: int, ackID: int | None, data: Any) -> None:
        """
        A packet for this namespace.
        """
        if packetType == EVENT:
            if self.connected:
                self._eventReceived(ackID, data)
            else:
                self._holdBack(ackID, data)
        elif packetType == ACK:
            if not self._acks.resolve(ackID, data):
                self._log.debug("Nobody waits for acknowledgement {ackID}.", ackID=ackID)
        elif packetType == CONNECT:
            self._connectReceived(data)
        elif packetType == CONNECT_ERROR:
            self._refusalReceived(data)
        elif packetType == DISCONNECT:
            self._disconnectReceived()

    def managerDrained(self) -> None:
        """
        More can be sent.
        """
        self._outbox.drained()

    def managerClosed(self, reason: str, details: Any) -> None:
        """
        The connection is gone.
        """
        asked, self._askedOn = self._connectSent, None
        if self.active:
            self.why = f"the connection was lost: {reason}"
            self._endSession(reason, details, asked)

    def attemptFailed(self, error: Exception) -> None:
        """
        The server could not be reached this time.
        """
        if self.active and not self.connected:
            self.why = str(error)
            self._show("connect_error", error)

    def managerFailed(self, error: SocketIOError) -> None:
        """
        No further attempt will be made.
        """
        if not self.active:
            return
        if isinstance(error, ReconnectFailed):
            self.active = False
            self._failure = error
            self.why = str(error)
            self._outbox.empty(error)
            self._failPending(error)
        self._failConnectWaiters(error)
        if not self.active:
            self._tellIdle()

    def sayGoodbye(self) -> None:
        """
        The manager is about to close: tell the server.
        """
        if self.connected or self._session is not None:
            self._sendControl(DISCONNECT, None)

    def managerStopped(self, error: Disconnected) -> None:
        """
        The manager was closed by the client.
        """
        self._abandon(error)
        self._tellIdle()

    # inside: sending

    def _callbackFor(self, how: Modifiers, function: AnyListener) -> AckCallback:
        timed = how.timeout is not None or self._options.ackTimeout is not None
        return AckCallback(function, timed or self._retryQueue is not None)

    def _emitOnce(
        self, how: Modifiers, values: tuple[Any, ...], waiting: AckCallback | None
    ) -> Deferred[bool]:
        return self._post(how, values, waiting, True)  # type: ignore[return-value]

    def _post(
        self,
        how: Modifiers,
        values: tuple[Any, ...],
        waiting: AckDeferred | AckCallback | None,
        wanted: bool,
    ) -> Deferred[bool] | None:
        """
        Send an event or keep it.

        @param wanted: whether the caller wants to know what became of it.
        """
        if self._failure is not None:
            return self._refuse(self._failure, waiting, wanted)
        now = self._outbox.live and not self.io.engine.expired()
        if how.volatile and not (now and not self.io.engine.congested):
            return self._dropVolatile(waiting, wanted)
        if not now or self.io.engine.congested:
            self._outbox.checkRoom()
        text, binaries = self._encode(how, values, waiting)
        if now:
            return self._sendNow(how, text, binaries, values, waiting, wanted)
        return self._keep(how, Parcel(text, binaries, how.compress, values, waiting), wanted)

    def _encode(
        self, how: Modifiers, values: tuple[Any, ...], waiting: AckDeferred | AckCallback | None
    ) -> tuple[bytes | None, Sequence[bytes]]:
        ackID = None
        if waiting is not None:
            timeout = self._options.ackTimeout if how.timeout is None else how.timeout
            ackID = self._acks.expect(waiting, values[0], timeout)
        try:
            return self.io.parser.encode(EVENT, self.nsp, ackID, values)  # type: ignore[no-any-return]
        except BaseException:
            if waiting is not None:
                self._acks.forget(waiting)
            raise

    def _sendNow(
        self,
        how: Modifiers,
        text: bytes | None,
        binaries: Sequence[bytes],
        values: tuple[Any, ...],
        waiting: AckDeferred | AckCallback | None,
        wanted: bool,
    ) -> Deferred[bool] | None:
        try:
            self._outbox.send(text, binaries, how.compress, values)
        except PayloadTooLarge as error:
            if waiting is not None:
                self._acks.forget(waiting)
            return self._refuse(error, waiting, wanted)
        return self._outbox.whenAccepted() if wanted else None

    def _keep(self, how: Modifiers, parcel: Parcel, wanted: bool) -> Deferred[bool] | None:
        self._outbox.keep(parcel)
        if wanted:
            parcel.accepted = Deferred(lambda _: self._takeBack(parcel))
        return parcel.accepted

    def _takeBack(self, parcel: Parcel) -> None:
        if self._outbox.withdraw(parcel) and parcel.waiting is not None:
            self._acks.forget(parcel.waiting)

    def _refuse(
        self, error: SocketIOError, waiting: AckDeferred | AckCallback | None, wanted: bool
    ) -> Deferred[bool] | None:
        if waiting is not None:
            waiting.fail(error)
        return fail(error) if wanted else None

    def _dropVolatile(
        self, waiting: AckDeferred | AckCallback | None, wanted: bool
    ) -> Deferred[bool] | None:
        if waiting is not None:
            waiting.fail(Dropped("a volatile event was dropped: the socket could not send it now"))
        return succeed(False) if wanted else None

    def _parcelOf(self, waiting: AckDeferred | AckCallback) -> Parcel | None:
        return next((each for each in self._outbox if each.waiting is waiting), None)

    def _ackTimedOut(self, waiting: AckDeferred | AckCallback) -> None:
        parcel = self._parcelOf(waiting)
        if parcel is not None:
            self._outbox.withdraw(parcel)
            parcel.settle(False)

    def _ackCancelled(self, waiting: Deferred[Any]) -> None:
        assert isinstance(waiting, AckDeferred)
        self._acks.forget(waiting)
        self._ackTimedOut(waiting)

    def _dropWaiting(
        self, waiting: AckDeferred | AckCallback | None, error: SocketIOError
    ) -> None:
        if waiting is not None:
            self._acks.forget(waiting)
            waiting.fail(error)

    def _sendControl(self, packetType: int, data: Any) -> None:
        text, binaries = self.io.parser.encode(packetType, self.nsp, None, data)
        self.io.sendPacket(text, binaries, True)

    # inside: sending with retries

    def _emitRetried(
        self, how: Modifiers, values: tuple[Any, ...], callback: AckCallback | None
    ) -> Deferred[bool]:
        result: Deferred[bool] = Deferred(lambda _: self._queue().withdraw(retried))

        def settle(error: SocketIOError | None, answer: tuple[Any, ...]) -> None:
            if callback is not None:
                callback.fail(error) if error is not None else callback.answer(answer)
            if not result.called:
                unsent = isinstance(error, Disconnected) and not retried.tries
                if error is None or unsent or callback is not None:
                    result.callback(error is None)
                else:
                    result.errback(error)

        retried = self._retry(how, values, settle)
        return result

    def _callRetried(self, how: Modifiers, values: tuple[Any, ...]) -> Deferred[Any]:
        result: Deferred[Any] = Deferred(lambda _: self._queue().withdraw(retried))

        def settle(error: SocketIOError | None, answer: tuple[Any, ...]) -> None:
            if not result.called:
                result.callback(shaped(answer)) if error is None else result.errback(error)

        retried = self._retry(how, values, settle)
        return result

    def _retry(
        self,
        how: Modifiers,
        values: tuple[Any, ...],
        settle: Callable[[SocketIOError | None, tuple[Any, ...]], None],
    ) -> Retried:
        # Encoded once here, so that what cannot be sent is refused at the call.
        self.io.parser.encode(EVENT, self.nsp, None, values)
        retried = Retried(deepcopy(values), how, settle)
        if self._failure is not None:
            settle(self._failure, ())
        else:
            self._queue().add(retried)
        return retried

    def _sendRetried(self, retried: Retried, waiting: AckCallback) -> None:
        self._post(retried.how, retried.values, waiting, False)

    def _queue(self) -> RetryQueue:
        assert self._retryQueue is not None
        return self._retryQueue

    # inside: sending during a session's set-up

    def sendNow(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[bool]:
        """
        Send past the buffers; see L{SessionInfo.emit}.
        """
        _checkName(event)
        waiting = None
        if args and callable(args[-1]):
            waiting = self._callbackFor(how, args[-1])
            args = args[:-1]
        values = (event, *args)
        text, binaries = self._encode(how, values, waiting)
        return self._sendNow(how, text, binaries, values, waiting, True)  # type: ignore[return-value]

    def callNow(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[Any]:
        """
        Send and ask past the buffers; see L{SessionInfo.emitWithAck}.
        """
        _checkName(event)
        waiting = AckDeferred(self._ackCancelled)
        values = (event, *args)
        text, binaries = self._encode(how, values, waiting)
        self._sendNow(how, text, binaries, values, waiting, False)
        return waiting

    # inside: receiving

    def _eventReceived(self, ackID: int | None, data: list[Any]) -> None:
        if ackID is None and self._pid is not None and len(data) > 1 and type(data[-1]) is str:
            self._offset = data[-1]
        for each in self._any:
            self._call(data[0], each, data)
        if self._eventWaits.waiting:
            self._eventWaits.wake(data)
        listeners = self._listening.byEvent.get(data[0])
        if listeners is None:
            return
        values = data[1:]
        if ackID is not None:
            self._callForAnswer(data[0], listeners, values, ackID)
            return
        for listener in listeners:
            if listener.once and not self._listening.discard(data[0], listener):
                continue
            self._call(data[0], listener, values)

    def _call(self, event: Any, listener: Listener, values: Sequence[Any]) -> None:
        try:
            result = listener.call(values)
        except Exception:
            self._logListener(event, listener)
        else:
            if result is not None:
                self._watch(event, listener, asDeferred(result))

    def _callForAnswer(
        self, event: Any, listeners: tuple[Listener, ...], values: list[Any], ackID: int
    ) -> None:
        session = self._sessions
        answer = Answer(lambda answers: self._sendAnswer(session, ackID, answers))
        for listener in listeners:
            if listener.once and not self._listening.discard(event, listener):
                continue
            self._callWithAnswer(event, listener, values, answer)
        self._guardAnswer(event, listeners[-1], answer.done)

    def _callWithAnswer(
        self, event: Any, listener: Listener, values: list[Any], answer: Answer
    ) -> None:
        try:
            took, result = listener.callWithAck(values, answer)
            later = asDeferred(result)
            if later is None:
                answer.returned(took, result)
                return
        except Exception:
            self._logListener(event, listener)
            return

        def failed(failure: Failure) -> None:
            self._logListener(event, listener, failure)

        answer.wait(took, later, failed)

    def _guardAnswer(self, event: Any, listener: Listener, done: Callable[[], None]) -> None:
        try:
            done()
        except Exception:
            self._logListener(event, listener)

    def _sendAnswer(self, session: int, ackID: int, values: Sequence[Any]) -> None:
        if session != self._sessions or not self.connected:
            self._log.debug("An answer to an ended session was dropped.")
            return
        text, binaries = self.io.parser.encode(ACK, self.nsp, ackID, values)
        self.io.sendPacket(text, binaries, True)

    def _holdBack(self, ackID: int | None, data: list[Any]) -> None:
        if not self.active:
            return
        text, binaries = self.io.parser.encode(EVENT, self.nsp, None, data)
        self._receivedBytes += len(text or b"") + sum(map(len, binaries)) + 64
        if self._receivedBytes > self.io.receiveLimit:
            error = DecodeError("too many events before the session was ready", data)
            self.io.protocolBroken(error)
            return
        self._received.append((ackID, data))
        if self._eventWaits.waiting:
            self._eventWaits.wake(data)

    def _releaseHeld(self) -> None:
        session = self.id
        held, self._received, self._receivedBytes = self._received, [], 0
        for ackID, data in held:
            if self.id != session:
                return
            self._eventReceived(ackID, data)

    # inside: waiting for events

    def whenEvent(
        self,
        event: Any,
        timeout: float | None = None,
        check: Callable[..., Any] | None = None,
    ) -> Deferred[Any]:
        """
        Wait for an event.

        @param timeout: seconds, or L{None}.
        @param check: called with the event's arguments; the event counts only
            if it returns something true.
        @return: fires with the next such event's argument(s), shaped as in
            L{emitWithAck}.  Fails with L{AckTimeout}, or L{Disconnected} when
            the socket is given up.
        """
        return self._eventWaits.add(event, timeout, check)

    # inside: catch-all listeners

    def _addAny(self, where: str, listener: AnyListener | None, first: bool) -> Any:
        if listener is None:

            def decorate(function: F) -> F:
                self._addAny(where, function, first)
                return function

            return decorate
        present = getattr(self, where)
        added = Listener(listener, listener, False)
        setattr(self, where, (added, *present) if first else (*present, added))
        return self

    def _showOutgoing(self, values: Sequence[Any]) -> None:
        for each in self._anyOutgoing:
            self._call(values[0], each, values)

    # inside: connecting

    def _askForNamespace(self) -> None:
        if self._connectSent:
            return  # the answer to the first CONNECT will do
        self._askedOn = self.io.engine
        self.why = f"waiting for the answer to CONNECT for namespace {self.nsp}"
        self._startConnectTimer()
        if callable(self.auth):
            self._asking = asked = maybeDeferred(self.auth)
            asked.addCallbacks(self._cbAuth, self._ebAuth, (asked,), {}, (asked,), {})
        else:
            self._sendConnect(self.auth)

    def _cbAuth(self, auth: Any, asked: Deferred[Any]) -> None:
        if self._asking is asked:
            self._asking = None
            self._sendConnect(auth)

    def _ebAuth(self, failure: Failure, asked: Deferred[Any]) -> None:
        if self._asking is asked:
            self._asking = None
            self._askedOn = None
            self._sessionFailed(failure.value)

    def _sendConnect(self, auth: Any) -> None:
        try:
            if auth is not None and not isinstance(auth, Mapping):
                raise TypeError(f"auth must be a mapping or None, not {auth!r:.80}")
            self._sendControl(CONNECT, self._connectData(auth))
        except Exception as error:
            self._askedOn = None
            self._sessionFailed(error)

    def _connectData(self, auth: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if self._pid is None:
            return None if auth is None else dict(auth)
        recovery: dict[str, Any] = {"pid": self._pid}
        if self._offset is not None:
            recovery["offset"] = self._offset
        return {**recovery, **(auth or {})}

    def _startConnectTimer(self) -> None:
        self._stopConnectTimer()
        seconds = self.io.connectTimeout
        if seconds is not None:
            self._connectTimer = self.io.reactor.callLater(seconds, self._connectTimedOut, seconds)

    def _stopConnectTimer(self) -> None:
        timer, self._connectTimer = self._connectTimer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _connectTimedOut(self, seconds: float) -> None:
        self._connectTimer = None
        error = TransportError(
            "timeout",
            explanation=f"namespace {self.nsp} was not ready within {seconds:g} s",
            phase="connect",
        )
        if self._session is not None or self._asking is not None:
            self._sessionFailed(error)
            return
        # A second CONNECT on the same connection would be a second session:
        # while others use the connection, the answer may still come.
        self.why = str(error)
        if self.io.othersPending(self):
            self._startConnectTimer()
            self._show("connect_error", error)
        else:
            self._askedOn = None
            self._retryAfterError(error, True)

    def _connectReceived(self, data: Any) -> None:
        if not self._connectSent:
            return
        if self.connected or self._session is not None:
            self._secondConnectReceived(data)
            return
        if not self.active:
            self._askedOn = None
            self._sendControl(DISCONNECT, None)
        elif not isinstance(data, dict) or "sid" not in data:
            self._refused(ConnectRefused(self.nsp, "no session id in CONNECT", data, _V2_HINT))
        elif not _isID(data["sid"]) or not (data.get("pid") is None or _isID(data["pid"])):
            self.io.protocolBroken(DecodeError("CONNECT with a bad sid or pid", data))
        else:
            self._sessionOpened(data["sid"], data.get("pid"))

    def _secondConnectReceived(self, data: Any) -> None:
        if isinstance(data, dict) and data.get("sid") == self.id:
            self._log.warn("The server answered CONNECT for {nsp} twice.", nsp=self.nsp)
        else:
            self.io.protocolBroken(DecodeError("a second CONNECT with another sid", data))

    def _sessionOpened(self, sid: str, pid: str | None) -> None:
        self.id = sid
        self.recovered = pid is not None and pid == self._pid
        if not self.recovered:
            self._offset = None
        self._pid = pid
        first, self._sessions = not self._sessions, self._sessions + 1
        if not self._sessionListeners:
            self._ready()
            return
        self.why = "waiting for the session listeners"
        info = SessionInfo(self, self.recovered, self._lastReason, first)
        self._session = running = runSession(self._sessionListeners, info)
        running.addCallbacks(self._cbSession, self._ebSession, (running,), {}, (running,), {})

    def _cbSession(self, _: Any, running: Deferred[None]) -> None:
        if self._session is running:
            self._session = None
            self._ready()

    def _ebSession(self, failure: Failure, running: Deferred[None]) -> None:
        if self._session is running:
            self._session = None
            self._sendControl(DISCONNECT, None)
            self._askedOn = None
            self._sessionFailed(failure.value)

    def _ready(self) -> None:
        session = self.id
        self._stopConnectTimer()
        self._stopRetrying()
        self._backoff.reset()
        self.connected = True
        self.why = f"connected as {session}"
        self._releaseHeld()
        if self.id == session:
            self._outbox.flush()
        if self._retryQueue is not None and self.id == session:
            self._retryQueue.ready()
        if self.id == session:
            self.io.socketConnected(self)
            self._show("connect")
        if self.id == session:
            waiters, self._connectWaiters = self._connectWaiters, []
            for each in waiters:
                if not each.called:
                    each.callback(self)

    # inside: not connecting

    def _refusalReceived(self, data: Any) -> None:
        if not self._connectSent:
            return
        message, extra = _readRefusal(data)
        if message is None:
            self.io.protocolBroken(DecodeError("CONNECT_ERROR with a bad payload", data))
            return
        hint = ""
        if message == "Invalid namespace":
            hint = (
                f"the server has no namespace {self.nsp}; the path of the URL is taken for the "
                'namespace: use namespace="/" and path= if you meant a request path'
            )
        error = ConnectRefused(self.nsp, message, extra, hint)
        if self.connected or self._session is not None:
            self._show("connect_error", error)
            if self.connected or self._session is not None:
                self._disconnectReceived()
        elif self.active:
            self._refused(error)
        else:
            self._askedOn = None

    def _refused(self, error: ConnectRefused) -> None:
        self._askedOn = None
        self._stopConnectTimer()
        self.why = str(error)
        self._decide(self.io.retryOnConnectError, error, error)

    def _disconnectReceived(self) -> None:
        if not self._connectSent or not self.active:
            return
        self._askedOn = None
        reason = "io server disconnect"
        error = Disconnected(reason)
        policy = self.io.retryOnServerDisconnect
        if not policy:
            self._leave(reason, None, "the server disconnected us")
            self._failConnectWaiters(error)
            return
        self.why = "the server disconnected us"
        self._endSession(reason, None, asked=True)
        self._decide(policy, reason, error, quiet=True)

    def _decide(self, policy: Any, about: Any, error: Exception, quiet: bool = False) -> None:
        """
        Ask the user's policy whether to try again, and obey.
        """
        if callable(policy):
            asked = maybeDeferred(policy, about)
            asked.addErrback(self._policyFailed)
            asked.addCallback(lambda again: self._decided(bool(again), error, quiet))
        else:
            self._decided(bool(policy), error, quiet)

    def _policyFailed(self, failure: Failure) -> bool:
        self._log.failure("A retry policy of namespace {nsp} failed.", failure, nsp=self.nsp)
        return False

    def _decided(self, again: bool, error: Exception, quiet: bool) -> None:
        if not self.active or self.connected or self._connectSent:
            return
        if again:
            self._retryAfterError(error, not quiet)
        else:
            self._giveUp(error, not quiet)

    def _giveUp(self, error: Exception, show: bool) -> None:
        self.active = False
        self._stopConnectTimer()
        self.io.socketIdle(self)
        if show:
            self._show("connect_error", error)
        if not self.active:
            self._failConnectWaiters(error)
            self._tellIdle()

    def _sessionFailed(self, error: BaseException) -> None:
        self._clearSession()
        self.why = str(error)
        self._retryAfterError(error, True)
        self._acks.failAll(Disconnected("session set-up failed", error), self._keptAcks())

    def _retryAfterError(self, error: Any, show: bool) -> None:
        self._stopConnectTimer()
        if not self.io.canRetry:
            self._giveUp(error, show)
            return
        if self.io.othersPending(self):
            delay = self._backoff.next()
            self._retryTimer = self.io.reactor.callLater(delay, self._retryNow)
        else:
            self.io.restart(error)
        if show:
            self._show("connect_error", error)

    def _retryNow(self) -> None:
        self._retryTimer = None
        self.io.socketNeeds(self)

    def _stopRetrying(self) -> None:
        timer, self._retryTimer = self._retryTimer, None
        if timer is not None and timer.active():
            timer.cancel()

    # inside: ending

    def _leave(self, reason: str, details: Any, why: str) -> None:
        if not self.active:
            return
        self.active = False
        self.why = why
        self._stopRetrying()
        wasConnected = self.connected
        self._clearSession()
        self._lastReason = reason
        self.io.socketIdle(self)
        if wasConnected:
            self._show("disconnect", reason, details)
        self._afterSession(reason, details)
        if not self.active:
            self._tellIdle()

    def _endSession(self, reason: str, details: Any, asked: bool) -> None:
        wasConnected = self.connected
        self._clearSession()
        self._stopRetrying()
        if wasConnected:
            self._lastReason = reason
            self._show("disconnect", reason, details)
        elif asked:
            error = details if isinstance(details, Exception) else Disconnected(reason, details)
            self._show("connect_error", error)
        self._afterSession(reason, details)

    def _clearSession(self) -> None:
        self.connected = False
        self.id = None
        self._outbox.live = False
        self._received, self._receivedBytes = [], 0
        self._stopConnectTimer()
        asking, self._asking = self._asking, None
        session, self._session = self._session, None
        for running in (asking, session):
            if running is not None:
                running.cancel()

    def _afterSession(self, reason: str, details: Any) -> None:
        self._outbox.drained()
        if self._retryQueue is not None:
            self._retryQueue.interrupted(reason, details)
        self._acks.failAll(Disconnected(reason, details), self._keptAcks())

    def _keptAcks(self) -> set[int]:
        waiting = (parcel.waiting for parcel in self._outbox)
        return {each.ackID for each in waiting if each is not None and each.ackID is not None}

    def _abandon(self, error: Disconnected) -> None:
        """
        Settle everything that waited for this socket to be connected.
        """
        self._outbox.empty(False)
        self._failPending(error)
        self._failConnectWaiters(error)

    def _failPending(self, error: SocketIOError) -> None:
        if self._retryQueue is not None:
            self._retryQueue.failAll(error)
        self._acks.failAll(error, set())
        self._eventWaits.failAll(error)

    def _failConnectWaiters(self, error: BaseException) -> None:
        waiters, self._connectWaiters = self._connectWaiters, []
        for each in waiters:
            if not each.called:
                each.errback(error)

    def _tellIdle(self) -> None:
        waiters, self._idleWaiters = self._idleWaiters, []
        for each in waiters:
            if not each.called:
                self.io.whenUnused().chainDeferred(each)


def _checkName(event: Any) -> None:
    if isinstance(event, str) and event in RESERVED_EVENTS:
        raise ReservedEventName(event)


def _without(listeners: tuple[Listener, ...], original: AnyListener | None) -> Any:
    return tuple(
        each for each in listeners if original is not None and each.original != original
    )


def _discard(waiters: list[Any], waiter: Any) -> None:
    if waiter in waiters:
        waiters.remove(waiter)


def _isID(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 256


def _readRefusal(data: Any) -> tuple[str | None, Any]:
    """
    The message and data of a CONNECT_ERROR; no message if it is malformed.
    """
    if data is None:
        return "connection refused", None
    if isinstance(data, str):
        return data, None
    if isinstance(data, dict):
        message = data.get("message", "")
        return (message if isinstance(message, str) else str(message)), data.get("data")
    return None, None
