"""
The server's end of HTTP long-polling.

See the Engine.IO v4 protocol, section "HTTP long-polling".  Must not know:
Socket.IO, WebSocket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.server import NOT_DONE_YET

from txsocketio.errors import DecodeError
from txsocketio.protocol.engineio import (
    CLOSE,
    NOOP,
    SEPARATOR,
    CloseDetails,
    decodePacket,
    encodeBinary,
    encodePacket,
    splitPayload,
)
from txsocketio.testing.connection import Connection

__all__ = ["PollingLink"]

CHECK_SECONDS = 0.1
"""How often a poll that came during a probe is ended, as Node's server does."""

Parcel = tuple[int, bytes, bool, bool]


class PollingLink:
    """
    Answers the polls of one session; a L{Link
    <txsocketio.testing.links.Link>}.
    """

    name = "polling"

    def __init__(
        self,
        connection: Connection,
        clock: IReactorTime,
        maxPayload: int,
        leave: Callable[[str, bytes], None],
    ) -> None:
        """
        @param leave: called with the session's id and a last body, when the
            server hangs up while no poll is under way.
        """
        self._leave = leave
        self._connection = connection
        self._clock = clock
        self._maxPayload = maxPayload
        self._queue: list[Parcel | bytes] = []
        self._request: Request | None = None
        self._turn: IDelayedCall | None = None
        self._check: IDelayedCall | None = None

    # from the network

    def get(self, request: Request) -> Any:
        """
        A poll: answered now, or when there is something to say.
        """
        if self._request is not None:
            self._connection.end("transport error", CloseDetails("two polls at once"))
            request.setResponseCode(400)
            return b""
        self._request = request
        request.notifyFinish().addErrback(self._pollLost, request)
        self._flushSoon()
        return NOT_DONE_YET

    def post(self, request: Request) -> bytes:
        """
        Packets of the client.
        """
        assert request.content is not None
        body = request.content.read()
        if len(body) > self._maxPayload > 0:
            request.setResponseCode(413)
            return b""
        try:
            packets = [decodePacket(each) for each in splitPayload(body)]
        except DecodeError as error:
            self._connection.end("parse error", CloseDetails(str(error)))
            request.setResponseCode(400)
            return b""
        for packet in packets:
            self._connection.packetReceived(self, *packet)
        request.setHeader("Content-Type", "text/html")
        return b"ok"

    # from the server

    def send(self, packetType: int, data: bytes, isBinary: bool, compress: bool = True) -> None:
        """
        See L{Link <txsocketio.testing.links.Link>}.
        """
        self._queue.append((packetType, data, isBinary, compress))
        self._flushSoon()

    def sendRaw(self, packet: bytes, isBinary: bool) -> None:
        """
        See L{Link <txsocketio.testing.links.Link>}.
        """
        self._queue.append(encodeBinary(packet) if isBinary else packet)
        self._flushSoon()

    def takeUnsent(self) -> list[Parcel]:
        """
        See L{Link <txsocketio.testing.links.Link>}.
        """
        queue, self._queue = self._queue, []
        return [each for each in queue if not isinstance(each, bytes)]

    def probed(self) -> None:
        """
        End the polls that come before the upgrade.
        """
        self._check = self._clock.callLater(CHECK_SECONDS, self.probed)
        if self._request is not None:
            self._connection.sendPacket(NOOP)

    def end(self, reason: str, details: Any) -> None:
        """
        End the poll under way; there will be no other.
        """
        for call in (self._turn, self._check):
            if call is not None and call.active():
                call.cancel()
        if not self._queue:
            last = NOOP if reason == "transport close" else CLOSE
            self._queue.append((last, b"", False, False))
        if self._request is None and reason == "forced close":
            self._leave(self._connection.sid, self._body())
        self._flush()

    def cut(self, reason: str, details: Any) -> None:
        """
        See L{Link <txsocketio.testing.links.Link>}.
        """
        request, self._request = self._request, None
        if request is not None:
            transport: Any = request.transport
            transport.abortConnection()

    # inside

    def _flushSoon(self) -> None:
        if self._turn is None and self._queue and self._request is not None:
            self._turn = self._clock.callLater(0, self._flush)

    def _flush(self) -> None:
        self._turn = None
        request, self._request = self._request, None
        if request is None:
            return
        body = self._body()
        request.setHeader("Content-Type", "text/plain; charset=UTF-8")
        request.setHeader("Content-Length", b"%d" % len(body))
        request.write(body)
        request.finish()

    def _body(self) -> bytes:
        queue, self._queue = self._queue, []
        return SEPARATOR.join(map(_encoded, queue))

    def _pollLost(self, _: Failure, request: Request) -> None:
        if request is self._request:
            self._request = None
            self._connection.end("transport error", CloseDetails("the poll was given up"))


def _encoded(packet: Parcel | bytes) -> bytes:
    if isinstance(packet, bytes):
        return packet
    packetType, data, isBinary, _ = packet
    return encodeBinary(data) if isBinary else encodePacket(packetType, data)
