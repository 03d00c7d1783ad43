"""
A WebSocket client on an in-memory wire under a clock, and a scripted server.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txsocketio.protocol.engineio import Handshake
from txsocketio.transports.wsclient import Ending, WebSocketClient
from txsocketio.transports.wshandshake import Request, Response

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HANDSHAKE = Handshake("sid", (), 25.0, 20.0, 0)


class Link:
    """
    A transport that keeps what is written and does what it is told.

    @ivar script: everything that happened, in order.
    """

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.written = b""
        self.reading = True
        self.producer: Any = None
        self.lost = self.aborted = False
        self.noDelay = False
        self.holdsBack = False

    def write(self, data: bytes) -> None:
        self.written += bytes(data)

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.noDelay = enabled

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def loseConnection(self) -> None:
        if not self.holdsBack and not self.lost:
            self.lose()

    def abortConnection(self) -> None:
        self.aborted = True
        if not self.lost:
            self.lose()

    def getPeer(self) -> str:
        return "peer"

    def getHost(self) -> str:
        return "host"

    def lose(self, reason: Exception | None = None) -> None:
        """
        The connection is gone.
        """
        self.lost = True
        self.protocol.connectionLost(Failure(reason or ConnectionDone()))

    def take(self) -> bytes:
        """
        What was written since the last time.
        """
        taken, self.written = self.written, b""
        return taken


class Endpoint:
    """
    Connects at once, unless told otherwise.
    """

    def __init__(self, error: Exception | None = None, pending: bool = False) -> None:
        self.error = error
        self.pending = pending
        self.cancelled = False
        self.link: Any = None

    def connect(self, factory: Any) -> Deferred[Any]:
        result: Deferred[Any] = Deferred(self._cancel)
        if self.error is not None:
            result.errback(self.error)
        elif not self.pending:
            protocol = factory.buildProtocol(None)
            self.link = Link(protocol)
            protocol.transport = self.link
            protocol.makeConnection(self.link)
            result.callback(protocol)
        return result

    def _cancel(self, result: Deferred[Any]) -> None:
        self.cancelled = True


class Owner:
    """
    Writes everything into one list.

    @ivar hook: called with each message before it is written down.
    """

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.ending: Ending | None = None
        self.drained = 0
        self.hook: Any = None

    def _note(self, kind: str, payload: bytes) -> None:
        self.heard.append((kind, payload))
        if self.hook is not None:
            self.hook(kind, payload)

    def webSocketOpened(self, response: Response) -> None:
        self.heard.append("opened")

    def textMessageReceived(self, payload: bytes) -> None:
        self._note("text", payload)

    def textReceived(self, message: bytes) -> None:
        self._note("message", message)

    def binaryReceived(self, message: bytes) -> None:
        self._note("binary", message)

    def webSocketFilled(self) -> None:
        """
        Asked of the outbox, where it matters.
        """

    def webSocketDrained(self) -> None:
        self.drained += 1

    def webSocketClosed(self, ending: Ending) -> None:
        assert self.ending is None
        self.ending = ending


def headerOf(request: bytes, name: str) -> str:
    """
    One header of a request.
    """
    found = [
        line.partition(":")[2].strip()
        for line in request.decode("latin-1").split("\r\n")
        if line.lower().startswith(name.lower() + ":")
    ]
    assert len(found) == 1, (name, found)
    return found[0]


def answer(request: bytes, extra: str = "") -> bytes:
    """
    The 101 for a request.
    """
    key = headerOf(request, "Sec-WebSocket-Key").encode()
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n"
    ).encode()


def serverFrame(first: int, payload: bytes = b"", mask: bytes | None = None) -> bytes:
    """
    A frame as a server writes it.
    """
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head = bytes((first, bit | len(payload)))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, bit | 127, len(payload))
    if mask:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + (mask or b"") + payload


def clientFrames(data: bytes) -> list[tuple[int, bytes]]:
    """
    Read what a client wrote: (first byte, payload) of each frame.
    """
    found = []
    while data:
        first, size, start = data[0], data[1] & 0x7F, 2
        assert data[1] & 0x80, "a client's frame is masked"
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        mask, body = data[start : start + 4], data[start + 4 : start + 4 + size]
        assert len(body) == size
        found.append((first, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))))
        data = data[start + 4 + size :]
    return found


def closeFrame(code: int, reason: str = "") -> bytes:
    """
    A server's goodbye.
    """
    return serverFrame(0x88, code.to_bytes(2, "big") + reason.encode())


class Kit:
    """
    A client, connected and opened unless told otherwise.
    """

    def __init__(self, opened: bool = True, extra: str = "", **options: Any) -> None:
        self.clock = Clock()
        self.owner = Owner()
        self.endpoint = Endpoint()
        request = options.pop("request", Request("ws://example.com/x?secret=1"))
        self.client = WebSocketClient(self.clock, request, self.owner, self.owner, **options)
        self.client.connect(self.endpoint)
        self.link: Link = self.endpoint.link
        if opened:
            self.client.dataReceived(answer(self.link.take(), extra))
            self.owner.heard.clear()

    def receive(self, *pieces: bytes) -> list[Any]:
        """
        The server says this; what was heard of it.
        """
        for piece in pieces:
            if not self.link.lost:
                self.client.dataReceived(piece)
        heard, self.owner.heard = self.owner.heard, []
        return heard

    def sent(self) -> list[tuple[int, bytes]]:
        """
        The frames the client wrote since the last time.
        """
        return clientFrames(self.link.take())
