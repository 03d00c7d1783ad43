"""
How an engine opens, or does not.
"""

from __future__ import annotations

from typing import Any

import pytest

from enginekit import ANSWER, NOOP, Bench, fired
from fakes import FakeTransport, transportClasses
from txsocketio.errors import DecodeError, TransportError
from txsocketio.protocol.engineio import CLOSE, PING, PONG, UPGRADE, CloseDetails
from txsocketio.transports.polling import PollingTransport
from txsocketio.transports.websocket import WebSocketTransport

REFUSED = TransportError("xhr poll error", status=503)


def test_opens() -> None:
    """
    The handshake opens the engine, and the server's greeting is heard
    (behaviours G1).
    """
    bench = Bench().opened(sid="abc")
    bench.polling.receiver.textReceived(b"hi")
    assert bench.heard == ["engineOpened", ("text", b"hi")]
    assert (bench.engine.id, bench.engine.readyState) == ("abc", "open")


def test_handshakeIsKept() -> None:
    """
    What the server said first can be read from the engine.
    """
    bench = Bench().opened(sid="abc", pingInterval=7000)
    handshake = bench.engine.handshake
    assert handshake is not None and (handshake.sid, handshake.pingInterval) == ("abc", 7)


def test_openingSaysNothingYet() -> None:
    """
    Nobody is told anything inside C{open}, nor by a carrier without a session.
    """
    bench = Bench()
    bench.engine.open()
    bench.polling.receiver.transportOpened()
    assert bench.heard == [] and bench.engine.readyState == "opening"


def test_firstTransportFirst() -> None:
    """
    The first of C{transports} opens the session; the others are not touched.
    """
    bench = Bench()
    bench.engine.open()
    assert len(bench.made("polling")) == 1 and bench.made("websocket") == []


def test_restOfThePayload() -> None:
    """
    Packets that come together with OPEN are processed (behaviours P5).
    """
    bench = Bench().opened()
    receiver = bench.polling.receiver
    receiver.textReceived(b"one")
    receiver.packetReceived(PING, b"")
    receiver.binaryReceived(b"two")
    bench.clock.advance(0)
    assert bench.heard[1:] == [("text", b"one"), "pingReceived", ("binary", b"two")]
    assert ANSWER in bench.polling.log


# which transports


def test_onlyWantedTransports() -> None:
    """
    A transport that is not among C{transports} is not used, even if the
    server offers it (behaviours I1).
    """
    bench = Bench("polling").opened(upgrades=["websocket"])
    assert [each.name for each in bench.classes["polling"].made] == ["polling"]
    assert bench.heard == ["engineOpened"]


def test_optionsServeTwice() -> None:
    """
    The list of transports that was given is not used up (behaviours I2).
    """
    transports: list[Any] = transportClasses("polling", "websocket")
    given = list(transports)
    bench = Bench(transports=transports, tryAllTransports=True)
    for _ in range(2):
        bench.engine.open()
        bench.engine.transport.receiver.transportClosed("transport error", REFUSED)
        bench.another()
    assert transports == given
    assert [len(each.made) for each in given] == [2, 2]


@pytest.mark.parametrize("transports", [("polling", "websocket"), ("websocket", "polling")])
def test_triesAll(transports: tuple[str, str]) -> None:
    """
    With C{tryAllTransports} the next one is tried when one is refused
    (behaviours I4, I5).
    """
    bench = Bench(*transports, tryAllTransports=True)
    bench.engine.open()
    bench.engine.transport.receiver.transportClosed("transport error", REFUSED)
    bench.engine.transport.handshake()
    assert bench.engine.transport.name == transports[1] and bench.heard == ["engineOpened"]


def test_triesAllInVain() -> None:
    """
    When the last one is refused too, that error is the engine's.
    """
    bench = Bench(tryAllTransports=True)
    bench.engine.open()
    bench.polling.receiver.transportClosed("transport error", REFUSED)
    error = TransportError("websocket error")
    bench.websocket.receiver.transportClosed("transport error", error)
    assert bench.heard == [("engineClosed", "transport error", error)]
    bench.assertEmpty()


def test_triesAllUntilOpen() -> None:
    """
    Once a session was open, its loss is a loss.
    """
    bench = Bench(tryAllTransports=True).opened()
    bench.polling.receiver.transportClosed("transport error", REFUSED)
    assert bench.made("websocket") == []
    bench.assertEmpty()


def test_triesOne() -> None:
    """
    Without C{tryAllTransports} a refusal is shown as error, and ends it
    (behaviours I6).
    """
    bench = Bench()
    bench.watch("error", "close")
    bench.engine.open()
    bench.polling.receiver.transportClosed("transport error", REFUSED)
    assert bench.shown == [("error", REFUSED), ("close", "transport error", REFUSED)]
    assert bench.made("websocket") == []
    bench.assertEmpty()


@pytest.mark.parametrize("transport", [PollingTransport, WebSocketTransport])
def test_transportByClass(transport: Any) -> None:
    """
    A transport may be given as its class, which is public by its name
    (behaviours I7, I8, J3).
    """
    bench = Bench(transports=[transport])
    bench.engine.open()
    assert type(bench.engine.transport) is transport
    bench.engine.abort("forced close")
    bench.assertEmpty()


@pytest.mark.parametrize("name", ["polling", "websocket"])
def test_transportByName(name: str) -> None:
    """
    Or by its name.
    """
    bench = Bench(transports=[name])
    bench.engine.open()
    assert bench.engine.transport.name == name
    bench.engine.close()
    bench.assertEmpty()


def test_noTransports() -> None:
    """
    Without any transport there is an error, in the next turn of the clock
    that was handed in (behaviours I3, I9).
    """
    bench = Bench(transports=[])
    bench.watch("error")
    bench.engine.open()
    assert bench.heard == []
    bench.clock.advance(0)
    ((_, error),) = bench.shown
    assert "no transports available" in str(error)
    assert bench.endings[0][1] == "transport error"
    bench.assertEmpty()


# transports that raise


def brokenTransport(broken: str, name: str = "polling") -> Any:
    """
    A transport class that raises in one of its methods.
    """

    def fail(*args: Any) -> None:
        raise OSError(f"{broken} does not work")

    return type("Broken", (FakeTransport,), {"name": name, "made": [], broken: fail})


@pytest.mark.parametrize("broken", ["__init__", "open"])
def test_transportRaises(broken: str) -> None:
    """
    A transport that raises is one that cannot be used; nothing is raised out
    of C{open}, and the cause is told in the next turn.
    """
    bench = Bench(transports=[brokenTransport(broken)])
    bench.engine.open()
    assert bench.heard == []
    bench.clock.advance(0)
    ((_, reason, error),) = bench.heard
    assert reason == "transport error" and isinstance(error, TransportError)
    assert isinstance(error.__cause__, OSError) and "does not work" in str(error)
    bench.assertEmpty()


@pytest.mark.parametrize("broken", ["__init__", "open"])
def test_transportRaisesAndNextIsTried(broken: str) -> None:
    """
    With C{tryAllTransports} the next one has its chance.
    """
    (websocket,) = transportClasses("websocket")
    transports = [brokenTransport(broken), websocket]
    bench = Bench(transports=transports, tryAllTransports=True)
    bench.engine.open()
    bench.clock.advance(0)
    websocket.made[0].handshake()
    assert bench.heard == ["engineOpened"]


def test_secondTransportRaises() -> None:
    """
    The second choice may raise as well.
    """
    (polling,) = transportClasses("polling")
    transports = [polling, brokenTransport("__init__", "websocket")]
    bench = Bench(transports=transports, tryAllTransports=True)
    bench.engine.open()
    polling.made[0].receiver.transportClosed("transport error", REFUSED)
    bench.clock.advance(0)
    assert bench.endings[0][2].transport == "websocket"
    bench.assertEmpty()


def test_halfOpenTransportIsEnded() -> None:
    """
    What raised while it was opened is aborted, should it be half alive.
    """
    broken = brokenTransport("open")
    bench = Bench(transports=[broken])
    bench.engine.open()
    bench.clock.advance(0)
    assert broken.made[0].log == ["abort"]


def test_closedBeforeTheErrorIsTold() -> None:
    """
    Closing at once forgets the error.
    """
    bench = Bench(transports=[brokenTransport("__init__")])
    bench.engine.open()
    bench.engine.close()
    bench.clock.advance(0)
    assert bench.heard == [("engineClosed", "forced close", None)]
    bench.assertEmpty()


# what the server says first


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("packetReceived", (CLOSE, b"")),
        ("packetReceived", (PONG, b"")),
        ("packetReceived", (UPGRADE, b"")),
        ("packetReceived", (NOOP, b"")),
        ("textReceived", (b"hello",)),
        ("binaryReceived", (b"hello",)),
    ],
)
def test_firstPacketMustBeOpen(name: str, arguments: tuple[Any, ...]) -> None:
    """
    A server that begins with anything else is given up at once
    (behaviours P4; faults R7, F10).
    """
    bench = Bench()
    bench.engine.open()
    getattr(bench.polling.receiver, name)(*arguments)
    ((_, reason, error),) = bench.heard
    assert reason == "parse error" and isinstance(error, DecodeError)
    assert "no OPEN packet" in str(error) and bench.polling.log == ["open", "abort"]
    bench.assertEmpty()


def test_pingBeforeOpen() -> None:
    """
    A ping out of season is neither answered nor an error (faults F16).
    """
    bench = Bench()
    bench.engine.open()
    bench.polling.receiver.packetReceived(PING, b"")
    bench.polling.handshake()
    bench.clock.advance(0)
    assert bench.heard == ["engineOpened"] and bench.polling.log == ["open"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b'{"sid":"s"}',
        b'{"sid":"s","upgrades":[],"pingInterval":"25","pingTimeout":20}',
        b'{"sid":"s","upgrades":[],"pingInterval":-1,"pingTimeout":20}',
    ],
)
def test_badHandshake(data: bytes) -> None:
    """
    A handshake that is none ends the attempt with an error that says so
    (faults R1, R6, F3, F6).
    """
    bench = Bench()
    bench.engine.open()
    bench.polling.receiver.packetReceived(0, data)
    ((_, reason, error),) = bench.heard
    assert reason == "parse error" and "invalid handshake" in str(error)
    bench.assertEmpty()


@pytest.mark.parametrize("milliseconds", [2**31, 2**63, 1e300])
def test_hugeIntervals(milliseconds: float) -> None:
    """
    A server that promises a ping in a thousand years is believed, but watched
    (faults R6, F6).
    """
    bench = Bench()
    bench.opened(pingInterval=milliseconds, pingTimeout=milliseconds)
    bench.clock.advance(3600.0)
    assert bench.heard == ["engineOpened"]


def test_openTwice() -> None:
    """
    A second OPEN ends the session: its id must never change (faults F8).
    """
    bench = Bench().opened(sid="first")
    bench.polling.handshake(sid="second")
    ((_, reason, error),) = bench.endings
    assert reason == "transport error" and "unexpected OPEN" in str(error)
    assert bench.engine.id == "first"
    bench.assertEmpty()


# sending early


def test_sentBeforeTheHandshake() -> None:
    """
    What is sent while the engine opens goes out when it is open, first and in
    order.
    """
    bench = Bench()
    bench.engine.open()
    bench.engine.sendText(b"one")
    bench.engine.sendBinary(b"two", False)
    bench.engine.on("open", lambda: bench.engine.sendText(b"three"))
    assert bench.engine.bufferedAmount() == 6
    bench.polling.handshake()
    assert bench.polling.log[1:] == [
        ("text", b"one", True),
        ("binary", b"two", False),
        ("text", b"three", True),
    ]
    assert bench.engine.bufferedAmount() == 0


def test_congestedBeforeTheHandshake() -> None:
    """
    Who had to wait because too much was sent early hears when he may go on,
    and not before he hears that the engine is open.
    """
    bench = Bench()
    bench.engine.open()
    bench.engine.sendText(bytes(70000))
    assert bench.engine.congested
    bench.polling.handshake()
    assert bench.heard == ["engineOpened", "engineDrained"]


def test_stillCongestedAfterTheHandshake() -> None:
    """
    As long as the transport has not taken it, he is not told.
    """
    bench = Bench()
    bench.engine.open()
    bench.polling.congested = True
    bench.engine.sendText(bytes(70000))
    bench.polling.handshake()
    assert bench.heard == ["engineOpened"] and bench.engine.congested


def test_congestedWithoutTransport() -> None:
    """
    Before anything is opened one may send too much already.
    """
    bench = Bench()
    assert not bench.engine.congested
    bench.engine.sendText(bytes(70000))
    assert bench.engine.congested and bench.engine.bufferedAmount() == 70000


# closing while it opens


@pytest.mark.parametrize("event", ["handshake", "open"])
@pytest.mark.parametrize("how", ["close", "abort"])
def test_listenerCloses(event: str, how: str) -> None:
    """
    A listener that closes the engine as it opens is obeyed: nobody hears of
    an open engine afterwards, and no upgrade begins.
    """
    bench = Bench()
    bench.watch("open")
    arguments = () if how == "close" else ("forced close",)
    bench.engine.on(event, lambda: getattr(bench.engine, how)(*arguments))
    bench.opened(upgrades=["websocket"])
    assert bench.heard == [("engineClosed", "forced close", None)]
    assert bench.shown == ([("open",)] if event == "open" else [])
    assert bench.made("websocket") == []
    bench.assertEmpty()


def test_receiverCloses() -> None:
    """
    So is the receiver that closes as soon as it is open.
    """
    bench = Bench()
    bench.receiver.engineOpened = bench.engine.close  # type: ignore[assignment,method-assign]
    bench.opened(upgrades=["websocket"])
    assert bench.made("websocket") == []
    bench.assertEmpty()


def test_closeWhileHandshaking() -> None:
    """
    Closing an engine that is not open yet ends it at once, without an error
    (behaviours Q33).
    """
    bench = Bench()
    bench.watch("error", "open")
    bench.engine.open()
    gone = bench.engine.close()
    bench.polling.handshake()
    assert bench.shown == [] and fired(gone)
    assert bench.polling.log == ["open", "abort"]
    bench.assertEmpty()


def test_closeBeforeOpen() -> None:
    """
    An engine that was closed before it was opened stays closed.
    """
    bench = Bench()
    bench.engine.close()
    bench.engine.open()
    assert bench.made("polling") == []
    bench.assertEmpty()


def test_lostWhileOpening() -> None:
    """
    A server that hangs up before its handshake.
    """
    bench = Bench()
    details = CloseDetails("bye")
    bench.engine.open()
    bench.polling.receiver.transportOpened()
    bench.polling.receiver.transportClosed("transport close", details)
    assert bench.heard == [("engineClosed", "transport close", details)]
    bench.assertEmpty()


# rememberUpgrade


def firstChoice(bench: Bench) -> str:
    bench.another().open()
    name: str = bench.engine.transport.name
    return name


def test_rememberUpgrade() -> None:
    """
    With C{rememberUpgrade} the next engine begins where the last one arrived
    (behaviours J1).
    """
    bench = Bench(rememberUpgrade=True).upgraded()
    bench.engine.close()
    assert firstChoice(bench) == "websocket"


def test_forgetUpgrade() -> None:
    """
    Without it the next engine begins as usual (behaviours J2).
    """
    bench = Bench().upgraded()
    bench.engine.close()
    assert firstChoice(bench) == "polling"


def test_rememberOnlySuccess() -> None:
    """
    An upgrade that never happened is not remembered.
    """
    bench = Bench(rememberUpgrade=True).upgrading()
    bench.engine.abort("forced close")
    assert firstChoice(bench) == "polling"


def test_rememberedTransportFails() -> None:
    """
    A remembered transport that cannot be opened any more is not tried first
    for ever.
    """
    bench = Bench(rememberUpgrade=True).upgraded()
    bench.engine.close()
    assert firstChoice(bench) == "websocket"
    bench.websocket.receiver.transportClosed("transport error", TransportError("refused"))
    assert firstChoice(bench) == "polling"


def test_rememberedTransportGoesOn() -> None:
    """
    One that works goes on being the first.
    """
    bench = Bench(rememberUpgrade=True).upgraded()
    bench.engine.close()
    for _ in range(2):
        assert firstChoice(bench) == "websocket"
        bench.websocket.handshake()
        bench.engine.close()
