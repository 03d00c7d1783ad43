"""
The manager: its life, its events, its words; several namespaces on one
connection.  Reconnection is in test_manager_reconnection.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from clientkit import Bench, benchFixture, journal, names, only, outcomes
from txsocketio import Manager
from txsocketio.errors import DecodeError, Disconnected, PayloadTooLarge, TransportError
from txsocketio.interfaces import IEngineReceiver, IManager
from txsocketio.protocol.messagepack import MessagePackParser

bench = benchFixture


def succeedLater(bench: Bench) -> Deferred[dict[str, str]]:
    """
    The query of an attempt, which takes a second to find out.
    """
    return deferLater(bench.clock, 1.0, lambda: {"a": "b"})


def managerEvents(manager: Manager) -> list[Any]:
    """
    What a manager shows, in order.
    """
    told: list[Any] = []
    for event in (
        "open",
        "close",
        "error",
        "reconnect",
        "reconnect_attempt",
        "reconnect_error",
        "reconnect_failed",
    ):
        manager.on(event, lambda *args, event=event: told.append((event, *args)))
    return told


# being


def test_itIsWhatSocketsAndEnginesExpect(bench: Bench) -> None:
    """
    A manager fulfils both of its stairs.
    """
    manager = bench.manager(autoConnect=False)
    assert verifyObject(IManager, manager) and verifyObject(IEngineReceiver, manager)


def test_autoConnectOffOpensNothing(bench: Bench) -> None:
    """
    Without autoConnect there is no engine and no timer, and disconnecting is
    harmless (behaviours A2).
    """
    socket = bench.connect(autoConnect=False)
    assert socket.io.engine is None
    socket.disconnect()
    bench.advance(30)
    assert (bench.attempts, bench.timers, socket.state) == ([], 0, "disconnected")


def test_itSaysWhatItIs(bench: Bench) -> None:
    """
    The representation names the server and the state.
    """
    assert repr(bench.manager(autoConnect=False)) == "<Manager http://memory:80 closed>"


def test_fewNames(bench: Bench) -> None:
    """
    A manager has so few names that CPython keeps them in one table for all:
    else an idle connection would need more than a kilobyte for this alone.
    """
    assert len(vars(bench.online().io)) <= 30


def test_theReactorIsTheGlobalOneByDefault() -> None:
    """
    Nobody must pass the reactor.
    """
    from twisted.internet import reactor

    assert Manager("http://localhost", autoConnect=False).reactor is reactor


def test_optionsAreShownAndKept(bench: Bench) -> None:
    """
    The options given can be read, not changed.
    """
    manager = bench.manager(autoConnect=False, timeout=7)
    assert manager.opts["timeout"] == 7
    with pytest.raises(TypeError):
        manager.opts["timeout"] = 8  # type: ignore[index]


def test_openWhenOpenDoesNothing(bench: Bench) -> None:
    """
    A second open() opens nothing, and calls its callback at once.
    """
    manager = bench.manager()
    bench.flush()
    seen: list[Any] = []
    assert manager.open(seen.append) is manager
    bench.flush()
    assert seen == [None] and len(bench.attempts) == 1


def test_readyState(bench: Bench) -> None:
    """
    readyState has the reference's three words, state a fourth.
    """
    manager = bench.manager(autoConnect=False)
    seen = [(manager.state, manager.readyState)]
    manager.open()
    seen.append((manager.state, manager.readyState))
    bench.flush()
    seen.append((manager.state, manager.readyState))
    bench.connection.drop()
    bench.flush()
    seen.append((manager.state, manager.readyState))
    assert seen == [
        ("closed", "closed"),
        ("opening", "opening"),
        ("open", "open"),
        ("waiting", "closed"),
    ]


def test_parserByName(bench: Bench) -> None:
    """
    "json" names the parser there is by default.
    """
    socket = bench.online(parser="json")
    told = journal(socket, "x")
    bench.emit("x", b"1")
    bench.flush()
    assert told == [("x", b"1")]


# events


def test_eventsOfALife(bench: Bench) -> None:
    """
    open and close come with their arguments (behaviours Q22).
    """
    manager = bench.manager(autoConnect=False, reconnection=False)
    told = managerEvents(manager)
    manager.open()
    bench.flush()
    bench.connection.drop("transport error")
    bench.flush()
    assert names(told) == ["open", "close"]
    assert told[1][1] == "transport error" and isinstance(told[1][2], TransportError)


def test_errorEventOfAFailedAttempt(bench: Bench) -> None:
    """
    error comes with what went wrong (behaviours Q22).
    """
    bench.refuse(status=503)
    manager = bench.manager(reconnection=False)
    told = managerEvents(manager)
    bench.flush()
    assert names(told) == ["error"] and told[0][1].status == 503


def test_pingIsShown(bench: Bench) -> None:
    """
    Each heartbeat of the server is shown (behaviours Q21).
    """
    pings: list[str] = []
    bench.connect().io.on("ping", lambda: pings.append("ping"))
    bench.advance(51)
    assert pings == ["ping", "ping"]


def test_packetsAreShownToObservers(bench: Bench) -> None:
    """
    packet shows every decoded packet (behaviours Q22).
    """
    socket = bench.connect()
    packets: list[Any] = []
    socket.io.on("packet", packets.append)
    bench.flush()
    bench.emit("hi", b"x")
    bench.flush()
    assert packets == [(0, "/", None, {"sid": socket.id}), (2, "/", None, ["hi", b"x"])]


def test_aPacketObserverMayClose(bench: Bench) -> None:
    """
    A listener of packet may close the manager; the packet is not delivered.
    """
    socket = bench.online()
    told = journal(socket, "hi")
    socket.io.on("packet", lambda packet: socket.io.close())
    bench.emit("hi")
    bench.flush()
    assert told == [("disconnect", "forced close")]


def test_aPacketObserverMayConnectAnew(bench: Bench) -> None:
    """
    The packet is not of the connection that is to come, though that still
    waits for its query.
    """
    socket = bench.connect(query=lambda: succeedLater(bench))
    told = journal(socket)
    socket.io.once("packet", lambda packet: socket.disconnect().connect())
    bench.advance(1)
    assert len(bench.connections) == 1 and told == []
    bench.advance(1)
    assert len(bench.live) == 1 and told == ["connect"] and socket.connected


@pytest.mark.parametrize("value", [2, b"2"])
def test_aPacketObserverMayBreakTheConnection(value: Any) -> None:
    """
    The event is not kept for the session that comes, which recovers it.
    """
    bench = Bench(recovery=True)
    socket = bench.online()
    told = journal(socket, "hi")
    bench.emit("hi", 1)
    bench.flush()
    socket.io.once("packet", lambda packet: socket.io.engine.close())
    bench.emit("hi", value)
    bench.advance(2)
    assert socket.recovered
    assert [each[1] for each in told if each[0] == "hi"] == [1, value]
    bench.end()


def test_eachEngineIsShownBeforeItOpens(bench: Bench) -> None:
    """
    Whoever watches the wire misses nothing of it.
    """
    manager = bench.manager(autoConnect=False)
    told: list[Any] = []

    @manager.on("engine")
    def watch(engine: Any) -> None:
        told.append((engine is manager.engine, engine.readyState))
        engine.on("packet", lambda packet: told.append(packet.type))

    manager.open()
    bench.flush()
    assert told == [(True, "opening"), "open"]
    bench.connection.drop("transport error")
    bench.advance(2)
    assert told[2:] == [(True, "opening"), "open"]


@pytest.mark.parametrize("event", ["error", "close"])
def test_whatAnObserverEmitsAtTheEndIsKept(bench: Bench, event: str) -> None:
    """
    When an engine is shown to be broken or closed, its sockets know it.
    """
    socket = bench.online()
    accepted: list[Any] = []
    socket.io.engine.on(event, lambda: accepted.append(outcomes(socket.emit("x"))))
    bench.connection.drop("transport error")
    bench.flush()
    assert accepted == [[]] and socket.sendBuffer == [("x",)]
    bench.advance(2)
    assert accepted == [[True]] and [each.event for each in bench.received] == ["x"]


def test_whoIsShownAnEngineMayClose(bench: Bench) -> None:
    """
    Then nothing is opened.
    """
    manager = bench.manager(autoConnect=False)
    manager.on("engine", lambda: manager.close())
    manager.open()
    bench.flush()
    assert bench.live == []
    assert manager.readyState == "closed"


def test_whoSeesAnEngineCloseMayOpenTheNext(bench: Bench) -> None:
    """
    close() waits for the one that it closes.
    """
    manager = bench.online().io
    manager.engine.once("close", lambda: manager.open())
    closed = outcomes(manager.close())
    bench.flush()
    assert closed == [None] and manager.state == "open"


@pytest.mark.parametrize("what", ["manager", "socket"])
def test_whoSeesAnEngineCloseMayWaitForTheNext(bench: Bench, what: str) -> None:
    """
    Who waits for what is opened then does not hear of the one that is closed.
    """
    socket = bench.online()
    manager = socket.io
    seen: list[Any] = []

    def again(*_: object) -> None:
        seen.append(outcomes(manager.open().whenOpen()))

    manager.engine.once("close", again)
    manager.close() if what == "manager" else socket.disconnect()
    bench.flush()
    assert seen == [[manager]]


def test_whatIsEmittedWhileAnEngineClosesIsKept(bench: Bench) -> None:
    """
    An upgrade must end before it closes, and it takes nothing more meanwhile.
    """
    bench.holdsPolls = True
    socket = bench.online(transports=["polling", "websocket"])
    socket.io.engine.close()
    assert socket.connected and socket.io.engine.readyState == "closing"
    accepted = outcomes(socket.emit("x"))
    asked = outcomes(socket.emitWithAck("y"))
    assert socket.volatile.emit("z").result is False
    bench.holdsPolls = False
    bench.of("/").on("connection", lambda client: client.on("y", lambda: 1))
    bench.advance(2)
    assert accepted == [True] and asked == [1]
    assert [each.event for each in bench.received] == ["x", "y"]


def test_whoSeesAnAttemptEndMayBeginTheNext(bench: Bench) -> None:
    """
    An engine that is given up after C{timeout} is shown to be closed when the
    next attempt waits; whoever connects then does so at once, and only once.
    """
    bench.ignore()
    socket = bench.connect(timeout=5.0)
    socket.io.engine.once("close", lambda: socket.disconnect().connect())
    bench.advance(5)
    assert socket.connected
    bench.advance(10)
    assert socket.connected and len(bench.connections) == 1


def test_whoSeesAConnectionRestartMayConnect(bench: Bench) -> None:
    """
    The same when a namespace that is refused makes the manager try again.
    """
    bench.use(lambda auth: "no" if len(bench.connections) == 1 else None)
    socket = bench.connect(retryOnConnectError=True)
    socket.io.engine.once("close", lambda: socket.disconnect().connect())
    bench.advance(10)
    assert socket.connected and len(bench.live) == 1 and len(bench.connections) == 2


def test_whoOpensWhileItClosesWaitsForThat(bench: Bench) -> None:
    """
    What a listener begins while close() tells everybody is not touched.
    """
    socket = bench.online()
    manager = socket.io
    opened: list[Any] = []
    socket.once("disconnect", lambda: opened.append(outcomes(manager.open().whenOpen())))
    manager.close()
    bench.flush()
    assert opened == [[manager]]


# open with a callback


def test_openCallsBack(bench: Bench) -> None:
    """
    The callback of open() is called with None when the engine is open
    (behaviours Q17).
    """
    seen: list[Any] = []
    bench.manager(autoConnect=False).open(seen.append)
    bench.flush()
    assert seen == [None]


def test_openCallsBackWithTheErrorAndDoesNotRetry(bench: Bench) -> None:
    """
    A first attempt with a callback is not repeated (behaviours Q17).
    """
    bench.refuse(None)
    manager = bench.manager(autoConnect=False)
    seen: list[Any] = []
    manager.connect(seen.append)
    bench.advance(60)
    assert only(seen, TransportError).message == "websocket error"
    assert (len(bench.attempts), manager.state) == (1, "closed")


def test_aFailingCallbackHarmsNobody(bench: Bench, failures: Any) -> None:
    """
    An open() callback that raises is logged; sockets connect, and the other
    callbacks are called.
    """
    socket = bench.connect(autoConnect=False)
    seen: list[Any] = []
    socket.io.open(lambda error: {}["missing"])
    socket.io.open(seen.append)
    socket.connect()
    bench.flush()
    assert seen == [None] and socket.connected
    assert [each.type for each in failures.flush(KeyError)] == [KeyError]


# whenOpen


def test_whenOpen(bench: Bench) -> None:
    """
    whenOpen fires with the manager, now or later.
    """
    manager = bench.manager()
    later = outcomes(manager.whenOpen())
    assert later == []
    bench.flush()
    assert later == outcomes(manager.whenOpen()) == [manager]


def test_whenOpenSurvivesFailedAttempts(bench: Bench) -> None:
    """
    While the manager tries again, whenOpen waits.
    """
    bench.refuse(2)
    seen = outcomes(bench.manager().whenOpen())
    bench.advance(1.5)
    assert seen == []
    bench.advance(2)
    assert len(seen) == 1


def test_whenOpenFailsByClose(bench: Bench) -> None:
    """
    close() fails whoever waits for the engine.
    """
    manager = bench.manager()
    seen = outcomes(manager.whenOpen())
    manager.close()
    assert only(seen, Disconnected).reason == "forced close"


def test_whenOpenFailsWhenNobodyNeedsIt(bench: Bench) -> None:
    """
    Who waits for the engine hears that the last socket has left it.
    """
    socket = bench.connect()
    seen = outcomes(socket.io.whenOpen())
    socket.disconnect()
    assert only(seen, Disconnected).reason == "forced close"


def test_openIsNotToldOfWhatWasClosed(bench: Bench) -> None:
    """
    When the manager is closed as soon as the engine is open, while a
    namespace is asked for, nobody hears that it is open.
    """
    manager = bench.manager(autoConnect=False)
    told = managerEvents(manager)
    seen = outcomes(manager.whenOpen())
    manager.socket("/", auth=lambda: manager.close() and {}).connect()
    bench.flush()
    assert names(told) == ["close"] and only(seen, Disconnected)


def test_whenOpenFailsWithoutReconnection(bench: Bench) -> None:
    """
    Without reconnection, whenOpen fails with what went wrong.
    """
    bench.refuse(status=401)
    seen = outcomes(bench.manager(reconnection=False).whenOpen())
    bench.flush()
    assert only(seen, TransportError).status == 401


def test_whenOpenCancelled(bench: Bench) -> None:
    """
    Cancelling whenOpen changes nothing else, even while others are told.
    """
    manager = bench.manager()
    first, second = manager.whenOpen(), manager.whenOpen()
    first.addCallback(lambda _: second.cancel())
    seen = outcomes(second)
    bench.flush()
    assert isinstance(seen[0], CancelledError) and manager.state == "open"


def test_whenOpenCancelledWhileOthersFail(bench: Bench) -> None:
    """
    One that waits may cancel another when both are about to fail.
    """
    manager = bench.manager()
    first, second = manager.whenOpen(), manager.whenOpen()
    first.addErrback(lambda _: second.cancel())
    seen = outcomes(second)
    manager.close()
    assert isinstance(seen[0], CancelledError)


def test_whenOpenCancelledEarly(bench: Bench) -> None:
    """
    A cancelled whenOpen is forgotten.
    """
    manager = bench.manager()
    waiter = manager.whenOpen()
    seen = outcomes(waiter)
    waiter.cancel()
    bench.flush()
    assert isinstance(seen[0], CancelledError)


# close


def test_closeSaysGoodbyeInEveryNamespace(bench: Bench) -> None:
    """
    close() sends DISCONNECT for each namespace (behaviours O18).
    """
    bench.of("/foo")
    socket = bench.online()
    socket.io.socket("/foo")
    bench.flush()
    told = managerEvents(socket.io)
    gone = outcomes(socket.io.close())
    assert gone == []
    bench.flush()
    assert bench.texts[-2:] == ["1", "1/foo,"] and gone == [None]
    assert told == [("close", "forced close", None)]


def test_closeTellsSockets(bench: Bench) -> None:
    """
    A socket hears of it when its manager is closed.
    """
    socket = bench.online()
    told = journal(socket)
    socket.io.close()
    bench.advance(60)
    assert told == [("disconnect", "forced close")] and socket.state == "disconnected"


@pytest.mark.parametrize("state", ["closed", "opening", "open", "waiting"])
def test_closeInEachStateThenOpen(bench: Bench, state: str) -> None:
    """
    close() ends whatever is under way; open() begins anew, and the sockets
    come back (behaviours O18).
    """
    socket = bench.connect(autoConnect=state != "closed")
    if state == "waiting":
        bench.refuse()
    if state in ("open", "waiting"):
        bench.flush()
    assert socket.io.state == state
    socket.io.close()
    bench.advance(60)
    assert socket.io.state == "closed" and bench.timers == 0
    socket.connect()
    socket.io.open()
    bench.advance(1)
    assert socket.connected


def test_closeIsNotGoneBeforeTheGoodbyeIs(bench: Bench) -> None:
    """
    Who waits for a socket to be disconnected waits for the connection's end
    also when the manager was closed.
    """
    socket = bench.online()
    before = outcomes(socket.whenDisconnected())
    bench.connection.congest()
    socket.io.close()
    after = outcomes(socket.whenDisconnected())
    bench.advance(1.9)
    assert before == after == []
    bench.advance(0.2)
    assert before == after == [None]


def test_closeAllowsADisconnectListenerToOpen(bench: Bench) -> None:
    """
    A disconnect listener may connect again while the manager is being closed;
    what it begins stays.
    """
    socket = bench.online()
    seen: list[Any] = []

    def again() -> None:
        socket.connect()
        seen.append(outcomes(socket.whenConnected()))

    socket.once("disconnect", again)
    socket.io.close()
    bench.flush()
    assert socket.connected and seen == [[socket]]


def test_closeFromAnOpenListener(bench: Bench) -> None:
    """
    A listener of open may close; no reconnect, no callback follows.
    """
    manager = bench.manager(autoConnect=False)
    manager.on("open", manager.close)
    seen: list[Any] = []
    manager.open(seen.append)
    bench.flush()
    assert (manager.state, seen) == ("closed", [])


# several namespaces


def test_namespacesShareOneConnection(bench: Bench) -> None:
    """
    A second namespace connects over the engine that is open already
    (behaviours A11).
    """
    bench.of("/foo")
    socket = bench.online()
    other = socket.io.socket("/foo")
    bench.flush()
    assert other.connected and len(bench.attempts) == 1


def test_aNamespaceHasOneSocket(bench: Bench) -> None:
    """
    The same namespace gives the same socket, and one CONNECT (behaviours
    A46).
    """
    manager = bench.manager()
    bench.flush()
    first, second = manager.socket("/"), manager.socket("/")
    bench.flush()
    first.disconnect()
    bench.flush()
    assert first is second and bench.texts == ["0", "1"]


def test_twoNamespacesOnTheWire(bench: Bench) -> None:
    """
    Two namespaces are asked for and left one by one (behaviours A47).
    """
    bench.of("/foo")
    manager = bench.manager()
    bench.flush()
    main, foo = manager.socket("/"), manager.socket("/foo")
    main.on("connect", lambda: (main.disconnect(), foo.disconnect()))
    bench.flush()
    assert bench.texts == ["0", "0/foo,", "1"]
    assert foo.state == "disconnected"


def test_oneNamespaceLeaves(bench: Bench) -> None:
    """
    The connection ends with the last socket, not with the first (behaviours
    A28).
    """
    bench.of("/foo")
    main = bench.online()
    foo = main.io.socket("/foo")
    bench.flush()
    told = managerEvents(main.io)
    main.disconnect()
    bench.advance(1)
    assert foo.connected and told == []
    foo.disconnect()
    assert told == [("close", "forced close", None)]


def test_leavingWhileAnotherIsAskedFor(bench: Bench) -> None:
    """
    The engine stays while another socket wants it (behaviours A26).
    """
    bench.of("/asd")
    bench.of("/foo")
    foo = bench.connect("http://memory/foo")
    asd = foo.io.socket("/asd")
    foo.disconnect()
    bench.flush()
    assert asd.connected and not foo.active


def test_reopenForAnotherNamespace(bench: Bench) -> None:
    """
    A manager that closed opens again for another namespace (behaviours A12).
    """
    bench.of("/foo")
    main = bench.connect()
    opened: list[Any] = []
    main.on("connect", main.disconnect)
    main.on("disconnect", lambda: opened.append(main.io.socket("/foo")))
    bench.flush()
    assert opened[0].connected and len(bench.connections) == 2


def test_socketAgainFromItsDisconnectListener(bench: Bench) -> None:
    """
    Asking for the socket again connects it again (behaviours A45).
    """
    main = bench.connect()
    again: list[Any] = []
    main.once("connect", main.disconnect)
    main.once("disconnect", lambda: again.append(main.io.socket("/")))
    bench.flush()
    assert again == [main] and main.active and main.connected


def test_lossIsToldToEachNamespace(bench: Bench) -> None:
    """
    Each namespace hears disconnect once, with the reason (behaviours O21).
    """
    for name in ("/a", "/b"):
        bench.of(name)
    main = bench.online()
    sockets = [main, main.io.socket("/a"), main.io.socket("/b")]
    bench.flush()
    told = [journal(each) for each in sockets]
    bench.connection.drop("transport error")
    bench.flush()
    assert told == [[("disconnect", "transport error")]] * 3


def test_oneConnectForEachNamespace(bench: Bench) -> None:
    """
    When the engine opens, each namespace is asked for once, with its auth
    (behaviours O19).
    """
    bench.of("/a")
    main = bench.connect(auth={"token": "t"})
    main.io.socket("/a", auth=lambda: {"token": "called"})
    bench.flush()
    assert bench.texts == ['0{"token":"t"}', '0/a,{"token":"called"}']


def test_idsForEachNamespace(bench: Bench) -> None:
    """
    Each namespace has an id of its own, none the engine's (behaviours O7, B1,
    B2).
    """
    bench.of("/a")
    main = bench.online()
    other = main.io.socket("/a")
    bench.flush()
    assert [main.id] == list(bench.of("/").sockets)
    assert [other.id] == list(bench.of("/a").sockets)
    assert len({main.id, other.id, main.io.engine.id}) == 3


def test_socketOptionsOnly(bench: Bench) -> None:
    """
    socket() takes socket options and refuses others.
    """
    manager = bench.manager(autoConnect=False)
    with pytest.raises(TypeError):
        manager.socket("/", timeout=3)
    with pytest.raises(ValueError):
        manager.socket("/a,b")


def test_socketOptionsOfTheManagerAreTheDefault(bench: Bench) -> None:
    """
    Sockets without options of their own have the manager's.
    """
    manager = bench.manager(auth={"a": 1})
    manager.socket("/")
    bench.flush()
    assert bench.texts == ['0{"a":1}']


# what it decodes


@pytest.mark.parametrize("packet", ["4bad", "42", "430", "4", "47", '42["connect"]', '42["a"'])
def test_anUndecodablePacketEndsTheConnection(bench: Bench, packet: str) -> None:
    """
    What is no packet closes the old engine with a parse error; a new engine
    follows (behaviours A48; faults R1, F72, F73, F77, F78, F85).
    """
    socket = bench.online()
    told, engine = journal(socket), socket.io.engine
    pending = outcomes(socket.emitWithAck("question"))
    bench.connection.sendRaw(packet)
    bench.flush()
    assert told == [("disconnect", "parse error")] and engine.readyState == "closed"
    assert isinstance(only(pending, Disconnected).details, DecodeError)
    bench.advance(1)
    assert socket.connected and socket.io.engine is not engine


def test_bytesForNobody(bench: Bench) -> None:
    """
    A binary event of a namespace that was not asked for hurts nobody.
    """
    socket = bench.online()
    told = journal(socket)
    bench.connection.sendRaw('451-/nobody,["a",{"_placeholder":true,"num":0}]')
    bench.connection.sendRaw(b"x")
    bench.flush()
    assert told == [] and socket.connected


@pytest.mark.parametrize(
    "packets",
    [
        ("451-[]",),
        ("450-[]",),
        ("45-[]",),
        ('4511-["a"]',),
        ('451-["a",{"_placeholder":true,"num":0}]', "41"),
        ('451-["a",{"_placeholder":true,"num":1}]', b"x"),
        ('451-["a",{"_placeholder":true,"num":"0"}]', b"x"),
        (b"without header",),
        ('451-["a",{"_placeholder":true,"num":0}]', b"x", b"y"),
    ],
)
def test_badAttachmentsEndTheConnection(bench: Bench, packets: Any) -> None:
    """
    Attachments that are no attachments are a parse error (faults F96, F97,
    F98, F99, F100).
    """
    socket = bench.online()
    told = journal(socket)
    for each in packets:
        bench.connection.sendRaw(each)
    bench.flush()
    assert told == [("disconnect", "parse error")]
    bench.advance(1)
    assert socket.connected


@pytest.mark.parametrize(
    "packet",
    [
        '42["a",' + "[" * 100_000 + "]" * 100_000 + "]",
        '42["a",' + "1" * 10_000 + "]",
        '42["a",1e999]',
        '42["a",NaN]',
        '429007199254740992["a"]',
        '421.5["a"]',
        "430{}",
        '40["list"]',
        "40null",
    ],
)
def test_moreThatIsNoPacket(bench: Bench, packet: str) -> None:
    """
    Depth, huge numbers, bad ids and bad payloads are parse errors, never
    crashes (faults F74, F75, F82, F84, F86, F88).
    """
    socket = bench.online()
    told = journal(socket)
    bench.connection.sendRaw(packet)
    bench.flush()
    assert told == [("disconnect", "parse error")]


def test_whatWasCompleteIsDeliveredFirst(bench: Bench) -> None:
    """
    Events before a bad packet are delivered before disconnect, and not in the
    next session (faults R2).
    """
    socket = bench.online()
    told = journal(socket, "a")
    bench.emit("a")
    bench.connection.sendRaw("4zz")
    bench.advance(5)
    assert names(told) == ["a", "disconnect", "connect"]


def test_halfAPacketDoesNotReachTheNextSession(bench: Bench) -> None:
    """
    A packet whose attachments never came is forgotten with its connection
    (faults F103, F104).
    """
    socket = bench.online()
    told = journal(socket, "a", "b")
    bench.connection.sendRaw('451-["a",{"_placeholder":true,"num":0}]')
    bench.flush()
    bench.connection.drop()
    bench.advance(1)
    bench.emit("b", b"x")
    bench.flush()
    assert told == [("disconnect", "transport close"), "connect", ("b", b"x")]


def test_attachmentsAreBoundedTogether(bench: Bench) -> None:
    """
    The attachments of a packet count together (faults F105).
    """
    socket = bench.online(maxMessageBytes=100)
    told = journal(socket, "a")
    marks = ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(2))
    for each in (f'452-["a",{marks}]', bytes(60), bytes(60)):
        bench.connection.sendRaw(each)
    bench.flush()
    assert told == [("disconnect", "parse error")]


def test_attachmentsInAnyOrder(bench: Bench) -> None:
    """
    Placeholders name their attachments, in any order, twice, or not at all
    (behaviours O20; faults F101).
    """
    socket = bench.online()
    told = journal(socket, "a")
    marks = ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in (1, 0, 0))
    for each in (f'453-["a",{marks}]', b"zero", b"one", b"unused"):
        bench.connection.sendRaw(each)
    bench.flush()
    assert told == [("a", b"one", b"zero", b"zero")]


def test_placeholdersInPlainEventsAreData(bench: Bench) -> None:
    """
    A plain event may contain what looks like a placeholder (faults F102).
    """
    told = journal(bench.online(), "a")
    bench.connection.sendRaw('42["a",{"_placeholder":true,"num":0}]')
    bench.flush()
    assert told == [("a", {"_placeholder": True, "num": 0})]


class _Broken:
    """
    A parser whose decoder raises what decoders must not raise.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error

    def encode(self, *args: Any) -> Any:
        return b"0", ()

    def buildDecoder(self, *limits: int) -> Any:
        return self

    def addText(self, message: bytes) -> None:
        raise self.error

    addBinary = addText


@pytest.mark.parametrize("message", ["4x", b"x"])
def test_aParserThatRaisesEndsTheConnection(bench: Bench, message: Any) -> None:
    """
    Whatever somebody's parser raises, it is a parse error (faults F106).
    """
    socket = bench.connect(parser=_Broken(ZeroDivisionError("oops")), reconnection=False)
    closed: list[Any] = []
    socket.io.on("close", lambda reason, error: closed.append((reason, error.__cause__)))
    bench.flush()
    bench.connection.sendRaw(message)
    bench.flush()
    assert closed[0][0] == "parse error" and isinstance(closed[0][1], ZeroDivisionError)


def test_messagePack() -> None:
    """
    MessagePack packets say the same as JSON ones (behaviours O30).
    """
    bench = Bench(parser=MessagePackParser())
    socket = bench.online(parser="msgpack")
    told = journal(socket, "hi")
    answers: list[Any] = []

    bench.of("/").sockets[str(socket.id)].on("add", lambda a, b: a + b)
    socket.emitWithAck("add", 1, 2).addCallback(answers.append)
    bench.emit("hi", b"bytes", {"a": [1]})
    bench.flush()
    assert told == [("hi", b"bytes", {"a": [1]})] and answers == [3]
    bench.end()


# what it sends


def test_tooLargeForTheServer(bench: Bench) -> None:
    """
    A packet over maxPayload is refused here, and the connection lives.
    """
    bench.maxPayload = 100
    socket = bench.online()
    seen = outcomes(socket.emit("x", "y" * 100))
    assert only(seen, PayloadTooLarge).maxPayload == 100
    seen = outcomes(socket.emit("x", bytes(101)))
    assert only(seen, PayloadTooLarge).size == 101
    assert outcomes(socket.emit("x", bytes(50))) == [True]
    bench.flush()
    assert [each.event for each in bench.received] == ["x"] and socket.connected


# words


SETTERS = [
    ("reconnectionAttempts", 4),
    ("reconnectionDelay", 0.5),
    ("reconnectionDelayMax", 8.0),
    ("randomizationFactor", 0.25),
    ("timeout", 3.0),
    ("reconnection", False),
]


@pytest.mark.parametrize(("name", "value"), SETTERS)
def test_gettersAndSetters(bench: Bench, name: str, value: Any) -> None:
    """
    Without argument they get, with one they set and return the manager
    (behaviours Q18).
    """
    manager = bench.manager(autoConnect=False)
    setting = getattr(manager, name)
    assert setting() != value
    assert setting(value) is manager
    assert setting() == value


@pytest.mark.parametrize("name", ["reconnectionAttempts", "reconnectionDelay", "timeout"])
def test_settersCheck(bench: Bench, name: str) -> None:
    """
    A bad value is refused as the option is.
    """
    with pytest.raises(ValueError):
        getattr(bench.manager(autoConnect=False), name)(-1)


FACTORY_WORDS = [
    ("initialDelay", "reconnectionDelay", 0.5),
    ("maxDelay", "reconnectionDelayMax", 8.0),
    ("jitter", "randomizationFactor", 0.25),
    ("maxRetries", "reconnectionAttempts", 4),
    ("continueTrying", "reconnection", False),
]


@pytest.mark.parametrize(("word", "name", "value"), FACTORY_WORDS)
def test_reconnectingClientFactorysWords(bench: Bench, word: str, name: str, value: Any) -> None:
    """
    The words that Twisted people know mean the same.
    """
    manager = bench.manager(autoConnect=False)
    setattr(manager, word, value)
    assert getattr(manager, name)() == getattr(manager, word) == value


def test_nextAttempt(bench: Bench) -> None:
    """
    While it waits, a manager says for how long.
    """
    bench.refuse()
    manager = bench.manager()
    assert manager.nextAttempt is None
    bench.advance(0.25)
    assert manager.nextAttempt == 0.75


# values asked at each attempt


def test_queryAndHeadersAreAskedAtEachAttempt(bench: Bench) -> None:
    """
    Callables for query and extraHeaders are asked at every attempt, may be
    coroutines, and what they give is used once (behaviours O3).
    """
    calls: list[int] = []

    async def headers() -> dict[str, str]:
        return {"X-Token": f"h{len(calls)}"}

    def query() -> dict[str, str]:
        calls.append(1)
        return {"token": f"q{len(calls)}"}

    bench.refuse()
    bench.manager(query=query, extraHeaders=headers)
    bench.advance(1)
    seen = [(each.query["token"], each.headers["x-token"]) for each in bench.attempts]
    assert seen == [("q1", "h1"), ("q2", "h2")]


def test_theOptionsQueryWinsOverTheURLs(bench: Bench) -> None:
    """
    The URL's query is merged under the option, and nobody takes our own keys
    (behaviours Q34, B12, B13, B14, B15).
    """
    bench.of("/abc")
    bench.online("http://memory/abc?b=c&d=e", query={"d": "f", "EIO": "3"})
    query = bench.attempts[0].query
    assert (query["b"], query["d"], query["EIO"]) == ("c", "f", "4")


def test_odd_query(bench: Bench) -> None:
    """
    Keys and values arrive as they were given (behaviours B16).
    """
    bench.online(query={"&a": "&=?a"})
    assert bench.attempts[0].query["&a"] == "&=?a"


def _raises() -> Any:
    raise LookupError("no token")


async def _raisesLater() -> Any:
    raise LookupError("no token")


@pytest.mark.parametrize("name", ["query", "extraHeaders"])
@pytest.mark.parametrize("failing", [_raises, _raisesLater])
def test_aFailingCallableIsAFailedAttempt(
    bench: Bench, name: str, failing: Any, flushLoggedErrors: Any
) -> None:
    """
    A callable that fails is a failed attempt like any other, told to those
    who began to listen after io() (behaviours O17).
    """
    socket = bench.connect(**{name: failing})
    told = journal(socket)
    bench.advance(1)
    assert names(told) == ["connect_error", "connect_error"]
    assert isinstance(told[0][1], LookupError) and bench.attempts == []
    assert flushLoggedErrors(LookupError)


def test_aFailingCallableWithoutReconnection(bench: Bench, flushLoggedErrors: Any) -> None:
    """
    Whoever waits is told also when the very first attempt fails at once.
    """
    socket = bench.connect(query=_raises, reconnection=False)
    seen = outcomes(socket.whenConnected())
    bench.flush()
    assert isinstance(seen[0], LookupError) and socket.state == "disconnected"
    assert flushLoggedErrors(LookupError)


def test_closeAfterACallableFailed(bench: Bench, flushLoggedErrors: Any) -> None:
    """
    A failure that was not told yet is not told after close().
    """
    socket = bench.connect(query=_raises)
    told = journal(socket)
    socket.io.close()
    bench.advance(10)
    assert told == []
    assert flushLoggedErrors(LookupError)


@pytest.mark.parametrize(("name", "bad"), [("query", 7), ("extraHeaders", {"X": "a\r\nb"})])
def test_aCallablesAnswerIsChecked(bench: Bench, name: str, bad: Any) -> None:
    """
    What a callable gives is held to the rules of the option.
    """
    told = journal(bench.connect(**{name: lambda: bad}))
    bench.flush()
    assert names(told) == ["connect_error"] and isinstance(told[0][1], (TypeError, ValueError))


def test_aSlowCallableIsPartOfTheAttempt(bench: Bench) -> None:
    """
    A callable that never answers is cut off by the attempt's timeout, and
    cancelled.
    """
    asked: Deferred[Any] = Deferred()
    cancelled: list[Any] = []
    asked.addErrback(cancelled.append)
    told = journal(bench.connect(query=lambda: asked, timeout=3, reconnection=False))
    bench.advance(2.9)
    assert told == []
    bench.advance(0.2)
    assert told[0][1].message == "timeout" and len(cancelled) == 1


def test_closeWhileACallableIsAsked(bench: Bench) -> None:
    """
    close() cancels what is asked; its late answer opens nothing.
    """
    asked: Deferred[Any] = Deferred(lambda d: None)
    manager = bench.manager(query=lambda: asked)
    manager.close()
    bench.advance(10)
    assert bench.attempts == []


def test_closeFromInsideACallable(bench: Bench) -> None:
    """
    A callable may close the manager that asks it.
    """
    manager = bench.manager(autoConnect=False, query=lambda: manager.close() and {})
    manager.open()
    bench.advance(10)
    assert (manager.state, bench.attempts) == ("closed", [])


def test_confirm(bench: Bench) -> None:
    """
    Where there is no connection, nothing has to be read; else the transport
    says when it was.
    """
    manager = bench.manager(autoConnect=False)
    assert outcomes(manager.confirm()) == [None]
    manager.open()
    bench.flush()
    assert outcomes(manager.confirm()) == [None]
    waiting: Deferred[None] = Deferred()
    manager.engine.transport.confirm = lambda: waiting
    seen = outcomes(manager.confirm())
    assert seen == []
    waiting.callback(None)
    assert seen == [None]
    bench.connection.drop()
    bench.flush()
    assert outcomes(manager.confirm()) == [None]
