"""
How a socket joins its namespace, stays in it, and leaves it.

Two things are kept apart: C{connected}, the server has answered CONNECT and
the session is set up; and C{active}, the socket wants to be connected, now or
after the next reconnection.  A session is joined in this order: C{auth},
CONNECT, its answer, the session listeners, what was held back, what waits to
be sent, C{connect}.

A member knows its manager as an L{IManager} and hears from it as an
L{IManagerReceiver}.  Must not know: engines, transports, the class Manager.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.dispatch import Dispatcher
from txsocketio.errors import (
    ConnectRefused,
    DecodeError,
    Disconnected,
    ReconnectFailed,
    SocketIOError,
    TransportError,
    described,
)
from txsocketio.holding import HeldEvents
from txsocketio.interfaces import IManager, IManagerReceiver
from txsocketio.options import SocketOptions
from txsocketio.protocol.socketio import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT
from txsocketio.sender import Sender
from txsocketio.sessions import SessionInfo, runSession
from txsocketio.waiters import Waiters

if TYPE_CHECKING:
    from txsocketio.manager import Manager

__all__ = ["Membership"]

_LOST_RECOVERIES = 2
"""After so many losses in a row no recovery is asked for any more."""

_REFUSAL_HINT = "what it wants must come by auth, query or a header"

_V2_HINT = (
    "the server speaks the protocol of Socket.IO 2; it must be upgraded to Socket.IO 3 or later"
)


@implementer(IManagerReceiver)
class Membership(Dispatcher):
    """
    The life of a socket, without what its users call.

    The attributes are L{Socket <txsocketio.socket.Socket>}'s.
    """

    __slots__ = (
        "_announced",
        "_askedOn",
        "_asking",
        "_backoff",
        "_connectTimer",
        "_connectWaiters",
        "_deciding",
        "_held",
        "_idleWaiters",
        "_lastReason",
        "_leftOn",
        "_lostRecoveries",
        "_offset",
        "_overdue",
        "_pacer",
        "_pid",
        "_readyAt",
        "_retryTimer",
        "_sender",
        "_session",
        "_sessionListeners",
        "_sessions",
        "_toldTwice",
        "active",
        "auth",
        "connected",
        "id",
        "io",
        "nsp",
        "recovered",
        "why",
    )

    def __init__(self, manager: IManager, namespace: str, options: SocketOptions) -> None:
        super().__init__(manager.reactor, manager.reading)
        self.io: Manager = manager  # type: ignore[assignment]
        self.nsp = namespace
        self.auth = options.auth
        self.why = "connect() was not called yet"
        self._sender = Sender(manager, namespace, options)
        self._backoff = manager.buildBackoff()
        self._sessionListeners: tuple[Callable[[SessionInfo], Any], ...] = ()
        self._pacer: Callable[[], object] | None = None
        self._held = HeldEvents()
        self._connectWaiters = Waiters()
        self._idleWaiters = Waiters()
        self.id: str | None = None
        self.connected = self.active = self.recovered = False
        # The engine on which CONNECT was sent and not answered by a refusal,
        # and the one on which we said goodbye: what comes there is old.
        self._askedOn: Any = None
        self._leftOn: Any = None
        self._announced = False  # whether "connect" was emitted, so that "disconnect" must be
        self._toldTwice = False  # whether a second answer to CONNECT was logged: once is enough
        self._overdue = False  # CONNECT was not answered in time, but may be yet
        self._readyAt = 0.0
        self._connectTimer: IDelayedCall | None = None
        self._retryTimer: IDelayedCall | None = None
        self._asking: Deferred[Any] | None = None
        self._deciding: Deferred[Any] | None = None
        self._session: Deferred[Any] | None = None
        self._pid: str | None = None
        self._lostRecoveries = 0
        self._offset: str | None = None
        self._lastReason: str | None = None
        self._sessions = 0

    # from above: state

    @property
    def state(self) -> str:
        """
        C{"connected"}, C{"connecting"}, C{"waiting"} (before the next
        attempt), C{"failed"} (no further attempt) or C{"disconnected"}.
        """
        if self.connected:
            return "connected"
        if self._sender.failure is not None:
            return "failed"
        if not self.active or self.io.state == "closed":
            return "disconnected"
        # Dismissed on an open connection, it is about to wait.
        dismissed = self.io.state == "open" and not self.asked
        waits = self._retryTimer is not None or self.io.state == "waiting" or dismissed
        return "waiting" if waits else "connecting"

    @property
    def awaitsAnswer(self) -> bool:
        """
        Whether anybody waits for something that the server must send: an
        acknowledgement, an event, a session.
        """
        return bool(
            len(self._sender.acks)
            or self._eventWaits.waiting
            or (self.asked and not self.connected)
        )

    @property
    def settled(self) -> bool:
        """
        Whether nothing that was emitted waits to be sent or answered, or no
        connection will come to do it.
        """
        return self.state in ("disconnected", "failed") or self._sender.settled

    @property
    def asked(self) -> bool:
        """
        Whether the namespace was asked for on the present connection, and
        neither refused nor left since.
        """
        return self._askedOn is not None and self._askedOn is self.io.engine

    @property
    def pending(self) -> bool:
        """
        Whether the connection is in use by this socket: the namespace is
        connected, or asked for and the answer not overdue.
        """
        return self.connected or (self.active and self.asked and not self._overdue)

    # from below

    def managerOpened(self) -> None:
        """
        The engine is open: ask for the namespace.
        """
        if self.active and self._deciding is None:
            self._askForNamespace()

    def packetReceived(self, packetType: int, ackID: int | None, data: Any) -> None:
        """
        A packet for this namespace.
        """
        if packetType == EVENT:
            if not self.connected:
                self._holdBack(ackID, data)
                return
            if ackID is not None:
                self._questionReceived(ackID, data)
                return
            if self._pid is not None:
                self._mayEndInOffset = True
                if len(data) > 1 and data[-1].__class__ is str:
                    self._offset = data[-1]
            for _ in self._untimed:
                listener = self._alone.get(data[0])
                if listener is None or self._eventWaits.waiting:
                    self._dispatch(data, None)
                    return
                # As _dispatch does, for a listener that is all there is.
                try:
                    if listener.takesOne and len(data) == 2:  # most events
                        result = listener.function(data[1])
                    else:
                        result = listener.function(*data[1 : listener.end])
                except Exception:
                    self._logListener(data[0], listener)
                else:
                    if result is not None:
                        self._watch(data[0], listener, result)
                return
            self._dispatchTimed(data, None)
        elif packetType == ACK:
            if not self._sender.acks.resolve(ackID, data):
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
        self._sender.outbox.drained()

    def managerClosing(self) -> None:
        """
        The connection is gone, and it is about to be told: send nothing.
        """
        self._sender.sessionOver()

    def managerClosed(self, reason: str, details: Any) -> None:
        """
        The connection is gone.
        """
        self._connectionLost(reason, details)
        self._tellIdle()

    def _connectionLost(self, reason: str, details: Any) -> None:
        # Of what was overdue they know.
        asked, self._askedOn = self.asked and not self._overdue, None
        if asked and not self.connected and self._pid is not None:
            self._recoveryLost()
        if self.active:
            self.why = f"the connection was lost: {reason}"
        if self.active or self._hasSession or self._asking is not None:
            # Not active: told first that nobody tries again, if a listener saw to that.
            self._endSession(reason, details, asked)

    def _recoveryLost(self) -> None:
        """
        A connection was lost while it was to recover a session.

        The server begins with what we missed.  If that is what we cannot
        read, each recovery ends there, so only so many are tried.
        """
        self._lostRecoveries += 1
        if self._lostRecoveries >= _LOST_RECOVERIES:
            self._pid = self._offset = None
            self._lostRecoveries = 0

    def attemptFailed(self, error: Exception) -> None:
        """
        The server could not be reached this time.
        """
        if self.active and not self.connected:
            self.why = described(error)
            self._show("connect_error", error)

    def managerFailed(self, error: Exception) -> None:
        """
        No further attempt will be made.
        """
        if not self.active:
            return
        self._stopRetrying()
        self._stopDeciding()
        self.why = described(error)
        if isinstance(error, ReconnectFailed):
            self.active = False
            self._sender.failure = error
            self._release()(error, error, error)
            self._tellIdle()
        else:
            self._tellGivenUp(error)

    def sayGoodbye(self) -> None:
        """
        The manager is about to close: tell the server.
        """
        engine = self.io.engine
        if self.asked and self._leftOn is not engine and self._hasSession:
            self._leftOn = engine
            # Before, for an engine shows its observers what it sends.
            self._sender.sessionOver()
            self._sendControl(DISCONNECT, None)

    def managerStopped(self, error: Disconnected) -> None:
        """
        The manager was closed by the client.
        """
        settle = self._release()
        self._stopDeciding()
        self._connectionLost(error.reason, error.details)
        self.why = "close() of the manager was called"
        settle(False, error, StopAsyncIteration())
        self._tellIdle()

    # inside: sending

    def _outgoingListenersChanged(self) -> None:
        watched = self._anyOutgoing or self._pacer is not None
        self._sender.outbox.show = self._showOutgoing if watched else None

    def _showOutgoing(self, values: Sequence[Any]) -> None:
        if self._pacer is not None:
            self._pacer()
        super()._showOutgoing(values)

    # inside: receiving

    def _questionReceived(self, ackID: int, data: list[Any]) -> None:
        # Apart, for a closure costs whoever could make one.
        session = self._sender.sessions
        self._mayEndInOffset = False
        self._dispatchTimed(data, lambda values: self._sendAnswer(session, ackID, values))

    def _sendAnswer(self, session: int, ackID: int, values: Sequence[Any]) -> None:
        if session == self._sender.sessions:
            text, binaries = self.io.parser.encode(ACK, self.nsp, ackID, values)
            # What the parser called may have disconnected us.
            if session == self._sender.sessions:
                self.io.sendPacket(text, binaries, True)
                return
        self._log.debug("An answer to an ended session was dropped.")

    def _holdBack(self, ackID: int | None, data: list[Any]) -> None:
        if not self.active or self._leftOn is self.io.engine:
            return  # of a session that is over
        if not self._held.add(ackID, data, self.io.receiveLimit):
            error = DecodeError("too many events before the session was ready", data)
            self.io.protocolBroken(error)
            return
        if self._eventWaits.waiting:
            self._mayEndInOffset = ackID is None and self._pid is not None
            self._eventWaits.wake(self._own(data))

    def _releaseHeld(self) -> None:
        session = self.id
        for ackID, data in self._held.take():
            if self.id != session:
                return
            self.packetReceived(EVENT, ackID, data)

    # inside: connecting

    def _sendControl(self, packetType: int, data: Any) -> None:
        text, binaries = self.io.parser.encode(packetType, self.nsp, None, data)
        self.io.sendPacket(text, binaries, True)

    def _askForNamespace(self) -> None:
        if self.asked:
            # The answer to the first CONNECT will do.
            if self._connectTimer is None:
                self._startConnectTimer()
            return
        self._askedOn = self.io.engine
        self._overdue = False
        self.why = f"waiting for the answer to CONNECT for namespace {self.nsp}"
        self._startConnectTimer()
        if callable(self.auth):
            self._asking = asked = _planned(self.auth)
            asked.addCallbacks(self._cbAuth, self._ebAuth, (asked,), {}, (asked,), {})
            asked.callback(None)
            if self._asking is not asked:
                asked.cancel()  # it disconnected us
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
            self._logUsersCode("What auth= calls", failure)
            self._sessionFailed(failure.value)

    def _sendConnect(self, auth: Any) -> None:
        try:
            if auth is not None and not isinstance(auth, Mapping):
                raise TypeError(f"auth must be a mapping or None, not {type(auth).__name__}")
            self._sendControl(CONNECT, self._connectData(auth))
        except Exception as error:  # a parser may be anybody's
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
        self._connectTimer = self.io.reactor.callLater(seconds, self._connectTimedOut, seconds)

    def _stopConnectTimer(self) -> None:
        timer, self._connectTimer = self._connectTimer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _connectTimedOut(self, seconds: float) -> None:
        self._connectTimer = None
        error = TransportError(
            "timeout",
            explanation=(
                f"namespace {self.nsp} was not ready within {seconds:g} s (connectTimeout): "
                f"{self._slowest}"
            ),
            url=self.io.url,
            phase="connect",
        )
        if self._session is not None or self._asking is not None:
            self._leaveNamespace()
            self._sessionFailed(error)
            return
        # A second CONNECT on the same connection would be a second session:
        # while others use the connection, the answer may still come.
        self.why = str(error)
        self._logNews("is not ready: {error}", error=self.why)
        if self.io.othersPending(self):
            self._overdue = True
            self._startConnectTimer()
            self._show("connect_error", error)
        else:
            self._askedOn = None
            self._retryAfterError(error, True)

    @property
    def _slowest(self) -> str:
        if self._asking is not None:
            return "what auth= returned has not fired"
        if self._session is not None:
            return "a session listener has not finished"
        return "no answer to CONNECT"

    def _connectReceived(self, data: Any) -> None:
        if not self.asked:
            return
        if self.connected or self._session is not None:
            self._secondConnectReceived(data)
            return
        if not self.active:
            self._askedOn = None
            self._sendControl(DISCONNECT, None)
        elif not isinstance(data, dict) or "sid" not in data:
            error = ConnectRefused(
                self.nsp, "no session id in CONNECT", data, _V2_HINT, self.io.url
            )
            self._refused(error)
        elif not _isID(data["sid"]) or not (data.get("pid") is None or _isID(data["pid"])):
            self.io.protocolBroken(DecodeError("CONNECT with a bad sid or pid", data))
        else:
            self._sessionOpened(data["sid"], data.get("pid"))

    def _secondConnectReceived(self, data: Any) -> None:
        if isinstance(data, dict) and data.get("sid") == self.id:
            if not self._toldTwice:
                self._toldTwice = True
                text = "The server answered CONNECT for {namespace} twice."
                self._log.warn(text, namespace=self.nsp)
        else:
            self.io.protocolBroken(DecodeError("a second CONNECT with another sid", data))

    def _sessionOpened(self, sid: str, pid: str | None) -> None:
        self.id = sid
        self._leftOn = None
        self.recovered = pid is not None and pid == self._pid
        self._lostRecoveries = 0
        if not self.recovered:
            self._offset = None
        self._pid = pid
        self._mayEndInOffset = False  # of the last session's events perhaps
        first, self._sessions = not self._sessions, self._sessions + 1
        if not self._sessionListeners:
            self._ready()
            return
        self.why = "waiting for the session listeners"
        info = SessionInfo(self._sender, self.whenEvent, self.recovered, self._lastReason, first)
        self._session = running = _planned(runSession, self._sessionListeners, info)
        running.addCallbacks(self._cbSession, self._ebSession, (running,), {}, (running,), {})
        running.callback(None)
        if self._session is not running:
            running.cancel()  # a listener disconnected us

    def _cbSession(self, _: Any, running: Deferred[None]) -> None:
        if self._session is running:
            self._session = None
            self._ready()

    def _ebSession(self, failure: Failure, running: Deferred[None]) -> None:
        if self._session is running:
            self._leaveNamespace()
            self._session = None
            self._logUsersCode("A session listener", failure)
            self._sessionFailed(failure.value)

    def _ready(self) -> None:
        session = self.id
        self._stopConnectTimer()
        self._stopRetrying()
        self._readyAt = self.io.reactor.seconds()
        self.connected = True
        self.why = f"connected as {session}"
        self._logNews("is connected", sid=session, recovered=self.recovered)
        self._releaseHeld()
        if self.id == session:
            self._sender.sessionReady()
        if self.id == session:
            self.io.socketConnected(self)
            self._announced = True
            self._show("connect")
        if self.id == session:
            self._connectWaiters.succeed(self)

    # inside: not connecting

    def _refusalReceived(self, data: Any) -> None:
        if not self.asked:
            return
        message, extra = _readRefusal(data)
        if message is None:
            self.io.protocolBroken(DecodeError("CONNECT_ERROR with a bad payload", data))
            return
        hint = _REFUSAL_HINT
        if message == "Invalid namespace":
            hint = (
                f"the server has no namespace {self.nsp}; the path of the URL is taken for the "
                'namespace: use namespace="/" and path= if you meant a request path'
            )
        error = ConnectRefused(self.nsp, message, extra, hint, self.io.url)
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
        self._logNews("was refused: {error}", error=self.why)
        self._decide(self.io.retryOnConnectError, error, error)

    def _disconnectReceived(self) -> None:
        if not self.asked or not self.active:
            return
        self._askedOn = None
        reason = "io server disconnect"
        error = Disconnected(reason)
        self._logNews("was ended by the server: {reason}", reason=reason)
        policy = self.io.retryOnServerDisconnect
        if not policy:
            self._dismissed(error)
            return
        self.why = "the server disconnected us"
        self._endSession(reason, None, asked=True)
        self._decide(policy, reason, error, quiet=True)

    def _dismissed(self, error: Disconnected) -> None:
        announced = self._announced
        self._leave(error.reason, None, "the server disconnected us")
        if not announced:
            self._show("connect_error", error)
        if not self.active:
            self._tellGivenUp(error)

    def _decide(self, policy: Any, about: Any, error: Exception, quiet: bool = False) -> None:
        """
        Ask the user's policy whether to try again, and obey.
        """
        if not callable(policy):
            self._decided(bool(policy), error, quiet)
            return
        self._deciding = asked = _planned(policy, about)
        asked.addErrback(self._policyFailed, asked)
        asked.addCallback(self._cbDecided, asked, error, quiet)
        asked.callback(None)
        if self._deciding is not asked:
            asked.cancel()  # it connected or disconnected us

    def _policyFailed(self, failure: Failure, asked: Deferred[Any]) -> bool:
        if self._deciding is asked:
            text = "A retry policy of namespace {namespace} failed."
            self._log.failure(text, failure, namespace=self.nsp)
        return False

    def _cbDecided(self, again: Any, asked: Deferred[Any], error: Exception, quiet: bool) -> None:
        if self._deciding is asked:
            self._deciding = None
            self._decided(bool(again), error, quiet)

    def _stopDeciding(self) -> None:
        deciding, self._deciding = self._deciding, None
        if deciding is not None:
            deciding.cancel()

    def _decided(self, again: bool, error: Exception, quiet: bool) -> None:
        if not self.active or self.connected or self.asked:
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
            self._tellGivenUp(error)

    def _sessionFailed(self, error: BaseException | None) -> None:
        self._clearSession()
        self.why = described(error)
        self._logNews("is not ready: {error}", error=self.why)
        self._retryAfterError(error, True)
        self._sender.sessionEnded("session set-up failed", error)

    def _retryAfterError(self, error: Any, show: bool) -> None:
        self._stopConnectTimer()
        if not self.io.canRetry:
            self._giveUp(error, show)
            return
        if self.io.othersPending(self):
            delay = self._backoff.next()
            self._logNews("is tried again in {delay:.1f} s", delay=delay)
            self._retryTimer = self.io.reactor.callLater(delay, self._retryNow, error)
        else:
            self.io.restart(error)
        if show:
            self._show("connect_error", error)

    def _logNews(self, what: str, **fields: Any) -> None:
        text = f"Namespace {{namespace}} of {{url}} {what}."
        self._log.info(text, namespace=self.nsp, url=self.io.url, **fields)

    def _retryNow(self, error: Exception) -> None:
        self._retryTimer = None
        if self.io.canRetry:
            self.io.socketNeeds(self)
        else:
            self._giveUp(error, False)

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
        self._stopDeciding()
        announced = self._announced
        self._clearSession()
        self._lastReason = reason
        self.io.socketIdle(self)
        if announced:
            self._show("disconnect", reason, details)
        self._sender.sessionEnded(reason, details)
        self._tellIdle()

    def _endSession(self, reason: str, details: Any, asked: bool) -> None:
        wasConnected, announced = self.connected, self._announced
        self._clearSession()
        self._stopRetrying()
        if wasConnected:
            self._lastReason = reason
        if announced:
            self._show("disconnect", reason, details)
        elif asked:
            error = details if isinstance(details, Exception) else Disconnected(reason, details)
            self._show("connect_error", error)
        self._sender.sessionEnded(reason, details)

    def _clearSession(self) -> None:
        if self.connected and self._hasLasted:
            self._backoff.reset()
        self.connected = self._announced = False
        self.id = None
        self._sender.sessionOver()
        self._held.take()
        self._stopConnectTimer()
        asking, self._asking = self._asking, None
        session, self._session = self._session, None
        for running in (asking, session):
            if running is not None:
                running.cancel()

    @property
    def _hasSession(self) -> bool:
        """
        Whether the server has let us in.
        """
        return self.connected or self._session is not None

    @property
    def _hasLasted(self) -> bool:
        return bool(self.io.reactor.seconds() - self._readyAt >= self._backoff.maxDelay)

    def _leaveNamespace(self) -> None:
        """
        Tell the server, if it has let us in; an answer that is still to come
        is not waited for.
        """
        if self._hasSession:
            self.sayGoodbye()
            self._askedOn = None
        elif self._asking is not None:
            self._askedOn = None  # CONNECT was not sent

    def _release(self) -> Callable[[bool | SocketIOError, SocketIOError, BaseException], None]:
        """
        Take out everything that waits now for this socket to be connected;
        what is begun while it is settled is not touched.

        @return: to be called to settle it, with what becomes of emits that
            were not sent, what the others fail with, and how streams end.
        """
        settleEmits = self._sender.release()
        endStreams = self._releaseStreams()
        failWaits = self._releaseWaits()

        def settle(
            outcome: bool | SocketIOError, error: SocketIOError, end: BaseException
        ) -> None:
            settleEmits(outcome, error)
            endStreams(end)
            failWaits(error)

        return settle

    def _releaseWaits(self) -> Callable[[Exception], None]:
        """
        As L{_release}, for those only who wait for an event or a connection.
        """
        connects = self._connectWaiters.take()
        failEvents = self._eventWaits.release()

        def fail(error: Exception) -> None:
            failEvents(error)  # type: ignore[arg-type]
            connects.fail(error)

        return fail

    def _tellGivenUp(self, error: Exception) -> None:
        """
        No connection will come by itself.
        """
        self._releaseWaits()(error)
        self._tellIdle()

    def _tellIdle(self) -> None:
        """
        Tell those who wait for the end, if this is it.
        """
        if len(self._idleWaiters) and self.state in ("disconnected", "failed"):
            self.io.whenUnused().addCallback(self._idleWaiters.take().succeed)


def _planned(function: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """
    @return: fire it with L{None} to call the function; it goes on with what
        that gives, be it a value, a Deferred or a coroutine.  So whatever the
        function does in the call finds the Deferred in its place.
    """
    planned: Deferred[Any] = Deferred()
    return planned.addCallback(lambda _: maybeDeferred(function, *args))


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
