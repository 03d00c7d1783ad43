"""
A WebSocket client: connect, get messages, send, close.  Usable alone.

Theory of operation: Autobahn's protocol does what is rare (fragments, control
frames, compression, whatever breaks the rules), fed a little at a time so that
its cost stays linear.  What is frequent, a whole unmasked data frame between
two messages, is cut straight out of what was read.  L{WebSocketClient.quick}
turns the quick way off, and nothing may differ.

  - One end: whatever happens, the owner hears C{webSocketClosed} once, when
    the connection is gone.
  - One turn delivers for at most L{TURN} seconds; the rest waits for the next.
  - Nothing is delivered after C{pauseReading}, C{close} or C{abort} returned.

Must not know Engine.IO.  This is the only module that imports Autobahn; it
leans on names Autobahn does not promise, each held by a canary in the tests.
See RFC 6455 and RFC 7692.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autobahn.twisted.websocket import WebSocketClientProtocol
from autobahn.websocket.compress_deflate import (
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsocketio.transports import frames
from txsocketio.transports.frameoutbox import FrameOutbox
from txsocketio.transports.wshandshake import (
    HandshakeRefused,
    Request,
    Response,
    checkResponse,
    parseResponse,
)

__all__ = ["Ending", "Limits", "WebSocketClient", "WebSocketOwner"]

OPEN = WebSocketProtocol.STATE_OPEN
CLOSING = WebSocketProtocol.STATE_CLOSING
CLOSED = WebSocketProtocol.STATE_CLOSED
CONNECTING = WebSocketProtocol.STATE_CONNECTING

PARTIAL = 8192
"""A frame up to this many bytes just waits for its rest."""

WINDOW = 2048
"""How many bytes Autobahn sees at once; it copies what it has not used."""

TURN = 0.01
"""Seconds one turn of the reactor may deliver messages."""

TURN_CHECK = 32
"""Messages between two looks at the clock."""

CLOSE_TIMEOUT = 2.0
"""Seconds a closing may take before the connection is aborted."""

REFUSAL_TIMEOUT = 1.0
"""Seconds we wait for the first bytes of a refusal's body."""

REFUSAL_BYTES = 1024

PONGS = 16
"""How many pings may wait to be answered; older ones are forgotten."""

MORE, WAIT, STOP = range(3)
# How a step of reading ended: go on otherwise, wait for bytes, or leave off.

PROTOCOL_ERROR, INTERNAL_ERROR = 1002, 1011
NO_STATUS, ABNORMAL = 1005, 1006

_textFrame = frames.frameBuilder(frames.TEXT)
_binaryFrame = frames.frameBuilder(frames.BINARY)


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What we take from a server, in bytes and pieces.
    """

    messageBytes: int = 64 * 1024 * 1024
    headerBytes: int = 64 * 1024
    fragments: int = 16384


@dataclass(frozen=True, slots=True)
class Ending:
    """
    How a connection ended.

    @ivar opened: whether the handshake had succeeded.
    @ivar code: the peer's close code; 1005 if it gave none, 1006 if it did
        not say goodbye; ours when we refused what it sent.
    @ivar wasClean: both sides said goodbye.
    @ivar problem: what B{we} found wrong, or L{None}.
    @ivar response: the server's answer to the handshake, if one came.
    @ivar body: the first bytes of the body of a refusal.
    @ivar failure: how the connection was lost, or could not be made.
    """

    opened: bool
    code: int = ABNORMAL
    reason: str = ""
    wasClean: bool = False
    problem: Exception | None = None
    response: Response | None = None
    body: bytes = b""
    failure: Failure | None = None


class WebSocketOwner(Protocol):
    """
    Who uses a client.
    """

    def webSocketOpened(self, response: Response) -> None:
        """
        The handshake is done; send at will.
        """

    def textMessageReceived(self, payload: bytes) -> None:
        """
        A text message came, which the prefix did not match.
        """

    def webSocketDrained(self) -> None:
        """
        The client is not congested any more.
        """

    def webSocketClosed(self, ending: Ending) -> None:
        """
        The connection is gone, or was never made; the last call.
        """


class MessageReceiver(Protocol):
    """
    Where messages go; may be replaced between two of them.
    """

    def textReceived(self, message: bytes) -> None:
        """
        A text message came that began with the prefix, which is cut off.
        """

    def binaryReceived(self, message: bytes) -> None:
        """
        A binary message came.
        """


class ProtocolViolation(Exception):
    """
    The server broke the rules of WebSocket.

    @ivar code: the close code that says so.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _Silence:
    """
    Autobahn's logger: it would report as our warnings what we report as errors.
    """

    def _nothing(self, *args: object, **kwargs: object) -> None:
        pass

    trace = debug = info = warn = error = critical = failure = _nothing


class _Deaf:
    """
    The receiver of a client whose owner wants to hear nothing any more.
    """

    def textReceived(self, message: bytes) -> None:
        pass

    def binaryReceived(self, message: bytes) -> None:
        pass


_DEAF = _Deaf()


class _Pieces:
    """
    The payload of a message, as it comes.

    Pieces are joined once; tiny ones in between, so that a message that comes
    byte by byte does not need forty times its size.
    """

    __slots__ = ("_joined", "_tiny")

    def __init__(self) -> None:
        self._joined: list[bytes] = []
        self._tiny: list[bytes] = []

    def add(self, piece: bytes) -> None:
        self._tiny.append(piece)
        if len(piece) >= 1024 or len(self._tiny) >= 1024:
            self._joined.append(b"".join(self._tiny))
            self._tiny.clear()

    def join(self) -> bytes:
        return b"".join((*self._joined, *self._tiny))


class _Factory(ClientFactory):
    """
    Hands out the one client; has what Autobahn asks of a factory.
    """

    noisy = False
    isServer = False
    proxy = None

    def __init__(self, client: WebSocketClient) -> None:
        self._client = client

    def buildProtocol(self, addr: object) -> WebSocketClient | None:
        if self._client.factory is not None:
            return None  # an endpoint that connected twice
        self._client.factory = self
        return self._client


class WebSocketClient(WebSocketClientProtocol):  # type: ignore[misc]
    """
    One connection, from connecting to the end.

    @ivar receiver: where messages go.
    @ivar prefix: the first byte of text messages that go to the receiver
        (without it); others go to the owner.  -1 for none.
    @ivar utf8validateIncoming: whether text is checked here, as soon as it
        comes; the receiver of text with a prefix must check it itself.
    @ivar quick: whether whole frames are cut without Autobahn.
    """

    # What Autobahn would copy from its factory and pretty-print on the way.
    CONFIG_ATTRS: Sequence[str] = ()
    logOctets = logFrames = trackTimings = False
    applyMask = maskClientFrames = failByDrop = tcpNoDelay = True
    acceptMaskedServerFrames = echoCloseCodeReason = autoPingRestartOnAnyTraffic = False
    utf8validateIncoming = False
    maxFramePayloadSize = maxMessagePayloadSize = autoFragmentSize = 0
    openHandshakeTimeout = closeHandshakeTimeout = serverConnectionDropTimeout = 0
    autoPingInterval = autoPingTimeout = 0
    autoPingSize = 12
    version = 18
    perMessageCompressionOffers: Sequence[Any] = ()

    log = _Silence()
    _errors = Logger()

    receiver: MessageReceiver
    transport: Any
    data: bytes
    state: int = CONNECTING
    current_frame: Any = None
    inside_message = False
    _perMessageCompress: Any = None

    def __init__(
        self,
        reactor: Any,
        request: Request,
        owner: WebSocketOwner,
        receiver: MessageReceiver,
        *,
        limits: Limits | None = None,
        prefix: int = -1,
        deflate: bool = False,
        validateUTF8: bool = False,
        quick: bool = True,
    ) -> None:
        super().__init__()
        if validateUTF8 and prefix >= 0:
            raise ValueError("text with a prefix goes to the receiver unvalidated")
        self._reactor = reactor
        self._request = request
        self._owner: WebSocketOwner | None = owner
        self.receiver = receiver
        self.limits = limits or Limits()
        self.prefix = prefix
        self.quick = quick
        self.utf8validateIncoming = validateUTF8
        self.maxMessagePayloadSize = self.limits.messageBytes
        self._deflate = deflate
        self.outbox: FrameOutbox | None = None
        self._connecting: Deferred[Any] | None = None
        self._starting = False
        self._nonce = b""
        self._response: Response | None = None
        self._body = b""
        self._refused = False
        self._opened = False
        self._problem: Exception | None = None
        self._peerCode: int | None = None
        self._peerReason = ""
        self._saidGoodbye = self._heardGoodbye = False
        self._timer: Any = None
        self._paused = False
        self._blocked = False
        self._turn: Any = None
        self._held: list[bytes] = []
        self._bigLeft = 0
        self._bigBinary = False
        self._big: _Pieces = _Pieces()
        self._message: _Pieces = _Pieces()
        self._fragments = 0
        self._pings: deque[bytes] = deque(maxlen=PONGS)
        self._lost = self._gone = False
        self._whenGone: list[Deferred[None]] = []

    # from above

    def connect(self, endpoint: Any) -> None:
        """
        Connect and shake hands.
        """
        self._starting = True
        self._connecting = attempt = maybeDeferred(endpoint.connect, _Factory(self))
        attempt.addCallbacks(self._cbConnected, self._ebConnected)
        self._starting = False

    def sendText(self, payload: bytes, compress: bool = False) -> None:
        """
        Send a text message.  Nothing is sent unless the connection is open.
        """
        self._sendMessage(frames.TEXT, _textFrame, payload, compress)

    def sendBinary(self, payload: bytes, compress: bool = False) -> None:
        """
        Send a binary message.  Nothing is sent unless the connection is open.
        """
        self._sendMessage(frames.BINARY, _binaryFrame, payload, compress)

    def sendFramed(self, frame: bytes) -> None:
        """
        Send a frame that is ready.
        """
        if self.state == OPEN and self.outbox is not None:
            self.outbox.put(frame)

    @property
    def compressing(self) -> bool:
        """
        Whether permessage-deflate was agreed on.
        """
        return self._perMessageCompress is not None

    def bufferedAmount(self) -> int:
        """
        Bytes not yet taken by the network.
        """
        return 0 if self.outbox is None else self.outbox.bufferedAmount()

    def pauseReading(self) -> None:
        """
        Read and deliver nothing any more.
        """
        if not self._paused:
            self._paused = True
            self._block()

    def resumeReading(self) -> None:
        """
        Go on, from the next turn.
        """
        if self._paused:
            self._paused = False
            self._continueSoon()

    def close(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """
        Say goodbye and end; deliver nothing any more, but C{webSocketClosed}.

        @return: fires when the connection is gone, within two seconds.
        """
        self.receiver = _DEAF
        if self.state == OPEN:
            self._startClosing(code, reason)
        elif self.state == CONNECTING:
            self.abort()
        return self.whenGone()

    def abort(self) -> None:
        """
        End now; deliver nothing any more, but C{webSocketClosed}.
        """
        self.receiver = _DEAF
        self._discardInput()
        self.state = CLOSED
        if self.outbox is not None:
            self._drop(abort=True)
        elif self._connecting is not None:
            self._connecting.cancel()
        else:
            self._end(Failure(ConnectionAborted()))

    def fail(self, problem: Exception, code: int = PROTOCOL_ERROR) -> None:
        """
        End because of what the server sent.
        """
        if self._problem is None and not self._gone:
            self._problem = problem
            if self.state == OPEN:
                self._sayGoodbye(code, str(problem))
            self.receiver = _DEAF
            self.state = CLOSED
            self._discardInput()
            self._drop()

    def whenGone(self) -> Deferred[None]:
        """
        @return: fires when the connection is gone, or was never made.
        """
        gone: Deferred[None] = Deferred()
        if self._gone:
            gone.callback(None)
        else:
            self._whenGone.append(gone)
        return gone

    # from the endpoint

    def _cbConnected(self, protocol: object) -> None:
        self._connecting = None

    def _ebConnected(self, failure: Failure) -> None:
        self._connecting = None
        if self.outbox is not None:
            return  # it will be lost
        if self._starting:
            self._turn = self._reactor.callLater(0, self._failedAtOnce, failure)
        else:
            self._end(failure)

    def _failedAtOnce(self, failure: Failure) -> None:
        self._turn = None
        self._end(failure)

    # from the transport

    def connectionMade(self) -> None:
        """
        Send the request; Autobahn's state is made without its surroundings.
        """
        try:
            self.transport.setTcpNoDelay(True)
        except (AttributeError, OSError):
            pass  # not TCP
        WebSocketProtocol._connectionMade(self)
        self.inside_message = False
        self.current_frame = None
        self.websocket_version = self.version
        self.outbox = FrameOutbox(self._reactor, self.transport, self._drained)
        self._nonce = os.urandom(16)
        try:
            self.outbox.put(self._requestWithOffer().toBytes(self._nonce))
        except ValueError as problem:
            self.fail(problem)

    def dataReceived(self, data: bytes) -> None:
        """
        Deliver what is whole, and send at the end what that made us send.
        """
        if self._blocked:
            self._held.append(data)
            return
        outbox = self.outbox
        assert outbox is not None
        outbox.holding = True
        try:
            self._take(data)
        except Exception as problem:
            self._errors.failure("A receiver of {client.url} raised", client=self)
            self.fail(problem, INTERNAL_ERROR)
        finally:
            outbox.holding = False
            self._answerPings()
            outbox.flush()

    def connectionLost(self, reason: Failure) -> None:
        """
        Deliver what this turn had left over, then say how it ended.
        """
        self._lost = True
        if self._blocked and not self._paused:
            self._unblock()
        self._end(reason)

    @property
    def url(self) -> str:
        """
        The URL without its query, which may hold secrets.
        """
        return self._request.url.partition("?")[0]

    # handshake

    def _requestWithOffer(self) -> Request:
        request = self._request
        if not self._deflate:
            return request
        offer = PerMessageDeflateOffer().get_extension_string()
        return Request(request.url, request.headers, request.protocols, offer)

    def _shakeHands(self, data: bytes) -> None:
        """
        Collect the head of the answer, or of a refusal the body.
        """
        known = len(self.data)
        self.data += data
        end = self.data.find(b"\r\n\r\n", max(0, known - 3))
        limit = self.limits.headerBytes
        if self._refused:
            self._refusalReceived(b"")
        elif end < 0 and not b"HTTP/1.".startswith(self.data[:7]):
            self.fail(HandshakeRefused(f"not an HTTP answer: {self.data[:80]!a}"))
        elif end + 4 > limit or (end < 0 and len(self.data) >= limit):
            self.fail(HandshakeRefused(f"the answer's headers are over {limit} bytes"))
        elif end >= 0:
            head, rest = self.data[: end + 4], self.data[end + 4 :]
            self.data = b""
            self._headReceived(head, rest)

    def _headReceived(self, head: bytes, rest: bytes) -> None:
        try:
            self._response = response = parseResponse(head)
            checkResponse(response, self._nonce, self._request.protocols)
            self._perMessageCompress = self._agreeOnExtensions(response)
        except HandshakeRefused as problem:
            self._refuse(problem, rest)
            return
        self.state = OPEN
        self._opened = True
        assert self._owner is not None
        self._owner.webSocketOpened(response)
        if rest:
            self._take(rest)

    def _refuse(self, problem: HandshakeRefused, rest: bytes) -> None:
        if self._response is None or self._response.status == 101:
            self.fail(problem)
            return
        self._problem = problem
        self._refused = True
        self._startTimer(REFUSAL_TIMEOUT)
        self._refusalReceived(rest)

    def _refusalReceived(self, rest: bytes) -> None:
        """
        Wait for so much of a refusal's body as an error shows.
        """
        assert self._response is not None
        self.data += rest
        lengths = self._response.all("content-length")
        wanted = int(lengths[0]) if lengths and lengths[0].isdecimal() else REFUSAL_BYTES
        self._body = self.data[:REFUSAL_BYTES]
        if len(self.data) >= min(wanted, REFUSAL_BYTES):
            self.state = CLOSED
            self._drop(abort=True)

    def _agreeOnExtensions(self, response: Response) -> PerMessageDeflate | None:
        chosen = response.all("sec-websocket-extensions")
        if not chosen:
            return None
        parsed = self._parseExtensionsHeader(", ".join(chosen))
        if not self._deflate:
            raise HandshakeRefused(f"the server uses extensions nobody asked for: {chosen!a}")
        if [name for name, _ in parsed] != ["permessage-deflate"]:
            raise HandshakeRefused(f"the server uses other extensions than asked for: {chosen!a}")
        return self._buildDeflate(parsed[0][1])

    def _buildDeflate(self, parameters: Any) -> PerMessageDeflate:
        """
        @raise HandshakeRefused: the server's parameters cannot be used.
        """
        try:
            accept = PerMessageDeflateResponseAccept(
                PerMessageDeflateResponse.parse(parameters),
                max_message_size=self.limits.messageBytes,
            )
            deflate = PerMessageDeflate.create_from_response_accept(False, accept)
            deflate.start_compress_message()
            deflate.start_decompress_message()
        except Exception as problem:
            raise HandshakeRefused(f"permessage-deflate cannot be used: {problem}") from problem
        return deflate

    # reading

    def _take(self, data: bytes) -> None:
        """
        Read in whatever state we are.
        """
        if self.state == CONNECTING:
            self._shakeHands(data)
        elif self.state != CLOSED:
            self._read(data)

    def _read(self, data: bytes) -> None:
        """
        Take turns between the quick way and Autobahn.
        """
        if self._bigLeft:
            data = self._readBig(data)
        if self.data:
            data = self.data + data
            self.data = b""
        position, length = 0, len(data)
        deadline = self._reactor.seconds() + TURN
        while position < length and self.state != CLOSED and not self._blocked:
            if self._maySkipAutobahn():
                position, outcome = self._readQuickly(data, position, deadline)
                if outcome == WAIT:
                    self.data = data[position:] if position else data
                    return
                if outcome == STOP:
                    continue
            if self.state != CLOSED and not self._blocked:
                position = self._readSlowly(data, position, deadline)
        if position < length and self.state != CLOSED:
            self._held.insert(0, data[position:])

    def _maySkipAutobahn(self) -> bool:
        return (
            self.quick
            and self.state == OPEN
            and self.current_frame is None
            and not self.inside_message
        )

    def _readQuickly(self, data: bytes, position: int, deadline: float) -> tuple[int, int]:
        """
        Cut whole frames out of what was read, as long as they are plain.

        @return: the new position, and L{MORE} for a frame that is not plain,
            L{WAIT} for one that is not whole, or L{STOP}.
        """
        length = len(data)
        maximum = self.maxMessagePayloadSize
        prefix = self.prefix
        check = TURN_CHECK
        while length - position >= 2:
            first = data[position]
            size = data[position + 1]
            start = position + 2
            if size > 125:
                if size > 127:
                    return position, MORE  # masked
                start = position + (4 if size == 126 else 10)
                if length < start:
                    return position, WAIT
                size = int.from_bytes(data[position + 2 : start], "big")
                if size < (126 if start == position + 4 else 65536):
                    return position, MORE  # not minimal
            if size > maximum:
                return position, MORE
            end = start + size
            if end > length or (first != 0x82 and first != 0x81):
                if first != 0x89 or end > length or size > 125:
                    return self._readRare(data, position, start, end)
                self._pings.append(data[start:end])
            elif first == 0x82:
                self.receiver.binaryReceived(data[start:end])
            elif size and data[start] == prefix:
                self.receiver.textReceived(data[start + 1 : end])
            else:
                self._textCut(data[start:end])
            position = end
            if self._blocked or self.state != OPEN:
                return position, STOP
            check -= 1
            if not check:
                check = TURN_CHECK
                if self._turnIsOver(deadline):
                    return position, STOP
        return position, WAIT

    def _readRare(self, data: bytes, position: int, start: int, end: int) -> tuple[int, int]:
        """
        A frame that is not whole, or not one of data.
        """
        first, missing = data[position], end - len(data)
        if first not in (frames.TEXT, frames.BINARY) or (first == frames.TEXT and self._strict):
            return position, MORE
        if end - start > PARTIAL:
            self._bigBinary = first == frames.BINARY
            self._bigLeft = missing
            self._big.add(data[start:])
            return len(data), WAIT
        return position, WAIT

    @property
    def _strict(self) -> bool:
        """
        Whether bad UTF-8 must be noticed before its message is whole.
        """
        return self.utf8validateIncoming

    def _readBig(self, data: bytes) -> bytes:
        """
        Collect a big frame; nothing else can come before its end.

        @return: what came after it.
        """
        cut = self._bigLeft
        self._big.add(data[:cut])
        self._bigLeft = max(0, cut - len(data))
        if self._bigLeft:
            return b""
        payload = self._big.join()
        self._big = _Pieces()
        self._deliver(payload, self._bigBinary)
        return data[cut:]

    def _readSlowly(self, data: bytes, position: int, deadline: float) -> int:
        """
        Let Autobahn read until it stands between two messages again.

        @return: the new position.  A header that is not whole stays in
            C{self.data}.
        """
        length = len(data)
        check = TURN_CHECK
        more = False
        while more or position < length:
            if not more:
                end = position + self._window()
                self.data += data[position:end]
                position = min(end, length)
            more = self.processData()
            if self.state == CLOSED:
                return length
            check -= 1
            if not check:
                check = TURN_CHECK
                self._turnIsOver(deadline)
            if self._blocked or self._maySkipAutobahn():
                position -= len(self.data)
                self.data = b""
                return position
        return position

    def _window(self) -> int:
        """
        How many bytes to show to Autobahn: few, or all of one frame.
        """
        if self.current_frame is None:
            return WINDOW
        left: int = self.current_frame.length - self.current_frame_masker.pointer()
        return max(WINDOW, left)

    def _textCut(self, payload: bytes) -> None:
        """
        A whole text message without the prefix was cut.
        """
        if self.utf8validateIncoming and not _isUTF8(payload):
            self._invalid_payload("text that is not UTF-8")
        elif self._owner is not None and self.receiver is not _DEAF:
            self._owner.textMessageReceived(payload)

    def _deliver(self, payload: bytes, isBinary: bool) -> None:
        """
        A message came in pieces.
        """
        if isBinary:
            self.receiver.binaryReceived(payload)
        elif payload and payload[0] == self.prefix:
            self.receiver.textReceived(payload[1:])
        else:
            self._textCut(payload)

    # turns and pauses

    def _turnIsOver(self, deadline: float) -> bool:
        """
        Leave off until the next turn if this one took its time.
        """
        if self._lost or self._reactor.seconds() < deadline:
            return False
        self._block()
        self._continueSoon()
        return True

    def _block(self) -> None:
        if not self._blocked:
            self._blocked = True
            _call(self.transport, "pauseProducing")

    def _continueSoon(self) -> None:
        if self._turn is None and self._blocked and not self._gone:
            self._turn = self._reactor.callLater(0, self._continue)

    def _continue(self) -> None:
        self._turn = None
        if not self._paused:
            self._unblock()
            if not self._blocked and not self._gone:
                _call(self.transport, "resumeProducing")

    def _unblock(self) -> None:
        """
        Read what was held back, in order.
        """
        self._blocked = False
        held = b"".join(self._held)
        self._held = []
        if held:
            self.dataReceived(held)

    def _discardInput(self) -> None:
        self._held = []
        self._bigLeft = 0
        self._big = _Pieces()
        self._message = _Pieces()

    # from Autobahn

    def onMessageBegin(self, isBinary: bool) -> None:
        """
        A message begins that is not plain.
        """
        self.message_is_binary = isBinary
        self.message_data_total_length = 0
        self._message = _Pieces()
        self._fragments = 0

    def onMessageFrameBegin(self, length: int) -> None:
        """
        Refuse before collecting what would be too much.
        """
        self.message_data_total_length += length
        self._fragments += 1
        if self.message_data_total_length > self.maxMessagePayloadSize:
            self._max_message_size_exceeded(0, 0, _tooBig(self.maxMessagePayloadSize))
        elif self._fragments > self.limits.fragments:
            self._max_message_size_exceeded(
                0, 0, f"a message in more than {self.limits.fragments} fragments"
            )

    def onMessageFrameData(self, payload: bytes) -> None:
        """
        Some payload came.
        """
        self._message.add(payload)

    def onMessageFrameEnd(self) -> None:
        """
        A fragment is whole; the message may not be.
        """

    def onMessageEnd(self) -> None:
        """
        A message is whole.
        """
        payload = self._message.join()
        self._message = _Pieces()
        if self.state == OPEN:
            if self.message_is_binary or not self.utf8validateIncoming:
                self._deliver(payload, self.message_is_binary)
            elif self._owner is not None:
                # Autobahn has validated it.
                self._owner.textMessageReceived(payload)

    def onPing(self, payload: bytes) -> None:
        """
        Remember the latest pings; older ones need no answer (RFC 6455 5.5.3).
        """
        self._pings.append(payload)

    def onPong(self, payload: bytes) -> None:
        """
        Nobody asked.
        """

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        """
        The peer says goodbye: answer, and end.
        """
        stop = super().onCloseFrame(code, reasonRaw)
        if self._problem is None:
            self._heardGoodbye = True
            self._peerCode = self.remoteCloseCode
            self._peerReason = self.remoteCloseReason or ""
            self.receiver = _DEAF
            self.state = CLOSED
            self._drop()
        return True if self.state == CLOSED else bool(stop)

    def sendFrame(self, opcode: int, payload: bytes = b"", **ignored: object) -> None:
        """
        Autobahn answers a close.
        """
        if opcode == 8:
            self._putClose(payload)

    def _fail_connection(self, code: int = PROTOCOL_ERROR, reason: str = "") -> None:
        """
        Autobahn found a violation.
        """
        self.fail(ProtocolViolation(code, reason), code)

    # sending

    def _sendMessage(
        self, firstByte: int, build: Callable[[bytes], bytes], payload: bytes, compress: bool
    ) -> None:
        if compress and self._perMessageCompress is not None and self.state == OPEN:
            payload = self._compressed(payload)
            self.sendFramed(frames.frame(firstByte | frames.COMPRESSED, payload))
        else:
            self.sendFramed(build(payload))

    def _compressed(self, payload: bytes) -> bytes:
        deflate = self._perMessageCompress
        deflate.start_compress_message()
        whole: bytes = deflate.compress_message_data(payload) + deflate.end_compress_message()
        return whole

    def _answerPings(self) -> None:
        pings, outbox = self._pings, self.outbox
        while pings and outbox is not None and not outbox.congested:
            self.sendFramed(frames.frame(frames.PONG, pings.popleft()))

    def _drained(self) -> None:
        self._answerPings()
        if self._owner is None or self.state != OPEN:
            return
        try:
            self._owner.webSocketDrained()
        except Exception as problem:
            self._errors.failure("The owner of {client.url} raised", client=self)
            self.fail(problem, INTERNAL_ERROR)

    # ending

    def _startClosing(self, code: int, reason: str) -> None:
        self._sayGoodbye(code, reason)
        self.state = CLOSING
        self._startTimer(CLOSE_TIMEOUT)
        if self.outbox is not None:
            self.outbox.flush()
        if self._paused:
            # Only the peer's goodbye is still wanted, but that must be read.
            self.resumeReading()

    def _sayGoodbye(self, code: int, reason: str) -> None:
        self._putClose(code.to_bytes(2, "big") + _truncated(reason, 123))

    def _putClose(self, payload: bytes) -> None:
        if not self._saidGoodbye and self.outbox is not None:
            self._answerPings()
            self._saidGoodbye = True
            self.outbox.put(frames.frame(frames.CLOSE, payload))

    def _drop(self, abort: bool = False) -> None:
        """
        End the connection: after what was written, or at once.
        """
        outbox = self.outbox
        if outbox is None or self._gone:
            return
        outbox.release()
        if abort:
            _abort(self.transport)
        else:
            self._startTimer(CLOSE_TIMEOUT)
            self.transport.loseConnection()

    def _startTimer(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._reactor.callLater(seconds, self._timedOut)

    def _timedOut(self) -> None:
        self._timer = None
        self.state = CLOSED
        self._drop(abort=True)

    def _end(self, failure: Failure) -> None:
        if self._gone:
            return
        self._gone = True
        self.state = CLOSED
        self._discardInput()
        for call in (self._timer, self._turn):
            if call is not None:
                call.cancel()
        self._timer = self._turn = None
        if self.outbox is not None:
            self.outbox.end()
        self._tellEnd(self._ending(failure))

    def _tellEnd(self, ending: Ending) -> None:
        owner, self._owner = self._owner, None
        self.receiver = _DEAF
        try:
            if owner is not None:
                owner.webSocketClosed(ending)
        except Exception:
            self._errors.failure("The owner of {client.url} raised", client=self)
        waiting, self._whenGone = self._whenGone, []
        for gone in waiting:
            gone.callback(None)

    def _ending(self, failure: Failure) -> Ending:
        clean = self._heardGoodbye and self._saidGoodbye
        code = ABNORMAL
        if isinstance(self._problem, ProtocolViolation):
            code = self._problem.code
        elif self._heardGoodbye:
            code = NO_STATUS if self._peerCode is None else self._peerCode
        return Ending(
            self._opened,
            code,
            self._peerReason,
            clean,
            self._problem,
            self._response,
            self._body,
            failure,
        )


def _call(transport: Any, name: str) -> None:
    """
    Pause or resume a transport that can.
    """
    method = getattr(transport, name, None)
    if method is not None:
        method()


def _abort(transport: Any) -> None:
    getattr(transport, "abortConnection", transport.loseConnection)()


def _isUTF8(payload: bytes) -> bool:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _truncated(text: str, limit: int) -> bytes:
    """
    As much of a text as fits, cut between characters.
    """
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore").encode("utf-8")


def _tooBig(limit: int) -> str:
    return f"a message of more than {limit} bytes (maxMessageBytes)"
