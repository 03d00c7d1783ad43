"""
The WebSocket transport: each Engine.IO packet is one WebSocket message.

Text messages of type C{message}, which are nearly all, go from the client's
buffer straight to the receiver; other packets are decoded here.  Must not know
Socket.IO, reconnection, or another transport.  See the Engine.IO protocol,
sections "WebSocket" and "Packet encoding".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.errors import DecodeError, SocketIOError, TransportError, described
from txsocketio.interfaces import IPacketReceiver, IPacketTransport
from txsocketio.protocol import engineio
from txsocketio.protocol.engineio import CloseDetails, Handshake
from txsocketio.transports import frames
from txsocketio.transports.explain import hangUpHint, rootCause
from txsocketio.transports.frameoutbox import FrameOutbox
from txsocketio.transports.refusals import explainBody, explainRefusal
from txsocketio.transports.wsclient import Ending, Limits, ProtocolViolation, WebSocketClient
from txsocketio.transports.wshandshake import HandshakeRefused, Request, Response

__all__ = ["WebSocketTransport"]

THRESHOLD = 1024
"""Bytes from which a message is compressed, where that was agreed on."""

_messageFrame = frames.frameBuilder(frames.TEXT, b"4")
_binaryFrame = frames.frameBuilder(frames.BINARY)
_PREFIX = ord("4")


class _Wire(Protocol):
    """
    What this transport asks of its wire.
    """

    reactor: Any

    def optionsFor(self, transport: str) -> Any: ...

    def requestURL(self, transport: str, sid: str | None) -> str: ...

    def headers(self, transport: str, url: str) -> list[tuple[str, str]]: ...

    def storeCookies(self, url: str, headers: Any) -> None: ...

    def endpoint(self) -> Any: ...

    def explain(self, failure: Failure) -> str: ...


@implementer(IPacketReceiver)
class _Nobody:
    """
    Hears for a receiver that has not come yet, or has gone.
    """

    def _nothing(self, *news: object) -> None:
        pass

    transportOpened = transportDrained = transportClosed = _nothing
    textReceived = binaryReceived = packetReceived = _nothing


_NOBODY = _Nobody()


@implementer(IPacketTransport)
class WebSocketTransport:
    """
    Carries Engine.IO packets over one WebSocket.

    @cvar quick: whether plain frames are cut without Autobahn; off only to
        compare.
    """

    name = "websocket"
    quick = True
    congested = False
    _log = Logger()

    def __init__(self, wire: _Wire, sid: str | None) -> None:
        self._wire = wire
        self._sid = sid
        self._url = ""
        self._receiver: IPacketReceiver = _NOBODY
        self._client: WebSocketClient | None = None
        self._problem: DecodeError | None = None
        self._failing: Any = None
        self._deadline: Any = None
        self._overdue = ""
        self._outbox: FrameOutbox | None = None  # once frames may go straight there
        self._compressing = False
        self._threshold = 0
        self._base64 = False

    # from above

    @property
    def receiver(self) -> IPacketReceiver:
        """
        Who hears; may be replaced at any time, for instance by the engine
        when a probe has succeeded.
        """
        return self._receiver

    @receiver.setter
    def receiver(self, receiver: IPacketReceiver) -> None:
        if self._client is not None and self._receiver is not _NOBODY:
            self._receiver = self._client.receiver = receiver

    def open(self, receiver: IPacketReceiver) -> None:
        self._receiver = receiver
        try:
            self._client = client = self._buildClient()
            endpoint = self._wire.endpoint()
        except Exception as problem:
            self._failSoon(problem)
            return
        self._startDeadline(self._wire.optionsFor(self.name).requestTimeout)
        client.connect(endpoint)

    def sendText(self, message: bytes, compress: bool = True) -> None:
        outbox = self._outbox
        if outbox is not None:
            outbox.put(_messageFrame(message))
        elif self._client is not None:
            compress = self._compressing and compress and len(message) + 1 >= self._threshold
            self._client.sendText(b"4" + message, compress)

    def sendBinary(self, message: bytes, compress: bool = True) -> None:
        outbox = self._outbox
        if outbox is not None and not self._base64:
            outbox.put(_binaryFrame(message))
        elif self._client is not None:
            compress = self._compressing and compress and len(message) >= self._threshold
            if self._base64:
                self._client.sendText(engineio.encodeBinary(message), compress)
            else:
                self._client.sendBinary(message, compress)

    def sendPacket(self, packetType: int, data: bytes = b"") -> None:
        if self._client is not None:
            self._client.sendText(engineio.encodePacket(packetType, data))

    def bufferedAmount(self) -> int:
        return 0 if self._client is None else self._client.bufferedAmount()

    def handshakeReceived(self, handshake: Handshake) -> None:
        """
        It limits HTTP bodies; a server ends a WebSocket that says too much.
        """

    def pause(self) -> Deferred[list[tuple[int, bytes, bool]]]:
        return succeed([])

    def confirm(self) -> Deferred[None]:
        return succeed(None) if self._client is None else self._client.confirm()

    def pauseReading(self) -> None:
        if self._client is not None:
            self._client.pauseReading()

    def resumeReading(self) -> None:
        if self._client is not None:
            self._client.resumeReading()

    def close(self) -> Deferred[None]:
        self._hearNothing()
        return succeed(None) if self._client is None else self._client.close()

    def abort(self) -> None:
        self._hearNothing()
        if self._client is not None:
            self._client.abort()

    def farewell(self) -> None:
        """
        A server notices the end of a WebSocket by itself.
        """

    # from the client

    def webSocketOpened(self, response: Response) -> None:
        """
        The handshake is done.
        """
        client = self._client
        assert client is not None
        self._stopDeadline()
        self._compressing = client.compressing
        if not self._compressing:
            self._outbox = client.outbox
        try:
            self._wire.storeCookies(self._url, list(response.headers))
        except Exception:
            self._log.failure("Cookies of {url} could not be kept", url=self._bareURL())
        self._receiver.transportOpened()

    def textMessageReceived(self, payload: bytes) -> None:
        """
        Any packet came but a text message.
        """
        try:
            packetType, data, isBinary = engineio.decodePacket(payload)
        except DecodeError as problem:
            self._fail(problem)
            return
        if isBinary:
            self._receiver.binaryReceived(data)
        else:
            self._receiver.packetReceived(packetType, data)

    def webSocketFilled(self) -> None:
        """
        More than 64 KiB wait for the network.
        """
        self.congested = True

    def webSocketDrained(self) -> None:
        """
        The network has taken everything.
        """
        self.congested = False
        self._receiver.transportDrained()

    def webSocketClosed(self, ending: Ending) -> None:
        """
        The connection is gone.
        """
        receiver, self._receiver = self._receiver, _NOBODY
        self._stopDeadline()
        self._client = self._outbox = None
        receiver.transportClosed(*self._judge(ending))

    # inside

    def _buildClient(self) -> WebSocketClient:
        options = self._wire.optionsFor(self.name)
        self._url = url = self._wire.requestURL(self.name, self._sid)
        self._base64 = bool(options.forceBase64)
        threshold = _threshold(options.perMessageDeflate)
        self._threshold = threshold or 0
        return WebSocketClient(
            self._wire.reactor,
            Request(url, self._wire.headers(self.name, url), _names(options.protocols)),
            self,
            self._receiver,
            limits=Limits(options.maxMessageBytes, options.maxHeaderBytes),
            prefix=_PREFIX,
            deflate=threshold is not None,
            quick=self.quick,
        )

    def _fail(self, problem: DecodeError) -> None:
        """
        End because of a packet that is none.
        """
        self._problem = problem
        assert self._client is not None
        self._client.abort()

    def _failSoon(self, problem: Exception) -> None:
        """
        Opening could not even be tried; say so, but not inside C{open}.
        """
        self._client = None
        ending = Ending(False, problem=problem, failure=Failure(problem))
        self._failing = self._wire.reactor.callLater(0, self._failed, ending)

    def _failed(self, ending: Ending) -> None:
        self._failing = None
        self.webSocketClosed(ending)

    def _startDeadline(self, seconds: float | None) -> None:
        """
        Limit the handshake, as that of polling is limited.
        """
        if seconds:
            self._deadline = self._wire.reactor.callLater(seconds, self._expired, seconds)

    def _expired(self, seconds: float) -> None:
        self._deadline = None
        self._overdue = f"no complete answer within {seconds:g} s (requestTimeout)"
        assert self._client is not None
        self._client.abort()

    def _stopDeadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()

    def _hearNothing(self) -> None:
        self._receiver = _NOBODY
        self._stopDeadline()
        if self._failing is not None:
            self._failing.cancel()
            self._failing = None

    def _bareURL(self) -> str:
        return self._url.partition("?")[0]

    # how it ended

    def _judge(self, ending: Ending) -> tuple[str, SocketIOError | CloseDetails]:
        """
        The reason and the details of an ending.
        """
        if self._problem is not None:
            base64 = self._problem.seen.startswith("'b")
            return ("parse error" if base64 else "transport error"), self._problem
        if not ending.opened:
            return "transport error", self._notOpened(ending)
        if ending.problem is not None:
            return "transport error", self._broken(ending, ending.problem)
        context = {"code": ending.code, "reason": ending.reason, "wasClean": ending.wasClean}
        return "transport close", CloseDetails("websocket connection closed", context)

    def _broken(self, ending: Ending, problem: BaseException) -> TransportError:
        known = isinstance(problem, ProtocolViolation)
        error = TransportError(
            "websocket error",
            explanation=str(problem) if known else f"a receiver raised {problem!r}",
            url=self._bareURL(),
            transport=self.name,
            code=ending.code if known else None,
        )
        error.__cause__ = problem
        return error

    def _notOpened(self, ending: Ending) -> TransportError:
        response = ending.response
        error = TransportError(
            "websocket error",
            explanation=self._explain(ending),
            url=self._bareURL(),
            transport=self.name,
            phase="open",
            status=None if response is None else response.status,
            headers=() if response is None else response.headers,
            body=ending.body,
        )
        error.__cause__ = ending.problem or (ending.failure and ending.failure.value)
        return error

    def _explain(self, ending: Ending) -> str:
        if self._overdue:
            return self._overdue
        if isinstance(ending.problem, HandshakeRefused):
            return _explainAnswer(ending, ending.problem)
        if ending.problem is not None:
            return described(ending.problem)
        assert ending.failure is not None
        text = self._wire.explain(ending.failure)
        hint = hangUpHint(rootCause(ending.failure), self._url)
        return f"{text}; {hint}" if hint else text


def _explainAnswer(ending: Ending, problem: HandshakeRefused) -> str:
    """
    The answer was not the right one; if it was a refusal, say what helps.
    """
    response = ending.response
    if response is None or response.status == 101:
        return str(problem)
    meaning = explainRefusal(response.status, response.headers, ending.body)
    hint = meaning if response.status != 200 else explainBody(ending.body) or meaning
    return f"{problem}; {hint}" if hint else str(problem)


def _threshold(perMessageDeflate: Any) -> int | None:
    """
    From how many bytes on to compress, or L{None} for never.
    """
    if perMessageDeflate is None or perMessageDeflate is False:
        return None
    if isinstance(perMessageDeflate, Mapping):
        return int(perMessageDeflate.get("threshold", THRESHOLD))
    return THRESHOLD if perMessageDeflate is True else int(perMessageDeflate)


def _names(protocols: Any) -> tuple[str, ...]:
    """
    One subprotocol or several.
    """
    if isinstance(protocols, str):
        return (protocols,)
    return tuple(protocols or ())
