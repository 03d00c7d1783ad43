"""
An engine that is open: what it sends, what it delivers, what it says of
itself.  How it opens, upgrades, ends: test_engine_*.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface.verify import verifyObject

from enginekit import Bench
from txsocketio.engine import DEAF
from txsocketio.interfaces import IEngine, IEngineReceiver, IPacketReceiver
from txsocketio.protocol.engineio import NOOP, PONG, UPGRADE


def test_interfaces() -> None:
    """
    It is an engine for managers and a receiver for transports.
    """
    bench = Bench()
    assert verifyObject(IEngine, bench.engine) and verifyObject(IPacketReceiver, bench.engine)
    assert verifyObject(IEngineReceiver, DEAF)


def test_fewNames() -> None:
    """
    An engine has so few names that CPython keeps them in one table for all:
    else an idle connection would need more than a kilobyte for this alone.
    """
    assert len(vars(Bench().opened().engine)) <= 30


def test_straightThrough() -> None:
    """
    What is sent goes to the transport in the same call.
    """
    bench = Bench().opened()
    bench.engine.sendText(b"text")
    bench.engine.sendBinary(b"binary", False)
    assert bench.polling.log[1:] == [("text", b"text", True), ("binary", b"binary", False)]


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ("cash money €€€", ("text", "cash money €€€".encode(), True)),
        ("😀", ("text", b"\xf0\x9f\x98\x80", True)),
        ("half \ud83d", ("text", "half \ufffd".encode(), True)),
        (b"bytes", ("binary", b"bytes", True)),
        (bytearray(b"bytes"), ("binary", b"bytes", True)),
        (memoryview(b"bytes"), ("binary", b"bytes", True)),
    ],
)
def test_send(message: Any, sent: Any) -> None:
    """
    Text goes as text, bytes as binary; half a character goes as JavaScript
    sends it.
    """
    bench = Bench().opened()
    bench.engine.send(message)
    assert bench.polling.log[-1] == sent


@pytest.mark.parametrize("message", [5, None, [1, 2], {"a": 1}])
def test_sendSomethingElse(message: Any) -> None:
    """
    Anything else is refused at the call.
    """
    bench = Bench().opened()
    with pytest.raises(TypeError):
        bench.engine.send(message)
    assert bench.polling.log == ["open"]


def test_sendChanged() -> None:
    """
    What the caller does with his buffer afterwards does not matter.
    """
    bench = Bench().opened()
    buffer = bytearray(b"before")
    bench.engine.send(buffer)  # type: ignore[arg-type]
    buffer[:] = b"after!"
    assert bench.polling.log[-1] == ("binary", b"before", True)


def test_delivers() -> None:
    """
    Messages are delivered as they come, in the same call.
    """
    bench = Bench().opened()
    bench.polling.receiver.textReceived(b"text")
    bench.polling.receiver.binaryReceived(b"binary")
    assert bench.heard[1:] == [("text", b"text"), ("binary", b"binary")]


@pytest.mark.parametrize("packetType", [PONG, UPGRADE, NOOP])
def test_notForClients(packetType: int) -> None:
    """
    Packets that mean nothing to a client are ignored
    (behaviours P11; faults F13).
    """
    bench = Bench().opened()
    bench.polling.receiver.packetReceived(packetType, b"")
    bench.clock.advance(0)
    assert bench.heard == ["engineOpened"] and bench.polling.log == ["open"]


def test_congestion() -> None:
    """
    It is congested when its transport is, and its receiver hears of the end
    of that.
    """
    bench = Bench().opened()
    bench.polling.congested, bench.polling.buffered = True, 70000
    assert bench.engine.congested and bench.engine.bufferedAmount() == 70000
    bench.polling.congested = False
    bench.polling.receiver.transportDrained()
    assert not bench.engine.congested and bench.heard[-1] == "engineDrained"


def test_congestionWhileObserved() -> None:
    """
    The same when somebody looks.
    """
    bench = Bench().opened()
    bench.watch("packet")
    bench.polling.congested = True
    assert bench.engine.congested


def test_holdsReading() -> None:
    """
    Reading can be held back, for the server to feel it.
    """
    bench = Bench().opened()
    bench.engine.pauseReading()
    bench.engine.resumeReading()
    assert bench.polling.log[1:] == ["pauseReading", "resumeReading"]


def test_holdsReadingEarly() -> None:
    """
    Held back before it is open, reading stops with the handshake, which has
    to be read.
    """
    bench = Bench()
    bench.engine.pauseReading()
    bench.opened()
    assert bench.polling.log == ["open", "pauseReading"]


def test_holdsReadingAndLetsGoEarly() -> None:
    """
    Let go again, it does not stop.
    """
    bench = Bench()
    bench.engine.pauseReading()
    bench.engine.resumeReading()
    assert bench.opened().polling.log == ["open"]


def test_holdsReadingOfNothing() -> None:
    """
    Nothing is asked of a transport that has ended.
    """
    bench = Bench().opened()
    bench.engine.abort("forced close")
    bench.engine.pauseReading()
    bench.engine.resumeReading()
    assert bench.polling.log == ["open", "abort"]


@pytest.mark.parametrize(
    ("text", "binaries", "size"),
    [
        (b"a" * 99, [], 0),
        (b"a" * 100, [], 101),
        (b"", [b"a" * 72], 0),
        (b"", [b"a" * 73, b"a" * 76], 101),
        (None, [b"a" * 76], 105),
        (b"a", [], 0),
    ],
)
def test_overweightByPolling(text: bytes | None, binaries: list[bytes], size: int) -> None:
    """
    By polling a message with its type, and bytes as base64, must fit in one
    body of the server's C{maxPayload}.
    """
    bench = Bench().opened(maxPayload=100)
    assert bench.engine.overweight(text, binaries) == size


@pytest.mark.parametrize(("options", "size"), [({}, 0), ({"forceBase64": True}, 137)])
def test_overweightByWebSocket(options: dict[str, Any], size: int) -> None:
    """
    By WebSocket bytes go as they are, unless base64 is forced.
    """
    bench = Bench("websocket", **options).opened(maxPayload=100)
    assert bench.engine.overweight(None, [b"a" * 100]) == size


def test_overweightForcedForOneTransport() -> None:
    """
    Base64 may be forced for one transport alone.
    """
    special = {"websocket": {"forceBase64": True}}
    bench = Bench("websocket", transportOptions=special).opened(maxPayload=100)
    assert bench.engine.overweight(None, [b"a" * 100]) == 137


def test_overweightWithoutLimit() -> None:
    """
    A server without C{maxPayload} takes everything.
    """
    bench = Bench().opened(maxPayload=0)
    assert bench.engine.overweight(b"a" * 1000, [b"a" * 1000]) == 0


def test_repr() -> None:
    """
    It says where it stands.
    """
    bench = Bench()
    assert "opening" in repr(bench.engine)
    bench.opened(sid="abc")
    text = repr(bench.engine)
    assert "open" in text and "polling" in text and "abc" in text
