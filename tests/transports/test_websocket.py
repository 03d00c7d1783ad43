"""
The WebSocket transport: packets, reasons, and the whole life of a connection.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, connect
from zope.interface import implementer
from zope.interface.verify import verifyClass, verifyObject

from clientkit import outcomes
from txsocketio.errors import DecodeError, TransportError
from txsocketio.interfaces import IPacketReceiver, IPacketTransport
from txsocketio.protocol import engineio
from txsocketio.protocol.engineio import CloseDetails
from txsocketio.transports.websocket import WebSocketTransport
from wskit import HANDSHAKE, Endpoint, answer, clientFrames, closeFrame, headerOf, serverFrame

TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"


@implementer(IPacketReceiver)
class Receiver:
    """
    Writes down what a transport tells, and forbids it inside calls of ours.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.hook: Any = None

    def _note(self, *event: Any) -> None:
        self.heard.append(event)
        if self.hook is not None:
            self.hook(*event)

    def transportOpened(self) -> None:
        self._note("opened")

    def textReceived(self, message: bytes) -> None:
        self._note("text", message)

    def binaryReceived(self, message: bytes) -> None:
        self._note("binary", message)

    def packetReceived(self, packetType: int, data: bytes) -> None:
        self._note("packet", packetType, data)

    def transportDrained(self) -> None:
        self._note("drained")

    def transportClosed(self, reason: str, details: Any) -> None:
        self._note("closed", reason, details)


class FakeWire:
    """
    What a transport needs of its wire.
    """

    def __init__(self, endpoint: Any = None, headers: Any = (), **options: Any) -> None:
        self.reactor = Clock()
        self.link = endpoint or Endpoint()
        self._headers = list(headers)
        self.cookies: list[Any] = []
        self.options = SimpleNamespace(
            **{
                "maxMessageBytes": 1000,
                "maxHeaderBytes": 2000,
                "perMessageDeflate": None,
                "requestTimeout": None,
                "protocols": (),
                "forceBase64": False,
                **options,
            }
        )

    def optionsFor(self, transport: str) -> Any:
        assert transport == "websocket"
        return self.options

    def requestURL(self, transport: str, sid: str | None) -> str:
        tail = f"&sid={sid}" if sid else ""
        return f"ws://test:3000/engine.io/?EIO=4&transport={transport}{tail}"

    def headers(self, transport: str, url: str) -> list[tuple[str, str]]:
        return list(self._headers)

    def storeCookies(self, url: str, headers: Any) -> None:
        self.cookies.append((url, [pair for pair in headers if pair[0] == "Set-Cookie"]))

    def endpoint(self) -> Any:
        return self.link

    def explain(self, failure: Failure) -> str:
        return f"explained {failure.type.__name__}"


class Kit:
    """
    A transport on a fake wire, opened unless told otherwise.
    """

    def __init__(
        self, opened: bool = True, sid: str | None = None, extra: str = "", **options: Any
    ) -> None:
        self.wire = FakeWire(**options)
        self.receiver = Receiver()
        self.transport = WebSocketTransport(self.wire, sid)
        self.transport.open(self.receiver)
        if opened:
            self.say(answer(self.link.take(), extra))
            assert self.heard() == [("opened",)]

    @property
    def link(self) -> Any:
        return self.wire.link.link

    def say(self, data: bytes) -> None:
        """
        The server writes this.
        """
        self.link.protocol.dataReceived(data)

    def heard(self) -> list[tuple[Any, ...]]:
        """
        What the receiver was told since the last time.
        """
        heard, self.receiver.heard = self.receiver.heard, []
        return heard

    def tell(self, data: bytes) -> list[tuple[Any, ...]]:
        """
        What the receiver hears of this.
        """
        self.say(data)
        return self.heard()

    def sent(self) -> list[tuple[int, bytes]]:
        """
        The frames written since the last time.
        """
        self.wire.reactor.advance(0)
        return clientFrames(self.link.take())

    def end(self) -> tuple[str, Any]:
        """
        The reason and details of the end.
        """
        (event,) = [event for event in self.heard() if event[0] == "closed"]
        assert self.wire.reactor.getDelayedCalls() == []
        return event[1], event[2]


def test_interface() -> None:
    """
    It is an IPacketTransport.
    """
    assert verifyClass(IPacketTransport, WebSocketTransport)
    assert verifyObject(IPacketTransport, Kit().transport)


# packets in


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (serverFrame(TEXT, b'42["a"]'), ("text", b'2["a"]')),
        (serverFrame(TEXT, b"4"), ("text", b"")),
        (serverFrame(BINARY, b"\x04\x00"), ("binary", b"\x04\x00")),
        (serverFrame(BINARY, b""), ("binary", b"")),
        (serverFrame(TEXT, b"bAQID"), ("binary", b"\x01\x02\x03")),
        (serverFrame(TEXT, b'0{"sid":"x"}'), ("packet", engineio.OPEN, b'{"sid":"x"}')),
        (serverFrame(TEXT, b"2"), ("packet", engineio.PING, b"")),
        (serverFrame(TEXT, b"3probe"), ("packet", engineio.PONG, b"probe")),
        (serverFrame(TEXT, b"1"), ("packet", engineio.CLOSE, b"")),
        (serverFrame(0x01, b"4") + serverFrame(0x80, b"x"), ("text", b"x")),
        (serverFrame(0x01) + serverFrame(0x80, b"4x"), ("text", b"x")),
    ],
)
@pytest.mark.parametrize("quick", [True, False])
def test_packetsAreTold(
    frame: bytes, event: tuple[Any, ...], quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Each kind of packet reaches its method.  behaviours K4, K6; faults F17
    """
    monkeypatch.setattr(WebSocketTransport, "quick", quick)
    assert Kit().tell(frame) == [event]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "transport error"),
        (b"9x", "transport error"),
        (b"{", "transport error"),
        (b"zzz", "transport error"),
        (b"b!!!!", "parse error"),
        (b"bAQ", "parse error"),
        ("bä".encode(), "parse error"),
    ],
)
def test_whatIsNoPacketEndsTheConnection(packet: bytes, reason: str) -> None:
    """
    Packets before are delivered, those after are not.
    faults F1, F2, F18
    """
    kit = Kit()
    kit.say(serverFrame(TEXT, b"4a") + serverFrame(TEXT, packet) + serverFrame(TEXT, b"4b"))
    first, closed = kit.heard()
    assert (first, closed[:2]) == (("text", b"a"), ("closed", reason))
    assert isinstance(closed[2], DecodeError)
    assert "empty" in str(closed[2]) or packet[:1].decode() in str(closed[2])


def test_framingIsPerFrame() -> None:
    """
    The separator of polling means nothing here.  faults F19
    """
    assert Kit().tell(serverFrame(TEXT, b"4a\x1e4b")) == [("text", b"a\x1e4b")]


def test_theReceiverMayChange() -> None:
    """
    The engine takes over from the probe between two packets of one read.
    """
    kit, engine = Kit(), Receiver()
    kit.receiver.hook = lambda *event: setattr(kit.transport, "receiver", engine)
    heard = kit.tell(serverFrame(TEXT, b"3probe") + serverFrame(TEXT, b"4a"))
    assert (heard, engine.heard) == ([("packet", 3, b"probe")], [("text", b"a")])
    assert kit.transport.receiver is engine


# packets out


def test_packetsAreSent() -> None:
    """
    Messages, bytes and control packets are one frame each, in order.
    behaviours K4, K5, L5
    """
    kit = Kit()
    kit.transport.sendText(b"2[]")
    kit.transport.sendBinary(b"\x00")
    kit.transport.sendPacket(engineio.PONG)
    kit.transport.sendPacket(engineio.PING, b"probe")
    assert kit.sent() == [(TEXT, b"42[]"), (BINARY, b"\x00"), (TEXT, b"3"), (TEXT, b"2probe")]


def test_forceBase64SendsText() -> None:
    """
    With forceBase64 bytes travel as text.  behaviours K6
    """
    kit = Kit(forceBase64=True)
    kit.transport.sendBinary(b"\x01\x02\x03")
    assert kit.sent() == [(TEXT, b"bAQID")]


def test_aPongIsWrittenBeforeTheReadEnds() -> None:
    """
    The heartbeat is answered at once.
    """
    kit = Kit()
    kit.receiver.hook = lambda *event: kit.transport.sendPacket(engineio.PONG)
    kit.say(serverFrame(TEXT, b"2"))
    assert clientFrames(kit.link.take()) == [(TEXT, b"3")]


@pytest.mark.parametrize(
    ("option", "size", "compressed"),
    [
        ({"threshold": 0}, 1, True),
        (True, 1023, True),
        (True, 1022, False),
        (1024, 1022, False),
        (0, 1, True),
        (None, 2000, False),
        (False, 2000, False),
    ],
)
def test_compressionBeginsAtTheThreshold(option: Any, size: int, compressed: bool) -> None:
    """
    Short messages are sent as they are.  behaviours J14, J15
    """
    offered = option is not None and option is not False
    kit = Kit(perMessageDeflate=option, extra=DEFLATE if offered else "")
    kit.transport.sendText(b"x" * size)
    kit.transport.sendBinary(b"x" * (size + 1))
    kit.transport.sendText(b"x" * size, compress=False)
    assert [bool(first & 0x40) for first, _ in kit.sent()] == [compressed, compressed, False]


def test_confirmAsksTheServer() -> None:
    """
    With a ping, whose answer says that all before it was read; nobody is asked
    before there is a connection.
    """
    assert outcomes(WebSocketTransport(FakeWire(), None).confirm()) == [None]
    kit = Kit()
    seen = outcomes(kit.transport.confirm())
    ((first, payload),) = kit.sent()
    assert first == 0x89 and seen == []
    kit.say(serverFrame(0x8A, payload))
    assert seen == [None]


def test_nothingIsSentBeforeItIsOpen() -> None:
    """
    Sending too early has no effect, and raises nothing.
    """
    transport = WebSocketTransport(FakeWire(), None)
    transport.sendText(b"x")
    transport.sendBinary(b"x")
    transport.sendPacket(engineio.PONG)
    assert (transport.bufferedAmount(), transport.congested) == (0, False)


def test_congestionIsTold() -> None:
    """
    A full network is visible, and its end is told.  faults F58
    """
    kit = Kit()
    kit.link.producer.pauseProducing()
    assert kit.transport.congested
    kit.link.producer.resumeProducing()
    assert (kit.heard(), kit.transport.congested) == ([("drained",)], False)


def test_bufferedAmountCountsWhatWaitsHere() -> None:
    """
    Frames of this turn that are not yet written are counted.
    """
    kit = Kit()
    kit.transport.sendText(b"a")
    kit.transport.sendText(b"b")
    waiting = kit.transport.bufferedAmount()
    assert waiting in (8, 16)
    kit.sent()
    assert kit.transport.bufferedAmount() == 0


# opening


def test_theRequestOnTheWire() -> None:
    """
    URL, session id, headers, cookies and subprotocols are requested.
    behaviours J8, J13, P8
    """
    kit = Kit(
        opened=False,
        sid="abc",
        headers=[("X-A", "1"), ("Cookie", "io=1; user=2")],
        protocols=("a", "b"),
    )
    request = kit.link.take()
    line = b"GET /engine.io/?EIO=4&transport=websocket&sid=abc HTTP/1.1\r\nHost: test:3000\r\n"
    assert request.startswith(line)
    assert headerOf(request, "Cookie") == "io=1; user=2"
    assert headerOf(request, "X-A") == "1"
    assert headerOf(request, "Sec-WebSocket-Protocol") == "a, b"


def test_cookiesOfTheAnswerAreKept() -> None:
    """
    Each Set-Cookie of the 101 reaches the jar by itself.  behaviours P8
    """
    kit = Kit(extra="Set-Cookie: a=1, x\r\nSet-Cookie: b=2\r\n")
    url = kit.wire.requestURL("websocket", None)
    assert kit.wire.cookies == [(url, [("Set-Cookie", "a=1, x"), ("Set-Cookie", "b=2")])]


def test_aJarThatRaisesDoesNoHarm(flushLoggedErrors: Any) -> None:
    """
    The connection opens although its cookies cannot be kept.
    """
    kit = Kit(opened=False)
    kit.wire.storeCookies = lambda url, headers: 1 / 0  # type: ignore[assignment,return-value]
    kit.say(answer(kit.link.take()))
    assert kit.heard() == [("opened",)]
    assert len(flushLoggedErrors(ZeroDivisionError)) == 1


def test_requestTimeout() -> None:
    """
    A handshake that C{requestTimeout} does not see finished is given up, and
    the error names the option (faults F35).
    """
    kit = Kit(opened=False, requestTimeout=3.0)
    kit.wire.reactor.advance(2.9)
    assert kit.heard() == []
    kit.wire.reactor.advance(0.1)
    reason, error = kit.end()
    assert (reason, error.phase) == ("transport error", "open")
    assert "no complete answer within 3 s (requestTimeout)" in str(error)


def test_requestTimeoutAfterwards() -> None:
    """
    C{requestTimeout} limits the handshake alone.
    """
    kit = Kit(requestTimeout=3.0)
    kit.wire.reactor.advance(10)
    assert kit.heard() == []
    assert kit.wire.reactor.getDelayedCalls() == []


def test_abortBeforeRequestTimeout() -> None:
    """
    Who gives up first is not told later.
    """
    kit = Kit(opened=False, requestTimeout=3.0)
    kit.transport.abort()
    assert kit.wire.reactor.getDelayedCalls() == []
    assert kit.heard() == []


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (404, "Cannot GET /", "check the URL and path="),
        (400, '{"code":1,"message":"Session ID unknown"}', "sticky sessions"),
        (200, "<html>", "captive portal, or path="),
        (200, "hello", "no WebSocket"),
    ],
)
def test_refusalSaysWhatHelps(status: int, body: str, hint: str) -> None:
    """
    A refused upgrade is explained as a refused request is.
    """
    kit = Kit(opened=False)
    kit.say(f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    assert hint in str(kit.end()[1])


def test_hangUpSaysWhatItMayBe() -> None:
    """
    A server that hangs up on the request may speak TLS (faults F109).
    """
    kit = Kit(opened=False)
    kit.link.protocol.connectionLost(Failure(ConnectionDone()))
    assert "wss://" in str(kit.end()[1])


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 500, 503])
def test_aRefusedUpgrade(status: int) -> None:
    """
    The error holds status, headers and body of the refusal.
    behaviours I14; faults F46, F61
    """
    kit = Kit(opened=False, sid="bad")
    kit.say(
        f"HTTP/1.1 {status} No\r\nContent-Length: 10\r\nRetry-After: 7\r\n\r\n".encode()
        + b'{"code":1}'
    )
    reason, error = kit.end()
    assert isinstance(error, TransportError)
    assert (reason, error.message, error.phase) == ("transport error", "websocket error", "open")
    assert (error.status, error.body, error.header("retry-after")) == (status, b'{"code":1}', "7")
    assert f"Unexpected server response: {status}" in str(error)
    assert "sid" not in error.url


@pytest.mark.parametrize(
    "change",
    [
        ("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x"),
        ("Sec-WebSocket-Accept", "X-Other"),
        ("Upgrade: websocket\r\n", ""),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: foo\r\n\r\n"),
        ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: foo\r\n\r\n"),
    ],
)
def test_aWrongHandshake(change: tuple[str, str]) -> None:
    """
    A handshake that is not ours does not open.  faults F47, F48
    """
    kit = Kit(opened=False)
    kit.say(answer(kit.link.take()).decode().replace(*change).encode())
    reason, error = kit.end()
    assert (reason, error.message, error.phase) == ("transport error", "websocket error", "open")


@pytest.mark.parametrize("problem", [ConnectionRefusedError(), DNSLookupError()])
def test_noConnection(problem: Exception) -> None:
    """
    DNS and TCP failures are explained, and told from the next turn.
    faults F107, F108
    """
    kit = Kit(opened=False, endpoint=Endpoint(problem))
    assert kit.heard() == []
    kit.wire.reactor.advance(0)
    reason, error = kit.end()
    assert (reason, error.__cause__) == ("transport error", problem)
    assert error.explanation == f"explained {type(problem).__name__}"


def test_lostBeforeTheAnswer() -> None:
    """
    RST or FIN before the 101 is a failure to open.  faults F50
    """
    kit = Kit(opened=False)
    lost = ConnectionLost()
    kit.link.lose(lost)
    reason, error = kit.end()
    assert (reason, error.message, error.__cause__) == ("transport error", "websocket error", lost)


def test_openNeverRaises() -> None:
    """
    A wire that cannot say where to connect fails the attempt, later.
    """
    wire, receiver = FakeWire(), Receiver()
    wire.endpoint = lambda: 1 / 0  # type: ignore[method-assign]
    WebSocketTransport(wire, None).open(receiver)
    assert receiver.heard == []
    wire.reactor.advance(0)
    assert "ZeroDivisionError" in str(receiver.heard[0][2])


def test_anAttemptThatCouldNotStartMayBeAborted() -> None:
    """
    Nothing is told, and nothing left, after an abort in between.
    """
    wire, receiver = FakeWire(), Receiver()
    wire.endpoint = lambda: 1 / 0  # type: ignore[method-assign]
    transport = WebSocketTransport(wire, None)
    transport.open(receiver)
    transport.abort()
    assert (receiver.heard, wire.reactor.getDelayedCalls()) == ([], [])


# the end


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1009, 1011, 4000])
def test_theServersClose(code: int) -> None:
    """
    A close frame is a "transport close" with its code.
    behaviours I12; faults F52
    """
    kit = Kit()
    kit.say(closeFrame(code, "why"))
    context = {"code": code, "reason": "why", "wasClean": True}
    assert kit.end() == (
        "transport close",
        CloseDetails("websocket connection closed", context),
    )


def test_aLostConnection() -> None:
    """
    RST or FIN is a "transport close" with code 1006.  faults F53
    """
    kit = Kit()
    kit.link.lose(ConnectionLost())
    reason, details = kit.end()
    assert (reason, details.context["code"], details.context["wasClean"]) == (
        "transport close",
        1006,
        False,
    )


def test_aViolation() -> None:
    """
    A server that breaks the rules is a "transport error".  faults F51
    """
    kit = Kit()
    kit.say(serverFrame(TEXT, b"4x", b"mask"))
    reason, error = kit.end()
    assert (reason, error.code) == ("transport error", 1002)
    assert "masked" in str(error)


def test_tooBig() -> None:
    """
    A message over maxMessageBytes is a "transport error" with code 1009.
    faults F54
    """
    kit = Kit()
    kit.say(serverFrame(TEXT, b"4" + bytes(1000))[:4])
    reason, error = kit.end()
    assert (reason, error.code) == ("transport error", 1009)
    assert "maxMessageBytes" in str(error)


def test_aReceiverThatRaises(flushLoggedErrors: Any) -> None:
    """
    An exception from above is logged and ends this connection only.
    """
    kit = Kit()
    kit.receiver.hook = lambda *event: event[0] == "text" and 1 / 0
    kit.say(serverFrame(TEXT, b"4x"))
    assert kit.end()[0] == "transport error"
    assert len(flushLoggedErrors(ZeroDivisionError)) == 1


def test_closeSaysGoodbye() -> None:
    """
    close() sends what waits, then the close frame, and waits for the answer;
    the receiver hears nothing any more.
    """
    kit = Kit()
    kit.transport.sendText(b"last")
    fired: list[object] = []
    kit.transport.close().addCallback(fired.append)
    assert [first for first, _ in kit.sent()] == [TEXT, CLOSE]
    kit.say(serverFrame(TEXT, b"4late"))
    assert fired == []
    kit.say(closeFrame(1000))
    assert (fired, kit.heard(), kit.wire.reactor.getDelayedCalls()) == ([None], [], [])


def test_closeOfADeadPeer() -> None:
    """
    close() takes two seconds at most.  faults F57
    """
    kit = Kit()
    kit.link.holdsBack = True
    fired: list[object] = []
    kit.transport.close().addCallback(fired.append)
    kit.wire.reactor.advance(2)
    assert (fired, kit.link.aborted, kit.heard()) == ([None], True, [])


@pytest.mark.parametrize("end", ["close", "abort"])
@pytest.mark.parametrize("moment", ["unopened", "connecting", "handshake", "open", "closed"])
def test_endingAtAnyMoment(end: str, moment: str) -> None:
    """
    In whatever state, ending is silent and leaves nothing.
    """
    if moment == "unopened":
        transport, receiver = WebSocketTransport(FakeWire(), None), Receiver()
        clock = Clock()
    else:
        endpoint = Endpoint(pending=moment == "connecting")
        kit = Kit(opened=moment in ("open", "closed"), endpoint=endpoint)
        transport, receiver, clock = kit.transport, kit.receiver, kit.wire.reactor
        if moment == "closed":
            kit.link.lose()
            kit.heard()
    gone: Any = getattr(transport, end)()
    if moment == "open" and end == "close":
        kit.say(closeFrame(1000))
    assert (receiver.heard, clock.getDelayedCalls()) == ([], [])
    if isinstance(gone, Deferred):
        assert gone.called


def test_abortIsImmediate() -> None:
    """
    abort() ends the connection without goodbye, even while it is closing.
    """
    kit = Kit()
    fired: list[object] = []
    kit.transport.close().addCallback(fired.append)
    kit.transport.abort()
    assert (kit.link.aborted, fired, kit.wire.reactor.getDelayedCalls()) == (True, [None], [])


def test_aNewReceiverHearsNothingAfterClose() -> None:
    """
    Once closed, no receiver hears anything.
    """
    kit, late = Kit(), Receiver()
    kit.transport.close()
    kit.transport.receiver = late
    kit.say(serverFrame(TEXT, b"4x") + closeFrame(1000))
    assert late.heard == []


def test_pauseHasNothingToGiveBack() -> None:
    """
    A WebSocket has no request under way.
    """
    fired: list[object] = []
    kit = Kit()
    kit.transport.handshakeReceived(HANDSHAKE)
    kit.transport.pause().addCallback(fired.append)
    assert fired == [[]]


def test_readingIsPausedAndResumed() -> None:
    """
    Back-pressure: nothing is told while paused.  faults F116
    """
    kit = Kit()
    kit.transport.pauseReading()
    assert kit.tell(serverFrame(TEXT, b"4a")) == []
    assert not kit.link.reading
    kit.transport.resumeReading()
    kit.wire.reactor.advance(0)
    assert (kit.heard(), kit.link.reading) == ([("text", b"a")], True)


# against Autobahn's server


class EchoServer(WebSocketServerProtocol):  # type: ignore[misc]
    """
    Sends everything back.
    """

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class Pumped:
    """
    An endpoint whose other end is Autobahn's server, in memory.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.pump: Any = None

    def connect(self, factory: Any) -> Deferred[Any]:
        servers = WebSocketServerFactory("ws://test:3000", reactor=self.clock)
        servers.protocol = EchoServer
        servers.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
        server, client = servers.buildProtocol(None), factory.buildProtocol(None)
        self.pump = connect(
            server,
            FakeTransport(server, True),
            client,
            FakeTransport(client, False),
            clock=self.clock,
        )
        result: Deferred[Any] = Deferred()
        result.callback(client)
        return result


def test_autobahnsServerUnderstandsUs() -> None:
    """
    Messages of all lengths come back from an independent server, and both
    sides close cleanly.  behaviours G2, G4, K4, K5
    """
    wire, receiver = FakeWire(maxMessageBytes=200_000), Receiver()
    wire.link = endpoint = Pumped(wire.reactor)
    transport = WebSocketTransport(wire, None)
    transport.open(receiver)
    endpoint.pump.flush()
    expected: list[tuple[Any, ...]] = [("opened",)]
    for size in (0, 1, 124, 125, 126, 511, 512, 513, 65534, 65535, 65536, 100_000):
        transport.sendText("ä€😀".encode() + b"x" * size)
        transport.sendBinary(b"\xff" * size)
        expected += [("text", "ä€😀".encode() + b"x" * size), ("binary", b"\xff" * size)]
    endpoint.pump.flush()
    assert receiver.heard == expected
    fired: list[object] = []
    transport.close().addCallback(fired.append)
    endpoint.pump.flush()
    assert (fired, wire.reactor.getDelayedCalls()) == ([None], [])


# odd moments


@pytest.mark.parametrize("moment", ["unopened", "closed"])
def test_readingIsPausedWithoutAConnection(moment: str) -> None:
    """
    Pausing and resuming where nothing is read is no error.
    """
    transport = WebSocketTransport(FakeWire(), None)
    if moment == "closed":
        kit = Kit()
        kit.link.lose()
        transport = kit.transport
    transport.pauseReading()
    transport.resumeReading()
    assert transport.bufferedAmount() == 0


@pytest.mark.parametrize(
    ("protocols", "sent"), [("chat", "chat"), (["chat", "superchat"], "chat, superchat")]
)
def test_subprotocolsAreAskedFor(protocols: Any, sent: str) -> None:
    """
    The option takes one subprotocol or several.
    """
    kit = Kit(opened=False, protocols=protocols)
    assert headerOf(kit.link.take(), "Sec-WebSocket-Protocol") == sent


def test_aJarThatAbortsIsTheEnd() -> None:
    """
    When the attempt is given up while the cookies are stored, nothing is told.
    """
    kit = Kit(opened=False)
    kit.wire.storeCookies = lambda url, headers: kit.transport.abort()  # type: ignore[method-assign]
    kit.say(answer(kit.link.take()) + serverFrame(TEXT, b"4x"))
    assert (kit.link.aborted, kit.heard()) == (True, [])
