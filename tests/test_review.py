"""
What a stranger found who tried to break the client's promises.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher

from clientkit import Bench, benchFixture
from httpkit import FakeWire, Recorder, ScriptedServer, handshakeBody
from txsocketio import Socket, SocketIOService, io
from txsocketio.transports.polling import PollingTransport

__all__ = ["benchFixture"]


LINEAR = 24
"""
More than 8, for the noise; far from 64.
"""


# what io() shares


def share(bench: Bench, *calls: tuple[str, dict[str, Any]]) -> list[Socket]:
    """
    The sockets of several io() calls by one way to the server.
    """
    wire = bench.options()
    sockets = [io(url, **wire, **options) for url, options in calls]
    bench.managers.extend({each.io: None for each in sockets})
    return sockets


def test_authIsOneNamespacesOwn(bench: Bench) -> None:
    """
    A shared manager does not hand the credentials of one namespace to
    another that has none.
    """
    bench.of("/public")
    share(bench, ("http://memory", {"auth": {"token": "secret"}}), ("http://memory/public", {}))
    bench.flush()
    assert bench.texts == ['0{"token":"secret"}', "0/public,"]


def test_authIsNotForLaterSockets(bench: Bench) -> None:
    """
    Nor does a manager that io() made, when it is asked for another socket.
    """
    first = bench.connect(auth={"token": "secret"})
    assert first.io.socket("/public").auth is None


def test_credentialsOfTheURLAreNotShared(bench: Bench) -> None:
    """
    A URL with a user and password gets a connection that uses them.
    """
    one, two = share(bench, ("http://memory", {}), ("http://user:password@memory/b", {}))
    assert one.io is not two.io


# a listener that exits


def test_exitEndsPolling(flushLoggedErrors: Any) -> None:
    """
    sys.exit() goes through to the reactor, which survives it; the transport
    ends as well, for it would be deaf.
    """

    class Leaving(Recorder):
        def textReceived(self, message: bytes) -> None:
            raise SystemExit(3)

    server = ScriptedServer(Clock())
    transport = PollingTransport(FakeWire(server), None)
    heard = Leaving(transport)
    transport.open(heard)
    server.settle()
    server.get.answer(handshakeBody())
    try:
        server.get.answer(b"4message")
    except SystemExit:
        pass  # Twisted's HTTP client may have caught it
    flushLoggedErrors(SystemExit)
    assert heard.closed[0] == "transport error"


# what a timeout says


def hang(*_: object) -> Deferred[Any]:
    return Deferred()


def timeoutOf(bench: Bench, socket: Socket) -> str:
    """
    What is said when a namespace was not ready in time.
    """
    errors: list[Exception] = []
    socket.on("connect_error", errors.append)
    bench.advance(2)
    return str(errors[0])


def test_slowAuthIsBlamed(bench: Bench) -> None:
    """
    Who waits for the credentials hears that, not that the server is silent.
    """
    assert "auth=" in timeoutOf(bench, bench.connect(auth=hang, connectTimeout=1.5))


def test_slowSessionIsBlamed(bench: Bench) -> None:
    """
    Who waits for a session listener hears that.
    """
    socket = bench.connect(connectTimeout=1.5).onSession(hang)
    assert "session listener" in timeoutOf(bench, socket)


def test_slowServerIsBlamed(bench: Bench) -> None:
    """
    Who waits for the server hears that.
    """
    bench.of("/").answersConnect = False
    assert "no answer to CONNECT" in timeoutOf(bench, bench.connect(connectTimeout=1.5))


# a service whose set-up raises


def brokenAtFirst(socket: Socket) -> None:
    socket.on("news", print)
    if len(socket.listeners("news")) == 1:
        raise LookupError("no token yet")


@pytest.fixture
def refusing(bench: Bench) -> SocketIOService:
    """
    A service that could not start.
    """
    service = SocketIOService("http://memory", brokenAtFirst, **bench.options())
    bench.managers.append(service.manager)
    with pytest.raises(LookupError):
        service.startService()
    return service


def test_brokenSetupStartsNothing(refusing: SocketIOService) -> None:
    """
    A service whose set-up raised does not say that it is running.
    """
    assert not refusing.running


@pytest.mark.filterwarnings("ignore:.*twice")
def test_brokenSetupIsRepeated(refusing: SocketIOService) -> None:
    """
    Nor does it start the next time without its listeners.
    """
    refusing.startService()
    assert len(refusing.socket.listeners("news")) == 2


# what a server may make us log


def warnings(action: Callable[[], Any]) -> list[str]:
    """
    The warnings that an action logs.
    """
    logged: list[Any] = []
    globalLogPublisher.addObserver(logged.append)
    action()
    globalLogPublisher.removeObserver(logged.append)
    return [each["log_format"] for each in logged if each["log_level"] == LogLevel.warn]


def test_aServerThatRepeatsItselfFillsNoLog(bench: Bench) -> None:
    """
    However often it answers CONNECT, that is logged once.
    """
    socket = bench.online()
    for _ in range(100):
        bench.connection.send(f'0{{"sid":"{socket.id}"}}')
    assert len(warnings(bench.flush)) == 1


def test_aWarningNamesFewListeners(bench: Bench) -> None:
    """
    However many listeners share a slow event, the warning stays readable.
    """
    socket = bench.online()
    socket.slowListener = 0.0
    for number in range(100):
        socket.on("news", lambda number=number: None)
    logged: list[Any] = []
    globalLogPublisher.addObserver(logged.append)
    bench.of("/").emit("news")
    bench.flush()
    globalLogPublisher.removeObserver(logged.append)
    (warning,) = [each["listener"] for each in logged if "seconds" in each]
    assert warning.endswith(" and 95 more") and warning.count("lambda") == 5


# thousands at once


def offline(bench: Bench, **options: Any) -> Socket:
    return bench.connect(autoConnect=False, sendBufferLimit=(None, None), **options)


def cost(action: Callable[[], Any]) -> float:
    """
    CPU seconds of an action.
    """
    began = process_time()
    action()
    return process_time() - began


def ignore(later: Deferred[Any]) -> Deferred[Any]:
    return later.addErrback(lambda _: None)


def growth(bench: Bench, many: int, prepare: Callable[[int], Callable[[], Any]]) -> float:
    """
    How many times more eight times as many cost: about 8 when each costs the
    same, 64 when each is looked for among all.  The best of three, since only
    the noise of the machine makes it worse.
    """
    ratios = []
    for _ in range(3):
        few, lots = cost(prepare(many)), cost(prepare(8 * many))
        ratios.append(lots / few)
    return min(ratios)


def test_manyAnswersAreNotWanted(bench: Bench) -> None:
    """
    What nobody waits for any more is not looked for among all that waits.
    """

    def prepare(many: int) -> Callable[[], Any]:
        socket = offline(bench)
        waiting = [ignore(socket.emitWithAck("ask", number)) for number in range(many)]
        return lambda: [each.cancel() for each in reversed(waiting)]

    assert growth(bench, 1000, prepare) < LINEAR


def test_manyWaitToBeSent(bench: Bench) -> None:
    """
    Sending what waits takes so much for each, however many they are.
    """

    def prepare(many: int) -> Callable[[], Any]:
        socket = offline(bench)
        for number in range(many):
            socket.emit("news", number)
        socket.connect()
        return bench.flush

    assert growth(bench, 5000, prepare) < LINEAR


def test_manyRetriedAreCancelled(bench: Bench) -> None:
    """
    What waits to be retried is withdrawn without a search.
    """

    def prepare(many: int) -> Callable[[], Any]:
        socket = offline(bench, retries=3)
        waiting = [ignore(socket.emit("news", number)) for number in range(many)]
        return lambda: [each.cancel() for each in reversed(waiting)]

    assert growth(bench, 1000, prepare) < LINEAR
