"""
An engine that is looked at.
"""

from __future__ import annotations

from typing import Any

import pytest

from enginekit import Bench
from txsocketio.protocol.engineio import NOOP, PING, PONG

PACKET_EVENTS = ("packet", "packetCreate", "message", "drain", "flush", "ping", "pong")


def test_sentPackets() -> None:
    """
    Each packet that is sent is shown, then that it was written.
    """
    bench = Bench().opened()
    bench.watch("packetCreate", "flush")
    bench.engine.sendText("é".encode(), False)
    bench.engine.sendBinary(b"\xff")
    assert bench.shown == [
        ("packetCreate", ("message", "é", False)),
        ("flush",),
        ("packetCreate", ("message", b"\xff", True)),
        ("flush",),
    ]


def test_receivedPackets() -> None:
    """
    Each packet that comes is shown; messages, pings and pongs by events of
    their own as well (faults F13).
    """
    bench = Bench().opened()
    bench.watch("packet", "message", "ping", "pong")
    receiver = bench.polling.receiver
    receiver.textReceived(b"text")
    receiver.binaryReceived(b"\xff")
    receiver.packetReceived(PING, b"")
    receiver.packetReceived(PONG, b"x")
    receiver.packetReceived(NOOP, b"")
    assert bench.shown == [
        ("packet", ("message", "text", True)),
        ("message", "text"),
        ("packet", ("message", b"\xff", True)),
        ("message", b"\xff"),
        ("packet", ("ping", "", True)),
        ("ping",),
        ("packet", ("pong", "x", True)),
        ("pong",),
        ("packet", ("noop", "", True)),
    ]


@pytest.mark.parametrize("event", PACKET_EVENTS)
def test_observedAlone(event: str) -> None:
    """
    Each of the events of packets is shown to who observes nothing else.
    """
    bench = Bench().opened()
    bench.watch(event)
    receiver = bench.polling.receiver
    bench.engine.sendText(b"out")
    receiver.textReceived(b"in")
    receiver.packetReceived(PING, b"")
    receiver.packetReceived(PONG, b"")
    receiver.transportDrained()
    assert {each[0] for each in bench.shown} == {event}


def test_openIsShown() -> None:
    """
    So is the handshake, as a packet and as what it says.
    """
    bench = Bench()
    bench.watch("packet", "handshake", "open")
    bench.opened(sid="abc")
    assert [each[0] for each in bench.shown] == ["packet", "handshake", "open"]
    assert bench.shown[1][1].sid == "abc"


def test_unreadableText() -> None:
    """
    Text that is none is shown all the same, and delivered as it came.
    """
    bench = Bench().opened()
    bench.watch("message")
    bench.polling.receiver.textReceived(b"\xff")
    assert bench.shown == [("message", "\ufffd")] and bench.texts == [b"\xff"]


def test_drain() -> None:
    """
    That the transport takes more is shown, and told.
    """
    bench = Bench().opened()
    bench.watch("drain")
    bench.polling.receiver.transportDrained()
    assert bench.shown == [("drain",)] and bench.heard[-1] == "engineDrained"


@pytest.mark.parametrize("event", PACKET_EVENTS)
def test_orderWhenObservingBeginsAndEnds(event: str) -> None:
    """
    Messages keep their order, and are neither lost nor doubled, when somebody
    begins or ceases to look between them.
    """
    bench = Bench().opened()
    observe = lambda *args: None  # noqa: E731
    for number in range(3):
        bench.engine.sendText(b"%d a" % number)
        bench.polling.receiver.textReceived(b"%d a" % number)
        bench.engine.on(event, observe)
        bench.engine.sendText(b"%d b" % number)
        bench.polling.receiver.textReceived(b"%d b" % number)
        bench.engine.off(event, observe)
    expected = [b"%d %c" % (number, letter) for number in range(3) for letter in b"ab"]
    assert [each[1] for each in bench.polling.log[1:]] == bench.texts == expected


def test_observingBeginsWhileUpgrading() -> None:
    """
    The same during an upgrade.
    """
    bench = Bench().upgrading()
    bench.engine.sendText(b"one")
    bench.watch("flush")
    bench.engine.sendText(b"two")
    bench.engine.off("flush")
    bench.engine.sendText(b"three")
    assert [each.data for each in bench.engine.writeBuffer] == ["one", "two", "three"]
    bench.pause()
    bench.engine.sendText(b"four")
    sent = [each[1] for each in bench.websocket.log if each[0] == "text"]
    assert sent == [b"one", b"two", b"three", b"four"]


def test_observingAfterTheEnd() -> None:
    """
    Looking at an engine that has ended does not wake it.
    """
    bench = Bench().opened()
    bench.engine.abort("forced close")
    bench.watch("packetCreate", "packet")
    bench.engine.sendText(b"late")
    bench.engine.off()
    bench.engine.sendText(b"late")
    assert bench.shown == [] and bench.polling.log == ["open", "abort"]


@pytest.mark.parametrize("event", ["packet", "message", "packetCreate", "flush", "open", "close"])
def test_listenerRaises(event: str, flushLoggedErrors: Any) -> None:
    """
    A listener that raises is logged; packets go on, in both directions, and
    so does the engine (behaviours P12; faults F121).
    """
    bench = Bench()

    def fail(*args: Any) -> None:
        raise ValueError("listener")

    bench.engine.on(event, fail)
    bench.opened()
    bench.engine.sendText(b"out")
    bench.polling.receiver.textReceived(b"in")
    assert bench.polling.log[-1] == ("text", b"out", True) and bench.texts == [b"in"]
    bench.engine.abort("forced close")
    bench.assertEmpty()
    assert flushLoggedErrors(ValueError)


@pytest.mark.parametrize("event", ["packet", "message"])
def test_listenerClosesAsAMessageComes(event: str) -> None:
    """
    A listener that closes the engine because of a message is the last who
    hears of it (faults F122).
    """
    bench = Bench().opened()
    bench.engine.on(event, lambda *args: bench.engine.close())
    bench.polling.receiver.textReceived(b"in")
    assert bench.texts == [] and len(bench.endings) == 1


@pytest.mark.parametrize("event", ["packet", "ping"])
def test_listenerClosesAsAPingComes(event: str) -> None:
    """
    The ping is not answered then, and nothing is left (faults F122).
    """
    bench = Bench().opened()
    bench.engine.on(event, lambda *args: bench.engine.abort("forced close"))
    bench.polling.receiver.packetReceived(PING, b"")
    bench.assertEmpty()


def test_listenerClosesAsAMessageIsSent() -> None:
    """
    A listener that closes the engine because of a packet that is about to be
    sent is obeyed: the packet is neither sent nor kept (faults F122).
    """
    bench = Bench().opened()
    bench.engine.on("packetCreate", lambda packet: bench.engine.close())
    bench.engine.sendText(b"out")
    assert bench.polling.log == ["open", "close"] and bench.engine.bufferedAmount() == 0


def test_listenerSends() -> None:
    """
    A listener may send because of a message.
    """
    bench = Bench().opened()
    bench.engine.on("message", lambda message: bench.engine.send(message.upper()))
    bench.polling.receiver.textReceived(b"echo")
    assert bench.polling.log[-1] == ("text", b"ECHO", True)
