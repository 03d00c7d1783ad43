"""
An engine under the server's pings, and without them.
"""

from __future__ import annotations

from enginekit import ANSWER, Bench
from txsocketio.protocol.engineio import NOOP, PING, PONG

PATIENCE = 45.0


def pings(bench: Bench) -> int:
    return bench.heard.count("pingReceived")


def test_pingIsAnswered() -> None:
    """
    A ping is answered by a bare pong, whatever it carries (faults F14).
    """
    bench = Bench().opened()
    bench.polling.receiver.packetReceived(PING, b"data")
    bench.clock.advance(0)
    assert bench.polling.log == ["open", ANSWER] and pings(bench) == 1


def test_burstOfPings() -> None:
    """
    Two thousand pings in one turn are answered once (faults F15).
    """
    bench = Bench().opened()
    for _ in range(2000):
        bench.polling.receiver.packetReceived(PING, b"")
    bench.clock.advance(0)
    assert bench.polling.log.count(ANSWER) == 1 and pings(bench) == 2000


def test_everyTurnsPingIsAnswered() -> None:
    """
    Pings of several turns are each answered.
    """
    bench = Bench().opened()
    for _ in range(3):
        bench.polling.receiver.packetReceived(PING, b"")
        bench.clock.advance(1.0)
    assert bench.polling.log.count(ANSWER) == 3


def test_silence() -> None:
    """
    A server that vanished is given up when its ping is overdue: nothing of it
    is left, and the details say how long it was waited for
    (faults F56, F111).
    """
    bench = Bench().opened()
    bench.watch("error", "close")
    bench.clock.pump([PATIENCE, 0])
    ((_, reason, details),) = bench.endings
    assert reason == "ping timeout" and "45 s" in str(details)
    assert bench.shown == [("close", "ping timeout", details)]
    assert bench.polling.log[-1] == "abort"
    bench.assertEmpty()


def test_onlyPingsCount() -> None:
    """
    Messages and other packets do not move the deadline, only pings do
    (behaviours Q25).
    """
    bench = Bench().opened()
    bench.clock.advance(40.0)
    bench.polling.receiver.textReceived(b"busy")
    bench.polling.receiver.packetReceived(NOOP, b"")
    bench.polling.receiver.packetReceived(PONG, b"")
    bench.clock.pump([5.0, 0])
    assert bench.endings[0][1] == "ping timeout"


def test_pingMovesTheDeadline() -> None:
    """
    With its pings coming, a session lives on (behaviours Q25).
    """
    bench = Bench().opened()
    for _ in range(10):
        bench.clock.pump([40.0, 0])
        bench.polling.receiver.packetReceived(PING, b"")
    assert bench.engine.readyState == "open"


def test_expired() -> None:
    """
    Who asks after the deadline is told so each time, and the engine closes
    once (behaviours I15).
    """
    bench = Bench().opened()
    bench.clock.rightNow += PATIENCE + 1
    assert [bench.engine.expired() for _ in range(3)] == [True] * 3
    assert bench.endings == []
    bench.clock.advance(0)
    assert bench.engine.expired() and bench.endings[0][1] == "ping timeout"
    bench.assertEmpty()


def test_notExpired() -> None:
    """
    Neither a new engine nor one in time is expired.
    """
    bench = Bench()
    assert not bench.engine.expired()
    bench.opened()
    assert not bench.engine.expired()


def test_expiredThenLatePing() -> None:
    """
    What was kept because the engine is expired is sent by the next one, so
    this one ends, even if a ping comes late.
    """
    bench = Bench().opened()
    bench.clock.rightNow += PATIENCE + 1
    assert bench.engine.expired()
    bench.polling.receiver.packetReceived(PING, b"")
    bench.clock.advance(0)
    assert bench.endings[0][1] == "ping timeout"
    bench.assertEmpty()


def test_suspendedButAlive() -> None:
    """
    After a suspension the packets that wait are read before the engine is
    given up (faults F114).
    """
    bench = Bench().opened()
    receiver = bench.polling.receiver
    # Read in the turn in which the timer ran.
    bench.clock.callLater(PATIENCE + 1, receiver.textReceived, b"news")
    bench.clock.callLater(PATIENCE + 1, receiver.packetReceived, PING, b"")
    bench.clock.pump([PATIENCE + 600, 0, 0])
    assert bench.heard == ["engineOpened", ("text", b"news"), "pingReceived"]
    assert ANSWER in bench.polling.log


def test_suspendedAndDead() -> None:
    """
    Without a ping among them they are delivered, and then it ends
    (faults F114).
    """
    bench = Bench().opened()
    bench.clock.callLater(PATIENCE + 1, bench.polling.receiver.textReceived, b"news")
    bench.clock.pump([PATIENCE + 600, 0, 0])
    assert bench.texts == [b"news"] and bench.endings[0][1] == "ping timeout"


def test_pingAfterTheEnd() -> None:
    """
    A ping after the end is ignored (faults F16).
    """
    bench = Bench().opened()
    bench.engine.abort("forced close")
    bench.polling.receiver.packetReceived(PING, b"")
    bench.assertEmpty()


def test_endBeforeThePong() -> None:
    """
    A pong that is due when the engine ends is not sent.
    """
    bench = Bench().opened()
    bench.polling.receiver.packetReceived(PING, b"")
    bench.engine.abort("forced close")
    bench.assertEmpty()
    assert ANSWER not in bench.polling.log


def test_pingWhileUpgrading() -> None:
    """
    A ping during the upgrade is answered on the new transport.
    """
    bench = Bench().upgrading()
    bench.polling.receiver.packetReceived(PING, b"")
    bench.clock.advance(0)
    bench.pause()
    assert ANSWER not in bench.polling.log and ANSWER in bench.websocket.log


def test_silenceWhileUpgrading() -> None:
    """
    The heartbeat is watched during an upgrade as well.
    """
    bench = Bench().opened(upgrades=["websocket"], pingInterval=3000, pingTimeout=3000)
    bench.websocket.receiver.transportOpened()
    bench.prove()
    bench.clock.pump([6.0, 0])
    assert bench.endings[0][1] == "ping timeout"
    assert bench.websocket.log[-1] == "abort"
    bench.assertEmpty()
