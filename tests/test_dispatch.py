"""
How a socket delivers events, and how listeners answer them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from conftest import LoggedFailures
from fakes import FakeReading
from txsocketio.dispatch import Dispatcher
from txsocketio.errors import NotEncodable, Overflow


class Ears(Dispatcher):
    """
    A dispatcher in the hands of the test.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.held = FakeReading()
        super().__init__(self.clock, self.held)
        self.answers: list[tuple[Any, ...]] = []

    def come(self, *data: Any) -> None:
        """
        An event comes that wants no answer.
        """
        self._dispatch(list(data), None)

    def ask(self, *data: Any) -> None:
        """
        An event comes that wants one.
        """
        self._dispatch(list(data), self._answer)

    def go(self, *values: Any) -> None:
        """
        An event is sent.
        """
        self._showOutgoing(values)

    def _answer(self, values: Any) -> None:
        if object in values:
            raise NotEncodable("a type cannot be sent")
        self.answers.append(tuple(values))


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def heard() -> list[Any]:
    return []


def hear(heard: list[Any], name: str = "") -> Callable[..., None]:
    return lambda *values: heard.append((name, *values))


def broken(*values: Any) -> Any:
    raise RuntimeError("broken")


async def brokenLater(*values: Any) -> Any:
    raise RuntimeError("broken")


BROKEN = [broken, brokenLater, lambda *_: fail(RuntimeError("broken"))]

# delivering


def test_delivered(ears: Ears, heard: list[Any]) -> None:
    """
    Listeners get the event's arguments, in order.

    behaviours N1, N2
    """
    ears.on("a", hear(heard, "one")).on("a", hear(heard, "two"))
    ears.come("a", 1, b"2")
    ears.come("b")
    assert heard == [("one", 1, b"2"), ("two", 1, b"2")]


def test_integerName(ears: Ears, heard: list[Any]) -> None:
    """
    An event may be named by a number.

    behaviours T15
    """
    ears.on(7, hear(heard))
    ears.come(7, 1)
    assert heard == [("", 1)]


@pytest.mark.parametrize("register", ["on", "once"])
def test_surplusArguments(ears: Ears, heard: list[Any], register: str) -> None:
    """
    Arguments that a server appends do not disturb a listener that takes less.

    behaviours T1
    """

    def listener(value: int, *, ack: Any = "none") -> None:
        heard.append((value, ack))

    getattr(ears, register)("a", listener)
    getattr(ears, register)("a", lambda value: heard.append(value))
    getattr(ears, register)("a", lambda: heard.append("nothing"))
    ears.come("a", 1, "offset")
    assert heard == [(1, None), 1, "nothing"]


def test_once(ears: Ears, heard: list[Any]) -> None:
    """
    A C{once} listener hears one event, with an answer or without.

    behaviours N4
    """
    ears.once("a", hear(heard)).once("b", lambda value: heard.append(value))
    for _ in range(2):
        ears.come("a", 1)
        ears.ask("b", 2)
    assert heard == [("", 1), 2]


@pytest.mark.parametrize("way", ["come", "ask"])
def test_onceUsedUpMeanwhile(ears: Ears, heard: list[Any], way: str) -> None:
    """
    So even when an earlier listener makes the event happen again.

    behaviours T16; faults F122
    """

    def first(depth: int) -> None:
        if depth:
            ears.come("a", depth - 1)

    ears.on("a", first)
    ears.once("a", lambda depth: heard.append(depth))
    getattr(ears, way)("a", 1)
    assert heard == [0]


@pytest.mark.parametrize("way", ["come", "ask"])
def test_removedMeanwhile(ears: Ears, heard: list[Any], way: str) -> None:
    """
    A listener that removes itself and all others ends nothing of the event
    under way.

    behaviours N7, T16
    """
    ears.on("a", lambda: ears.off("a") and None).on("a", lambda: heard.append(1))
    getattr(ears, way)("a")
    getattr(ears, way)("a")
    assert heard == [1]


@pytest.mark.parametrize("way", ["come", "ask"])
@pytest.mark.parametrize("register", ["on", "once"])
@pytest.mark.parametrize("listener", BROKEN, ids=["raises", "coroutine", "Deferred"])
def test_brokenListener(
    ears: Ears, heard: list[Any], failures: LoggedFailures, way: str, register: str, listener: Any
) -> None:
    """
    A listener that fails in any way is logged; the others hear the event, and
    the next one is delivered.

    behaviours Q23, T17; faults F121, R14
    """
    getattr(ears, register)("a", listener).on("a", lambda: heard.append(1))
    getattr(ears, way)("a")
    assert heard == [1]
    assert len(failures.flush(RuntimeError)) == 1


def test_failureIsLoggedWithItsName(ears: Ears, failures: LoggedFailures) -> None:
    """
    A failure of a serial listener is logged once, too.
    """
    ears.on("a", broken, serial=True)
    ears.come("a")
    assert len(failures.flush(RuntimeError)) == 1


@pytest.mark.parametrize("way", ["come", "ask"])
def test_tooManyDoNotFillTheLog(ears: Ears, way: str, failures: LoggedFailures) -> None:
    """
    A serial listener that is far too slow is logged some times, and not for
    every event that it misses.
    """
    ears.on("a", lambda: Deferred(), serial=True)
    for _ in range(1 + 4 * 64 + 500):
        getattr(ears, way)("a")
    assert len(failures.flush(Overflow)) == 3
    assert ears.answers == []


def test_exit(ears: Ears) -> None:
    """
    C{sys.exit()} in a listener is meant.

    faults F121
    """

    def leave() -> None:
        raise SystemExit(3)

    ears.on("a", leave)
    with pytest.raises(SystemExit):
        ears.come("a")


def test_twiceWarnsAtTheUsersLine(ears: Ears) -> None:
    """
    Adding a listener twice is said at the line that does.
    """
    ears.on("a", print)
    with pytest.warns(UserWarning, match="twice") as caught:
        ears.on("a", print)
        ears.on("a", print, serial=True)
        ears.once("a", print)
    assert [each.filename for each in caught] == [__file__] * 3


@pytest.mark.parametrize(
    "register",
    [
        lambda ears: ears.on("a", 5),
        lambda ears: ears.on("a", 5, serial=True),
        lambda ears: ears.onAny(5),
        lambda ears: ears.prependAny(5),
        lambda ears: ears.onAnyOutgoing(5),
        lambda ears: ears.prependAnyOutgoing(5),
    ],
)
def test_onlyCallablesListen(ears: Ears, register: Any) -> None:
    """
    What cannot be called is refused when it is registered.
    """
    with pytest.raises(TypeError, match="must be callable"):
        register(ears)


@pytest.mark.parametrize(
    "decorate",
    [
        lambda ears: ears.on("a"),
        lambda ears: ears.on("a", serial=True),
        lambda ears: ears.once("a"),
        lambda ears: ears.onAny(),
    ],
)
def test_decorators(ears: Ears, heard: list[Any], decorate: Any) -> None:
    """
    Without a listener, registering is a decorator that changes nothing.

    behaviours N15
    """
    listener = hear(heard)
    assert decorate(ears)(listener) is listener
    ears.come("a")
    assert len(heard) == 1


# catch-alls


def test_onAny(ears: Ears, heard: list[Any]) -> None:
    """
    A catch-all hears name and arguments, before the event's own listeners.

    behaviours B28
    """
    ears.on("a", hear(heard, "own")).onAny(hear(heard, "any"))
    ears.come("a", 1)
    ears.come("b", 2)
    assert heard == [("any", "a", 1), ("own", 1), ("any", "b", 2)]


def test_prependAny(ears: Ears, heard: list[Any]) -> None:
    """
    Who is prepended last hears first.

    behaviours B29
    """
    ears.onAny(hear(heard, "1")).prependAny(hear(heard, "2")).prependAny(hear(heard, "3"))
    ears.come("a")
    assert [name for name, *_ in heard] == ["3", "2", "1"]


def test_offAny(ears: Ears, heard: list[Any]) -> None:
    """
    Catch-alls are removed one by one or all at once.

    behaviours B30
    """
    one, two, three = (hear(heard, name) for name in "123")
    ears.onAny(one).onAny(two).onAny(three).offAny(two)
    assert ears.listenersAny() == [one, three]
    ears.offAny()
    ears.come("a")
    assert (ears.listenersAny(), heard) == ([], [])


def test_anyGetsNoAck(ears: Ears, heard: list[Any]) -> None:
    """
    A catch-all never gets C{ack}, and answers nothing by what it returns.
    """

    def listener(event: str, *values: Any, ack: Any = "none") -> str:
        heard.append((event, values, ack))
        return "answer"

    ears.onAny(listener)
    ears.ask("a", 1)
    assert (heard, ears.answers) == ([("a", (1,), None)], [])


@pytest.mark.parametrize("listener", BROKEN, ids=["raises", "coroutine", "Deferred"])
def test_brokenAny(ears: Ears, heard: list[Any], failures: LoggedFailures, listener: Any) -> None:
    """
    A catch-all that fails is logged; the event is delivered.

    faults F121
    """
    ears.onAny(listener).on("a", hear(heard))
    ears.come("a")
    assert heard == [("",)]
    assert len(failures.flush(RuntimeError)) == 1


def test_anyRemovesItself(ears: Ears, heard: list[Any]) -> None:
    """
    A catch-all may remove itself and disturbs nobody.

    behaviours T16
    """

    def leave(*_: Any) -> None:
        ears.offAny(leave)

    ears.onAny(leave).onAny(hear(heard))
    ears.come("a")
    assert len(heard) == 1


def test_outgoing(ears: Ears, heard: list[Any]) -> None:
    """
    Outgoing catch-alls hear what is sent, bytes as bytes, in their order.

    behaviours B31, B32, B33
    """
    ears.onAnyOutgoing(hear(heard, "1")).prependAnyOutgoing(hear(heard, "2"))
    ears.go("a", b"raw")
    assert heard == [("2", "a", b"raw"), ("1", "a", b"raw")]


def test_offOutgoing(ears: Ears, heard: list[Any]) -> None:
    """
    They can be removed as the others.

    behaviours B34
    """
    one, two = hear(heard, "1"), hear(heard, "2")
    ears.onAnyOutgoing()(one)
    ears.onAnyOutgoing(two)
    ears.offAnyOutgoing(one)
    assert ears.listenersAnyOutgoing() == [two]
    ears.offAnyOutgoing()
    ears.go("a")
    assert heard == []


def test_brokenOutgoing(ears: Ears, failures: LoggedFailures) -> None:
    """
    One that fails does not keep the event from being sent.

    faults F121
    """
    ears.onAnyOutgoing(broken)
    ears.go("a")
    assert len(failures.flush(RuntimeError)) == 1


# answering


@pytest.mark.parametrize(
    ("listener", "answer"),
    [
        (lambda: None, ()),
        (lambda value: value, (1,)),
        (lambda value: (value, 2), (1, 2)),
        (lambda value: [value, 2], ([1, 2],)),
        (lambda value: succeed((value, 3)), (1, 3)),
        (lambda value, ack: ack("taken", value), ("taken", 1)),
        (lambda value, reply: reply("slot", value), ("slot", 1)),
        (lambda *values: values[-1]("last", *values[:-1]), ("last", 1)),
        (lambda value, *, ack=None: ack(), ()),
    ],
)
def test_answer(ears: Ears, listener: Any, answer: tuple[Any, ...]) -> None:
    """
    A listener answers by what it returns, now or later, or by calling
    C{ack}.

    behaviours Q15
    """
    ears.on("a", listener)
    ears.ask("a", 1)
    assert ears.answers == [answer]


def test_answerOfACoroutine(ears: Ears) -> None:
    """
    A coroutine answers when it is done.
    """
    gate: Deferred[int] = Deferred()

    async def listener(value: int) -> int:
        return value + await gate

    ears.on("a", listener)
    ears.ask("a", 1)
    assert ears.answers == []
    gate.callback(2)
    assert ears.answers == [(3,)]


def test_answeredOnce(ears: Ears) -> None:
    """
    The first answer counts.

    behaviours Q14
    """
    ears.on("a", lambda ack: ack(1)).on("a", lambda: 2).on("a", lambda ack: (ack(3), ack(4)))
    ears.ask("a")
    assert ears.answers == [(1,)]


def test_emptyAnswerWaitsForAll(ears: Ears) -> None:
    """
    The empty answer comes when the last listener is done.
    """
    gate: Deferred[None] = Deferred()
    ears.on("a", lambda: None).on("a", lambda: gate)
    ears.ask("a")
    assert ears.answers == []
    gate.callback(None)
    assert ears.answers == [()]


def test_nobodyListens(ears: Ears) -> None:
    """
    Without a listener there is no answer.
    """
    ears.ask("a")
    assert ears.answers == []


def test_brokenAnswersNothing(ears: Ears, failures: LoggedFailures) -> None:
    """
    A listener that fails answers nothing.
    """
    ears.on("a", broken).on("a", brokenLater)
    ears.ask("a")
    assert ears.answers == []
    assert len(failures.flush(RuntimeError)) == 2


@pytest.mark.parametrize("result", [object, succeed(object)])
def test_cannotBeSent(ears: Ears, failures: LoggedFailures, result: Any) -> None:
    """
    What cannot be sent is the listener's mistake: logged, and no answer.
    """
    ears.on("a", lambda: result)
    ears.ask("a")
    assert ears.answers == []
    assert len(failures.flush(NotEncodable)) == 1


def test_serialAnswer(ears: Ears) -> None:
    """
    A serial listener answers as any other, when its turn has come.
    """
    jobs: list[Deferred[Any]] = []

    def listener(value: int, ack: Any) -> Deferred[Any]:
        jobs.append(Deferred())
        return jobs[-1].addCallback(lambda _: ack(value))

    ears.on("a", listener, serial=True)
    ears.ask("a", 1)
    ears.ask("a", 2)
    assert len(jobs) == 1
    jobs[0].callback(None)
    jobs[1].callback(None)
    assert ears.answers == [(1,), (2,)]


def test_serialIsRemoved(ears: Ears, heard: list[Any]) -> None:
    """
    A serial listener is removed by the function that was registered.
    """
    listener = hear(heard)
    ears.on("a", listener, serial=True)
    assert ears.listeners("a") == [listener]
    ears.off("a", listener)
    ears.come("a")
    assert heard == []


def test_serialOverflow(ears: Ears, failures: LoggedFailures) -> None:
    """
    A serial listener that is much too slow loses events, and that is logged;
    the connection was held meanwhile.
    """
    ears.on("a", lambda: Deferred(), serial=True)
    for _ in range(1 + 4 * 64 + 1):
        ears.come("a")
    assert ears.held.held
    assert len(failures.flush(Overflow)) == 1


# waiting


def test_whenEvent(ears: Ears, heard: list[Any]) -> None:
    """
    Who waits for an event gets it, before its listeners do.
    """
    ears.on("a", hear(heard, "listener"))
    ears.whenEvent("a").addCallback(hear(heard, "waiter"))
    ears.come("a", 1, 2)
    assert heard == [("waiter", (1, 2)), ("listener", 1, 2)]


def test_whenEventReads(ears: Ears) -> None:
    """
    A held connection is read again for it.
    """
    ears.held.hold("stream")
    ears.whenEvent("a")
    assert not ears.held.held


def test_whenEventLimited(ears: Ears, heard: list[Any]) -> None:
    """
    It may be limited in time and by a check.
    """
    ears.whenEvent("a", 5.0).addErrback(lambda why: heard.append(why.type.__name__))
    ears.whenEvent("a", check=lambda value: value > 1).addCallback(heard.append)
    ears.clock.advance(5.0)
    ears.come("a", 1)
    ears.come("a", 2)
    assert heard == ["AckTimeout", 2]


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "5", True])
def test_whenEventBadTimeout(ears: Ears, timeout: Any) -> None:
    """
    The limit is a number of seconds, 0 or more; a bad one leaves nothing.
    """
    with pytest.raises(ValueError, match="timeout"):
        ears.whenEvent("a", timeout)
    assert not ears._eventWaits.waiting


@pytest.mark.parametrize(
    ("event", "instead"),
    [("connect", "whenConnected"), ("disconnect", "once"), ("connect_error", "once")],
)
def test_eventsThatNeverCome(ears: Ears, event: str, instead: str) -> None:
    """
    What no server sends cannot be waited for; the mistake says what to do.
    """
    with pytest.raises(ValueError, match=f'"{event}"; use .*{instead}'):
        ears.whenEvent(event)
    with pytest.raises(ValueError, match=f'"{event}"; use .*{instead}'):
        ears.stream("news", event)


def test_streamsAreNotListeners() -> None:
    """
    off() forgets listeners; a stream's loop goes on, and no answer is given in
    its name.
    """
    ears = Ears()
    stream = ears.stream("news")
    assert not ears.hasListeners("news")
    ears.off()
    answers: list[object] = []
    ears._dispatch(["news", 1], answers.append)
    got: list[object] = []
    stream.__anext__().addCallback(got.append)
    assert (got, answers) == ([1], [])


@pytest.mark.parametrize(("recovery", "value"), [(True, 1), (False, (1, "Q86ek60"))])
def test_offsetsAreCutForStreams(recovery: bool, value: object) -> None:
    """
    behaviours T1: where there is no signature, an offset is known by its form,
    and only in a session that can be recovered.
    """
    ears = Ears()
    ears._mayEndInOffset = recovery
    stream, waited = ears.stream("news"), ears.whenEvent("news")
    ears._dispatch(["news", 1, "Q86ek60"], None)
    got: list[object] = []
    stream.__anext__().addCallback(got.append)
    waited.addCallback(got.append)
    assert got == [value, value]


def test_listenersWithAckStay(ears: Ears, heard: list[Any]) -> None:
    """
    A listener that could answer is called at each event that wants none.
    """

    def listen(value: Any, *, ack: Any) -> None:
        heard.append((value, ack))

    ears.on("a", listen)
    ears.come("a", 1)
    ears.come("a", 2)
    assert heard == [(1, None), (2, None)]


def test_registeringChains(ears: Ears) -> None:
    """
    What registers or forgets a listener returns the object, to go on with.
    """
    assert ears.prependAny(print) is ears and ears.prependAnyOutgoing(print) is ears
    assert ears.offAny() is ears and ears.offAnyOutgoing() is ears
    assert ears.on("a", print, serial=True) is ears
