"""
Acknowledgements: each settles once, whatever happens.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock

from conftest import LoggedFailures
from txsocketio.acks import AckCallback, AckDeferred, PendingAcks, shaped
from txsocketio.errors import AckTimeout, Disconnected

GONE = Disconnected("transport close")


class Desk:
    """
    Pending acknowledgements under a clock, and what became of them.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.withdrawn: list[Any] = []
        self.acks = PendingAcks(self.clock, self.withdrawn.append)
        self.results: list[Any] = []

    def deferred(self, timeout: float | None = None) -> AckDeferred:
        waiting = AckDeferred(self.acks.forget)  # type: ignore[arg-type]
        self.acks.expect(waiting, "event", timeout)
        waiting.addCallbacks(self.results.append, lambda why: self.results.append(why.value))
        return waiting

    def callback(self, timeout: float | None = None, errorFirst: bool = False) -> AckCallback:
        waiting = AckCallback(lambda *values: self.results.append(values), errorFirst)
        self.acks.expect(waiting, "event", timeout)
        return waiting

    @property
    def nothingLeft(self) -> bool:
        return not len(self.acks) and not self.clock.getDelayedCalls()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], None), ([1], 1), ([None], None), ([[1, 2]], [1, 2]), ([1, 2], (1, 2)), ((1, 2), (1, 2))],
)
def test_shape(values: Any, expected: Any) -> None:
    """
    No argument is C{None}, one is itself, several are a tuple; a list is one
    argument.
    """
    assert shaped(values) == expected
    assert isinstance(shaped(values), type(expected))


def test_idsCount(desk: Desk) -> None:
    """
    Each expected acknowledgement has the next id.
    """
    assert [desk.deferred().ackID, desk.callback().ackID] == [0, 1]


def test_answer(desk: Desk) -> None:
    """
    The Deferred fires with the server's answer, and its timer ends.

    behaviours B24, B40
    """
    waiting = desk.deferred(5.0)
    assert desk.acks.resolve(waiting.ackID, [42])
    assert desk.results == [42]
    assert desk.nothingLeft


def test_callbackAnswer(desk: Desk) -> None:
    """
    A plain callback is called with the answer alone.
    """
    waiting = desk.callback()
    desk.acks.resolve(waiting.ackID, [1, 2])
    assert desk.results == [(1, 2)]


def test_errorFirstAnswer(desk: Desk) -> None:
    """
    A callback with a timeout is called with no error, and the answer.

    behaviours B38
    """
    desk.acks.resolve(desk.callback(5.0, True).ackID, [42])
    assert desk.results == [(None, 42)]
    assert desk.nothingLeft


@pytest.mark.parametrize("ackID", [None, 7, -1, 0.5, 2**60])
def test_answerToNobody(desk: Desk, ackID: Any) -> None:
    """
    An answer that nobody waits for is noticed and changes nothing.
    """
    desk.deferred()
    assert not desk.acks.resolve(ackID, [1])
    assert (desk.results, len(desk.acks)) == ([], 1)


def test_secondAnswer(desk: Desk) -> None:
    """
    Only the first answer counts.
    """
    desk.callback()
    assert [desk.acks.resolve(0, [each]) for each in (1, 2)] == [True, False]
    assert desk.results == [(1,)]


def test_timeout(desk: Desk) -> None:
    """
    Without an answer in time the Deferred fails, naming event and seconds.

    behaviours B39
    """
    desk.deferred(5.0)
    desk.clock.advance(4.9)
    assert desk.results == []
    desk.clock.advance(0.2)
    (error,) = desk.results
    assert isinstance(error, AckTimeout)
    assert (error.event, error.seconds) == ("event", 5.0)
    assert desk.nothingLeft


def test_callbackTimeout(desk: Desk) -> None:
    """
    Without an answer in time an error-first callback gets the error, once,
    however late the answer comes.

    behaviours B36, B37
    """
    waiting = desk.callback(0.0, True)
    desk.clock.advance(0)
    desk.acks.resolve(waiting.ackID, [42])
    ((error,),) = desk.results
    assert isinstance(error, AckTimeout)


def test_withdrawnBeforeItFails(desk: Desk) -> None:
    """
    Whoever holds the packet is told of a timeout before the waiting one is,
    so that nothing is sent that nobody waits for.

    behaviours B35
    """
    order: list[str] = []
    acks = PendingAcks(desk.clock, lambda _: order.append("withdrawn"))
    acks.expect(AckCallback(lambda error: order.append("failed"), True), "event", 1.0)
    desk.clock.advance(1.0)
    assert order == ["withdrawn", "failed"]


def test_sessionOver(desk: Desk) -> None:
    """
    When the session ends all that wait fail at once, and no timer is left.

    behaviours B43, B44, B45, B46
    """
    desk.deferred()
    desk.deferred(10.0)
    desk.callback(10.0, True)
    desk.acks.failAll(GONE, set())
    assert desk.results == [GONE, GONE, (GONE,)]
    assert desk.nothingLeft


def test_plainCallbackHearsNoError(desk: Desk) -> None:
    """
    A callback without a timeout is never called without an answer.

    behaviours B42
    """
    desk.callback()
    desk.acks.failAll(GONE, set())
    assert desk.results == []
    assert desk.nothingLeft


def test_bufferedSurvive(desk: Desk) -> None:
    """
    Who waits for a packet that was not sent yet goes on waiting.

    behaviours B47
    """
    kept, lost = desk.deferred(5.0), desk.deferred(5.0)
    assert kept.ackID is not None
    desk.acks.failAll(GONE, {kept.ackID})
    assert desk.results == [GONE]
    desk.acks.resolve(kept.ackID, [1])
    assert desk.results == [GONE, 1]
    assert lost.ackID == 1


def test_cancel(desk: Desk) -> None:
    """
    A cancelled Deferred is forgotten: no timer, no late answer.
    """
    waiting = desk.deferred(5.0)
    waiting.cancel()
    assert not desk.acks.resolve(waiting.ackID, [1])
    assert isinstance(desk.results[0], CancelledError)
    assert desk.nothingLeft


def test_cancelAfterAnswer(desk: Desk) -> None:
    """
    Cancelling what has fired does nothing.
    """
    waiting = desk.deferred(5.0)
    desk.acks.resolve(waiting.ackID, [1])
    waiting.cancel()
    assert desk.results == [1]


def test_forgetTwice(desk: Desk) -> None:
    """
    Forgetting what is forgotten, or was never expected, does nothing.
    """
    waiting = desk.callback(5.0)
    desk.acks.forget(waiting)
    desk.acks.forget(waiting)
    desk.acks.forget(AckCallback(print, False))
    assert desk.nothingLeft


def test_settlesOnce() -> None:
    """
    One that has fired already takes neither an answer nor an error.
    """
    waiting = AckDeferred()
    waiting.answer([1])
    waiting.answer([2])
    waiting.fail(GONE)
    assert waiting.result == 1


def test_failingOneCancelsAnother(desk: Desk) -> None:
    """
    While all are failed, one may cancel another; each still settles once.

    behaviours T16; faults F122
    """
    first = desk.deferred()
    second = desk.deferred()
    first.addBoth(lambda _: second.cancel())
    desk.acks.failAll(GONE, set())
    assert desk.results[0] is GONE
    assert isinstance(desk.results[1], CancelledError)


def test_newOneWhileFailing(desk: Desk) -> None:
    """
    One that is expected while the others fail belongs to the next session.

    faults F122
    """
    desk.deferred().addCallback(lambda _: desk.deferred())
    desk.acks.failAll(GONE, set())
    assert (desk.results, len(desk.acks)) == ([GONE], 1)


# callbacks that fail


def broken(*values: Any) -> None:
    raise RuntimeError("broken")


async def brokenLater(*values: Any) -> None:
    raise RuntimeError("broken")


@pytest.mark.parametrize(
    "function",
    [broken, brokenLater, lambda *_: fail(RuntimeError("broken"))],
    ids=["raises", "coroutine", "Deferred"],
)
def test_brokenCallback(desk: Desk, failures: LoggedFailures, function: Any) -> None:
    """
    An acknowledgement callback that fails is logged, and nothing else
    happens.

    behaviours T17; faults F121, R14
    """
    desk.acks.expect(AckCallback(function, False))
    assert desk.acks.resolve(0, [1])
    assert len(failures.flush(RuntimeError)) == 1


def test_coroutineCallback(desk: Desk) -> None:
    """
    An C{async def} callback runs.
    """
    gate: Deferred[str] = Deferred()

    async def callback(value: int) -> None:
        desk.results.append((value, await gate))

    desk.acks.expect(AckCallback(callback, False))
    desk.acks.resolve(0, [1])
    gate.callback("later")
    assert desk.results == [(1, "later")]
