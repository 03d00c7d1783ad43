"""
An engine between recorders, under a clock: no server, no network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from fakes import FakeTransport, RecordingEngineReceiver, transportClasses
from txsocketio.engine import Engine, EngineFactory
from txsocketio.options import EngineOptions, readOptions
from txsocketio.protocol.engineio import NOOP, OPEN, PING, PONG, UPGRADE
from txsocketio.protocol.url import parseURL

PROBE = ("packet", PING, b"probe")
SWITCH = ("packet", UPGRADE, b"")
ANSWER = ("packet", PONG, b"")

__all__ = ["ANSWER", "NOOP", "OPEN", "PROBE", "SWITCH", "Bench", "fired"]


@implementer(IStreamClientEndpoint)
class Nowhere:
    """
    An endpoint that never connects.
    """

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        return Deferred()


NOWHERE = Nowhere()


class Bench:
    """
    One engine with fake transports of the given names.

    @ivar heard: what the engine's receiver was told.
    @ivar shown: the events that L{watch} asked for.
    """

    def __init__(self, *names: str, **options: Any) -> None:
        self.classes: dict[str, Any] = {}
        for each in transportClasses(*(names or ("polling", "websocket"))):
            self.classes[each.name] = each
        transports = options.pop("transports", list(self.classes.values()))
        (engineOptions,) = readOptions({"endpoint": NOWHERE, **options}, EngineOptions)
        engineOptions = replace(engineOptions, transports=tuple(transports))
        self.clock = Clock()
        self.factory = EngineFactory(self.clock, parseURL("http://localhost"), engineOptions)
        self.shown: list[Any] = []
        self.another()

    def another(self) -> Engine:
        """
        Make a new engine of the same factory.
        """
        self.receiver = RecordingEngineReceiver()
        self.heard = self.receiver.log
        self.engine = self.factory.buildEngine(self.receiver)
        return self.engine

    def made(self, name: str) -> list[FakeTransport]:
        """
        The transports made of this name.
        """
        made: list[FakeTransport] = self.classes[name].made
        return made

    @property
    def polling(self) -> FakeTransport:
        return self.made("polling")[-1]

    @property
    def websocket(self) -> FakeTransport:
        return self.made("websocket")[-1]

    def watch(self, *events: str) -> None:
        """
        Write these events of the engine into C{shown}.
        """
        for event in events:
            self.engine.on(event, lambda *args, event=event: self.shown.append((event, *args)))

    def opened(self, **handshake: Any) -> Bench:
        """
        Open the session by the first transport.
        """
        self.engine.open()
        self.engine.transport.handshake(**handshake)
        return self

    def probing(self) -> Bench:
        """
        Open by polling; the probe's transport is open and has asked.
        """
        self.opened(upgrades=["websocket"])
        self.websocket.receiver.transportOpened()
        return self

    def upgrading(self) -> Bench:
        """
        The probe is answered; polling is about to pause.
        """
        self.probing()
        self.prove()
        return self

    def upgraded(self) -> Bench:
        """
        The session is on WebSocket.
        """
        self.upgrading()
        self.pause()
        return self

    def prove(self) -> None:
        """
        The server answers the probe.
        """
        self.websocket.receiver.packetReceived(PONG, b"probe")

    def pause(self, *unsent: tuple[int, bytes, bool]) -> None:
        """
        Polling has paused.
        """
        assert self.polling.paused is not None
        self.polling.paused.callback(list(unsent))

    @property
    def texts(self) -> list[bytes]:
        """
        The text messages that were heard.
        """
        return [each[1] for each in self.heard if each[0] == "text"]

    @property
    def endings(self) -> list[Any]:
        """
        The closings that were heard.
        """
        return [each for each in self.heard if each[0] == "engineClosed"]

    def assertEmpty(self) -> None:
        """
        No timer is left, and the end was told once, last.
        """
        assert self.clock.getDelayedCalls() == []
        assert self.engine.readyState == "closed"
        assert len(self.endings) == 1 and self.heard[-1] == self.endings[0]


def fired(waiting: Deferred[Any]) -> bool:
    """
    Whether a Deferred has fired.
    """
    return bool(waiting.called)
