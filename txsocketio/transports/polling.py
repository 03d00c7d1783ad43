"""
HTTP long-polling: Engine.IO packets in the bodies of GETs and POSTs.

Theory of operation: reading and writing are two independent walks.  The
reader has one GET under way; what it brings is handed up packet by packet, a
bounded share in each turn, and only then the next GET is sent.  The writer
collects what one turn sends into one body and has one POST under way; what is
sent meanwhile waits for its answer.  Never two GETs, never two POSTs: a server
ends a session that sees either.  No request is ever sent twice.

See the Engine.IO v4 protocol, sections "HTTP long-polling" and "Packet
encoding".  Must not know: Socket.IO, reconnection, other transports.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from zope.interface import implementer

from txsocketio.errors import DecodeError, SocketIOError, TransportError, excerpt
from txsocketio.interfaces import IPacketReceiver, IPacketTransport
from txsocketio.protocol.engineio import (
    CLOSE,
    SEPARATOR,
    Handshake,
    decodePacket,
    encodeBinary,
    encodePacket,
    fitPayload,
    splitPayload,
)
from txsocketio.transports.http import Answer, Exchange, Requester
from txsocketio.transports.refusals import explainBody

__all__ = ["PollingTransport", "packetsOf"]

HIGH_WATER = 65536
"""Above this many bytes waiting, the transport is congested."""

CAUTIOUS_PACKETS = 16
"""
How many packets go in one body until the server has answered C{ok}, as Node's
does: python-engineio answers C{OK}, and refuses more.
"""

TURN_PACKETS = 512
TURN_SECONDS = 0.010
"""How much is handed up before the reactor gets its chance."""

CLOSE_SECONDS = 2.0
"""How long a goodbye may take."""

FIRST_POST_SECONDS = 1.0
"""
How long the first poll waits for the first POST, which so has the connection
that is there: another would cost as much as several requests.
"""

HESITATION_SECONDS = 0.1
"""
How long the second poll waits for a probe to succeed: a poll that is under way
then is ended by Node only after such a time, and till then nothing is upgraded.
"""

LAST_POLL_SECONDS = 0.1
"""How long the last poll may stay unanswered after it."""

WINDOW = 65536

WIRE_PHASES = ("poll", "post")


def packetsOf(body: bytes) -> Iterator[bytes]:
    """
    Cut a body into its packets, lazily: a body of a million packets never
    becomes a list of a million.
    """
    start, end = 0, -1
    while end < len(body):
        start = end + 1
        if len(body) - start <= WINDOW:
            end = len(body)
        else:
            end = body.rfind(SEPARATOR, start, start + WINDOW)
            if end < 0:
                end = body.find(SEPARATOR, start + WINDOW)
            if end < 0:
                end = len(body)
        yield from splitPayload(body[start:end])


@implementer(IPacketTransport)
class PollingTransport:
    """
    Carries packets by HTTP long-polling, over treq.

    Its life: C{new}, C{open}, perhaps C{pausing} (an upgrade) or C{closing}
    (a goodbye), C{closed}.

    @ivar receiver: who is told; may be replaced.
    @ivar sid: the session, or L{None} until the handshake.
    @ivar postTimeout: seconds a POST may take; L{None} or 0 for ever.
    """

    _log = Logger()

    name = "polling"
    congested = False

    _state = "new"
    _flowing = True  # whether packets may be handed up
    _packets: Iterator[bytes] | None = None
    _answer: Answer | None = None
    _get: Exchange | None = None
    _post: Exchange | None = None
    _readTurn: IDelayedCall | None = None
    _writeTurn: IDelayedCall | None = None
    _fresh = False  # whether the handshake was the last request
    _postingFirst = False  # whether the next poll waits for the POST
    _probing = False  # whether the poll after the next one shall wait
    _hesitation: IDelayedCall | None = None  # while the next poll is held back
    _goodbye: IDelayedCall | None = None
    _closed: Deferred[None] | None = None
    _paused: Deferred[list[tuple[int, bytes, bool]]] | None = None
    _maxPayload = 0
    _maxPackets: int | None = CAUTIOUS_PACKETS
    _carried = 0  # bytes in the POST under way
    _owesGoodbye = False  # a request broke, of which the server may not know

    receiver: IPacketReceiver

    def __init__(self, wire: Any, sid: str | None = None) -> None:
        self.sid = sid
        self._wire = wire
        self._clock = wire.reactor
        self._requestTimeout: float | None = wire.optionsFor(self.name).requestTimeout
        self.postTimeout = self._requestTimeout
        self._requester = Requester(wire, self.name)
        self._queue: list[bytes] = []
        self._waiting = 0

    # from above

    def open(self, receiver: IPacketReceiver) -> None:
        self.receiver = receiver
        self._state = "open"
        self._readTurn = self._clock.callLater(0, self._opened)

    def handshakeReceived(self, handshake: Handshake) -> None:
        self._fresh = self.sid is None
        self.sid = handshake.sid
        self._maxPayload = handshake.maxPayload
        self.postTimeout = self._requestTimeout or handshake.pingTimeout
        self._writeLater()

    def sendText(self, message: bytes, compress: bool = True) -> None:
        self._send(b"4" + message)

    def sendBinary(self, message: bytes, compress: bool = True) -> None:
        self._send(encodeBinary(message))

    def sendPacket(self, packetType: int, data: bytes = b"") -> None:
        self._send(encodePacket(packetType, data))

    def bufferedAmount(self) -> int:
        return self._waiting + self._carried

    def confirm(self) -> Deferred[None]:
        """
        What a POST's answer has not confirmed counts as buffered.
        """
        return succeed(None)

    def pauseReading(self) -> None:
        self._flowing = False

    def resumeReading(self) -> None:
        if not self._flowing and self._state in ("new", "open", "pausing"):
            self._flowing = True
            if self._state != "new":
                self._readLater()

    def hesitate(self) -> None:
        """
        Another transport is being proved: after the next poll's answer, which
        may be waited for, give it a moment.
        """
        self._probing = True

    def pause(self) -> Deferred[list[tuple[int, bytes, bool]]]:
        """
        @return: as the interface says; never fires if the transport is
            closed, aborted or lost before.
        """
        self._state = "pausing"
        self._writeTurn = _cancelled(self._writeTurn)
        paused = self._paused = Deferred()
        self._checkPaused()
        return paused

    def close(self) -> Deferred[None]:
        if self._state in ("new", "closed") or self.sid is None:
            self.abort()
            return succeed(None)
        if self._closed is None:
            self._closed = Deferred()
            self._sayGoodbye()
        return self._closed

    def abort(self) -> None:
        if self._state != "closed":
            self._end()

    def farewell(self) -> Deferred[None] | None:
        if not self._owesGoodbye:
            return None
        self._owesGoodbye = False
        self._requester = Requester(self._wire, self.name)
        gone: Deferred[None] = Deferred()
        self._closed = gone
        self._sayGoodbye()
        return gone

    # from below: reading

    def _opened(self) -> None:
        self._readTurn = None
        if self._guarded(self.receiver.transportOpened):
            self._read()

    def _polled(self, answer: Answer) -> None:
        self._get = None
        if self._state == "closing":
            self._checkGone()
            return
        if self.sid is None:
            self._checkContentType(answer)
        elif self._probing and self._state == "open":
            self._probing = False
            self._hesitate(HESITATION_SECONDS)
        self._answer = answer
        self._packets = packetsOf(answer.body)
        self._read()

    def _pollFailed(self, error: TransportError) -> None:
        self._get = None
        if self._state == "closing":
            self._checkGone()
        else:
            self._lost("transport error", error)

    # from below: writing

    def _posted(self, answer: Answer) -> None:
        self._post = None
        self._carried = 0
        if answer.body == b"ok":
            self._maxPackets = None
        if self._queue and self._state != "pausing":
            self._write()
        self._checkDrained()
        if self._postingFirst:
            self._hesitated()
        self._checkPaused()
        self._checkGone()

    def _postFailed(self, error: TransportError) -> None:
        self._post = None
        if self._state == "closing":
            self._end()
        else:
            self._lost("transport error", error)

    # inside: reading

    def _postFirst(self) -> None:
        """
        After the handshake, what was sent in its turn has the connection; the
        next poll follows the answer on it.
        """
        self._writeTurn = _cancelled(self._writeTurn)
        self._postingFirst = True
        self._hesitate(FIRST_POST_SECONDS)
        self._write()

    def _hesitate(self, seconds: float) -> None:
        self._hesitation = self._clock.callLater(seconds, self._hesitated)

    def _hesitated(self) -> None:
        self._postingFirst = False
        self._hesitation = _cancelled(self._hesitation)
        self._read()

    def _readLater(self) -> None:
        if self._readTurn is None:
            self._readTurn = self._clock.callLater(0, self._readInTurn)

    def _readInTurn(self) -> None:
        self._readTurn = None
        self._read()

    def _read(self) -> None:
        """
        Hand up what is there, a turn's share at most; when nothing is left,
        ask for more.
        """
        if not self._flowing or (self._packets is not None and not self._handUp()):
            return
        self._packets = None
        if self._state == "open" and self._get is None:
            fresh, self._fresh = self._fresh, False
            if fresh and self._writeTurn is not None:
                self._postFirst()
            elif self._hesitation is None:
                self._poll()
        self._checkPaused()

    def _checkContentType(self, answer: Answer) -> None:
        contentType = _contentType(answer)
        if not contentType.lower().startswith("text/"):
            self._log.warn(
                "The server's packets come as {contentType} instead of text/plain",
                contentType=contentType,
            )

    def _poll(self) -> None:
        if self._answer is not None and self.sid is None:
            self._lost("parse error", DecodeError("no OPEN packet", self._answer.body))
            return
        self._answer = None
        phase = "poll" if self.sid is not None else "handshake"
        # Once in session only the heartbeat decides: a server ends the
        # session whose GET is given up.
        seconds = self._requestTimeout if self.sid is None else None
        self._get = self._exchange(phase, self._polled, self._pollFailed)
        self._get.start(None, seconds)

    def _handUp(self) -> bool:
        """
        @return: whether everything was handed up.
        """
        assert self._packets is not None
        receiver, seconds = self.receiver, self._clock.seconds
        end, left = seconds() + TURN_SECONDS, TURN_PACKETS
        try:
            for packet in self._packets:
                if packet[:1] == b"4":
                    receiver.textReceived(packet[1:])
                else:
                    self._handUpOther(packet)
                left -= 1
                if not self._flowing:
                    return False
                if not left or seconds() >= end:
                    self._readLater()
                    return False
        except Exception:
            self._receiverFailed()
            return False
        except BaseException:
            # A reactor survives sys.exit(), and nobody would poll any more.
            self._receiverFailed()
            raise
        return True

    def _handUpOther(self, packet: bytes) -> None:
        try:
            packetType, data, isBinary = decodePacket(packet)
        except DecodeError as error:
            self._undecodable(packet, error)
            return
        if isBinary:
            self.receiver.binaryReceived(data)
        else:
            self.receiver.packetReceived(packetType, data)

    def _undecodable(self, packet: bytes, error: DecodeError) -> None:
        """
        Tell a damaged packet from a body that never was a payload.
        """
        assert self._answer is not None
        damaged = packet[:1] == b"b" or not _isText(packet)
        if self._answer.complete and damaged and self.sid is not None:
            self._lost("parse error", error)
            return
        mistaken = self._mistaken(self._answer, error)
        mistaken.__cause__ = error
        self._lost("transport error", mistaken)

    def _mistaken(self, answer: Answer, error: DecodeError) -> TransportError:
        seen = f"content type {excerpt(_contentType(answer))}"
        if not answer.complete:
            seen += ", perhaps cut off"
        hint = explainBody(answer.body)
        return TransportError(
            "server error",
            explanation=f"not an Engine.IO payload: {error} ({seen}){hint and f'; {hint}'}",
            url=answer.url.partition("?")[0],
            transport=self.name,
            phase="poll" if self.sid is not None else "handshake",
            body=answer.body,
        )

    # inside: writing

    def _send(self, packet: bytes) -> None:
        if self._state == "closed":
            return
        self._queue.append(packet)
        self._waiting += len(packet) + 1
        if self._waiting + self._carried > HIGH_WATER:
            self.congested = True
        if self._writeTurn is None and self._post is None:
            self._writeLater()

    def _writeLater(self) -> None:
        """
        Write at the end of this turn, so that all it sends shares a body.
        """
        if (
            self._queue
            and self._writeTurn is None
            and self._post is None
            and self.sid is not None
            and self._state == "open"
        ):
            self._writeTurn = self._clock.callLater(0, self._write)

    def _write(self) -> None:
        self._writeTurn = None
        count = fitPayload(self._queue, self._maxPayload, self._maxPackets)
        if self._state == "closing" and count == len(self._queue) > 1:
            # Node's server acts on CLOSE at once and on messages a little
            # later: a DISCONNECT beside it would count as a lost connection.
            count -= 1
        body = SEPARATOR.join(self._queue[:count])
        del self._queue[:count]
        self._carried = len(body) + 1
        self._waiting -= self._carried
        self._post = self._exchange("post", self._posted, self._postFailed)
        self._post.start(body, self.postTimeout)

    def _checkDrained(self) -> None:
        if self.congested and self.bufferedAmount() <= HIGH_WATER:
            self.congested = False
            if self._state != "closing":
                self._guarded(self.receiver.transportDrained)

    # inside: ending

    def _checkPaused(self) -> None:
        if (
            self._state == "pausing"
            and self._get is None
            and self._packets is None
            and self._post is None
            and self._paused is not None
        ):
            unsent = [decodePacket(packet) for packet in self._queue]
            paused, self._paused = self._paused, None
            self._end()
            paused.callback(unsent)

    def _sayGoodbye(self) -> None:
        self._state = "closing"
        self._flowing = False
        self._packets = None
        self._readTurn = _cancelled(self._readTurn)
        self._writeTurn = _cancelled(self._writeTurn)
        self._hesitation = _cancelled(self._hesitation)
        self._goodbye = self._clock.callLater(CLOSE_SECONDS, self.abort)
        self._send(encodePacket(CLOSE, b""))
        if self._post is None:
            self._write()

    def _checkGone(self) -> None:
        if self._state != "closing" or self._post is not None:
            return
        if self._get is None:
            self._end()
        else:
            assert self._goodbye is not None
            # The session is over.  Node ends its poll now, python-engineio never.
            self._goodbye.reset(LAST_POLL_SECONDS)

    def _lost(self, reason: str, details: SocketIOError) -> None:
        if self._state != "closed":
            self._end()
            self._owesGoodbye = self.sid is not None and _brokeOnTheWay(details)
            self._guarded(self.receiver.transportClosed, reason, details)

    def _end(self) -> None:
        self._state = "closed"
        self._flowing = False
        self._packets = self._answer = None
        self._readTurn = _cancelled(self._readTurn)
        self._writeTurn = _cancelled(self._writeTurn)
        self._hesitation = _cancelled(self._hesitation)
        self._goodbye = _cancelled(self._goodbye)
        for exchange in (self._get, self._post):
            if exchange is not None:
                exchange.cancel()
        self._get = self._post = None
        self._queue = []
        self._waiting = self._carried = 0
        self.congested = False
        self._requester.close()
        if self._closed is not None and not self._closed.called:
            self._closed.callback(None)

    # inside

    def _exchange(self, phase: str, answered: Any, failed: Any) -> Exchange:
        url = self._wire.requestURL(self.name, self.sid)
        return Exchange(self._requester, url, phase, answered, failed)

    def _guarded(self, tell: Any, *news: Any) -> bool:
        """
        Tell the receiver; what it raises must not leave us.

        @return: whether it raised nothing.
        """
        try:
            tell(*news)
        except Exception:
            self._receiverFailed()
            return False
        return True

    def _receiverFailed(self) -> None:
        self._log.failure("The receiver of a polling transport raised")
        error = TransportError("internal error", explanation="see the log", transport=self.name)
        self._lost("transport error", error)


def _brokeOnTheWay(error: SocketIOError) -> bool:
    """
    Whether a request failed without an answer, so that the server may keep a
    session that nobody uses, and that could not be recovered before its end.
    """
    return isinstance(error, TransportError) and error.status is None and error.phase in WIRE_PHASES


def _contentType(answer: Answer) -> str:
    (value, *_) = answer.headers.getRawHeaders(b"Content-Type", [b"text/plain"])
    return value.decode("utf-8", "replace")


def _isText(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cancelled(call: IDelayedCall | None) -> IDelayedCall | None:
    """
    Cancel a call, if there is one.

    @return: L{None}, to take its place.
    """
    if call is not None and call.active():
        call.cancel()
    return None
