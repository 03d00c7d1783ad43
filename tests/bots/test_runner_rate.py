"""
Tests for L{txsocketio.bots.runner}: a bot with a rate limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock

from txsocketio.bots.bot import Bot
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.loader import ClassPlugin
from txsocketio.bots.runner import BotRunner
from txsocketio.service import SocketIOService
from txsocketio.testing import MemoryServer


class Chatterbox(Bot):
    """
    Emits ten events before it is connected, and ten when it stops.
    """

    def start(self) -> None:
        self._chat()

    def stop(self) -> None:
        self._chat()

    def _chat(self) -> None:
        for number in range(10):
            self.socket.emit("say", number)


def buildFor(server: MemoryServer) -> Callable[..., SocketIOService]:
    return lambda url, **options: SocketIOService(url, **{**options, **server.options()})


def run(rate: float | None) -> tuple[BotRunner, MemoryServer]:
    server = MemoryServer(Clock())
    description = BotDescription(
        name="a", url="http://memory", plugin="p", rate=rate, burst=2, drainTimeout=5.0
    )
    plugin = ClassPlugin("p", Chatterbox)
    runner = BotRunner(description, plugin, server.clock, buildFor(server))
    runner.startService()
    server.flush()
    return runner, server


def test_aBotWithARateIsLimited() -> None:
    """
    Its bursts and what comes after, without its author knowing.
    """
    _, server = run(1.0)
    assert len(server.received) == 2
    server.advance(3)
    assert len(server.received) == 5


def test_aBotWithoutARateIsNot() -> None:
    """
    Everything goes at once.
    """
    _, server = run(None)
    assert len(server.received) == 10


def test_aStoppingBotSendsByItsRateUntilTheDrainTimeout() -> None:
    """
    What could be sent by then is sent, the rest is not, and nothing is left.
    """
    runner, server = run(1.0)
    ended: list[Any] = []
    runner.stopService().addCallback(ended.append)
    server.advance(4.9)
    assert len(server.received) == 6 and ended == []
    server.advance(1)
    assert len(server.received) == 7 or len(server.received) == 6
    assert ended == [None]
    assert server.live == [] and server.clock.getDelayedCalls() == []
