"""
A socket joins its namespace: CONNECT and its answers, auth, time limits,
refusals, and who decides whether to try again.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from clientkit import Bench, benchFixture, journal, names, only, outcomes
from txsocketio.errors import (
    ConnectRefused,
    DecodeError,
    Disconnected,
    ReconnectFailed,
    TransportError,
)
from txsocketio.protocol.socketio import CONNECT_ERROR

bench = benchFixture


# asking


def test_connectWhenConnected(bench: Bench) -> None:
    """
    connect() on a connected socket does nothing and returns the socket
    (behaviours Q1, O4).
    """
    socket = bench.online()
    assert socket.connect() is socket and socket.open() is socket
    bench.flush()
    assert bench.texts == ["0"]


def test_connectTwiceBeforeTheAnswer(bench: Bench) -> None:
    """
    CONNECT is sent once, however often connect() is called before the answer
    (behaviours Q3; faults R3).
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    bench.flush()
    socket.connect()
    socket.connect()
    bench.flush()
    assert bench.texts == ["0"]


def test_chaining(bench: Bench) -> None:
    """
    disconnect().connect() in the connect listener gives one disconnect event
    (behaviours B21).
    """
    socket = bench.connect()
    told = journal(socket)
    socket.once("connect", lambda: socket.disconnect().connect())
    bench.flush()
    assert told.count(("disconnect", "io client disconnect")) == 1
    assert socket.connected and names(told).count("connect") == 2


def test_disconnectWhileOpening(bench: Bench) -> None:
    """
    disconnect() before anything was answered is silent and leaves nothing
    (behaviours B4, Q33).
    """
    socket = bench.connect()
    told = journal(socket)
    socket.io.on("error", told.append)
    socket.disconnect()
    bench.advance(60)
    assert told == [] and bench.live == [] and bench.timers == 0


def test_disconnectBeforeTheAnswerBesideOthers(bench: Bench) -> None:
    """
    When the answer to CONNECT comes after disconnect(), the server is told
    that we left.
    """
    bench.of("/b")
    main = bench.online()
    other = main.io.socket("/b")
    told = journal(other)
    other.disconnect()
    bench.flush()
    assert told == [] and main.connected
    assert bench.texts == ["0", "0/b,", "1/b,"] and bench.of("/b").sockets == {}


def test_refusalAfterDisconnect(bench: Bench) -> None:
    """
    A refusal that comes after disconnect() is nobody's business any more.
    """
    bench.use("/b", lambda auth: "no")
    main = bench.online()
    other = main.io.socket("/b")
    told = journal(other)
    other.disconnect()
    bench.flush()
    other.connect()
    bench.flush()
    assert names(told) == ["connect_error"] and bench.texts == ["0", "0/b,", "0/b,"]


def test_disconnectAndConnectBeforeTheAnswer(bench: Bench) -> None:
    """
    The answer to the first CONNECT serves the second connect().
    """
    bench.of("/b")
    main = bench.online()
    other = main.io.socket("/b")
    other.disconnect().connect()
    bench.flush()
    assert other.connected and bench.texts == ["0", "0/b,"]


def test_connectAgainHasItsTimeLimit(bench: Bench) -> None:
    """
    connect() after a disconnect() that left CONNECT unanswered is under
    connectTimeout as well.
    """
    bench.of("/b").answersConnect = False
    other = bench.online().io.socket("/b")
    other.disconnect().connect()
    told = journal(other)
    bench.advance(20)
    assert names(told) == ["connect_error"]


def test_eventBeforeTheSecondSessionIsReady(bench: Bench) -> None:
    """
    After leaving and joining again on the same connection, what comes while
    session listeners run is kept for them.
    """
    bench.of("/b")
    other = bench.online().io.socket("/b")
    bench.flush()
    other.disconnect()
    bench.flush()
    later: Deferred[None] = Deferred()
    other.onSession(lambda info: later)
    told = journal(other, "x")
    other.connect()
    bench.flush()
    bench.connection.sendRaw('42/b,["x"]')
    bench.flush()
    later.callback(None)
    assert names(told) == ["x", "connect"]


# the server's answers


@pytest.mark.parametrize("answer", ["40", "40{}"])
def test_aVersionTwoServer(bench: Bench, answer: str) -> None:
    """
    CONNECT without a session id explains that the server is too old; the
    socket is inactive and the engine closed (behaviours A27; faults F87).
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    told = journal(socket)
    bench.flush()
    bench.connection.sendRaw(answer)
    bench.advance(60)
    assert names(told) == ["connect_error"] and "Socket.IO 2" in str(told[0][1])
    assert not socket.active and bench.live == [] and len(bench.attempts) == 1


@pytest.mark.parametrize(
    "answer", ['40{"sid":7}', '40{"sid":""}', '40{"sid":"a","pid":7}', f'40{{"sid":"{"x" * 257}"}}']
)
def test_aBadSessionID(bench: Bench, answer: str) -> None:
    """
    A session id that is none is a parse error (faults F89).
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(reconnection=False)
    told = journal(socket)
    bench.flush()
    bench.connection.sendRaw(answer)
    bench.flush()
    assert names(told) == ["connect_error"] and isinstance(told[0][1], DecodeError)


def test_connectTwiceWithTheSameID(bench: Bench) -> None:
    """
    A CONNECT that is repeated is ignored (faults F90, R13).
    """
    socket = bench.online()
    told = journal(socket)
    bench.connection.sendRaw(f'40{{"sid":"{socket.id}"}}')
    bench.flush()
    assert told == [] and socket.connected


def test_connectTwiceWithAnotherID(bench: Bench) -> None:
    """
    A second CONNECT with another id is a parse error (faults F90, R13).
    """
    socket = bench.online()
    told = journal(socket)
    bench.connection.sendRaw('40{"sid":"other"}')
    bench.flush()
    assert told == [("disconnect", "parse error")]


def test_connectForAnotherNamespace(bench: Bench) -> None:
    """
    Packets for namespaces nobody asked for are dropped (behaviours O13, O14;
    faults F91, F80, F95).
    """
    socket = bench.online()
    socket.io.socket("/b").disconnect()
    told = journal(socket, "x")
    bench.advance(0)
    for packet in ('40/a,{"sid":"x"}', '42/a,["x"]', "41/a,", '44/a,{"message":"m"}', '42/b,["x"]'):
        bench.connection.sendRaw(packet)
    bench.flush()
    assert told == [] and socket.connected


def test_connectNobodyAskedFor(bench: Bench) -> None:
    """
    A CONNECT for a socket that did not ask is dropped (faults F91).
    """
    main = bench.online()
    idle = main.io.socket("/b")
    idle.disconnect()
    bench.flush()
    for packet in ('40/b,{"sid":"x"}', '44/b,{"message":"m"}', "41/b,"):
        bench.connection.sendRaw(packet)
    bench.flush()
    assert idle.state == "disconnected" and main.connected


# refused


def test_refused(bench: Bench) -> None:
    """
    A refusal is a connect_error with the server's message and data; the
    socket is inactive (behaviours B19, Q12).
    """
    bench.use("/", lambda auth: ("Auth failed", {"code": 7}))
    socket = bench.connect()
    told = journal(socket)
    seen = outcomes(socket.whenConnected())
    waits = outcomes(socket.whenEvent("x"))
    bench.flush()
    error = only(seen, ConnectRefused)
    assert told == [("connect_error", error)] and waits == [error]
    assert (error.message, error.data, socket.active) == ("Auth failed", {"code": 7}, False)
    assert "Auth failed" in socket.why and bench.live == []


def test_refusedDoesNotComeBack(bench: Bench) -> None:
    """
    A refused socket does not come back with a reconnection (behaviours B20).
    """
    bench.use("/no", lambda auth: "no")
    main = bench.online()
    told = journal(main.io.socket("/no"))
    bench.flush()
    bench.connection.drop()
    bench.advance(1)
    assert names(told) == ["connect_error"] and main.connected


def test_oneOfThreeIsRefused(bench: Bench) -> None:
    """
    Namespaces succeed and fail one by one (behaviours O5, O14).
    """
    bench.of("/a")
    bench.use("/no", lambda auth: "no")
    main = bench.connect()
    sockets = [main, main.io.socket("/a"), main.io.socket("/no")]
    seen = [outcomes(each.whenConnected()) for each in sockets]
    bench.flush()
    assert seen[:2] == [[sockets[0]], [sockets[1]]]
    assert only(seen[2], ConnectRefused).namespace == "/no"


def test_invalidNamespace(bench: Bench) -> None:
    """
    An unknown namespace names the fix.
    """
    seen = outcomes(bench.connect("http://memory/nowhere").whenConnected())
    bench.flush()
    assert 'namespace="/"' in str(only(seen, ConnectRefused))


@pytest.mark.parametrize(
    ("answer", "message", "data"),
    [
        ("44", "connection refused", None),
        ('44"text"', "text", None),
        ("44{}", "", None),
        ('44{"message":5}', "5", None),
        ('44{"message":"m","data":[1]}', "m", [1]),
        (f'44{{"message":"{"m" * 1000000}"}}', "m" * 1000000, None),
    ],
)
def test_shapesOfRefusals(bench: Bench, answer: str, message: str, data: Any) -> None:
    """
    connect_error carries what the server said, whatever its shape (behaviours
    O14; faults F93, R1).
    """
    bench.of("/").answersConnect = False
    seen = outcomes(bench.connect().whenConnected())
    bench.flush()
    bench.connection.sendRaw(answer)
    bench.flush()
    error = only(seen, ConnectRefused)
    assert (error.message, error.data) == (message, data)


@pytest.mark.parametrize("answer", ["44null", "44[1]", "447"])
def test_malformedRefusals(bench: Bench, answer: str) -> None:
    """
    A CONNECT_ERROR that is none is a parse error (faults F93).
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(reconnection=False)
    told = journal(socket)
    bench.flush()
    bench.connection.sendRaw(answer)
    bench.flush()
    assert names(told) == ["connect_error"] and isinstance(told[0][1], DecodeError)


def test_refusedWhileConnected(bench: Bench) -> None:
    """
    CONNECT_ERROR in a session ends it: connect_error, then disconnect, and
    acknowledgements fail (faults F94, R5).
    """
    socket = bench.online()
    told = journal(socket)
    pending = outcomes(socket.emitWithAck("question"))
    bench.connection.sendRaw('44{"message":"out"}')
    bench.flush()
    assert names(told) == ["connect_error", "disconnect"]
    assert told[1] == ("disconnect", "io server disconnect")
    assert only(pending, Disconnected).reason == "io server disconnect"
    assert not socket.active and bench.live == []


def test_disconnectWhileRefusedInASession(bench: Bench) -> None:
    """
    The listener of that connect_error may disconnect.
    """
    socket = bench.online()
    told = journal(socket)
    socket.on("connect_error", socket.disconnect)
    bench.connection.sendRaw('44{"message":"out"}')
    bench.flush()
    assert told[1:] == [("disconnect", "io client disconnect")]


# policies


def test_retryOnConnectError(bench: Bench) -> None:
    """
    With retryOnConnectError a refused socket tries again with growing delays.
    """
    refusals = ["no", "no", None]
    bench.use("/", lambda auth: refusals.pop(0))
    socket = bench.connect(retryOnConnectError=True)
    told = journal(socket)
    bench.advance(2.9)
    assert names(told) == ["connect_error"] * 2 and socket.state == "waiting"
    bench.advance(0.1)
    assert socket.connected and len(bench.attempts) == 3


def test_retryBesideAConnectedNamespace(bench: Bench) -> None:
    """
    A refused namespace tries again without touching the connection of the
    others.
    """
    refusals = ["no", "no", None]
    bench.use("/b", lambda auth: refusals.pop(0))
    main = bench.online(retryOnConnectError=True)
    other = main.io.socket("/b")
    bench.advance(2.9)
    assert (other.state, main.connected) == ("waiting", True)
    bench.advance(0.1)
    assert other.connected and len(bench.attempts) == 1


def test_connectDuringItsOwnWait(bench: Bench) -> None:
    """
    connect() cuts the wait of a refused namespace short; disconnect() ends
    it.
    """
    refusals = ["no", "no", None]
    bench.use("/b", lambda auth: refusals.pop(0))
    other = bench.online(retryOnConnectError=True).io.socket("/b")
    bench.flush()
    other.connect()
    bench.flush()
    other.disconnect()
    bench.advance(60)
    assert len(refusals) == 1 and other.state == "disconnected"


def test_connectDuringItsOwnWaitEndsIt(bench: Bench) -> None:
    """
    connect() during the wait takes the place of the attempt that was planned.
    """
    bench.use("/b", lambda auth: "no")
    main = bench.online(retryOnConnectError=True)
    other = main.io.socket("/b")
    bench.flush()
    bench.advance(0.5)
    other.connect()
    bench.advance(1)
    assert bench.texts == ["0", "0/b,", "0/b,"]


def test_lossDuringItsOwnWait(bench: Bench) -> None:
    """
    When the connection is lost, a refused namespace comes back with the
    others, not at its own time.
    """
    refusals = ["no", None]
    bench.use("/b", lambda auth: refusals.pop(0))
    main = bench.online(retryOnConnectError=True)
    other = main.io.socket("/b")
    bench.advance(0.5)
    bench.connection.drop()
    bench.advance(0.9)
    assert not other.connected
    bench.advance(0.1)
    assert other.connected and main.connected


def test_reconnectionOffDuringItsOwnWait(bench: Bench) -> None:
    """
    A namespace that waits on its own gives up as well when reconnection is
    turned off.
    """
    bench.use("/b", lambda auth: "no")
    main = bench.online(retryOnConnectError=True)
    other = main.io.socket("/b")
    seen = outcomes(other.whenConnected())
    bench.flush()
    main.io.stopTrying()
    bench.advance(1)
    only(seen, ConnectRefused)
    assert not other.active and main.connected


async def _yes(about: Any) -> bool:
    return True


@pytest.mark.parametrize("policy", [lambda error: True, _yes, lambda error: succeed(1)])
def test_aPolicySaysYes(bench: Bench, policy: Any) -> None:
    """
    retryOnConnectError may be asked: a function, a coroutine, a Deferred.
    """
    refusals = ["no", None]
    bench.use("/", lambda auth: refusals.pop(0))
    socket = bench.connect(retryOnConnectError=policy)
    bench.advance(1)
    assert socket.connected


def test_aPolicySeesTheError(bench: Bench) -> None:
    """
    It is given the error and may say no.
    """
    bench.use("/", lambda auth: "no")
    asked: list[Any] = []
    socket = bench.connect(retryOnConnectError=asked.append)
    bench.advance(60)
    assert [each.message for each in asked] == ["no"] and not socket.active


def test_aPolicyRenewsCredentials(bench: Bench) -> None:
    """
    A policy may take its time to renew what auth then gives.
    """
    token = {"token": "old"}
    renewed: Deferred[bool] = Deferred()
    bench.use("/", lambda auth: None if auth["token"] == "new" else "expired")
    socket = bench.connect(auth=lambda: token, retryOnConnectError=lambda error: renewed)
    told = journal(socket)
    bench.advance(10)
    assert told == [] and len(bench.attempts) == 1
    token = {"token": "new"}
    renewed.callback(True)
    bench.advance(1)
    assert names(told) == ["connect_error", "connect"]


def test_aPolicyFails(bench: Bench, failures: Any) -> None:
    """
    A policy that raises is logged and counts as no.
    """
    bench.use("/", lambda auth: "no")
    socket = bench.connect(retryOnConnectError=lambda error: {}["missing"])
    told = journal(socket)
    bench.advance(60)
    assert names(told) == ["connect_error"] and not socket.active
    assert len(failures.flush(KeyError)) == 1


@pytest.mark.parametrize("verb", ["disconnect", "connect"])
def test_actingWhileAPolicyIsAsked(bench: Bench, verb: str, failures: Any) -> None:
    """
    disconnect() and connect() need not wait for a policy: it is cancelled,
    and what it says does not matter any more.
    """
    refusals = ["no", None]
    bench.of("/b")
    bench.use("/", lambda auth: refusals.pop(0))
    cancelled: list[Any] = []
    asked: Deferred[Any] = Deferred(cancelled.append)
    socket = bench.connect(retryOnConnectError=lambda error: asked)
    bench.flush()
    getattr(socket, verb)()
    bench.advance(60)
    assert cancelled == [asked] and socket.connected is (verb == "connect")
    assert failures.flush() == []


@pytest.mark.parametrize("verb", ["disconnect", "connect"])
def test_actingInsideAPolicy(bench: Bench, verb: str) -> None:
    """
    A policy may itself disconnect or connect; then what it returns does not
    matter.
    """
    refusals = ["no", None]
    bench.use("/", lambda auth: refusals.pop(0))

    def policy(error: Any) -> bool:
        getattr(socket, verb)()
        return verb == "disconnect"

    socket = bench.connect(retryOnConnectError=policy)
    bench.advance(60)
    assert socket.connected is (verb == "connect")


def test_aLossWhileAPolicyIsAsked(bench: Bench) -> None:
    """
    A refused socket is not asked for again by a reconnection before its
    policy has spoken.
    """
    refusals: list[Any] = ["no", None]
    bench.use("/b", lambda auth: refusals.pop(0))
    asked: Deferred[bool] = Deferred()
    main = bench.online(retryOnConnectError=lambda error: asked)
    other = main.io.socket("/b")
    bench.flush()
    bench.connection.drop()
    bench.advance(5)
    assert main.connected and len(refusals) == 1
    asked.callback(True)
    bench.advance(1)
    assert other.connected


def test_aPolicySaysYesAfterALoss(bench: Bench) -> None:
    """
    A policy that says yes while the connection is away lets the socket come
    back with it.
    """
    refusals: list[Any] = ["no", None]
    bench.use("/", lambda auth: refusals.pop(0))
    asked: Deferred[bool] = Deferred()
    socket = bench.connect(retryOnConnectError=lambda error: asked)
    bench.flush()
    bench.connection.drop()
    bench.flush()
    asked.callback(True)
    bench.advance(1)
    assert socket.connected and len(bench.attempts) == 2


def test_connectInTheListenerOfARefusal(bench: Bench) -> None:
    """
    Who connects again in connect_error keeps waiting.
    """
    refusals: list[Any] = ["no", None]
    bench.use("/", lambda auth: refusals.pop(0))
    socket = bench.connect()
    seen = outcomes(socket.whenConnected())
    socket.once("connect_error", socket.connect)
    bench.flush()
    assert seen == [socket]


def test_connectWhenTheWaitFails(bench: Bench) -> None:
    """
    So does who connects again when whenConnected fails: whoever waits for the
    disconnection goes on waiting, too.
    """
    refusals: list[Any] = ["no", None]
    bench.use("/", lambda auth: refusals.pop(0))
    socket = bench.connect()
    gone = outcomes(socket.whenDisconnected())
    socket.whenConnected().addErrback(lambda _: socket.connect())
    bench.flush()
    assert socket.connected and gone == []


def test_waitsThatCancelEachOther(bench: Bench) -> None:
    """
    One that waits may cancel another while all are told.
    """
    bench.use("/", lambda auth: "no")
    socket = bench.connect()
    for when in (socket.whenConnected, socket.whenDisconnected):
        first, second = when(), when()
        first.addBoth(lambda _, second=second: second.cancel())
        second.addErrback(lambda failure: failure.trap(CancelledError))
    bench.flush()
    assert not socket.active


def test_attemptsSpentInANamespace(bench: Bench) -> None:
    """
    A namespace that is not answered uses up attempts like any failure.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(reconnectionAttempts=0, connectTimeout=1)
    seen = outcomes(socket.whenConnected())
    bench.advance(1)
    only(seen, ReconnectFailed)
    assert socket.state == "failed"


def test_anIdleNamespaceHearsNothing(bench: Bench) -> None:
    """
    Failing attempts are no business of a socket that was disconnected.
    """
    socket = bench.connect(reconnectionAttempts=1)
    other = socket.io.socket("/b")
    told = journal(other)
    other.disconnect()
    bench.refuse(None)
    bench.advance(5)
    assert told == [] and (socket.state, other.state) == ("failed", "disconnected")


def test_authOfOneFailsAsTheEngineOpens(bench: Bench, flushLoggedErrors: Any) -> None:
    """
    When the first namespace's auth fails at once, the second is asked for on
    the next connection.
    """
    bench.of("/b")
    socket = bench.connect(auth=_fails)
    other = socket.io.socket("/b", auth={"b": 1})
    bench.flush()
    socket.auth = None
    bench.advance(1)
    assert socket.connected and other.connected and bench.texts == ["0", '0/b,{"b":1}']
    assert flushLoggedErrors(LookupError)


def test_anotherParsersPackets(bench: Bench) -> None:
    """
    What a parser lets through is looked at again: a refusal that is none is a
    parse error, an unknown packet is ignored.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(reconnection=False)
    told = journal(socket)
    bench.flush()
    socket.packetReceived(9, None, None)
    assert told == []
    socket.packetReceived(CONNECT_ERROR, None, [1])
    assert isinstance(told[0][1], DecodeError)


# put out


def test_serverDisconnect(bench: Bench) -> None:
    """
    A namespace that the server ends does not come back by itself, and the
    engine closes with the last one (behaviours Q11, Q7; faults F95).
    """
    socket = bench.online()
    told = journal(socket)
    event = outcomes(socket.whenEvent("x"))
    gone = outcomes(socket.whenDisconnected())
    bench.of("/").disconnectSockets()
    bench.advance(60)
    assert told == [("disconnect", "io server disconnect")]
    assert only(event, Disconnected).reason == "io server disconnect" and gone == [None]
    assert not socket.active and bench.live == []


def test_serverDisconnectTwice(bench: Bench) -> None:
    """
    A second DISCONNECT is dropped; one with data is no packet (faults F95).
    """
    bench.of("/b")
    main = bench.online()
    other = main.io.socket("/b")
    bench.flush()
    told = journal(other)
    bench.connection.sendRaw("41/b,")
    bench.connection.sendRaw("41/b,")
    bench.flush()
    assert names(told) == ["disconnect"] and main.connected
    bench.connection.sendRaw("41{}")
    bench.flush()
    assert not main.connected


def test_connectFromTheListenerOfAServerDisconnect(bench: Bench) -> None:
    """
    The disconnect listener may connect again, and wait for it.
    """
    socket = bench.online()
    seen: list[Any] = []
    socket.once("disconnect", socket.connect)
    socket.once("disconnect", lambda: seen.append(outcomes(socket.whenConnected())))
    bench.of("/").disconnectSockets()
    bench.flush()
    assert socket.connected and seen == [[socket]]


def test_serverDisconnectBeforeTheAnswer(bench: Bench) -> None:
    """
    A DISCONNECT in place of the answer to CONNECT is a connect_error: there
    was no session to disconnect.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect()
    told = journal(socket)
    seen = outcomes(socket.whenConnected())
    bench.flush()
    bench.connection.sendRaw("41")
    bench.flush()
    assert told == [("connect_error", only(seen, Disconnected))] and not socket.active


@pytest.mark.parametrize("policy", [True, lambda reason: reason == "io server disconnect", _yes])
def test_retryOnServerDisconnect(bench: Bench, policy: Any) -> None:
    """
    With retryOnServerDisconnect the socket comes back.
    """
    socket = bench.online(retryOnServerDisconnect=policy)
    told = journal(socket)
    bench.of("/").disconnectSockets()
    bench.advance(1)
    assert told == [("disconnect", "io server disconnect"), "connect"]


def test_retryOnServerDisconnectSaysNo(bench: Bench) -> None:
    """
    A policy that says no leaves the socket disconnected.
    """
    socket = bench.online(retryOnServerDisconnect=lambda reason: False)
    told = journal(socket)
    bench.of("/").disconnectSockets()
    bench.advance(60)
    assert names(told) == ["disconnect"] and not socket.active and bench.live == []


def test_retryOnServerDisconnectWithoutReconnection(bench: Bench) -> None:
    """
    Without reconnection nothing is tried again, whatever the policy says.
    """
    socket = bench.online(retryOnServerDisconnect=True, reconnection=False)
    told = journal(socket)
    bench.of("/").disconnectSockets()
    bench.advance(60)
    assert names(told) == ["disconnect"] and not socket.active and bench.timers == 0


def test_disconnectInTheListenerUnderAPolicy(bench: Bench) -> None:
    """
    Whoever disconnects in the disconnect listener is obeyed.
    """
    socket = bench.online(retryOnServerDisconnect=True)
    socket.on("disconnect", socket.disconnect)
    bench.of("/").disconnectSockets()
    bench.advance(60)
    assert socket.state == "disconnected" and bench.live == []


# time limits


def test_connectTimeout(bench: Bench) -> None:
    """
    A CONNECT that is not answered is a connect_error within connectTimeout;
    alone, the connection is given up and tried again (behaviours O6; faults
    F92).
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(connectTimeout=3)
    told = journal(socket)
    closed: list[Any] = []
    socket.io.on("close", lambda reason: closed.append(reason))
    bench.advance(2.9)
    assert told == [] and socket.state == "connecting"
    bench.advance(0.2)
    assert told[0][1].message == "timeout" and closed == ["forced close"]
    bench.of("/").answersConnect = True
    bench.advance(1)
    assert socket.connected and len(bench.attempts) == 2


def test_connectTimeoutBesideAConnectedNamespace(bench: Bench) -> None:
    """
    The connection of a connected namespace is not closed because another is
    not answered; a late answer still counts (faults F92).
    """
    bench.of("/b").answersConnect = False
    main = bench.online(connectTimeout=3)
    other = main.io.socket("/b")
    told = journal(other)
    bench.advance(7)
    assert names(told) == ["connect_error"] * 2 and main.connected
    bench.connection.sendRaw('40/b,{"sid":"late"}')
    bench.flush()
    assert other.id == "late" and bench.texts == ["0", "0/b,"]


def test_twoUnansweredNamespaces(bench: Bench) -> None:
    """
    Two namespaces that are not answered do not keep each other's connection.
    """
    for name in ("/a", "/b"):
        bench.of(name).answersConnect = False
    first = bench.connect("http://memory/a", connectTimeout=3)
    second = first.io.socket("/b")
    told = [journal(first), journal(second)]
    bench.advance(3)
    assert [names(each) for each in told] == [["connect_error"]] * 2
    for name in ("/a", "/b"):
        bench.of(name).answersConnect = True
    bench.advance(1)
    assert first.connected and second.connected and len(bench.attempts) == 2


def test_lateAnswerAfterAuthWasAsked(bench: Bench) -> None:
    """
    A late answer counts also where auth is a callable.
    """
    bench.of("/b").answersConnect = False
    other = bench.online().io.socket("/b", auth=lambda: {})
    bench.advance(30)
    bench.connection.sendRaw('40/b,{"sid":"late"}')
    bench.flush()
    assert other.id == "late" and bench.texts == ["0", "0/b,{}"]


def test_unansweredHearNothingWhileWaiting(bench: Bench) -> None:
    """
    When two namespaces were not answered and the connection is given up,
    their time limits do not run on during the wait.
    """
    bench.of("/").answersConnect = bench.of("/b").answersConnect = False
    socket = bench.connect(reconnectionDelay=60, reconnectionDelayMax=60)
    bench.flush()
    bench.advance(1)
    other = socket.io.socket("/b")
    told = journal(socket), journal(other)
    bench.advance(21)
    assert socket.io.state == "waiting"
    bench.advance(50)
    assert socket.io.state == "waiting"
    assert [names(each) for each in told] == [["connect_error"], ["connect_error"]]


@pytest.mark.parametrize(("verb", "attempts"), [("close", 3), ("open", 0)])
def test_actingAsAnUnansweredConnectionEnds(bench: Bench, verb: str, attempts: int) -> None:
    """
    When a connection is given up for a namespace that was not answered, and
    a listener closes with attempts left, or opens with none left, no
    attempts have failed.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(reconnectionAttempts=attempts)
    failed: list[int] = []
    socket.io.on("reconnect_failed", lambda: failed.append(1))
    socket.io.once("close", lambda: getattr(socket.io, verb)())
    bench.advance(20)
    assert failed == []


def test_aYoungQuestionIsNotCutOff(bench: Bench) -> None:
    """
    A namespace asked for later has its own time, whatever becomes of an
    older question; then the connection ends for both.
    """
    for name in ("/a", "/b"):
        bench.of(name).answersConnect = False
    first = bench.connect("http://memory/a", connectTimeout=3)
    bench.advance(2)
    second = first.io.socket("/b")
    told = [journal(first), journal(second)]
    bench.advance(1)
    assert len(bench.live) == 1
    bench.advance(2)
    assert bench.live == [] and [names(each) for each in told] == [["connect_error"]] * 2


def test_connectTimeoutWithoutReconnection(bench: Bench) -> None:
    """
    Without reconnection the socket gives up, and who waits is told.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(reconnection=False)
    seen = outcomes(socket.whenConnected())
    bench.advance(20)
    assert "not ready within 20 s" in str(only(seen, TransportError))
    assert not socket.active and bench.live == []


def test_noTimeAtAll(bench: Bench) -> None:
    """
    connectTimeout=0 means 0, not the default.
    """
    told = journal(bench.connect(connectTimeout=0, reconnection=False))
    bench.flush()
    assert told[0][1].message == "timeout"


# auth


def test_authIsSentWithConnect(bench: Bench) -> None:
    """
    auth goes in CONNECT, not in the query (behaviours B17).
    """
    bench.online(auth={"a": "b", "c": "d"})
    assert bench.of("/").sockets["s2"].auth == {"a": "b", "c": "d"}
    assert "a" not in bench.attempts[0].query


async def _auth() -> dict[str, int]:
    return {"a": 1}


@pytest.mark.parametrize("auth", [lambda: {"a": 1}, _auth, lambda: succeed({"a": 1})])
def test_authIsAsked(bench: Bench, auth: Any) -> None:
    """
    auth may be a function, a coroutine function, or give a Deferred
    (behaviours B18).
    """
    bench.online(auth=auth)
    assert bench.texts == ['0{"a":1}']


def test_authIsAskedEachTime(bench: Bench) -> None:
    """
    It is asked at each connection, and can be set (behaviours B18, O3).
    """
    tokens = iter("xyz")
    socket = bench.online(auth=lambda: {"t": next(tokens)})
    seen = [bench.texts[0]]
    bench.connection.drop()
    bench.advance(1)
    seen.append(bench.texts[0])
    socket.auth = {"t": "set"}
    bench.connection.drop()
    bench.advance(3)
    seen.append(bench.texts[0])
    assert seen == ['0{"t":"x"}', '0{"t":"y"}', '0{"t":"set"}']


def _fails() -> Any:
    raise LookupError("no token")


def test_authFails(bench: Bench, flushLoggedErrors: Any) -> None:
    """
    auth that fails is a connect_error, and tried again; each time it is said
    where it failed, and what (faults F121).
    """
    socket = bench.connect(auth=_fails)
    told = journal(socket)
    bench.advance(3)
    assert names(told) == ["connect_error"] * 3 and len(flushLoggedErrors(LookupError)) == 3
    assert socket.why == "LookupError: no token"


@pytest.mark.parametrize("auth", [lambda: 7, lambda: {1: 1}, lambda: {"a": "x" * 2000000}])
def test_authCannotBeSent(bench: Bench, auth: Any) -> None:
    """
    Neither can what auth gives that is nothing to send (faults F121).
    """
    socket = bench.connect(auth=auth)
    told = journal(socket)
    bench.advance(3)
    assert names(told) == ["connect_error"] * 3
    socket.auth = None
    bench.advance(4)
    assert socket.connected


def test_authFailsWithoutReconnection(bench: Bench, flushLoggedErrors: Any) -> None:
    """
    Without reconnection that is the end.
    """
    socket = bench.connect(auth=_fails, reconnection=False)
    seen = outcomes(socket.whenConnected())
    bench.advance(60)
    assert isinstance(seen[0], LookupError) and bench.live == []
    assert flushLoggedErrors(LookupError)


@pytest.mark.parametrize("beside", [False, True])
def test_authNeverFires(bench: Bench, beside: bool) -> None:
    """
    auth that never answers is cut off by connectTimeout, cancelled, and asked
    again, beside a connected namespace as well as alone.
    """
    cancelled: list[Any] = []
    answers: list[Any] = [Deferred(cancelled.append), {"a": 1}]
    bench.of("/b")
    if beside:
        socket = bench.online().io.socket("/b", auth=lambda: answers.pop(0))
    else:
        socket = bench.connect("http://memory/b", auth=lambda: answers.pop(0))
    told = journal(socket)
    bench.advance(20)
    assert names(told) == ["connect_error"] and len(cancelled) == 1
    bench.advance(1)
    assert socket.connected and bench.texts[-1] == '0/b,{"a":1}'


def test_slowAuthAcrossAReconnection(bench: Bench) -> None:
    """
    What auth says belongs to the connection it was asked for: a late answer
    sends nothing on the next one (faults R4).
    """
    slow: Deferred[Any] = Deferred()
    answers: list[Any] = [slow, {"n": 2}]
    bench.connect(auth=lambda: answers.pop(0))
    bench.flush()
    bench.connection.drop()
    bench.advance(1)
    slow.callback({"n": 1})
    bench.flush()
    assert bench.texts == ['0{"n":2}']


def test_slowAuthFailsAcrossAReconnection(bench: Bench) -> None:
    """
    So does a late failure (faults R4).
    """
    slow: Deferred[Any] = Deferred()
    answers: list[Any] = [slow, {"n": 2}]
    socket = bench.connect(auth=lambda: answers.pop(0))
    told = journal(socket)
    bench.flush()
    bench.connection.drop()
    bench.advance(1)
    slow.errback(LookupError())
    bench.flush()
    assert names(told) == ["connect_error", "connect"]  # the loss before the answer, no more


def test_disconnectWhileAuthIsAsked(bench: Bench) -> None:
    """
    disconnect() cancels auth; connect() then asks anew, also beside a
    connected namespace.
    """
    cancelled: list[Any] = []
    answers: list[Any] = [Deferred(cancelled.append), {"n": 2}]
    bench.of("/b")
    other = bench.online().io.socket("/b", auth=lambda: answers.pop(0))
    other.disconnect()
    assert len(cancelled) == 1
    other.connect()
    bench.flush()
    assert other.connected and bench.texts == ["0", '0/b,{"n":2}']


def test_disconnectInsideAuth(bench: Bench) -> None:
    """
    auth may itself disconnect: no CONNECT is sent.
    """
    bench.of("/b")
    main = bench.connect()
    other = main.io.socket("/b", auth=lambda: other.disconnect() and {})
    bench.flush()
    assert bench.texts == ["0"] and other.state == "disconnected" and main.connected


def test_reconnectInsideAuth(bench: Bench) -> None:
    """
    auth may disconnect and connect; then it is asked again, and CONNECT sent
    once.
    """
    asked: list[int] = []

    def auth() -> Any:
        asked.append(len(asked))
        if len(asked) == 1:
            socket.disconnect().connect()
        return {"n": len(asked)}

    bench.of("/b")
    main = bench.online()
    socket = main.io.socket("/b")
    bench.flush()
    socket.disconnect()
    socket.auth = auth
    socket.connect()
    bench.flush()
    assert socket.connected and bench.texts == ["0", "0/b,", "1/b,", '0/b,{"n":2}']


# whenConnected


def test_whenConnected(bench: Bench) -> None:
    """
    It fires with the socket, now or at the next connect, over failed
    attempts.
    """
    bench.refuse(2)
    socket = bench.connect()
    later = outcomes(socket.whenConnected())
    bench.advance(2)
    assert later == []
    bench.advance(1)
    assert later == outcomes(socket.whenConnected()) == [socket]


def test_whenConnectedCancelled(bench: Bench) -> None:
    """
    Cancelling it disconnects nothing, also when others are being told.
    """
    socket = bench.connect()
    first, second, third = (socket.whenConnected() for _ in range(3))
    first.addCallback(lambda _: second.cancel())
    seen = outcomes(second), outcomes(third)
    third.cancel()
    bench.flush()
    assert all(isinstance(each[0], CancelledError) for each in seen) and socket.connected


def test_whenConnectedFailsByDisconnect(bench: Bench) -> None:
    """
    disconnect() fails it in each state.
    """
    socket = bench.connect(autoConnect=False)
    seen = [outcomes(socket.whenConnected())]
    socket.disconnect()
    socket.connect()
    seen.append(outcomes(socket.whenConnected()))
    socket.disconnect()
    assert [only(each, Disconnected).reason for each in seen] == ["io client disconnect"] * 2
