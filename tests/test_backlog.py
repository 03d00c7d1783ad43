"""
A bounded queue that pushes back.
"""

from __future__ import annotations

from typing import Any

import pytest

from fakes import FakeReading
from txsocketio.backlog import Backlog


@pytest.fixture
def reading() -> FakeReading:
    return FakeReading()


def fill(backlog: Backlog, count: int) -> None:
    for number in range(count):
        backlog.put(number)


def test_inOrder(reading: FakeReading) -> None:
    """
    What was put first is taken first.
    """
    backlog = Backlog(reading, 4)
    fill(backlog, 3)
    assert [backlog.take() for _ in range(3)] == [0, 1, 2]
    assert len(backlog) == 0


def test_upToTheLimit(reading: FakeReading) -> None:
    """
    So many may wait before the connection is held.
    """
    fill(Backlog(reading, 4), 4)
    assert reading.log == []


def test_holdAboveTheLimit(reading: FakeReading) -> None:
    """
    One more holds it, and each further one asks again.
    """
    backlog = Backlog(reading, 4)
    fill(backlog, 6)
    assert reading.log == ["hold", "hold"]
    assert reading.holders == {backlog}


def test_releaseAtHalf(reading: FakeReading) -> None:
    """
    The connection goes on when half the limit is left, not sooner, so that it
    does not stop and go with each event.
    """
    backlog = Backlog(reading, 4)
    fill(backlog, 5)
    for _ in range(2):
        backlog.take()
    assert reading.held
    backlog.take()
    assert not reading.held


def test_limitOfOne(reading: FakeReading) -> None:
    """
    The smallest limit works: a second event holds, an empty queue releases.
    """
    backlog = Backlog(reading, 1)
    fill(backlog, 2)
    held = [reading.held]
    for _ in range(2):
        backlog.take()
        held.append(reading.held)
    assert held == [True, True, False]


def test_full(reading: FakeReading) -> None:
    """
    Four times the limit are kept.
    """
    backlog = Backlog(reading, 2)
    fill(backlog, 7)
    assert not backlog.full
    backlog.put(7)
    assert backlog.full


def test_clear(reading: FakeReading) -> None:
    """
    Forgetting everything lets the connection go on.
    """
    backlog = Backlog(reading, 1)
    fill(backlog, 3)
    backlog.clear()
    assert (len(backlog), reading.held) == (0, False)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, None, "64", float("inf")])
def test_badLimit(reading: FakeReading, limit: Any) -> None:
    """
    A limit is a whole number, 1 or more.
    """
    with pytest.raises(ValueError, match="limit"):
        Backlog(reading, limit)
