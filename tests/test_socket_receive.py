"""
What a socket delivers: events, answers, recovery, catch-alls.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from clientkit import Bench, benchFixture, journal, names, only, outcomes
from txsocketio.errors import AckTimeout, Disconnected, PayloadTooLarge, ReconnectFailed
from txsocketio.socket import Socket

bench = benchFixture


def peer(bench: Bench, socket: Socket) -> Any:
    """
    The socket as the server sees it.
    """
    return bench.of(socket.nsp).sockets[str(socket.id)]


# events


@pytest.mark.parametrize("value", [False, "てすと €", b"\x00\x01", {"date": "2026"}, None, 0, ""])
def test_valuesAsTheyWereSent(bench: Bench, value: Any) -> None:
    """
    Falsy, multibyte and binary arguments arrive as they are (behaviours A9,
    A10, A35, A36, A38).
    """
    told = journal(bench.online(), "x")
    bench.emit("x", value)
    bench.flush()
    assert told == [("x", value)]


def test_wireOrder(bench: Bench) -> None:
    """
    Events are delivered in the order of the wire.
    """
    socket = bench.online()
    told = journal(socket, "a", "b")
    for name in ("a", "b", "a"):
        bench.emit(name, b"x")
    bench.flush()
    assert names(told) == ["a", "b", "a"]


def test_manyEvents(bench: Bench) -> None:
    """
    Thousands of events arrive one by one, in order, whichever of them are
    watched for slowness.
    """
    told = journal(bench.online(), "n")
    for number in range(3000):
        bench.emit("n", number)
    bench.flush()
    assert told == [("n", number) for number in range(3000)]


def test_namesThatArePythons(bench: Bench) -> None:
    """
    Any name is an ordinary name, integers included (behaviours T15; faults
    F76, F79).
    """
    socket = bench.online()
    told = journal(socket, "__init__", "emit", 7, "n" * 1000)
    for name in ("__init__", "emit", 7, "n" * 1000):
        bench.of("/").emit(name, {"__class__": 1, "constructor": 2})  # type: ignore[arg-type]
    bench.connection.sendRaw('42["__init__",{"a":1,"a":2}]')
    bench.flush()
    assert names(told) == ["__init__", "emit", 7, "n" * 1000, "__init__"]
    assert told[-1] == ("__init__", {"a": 2}) and socket.emit != 7


def test_aListenerFails(bench: Bench, failures: Any) -> None:
    """
    A listener that raises, or whose Deferred or coroutine fails, is logged;
    the others, the next event and the connection do not suffer (behaviours
    Q23, T17; faults R14, F121).
    """
    socket = bench.online()

    async def fails() -> None:
        raise LookupError()

    socket.on("a", lambda: {}["missing"])
    socket.on("a", fails)
    told = journal(socket, "a")
    bench.emit("a")
    bench.emit("a")
    bench.flush()
    assert names(told) == ["a", "a"] and socket.connected
    assert len(failures.flush(KeyError)) == 2 and len(failures.flush(LookupError)) == 2


def test_surplusAndMissingArguments(bench: Bench, failures: Any) -> None:
    """
    Surplus arguments are cut; missing ones are the listener's failure, and
    nobody else's (behaviours T1, T2).
    """
    socket = bench.online()
    told: list[Any] = []
    socket.on("a", lambda x: told.append(x))
    bench.emit("a", 1, 2, 3)
    bench.emit("a")
    bench.emit("a", 4)
    bench.flush()
    assert told == [1, 4] and len(failures.flush(TypeError)) == 1


def unwatched(bench: Bench) -> Socket:
    """
    A socket that is never watched for slow listeners, so that every event
    goes the straightest way.
    """
    socket = bench.online()
    socket.slowListener = None
    bench.emit("anything")
    bench.flush()
    return socket


def test_aLoneListenerFails(bench: Bench, failures: Any) -> None:
    """
    The only listener of an event fails, at once or later; the next event
    comes all the same.
    """
    socket = unwatched(bench)

    async def fails(text: str) -> None:
        raise LookupError(text)

    socket.on("now", lambda: {}["missing"])
    socket.on("later", fails)
    for _ in range(3):
        bench.emit("now")
        bench.emit("later", "x")
    bench.flush()
    assert len(failures.flush(KeyError)) == 3 and len(failures.flush(LookupError)) == 3


def test_aLoneListenersArguments(bench: Bench) -> None:
    """
    It gets as many as it takes.
    """
    socket = unwatched(bench)
    told: list[Any] = []
    socket.on("none", lambda: told.append(()))
    socket.on("one", lambda a: told.append((a,)))
    socket.on("all", lambda *all: told.append(all))
    for _ in range(2):
        for name in ("none", "one", "all"):
            bench.emit(name, 1)
            bench.emit(name, 1, 2)
    bench.flush()
    assert told == [(), (), (1,), (1,), (1,), (1, 2)] * 2


@pytest.mark.parametrize("how", ["on", "once", "onAny", "stream", "whenEvent", "off"])
def test_aLoneListenerGetsCompany(bench: Bench, how: str) -> None:
    """
    Whoever comes or goes while events come is heeded from the next event on.
    """
    socket = unwatched(bench)
    told: list[str] = []
    late: list[Any] = []
    socket.on("a", lambda: told.append("first"))
    for _ in range(2):
        bench.emit("a")
    bench.flush()
    if how in ("on", "once"):
        getattr(socket, how)("a", lambda: late.append(1))
    elif how == "onAny":
        socket.onAny(lambda event: late.append(event))
    elif how == "stream":
        stream = socket.stream("a")
        late = stream._backlog._items  # type: ignore[assignment]
    elif how == "whenEvent":
        late = outcomes(socket.whenEvent("a"))
    else:
        socket.off("a")
    bench.emit("a")
    bench.flush()
    expected = (2, 0) if how == "off" else (3, 1)
    assert (len(told), len(late)) == expected


def test_aListenerDisconnects(bench: Bench) -> None:
    """
    After a listener has disconnected, no event of the session is delivered
    (behaviours B3; faults F122).
    """
    socket = bench.online()
    told = journal(socket, "a")
    ids: list[Any] = []
    socket.on("disconnect", lambda: ids.append(socket.id))
    socket.on("a", socket.disconnect)
    bench.emit("a")
    bench.emit("a")
    bench.flush()
    assert names(told) == ["a", "disconnect"] and ids == [None]


# catch-alls


def test_any(bench: Bench) -> None:
    """
    Catch-alls get name and arguments, before the listeners, prepended ones
    first (behaviours B28, B29, O15).
    """
    socket = bench.online()
    told: list[Any] = []
    socket.onAny(lambda *args: told.append(("any", *args)))
    socket.prependAny(lambda *args: told.append(("second", *args)))
    socket.prependAny(lambda *args: told.append(("first", *args)))
    socket.on("a", lambda x: told.append("own"))
    bench.emit("a", 1)
    bench.flush()
    assert told == [("first", "a", 1), ("second", "a", 1), ("any", "a", 1), "own"]


def test_offAny(bench: Bench) -> None:
    """
    A removed catch-all is not called (behaviours B30).
    """
    socket = bench.online()
    told: list[Any] = []
    socket.onAny(told.append)
    socket.offAny(told.append)
    bench.emit("a")
    bench.flush()
    assert told == [] and socket.listenersAny() == []


def test_acksAndLifeAreNoEvents(bench: Bench) -> None:
    """
    Catch-alls see neither acknowledgements nor connect and disconnect
    (behaviours Q16, O15).
    """
    socket = bench.connect()
    told: list[Any] = []
    socket.onAny(told.append)
    bench.flush()
    peer(bench, socket).on("echo", lambda: 1)
    socket.emitWithAck("echo")
    bench.flush()
    socket.disconnect()
    assert told == []


def test_listenersPerNamespace(bench: Bench) -> None:
    """
    Listeners hear their own namespace only (behaviours O1).
    """
    bench.of("/b")
    main = bench.online()
    other = main.io.socket("/b")
    bench.flush()
    told = journal(main, "x"), journal(other, "x")
    bench.of("/b").emit("x")
    bench.connection.sendRaw('42/b-c,["x"]')
    bench.connection.sendRaw('42["x","1-2"]')
    bench.flush()
    assert [names(each) for each in told] == [["x"], ["x"]] and told[0] == [("x", "1-2")]


# answering


def test_ackFunction(bench: Bench) -> None:
    """
    The listener's ack answers with all its arguments (behaviours A7).
    """
    socket = bench.online()
    socket.on("ack", lambda ack: ack(5, {"test": True}))
    seen = outcomes(peer(bench, socket).emitWithAck("ack"))
    bench.flush()
    assert seen == [(5, {"test": True})]


@pytest.mark.parametrize(
    ("result", "wire"),
    [
        (None, "30[]"),
        (3, "30[3]"),
        ([1, 2], "30[[1,2]]"),
        ((1, 2), "30[1,2]"),
        (b"x", '61-0[{"_placeholder":true,"num":0}]'),
    ],
)
def test_whatIsReturnedAnswers(bench: Bench, result: Any, wire: str) -> None:
    """
    Nothing, a value, a list, a tuple, bytes (behaviours O11, Q15).
    """
    socket = bench.online()
    socket.on("ask", lambda: result)
    peer(bench, socket).emitWithAck("ask").addErrback(lambda _: None)
    bench.flush()
    assert bench.texts[1] == wire


def test_anAckAnswersOnce(bench: Bench) -> None:
    """
    The second call of ack is ignored (behaviours Q14; faults F83).
    """
    socket = bench.online()
    socket.on("ask", lambda ack: (ack(1), ack(2)) and None)
    peer(bench, socket).emitWithAck("ask")
    bench.flush()
    assert bench.texts[1:] == ["30[1]"]


@pytest.mark.parametrize("end", ["loss", "disconnect", "namespace"])
def test_anAckOfAnEndedSession(bench: Bench, end: str) -> None:
    """
    An ack that is called after its session does nothing, in no later session
    either (faults F83).
    """
    bench.of("/b")
    socket = bench.online().io.socket("/b")
    bench.flush()
    acks: list[Any] = []
    socket.on("ask", lambda ack: acks.append(ack))
    peer(bench, socket).emitWithAck("ask").addErrback(lambda _: None)
    bench.flush()
    if end == "loss":
        bench.connection.drop()
    else:
        socket.disconnect()
    if end == "namespace":
        socket.connect()
    bench.advance(1)
    before = list(bench.texts)
    acks[0](1)
    bench.flush()
    assert bench.texts == before


def test_anAnswerTooLarge(bench: Bench) -> None:
    """
    An answer over maxPayload is the listener's failure, not the connection's.
    """
    bench.maxPayload = 200
    socket = bench.online()
    seen: list[Any] = []

    def listener(ack: Any) -> None:
        with pytest.raises(PayloadTooLarge):
            ack("x" * 300)
        seen.append("refused")

    socket.on("ask", listener)
    peer(bench, socket).emitWithAck("ask").addErrback(lambda _: None)
    bench.flush()
    assert seen == ["refused"] and socket.connected


@pytest.mark.parametrize("ackID", [0, 2**53 - 1])
def test_ackIDsAreEchoed(bench: Bench, ackID: int) -> None:
    """
    The id of the answer is the server's own (behaviours O26; faults F82).
    """
    socket = bench.online()
    socket.on("ask", lambda: 1)
    bench.connection.sendRaw(f'42{ackID}["ask"]')
    bench.flush()
    assert bench.texts[1] == f"3{ackID}[1]"


# before CONNECT


def test_eventsBeforeConnect(bench: Bench) -> None:
    """
    Events before the answer to CONNECT are delivered with it, before connect
    (behaviours Q13; faults F81).
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    told = journal(socket, "a")
    bench.flush()
    bench.connection.sendRaw('42["a",1]')
    bench.flush()
    assert told == [] and socket.receiveBuffer == [["a", 1]]
    bench.connection.sendRaw('40{"sid":"s"}')
    bench.flush()
    assert told == [("a", 1), "connect"] and socket.receiveBuffer == []


def test_tooManyBeforeConnect(bench: Bench) -> None:
    """
    They are bounded (faults F81).
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(maxReceiveBufferBytes=500, reconnection=False)
    told = journal(socket)
    bench.flush()
    for _ in range(20):
        bench.connection.sendRaw('42["a"]')
    bench.flush()
    assert names(told) == ["connect_error"]


def test_anAnswerBeforeConnect(bench: Bench) -> None:
    """
    A held-back event that wants an answer gets it.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    socket.on("ask", lambda: 1)
    bench.flush()
    bench.connection.sendRaw('420["ask"]')
    bench.connection.sendRaw('40{"sid":"s"}')
    bench.flush()
    assert bench.texts == ["0", "30[1]"]


# recovery


def test_recovered() -> None:
    """
    After a loss the session is continued, with what was missed (behaviours
    D1, D2, T1).
    """
    bench = Bench(recovery=True)
    socket = bench.online(auth={"a": 1})
    told = journal(socket, "x")
    bench.emit("x", 1)
    bench.flush()
    before = (socket.id, socket.recovered)
    bench.connection.drop()
    bench.flush()
    bench.emit("x", 2)
    bench.advance(1)
    assert before == (socket.id, False) and socket.recovered
    assert [each[1] for each in told if each[0] == "x"] == [1, 2]
    assert bench.connections[0].fromClient[0] == '40{"a":1}'
    assert bench.texts[0].startswith('0{"pid":"') and '"offset":"' in bench.texts[0]
    bench.end()


def test_authWinsOverRecovery(bench: Bench) -> None:
    """
    The user's keys win over pid and offset (behaviours D2).
    """
    socket = bench.connect(auth={"pid": "mine"})
    bench.of("/").answersConnect = False
    bench.flush()
    bench.connection.sendRaw('40{"sid":"s","pid":"p"}')
    bench.flush()
    assert socket.connected
    bench.connection.drop()
    bench.advance(1)
    assert bench.texts == ['0{"pid":"mine"}']


def test_anotherPidIsNoRecovery(bench: Bench) -> None:
    """
    With another pid nothing is recovered, and the old offset is forgotten
    (behaviours D3).
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    sent = []
    for pid in ("p1", "p2", "p3"):
        bench.advance(3)
        sent.append(bench.texts[0])
        bench.connection.sendRaw(f'40{{"sid":"s{pid}","pid":"{pid}"}}')
        if pid == "p1":
            bench.connection.sendRaw('42["x","offset"]')
        bench.flush()
        assert socket.connected and not socket.recovered
        bench.connection.drop()
    assert sent == ["0", '0{"pid":"p1","offset":"offset"}', '0{"pid":"p2"}']


def test_recoveryInVain(bench: Bench) -> None:
    """
    What the server sends again to recover may be what we cannot read; after
    two recoveries that ended so, the session begins anew.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    bench.flush()
    bench.connection.sendRaw('40{"sid":"s","pid":"p"}')
    bench.flush()
    sent = []
    for _ in range(3):
        bench.connection.sendRaw("not a packet")
        bench.advance(5)
        sent.append(bench.texts[0])
    assert sent == ['0{"pid":"p"}', '0{"pid":"p"}', "0"]
    bench.connection.sendRaw('40{"sid":"s2","pid":"p2"}')
    bench.flush()
    assert socket.connected and not socket.recovered


def test_recoveryAfterABadMoment(bench: Bench) -> None:
    """
    One loss in the middle of a recovery does not count, once another has
    succeeded.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    bench.flush()
    bench.connection.sendRaw('40{"sid":"s","pid":"p"}')
    bench.flush()
    for _ in range(3):
        for answer in (None, '40{"sid":"s","pid":"p"}'):
            bench.connection.drop()
            bench.advance(5)
            assert bench.texts == ['0{"pid":"p"}']
            if answer is not None:
                bench.connection.sendRaw(answer)
                bench.flush()
                assert socket.recovered


@pytest.mark.parametrize(
    ("event", "offset"),
    [
        ('42["x","new"]', "new"),
        ('420["x","ack"]', "old"),
        ('42["name"]', "old"),
        ('42["x",1]', "old"),
        ('42["x","a",1]', "old"),
    ],
)
def test_whatIsAnOffset(bench: Bench, event: str, offset: str) -> None:
    """
    The last string argument of an event without ack id, if there are
    arguments (behaviours D4, T3).
    """
    bench.of("/").answersConnect = False
    bench.connect()
    bench.flush()
    for packet in ('40{"sid":"s","pid":"p"}', '42["x","old"]', event):
        bench.connection.sendRaw(packet)
    bench.flush()
    bench.connection.drop()
    bench.advance(1)
    assert bench.texts == [f'0{{"pid":"p","offset":"{offset}"}}']


# whenEvent


@pytest.mark.parametrize("when", ["idle", "connecting", "connected", "away"])
def test_whenEventInEachState(bench: Bench, when: str) -> None:
    """
    whenEvent waits for the next such event, in whatever state it is called
    (behaviours O23).
    """
    socket = bench.connect(autoConnect=when != "idle")
    if when in ("connected", "away"):
        bench.flush()
    if when == "away":
        bench.connection.drop()
        bench.flush()
    seen = outcomes(socket.whenEvent("a", check=lambda number: number > 1))
    socket.connect()
    bench.advance(1)
    for number in (1, 2, 3):
        bench.emit("a", number)
    bench.flush()
    assert seen == [2]


def test_whenEventEnds(bench: Bench) -> None:
    """
    It fails by its timeout, by disconnect(), and when cancelled (behaviours
    O23).
    """
    socket = bench.online()
    timed, left = outcomes(socket.whenEvent("a", 3)), outcomes(socket.whenEvent("a"))
    cancelled = socket.whenEvent("a", 3)
    gone = outcomes(cancelled)
    cancelled.cancel()
    bench.advance(3)
    only(timed, AckTimeout)
    socket.disconnect()
    assert only(left, Disconnected) and isinstance(gone[0], CancelledError)


def test_whenEventSurvivesALoss(bench: Bench) -> None:
    """
    A temporary loss does not end it.
    """
    socket = bench.online()
    seen = outcomes(socket.whenEvent("a"))
    bench.connection.drop()
    bench.advance(1)
    bench.emit("a")
    bench.flush()
    assert seen == [None]


# streams


def test_streamsEndWithDisconnect(bench: Bench) -> None:
    """
    A stream survives a loss and ends at disconnect(); one that a listener
    opens then goes on.
    """
    socket = bench.online()
    stream = socket.stream("a")
    bench.connection.drop()
    bench.advance(1)
    bench.emit("a", 1)
    bench.flush()
    assert outcomes(stream.__anext__()) == [1]
    opened: list[Any] = []
    socket.once("disconnect", lambda: opened.append(socket.connect().stream("a")))
    socket.disconnect()
    bench.flush()
    assert isinstance(outcomes(stream.__anext__())[0], StopAsyncIteration)
    bench.emit("a", 2)
    bench.flush()
    assert outcomes(opened[0].__anext__()) == [2]


def test_readingIsHeldForASlowStream(bench: Bench) -> None:
    """
    A stream that lags holds the connection, until somebody awaits an answer
    (faults F116).
    """
    socket = bench.online()
    stream = socket.stream("a", limit=2)
    for number in range(3):
        bench.emit("a", number)
    bench.flush()
    assert socket.io.reading.held
    waiting: Deferred[Any] = socket.whenEvent("b")
    assert not socket.io.reading.held
    waiting.addErrback(lambda _: None)
    assert outcomes(stream.__anext__()) == [0]


def test_streamsEndWhenAttemptsAreSpent(bench: Bench) -> None:
    """
    When no attempt is left, who reads a stream hears that.
    """
    socket = bench.online(reconnectionAttempts=1)
    read = outcomes(socket.stream("a").__anext__())
    bench.refuse(None)
    bench.connection.drop()
    bench.advance(5)
    only(read, ReconnectFailed)


def test_whenDisconnectedByTheServer(bench: Bench) -> None:
    """
    whenDisconnected fires also when the server refuses or dismisses us.
    """
    bench.use("/", lambda auth: "no")
    refused = bench.connect()
    gone = outcomes(refused.whenDisconnected())
    bench.advance(5)
    assert gone == [None]


def test_questionsHaveNoOffset(bench: Bench) -> None:
    """
    An event that wants an answer is given whole to who waits for it, also
    where other events end in an offset.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    bench.flush()
    for packet in ('40{"sid":"s","pid":"p"}', '42["x","offset"]'):
        bench.connection.sendRaw(packet)
    bench.flush()
    seen = outcomes(socket.whenEvent("q"))
    bench.connection.sendRaw('421["q","a","abcdefg"]')
    bench.flush()
    assert seen == [("a", "abcdefg")]


def test_textIsNoOffsetWithoutRecovery(bench: Bench) -> None:
    """
    Where the server recovers nothing, the last text is an argument, whatever
    it looks like.
    """
    seen = outcomes(bench.online().whenEvent("x"))
    bench.emit("x", "a", "abcdefg")
    bench.flush()
    assert seen == [("a", "abcdefg")]


def test_textIsNoOffsetAfterRecovery(bench: Bench) -> None:
    """
    The same when it is the next server that recovers nothing.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    bench.flush()
    for packet in ('40{"sid":"s","pid":"p"}', '42["x","offset1"]'):
        bench.connection.sendRaw(packet)
    bench.flush()
    bench.connection.drop()
    bench.advance(5)
    bench.connection.sendRaw('40{"sid":"t"}')
    seen = outcomes(socket.whenEvent("x"))
    bench.connection.sendRaw('42["x","a","abcdefg"]')
    bench.flush()
    assert seen == [("a", "abcdefg")]


def test_whatWasTooMuchWakesNobody(bench: Bench) -> None:
    """
    The event that is over the limit before the session is ready did not come.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(maxReceiveBufferBytes=500)
    bench.flush()
    seen = outcomes(socket.whenEvent("a"))
    bench.connection.sendRaw('42["a","' + "x" * 600 + '"]')
    bench.flush()
    assert seen == []
    socket.disconnect()
    only(seen, Disconnected)
