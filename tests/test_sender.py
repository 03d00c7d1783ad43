"""
How a socket emits: with answers, retries, limits, and every Deferred settled.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from fakes import FakeManager
from txsocketio.errors import (
    AckTimeout,
    BufferFull,
    Disconnected,
    Dropped,
    NotEncodable,
    PayloadTooLarge,
    ReconnectFailed,
    ReservedEventName,
)
from txsocketio.modifiers import PLAIN, Modifiers
from txsocketio.options import SocketOptions
from txsocketio.sender import Sender

VOLATILE = Modifiers(volatile=True)
TIMED = Modifiers(timeout=5.0)
CLOSED = Disconnected("io client disconnect")
TOO_LARGE = PayloadTooLarge(10, 5)


class Desk:
    """
    A sender over a recording manager, and what its Deferreds fired with.
    """

    def __init__(self, connected: bool = True, **options: Any) -> None:
        self.manager = FakeManager()
        self.clock = self.manager.reactor
        self.shown: list[Any] = []
        self.results: list[Any] = []
        self.called: list[Any] = []
        options = SocketOptions(**options)  # type: ignore[assignment]
        self.sender = Sender(self.manager, "/", options)  # type: ignore[arg-type]
        self.sender.outbox.show = self.shown.append
        if connected:
            self.sender.sessionReady()

    def watch(self, deferred: Deferred[Any]) -> Deferred[Any]:
        deferred.addCallbacks(self.results.append, lambda why: self.results.append(why.value))
        return deferred

    def emit(self, *args: Any, how: Modifiers = PLAIN) -> Deferred[Any]:
        return self.watch(self.sender.emit(how, args[0], args[1:]))

    def call(self, *args: Any, how: Modifiers = PLAIN) -> Deferred[Any]:
        return self.watch(self.sender.call(how, args[0], args[1:]))

    def ask(self, how: Modifiers = PLAIN) -> Deferred[Any]:
        """
        Emit with a callback.
        """
        return self.emit("ask", lambda *values: self.called.append(values), how=how)

    def answer(self, ackID: int, *values: Any) -> bool:
        return self.sender.acks.resolve(ackID, values)

    def lose(self) -> None:
        self.sender.sessionOver()
        self.sender.sessionEnded("transport close", None)

    @property
    def texts(self) -> list[str]:
        return [(text or b"").decode() for text, _ in self.manager.sent]

    @property
    def nothingLeft(self) -> bool:
        return self.sender.settled and not self.clock.getDelayedCalls()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def offline() -> Desk:
    return Desk(connected=False)


# emit


def test_emitNow(desk: Desk) -> None:
    """
    Connected, an event goes at once, and the Deferred fires C{True}.
    """
    desk.emit("a", 1)
    assert (desk.texts, desk.results) == (['2["a",1]'], [True])
    assert desk.shown == [("a", 1)]


def test_emitOffline(offline: Desk) -> None:
    """
    Offline, it waits in order and goes when the session is ready.
    """
    offline.emit("a")
    offline.emit("b")
    assert (offline.texts, offline.results) == ([], [])
    offline.sender.sessionReady()
    assert (offline.texts, offline.results) == (['2["a"]', '2["b"]'], [True, True])
    assert offline.nothingLeft


def test_frozen(offline: Desk) -> None:
    """
    What the caller does to the arguments afterwards does not matter.

    behaviours T14
    """
    data, raw = [1], bytearray(b"raw")
    offline.emit("a", data, raw)
    data.append(2)
    raw[:] = b"new"
    offline.sender.sessionReady()
    assert json.loads(offline.texts[0].partition("-")[2])[1] == [1]
    assert [bytes(each) for each in offline.manager.sent[0][1]] == [b"raw"]


@pytest.mark.parametrize("event", ["connect", "connect_error", "disconnect", "disconnecting"])
@pytest.mark.parametrize("way", ["emit", "call", "emitNow", "callNow"])
def test_reservedNames(desk: Desk, way: str, event: str) -> None:
    """
    The protocol's own names are refused at the call.

    behaviours B22
    """
    with pytest.raises(ReservedEventName, match=f'"{event}" is a reserved event name'):
        getattr(desk.sender, way)(PLAIN, event, ())


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("args", [({1},), (print, 1), (float,), ({1: 2},)])
def test_notEncodable(connected: bool, args: tuple[Any, ...]) -> None:
    """
    What cannot be sent is refused at the call, connected or not; nothing is
    kept, and no answer waited for.

    behaviours T12, T13, T18
    """
    desk = Desk(connected)
    with pytest.raises(NotEncodable):
        desk.sender.call(TIMED, "a", args)
    assert desk.nothingLeft
    assert desk.texts == []


@pytest.mark.parametrize("event", [True, None, 1.5, b"a", ("a",)])
def test_eventNames(desk: Desk, event: Any) -> None:
    """
    An event's name is text or a whole number.

    behaviours T15
    """
    with pytest.raises(NotEncodable):
        desk.sender.emit(PLAIN, event, ())


def test_numberAsName(desk: Desk) -> None:
    """
    A whole number is a name.

    behaviours T15
    """
    desk.emit(7, "x")
    assert desk.texts == ['2[7,"x"]']


def test_congested(desk: Desk) -> None:
    """
    The Deferred fires when little waits, so that a loop that awaits it never
    fills memory.
    """
    desk.manager.engine.congested = True
    desk.emit("a")
    assert (desk.texts, desk.results) == (['2["a"]'], [])
    desk.sender.outbox.drained()
    assert desk.results == [True]


def test_lostWhileCongested(desk: Desk) -> None:
    """
    What the engine had accepted when the connection was lost was accepted.
    """
    desk.manager.engine.congested = True
    desk.emit("a")
    desk.lose()
    assert desk.results == [True]


def test_tooLarge(desk: Desk) -> None:
    """
    A packet over the server's limit fails alone.
    """
    desk.manager.refuse = TOO_LARGE
    desk.emit("a")
    desk.call("a")
    assert desk.results == [TOO_LARGE, TOO_LARGE]
    assert desk.nothingLeft


def test_bufferFullOffline() -> None:
    """
    Offline, an emit over C{sendBufferLimit} raises and keeps nothing.
    """
    desk = Desk(False, sendBufferLimit=(1, None))
    desk.emit("a")
    with pytest.raises(BufferFull):
        desk.sender.call(TIMED, "b", ())
    assert (len(desk.sender.outbox), len(desk.sender.acks)) == (1, 0)


def test_bufferFullConnected() -> None:
    """
    Connected, an emit raises when the network takes nothing.
    """
    desk = Desk(sendBufferLimit=(None, 100))
    desk.manager.engine.congested, desk.manager.engine.buffered = True, 101
    with pytest.raises(BufferFull):
        desk.sender.emit(PLAIN, "a", ())
    assert desk.texts == []


def test_cancelOffline(offline: Desk) -> None:
    """
    A cancelled emit that still waits is never sent.
    """
    offline.emit("a").cancel()
    offline.emit("b")
    offline.sender.sessionReady()
    assert offline.texts == ['2["b"]']
    assert isinstance(offline.results[0], CancelledError)


def test_cancelOfflineWithCallback(offline: Desk) -> None:
    """
    Its callback is not waited for any more.
    """
    offline.ask(TIMED).cancel()
    assert offline.nothingLeft
    assert offline.called == []


def test_cancelSent(desk: Desk) -> None:
    """
    Cancelling an emit that was handed over only forgets it.
    """
    desk.manager.engine.congested = True
    desk.emit("a").cancel()
    desk.sender.outbox.drained()
    assert desk.texts == ['2["a"]']
    assert isinstance(desk.results[0], CancelledError)


def test_cancelAcceptedOffline(offline: Desk) -> None:
    """
    The same for one that waited and went.
    """
    waiting = offline.emit("a")
    offline.manager.engine.congested = True
    offline.sender.sessionReady()
    waiting.cancel()
    assert (offline.texts, len(offline.results)) == (['2["a"]'], 1)


# the heartbeat is overdue


def test_expired(desk: Desk) -> None:
    """
    When the server's ping is overdue nothing is written on the dead
    connection; it waits for the next.

    behaviours B48
    """
    desk.manager.engine.isExpired = True
    desk.call("a")
    assert desk.texts == []
    desk.lose()
    desk.manager.engine.isExpired = False
    desk.sender.sessionReady()
    assert (desk.texts, desk.results) == (['20["a"]'], [])
    desk.answer(0, 42)
    assert desk.results == [42]


def test_expiredEmit(desk: Desk) -> None:
    """
    So does what is emitted without a question.
    """
    desk.manager.engine.isExpired = True
    desk.emit("a")
    assert desk.texts == []
    desk.lose()
    desk.manager.engine.isExpired = False
    desk.sender.sessionReady()
    assert (desk.texts, desk.results) == (['2["a"]'], [True])


# volatile


def test_volatileConnected(desk: Desk) -> None:
    """
    Connected, a volatile event is sent, and the next one in the same turn as
    well.

    behaviours B26, B27
    """
    desk.emit("a")
    desk.emit("b", how=VOLATILE)
    desk.emit("c", how=VOLATILE)
    assert desk.texts == ['2["a"]', '2["b"]', '2["c"]']


def test_volatileOffline(offline: Desk) -> None:
    """
    Offline, it is dropped and never kept.

    behaviours B25
    """
    offline.emit("a", how=VOLATILE)
    offline.emit("b")
    offline.sender.sessionReady()
    assert offline.texts == ['2["b"]']
    assert offline.results == [False, True]


@pytest.mark.parametrize("trouble", ["congested", "isExpired"])
def test_volatileInTrouble(desk: Desk, trouble: str) -> None:
    """
    Above the high-water mark, and on a dead connection, it is dropped.

    behaviours B26
    """
    setattr(desk.manager.engine, trouble, True)
    desk.emit("a", how=VOLATILE)
    assert (desk.texts, desk.results) == ([], [False])


def test_volatileWantsAnswer(offline: Desk) -> None:
    """
    Who waits for the answer to a dropped event is told at once.
    """
    offline.call("a", how=VOLATILE)
    (error,) = offline.results
    assert isinstance(error, Dropped)
    assert offline.nothingLeft


def test_volatileCallback(offline: Desk) -> None:
    """
    An error-first callback hears that its event was dropped.
    """
    offline.ask(Modifiers(volatile=True, timeout=5.0))
    ((error,),) = offline.called
    assert isinstance(error, Dropped)
    assert offline.results == [False]


# answers


def test_callAnswered(desk: Desk) -> None:
    """
    C{emitWithAck} fires with the answer.

    behaviours B24
    """
    desk.call("echo", 123)
    desk.answer(0, 123)
    assert (desk.texts, desk.results) == (['20["echo",123]'], [123])
    assert desk.nothingLeft


def test_answersInOrder(offline: Desk) -> None:
    """
    What was emitted offline is answered before what was emitted later.

    behaviours B23
    """
    offline.call("first")
    offline.sender.sessionReady()
    offline.call("second")
    assert offline.texts == ['20["first"]', '21["second"]']


def test_callback(desk: Desk) -> None:
    """
    A callable as last argument is called with the answer; C{emit} itself
    fires when the packet is accepted.
    """
    desk.ask()
    desk.answer(0, 1, 2)
    assert (desk.called, desk.results, desk.texts) == ([(1, 2)], [True], ['20["ask"]'])


def test_callbackWithTimeout(desk: Desk) -> None:
    """
    With C{timeout} it is called error first.

    behaviours B38
    """
    desk.ask(TIMED)
    desk.answer(0, 42)
    assert desk.called == [(None, 42)]


def test_callbackWithAckTimeout() -> None:
    """
    C{ackTimeout} works as C{timeout} does on every emit.

    behaviours B41
    """
    desk = Desk(ackTimeout=0.05)
    desk.ask()
    desk.clock.advance(0.05)
    ((error,),) = desk.called
    assert isinstance(error, AckTimeout)


def test_timeoutWins() -> None:
    """
    C{timeout} counts, not C{ackTimeout}.
    """
    desk = Desk(ackTimeout=0.05)
    desk.call("a", how=TIMED)
    desk.clock.advance(1.0)
    desk.answer(0, 1)
    assert desk.results == [1]


def test_timeoutOffline(offline: Desk) -> None:
    """
    A packet whose time is up before it was sent is never sent.

    behaviours B35
    """
    offline.ask(TIMED)
    offline.clock.advance(5.0)
    offline.sender.sessionReady()
    ((error,),) = offline.called
    assert isinstance(error, AckTimeout)
    assert (offline.texts, offline.results) == ([], [False])


def test_timeoutZero(desk: Desk) -> None:
    """
    C{timeout(0)} fails once, though the answer comes later.

    behaviours B37
    """
    desk.ask(Modifiers(timeout=0.0))
    desk.clock.advance(0)
    desk.answer(0, 42)
    assert [type(each[0]) for each in desk.called] == [AckTimeout]


def test_cancelCallOffline(offline: Desk) -> None:
    """
    A cancelled C{emitWithAck} that still waits is never sent.
    """
    offline.call("a", how=TIMED).cancel()
    offline.sender.sessionReady()
    assert offline.texts == []
    assert offline.nothingLeft


def test_cancelCallSent(desk: Desk) -> None:
    """
    Once it was handed over, only the answer is forgotten.
    """
    desk.call("a", how=TIMED).cancel()
    assert not desk.answer(0, 1)
    assert (desk.texts, len(desk.results)) == (['20["a"]'], 1)
    assert desk.nothingLeft


def test_lost(desk: Desk) -> None:
    """
    When the connection is lost, answers to what was sent will not come.

    behaviours B45, Q9
    """
    desk.call("a", how=TIMED)
    desk.lose()
    (error,) = desk.results
    assert isinstance(error, Disconnected)
    assert error.reason == "transport close"
    assert desk.nothingLeft


def test_keptAfterLoss(offline: Desk) -> None:
    """
    Answers to what was not sent yet may still come.

    behaviours B47
    """
    offline.call("a")
    offline.emit("b")
    offline.ask()
    offline.lose()
    offline.sender.sessionReady()
    offline.answer(0, 42)
    assert (offline.results, len(offline.texts)) == ([True, True, 42], 3)


def test_readingGoesOn(desk: Desk) -> None:
    """
    Who asks must be able to hear the answer: a held connection is read again.
    """
    desk.manager.reading.held = True
    desk.emit("a")
    assert desk.manager.reading.held
    desk.call("a")
    assert not desk.manager.reading.held


# dropping, giving up


def test_clear(offline: Desk) -> None:
    """
    C{clearSendBuffer} drops what waits: C{emit} fires C{False},
    C{emitWithAck} fails.
    """
    offline.emit("a")
    offline.call("b", how=TIMED)
    offline.ask()
    assert offline.sender.clear() == 3
    kinds = [each if each is False else type(each) for each in offline.results]
    assert sorted(map(str, kinds)) == sorted(map(str, [False, False, Dropped]))
    assert offline.nothingLeft
    assert offline.sender.clear() == 0


def test_abandon(offline: Desk) -> None:
    """
    At the client's own C{disconnect()}, what was not sent fires C{False} and
    who waits for an answer fails.
    """
    offline.emit("a")
    offline.call("b")
    offline.sender.release()(False, CLOSED)
    assert offline.results == [False, CLOSED]
    assert offline.nothingLeft


def test_failed(offline: Desk) -> None:
    """
    When all attempts are spent, everything fails, and so does what is emitted
    afterwards.
    """
    error = ReconnectFailed(3)
    offline.emit("a")
    offline.sender.failure = error
    offline.sender.release()(error, error)
    offline.emit("b")
    offline.call("c")
    assert offline.results == [error] * 3


def test_settled(desk: Desk) -> None:
    """
    Nothing waits when nothing waits anywhere: here, in the engine, at the
    server.
    """
    assert desk.sender.settled
    desk.manager.engine.buffered = 1
    assert not desk.sender.settled
    desk.manager.engine = None
    assert desk.sender.settled


def test_outgoingListenerDisconnects(desk: Desk) -> None:
    """
    When an outgoing listener disconnects, who waits for the answer is told.

    behaviours T16; faults F122
    """

    def disconnect(_: Any) -> None:
        desk.sender.sessionOver()
        desk.sender.release()(False, CLOSED)

    desk.sender.outbox.show = disconnect
    desk.call("a")
    assert desk.results == [CLOSED]
    desk.emit("b")
    assert desk.texts == ['20["a"]']


def test_outgoingListenerEndsTheConnection(desk: Desk) -> None:
    """
    When an outgoing listener ends the connection, its event was accepted.

    faults F122
    """
    desk.sender.outbox.show = lambda _: setattr(desk.manager, "engine", None)
    desk.emit("a", print)
    assert desk.results == [True]


def test_emitWhenAnswered(desk: Desk) -> None:
    """
    A callback may emit.

    faults F122
    """
    desk.emit("a", lambda *_: desk.emit("b"))
    desk.answer(0)
    assert desk.texts == ['20["a"]', '2["b"]']


# past the buffers


def test_now(offline: Desk) -> None:
    """
    While a session is set up, its listeners talk past the buffers.
    """
    offline.emit("waits")
    offline.watch(offline.sender.emitNow(PLAIN, "login", ("me",)))
    offline.watch(offline.sender.emitNow(PLAIN, "ask", (offline.called.append,)))
    offline.watch(offline.sender.callNow(PLAIN, "token", ()))
    assert offline.texts == ['2["login","me"]', '20["ask"]', '21["token"]']
    offline.answer(0, "yes")
    offline.answer(1, "secret")
    assert (offline.called, offline.results) == (["yes"], [True, True, "secret"])


# retries


@pytest.fixture
def sure() -> Desk:
    return Desk(retries=3, ackTimeout=0.05)


def test_retriesInOrder(sure: Desk) -> None:
    """
    One packet is in flight; C{emit} fires when its answer came.

    behaviours C1
    """
    sure.emit("echo", 1)
    sure.emit("echo", 2)
    assert sure.texts == ['20["echo",1]']
    sure.answer(0, 1)
    assert (sure.texts[1:], sure.results) == (['21["echo",2]'], [True])


def test_retriesCallback(sure: Desk) -> None:
    """
    With retries callbacks are always error first.

    behaviours C1
    """
    sure.ask()
    sure.answer(0, 42)
    assert (sure.called, sure.results) == ([(None, 42)], [True])


def test_retriesSpent(sure: Desk) -> None:
    """
    Unanswered, the same event is sent four times with new ids, then fails.

    behaviours C2
    """
    sure.call("ack")
    sure.clock.pump([0.05] * 4)
    assert sure.texts == [f'2{number}["ack"]' for number in range(4)]
    assert isinstance(sure.results[0], AckTimeout)
    assert sure.nothingLeft


def test_retriesSpentCallback(sure: Desk) -> None:
    """
    With a callback, that is who hears of the failure.

    behaviours C2
    """
    sure.ask()
    sure.clock.pump([0.05] * 4)
    ((error,),) = sure.called
    assert isinstance(error, AckTimeout)
    assert sure.results == [False]


def test_retriesEmitSpent(sure: Desk) -> None:
    """
    Without one, what C{emit} returned fails.
    """
    sure.emit("ack")
    sure.clock.pump([0.05] * 4)
    assert isinstance(sure.results[0], AckTimeout)


def test_retriesOffline() -> None:
    """
    No time runs and no try is used up while offline.

    behaviours C3
    """
    desk = Desk(False, retries=3, ackTimeout=0.01)
    desk.emit("a")
    desk.clock.advance(100.0)
    desk.sender.sessionReady()
    desk.answer(0)
    assert (desk.texts, desk.results) == (['20["a"]'], [True])


def test_retriesDefaultTimeout() -> None:
    """
    C{retries} alone waits ten seconds for each answer.
    """
    desk = Desk(retries=1)
    desk.call("a")
    desk.clock.advance(9.9)
    assert len(desk.texts) == 1
    desk.clock.advance(0.2)
    assert len(desk.texts) == 2


def test_retriesAfterLoss(sure: Desk) -> None:
    """
    What was in flight is sent again in the next session.
    """
    sure.call("a")
    sure.lose()
    sure.sender.sessionReady()
    sure.answer(1, "yes")
    assert (sure.texts, sure.results) == (['20["a"]', '21["a"]'], ["yes"])


def test_retriesVolatile(sure: Desk) -> None:
    """
    A volatile event goes past the queue.

    behaviours Q6
    """
    sure.emit("a")
    sure.emit("b", how=VOLATILE)
    sure.call("c", how=VOLATILE)
    assert sure.texts == ['20["a"]', '2["b"]', '21["c"]']


def test_retriesFrozen(sure: Desk) -> None:
    """
    The second try sends what was emitted, whatever the caller did since.

    behaviours T14
    """
    data: dict[str, Any] = {"list": [1], "tuple": ({},), "raw": bytearray(b"raw")}
    sure.call("a", data, memoryview(b"view"))
    data["list"].append(2)
    data["tuple"][0]["new"] = 1
    data["raw"][:] = b"new"
    sure.clock.advance(0.05)
    first, second = [
        (json.loads((text or b"").partition(b"-")[2][1:]), [bytes(each) for each in binaries])
        for text, binaries in sure.manager.sent
    ]
    assert first == second
    sure.lose()
    sure.sender.release()(False, CLOSED)


@pytest.mark.parametrize("way", ["emit", "call"])
def test_retriesRefuseAtTheCall(sure: Desk, way: str) -> None:
    """
    What cannot be sent is refused at the call, and does not block the queue.
    """
    with pytest.raises(NotEncodable):
        getattr(sure.sender, way)(PLAIN, "a", ({1},))
    sure.emit("b")
    assert sure.texts == ['20["b"]']


@pytest.mark.parametrize("way", ["emit", "call"])
def test_retriesCancelled(sure: Desk, way: str) -> None:
    """
    A cancelled one is not sent again, and the next has its turn.
    """
    first = getattr(sure, way)("a")
    sure.emit("b")
    first.cancel()
    assert isinstance(sure.results[0], CancelledError)
    assert sure.texts == ['20["a"]', '21["b"]']


def test_retriesDisconnect() -> None:
    """
    At C{disconnect()}, what was never sent was dropped on purpose; what may
    have been received was lost.
    """
    desk = Desk(retries=1)
    desk.emit("tried")
    desk.emit("untried")
    desk.call("asked")
    desk.sender.sessionOver()
    desk.sender.release()(False, CLOSED)
    assert desk.results == [CLOSED, False, CLOSED]
    assert desk.nothingLeft


def test_retriesFailed() -> None:
    """
    After the last attempt to reconnect, nothing is queued any more.
    """
    desk = Desk(False, retries=1)
    error = desk.sender.failure = ReconnectFailed(3)
    desk.emit("a")
    desk.call("b")
    desk.ask()
    assert desk.results == [error, error, False]
    assert desk.called == [(error,)]


def test_retriesLimited() -> None:
    """
    C{sendBufferLimit} holds for what waits to be retried, too.
    """
    desk = Desk(False, retries=1, sendBufferLimit=(2, None))
    desk.emit("a")
    desk.emit("b")
    with pytest.raises(BufferFull):
        desk.sender.emit(PLAIN, "c", ())
    assert desk.texts == []


def test_retriesLimitedByBytes() -> None:
    """
    So it does for bytes.
    """
    desk = Desk(False, retries=1, sendBufferLimit=(None, 100))
    desk.emit("a", b"x" * 200)
    with pytest.raises(BufferFull):
        desk.sender.call(PLAIN, "b", ())


def test_retriesNothingMayWait() -> None:
    """
    With a limit of 0 packets, one may be in flight but none may wait.
    """
    desk = Desk(retries=1, sendBufferLimit=(0, None))
    desk.emit("a")
    with pytest.raises(BufferFull):
        desk.sender.emit(PLAIN, "b", ())
    assert desk.texts == ['20["a"]']


def test_retriesWhenOthersFillTheConnection() -> None:
    """
    When other sockets fill the connection, a queued event is still tried.
    """
    desk = Desk(retries=1, sendBufferLimit=(None, 100))
    desk.manager.engine.congested, desk.manager.engine.buffered = True, 101
    desk.emit("a")
    desk.answer(0)
    assert desk.results == [True]


def test_retriesOnDeadConnection() -> None:
    """
    An event that waited for the next connection is sent there once.

    behaviours B48
    """
    desk = Desk(retries=1)
    desk.manager.engine.isExpired = True
    desk.call("a")
    desk.lose()
    desk.manager.engine.isExpired = False
    desk.sender.sessionReady()
    assert len(desk.texts) == 1
    desk.answer(1, "yes")
    assert desk.results == ["yes"]


def test_retriesCancelledOnDeadConnection() -> None:
    """
    A cancelled event that still waited is never sent.
    """
    desk = Desk(retries=1)
    desk.manager.engine.isExpired = True
    desk.call("a").cancel()
    desk.lose()
    desk.manager.engine.isExpired = False
    desk.sender.sessionReady()
    assert desk.texts == []


def test_retriesTooLarge(sure: Desk) -> None:
    """
    A packet over the server's limit is not tried again.
    """
    sure.manager.refuse = TOO_LARGE
    sure.call("a")
    sure.emit("b")
    assert sure.results == [TOO_LARGE, TOO_LARGE]
    assert sure.nothingLeft


def test_retriesCancelInCallback(sure: Desk) -> None:
    """
    A callback may cancel what C{emit} returned.

    faults F122
    """
    waiting: list[Deferred[Any]] = []
    waiting.append(sure.emit("a", lambda *_: waiting[0].cancel()))
    sure.answer(0)
    assert isinstance(sure.results[0], CancelledError)


def test_retriesConnectionEndsWhileFlushing() -> None:
    """
    When the connection ends while the rest is sent, retries wait as well.
    """
    desk = Desk(False, retries=1)
    desk.emit("retried")
    desk.sender._post(PLAIN, ("plain",), None, False)
    desk.sender.outbox.show = lambda _: setattr(desk.manager.engine, "readyState", "closed")
    desk.sender.sessionReady()
    assert desk.texts == ['2["plain"]']


def test_modifiedTooLarge(desk: Desk) -> None:
    """
    A packet over the server's limit fails, however it was to be sent.
    """
    desk.manager.refuse = TOO_LARGE
    desk.emit("a", how=Modifiers(compress=False))
    assert desk.results == [TOO_LARGE]


def test_timeoutWithdrawsOnlyItsOwn(offline: Desk) -> None:
    """
    A packet whose time is up leaves those before it alone.
    """
    offline.emit("a")
    offline.call("b", how=TIMED)
    offline.clock.advance(5.0)
    offline.sender.sessionReady()
    assert offline.texts == ['2["a"]']


def test_oneCancelsTheOther() -> None:
    """
    When all are given up, who hears it may cancel another.

    faults F122
    """
    desk = Desk(retries=1)
    later: list[Deferred[Any]] = []
    desk.call("a").addBoth(lambda _: later[0].cancel())
    later.append(desk.call("b"))
    desk.sender.sessionOver()
    desk.sender.release()(False, CLOSED)
    assert desk.results[0] is CLOSED
    assert isinstance(desk.results[1], CancelledError)
