"""
A server's end of an Engine.IO connection: heartbeat, upgrade, close.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock

from txsocketio.protocol.engineio import MESSAGE, NOOP, PING, PONG, UPGRADE
from txsocketio.testing import MemoryServer, WirePacket
from txsocketio.testing.connection import Connection
from txsocketio.testing.links import Attempt

UPGRADING = ["polling", "websocket"]


def connected(**options: Any) -> tuple[MemoryServer, Any]:
    server = MemoryServer(Clock())
    socket = server.connect(**options)
    server.flush()
    return server, socket


def test_wire() -> None:
    """
    The log has every packet of both sides in order, with its transport.
    """
    server, socket = connected()
    assert server.connection.wire[1:] == [
        WirePacket("client", "40", "websocket"),
        WirePacket("server", '40{"sid":"s2"}', "websocket"),
    ]


def test_wireOfBinary() -> None:
    """
    Bytes are shown as the protocol writes them in text.
    """
    server, socket = connected()
    socket.emit("a", b"\1\2")
    server.flush()
    assert server.connection.fromClient[1:] == [
        '451-["a",{"_placeholder":true,"num":0}]',
        "bAQI=",
    ]


def test_heartbeat() -> None:
    """
    A ping every C{pingInterval}; its answer is the reason for the next.
    """
    server, socket = connected()
    server.advance(24.9)
    assert server.connection.fromServer[-1] != "2"
    server.advance(0.1)
    assert (server.connection.fromServer[-1], server.connection.fromClient[-1]) == ("2", "3")


def test_silentClient() -> None:
    """
    A client that does not answer a ping is put out after C{pingTimeout}.
    """
    server, socket = connected()
    server.advance(25)
    server.connection.congest()
    server.advance(25 + 19.9)
    assert server.connection.closed is None
    server.advance(0.1)
    assert server.connection.closed == "ping timeout"


def test_upgrade() -> None:
    """
    An upgrade as it should be: probe, the end of the poll, UPGRADE.
    """
    server, socket = connected(transports=UPGRADING)
    shown = [(each.sender, each.packet, each.transport) for each in server.connection.wire[3:]]
    assert shown == [
        ("client", "2probe", "websocket"),
        ("server", "3probe", "websocket"),
        ("server", "6", "polling"),
        ("client", "5", "websocket"),
    ]
    assert server.connection.transport == "websocket"


def test_nothingIsLostInAnUpgrade() -> None:
    """
    What either side says in the midst of it arrives, in order.
    """
    server = MemoryServer(Clock())
    server.holdsPolls = True
    socket = server.connect(transports=UPGRADING)
    server.flush()
    heard: list[int] = []
    socket.on("n", heard.append)
    socket.io.engine.on("upgrade", lambda transport: socket.emit("m", 2))
    socket.emit("m", 1)
    server.emit("n", 1)
    server.holdsPolls = False
    server.emit("n", 2)
    server.flush()
    server.emit("n", 3)
    server.flush()
    assert heard == [1, 2, 3]
    assert [each.args for each in server.received] == [(1,), (2,)]


def test_whatIsSaidBetweenTheTransports() -> None:
    """
    After the last poll and before UPGRADE the server's words wait for the
    new transport.
    """
    server = MemoryServer(Clock())
    socket = server.connect(transports=UPGRADING)
    heard: list[str] = []
    socket.on("n", heard.append)

    def upgraded(transport: Any) -> None:
        server.emit("n", "between")

    socket.on("connect", lambda: socket.io.engine.on("upgrade", upgraded))
    server.flush()
    assert heard == ["between"]


def test_unansweredProbe() -> None:
    """
    A server may let a probe wait; the client stays on polling.
    """
    server = MemoryServer(Clock())
    server.answersProbes = False
    socket = server.connect(transports=UPGRADING)
    server.advance(60)
    assert (server.connection.transport, socket.connected) == ("polling", True)


def test_noUpgradesOffered() -> None:
    """
    A server may offer none.
    """
    server = MemoryServer(Clock(), upgrades=())
    server.connect(transports=UPGRADING)
    server.flush()
    assert server.connection.fromClient == ["40"]


def test_probeOfAnEndedSession() -> None:
    """
    An upgrade of a session that is gone is refused.
    """
    server, socket = connected(transports=["polling"])
    sid = server.connection.sid
    server.connection.end("forced close")
    wire = socket.io.engine._wire
    knock: Any = server.transport()(wire, sid)
    errors: list[Any] = []
    knock.receiver = SimpleNamespace(transportClosed=lambda reason, error: errors.append(error))
    knock.state = "open"
    server.knocked(knock, knock.attempt())
    server.flush()
    assert [each.status for each in errors] == [400]
    socket.disconnect()


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_close(transport: str) -> None:
    """
    Hanging up is heard as such, whatever the carrier.
    """
    server, socket = connected(transports=[transport], reconnection=False)
    reasons: list[str] = []
    socket.on("disconnect", reasons.append)
    server.connection.close()
    server.flush()
    assert reasons == ["transport close"]


def test_packetsAClientMustNotSend() -> None:
    """
    A client that pings speaks an older protocol.
    """
    server, socket = connected(reconnection=False)
    socket.io.engine.transport.sendPacket(2)
    server.flush()
    assert server.connection.closed == "transport error"


def test_maxPayload() -> None:
    """
    More than the server takes ends the connection.
    """
    server = MemoryServer(Clock(), maxPayload=100)
    socket = server.connect(reconnection=False)
    server.flush()
    socket.io.engine.sendText(b'2["' + b"x" * 100 + b'"]')
    server.flush()
    assert (server.connection.closed, server.received) == ("transport error", [])


# links by hand


class HandLink:
    """
    A link that writes down what is sent, and may keep what waits.
    """

    def __init__(self, name: str, keeps: bool = False) -> None:
        self.name = name
        self.keeps = keeps
        self.sent: list[Any] = []
        self.ended: list[str] = []

    def send(self, packetType: int, data: bytes, isBinary: bool, compress: bool = True) -> None:
        self.sent.append((packetType, data, isBinary, compress))

    def takeUnsent(self) -> list[Any]:
        return self.sent if self.keeps else []

    def probed(self) -> None:
        pass

    def end(self, reason: str, details: Any) -> None:
        self.ended.append(reason)


def byHand(name: str = "polling", **options: Any) -> tuple[Any, Any, Any]:
    """
    A connection on a link of ours, and another link that is probing it unless
    the first is a WebSocket.
    """
    server = MemoryServer(Clock(), **options)
    connection: Any = Connection(server, "e9", Attempt(name, "", {}, {}, None))
    first, second = HandLink(name), HandLink("websocket")
    connection.start(first)
    assert connection.probe(second) == (name == "polling")
    return connection, first, second


def test_repr() -> None:
    """
    A connection in a failed assertion shows its id, and why it ended.
    """
    connection, first, second = byHand()
    assert repr(connection) == "<Connection e9 open>"
    connection.close()
    assert repr(connection) == "<Connection e9 forced close>"


def test_sendingAfterTheEnd() -> None:
    """
    What is sent after the end is dropped, also from the log.
    """
    connection, first, second = byHand()
    connection.close()
    before = list(first.sent), list(connection.wire)
    connection.send("late")
    assert (first.sent, connection.wire) == before


def test_receivingAfterTheEnd() -> None:
    """
    What the client still sends after the end is not heard.
    """
    connection, first, second = byHand()
    connection.close()
    connection.packetReceived(first, MESSAGE, b"0", False)
    assert connection.fromClient == []


def test_oneProbeAtATime() -> None:
    """
    A second transport cannot probe while one does, nor after an upgrade.
    """
    connection, first, second = byHand()
    assert not connection.probe(HandLink("websocket"))
    connection.packetReceived(second, PING, b"probe", False)
    connection.packetReceived(second, UPGRADE, b"", False)
    assert not connection.probe(HandLink("websocket"))


def test_notAProbe() -> None:
    """
    A newcomer that says anything but C{2probe} is hung up on; the session
    stays, and another may try.
    """
    connection, first, second = byHand()
    connection.packetReceived(second, MESSAGE, b"0", False)
    assert second.ended == ["transport error"] and first.ended == []
    assert connection.probe(HandLink("websocket"))


def test_upgradeWithoutProbe() -> None:
    """
    C{5} before the probe was proved does not upgrade.
    """
    connection, first, second = byHand()
    connection.packetReceived(second, UPGRADE, b"", False)
    assert (connection.transport, second.ended) == ("polling", ["transport error"])


def test_foreignLink() -> None:
    """
    A link that is not, or no longer, of the session changes nothing, neither
    by talking nor by ending.
    """
    connection, first, second = byHand()
    stranger = HandLink("websocket")
    connection.packetReceived(stranger, PING, b"probe", False)
    connection.linkLost(stranger)
    assert stranger.sent == [] and connection.closed is None


def test_lostProbe() -> None:
    """
    A newcomer that is lost leaves the session alone.
    """
    connection, first, second = byHand()
    connection.linkLost(second)
    assert connection.closed is None and connection.probe(second)


def test_endWhileProbing() -> None:
    """
    The end of a session is the end of the newcomer too.
    """
    connection, first, second = byHand()
    connection.linkLost(first)
    assert second.ended == first.ended == ["transport close"]


def test_unsentMovesOver() -> None:
    """
    Messages that wait at an upgrade go by the new transport; what only ends a
    poll does not.
    """
    connection, first, second = byHand()
    first.sent, first.keeps = [], True
    connection.packetReceived(second, PING, b"probe", False)
    connection.sendPacket(NOOP)
    connection.send("waits")
    connection.packetReceived(second, UPGRADE, b"", False)
    assert second.sent == [(PONG, b"probe", False, True), (MESSAGE, b"waits", False, True)]


def test_applicationHangsUpAtOnce() -> None:
    """
    An application may refuse its client while it is made: nothing is sent,
    and no timer is left.
    """
    server = MemoryServer(Clock(), application=lambda connection: connection.close())  # type: ignore
    link: Any = HandLink("websocket")
    connection = server.buildConnection(Attempt("websocket", "", {}, {}, None))
    connection.start(link)
    assert (link.sent, link.ended) == ([], ["forced close"])
    assert server.clock.getDelayedCalls() == []  # type: ignore[attr-defined]
