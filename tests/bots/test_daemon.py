"""
Tests for L{txsocketio.bots.daemon}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel

from bots.botkit import FakeClient
from conftest import LoggedFailures
from txsocketio.bots import daemon as module
from txsocketio.bots.daemon import BotDaemon, UnknownBot
from txsocketio.bots.descriptions import BotDescription, DaemonDescription
from txsocketio.bots.keys import inForce
from txsocketio.bots.mistakes import ConfigError, Mistake, PluginError
from txsocketio.bots.notify import Notifier
from txsocketio.bots.runner import BotRunner
from txsocketio.bots.states import BotState


class Oops(Exception):
    """
    What a bot in these tests raises.
    """


class QuietBot:
    """
    A bot that does nothing, unless its stage says that it fails.
    """

    def __init__(self, fails: bool) -> None:
        self.fails = fails

    def attach(self, socket: Any, log: Any) -> None: ...

    def start(self) -> None:
        if self.fails:
            raise Oops

    def stop(self) -> None: ...


class Stage:
    """
    A daemon of bots that only pretend; also its plugins, and its bots file.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.clients: list[FakeClient] = []
        self.statuses: list[int] = []
        self.error: Exception | None = None
        self.missing: set[str] = set()
        self.failing: set[str] = set()
        self.forgotten = 0
        self.daemon: Any = None

        def build(description: Any, plugin: Any, reactor: Any) -> BotRunner:
            return BotRunner(description, plugin, reactor, self.buildClient)

        monkeypatch.setattr(module, "BotRunner", build)

    def make(self, *bots: BotDescription, **settings: Any) -> BotDaemon:
        self.file = DaemonDescription("f.ini", bots, settings)
        self.daemon = BotDaemon(
            bots,
            self,  # type: ignore[arg-type]
            self.clock,
            settings=settings,
            read=self.read,
            endProcess=self.statuses.append,
        )
        return self.daemon

    def run(self, *names: str, **settings: Any) -> BotDaemon:
        self.make(*map(bot, names), **settings).startService()
        return self.daemon

    # as plugins

    def find(self, name: str) -> Any:
        if name in self.missing:
            raise PluginError("there is none")
        return self

    def forget(self) -> None:
        self.forgotten += 1

    def makeBot(self, config: Any) -> QuietBot:
        return QuietBot(config.get("name") in self.failing)

    # as the file

    def read(self) -> DaemonDescription:
        if self.error is not None:
            raise self.error
        return self.file

    def write(self, *bots: BotDescription, **settings: Any) -> None:
        self.file = DaemonDescription("f.ini", bots, settings)

    def buildClient(self, url: str, **options: Any) -> FakeClient:
        self.clients.append(FakeClient(self.clock, []))
        return self.clients[-1]

    def reload(self) -> list[Any]:
        seen: list[Any] = []
        self.daemon.reload().addBoth(seen.append)
        return seen

    def states(self) -> dict[str, str]:
        return {name: each.condition.state.value for name, each in self.daemon.runners.items()}


def bot(name: str, url: str = "http://h") -> BotDescription:
    return BotDescription(name=name, url=url, plugin="log", config={"name": name})


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def texts(events: list[dict[str, Any]], level: LogLevel) -> list[str]:
    chosen = [each for each in events if each["log_level"] is level]
    return [each["log_format"].format(**each) for each in chosen]


# who is there


def test_aBotIsFoundByItsName(stage: Stage) -> None:
    """
    An unknown one is answered with the nearest.
    """
    daemon = stage.make(bot("ticker"))
    assert daemon.runner("ticker") is daemon.runners["ticker"]
    with pytest.raises(UnknownBot, match='no bot "tikcer"; did you mean "ticker"'):
        daemon.runner("tikcer")


def test_addedWhileRunningItStarts(stage: Stage) -> None:
    """
    And removed, it is gone when what it has to send is sent.
    """
    daemon = stage.run()
    daemon.add(bot("a"))
    assert stage.states() == {"a": "connecting"}
    stage.clients[0].stopped = leaving = Deferred[None]()
    ended: list[Any] = []
    daemon.remove("a").addBoth(ended.append)
    assert (stage.states(), ended) == ({}, [])
    leaving.callback(None)
    assert ended == [None]


def test_observersHearOfEveryChange(stage: Stage) -> None:
    """
    So nobody has to poll.
    """
    daemon = stage.make(bot("a"))
    seen: list[Any] = []
    daemon.observers.append(lambda: seen.append(stage.states()["a"]))
    daemon.startService()
    assert seen == ["waiting", "connecting"]


def test_theHostsPaceIsSharedByAll(stage: Stage) -> None:
    """
    Each bot's manager asks before it plans an attempt.
    """
    stage.run("a", "b", attemptsPerHost=2.0)
    ask = [client.socket.io.lengthen for client in stage.clients]
    assert [each(1.0) for each in ask] == [1.0, 1.5]


# one that fails


def test_aFailedBotIsAloneWithIt(stage: Stage, failures: LoggedFailures) -> None:
    """
    C{onError = isolate} is the default.
    """
    stage.failing = {"a"}
    stage.run("a", "b")
    assert stage.states() == {"a": "failed", "b": "connecting"}
    assert stage.statuses == []
    failures.flush(Oops)


def test_onErrorStopEndsTheProcess(
    stage: Stage, failures: LoggedFailures, logged: list[dict[str, Any]]
) -> None:
    """
    With status 1, and a line that says why.
    """
    stage.failing = {"a"}
    stage.run("a", onError="stop")
    assert stage.statuses == [1]
    said = 'the bot "a" has failed, and onError = stop: the process ends'
    assert said in texts(logged, LogLevel.critical)
    failures.flush(Oops)


def test_aBotThatStopsIsNoFailure(stage: Stage) -> None:
    """
    C{onError = stop} means failures only.
    """
    daemon = stage.run("a", onError="stop")
    daemon.runners["a"].pause()
    assert stage.statuses == []


# reading the file again


def test_onlyWhatChangedRestarts(stage: Stage) -> None:
    """
    One more, one fewer, one changed, and one that notices nothing.
    """
    daemon = stage.run("gone", "same", "other")
    same = daemon.runners["same"]
    stage.write(bot("other", "http://x"), bot("new"), bot("same"))
    (changes,) = stage.reload()
    assert (changes.added, changes.removed) == (("new",), ("gone",))
    assert (changes.changed, changes.unchanged) == (("other",), ("same",))
    assert list(daemon.runners) == ["other", "new", "same"]
    assert daemon.runners["same"] is same and stage.clients[1].calls == ["client.start"]
    assert daemon.runners["other"].description.url == "http://x"
    assert set(stage.states().values()) == {"connecting"}


def test_theNewOneStartsWhenTheOldOneIsGone(stage: Stage) -> None:
    """
    There are never two sessions of one bot; until then the old one is seen.
    """
    daemon = stage.run("a")
    old = daemon.runners["a"]
    stage.clients[0].stopped = leaving = Deferred[None]()
    stage.write(bot("a", "http://x"))
    reloaded = stage.reload()
    assert daemon.runners["a"] is old and len(stage.clients) == 1
    assert daemon.reloading and reloaded == []
    leaving.callback(None)
    assert daemon.runners["a"] is not old and len(stage.clients) == 2
    assert not daemon.reloading and len(reloaded) == 1


@pytest.mark.parametrize("how", ["mistakes", "plugin", "bug"])
def test_aBadFileChangesNothing(
    stage: Stage, failures: LoggedFailures, logged: list[dict[str, Any]], how: str
) -> None:
    """
    Whatever is wrong with it is logged, and everybody goes on.
    """
    daemon = stage.run("a", "b")
    before = dict(daemon.runners)
    stage.write(bot("c"))
    error: Any = PluginError
    if how == "mistakes":
        error = ConfigError
        stage.error = ConfigError([Mistake("f.ini", 3, "bot:c", "url", "is missing")])
    elif how == "bug":
        error = Oops
        stage.error = Oops()
    else:
        stage.missing = {"log"}
    (failure,) = stage.reload()
    assert failure.check(error)
    assert daemon.runners == before and not daemon.reloading
    assert stage.states() == {"a": "connecting", "b": "connecting"}
    if how == "bug":
        assert len(failures.flush(Oops)) == 1
    else:
        (said,) = texts(logged, LogLevel.error)
        assert said.endswith(str(failure.value)) and "nothing has changed" in said


def test_reloadsTakeTurns(stage: Stage) -> None:
    """
    A second one in the middle of the first sees what that made.
    """
    daemon = stage.run("a")
    stage.clients[0].stopped = leaving = Deferred[None]()
    stage.write(bot("a", "http://x"))
    stage.reload()
    stage.write(bot("a", "http://y"))
    second = stage.reload()
    leaving.callback(None)
    assert second[0].changed == ("a",)
    assert daemon.runners["a"].description.url == "http://y"
    assert stage.forgotten == 2


def test_aPausedBotStaysPaused(stage: Stage) -> None:
    """
    Somebody had a reason, which the file does not know.
    """
    daemon = stage.run("a")
    daemon.runners["a"].pause()
    stage.write(bot("a", "http://x"))
    stage.reload()
    assert daemon.runners["a"].paused and stage.states() == {"a": "stopped"}
    daemon.runners["a"].resume()
    assert stage.states() == {"a": "connecting"}


def test_whoLeavesIsWaitedForAtTheStop(stage: Stage) -> None:
    """
    Nothing unsent is lost because a reload came before; and nobody is started
    any more.
    """
    daemon = stage.run("a", "b")
    for client in stage.clients:
        client.stopped = Deferred()
    stage.write(bot("b", "http://x"))
    stage.reload()
    stopped: list[Any] = []
    daemon.stopService().addBoth(stopped.append)
    assert stopped == []
    stage.clients[0].stopped.callback(None)
    assert stopped == []
    stage.clients[1].stopped.callback(None)
    assert len(stopped) == 1 and len(stage.clients) == 2
    assert daemon.runners["b"].condition.state is BotState.WAITING


def test_theWatchdogIsFedUntilAllHaveLeft(stage: Stage) -> None:
    """
    And no longer: not for ever, because of a bot that a reload was about to
    start.
    """
    daemon = stage.run("a", "b")
    Notifier(daemon, lambda **values: None, watchdog=10).setServiceParent(daemon)
    stage.clock.advance(5)
    for client in stage.clients:
        client.stopped = Deferred()
    stage.write(bot("a", "http://x"), bot("b"))
    stage.reload()
    daemon.stopService()
    stage.clients[0].stopped.callback(None)
    assert any(each.getTime() == 10 for each in stage.clock.getDelayedCalls())
    stage.clients[1].stopped.callback(None)
    assert stage.clock.getDelayedCalls() == []


def test_aBotRemovedMeanwhileIsNotMissed(stage: Stage) -> None:
    """
    Somebody else may use C{remove} while a reload waits.
    """
    daemon = stage.run("a", "b")
    stage.clients[0].stopped = leaving = Deferred[None]()
    stage.write(bot("a", "http://x"), bot("b"))
    stage.reload()
    daemon.remove("b")
    leaving.callback(None)
    assert list(daemon.runners) == ["a"]


def test_settingsChangeWhereTheyCan(stage: Stage, logged: list[dict[str, Any]]) -> None:
    """
    The others are named, each time, until the daemon is restarted.
    """
    daemon = stage.run("a", "b", onError="stop", status="tcp:1")
    stage.write(bot("a"), bot("b"), attemptsPerHost=2.0, status="tcp:2")
    for _ in range(2):
        logged.clear()
        (changes,) = stage.reload()
        assert changes.fixed == ("status",)
        assert texts(logged, LogLevel.warn) == [
            "[daemon] status: changed in the file, but read only when the daemon starts; restart it"
        ]
    changed = {"onError": "isolate", "attemptsPerHost": 2.0, "status": "tcp:1"}
    assert daemon.settings == inForce(changed)
    ask = [client.socket.io.lengthen for client in stage.clients]
    assert [each(1.0) for each in ask] == [1.0, 1.5]


def test_withoutAFileThereIsNothingToRead(stage: Stage) -> None:
    """
    A daemon made by a program says so.
    """
    stage.daemon = BotDaemon([], stage, stage.clock)  # type: ignore[arg-type]
    (failure,) = stage.reload()
    assert failure.check(PluginError)
    stage.daemon._endProcess(1)  # and does not end the program


def test_aReloadThatBreaksHalfwayIsTold(stage: Stage, failures: LoggedFailures) -> None:
    """
    What takes a setting over may be anybody's; the log says that the file is
    not in force as a whole, and the next reload works.
    """

    def broken(value: object) -> None:
        raise Oops

    daemon = stage.run("a")
    daemon.adjustable["ready"] = broken
    stage.write(bot("a"), ready="any")
    (failure,) = stage.reload()
    assert failure.check(Oops) and len(failures.flush(Oops)) == 1
    assert not daemon.reloading
    daemon.adjustable["ready"] = lambda value: None
    stage.write(bot("a"), bot("b"), ready="all")
    stage.reload()
    assert list(daemon.runners) == ["a", "b"]
