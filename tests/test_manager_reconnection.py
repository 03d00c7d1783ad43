"""
The manager tries again: when, how often, and who is told.
"""

from __future__ import annotations

import gc
from math import inf
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from clientkit import Bench, benchFixture, journal, names, only, outcomes
from txsocketio import Manager
from txsocketio.errors import Disconnected, ReconnectFailed, SocketIOError, TransportError
from txsocketio.socket import Socket

bench = benchFixture


def history(socket: Socket) -> list[Any]:
    """
    What the manager of a socket shows about reconnection, with the time.
    """
    manager, told = socket.io, []
    for event in ("reconnect_attempt", "reconnect_error", "reconnect_failed", "reconnect", "error"):
        manager.on(
            event,
            lambda *args, event=event: told.append((manager.reactor.seconds(), event, *args)),
        )
    return told


def words(told: list[Any]) -> list[Any]:
    """
    The events of a history, attempts with their number.
    """
    return [(each[1], each[2]) if isinstance(each[-1], int) else each[1] for each in told]


# after a loss


def test_itComesBack(bench: Bench) -> None:
    """
    When the engine closes, the manager reconnects (behaviours A13, B9).
    """
    socket = bench.online()
    told, ids = history(socket), [socket.id]
    socket.io.on("reconnect_attempt", lambda: ids.append(socket.id))
    socket.io.engine.close()
    bench.advance(1)
    assert words(told) == [("reconnect_attempt", 1), ("reconnect", 1)]
    assert ids == ["s2", None] and socket.id not in (None, "s2")


def test_aConnectionThatHoldsIsLeftAlone(bench: Bench) -> None:
    """
    Without a loss there is no attempt (behaviours A25).
    """
    told = history(bench.online())
    bench.advance(60)
    assert told == []


def test_manualReconnect(bench: Bench) -> None:
    """
    disconnect() and connect() again, from the disconnect listener (behaviours
    A14).
    """
    socket = bench.online()
    told = journal(socket)
    socket.once("disconnect", socket.connect)
    socket.disconnect()
    bench.flush()
    assert told == [("disconnect", "io client disconnect"), "connect"]


def test_automaticAfterManual(bench: Bench) -> None:
    """
    A manual disconnect does not turn reconnection off for good (behaviours
    A15).
    """
    socket = bench.online()
    socket.once("disconnect", socket.connect)
    socket.disconnect()
    bench.flush()
    told = history(socket)
    bench.connection.drop()
    bench.advance(1)
    assert words(told) == [("reconnect_attempt", 1), ("reconnect", 1)] and socket.connected


def test_silenceIsALoss(bench: Bench) -> None:
    """
    A server that pings no more is left after pingInterval and pingTimeout,
    and looked for again (behaviours Q7, Q25; faults F56, F36).
    """
    socket = bench.online()
    told = journal(socket)
    bench.connection.stall()
    bench.advance(44.9)
    assert told == []
    bench.advance(1.2)
    assert told == [("disconnect", "ping timeout"), "connect"]


@pytest.mark.parametrize("reason", ["transport close", "transport error", "parse error"])
def test_reasonsOfLosses(bench: Bench, reason: str) -> None:
    """
    The disconnect event has the reference's reason, and details (behaviours
    Q7, Q8).
    """
    socket = bench.online()
    told: list[Any] = []
    socket.on("disconnect", lambda *args: told.append(args))
    bench.connection.drop(reason)
    bench.flush()
    assert told[0][0] == reason
    details = told[0][1]
    assert isinstance(details, SocketIOError) or details.context["code"] == 1006


def test_aLossIsNoConnectError(bench: Bench) -> None:
    """
    A connection that was there and is lost is a disconnect only (behaviours
    B8).
    """
    socket = bench.online()
    told = journal(socket)
    socket.io.engine.close()
    bench.flush()
    assert names(told) == ["disconnect"]


def lose(bench: Bench, manager: Manager) -> None:
    bench.connection.drop()


def restart(bench: Bench, manager: Manager) -> None:
    manager.restart(Disconnected("restart"))


def stop(bench: Bench, manager: Manager) -> None:
    manager.close()


@pytest.mark.parametrize("end", [lose, restart, stop])
@pytest.mark.parametrize("what", ["emit", "emitWithAck", "answer", "disconnect"])
def test_reconnectedBeforeAllHaveHeard(bench: Bench, end: Any, what: str) -> None:
    """
    A listener of the first socket that hears of a loss opens the next
    connection, and makes the second do something: nothing of the old session
    goes to the new connection before CONNECT, where a server would hang up.
    """
    for name in ("/a", "/b"):
        bench.of(name)
    first = bench.online("http://memory/a")
    second = first.io.socket("/b")
    bench.flush()
    acks: list[Any] = []
    second.on("ask", lambda ack: acks.append(ack))
    bench.of("/b").sockets[str(second.id)].emitWithAck("ask").addErrback(lambda _: None)
    bench.flush()
    does: dict[str, Any] = {
        "emit": lambda: second.emit("early"),
        "emitWithAck": lambda: second.emitWithAck("early").addErrback(lambda _: None),
        "answer": lambda: acks[0](),
        "disconnect": second.disconnect,
    }
    before = len(bench.connections)

    @first.once("disconnect")
    def again(*_: object) -> None:
        first.io.open()
        first.connect()
        does[what]()

    end(bench, first.io)
    bench.flush()
    bench.advance(1)
    assert len(bench.connections) == before + 1 and first.connected
    sent = [each for each in bench.connection.fromClient if each[0] == "4"]
    assert sent[0].startswith("40/")
    early = [each for each in sent if each[1] in "123"]
    assert early == {"emit": ['42/b,["early"]'], "emitWithAck": ['42/b,0["early"]']}.get(
        what if end is not stop else "", []
    )


def test_reconnectedDuringASession(bench: Bench) -> None:
    """
    The same holds for what a session listener sends past the buffers.
    """
    for name in ("/a", "/b"):
        bench.of(name)
    first = bench.online("http://memory/a")
    second = first.io.socket("/b")
    infos: list[Any] = []
    running: Deferred[None] = Deferred()
    second.onSession(lambda info: infos.append(info) or running)
    bench.flush()
    seen: list[Any] = []

    @first.once("disconnect")
    def again(*_: object) -> None:
        first.io.open()
        seen.append(outcomes(infos[0].emit("early")))

    bench.connection.drop()
    bench.flush()
    only(seen[0], Disconnected)
    assert bench.texts == ["0/a,", "0/b,"]


def test_lossWithoutReconnection(bench: Bench) -> None:
    """
    Without reconnection a loss is final: nothing is scheduled, and everybody
    who waits is told (behaviours O22).
    """
    socket = bench.online(reconnection=False)
    gone = outcomes(socket.whenDisconnected())
    event = outcomes(socket.whenEvent("x"))
    told = journal(socket)
    bench.connection.drop()
    bench.advance(60)
    assert told == [("disconnect", "transport close")] and bench.timers == 0
    assert gone == [None] and isinstance(event[0], Disconnected)
    assert socket.state == "disconnected" and len(bench.attempts) == 1


def test_connectAfterALossWithoutReconnection(bench: Bench) -> None:
    """
    connect() works again after a final loss, also from the listener.
    """
    bench.of("/b")
    socket = bench.online(reconnection=False)
    other = socket.io.socket("/b")
    bench.flush()
    waiting = []
    socket.once("disconnect", socket.connect)
    socket.once("disconnect", lambda: waiting.append(outcomes(socket.whenConnected())))
    bench.connection.drop()
    bench.flush()
    assert socket.connected and other.connected and waiting == [[socket]]


# a server that is away


def test_attemptsAreCounted(bench: Bench) -> None:
    """
    Exactly reconnectionAttempts are made, numbered from 1, then
    reconnect_failed (behaviours A22, A23, A24, A30; faults F108).
    """
    bench.refuse(None)
    socket = bench.connect(reconnectionAttempts=2)
    told = history(socket)
    bench.advance(60)
    assert words(told) == [
        "error",
        ("reconnect_attempt", 1),
        "error",
        "reconnect_error",
        ("reconnect_attempt", 2),
        "error",
        "reconnect_error",
        "reconnect_failed",
    ]
    assert len(bench.attempts) == 3


def test_delaysGrow(bench: Bench) -> None:
    """
    The delays double up to the cap (behaviours A17, Q19).
    """
    bench.refuse(None)
    socket = bench.connect(reconnectionAttempts=5)
    told = history(socket)
    bench.advance(60)
    times = [each[0] for each in told if each[1] == "reconnect_attempt"]
    assert times == [1, 3, 7, 12, 17]


def test_delayIsExact(bench: Bench) -> None:
    """
    Not before the delay, and at it (behaviours A33).
    """
    socket = bench.online(timeout=0.5, reconnectionDelayMax=0.1)
    told = history(socket)
    socket.io.engine.close()
    bench.advance(0.099)
    assert told == []
    bench.advance(0.001)
    assert words(told)[0] == ("reconnect_attempt", 1)


def test_jitterComesAfterTheCap(bench: Bench, monkeypatch: Any) -> None:
    """
    Also the longest delay is spread (behaviours O16, Q19).
    """
    bench.refuse(None)
    socket = bench.connect(randomizationFactor=0.5, reconnectionDelay=10)
    socket.io._reconnection.backoff.random = lambda: 1.0
    told = history(socket)
    bench.advance(8)
    assert [each[0] for each in told if each[1] == "reconnect_attempt"] == [7.5]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_timeoutOfTheAttempt(bench: Bench, transport: str) -> None:
    """
    With timeout 0 every attempt fails with the message "timeout" (behaviours
    B5, B6, B7; faults F35, F49).
    """
    told = journal(bench.connect(timeout=0, transports=[transport], reconnection=False))
    bench.advance(1)
    assert [each[1].message for each in told] == ["timeout"]


def test_noTimeoutAtAll(bench: Bench) -> None:
    """
    timeout=False waits for ever (behaviours Q24).
    """
    bench.ignore()
    socket = bench.connect(timeout=False)
    told = journal(socket)
    bench.advance(100_000)
    assert told == [] and socket.io.state == "opening"


def test_secondCycle(bench: Bench) -> None:
    """
    After reconnect_failed, connect() begins a full new cycle (behaviours
    A16).
    """
    bench.refuse(None)
    socket = bench.connect(reconnectionAttempts=2)
    told = history(socket)
    socket.io.once("reconnect_failed", socket.connect)
    bench.advance(60)
    cycle = [("reconnect_attempt", 1), ("reconnect_attempt", 2), "reconnect_failed"]
    assert [each for each in words(told) if "error" not in each] == cycle * 2


def test_connectFromTheLastError(bench: Bench) -> None:
    """
    Whoever connects again while the last attempt is told to have failed is
    not told that there will be none.
    """
    bench.refuse(2)
    socket = bench.connect(reconnectionAttempts=1)
    told = history(socket)
    socket.io.on("reconnect_error", lambda: socket.disconnect().connect())
    bench.advance(1)
    assert "reconnect_failed" not in words(told) and socket.connected


def test_whatFailsWithTheLastAttempt(bench: Bench) -> None:
    """
    When the attempts are spent, everything that waited fails, and so does
    what is emitted then; the socket says so (behaviours A30).
    """
    bench.refuse(None)
    socket = bench.connect(reconnectionAttempts=1)
    waiting = [
        outcomes(each)
        for each in (
            socket.whenConnected(),
            socket.emit("a"),
            socket.emitWithAck("b"),
            socket.whenEvent("c"),
            socket.io.whenOpen(),
        )
    ]
    gone = outcomes(socket.whenDisconnected())
    bench.advance(1)
    for each in (*waiting, outcomes(socket.emit("d")), outcomes(socket.whenConnected())):
        only(each, ReconnectFailed)
    assert (gone, socket.active, socket.state) == ([None], False, "failed")
    assert outcomes(socket.whenDisconnected()) == [None]
    assert "gave up after 1" in socket.why


def test_noAttemptsAtAll(bench: Bench) -> None:
    """
    reconnectionAttempts=0 means none, not the default.
    """
    socket = bench.online(reconnectionAttempts=0)
    told = history(socket)
    bench.connection.drop()
    bench.advance(60)
    assert words(told) == ["reconnect_failed"] and socket.state == "failed"


def test_connectAgainAfterFailure(bench: Bench) -> None:
    """
    A failed socket that is connected again is a socket as before.
    """
    bench.refuse(1)
    socket = bench.connect(reconnectionAttempts=0)
    bench.flush()
    assert socket.state == "failed"
    seen = outcomes(socket.connect().whenConnected())
    bench.flush()
    assert seen == [socket]


def test_errorOrder(bench: Bench) -> None:
    """
    reconnect_error comes when the next attempt is planned already (behaviours
    Q20).
    """
    bench.refuse(None)
    socket = bench.connect()
    planned: list[Any] = []
    socket.io.on("reconnect_error", lambda: planned.append(socket.io.nextAttempt))
    bench.advance(1)
    assert planned == [2.0]


def test_theLoopGoesOnWhateverIsRaised(bench: Bench) -> None:
    """
    No kind of exception ends the loop of attempts (behaviours O17).
    """
    bench.refuse(1, error=ValueError("odd"))
    socket = bench.connect()
    told = journal(socket)
    bench.advance(1)
    assert names(told) == ["connect_error", "connect"] and socket.connected


# stopped by listeners


def test_disconnectOnTheFirstError(bench: Bench) -> None:
    """
    disconnect() in the error listener ends the loop (behaviours A18).
    """
    bench.refuse(None)
    socket = bench.connect()
    told = history(socket)
    socket.io.on("error", socket.disconnect)
    bench.advance(60)
    assert words(told) == ["error"] and bench.timers == 0


def test_disconnectOnTheFirstAttempt(bench: Bench) -> None:
    """
    disconnect() in the reconnect_attempt listener ends the loop before
    anything is opened (behaviours A19).
    """
    bench.refuse(None)
    socket = bench.connect()
    told = history(socket)
    socket.io.on("reconnect_attempt", socket.disconnect)
    bench.advance(60)
    assert words(told) == ["error", ("reconnect_attempt", 1)] and len(bench.attempts) == 1


def test_disconnectAndConnectOnAnAttempt(bench: Bench) -> None:
    """
    disconnect() and connect() in the reconnect_attempt listener begin the loop
    again (behaviours A20).
    """
    bench.refuse(None)
    socket = bench.connect()
    told = history(socket)
    socket.io.once("reconnect_attempt", lambda: socket.disconnect().connect())
    bench.advance(1.5)
    assert words(told) == ["error", ("reconnect_attempt", 1), "error"]
    bench.advance(1)
    assert words(told)[3] == ("reconnect_attempt", 1)


def test_oneOfTwoLeavesDuringTheAttempt(bench: Bench) -> None:
    """
    Only the namespace that is still wanted comes back (behaviours A21).
    """
    bench.of("/asd")
    main = bench.online()
    asd = main.io.socket("/asd")
    bench.flush()
    main.io.on("reconnect_attempt", main.disconnect)
    bench.connection.drop()
    bench.advance(1)
    assert asd.connected and not main.active and bench.texts == ["0/asd,"]


def test_reconnectionOffInTheListener(bench: Bench) -> None:
    """
    reconnection(False) in the reconnect_error listener ends the loop
    (behaviours A29).
    """
    bench.refuse(None)
    socket = bench.connect()
    told = history(socket)
    socket.io.on("reconnect_error", lambda: socket.io.reconnection(False))
    bench.advance(60)
    assert words(told).count("reconnect_error") == 1 and len(bench.attempts) == 2


@pytest.mark.parametrize("how", ["reconnection", "stopTrying", "continueTrying"])
def test_reconnectionOffWhileWaiting(bench: Bench, how: str) -> None:
    """
    When reconnection is turned off during the wait, nothing follows, and all
    who wait for a connection are told what went wrong last.
    """
    bench.refuse(status=503)
    socket = bench.connect()
    waiting = [outcomes(socket.whenConnected()), outcomes(socket.io.whenOpen())]
    event, gone = outcomes(socket.whenEvent("x")), outcomes(socket.whenDisconnected())
    bench.flush()
    if how == "reconnection":
        socket.io.reconnection(False)
    elif how == "stopTrying":
        socket.io.stopTrying()
    else:
        socket.io.continueTrying = False
    assert [only(each, TransportError).status for each in (*waiting, event)] == [503] * 3
    assert gone == [None] and socket.state == "disconnected"
    bench.advance(60)
    assert len(bench.attempts) == 1


def test_openAfterTheWaitWasStopped(bench: Bench) -> None:
    """
    open() after that is a first attempt again, not a reconnection.
    """
    bench.refuse()
    socket = bench.connect()
    bench.flush()
    socket.io.reconnection(False)
    told = history(socket)
    socket.io.open()
    bench.flush()
    assert socket.connected and told == []


def test_reconnectionOffDuringAnAttempt(bench: Bench) -> None:
    """
    When it is turned off during an attempt, that is the last one.
    """
    bench.ignore(None)
    socket = bench.connect(timeout=2)
    seen = outcomes(socket.whenConnected())
    bench.advance(1)
    socket.io.stopTrying()
    assert seen == []
    bench.advance(1)
    assert only(seen, TransportError).message == "timeout" and socket.io.state == "closed"


def test_withoutReconnection(bench: Bench) -> None:
    """
    One error, no attempt (behaviours A31).
    """
    bench.refuse(None)
    socket = bench.connect(reconnection=False)
    told = history(socket)
    bench.advance(60)
    assert words(told) == ["error"]


def test_anotherNamespaceDoesNotDoubleTheLoop(bench: Bench) -> None:
    """
    A second socket during the wait neither restarts nor doubles the loop
    (behaviours A32, Q2).
    """
    bench.refuse(None)
    socket = bench.connect(reconnectionAttempts=2)
    told = history(socket)
    bench.advance(0.5)
    socket.io.socket("/other")
    socket.connect()
    bench.flush()
    assert len(bench.attempts) == 1
    bench.advance(60)
    assert len(bench.attempts) == 3 and words(told)[-1] == "reconnect_failed"


def test_openWhileWaiting(bench: Bench) -> None:
    """
    open() during the wait tries at once.
    """
    bench.refuse()
    socket = bench.connect()
    bench.flush()
    socket.io.open()
    bench.flush()
    assert socket.connected and bench.clock.seconds() == 0


# being polite


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Retry-After", "30")], 30),
        ([("retry-after", "9999")], 300),
        ([("Retry-After", "soon")], 1),
        ([("Retry-After", "-5")], 1),
        ([("Retry-After", "0")], 1),
        ([("Retry-After", "²")], 1),
        (
            [
                ("Date", "Sun, 22 Nov 2026 10:00:00 GMT"),
                ("Retry-After", "Sun, 22 Nov 2026 10:00:20 GMT"),
            ],
            20,
        ),
        ([("Retry-After", "Sun, 22 Nov 2026 10:00:20 GMT")], 1),
    ],
)
def test_retryAfter(bench: Bench, headers: Any, seconds: float) -> None:
    """
    A server that says when to come back is obeyed, up to 300 s (faults F23).
    """
    bench.refuse(status=503, headers=headers)
    bench.connect()
    bench.flush()
    bench.advance(seconds - 0.1)
    assert len(bench.attempts) == 1
    bench.advance(0.1)
    assert len(bench.attempts) == 2


def test_aServerThatHangsUpIsNotHammered(bench: Bench) -> None:
    """
    A server that accepts and then hangs up meets growing delays (faults R11).
    """
    bench.on("connection", lambda client: client.disconnect(close=True))
    bench.connect()
    bench.advance(60)
    assert len(bench.attempts) == 14  # 1 + at 1, 3, 7, 12 ... 57


def test_aServerThatSendsGarbageIsNotHammered(bench: Bench) -> None:
    """
    A server whose first event is garbage meets growing delays (faults R11).
    """
    bench.on("connection", lambda client: client.connection.sendRaw("4zz"))
    bench.connect()
    bench.advance(60)
    assert len(bench.attempts) == 14


def test_aServerThatKicksIsNotHammered(bench: Bench) -> None:
    """
    With retryOnServerDisconnect, a server that accepts and kicks meets growing
    delays (faults R11).
    """
    bench.on("connection", lambda client: client.disconnect())
    bench.connect(retryOnServerDisconnect=True)
    bench.advance(60)
    assert len(bench.attempts) == 14


def test_aNamespaceThatKicksIsNotHammered(bench: Bench) -> None:
    """
    Nor does the delay of one namespace beside others begin again each time it
    is let in and kicked (faults R11).
    """
    joined: list[Any] = []
    bench.of("/b").on("connection", lambda client: (joined.append(client), client.disconnect()))
    bench.online(retryOnServerDisconnect=True).io.socket("/b")
    bench.advance(60)
    assert len(joined) == 14 and len(bench.attempts) == 1


def test_aNamespaceThatLastedBeginsAgain(bench: Bench) -> None:
    """
    After a good while its next delay is the shortest again.
    """
    namespace = bench.of("/b")
    other = bench.online(retryOnServerDisconnect=True).io.socket("/b")
    bench.flush()
    delays = []
    for seconds in (1, 1, 10, 1):
        namespace.disconnectSockets()
        bench.flush()
        lost = bench.clock.seconds()
        while not other.connected:
            bench.advance(0.5)
        delays.append(bench.clock.seconds() - lost)
        bench.advance(seconds)
    assert delays == [1, 2, 4, 1]


def test_theCounterIsResetAfterAWhile(bench: Bench) -> None:
    """
    A namespace that stays for reconnectionDelayMax proves the server good.
    """
    bench.refuse(3)
    socket = bench.connect()
    bench.advance(7)
    assert socket.connected
    bench.advance(5)
    told = history(socket)
    bench.connection.drop()
    bench.advance(1)
    assert words(told) == [("reconnect_attempt", 1), ("reconnect", 1)]


def test_theCounterIsKeptBefore(bench: Bench) -> None:
    """
    One that is lost sooner does not.
    """
    bench.refuse(3)
    socket = bench.connect()
    bench.advance(7 + 4.9)
    told = history(socket)
    bench.connection.drop()
    bench.advance(5.1)
    assert words(told) == [("reconnect_attempt", 4), ("reconnect", 4)]


def test_resetDelay(bench: Bench) -> None:
    """
    resetDelay() makes the next delay the shortest.
    """
    bench.refuse(4)
    socket = bench.connect()
    bench.advance(3.5)
    socket.io.resetDelay()
    bench.advance(3.5)
    assert socket.io.nextAttempt == 1


@pytest.mark.parametrize("stage", ["handshake", "poll"])
def test_unknownSessionsThreeTimes(bench: Bench, stage: str) -> None:
    """
    Three unknown session ids within ten seconds are explained, whether the
    handshake or the polling after it is refused (faults F42).
    """
    body = b'{"code":1,"message":"Session ID unknown"}'
    error = TransportError("xhr poll error", status=400, body=body)
    hints: list[str] = []

    def observe(event: Any) -> None:
        if "sticky" in event.get("log_format", ""):
            hints.append(event["log_format"])

    globalLogPublisher.addObserver(observe)
    if stage == "handshake":
        bench.refuse(3, error=error)
    else:
        bench.of("/").use(lambda auth, connection: connection.drop("transport error", error))
    bench.connect()
    bench.advance(2)
    assert hints == []
    bench.advance(2)
    globalLogPublisher.removeObserver(observe)
    assert len(hints) == 1


def test_ordinaryFailuresAreNoUnknownSessions(bench: Bench) -> None:
    """
    However often a server is down, sticky sessions are not blamed.
    """
    hints: list[str] = []

    def observe(event: Any) -> None:
        if "sticky" in event.get("log_format", ""):
            hints.append(event["log_format"])

    globalLogPublisher.addObserver(observe)
    bench.refuse(4)
    bench.connect(reconnectionDelayMax=1)
    bench.advance(5)
    globalLogPublisher.removeObserver(observe)
    assert len(bench.attempts) > 3 and hints == []


# nothing is left


def _ours() -> dict[str, int]:
    gc.collect()
    counts: dict[str, int] = {}
    for each in gc.get_objects():
        module = type(each).__module__
        if str(module).startswith(("txsocketio", "twisted.internet")):
            name = f"{module}.{type(each).__qualname__}"
            counts[name] = counts.get(name, 0) + 1
    return counts


def test_manyReconnectionsLeaveNothing(bench: Bench) -> None:
    """
    A thousand lost connections leave no object and no timer behind.
    """
    bench.of("/b")
    socket = bench.online(auth=lambda: {"a": 1}, query=lambda: {"b": "2"})
    socket.io.socket("/b").onSession(lambda info: info.emit("hello"))

    def cycle() -> None:
        socket.emitWithAck("x").addErrback(lambda _: None)
        socket.emit("y")
        bench.connection.drop()
        bench.advance(7)
        assert socket.connected
        del bench.connections[:-1], bench.attempts[:], bench.received[:]

    for _ in range(3):
        cycle()
    timers, objects = bench.timers, _ours()
    for _ in range(1000):
        cycle()
    assert bench.timers == timers
    assert {name: n for name, n in _ours().items() if n > objects.get(name, 0) + 3} == {}


# shared servers


def test_theAttemptsNumberIsKnown(bench: Bench) -> None:
    """
    0 before the first, then the number of the next attempt.
    """
    bench.refuse(2)
    socket = bench.connect()
    seen = [socket.io.attempts]
    for seconds in (0, 1, 2):
        bench.advance(seconds)
        seen.append(socket.io.attempts)
    assert seen == [0, 1, 2, 2]


@pytest.mark.parametrize(("longer", "planned"), [(4.0, 4.0), (0.1, 1.0)])
def test_theNextAttemptMayBeLater(bench: Bench, longer: float, planned: float) -> None:
    """
    C{lengthen} is given the delay, and cannot shorten it.
    """
    socket = bench.online()
    asked: list[float] = []
    socket.io.lengthen = lambda delay: asked.append(delay) or longer
    bench.connection.drop()
    bench.flush()
    assert asked == [1.0]
    assert socket.io.nextAttempt == planned


def test_lengthenMayFail(bench: Bench, failures: Any) -> None:
    """
    It is logged, and the delay is the manager's own.
    """
    socket = bench.online()
    socket.io.lengthen = lambda delay: delay / 0
    bench.connection.drop()
    bench.flush()
    assert socket.io.nextAttempt == 1.0
    assert len(failures.flush(ZeroDivisionError)) == 1


@pytest.mark.parametrize("never", [inf, 10**400], ids=["inf", "huge"])
def test_lengthenCannotPreventTheNextAttempt(bench: Bench, failures: Any, never: float) -> None:
    """
    C{reconnection} is for that.
    """
    socket = bench.online()
    socket.io.lengthen = lambda delay: never
    bench.connection.drop()
    bench.advance(1)
    assert socket.connected
    assert len(failures.flush(ValueError, OverflowError)) == 1


def whenAsked(bench: Bench, moment: str, act: Any) -> Socket:
    """
    A socket whose C{lengthen} does something after a loss, or after an attempt.
    """
    socket = bench.online()
    if moment == "attempt":
        bench.refuse(1)
        bench.connection.drop()
        bench.flush()
    socket.io.lengthen = lambda delay: float(bool(act(socket)))
    if moment == "loss":
        bench.connection.drop()
    bench.advance(10)
    return socket


@pytest.mark.parametrize("moment", ["loss", "attempt"])
@pytest.mark.parametrize("end", [lambda socket: socket.io.close(), Socket.disconnect])
def test_lengthenMayClose(bench: Bench, moment: str, end: Any) -> None:
    """
    Then no attempt is waited for.
    """
    socket = whenAsked(bench, moment, end)
    assert socket.state == "disconnected" and bench.timers == 0


@pytest.mark.parametrize("moment", ["loss", "attempt"])
def test_lengthenMayConnectAnew(bench: Bench, moment: str) -> None:
    """
    Then that is the next attempt, and no other follows.
    """
    socket = whenAsked(bench, moment, lambda socket: socket.disconnect().connect())
    assert socket.connected and len(bench.live) == 1


def test_whatLengthenEmitsIsKept(bench: Bench) -> None:
    """
    The connection is gone when it is asked.
    """
    socket = bench.online()
    socket.io.lengthen = lambda delay: float(bool(socket.emit("x")))
    bench.connection.drop()
    bench.advance(1)
    assert [each.event for each in bench.received] == ["x"]


# who connects again as soon as it is told


def connecting(socket: Socket) -> dict[str, list[Any]]:
    """
    Connect again, and wait for everything that can be waited for.
    """
    socket.connect()
    return {
        "open": outcomes(socket.io.whenOpen()),
        "connected": outcomes(socket.whenConnected()),
        "event": outcomes(socket.whenEvent("x")),
        "next": outcomes(socket.stream("x").__anext__()),
        "emit": outcomes(socket.emit("y")),
    }


@pytest.mark.parametrize(
    "wait",
    [
        lambda socket: socket.emit("a"),
        lambda socket: socket.emitWithAck("a"),
        lambda socket: socket.whenEvent("a"),
        lambda socket: socket.stream("a").__anext__(),
        Socket.whenConnected,
        lambda socket: socket.io.whenOpen(),
    ],
    ids=["emit", "emitWithAck", "whenEvent", "stream", "whenConnected", "whenOpen"],
)
def test_whoConnectsWhenAllIsGivenUpIsNotFailedWithIt(bench: Bench, wait: Any) -> None:
    """
    What begins while C{reconnect_failed} is told is of the next connection.
    """
    socket = bench.online(reconnectionAttempts=1)
    bench.refuse(2)
    bench.connection.drop()
    bench.flush()
    begun: list[Any] = []
    wait(socket).addErrback(lambda _: begun.append(connecting(socket)))
    bench.advance(5)
    bench.emit("x", 1)
    bench.flush()
    told = {"open": [socket.io], "connected": [socket], "event": [1], "next": [1], "emit": [True]}
    assert begun == [told]


@pytest.mark.parametrize("reconnection", [True, False])
def test_whoConnectsWhenNobodyTriesAgainIsNotFailedWithIt(bench: Bench, reconnection: bool) -> None:
    """
    The same when a refusal is final, or reconnection is off.
    """
    bench.use(lambda auth: None if begun or not reconnection else "no")
    bench.refuse(0 if reconnection else 1)
    socket = bench.connect(reconnection=reconnection)
    begun: list[Any] = []
    socket.whenEvent("a").addErrback(lambda _: begun.append(connecting(socket)))
    bench.advance(5)
    assert [(each["open"], each["connected"]) for each in begun] == [([socket.io], [socket])]


def test_whoStopsTryingWhenTheFirstIsToldEndsThemAll(bench: Bench) -> None:
    """
    Those who wait for the end of the other namespaces hear of it.
    """
    bench.of("/b")
    socket = bench.online()
    other = socket.io.socket("/b")
    bench.flush()
    ended = [outcomes(each.whenDisconnected()) for each in (socket, other)]
    socket.on("disconnect", lambda: socket.io.stopTrying())
    bench.connection.drop()
    bench.flush()
    assert ended == [[None], [None]]


@pytest.mark.parametrize("end", ["close", "giveUp"])
def test_aPolicyIsNotAskedOnAtTheEnd(bench: Bench, end: str) -> None:
    """
    What was asked whether to try again is cancelled with all else.
    """
    asked: Deferred[bool] = Deferred()
    bench.use(lambda auth: "no")
    socket = bench.connect(retryOnConnectError=lambda error: asked, reconnectionAttempts=1)
    bench.flush()
    if end == "close":
        socket.io.close()
    else:
        bench.refuse(1)
        bench.connection.drop()
        bench.advance(5)
    assert asked.called


def test_whoHearsOfALossMaySpendTheLastAttempt(bench: Bench) -> None:
    """
    Another namespace, told first that nobody tries again and then of the loss,
    is at its end: it can be left, and connected again.
    """
    bench.of("/b")
    socket = bench.online(reconnectionAttempts=0)
    manager, other = socket.io, socket.io.socket("/b")
    bench.flush()
    told = journal(other)
    gone = outcomes(other.whenDisconnected())
    socket.once("disconnect", lambda: (manager.open(), manager.engine.close()))
    bench.connection.drop()
    bench.flush()
    assert (other.state, names(told), len(gone)) == ("failed", ["disconnect"], 1)
    other.connect()
    bench.flush()
    assert other.connected
