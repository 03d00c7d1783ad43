"""
Deferreds that wait for an event.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from txsocketio.errors import AckTimeout, Disconnected
from txsocketio.eventwaits import EventWaits

CLOSED = Disconnected("io client disconnect")


class Room:
    """
    Who waits, and what they heard.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.waits = EventWaits(self.clock)
        self.heard: list[Any] = []

    def wait(self, event: Any = "a", timeout: float | None = None, check: Any = None) -> Any:
        waiter = self.waits.add(event, timeout, check)
        return waiter.addCallbacks(self.heard.append, lambda why: self.heard.append(why.value))

    @property
    def nothingLeft(self) -> bool:
        return not self.waits.waiting and not self.clock.getDelayedCalls()


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize(
    ("args", "expected"), [([], None), ([1], 1), ([1, 2], (1, 2)), ([[1, 2]], [1, 2])]
)
def test_arguments(room: Room, args: list[Any], expected: Any) -> None:
    """
    The Deferred fires with the event's arguments, as for C{emitWithAck}.
    """
    room.wait()
    room.waits.wake(["a", *args])
    assert room.heard == [expected]
    assert room.nothingLeft


def test_otherEvents(room: Room) -> None:
    """
    Other events wake nobody.
    """
    room.wait()
    room.waits.wake(["b", 1])
    assert room.heard == []


def test_onlyTheNext(room: Room) -> None:
    """
    Each waits for one event; all who wait for it get it.
    """
    room.wait()
    room.wait()
    room.waits.wake(["a", 1])
    room.waits.wake(["a", 2])
    assert room.heard == [1, 1]


def test_check(room: Room) -> None:
    """
    Only an event that passes the check counts.
    """
    room.wait(check=lambda number, *rest: number > 1)
    for number in (1, 2, 3):
        room.waits.wake(["a", number, "rest"])
    assert room.heard == [(2, "rest")]


def test_brokenCheck(room: Room) -> None:
    """
    A check that raises fails who gave it, and nobody else.
    """
    room.wait(timeout=5.0, check=lambda _: 1 / 0)
    room.wait()
    room.waits.wake(["a", 1])
    assert isinstance(room.heard[0], ZeroDivisionError)
    assert room.heard[1:] == [1]
    assert room.nothingLeft


def test_checkThatCancels(room: Room) -> None:
    """
    A check may cancel its Deferred, and even raise after that.

    faults F122
    """
    waiters: list[Deferred[Any]] = []

    def check(passes: bool) -> bool:
        waiters[0].cancel()
        if not passes:
            raise RuntimeError("broken")
        return True

    for passes in (True, False):
        waiters[:] = [room.wait(check=check)]
        room.waits.wake(["a", passes])
    assert [type(each) for each in room.heard] == [CancelledError] * 2
    assert room.nothingLeft


def test_timeout(room: Room) -> None:
    """
    Without the event in time it fails.
    """
    room.wait(timeout=5.0)
    room.clock.advance(5.0)
    (error,) = room.heard
    assert isinstance(error, AckTimeout)
    assert (error.event, error.seconds) == ("a", 5.0)
    assert str(error) == "'a' did not come within 5 s"
    assert room.nothingLeft


def test_timerEnds(room: Room) -> None:
    """
    The timer ends with the event.
    """
    room.wait(timeout=5.0)
    room.waits.wake(["a"])
    assert room.nothingLeft


def test_cancel(room: Room) -> None:
    """
    One that is cancelled leaves nothing.
    """
    room.wait(timeout=5.0).cancel()
    assert isinstance(room.heard[0], CancelledError)
    assert room.nothingLeft


def test_cancelOneOfTwo(room: Room) -> None:
    """
    The other one goes on waiting.
    """
    room.wait().cancel()
    room.wait()
    room.waits.wake(["a", 1])
    assert room.heard[1:] == [1]


def test_oneCancelsTheOther(room: Room) -> None:
    """
    Who is woken may cancel another who waits for the same event.

    faults F122
    """
    waiters: list[Deferred[Any]] = []
    room.waits.add("a", None, None).addCallback(lambda _: waiters[0].cancel())
    waiters.append(room.wait())
    room.waits.wake(["a", 1])
    assert isinstance(room.heard[0], CancelledError)
    assert room.nothingLeft


def test_waitAgain(room: Room) -> None:
    """
    Who waits again when woken waits for the next event.

    faults F122
    """
    room.waits.add("a", None, None).addCallback(lambda _: room.wait() and None)
    room.waits.wake(["a", 1])
    assert room.heard == []
    room.waits.wake(["a", 2])
    assert room.heard == [2]


def test_release(room: Room) -> None:
    """
    When the socket is given up, all fail.
    """
    room.wait(timeout=5.0)
    room.wait("b")
    room.waits.release()(CLOSED)
    assert room.heard == [CLOSED, CLOSED]
    assert room.nothingLeft
