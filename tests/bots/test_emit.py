"""
Tests for L{txsocketio.bots.emit}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.testing import StringTransport

from bots.pluginkit import PluginStage, fired
from txsocketio.bots.emit import EmitBot
from txsocketio.bots.loader import Plugins
from txsocketio.errors import AckTimeout


class Port:
    """
    An endpoint that records.
    """

    def __init__(self, reactor: Any, text: str) -> None:
        self.text = text
        self.factory: Any = None
        self.stopped = 0

    def listen(self, factory: Any) -> Deferred[Any]:
        self.factory = factory
        return succeed(self)

    def stopListening(self) -> None:
        self.stopped += 1


class Stage(PluginStage):
    """
    An emitting bot without network.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(EmitBot, **config)
        EmitBot.checkConfig(self.bot.config)
        self.bot.buildEndpoint = Port
        self.started = fired(self.bot.start())

    def connect(self) -> StringTransport:
        protocol = self.bot._port.factory.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        return transport


def test_itIsBuiltIn() -> None:
    """
    C{plugin = emit}.
    """
    assert "emit" in [each.name for each in Plugins().found]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "nothing to send"),
        ({"interval": 1.0}, "a schedule needs event"),
        ({"event": "tick"}, "a schedule needs event"),
        ({"event": "tick", "interval": 0.0}, "an interval above 0"),
        ({"listen": "unix:/x", "follow": True}, '"follow" says nothing without "file"'),
        ({"listen": "unix:/x", "progress": "p"}, '"progress" says nothing without "file"'),
    ],
)
def test_whatDoesNotGoTogetherIsTold(config: dict[str, Any], said: str) -> None:
    """
    When the file is read.
    """
    with pytest.raises(ValueError, match=said):
        Stage(**config)


@pytest.mark.parametrize("text", ["", "7", "{}", "[" * 100_000])
def test_argumentsAreAnArray(text: str) -> None:
    """
    In JSON.
    """
    parse = EmitBot.schema["args"].parse
    assert parse('["a", 1]') == ["a", 1]
    with pytest.raises(ValueError, match="array in JSON"):
        parse(text)


def test_aScheduledEventIsSentWhileConnected() -> None:
    """
    Again and again; what would have been due meanwhile is not made up for.
    """
    stage = Stage(interval=10.0, event="alive", args=[1])
    stage.clock.advance(30)
    stage.socket.show("connect")
    stage.clock.advance(10)
    stage.clock.advance(10)
    stage.socket.show("disconnect")
    stage.clock.advance(30)
    assert stage.socket.emitted == [("alive", 1), ("alive", 1)]


def test_theLinesOfAFileAreSent(tmp_path: Path) -> None:
    """
    In order.
    """
    file = tmp_path / "events"
    file.write_text('["a"]\n["b", {"x": 1}]\n')
    stage = Stage(file=str(file))
    assert stage.socket.emitted == [("a",), ("b", {"x": 1})]
    _, ended = stage.stop()
    assert ended == [None]


def test_howFarAFileWasSentIsKept(tmp_path: Path) -> None:
    """
    Over restarts.
    """
    file, progress = tmp_path / "events", tmp_path / "place"
    file.write_text('["a"]\n')
    for more, sent in (('["b"]\n', ("a",)), ("", ("b",))):
        stage = Stage(file=str(file), progress=str(progress))
        assert stage.socket.emitted == [sent]
        stage.stop()
        with file.open("a") as stream:
            stream.write(more)


def test_aFileThatIsNotThereFailsTheStart(tmp_path: Path) -> None:
    """
    No port stays open, which the next start could not have.
    """
    stage = Stage(file=str(tmp_path / "none"), listen="unix:/x")
    assert stage.started[0].check(FileNotFoundError)
    assert stage.bot._port.stopped == 1


def test_linesOnAnEndpointAreSentAndAnswered() -> None:
    """
    With what the server said, where that is asked for; nobody else of the
    machine can send in the bot's name.
    """
    stage = Stage(listen="unix:/x", confirm=True)
    assert stage.bot._port.text == "unix:/x:mode=600"
    stage.socket.accept = lambda *_: succeed("fine")
    transport = stage.connect()
    stage.bot._lines._open.copy().pop().dataReceived(b'["a", 1]\nnonsense\n')
    assert stage.socket.emitted == [("a", 1)]
    first, second = map(json.loads, transport.value().splitlines())
    assert first == {"sent": True, "answer": "fine"}
    assert not second["sent"] and "not JSON" in second["error"]


def test_theStopTakesNothingMoreAndWaits(tmp_path: Path) -> None:
    """
    For the line of the file, and those of the connections.
    """
    file = tmp_path / "events"
    file.write_text('["a"]\n["b"]\n')
    sending: Deferred[bool] = Deferred()
    stage = PluginStage(EmitBot, file=str(file))
    stage.socket.accept = lambda *_: sending
    assert fired(stage.bot.start()) == [None]
    _, ended = stage.stop()
    assert ended == []
    sending.callback(True)
    assert ended == [None] and stage.socket.emitted == [("a",)]


def test_aStopThatTakesTooLongGivesUpAll(tmp_path: Path) -> None:
    """
    Each tells what that is.
    """
    file = tmp_path / "events"
    file.write_text('["a"]\n')
    stage = PluginStage(EmitBot, file=str(file), listen="unix:/x")
    stage.bot.buildEndpoint = Port
    stage.socket.accept = lambda *_: Deferred()
    assert fired(stage.bot.start()) == [None]
    protocol = stage.bot._port.factory.buildProtocol(None)
    transport = StringTransport()
    transport.abortConnection = protocol.connectionLost  # type: ignore[method-assign]
    protocol.makeConnection(transport)
    protocol.dataReceived(b'["b"]\n')
    stopping, ended = stage.stop()
    stopping.cancel()
    assert len(ended) == 1 and not getattr(ended[0], "check", lambda _: False)(CancelledError)
    assert stage.log.count("because the bot stops") == 2


def test_theStopWaitsForTheScheduledEvent() -> None:
    """
    And no other one is due meanwhile.
    """
    stage = Stage(interval=10.0, event="alive", confirm=True)
    stage.socket.accept = lambda *_: sending
    sending: Deferred[bool] = Deferred()
    stage.socket.show("connect")
    stage.clock.advance(10)
    _, ended = stage.stop()
    assert ended == []
    sending.callback(True)
    stage.clock.advance(10)
    assert ended == [None] and stage.socket.emitted == [("alive",)]


def test_aStopThatTakesTooLongGivesUpTheScheduledEvent() -> None:
    """
    It is not tried again when the bot is gone.
    """
    stage = Stage(interval=10.0, event="alive", confirm=True)
    stage.socket.accept = lambda *_: fail(AckTimeout("alive", 10))
    stage.socket.show("connect")
    stage.clock.advance(10)
    stopping, _ = stage.stop()
    stopping.cancel()
    stage.socket.show("disconnect")
    assert stage.clock.getDelayedCalls() == []
    assert stage.log.count("a scheduled event is given up") == 1
