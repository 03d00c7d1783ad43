"""
Tests for L{txsocketio.bots.runner}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel

from bots.botkit import FakeClient
from conftest import LoggedFailures
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.runner import BotLogger, BotRunner, NotRunning
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
    makes: Any = None
    clientError: Exception | None = None

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
        return RecordingBot(self) if self.makes is None else self.makes()

    def buildClient(self, url: str, **options: Any) -> FakeClient:
        self.calls.append((url, options))
        self.client = FakeClient(self.clock, self.calls)
        self.client.error = self.clientError
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


@pytest.mark.parametrize("thing", [None, 42, object()], ids=["nothing", "number", "object"])
def test_aPluginThatMakesNoBotHasFailed(
    stage: Stage, failures: LoggedFailures, thing: Any
) -> None:
    """
    The reason says what is missing.
    """
    stage.makes = lambda: thing
    stage.start()
    assert stage.state is BotState.FAILED
    assert "which has no attach()" in stage.runner.condition.why
    assert len(failures.flush(TypeError)) == 1


@pytest.mark.parametrize("nonsense", [42, "x", [None], lambda: None])
def test_whatStartAndStopReturnDoesNotMatter(stage: Stage, nonsense: Any) -> None:
    """
    Only Deferreds and coroutines are waited for.
    """
    stage.onStart = stage.onStop = nonsense
    stage.start()
    assert stage.state is BotState.CONNECTING
    assert stage.stop() == [None]


def test_aClientThatCannotStartIsAFailureToo(stage: Stage, failures: LoggedFailures) -> None:
    """
    It is told as any other, and stopping works.
    """
    stage.clientError = Oops()
    stage.start()
    assert stage.state is BotState.FAILED
    assert stage.stop() == [None]
    failures.flush(Oops)


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


def test_attemptsAreLoggedForWhoLooksClosely(stage: Stage, logged: list[dict[str, Any]]) -> None:
    """
    Of a server that is away for weeks, each failure is one line, and the next
    attempt none.
    """
    stage.start()
    socket = stage.client.socket
    logged.clear()
    socket.become("waiting", "away", "connect_error", Oops())
    socket.become("connecting", "once more", "connect_error", Oops())
    assert [each["log_level"] for each in logged] == [LogLevel.info, LogLevel.debug]


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


def test_aStartThatCannotBeCancelledIsLeft(stage: Stage) -> None:
    """
    It may even succeed later; nobody wants it any more.
    """
    later = Deferred[None]()

    async def start() -> None:
        try:
            await Deferred()
        except CancelledError:
            await later

    stage.onStart = start()
    stage.start()
    assert stage.stop() == [None]
    later.callback(None)
    assert "client.start" not in stage.calls
    assert stage.state is BotState.STOPPED


def test_aStartThatFailsTooLateIsNoNews(stage: Stage) -> None:
    """
    The bot was stopped, and stays so.
    """
    stage.onStart = Deferred(lambda d: d.errback(Oops()))
    stage.start()
    stage.stop()
    assert stage.state is BotState.STOPPED


def test_aStopThatCannotBeCancelledIsLeft(stage: Stage, failures: LoggedFailures) -> None:
    """
    The limit holds for everybody.
    """

    async def stop() -> None:
        while True:
            try:
                await Deferred()
            except CancelledError:
                await Deferred()

    stage.onStop = stop()
    stage.start()
    ended = stage.stop()
    stage.clock.advance(DRAIN)
    assert ended == [None]
    assert len(failures.flush()) == 1


def test_stoppingTwiceIsOneEnd(stage: Stage) -> None:
    """
    Both are told when it is over; the bot's C{stop} is called once.
    """
    stage.onStop = stopping = Deferred[None]()
    stage.start()
    first, second = stage.stop(), stage.stop()
    assert first == second == []
    stopping.callback(None)
    assert first == second == [None]
    assert stage.calls.count("stop") == 1


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


# pausing


def done(waited: Deferred[Any]) -> list[Any]:
    seen: list[Any] = []
    waited.addBoth(seen.append)
    return seen


def test_aPausedBotIsStoppedAndSaysWhy(stage: Stage) -> None:
    """
    As at the end of the daemon: what waits is sent first.
    """
    stage.start()
    assert done(stage.runner.pause()) == [None]
    assert stage.calls[-2:] == ["stop", "client.stop"]
    assert stage.condition[::2] == (BotState.STOPPED, "paused by an operator")
    assert stage.runner.paused and stage.runner.running


def test_aResumedBotIsANewOne(stage: Stage) -> None:
    """
    With a new client; its counters go on.
    """
    stage.start()
    first = stage.client
    first.socket.become("connected", "ready", "connect")
    stage.runner.pause()
    assert done(stage.runner.resume()) == [None]
    assert stage.client is not first and stage.state is BotState.CONNECTING
    assert stage.runner.status.counters.connects == 1


def test_resumingWaitsForThePause(stage: Stage) -> None:
    """
    There are never two sessions of one bot.
    """
    stage.onStop = stopping = Deferred[None]()
    stage.start()
    paused, resumed = done(stage.runner.pause()), done(stage.runner.resume())
    assert paused == resumed == []
    stopping.callback(None)
    assert paused == resumed == [None]
    assert stage.state is BotState.CONNECTING


def test_theLastWordCounts(stage: Stage) -> None:
    """
    Pause, resume, pause: paused.
    """
    stage.onStop = stopping = Deferred[None]()
    stage.start()
    for each in (stage.runner.pause, stage.runner.resume, stage.runner.pause):
        each()
    stopping.callback(None)
    assert stage.state is BotState.STOPPED and stage.runner.paused


def test_resumingARunningBotDoesNothing(stage: Stage) -> None:
    """
    It is not started twice.
    """
    stage.start()
    assert done(stage.runner.resume()) == [None]
    assert stage.calls.count("start") == 1


def test_aPauseOutlastsTheDaemonsStart(stage: Stage) -> None:
    """
    Paused before, it does not start with the others.
    """
    assert done(stage.runner.pause()) == [None]
    stage.start()
    assert stage.calls == []
    assert stage.condition[::2] == (BotState.STOPPED, "paused by an operator")


def test_resumingBeforeTheDaemonStarts(stage: Stage) -> None:
    """
    The daemon's start is what starts it.
    """
    stage.runner.pause()
    stage.runner.resume()
    assert stage.calls == []
    stage.start()
    assert stage.state is BotState.CONNECTING


# connecting anew


def test_reconnectingLeavesAndConnects(stage: Stage) -> None:
    """
    The attempts are counted anew, an open connection is given up as if it
    were lost, so that what is emitted waits, and the next attempt is now.
    """
    stage.start()
    assert done(stage.runner.reconnect()) == [None]
    assert stage.client.socket.io.calls == ["resetDelay", "forced close", "open"]
    assert stage.client.socket.calls == ["connect"]
    assert "client.stop" not in stage.calls


def test_aBotThatFailedAtStartIsStartedAnew(stage: Stage, failures: LoggedFailures) -> None:
    """
    Its reason may be gone.
    """
    stage.onStart = Oops()
    stage.start()
    failures.flush(Oops)
    stage.onStart = None
    assert done(stage.runner.reconnect()) == [None]
    assert stage.state is BotState.CONNECTING


def test_aBotThatHangsAtStartIsStartedAnew(stage: Stage) -> None:
    """
    The first start is cancelled.
    """
    stage.onStart = Deferred()
    stage.start()
    stage.onStart = None
    stage.runner.reconnect()
    assert stage.state is BotState.CONNECTING


@pytest.mark.parametrize("paused", [True, False])
def test_aStoppedBotCannotReconnect(stage: Stage, paused: bool) -> None:
    """
    The message says what to do.
    """
    if paused:
        stage.start()
        stage.runner.pause()
    (failure,) = done(stage.runner.reconnect())
    assert failure.check(NotRunning)
    hint = "; resume it first" if paused else ""
    assert str(failure.value) == f'the bot "ticker" is stopped{hint}'


# what is told


def test_theStatusBeforeTheStart(stage: Stage) -> None:
    """
    It is complete, and plain values for JSON can be had of it.
    """
    assert stage.runner.status.plain() == {
        "name": "ticker",
        "state": "waiting",
        "since": 0.0,
        "why": "not started yet",
        "server": "https://example.com/chat",
        "namespace": "/chat",
        "plugin": "log",
        "sid": None,
        "transport": None,
        "attempt": 0,
        "nextAttempt": None,
        "lastError": None,
        "counters": {"connects": 0, "disconnections": 0, "eventsIn": 0, "emits": 0},
    }


def test_theStatusOfAConnection(stage: Stage) -> None:
    """
    Its session, its carrier, since when.
    """
    stage.start()
    stage.clock.advance(7)
    stage.client.socket.id = "abc"
    stage.client.socket.become("connected", "ready", "connect")
    status = stage.runner.status
    assert (status.state, status.since, status.why) == (BotState.CONNECTED, 7.0, "ready")
    assert (status.sid, status.transport) == ("abc", "websocket")
    assert (status.attempt, status.nextAttempt, status.lastError) == (0, None, None)


def test_theStatusOfABotThatBacksOff(stage: Stage) -> None:
    """
    Which attempt comes next and when, on the clock of the world; what went
    wrong last stays, its secrets hidden.
    """
    stage.start()
    stage.clock.advance(10)
    socket = stage.client.socket
    socket.io.attempts, socket.io.nextAttempt = 3, 2.5
    socket.become("waiting", "bad", "connect_error", Oops("bad token hunter22"))
    status = stage.runner.status
    assert (status.attempt, status.nextAttempt, status.transport) == (3, 12.5, None)
    assert status.lastError == "Oops: bad token (hidden)"
    socket.io.nextAttempt = None
    socket.become("connected", "ready", "connect")
    assert stage.runner.status.lastError == "Oops: bad token (hidden)"


def test_aLossIsTheLastError(stage: Stage) -> None:
    """
    Unless the bot itself disconnected.
    """
    stage.start()
    socket = stage.client.socket
    socket.become("disconnected", "disconnect() was called", "disconnect", "io client disconnect")
    assert stage.runner.status.lastError is None
    socket.become("waiting", "lost: transport close", "disconnect", "transport close")
    assert stage.runner.status.lastError == "lost: transport close"


def test_whatWasCounted(stage: Stage) -> None:
    """
    Sessions begun and ended, events in and out.
    """
    stage.start()
    socket = stage.client.socket
    socket.become("connected", "ready", "connect")
    socket.receive("tick", 1, 2)
    socket.receive("tick")
    for each in socket.outgoingListeners:
        each()
    socket.become("waiting", "lost", "disconnect", "transport close")
    counters = stage.runner.status.counters
    assert (counters.connects, counters.disconnections) == (1, 1)
    assert (counters.eventsIn, counters.emits) == (2, 1)


def test_aSocketThatChangesInSilenceIsSeen(stage: Stage) -> None:
    """
    A bot that disconnects while it backs off tells nobody; the status is
    right when it is asked for.
    """
    stage.start()
    socket = stage.client.socket
    socket.become("waiting", "lost", "disconnect", "transport close")
    socket.state, socket.why = "disconnected", "disconnect() was called"
    assert stage.runner.status.state is BotState.STOPPED


def test_theStatusOfAPausedBot(stage: Stage) -> None:
    """
    Nothing is told of a connection that was.
    """
    stage.start()
    stage.client.socket.id = "abc"
    stage.client.socket.become("connected", "ready", "connect")
    stage.runner.pause()
    status = stage.runner.status
    assert (status.sid, status.transport, status.state) == (None, None, BotState.STOPPED)


def test_eachChangeIsTold(stage: Stage) -> None:
    """
    To whoever watches the runner, after it happened.
    """
    seen: list[Any] = []
    stage.runner.changed = lambda runner: seen.append(runner.condition.state.value)
    stage.start()
    stage.client.socket.become("connected", "ready", "connect")
    stage.client.socket.become("connected", "ready", "connect")
    stage.stop()
    assert seen == ["waiting", "connecting", "connected", "stopped"]


def test_aClientThatCannotBeStoppedKeepsNobodyWaiting(
    stage: Stage, failures: LoggedFailures
) -> None:
    """
    A bot may have done anything to its client.
    """

    def broken() -> None:
        raise Oops

    stage.start()
    stage.client.stopService = broken  # type: ignore[method-assign,assignment]
    assert stage.stop() == [None] and stage.state is BotState.STOPPED
    assert len(failures.flush(Oops)) == 1


def test_aSessionThatIsNotReadySaysWhatItWaitsFor(stage: Stage) -> None:
    """
    Not which attempt it was that brought the connection.
    """
    stage.start()
    socket = stage.client.socket
    socket.io.show("reconnect_attempt", 1)
    assert stage.runner.status.why == "attempt 1 to connect again"
    socket.io.state, socket.why = "open", "waiting for the session listeners"
    assert stage.runner.status.why == "waiting for the session listeners"
