"""
A transport without a network: what one end sends, the other gets in a turn of
the clock, in order.

Must not know: Socket.IO, namespaces.
"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl, urlsplit

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from txsocketio.errors import DecodeError, TransportError
from txsocketio.interfaces import IPacketReceiver, IPacketTransport
from txsocketio.protocol.engineio import (
    CLOSE,
    MESSAGE,
    NOOP,
    CloseDetails,
    Handshake,
    decodePacket,
)
from txsocketio.testing.connection import Connection
from txsocketio.testing.links import Attempt

__all__ = ["MemoryLink", "MemoryTransport", "TransportHost"]

HIGH_WATER = 65536
CLOSE_SECONDS = 2.0

Parcel = tuple[int, bytes, bool, bool]
"""Packet type, data, is binary, compress."""


class TransportHost(Protocol):
    """
    What a transport asks of its server.
    """

    clock: IReactorTime
    holdsPolls: bool

    def knocked(self, transport: MemoryTransport, attempt: Attempt) -> None:
        """
        A client opened a transport.
        """


@implementer(IPacketTransport)
class MemoryTransport:
    """
    The client's end; its class is the client's option C{transports=[...]}.

    Its life: C{new}, C{open}, perhaps C{pausing} and C{upgraded}, or
    C{closing}; C{closed}.

    @cvar host: the server; see L{MemoryServer.transport
        <txsocketio.testing.memory.MemoryServer.transport>}.
    """

    name: str = "websocket"
    host: ClassVar[Any] = None

    receiver: IPacketReceiver
    link: MemoryLink | None = None

    def __init__(self, wire: Any, sid: str | None) -> None:
        self._wire = wire
        self._sid = sid
        self._clock: IReactorTime = self.host.clock
        self.state = "new"
        self._inbox: deque[tuple[bytes, bool] | tuple[str, Any]] = deque()
        self._outbox: list[Parcel] = []
        self._waiting = 0
        self._flowing = True
        self._stalled = False
        self._choked = False
        self._calls: dict[str, IDelayedCall] = {}
        self._pollOver = False
        self._paused: Deferred[list[tuple[int, bytes, bool]]] | None = None
        self._closed: Deferred[None] | None = None

    # from above

    @property
    def congested(self) -> bool:
        """
        Whether the network takes nothing, or too much waits for it.
        """
        return self._choked or self._waiting > HIGH_WATER

    def open(self, receiver: IPacketReceiver) -> None:
        self.receiver = receiver
        self.state = "open"
        self._soon("open", self._knock)

    def sendText(self, message: bytes, compress: bool = True) -> None:
        self._send(MESSAGE, message, False, compress)

    def sendBinary(self, message: bytes, compress: bool = True) -> None:
        self._send(MESSAGE, message, True, compress)

    def sendPacket(self, packetType: int, data: bytes = b"") -> None:
        self._send(packetType, data, False, True)

    def bufferedAmount(self) -> int:
        return self._waiting

    def handshakeReceived(self, handshake: Handshake) -> None:
        """
        The session is known by the link.
        """

    def pause(self) -> Deferred[list[tuple[int, bytes, bool]]]:
        if self.name != "polling":
            return succeed([])
        self.state = "pausing"
        self._cancel("write")
        self._paused = Deferred()
        self.checkPaused()
        return self._paused

    def confirm(self) -> Deferred[None]:
        return succeed(None)

    def pauseReading(self) -> None:
        self._flowing = False

    def resumeReading(self) -> None:
        self._flowing = True
        self._readSoon()

    def close(self) -> Deferred[None]:
        if self.link is None or self.state in ("new", "closed"):
            self.abort()
            return succeed(None)
        if self._closed is None:
            self._closed = Deferred()
            self.state = "closing"
            self._inbox.clear()
            self._calls["goodbye"] = self._clock.callLater(CLOSE_SECONDS, self.abort)
            self._outbox.append((CLOSE, b"", False, True))
            self._writeSoon()
        return self._closed

    def farewell(self) -> None:
        """
        The server in memory notices by itself.
        """

    def abort(self) -> None:
        if self.state != "closed":
            self._end()
            if self.link is not None:
                self._clock.callLater(0, self.link.lost)

    # from the server

    def attempt(self) -> Attempt:
        """
        What a server sees of the request that opens this transport.
        """
        url = self._wire.requestURL(self.name, self._sid)
        headers = {name.lower(): value for name, value in self._wire.headers(self.name, url)}
        return Attempt(self.name, url, dict(parse_qsl(urlsplit(url).query)), headers, self._sid)

    def accepted(self, link: MemoryLink, headers: list[tuple[str, str]]) -> None:
        """
        The server lets the client in.
        """
        self.link = link
        self._wire.storeCookies(self._wire.requestURL(self.name, self._sid), headers)
        self.receiver.transportOpened()

    def arrived(self, packet: bytes, isBinary: bool) -> None:
        """
        A packet is on its way to the client.
        """
        if self.state in ("open", "pausing"):
            self._inbox.append((packet, isBinary))
            self._readSoon()

    def ended(self, reason: str, details: Any) -> None:
        """
        The end is on its way to the client, behind the packets.
        """
        if self.state in ("open", "pausing"):
            self._inbox.append((reason, details))
            self._readSoon()
        elif self.state == "closing":
            self._end()

    def cut(self, reason: str, details: Any) -> None:
        """
        The network breaks: at once for what is held back, else behind the
        packets that are on their way.
        """
        if self._stalled:
            self._inbox.clear()
            self._stalled = False
        self.ended(reason, details)

    def stall(self, stalled: bool) -> None:
        """
        Let nothing through, either way; or let all of it through again.
        """
        self._stalled = stalled
        self._writeSoon()
        self._readSoon()

    def choke(self, choked: bool) -> None:
        """
        Take nothing from the client, and say so; or take it again.
        """
        wasCongested = self.congested
        self._choked = choked
        self._writeSoon()
        if wasCongested and not self.congested and self.state == "open":
            self._soon("drained", self._tellDrained)

    def checkPaused(self) -> None:
        """
        Let the poll under way end, if the server may.
        """
        if self.state == "pausing" and not self.host.holdsPolls and "poll" not in self._calls:
            if self.link is not None:
                self.link.answerPoll()
            self._soon("poll", self._pollEnded)

    # inside: opening

    def _knock(self) -> None:
        self.host.knocked(self, self.attempt())

    # inside: reading

    def _readSoon(self) -> None:
        if self._inbox and self._flowing and not self._stalled:
            self._soon("read", self._read)

    def _read(self) -> None:
        while self._inbox and self._flowing and not self._stalled:
            first, second = self._inbox.popleft()
            if isinstance(first, bytes):
                self._handUp(first, second)
            else:
                self._lost(first, second)
        self._checkPauseDone()

    def _handUp(self, packet: bytes, isBinary: bool) -> None:
        if isBinary:
            self.receiver.binaryReceived(packet)
            return
        try:
            packetType, data, isBinary = decodePacket(packet)
        except DecodeError as error:
            damaged = packet[:1] == b"b"
            self._lost("parse error" if damaged else "transport error", error)
            return
        if isBinary:
            self.receiver.binaryReceived(data)
        elif packetType == MESSAGE:
            self.receiver.textReceived(data)
        else:
            self.receiver.packetReceived(packetType, data)

    # inside: writing

    def _send(self, packetType: int, data: bytes, isBinary: bool, compress: bool) -> None:
        if self.state not in ("open", "pausing") or self.link is None:
            return
        self._outbox.append((packetType, data, isBinary, compress))
        self._waiting += len(data) + 1
        self._writeSoon()

    def _writeSoon(self) -> None:
        if self._outbox and not (self._stalled or self._choked or self.state == "pausing"):
            self._soon("write", self._write)

    def _write(self) -> None:
        wasCongested = self.congested
        outbox, self._outbox, self._waiting = self._outbox, [], 0
        link = self.link
        assert link is not None
        for packetType, data, isBinary, compress in outbox:
            if packetType == CLOSE and self.state == "closing":
                self._sayGoodbye(link)
            else:
                link.received(packetType, data, isBinary, compress)
        if wasCongested and not self.congested and self.state == "open":
            self._tellDrained()

    def _sayGoodbye(self, link: MemoryLink) -> None:
        # A WebSocket has a goodbye of its own.
        if self.name == "polling":
            link.received(CLOSE, b"", False, True)
        self._end()
        link.lost()

    def _tellDrained(self) -> None:
        self.receiver.transportDrained()

    # inside: ending

    def _pollEnded(self) -> None:
        self._pollOver = True
        self._readSoon()
        self._checkPauseDone()

    def _checkPauseDone(self) -> None:
        if self.state != "pausing" or not self._pollOver or self._inbox or self._paused is None:
            return
        unsent = [(packetType, data, binary) for packetType, data, binary, _ in self._outbox]
        paused, self._paused = self._paused, None
        self._end()
        # Not closed: what the server says now waits for the next transport.
        self.state = "upgraded"
        paused.callback(unsent)

    def _lost(self, reason: str, details: Any) -> None:
        self._end()
        self.receiver.transportClosed(reason, details)
        if self.link is not None:
            self.link.lost()

    def _end(self) -> None:
        self.state = "closed"
        for call in self._calls.values():
            if call.active():
                call.cancel()
        self._calls = {}
        self._inbox.clear()
        self._outbox, self._waiting = [], 0
        self._choked = False
        if self._closed is not None and not self._closed.called:
            self._closed.callback(None)

    def _soon(self, name: str, function: Any) -> None:
        if name not in self._calls and self.state != "closed":
            self._calls[name] = self._clock.callLater(0, self._turn, name, function)

    def _turn(self, name: str, function: Any) -> None:
        self._calls.pop(name, None)
        function()

    def _cancel(self, name: str) -> None:
        call = self._calls.pop(name, None)
        if call is not None and call.active():
            call.cancel()


class MemoryLink:
    """
    The server's end of a L{MemoryTransport}.
    """

    def __init__(self, connection: Connection, transport: MemoryTransport) -> None:
        self._connection = connection
        self.transport = transport
        self.name = transport.name
        self._unsent: list[Parcel] = []

    # from the server

    def send(self, packetType: int, data: bytes, isBinary: bool, compress: bool = True) -> None:
        """
        See L{Link}.
        """
        if self.transport.state == "upgraded":
            self._unsent.append((packetType, data, isBinary, compress))
        elif isBinary:
            self.transport.arrived(data, True)
        else:
            self.transport.arrived(b"%d%b" % (packetType, data), False)

    def sendRaw(self, packet: bytes, isBinary: bool) -> None:
        """
        See L{Link}.
        """
        self.transport.arrived(packet, isBinary)

    def takeUnsent(self) -> list[Parcel]:
        """
        See L{Link}.
        """
        unsent, self._unsent = self._unsent, []
        return unsent

    def probed(self) -> None:
        """
        The client will say when its poll is to end; see L{answerPoll}.
        """

    def end(self, reason: str, details: Any) -> None:
        """
        Hang up as this carrier would.
        """
        if self.name == "polling":
            self.transport.ended("transport error", _unknownSession(self.transport))
        else:
            context = {"code": 1005, "reason": "", "wasClean": True}
            details = CloseDetails("websocket connection closed", context)
            self.transport.ended("transport close", details)

    def cut(self, reason: str, details: Any) -> None:
        """
        See L{Link}; the client hears this very reason.
        """
        self.transport.cut(reason, details)

    # from the client

    def answerPoll(self) -> None:
        """
        The client wants its poll to end: it is about to upgrade.
        """
        self._connection.sendPacket(NOOP)

    def received(self, packetType: int, data: bytes, isBinary: bool, compress: bool) -> None:
        """
        A packet came.
        """
        self._connection.packetReceived(self, packetType, data, isBinary, compress)

    def lost(self) -> None:
        """
        The client is gone.
        """
        self._connection.linkLost(self)


def _unknownSession(transport: MemoryTransport) -> TransportError:
    return TransportError(
        "xhr poll error",
        transport=transport.name,
        phase="poll",
        status=400,
        body=b'{"code":1,"message":"Session ID unknown"}',
    )
