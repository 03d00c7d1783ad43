"""
The server's Socket.IO side of one connection, told packets by hand.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsocketio.protocol.messagepack import MessagePackParser
from txsocketio.testing import MemoryServer
from txsocketio.testing.connection import Connection
from txsocketio.testing.links import Attempt


class Silent:
    """
    A link that nobody listens to.
    """

    name = "websocket"

    def send(self, *packet: object) -> None:
        pass

    def end(self, reason: str, details: object) -> None:
        pass


def talk(*packets: str | bytes) -> Connection:
    """
    A connection whose client said this.
    """
    server = MemoryServer(Clock(), connectTimeout=10)
    server.of("/chat")
    connection = server.buildConnection(Attempt("websocket", "", {}, {}, None))
    link = Silent()
    connection.start(link)  # type: ignore[arg-type]
    for each in packets:
        data = each if isinstance(each, bytes) else each.encode()
        connection.packetReceived(link, 4, data, isinstance(each, bytes))  # type: ignore[arg-type]
    server.advance(5)
    return connection


@pytest.mark.parametrize(
    "packets",
    [
        ("abc",),
        ("0", "2{}"),
        ("0", "9"),
        ("0", "2[]"),
        ("0", '51-["a",{"_placeholder":true,"num":0}]', "2[1]"),
        ("0", b"unannounced"),
    ],
)
def test_undecodable(packets: tuple[str | bytes, ...]) -> None:
    """
    What is no packet ends the connection.
    """
    assert talk(*packets).closed == "parse error"


@pytest.mark.parametrize(
    "packets", [('2["a"]',), ("0", '2/chat,["a"]'), ("0", "0"), ("0", "4"), ("0", "1", "1")]
)
def test_outOfPlace(packets: tuple[str, ...]) -> None:
    """
    A good packet at the wrong time ends the connection, as with the real
    server.
    """
    assert talk(*packets).closed == "forced server close"


@pytest.mark.parametrize("packets", [("0",), ("0", "0/chat,"), ("0", "0/chat,", "1/chat,")])
def test_inPlace(packets: tuple[str, ...]) -> None:
    """
    Namespaces come and go.
    """
    assert talk(*packets).closed is None


def test_lateAnswer() -> None:
    """
    An answer that nobody waits for is ignored.
    """
    assert talk("0", "37[1]").closed is None


def test_parserOfBinaryAlone() -> None:
    """
    A parser without text packets works on both sides.
    """
    parser = MessagePackParser()
    server = MemoryServer(Clock(), parser=parser)
    socket = server.connect(parser=parser)
    heard: list[object] = []
    socket.on("a", heard.append)
    server.flush()
    server.emit("a", b"\1")
    server.flush()
    assert socket.connected and heard == [b"\1"]
