"""
One client's Engine.IO connection, seen from the server.

Handshake, heartbeat, upgrade and close as the Engine.IO v4 protocol wants them
from a server; what the packets travel by is a L{Link}.

Must not know: Socket.IO, namespaces, how packets travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txsocketio.protocol.engineio import (
    CLOSE,
    MESSAGE,
    NOOP,
    OPEN,
    PING,
    PONG,
    UPGRADE,
    CloseDetails,
)
from txsocketio.testing.links import Attempt, Link, WirePacket, asText

__all__ = ["Application", "Connection", "EngineHost"]


class Application(Protocol):
    """
    What a server does with the messages of one connection.
    """

    def textReceived(self, message: bytes) -> None:
        """
        A text message came, as UTF-8.
        """

    def binaryReceived(self, message: bytes) -> None:
        """
        A binary message came.
        """

    def connectionClosed(self, reason: str, details: Any) -> None:
        """
        The connection is gone; the last call.
        """


class EngineHost(Protocol):
    """
    What a connection asks of its server.
    """

    clock: IReactorTime
    pingInterval: float
    pingTimeout: float
    maxPayload: int
    answersProbes: bool

    def greeting(self, connection: Connection) -> bytes:
        """
        The data of the OPEN packet.
        """

    def buildApplication(self, connection: Connection) -> Application:
        """
        Make who gets the messages.
        """


class Connection:
    """
    One Engine.IO connection of one client.

    @ivar sid: the session's id.
    @ivar attempt: how the client knocked: URL, query, headers.
    @ivar wire: every packet both ways, as L{WirePacket}s.
    @ivar closed: why it ended (C{"transport close"}, C{"ping timeout"} ...),
        or L{None} while it lives.
    """

    closed: str | None = None
    _link: Link
    _probing: Link | None = None
    _proved = False
    _pingCall: IDelayedCall | None = None
    _patience: IDelayedCall | None = None

    def __init__(self, host: EngineHost, sid: str, attempt: Attempt) -> None:
        self._host = host
        self.sid = sid
        self.attempt = attempt
        self.wire: list[WirePacket] = []
        self._application: Application | None = None

    def __repr__(self) -> str:
        return f"<Connection {self.sid} {self.closed or 'open'}>"

    @property
    def link(self) -> Link:
        """
        The server's end of the present transport.
        """
        return self._link

    @property
    def transport(self) -> str:
        """
        The present transport's name.
        """
        return self._link.name

    @property
    def query(self) -> Mapping[str, str]:
        """
        The query of the first request.
        """
        return self.attempt.query

    @property
    def headers(self) -> Mapping[str, str]:
        """
        The headers of the first request, by lower-case name.
        """
        return self.attempt.headers

    @property
    def fromClient(self) -> list[str]:
        """
        The packets the client sent, as text.
        """
        return [each.packet for each in self.wire if each.sender == "client"]

    @property
    def fromServer(self) -> list[str]:
        """
        The packets the server sent, as text.
        """
        return [each.packet for each in self.wire if each.sender == "server"]

    # for tests

    def send(self, message: str | bytes) -> None:
        """
        Send one Engine.IO message.
        """
        if isinstance(message, str):
            self.sendPacket(MESSAGE, message.encode())
        else:
            self.sendPacket(MESSAGE, message, True)

    def sendRaw(self, packet: str | bytes) -> None:
        """
        Send this and nothing else, be it a packet or not.

        @param packet: L{str}, e.g. C{'42["half'}, goes as text (lone
            surrogates of C{surrogateescape} as the bytes they stand for);
            L{bytes} as a binary message.
        """
        isBinary = not isinstance(packet, str)
        data = packet.encode("utf-8", "surrogateescape") if isinstance(packet, str) else packet
        shown = asText(MESSAGE, data, True) if isBinary else data.decode("utf-8", "replace")
        self.wire.append(WirePacket("server", shown, self.transport))
        self._link.sendRaw(data, isBinary)

    def ping(self) -> None:
        """
        Send a heartbeat now.
        """
        self.sendPacket(PING)

    def close(self) -> None:
        """
        Hang up properly: the client hears C{"transport close"}.
        """
        if self._link.name == "polling" and self.closed is None:
            self.sendPacket(CLOSE)
        self.end("forced close", CloseDetails("closed by the server"))

    # for the application and the links

    def start(self, link: Link) -> None:
        """
        Begin a new session on this link.
        """
        self._link = link
        self._application = self._host.buildApplication(self)
        self.sendPacket(OPEN, self._host.greeting(self))
        if self.closed is None:  # the application may have hung up at once
            self._pingLater()

    def sendPacket(
        self, packetType: int, data: bytes = b"", isBinary: bool = False, compress: bool = True
    ) -> None:
        """
        Send a packet; dropped when the connection is closed.
        """
        if self.closed is None:
            self._sendBy(self._link, packetType, data, isBinary, compress)

    def probe(self, link: Link) -> bool:
        """
        Another transport wants to take over.

        @return: whether it may try: not when one does already, nor after an
            upgrade.
        """
        if self._probing is not None or self._link.name == "websocket" or self.closed:
            return False
        self._probing = link
        return True

    def packetReceived(
        self, link: Link, packetType: int, data: bytes, isBinary: bool, compress: bool = True
    ) -> None:
        """
        A packet came by one of our links.
        """
        if self.closed is not None:
            return
        shown = asText(packetType, data, isBinary)
        self.wire.append(WirePacket("client", shown, link.name, compress))
        if link is not self._link:
            self._probeReceived(link, packetType, data)
        elif len(data) > self._host.maxPayload > 0:
            self.broken(f"a packet of {len(data)} bytes is over maxPayload")
        elif packetType == MESSAGE:
            self._messageReceived(data, isBinary)
        elif packetType == PONG:
            self._pingLater()
        elif packetType == CLOSE:
            self.end("transport close", None)
        else:
            self.broken(f"a client must not send {shown[:20]!r}")

    def linkLost(self, link: Link, reason: str = "transport close", details: Any = None) -> None:
        """
        The client, or the network, ended a link.
        """
        if link is self._probing:
            self._probing, self._proved = None, False
        elif link is self._link:
            self.end(reason, details)

    def broken(self, why: str) -> None:
        """
        The client does not speak Engine.IO.
        """
        self.end("transport error", CloseDetails(why))

    def end(self, reason: str, details: Any = None) -> None:
        """
        End everything, and tell the application why.
        """
        if self.closed is not None:
            return
        self.closed = reason
        self._stopTimers()
        probing, self._probing = self._probing, None
        if probing is not None:
            probing.end(reason, details)
        self._link.end(reason, details)
        if self._application is not None:
            self._application.connectionClosed(reason, details)

    # inside

    def _sendBy(
        self, link: Link, packetType: int, data: bytes, isBinary: bool, compress: bool
    ) -> None:
        self.wire.append(
            WirePacket("server", asText(packetType, data, isBinary), link.name, compress)
        )
        link.send(packetType, data, isBinary, compress)

    def _messageReceived(self, data: bytes, isBinary: bool) -> None:
        application = self._application
        assert application is not None
        if isBinary:
            application.binaryReceived(data)
        else:
            application.textReceived(data)

    # inside: heartbeat

    def _pingLater(self) -> None:
        self._stopTimers()
        self._pingCall = self._host.clock.callLater(self._host.pingInterval, self._ping)

    def _ping(self) -> None:
        self.ping()
        self._patience = self._host.clock.callLater(self._host.pingTimeout, self._pongMissed)

    def _pongMissed(self) -> None:
        self.end("ping timeout", CloseDetails("the client did not answer a ping"))

    def _stopTimers(self) -> None:
        for call in (self._pingCall, self._patience):
            if call is not None and call.active():
                call.cancel()
        self._pingCall = self._patience = None

    # inside: upgrade

    def _probeReceived(self, link: Link, packetType: int, data: bytes) -> None:
        if link is not self._probing:
            return
        if packetType == PING and data == b"probe":
            self._proved = True
            if self._host.answersProbes:
                self._sendBy(link, PONG, b"probe", False, True)
                self._link.probed()
        elif packetType == UPGRADE and self._proved:
            self._upgrade(link)
        else:
            self._probing, self._proved = None, False
            link.end("transport error", CloseDetails("not a probe"))

    def _upgrade(self, link: Link) -> None:
        old, self._link = self._link, link
        self._probing, self._proved = None, False
        unsent = old.takeUnsent()
        old.end("transport close", None)
        for packetType, data, isBinary, compress in unsent:
            if packetType not in (NOOP, CLOSE):
                link.send(packetType, data, isBinary, compress)
