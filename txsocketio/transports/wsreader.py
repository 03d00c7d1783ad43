"""
The way in: what a server sends becomes messages, within limits.

Autobahn's protocol reads what is rare (fragments, control frames, compression,
whatever breaks the rules), shown a little at a time so that its cost stays
linear.  What is frequent, a whole unmasked data frame between two messages, is
cut straight out of what was read.  L{FrameReader.quick} turns the quick way
off, and nothing may differ.

  - One turn delivers for at most L{TURN} seconds; the rest waits for the next.
  - Nothing is delivered after C{pauseReading} returned.

Must not know Engine.IO, nor how a connection begins and ends; that is
C{wsclient}'s, the only module besides this one that knows Autobahn.  It leans
on names Autobahn does not promise, each held by a canary in the tests.
See RFC 6455 section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

from autobahn.websocket.protocol import WebSocketClientProtocol, WebSocketProtocol
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet import protocol

from txsocketio.transports import frames

__all__ = ["FrameReader", "Limits", "MessageReceiver", "ProtocolViolation"]

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

PONGS = 16
"""How many pings may wait to be answered; older ones are forgotten."""

MORE, WAIT, STOP = range(3)
# How a step of reading ended: go on otherwise, wait for bytes, or leave off.

PROTOCOL_ERROR = 1002


class Limits(NamedTuple):
    """
    What we take from a server, in bytes and pieces.
    """

    messageBytes: int = 64 * 1024 * 1024
    headerBytes: int = 64 * 1024
    fragments: int = 16384


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


DEAF = _Deaf()


class _Pieces:
    """
    The payload of a message, as it comes.

    Pieces are joined once; tiny ones in between, so that a message that comes
    byte by byte does not need forty times its size.
    """

    __slots__ = ("_joined", "_tiny")

    def __init__(self) -> None:
        self._joined: list[bytes | memoryview] = []
        self._tiny: list[bytes | memoryview] = []

    def add(self, piece: bytes | memoryview) -> None:
        tiny = self._tiny
        large = len(piece) >= 1024
        if not large:
            tiny.append(piece)
        if tiny and (large or len(tiny) >= 1024):
            self._joined.append(b"".join(tiny))
            tiny.clear()
        if large:
            self._joined.append(piece)

    def join(self) -> bytes:
        return b"".join((*self._joined, *self._tiny))


class FrameReader(protocol.Protocol, WebSocketClientProtocol):  # type: ignore[misc]
    """
    The receiving half of a client.

    Not of C{autobahn.twisted}: that would bring WAMP along, at every start of
    every program, for hooks that are a line each here.

    @ivar receiver: where messages go.
    @ivar prefix: the first byte of text messages that go to the receiver
        (without it); others go to the owner.  -1 for none.
    @ivar utf8validateIncoming: whether text is checked here, as soon as it
        comes; the receiver of text with a prefix must check it itself.
    @ivar quick: whether whole frames are cut without Autobahn.
    """

    is_server = False

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

    receiver: MessageReceiver
    transport: Any
    data: bytes
    state: int = CONNECTING
    current_frame: Any = None
    inside_message = False
    _perMessageCompress: Any = None

    _paused = _blocked = _lost = False
    _turn: Any = None
    _bigLeft = 0
    _bigBinary = False
    _big: Any = None
    _message: Any = None
    _fragments = 0
    _pings: tuple[bytes, ...] = ()

    def __init__(
        self,
        reactor: Any,
        receiver: MessageReceiver,
        limits: Limits,
        prefix: int,
        validateUTF8: bool,
        quick: bool,
    ) -> None:
        # Autobahn's own would make Deferreds that nobody asks for.
        if validateUTF8 and prefix >= 0:
            raise ValueError("text with a prefix goes to the receiver unvalidated")
        # Whatever every connection has is set here, and nothing else, so that
        # the instances have one table of names: at most 30 (see CPython's
        # dictobject.c), or each gets a dictionary of 1.6 KB.
        self._reactor = reactor
        self.receiver = receiver
        self.limits = limits
        self.prefix = prefix
        self.quick = quick
        self.transport = self.factory = None
        self.data = b""
        self.state = CONNECTING
        if validateUTF8:
            self.utf8validateIncoming = True
            self.utf8validator = Utf8Validator()
        self.maxMessagePayloadSize = limits.messageBytes
        self._held: list[bytes] = []

    # what the whole client does with it

    def fail(self, problem: BaseException, code: int = PROTOCOL_ERROR) -> None:
        """
        End because of what the server sent.
        """
        raise NotImplementedError  # pragma: no cover - the whole client has its own

    def _ownText(self, payload: bytes) -> None:
        """
        A text message without the prefix came.
        """
        raise NotImplementedError  # pragma: no cover - the whole client has its own

    # from above

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

    # reading

    def _read(self, data: bytes) -> None:
        """
        Take turns between the quick way and Autobahn.
        """
        position, length = 0, len(data)
        if self._bigLeft:
            position = self._readBig(data)
        elif self.data:
            data = self.data + data
            self.data = b""
            length = len(data)
        deadline = self._reactor.seconds() + TURN
        while position < length and self.state != CLOSED and not self._blocked:
            if self._maySkipAutobahn():
                position, outcome = self._readQuickly(data, position, deadline)
                if outcome == WAIT:
                    self.data = data[position:] if position else data
                    return
                if outcome == STOP:
                    continue
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
                    return position, WAIT if first in (0x81, 0x82) else MORE
                size = int.from_bytes(data[position + 2 : start], "big")
                if size < (126 if start == position + 4 else 65536):
                    return position, MORE  # not minimal
            if size > maximum:
                return position, MORE
            end = start + size
            if end > length:
                return self._readRare(data, position, start, end)
            if first == 0x81:
                if size and data[start] == prefix:
                    self.receiver.textReceived(data[start + 1 : end])
                else:
                    self._textCut(data[start:end])
            elif first == 0x82:
                self.receiver.binaryReceived(data[start:end])
            elif first == 0x89 and size <= 125:
                self.onPing(data[start:end])
            else:
                return self._readRare(data, position, start, end)
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
            self._big = _Pieces()
            self._big.add(memoryview(data)[start:])
            return len(data), WAIT
        return position, WAIT

    @property
    def _strict(self) -> bool:
        """
        Whether bad UTF-8 must be noticed before its message is whole.
        """
        return self.utf8validateIncoming

    def _readBig(self, data: bytes) -> int:
        """
        Collect a big frame; nothing else can come before its end.

        @return: where it ends.
        """
        cut = min(self._bigLeft, len(data))
        self._big.add(memoryview(data)[:cut])
        self._bigLeft -= cut
        if not self._bigLeft:
            payload = self._big.join()
            self._big = None
            self._deliver(payload, self._bigBinary)
        return cut

    def _readSlowly(self, data: bytes, position: int, deadline: float) -> int:
        """
        Let Autobahn read until it stands between two messages again.

        @return: the new position.  A header that is not whole stays in
            C{self.data}.
        """
        length = len(data)
        check = TURN_CHECK
        more = False
        while True:
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
            if not more and position == length:
                return position  # what is left in self.data waits for its rest
            if self._blocked or self._maySkipAutobahn():
                position -= len(self.data)
                self.data = b""
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
        else:
            self._ownText(payload)

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
        if self._turn is None and self._blocked and not self._lost:
            self._turn = self._reactor.callLater(0, self._continue)

    def _continue(self) -> None:
        self._turn = None
        if not self._paused:
            self._unblock()
            if not self._blocked and not self._lost:
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
        self._big = None
        if self._message is not None:
            self._message = _Pieces()  # Autobahn may be in the middle of it

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
        self._message = None
        if self.state == OPEN:
            if self.message_is_binary or not self.utf8validateIncoming:
                self._deliver(payload, self.message_is_binary)
            else:
                self._ownText(payload)  # Autobahn has validated it

    def onPing(self, payload: bytes) -> None:
        """
        Remember the latest pings; older ones need no answer (RFC 6455 5.5.3).
        """
        self._pings = (*self._pings, payload)[-PONGS:]

    def onPong(self, payload: bytes) -> None:
        """
        Nobody asked.
        """

    def _fail_connection(self, code: int = PROTOCOL_ERROR, reason: str = "") -> None:
        """
        Autobahn found a violation.
        """
        if reason.endswith("after decompression"):
            reason += " (maxMessageBytes)"
        self.fail(ProtocolViolation(code, reason), code)

    _onMessageBegin = onMessageBegin
    _onMessageFrameBegin = onMessageFrameBegin
    _onMessageFrameData = onMessageFrameData
    _onMessageFrameEnd = onMessageFrameEnd
    _onMessageEnd = onMessageEnd
    _onPing = onPing
    _onPong = onPong


def _shareState() -> None:
    """
    Give to all readers together what Autobahn would make for each: some forty
    names, nearly all of them C{None} or C{False} to the end.

    What of it can be changed in place are statistics that nobody reads, a
    queue that is not used, and a validator; whoever validates has its own.
    """
    first: Any = FrameReader.__new__(FrameReader)
    first.factory = SimpleNamespace(isServer=False, proxy=None)
    WebSocketProtocol._connectionMade(first)
    for name, value in vars(first).items():
        if name not in vars(FrameReader):
            setattr(FrameReader, name, value)
    FrameReader.factory = None
    FrameReader.websocket_version = FrameReader.version


_shareState()


def _call(transport: Any, name: str) -> None:
    """
    Pause or resume a transport that can.
    """
    method = getattr(transport, name, None)
    if method is not None:
        method()


def _isUTF8(payload: bytes) -> bool:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _tooBig(limit: int) -> str:
    return f"a message of more than {limit} bytes (maxMessageBytes)"
