"""
Namespaces and their sockets, seen from the server.

Listeners follow the same rules as the client's: one that takes C{ack}, or
returns something, answers an event that wants an answer.

Must not know: transports, heartbeats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime

from txsocketio.acks import AckDeferred, PendingAcks
from txsocketio.answers import Answer
from txsocketio.emitter import Emitter, Listener
from txsocketio.errors import Disconnected
from txsocketio.protocol.socketio import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT
from txsocketio.results import asDeferred
from txsocketio.testing.connection import Connection
from txsocketio.testing.recovery import Absence, Recovery

__all__ = ["Namespace", "Received", "Router", "ServerSocket"]


class Received(NamedTuple):
    """
    One event that a client sent.
    """

    namespace: str
    event: Any
    args: tuple[Any, ...]


class Router(Protocol):
    """
    What a namespace asks of the connection it answers.
    """

    connection: Connection
    sockets: dict[str, ServerSocket]

    def sendPacket(
        self, packetType: int, namespace: str, ackID: int | None, data: Any
    ) -> None:
        """
        Send one Socket.IO packet.
        """


class Namespace(Emitter):
    """
    One namespace of the server; emits C{connection(socket)}.

    @ivar name: e.g. C{"/chat"}.
    @ivar sockets: the connected sockets by id, oldest first.
    @ivar answersConnect: turn it off, and clients wait for the answer to
        CONNECT in vain.
    """

    answersConnect = True

    def __init__(
        self,
        name: str,
        clock: IReactorTime,
        received: list[Received],
        newID: Callable[[], str],
        recovery: Recovery | None,
    ) -> None:
        super().__init__()
        self.name = name
        self.clock = clock
        self.sockets: dict[str, ServerSocket] = {}
        self.received = received
        self.newID = newID
        self.recovery = recovery
        self._checks: list[Callable[..., Any]] = []

    def __repr__(self) -> str:
        return f"<Namespace {self.name} with {len(self.sockets)} sockets>"

    def use(self, check: Callable[..., Any]) -> Callable[..., Any]:
        """
        Ask C{check(auth)}, or C{check(auth, connection)}, about every client.

        It returns L{None} to let it in; a text, or a text and data, to refuse
        it; or a Deferred or coroutine of these.  Also a decorator.
        """
        self._checks.append(check)
        return check

    def emit(self, event: str, *args: Any) -> None:
        """
        Send an event to every socket, the recoverable ones that are away
        included.
        """
        for socket in list(self.sockets.values()):
            socket.emit(event, *args)
        if self.recovery is not None:
            self.recovery.emittedWhileAway([event, *args])

    def disconnectSockets(self, close: bool = False) -> None:
        """
        Disconnect every socket; with C{close} its whole connection.
        """
        for socket in list(self.sockets.values()):
            socket.disconnect(close)

    # from the connection

    def connectReceived(self, router: Router, auth: Any) -> None:
        """
        A client wants to join.
        """
        if not self.answersConnect:
            return
        asked = maybeDeferred(self._check, list(self._checks), auth, router.connection)
        asked.addCallback(self._checked, router, auth)
        asked.addErrback(lambda failure: self._refuse(router, str(failure.value)))

    # inside

    def _check(self, checks: list[Any], auth: Any, connection: Connection) -> Any:
        """
        Ask one after the other, until one refuses.
        """
        while checks:
            check = checks.pop(0)
            refusal = check(*_cut(check, (auth, connection)))
            later = asDeferred(refusal)
            if later is not None:
                return later.addCallback(
                    lambda late: self._check(checks, auth, connection) if late is None else late
                )
            if refusal is not None:
                return refusal
        return None

    def _checked(self, refusal: Any, router: Router, auth: Any) -> None:
        if router.connection.closed is not None or self.name in router.sockets:
            return
        if refusal is not None:
            self._refuse(router, refusal)
        else:
            self._join(router, auth or {})

    def _refuse(self, router: Router, refusal: Any) -> None:
        message, data = refusal if isinstance(refusal, tuple) else (refusal, None)
        answer = {"message": message} if data is None else {"message": message, "data": data}
        router.sendPacket(CONNECT_ERROR, self.name, None, answer)

    def _join(self, router: Router, auth: dict[str, Any]) -> None:
        absence = None
        if self.recovery is not None:
            absence = self.recovery.back(auth.get("pid"), auth.get("offset"))
        socket = ServerSocket(self, router, auth, absence)
        self.sockets[socket.id] = router.sockets[self.name] = socket
        socket.start(absence.missed if absence is not None else [])
        self._show("connection", socket)


class ServerSocket(Emitter):
    """
    One client in one namespace, as the server sees it.

    Its events are the client's, and C{disconnect(reason)}.

    @ivar id: the socket's id; the client's C{socket.id}.
    @ivar auth: what the client sent with CONNECT, a dict.
    @ivar connection: its L{Connection}: wire log, query, headers, faults.
    @ivar connected: whether it is in the namespace.
    @ivar recovered: whether it continues a session that was away.
    """

    def __init__(
        self, namespace: Namespace, router: Router, auth: Any, absence: Absence | None
    ) -> None:
        super().__init__()
        recovery = namespace.recovery
        self.namespace = namespace
        self.auth = auth
        self.connection = router.connection
        self.connected = True
        self.recovered = absence is not None
        self.id = absence.id if absence is not None else namespace.newID()
        self._router = router
        self._recoveryLog = recovery.logFor(self.id, absence) if recovery is not None else None
        self._acks = PendingAcks(namespace.clock, lambda waiting: None)

    def __repr__(self) -> str:
        state = "connected" if self.connected else "disconnected"
        return f"<ServerSocket {self.id} in {self.namespace.name} {state}>"

    # for tests

    def emit(self, event: Any, *args: Any) -> None:
        """
        Send an event.
        """
        values = [event, *args]
        if self._recoveryLog is not None:
            # For connection state recovery; real servers do so as well.
            values.append(self._recoveryLog.add(values))
        self._send(EVENT, None, values)

    def send(self, *args: Any) -> None:
        """
        Send the event C{message}.
        """
        self.emit("message", *args)

    def emitVolatile(self, event: Any, *args: Any) -> None:
        """
        Send an event that is not kept for recovery.
        """
        self._send(EVENT, None, [event, *args])

    def emitWithAck(self, event: Any, *args: Any, timeout: float | None = None) -> Deferred[Any]:
        """
        Send an event and ask for an answer.

        @return: fires with the answer: nothing is L{None}, one argument
            itself, several a tuple.  Fails with L{AckTimeout
            <txsocketio.errors.AckTimeout>} or L{Disconnected
            <txsocketio.errors.Disconnected>}.
        """
        waiting = AckDeferred(lambda cancelled: self._acks.forget(waiting))
        ackID = self._acks.expect(waiting, event, timeout)
        self._send(EVENT, ackID, [event, *args])
        return waiting

    def disconnect(self, close: bool = False) -> None:
        """
        Put the client out of the namespace; with C{close} end its connection.
        """
        if close:
            self.connection.close()
        elif self.connected:
            self._router.sendPacket(DISCONNECT, self.namespace.name, None, None)
            self.left("server namespace disconnect", False)

    # from the connection

    def start(self, missed: Sequence[list[Any]]) -> None:
        """
        Answer CONNECT; what was missed goes before, as from a real server.
        """
        for values in missed:
            self._send(EVENT, None, values)
        answer = {"sid": self.id}
        if self._recoveryLog is not None:
            answer["pid"] = self._recoveryLog.pid
        self._send(CONNECT, None, answer)

    def packetReceived(self, packetType: int, ackID: int | None, data: Any) -> None:
        """
        A packet for this socket came.
        """
        if packetType == ACK:
            self._acks.resolve(ackID, data)
        elif packetType == DISCONNECT:
            self.left("client namespace disconnect", False)
        else:  # the router lets no other through
            self._eventReceived(ackID, data)

    def left(self, reason: str, mayComeBack: bool) -> None:
        """
        It is not in the namespace any more.
        """
        if not self.connected:
            return
        self.connected = False
        self.namespace.sockets.pop(self.id, None)
        self._router.sockets.pop(self.namespace.name, None)
        if self._recoveryLog is not None and self.namespace.recovery is not None:
            self.namespace.recovery.left(self._recoveryLog, mayComeBack)
        self._acks.failAll(Disconnected(reason), set())
        self._show("disconnect", reason)

    # inside

    def _send(self, packetType: int, ackID: int | None, data: Any) -> None:
        if self.connected:
            self._router.sendPacket(packetType, self.namespace.name, ackID, data)

    def _eventReceived(self, ackID: int | None, data: list[Any]) -> None:
        event, values = data[0], data[1:]
        self.namespace.received.append(Received(self.namespace.name, event, tuple(values)))
        answer = Answer(lambda answers: self._send(ACK, ackID, list(answers)))
        listeners = self._listening.byEvent.get(event, ())
        for listener in listeners:
            if listener.once and not self._listening.discard(event, listener):
                continue
            self._call(event, listener, values, answer if ackID is not None else None)
        if ackID is not None and listeners:
            answer.done()

    def _call(
        self, event: Any, listener: Listener, values: list[Any], answer: Answer | None
    ) -> None:
        try:
            if answer is None:
                self._watch(event, listener, listener.call(values))
                return
            took, result = listener.callWithAck(values, answer)
            later = asDeferred(result)
            if later is None:
                answer.returned(took, result)
                return
        except Exception:
            self._logListener(event, listener)
            return
        answer.wait(took, later, lambda failure: self._logListener(event, listener, failure))


def _cut(function: Callable[..., Any], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """
    As many of the values as the function takes.
    """
    try:
        signature(function).bind(*values)
    except TypeError:
        return values[:1]
    return values
