"""
What users' functions return is waited for as Twisted would wait for it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from txsocketio.results import asDeferred, unfinished

either = pytest.mark.parametrize("taken", [asDeferred, unfinished])
Taken = Callable[[object], Deferred[Any] | None]


def outcome(later: Deferred[Any] | None) -> Any:
    """
    What a Deferred fired with; the exception, if it failed.
    """
    assert later is not None
    heard: list[Any] = []
    later.addCallbacks(heard.append, lambda failure: heard.append(failure.value))
    assert heard, "it has not fired"
    return heard[0]


@either
def test_plainResultsAreNotWaitedFor(taken: Taken) -> None:
    """
    Only Deferreds and coroutines are.
    """
    result: Deferred[int] = succeed(1)
    assert taken(result) is result
    assert [taken(each) for each in (None, 1, "text", object(), iter(()))] == [None] * 5


async def value() -> int:
    return 7


def test_aCoroutineThatIsDoneHasFired() -> None:
    """
    Its value is there at once.
    """
    assert outcome(asDeferred(value())) == 7


def test_aCoroutineThatIsDoneNeedsNoDeferred() -> None:
    """
    Who only waits for failures has nothing to wait for.
    """
    assert unfinished(value()) is None


@either
def test_aCoroutineThatRaisesAtOnce(taken: Taken) -> None:
    """
    What it raised is what the Deferred fails with.
    """

    async def broken() -> None:
        raise KeyError("at once")

    assert repr(outcome(taken(broken()))) == "KeyError('at once')"


@either
def test_aCoroutineThatWaits(taken: Taken) -> None:
    """
    It goes on each time that what it awaits has fired.
    """
    gates: list[Deferred[int]] = [Deferred(), Deferred()]

    async def adding() -> int:
        return sum([await gate for gate in gates])

    later = taken(adding())
    gates[0].callback(1)
    assert later is not None and not later.called
    gates[1].callback(2)
    assert outcome(later) == 3


@either
def test_whatItAwaitsFails(taken: Taken) -> None:
    """
    The coroutine sees the error, and may go on waiting.
    """
    gates: list[Deferred[Any]] = [Deferred(), Deferred()]

    async def patient() -> Any:
        try:
            await gates[0]
        except ValueError:
            return await gates[1]

    later = taken(patient())
    gates[0].errback(ValueError())
    gates[1].callback("mended")
    assert outcome(later) == "mended"


@either
def test_itRaisesAfterWaiting(taken: Taken) -> None:
    """
    What it raises later fails the Deferred as well.
    """
    gate: Deferred[None] = Deferred()

    async def broken() -> None:
        await gate
        raise KeyError("later")

    later = taken(broken())
    gate.callback(None)
    assert repr(outcome(later)) == "KeyError('later')"


@either
def test_cancelling(taken: Taken) -> None:
    """
    Cancelling the Deferred cancels what the coroutine awaits.
    """
    cancelled: list[Any] = []
    gate: Deferred[None] = Deferred(cancelled.append)

    async def waiting() -> None:
        await gate

    later = taken(waiting())
    assert later is not None
    later.cancel()
    assert isinstance(outcome(later), CancelledError) and cancelled == [gate]


@either
def test_forgotten(taken: Taken) -> None:
    """
    When nothing can ever wake it, the coroutine is closed.
    """
    closed: list[str] = []

    async def waiting() -> None:
        try:
            await Deferred()
        finally:
            closed.append("closed")

    taken(waiting())
    gc.collect()
    assert closed == ["closed"]


@either
def test_contextIsItsOwn(taken: Taken) -> None:
    """
    What it sets in its context stays there, over its waiting, and is not seen
    outside.
    """
    place: ContextVar[str] = ContextVar("place", default="outside")
    seen: list[str] = []
    gate: Deferred[None] = Deferred()

    async def moving() -> None:
        place.set("inside")
        await gate
        seen.append(place.get())

    taken(moving())
    assert place.get() == "outside"
    gate.callback(None)
    assert seen == ["inside"]


@either
@pytest.mark.parametrize("fails", [False, True])
def test_contextIsTheSameThroughout(taken: Taken, fails: bool) -> None:
    """
    After waiting it can put back what it had set before, as the context
    managers of tracing and logging libraries do.
    """
    place: ContextVar[str] = ContextVar("place", default="outside")
    gate: Deferred[None] = Deferred()
    seen: list[str] = []

    async def visiting() -> None:
        token = place.set("inside")
        try:
            await gate
        except KeyError:
            pass
        finally:
            place.reset(token)
            seen.append(place.get())

    later = taken(visiting())
    gate.errback(KeyError()) if fails else gate.callback(None)
    assert outcome(later) is None and seen == ["outside"]


class Compiled(Coroutine[Any, Any, Any]):
    """
    What Cython makes of C{async def}: a coroutine of another type.
    """

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self._inner = inner

    def send(self, value: Any) -> Any:
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self._inner.__await__()


@either
def test_compiledCoroutines(taken: Taken) -> None:
    """
    A coroutine of compiled code is one as well.
    """
    gate: Deferred[int] = Deferred()

    async def waiting() -> int:
        return await gate

    later = taken(Compiled(waiting()))
    gate.callback(3)
    assert outcome(later) == 3
