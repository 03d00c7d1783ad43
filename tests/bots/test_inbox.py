"""
Tests for L{txsocketio.bots.inbox}.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bots.pluginkit import PluginStage
from txsocketio.bots.inbox import EVENTS, QUEUE, Inbox, InboxBot
from txsocketio.bots.schema import schemaOf
from txsocketio.errors import SocketIOError


class Oops(Exception):
    """
    What work in these tests raises.
    """


class Worker(InboxBot):
    """
    A bot whose work ends when the test says.
    """

    schema = schemaOf(EVENTS, QUEUE)
    workers = 1

    def start(self) -> None:
        self.jobs: list[Any] = []
        self.open: list[Deferred[None]] = []
        self.listen(self.workers)

    def work(self, job: Any) -> Any:
        self.jobs.append(job[0])
        self.open.append(Deferred())
        return self.open[-1]

    def end(self, result: Any = None) -> None:
        self.open.pop(0).callback(result)


class Quick(Worker):
    """
    Everything is done at once.
    """

    def work(self, job: Any) -> None:
        self.jobs.append(job)


class Raising(Worker):
    """
    Raises at the first.
    """

    def work(self, job: Any) -> Any:
        working = super().work(job)
        if len(self.jobs) == 1:
            raise Oops("no")
        return working


class QuickAfterTheFirst(Worker):
    """
    Only the first takes its time.
    """

    def work(self, job: Any) -> Any:
        if not self.jobs:
            return super().work(job)
        self.jobs.append(job[0])
        return None


def started(cls: Any = Worker, **config: Any) -> PluginStage:
    stage = PluginStage(cls, **config)
    stage.bot.start()
    return stage


def test_oneAfterTheOtherInOrder() -> None:
    """
    The next begins when the last has ended.
    """
    stage = started()
    stage.receive("a", "b", "c")
    assert stage.bot.jobs == ["a"]
    stage.bot.end()
    assert stage.bot.jobs == ["a", "b"]


def test_aFewAtOnceIfThatIsWanted() -> None:
    """
    So many, and no more.
    """
    stage = PluginStage(Worker)
    stage.bot.workers = 2
    stage.bot.start()
    stage.receive("a", "b", "c")
    assert stage.bot.jobs == ["a", "b"]


def test_manyThatAreDoneAtOnceMakeNoRecursion() -> None:
    """
    However many wait when the first ends.
    """
    stage = started(QuickAfterTheFirst, queue=5000)
    stage.receive(*range(5000))
    stage.bot.end()
    assert len(stage.bot.inbox) == 0 and len(stage.bot.jobs) == 5000


def test_aJobIsTheEventAndItsLine() -> None:
    """
    As the plugin C{log} writes it, without the offset of a recovery.
    """
    stage = started(Quick)
    stage.receive(("tick", {"a": 1}, "offset"))
    ((event, line),) = stage.bot.jobs
    assert event == "tick"
    assert json.loads(line)["args"] == [{"a": 1}] and json.loads(line)["bot"] == "ticker"


def test_onlyTheEventsAskedForAreTaken() -> None:
    """
    C{events = a} leaves out the rest.
    """
    stage = started(events=("a",))
    stage.receive("b", "a")
    assert stage.bot.jobs == ["a"]


def test_tooManyHoldTheConnectionUntilHalfIsDone() -> None:
    """
    The server is made to wait.
    """
    stage = started(queue=4)
    stage.receive(*"abcd")
    assert not stage.socket.reading.held
    stage.receive("e")
    assert stage.socket.reading.held
    stage.bot.end()
    stage.bot.end()
    assert stage.socket.reading.held
    stage.bot.end()
    assert not stage.socket.reading.held


def test_tooManyBytesHoldTheConnection() -> None:
    """
    However few events they are.
    """
    stage = started()
    inbox = Inbox(stage.bot, lambda job: Deferred(), 100, byteLimit=1000)
    inbox.put("a", 999)
    assert not stage.socket.reading.held
    inbox.put("b", 1)
    assert stage.socket.reading.held
    assert inbox.put("c", 10_000) and not inbox.put("d", 1)


def test_whatIsUnderWayIsKeptAndNoMore() -> None:
    """
    Four times the limit; then events are lost, which is told once, and counted
    when there is room again.
    """
    stage = started(queue=2)
    stage.receive(*"abcdefghi")
    assert stage.log.lines == []
    stage.receive(*"xyz")
    assert stage.log.lines == [
        "error: 8 events wait already; what comes is lost until there is room"
    ]
    for _ in range(9):
        stage.bot.end()
    assert stage.bot.jobs == list("abcdefghi")
    assert stage.log.lines[1:] == ["error: 3 events were lost; there is room again"]
    assert stage.bot.inbox.lost == 3
    stage.receive("j")
    assert stage.bot.jobs[-1] == "j"


@pytest.mark.parametrize("how", ["raised", "failed"])
def test_workThatFailsIsToldAndTheNextIsDone(how: str) -> None:
    """
    One event's failure is that event's alone.
    """
    stage = started(Raising if how == "raised" else Worker)
    stage.receive("a", "b")
    if how == "failed":
        stage.bot.open.pop(0).errback(Oops("no"))
    assert stage.bot.jobs == ["a", "b"]
    assert stage.log.count("failure: an event came to nothing") == 1
    assert stage.bot.inbox.failed == 1


def test_aFailureOfTheOtherSideNeedsNoTraceback() -> None:
    """
    Its words are enough.
    """
    stage = started()
    stage.receive("a")
    stage.bot.open.pop(0).errback(SocketIOError("refused"))
    assert stage.log.lines == ["error: an event came to nothing: refused"]


def test_workThatIsNotWrittenFailsEachEvent() -> None:
    """
    An author sees what is missing.
    """

    class Lazy(InboxBot):
        schema = schemaOf(EVENTS, QUEUE)

    stage = PluginStage(Lazy)
    stage.bot.listen()
    stage.receive("a")
    assert stage.bot.inbox.failed == 1


def test_theStopWaitsForWhatWasTakenAndTakesNoMore() -> None:
    """
    Nothing that was taken is lost.
    """
    stage = started()
    stage.receive("a", "b")
    _, ended = stage.stop()
    stage.receive("c")
    assert ended == []
    stage.bot.end()
    assert ended == []
    stage.bot.end()
    assert ended == [None] and stage.bot.jobs == ["a", "b"]
    assert stage.log.lines == []


def test_anIdleBotStopsAtOnce() -> None:
    """
    There is nothing to wait for.
    """
    _, ended = started().stop()
    assert ended == [None]


def test_aStopThatTakesTooLongGivesUpTheRestAndCountsIt() -> None:
    """
    The work under way is cancelled, nothing of it is logged as a failure, and
    the connection is left as it was.
    """
    stage = started(queue=1)
    stage.receive("a", "b", "c")
    cancelled: list[Any] = []
    stage.bot.open[0]._canceller = cancelled.append
    stopping, ended = stage.stop()
    stopping.cancel()
    assert len(ended) == 1
    assert cancelled == stage.bot.open
    assert stage.bot.jobs == ["a"]
    assert stage.log.lines == ["error: 3 events are given up, because the bot stops"]
    assert not stage.socket.reading.held


def test_whatComesDuringTheStopOfTheLastDoesNotBegin() -> None:
    """
    A closed inbox starts nothing.
    """
    stage = started(Quick)
    stage.stop()
    stage.bot.inbox.put(("late", ""), 0)
    assert stage.bot.jobs == []
