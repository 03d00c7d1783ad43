"""
The server on a port: HTTP long-polling by twisted.web, WebSocket by Autobahn's
resource, both on one path.

See the Engine.IO v4 protocol, sections "Transports" and "Upgrade".  Must not
know: Socket.IO.
"""

from __future__ import annotations

from typing import Any

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from txsocketio.errors import DecodeError
from txsocketio.protocol.engineio import MESSAGE, CloseDetails, decodePacket
from txsocketio.testing.connection import Connection
from txsocketio.testing.links import Attempt
from txsocketio.testing.polls import PollingLink
from txsocketio.testing.server import ServerCore

__all__ = ["ListeningServer", "listen"]

_TRANSPORTS = ("polling", "websocket")

UNKNOWN_TRANSPORT = 0, "Transport unknown"
UNKNOWN_SESSION = 1, "Session ID unknown"
BAD_METHOD = 2, "Bad handshake method"
BAD_REQUEST = 3, "Bad request"
BAD_VERSION = 5, "Unsupported protocol version"


def listen(
    server: ServerCore, reactor: Any, port: int, interface: str, path: str
) -> ListeningServer:
    """
    Put a server on a port.

    @raise CannotListenError: the port is taken.
    """
    site = Site(_EngineResource(server, reactor, path), timeout=None, reactor=reactor)
    site.noisy = False
    site.displayTracebacks = False
    connections = _Connections(site)
    return ListeningServer(
        server, connections, reactor.listenTCP(port, connections, interface=interface)
    )


class ListeningServer:
    """
    A server that listens.

    @ivar port: its TCP port.
    @ivar url: where clients reach it, e.g. C{"http://127.0.0.1:40123"}.
    """

    def __init__(self, server: ServerCore, connections: _Connections, listening: Any) -> None:
        self._server = server
        self._connections = connections
        self._listening = listening
        address = listening.getHost()
        self.port: int = address.port
        host = f"[{address.host}]" if ":" in address.host else address.host
        self.url = f"http://{host}:{address.port}"

    def getHost(self) -> Any:
        """
        See L{IListeningPort <twisted.internet.interfaces.IListeningPort>}.
        """
        return self._listening.getHost()

    def stopListening(self) -> Deferred[None]:
        """
        Hang up on everybody, and listen no more.

        @return: fires when no connection is left.
        """
        self._server.stop()
        stopped: Deferred[Any] = maybeDeferred(self._listening.stopListening)
        return stopped.addCallback(lambda _: self._connections.abortAll())


class _Connections(WrappingFactory):
    """
    Knows every TCP connection, so that all can be ended.
    """

    noisy = False
    _gone: Deferred[None] | None = None

    def abortAll(self) -> Deferred[None]:
        """
        @return: fires when no connection is left.
        """
        gone = self._gone = Deferred()
        for protocol in list(self.protocols):
            protocol.transport.abortConnection()
        self._checkGone()
        return gone

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:
        """
        A connection is gone.
        """
        super().unregisterProtocol(p)
        self._checkGone()

    def _checkGone(self) -> None:
        gone = self._gone
        if gone is not None and not self.protocols:
            self._gone = None
            gone.callback(None)


class _EngineResource(Resource):
    """
    Everything under one path.
    """

    isLeaf = True

    def __init__(self, server: ServerCore, reactor: Any, path: str) -> None:
        super().__init__()
        self._server = server
        self._reactor = reactor
        self._path = path.rstrip("/").encode()
        self._farewells: dict[str, tuple[float, bytes]] = {}

    def render(self, request: Request) -> Any:
        """
        Answer any request, of whatever method.
        """
        if request.path.rstrip(b"/") != self._path:
            request.setResponseCode(404)
            return b"not found"
        attempt = _attemptOf(request)
        problem = self._problem(request, attempt)
        if problem is not None:
            return self._farewell(attempt.sid) or _refused(request, *problem)
        if attempt.sid is None:
            self._server.attempts.append(attempt)
        if attempt.transport == "websocket":
            return self._upgrade(request, attempt)
        return self._poll(request, attempt)

    # inside

    def _problem(self, request: Request, attempt: Attempt) -> tuple[int, str] | None:
        """
        What is wrong with a request, as servers say it.
        """
        if attempt.query.get("EIO") != "4":
            return BAD_VERSION
        if attempt.transport not in _TRANSPORTS:
            return UNKNOWN_TRANSPORT
        wantsUpgrade = attempt.headers.get("upgrade", "").lower() == "websocket"
        if wantsUpgrade != (attempt.transport == "websocket"):
            return BAD_REQUEST
        if attempt.sid is None:
            return None if request.method == b"GET" else BAD_METHOD
        return self._problemOfSession(request, attempt)

    def _problemOfSession(self, request: Request, attempt: Attempt) -> tuple[int, str] | None:
        connection = self._server.find(attempt.sid or "")
        if connection is None:
            return UNKNOWN_SESSION
        if attempt.transport == "polling" and connection.transport != "polling":
            return BAD_REQUEST
        return None if request.method in (b"GET", b"POST") else BAD_REQUEST

    def _upgrade(self, request: Request, attempt: Attempt) -> Any:
        factory = _WebSocketFactory(self._server, attempt, self._reactor)
        return WebSocketResource(factory).render(request)

    def _poll(self, request: Request, attempt: Attempt) -> Any:
        if attempt.sid is None:
            self._open(request, attempt)
            return NOT_DONE_YET
        connection = self._server.find(attempt.sid)
        assert connection is not None
        link: Any = connection.link
        return link.get(request) if request.method == b"GET" else link.post(request)

    def _open(self, request: Request, attempt: Attempt) -> None:
        connection = self._server.buildConnection(attempt)
        for name, value in self._server.responseHeaders:
            request.responseHeaders.addRawHeader(name, value)
        link = PollingLink(connection, self._server.clock, self._server.maxPayload, self._leave)
        link.get(request)
        connection.start(link)

    def _leave(self, sid: str, farewell: bytes) -> None:
        """
        A session has ended between two polls; the next one hears it.
        """
        self._farewells[sid] = self._server.clock.seconds() + self._server.pingTimeout, farewell

    def _farewell(self, sid: str | None) -> bytes | None:
        expires, body = self._farewells.pop(sid or "", (0.0, b""))
        return body if self._server.clock.seconds() < expires else None


class _WebSocketFactory(WebSocketServerFactory):  # type: ignore[misc]
    """
    Makes the one protocol of one WebSocket.
    """

    noisy = False

    def __init__(self, server: ServerCore, attempt: Attempt, reactor: Any) -> None:
        super().__init__(reactor=reactor)
        self.protocol = _WebSocketLink
        self.server = server
        self.attempt = attempt
        # Autobahn's timers run on the global reactor: none of them.
        self.setProtocolOptions(
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
            failByDrop=False,
            utf8validateIncoming=False,
            maxMessagePayloadSize=server.maxPayload,
        )


class _WebSocketLink(WebSocketServerProtocol):  # type: ignore[misc]
    """
    The server's end of a WebSocket; a L{Link}.
    """

    name = "websocket"
    _connection: Connection | None = None

    # from the network

    def onConnect(self, request: Any) -> tuple[None, dict[str, Any]]:
        """
        A client is let in.
        """
        headers: dict[str, Any] = {}
        for name, value in self.factory.server.responseHeaders:
            headers.setdefault(name, []).append(value)
        return None, headers

    def onOpen(self) -> None:
        """
        The handshake is done: a new session, or one to take over.
        """
        server, attempt = self.factory.server, self.factory.attempt
        if attempt.sid is None:
            self._connection = server.buildConnection(attempt)
            self._connection.start(self)
            return
        connection = server.find(attempt.sid)
        if connection is not None and connection.probe(self):
            self._connection = connection
        else:
            self.sendClose()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        A packet came.
        """
        if self._connection is None:
            return
        if isBinary:
            self._connection.packetReceived(self, MESSAGE, payload, True)
            return
        try:
            packet = decodePacket(payload)
        except DecodeError as error:
            self._connection.end("parse error", CloseDetails(str(error)))
        else:
            self._connection.packetReceived(self, *packet)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """
        The client is gone.
        """
        if self._connection is not None:
            self._connection.linkLost(self)

    # from the server

    def send(self, packetType: int, data: bytes, isBinary: bool, compress: bool = True) -> None:
        """
        See L{Link}.
        """
        self.sendRaw(data if isBinary else b"%d%b" % (packetType, data), isBinary)

    def sendRaw(self, packet: bytes, isBinary: bool) -> None:
        """
        See L{Link}.
        """
        # A heartbeat may be due between the goodbye and the end.
        if self.state == self.STATE_OPEN:
            self.sendMessage(packet, isBinary)

    def takeUnsent(self) -> list[Any]:
        """
        Nothing waits here.
        """
        return []

    def probed(self) -> None:
        """
        A WebSocket has no polls.
        """

    def end(self, reason: str, details: Any) -> None:
        """
        Say goodbye.
        """
        if self.state == self.STATE_OPEN:
            self.sendClose()

    def cut(self, reason: str, details: Any) -> None:
        """
        See L{Link}.
        """
        self.dropConnection(abort=True)


def _attemptOf(request: Request) -> Attempt:
    query = {
        name.decode("utf-8", "replace"): values[-1].decode("utf-8", "replace")
        for name, values in request.args.items()
    }
    headers = {
        name.decode("latin-1").lower(): ", ".join(value.decode("latin-1") for value in values)
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
    url = request.uri.decode("latin-1")
    return Attempt(query.get("transport", ""), url, query, headers, query.get("sid"))


def _refused(request: Request, code: int, message: str) -> bytes:
    request.setResponseCode(400)
    request.setHeader("Content-Type", "application/json")
    return b'{"code":%d,"message":"%b"}' % (code, message.encode())
