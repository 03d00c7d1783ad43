"""
The test server, judged as a server: what the Engine.IO and Socket.IO
protocols want of one, on a real port, spoken to in plain HTTP and WebSocket.

The public test suites of the two protocols name 57 behaviours, 25 and 32; for
each there is a check of our own, and some more.  Who tests a client against
L{MemoryServer} trusts it because of these; they themselves are to be trusted
because the reference servers pass every one of them too.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.threads import deferToThread
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody

from interop.servers import ServerPool
from support import deferred, sleep
from txsocketio.testing import Connection, MemoryServer, ServerSocket

INTERVAL, TIMEOUT, CONNECT = 0.3, 0.2, 0.4
FIELDS = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]
BOTH = pytest.mark.parametrize("kind", ["engine", "socket"])
CLOSED = object()
ECHOES = {
    "engine": ("4hello", "4hello"),
    "socket": ('42["message","hello"]', '42["message-back","hello"]'),
}
VARIANTS = {"version", "transport", "method"}
"""
Parameters that say one behaviour in several ways.
"""


class Echo:
    """
    A bare Engine.IO application: it says back what it hears.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def textReceived(self, message: bytes) -> None:
        self.connection.send(message.decode())

    def binaryReceived(self, message: bytes) -> None:
        self.connection.send(message)

    def connectionClosed(self, reason: str, details: Any) -> None:
        pass


def joined(socket: ServerSocket) -> None:
    """
    What both namespaces of the Socket.IO server do.
    """
    socket.emit("auth", socket.auth)
    socket.on("message", lambda *args: socket.emit("message-back", *args))
    socket.on("message-with-ack", lambda *args: args[-1](*args[:-1]))


class Peer(WebSocketClientProtocol):
    """
    A WebSocket that speaks no protocol by itself.
    """

    def __init__(self, opened: Deferred[Peer]) -> None:
        super().__init__()
        self.opened: Deferred[Peer] | None = opened
        self.arrived: DeferredQueue[Any] = DeferredQueue()

    def onOpen(self) -> None:
        opened, self.opened = self.opened, None
        assert opened is not None
        opened.callback(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.arrived.put(payload if isBinary else payload.decode())

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        opened, self.opened = self.opened, None
        if opened is not None:
            opened.errback(ConnectionRefusedError(reason))
        self.arrived.put(CLOSED)

    def say(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self.sendMessage(message.encode())
        else:
            self.sendMessage(message, isBinary=True)

    async def next(self) -> Any:
        """
        What comes next, heartbeats aside.
        """
        while (message := await self.arrived.get()) == "2":
            pass
        return message


class Site:
    """
    One server under test, and how to speak to it.
    """

    def __init__(self, kind: str, port: int, reactor: Any) -> None:
        self.path = "/engine.io/" if kind == "engine" else "/socket.io/"
        self.port = port
        self.reactor = reactor
        self.peers: list[Peer] = []
        self.agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))

    def url(self, scheme: str, **query: str) -> str:
        return f"{scheme}://127.0.0.1:{self.port}{self.path}?{urlencode(query)}"

    async def fetch(self, method: str, body: bytes | None = None, **query: str) -> tuple[int, str]:
        """
        One request; its status and the body of the answer.
        """
        response = await self.ask(method, body, **query)
        with warnings.catch_warnings():
            # twisted issue 8227
            warnings.simplefilter("ignore", DeprecationWarning)
            content = readBody(response)
        return response.code, (await content).decode()

    def ask(self, method: str, body: bytes | None = None, **query: str) -> Deferred[Any]:
        producer = None if body is None else FileBodyProducer(BytesIO(body))
        url = self.url("http", **query).encode()
        return self.agent.request(method.encode(), url, bodyProducer=producer)

    async def webSocket(self, **query: str) -> Peer:
        """
        An open WebSocket; fails if the server refuses it.
        """
        opened: Deferred[Peer] = Deferred()
        factory = WebSocketClientFactory(self.url("ws", **query), reactor=self.reactor)
        factory.protocol = lambda: Peer(opened)
        factory.noisy = False
        factory.setProtocolOptions(
            openHandshakeTimeout=0, closeHandshakeTimeout=0, serverConnectionDropTimeout=0
        )
        await TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.port).connect(factory)
        self.peers.append(await opened)
        return self.peers[-1]

    def hangUp(self) -> None:
        """
        Leave no WebSocket open.
        """
        for peer in self.peers:
            peer.dropConnection(abort=True)

    async def refuses(self, **query: str) -> bool:
        """
        Whether there is no session for such a WebSocket: the server refuses
        it, or hangs up at once, as Node's does.
        """
        try:
            peer = await self.webSocket(**query)
        except ConnectionRefusedError:
            return True
        return await peer.next() is CLOSED

    async def polling(self) -> dict[str, str]:
        """
        A new session by polling, as the query of its requests.
        """
        status, body = await self.fetch("GET", EIO="4", transport="polling")
        assert status == 200 and body[0] == "0"
        return {"EIO": "4", "transport": "polling", "sid": json.loads(body[1:])["sid"]}

    async def joined(self) -> dict[str, str]:
        """
        A session by polling that no server has a reason to end.
        """
        query = await self.polling()
        if self.path == "/socket.io/":
            await self.fetch("POST", b"40", **query)
            await self.fetch("GET", **query)
        return query

    async def session(self) -> Peer:
        """
        A new session by WebSocket, after its OPEN.
        """
        peer = await self.webSocket(EIO="4", transport="websocket")
        assert (await peer.next())[0] == "0"
        return peer

    async def upgraded(self) -> tuple[dict[str, str], Peer]:
        """
        A session that began with polling and now is a WebSocket.
        """
        query = await self.polling()
        peer = await self.webSocket(**{**query, "transport": "websocket"})
        peer.say("2probe")
        assert await peer.next() == "3probe"
        peer.say("5")
        return query, peer

    async def connected(self) -> Peer:
        """
        A WebSocket in the main namespace.
        """
        peer = await self.session()
        peer.say("40")
        assert sidOf(await peer.next(), "40")
        assert await peer.next() == '42["auth",{}]'
        return peer


Serving = Callable[[str], AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def servingOurs(kind: str) -> AsyncIterator[Site]:
    """
    The test server on a port: bare Engine.IO (C{engine}) or Socket.IO
    (C{socket}).
    """
    from twisted.internet import reactor

    application: Callable[[Connection], Any] | None = Echo if kind == "engine" else None
    server = MemoryServer(
        reactor,
        pingInterval=INTERVAL,
        pingTimeout=TIMEOUT,
        connectTimeout=CONNECT,
        application=application,
    )
    for name in ("/", "/custom"):
        server.of(name).on("connection", joined)
    path = "/engine.io" if kind == "engine" else "/socket.io"
    listening = await server.listen(reactor, path=path)
    try:
        yield Site(kind, listening.port, reactor)
    finally:
        await listening.stopListening()


@pytest.fixture(params=["ours", pytest.param("reference", marks=pytest.mark.node)])
def serving(request: pytest.FixtureRequest, sharedServers: ServerPool) -> Serving:
    """
    The server under test: ours, and the reference's as a check of the checks.
    """
    if request.param == "ours":
        return servingOurs

    @asynccontextmanager
    async def servingTheirs(kind: str) -> AsyncIterator[Site]:
        from twisted.internet import reactor

        times = {"pingInterval": INTERVAL, "pingTimeout": TIMEOUT, "connectTimeout": CONNECT}
        milliseconds = {name: round(seconds * 1000) for name, seconds in times.items()}
        server = await deferToThread(sharedServers.get, "suite", protocol=kind, **milliseconds)
        site = Site(kind, server.port, reactor)
        try:
            yield site
        finally:
            site.hangUp()

    return servingTheirs


def sidOf(packet: str, head: str) -> str:
    """
    The sid in an answer to CONNECT, which holds nothing else.
    """
    assert packet.startswith(head)
    data = json.loads(packet.removeprefix(head))
    assert list(data) == ["sid"]
    sid: str = data["sid"]
    return sid


def handshake(packet: str) -> dict[str, Any]:
    assert packet[0] == "0"
    fields: dict[str, Any] = json.loads(packet[1:])
    assert sorted(fields) == FIELDS
    assert (fields["pingInterval"], fields["pingTimeout"]) == (300, 200)
    assert isinstance(fields["sid"], str) and isinstance(fields["maxPayload"], int)
    return fields


# R1: the Engine.IO handshake


@BOTH
@deferred()
async def test_pollingHandshake(serving: Serving, kind: str) -> None:
    """
    Polling opens a session, and WebSocket is offered (behaviours R1).
    """
    async with serving(kind) as site:
        status, body = await site.fetch("GET", EIO="4", transport="polling")
        assert status == 200
        assert handshake(body)["upgrades"] == ["websocket"]


@BOTH
@pytest.mark.parametrize("version", [{}, {"EIO": "abc"}])
@deferred()
async def test_pollingBadVersion(serving: Serving, kind: str, version: dict[str, str]) -> None:
    """
    A protocol version that is missing or unknown is refused (behaviours R1).
    """
    async with serving(kind) as site:
        assert (await site.fetch("GET", transport="polling", **version))[0] == 400


@BOTH
@pytest.mark.parametrize("transport", [{}, {"transport": "abc"}])
@deferred()
async def test_pollingBadTransport(serving: Serving, kind: str, transport: dict[str, str]) -> None:
    """
    A transport that is missing or unknown is refused (behaviours R1).
    """
    async with serving(kind) as site:
        assert (await site.fetch("GET", EIO="4", **transport))[0] == 400


@BOTH
@pytest.mark.parametrize("method", ["POST", "PUT"])
@deferred()
async def test_pollingBadMethod(serving: Serving, kind: str, method: str) -> None:
    """
    A session begins with GET (behaviours R1).
    """
    async with serving(kind) as site:
        assert (await site.fetch(method, EIO="4", transport="polling"))[0] == 400


@BOTH
@deferred()
async def test_webSocketHandshake(serving: Serving, kind: str) -> None:
    """
    WebSocket opens a session, and nothing better is offered (behaviours R1).
    """
    async with serving(kind) as site:
        peer = await site.webSocket(EIO="4", transport="websocket")
        assert handshake(await peer.next())["upgrades"] == []


@BOTH
@pytest.mark.parametrize("version", [{}, {"EIO": "abc"}])
@deferred()
async def test_webSocketBadVersion(serving: Serving, kind: str, version: dict[str, str]) -> None:
    """
    No WebSocket without a known protocol version (behaviours R1).
    """
    async with serving(kind) as site:
        assert await site.refuses(transport="websocket", **version)


@BOTH
@pytest.mark.parametrize("transport", [{}, {"transport": "abc"}, {"transport": "polling"}])
@deferred()
async def test_webSocketBadTransport(
    serving: Serving, kind: str, transport: dict[str, str]
) -> None:
    """
    No WebSocket for another transport (behaviours R1).
    """
    async with serving(kind) as site:
        assert await site.refuses(EIO="4", **transport)


# R2: Engine.IO messages


@pytest.mark.parametrize("body", ["4hello", "4a\x1e4b\x1e4c", "4hello\x1ebAQIDBA=="])
@deferred()
async def test_pollingMessages(serving: Serving, body: str) -> None:
    """
    One message, several, and text with binary come back as they went, in one
    body (behaviours R2).
    """
    async with serving("engine") as site:
        query = await site.polling()
        assert await site.fetch("POST", body.encode(), **query) == (200, "ok")
        assert await site.fetch("GET", **query) == (200, body)


@deferred()
async def test_pollingBadPacket(serving: Serving) -> None:
    """
    What is no packet ends the session (behaviours R2).
    """
    async with serving("engine") as site:
        query = await site.polling()
        # Node's server answers before it has looked.
        assert (await site.fetch("POST", b"abc", **query))[0] in (200, 400)
        assert (await site.fetch("GET", **query))[0] == 400


@deferred()
async def test_pollingTwoPolls(serving: Serving) -> None:
    """
    A second poll while one is under way ends the session (behaviours R2).
    """
    async with serving("engine") as site:
        query = await site.polling()
        first = Deferred.fromCoroutine(site.fetch("GET", **query))
        await sleep(0.01)
        assert (await site.fetch("GET", **query))[0] == 400
        assert await first == (200, "1")
        assert (await site.fetch("GET", **query))[0] == 400


@deferred()
async def test_pollingCancelled(serving: Serving) -> None:
    """
    A poll that the client gives up ends the session (behaviours R2).
    """
    async with serving("engine") as site:
        query = await site.polling()
        poll = site.ask("GET", **query)
        poll.addErrback(lambda failure: None)
        await sleep(0.01)
        poll.cancel()
        await sleep(0.01)
        assert (await site.fetch("GET", **query))[0] == 400


@pytest.mark.parametrize(("sent", "back"), [("4hello", "4hello"), (b"\1\2\3", b"\1\2\3")])
@deferred()
async def test_webSocketMessages(serving: Serving, sent: str | bytes, back: str | bytes) -> None:
    """
    Text comes back as text, bytes as bytes (behaviours R2).
    """
    async with serving("engine") as site:
        peer = await site.session()
        peer.say(sent)
        assert await peer.next() == back


@deferred()
async def test_webSocketBadPacket(serving: Serving) -> None:
    """
    What is no packet ends the session (behaviours R2).
    """
    async with serving("engine") as site:
        peer = await site.session()
        peer.say("abc")
        assert await peer.next() is CLOSED


# R3: heartbeat


@BOTH
@deferred()
async def test_pollingHeartbeat(serving: Serving, kind: str) -> None:
    """
    A client that answers pings lives on (behaviours R3).
    """
    async with serving(kind) as site:
        query = await site.joined()
        for _ in range(3):
            assert await site.fetch("GET", **query) == (200, "2")
            assert await site.fetch("POST", b"3", **query) == (200, "ok")


@BOTH
@deferred()
async def test_pollingSilence(serving: Serving, kind: str) -> None:
    """
    A client that does not answer a ping is put out (behaviours R3).
    """
    async with serving(kind) as site:
        query = await site.joined()
        await sleep(INTERVAL + TIMEOUT + 0.1)
        assert (await site.fetch("GET", **query))[0] == 400
        assert (await site.fetch("POST", b"4x", **query))[0] == 400


@BOTH
@deferred()
async def test_webSocketHeartbeat(serving: Serving, kind: str) -> None:
    """
    A client that answers pings lives on (behaviours R3).
    """
    async with serving(kind) as site:
        peer = await (site.session() if kind == "engine" else site.connected())
        for _ in range(3):
            assert await peer.arrived.get() == "2"
            peer.say("3")
        sent, back = ECHOES[kind]
        peer.say(sent)
        assert await peer.next() == back


@BOTH
@deferred()
async def test_webSocketSilence(serving: Serving, kind: str) -> None:
    """
    A client that does not answer a ping is put out (behaviours R3).
    """
    async with serving(kind) as site:
        peer = await site.session()
        assert await peer.next() is CLOSED


# R4: close and upgrade


@BOTH
@deferred()
async def test_pollingClose(serving: Serving, kind: str) -> None:
    """
    A client's CLOSE ends the poll under way, and the session (behaviours R4).
    """
    async with serving(kind) as site:
        query = await site.polling()
        poll = Deferred.fromCoroutine(site.fetch("GET", **query))
        await sleep(0.01)
        assert await site.fetch("POST", b"1", **query) == (200, "ok")
        assert await poll == (200, "6")
        assert (await site.fetch("GET", **query))[0] == 400


@BOTH
@deferred()
async def test_webSocketClose(serving: Serving, kind: str) -> None:
    """
    A client's CLOSE ends the WebSocket (behaviours R4).
    """
    async with serving(kind) as site:
        peer = await site.session()
        peer.say("1")
        assert await peer.next() is CLOSED


@BOTH
@deferred()
async def test_upgrade(serving: Serving, kind: str) -> None:
    """
    A session moves from polling to WebSocket (behaviours R4).
    """
    async with serving(kind) as site:
        _, peer = await site.upgraded()
        if kind == "engine":
            peer.say("4hello")
            assert await peer.next() == "4hello"
        else:
            peer.say("40")
            assert sidOf(await peer.next(), "40")


@deferred()
async def test_upgradeTakesOverWhatWaits(serving: Serving) -> None:
    """
    A poll under way is ended for the upgrade, and what no poll had fetched
    comes by WebSocket (beyond the suites).
    """
    async with serving("engine") as site:
        query = await site.polling()
        poll = Deferred.fromCoroutine(site.fetch("GET", **query))
        await sleep(0.01)
        peer = await site.webSocket(**{**query, "transport": "websocket"})
        peer.say("2probe")
        assert await peer.next() == "3probe"
        assert await poll == (200, "6")
        await site.fetch("POST", b"4late", **query)
        peer.say("5")
        assert await peer.next() == "4late"


@BOTH
@deferred()
async def test_oldTransportAfterUpgrade(serving: Serving, kind: str) -> None:
    """
    After an upgrade the old transport is refused, and hurts nothing
    (behaviours R4).
    """
    async with serving(kind) as site:
        query, peer = await site.upgraded()
        assert (await site.fetch("GET", **query))[0] == 400
        peer.say("4hello" if kind == "engine" else "40")
        assert (await peer.next()).startswith("4")


@BOTH
@deferred()
async def test_secondWebSocketAfterUpgrade(serving: Serving, kind: str) -> None:
    """
    After an upgrade another WebSocket of that session is ended, and hurts
    nothing (behaviours R4).
    """
    async with serving(kind) as site:
        query, peer = await site.upgraded()
        second = await site.webSocket(**{**query, "transport": "websocket"})
        assert await second.next() is CLOSED
        peer.say("4hello" if kind == "engine" else "40")
        assert (await peer.next()).startswith("4")


# R5: Socket.IO connect


@pytest.mark.parametrize("namespace", ["", "/custom,"])
@pytest.mark.parametrize("auth", ["", '{"token":"123"}'])
@deferred()
async def test_connect(serving: Serving, namespace: str, auth: str) -> None:
    """
    The main and another namespace answer CONNECT with an id, with and without
    credentials (behaviours R5).
    """
    async with serving("socket") as site:
        peer = await site.session()
        peer.say(f"40{namespace}{auth}")
        assert sidOf(await peer.next(), f"40{namespace}")
        assert await peer.next() == f'42{namespace}["auth",{auth or "{}"}]'


@deferred()
async def test_connectUnknownNamespace(serving: Serving) -> None:
    """
    A namespace that is not there is refused by name (behaviours R5).
    """
    async with serving("socket") as site:
        peer = await site.session()
        peer.say("40/random")
        assert await peer.next() == '44/random,{"message":"Invalid namespace"}'


@deferred()
async def test_connectBadPacket(serving: Serving) -> None:
    """
    Who begins with something else than CONNECT is put out (behaviours R5).
    """
    async with serving("socket") as site:
        peer = await site.session()
        peer.say("4abc")
        assert await peer.next() is CLOSED


@deferred()
async def test_connectNever(serving: Serving) -> None:
    """
    Who joins no namespace in time is put out (behaviours R5).
    """
    async with serving("socket") as site:
        peer = await site.session()
        assert await peer.arrived.get() == "2"
        peer.say("3")
        assert await peer.next() is CLOSED


# R6: Socket.IO disconnect


@deferred()
async def test_disconnectMain(serving: Serving) -> None:
    """
    Leaving a namespace keeps the connection (behaviours R6).
    """
    async with serving("socket") as site:
        peer = await site.connected()
        peer.say("41")
        while await peer.arrived.get() != "2":
            pass
        peer.say("40")
        assert sidOf(await peer.next(), "40")


@deferred()
async def test_disconnectCustom(serving: Serving) -> None:
    """
    Leaving one namespace leaves the others alone (behaviours R6).
    """
    async with serving("socket") as site:
        peer = await site.connected()
        peer.say("40/custom")
        assert sidOf(await peer.next(), "40/custom,")
        assert await peer.next() == '42/custom,["auth",{}]'
        peer.say("41/custom")
        peer.say('42["message","still here"]')
        assert await peer.next() == '42["message-back","still here"]'


# R7: Socket.IO messages


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        (['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']),
        (
            ['451-["message",{"_placeholder":true,"num":0}]', b"\1\2"],
            ['451-["message-back",{"_placeholder":true,"num":0}]', b"\1\2"],
        ),
        (['42456["message-with-ack",1,[false]]'], ["43456[1,[false]]"]),
        (
            ['451-789["message-with-ack",{"_placeholder":true,"num":0}]', b"\3"],
            ['461-789[{"_placeholder":true,"num":0}]', b"\3"],
        ),
    ],
    ids=["text", "binary", "ack", "binary ack"],
)
@deferred()
async def test_messages(serving: Serving, sent: list[str | bytes], back: list[str | bytes]) -> None:
    """
    Events and acknowledgements, with and without bytes, come back as they
    went (behaviours R7).
    """
    async with serving("socket") as site:
        peer = await site.connected()
        for each in sent:
            peer.say(each)
        assert [await peer.next() for _ in back] == back


@pytest.mark.parametrize("packet", ["4abc", "42{}", '42abc["message-with-ack",1]'])
@deferred()
async def test_badMessages(serving: Serving, packet: str) -> None:
    """
    An unknown type, a bad payload and a bad ack id each end the connection
    (behaviours R7).
    """
    async with serving("socket") as site:
        peer = await site.connected()
        peer.say(packet)
        assert await peer.next() is CLOSED


# how many

SUITES = {"R1": 14, "R2": 9, "R3": 8, "R4": 10, "R5": 7, "R6": 2, "R7": 7}
"""
How many behaviours of a row the suites name, those in both counted twice.
"""


def behavioursOf(test: Any) -> int:
    """
    How many behaviours a test checks: its parameters, but for mere variants.
    """
    marks = [each for each in getattr(test, "pytestmark", ()) if each.name == "parametrize"]
    return math.prod(len(each.args[1]) for each in marks if each.args[0] not in VARIANTS)


def test_all57() -> None:
    """
    Each behaviour of the public suites has its check.
    """
    counted: Counter[str] = Counter()
    for test in [each for name, each in globals().items() if name.startswith("test_")]:
        for row in re.findall(r"behaviours (R\d)\)", test.__doc__):
            counted[row] += behavioursOf(test)
    assert dict(counted) == SUITES and counted.total() == 57
