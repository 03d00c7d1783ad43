"""
What a test finds out from the server.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.task import Clock

from txsocketio.testing import MemoryServer


def test_noConnectionYet() -> None:
    """
    Asking for a connection too early says so.
    """
    with pytest.raises(AssertionError, match="no client"):
        MemoryServer(Clock()).connection  # noqa: B018


def test_connections() -> None:
    """
    All connections are kept; the live ones are told apart.
    """
    server = MemoryServer(Clock())
    first, second = server.connect(), server.connect()
    server.flush()
    first.disconnect()
    server.flush()
    assert len(server.connections) == 2
    assert server.live == [server.connection]
    assert second.connected


def test_handshake() -> None:
    """
    Options in seconds are milliseconds on the wire.
    """
    server = MemoryServer(Clock(), pingInterval=0.3, pingTimeout=0.2, maxPayload=100)
    server.connect(transports=["polling"])
    server.flush()
    assert json.loads(server.connection.fromServer[0][1:]) == {
        "sid": server.connection.sid,
        "upgrades": ["websocket"],
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 100,
    }


def test_namespaceOnce() -> None:
    """
    A namespace is the same, however it is asked for.
    """
    server = MemoryServer(Clock())
    assert server.of("chat") is server.of("/chat")


@pytest.mark.parametrize("seconds", [1.0, 10.0])
def test_connectTimeout(seconds: float) -> None:
    """
    A client that joins no namespace in time is put out.
    """
    server = MemoryServer(Clock(), connectTimeout=seconds)
    server.connect(auth=lambda: _never(), reconnection=False)
    server.advance(seconds - 0.1)
    assert server.live
    server.advance(0.1)
    assert server.connection.closed == "forced close"


def _never() -> Any:
    from twisted.internet.defer import Deferred

    return Deferred()


def test_application() -> None:
    """
    Without Socket.IO the messages are the application's.
    """
    heard: list[bytes] = []

    class Application:
        def __init__(self, connection: Any) -> None:
            pass

        def textReceived(self, message: bytes) -> None:
            heard.append(message)

        def binaryReceived(self, message: bytes) -> None:
            heard.append(message)

        def connectionClosed(self, reason: str, details: Any) -> None:
            heard.append(reason.encode())

    server = MemoryServer(Clock(), application=Application)
    socket = server.connect(reconnection=False)
    server.flush()
    socket.io.engine.sendBinary(b"\1")
    server.flush()
    server.connection.drop()
    assert heard == [b"0", b"\1", b"transport close"]


def test_anotherParser() -> None:
    """
    The server speaks whatever its client speaks.
    """
    from txsocketio.protocol.socketio import JSONParser

    class Shouting(JSONParser):
        def encode(self, packetType: int, namespace: str, ackID: Any, data: Any) -> Any:
            text, binaries = super().encode(packetType, namespace, ackID, data)
            return text + b" ", binaries

    server = MemoryServer(Clock(), parser=Shouting())
    socket = server.connect()
    server.flush()
    assert socket.connected and server.connection.fromServer[1].endswith(" ")


@pytest.mark.parametrize(
    ("args", "says"),
    [(("/vip",), "what checks"), ((print, "/vip"), "the namespace comes first")],
)
def test_useWithoutACheck(args: Any, says: str) -> None:
    """
    Who is to decide must be said, and for which namespace before that.
    """
    with pytest.raises(TypeError, match=says):
        MemoryServer(Clock()).use(*args)
