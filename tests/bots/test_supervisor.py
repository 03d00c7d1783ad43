"""
Tests for L{txsocketio.bots.supervisor} and L{txsocketio.bots.overview}.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from bots.lookkit import status
from bots.workerkit import FakeProcess
from txsocketio.bots.descriptions import BotDescription, DaemonDescription
from txsocketio.bots.keeper import WorkerKeeper
from txsocketio.bots.loader import Plugins
from txsocketio.bots.mistakes import PluginError
from txsocketio.bots.overview import overviewOf
from txsocketio.bots.readiness import Readiness
from txsocketio.bots.states import BotState
from txsocketio.bots.supervisor import LOOK, MARGIN, Supervisor


def bot(name: str, **fields: Any) -> BotDescription:
    return BotDescription(name, "http://example.com", "log", **fields)


NAMES = ["a", "b", "c", "d"]


class Stage:
    """
    A supervisor of two workers, which answer when C{answers} has something for
    them, by their number.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **settings: Any) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        defaults = list(WorkerKeeper.__init__.__defaults__ or ())
        monkeypatch.setattr(WorkerKeeper.__init__, "__defaults__", (*defaults[:-1], FakeProcess))
        self.clock = Clock()
        self.processes: list[Any] = []
        self.seats: list[Any] = []
        self.answers: dict[int, Any] = {}
        self.ended: list[int] = []
        self.asked: list[Any] = []
        self.new: Any = None
        self.supervisor = Supervisor(
            [bot(name, drainTimeout=2.0) for name in NAMES],
            Plugins(),
            self.clock,
            2,
            self.spawn,
            self.ask,
            settings=settings,
            read=self.read,
            endProcess=self.ended.append,
        )
        self.changes = 0
        self.supervisor.observers.append(self.changed)

    def spawn(self, seat: Any, process: Any) -> None:
        self.seats.append(seat)
        self.processes.append(process)

    def ask(self, path: str, reactor: Any, request: Any) -> Deferred[Any]:
        answer = self.answers.get(int(Path(path).name))
        if answer is None:
            return fail(OSError("no socket"))
        self.asked.append((path, request))
        return succeed({"bots": [each.plain() for each in answer]})

    def read(self) -> DaemonDescription:
        if self.new is None:
            raise PluginError("no")
        return DaemonDescription("/b.ini", tuple(self.new))

    def changed(self) -> None:
        self.changes += 1

    def owner(self, name: str) -> int:
        runner: Any = self.supervisor.runners[name]
        number: int = runner.worker.number
        return number

    def answer(self, **fields: Any) -> None:
        """
        Both workers tell of all their bots.
        """
        for name in NAMES:
            self.answers.setdefault(self.owner(name), []).append(status(name, **fields))
        self.clock.advance(LOOK)

    def states(self) -> list[str]:
        return [each.status.state.value for each in self.supervisor.runners.values()]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    return Stage(monkeypatch, tmp_path)


def test_eachWorkerHasItsShare(stage: Stage) -> None:
    """
    In a folder of the supervisor's own; each bot belongs to one.
    """
    stage.supervisor.startService()
    folders = {each.folder for each in stage.seats}
    assert [each.number for each in stage.seats] == [1, 2]
    assert len(folders) == 1 and os.stat(folders.pop()).st_mode & 0o777 == 0o700
    for name in NAMES:
        assert [each.number for each in stage.seats if name in each.share] == [stage.owner(name)]
    assert {stage.owner(name) for name in NAMES} == {1, 2}


def test_theBotsAreAsTheWorkersTell(stage: Stage) -> None:
    """
    In the order of the file.
    """
    stage.supervisor.startService()
    assert stage.states() == ["waiting"] * 4
    stage.answer()
    assert stage.states() == ["connected"] * 4
    assert list(stage.supervisor.runners) == NAMES


def test_whatAWorkerTellsOfStrangersIsNotHeard(stage: Stage) -> None:
    """
    They were removed just now.
    """
    stage.supervisor.startService()
    stage.answers[1] = [status("stranger")]
    stage.clock.advance(LOOK)
    assert list(stage.supervisor.runners) == NAMES


def test_observersHearOfChangesOnly(stage: Stage) -> None:
    """
    And not every second.
    """
    stage.supervisor.startService()
    stage.answer()
    before = stage.changes
    stage.clock.advance(LOOK)
    assert stage.changes == before
    stage.answers.clear()
    stage.answer(state=BotState.FAILED)
    assert stage.changes == before + 1


def test_aWorkersEndIsItsBots(stage: Stage) -> None:
    """
    Those of others do not mind; whoever looks is told at once.
    """
    stage.supervisor.startService()
    stage.answer()
    before = stage.changes
    stage.processes[0].end(None)
    assert stage.changes == before + 1
    for name in NAMES:
        told = stage.supervisor.runners[name].status
        if stage.owner(name) == 1:
            assert "ended by signal 9; it is started again after 1 s" in told.why
        else:
            assert told.state is BotState.CONNECTED
    assert stage.ended == []


@pytest.mark.parametrize(
    ("settings", "status", "ended"),
    [({"onError": "stop"}, 1, [1]), ({"onError": "stop"}, 0, []), ({}, 1, [])],
)
def test_theEndOfAWorkerMayBeTheEndOfAll(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    settings: dict[str, Any],
    status: int,
    ended: list[int],
) -> None:
    """
    With C{onError = stop}, when a bot failed.
    """
    stage = Stage(monkeypatch, tmp_path, **settings)
    stage.supervisor.startService()
    stage.processes[0].end(status)
    assert stage.ended == ended


def test_stoppingStopsAllWorkers(stage: Stage) -> None:
    """
    Within the limits of their bots; then nothing is left.
    """
    stage.supervisor.startService()
    stopped: list[Any] = []
    stage.supervisor.stopService().addBoth(stopped.append)
    assert [each.signals for each in stage.processes] == [["TERM"], ["TERM"]]
    stage.processes[0].end(None)
    stage.clock.advance(2.0 + 3.0 + MARGIN)
    assert stage.processes[1].signals == ["TERM", "KILL"]
    assert not stopped and os.path.exists(stage.seats[0].folder)
    stage.processes[1].end(None)
    assert stopped and not os.path.exists(stage.seats[0].folder)
    assert stage.clock.getDelayedCalls() == []


def test_aReloadGoesToTheWorkers(stage: Stage) -> None:
    """
    With the new bots in the place of the old; what is known of those that
    stay is kept.
    """
    stage.supervisor.startService()
    stage.answer()
    stage.new = [bot("a"), bot("new"), bot("b", drainTimeout=9.0)]
    done: list[Any] = []
    stage.supervisor.reload().addBoth(done.append)
    assert (done[0].added, done[0].removed) == (("new",), ("c", "d"))
    assert [each.signals for each in stage.processes] == [["HUP"], ["HUP"]]
    assert list(stage.supervisor.runners) == ["a", "new", "b"]
    assert stage.states() == ["connected", "waiting", "connected"]


def test_aBadFileReachesNoWorker(stage: Stage) -> None:
    """
    All go on as they were.
    """
    stage.supervisor.startService()
    stage.answer()
    done: list[Any] = []
    stage.supervisor.reload().addBoth(done.append)
    assert done[0].check(PluginError)
    assert [each.signals for each in stage.processes] == [[], []]
    assert stage.states() == ["connected"] * 4


# what is shown


def test_theOverviewAsksFirst(stage: Stage) -> None:
    """
    What it tells is not older than the question.
    """
    stage.supervisor.startService()
    look = overviewOf(stage.supervisor)
    for name in NAMES:
        stage.answers.setdefault(stage.owner(name), []).append(status(name))
    document: list[Any] = []
    look().addBoth(document.append)
    assert document[0]["ready"] is True
    assert [each["name"] for each in document[0]["bots"]] == NAMES
    assert document[0]["readyRule"] == "all"


def test_theRuleIsTheFiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    Over the bots of all workers.
    """
    stage = Stage(monkeypatch, tmp_path, ready=Readiness("names", ("b",)))
    stage.supervisor.startService()
    document: list[Any] = []
    overviewOf(stage.supervisor)().addBoth(document.append)
    assert (document[0]["ready"], document[0]["notReady"]) == (False, ["b"])


def test_commandsGoToTheBotsWorker(stage: Stage) -> None:
    """
    And to no other.
    """
    stage.supervisor.startService()
    stage.answer()
    seat = stage.seats[stage.owner("b") - 1]
    stage.supervisor.runner("b").pause()
    assert stage.asked[-1] == (seat.socket, {"command": "pause", "bot": "b"})


def test_anObserverThatFailsDoesNotBlindUs(stage: Stage, flushLoggedErrors: Any) -> None:
    """
    It is in the log, and the next look is taken all the same.
    """
    stage.supervisor.startService()

    def fails() -> None:
        raise ValueError("no")

    stage.supervisor.observers.append(fails)
    stage.answer()
    assert len(flushLoggedErrors(ValueError)) == 1
    stage.answers.clear()
    stage.clock.advance(LOOK)
    assert stage.states() == ["waiting"] * 4
    assert len(flushLoggedErrors(ValueError)) == 1
