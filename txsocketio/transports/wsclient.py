"""
A WebSocket client: connect, get messages, send, close.  Usable alone.

One end: whatever happens, the owner hears C{webSocketClosed} once, when the
connection is gone, and nothing is delivered after C{close} or C{abort}.

Must not know Engine.IO; leans on Autobahn as C{wsreader} says.
See RFC 6455 and RFC 7692.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from autobahn.websocket.compress_deflate import (
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsocketio.transports import frames
from txsocketio.transports.frameoutbox import FrameOutbox
from txsocketio.transports.wshandshake import (
    HandshakeRefused,
    Request,
    Response,
    bodyOf,
    checkResponse,
    parseResponse,
)
from txsocketio.transports.wsreader import (
    CLOSED,
    CLOSING,
    CONNECTING,
    DEAF,
    OPEN,
    PROTOCOL_ERROR,
    FrameReader,
    Limits,
    MessageReceiver,
    ProtocolViolation,
)

__all__ = ["Ending", "Limits", "ProtocolViolation", "WebSocketClient", "WebSocketOwner"]

CLOSE_TIMEOUT = 2.0
"""Seconds a closing may take before the connection is aborted."""

REFUSAL_TIMEOUT = 1.0
"""Seconds we wait for the first bytes of a refusal's body."""

REFUSAL_BYTES = 1024
REFUSAL_DATA = 4096
"""How much of a refusal's body is kept, and how much is read for it."""

INTERNAL_ERROR, NO_STATUS, ABNORMAL = 1011, 1005, 1006

_textFrame = frames.frameBuilder(frames.TEXT)
_binaryFrame = frames.frameBuilder(frames.BINARY)


class Ending(NamedTuple):
    """
    How a connection ended.

    @ivar opened: whether the handshake had succeeded.
    @ivar code: the peer's close code; 1005 if it gave none, 1006 if it did
        not say goodbye; ours when we refused what it sent.
    @ivar wasClean: both sides said goodbye.
    @ivar problem: what B{we} found wrong, or L{None}.
    @ivar response: the server's answer, if it is not the one that opens.
    @ivar body: the first bytes of the body of a refusal.
    @ivar failure: how the connection was lost, or could not be made.
    """

    opened: bool
    code: int = ABNORMAL
    reason: str = ""
    wasClean: bool = False
    problem: BaseException | None = None
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

    def webSocketFilled(self) -> None:
        """
        More than 64 KiB wait for the network.  May be told while something is
        sent.
        """

    def webSocketDrained(self) -> None:
        """
        The client is not congested any more.
        """

    def webSocketClosed(self, ending: Ending) -> None:
        """
        The connection is gone, or was never made; the last call.
        """


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


class WebSocketClient(FrameReader):
    """
    One connection, from connecting to the end.

    @ivar outbox: the way out, from the moment there is a connection.  Once it
        is open, frames that are ready may be put there; after the goodbye they
        are not taken any more.
    """

    _errors = Logger()

    _body = b""
    _refused = False
    _problem: BaseException | None = None
    _peerCode: int | None = None
    _peerReason = ""
    _saidGoodbye = _heardGoodbye = False
    _timer: Any = None
    _gone = False
    _whenGone: tuple[Deferred[None], ...] = ()

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
        super().__init__(reactor, receiver, limits or Limits(), prefix, validateUTF8, quick)
        self._request = request
        self._owner: WebSocketOwner | None = owner
        self._deflate = deflate
        self.outbox: FrameOutbox | None = None
        self._connecting: Deferred[Any] | None = None
        self._starting = False
        self._nonce = b""
        self._response: Response | None = None
        self._opened = False

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

    def close(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """
        Say goodbye and end; deliver nothing any more, but C{webSocketClosed}.

        @return: fires when the connection is gone, within two seconds.
        """
        self.receiver = DEAF
        if self.state == OPEN:
            self._startClosing(code, reason)
        elif self.state == CONNECTING:
            self.abort()
        return self.whenGone()

    def abort(self) -> None:
        """
        End now; deliver nothing any more, but C{webSocketClosed}.
        """
        self.receiver = DEAF
        self._discardInput()
        self.state = CLOSED
        if self.outbox is not None:
            self._drop(abort=True)
        elif self._connecting is not None:
            self._connecting.cancel()
        else:
            self._end(Failure(ConnectionAborted()))

    def fail(self, problem: BaseException, code: int = PROTOCOL_ERROR) -> None:
        """
        End because of what the server sent.
        """
        if self._problem is None and not self._gone:
            self._problem = problem
            if self.state == OPEN:
                self._sayGoodbye(code, str(problem))
            self.receiver = DEAF
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
            self._whenGone = (*self._whenGone, gone)
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
        Send the request.
        """
        try:
            self.transport.setTcpNoDelay(True)
        except (AttributeError, OSError):
            pass  # not TCP
        self.outbox = FrameOutbox(self._reactor, self.transport, self._drained, self._filled)
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
        outbox.hold()
        try:
            self._take(data)
        except Exception as problem:
            self._errors.failure("A receiver of {client.url} raised", client=self)
            self.fail(problem, INTERNAL_ERROR)
        except BaseException as problem:
            # A reactor survives sys.exit(), and what was not delivered is lost.
            self.fail(problem, INTERNAL_ERROR)
            raise
        finally:
            self._answerPings()
            outbox.letGo()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
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
            seen = f"{self.data[:80]!a}"
            self.fail(HandshakeRefused(f"not an HTTP answer: {seen}; is this the server's port?"))
        elif end + 4 > limit or (end < 0 and len(self.data) >= limit):
            self.fail(
                HandshakeRefused(f"the answer's headers are over {limit} bytes (maxHeaderBytes)")
            )
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
        self._response = None  # which only explains a refusal
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
        body, complete = bodyOf(self._response, self.data[:REFUSAL_DATA])
        self._body = body[:REFUSAL_BYTES]
        if complete or len(body) >= REFUSAL_BYTES or len(self.data) >= REFUSAL_DATA:
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

    # from the reader

    def _take(self, data: bytes) -> None:
        """
        Read in whatever state we are.
        """
        if self.state == CONNECTING:
            self._shakeHands(data)
        elif self.state != CLOSED:
            self._read(data)

    def _ownText(self, payload: bytes) -> None:
        if self._owner is not None and self.receiver is not DEAF:
            self._owner.textMessageReceived(payload)

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        """
        The peer says goodbye: answer, and end.
        """
        stop = super().onCloseFrame(code, reasonRaw)
        if self._problem is None:
            self._heardGoodbye = True
            self._peerCode = self.remoteCloseCode
            self._peerReason = self.remoteCloseReason or ""
            self.receiver = DEAF
            self.state = CLOSED
            self._drop()
        return True if self.state == CLOSED else bool(stop)

    def sendFrame(self, opcode: int, payload: bytes = b"", **ignored: object) -> None:
        """
        Autobahn answers a close.
        """
        assert opcode == 8
        self._putClose(payload)

    # sending

    def _sendMessage(
        self, firstByte: int, build: Callable[[bytes], bytes], payload: bytes, compress: bool
    ) -> None:
        if compress and self._perMessageCompress is not None and self.state == OPEN:
            payload = self._compressed(payload)
            self._putOpen(frames.frame(firstByte | frames.COMPRESSED, payload))
        else:
            self._putOpen(build(payload))

    def _putOpen(self, frame: bytes) -> None:
        if self.state == OPEN and self.outbox is not None:
            self.outbox.put(frame)

    def _compressed(self, payload: bytes) -> bytes:
        deflate = self._perMessageCompress
        deflate.start_compress_message()
        whole: bytes = deflate.compress_message_data(payload) + deflate.end_compress_message()
        return whole

    def _answerPings(self) -> None:
        """
        Answer, before what the messages behind the pings made us send.
        """
        pings, outbox = self._pings, self.outbox
        if pings and self.state == OPEN and outbox is not None and not outbox.congested:
            self._pings = ()
            outbox.putAhead(b"".join([frames.frame(frames.PONG, each) for each in pings]))

    def _filled(self) -> None:
        if self._owner is not None:
            self._owner.webSocketFilled()

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
        assert self.outbox is not None
        self.outbox.flush()
        if self._paused:
            # Only the peer's goodbye is still wanted, but that must be read.
            self.resumeReading()

    def _sayGoodbye(self, code: int, reason: str) -> None:
        self._putClose(code.to_bytes(2, "big") + _truncated(reason, 123))

    def _putClose(self, payload: bytes) -> None:
        if not self._saidGoodbye and self.outbox is not None:
            self._saidGoodbye = True
            self._answerPings()
            self.outbox.put(frames.frame(frames.CLOSE, payload))
            self.outbox.shut()

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
        self._gone = self._lost = True
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
        assert owner is not None
        self.receiver = DEAF
        try:
            owner.webSocketClosed(ending)
        except Exception:
            self._errors.failure("The owner of {client.url} raised", client=self)
        waiting, self._whenGone = self._whenGone, ()
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


# The instances' table of names (see FrameReader.__init__) has room for what many
# get later: two that take the place of methods while connections are counted,
# and what an upgrade and a pause leave behind.
_first: Any = WebSocketClient.__new__(WebSocketClient)
_first.makeConnection = _first.connectionLost = _first.connected = None
_first._perMessageCompress = _first._paused = _first._blocked = _first._turn = None
del _first


def _abort(transport: Any) -> None:
    getattr(transport, "abortConnection", transport.loseConnection)()


def _truncated(text: str, limit: int) -> bytes:
    """
    As much of a text as fits, cut between characters.
    """
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore").encode("utf-8")
