"""
The rows of reference-behaviours.md that name Server A, against Server A.

Sections A (manager), B (socket), C (retries) and D (recovery).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults

from interop.scenarios import LIMIT, Clients, collect, handshakeOf, useClients
from interop.servers import ServerProcess
from support import deferred, failureOf, freePort, sleep, until
from txsocketio import AckTimeout, ConnectRefused, Disconnected, Manager, Socket, io

pytestmark = pytest.mark.node

QUIET = 0.2
"""
Seconds in which something that must not happen would have happened.
"""

TEXTS = [
    "日本語のテキスト、かなと漢字。",
    "Съешь ещё этих мягких булок",
    "Übergrößenträger äöüß",
    "before — after",
    "𝄞 😀 ünïcödé",
]


@pytest.fixture
def clients() -> Iterator[Clients]:
    yield from useClients(reconnectionDelay=0.01)


@pytest.fixture
def server(nodeServer: ServerProcess) -> ServerProcess:
    return nodeServer


def heard(emitter: Any, event: str) -> list[tuple[Any, ...]]:
    """
    The arguments of each such event, as it comes.
    """
    seen: list[tuple[Any, ...]] = []
    emitter.on(event, lambda *args: seen.append(args))
    return seen


def once(emitter: Any, event: str) -> Deferred[tuple[Any, ...]]:
    """
    @return: fires with the arguments of the next such event.
    """
    came: Deferred[tuple[Any, ...]] = Deferred()
    emitter.once(event, lambda *args: came.callback(args))
    return came


def watchWire(manager: Manager) -> list[Any]:
    """
    The messages that each engine of C{manager} creates from its opening on.
    """
    sent: list[Any] = []
    manager.on("open", lambda: manager.engine.on("packetCreate", lambda p: sent.append(p)))
    return sent


def messages(packets: list[Any]) -> list[Any]:
    return [packet.data for packet in packets if packet.type == "message"]


# A: the manager


@deferred(LIMIT)
async def test_emitBeforeConnected(server: ServerProcess, clients: Clients) -> None:
    """
    What is emitted at once is sent when connected (behaviours A1).
    """
    socket = clients.make(server)
    hi = once(socket, "hi")
    socket.emit("hi")
    await hi


@deferred(LIMIT)
async def test_whoShares(server: ServerProcess, clients: Clients) -> None:
    """
    The same namespace twice, another query, another path: another manager
    (behaviours A3, A4, A5).
    """
    paths = ["/", "/", "/?woot"]
    sockets = [clients.make(server, path, forceNew=False) for path in paths]
    sockets += [clients.make(server, "/", forceNew=False, path=path) for path in ("/foo", "/bar")]
    assert len({id(socket.io) for socket in sockets}) == 5


@deferred(LIMIT)
async def test_optionsAreShared(server: ServerProcess, clients: Clients) -> None:
    """
    Two namespaces with the same options object share a manager (behaviours
    A6).
    """
    options = {"transports": ["websocket"], "query": {"a": "b"}}
    sockets = [clients.keep(io(server.url + path, **options)) for path in ("/foo", "/asd")]
    assert sockets[0].io is sockets[1].io
    assert options == {"transports": ["websocket"], "query": {"a": "b"}}
    await gatherResults([socket.whenConnected() for socket in sockets])


@deferred(LIMIT)
async def test_answer(server: ServerProcess, clients: Clients) -> None:
    """
    The server gets both values of our answer (behaviours A7).
    """
    socket = clients.make(server)
    socket.on("ack", lambda ack: ack(5, {"test": True}))
    got = once(socket, "got it")
    socket.emit("ack")
    await got


@deferred(LIMIT)
async def test_dates(server: ServerProcess, clients: Clients) -> None:
    """
    A Date arrives as text: as answer, as argument, in an object (behaviours
    A8, A35, A36).
    """
    socket = await clients.connect(server)
    dates, objects = collect(socket, "takeDate"), collect(socket, "takeDateObj")
    answers: list[Any] = []
    socket.emit("getAckDate", {"test": True}, answers.append)
    socket.emit("getDate")
    socket.emit("getDateObj")
    await until(lambda: answers and dates and objects)
    assert [type(each) for each in (answers[0], dates[0], objects[0]["date"])] == [str] * 3


@deferred(LIMIT)
async def test_false(server: ServerProcess, clients: Clients) -> None:
    """
    C{False} arrives as C{False} (behaviours A9).
    """
    socket = await clients.connect(server)
    seen = collect(socket, "false")
    socket.emit("false")
    await until(lambda: seen)
    assert seen == [False]
    assert seen[0] is False


@deferred(LIMIT)
async def test_texts(server: ServerProcess, clients: Clients) -> None:
    """
    Texts of many scripts arrive unchanged and in order (behaviours A10).
    """
    socket = await clients.connect(server)
    seen = collect(socket, "takeUtf8")
    socket.emit("getUtf8")
    await until(lambda: len(seen) == 5)
    assert seen == TEXTS


@deferred(LIMIT)
async def test_secondNamespaceLater(server: ServerProcess, clients: Clients) -> None:
    """
    A namespace asked for later uses the open connection (behaviours A11).
    """
    main = await clients.connect(server)
    engine = main.io.engine
    foo = clients.keep(main.io.socket("/foo"))
    await foo.whenConnected()
    assert foo.io.engine is engine


@deferred(LIMIT)
async def test_otherNamespaceReopens(server: ServerProcess, clients: Clients) -> None:
    """
    After the last namespace left, another one opens the connection again
    (behaviours A12).
    """
    main = clients.make(server)
    foo: list[Socket] = []
    main.on("connect", lambda: main.disconnect())
    main.on("disconnect", lambda: foo.append(clients.keep(main.io.socket("/foo"))))
    await until(lambda: foo and foo[0].connected)
    assert not main.connected


@deferred(LIMIT)
async def test_engineClosed(server: ServerProcess, clients: Clients) -> None:
    """
    A closed engine is replaced: C{reconnect}; no C{connect_error} is seen on
    the way; the id is gone and another comes (behaviours A13, B8, B9).
    """
    socket = await clients.connect(server, reconnectionDelay=0.05)
    errors, ids = heard(socket, "connect_error"), []
    socket.io.on("reconnect_attempt", lambda: ids.append(socket.id))
    before, reconnected = socket.id, once(socket.io, "reconnect")
    socket.io.engine.close()
    assert await reconnected == (1,)
    await socket.whenConnected()
    assert (ids, errors) == ([None], [])
    assert socket.id and socket.id != before


@deferred(LIMIT)
async def test_connectInDisconnect(server: ServerProcess, clients: Clients) -> None:
    """
    C{connect()} in C{disconnect} connects again, and automatic reconnection
    works afterwards (behaviours A14, A15).
    """
    socket = await clients.connect(server)
    socket.once("disconnect", lambda: socket.connect())
    connected = once(socket, "connect")
    socket.disconnect()
    await connected
    reconnected = once(socket.io, "reconnect")
    socket.io.engine.close()
    await reconnected


@deferred(LIMIT)
async def test_twoFullCycles(server: ServerProcess, clients: Clients) -> None:
    """
    After C{reconnect_failed}, C{connect()} begins a full cycle again; each
    attempt is told its number (behaviours A16, A22, A23, A24).
    """
    socket = clients.make(server, timeout=0, reconnectionAttempts=2)
    attempts = heard(socket.io, "reconnect_attempt")
    await once(socket.io, "reconnect_failed")
    assert attempts == [(1,), (2,)]
    failed = once(socket.io, "reconnect_failed")
    socket.connect()
    await failed
    assert attempts == [(1,), (2,), (1,), (2,)]


@pytest.mark.parametrize(("event", "attempted"), [("error", 0), ("reconnect_attempt", 1)])
@deferred(LIMIT)
async def test_disconnectEndsTheLoop(
    server: ServerProcess, clients: Clients, event: str, attempted: int
) -> None:
    """
    C{disconnect()} at an error, or at an attempt, ends the loop (behaviours
    A18, A19).
    """
    socket = clients.make(server, timeout=0)
    attempts = heard(socket.io, "reconnect_attempt")
    socket.io.once(event, lambda: socket.disconnect())
    await once(socket.io, event)
    await sleep(QUIET)
    assert len(attempts) == attempted


@deferred(LIMIT)
async def test_disconnectAndConnectInTheLoop(server: ServerProcess, clients: Clients) -> None:
    """
    C{disconnect()} then C{connect()} at an attempt begins the loop anew
    (behaviours A20).
    """
    socket = clients.make(server, timeout=0)
    await once(socket.io, "reconnect_attempt")
    again = once(socket.io, "reconnect_attempt")
    socket.disconnect()
    socket.connect()
    assert await again == (1,)


@deferred(LIMIT)
async def test_oneLeavesWhileReconnecting(server: ServerProcess, clients: Clients) -> None:
    """
    Of two namespaces, one disconnected at an attempt stays away, the other
    comes back (behaviours A21).
    """
    main = await clients.connect(server)
    other = clients.keep(main.io.socket("/asd"))
    await other.whenConnected()
    connects = heard(main, "connect")
    main.io.once("reconnect_attempt", lambda: main.disconnect())
    back = once(other, "connect")
    main.io.engine.close()
    await back
    await sleep(QUIET)
    assert connects == []


@deferred(LIMIT)
async def test_noAttemptWithoutNeed(server: ServerProcess, clients: Clients) -> None:
    """
    A first connection is no reconnection (behaviours A25).
    """
    socket = clients.make(server)
    attempts = heard(socket.io, "reconnect_attempt")
    await socket.whenConnected()
    await sleep(QUIET)
    assert attempts == []


@deferred(LIMIT)
async def test_oneLeavesAsAnotherComes(server: ServerProcess, clients: Clients) -> None:
    """
    The engine stays while another namespace wants it (behaviours A26).
    """
    foo = await clients.connect(server, "/foo")
    asd = clients.keep(foo.io.socket("/asd"))
    foo.disconnect()
    await asd.whenConnected()


@deferred(LIMIT)
async def test_lastOneCloses(server: ServerProcess, clients: Clients) -> None:
    """
    The connection is closed with its last namespace, not before (behaviours
    A28).
    """
    main = await clients.connect(server)
    foo = clients.keep(main.io.socket("/foo"))
    await foo.whenConnected()
    closes = heard(main.io, "close")
    main.disconnect()
    await sleep(QUIET)
    assert foo.connected
    assert closes == []
    foo.disconnect()
    assert len(closes) == 1


@deferred(LIMIT)
async def test_deadPort(clients: Clients) -> None:
    """
    Where nobody listens: so many attempts and then C{reconnect_failed}, also
    if another namespace joins; none after C{reconnection(False)}, none
    without reconnection (behaviours A29, A30, A31, A32, B5).
    """
    nobody = ServerProcess("sio", port=freePort())
    patient = clients.make(nobody, reconnectionAttempts=2)
    stopped, single = clients.make(nobody), clients.make(nobody, reconnection=False)
    attempts = [heard(each.io, "reconnect_attempt") for each in (patient, stopped, single)]
    errors = heard(single.io, "error")
    refused = once(patient, "connect_error")
    stopped.io.once("reconnect_error", lambda: stopped.io.reconnection(False))
    patient.io.once("reconnect_attempt", lambda: clients.keep(patient.io.socket("/asd")))
    await once(patient.io, "reconnect_failed")
    await sleep(QUIET)
    await refused
    assert [len(each) for each in attempts] == [2, 1, 0]
    assert len(errors) == 1


@deferred(LIMIT)
async def test_binaryKinds(server: ServerProcess, clients: Clients) -> None:
    """
    The server's Buffer is C{bytes}; C{bytes}, C{bytearray} and C{memoryview},
    alone and within an object, are Buffers there (behaviours A38, A39, A40).
    """
    socket = await clients.connect(server)
    seen, answers = collect(socket, "doge"), heard(socket, "buffack")
    inside = heard(socket, "jsonbuff-ack")
    socket.emit("doge")
    for kind in (bytes, bytearray, memoryview):
        socket.emit("buffa", kind(b"asdfasdf"))
    socket.emit("jsonbuff", {"hello": "lol", "message": b"howdy", "goodbye": "gotcha"})
    await until(lambda: seen and len(answers) == 3 and inside)
    assert seen == [b"asdfasdf"]


@deferred(LIMIT)
async def test_binaryThenText(server: ServerProcess, clients: Clients) -> None:
    """
    A binary event and the text event after it arrive in this order
    (behaviours A41).
    """
    socket = await clients.connect(server)
    right = once(socket, "abuff2-ack")
    socket.emit("abuff1", b"howdy")
    socket.emit("abuff2", "please arrive second")
    await right


@deferred(LIMIT)
async def test_sameSocketAgain(server: ServerProcess, clients: Clients) -> None:
    """
    C{manager.socket("/")} in C{disconnect} gives the same socket, and
    connects it (behaviours A45).
    """
    socket = clients.make(server)
    socket.once("connect", lambda: socket.disconnect())
    await once(socket, "disconnect")
    again = socket.io.socket("/")
    assert again is socket
    assert socket.active
    await socket.whenConnected()


@deferred(LIMIT)
async def test_oneConnectOnTheWire(server: ServerProcess, clients: Clients) -> None:
    """
    Asking for a namespace twice sends one CONNECT (behaviours A46).
    """
    manager = Manager(server.url, autoConnect=False)
    sent = watchWire(manager)
    await manager.open().whenOpen()
    first, second = manager.socket("/"), manager.socket("/")
    clients.keep(first.connect())
    assert second.connect() is first
    await first.whenConnected()
    await first.disconnect().whenDisconnected()
    assert messages(sent) == ["0", "1"]


@deferred(LIMIT)
async def test_wireOfTwoNamespaces(server: ServerProcess, clients: Clients) -> None:
    """
    Two namespaces come and go: four packets, no more (behaviours A47).
    """
    manager = Manager(server.url, autoConnect=False)
    sent = watchWire(manager)
    await manager.open().whenOpen()
    main, foo = (clients.keep(manager.socket(each).connect()) for each in ("/", "/foo"))
    main.on("connect", lambda: (main.disconnect(), foo.disconnect()))
    await main.whenDisconnected()
    assert messages(sent)[:3] == ["0", "0/foo,", "1"]
    assert set(messages(sent)[3:]) <= {"1/foo,"}


@deferred(LIMIT)
async def test_undecodable(server: ServerProcess, clients: Clients) -> None:
    """
    Text that is no packet ends the engine; another one is made (behaviours
    A48).
    """
    socket = await clients.connect(server)
    engine, lost = socket.io.engine, once(socket, "disconnect")
    engine.textReceived(b"bad")
    assert (await lost)[0] == "parse error"
    assert engine.readyState == "closed"
    await socket.whenConnected()
    assert socket.io.engine is not engine


# B: the socket


@pytest.mark.parametrize("namespace", ["/", "/foo"])
@deferred(LIMIT)
async def test_id(server: ServerProcess, clients: Clients, namespace: str) -> None:
    """
    The id is the server's, not the engine's, and is gone with the session
    (behaviours B1, B2, B3).
    """
    socket = await clients.connect(server, namespace)
    assert socket.id == await socket.emitWithAck("getId") != socket.io.engine.id
    ids: list[Any] = []
    socket.on("disconnect", lambda: ids.append(socket.id))
    socket.disconnect()
    assert ids == [None]


@deferred(LIMIT)
async def test_disconnectWhileOpening(server: ServerProcess, clients: Clients) -> None:
    """
    Giving up while opening is no error (behaviours B4).
    """
    socket = clients.make(server)
    errors = heard(socket.io, "error")
    socket.disconnect()
    await sleep(QUIET)
    assert errors == []


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@deferred(LIMIT)
async def test_timeout(server: ServerProcess, clients: Clients, transport: str) -> None:
    """
    A server that is too slow is a C{connect_error} of message C{timeout}
    (behaviours B6, B7).
    """
    socket = clients.make(server, transports=[transport], timeout=0)
    (error,) = await once(socket, "connect_error")
    assert error.message == "timeout"


@deferred(LIMIT)
async def test_compress(server: ServerProcess, clients: Clients) -> None:
    """
    C{compress(False)} holds for its own emit only (behaviours B10, B11).
    """
    socket = await clients.connect(server)
    packets: list[Any] = []
    socket.io.engine.on("packetCreate", lambda packet: packets.append(packet))
    socket.emit("hi")
    socket.compress(False).emit("hi")
    socket.emit("hi")
    flags = [packet.compress for packet in packets if packet.type == "message"]
    assert flags == [True, False, True]


@pytest.mark.parametrize(
    ("path", "query", "wanted"),
    [
        ("", {"e": "f"}, {"e": "f"}),
        ("/?c=d", None, {"c": "d"}),
        ("/abc", {"a": "b"}, {"a": "b"}),
        ("/abc?b=c&d=e", None, {"b": "c", "d": "e"}),
        ("", {"&a": "&=?a"}, {"&a": "&=?a"}),
    ],
)
@deferred(LIMIT)
async def test_query(
    server: ServerProcess, clients: Clients, path: str, query: Any, wanted: dict[str, str]
) -> None:
    """
    The server's handshake has the query of the option and of the URL
    (behaviours B12, B13, B14, B15, B16).
    """
    socket = await clients.connect(server, path, query=query)
    seen = (await handshakeOf(server, socket))["query"]
    assert {key: seen.get(key) for key in wanted} == wanted


async def laterAuth() -> Any:
    await sleep(0)
    return {"a": "b", "c": "d"}


@pytest.mark.parametrize("auth", [{"a": "b", "c": "d"}, lambda: {"a": "b", "c": "d"}, laterAuth])
@deferred(LIMIT)
async def test_auth(server: ServerProcess, clients: Clients, auth: Any) -> None:
    """
    C{auth} is in the handshake and not in the query (behaviours B17, B18).
    """
    socket = await clients.connect(server, "/abc", auth=auth)
    handshake = await handshakeOf(server, socket)
    assert handshake["auth"] == {"a": "b", "c": "d"}
    assert not {"a", "c"} & set(handshake["query"])


@deferred(LIMIT)
async def test_refusedForGood(server: ServerProcess, clients: Clients) -> None:
    """
    A refused namespace hears the server's text, once, and does not come back
    with a reconnection (behaviours B19, B20).
    """
    main = await clients.connect(server)
    refused = clients.keep(main.io.socket("/no"))
    errors = heard(refused, "connect_error")
    await failureOf(refused.whenConnected(), ConnectRefused)
    main.io.engine.close()
    await main.whenConnected()
    await sleep(QUIET)
    assert [error.message for (error,) in errors] == ["Auth failed (custom namespace)"]


@deferred(LIMIT)
async def test_refusedMain(server: ServerProcess, clients: Clients) -> None:
    """
    The main namespace can be refused as well.
    """
    socket = clients.make(server, "/?fail=true")
    error = await failureOf(socket.whenConnected(), ConnectRefused)
    assert error.args[0] == "Auth failed (main namespace)"


@deferred(LIMIT)
async def test_chained(server: ServerProcess, clients: Clients) -> None:
    """
    C{disconnect().connect()} is one C{disconnect}, then connected again
    (behaviours B21).
    """
    socket = clients.make(server, transports=["websocket"])
    lost, connects = heard(socket, "disconnect"), heard(socket, "connect")
    socket.once("connect", lambda: socket.disconnect().connect())
    await until(lambda: len(connects) == 2)
    assert len(lost) == 1


@deferred(LIMIT)
async def test_firstThenSecond(server: ServerProcess, clients: Clients) -> None:
    """
    What waited is sent before what C{connect} emits (behaviours B23).
    """
    socket = clients.make(server, autoConnect=False)
    answers: list[str] = []
    socket.emit("echo", "first", answers.append)
    socket.on("connect", lambda: socket.emit("echo", "second", answers.append))
    socket.connect()
    await until(lambda: len(answers) == 2)
    assert answers == ["first", "second"]


@deferred(LIMIT)
async def test_emitWithAck(server: ServerProcess, clients: Clients) -> None:
    """
    C{emitWithAck} fires with the answer, with and without a timeout
    (behaviours B24, B40).
    """
    socket = await clients.connect(server)
    assert await socket.emitWithAck("echo", 123) == 123
    assert await socket.timeout(5.0).emitWithAck("echo", 42) == 42


@deferred(LIMIT)
async def test_volatile(server: ServerProcess, clients: Clients) -> None:
    """
    A volatile event is never buffered; connected, it is sent, also beside
    another one in the same turn (behaviours B25, B26, B27).
    """
    socket = clients.make(server, autoConnect=False)
    answers: list[Any] = []
    socket.volatile.emit("echo", "no", answers.append)
    socket.emit("echo", 1, answers.append)
    socket.on("connect", lambda: emitBoth())

    def emitBoth() -> None:
        socket.emit("echo", 2, answers.append)
        socket.volatile.emit("echo", 3, answers.append)

    socket.connect()
    await until(lambda: len(answers) == 3)
    assert answers == [1, 2, 3]


@deferred(LIMIT)
async def test_onAny(server: ServerProcess, clients: Clients) -> None:
    """
    Catch-all listeners get name and arguments, prepended ones first, those
    taken off nothing (behaviours B28, B29, B30).
    """
    socket = clients.make(server, "/abc")
    order: list[Any] = []
    socket.onAny(lambda event, handshake: order.append((event, type(handshake))))
    socket.prependAny(lambda: order.append(2))
    socket.prependAny(lambda: order.append(1))
    off = order.append
    socket.onAny(off).offAny(off)
    await until(lambda: len(order) == 3)
    assert order == [1, 2, ("handshake", dict)]
    assert len(socket.listenersAny()) == 3
    assert socket.offAny().listenersAny() == []


@deferred(LIMIT)
async def test_onAnyOutgoing(server: ServerProcess, clients: Clients) -> None:
    """
    Outgoing catch-all listeners run when the packet is sent, see bytes as
    they are, and not what was taken off (behaviours B31, B32, B33, B34).
    """
    socket = clients.make(server, autoConnect=False)
    order: list[Any] = []
    socket.onAnyOutgoing(lambda *event: order.append(event))
    socket.prependAnyOutgoing(lambda: order.append(2))
    socket.prependAnyOutgoing(lambda: order.append(1))
    off = order.append
    socket.onAnyOutgoing(off).offAnyOutgoing(off)
    socket.emit("my-event", "123")
    assert order == []
    await socket.connect().whenConnected()
    socket.emit("bytes", b"\1\2")
    assert order == [1, 2, ("my-event", "123"), 1, 2, ("bytes", b"\1\2")]


@deferred(LIMIT)
async def test_timeoutOfCallbacks(server: ServerProcess, clients: Clients) -> None:
    """
    With a timeout, callbacks are error first and are called once: offline,
    unanswered, answered, answered too late, by default (behaviours B35, B36,
    B37, B38, B41).
    """
    offline = clients.make(server, autoConnect=False)
    online = await clients.connect(server)
    byDefault = await clients.connect(server, ackTimeout=0.05)
    calls: dict[str, list[Any]] = {}

    def note(name: str) -> Any:
        calls[name] = []
        return lambda *args: calls[name].append(args)

    offline.timeout(0.05).emit("event", note("offline"))
    online.timeout(0.05).emit("unknown", note("unknown"))
    online.timeout(0).emit("echo", 42, note("late"))
    online.timeout(5.0).emit("echo", 42, note("good"))
    byDefault.emit("unknown", note("default"))
    await until(lambda: all(calls.values()))
    await sleep(QUIET)
    assert calls.pop("good") == [(None, 42)]
    # With 0 seconds the answer may be there first, on a busy machine.
    assert len(calls.pop("late")) == 1
    assert [[type(*call) for call in each] for each in calls.values()] == [[AckTimeout]] * 3
    assert offline.sendBuffer == []


@deferred(LIMIT)
async def test_timeoutOfDeferreds(server: ServerProcess, clients: Clients) -> None:
    """
    Unanswered, C{emitWithAck} fails in time (behaviours B39).
    """
    socket = await clients.connect(server)
    await failureOf(socket.timeout(0.05).emitWithAck("unknown"), AckTimeout)


@deferred(LIMIT)
async def test_disconnectFailsAcks(server: ServerProcess, clients: Clients) -> None:
    """
    C{disconnect()} fails at once whatever waits for an answer; a callback
    without timeout is never called (behaviours B42, B43, B44, B45, B46).
    """
    socket = await clients.connect(server)
    other = await clients.connect(server, ackTimeout=100.0)
    plain, errors = [], []
    socket.emit("echo", 1, lambda *args: plain.append(args))
    socket.timeout(100.0).emit("echo", 2, errors.append)
    other.emit("echo", 3, errors.append)
    asked = [socket.emitWithAck("echo", 4), socket.timeout(100.0).emitWithAck("echo", 5)]
    failures: list[Any] = []
    for each in asked:
        each.addErrback(lambda failure: failures.append(failure.value))
    socket.disconnect()
    other.disconnect()
    assert [type(each) for each in errors + failures] == [Disconnected] * 4
    await sleep(QUIET)
    assert plain == []


@deferred(LIMIT)
async def test_ackSurvivesTheBuffer(server: ServerProcess, clients: Clients) -> None:
    """
    What was emitted while disconnected keeps its callback until it is
    connected and answered (behaviours B47).
    """
    socket = await clients.connect(server)
    socket.disconnect()
    answers: list[Any] = []
    socket.emit("echo", "a", answers.append)
    await sleep(0.05)
    socket.connect()
    await until(lambda: answers)
    assert answers == ["a"]


@deferred(LIMIT)
async def test_deadLink(server: ServerProcess, clients: Clients) -> None:
    """
    When the heartbeat is overdue, a packet is kept for the next connection
    (behaviours B48).
    """
    socket = await clients.connect(server)
    lost = once(socket, "disconnect")
    socket.io.engine._heartbeat.expires = 0.0
    answer = socket.emitWithAck("echo", "later")
    assert len(socket.sendBuffer) == 1
    assert (await lost)[0] == "ping timeout"
    assert await answer == "later"


# C: retries


@deferred(LIMIT)
async def test_retriesOneByOne(server: ServerProcess, clients: Clients) -> None:
    """
    With C{retries}, one packet is in flight at a time (behaviours C1).
    """
    socket = clients.make(server, retries=1, ackTimeout=5.0)
    trace: list[Any] = []
    socket.io.on("open", lambda: socket.io.engine.on("packetCreate", lambda p: trace.append(p)))
    for value in (1, 2, 3):
        socket.emit("echo", value, lambda *answer: trace.append(answer))
    await until(lambda: (None, 3) in trace)
    events = [getattr(each, "data", each) for each in trace if getattr(each, "data", each)]
    assert events[-6:] == [
        '20["echo",1]',
        (None, 1),
        '21["echo",2]',
        (None, 2),
        '22["echo",3]',
        (None, 3),
    ]


@deferred(LIMIT)
async def test_retriesSpent(server: ServerProcess, clients: Clients) -> None:
    """
    An event that is never answered is sent 1 + C{retries} times, then fails
    (behaviours C2).
    """
    socket = await clients.connect(server, retries=3, ackTimeout=0.05)
    sent: list[Any] = []
    socket.io.engine.on("packetCreate", lambda packet: sent.append(packet))
    await failureOf(socket.emit("silence"), AckTimeout)
    assert messages(sent) == [f'2{number}["silence"]' for number in range(4)]


@deferred(LIMIT)
async def test_retriesOffline(server: ServerProcess, clients: Clients) -> None:
    """
    Being offline uses up no retry (behaviours C3).
    """
    socket = clients.make(server, autoConnect=False, retries=3, ackTimeout=0.5)
    answer = socket.emitWithAck("echo", 1)
    await sleep(0.1)
    socket.connect()
    assert await answer == 1


@deferred(LIMIT)
async def test_retriesInConnect(server: ServerProcess, clients: Clients) -> None:
    """
    What is emitted in C{connect} is sent once (behaviours C4).
    """
    socket = clients.make(server, retries=3)
    sent, answers = watchWire(socket.io), []
    socket.on("connect", lambda: socket.emit("echo", None, lambda *args: answers.append(args)))
    await until(lambda: answers)
    await sleep(QUIET)
    assert answers == [(None, None)]
    assert [each for each in messages(sent) if "echo" in each] == ['20["echo",null]']


# D: connection state recovery


@deferred(LIMIT)
async def test_recovered(server: ServerProcess, clients: Clients) -> None:
    """
    After a loss, the session is recovered: same id; CONNECT carries pid and
    offset beside C{auth} (behaviours D1, D2).
    """
    socket = await clients.connect(server, auth={"a": "b"}, reconnectionDelay=0.1)
    assert not socket.recovered
    hi, before = once(socket, "hi"), socket.id
    socket.emit("hi")
    await hi
    await server.control("clearLog")
    socket.io.engine.abort("transport error")
    await socket.whenConnected()
    assert (socket.recovered, socket.id) == (True, before)
    packets = [each["data"] for each in (await server.control("log"))["packets"]]
    (connect,) = [json.loads(each[1:]) for each in packets if (each or "")[:1] == "0"]
    assert set(connect) == {"pid", "offset", "a"}


@deferred(LIMIT)
async def test_askingKeepsTheOffset(server: ServerProcess, clients: Clients) -> None:
    """
    An event that wants an answer carries no offset, even if it ends in a
    text: the next recovery still works (behaviours D4).
    """
    socket = await clients.connect(server, reconnectionDelay=0.1)
    socket.on("question", lambda value: value)
    hi, before = once(socket, "hi"), socket.id
    socket.emit("hi")
    await hi
    await server.control("emitWithAck", event="question", args=["no offset"], sid=before)
    socket.io.engine.abort("transport error")
    await socket.whenConnected()
    assert (socket.recovered, socket.id) == (True, before)
