"""
Tests for L{txsocketio.bots.runner}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher

from bots.botkit import FakeClient
from conftest import LoggedFailures
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.runner import BotLogger, BotRunner
from txsocketio.bots.states import BotState

DRAIN = 5.0


class Oops(Exception):
    """
    What a bot in these tests raises.
    """


class RecordingBot:
    """
    A bot that does what the test says.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def attach(self, socket: Any, log: Any) -> None:
        self.stage.calls.append("attach")
        self.stage.botLog = log

    def start(self) -> Any:
        self.stage.calls.append("start")
        return self.stage.answer(self.stage.onStart)

    def stop(self) -> Any:
        self.stage.calls.append("stop")
        return self.stage.answer(self.stage.onStop)


class Stage:
    """
    A runner with a clock, a recording bot and a recording client; also the
    plugin that makes the bot.
    """

    onMake: Any = None
    onStart: Any = None
    onStop: Any = None
    botLog: Any = None

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.clock = Clock()
        self.description = BotDescription(
            name="ticker",
            url="https://u:p@example.com/chat?token=hunter22",
            plugin="log",
            config={"a": 1},
            options={"auth": {"token": "hunter22"}},
            drainTimeout=DRAIN,
            secrets=frozenset({"hunter22"}),
        )
        self.runner = BotRunner(self.description, self, self.clock, self.buildClient)

    def answer(self, how: Any) -> Any:
        if isinstance(how, BaseException):
            raise how
        return how

    def makeBot(self, config: Any) -> RecordingBot:
        self.calls.append(("make", config))
        self.answer(self.onMake)
        return RecordingBot(self)

    def buildClient(self, url: str, **options: Any) -> FakeClient:
        self.calls.append((url, options))
        self.client = FakeClient(self.clock, self.calls)
        return self.client

    @property
    def condition(self) -> tuple[BotState, float, str]:
        condition = self.runner.condition
        return condition.state, condition.since, condition.why

    @property
    def state(self) -> BotState:
        return self.runner.condition.state

    def start(self) -> None:
        self.runner.startService()

    def stop(self) -> list[Any]:
        ended: list[Any] = []
        self.runner.stopService().addBoth(ended.append)
        return ended


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


# starting


def test_nothingIsMadeBeforeTheStart(stage: Stage) -> None:
    """
    A runner that is not started has opened nothing, and says so.
    """
    assert stage.calls == []
    assert stage.condition == (BotState.WAITING, 0.0, "not started yet")


def test_aBotIsMadeAttachedStartedAndThenConnected(stage: Stage) -> None:
    """
    The order that authors of bots rely on; each bot has a client of its own.
    """
    stage.start()
    url, options = stage.calls[1]
    assert stage.calls[0] == ("make", {"a": 1})
    assert url == stage.description.url
    assert options == {
        "drainTimeout": DRAIN,
        "namespace": None,
        "reactor": stage.clock,
        "auth": {"token": "hunter22"},
    }
    assert stage.calls[2:] == ["attach", "start", "client.start"]
    assert stage.state is BotState.CONNECTING


def test_theSocketConnectsWhenTheBotsStartIsDone(stage: Stage) -> None:
    """
    C{start} may return a Deferred.
    """
    stage.onStart = ready = Deferred[None]()
    stage.start()
    assert stage.calls[-1] == "start"
    assert stage.condition == (BotState.WAITING, 0.0, "starting")
    ready.callback(None)
    assert stage.calls[-1] == "client.start"


def test_aStartMayBeACoroutine(stage: Stage) -> None:
    """
    C{async def start} is awaited.
    """

    async def start() -> None:
        stage.calls.append("awaited")

    stage.onStart = start()
    stage.start()
    assert stage.calls[-2:] == ["awaited", "client.start"]


@pytest.mark.parametrize("error", [Oops("no hunter22"), SystemExit(1)], ids=["bug", "exit"])
@pytest.mark.parametrize("where", ["onMake", "onStart"])
def test_aBotThatRaisesAtStartHasFailedAndNothingElse(
    stage: Stage, failures: LoggedFailures, where: str, error: BaseException
) -> None:
    """
    Not even a plugin that calls C{sys.exit} ends the daemon; nothing is
    connected, the failure is logged, and the state tells it, secrets hidden.
    """
    setattr(stage, where, error)
    stage.start()
    assert stage.state is BotState.FAILED
    assert stage.runner.condition.why in ("Oops: no (hidden)", "SystemExit: 1")
    assert "client.start" not in stage.calls
    assert len(failures.flush(type(error))) == 1


def test_aFailedBotIsStoppedWithoutItsStop(stage: Stage, failures: LoggedFailures) -> None:
    """
    A bot that never started has nothing to finish.
    """
    stage.onStart = Oops()
    stage.start()
    failures.flush(Oops)
    assert stage.stop() == [None]
    assert "stop" not in stage.calls and "client.stop" not in stage.calls
    assert stage.state is BotState.STOPPED


# while it runs


def test_theStateFollowsTheSocket(stage: Stage) -> None:
    """
    Connected, backing off, connecting, failed: with since when and why.
    """
    stage.start()
    socket = stage.client.socket
    stage.clock.advance(1)
    socket.become("connected", "the session is ready", "connect")
    assert stage.condition == (BotState.CONNECTED, 1.0, "the session is ready")
    stage.clock.advance(1)
    socket.become("waiting", "transport close", "disconnect", "transport close", None)
    assert stage.condition == (BotState.BACKING_OFF, 2.0, "transport close")
    stage.clock.advance(1)
    socket.state = "connecting"
    socket.io.show("reconnect_attempt", 1)
    assert stage.condition == (BotState.CONNECTING, 3.0, "attempt 1 to connect again")
    stage.clock.advance(1)
    socket.become("waiting", "refused", "connect_error", Oops())
    assert stage.condition == (BotState.BACKING_OFF, 4.0, "refused")
    socket.state = "failed"
    socket.io.show("reconnect_failed")
    assert stage.state is BotState.FAILED


def test_aBotThatDisconnectsItselfIsStopped(stage: Stage) -> None:
    """
    That is no failure.
    """
    stage.start()
    stage.client.socket.become("disconnected", "disconnect() was called", "disconnect", "x", None)
    assert stage.state is BotState.STOPPED


def test_theReasonHidesSecretsThatAServerEchoes(stage: Stage) -> None:
    """
    C{invalid token hunter22} does not come into the status.
    """
    stage.start()
    stage.client.socket.become("waiting", "bad token hunter22", "connect_error", Oops())
    assert stage.runner.condition.why == "bad token (hidden)"


def test_changesOfStateAreLoggedWithTheirFields(stage: Stage, logged: list[dict[str, Any]]) -> None:
    """
    Bot, server and namespace stand in every event; no news, no line; failing
    is an error.
    """
    stage.start()
    socket = stage.client.socket
    logged.clear()
    socket.become("connected", "ready", "connect")
    socket.become("connected", "ready", "connect")
    socket.become("failed", "spent", "connect_error", Oops())
    assert [each["log_level"] for each in logged] == [LogLevel.info, LogLevel.error]
    fields = {key: logged[0][key] for key in ("bot", "url", "namespace", "state", "why")}
    assert fields == {
        "bot": "ticker",
        "url": "https://example.com/chat",
        "namespace": "/chat",
        "state": "connected",
        "why": "ready",
    }


def test_theBotsLogSaysWhichBotItIs(stage: Stage, logged: list[dict[str, Any]]) -> None:
    """
    An author logs without repeating the bot's name.
    """
    stage.start()
    stage.botLog.info("hello {who}", who="you")
    assert logged[-1]["bot"] == "ticker" and logged[-1]["who"] == "you"
    assert logged[-1]["log_namespace"] == "bot.ticker"


def test_aLoggersOwnFieldsWin(logged: list[dict[str, Any]]) -> None:
    """
    What is said at the call is more precise.
    """
    BotLogger("a", url="u").info("x", url="v")
    assert logged[-1]["url"] == "v"


# stopping


def test_theBotIsStoppedBeforeItsSocketDisconnects(stage: Stage) -> None:
    """
    C{stop} can still emit.
    """
    stage.start()
    assert stage.stop() == [None]
    assert stage.calls[-2:] == ["stop", "client.stop"]
    assert stage.condition[::2] == (BotState.STOPPED, "the daemon stopped it")
    assert stage.clock.getDelayedCalls() == []


def test_theStopIsWaitedForUpToTheLimit(stage: Stage, failures: LoggedFailures) -> None:
    """
    A C{stop} that never ends is logged and left; the limit is one for the
    stop and the draining together.
    """
    stage.onStop = Deferred()
    stage.start()
    ended = stage.stop()
    stage.client.stopped = leaving = Deferred[None]()
    stage.clock.advance(DRAIN - 0.1)
    assert stage.calls[-1] == "stop"
    stage.clock.advance(0.1)
    assert stage.calls[-1] == "client.stop"
    stage.clock.advance(0)
    assert stage.client.socket.calls == ["disconnect"]
    assert ended == []
    leaving.callback(None)
    assert ended == [None]
    assert len(failures.flush()) == 1


def test_drainingIsCutShortAtTheLimit(stage: Stage) -> None:
    """
    What C{stop} took is not there for draining any more.
    """
    stage.onStop = stopping = Deferred[None]()
    stage.start()
    stage.client.stopped = leaving = Deferred[None]()
    ended = stage.stop()
    stage.clock.advance(3)
    stopping.callback(None)
    stage.clock.advance(1.9)
    assert stage.client.socket.calls == []
    stage.clock.advance(0.1)
    assert stage.client.socket.calls == ["disconnect"]
    leaving.callback(None)
    assert ended == [None]


def test_aDisconnectionThatNeverEndsIsLeft(stage: Stage, failures: LoggedFailures) -> None:
    """
    The daemon ends in any case.
    """
    stage.start()
    stage.client.stopped = Deferred()
    ended = stage.stop()
    stage.clock.advance(DRAIN)
    stage.clock.advance(3)
    assert ended == [None]
    assert len(failures.flush()) == 1
    assert stage.clock.getDelayedCalls() == []


def test_aStopThatRaisesIsLogged(stage: Stage, failures: LoggedFailures) -> None:
    """
    The socket is disconnected nevertheless.
    """
    stage.onStop = Oops()
    stage.start()
    assert stage.stop() == [None]
    assert stage.calls[-1] == "client.stop"
    assert len(failures.flush(Oops)) == 1


def test_aBotCanBeStoppedWhileItStarts(stage: Stage) -> None:
    """
    Its start is cancelled, and nothing is ever connected.
    """
    stage.onStart = Deferred()
    stage.start()
    assert stage.stop() == [None]
    assert "client.start" not in stage.calls
    assert stage.state is BotState.STOPPED


def test_aStoppedBotStaysStopped(stage: Stage) -> None:
    """
    What the socket tells while it ends is no news.
    """
    stage.start()
    stage.stop()
    stage.client.socket.become("disconnected", "bye", "disconnect", "io client disconnect", None)
    stage.client.socket.io.show("reconnect_attempt", 1)
    assert stage.runner.condition.why == "the daemon stopped it"


def test_aBotCanBeStartedAgain(stage: Stage) -> None:
    """
    With a new bot and a new client.
    """
    stage.start()
    first = stage.client
    stage.stop()
    stage.start()
    assert stage.client is not first
    assert stage.state is BotState.CONNECTING


def test_stoppingBeforeStartingDoesNothing(stage: Stage) -> None:
    """
    A parent may stop what it never started.
    """
    assert stage.stop() == [None]
    assert stage.calls == []
