"""
A raw Engine.IO session as a Twisted endpoint.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.application.internet import ClientService
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from conftest import LoggedFailures
from fakes import FakeTransport, Recorder, transportClasses
from txsocketio.endpoints import EngineEndpoint, EngineTransport, SessionAddress
from txsocketio.errors import DecodeError, Disconnected, TransportError
from txsocketio.interfaces import IEngineReceiver
from txsocketio.protocol.engineio import CLOSE, CloseDetails


class Talk(Protocol):
    """
    A protocol that writes down what happens to it.
    """

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def connectionMade(self) -> None:
        self.log.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.log.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.log.append((reason.type, str(reason.value)))


class Talks(Factory):
    """
    Builds them, or what a test wants built.
    """

    def __init__(self, log: list[Any]) -> None:
        self.log = log
        self.addresses: list[Any] = []
        self.kind: Any = Talk

    def buildProtocol(self, addr: Any) -> Any:
        self.addresses.append(addr)
        return self.kind(self.log)


class World:
    """
    An endpoint whose transports are in the hands of the test.
    """

    def __init__(self, url: str = "http://example.com", **options: Any) -> None:
        self.clock = Clock()
        (self.kind,) = transportClasses("polling")
        self.endpoint = EngineEndpoint(self.clock, url, transports=[self.kind], **options)
        self.log: list[Any] = []
        self.factory = Talks(self.log)
        self.results: list[Any] = []

    def connect(self) -> Deferred[Any]:
        connecting = self.endpoint.connect(self.factory)
        connecting.addCallbacks(self.results.append, lambda why: self.results.append(why.value))
        return connecting

    def open(self) -> Any:
        """
        Connect, and give the protocol.
        """
        self.connect()
        self.carrier.handshake()
        return self.results[-1]

    @property
    def carrier(self) -> FakeTransport:
        return self.kind.made[-1]

    @property
    def sent(self) -> list[Any]:
        return [each for each in self.carrier.log if each[0] in ("text", "binary")]

    @property
    def nothingLeft(self) -> bool:
        gone = {"close", "abort"}
        closed = all(gone.intersection(map(str, each.log)) for each in self.kind.made)
        return closed and not self.clock.getDelayedCalls()

    def drain(self) -> None:
        self.carrier.congested = False
        self.carrier.receiver.transportDrained()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def talk(world: World) -> Any:
    """
    A connected protocol.
    """
    return world.open()


# connecting


def test_interfaces(world: World) -> None:
    """
    It is an endpoint, and its transport a transport, consumer and producer.
    """
    verifyObject(IStreamClientEndpoint, world.endpoint)
    transport = world.open().transport
    for interface in (ITransport, IConsumer, IPushProducer, IEngineReceiver):
        verifyObject(interface, transport)


def test_connects(world: World) -> None:
    """
    The Deferred fires with the protocol when the handshake is done, not
    sooner.
    """
    world.connect()
    world.carrier.receiver.transportOpened()
    assert world.results == []
    world.carrier.handshake()
    assert (type(world.results[0]), world.log) == (Talk, ["made"])


def test_noTimerOfTheAttempt(world: World) -> None:
    """
    The time limit ends when the session begins.
    """
    world.open()
    world.clock.advance(21.0)
    assert world.log == ["made"]


def test_address(world: World) -> None:
    """
    The factory and the protocol are told which session it is.
    """
    transport = world.open().transport
    (address,) = world.factory.addresses
    assert transport.getPeer() is transport.getHost() is address
    assert repr(address) == repr(SessionAddress(world.endpoint.url, "s1"))
    assert "sid='s1'" in repr(address)


def test_timeout(world: World) -> None:
    """
    A server that does not answer in time is given up; nothing is left.
    """
    world.connect()
    world.clock.advance(20.0)
    (error,) = world.results
    assert isinstance(error, TransportError)
    assert "within 20 s" in str(error)
    assert world.nothingLeft


def test_noTimeout() -> None:
    """
    C{None} waits for ever.
    """
    world = World(timeout=None)
    world.connect()
    assert world.clock.getDelayedCalls() == []


def test_refused(world: World) -> None:
    """
    The error of the transport is the error of the endpoint.
    """
    error = TransportError("xhr poll error", status=503)
    world.connect()
    world.carrier.receiver.transportClosed("transport error", error)
    assert world.results == [error]
    assert world.clock.getDelayedCalls() == []


def test_closedBeforeItOpened(world: World) -> None:
    """
    A connection that merely ends says why.
    """
    world.connect()
    details = CloseDetails("bye", {"code": 1000})
    world.carrier.receiver.transportClosed("transport close", details)
    (error,) = world.results
    assert isinstance(error, Disconnected)
    assert (error.reason, error.details) == ("transport close", details)


def test_notAServer(world: World) -> None:
    """
    Something else than a handshake is an error that shows it.
    """
    world.connect()
    world.carrier.receiver.textReceived(b"SSH-2.0")
    assert isinstance(world.results[0], DecodeError)
    assert world.nothingLeft


def test_cancel(world: World) -> None:
    """
    Cancelling leaves nothing.
    """
    world.connect().cancel()
    assert [type(each) for each in world.results] == [CancelledError]
    assert world.nothingLeft


def test_cancelConnected(world: World) -> None:
    """
    Cancelling what has fired does nothing.
    """
    connecting = world.connect()
    world.carrier.handshake()
    connecting.cancel()
    assert world.log == ["made"]


def test_lateHandshake(world: World) -> None:
    """
    A handshake that comes after that connects nobody.
    """
    world.connect().cancel()
    world.carrier.handshake()
    assert world.factory.addresses == []


def test_cancelInConnectionMade(world: World) -> None:
    """
    A protocol that cancels the attempt it came from ends the session.

    faults F122
    """
    attempts: list[Deferred[Any]] = []

    class Canceller(Talk):
        def connectionMade(self) -> None:
            attempts[0].cancel()

    world.factory.kind = Canceller
    attempts.append(world.connect())
    world.carrier.handshake()
    assert [type(each) for each in world.results] == [CancelledError]
    assert world.carrier.log[-1] == "close"


def test_cancelInBuildProtocol(world: World) -> None:
    """
    A factory that cancels the attempt while it builds a protocol: that is
    never connected, for nobody would tell it of the end.

    faults F122
    """
    attempts: list[Deferred[Any]] = []

    def build(log: Any) -> Talk:
        attempts[0].cancel()
        return Talk(log)

    world.factory.kind = build
    attempts.append(world.connect())
    world.carrier.handshake()
    assert [type(each) for each in world.results] == [CancelledError]
    assert world.log == [] and world.carrier.log[-1] == "close"


def test_newsBeforeTheOpening(world: World) -> None:
    """
    Whatever an engine says before it is open does not disturb the attempt.
    """
    world.connect()
    world.carrier.receiver.transportDrained()
    attempt = world.carrier.receiver.receiver
    for tell in (attempt.textReceived, attempt.binaryReceived):
        tell(b"early")
    attempt.pingReceived()
    attempt.engineDrained()
    world.carrier.handshake()
    assert world.log == ["made"]


def test_noProtocol(world: World) -> None:
    """
    A factory may refuse to build a protocol; the session is ended.
    """
    world.factory.kind = lambda log: None
    world.connect()
    world.carrier.handshake()
    assert isinstance(world.results[0], ConnectionDone)
    world.clock.advance(0)
    assert world.nothingLeft


def test_brokenFactory(world: World) -> None:
    """
    A factory that raises fails the attempt.
    """
    world.factory.kind = lambda log: 1 / 0
    world.connect()
    world.carrier.handshake()
    assert isinstance(world.results[0], ZeroDivisionError)
    assert world.nothingLeft


def test_twice(world: World) -> None:
    """
    An endpoint connects as often as it is asked, each time a new session.
    """
    assert world.open() is not world.open()
    assert len(world.kind.made) == 2


# what the server is asked


@pytest.mark.parametrize(
    ("url", "options", "path"),
    [
        ("http://example.com", {}, "/engine.io/?"),
        ("http://example.com/", {}, "/engine.io/?"),
        ("http://example.com/mine", {}, "/mine/?"),
        ("http://example.com/mine", {"path": "/other"}, "/other/?"),
        ("http://example.com", {"addTrailingSlash": False}, "/engine.io?"),
    ],
)
def test_path(url: str, options: dict[str, Any], path: str) -> None:
    """
    The URL's path is the path of the requests, unless C{path} says another.
    """
    world = World(url, **options)
    world.connect()
    assert path in world.carrier.wire.requestURL("polling", None)


def test_query() -> None:
    """
    The option C{query} wins over the URL's query.
    """
    world = World("http://example.com/?a=1&b=2", query={"b": "3"})
    world.connect()
    url = world.carrier.wire.requestURL("polling", None)
    assert "a=1" in url and "b=3" in url and "b=2" not in url


@pytest.mark.parametrize(
    "query", [lambda: {"token": "x"}, lambda: succeed({"token": "x"})], ids=["value", "Deferred"]
)
def test_askedAtEachAttempt(query: Any) -> None:
    """
    A callable is asked at each attempt.
    """
    asked: list[Any] = []

    def ask() -> Any:
        asked.append(1)
        return query()

    world = World(query=ask)
    world.connect()
    world.connect()
    assert len(asked) == 2
    assert "token=x" in world.carrier.wire.requestURL("polling", None)


@pytest.mark.parametrize(
    "query", [lambda: 1 / 0, lambda: fail(ZeroDivisionError())], ids=["raises", "Deferred"]
)
def test_cannotBeAsked(query: Any) -> None:
    """
    Its failure is the attempt's, as it is.
    """
    world = World(query=query)
    world.connect()
    assert [type(each) for each in world.results] == [ZeroDivisionError]
    assert world.clock.getDelayedCalls() == []


def test_badAnswer() -> None:
    """
    So is a value that can be no query.
    """
    world = World(query=lambda: 5)
    world.connect()
    assert isinstance(world.results[0], (TypeError, ValueError))


def test_timeoutWhileAsking() -> None:
    """
    Asking counts as connecting: the limit cancels it, and says that it was the
    limit.
    """
    cancelled: list[Any] = []
    waiting: Deferred[Any] = Deferred(cancelled.append)
    world = World(query=lambda: waiting)
    world.connect()
    world.clock.advance(20.0)
    assert cancelled == [waiting]
    assert [type(each) for each in world.results] == [TransportError]
    assert world.kind.made == []


def test_cancelWhileAsking() -> None:
    """
    So does the user.
    """
    world = World(extraHeaders=lambda: Deferred())
    world.connect().cancel()
    assert [type(each) for each in world.results] == [CancelledError]
    assert world.clock.getDelayedCalls() == []


def test_answersToCancelling() -> None:
    """
    Someone who answers only when cancelled connects nobody.
    """
    world = World(query=lambda: Deferred(lambda d: d.callback({})))
    world.connect().cancel()
    assert [type(each) for each in world.results] == [CancelledError]
    assert world.kind.made == []


def test_unknownOption() -> None:
    """
    Options are checked when the endpoint is made.
    """
    with pytest.raises(TypeError, match="pth"):
        EngineEndpoint(Clock(), "http://example.com", pth="/x")
    with pytest.raises(ValueError, match="scheme"):
        EngineEndpoint(Clock(), "example.com")


# talking


def test_receives(world: World, talk: Any) -> None:
    """
    Each message, text or bytes, is one C{dataReceived}.
    """
    world.carrier.receiver.textReceived("ü".encode())
    world.carrier.receiver.binaryReceived(b"\0")
    world.carrier.receiver.packetReceived(2, b"")
    assert world.log == ["made", "ü".encode(), b"\0"]


@pytest.mark.parametrize("data", [b"raw", bytearray(b"raw"), memoryview(b"raw")])
def test_write(world: World, talk: Any, data: Any) -> None:
    """
    Each C{write} is one binary message.
    """
    talk.transport.write(data)
    ((kind, message, _),) = world.sent
    assert (kind, message) == ("binary", b"raw")
    assert isinstance(message, bytes)


@pytest.mark.parametrize("data", ["text", 5, None, [1, 2]])
def test_writeBytesOnly(world: World, talk: Any, data: Any) -> None:
    """
    What is no bytes is refused.
    """
    with pytest.raises(TypeError):
        talk.transport.write(data)
    assert world.sent == []


def test_writeSequence(world: World, talk: Any) -> None:
    """
    A sequence is one message.
    """
    talk.transport.writeSequence([b"a", b"b"])
    assert [message for _, message, _ in world.sent] == [b"ab"]


def test_writeText(world: World, talk: Any) -> None:
    """
    Text can be sent as text.
    """
    talk.transport.writeText("ü")
    assert world.sent == [("text", "ü".encode(), True)]


def test_brokenProtocol(world: World, failures: LoggedFailures) -> None:
    """
    A protocol that raises loses its connection, as on TCP, and nobody below
    hears of it.

    behaviours T17; faults F121
    """
    talk = world.open()
    talk.dataReceived = lambda data: 1 / 0
    world.carrier.receiver.binaryReceived(b"x")
    assert world.log[-1][0] is ConnectionLost
    assert len(failures.flush(ZeroDivisionError)) == 1
    assert world.nothingLeft


def test_brokenConnectionMade(world: World, failures: LoggedFailures) -> None:
    """
    So for one that raises when it is connected.
    """

    class Broken(Talk):
        def connectionMade(self) -> None:
            raise RuntimeError("broken")

    world.factory.kind = Broken
    world.open()
    assert [kind for kind, _ in world.log] == [ConnectionLost]
    assert len(failures.flush(RuntimeError)) == 1
    assert world.nothingLeft


def test_brokenConnectionLost(world: World, talk: Any, failures: LoggedFailures) -> None:
    """
    One that raises at the end has ended.
    """
    talk.connectionLost = lambda reason: 1 / 0
    world.carrier.receiver.transportClosed("transport close", None)
    assert len(failures.flush(ZeroDivisionError)) == 1


def test_leavesAtOnce(world: World) -> None:
    """
    A protocol may hang up as soon as it is connected.

    faults F122
    """

    class Leaver(Talk):
        def connectionMade(self) -> None:
            assert self.transport is not None
            self.transport.loseConnection()

    world.factory.kind = Leaver
    world.open()
    assert world.carrier.log[-1] == "close"
    assert world.carrier.closing is not None
    world.carrier.closing.callback(None)
    assert [kind for kind, _ in world.log] == [ConnectionDone]


# ending


def test_loseConnection(world: World, talk: Any) -> None:
    """
    What waits is sent, then the session ends; the protocol hears it when
    nothing is left, not in the same call.
    """
    talk.transport.write(b"last")
    talk.transport.loseConnection()
    assert talk.transport.disconnecting
    assert (world.log, world.carrier.log[-1]) == (["made"], "close")
    assert world.carrier.closing is not None
    world.carrier.closing.callback(None)
    assert [kind for kind, _ in world.log[1:]] == [ConnectionDone]
    assert world.nothingLeft


def test_loseConnectionTwice(world: World, talk: Any) -> None:
    """
    The protocol hears of its end once.
    """
    talk.transport.loseConnection()
    talk.transport.loseConnection()
    talk.transport.abortConnection()
    assert world.carrier.closing is not None
    world.carrier.closing.callback(None)
    assert len(world.log) == 2


def test_abortConnection(world: World, talk: Any) -> None:
    """
    Aborting does not wait.
    """
    talk.transport.abortConnection()
    assert talk.transport.disconnecting
    assert world.log[-1][0] is ConnectionDone
    assert world.nothingLeft


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("transport close", ConnectionDone),
        ("transport error", ConnectionLost),
        ("parse error", ConnectionLost),
    ],
)
def test_lost(world: World, talk: Any, reason: str, kind: type[Exception]) -> None:
    """
    A session that ends properly is done, any other is lost.
    """
    world.carrier.receiver.transportClosed(reason, None)
    assert world.log[-1][0] is kind
    assert reason in world.log[-1][1]
    assert world.clock.getDelayedCalls() == []


def test_cause(world: World, talk: Any) -> None:
    """
    The error behind it is its cause.
    """
    error = TransportError("websocket error")
    causes: list[Any] = []
    talk.connectionLost = lambda reason: causes.append(reason.value.__cause__)
    world.carrier.receiver.transportClosed("transport error", error)
    assert causes == [error]


def test_serverCloses(world: World, talk: Any) -> None:
    """
    A CLOSE packet is a proper end.
    """
    world.carrier.receiver.packetReceived(CLOSE, b"")
    assert world.log[-1][0] is ConnectionDone


def test_pingTimeout(world: World, talk: Any) -> None:
    """
    A server that is silent is lost.
    """
    world.clock.pump([45.0, 0])
    assert world.log[-1][0] is ConnectionLost
    assert "ping timeout" in world.log[-1][1]


def test_writeAfterTheEnd(world: World, talk: Any) -> None:
    """
    What is written after the end goes nowhere and harms nobody.
    """
    world.carrier.receiver.transportClosed("transport close", None)
    talk.transport.write(b"late")
    talk.transport.loseConnection()
    assert world.sent == []
    assert len(world.log) == 2


# flow


class Pull:
    """
    A pull producer of so many bytes a time.
    """

    def __init__(self, world: World, transport: Any, pieces: int) -> None:
        self.world = world
        self.transport = transport
        self.pieces = pieces
        self.stopped = False

    def resumeProducing(self) -> None:
        if self.pieces:
            self.pieces -= 1
            self.transport.write(b"x")
        else:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.stopped = True


def test_reading(world: World, talk: Any) -> None:
    """
    A protocol may stop reading for a while.
    """
    talk.transport.pauseProducing()
    talk.transport.resumeProducing()
    assert world.carrier.log[-2:] == ["pauseReading", "resumeReading"]


def test_stopProducing(world: World, talk: Any) -> None:
    """
    Or for ever.
    """
    talk.transport.stopProducing()
    assert world.carrier.log[-1] == "close"


def test_pushProducer(world: World, talk: Any) -> None:
    """
    A push producer is paused while the network is full.
    """
    producer = Recorder()
    talk.transport.registerProducer(producer, True)
    talk.transport.write(b"a")
    assert producer.log == []
    world.carrier.congested = True
    talk.transport.writeText("b")
    assert producer.log == [("pauseProducing",)]
    world.drain()
    assert producer.log == [("pauseProducing",), ("resumeProducing",)]


def test_pullProducer(world: World, talk: Any) -> None:
    """
    A pull producer is asked for more until it is done, however little it
    gives at a time.
    """
    talk.transport.registerProducer(Pull(world, talk.transport, 5000), False)
    assert len(world.sent) == 5000


def test_pullProducerWaits(world: World, talk: Any) -> None:
    """
    It is asked no more while the network is full.
    """
    producer = Pull(world, talk.transport, 3)
    world.carrier.congested = True
    talk.transport.registerProducer(producer, False)
    assert producer.pieces == 3
    world.drain()
    assert (producer.pieces, len(world.sent)) == (0, 3)


def test_pullProducerLater(world: World, talk: Any) -> None:
    """
    One that writes later is asked again when it has written, not before.
    """
    producer = Recorder()
    talk.transport.registerProducer(producer, False)
    assert len(producer.log) == 1
    talk.transport.write(b"later")
    assert len(producer.log) == 2


def test_brokenProducer(world: World, talk: Any) -> None:
    """
    A producer that raises raises to whoever asked it, and may be asked again.
    """

    class Broken(Pull):
        def resumeProducing(self) -> None:
            if self.pieces == 3:
                self.pieces -= 1
                raise RuntimeError("broken")
            super().resumeProducing()

    with pytest.raises(RuntimeError):
        talk.transport.registerProducer(Broken(world, talk.transport, 3), False)
    world.drain()
    assert len(world.sent) == 2


def test_oneProducer(world: World, talk: Any) -> None:
    """
    There is one producer at a time.
    """
    talk.transport.registerProducer(Recorder(), True)
    with pytest.raises(RuntimeError, match="registered already"):
        talk.transport.registerProducer(Recorder(), True)
    talk.transport.unregisterProducer()
    talk.transport.registerProducer(Recorder(), True)


def test_producerIsStopped(world: World, talk: Any) -> None:
    """
    A producer is stopped, once, when the session ends.
    """
    producer = Recorder()
    talk.transport.registerProducer(producer, True)
    world.carrier.receiver.transportClosed("transport close", None)
    assert producer.log == [("stopProducing",)]


def test_producerAfterTheEnd(world: World, talk: Any) -> None:
    """
    One that comes too late is stopped at once.
    """
    world.carrier.receiver.transportClosed("transport close", None)
    producer = Recorder()
    talk.transport.registerProducer(producer, False)
    assert producer.log == [("stopProducing",)]


def test_drainedWithoutProducer(world: World, talk: Any) -> None:
    """
    Without a producer nobody is told of the drain.
    """
    world.drain()
    assert world.log == ["made"]


def test_opensOnce(world: World, talk: Any) -> None:
    """
    A second C{engineOpened} would say nothing.
    """
    transport: EngineTransport = talk.transport
    transport.engineOpened()
    assert world.log == ["made"]


# under ClientService


def test_clientService() -> None:
    """
    C{ClientService} keeps the session connected, and stops when nothing of it
    is left.
    """
    world = World()
    service = ClientService(world.endpoint, world.factory, lambda _: 1.0, world.clock)
    service.startService()
    service.whenConnected().addCallback(world.results.append)
    world.carrier.handshake()
    assert len(world.results) == 1
    world.carrier.receiver.transportClosed("transport error", None)
    world.clock.advance(1.0)
    world.carrier.handshake(sid="s2")
    assert world.log.count("made") == 2
    stopping = service.stopService()
    stopping.addCallback(lambda _: world.results.append("stopped"))
    assert world.results[1:] == []
    assert world.carrier.closing is not None
    world.carrier.closing.callback(None)
    assert world.results[1:] == ["stopped"]
    assert not world.clock.getDelayedCalls()


def test_clientServiceRetries() -> None:
    """
    It tries again when the server cannot be reached.
    """
    world = World()
    service = ClientService(world.endpoint, world.factory, lambda _: 1.0, world.clock)
    service.startService()
    for _ in range(3):
        error = TransportError("xhr poll error")
        world.carrier.receiver.transportClosed("transport error", error)
        world.clock.advance(1.0)
    assert len(world.kind.made) == 4
    service.stopService()
    assert world.carrier.log == ["open", "abort"]
    assert not world.clock.getDelayedCalls()
