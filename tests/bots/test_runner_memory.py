"""
Runners above the real client and a server in memory: what is told is true.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError
from twisted.internet.task import Clock
from twisted.logger import formatEvent

from conftest import LoggedFailures
from txsocketio import SocketIOService
from txsocketio.bots.bot import Bot, on
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.loader import ClassPlugin
from txsocketio.bots.pace import AttemptPace
from txsocketio.bots.runner import BotRunner
from txsocketio.bots.states import BotState, BotStatus
from txsocketio.testing import MemoryServer


class Chatter(Bot):
    """
    A bot that answers, or leaves the process.
    """

    @on("tick")
    def ticked(self, number: int) -> None:
        self.socket.emit("tock", number)

    @on("die")
    def die(self) -> None:
        raise SystemExit(3)


class Stage:
    """
    A runner, and the server it connects to.
    """

    def __init__(self, **options: Any) -> None:
        self.server = MemoryServer(Clock())
        self.server.of("/chat")
        self.options = {"randomizationFactor": 0, "retryOnConnectError": True, **options}

    def runner(self, name: str = "a") -> BotRunner:
        description = BotDescription(name, "http://memory/chat", "chatter", options=self.options)
        plugin = ClassPlugin("chatter", Chatter)
        return BotRunner(description, plugin, self.server.clock, self.build)

    def run(self, name: str = "a") -> BotRunner:
        runner = self.runner(name)
        runner.startService()
        self.server.flush()
        return runner

    def build(self, url: str, **options: Any) -> SocketIOService:
        return SocketIOService(url, **self.server.options(**options))

    def stop(self, *runners: BotRunner) -> None:
        ended: list[Any] = []
        for each in runners:
            each.stopService().addBoth(ended.append)
        self.server.advance(3)
        assert ended == [None] * len(runners)
        assert self.server.live == [] and self.server.clock.getDelayedCalls() == []


def brief(status: BotStatus) -> tuple[Any, ...]:
    return status.state, status.attempt, status.nextAttempt


def test_theStatusFollowsARealConnection() -> None:
    """
    Connected, lost, backing off, connecting, connected: at each moment what
    is told is so.
    """
    stage = Stage()
    runner = stage.run()
    status = runner.status
    assert brief(status) == (BotState.CONNECTED, 0, None)
    assert status.sid == runner.client.socket.id and status.transport == "websocket"
    assert (status.namespace, status.server) == ("/chat", "http://memory/chat")
    stage.server.refuse(1)
    stage.server.connection.drop()
    stage.server.flush()
    now = stage.server.clock.seconds()
    assert brief(runner.status) == (BotState.BACKING_OFF, 1, now + 1)
    assert runner.status.sid is None
    stage.server.advance(1)
    assert brief(runner.status) == (BotState.BACKING_OFF, 2, now + 3)
    assert runner.status.lastError
    stage.server.advance(2)
    assert runner.status.state is BotState.CONNECTED
    counters = runner.status.counters
    assert (counters.connects, counters.disconnections) == (2, 1)
    stage.stop(runner)


def test_whoIsDismissedBacksOff(logged: list[dict[str, Any]]) -> None:
    """
    At once, and so the log says: nobody connects before the wait is over.
    """
    stage = Stage(retryOnServerDisconnect=True)
    clients: list[Any] = []
    stage.server.of("/chat").on("connection", clients.append)
    runner = stage.run()
    logged.clear()
    clients[0].disconnect()
    stage.server.flush()
    states = [formatEvent(each) for each in logged if "state" in each]
    assert states == ["backing off: the server disconnected us"]
    stage.stop(runner)


def test_eventsAreCountedAsTheyPass() -> None:
    """
    What came, and what was sent.
    """
    stage = Stage()
    runner = stage.run()
    for number in range(3):
        stage.server.of("/chat").emit("tick", number)
    stage.server.flush()
    counters = runner.status.counters
    assert (counters.eventsIn, counters.emits) == (3, 3)
    stage.stop(runner)


def test_refusedCredentialsBackOff() -> None:
    """
    The bot tries again, later and later, and says what the server said.
    """
    stage = Stage()

    def check(*_: object) -> None:
        raise ValueError("no entry")

    stage.server.use("/chat", check)
    runner = stage.run()
    assert runner.status.state is BotState.BACKING_OFF
    assert "no entry" in str(runner.status.lastError)
    stage.stop(runner)


def test_spentAttemptsAreAFailure() -> None:
    """
    C{reconnectionAttempts} ends it; C{reconnect} begins anew.
    """
    stage = Stage(reconnectionAttempts=1)
    stage.server.refuse(2)
    runner = stage.run()
    stage.server.advance(2)
    assert runner.status.state is BotState.FAILED
    runner.reconnect()
    stage.server.flush()
    assert runner.status.state is BotState.CONNECTED
    stage.stop(runner)


def test_reconnectingLosesNothing() -> None:
    """
    What is emitted around it arrives, in order, in the new session.
    """
    stage = Stage()
    runner = stage.run()
    old = runner.status.sid
    runner.client.socket.emit("one")
    runner.reconnect()
    assert runner.status.state is BotState.CONNECTING
    runner.client.socket.emit("two")
    stage.server.flush()
    assert [event for _, event, _ in stage.server.received] == ["one", "two"]
    assert runner.status.state is BotState.CONNECTED and runner.status.sid != old
    stage.stop(runner)


def test_reconnectingCutsTheWaitShort() -> None:
    """
    An operator knows that the server is back.
    """
    stage = Stage(reconnectionDelay=60.0, reconnectionDelayMax=60.0)
    runner = stage.run()
    stage.server.connection.drop()
    stage.server.flush()
    assert runner.status.state is BotState.BACKING_OFF
    runner.reconnect()
    stage.server.flush()
    assert brief(runner.status) == (BotState.CONNECTED, 0, None)
    stage.stop(runner)


def test_aPausedBotHasNoConnection() -> None:
    """
    And a resumed one has one again.
    """
    stage = Stage()
    runner = stage.run()
    paused: list[Any] = []
    runner.pause().addBoth(paused.append)
    stage.server.advance(3)
    assert paused == [None] and stage.server.live == []
    runner.resume()
    stage.server.flush()
    assert runner.status.state is BotState.CONNECTED
    stage.stop(runner)


def test_botsOfOneHostComeBackOneByOne() -> None:
    """
    At the pace of their daemon, and never sooner than their own delay says.
    """
    stage = Stage()
    pace = AttemptPace(stage.server.clock, 2.0)
    runners = [stage.runner(name) for name in "abc"]
    for each in runners:
        each.lengthen = partial(pace.lengthen, "http://memory")
        each.startService()
    stage.server.flush()
    for connection in list(stage.server.live):
        connection.drop()
    stage.server.flush()
    now = stage.server.clock.seconds()
    waits = sorted(each.status.nextAttempt - now for each in runners)
    assert waits == pytest.approx([1.0, 1.5, 2.0])
    stage.server.advance(2)
    assert {each.status.state for each in runners} == {BotState.CONNECTED}
    stage.stop(*runners)


@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_aSocketThatABotConnectedBeforeItFailedAtStartIsLeft(
    how: str, failures: LoggedFailures
) -> None:
    """
    A bot that connects by itself, and then does not come to an end of its
    start, leaves no connection behind.
    """

    class Hasty(Chatter):
        def start(self) -> Any:
            self.socket.connect()
            if how == "raises":
                raise ValueError("oops")
            return Deferred()

    stage = Stage()
    description = BotDescription("a", "http://memory/chat", "hasty", options=stage.options)
    plugin = ClassPlugin("hasty", Hasty)
    runner = BotRunner(description, plugin, stage.server.clock, stage.build)
    runner.startService()
    stage.server.flush()
    failed = bool(failures.flush(ValueError))
    assert failed is (runner.status.state is BotState.FAILED) is (not stage.server.live)
    stage.stop(runner)


def test_aBotThatConnectsAgainAtEachDisconnectionIsLeftAllTheSame(
    failures: LoggedFailures,
) -> None:
    """
    It takes the whole limit, but no connection outlives its bot.
    """

    class Clinging(Chatter):
        @on("disconnect")
        def again(self) -> None:
            self.socket.connect()

    stage = Stage()
    description = BotDescription("a", "http://memory/chat", "clinging", options=stage.options)
    plugin = ClassPlugin("clinging", Clinging)
    runner = BotRunner(description, plugin, stage.server.clock, stage.build)
    runner.startService()
    stage.server.flush()
    runner.stopService()
    stage.server.advance(20)
    assert len(failures.flush(TimeoutError)) == 1
    assert runner.status.state is BotState.STOPPED
    stage.stop(runner)
