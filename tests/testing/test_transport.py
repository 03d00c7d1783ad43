"""
The transport in memory, as an engine uses it.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from txsocketio.interfaces import IPacketTransport
from txsocketio.testing import MemoryServer

BOTH = ["polling", "websocket"]


class Receiver:
    """
    Writes down what it hears.
    """

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def transportOpened(self) -> None:
        self.heard.append("opened")

    def textReceived(self, message: bytes) -> None:
        self.heard.append(message)

    def binaryReceived(self, message: bytes) -> None:
        self.heard.append(("binary", message))

    def packetReceived(self, packetType: int, data: bytes) -> None:
        self.heard.append(packetType)

    def transportDrained(self) -> None:
        self.heard.append("drained")

    def transportClosed(self, reason: str, details: Any) -> None:
        self.heard.append(reason)


class Wire:
    """
    As much of an engine's wire as is asked.
    """

    def requestURL(self, transport: str, sid: str | None) -> str:
        return f"http://memory/socket.io/?EIO=4&transport={transport}"

    def headers(self, transport: str, url: str) -> list[tuple[str, str]]:
        return []

    def storeCookies(self, url: str, headers: Any) -> None:
        pass


class Echo:
    """
    Bare Engine.IO: says back what it hears.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def textReceived(self, message: bytes) -> None:
        self.connection.send(message.decode())

    def binaryReceived(self, message: bytes) -> None:
        self.connection.send(message)

    def connectionClosed(self, reason: str, details: Any) -> None:
        pass


def opened(name: str = "websocket") -> tuple[MemoryServer, Any, Receiver]:
    """
    A transport after its handshake; the receiver has heard nothing since.
    """
    server = MemoryServer(Clock(), application=Echo)
    transport, receiver = server.transport(name)(Wire(), None), Receiver()
    transport.open(receiver)
    server.flush()
    assert receiver.heard == ["opened", 0]
    receiver.heard.clear()
    return server, transport, receiver


def test_interface() -> None:
    """
    It is a transport like any other.
    """
    server, transport, receiver = opened()
    assert verifyObject(IPacketTransport, transport)


def test_oneClassAName() -> None:
    """
    Asked twice for a transport, a server gives the same, so that clients with
    the same options can share a connection.
    """
    server = MemoryServer(Clock())
    assert server.transport("polling") is server.transport("polling")
    assert server.transport("polling") is not server.transport("websocket")


def test_opensLater() -> None:
    """
    Nothing is told inside the call.
    """
    server = MemoryServer(Clock())
    receiver = Receiver()
    server.transport()(Wire(), None).open(receiver)
    assert receiver.heard == []


@pytest.mark.parametrize("name", BOTH)
def test_messages(name: str) -> None:
    """
    Text stays text, bytes stay bytes, and their order stays.
    """
    server, transport, receiver = opened(name)
    transport.sendText(b"one")
    transport.sendBinary(b"two")
    transport.sendText(b"three")
    assert receiver.heard == []
    server.flush()
    assert receiver.heard == [b"one", ("binary", b"two"), b"three"]


def test_compressIsSeen() -> None:
    """
    The wire log says what may be compressed.
    """
    server, transport, receiver = opened()
    transport.sendText(b"a", False)
    server.flush()
    said, echoed = server.connection.wire[1:]
    assert (said.compress, echoed.compress) == (False, True)


def test_highWater() -> None:
    """
    Above 64 KiB it is congested, and says when it is not any more.
    """
    server, transport, receiver = opened()
    server.connection.stall()
    transport.sendText(b"x" * 65536)
    assert transport.congested and transport.bufferedAmount() == 65537
    server.connection.resume()
    server.flush()
    assert not transport.congested
    assert receiver.heard[0] == "drained"


def test_pauseReading() -> None:
    """
    A client that does not read hears nothing, and all of it later.
    """
    server, transport, receiver = opened()
    transport.pauseReading()
    server.connection.send("a")
    server.connection.close()
    server.flush()
    assert receiver.heard == []
    transport.resumeReading()
    server.flush()
    assert receiver.heard == [b"a", "transport close"]


@pytest.mark.parametrize(
    ("name", "wire"), [("polling", ["1"]), ("websocket", [])], ids=BOTH
)
def test_closeSaysGoodbye(name: str, wire: list[str]) -> None:
    """
    Closing sends what waits, then CLOSE where the carrier has no end of its
    own.
    """
    server, transport, receiver = opened(name)
    transport.sendText(b"last")
    gone: list[Any] = []
    transport.close().addCallback(gone.append)
    assert gone == []
    server.flush()
    assert gone == [None]
    assert server.connection.fromClient == ["4last", *wire]
    assert (server.connection.closed, receiver.heard) == ("transport close", [])


def test_closeTakesTwoSeconds() -> None:
    """
    A stalled network holds a closing back for two seconds, not longer.
    """
    server, transport, receiver = opened()
    server.connection.stall()
    gone: list[Any] = []
    transport.close().addCallback(gone.append)
    server.advance(1.9)
    assert gone == []
    server.advance(0.1)
    assert gone == [None]


def test_closeBeforeItOpens() -> None:
    """
    What was never open is gone at once.
    """
    server = MemoryServer(Clock())
    transport, receiver = server.transport()(Wire(), None), Receiver()
    transport.open(receiver)
    gone: list[Any] = []
    transport.close().addCallback(gone.append)
    server.flush()
    assert (gone, receiver.heard, server.attempts) == ([None], [], [])


def test_abort() -> None:
    """
    An abort is silent for the client, and an end for the server.
    """
    server, transport, receiver = opened()
    server.connection.send("a")
    transport.abort()
    server.flush()
    assert (receiver.heard, server.connection.closed) == ([], "transport close")
    assert server.clock.getDelayedCalls() == []  # type: ignore[attr-defined]


def test_receiverMayBeReplaced() -> None:
    """
    Whoever is the receiver hears the next packet, even of the same turn.
    """
    server, transport, receiver = opened()
    second = Receiver()
    hear = receiver.textReceived
    receiver.textReceived = lambda message: (  # type: ignore[method-assign, assignment]
        hear(message),
        setattr(transport, "receiver", second),
    )
    server.connection.send("a")
    server.connection.send("b")
    server.flush()
    assert (receiver.heard, second.heard) == ([b"a"], [b"b"])


@pytest.mark.parametrize(
    ("packet", "reason"), [("b###", "parse error"), ("9", "transport error")]
)
def test_undecodable(packet: str, reason: str) -> None:
    """
    Damaged base64 and unknown types end it as the real carriers do.
    """
    server, transport, receiver = opened()
    server.connection.sendRaw(packet)
    server.flush()
    assert receiver.heard == [reason]


# pause


def test_pauseGivesBackWhatWaits() -> None:
    """
    A pause ends the poll under way, later, with what was not sent.
    """
    server, transport, receiver = opened("polling")
    paused: list[Any] = []
    transport.sendText(b"waits")
    transport.pause().addCallback(paused.append)
    assert paused == []
    server.flush()
    assert paused == [[(4, b"waits", False)]]
    assert receiver.heard == [6]


def test_pausedMayStillHear() -> None:
    """
    What the server said before the poll ended is not lost.
    """
    server, transport, receiver = opened("polling")
    server.connection.send("a")
    transport.pause()
    server.connection.send("b")
    server.flush()
    assert receiver.heard == [b"a", 6, b"b"]


def test_pauseWaitsForAPausedReader() -> None:
    """
    A pause is over when everything was handed up.
    """
    server, transport, receiver = opened("polling")
    paused: list[Any] = []
    transport.pauseReading()
    server.connection.send("a")
    transport.pause().addCallback(paused.append)
    server.flush()
    assert paused == []
    transport.resumeReading()
    server.flush()
    assert (paused, receiver.heard) == ([[]], [b"a", 6])


def test_heldPoll() -> None:
    """
    A server may keep the poll, and let it go.
    """
    server, transport, receiver = opened("polling")
    server.holdsPolls = True
    paused: list[Any] = []
    transport.pause().addCallback(paused.append)
    server.flush()
    assert paused == []
    server.holdsPolls = False
    server.flush()
    assert paused == [[]]


def test_webSocketPausesAtOnce() -> None:
    """
    A WebSocket has no polls.
    """
    server, transport, receiver = opened("websocket")
    paused: list[Any] = []
    transport.pause().addCallback(paused.append)
    assert paused == [[]]


def test_closingTwice() -> None:
    """
    Closing a transport again while it says goodbye waits for the same end.
    """
    server, transport, receiver = opened()
    first, second = transport.close(), transport.close()
    assert first is second and not first.called
    server.flush()
    assert first.called


def test_pausedBeforeItIsLetIn() -> None:
    """
    A pause of polling that no server has let in yet ends with nothing unsent.
    """
    server = MemoryServer(Clock())
    transport: Any = server.transport("polling")(Wire(), None)
    server.ignore()
    transport.open(Receiver())
    unsent: list[Any] = []
    transport.pause().addCallback(unsent.append)
    server.flush()
    assert unsent == [[]]


@pytest.mark.parametrize("name", BOTH)
def test_bytesAsText(name: str) -> None:
    """
    Bytes that come as C{b} and base64 in a text are bytes.
    """
    server, transport, receiver = opened(name)
    server.connection.sendRaw("bAQI=")
    server.flush()
    assert receiver.heard == [("binary", b"\1\2")]
