"""
The one answer to an event that wants one.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from txsocketio.answers import Answer
from txsocketio.errors import NotEncodable


class Event:
    """
    An event with its answer, and what was answered.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.failed: list[BaseException] = []
        self.answer = Answer(self.send)

    def send(self, values: Any) -> None:
        if object in values:
            raise NotEncodable("a type cannot be sent")
        self.sent.append(tuple(values))

    def wait(self, took: bool = False) -> Deferred[Any]:
        later: Deferred[Any] = Deferred()
        self.answer.wait(took, later, lambda why: self.failed.append(why.value))
        return later


@pytest.fixture
def event() -> Event:
    return Event()


def test_called(event: Event) -> None:
    """
    C{ack(1, 2)} answers with these arguments.
    """
    event.answer(1, 2)
    assert event.sent == [(1, 2)]


def test_calledTwice(event: Event) -> None:
    """
    Only the first call answers.

    behaviours Q14
    """
    event.answer(1)
    event.answer(2)
    assert event.sent == [(1,)]


def test_calledAgainAfterAMistake(event: Event) -> None:
    """
    An answer that cannot be sent is refused at the call, and another may
    follow.
    """
    with pytest.raises(NotEncodable):
        event.answer(object)
    event.answer(1)
    assert event.sent == [(1,)]


@pytest.mark.parametrize(
    ("result", "expected"),
    [(1, (1,)), ((1, 2), (1, 2)), ([1, 2], ([1, 2],)), ((), ()), (False, (False,)), ("", ("",))],
)
def test_returned(event: Event, result: Any, expected: Any) -> None:
    """
    What a listener returns answers; a tuple is several arguments.
    """
    event.answer.returned(False, result)
    event.answer.done()
    assert event.sent == [expected]


def test_nothingReturned(event: Event) -> None:
    """
    When all listeners are done and none returned anything, the answer is
    empty.
    """
    event.answer.returned(False, None)
    event.answer.returned(False, None)
    assert event.sent == []
    event.answer.done()
    assert event.sent == [()]


def test_firstResultCounts(event: Event) -> None:
    """
    The first listener that returns something answers.
    """
    for result in (None, 1, 2):
        event.answer.returned(False, result)
    event.answer.done()
    assert event.sent == [(1,)]


def test_taken(event: Event) -> None:
    """
    While a listener has C{ack}, there is no empty answer; it may come later.
    """
    event.answer.returned(True, None)
    event.answer.returned(False, None)
    event.answer.done()
    assert event.sent == []
    event.answer("later")
    assert event.sent == [("later",)]


def test_takenAndReturned(event: Event) -> None:
    """
    A listener that has C{ack} may as well return the answer.
    """
    event.answer.returned(True, 1)
    event.answer(2)
    assert event.sent == [(1,)]


def test_nobodySucceeded(event: Event) -> None:
    """
    Listeners that raised answer nothing.
    """
    event.answer.done()
    assert event.sent == []


def test_cannotBeSent(event: Event) -> None:
    """
    A listener that returns what cannot be sent made a mistake; the server is
    not told that all is well.
    """
    with pytest.raises(NotEncodable):
        event.answer.returned(False, object)
    event.answer.returned(False, None)
    event.answer.done()
    assert event.sent == []


def test_later(event: Event) -> None:
    """
    What a listener's Deferred fires with answers.
    """
    later = event.wait()
    event.answer.done()
    assert event.sent == []
    later.callback((1, 2))
    assert event.sent == [(1, 2)]


def test_laterNothing(event: Event) -> None:
    """
    The empty answer waits for the last listener.
    """
    one, two = event.wait(), event.wait()
    event.answer.done()
    one.callback(None)
    assert event.sent == []
    two.callback(None)
    assert event.sent == [()]


def test_laterFailed(event: Event) -> None:
    """
    A listener whose Deferred fails answers nothing, and is reported.
    """
    later = event.wait()
    event.answer.done()
    later.errback(RuntimeError("broken"))
    assert event.sent == []
    assert [type(each) for each in event.failed] == [RuntimeError]


def test_oneFailsOneSucceeds(event: Event) -> None:
    """
    The listener that did its work lets the empty answer go.
    """
    one, two = event.wait(), event.wait()
    event.answer.done()
    two.callback(None)
    one.errback(RuntimeError("broken"))
    assert event.sent == [()]


def test_laterCannotBeSent(event: Event) -> None:
    """
    A Deferred that fires with what cannot be sent is reported.
    """
    event.wait().callback(object)
    event.answer.done()
    assert [type(each) for each in event.failed] == [NotEncodable]
    assert event.sent == []


def test_laterTaken(event: Event) -> None:
    """
    A coroutine that was given C{ack} and ended may have passed it on.
    """
    later = event.wait(True)
    event.answer.done()
    later.callback(None)
    assert event.sent == []
