"""
The examples for bots work as they stand.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from bots.botkit import FakeLog, FakeSocket
from support import ROOT
from txsocketio.bots.config import readConfig
from txsocketio.bots.loader import BUILT_IN, Plugins, loadDotted

FOLDER = ROOT / "examples" / "bots"


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "echobot", raising=False)


class Recorder(FakeSocket):
    """
    A socket that records what is emitted.
    """

    def emit(self, *args: Any) -> Deferred[bool]:
        self.calls.append(args)
        return succeed(True)


class QuietLog(FakeLog):
    def info(self, text: str, **fields: Any) -> None: ...


def test_theExampleFileHasNoMistakes() -> None:
    """
    Without any variable set, it describes two bots for a local server.
    """
    described = readConfig(str(FOLDER / "bots.ini"), Plugins().find, {})
    assert [bot.name for bot in described.bots] == ["recorder", "echo"]
    assert {bot.server for bot in described.bots} == {"http://127.0.0.1:3000"}
    assert described.bots[1].config == {"prefix": "you said:"}


def test_theExampleBotGreetsEchoesAndShowsLife() -> None:
    """
    Each of its three methods does what its name says.
    """
    clock = Clock()
    socket = Recorder(clock)
    socket.volatile = socket
    bot = loadDotted("echobot:EchoBot").makeBot({"prefix": "you said:"})
    bot.attach(socket, QuietLog())
    (greet,) = socket.sessionListeners
    greet(SimpleNamespace(emit=socket.emit, recovered=False))
    socket.show("connect")
    socket.receive("message", "hello")
    clock.advance(60)
    socket.show("disconnect", "transport close")
    assert socket.calls == [
        ("hello", "I am new here"),
        ("message", "you said: hello"),
        ("alive",),
    ]


def test_thePluginsFileShowsThemAll() -> None:
    """
    Without any variable set; none of the built-in plugins is missing.
    """
    described = readConfig(str(FOLDER / "plugins.ini"), Plugins().find, {})
    assert sorted(bot.plugin for bot in described.bots) == sorted(BUILT_IN)
