"""
The rows of reference-behaviours.md that name Server E, against Server E:
sections G (connection), I (socket), J (transports) and K (binary).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import DeferredList
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from interop.servers import ServerPool, ServerProcess
from support import deferred, sleep, until
from txsocketio import TransportError
from txsocketio.engine import Engine, EngineFactory
from txsocketio.interfaces import IEngineReceiver
from txsocketio.options import EngineOptions, readOptions
from txsocketio.protocol.url import parseURL
from txsocketio.transports.polling import PollingTransport
from txsocketio.transports.websocket import WebSocketTransport

pytestmark = pytest.mark.node

LIMIT = 30.0
QUIET = 0.2
POLLING = ["polling"]
WEBSOCKET = ["websocket"]
FIVE = bytes([0, 1, 2, 3, 4])
BOTH = pytest.mark.parametrize("transports", [POLLING, WEBSOCKET], ids=["polling", "websocket"])


@implementer(IEngineReceiver)
class Ears:
    """
    Hears all that an engine tells.

    @ivar messages: texts and bytes, in order.
    @ivar closed: reason and details, or nothing yet.
    """

    def __init__(self) -> None:
        self.opened = False
        self.messages: list[str | bytes] = []
        self.closed: list[tuple[str, Any]] = []

    def engineOpened(self) -> None:
        self.opened = True

    def textReceived(self, message: bytes) -> None:
        self.messages.append(message.decode())

    def binaryReceived(self, message: bytes) -> None:
        self.messages.append(message)

    def pingReceived(self) -> None:
        pass

    def engineDrained(self) -> None:
        pass

    def engineClosed(self, reason: str, details: Any) -> None:
        self.closed.append((reason, details))


class Engines:
    """
    The engines of one test.
    """

    def __init__(self) -> None:
        self._engines: list[Engine] = []

    def factory(self, server: ServerProcess, **options: Any) -> EngineFactory:
        (read,) = readOptions({"path": "/engine.io", **options}, EngineOptions)
        return EngineFactory(reactor, parseURL(server.url), read)

    def start(self, factory: EngineFactory, query: dict[str, str] | None = None) -> Any:
        """
        An engine that opens, and its ears.
        """
        ears = Ears()
        engine = factory.buildEngine(ears, tuple((query or {}).items()))
        self._engines.append(engine)
        engine.open()
        return engine, ears

    async def open(self, server: ServerProcess, **options: Any) -> Any:
        """
        An engine that has been greeted.
        """
        engine, ears = self.start(self.factory(server, **options))
        await until(lambda: ears.messages)
        assert ears.messages == ["hi"]
        return engine, ears

    async def upgraded(self, server: ServerProcess, **options: Any) -> Any:
        """
        An engine that has gone from polling to WebSocket.
        """
        engine, ears = await self.open(server, **options)
        await until(lambda: engine.transport.name == "websocket")
        return engine, ears

    def end(self) -> Any:
        return DeferredList([engine.close() for engine in self._engines])


@pytest.fixture
def engines() -> Iterator[Engines]:
    made = Engines()
    yield made
    pytest_twisted.blockon(made.end().addTimeout(10, reactor))


async def requestsOf(server: ServerProcess, engine: Engine) -> list[dict[str, Any]]:
    """
    The requests of this engine's session that the server saw.
    """
    requests = (await server.control("log"))["requests"]
    return [each for each in requests if f"sid={engine.id}" in each["url"]]


async def bodySizes(server: ServerProcess, engine: Engine) -> list[int]:
    """
    The sizes of the bodies posted.
    """
    requests = await requestsOf(server, engine)
    return [int(e["headers"]["content-length"]) for e in requests if e["method"] == "POST"]


async def echoes(engine: Engine, ears: Ears, *messages: str | bytes) -> list[str | bytes]:
    """
    Send all in one turn, and give what comes back.
    """
    before = len(ears.messages)
    for message in messages:
        engine.send(message)
    await until(lambda: len(ears.messages) >= before + len(messages))
    return ears.messages[before:]


# G: connection


@pytest.mark.parametrize("transports", [None, WEBSOCKET], ids=["default", "websocket"])
@deferred(LIMIT)
async def test_open(engineServer: ServerProcess, engines: Engines, transports: Any) -> None:
    """
    It opens and is greeted (behaviours G1, G2).
    """
    _, ears = await engines.open(engineServer, transports=transports)
    assert ears.opened


@BOTH
@deferred(LIMIT)
async def test_texts(engineServer: ServerProcess, engines: Engines, transports: Any) -> None:
    """
    Texts of any characters come back equal (behaviours G3, G4).
    """
    engine, ears = await engines.open(engineServer, transports=transports)
    sent = ["cash money €€€", "\U0001f600\U0010ffff\ue000", "пусть", "\u2028\x00\x1f"]
    assert await echoes(engine, ears, *sent) == sent


@deferred(LIMIT)
async def test_sendAfterClose(engineServer: ServerProcess, engines: Engines) -> None:
    """
    After C{close()} nothing is sent (behaviours G5).
    """
    engine, _ = await engines.open(engineServer)
    created: list[Any] = []
    engine.on("packetCreate", lambda packet: created.append(packet))
    engine.close()
    engine.send("hi")
    assert created == []


@deferred(LIMIT)
async def test_groupedTexts(engineServer: ServerProcess, engines: Engines) -> None:
    """
    Packets are grouped so that no body is over C{maxPayload}, here 100
    (behaviours G6).
    """
    engine, ears = await engines.open(engineServer, transports=POLLING)
    sent = ["a" * 99, "b" * 30, "c" * 30, "d" * 35, "€" * 33, "f" * 99]
    assert await echoes(engine, ears, *sent) == sent
    assert await bodySizes(engineServer, engine) == [100, 100, 100, 100]


@deferred(LIMIT)
async def test_tooLargeForPolling(engineServer: ServerProcess, engines: Engines) -> None:
    """
    One packet over C{maxPayload} is sent alone, and the server ends the
    session (behaviours G7, I11).
    """
    engine, ears = await engines.open(engineServer, transports=POLLING)
    errors: list[Any] = []
    engine.on("error", lambda error: errors.append(error))
    engine.send("a" * 101)
    engine.send("b")
    await until(lambda: ears.closed)
    ((reason, error),) = ears.closed
    assert isinstance(error, TransportError)
    assert (reason, error.message, error.description) == ("transport error", "xhr post error", 413)
    assert errors == [error]
    assert ears.messages == ["hi"]


@deferred(LIMIT)
async def test_closeWhileUpgrading(engineServer: ServerProcess, engines: Engines) -> None:
    """
    C{close()} during an upgrade waits for its end, what was sent before is
    flushed, what is sent after is dropped (behaviours G9, G11, G12).
    """
    engine, _ = engines.start(engines.factory(engineServer))
    order: list[Any] = []

    def upgrading() -> None:
        engine.send("before")
        engine.close()
        engine.send("after")

    engine.on("upgrading", upgrading)
    engine.on("packetCreate", lambda packet: order.append(packet.data))
    engine.on("upgrade", lambda: order.append("upgrade"))
    engine.on("close", lambda: order.append(("close", engine.writeBuffer)))
    await until(lambda: engine.readyState == "closed")
    assert order == ["before", "upgrade", ("close", [])]


@deferred(LIMIT)
async def test_closeWhileUpgradeFails(engineServer: ServerProcess, engines: Engines) -> None:
    """
    If the new transport breaks then, C{upgradeError} comes before C{close}
    (behaviours G10).
    """
    engine, _ = engines.start(engines.factory(engineServer))
    order: list[str] = []

    def upgrading(transport: Any) -> None:
        engine.close()
        error = TransportError("websocket error", transport="websocket")
        transport.receiver.transportClosed("transport error", error)

    engine.on("upgrading", upgrading)
    engine.on("upgradeError", lambda: order.append("upgradeError"))
    engine.on("close", lambda: order.append("close"))
    await until(lambda: engine.readyState == "closed")
    assert order == ["upgradeError", "close"]


# I: socket


@pytest.mark.parametrize(
    ("denied", "transports"),
    [("websocket", ["websocket", "polling"]), ("polling", ["polling", "websocket"])],
)
@deferred(LIMIT)
async def test_tryAllTransports(
    engineServer: ServerProcess, engines: Engines, denied: str, transports: list[str]
) -> None:
    """
    A transport that is denied is followed by the next one (behaviours I4,
    I5).
    """
    factory = engines.factory(
        engineServer, transports=transports, tryAllTransports=True, upgrade=False
    )
    engine, ears = engines.start(factory, {"deny": denied})
    await until(lambda: ears.messages)
    assert engine.transport.name == transports[1]


@deferred(LIMIT)
async def test_triesNoOther(engineServer: ServerProcess, engines: Engines) -> None:
    """
    Without C{tryAllTransports}, the first that is denied is the end
    (behaviours I6).
    """
    engine, ears = engines.start(engines.factory(engineServer), {"deny": "polling"})
    await until(lambda: ears.closed)
    ((reason, error),) = ears.closed
    assert (reason, error.message, error.status) == ("transport error", "xhr poll error", 403)
    assert not ears.opened


@pytest.mark.parametrize("kind", [PollingTransport, WebSocketTransport])
@deferred(LIMIT)
async def test_transportClasses(
    engineServer: ServerProcess, engines: Engines, kind: type[Any]
) -> None:
    """
    A transport may be given as a class (behaviours I7, I8).
    """
    engine, _ = await engines.open(engineServer, transports=[kind])
    assert isinstance(engine.transport, kind)


@deferred(LIMIT)
async def test_tooLargeForWebSocket(engineServer: ServerProcess, engines: Engines) -> None:
    """
    Over WebSocket, the server closes with 1009 (behaviours I12).
    """
    engine, ears = await engines.open(engineServer, transports=WEBSOCKET)
    engine.send("a" * 101)
    await until(lambda: ears.closed)
    ((reason, details),) = ears.closed
    assert (reason, details.context["code"]) == ("transport close", 1009)


def stale(kind: type[Any]) -> type[Any]:
    """
    A transport that comes with the id of a session that is no more.
    """

    class Stale(kind):
        def __init__(self, wire: Any, sid: str | None = None) -> None:
            super().__init__(wire, "abc")

    return Stale


@deferred(LIMIT)
async def test_unknownSidOnPolling(engineServer: ServerProcess, engines: Engines) -> None:
    """
    The server's answer to a session id it does not know is in the error
    (behaviours I13).
    """
    _, ears = engines.start(engines.factory(engineServer, transports=[stale(PollingTransport)]))
    await until(lambda: ears.closed)
    ((reason, error),) = ears.closed
    assert (reason, error.message, error.description) == ("transport error", "xhr poll error", 400)
    assert error.body == b'{"code":1,"message":"Session ID unknown"}'


@deferred(LIMIT)
async def test_unknownSidOnWebSocket(engineServer: ServerProcess, engines: Engines) -> None:
    """
    The same over WebSocket (behaviours I14).
    """
    _, ears = engines.start(engines.factory(engineServer, transports=[stale(WebSocketTransport)]))
    await until(lambda: ears.closed)
    ((reason, error),) = ears.closed
    assert (reason, error.message) == ("transport error", "websocket error")


@deferred(LIMIT)
async def test_expired(engineServer: ServerProcess, engines: Engines) -> None:
    """
    An overdue heartbeat is noticed when asked, and is one C{ping timeout}
    (behaviours I15).
    """
    engine, ears = await engines.open(engineServer)
    engine._heartbeat.expires = 0.0
    assert [engine.expired() for _ in range(3)] == [True] * 3
    await until(lambda: ears.closed)
    await sleep(QUIET)
    assert [reason for reason, _ in ears.closed] == ["ping timeout"]


@BOTH
@deferred(LIMIT)
async def test_heartbeat(engineServer: ServerProcess, engines: Engines, transports: Any) -> None:
    """
    Pings are answered: the session outlives several intervals.
    """
    engine, ears = await engines.open(engineServer, transports=transports)
    pings: list[Any] = []
    engine.on("ping", lambda: pings.append(1))
    await until(lambda: len(pings) == 3)
    assert await echoes(engine, ears, "alive") == ["alive"]


# J: transports


@pytest.mark.parametrize(("remember", "first"), [(True, "websocket"), (False, "polling")])
@deferred(LIMIT)
async def test_rememberUpgrade(
    engineServer: ServerProcess, engines: Engines, remember: bool, first: str
) -> None:
    """
    With C{rememberUpgrade}, the next engine begins on WebSocket (behaviours
    J1, J2).
    """
    factory = engines.factory(engineServer, rememberUpgrade=remember)
    engine, _ = engines.start(factory)
    await until(lambda: engine.transport.name == "websocket")
    await engine.close()
    second, _ = engines.start(factory)
    assert second.transport.name == first


@BOTH
@deferred(LIMIT)
async def test_extraHeaders(
    engineServer: ServerProcess, engines: Engines, transports: Any
) -> None:
    """
    Extra headers are on each request; those of one transport, on its only
    (behaviours J13, J16).
    """
    mine = f"X-{transports[0]}"
    await engineServer.control("clearLog")
    engine, ears = await engines.open(
        engineServer,
        transports=transports,
        extraHeaders={"X-All": "1"},
        transportOptions={
            name: {"extraHeaders": {"X-All": "1", f"X-{name}": "2"}}
            for name in ("polling", "websocket")
        },
    )
    await echoes(engine, ears, "a")
    requests = (await engineServer.control("log"))["requests"]
    assert requests
    for request in requests:
        names = {name for name in request["headers"] if name.startswith("x-")}
        assert names == {"x-all", mine.lower()}


@implementer(IStreamClientEndpoint)
class CountingEndpoint:
    """
    Counts the bytes that go to the server.
    """

    def __init__(self, port: int) -> None:
        self._endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        self.written = 0

    def connect(self, factory: Any) -> Any:
        counting = self

        class Counting(ProtocolWrapper):
            def write(self, data: bytes) -> None:
                counting.written += len(data)
                super().write(data)

            def writeSequence(self, data: Any) -> None:
                self.write(b"".join(data))

        wrapper = WrappingFactory(factory)
        wrapper.protocol = Counting
        connected = self._endpoint.connect(wrapper)
        return connected.addCallback(lambda protocol: protocol.wrappedProtocol)


@pytest.mark.parametrize(
    ("deflate", "size", "smaller"),
    [({"threshold": 0}, 500, True), (True, 500, False), (True, 5000, True), (False, 5000, False)],
)
@deferred(LIMIT)
async def test_compression(
    sharedServers: ServerPool, engines: Engines, deflate: Any, size: int, smaller: bool
) -> None:
    """
    With C{perMessageDeflate}, messages over the threshold, 1024 bytes by
    default, are compressed on the wire (behaviours J14, J15).
    """
    server = sharedServers.get("eio", perMessageDeflate=True, maxHttpBufferSize=1000000)
    endpoint = CountingEndpoint(server.port)
    engine, ears = await engines.open(
        server, transports=WEBSOCKET, endpoint=endpoint, perMessageDeflate=deflate
    )
    before = endpoint.written
    assert await echoes(engine, ears, "a" * size) == ["a" * size]
    assert (endpoint.written - before < size) is smaller


@deferred(LIMIT)
async def test_groupedBinary(engineServer: ServerProcess, engines: Engines) -> None:
    """
    Bodies stay within C{maxPayload}, the growth by base64 counted
    (behaviours J17).
    """
    engine, ears = await engines.open(engineServer, transports=POLLING)
    sent = [b"a" * 72, b"b" * 20, "c" * 20, b"d" * 20, b"e" * 72]
    assert await echoes(engine, ears, *sent) == sent
    sizes = await bodySizes(engineServer, engine)
    assert sizes and max(sizes) <= 100


@pytest.mark.parametrize("wanted", [True, False])
@deferred(LIMIT)
async def test_cookies(engineServer: ServerProcess, engines: Engines, wanted: bool) -> None:
    """
    Cookies of the handshake come back with every request, the WebSocket's
    too, but no expired ones, no C{Secure} ones over http, and none without
    C{withCredentials} (behaviours J18, J19).
    """
    engine, _ = await engines.upgraded(engineServer, withCredentials=wanted)
    requests = await requestsOf(engineServer, engine)
    assert {each["headers"].get("upgrade") for each in requests} == {None, "websocket"}
    seen = {each["headers"].get("cookie") for each in requests}
    assert seen == ({"1=1"} if wanted else {None})


# K: binary


@pytest.mark.parametrize("forceBase64", [False, True])
@pytest.mark.parametrize("transports", [POLLING, WEBSOCKET, None], ids=["p", "w", "upgraded"])
@deferred(LIMIT)
async def test_binary(
    engineServer: ServerProcess, engines: Engines, transports: Any, forceBase64: bool
) -> None:
    """
    Bytes come back equal, in order with texts, also as base64 (behaviours K1,
    K2, K3, K4, K5, K6).
    """
    make = engines.open if transports else engines.upgraded
    engine, ears = await make(engineServer, transports=transports, forceBase64=forceBase64)
    sent = [FIVE, "пусть", b"", bytes(range(60))]
    assert await echoes(engine, ears, *sent) == sent


@deferred(LIMIT)
async def test_givenBinary(engineServer: ServerProcess, engines: Engines) -> None:
    """
    Bytes and text that the server makes itself (behaviours K1, K2).
    """
    engine, ears = await engines.open(engineServer, transports=POLLING)
    got = await echoes(engine, ears, "give binary", "give utf8")
    assert got == [FIVE, "пусть всегда будет солнце"]
