"""
Tests for L{txsocketio.bots.keeper}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from bots.workerkit import FakeProcess
from txsocketio.bots.keeper import LASTED, LONGEST, SILENT, WorkerKeeper

LIMIT = 7.0


class Stage:
    """
    A keeper that was started; C{processes} are those it made.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.processes: list[Any] = []
        self.ends: list[int | None] = []
        self.keeper = WorkerKeeper(
            2, self.processes.append, self.clock, lambda: LIMIT, self.ends.append, FakeProcess
        )
        self.keeper.startService()

    @property
    def process(self) -> FakeProcess:
        process: FakeProcess = self.processes[-1]
        return process

    def stop(self) -> list[Any]:
        stopped: list[Any] = []
        stopping = self.keeper.stopService()
        assert stopping is not None
        stopping.addBoth(stopped.append)
        return stopped

    def waits(self, status: int | None = None) -> float:
        """
        End the process; how long is it until the next one?
        """
        count, began = len(self.processes), self.clock.seconds()
        self.process.end(status)
        (call,) = self.clock.getDelayedCalls()
        assert len(self.processes) == count
        self.clock.advance(call.getTime() - began)
        assert len(self.processes) == count + 1
        return self.clock.seconds() - began


def test_aWorkerIsStarted() -> None:
    """
    It is up when it has answered, not before.
    """
    stage = Stage()
    keeper = stage.keeper
    assert [each.number for each in stage.processes] == [2]
    assert (keeper.up, keeper.why) == (False, "worker 2 starts")
    stage.clock.advance(3)
    keeper.answered()
    assert (keeper.up, keeper.why, keeper.since) == (True, "worker 2 runs", 3)
    stage.clock.advance(3)
    keeper.answered()
    assert keeper.since == 3


def test_aWorkerThatEndsIsStartedAgain() -> None:
    """
    Later and later, but never very late; whatever its status.
    """
    stage = Stage()
    waits = [stage.waits(status) for status in (None, 0, 1, None, None, None, None, None)]
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST, LONGEST]
    assert stage.ends == [None, 0, 1, None, None, None, None, None]


def test_aWorkerThatLastedIsStartedSoon() -> None:
    """
    What happened before it does not count.
    """
    stage = Stage()
    stage.waits()
    stage.waits()
    stage.clock.advance(LASTED)
    assert stage.waits() == 1


def test_theLogSaysWhatHappened() -> None:
    """
    And so does the keeper.
    """
    stage = Stage()
    stage.keeper.answered()
    with capturedLogs() as logs:
        stage.process.end(None)
    assert not stage.keeper.up
    assert stage.keeper.why == "worker 2 was ended by signal 9; it is started again after 1 s"
    assert [formatEvent(each) for each in logs] == [stage.keeper.why]


def test_aBadFileIsNotTriedAgainAndAgain() -> None:
    """
    A restart cannot mend it; a reload can.
    """
    stage = Stage()
    stage.process.end(2)
    assert stage.clock.getDelayedCalls() == []
    assert "mended" in stage.keeper.why
    stage.keeper.hangUp()
    assert len(stage.processes) == 2


def test_aReloadIsPassedOn() -> None:
    """
    To a process that can take it.
    """
    stage = Stage()
    stage.keeper.answered()
    stage.keeper.hangUp()
    assert stage.process.signals == ["HUP"]


def test_aReloadWaitsForAWorkerThatStarts() -> None:
    """
    It would die of the signal.
    """
    stage = Stage()
    stage.keeper.hangUp()
    assert stage.process.signals == []
    stage.keeper.answered()
    stage.keeper.answered()
    assert stage.process.signals == ["HUP"]


def test_aReloadIsForgottenWithItsProcess() -> None:
    """
    The next one reads the file anyway.
    """
    stage = Stage()
    stage.keeper.hangUp()
    stage.waits()
    stage.keeper.answered()
    assert stage.process.signals == []


def test_aReloadEndsTheWait() -> None:
    """
    And makes the next one short.
    """
    stage = Stage()
    stage.waits()
    stage.process.end(None)
    stage.keeper.hangUp()
    assert len(stage.processes) == 3
    assert stage.clock.getDelayedCalls() == []
    assert stage.waits() == 1


def test_aReloadStartsNothingThatWasStopped() -> None:
    """
    Neither while it stops nor later.
    """
    stage = Stage()
    stage.stop()
    stage.keeper.hangUp()
    stage.process.end(None)
    stage.keeper.hangUp()
    assert stage.processes[-1].signals == ["TERM"] and len(stage.processes) == 1


def test_aProcessThatCannotBeStartedIsTriedAgain() -> None:
    """
    As one that ended at once.
    """
    stage = Stage()
    append = stage.processes.append

    def refuse(process: Any) -> None:
        raise OSError("too many")

    stage.process.end(None)
    stage.keeper._spawn = refuse
    stage.clock.advance(1)
    assert (
        stage.keeper.why == "worker 2 could not be started: too many; it is started again after 2 s"
    )
    stage.keeper._spawn = append
    stage.clock.advance(2)
    assert len(stage.processes) == 2
    assert stage.waits() == 4


def test_stoppingAsksAndWaits() -> None:
    """
    Nothing is started again.
    """
    stage = Stage()
    stopped = stage.stop()
    assert stage.process.signals == ["TERM"] and stopped == []
    stage.process.end(None)
    assert stopped == [None] and stage.ends == []
    assert stage.clock.getDelayedCalls() == []
    assert stage.keeper.why == "worker 2 is stopped"


def test_aWorkerThatDoesNotStopIsKilled() -> None:
    """
    When its time is up; the log says so.
    """
    stage = Stage()
    stopped = stage.stop()
    with capturedLogs() as logs:
        stage.clock.advance(LIMIT)
    assert stage.process.signals == ["TERM", "KILL"]
    assert "did not stop within 7 s" in formatEvent(logs[0])
    stage.process.end(None)
    assert stopped == [None]


def test_stoppingWithoutAProcess() -> None:
    """
    There is nothing to wait for, and nothing comes later.
    """
    stage = Stage()
    stage.process.end(None)
    assert stage.keeper.stopService() is None
    assert stage.clock.getDelayedCalls() == []


def test_aSilentWorkerIsNotUp() -> None:
    """
    Until it answers again.
    """
    stage = Stage()
    stage.keeper.answered()
    stage.keeper.silent()
    assert (stage.keeper.up, stage.keeper.why) == (False, "worker 2 does not answer")
    stage.keeper.answered()
    assert stage.keeper.up


def test_aWorkerThatHangsIsEndedAndStartedAgain() -> None:
    """
    Once; its end may take a moment.
    """
    stage = Stage()
    stage.clock.advance(1)
    stage.keeper.answered()
    stage.clock.advance(SILENT - 1)
    stage.keeper.silent()
    assert stage.process.signals == []
    stage.clock.advance(1)
    stage.keeper.silent()
    stage.keeper.silent()
    assert stage.process.signals == ["KILL"]
    assert stage.waits() == 1


def test_whatComesTooLateDoesNotMatter() -> None:
    """
    Answers, or none, while there is no process or it stops.
    """
    stage = Stage()
    stage.stop()
    stage.clock.advance(SILENT - LIMIT)
    stage.keeper.answered()
    stage.keeper.silent()
    stage.process.end(None)
    stage.keeper.answered()
    stage.keeper.silent()
    assert not stage.keeper.up


def test_anAnswerOfAProcessThatEnded() -> None:
    """
    It is of no use any more.
    """
    stage = Stage()
    stage.process.end(None)
    stage.keeper.answered()
    stage.keeper.silent()
    assert not stage.keeper.up
