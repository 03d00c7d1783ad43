"""
Listeners: who is called, with which arguments, and guarded.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail

from conftest import LoggedFailures
from txsocketio.emitter import Emitter, Listener


class Bell(Emitter):
    """
    An emitter that anybody may ring.
    """

    changes = 0

    def ring(self, event: Any, *values: Any) -> None:
        self._show(event, *values)

    def _listenersChanged(self) -> None:
        super()._listenersChanged()
        self.changes += 1


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def heard() -> list[Any]:
    return []


def hear(heard: list[Any], name: str = "") -> Callable[..., None]:
    """
    A listener that writes down its name and arguments.
    """
    return lambda *values: heard.append((name, *values))


# registering


def test_listenerIsCalled(bell: Bell, heard: list[Any]) -> None:
    """
    A listener gets the event's arguments.

    behaviours N1
    """
    bell.on("a", hear(heard))
    bell.ring("a", 1, 2)
    assert heard == [("", 1, 2)]


def test_listenersAreCalledInOrder(bell: Bell, heard: list[Any]) -> None:
    """
    Listeners are called in the order of their registration, at each event,
    and an event that nobody listens to does nothing.

    behaviours N2
    """
    bell.on("a", hear(heard, "one")).on("a", hear(heard, "two"))
    bell.ring("a", 1)
    bell.ring("b", 1)
    bell.ring("a", 2)
    assert heard == [("one", 1), ("two", 1), ("one", 2), ("two", 2)]


@pytest.mark.parametrize("event", ["__init__", "__class__", "emit", "on", "constructor", 7])
def test_anyNameIsAnEvent(bell: Bell, heard: list[Any], event: Any) -> None:
    """
    Names of attributes are events like any other.

    behaviours N3
    """
    bell.on(event, hear(heard))
    bell.ring(event, 1)
    assert heard == [("", 1)]


def test_onceIsCalledOnce(bell: Bell, heard: list[Any]) -> None:
    """
    A C{once} listener hears the first event only.

    behaviours N4
    """
    bell.once("a", hear(heard))
    for number in range(3):
        bell.ring("a", number)
    assert heard == [("", 0)]


def test_onceEvenWhenTheEventIsEmittedInside(bell: Bell, heard: list[Any]) -> None:
    """
    A C{once} listener that makes its own event happen again is not called
    again.
    """

    def again() -> None:
        heard.append("again")
        bell.ring("a")

    bell.once("a", again)
    bell.ring("a")
    assert heard == ["again"]


def test_onceUsedUpByAnEarlierListener(bell: Bell, heard: list[Any]) -> None:
    """
    When an earlier listener emits the same event again, a later C{once}
    listener is still called only once.

    behaviours T16
    """

    def first(depth: int) -> None:
        if depth:
            bell.ring("a", depth - 1)

    bell.on("a", first)
    bell.once("a", hear(heard))
    bell.ring("a", 1)
    assert heard == [("", 0)]


def test_offOne(bell: Bell, heard: list[Any]) -> None:
    """
    C{off} with a listener removes that one only.

    behaviours N5, N10
    """
    one, two = hear(heard, "one"), hear(heard, "two")
    bell.on("a", one).on("a", two).off("a", two)
    bell.ring("a")
    assert heard == [("one",)]


def test_offOnce(bell: Bell, heard: list[Any]) -> None:
    """
    A C{once} listener is removed by the function that was registered.

    behaviours N6
    """
    one = hear(heard)
    bell.once("a", one).once("b", one).off("a", one).off("b", one)
    bell.ring("a")
    bell.ring("b")
    assert heard == []


def test_offMethod(bell: Bell, heard: list[Any]) -> None:
    """
    A bound method is removed by naming it again, though Python makes a new
    object of it each time.
    """
    bell.on("a", heard.append).off("a", heard.append)
    bell.ring("a", 1)
    assert heard == []


def test_offWhileEmitting(bell: Bell, heard: list[Any]) -> None:
    """
    A listener removed by an earlier one still hears the event under way, but
    not the next.

    behaviours N7, T16
    """
    two = hear(heard, "two")
    bell.on("a", lambda: bell.off("a", two)).on("a", two)
    bell.ring("a")
    bell.ring("a")
    assert heard == [("two",)]


def test_onWhileEmitting(bell: Bell, heard: list[Any]) -> None:
    """
    A listener added by an earlier one hears the next event only.

    behaviours T16
    """
    bell.once("a", lambda: bell.on("a", hear(heard)))
    bell.ring("a")
    assert heard == []
    bell.ring("a")
    assert heard == [("",)]


def test_removesItself(bell: Bell, heard: list[Any]) -> None:
    """
    A listener may remove itself, and disturbs nobody.
    """

    def leave() -> None:
        heard.append("left")
        bell.off("a", leave)

    bell.on("a", leave).on("a", hear(heard))
    bell.ring("a")
    bell.ring("a")
    assert heard == ["left", ("",), ("",)]


def test_offEvent(bell: Bell) -> None:
    """
    C{off} with an event only removes all its listeners and keeps nothing.

    behaviours N8, N9
    """
    bell.on("a", print).on("a", repr).on("b", print).off("a")
    assert (bell.listeners("a"), bell.listeners("b")) == ([], [print])
    assert "a" not in bell._listening.byEvent


def test_lastListenerRemoved(bell: Bell) -> None:
    """
    Removing the last listener leaves nothing of the event behind.

    behaviours N9
    """
    bell.on("a", print).off("a", print)
    bell.once("b", lambda: None)
    bell.ring("b")
    assert bell._listening.byEvent == {}


def test_offUnknown(bell: Bell) -> None:
    """
    Removing what is not there does nothing.
    """
    bell.on("a", print).off("b").off("a", repr)
    assert bell.listeners("a") == [print]


def test_offAll(bell: Bell) -> None:
    """
    C{off()} removes everything.

    behaviours N11
    """
    bell.on("a", print).once("b", print).off()
    assert not (bell.hasListeners("a") or bell.hasListeners("b"))


def test_listeners(bell: Bell) -> None:
    """
    C{listeners} gives what was registered, in order, as a list of one's own.

    behaviours N12
    """
    bell.on("a", print).once("a", repr)
    bell.listeners("a").clear()
    assert bell.listeners("a") == [print, repr]
    assert bell.listeners("b") == []


def test_hasListeners(bell: Bell) -> None:
    """
    C{hasListeners} says whether anybody listens.

    behaviours N13
    """
    bell.on("a", print)
    assert (bell.hasListeners("a"), bell.hasListeners("b")) == (True, False)


@pytest.mark.parametrize("register", ["on", "once"])
def test_decorator(bell: Bell, heard: list[Any], register: str) -> None:
    """
    Without a listener, C{on} and C{once} are decorators that return the
    function unchanged.

    behaviours N15
    """
    function = hear(heard)
    assert getattr(bell, register)("a")(function) is function
    bell.ring("a")
    assert heard == [("",)]


@pytest.mark.parametrize("register", ["on", "once"])
@pytest.mark.parametrize("listener", ["function", 0, [], {}])
def test_onlyCallablesListen(bell: Bell, register: str, listener: Any) -> None:
    """
    What cannot be called is refused when it is registered.
    """
    with pytest.raises(TypeError, match="must be callable"):
        getattr(bell, register)("a", listener)
    assert not bell.hasListeners("a")


def test_changesAreTold(bell: Bell) -> None:
    """
    An emitter whose cost depends on being observed is told of each change.
    """
    bell.on("a", print).once("b", print)
    bell.off("a")
    bell.off()
    assert bell.changes == 4


class Twice:
    """
    An object with a method that listens.
    """

    def hear(self) -> None:
        pass


def test_twiceWarns(bell: Bell) -> None:
    """
    Adding the same function twice is most often a mistake, and said at the
    line that makes it.
    """
    bell.on("a", print)
    with pytest.warns(UserWarning, match="listens to 'a' twice") as caught:
        bell.on("a", print)
    assert caught[0].filename == __file__


def test_sameMethodTwiceWarns(bell: Bell) -> None:
    """
    The same method of the same object is the same listener.
    """
    twice = Twice()
    bell.on("a", twice.hear)
    with pytest.warns(UserWarning, match="twice"):
        bell.on("a", twice.hear)


def test_othersDoNotWarn(bell: Bell) -> None:
    """
    The same function for another event, or another object's method, is fine.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bell.on("a", print).on("b", print)
        bell.on("c", Twice().hear).on("c", Twice().hear)


# calling


@pytest.mark.parametrize(
    ("listener", "expected"),
    [
        (lambda: (), ()),
        (lambda a: (a,), (1,)),
        (lambda a, b=0: (a, b), (1, 2)),
        (lambda *values: values, (1, 2, "offset")),
        (lambda a, *rest: (a, rest), (1, (2, "offset"))),
        (lambda a, *, key=None: (a, key), (1, None)),
        (lambda a, **named: (a, named), (1, {})),
        (lambda a, ack: (a, ack), (1, None)),
        (lambda a, *, ack: (a, ack), (1, None)),
        (lambda a, b, c, ack="none": (a, b, c, ack), (1, 2, "offset", None)),
        (lambda a, ack, /: (a, ack), (1, 2)),
        (functools.partial(lambda a, b: (a, b), "bound"), ("bound", 1)),
    ],
)
def test_surplusArgumentsAreCut(listener: Callable[..., Any], expected: Any) -> None:
    """
    A server may append arguments; a listener gets as many as it takes, and
    no acknowledgement where none is wanted.

    behaviours T1
    """
    assert Listener(listener, listener, False).call((1, 2, "offset")) == expected


def test_methodsDoNotCountSelf(heard: list[Any]) -> None:
    """
    A bound method's C{self} is no argument of the event; a builtin method
    works as well.

    behaviours T1
    """
    listener = Listener(heard.append, heard.append, False)
    listener.call((1, "offset"))
    assert heard == [1]


class NoSignature:
    """
    A callable that does not say what it takes.
    """

    __signature__ = "none"

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        return values


class Various:
    """
    Methods of every kind.
    """

    def plain(self, a: Any, b: Any = 1) -> None: ...

    def nothing(self) -> None: ...

    def noSelf() -> None: ...  # type: ignore[misc]

    @classmethod
    def ofClass(cls, a: Any) -> None: ...

    @staticmethod
    def ofNobody(a: Any, b: Any) -> None: ...

    @functools.wraps(plain)
    def wrapped(self, *args: Any) -> None: ...

    def __call__(self, a: Any) -> None: ...


@pytest.mark.parametrize(
    "function",
    [
        lambda: None,
        lambda a: None,
        lambda a, /, b=1: None,
        lambda a=1, b=2: None,
        lambda *a: None,
        lambda **a: None,
        lambda a, *, b=1: None,
        lambda a, ack: None,
        *(getattr(Various(), name) for name in ("plain", "nothing", "noSelf", "ofClass")),
        *(getattr(Various(), name) for name in ("ofNobody", "wrapped")),
        Various(),
        Various.plain,
        functools.partial(print, 1),
    ],
)
def test_quickSignature(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    """
    A signature read the quick way says what L{inspect.signature} says.
    """

    def read() -> list[Any]:
        listener = Listener(function, function, False)
        return [getattr(listener, name) for name in ("limit", "end", "_required", "_ackBy")]

    quick = read()
    monkeypatch.setattr("txsocketio.emitter._countParameters", lambda function: None)
    assert quick == read()


@pytest.mark.parametrize("listener", [NoSignature(), max])
def test_withoutSignature(listener: Callable[..., Any]) -> None:
    """
    A callable without a signature gets everything, and no acknowledgement.
    """
    each = Listener(listener, listener, False)
    assert each.call((1, 2)) == listener(1, 2)
    assert each.callWithAck((1, 2), "ack") == (False, listener(1, 2))


@pytest.mark.parametrize(
    ("listener", "values", "expected"),
    [
        (lambda: None, (1,), (False, None)),
        (lambda a: a, (1,), (False, 1)),
        (lambda a, b: (a, b), (1,), (True, (1, "ack"))),
        (lambda a, b: (a, b), (1, 2), (False, (1, 2))),
        (lambda a, b=None: (a, b), (1,), (False, (1, None))),
        (lambda a, ack: (a, ack), (1,), (True, (1, "ack"))),
        (lambda a, ack: (a, ack), (1, 2), (True, (1, "ack"))),
        (lambda a, ack=None: (a, ack), (1,), (True, (1, "ack"))),
        (lambda a=0, *, ack: (a, ack), (), (True, (0, "ack"))),
        (lambda *values: values, (1, 2), (True, (1, 2, "ack"))),
        (lambda *values, ack: (values, ack), (1,), (True, ((1,), "ack"))),
        (lambda *ack: ack, (1,), (True, (1, "ack"))),
        (lambda a, **ack: (a, ack), (1,), (False, (1, {}))),
        (lambda a, ack, /: (a, ack), (1,), (True, (1, "ack"))),
        (lambda a, ack, /: (a, ack), (1, 2), (False, (1, 2))),
    ],
)
def test_whoTakesTheAck(
    listener: Callable[..., Any], values: tuple[Any, ...], expected: Any
) -> None:
    """
    C{ack} goes to a listener with a parameter of that name, with C{*args}, or
    with a required parameter that the event leaves free; to no other.
    """
    assert Listener(listener, listener, False).callWithAck(values, "ack") == expected


def test_missingArguments(bell: Bell, heard: list[Any], failures: LoggedFailures) -> None:
    """
    A listener that wants more than the event has is logged, and the next one
    is called.

    behaviours T2; faults F121
    """
    bell.on("a", lambda a, b: None).on("a", hear(heard))
    bell.ring("a", 1)
    assert heard == [("", 1)]
    assert len(failures.flush(TypeError)) == 1


# guarded


def broken(*values: Any) -> Any:
    raise RuntimeError("broken")


async def brokenLater(*values: Any) -> Any:
    raise RuntimeError("broken")


@pytest.mark.parametrize(
    "listener",
    [broken, brokenLater, lambda: fail(RuntimeError("broken"))],
    ids=["raises", "coroutine", "Deferred"],
)
def test_brokenListener(
    bell: Bell, heard: list[Any], failures: LoggedFailures, listener: Any
) -> None:
    """
    A listener that raises, whose Deferred fails or whose coroutine raises is
    logged; the others are called.

    behaviours T17; faults F121, R14
    """
    bell.on("a", listener).on("a", hear(heard))
    bell.ring("a")
    assert heard == [("",)]
    assert len(failures.flush(RuntimeError)) == 1


def test_exitIsNotHeld(bell: Bell) -> None:
    """
    C{sys.exit()} in a listener is meant.

    faults F121
    """

    def leave() -> None:
        raise SystemExit(3)

    bell.on("a", leave)
    with pytest.raises(SystemExit):
        bell.ring("a")


def test_coroutinesStartAtOnce(bell: Bell, heard: list[Any]) -> None:
    """
    Coroutines start in order and are not waited for.
    """
    gate: Deferred[None] = Deferred()

    async def slow() -> None:
        heard.append("begin")
        await gate
        heard.append("end")

    bell.on("a", slow).on("a", hear(heard))
    bell.ring("a")
    assert heard == ["begin", ("",)]
    gate.callback(None)
    assert heard == ["begin", ("",), "end"]
