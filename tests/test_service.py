"""
SocketIOService: a socket that starts and stops with an application.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from clientkit import Bench, benchFixture, journal, names, outcomes
from txsocketio import Manager, SocketIOService

bench = benchFixture


def service(bench: Bench, url: Any = "http://memory", *args: Any, **options: Any) -> Any:
    """
    A service of a client of this server.
    """
    given = options if not isinstance(url, str) else bench.options(**options)
    made = SocketIOService(url, *args, **given)
    bench.managers.append(made.manager)
    return made


def test_itIsAService(bench: Bench) -> None:
    """
    It fits in any Twisted application.
    """
    assert verifyObject(IService, service(bench))


def test_nothingBeforeItStarts(bench: Bench) -> None:
    """
    It opens nothing before it is started.
    """
    service(bench, autoConnect=True)
    bench.advance(60)
    assert bench.attempts == []


def test_startConnectsAndStopDisconnects(bench: Bench) -> None:
    """
    startService connects; stopService fires when nothing is left.
    """
    made = service(bench)
    parent = MultiService()
    made.setServiceParent(parent)
    parent.startService()
    bench.flush()
    assert made.socket.connected
    stopped = outcomes(made.stopService())
    bench.flush()
    assert stopped == [None] and bench.live == [] and bench.timers == 0


def test_setup(bench: Bench) -> None:
    """
    setup registers listeners before the first connection, once.
    """
    told: list[Any] = []
    made = service(bench, "http://memory", lambda socket: told.append(journal(socket)))
    assert told == []
    for _ in range(2):
        made.startService()
        bench.flush()
        made.stopService()
        bench.flush()
    assert [names(each) for each in told] == [["connect", "disconnect"] * 2]


def test_namespaceOfTheURL(bench: Bench) -> None:
    """
    As in io(), the path is the namespace, and namespace= wins.
    """
    assert service(bench, "http://memory/a").socket.nsp == "/a"
    assert service(bench, "http://memory/a", namespace="/b").socket.nsp == "/b"


def test_ofAManager(bench: Bench) -> None:
    """
    It may be given a manager, a namespace of it, and the socket's options.
    """
    bench.of("/b")
    manager = bench.manager(autoConnect=False)
    first = service(bench, manager)
    second = service(bench, manager, namespace="/b", auth={"a": 1})
    for each in (first, second):
        each.startService()
    bench.flush()
    assert first.socket.io is second.socket.io is manager
    assert bench.texts == ["0", '0/b,{"a":1}']


def test_ofAManagerWithItsOptions(bench: Bench) -> None:
    """
    Options that a manager has already are refused, not ignored.
    """
    with pytest.raises(TypeError):
        service(bench, bench.manager(autoConnect=False), timeout=3)


def test_stopOfOneOfTwo(bench: Bench) -> None:
    """
    Stopping one service leaves another's namespace alone.
    """
    bench.of("/b")
    manager = bench.manager(autoConnect=False)
    first, second = service(bench, manager), service(bench, manager, namespace="/b")
    first.startService()
    second.startService()
    bench.flush()
    stopped = outcomes(first.stopService())
    bench.flush()
    assert stopped == [None] and second.socket.connected


def test_stopWaitsForAnswers(bench: Bench) -> None:
    """
    What was emitted is sent and answered before the goodbye.
    """
    made = service(bench)
    made.startService()
    acks: list[Any] = []
    bench.on("connection", lambda client: client.on("ask", lambda ack: acks.append(ack)))
    bench.flush()
    answer = outcomes(made.socket.emitWithAck("ask"))
    stopped = outcomes(made.stopService())
    bench.advance(1)
    assert stopped == [] and made.socket.connected
    acks[0](7)
    bench.advance(0.1)
    assert answer == [7] and stopped == [None]


def test_stopWaitsForTheConnection(bench: Bench) -> None:
    """
    What waits while the connection is away is sent when it is back in time.
    """
    made = service(bench, randomizationFactor=0)
    made.startService()
    bench.flush()
    bench.connection.drop()
    bench.flush()
    made.socket.emit("x")
    stopped = outcomes(made.stopService())
    bench.advance(1.1)
    assert stopped == [None] and [each.event for each in bench.received] == ["x"]


@pytest.mark.parametrize("seconds", [0, 3.0])
def test_drainTimeout(bench: Bench, seconds: float) -> None:
    """
    It waits drainTimeout at most.
    """
    made = service(bench, drainTimeout=seconds)
    made.startService()
    bench.flush()
    made.socket.emitWithAck("never answered").addErrback(lambda _: None)
    stopped = outcomes(made.stopService())
    if seconds:
        bench.advance(seconds - 0.1)
        assert stopped == []
        bench.advance(0.1)
    bench.advance(0.1)
    assert stopped == [None]


def test_aDeadNetworkTakesTwoSecondsMore(bench: Bench) -> None:
    """
    Stopping ends within drainTimeout and 2 s also when nothing gets through.
    """
    made = service(bench, drainTimeout=1)
    made.startService()
    bench.flush()
    bench.connection.congest()
    made.socket.emit("x")
    stopped = outcomes(made.stopService())
    bench.advance(2.9)
    assert stopped == []
    bench.advance(0.2)
    assert stopped == [None]


@pytest.mark.parametrize("state", ["never started", "waiting", "failed", "refused"])
def test_stopInEachState(bench: Bench, state: str) -> None:
    """
    Stopping works in each state, and does not wait for what will not come.
    """
    made = service(bench, reconnectionAttempts=0 if state == "failed" else 5)
    if state in ("waiting", "failed"):
        bench.refuse(None)
    if state == "refused":
        bench.use("/", lambda auth: "no")
    if state != "never started":
        made.startService()
        bench.flush()
    stopped = outcomes(made.stopService())
    bench.flush()
    assert stopped == [None] and bench.timers == 0


class Confirming:
    """
    A manager's C{confirm} in the hands of the test.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[Deferred[None]] = []
        monkeypatch.setattr(Manager, "confirm", self.confirm)

    def confirm(self) -> Deferred[None]:
        self.asked.append(Deferred())
        return self.asked[-1]


def test_goodbyeWaitsUntilTheServerHasRead(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A server may drop what it reads together with the DISCONNECT behind it.
    """
    confirming = Confirming(monkeypatch)
    made = service(bench)
    made.startService()
    bench.flush()
    made.socket.emit("x")
    stopped = outcomes(made.stopService())
    bench.advance(0.5)
    assert made.socket.connected and len(confirming.asked) == 1
    confirming.asked[0].callback(None)
    bench.flush()
    assert stopped == [None] and bench.timers == 0


@pytest.mark.parametrize(("drainTimeout", "seconds"), [(5, 1.0), (0.5, 0.5)])
def test_theServersSignIsNotWaitedForForEver(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, drainTimeout: float, seconds: float
) -> None:
    """
    A second at most, within drainTimeout.
    """
    Confirming(monkeypatch)
    made = service(bench, drainTimeout=drainTimeout)
    made.startService()
    bench.flush()
    stopped = outcomes(made.stopService())
    bench.advance(seconds - 0.1)
    assert made.socket.connected
    bench.advance(0.1)
    bench.flush()
    assert stopped == [None] and bench.timers == 0


def test_noTimeNoSign(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With drainTimeout=0 the goodbye is said at once.
    """
    confirming = Confirming(monkeypatch)
    made = service(bench, drainTimeout=0)
    made.startService()
    bench.flush()
    stopped = outcomes(made.stopService())
    bench.flush()
    assert stopped == [None] and confirming.asked == []


@pytest.mark.parametrize("waits", ["for an answer", "for the server's sign"])
def test_aCancelledStopDisconnectsAtOnce(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, waits: str
) -> None:
    """
    Who has no patience must not be left with a connection.
    """
    Confirming(monkeypatch)
    made = service(bench)
    made.startService()
    bench.flush()
    if waits == "for an answer":
        made.socket.emitWithAck("never answered").addErrback(lambda _: None)
    stopping = made.stopService()
    stopped = outcomes(stopping)
    bench.flush()
    stopping.cancel()
    assert not made.socket.connected
    bench.flush()
    assert stopped == [None] and bench.timers == 0


def test_startedAgainWhileItStops(bench: Bench) -> None:
    """
    The stop comes to its end, and then the service has a new connection.
    """
    made = service(bench)
    made.startService()
    bench.flush()
    first = made.socket.id
    made.socket.emitWithAck("never answered").addErrback(lambda _: None)
    stopped = outcomes(made.stopService())
    bench.advance(1)
    made.startService()
    bench.advance(6)
    assert stopped == [None] and made.socket.connected and made.socket.id != first
