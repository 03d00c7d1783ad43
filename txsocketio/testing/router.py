"""
One connection's Socket.IO side: packets to namespaces and back.

Must not know: transports, heartbeats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from txsocketio.errors import DecodeError
from txsocketio.interfaces import IParser
from txsocketio.protocol.engineio import MESSAGE, CloseDetails
from txsocketio.protocol.socketio import CONNECT, CONNECT_ERROR
from txsocketio.testing.connection import Connection
from txsocketio.testing.namespaces import Namespace, ServerSocket

__all__ = ["PacketRouter", "RouterHost"]

MAX_ATTACHMENTS = 10

class RouterHost(Protocol):
    """
    What a router asks of its server.
    """

    clock: IReactorTime
    parser: IParser
    connectTimeout: float
    maxPayload: int
    namespaces: dict[str, Namespace]


class PacketRouter:
    """
    Decodes what one client says, and tells the namespace it is for.
    """

    def __init__(self, host: RouterHost, connection: Connection) -> None:
        self._host = host
        self.connection = connection
        self.sockets: dict[str, ServerSocket] = {}
        self._decoder = host.parser.buildDecoder(MAX_ATTACHMENTS, host.maxPayload or 2**31)
        self._patience = host.clock.callLater(host.connectTimeout, self._silent)

    # from above

    def sendPacket(self, packetType: int, namespace: str, ackID: int | None, data: Any) -> None:
        """
        See L{Router <txsocketio.testing.namespaces.Router>}.
        """
        text, binaries = self._host.parser.encode(packetType, namespace, ackID, data)
        if text is not None:
            self.connection.sendPacket(MESSAGE, text)
        for each in binaries:
            self.connection.sendPacket(MESSAGE, each, True)

    # from below

    def textReceived(self, message: bytes) -> None:
        """
        See L{Application <txsocketio.testing.connection.Application>}.
        """
        self._decode(self._decoder.addText, message)

    def binaryReceived(self, message: bytes) -> None:
        """
        See L{Application <txsocketio.testing.connection.Application>}.
        """
        self._decode(self._decoder.addBinary, message)

    def connectionClosed(self, reason: str, details: Any) -> None:
        """
        See L{Application <txsocketio.testing.connection.Application>}.
        """
        self._stopWaiting()
        for socket in list(self.sockets.values()):
            socket.left(reason, True)

    # inside

    def _decode(self, add: Callable[[bytes], Any], message: bytes) -> None:
        try:
            packet = add(message)
        except DecodeError as error:
            self._broken(str(error))
            return
        if packet is not None:
            self._route(*packet)

    def _route(self, packetType: int, namespace: str, ackID: int | None, data: Any) -> None:
        socket = self.sockets.get(namespace)
        if packetType == CONNECT and socket is None:
            self._stopWaiting()
            self._connect(namespace, data)
        elif socket is not None and packetType not in (CONNECT, CONNECT_ERROR):
            socket.packetReceived(packetType, ackID, data)
        else:
            # A real server hangs up as well, even when packets only crossed.
            why = f"packet type {packetType} for {namespace} out of place"
            self.connection.end("forced server close", CloseDetails(why))

    def _connect(self, path: str, auth: Any) -> None:
        name = path.partition("?")[0]
        namespace = self._host.namespaces.get(name)
        if namespace is None:
            self.sendPacket(CONNECT_ERROR, name, None, {"message": "Invalid namespace"})
        else:
            namespace.connectReceived(self, auth)

    def _silent(self) -> None:
        self.connection.end("forced close", CloseDetails("no CONNECT in time"))

    def _broken(self, why: str) -> None:
        self.connection.end("parse error", CloseDetails(why))

    def _stopWaiting(self) -> None:
        if self._patience.active():
            self._patience.cancel()
