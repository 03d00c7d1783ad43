"""
One Engine.IO connection (protocol v4): handshake, heartbeat, upgrade, close.

An engine is opened once, lives on one transport at a time, and is never
reopened: whoever wants to come back makes a new one.  Its life is C{opening},
C{open}, C{closing}, C{closed}, only ever forward.

While the transport can take messages they go straight through; they are held
here only during an upgrade, in order.

Must not know: Socket.IO, namespaces, reconnection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from txsocketio.emitter import Emitter
from txsocketio.errors import DecodeError, TransportError
from txsocketio.heartbeat import Heartbeat
from txsocketio.interfaces import IEngine, IEngineReceiver, IPacketReceiver
from txsocketio.options import EngineOptions, checkHeaders, checkQuery
from txsocketio.protocol.engineio import (
    CLOSE,
    MESSAGE,
    OPEN,
    PING,
    PONG,
    UPGRADE,
    CloseDetails,
    Handshake,
    decodeHandshake,
)
from txsocketio.protocol.url import EngineAddress, ServerURL, enginePath
from txsocketio.transports.endpoint import Dialer
from txsocketio.transports.names import transportClass
from txsocketio.transports.upgrade import PROBE_SECONDS, Probe, abortBroken

__all__ = ["DEAF", "Engine", "EngineFactory", "Packet"]

HIGH_WATER = 65536

CLOSE_SECONDS = 2.0
"""How long a close may take that has to wait for an upgrade."""

_NAMES = ("open", "close", "ping", "pong", "message", "upgrade", "noop")
_PACKET_EVENTS = ("packet", "packetCreate", "message", "drain", "flush", "ping", "pong")


class Packet(NamedTuple):
    """
    An Engine.IO packet as shown to observers.
    """

    type: str
    data: str | bytes
    compress: bool = True


@implementer(IEngineReceiver)
class _Deaf:
    """
    Receives for somebody who does not listen any more.
    """

    def engineOpened(self) -> None:
        pass

    def textReceived(self, message: bytes) -> None:
        pass

    def binaryReceived(self, message: bytes) -> None:
        pass

    def pingReceived(self) -> None:
        pass

    def engineDrained(self) -> None:
        pass

    def engineClosed(self, reason: str, details: Any) -> None:
        pass


DEAF = _Deaf()


class EngineFactory:
    """
    Makes engines for one server, and keeps what outlives each of them: the
    TLS policy, the cookies, and whether WebSocket worked last time.
    """

    __slots__ = ("_urlQuery", "dialer", "options", "reactor", "webSocketWorked")

    def __init__(self, reactor: Any, url: ServerURL, options: EngineOptions) -> None:
        """
        @raise ValueError: an option of the wire or of TLS cannot be used.
        """
        self.reactor = reactor
        self.options = options
        self._urlQuery = url.query
        path = enginePath(options.path, options.addTrailingSlash)
        address = EngineAddress(url.secure, url.host, url.port, path, url.userinfo)
        self.dialer = Dialer(reactor, address, options)
        self.webSocketWorked = False

    def askValues(self) -> Deferred[list[Any]]:
        """
        Ask for the query and the headers of an attempt, where the options are
        callables.

        @return: fires with both, for L{buildEngine}.  Fails with
            L{FirstError <twisted.internet.defer.FirstError>}.
        """
        values = (self.options.query, self.options.extraHeaders)
        if not any(callable(each) for each in values):
            return succeed(list(values))
        return gatherResults([maybeDeferred(_valueOf, each) for each in values], True)

    def buildEngine(self, receiver: IEngineReceiver, query: Any = (), headers: Any = ()) -> Engine:
        """
        Make an engine, with the query and the headers of this attempt; the
        query of the URL is merged under the first.

        @raise ValueError: one of them cannot be sent.
        """
        merged = {**dict(self._urlQuery), **dict(checkQuery(query or ()))}
        wire = self.dialer.buildWire(tuple(merged.items()), checkHeaders(headers or ()))
        return Engine(self, receiver, wire)

    def transportsInOrder(self) -> list[Any]:
        """
        The transports to open with, the first choice first.
        """
        transports = list(self.options.transports)
        if self.options.rememberUpgrade and self.webSocketWorked:
            transports.sort(key=lambda each: _transportName(each) != "websocket")
        return transports


def _valueOf(value: Any) -> Any:
    return value() if callable(value) else value


def _transportName(nameOrClass: Any) -> str:
    return nameOrClass if isinstance(nameOrClass, str) else nameOrClass.name


@implementer(IEngine, IPacketReceiver)
class Engine(Emitter):
    """
    One Engine.IO connection.

    @ivar id: the session id, or L{None} before the handshake.
    @ivar transport: the present transport, or L{None} before L{open}.
    @ivar readyState: C{"opening"}, C{"open"}, C{"closing"}, C{"closed"}.
    @ivar handshake: the server's L{Handshake}, or L{None}.
    """

    id: str | None = None
    handshake: Handshake | None = None
    transport: Any = None
    maxPayload = 0

    # The transport, while messages may go straight to it.  Then what comes goes
    # straight to the receiver: its methods stand in the place of our own.
    _carrier: Any = None
    _observed = False
    _heartbeat: Heartbeat | None = None
    _upgrading: Probe | None = None
    _upgradeDeadline: IDelayedCall | None = None
    _pongDue: IDelayedCall | None = None
    _startLater: IDelayedCall | None = None
    _closing: Deferred[None] | None = None
    _closeDeadline: IDelayedCall | None = None
    _reading = True
    _probes: tuple[Probe, ...]
    _goneWaiters: tuple[Deferred[None], ...] = ()

    def __init__(self, factory: EngineFactory, receiver: IEngineReceiver, wire: Any) -> None:
        super().__init__()
        self._factory = factory
        self._reactor = factory.reactor
        self._receiver = receiver
        self._wire = wire
        self.readyState = "opening"
        self._held: list[tuple[int, bytes, bool, bool]] = []
        self._heldBytes = 0
        self._choices = factory.transportsInOrder()
        # These have a place from the beginning, or each engine would get a
        # dictionary of its own when it opens.
        self.id = self.handshake = self.transport = self._carrier = self._heartbeat = None
        self.maxPayload = 0
        self._pongDue = self._upgrading = self._upgradeDeadline = None
        self._probes = ()

    def __repr__(self) -> str:
        transport = "" if self.transport is None else f" by {self.transport.name}"
        return f"<Engine {self.readyState}{transport} sid={self.id}>"

    # from above

    @property
    def receiver(self) -> IEngineReceiver:
        """
        Who is told; may be replaced at any time.
        """
        return self._receiver

    @receiver.setter
    def receiver(self, receiver: IEngineReceiver) -> None:
        self._receiver = receiver
        self._chooseWay()

    def open(self) -> None:
        """
        Connect.  What becomes of it is told later, never in this call.
        """
        if self.readyState == "closed":
            return  # given up before it began, and told
        if self._choices:
            self._openNext()
        else:
            self._startLater = self._reactor.callLater(
                0, self._failed, "transport error", TransportError("no transports available")
            )

    def sendText(self, message: bytes, compress: bool = True) -> bool:
        """
        Send a text message; dropped when the engine is closing or closed.

        @return: whether the engine is congested now.
        """
        carrier = self._carrier
        if carrier is None:
            return self._send(MESSAGE, message, False, compress)
        carrier.sendText(message, compress)
        return carrier.congested  # type: ignore[no-any-return]

    def sendBinary(self, message: bytes, compress: bool = True) -> bool:
        """
        Send a binary message; dropped when the engine is closing or closed.

        @return: whether the engine is congested now.
        """
        carrier = self._carrier
        if carrier is None:
            return self._send(MESSAGE, message, True, compress)
        carrier.sendBinary(message, compress)
        return carrier.congested  # type: ignore[no-any-return]

    def send(self, message: str | bytes, compress: bool = True) -> None:
        """
        Send a message: L{str} as text, anything like L{bytes} as binary.

        @raise TypeError: C{message} is neither.
        """
        if isinstance(message, str):
            self.sendText(_encoded(message), compress)
        else:
            self.sendBinary(bytes(memoryview(message)), compress)

    @property
    def congested(self) -> bool:
        """
        Whether more than 64 KiB wait to be sent.
        """
        if self._carrier is not None:
            return bool(self._carrier.congested)
        return self._heldBytes > HIGH_WATER or (
            self.transport is not None and bool(self.transport.congested)
        )

    def bufferedAmount(self) -> int:
        """
        How many bytes wait here and in the transport.
        """
        below = 0 if self.transport is None else self.transport.bufferedAmount()
        return int(below) + self._heldBytes

    @property
    def writeBuffer(self) -> list[Packet]:
        """
        What is held back here, as shown to observers.
        """
        return [_shown(*each) for each in self._held]

    def overweight(self, text: bytes | None, binaries: Sequence[bytes]) -> int:
        """
        The size of the first message larger than the server accepts, or 0.
        """
        limit = self.maxPayload
        if not limit:
            return 0
        if text is not None and len(text) >= limit:
            return len(text) + 1
        for each in binaries:
            if 2 * len(each) + 4 > limit:
                break  # perhaps, and if not as bytes then as text
        else:
            return 0
        name = self.transport.name
        asText = name == "polling" or self._wire.optionsFor(name).forceBase64
        for each in binaries:
            size = 1 + (len(each) + 2) // 3 * 4 if asText else len(each)
            if size > limit:
                return size
        return 0

    def ready(self) -> bool:
        """
        Whether what is sent now will go out soon: little waits, and the
        server was heard of in time.
        """
        carrier, beat = self._carrier, self._heartbeat
        if carrier is None or beat is None:
            return not (self.congested or self.expired())
        return not (carrier.congested or beat.now() > beat.expires)

    def expired(self) -> bool:
        """
        Whether the server's heartbeat is overdue; the engine then closes, as
        it may already.
        """
        if self.readyState == "closing":
            return True
        return self._heartbeat is not None and self._heartbeat.overdue()

    def pauseReading(self) -> None:
        """
        Stop reading from the network; handshake and upgrade come first.
        """
        self._reading = False
        if self.readyState == "open" and self._upgrading is None:
            self.transport.pauseReading()

    def resumeReading(self) -> None:
        """
        Read again.
        """
        self._reading = True
        if self.readyState == "open" and self._upgrading is None:
            self.transport.resumeReading()

    def confirm(self) -> Deferred[None]:
        """
        @return: fires when the server has read what was sent, as far as the
            transport can tell, or the connection is gone; never fails.
        """
        return succeed(None) if self.transport is None else self.transport.confirm()

    def close(self) -> Deferred[None]:
        """
        Send what waits, then end, in at most 2 seconds; at once if the engine
        is not open yet.

        @return: fires when no timer, request or connection is left.
        """
        if self.readyState == "open":
            self.readyState = "closing"
            self._chooseWay()
            if self._upgrading is None:
                self._closeTransport()
            else:
                self._closeDeadline = self._reactor.callLater(
                    CLOSE_SECONDS, self.abort, "forced close"
                )
        elif self.readyState == "opening":
            self.abort("forced close")
        return self.whenGone()

    def abort(self, reason: str, details: Any = None) -> None:
        """
        End now; the receiver hears it in this very call.
        """
        if self.transport is not None:
            self.transport.abort()
        self._closed(reason, details)

    def whenGone(self) -> Deferred[None]:
        """
        @return: fires when no timer, request or connection is left.
        """
        if self.readyState == "closed" and self._closing is None:
            return self._wire.whenEmpty()  # type: ignore[no-any-return]
        gone: Deferred[None] = Deferred()
        self._goneWaiters = (*self._goneWaiters, gone)
        return gone

    # from below

    def transportOpened(self) -> None:
        """
        The carrier is there; the handshake follows.
        """

    def textReceived(self, message: bytes) -> None:
        """
        A text message, not taken straight to the receiver.
        """
        if self._observed:
            self._showReceived(MESSAGE, message, False)
        if self.readyState == "open":
            self._receiver.textReceived(message)
        elif self.readyState == "opening":
            self._notOpened(b"4" + message)

    def binaryReceived(self, message: bytes) -> None:
        """
        A binary message, not taken straight to the receiver.
        """
        if self._observed:
            self._showReceived(MESSAGE, message, True)
        if self.readyState == "open":
            self._receiver.binaryReceived(message)
        elif self.readyState == "opening":
            self._notOpened(message)

    def packetReceived(self, packetType: int, data: bytes) -> None:
        """
        A packet of the engine's own.
        """
        if self._observed:
            self._showReceived(packetType, data, False)
        if self.readyState == "closed":
            return
        if packetType == OPEN:
            self._openReceived(data)
        elif self.readyState == "opening":
            if packetType != PING:
                self._notOpened(b"%d%b" % (packetType, data))
        elif packetType == PING:
            self._pingReceived()
        elif packetType == CLOSE:
            self.abort("transport close", CloseDetails("closed by the server", None))

    def transportDrained(self) -> None:
        """
        The transport takes more.
        """
        if self._observed:
            self._show("drain")
        self._tellDrained()

    def transportClosed(self, reason: str, details: Any) -> None:
        """
        The transport is gone, and so are we - unless another may be tried.
        """
        if (
            self.readyState == "opening"
            and self._factory.options.tryAllTransports
            and self._choices
        ):
            self._openNext()
        else:
            goodbye = self._closing = self._farewell()
            self._failed(reason, details)
            if goodbye is not None:
                goodbye.addCallback(self._transportGone)

    # inside: opening

    def _openNext(self) -> None:
        choice = self._choices.pop(0)
        try:
            self.transport = transportClass(choice)(self._wire, None)
            self.transport.open(self)
        except Exception as problem:
            self._startLater = self._reactor.callLater(0, self._notUsable, choice, problem)

    def _notUsable(self, choice: Any, problem: Exception) -> None:
        if self.transport is not None:
            abortBroken(self.transport)
        self.transportClosed("transport error", _unusable(choice, problem))

    def _openReceived(self, data: bytes) -> None:
        if self.readyState != "opening":
            error = TransportError("unexpected OPEN", explanation="the session was open already")
            self._abortWith("transport error", error)
            return
        try:
            handshake = decodeHandshake(data)
        except DecodeError as error:
            self._abortWith("parse error", error)
            return
        self._opened(handshake)

    def _notOpened(self, seen: bytes) -> None:
        self._abortWith("parse error", DecodeError("no OPEN packet", seen))

    def _opened(self, handshake: Handshake) -> None:
        self.handshake = handshake
        self.id = handshake.sid
        self.maxPayload = handshake.maxPayload
        self.transport.handshakeReceived(handshake)
        self.readyState = "open"
        self._chooseWay()
        self._factory.webSocketWorked = self.transport.name == "websocket"
        self._heartbeat = Heartbeat(
            self._reactor, handshake.pingInterval, handshake.pingTimeout, self._pingMissed
        )
        waited = self._flush()
        if not self._reading:
            self.transport.pauseReading()
        self._tellOpened(handshake)
        if waited:
            self._tellDrained()

    def _tellOpened(self, handshake: Handshake) -> None:
        """
        Whoever is told may close us; the others then hear nothing.
        """
        self._show("handshake", handshake)
        if self.readyState == "open":
            self._show("open")
        if self.readyState == "open":
            self._receiver.engineOpened()
        if self.readyState == "open" and self._factory.options.upgrade:
            self._startProbes(handshake)

    # inside: heartbeat

    def _pingReceived(self) -> None:
        assert self._heartbeat is not None
        self._heartbeat.beat()
        if self._pongDue is None:
            # One answer a turn, however many pings it brought.
            self._pongDue = self._reactor.callLater(0, self._sendPong)
        self._receiver.pingReceived()

    def _sendPong(self) -> None:
        self._pongDue = None
        self._send(PONG, b"", False, True)

    def _pingMissed(self) -> None:
        assert self._heartbeat is not None
        patience = self._heartbeat.patience
        details = CloseDetails(f"no ping from the server in {patience:g} s", None)
        self.abort("ping timeout", details)

    # inside: writing

    def _send(self, packetType: int, data: bytes, isBinary: bool, compress: bool) -> bool:
        if self.readyState not in ("opening", "open"):
            return False
        if self._observed:
            self._show("packetCreate", _shown(packetType, data, isBinary, compress))
        if self.readyState == "open" and self._upgrading is None:
            self._write(packetType, data, isBinary, compress)
            if self._observed:
                self._show("flush")
        elif self.readyState != "closed":
            self._held.append((packetType, data, isBinary, compress))
            self._heldBytes += len(data)
        return self.congested

    def _write(self, packetType: int, data: bytes, isBinary: bool, compress: bool) -> None:
        if packetType != MESSAGE:
            self.transport.sendPacket(packetType, data)
        elif isBinary:
            self.transport.sendBinary(data, compress)
        else:
            self.transport.sendText(data, compress)

    def _flush(self) -> bool:
        """
        @return: whether anything was held.
        """
        held, self._held, self._heldBytes = self._held, [], 0
        for each in held:
            self._write(*each)
        return bool(held)

    def _tellDrained(self) -> None:
        if self.readyState == "open" and not self.congested:
            self._receiver.engineDrained()

    def _chooseWay(self) -> None:
        straight = self.readyState == "open" and self._upgrading is None and not self._observed
        self._carrier = self.transport if straight else None
        if straight:
            self.textReceived = self._receiver.textReceived  # type: ignore[method-assign]
            self.binaryReceived = self._receiver.binaryReceived  # type: ignore[method-assign]
        else:
            vars(self).pop("textReceived", None)
            vars(self).pop("binaryReceived", None)

    def _listenersChanged(self) -> None:
        self._observed = any(self.hasListeners(event) for event in _PACKET_EVENTS)
        self._chooseWay()

    def _showReceived(self, packetType: int, data: bytes, isBinary: bool) -> None:
        if self.readyState == "closed":
            return
        packet = _shown(packetType, data, isBinary, True)
        self._show("packet", packet)
        if packetType == MESSAGE:
            self._show("message", packet.data)
        elif packetType in (PING, PONG):
            self._show(_NAMES[packetType])

    # inside: upgrade

    def _startProbes(self, handshake: Handshake) -> None:
        offered = [
            each
            for each in self._factory.options.transports
            if _transportName(each) in handshake.upgrades
            and _transportName(each) != self.transport.name
        ]
        # Polling alone has something to hold back.
        hesitate = getattr(self.transport, "hesitate", None)
        if offered and hesitate is not None:
            hesitate()
        for each in offered:
            if self.readyState == "open" and self._upgrading is None:
                self._probe(each, handshake)

    def _probe(self, choice: Any, handshake: Handshake) -> None:
        try:
            transport = transportClass(choice)(self._wire, handshake.sid)
            transport.handshakeReceived(handshake)
        except Exception as problem:
            self._show("upgradeError", _unusable(choice, problem))
            return
        probe = Probe(transport, self._reactor)
        self._probes = (*self._probes, probe)
        probe.start().addCallbacks(
            lambda _: self._proved(probe), lambda failure: self._disproved(probe, failure.value)
        )

    def _proved(self, probe: Probe) -> None:
        self._probes = tuple(each for each in self._probes if each is not probe)
        self._upgrading = probe
        self._chooseWay()
        probe.whenLost(self._upgradeLost)
        self._cancelProbes()
        self._upgradeDeadline = self._reactor.callLater(PROBE_SECONDS, self._upgradeStuck)
        self._show("upgrading", probe.transport)
        if self._upgrading is probe:
            if not self._reading:
                # What it has not handed up yet would keep it from pausing.
                self.transport.resumeReading()
            self.transport.pause().addCallback(self._paused, probe)

    def _disproved(self, probe: Probe, error: Exception) -> None:
        self._probes = tuple(each for each in self._probes if each is not probe)
        self._show("upgradeError", error)

    def _upgradeStuck(self) -> None:
        error = TransportError(
            "upgrade timed out",
            explanation="the server never ended the poll under way",
            transport=self.transport.name,
            phase="upgrade",
        )
        self._upgradeLost(error)

    def _upgradeLost(self, error: Exception) -> None:
        if self._upgrading is None:
            return  # closed meanwhile
        self.transport.abort()
        news = ("upgradeError", error)
        if self.readyState == "closing":
            self._closed("forced close", None, news)
        else:
            self._failed("transport error", error, news)

    def _paused(self, unsent: list[tuple[int, bytes, bool]], probe: Probe) -> None:
        if self._upgrading is not probe:
            return  # closed meanwhile
        self._endUpgrade()
        self.transport = probe.transport
        self.transport.receiver = self
        self.transport.sendPacket(UPGRADE)
        for packetType, data, isBinary in unsent:
            self._write(packetType, data, isBinary, True)
        self._factory.webSocketWorked = self.transport.name == "websocket"
        self._chooseWay()
        waited = self._flush() or bool(unsent)
        if self._reading:
            self.transport.resumeReading()
        self._show("upgrade", self.transport)
        if self.readyState == "closing":
            self._closeTransport()
        elif waited:
            # A transport that was paused with all of it never said so.
            self._tellDrained()

    def _endUpgrade(self) -> None:
        self._upgrading = None
        deadline, self._upgradeDeadline = self._upgradeDeadline, None
        _cancel(deadline)

    def _cancelProbes(self) -> None:
        probes, self._probes = self._probes, ()
        for probe in probes:
            probe.cancel()

    # inside: closing

    def _closeTransport(self) -> None:
        ended = self._closing = self.transport.close()
        self._closed("forced close", None)
        ended.addCallback(self._transportGone)

    def _farewell(self) -> Deferred[None] | None:
        return None if self.transport is None else self.transport.farewell()

    def _transportGone(self, _: Any) -> None:
        self._closing = None
        self._endWire()
        self._tellGone()

    def _endWire(self) -> None:
        _cancel(self._closeDeadline)
        self._wire.abort()

    def _tellGone(self) -> None:
        waiters, self._goneWaiters = self._goneWaiters, ()
        for each in waiters:
            self._wire.whenEmpty().chainDeferred(each)

    def _abortWith(self, reason: str, error: Exception) -> None:
        self.transport.abort()
        self._failed(reason, error)

    def _failed(self, reason: str, details: Any, *news: tuple[Any, ...]) -> None:
        if self.readyState != "closed" and isinstance(details, Exception):
            self._factory.webSocketWorked = False
            news = (*news, ("error", details))
        self._closed(reason, details, *news)

    def _closed(self, reason: str, details: Any, *news: tuple[Any, ...]) -> None:
        """
        @param news: events to show, with their values, before C{close}.
        """
        if self.readyState == "closed":
            return
        self.readyState = "closed"
        self._chooseWay()
        self._stopTimers()
        self._cancelProbes()
        if self._upgrading is not None:
            self._upgrading.transport.abort()
            self._endUpgrade()
        if self._closing is None:
            self._endWire()
        try:
            # First: what an observer then makes a socket send belongs to the
            # next connection.
            self._receiver.engineClosed(reason, details)
            for each in (*news, ("close", reason, details)):
                self._show(*each)
        finally:
            self._held, self._heldBytes = [], 0
            if self._closing is None:
                self._tellGone()

    def _stopTimers(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.stop()
        _cancel(self._pongDue)
        _cancel(self._startLater)


# The instances' table of names has room for the straight way, too.
_first: Any = Engine.__new__(Engine)
_first.textReceived = _first.binaryReceived = None
del _first


def _shown(packetType: int, data: bytes, isBinary: bool, compress: bool) -> Packet:
    shown = data if isBinary else data.decode("utf-8", "replace")
    return Packet(_NAMES[packetType], shown, compress)


def _encoded(text: str) -> bytes:
    """
    Write text as JavaScript does: half a character becomes U+FFFD.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _unusable(choice: Any, problem: Exception) -> TransportError:
    """
    What is wrong with a transport that raised instead of opening.
    """
    error = TransportError("transport not usable", transport=_transportName(choice), phase="open")
    error.__cause__ = problem
    return error


def _cancel(call: IDelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
