"""
An engine on its way from one transport to a better one.
"""

from __future__ import annotations

from typing import Any

import pytest

from enginekit import ANSWER, PROBE, SWITCH, Bench
from fakes import FakeTransport, transportClasses
from txsocketio.errors import TransportError
from txsocketio.protocol.engineio import MESSAGE, NOOP, PONG, CloseDetails

BROKEN = TransportError("websocket error")


def assertOnPolling(bench: Bench) -> None:
    """
    The session goes on where it was, and nothing is left of the probe.
    """
    assert bench.engine.transport is bench.polling and bench.endings == []
    bench.engine.sendText(b"still here")
    assert bench.polling.log[-1] == ("text", b"still here", True)
    assert len(bench.clock.getDelayedCalls()) == 1  # the heartbeat


# probing


def test_probes() -> None:
    """
    An offered transport joins the session and asks; polling goes on.
    """
    bench = Bench().probing()
    assert bench.websocket.sid == "s1" and bench.websocket.log == ["open", PROBE]
    bench.engine.sendText(b"meanwhile")
    assert bench.polling.log == ["open", ("text", b"meanwhile", True)]


@pytest.mark.parametrize(("offer", "told"), [("websocket", True), ("webtransport", False)])
def test_pollingHesitates(offer: str, told: bool) -> None:
    """
    A transport that can hold back its requests hears that others are proved.
    """
    bench = Bench()
    polling: Any = bench.classes["polling"]
    polling.hesitate = lambda transport: transport.log.append("hesitate")
    bench.opened(upgrades=[offer])
    assert ("hesitate" in bench.polling.log) is told


def test_refused() -> None:
    """
    A refused upgrade is shown, and the session stays on polling; it is not
    tried again (behaviours P6; faults F61).
    """
    bench = Bench().opened(upgrades=["websocket"])
    bench.watch("upgradeError", "error")
    bench.websocket.receiver.transportClosed("transport error", BROKEN)
    assert bench.shown == [("upgradeError", BROKEN)]
    assertOnPolling(bench)
    bench.clock.advance(30.0)
    assert len(bench.made("websocket")) == 1


def test_neverAnswered() -> None:
    """
    A probe without an answer is given up after ten seconds; the session stays
    on polling (faults F62, R8).
    """
    bench = Bench().probing()
    bench.watch("upgradeError")
    bench.clock.advance(10.0)
    assert len(bench.shown) == 1 and bench.websocket.log[-1] == "abort"
    assertOnPolling(bench)


def test_wrongAnswer() -> None:
    """
    A wrong answer gives up the upgrade, and only that
    (behaviours P7; faults F63, R8).
    """
    bench = Bench().probing()
    bench.watch("upgradeError")
    bench.websocket.receiver.packetReceived(PONG, b"prob")
    assert len(bench.shown) == 1 and bench.websocket.log[-1] == "abort"
    assertOnPolling(bench)


def test_everyOfferIsProbed() -> None:
    """
    Each offered transport that we know and want is probed; unknown names are
    ignored, and so is the one in use (behaviours Q27; faults F5).
    """
    bench = Bench("polling", "websocket", "carrier", "unoffered")
    bench.opened(upgrades=["websocket", "webtransport", "carrier", "polling"])
    made = {name: len(bench.made(name)) for name in bench.classes}
    assert made == {"polling": 1, "websocket": 1, "carrier": 1, "unoffered": 0}


def test_firstProofWins() -> None:
    """
    Of several offers the first that answers is taken; the others are closed
    (faults F70).
    """
    bench = Bench("polling", "websocket", "carrier")
    bench.opened(upgrades=["websocket", "carrier"])
    carrier = bench.made("carrier")[0]
    for each in (bench.websocket, carrier):
        each.receiver.transportOpened()
    carrier.receiver.packetReceived(PONG, b"probe")
    bench.websocket.receiver.packetReceived(PONG, b"probe")
    bench.pause()
    assert bench.engine.transport is carrier and SWITCH in carrier.log
    assert bench.websocket.log == ["open", PROBE, "abort"]


def test_oneOfTwoFails() -> None:
    """
    One offer that cannot be used does not spoil the other (faults F70).
    """
    bench = Bench("polling", "websocket", "carrier")
    bench.opened(upgrades=["websocket", "carrier"])
    bench.made("carrier")[0].receiver.transportClosed("transport error", BROKEN)
    bench.websocket.receiver.transportOpened()
    bench.prove()
    bench.pause()
    assert bench.engine.transport is bench.websocket


def test_noUpgradeWanted() -> None:
    """
    With C{upgrade=False} nothing is probed.
    """
    bench = Bench(upgrade=False).opened(upgrades=["websocket"])
    assert bench.made("websocket") == []


def test_customTransport() -> None:
    """
    A transport of one's own is upgraded to when the server offers its name.
    """
    bench = Bench("polling", "pigeon").opened(upgrades=["pigeon"])
    pigeon = bench.made("pigeon")[0]
    pigeon.receiver.transportOpened()
    pigeon.receiver.packetReceived(PONG, b"probe")
    bench.pause()
    bench.engine.sendText(b"coo")
    assert pigeon.log[-1] == ("text", b"coo", True)
    pigeon.receiver.textReceived(b"coo coo")
    assert bench.texts == [b"coo coo"]


@pytest.mark.parametrize("broken", ["__init__", "handshakeReceived", "open"])
def test_offeredTransportRaises(broken: str) -> None:
    """
    An offered transport that raises costs nothing but itself.
    """

    def fail(*args: Any) -> None:
        raise OSError("no pigeons today")

    (polling,) = transportClasses("polling")
    pigeon: Any = type("Pigeon", (FakeTransport,), {"name": "pigeon", "made": [], broken: fail})
    bench = Bench(transports=[polling, pigeon])
    bench.watch("upgradeError")
    bench.engine.open()
    polling.made[0].handshake(upgrades=["pigeon"])
    ((_, error),) = bench.shown
    assert isinstance(error, TransportError) and isinstance(error.__cause__, OSError)
    assert bench.heard == ["engineOpened"] and len(bench.clock.getDelayedCalls()) == 1


def test_closedWhileProbesStart() -> None:
    """
    If a listener closes the engine because one offer failed, the next is not
    even made.
    """

    def fail(*args: Any) -> None:
        raise OSError("no pigeons today")

    polling, websocket = transportClasses("polling", "websocket")
    pigeon: Any = type("Pigeon", (FakeTransport,), {"name": "pigeon", "made": [], "open": fail})
    bench = Bench(transports=[polling, pigeon, websocket])
    bench.engine.on("upgradeError", lambda error: bench.engine.abort("forced close"))
    bench.engine.open()
    polling.made[0].handshake(upgrades=["pigeon", "websocket"])
    assert websocket.made == []
    bench.assertEmpty()


def test_pollingDiesWhileProbing() -> None:
    """
    When polling dies during the probe, the engine closes, and the probe with
    it (faults F68).
    """
    bench = Bench().probing()
    bench.polling.receiver.transportClosed("transport error", BROKEN)
    assert bench.endings == [("engineClosed", "transport error", BROKEN)]
    assert bench.websocket.log[-1] == "abort"
    bench.assertEmpty()


# upgrading


def test_upgrades() -> None:
    """
    Polling pauses, UPGRADE goes out first, and from then on the new transport
    carries.
    """
    bench = Bench().probing()
    bench.watch("upgrading", "upgrade")
    bench.prove()
    assert bench.polling.log == ["open", "pause"] and bench.engine.transport is bench.polling
    bench.pause()
    bench.engine.sendBinary(b"new")
    assert bench.websocket.log[2:] == [
        "pauseReading",
        SWITCH,
        "resumeReading",
        ("binary", b"new", True),
    ]
    assert bench.shown == [("upgrading", bench.websocket), ("upgrade", bench.websocket)]


def test_sentWhileUpgrading() -> None:
    """
    What is sent during the upgrade is held, and goes out once, in order,
    behind UPGRADE and what polling had not sent
    (behaviours Q28; faults F66).
    """
    bench = Bench().upgrading()
    bench.engine.sendText(b"held one")
    bench.engine.sendBinary(b"held two", False)
    bench.pause((MESSAGE, b"left one", False), (PONG, b"", False), (MESSAGE, b"left two", True))
    assert bench.websocket.log[3:] == [
        SWITCH,
        ("text", b"left one", True),
        ANSWER,
        ("binary", b"left two", True),
        ("text", b"held one", True),
        ("binary", b"held two", False),
        "resumeReading",
    ]
    assert bench.polling.log == ["open", "pause"] and bench.engine.writeBuffer == []


def test_receivedWhileUpgrading() -> None:
    """
    What still comes by polling is delivered before anything that comes by the
    new transport, which is not read meanwhile (faults F64, F65).
    """
    bench = Bench().upgrading()
    bench.polling.receiver.textReceived(b"by polling")
    assert bench.websocket.log[-1] == "pauseReading"
    bench.pause()
    assert bench.websocket.log[-1] == "resumeReading"
    bench.websocket.receiver.textReceived(b"by websocket")
    assert bench.texts == [b"by polling", b"by websocket"]


@pytest.mark.parametrize("noops", [0, 2])
def test_noops(noops: int) -> None:
    """
    It does not matter how often the server says NOOP to end the poll
    (faults F71, F13).
    """
    bench = Bench().upgrading()
    for _ in range(noops):
        bench.polling.receiver.packetReceived(NOOP, b"")
    bench.pause()
    assert bench.engine.transport is bench.websocket and bench.endings == []


def test_pauseThatNeverEnds() -> None:
    """
    A server that never ends the poll under way has ten seconds; then the
    connection is given up instead of standing still (faults R9, F71).
    """
    bench = Bench().upgrading()
    bench.watch("upgradeError", "error", "close")
    bench.clock.advance(10.0)
    assert [each[0] for each in bench.shown] == ["upgradeError", "error", "close"]
    assert bench.endings[0][1] == "transport error"
    assert bench.polling.log[-1] == bench.websocket.log[-1] == "abort"
    bench.assertEmpty()


def test_anUpgradeThatIsLostIsShownWhenItIsTold() -> None:
    """
    What an observer then sends is not for this connection.
    """
    bench = Bench().upgrading()
    told: list[Any] = []
    bench.engine.on("upgradeError", lambda: told.append(bench.engine.readyState))
    bench.clock.advance(10.0)
    assert told == ["closed"]


def test_pauseInTime() -> None:
    """
    Once upgraded, the limit is forgotten.
    """
    bench = Bench().upgraded()
    bench.clock.advance(11.0)
    assert bench.endings == [] and len(bench.clock.getDelayedCalls()) == 1


def test_pollingDiesWhileUpgrading() -> None:
    """
    When polling dies before it has paused, the engine closes once, and a
    pause that ends late changes nothing.
    """
    bench = Bench().upgrading()
    bench.polling.receiver.transportClosed("transport error", BROKEN)
    bench.pause((MESSAGE, b"late", False))
    assert SWITCH not in bench.websocket.log and bench.websocket.log[-1] == "abort"
    assert bench.engine.transport is bench.polling
    bench.assertEmpty()


def test_newOneDiesWhileUpgrading() -> None:
    """
    When the new transport dies while polling pauses, there is no way back.
    """
    bench = Bench().upgrading()
    bench.watch("upgradeError", "close")
    bench.websocket.receiver.transportClosed("transport error", BROKEN)
    assert bench.shown == [("upgradeError", BROKEN), ("close", "transport error", BROKEN)]
    assert bench.polling.log[-1] == "abort"
    bench.assertEmpty()


def test_newOneSpeaksUnasked() -> None:
    """
    A new transport that hands up what it should hold is not followed.
    """
    bench = Bench().upgrading()
    bench.websocket.receiver.textReceived(b"too early")
    assert bench.endings[0][1] == "transport error"
    bench.assertEmpty()


def test_newOneDiesTooLate() -> None:
    """
    What becomes of the new transport once the engine has closed is nobody's
    business.
    """
    bench = Bench().upgrading()
    bench.watch("upgradeError")
    bench.engine.abort("forced close")
    bench.websocket.receiver.transportClosed("transport error", BROKEN)
    assert bench.shown == []
    bench.assertEmpty()


def test_newOneDiesAfterwards() -> None:
    """
    A server that hangs up right after UPGRADE has closed the session
    (faults F69).
    """
    bench = Bench().upgraded()
    details = CloseDetails("bye")
    bench.websocket.receiver.transportClosed("transport close", details)
    assert bench.endings == [("engineClosed", "transport close", details)]
    bench.assertEmpty()


def test_upgradingListenerAborts() -> None:
    """
    A listener may end the engine as the upgrade begins.
    """
    bench = Bench().probing()
    bench.engine.on("upgrading", lambda transport: bench.engine.abort("forced close"))
    bench.prove()
    assert "pause" not in bench.polling.log
    assert bench.polling.log[-1] == bench.websocket.log[-1] == "abort"
    bench.assertEmpty()


@pytest.mark.parametrize("how", ["close", "abort"])
def test_upgradeListenerEnds(how: str) -> None:
    """
    Or as it is done.
    """
    bench = Bench().upgrading()
    arguments = () if how == "close" else ("forced close",)
    bench.engine.on("upgrade", lambda transport: getattr(bench.engine, how)(*arguments))
    bench.pause((MESSAGE, b"left", False))
    assert bench.websocket.log[-1] == how
    if bench.websocket.closing is not None:
        bench.websocket.closing.callback(None)
    bench.assertEmpty()


def test_upgradeErrorListenerCloses() -> None:
    """
    Or as it fails.
    """
    bench = Bench().upgrading()
    bench.engine.on("upgradeError", lambda error: bench.engine.close())
    bench.websocket.receiver.transportClosed("transport error", BROKEN)
    bench.assertEmpty()


# congestion across the upgrade


def test_congestedWhileUpgrading() -> None:
    """
    What is held counts, and who waits for it hears when it is gone.
    """
    bench = Bench().upgrading()
    bench.polling.buffered = 10
    bench.engine.sendText(bytes(70000))
    assert bench.engine.congested and bench.engine.bufferedAmount() == 70010
    bench.pause()
    assert not bench.engine.congested and bench.heard[-1] == "engineDrained"


def test_pausedFull() -> None:
    """
    A transport that paused while it was full never says that it has drained;
    who waits for that is told all the same.
    """
    bench = Bench().upgrading()
    bench.polling.congested = True
    bench.pause((MESSAGE, bytes(70000), False))
    assert bench.heard == ["engineOpened", "engineDrained"]


def test_newOneFullAtOnce() -> None:
    """
    If the new transport is full after that, he is told when it has drained.
    """
    bench = Bench().upgrading()
    bench.engine.sendText(bytes(70000))
    bench.websocket.congested = True
    bench.pause()
    assert bench.engine.congested and bench.heard == ["engineOpened"]
    bench.websocket.congested = False
    bench.websocket.receiver.transportDrained()
    assert bench.heard == ["engineOpened", "engineDrained"]


def test_drainedWhileMuchIsHeld() -> None:
    """
    That polling has drained means nothing while too much is held.
    """
    bench = Bench().upgrading()
    bench.engine.sendText(bytes(70000))
    bench.polling.receiver.transportDrained()
    assert bench.heard == ["engineOpened"]


def test_drainedWhileNothingWaited() -> None:
    """
    Nobody is told of a drain when nothing has waited.
    """
    assert Bench().upgraded().heard == ["engineOpened"]


# reading held back across the upgrade


def test_readingHeldBackBefore() -> None:
    """
    If reading is held back when the upgrade begins, polling is read to its
    end, or it could not pause; the new transport is held back instead.
    """
    bench = Bench().probing()
    bench.engine.pauseReading()
    bench.prove()
    assert bench.polling.log[-3:] == ["pauseReading", "resumeReading", "pause"]
    bench.pause()
    assert bench.websocket.log[-2:] == ["pauseReading", SWITCH]
    bench.engine.resumeReading()
    assert bench.websocket.log[-1] == "resumeReading"


def test_readingHeldBackMeanwhile() -> None:
    """
    The same when it is held back during the upgrade.
    """
    bench = Bench().upgrading()
    bench.engine.pauseReading()
    assert bench.polling.log[-1] == "pause"
    bench.pause()
    assert bench.websocket.log[-1] == SWITCH


def test_readingResumedMeanwhile() -> None:
    """
    Held back and let go during the upgrade, the new transport is read.
    """
    bench = Bench().upgrading()
    bench.engine.pauseReading()
    bench.engine.resumeReading()
    assert bench.websocket.log[-1] == "pauseReading"
    bench.pause()
    assert bench.websocket.log[-1] == "resumeReading"
