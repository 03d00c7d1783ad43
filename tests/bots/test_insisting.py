"""
Tests for L{txsocketio.bots.insisting}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from bots.pluginkit import PluginLog
from txsocketio.bots.insisting import Insistence, NotNow


class Stage:
    """
    Attempts that fail as the test says, and then work.
    """

    def __init__(self, *errors: Exception, attempts: int = 3, delayMax: float = 4.0) -> None:
        self.clock = Clock()
        self.log = PluginLog()
        self.errors = list(errors)
        self.times: list[float] = []
        config = {"attempts": attempts, "retryDelay": 1.0, "retryDelayMax": delayMax}
        insist = Insistence(config, self.clock, self.log)
        self.results: list[Any] = []
        self.trying = ensureDeferred(insist.on(self.attempt))
        self.trying.addBoth(self.results.append)

    async def attempt(self) -> str:
        self.times.append(self.clock.seconds())
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def wait(self, seconds: float) -> None:
        self.clock.pump([seconds / 1000] * 1000)

    @property
    def pauses(self) -> list[float]:
        return [later - sooner for sooner, later in zip(self.times, self.times[1:], strict=False)]


def test_whatWorksIsDoneOnce() -> None:
    """
    Without waiting, without a word.
    """
    stage = Stage()
    assert stage.results == ["done"] and stage.log.lines == []


def test_whatFailsForAWhileIsTriedAgain() -> None:
    """
    After longer and longer pauses, up to a limit, told once.
    """
    stage = Stage(*[NotNow("down")] * 5, attempts=9)
    assert len(stage.log.lines) == 1
    stage.wait(60)
    assert stage.results == ["done"]
    for pause, middle in zip(stage.pauses, [1, 2, 4, 4, 4], strict=True):
        assert middle / 2 <= pause <= middle * 1.5 + 0.1
    assert len(stage.log.lines) == 1 and "warn: down; trying again in " in stage.log.lines[0]


def test_whatFailsTooOftenIsGivenUp() -> None:
    """
    With the last reason.
    """
    stage = Stage(NotNow("a"), NotNow("b"), NotNow("c"))
    stage.wait(60)
    (failure,) = stage.results
    assert failure.check(NotNow) and str(failure.value) == "c"
    assert len(stage.times) == 3 and stage.clock.getDelayedCalls() == []


def test_noAttemptsMeanForEver() -> None:
    """
    C{attempts = 0}.
    """
    stage = Stage(*[NotNow("down")] * 100, attempts=0, delayMax=0.0)
    stage.wait(60)
    assert stage.results == ["done"]


def test_anotherErrorIsNotTriedAgain() -> None:
    """
    It would not help.
    """
    stage = Stage(ValueError("bad"))
    assert stage.results[0].check(ValueError) and len(stage.times) == 1


@pytest.mark.parametrize(("asked", "pause"), [(20.0, 20.0), (1e9, 300.0)])
def test_theOtherSideMayAskForMoreTime(asked: float, pause: float) -> None:
    """
    Up to five minutes.
    """
    stage = Stage(NotNow("busy", asked))
    stage.wait(pause - 1)
    assert stage.results == []
    stage.wait(2)
    assert stage.results == ["done"]


def test_itCanBeCancelledWhileItWaits() -> None:
    """
    No timer is left.
    """
    stage = Stage(NotNow("down"))
    stage.trying.cancel()
    assert stage.clock.getDelayedCalls() == [] and len(stage.times) == 1
