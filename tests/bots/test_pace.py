"""
Tests for L{txsocketio.bots.pace}.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsocketio.bots.pace import AttemptPace

HERE = "http://a.example:3000/x?token=1"


def test_withoutALimitNothingIsLengthened() -> None:
    """
    That is the default.
    """
    pace = AttemptPace(Clock())
    assert [pace.lengthen(HERE, 1.0) for _ in range(3)] == [1.0, 1.0, 1.0]


def test_attemptsAtOneHostAreSpread() -> None:
    """
    Five in a second: one each 200 ms, at any port and path of the host.
    """
    pace = AttemptPace(Clock(), 5.0)
    urls = [HERE, "https://A.example/y", "ws://a.example:1"]
    assert [pace.lengthen(url, 1.0) for url in urls] == pytest.approx([1.0, 1.2, 1.4])


def test_hostsDoNotShareAPace() -> None:
    """
    A busy host slows nobody else's bots down.
    """
    pace = AttemptPace(Clock(), 1.0)
    assert [pace.lengthen(f"http://{name}", 0.0) for name in "abc"] == [0.0, 0.0, 0.0]


def test_aGapIsUsed() -> None:
    """
    One that comes back in a minute does not hold up one that comes back now.
    """
    pace = AttemptPace(Clock(), 1.0)
    assert pace.lengthen(HERE, 60.0) == 60.0
    assert pace.lengthen(HERE, 1.0) == 1.0
    assert pace.lengthen(HERE, 59.5) == 61.0
    assert pace.lengthen(HERE, 1.5) == 2.0


def test_theOrderInWhichTheyAskDoesNotMatter() -> None:
    """
    However many ask, and whenever: never two of them nearer than the limit.
    """
    clock = Clock()
    pace = AttemptPace(clock, 10.0)
    moments = []
    for number in range(200):
        moments.append(clock.seconds() + pace.lengthen(HERE, (number * 7 % 13) / 10.0))
        clock.advance(0.01)
    moments.sort()
    gaps = [later - sooner for sooner, later in zip(moments, moments[1:], strict=False)]
    assert min(gaps) == pytest.approx(0.1)


def test_momentsThatArePastAreForgotten() -> None:
    """
    A year of reconnections takes no memory.
    """
    clock = Clock()
    pace = AttemptPace(clock, 1.0)
    for _ in range(50):
        assert pace.lengthen(HERE, 0.0) == 0.0
        clock.advance(2)
    assert len(pace._taken["a.example"]) == 1
