"""
Modifiers of one emit.
"""

from __future__ import annotations

from typing import Any

import pytest

from fakes import Recorder
from txsocketio.modifiers import Emission, Modifiers


@pytest.fixture
def sender() -> Recorder:
    return Recorder()


@pytest.fixture
def emission(sender: Recorder) -> Emission:
    return Emission(sender)  # type: ignore[arg-type]


def test_plain(sender: Recorder, emission: Emission) -> None:
    """
    Without modifiers an event is compressed where that is on, kept while
    offline, and its answer waited for as the socket says.
    """
    emission.emit("a", 1, 2)
    assert sender.log == [("emit", Modifiers(False, True, None), "a", (1, 2))]


def test_chained(sender: Recorder, emission: Emission) -> None:
    """
    Modifiers add up, in any order.
    """
    emission.volatile.compress(False).timeout(5).emit("a")
    emission.timeout(5).compress(False).volatile.emit("a")
    assert sender.log == [("emit", Modifiers(True, False, 5.0), "a", ())] * 2


def test_lastWins(sender: Recorder, emission: Emission) -> None:
    """
    A modifier said twice is as it was said last.
    """
    emission.timeout(5).timeout(6).compress(False).compress(True).emitWithAck("a", 1)
    assert sender.log == [("call", Modifiers(timeout=6.0), "a", (1,))]


def test_nothingIsStored(sender: Recorder, emission: Emission) -> None:
    """
    A modifier belongs to the emits through it, not to the next one.

    behaviours Q5
    """
    careful = emission.timeout(5)
    assert careful.volatile != careful
    for each in (careful, emission):
        each.emit("a")
    assert [how.timeout for _, how, _, _ in sender.log] == [5.0, None]


def test_immutable(emission: Emission) -> None:
    """
    A modified emit cannot be changed under somebody's hands.
    """
    with pytest.raises(AttributeError):
        emission._how = Modifiers()  # type: ignore[misc]


def test_send(sender: Recorder, emission: Emission) -> None:
    """
    C{send} is C{emit("message", ...)}.

    behaviours Q4
    """
    emission.volatile.send(1, 2)
    assert sender.log == [("emit", Modifiers(volatile=True), "message", (1, 2))]


@pytest.mark.parametrize("seconds", [-1, float("nan"), "5", None, True, 1j, float("inf"), 10**400])
def test_badTimeout(emission: Emission, seconds: Any) -> None:
    """
    A timeout is a number of seconds, 0 or more.
    """
    with pytest.raises(ValueError, match="timeout"):
        emission.timeout(seconds)


@pytest.mark.parametrize("seconds", [0, 0.05, 299])
def test_goodTimeout(sender: Recorder, emission: Emission, seconds: float) -> None:
    """
    Any other is taken as it is: 0 is 0.
    """
    emission.timeout(seconds).emit("a")
    assert sender.log[0][1].timeout == seconds


def test_milliseconds(emission: Emission) -> None:
    """
    Who counts milliseconds is told, at the line that does.
    """
    with pytest.warns(UserWarning, match="1 h 23 min") as caught:
        emission.timeout(5000)
    assert caught[0].filename == __file__
