"""
Tests for L{txsocketio.bots.bot}.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from bots.botkit import FakeLog, FakeSocket
from txsocketio.bots.bot import Bot, _Ticking, every, on, onSession
from txsocketio.interfaces import IBot


class Ticker(Bot):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.calls: list[Any] = []
        self.result: Any = None

    @on("tick")
    @on("tock")
    def ticked(self, number: int) -> None:
        self.calls.append(number)

    @on("slow", serial=True)
    def slow(self) -> None: ...

    @onSession
    def login(self, info: Any) -> None: ...

    @every(10)
    def poll(self) -> Any:
        self.calls.append("poll")
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


class Derived(Ticker):
    @on("more")
    def more(self) -> None:
        self.calls.append("more")


class Stage:
    """
    A bot on a recording socket.
    """

    def __init__(self, cls: type[Ticker] = Ticker) -> None:
        self.clock = Clock()
        self.socket = FakeSocket(self.clock)
        self.log = FakeLog()
        self.bot = cls({"a": 1})
        self.bot.attach(self.socket, self.log)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_aBotIsWhatTheDaemonRuns() -> None:
    """
    C{Bot} fulfils the interface, with hooks that need not be overridden.
    """
    bot = Bot({})
    verifyObject(IBot, bot)
    assert bot.start() is None and bot.stop() is None


def test_decoratedMethodsListen(stage: Stage) -> None:
    """
    One method may listen to several events.  behaviours O2
    """
    stage.socket.receive("tick", 1)
    stage.socket.receive("tock", 2)
    assert stage.bot.calls == [1, 2]


def test_whatABaseClassDecoratedListensToo() -> None:
    """
    Bots can be built upon bots.
    """
    stage = Stage(Derived)
    stage.socket.receive("tick", 1)
    stage.socket.receive("more")
    assert stage.bot.calls == [1, "more"]


def test_eachBotHasListenersOfItsOwn() -> None:
    """
    Two bots of one class do not hear each other's events.
    """
    first, second = Stage(), Stage()
    first.socket.receive("tick", 1)
    assert second.bot.calls == []


def test_serialIsHandedToTheSocket(stage: Stage) -> None:
    """
    C{on(..., serial=True)} means what it means at the socket.
    """
    assert stage.socket.calls == [("on", "slow", {"serial": True})]


def test_sessionsAreSetUpByTheDecoratedMethod(stage: Stage) -> None:
    """
    C{@onSession} is the socket's C{onSession}.
    """
    assert stage.socket.sessionListeners == [stage.bot.login]


def test_everyRunsOnlyWhileConnected(stage: Stage) -> None:
    """
    The first call is one interval after the connection, the last before its
    end; a later connection begins anew.
    """
    stage.clock.advance(100)
    stage.socket.show("connect")
    stage.clock.advance(9)
    assert stage.bot.calls == []
    stage.clock.advance(1)
    assert stage.bot.calls == ["poll"]
    stage.socket.show("disconnect", "transport close")
    stage.clock.advance(100)
    assert stage.bot.calls == ["poll"]
    assert stage.clock.getDelayedCalls() == []
    stage.socket.show("connect")
    stage.clock.advance(10)
    assert stage.bot.calls == ["poll", "poll"]


def test_everyWaitsForWhatAMethodReturned(stage: Stage) -> None:
    """
    Calls do not overlap, not even over a new connection.
    """
    stage.bot.result = slow = Deferred[None]()
    stage.socket.show("connect")
    stage.clock.advance(10)
    stage.socket.show("connect")
    stage.clock.advance(10)
    assert stage.bot.calls == ["poll"]
    slow.callback(None)
    stage.clock.advance(10)
    assert stage.bot.calls == ["poll", "poll"]


@pytest.mark.parametrize("error", [ValueError("oops"), SystemExit(1), asyncio.CancelledError()])
def test_everyGoesOnAfterAFailure(stage: Stage, error: BaseException) -> None:
    """
    A bug in one call is logged with the method's name, whatever it raised.
    """
    stage.bot.result = error
    stage.socket.show("connect")
    stage.clock.advance(10)
    stage.clock.advance(10)
    assert stage.bot.calls == ["poll", "poll"]
    assert stage.log.failures == ["Ticker.poll failed"] * 2


def test_aCallThatIsForgottenIsNoFailure(stage: Stage) -> None:
    """
    Python ends what nobody will ever go on with.
    """
    stage.bot.result = Deferred()
    tick = _Ticking(stage.bot, stage.bot.poll, 10)._tick()
    tick.send(None)
    tick.close()
    assert stage.log.failures == []


def test_aDisconnectionWithoutConnectionStopsNothing(stage: Stage) -> None:
    """
    A second C{disconnect} does not matter.
    """
    stage.socket.show("disconnect", "transport close")
    assert stage.clock.getDelayedCalls() == []


@pytest.mark.parametrize("seconds", [0, -1])
def test_everyWantsTimeBetweenCalls(seconds: float) -> None:
    """
    The mistake is told where it is made.
    """
    with pytest.raises(ValueError, match="above 0"):
        every(seconds)


def test_aCallThatOutlastsItsConnectionIsWaitedForAndThereIsStillOneTicker(stage: Stage) -> None:
    """
    A call that still runs when the socket is connected again neither overlaps
    with the next one nor goes on as a second ticker.
    """
    slow: Deferred[None] = Deferred()
    stage.bot.result = slow
    stage.socket.receive("connect")
    stage.clock.advance(10)
    stage.socket.receive("disconnect", "transport close")
    stage.socket.receive("connect")
    stage.clock.advance(10)
    assert stage.bot.calls == ["poll"]
    stage.bot.result = None
    slow.callback(None)
    stage.clock.pump([1] * 20)
    assert stage.bot.calls == ["poll"] * 3
    stage.socket.receive("disconnect", "transport close")
    assert stage.clock.getDelayedCalls() == []


def test_aTickThatEndsAfterItsConnectionBeginsNothing(stage: Stage) -> None:
    """
    Nothing is left when the call that still ran at the disconnection is done.
    """
    slow: Deferred[None] = Deferred()
    stage.bot.result = slow
    stage.socket.receive("connect")
    stage.clock.advance(10)
    stage.socket.receive("disconnect", "transport close")
    slow.callback(None)
    assert stage.clock.getDelayedCalls() == []


def test_aTickThatExitsIsLoggedAndFollowedByTheNext(stage: Stage) -> None:
    """
    C{sys.exit} in a bot's method fails that call alone.
    """
    stage.bot.result = SystemExit(3)
    stage.socket.receive("connect")
    stage.clock.advance(10)
    stage.clock.advance(10)
    assert stage.bot.calls == ["poll", "poll"]
    assert stage.log.failures == ["Ticker.poll failed"] * 2
