"""
How an engine ends.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from enginekit import ANSWER, SWITCH, Bench, fired
from txsocketio.engine import DEAF
from txsocketio.errors import DecodeError, TransportError
from txsocketio.protocol.engineio import CLOSE, MESSAGE, PING, CloseDetails

FORCED = ("engineClosed", "forced close", None)
BROKEN = TransportError("xhr poll error")


def end(bench: Bench) -> None:
    """
    The present transport has said goodbye.
    """
    closing = bench.engine.transport.closing
    assert closing is not None
    closing.callback(None)


# close


def test_close() -> None:
    """
    The transport says goodbye; the receiver hears of the end at once.
    """
    bench = Bench().opened()
    bench.watch("close", "error")
    bench.engine.close()
    assert bench.polling.log == ["open", "close"] and bench.endings == [FORCED]
    assert bench.shown == [("close", "forced close", None)]
    end(bench)
    bench.assertEmpty()


def test_nothingIsSentAfterClose() -> None:
    """
    What is sent after C{close} makes no packet (behaviours G5).
    """
    bench = Bench().opened()
    bench.watch("packetCreate")
    bench.engine.close()
    bench.engine.send("hi")
    bench.engine.send(b"hi")
    assert bench.polling.log == ["open", "close"] and bench.shown == []
    assert bench.engine.bufferedAmount() == 0


def test_nothingIsHeardAfterClose() -> None:
    """
    What comes after the end is not delivered, whatever a transport does.
    """
    bench = Bench().opened()
    receiver = bench.polling.receiver
    bench.watch("message", "packet")
    bench.engine.close()
    receiver.textReceived(b"late")
    receiver.binaryReceived(b"late")
    receiver.packetReceived(PING, b"")
    receiver.packetReceived(CLOSE, b"")
    receiver.transportDrained()
    receiver.transportClosed("transport error", BROKEN)
    bench.clock.advance(0)
    assert bench.heard == ["engineOpened", FORCED] and bench.shown == []


def test_closeTwice() -> None:
    """
    Closing twice ends once, and both are told when it is over.
    """
    bench = Bench().opened()
    first, second = bench.engine.close(), bench.engine.close()
    end(bench)
    assert fired(first) and fired(second) and bench.polling.log.count("close") == 1
    bench.assertEmpty()


def test_transportGoneAtOnce() -> None:
    """
    A transport may have gone before C{close} returns; that is told only after
    the end itself.
    """
    bench = Bench().opened()
    gone: list[str] = []
    bench.engine.whenGone().addCallback(lambda _: gone.append(bench.engine.readyState))
    bench.receiver.engineClosed = (  # type: ignore[method-assign]
        lambda reason, details: gone.append(reason)
    )

    def close() -> Deferred[None]:
        ended: Deferred[None] = Deferred()
        ended.callback(None)
        return ended

    bench.polling.close = close  # type: ignore[method-assign]
    bench.engine.close()
    assert gone == ["forced close", "closed"]
    assert bench.clock.getDelayedCalls() == []


def test_abortCutsTheGoodbyeShort() -> None:
    """
    Whoever does not want to wait for the goodbye aborts it.
    """
    bench = Bench().opened()
    bench.engine.close()
    bench.engine.abort("forced close")
    assert bench.polling.log == ["open", "close", "abort"]
    bench.assertEmpty()


def test_closeWhileProbing() -> None:
    """
    A probe does not keep the engine from closing (faults F67).
    """
    bench = Bench().probing()
    bench.engine.close()
    assert bench.websocket.log[-1] == "abort" and bench.polling.log[-1] == "close"
    end(bench)
    bench.assertEmpty()


def test_closeWhileUpgrading() -> None:
    """
    A close in the middle of an upgrade waits for its end, then says goodbye
    on the new transport (behaviours G9; faults F67).
    """
    bench = Bench().probing()
    bench.watch("upgrading", "upgrade", "close")
    bench.engine.on("upgrading", lambda transport: bench.engine.close())
    bench.prove()
    assert bench.engine.readyState == "closing" and bench.endings == []
    bench.pause()
    assert [each[0] for each in bench.shown] == ["upgrading", "upgrade", "close"]
    assert bench.websocket.log[-1] == "close"
    end(bench)
    bench.assertEmpty()


def test_closeWhileTheUpgradeFails() -> None:
    """
    If the upgrade fails instead, that is shown first; it is still the
    client's close (behaviours G10; faults F67).
    """
    bench = Bench().upgrading()
    bench.watch("upgradeError", "close")
    gone = bench.engine.close()
    bench.websocket.receiver.transportClosed("transport error", BROKEN)
    assert bench.shown == [("upgradeError", BROKEN), ("close", "forced close", None)]
    assert fired(gone) and bench.polling.log[-1] == "abort"
    bench.assertEmpty()


def test_nothingIsSentAfterCloseWhileUpgrading() -> None:
    """
    What is sent after it makes no packet (behaviours G11).
    """
    bench = Bench().upgrading()
    bench.watch("packetCreate")
    bench.engine.close()
    bench.engine.sendText(b"hi")
    bench.engine.sendBinary(b"hi")
    bench.pause()
    assert bench.shown == [] and bench.websocket.log[-3:] == [SWITCH, "resumeReading", "close"]


def test_sentBeforeCloseWhileUpgrading() -> None:
    """
    What was sent before it goes out before the goodbye (behaviours G12).
    """
    bench = Bench().upgrading()
    bench.engine.sendText(b"held")
    bench.engine.close()
    bench.pause((MESSAGE, b"left", False))
    assert bench.websocket.log[-5:] == [
        SWITCH,
        ("text", b"left", True),
        ("text", b"held", True),
        "resumeReading",
        "close",
    ]
    assert bench.engine.writeBuffer == []


def test_nothingIsHeardAfterCloseWhileUpgrading() -> None:
    """
    Who has closed hears no message any more, even while it is waited for.
    """
    bench = Bench().upgrading()
    bench.engine.close()
    bench.polling.receiver.textReceived(b"late")
    bench.polling.receiver.binaryReceived(b"late")
    assert bench.heard == ["engineOpened"]


def test_closeWhileUpgradingIsBounded() -> None:
    """
    An upgrade that does not end keeps a close from its end for two seconds at
    most (faults F67).
    """
    bench = Bench().upgrading()
    gone = bench.engine.close()
    bench.clock.advance(2.0)
    assert fired(gone) and bench.endings == [FORCED]
    assert bench.polling.log[-1] == bench.websocket.log[-1] == "abort"
    bench.assertEmpty()


def test_goodbyeAfterUpgradingIsBounded() -> None:
    """
    The two seconds are for all of it: for the upgrade's end and the goodbye.
    """
    bench = Bench().upgrading()
    bench.engine.close()
    bench.clock.advance(1.5)
    bench.pause()
    bench.clock.advance(0.5)
    assert bench.websocket.log[-2:] == ["close", "abort"]
    end(bench)
    bench.assertEmpty()


def test_goodbyeInTime() -> None:
    """
    A goodbye in time leaves no timer.
    """
    bench = Bench().upgrading()
    gone = bench.engine.close()
    bench.pause()
    end(bench)
    assert fired(gone)
    bench.assertEmpty()


def test_lostWhileClosing() -> None:
    """
    A connection that is lost while the close waits is over.
    """
    bench = Bench().upgrading()
    gone = bench.engine.close()
    bench.polling.receiver.transportClosed("transport error", BROKEN)
    assert fired(gone) and bench.endings == [("engineClosed", "transport error", BROKEN)]
    bench.assertEmpty()


def test_pingWhileClosing() -> None:
    """
    A ping while the close waits harms nothing.
    """
    bench = Bench().upgrading()
    bench.engine.close()
    bench.polling.receiver.packetReceived(PING, b"")
    bench.clock.advance(0)
    bench.pause()
    assert ANSWER not in bench.websocket.log and bench.websocket.log[-1] == "close"


# abort


@pytest.mark.parametrize("phase", ["opened", "probing", "upgrading", "upgraded"])
def test_abort(phase: str) -> None:
    """
    Aborting ends everything in that very call, whatever is under way.
    """
    bench: Bench = getattr(Bench(), phase)()
    gone = bench.engine.whenGone()
    bench.engine.abort("parse error", BROKEN)
    assert bench.endings == [("engineClosed", "parse error", BROKEN)] and fired(gone)
    for name in bench.classes:
        for each in bench.made(name):
            assert "abort" in each.log or each.paused is not None
    bench.assertEmpty()


@pytest.mark.parametrize("news", ["textReceived", "binaryReceived", "pingReceived"])
@pytest.mark.parametrize("how", ["close", "abort"])
def test_endInsideNews(news: str, how: str) -> None:
    """
    The receiver may end the engine inside any call; what comes behind in the
    same data is not delivered.
    """
    bench = Bench()
    arguments = () if how == "close" else ("parse error",)

    def endIt(*ignored: Any) -> None:
        bench.heard.append(news)
        getattr(bench.engine, how)(*arguments)

    setattr(bench.receiver, news, endIt)
    receiver = bench.opened().polling.receiver
    receiver.textReceived(b"one")
    receiver.binaryReceived(b"two")
    receiver.packetReceived(PING, b"")
    receiver.textReceived(b"three")
    assert bench.heard.count(news) == 1 and bench.heard[-1][0] == "engineClosed"
    bench.clock.advance(0)
    assert ANSWER not in bench.polling.log


def test_abortInsideEngineClosed() -> None:
    """
    Ending it again inside the news of its end does nothing.
    """
    bench = Bench().opened()
    ends: list[str] = []

    def closed(reason: str, details: Any) -> None:
        ends.append(reason)
        bench.engine.abort("again")
        bench.engine.close()

    bench.receiver.engineClosed = closed  # type: ignore[method-assign]
    bench.polling.receiver.transportClosed("transport error", BROKEN)
    assert ends == ["transport error"]


# the other end


@pytest.mark.parametrize("phase", ["opened", "upgraded"])
def test_serverCloses(phase: str) -> None:
    """
    A CLOSE of the server ends the session, by polling and by WebSocket
    (behaviours P11; faults F11, F12).
    """
    bench: Bench = getattr(Bench(), phase)()
    bench.engine.transport.receiver.packetReceived(CLOSE, b"")
    ((_, reason, details),) = bench.endings
    assert reason == "transport close" and isinstance(details, CloseDetails)
    assert bench.engine.transport.log[-1] == "abort"
    bench.assertEmpty()


def test_lost() -> None:
    """
    A lost transport is an error for observers, then the end for all.
    """
    bench = Bench().opened()
    bench.watch("error", "close")
    bench.polling.receiver.transportClosed("transport error", BROKEN)
    assert bench.shown == [("error", BROKEN), ("close", "transport error", BROKEN)]
    bench.assertEmpty()


def test_endedProperly() -> None:
    """
    A transport that ended properly is no error.
    """
    bench = Bench().upgraded()
    bench.watch("error", "close")
    details = CloseDetails("bye", {"code": 1000})
    bench.websocket.receiver.transportClosed("transport close", details)
    assert bench.shown == [("close", "transport close", details)]
    bench.assertEmpty()


@pytest.mark.parametrize(
    ("reason", "details"),
    [
        ("transport close", CloseDetails("bye", {"code": 1006})),
        ("transport error", TransportError("websocket error")),
        ("parse error", DecodeError("unknown packet type", b"zz")),
    ],
)
def test_everyEndOfAWebSocket(reason: str, details: Any) -> None:
    """
    However a WebSocket ends, the engine is closed, for that reason and with
    these details (behaviours P16).
    """
    bench = Bench("websocket").opened()
    bench.websocket.receiver.transportClosed(reason, details)
    assert bench.endings == [("engineClosed", reason, details)]
    bench.assertEmpty()


def test_toldOnce() -> None:
    """
    Losing it, aborting and closing it tell the end once.
    """
    bench = Bench().opened()
    bench.polling.receiver.transportClosed("transport error", BROKEN)
    bench.polling.receiver.transportClosed("transport close", None)
    bench.engine.abort("forced close")
    bench.engine.close()
    bench.assertEmpty()


# what is left


def test_writeBufferAtTheEnd() -> None:
    """
    What was not sent can be looked at in the C{close} event, and is dropped
    then (behaviours Q26).
    """
    bench = Bench().upgrading()
    bench.engine.sendText("grüß".encode())
    bench.engine.sendBinary(b"\x00", False)
    seen: list[Any] = []
    bench.engine.on("close", lambda: seen.extend(bench.engine.writeBuffer))
    bench.engine.abort("forced close")
    assert seen == [("message", "grüß", True), ("message", b"\x00", False)]
    assert bench.engine.writeBuffer == [] and bench.engine.bufferedAmount() == 0


def test_whenGoneBefore() -> None:
    """
    Asked before the end, it fires when the transport has gone.
    """
    bench = Bench().opened()
    gone = bench.engine.whenGone()
    bench.engine.close()
    assert not fired(gone)
    end(bench)
    assert fired(gone)


def test_whenGoneDuring() -> None:
    """
    Asked while the transport says goodbye, as well.
    """
    bench = Bench().opened()
    bench.engine.close()
    gone = bench.engine.whenGone()
    assert not fired(gone)
    end(bench)
    assert fired(gone)


def test_whenGoneAfter() -> None:
    """
    Asked afterwards, it fires at once.
    """
    bench = Bench().opened()
    bench.engine.abort("forced close")
    assert fired(bench.engine.whenGone())


def test_whenGoneInsideTheNews() -> None:
    """
    Asked inside the news of the end, it fires too.
    """
    bench = Bench().opened()
    asked: list[Deferred[None]] = []
    bench.engine.on("close", lambda: asked.append(bench.engine.whenGone()))
    bench.engine.abort("forced close")
    assert [fired(each) for each in asked] == [True]


def test_whenGoneComesAfterTheNews() -> None:
    """
    That nothing is left is told after the end was.
    """
    bench = Bench().opened()
    bench.engine.whenGone().addCallback(lambda _: bench.heard.append("gone"))
    bench.engine.abort("forced close")
    assert bench.heard[1:] == [FORCED, "gone"]


def test_whenGoneCancelled() -> None:
    """
    Who does not want to know any more does not keep others from it.
    """
    bench = Bench().opened()
    unwanted, wanted = bench.engine.whenGone(), bench.engine.whenGone()
    unwanted.addErrback(lambda _: None).cancel()
    bench.engine.abort("forced close")
    assert fired(wanted)


def test_goneInSpiteOfTheReceiver() -> None:
    """
    A receiver that raises at the end does not keep it from being over.
    """
    bench = Bench().opened()

    def closed(reason: str, details: Any) -> None:
        raise ValueError("not now")

    bench.receiver.engineClosed = closed  # type: ignore[method-assign]
    gone = bench.engine.whenGone()
    with pytest.raises(ValueError, match="not now"):
        bench.engine.abort("forced close")
    assert fired(gone) and bench.clock.getDelayedCalls() == []


def test_connectionsEnd() -> None:
    """
    With the engine every connection of its wire ends, and no new one begins.
    """
    bench = Bench().opened()
    wire = bench.polling.wire
    bench.engine.close()
    assert not wire.connections.aborted
    end(bench)
    assert wire.connections.aborted


def test_deaf() -> None:
    """
    An engine that nobody listens to any more goes on by itself.
    """
    bench = Bench()
    bench.engine.receiver = DEAF
    bench.opened()
    receiver = bench.polling.receiver
    receiver.textReceived(b"a")
    receiver.binaryReceived(b"b")
    receiver.packetReceived(PING, b"")
    receiver.transportDrained()
    bench.clock.advance(0)
    bench.engine.abort("forced close")
    assert bench.heard == [] and ANSWER in bench.polling.log


def test_farewellIsPartOfTheEnd() -> None:
    """
    What a transport still owes the server after its end is waited for by
    whenGone(), while the receiver hears of the loss at once.
    """
    bench = Bench("polling")
    bench.opened()
    transport = bench.engine.transport
    transport.owed = owed = Deferred()
    transport.receiver.transportClosed("transport error", TransportError("xhr poll error"))
    gone: list[object] = []
    bench.engine.whenGone().addCallback(gone.append)
    assert (bench.engine.readyState, gone) == ("closed", [])
    owed.callback(None)
    assert gone == [None]
