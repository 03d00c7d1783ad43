"""
The real client on a TCP connection that is none: fed by hand, nothing sent.

Everything between the user's call and the transport's C{write} is real; only
sockets, reactor and time are not.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable
from typing import Any

import orjson
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from txsocketio import Manager, Socket

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TURN = 0.001
READ = 65536
TEXT, BINARY = 0x81, 0x82
DAYS = 1_000_000_000
HANDSHAKE = {
    "sid": "memory",
    "upgrades": [],
    "pingInterval": DAYS,
    "pingTimeout": DAYS,
    "maxPayload": 0,
}
SMALL = {"seq": 100000, "price": 123.45, "name": "EURUSD"}


class Wire(FileDescriptor):
    """
    A TCP transport whose system calls always take everything.

    @ivar sent: what was written, if C{keeping}, else nothing.
    """

    connected = 1

    def __init__(self) -> None:
        super().__init__(reactor=object())
        self.sent: list[bytes] = []
        self.keeping = True

    def writeSomeData(self, data: bytes) -> int:
        if self.keeping:
            self.sent.append(bytes(data))
        return len(data)

    def startWriting(self) -> None:
        self.doWrite()

    def stopWriting(self) -> None:
        pass

    startReading = stopReading = stopWriting

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 80)

    getHost = getPeer

    def loseConnection(self) -> None:
        pass


@implementer(IStreamClientEndpoint)
class Endpoint:
    """
    Connects at once.
    """

    def __init__(self) -> None:
        self.wire = Wire()
        self.protocol: Any = None

    def connect(self, factory: Any) -> Deferred[Any]:
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.wire)
        return succeed(self.protocol)


def frame(payload: bytes, first: int = TEXT) -> bytes:
    """
    A whole frame as servers send it.
    """
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 65536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def event(name: str, data: Any, prefix: str = "") -> bytes:
    """
    The frame of one event; with attachment if C{data} is bytes.
    """
    if isinstance(data, bytes):
        head = f'451-{prefix}["{name}",{{"_placeholder":true,"num":0}}]'
        return frame(head.encode()) + frame(data, BINARY)
    return frame(f"42{prefix}".encode() + orjson.dumps([name, data]))


def reads(one: bytes, count: int) -> list[bytes]:
    """
    C{count} times the same, as a fast network hands it over: in full reads.
    """
    stream = one * count
    return [stream[at : at + READ] for at in range(0, len(stream), READ)]


class Fed:
    """
    A connected client and the hand that feeds it.
    """

    def __init__(self, namespaces: tuple[str, ...] = ("/",), **options: Any) -> None:
        self.clock = Clock()
        self._endpoint = Endpoint()
        self.wire = self._endpoint.wire
        self.manager = Manager(
            "http://localhost",
            reactor=self.clock,
            endpoint=self._endpoint,
            transports=["websocket"],
            reconnection=False,
            autoConnect=False,
            **options,
        )
        self.sockets: list[Socket] = [self.manager.socket(name) for name in namespaces]
        self.socket = self.sockets[0]
        self._names = namespaces

    def connect(self) -> Fed:
        """
        Connect every namespace.
        """
        for socket in self.sockets:
            socket.connect()
        self.turn()
        self.take(self._upgraded(b"".join(self.wire.sent)))
        self.take(frame(b"0" + orjson.dumps(HANDSHAKE)))
        for name in self._names:
            prefix = "" if name == "/" else f"{name},"
            self.take(frame(f'40{prefix}{{"sid":"memory"}}'.encode()))
        self.wire.keeping = False
        assert all(socket.connected for socket in self.sockets), "not connected"
        return self

    def take(self, *pieces: bytes) -> None:
        """
        Receive, one piece a turn.
        """
        received, advance = self._endpoint.protocol.dataReceived, self.clock.advance
        for piece in pieces:
            received(piece)
            advance(TURN)

    def turn(self) -> None:
        """
        Let the reactor turn once.
        """
        self.clock.advance(TURN)

    def emitter(self, name: str, data: Any, batch: int = 100) -> Callable[[int], None]:
        """
        @return: a function that emits so many events, C{batch} a turn.
        """

        def run(count: int) -> None:
            emit = self.socket.emit
            for first in range(0, count, batch):
                for _ in range(min(batch, count - first)):
                    emit(name, data)
                self.turn()

        return run

    @staticmethod
    def _upgraded(request: bytes) -> bytes:
        key = request.lower().split(b"sec-websocket-key:")[1].split(b"\r\n")[0]
        at = request.lower().index(key)
        nonce = request[at : at + len(key)].strip()
        accept = base64.b64encode(hashlib.sha1(nonce + GUID).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
