"""
A scripted HTTP server in memory, and what polling tests need beside it.

Requests are parsed far enough to be looked at; answers are whatever bytes the
test writes, so a server of any rudeness can be played.  Nothing moves but in
L{ScriptedServer.settle}, and time only by the test's own L{Clock}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test import iosim
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from txsocketio.interfaces import IPacketReceiver
from txsocketio.protocol.engineio import decodeHandshake
from txsocketio.transports.connections import Connections, Tracked, limitHead

__all__ = ["FakeWire", "Recorder", "Request", "ScriptedServer", "handshakeBody", "httpAnswer"]

Headers = Sequence[tuple[str, str]]


def handshakeBody(sid: str = "s1", maxPayload: int = 1_000_000, **more: Any) -> bytes:
    """
    The OPEN packet of a well-behaved server.
    """
    fields = {"sid": sid, "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000}
    return b"0" + json.dumps({**fields, "maxPayload": maxPayload, **more}).encode()


def httpAnswer(body: bytes = b"ok", status: int = 200, headers: Headers = ()) -> bytes:
    """
    A whole HTTP response.
    """
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Request:
    """
    A request as it came over the wire, waiting for its answer.
    """

    def __init__(self, link: Link, head: bytes, body: bytes) -> None:
        self.link = link
        lines = head.decode().split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
        self.body = body
        self.done = False

    def __repr__(self) -> str:
        return f"<{self.method} {self.target}>"

    @property
    def query(self) -> dict[str, str]:
        """
        The query, one value a name.
        """
        return {name: each[0] for name, each in parse_qs(urlsplit(self.target).query).items()}

    def header(self, name: str) -> str | None:
        """
        The values of a header, joined.
        """
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def answer(self, body: bytes = b"ok", status: int = 200, headers: Headers = ()) -> None:
        """
        Answer properly, and let everything settle.
        """
        self.finish(httpAnswer(body, status, headers))

    def finish(self, raw: bytes) -> None:
        """
        Write the last bytes of the answer.
        """
        self.done = True
        self.write(raw)

    def write(self, raw: bytes) -> None:
        """
        Write some bytes of an answer.
        """
        self.link.transport.write(raw)
        self.link.server.settle()

    def hangUp(self, reason: Exception | None = None) -> None:
        """
        End the connection, by default properly.
        """
        self.done = True
        self.link.transport.loseConnection()
        if reason is not None:
            self.link.client.disconnectReason = reason
        self.link.server.settle()


class Link(Protocol):
    """
    The server's end of one connection.
    """

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.client: Any = None
        self.alive = True
        self._received = b""

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if end and len(rest) >= length:
            self._received = rest[length:]
            self.server.requestReceived(Request(self, head, rest[:length]))

    def connectionLost(self, reason: Failure = Failure(ConnectionLost())) -> None:  # noqa: B008
        self.alive = False


@implementer(IStreamClientEndpoint)
class ScriptedServer:
    """
    The endpoint of a server that only remembers what it is asked.

    @ivar requests: all requests, in order.
    @ivar refusal: if set, what connecting fails with.
    @ivar silent: if true, connecting never ends.
    @ivar mostAtOnce: per method, how many requests waited at the same time.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.requests: list[Request] = []
        self.links: list[Link] = []
        self.refusal: Exception | None = None
        self.silent = False
        self.mostAtOnce = {"GET": 0, "POST": 0}
        self._pumps: list[iosim.IOPump] = []

    def connect(self, factory: Any) -> Deferred[Any]:
        """
        Connect in memory.
        """
        if self.refusal is not None:
            return fail(self.refusal)
        result: Deferred[Any] = Deferred()
        if not self.silent:
            self.clock.callLater(0, self._accept, factory, result)
        return result

    def _accept(self, factory: Any, result: Deferred[Any]) -> None:
        if result.called:
            return
        link = Link(self)
        client = factory.buildProtocol(None)
        link.client = iosim.FakeTransport(client, isServer=False)
        serverIO = iosim.FakeTransport(link, isServer=True)
        self.links.append(link)
        self._pumps.append(iosim.connect(link, serverIO, client, link.client, greet=False))
        result.callback(client)

    def requestReceived(self, request: Request) -> None:
        """
        Remember a request, and how many of its kind wait.
        """
        self.requests.append(request)
        waiting = sum(1 for each in self.pending(request.method) if each.link.alive)
        self.mostAtOnce[request.method] = max(self.mostAtOnce[request.method], waiting)

    def settle(self) -> None:
        """
        Run what is due and move bytes until nothing moves any more.
        """
        busy = True
        while busy:
            due = any(call.getTime() <= self.clock.seconds() for call in self.clock.calls)
            self.clock.advance(0)
            moved = [pump.pump(advanceClock=False) for pump in tuple(self._pumps)]
            busy = due or any(moved)

    def pending(self, method: str) -> list[Request]:
        """
        The requests of this kind that were not answered.
        """
        return [each for each in self.requests if each.method == method and not each.done]

    @property
    def get(self) -> Request:
        """
        The one GET that waits.
        """
        (request,) = self.pending("GET")
        return request

    @property
    def post(self) -> Request:
        """
        The one POST that waits.
        """
        (request,) = self.pending("POST")
        return request

    @property
    def alive(self) -> int:
        """
        How many connections are open.
        """
        return sum(link.alive for link in self.links)


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, wire: FakeWire) -> None:
        self._wire = wire

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        wire = self._wire
        connected = Tracked(wire.server, wire.connections).connect(factory)
        return connected.addCallback(limitHead, wire.options.maxHeaderBytes)


class FakeWire:
    """
    A wire to a L{ScriptedServer}.

    @ivar stored: the headers of all responses that set cookies.
    """

    def __init__(self, server: ScriptedServer, **options: Any) -> None:
        self.server = server
        self.reactor = server.clock
        self.address = SimpleNamespace(hostHeader="example.com:3000")
        defaults = {"maxMessageBytes": 1_000_000, "maxHeaderBytes": 65536, "requestTimeout": None}
        self.options = SimpleNamespace(**{**defaults, **options})
        self.connections = Connections()
        self.given: list[tuple[str, str]] = []
        self.stored: list[tuple[str, list[tuple[str, str]]]] = []
        self.stamp = 0

    def optionsFor(self, transport: str) -> Any:
        return self.options

    def requestURL(self, transport: str, sid: str | None) -> str:
        self.stamp += 1
        session = "" if sid is None else f"&sid={sid}"
        base = f"http://example.com:3000/socket.io/?EIO=4&transport={transport}"
        return f"{base}{session}&t={self.stamp}"

    def headers(self, transport: str, url: str) -> list[tuple[str, str]]:
        return list(self.given)

    def storeCookies(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        self.stored.append((url, list(headers)))

    def endpointFactory(self) -> Any:
        return _Endpoints(self)

    def explain(self, failure: Failure) -> str:
        value: Any = failure.value
        reasons = getattr(value, "reasons", None)
        return self.explain(reasons[0]) if reasons else f"explained: {value}"


@implementer(IPacketReceiver)
class Recorder:
    """
    Writes down what a transport tells, and joins the session as an engine
    would.

    @ivar news: what was told, in order.
    @ivar reactions: called with the transport's news before it is written
        down; may misbehave.
    """

    def __init__(self, transport: Any = None) -> None:
        self.transport = transport
        self.news: list[tuple[Any, ...]] = []
        self.reaction: Any = lambda *news: None

    def _told(self, *news: Any) -> None:
        self.news.append(news)
        self.reaction(*news)

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """
        All news of one kind.
        """
        return [each for each in self.news if each[0] == name]

    @property
    def texts(self) -> list[bytes]:
        """
        The text messages received.
        """
        return [each[1] for each in self.named("text")]

    @property
    def closed(self) -> tuple[str, Any]:
        """
        Reason and details of the end, which came once.
        """
        ((_, reason, details),) = self.named("closed")
        assert self.news[-1][0] == "closed"
        return reason, details

    def transportOpened(self) -> None:
        self._told("opened")

    def textReceived(self, message: bytes) -> None:
        self._told("text", message)

    def binaryReceived(self, message: bytes) -> None:
        self._told("binary", message)

    def packetReceived(self, packetType: int, data: bytes) -> None:
        if packetType == 0 and self.transport is not None:
            self.transport.handshakeReceived(decodeHandshake(data))
        self._told("packet", packetType, data)

    def transportDrained(self) -> None:
        self._told("drained")

    def transportClosed(self, reason: str, details: Any) -> None:
        self._told("closed", reason, details)
