"""
Neighbours that only record: one for each stair of the house.

All recorders of a test write into one list, so that a test compares the order
of what happened across neighbours as well.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from txsocketio.interfaces import IEngineReceiver, IManager, IPacketReceiver, IPacketTransport
from txsocketio.protocol.backoff import Backoff
from txsocketio.protocol.engineio import Handshake
from txsocketio.protocol.socketio import JSONParser


class Recorder:
    """
    Calls of any name, written down as (name, *arguments).
    """

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log: list[Any] = [] if log is None else log

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args: self.log.append((name, *args))


@implementer(IPacketReceiver)
class RecordingPacketReceiver:
    """
    What a transport tells.
    """

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log: list[Any] = [] if log is None else log

    def transportOpened(self) -> None:
        self.log.append("transportOpened")

    def textReceived(self, message: bytes) -> None:
        self.log.append(("text", message))

    def binaryReceived(self, message: bytes) -> None:
        self.log.append(("binary", message))

    def packetReceived(self, packetType: int, data: bytes) -> None:
        self.log.append(("packet", packetType, data))

    def transportDrained(self) -> None:
        self.log.append("transportDrained")

    def transportClosed(self, reason: str, details: Any) -> None:
        self.log.append(("transportClosed", reason, details))


@implementer(IEngineReceiver)
class RecordingEngineReceiver:
    """
    What an engine tells.
    """

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log: list[Any] = [] if log is None else log

    def engineOpened(self) -> None:
        self.log.append("engineOpened")

    def textReceived(self, message: bytes) -> None:
        self.log.append(("text", message))

    def binaryReceived(self, message: bytes) -> None:
        self.log.append(("binary", message))

    def pingReceived(self) -> None:
        self.log.append("pingReceived")

    def engineDrained(self) -> None:
        self.log.append("engineDrained")

    def engineClosed(self, reason: str, details: Any) -> None:
        self.log.append(("engineClosed", reason, details))


@implementer(IPacketTransport)
class FakeTransport:
    """
    A carrier in the hands of the test.

    @cvar made: every one that was made by this class; see L{transportClasses}.
    """

    name = "fake"
    made: list[FakeTransport]

    def __init__(self, wire: Any, sid: str | None) -> None:
        self.wire = wire
        self.sid = sid
        self.log: list[Any] = []
        self.receiver: Any = None
        self.congested = False
        self.buffered = 0
        self.paused: Deferred[list[tuple[int, bytes, bool]]] | None = None
        self.closing: Deferred[None] | None = None
        self.owed: Deferred[None] | None = None
        self.made.append(self)

    def open(self, receiver: Any) -> None:
        self.receiver = receiver
        self.log.append("open")

    def sendText(self, message: bytes, compress: bool = True) -> None:
        self.log.append(("text", message, compress))

    def sendBinary(self, message: bytes, compress: bool = True) -> None:
        self.log.append(("binary", message, compress))

    def sendPacket(self, packetType: int, data: bytes = b"") -> None:
        self.log.append(("packet", packetType, data))

    def bufferedAmount(self) -> int:
        return self.buffered

    def handshakeReceived(self, handshake: Handshake) -> None:
        self.sid = handshake.sid

    def pause(self) -> Deferred[list[tuple[int, bytes, bool]]]:
        self.log.append("pause")
        self.paused = Deferred()
        return self.paused

    def confirm(self) -> Deferred[None]:
        self.log.append("confirm")
        self.confirmed: Deferred[None] = Deferred()
        return self.confirmed

    def pauseReading(self) -> None:
        self.log.append("pauseReading")

    def resumeReading(self) -> None:
        self.log.append("resumeReading")

    def close(self) -> Deferred[None]:
        self.log.append("close")
        self.closing = Deferred()
        return self.closing

    def abort(self) -> None:
        self.log.append("abort")

    def farewell(self) -> Deferred[None] | None:
        return self.owed

    # for tests

    def handshake(self, **changes: Any) -> None:
        """
        Be the server that opens the session.
        """
        from orjson import dumps

        data = {
            "sid": "s1",
            "upgrades": [],
            "pingInterval": 25000,
            "pingTimeout": 20000,
            "maxPayload": 1000000,
            **changes,
        }
        self.receiver.transportOpened()
        self.receiver.packetReceived(0, dumps(data))


def transportClasses(*names: str) -> list[type[FakeTransport]]:
    """
    Transport classes of these names; each remembers what was C{made} of it.
    """
    return [
        type(f"{name}Transport", (FakeTransport,), {"name": name, "made": []}) for name in names
    ]


class FakeEngine:
    """
    What sockets and outboxes see of an engine.
    """

    def __init__(self) -> None:
        self.readyState = "open"
        self.congested = False
        self.buffered = 0
        self.isExpired = False

    def bufferedAmount(self) -> int:
        return self.buffered

    def ready(self) -> bool:
        return not (self.congested or self.isExpired)

    def expired(self) -> bool:
        return self.isExpired


@implementer(IManager)
class FakeManager:
    """
    A manager that writes down what its socket asks.

    @ivar sent: the packets handed over: (text, binaries).
    @ivar log: everything else.
    """

    url = "http://fake"

    def __init__(self) -> None:
        self.reactor = Clock()
        self.parser = JSONParser()
        self.engine: Any = FakeEngine()
        self.reading = FakeReading()
        self.sent: list[tuple[bytes | None, list[bytes]]] = []
        self.log: list[Any] = []
        self.refuse: Exception | None = None
        self.others = False

    def sendPacket(self, text: bytes | None, binaries: Any, compress: bool) -> bool:
        if self.refuse is not None:
            raise self.refuse
        self.sent.append((text, list(binaries)))
        self.log.append(("compress", compress))
        return self.engine is not None and self.engine.congested

    def buildBackoff(self) -> Backoff:
        return Backoff(1.0, 5.0, 0.0, lambda: 0.5)

    def socketNeeds(self, socket: Any) -> None:
        self.log.append("socketNeeds")

    def socketConnected(self, socket: Any) -> None:
        self.log.append("socketConnected")

    def socketIdle(self, socket: Any) -> None:
        self.log.append("socketIdle")

    def othersPending(self, socket: Any) -> bool:
        return self.others

    def restart(self, error: Any) -> None:
        self.log.append(("restart", error))

    def protocolBroken(self, error: Any) -> None:
        self.log.append(("protocolBroken", error))

    def whenUnused(self) -> Deferred[None]:
        return succeed(None)


class FakeReading:
    """
    Who was asked to hold.
    """

    def __init__(self) -> None:
        self.held = False
        self.holders: set[object] = set()
        self.log: list[str] = []

    def hold(self, holder: object) -> None:
        self.held = True
        self.holders.add(holder)
        self.log.append("hold")

    def release(self, holder: object) -> None:
        self.holders.discard(holder)
        self.held = bool(self.holders)
        self.log.append("release")

    def goOn(self) -> None:
        self.held = False
        self.log.append("goOn")
