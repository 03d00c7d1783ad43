"""
Tests for L{txsocketio.bots.delivering}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed
from twisted.internet.task import Clock

from bots.pluginkit import PluginLog, PluginSocket
from txsocketio.bots.delivering import DELIVERY, Delivery, NotSent
from txsocketio.bots.insisting import NotNow
from txsocketio.bots.schema import schemaOf
from txsocketio.errors import AckTimeout, Disconnected, PayloadTooLarge


class Stage:
    """
    A delivery through a recording socket.
    """

    def __init__(self, **config: Any) -> None:
        defaults = {name: option.default for name, option in schemaOf(*DELIVERY).items()}
        self.clock = Clock()
        self.log = PluginLog()
        self.socket = PluginSocket(self.clock)
        self.answer: Deferred[Any] = Deferred()
        self.socket.accept = lambda *_: self.answer
        self.delivery = Delivery(self.socket, {**defaults, **config}, self.log)
        self.results: list[Any] = []

    def send(self, event: str, *args: Any) -> Deferred[Any]:
        sending = ensureDeferred(self.delivery.send(event, args))
        sending.addBoth(self.results.append)
        return sending

    def end(self, result: Any) -> None:
        answer, self.answer = self.answer, Deferred()
        answer.callback(result)

    def fail(self, error: Exception) -> None:
        answer, self.answer = self.answer, Deferred()
        answer.errback(error)


def test_anEventIsSentWhenTheNetworkTakesIt() -> None:
    """
    Not before.
    """
    stage = Stage()
    stage.send("tick", 1, 2)
    assert stage.socket.emitted == [("tick", 1, 2)] and stage.results == []
    stage.end(True)
    assert stage.results == [None]


def test_anEventThatWasDroppedIsToldOf() -> None:
    """
    The socket was disconnected meanwhile.
    """
    stage = Stage()
    stage.send("tick")
    stage.end(False)
    assert stage.results[0].check(NotSent)


def test_anEventThatCannotBeSentFails() -> None:
    """
    With what the socket says; it is not sent again.
    """
    stage = Stage(confirm=True)
    stage.send("tick")
    stage.fail(PayloadTooLarge(10, 5))
    assert stage.results[0].check(PayloadTooLarge) and len(stage.socket.emitted) == 1


def test_whatIsConfirmedGivesTheAnswer() -> None:
    """
    Asked for with a limit of time.
    """
    stage = Stage(confirm=True, confirmTimeout=3.0)
    stage.send("tick")
    assert stage.socket.timeouts == [3.0]
    stage.end("fine")
    assert stage.results == ["fine"]


@pytest.mark.parametrize("error", [AckTimeout("tick", 3), Disconnected("transport close")])
def test_whatIsNotConfirmedIsSentAgain(error: Exception) -> None:
    """
    After a pause.
    """
    stage = Stage(confirm=True, retryDelay=0.5)
    stage.send("tick")
    stage.fail(error)
    assert len(stage.socket.emitted) == 1
    stage.clock.advance(1)
    assert len(stage.socket.emitted) == 2
    stage.end(None)
    assert stage.results == [None]


def test_whatIsNeverConfirmedIsGivenUp() -> None:
    """
    With the last reason.
    """
    stage = Stage(confirm=True, attempts=1)
    stage.send("tick")
    stage.fail(AckTimeout("tick", 3))
    assert stage.results[0].check(NotNow)
    assert str(stage.results[0].value) == "'tick' was not acknowledged within 3 s"


def test_withoutConnectionNothingIsAttempted() -> None:
    """
    However long it takes.
    """
    stage = Stage(confirm=True)
    connected: Deferred[Any] = Deferred()
    stage.socket.whenConnected = lambda: connected  # type: ignore[method-assign]
    stage.send("tick")
    stage.clock.advance(10_000)
    assert stage.socket.emitted == []
    connected.callback(stage.socket)
    assert len(stage.socket.emitted) == 1
    stage.end(None)


def test_itCanBeCancelled() -> None:
    """
    At once, and nothing is tried again.
    """
    stage = Stage(confirm=True)
    stage.socket.whenConnected = lambda: succeed(None)  # type: ignore[method-assign]
    stage.send("tick").cancel()
    assert stage.results[0].check(CancelledError)
    assert stage.clock.getDelayedCalls() == []
