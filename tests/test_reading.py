"""
When a connection may stop being read.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from fakes import Recorder
from txsocketio.reading import Reading


class Tap:
    """
    A connection with a C{pingTimeout} of 20 s, and whether anybody waits for
    an answer on it.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.awaited = False
        self.engine = Recorder()
        self.reading = Reading(self.clock, lambda: self.awaited)
        self.reading.begin(self.engine, 20.0)

    @property
    def log(self) -> list[Any]:
        return [name for (name,) in self.engine.log]


@pytest.fixture
def tap() -> Tap:
    return Tap()


def test_holdAndRelease(tap: Tap) -> None:
    """
    Reading stops while somebody has too much, and no timer is left after.
    """
    tap.reading.hold("stream")
    assert (tap.log, tap.reading.held) == (["pauseReading"], True)
    tap.reading.release("stream")
    assert (tap.log, tap.reading.held) == (["pauseReading", "resumeReading"], False)
    assert tap.clock.getDelayedCalls() == []


def test_holdAgain(tap: Tap) -> None:
    """
    Saying it again changes nothing.
    """
    tap.reading.hold("stream")
    tap.reading.hold("stream")
    assert tap.log == ["pauseReading"]


def test_twoHolders(tap: Tap) -> None:
    """
    Reading goes on when the last of them can take more.
    """
    for name in ("one", "two"):
        tap.reading.hold(name)
    tap.reading.release("one")
    assert tap.reading.held
    tap.reading.release("two")
    assert not tap.reading.held


def test_releaseByStranger(tap: Tap) -> None:
    """
    Who never held releases nothing of others.
    """
    tap.reading.hold("one")
    tap.reading.release("two")
    assert tap.reading.held


def test_atMostHalfThePingTimeout(tap: Tap) -> None:
    """
    Pings wait behind the events, so reading goes on after half the
    C{pingTimeout}, however slow somebody is.
    """
    tap.reading.hold("stream")
    tap.clock.advance(9.9)
    assert tap.reading.held
    tap.clock.advance(0.2)
    assert not tap.reading.held


def test_notAgainBeforeAPing(tap: Tap) -> None:
    """
    After that, reading stops again only when the heartbeat was heard.
    """
    tap.reading.hold("stream")
    tap.clock.advance(10.0)
    tap.reading.hold("stream")
    assert not tap.reading.held
    tap.reading.pinged()
    tap.reading.hold("stream")
    assert tap.reading.held


def test_againWhenAllWereReleased(tap: Tap) -> None:
    """
    Or when everybody had caught up meanwhile.
    """
    tap.reading.hold("stream")
    tap.clock.advance(10.0)
    tap.reading.release("stream")
    tap.reading.hold("stream")
    assert tap.reading.held


def test_neverWhileAnAnswerIsAwaited(tap: Tap) -> None:
    """
    The answer would wait behind the events.
    """
    tap.awaited = True
    tap.reading.hold("stream")
    assert tap.log == []


def test_answerAwaitedLater(tap: Tap) -> None:
    """
    Who begins to wait makes reading go on; when the answer is there, the next
    event stops it again.
    """
    tap.reading.hold("stream")
    tap.reading.goOn()
    assert (tap.reading.held, tap.clock.getDelayedCalls()) == (False, [])
    tap.reading.hold("stream")
    assert tap.reading.held


def test_goOnWhileNotHeld(tap: Tap) -> None:
    """
    Going on without having stopped does nothing.
    """
    tap.reading.goOn()
    assert tap.log == []


def test_connectionEnds(tap: Tap) -> None:
    """
    Nothing of an ended connection is left, and without one nothing is held.
    """
    tap.reading.hold("stream")
    tap.reading.end()
    tap.reading.hold("stream")
    assert (tap.reading.held, tap.clock.getDelayedCalls()) == (False, [])


def test_nextConnection(tap: Tap) -> None:
    """
    The next connection begins afresh, with its own C{pingTimeout}.
    """
    tap.reading.hold("stream")
    tap.clock.advance(10.0)
    tap.reading.end()
    tap.reading.begin(tap.engine, 4.0)
    tap.reading.hold("stream")
    assert tap.reading.held
    tap.clock.advance(2.0)
    assert not tap.reading.held


def test_releaseWithoutConnection(tap: Tap) -> None:
    """
    Who catches up after the connection ended disturbs nothing.
    """
    tap.reading.hold("stream")
    tap.reading.end()
    tap.reading.release("stream")
    assert tap.log == ["pauseReading", "resumeReading"]
