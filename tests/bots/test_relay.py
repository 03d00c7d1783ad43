"""
Tests for L{txsocketio.bots.relay}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from bots.pluginkit import PluginSocket, PluginStage
from txsocketio.bots.loader import Plugins
from txsocketio.bots.relay import SETTLE, RelayBot
from txsocketio.errors import AckTimeout, ConnectRefused


class Client:
    """
    A client for the other server that records.
    """

    def __init__(self, url: str, reactor: Any, **options: Any) -> None:
        self.given = url, options
        self.socket = PluginSocket(reactor)
        self.calls: list[str] = []
        self.left: Deferred[None] = Deferred(self.hurry)

    def hurry(self, _: object) -> None:
        self.calls.append("hurry")
        self.left.callback(None)

    def startService(self) -> None:
        self.calls.append("start")

    def stopService(self) -> Deferred[None]:
        self.calls.append("stop")
        self.socket.show("disconnect", "io client disconnect")
        return self.left


class Relay(RelayBot):
    """
    A relay without network.
    """

    buildClient = Client  # type: ignore[assignment]


class Stage(PluginStage):
    """
    A relay that was started, and what waits to be sent.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(Relay, **{"target": "http://me:pw@other.example/b?k=v", **config})
        self.bot.start()
        self.client: Client = self.bot.client
        self.target = self.client.socket
        self.open: list[Deferred[bool]] = []

    def slow(self) -> None:
        self.target.accept = lambda *_: (self.open.append(Deferred()), self.open[-1])[1]


def test_itIsBuiltIn() -> None:
    """
    C{plugin = relay}.
    """
    assert "relay" in [each.name for each in Plugins().found]


def test_itsClientIsStartedWithTheBot() -> None:
    """
    With the options of the file.
    """
    stage = Stage(targetNamespace="/x")
    url, options = stage.client.given
    assert url == "http://me:pw@other.example/b?k=v"
    assert options["namespace"] == "/x" and options["drainTimeout"] == SETTLE
    assert stage.client.calls == ["start"]


def test_eventsAreSentOn() -> None:
    """
    With their arguments, without the offset of a recovery.
    """
    stage = Stage()
    stage.receive(("tick", 1, b"x", "offset"), "tock")
    assert stage.target.emitted == [("tick", 1, b"x"), ("tock",)]


def test_namesMayGetAPrefix() -> None:
    """
    So that a receiver can tell where they come from.
    """
    stage = Stage(prefix="a:")
    stage.receive("tick")
    assert stage.target.emitted == [("a:tick",)]


def test_oneAfterTheOther() -> None:
    """
    The next when the network has taken the last; the server is held back.
    """
    stage = Stage(queue=2)
    stage.slow()
    stage.receive("a", "b", "c")
    assert stage.target.emitted == [("a",)]
    assert stage.socket.reading.held
    for _ in range(3):
        stage.open.pop(0).callback(True)
    assert stage.target.emitted == [("a",), ("b",), ("c",)]
    assert not stage.socket.reading.held


def test_itMayBeLimitedInRate() -> None:
    """
    C{targetRate = 1/s}.
    """
    stage = Stage(targetRate=1.0)
    stage.target.sent()
    assert stage.target.corked
    stage.stop()
    assert not stage.target.corked and stage.clock.getDelayedCalls() == []


def test_theOtherServersConnectionIsToldOnceEachTimeItGoes() -> None:
    """
    Without what is secret in its URL.
    """
    stage = Stage()
    stage.target.show("connect")
    stage.target.show("disconnect", "transport close")
    stage.target.show("connect_error", ConnectRefused("no", None))
    stage.target.show("connect")
    stage.target.show("connect_error", AckTimeout("a", 1))
    up = "info: connected to the other server, other.example"
    down = "warn: no connection to the other server, other.example: "
    assert stage.log.lines == [up, f"{down}transport close", up, f"{down}{AckTimeout('a', 1)}"]


def test_theStopSendsWhatWasTakenAndDisconnects() -> None:
    """
    In this order.
    """
    stage = Stage()
    stage.slow()
    stage.receive("a", "b")
    _, ended = stage.stop()
    stage.open.pop(0).callback(True)
    assert stage.client.calls == ["start"]
    stage.open.pop(0).callback(True)
    assert stage.client.calls == ["start", "stop"] and ended == []
    stage.client.left.callback(None)
    assert ended == [None]
    assert stage.log.lines == []


def test_aStopThatTakesTooLongDisconnects() -> None:
    """
    It is told how many events are lost.
    """
    stage = Stage()
    stage.slow()
    stage.receive("a", "b")
    stopping, ended = stage.stop()
    stopping.cancel()
    assert stage.client.calls == ["start", "stop", "hurry"]
    assert ended[0].check(CancelledError)
    assert stage.log.lines == ["error: 2 events are given up, because the bot stops"]
