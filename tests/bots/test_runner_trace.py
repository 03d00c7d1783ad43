"""
Tests for the wire trace of a bot that runs, beside a server in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher

from txsocketio.bots.bot import Bot
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.redaction import HIDDEN
from txsocketio.bots.runner import BotRunner
from txsocketio.testing import MemoryServer

SECRET = "hunter22"


class Stage:
    """
    A bot that runs, and what the trace logged.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.server = MemoryServer(self.clock)
        options = {**self.server.options(), "auth": {"token": SECRET}}
        options.pop("reactor", None)
        description = BotDescription(
            "ticker",
            "http://memory",
            "p",
            options=options,
            secrets=frozenset([SECRET]),
        )
        plugin = SimpleNamespace(makeBot=Bot)
        self.runner = BotRunner(description, plugin, self.clock)
        self.lines: list[str] = []

    def observe(self, event: Any) -> None:
        if event.get("trace"):
            self.lines.append(formatEvent(event))

    def start(self) -> None:
        self.runner.startService()
        self.server.flush()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    globalLogPublisher.addObserver(made.observe)
    yield made
    globalLogPublisher.removeObserver(made.observe)
    made.runner.stopService()
    made.server.advance(20)


def test_nothingIsTracedUnlessSomebodyWantsIt(stage: Stage) -> None:
    """
    It is off at first.
    """
    stage.start()
    assert stage.runner.client.socket.connected
    assert stage.lines == []


def test_theWholeHandshakeIsTraced(stage: Stage) -> None:
    """
    Switched on before the bot is made, it misses nothing, and shows no secret.
    """
    stage.runner.trace.start()
    stage.start()
    assert stage.lines[0].startswith("< open {")
    assert any(f'> message 0{{"token":"{HIDDEN}"}}' in line for line in stage.lines)
    assert any(line.startswith('< message 0{"sid":') for line in stage.lines)


def test_eventsAreTracedFromNowOn(stage: Stage) -> None:
    """
    Until it is switched off, without a new connection.
    """
    stage.start()
    stage.runner.trace.start()
    stage.runner.client.socket.emit("hello", 1)
    stage.server.flush()
    assert [line.partition(" (")[0] for line in stage.lines] == ['> message 2["hello",1]']
    stage.runner.trace.stop()
    stage.runner.client.socket.emit("hello", 2)
    stage.server.flush()
    assert len(stage.lines) == 1


def test_aPausedBotIsTracedAgainWhenItIsResumed(stage: Stage) -> None:
    """
    It is a new bot with a new connection then.
    """
    stage.start()
    stage.runner.trace.start()
    stage.runner.pause()
    stage.server.advance(20)
    stage.lines.clear()
    stage.runner.resume()
    stage.server.flush()
    assert stage.lines[0].startswith("< open {")
