"""
onSession: the one place to log in, subscribe, resynchronise.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from clientkit import Bench, benchFixture, journal, names, only, outcomes
from txsocketio.errors import AckTimeout, Disconnected, TransportError

bench = benchFixture


def holding(bench: Bench, **options: Any) -> Any:
    """
    A socket that is in its session, and what ends the set-up.
    """
    held: Deferred[None] = Deferred()
    socket = bench.connect(**options)
    socket.onSession(lambda info: held)
    bench.flush()
    assert bench.of("/").sockets and not socket.connected
    return socket, held


def test_order(bench: Bench) -> None:
    """
    id and recovered, session listeners, receive buffer, send buffer, retries,
    connect, whenConnected (behaviours Q10).
    """
    told: list[Any] = []
    bench.on("connection", lambda client: client.emit("early"))
    socket = bench.connect(retries=1)
    socket.onAnyOutgoing(lambda event: told.append(f"sent {event}"))
    socket.onSession(lambda info: told.append(("session", socket.id, socket.recovered)))
    socket.on("early", lambda: told.append("early"))
    socket.emit("queued").addErrback(lambda _: None)
    socket.on("connect", lambda: told.append("connect"))
    socket.whenConnected().addCallback(lambda _: told.append("whenConnected"))
    bench.flush()
    assert told[0] == ("session", socket.id, False)
    assert told[1:] == ["sent queued", "connect", "whenConnected", "early"]


def test_buffersInOrder(bench: Bench) -> None:
    """
    What is held back comes first, then what waits to be sent, then connect
    (behaviours Q10, Q13).
    """
    socket, held = holding(bench)
    told = journal(socket, "a", "b")
    socket.onAnyOutgoing(lambda event: told.append(f"sent {event}"))
    socket.emit("x")
    socket.emit("y")
    bench.emit("a")
    bench.emit("b")
    bench.flush()
    assert told == [] and socket.receiveBuffer == [["a"], ["b"]]
    assert socket.sendBuffer == [("x",), ("y",)]
    held.callback(None)
    assert names(told) == ["a", "b", "sent x", "sent y", "connect"]


def test_withoutListenersAllIsSynchronous(bench: Bench) -> None:
    """
    Events right behind CONNECT come after connect.
    """
    bench.on("connection", lambda client: client.emit("a"))
    told = journal(bench.connect(), "a")
    bench.flush()
    assert names(told) == ["connect", "a"]


def test_oncePerSession(bench: Bench) -> None:
    """
    Listeners are called once per session, one after the other, with what is
    known of the last one.
    """
    infos: list[Any] = []
    socket = bench.connect()
    assert socket.onSession(infos.append) is socket
    bench.flush()
    bench.connection.drop("transport error")
    bench.advance(1)
    assert [(each.first, each.reason, each.recovered) for each in infos] == [
        (True, None, False),
        (False, "transport error", False),
    ]


def test_whatIsNoListener(bench: Bench) -> None:
    """
    A session listener must be callable; without one, onSession is a decorator.
    """
    socket = bench.connect()
    with pytest.raises(TypeError, match="callable"):
        socket.onSession(7)  # type: ignore[call-overload]
    infos: list[Any] = []

    @socket.onSession()
    def listener(info: Any) -> None:
        infos.append(info)

    bench.flush()
    assert len(infos) == 1


def test_oneAfterTheOther(bench: Bench) -> None:
    """
    The second listener is called when the first is done.
    """
    first: Deferred[None] = Deferred()
    called: list[str] = []
    socket = bench.connect()
    socket.onSession(lambda info: first)
    socket.onSession(lambda info: called.append("second"))
    bench.flush()
    assert called == []
    first.callback(None)
    assert called == ["second"] and socket.connected


def test_offSession(bench: Bench) -> None:
    """
    Session listeners can be forgotten, one or all.
    """
    called: list[str] = []
    socket = bench.connect()
    one = socket.onSession()(lambda info: called.append("one"))
    socket.onSession(lambda info: called.append("two"))
    assert socket.offSession(one) is socket
    bench.flush()
    socket.offSession()
    bench.connection.drop()
    bench.advance(1)
    assert called == ["two"]


def test_talkingPastTheBuffers(bench: Bench) -> None:
    """
    info.emit, emitWithAck and whenEvent work while everything else waits.
    """
    done: list[Any] = []
    bench.on("connection", lambda client: client.on("login", lambda name: f"hello {name}"))

    async def logIn(info: Any) -> None:
        done.append(await info.emitWithAck("login", "me"))
        await info.emit("subscribe", b"x")
        done.append(await info.whenEvent("ready"))

    socket = bench.connect()
    socket.onSession(logIn)
    socket.emit("later")
    bench.flush()
    assert done == ["hello me"] and not socket.connected
    bench.emit("ready", 1)
    bench.flush()
    assert done == ["hello me", 1] and socket.connected
    assert [each.event for each in bench.received] == ["login", "subscribe", "later"]


def test_emitWithoutArguments(bench: Bench) -> None:
    """
    info.emit needs no arguments beside the name.
    """
    socket = bench.connect()
    socket.onSession(lambda info: info.emit("hello"))
    bench.flush()
    assert socket.connected and [each.event for each in bench.received] == ["hello"]


@pytest.mark.parametrize("beside", [False, True])
def test_aListenerFails(bench: Bench, beside: bool, flushLoggedErrors: Any) -> None:
    """
    A failure is a connect_error; the server is told, and the session tried
    again, alone or beside another namespace.
    """
    bench.of("/b")
    problems = [LookupError("login failed"), None]

    def logIn(info: Any) -> None:
        problem = problems.pop(0)
        if problem is not None:
            raise problem

    socket = bench.online().io.socket("/b") if beside else bench.connect("http://memory/b")
    socket.onSession(logIn)
    told = journal(socket)
    bench.flush()
    assert names(told) == ["connect_error"] and isinstance(told[0][1], LookupError)
    assert "login failed" in socket.why and not bench.of("/b").sockets
    bench.advance(1)
    assert socket.connected and names(told)[-1] == "connect"
    assert flushLoggedErrors(LookupError)


@pytest.mark.parametrize("beside", [False, True])
def test_aListenerHangs(bench: Bench, beside: bool) -> None:
    """
    It runs under connectTimeout: then it is cancelled, the server told, and
    the session tried again, beside a connected namespace as well.
    """
    bench.of("/b")
    cancelled: list[Any] = []
    waits: list[Any] = [Deferred(cancelled.append), None]
    socket = bench.online().io.socket("/b") if beside else bench.connect("http://memory/b")
    socket.onSession(lambda info: waits.pop(0))
    told = journal(socket)
    bench.advance(20)
    assert names(told) == ["connect_error"] and isinstance(told[0][1], TransportError)
    assert len(cancelled) == 1 and not bench.of("/b").sockets
    bench.advance(1)
    assert socket.connected


def test_aListenerFailsByTheServersAnswer(bench: Bench) -> None:
    """
    An error of ours is told as such: it shows where it comes from, and that
    is not the listener.
    """
    socket = bench.connect()
    socket.onSession(lambda info: info.whenEvent("welcome", timeout=2))
    told = journal(socket)
    bench.advance(2)
    assert names(told) == ["connect_error"] and isinstance(told[0][1], AckTimeout)
    assert socket.why == "'welcome' did not come within 2 s"


def test_aListenerFailsWithoutReconnection(bench: Bench, flushLoggedErrors: Any) -> None:
    """
    Without reconnection the socket gives up.
    """
    socket = bench.connect(reconnection=False)
    socket.onSession(lambda info: {}["missing"])
    seen = outcomes(socket.whenConnected())
    bench.advance(60)
    assert isinstance(seen[0], KeyError) and not socket.active and bench.live == []
    assert flushLoggedErrors(KeyError)


def test_lossDuringTheSetUp(bench: Bench) -> None:
    """
    When the connection goes meanwhile, the listener is cancelled, what it
    asked fails, and what was held back is forgotten (faults R2).
    """
    asked: list[Any] = []
    cancelled: list[Any] = []

    async def logIn(info: Any) -> None:
        asked.append(outcomes(info.emitWithAck("login")))
        try:
            await Deferred()
        except CancelledError as error:
            cancelled.append(error)
            raise

    socket = bench.connect()
    socket.onSession(logIn)
    told = journal(socket, "a")
    bench.flush()
    bench.emit("a")
    bench.flush()
    bench.connection.drop()
    bench.flush()
    assert names(told) == ["connect_error"] and len(cancelled) == 1
    only(asked[0], Disconnected)
    socket.offSession()
    bench.advance(1)
    assert names(told) == ["connect_error", "connect"]


def test_disconnectDuringTheSetUp(bench: Bench) -> None:
    """
    disconnect() tells the server, cancels the listener, and connects no more.
    """
    socket, held = holding(bench)
    told = journal(socket)
    seen = outcomes(socket.whenConnected())
    socket.disconnect()
    bench.advance(60)
    assert bench.texts == ["0", "1"] and told == [] and not socket.connected
    only(seen, Disconnected)
    assert held.called


def test_serverDisconnectDuringTheSetUp(bench: Bench) -> None:
    """
    Put out before the session was ready: a connect_error, and no more.
    """
    socket, _ = holding(bench)
    told = journal(socket)
    bench.of("/").disconnectSockets()
    bench.advance(60)
    assert names(told) == ["connect_error"] and not socket.active


def test_refusedDuringTheSetUp(bench: Bench) -> None:
    """
    A CONNECT_ERROR during the set-up ends it.
    """
    socket, _ = holding(bench)
    told = journal(socket)
    bench.connection.sendRaw('44{"message":"out"}')
    bench.advance(60)
    assert names(told)[0] == "connect_error" and not socket.active and bench.live == []


@pytest.mark.parametrize("beside", [False, True])
def test_disconnectInsideAListener(bench: Bench, beside: bool) -> None:
    """
    A session listener may disconnect in the very call: the server is told,
    and the socket is not connected.
    """
    bench.of("/b")
    socket = bench.online().io.socket("/b") if beside else bench.connect("http://memory/b")
    socket.onSession(lambda info: socket.disconnect() and None)
    told = journal(socket)
    bench.advance(30)
    assert (told, socket.connected, socket.id, socket.active) == ([], False, None, False)
    assert bench.texts[-2:] == ["0/b,", "1/b,"] and not bench.of("/b").sockets


def test_disconnectInsideAListenerThatGoesOn(bench: Bench) -> None:
    """
    The rest of such a listener is cancelled.
    """
    cancelled: list[Any] = []
    socket = bench.connect()

    def listener(info: Any) -> Any:
        socket.disconnect()
        return Deferred(cancelled.append)

    socket.onSession(listener)
    bench.flush()
    assert len(cancelled) == 1


def test_reconnectInsideAListener(bench: Bench) -> None:
    """
    disconnect().connect() inside a session listener begins a new session.
    """
    bench.of("/b")
    socket = bench.online().io.socket("/b")
    infos: list[Any] = []

    def listener(info: Any) -> None:
        infos.append(info)
        if len(infos) == 1:
            socket.disconnect().connect()

    socket.onSession(listener)
    bench.flush()
    assert socket.connected and [each.first for each in infos] == [True, False]
    assert bench.texts == ["0", "0/b,", "1/b,", "0/b,"]


@pytest.mark.parametrize("verb", ["emit", "emitWithAck"])
def test_infoOfAnEndedSession(bench: Bench, verb: str) -> None:
    """
    What a session listener was given is of no use after its session.
    """
    infos: list[Any] = []
    bench.of("/b")
    socket = bench.online().io.socket("/b")
    socket.onSession(infos.append)
    bench.flush()
    socket.disconnect()
    only(outcomes(getattr(infos[0], verb)("x")), Disconnected)
    bench.flush()
    assert bench.texts[-1] == "1/b,"


def test_tooMuchIsHeldBack(bench: Bench) -> None:
    """
    Held-back events are bounded by maxReceiveBufferBytes; beyond, the
    connection ends with a parse error (faults F81).
    """
    socket, _ = holding(bench, maxReceiveBufferBytes=10_000)
    told = journal(socket)
    for _ in range(20):
        bench.emit("a", "x" * 400)
    bench.flush()
    assert told == [] and len(socket.receiveBuffer) == 20
    bench.emit("a", {"deep": ["x" * 2000]}, b"y" * 1000)
    bench.flush()
    assert names(told) == ["connect_error"] and "too many events" in str(told[0][1])


def test_deepEventsAreHeldBackToo(bench: Bench) -> None:
    """
    An event deeper than we could send ourselves can be held back.
    """
    socket, held = holding(bench)
    told = journal(socket, "a")
    bench.connection.sendRaw('42["a",' + "[" * 500 + "]" * 500 + "]")
    bench.flush()
    held.callback(None)
    assert names(told) == ["a", "connect"]


def test_eventsOfALeftSessionAreNotHeldBack(bench: Bench) -> None:
    """
    What the server sent before it knew that we left does not turn up in the
    next session on the same connection (faults R2).
    """
    bench.of("/b")
    socket = bench.online().io.socket("/b")
    bench.flush()
    told = journal(socket, "old", "new")
    bench.of("/b").emit("old")
    socket.disconnect().connect()
    bench.of("/b").on("connection", lambda client: client.emit("new"))
    bench.flush()
    assert names(told) == ["disconnect", "connect", "new"]


def test_aListenerOfHeldBackEventsDisconnects(bench: Bench) -> None:
    """
    When a held-back event's listener disconnects, the next one is not
    delivered, nothing is sent, and as connect was not told, no disconnect is.
    """
    socket, held = holding(bench)
    told = journal(socket, "a", "b")
    socket.on("a", socket.disconnect)
    sent = outcomes(socket.emit("x"))
    bench.emit("a")
    bench.emit("b")
    bench.flush()
    held.callback(None)
    bench.flush()
    assert names(told) == ["a"] and sent == [False]
    assert bench.received == []


def test_lostWhileHeldBackEventsAreDelivered(bench: Bench) -> None:
    """
    A connection that ends before connect was told is one that could not be
    made: connect_error, no disconnect.
    """
    socket, held = holding(bench)
    told = journal(socket, "a", "b")
    socket.on("a", socket.io.engine.close)
    bench.emit("a")
    bench.emit("b")
    bench.flush()
    held.callback(None)
    assert names(told) == ["a", "connect_error"]


def test_whenEventDuringTheSetUp(bench: Bench) -> None:
    """
    whenEvent hears events that are held back.
    """
    socket, _ = holding(bench)
    seen = outcomes(socket.whenEvent("a"))
    bench.emit("a", 1, 2)
    bench.flush()
    assert seen == [(1, 2)]
