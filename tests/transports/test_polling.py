"""
Long-polling against a scripted server in memory: nothing moves but what the
test moves, and time is the test's own.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from zope.interface.verify import verifyClass, verifyObject

from httpkit import FakeWire, Recorder, Request, ScriptedServer, handshakeBody
from txsocketio.errors import DecodeError, TransportError
from txsocketio.interfaces import IPacketTransport
from txsocketio.protocol.engineio import CLOSE, MESSAGE, NOOP, OPEN, PING, PONG
from txsocketio.transports.polling import HIGH_WATER, WINDOW, PollingTransport, packetsOf

SEP = b"\x1e"


class Poll:
    """
    A transport, its server, and what its receiver heard.
    """

    def __init__(self, sid: str | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.server = ScriptedServer(self.clock)
        self.wire = FakeWire(self.server, **options)
        self.transport = PollingTransport(self.wire, sid)
        self.heard = Recorder(self.transport)

    def open(self, body: bytes | None = None) -> Poll:
        """
        Open; with C{body}, let the server answer the handshake with it.
        """
        self.transport.open(self.heard)
        self.settle()
        if body is not None:
            self.server.get.answer(body)
        return self

    def settle(self) -> None:
        """
        Let everything that is due happen.
        """
        self.server.settle()

    def receive(self, *packets: bytes) -> None:
        """
        Answer the poll.
        """
        self.server.get.answer(SEP.join(packets))

    def assertGone(self) -> None:
        """
        No timer and no connection is left.
        """
        self.settle()
        assert self.clock.calls == []
        assert self.server.alive == 0


@pytest.fixture
def poll() -> Poll:
    """
    An open transport whose handshake is done.
    """
    return Poll().open(handshakeBody())


def bodyOf(request: Request) -> list[bytes]:
    """
    The packets of a POST.
    """
    return request.body.split(SEP)


# opening


def test_interfaceKept() -> None:
    """
    The engine gets what it expects.
    """
    assert verifyClass(IPacketTransport, PollingTransport)
    poll = Poll()
    poll.transport.receiver = poll.heard
    assert verifyObject(IPacketTransport, poll.transport)


def test_nothingToldInsideOpen() -> None:
    """
    The receiver hears nothing while it is still opening the transport.
    """
    poll = Poll()
    poll.server.refusal = ConnectionRefusedError()
    poll.transport.open(poll.heard)
    assert poll.heard.news == []


def test_openedBeforeTheFirstPacket() -> None:
    """
    First the carrier is there, then the handshake comes.
    """
    poll = Poll().open(handshakeBody())
    assert [each[0] for each in poll.heard.news] == ["opened", "packet"]
    assert poll.heard.news[1][1] == OPEN


def test_handshakeWithoutSession() -> None:
    """
    The handshake names no session; every later request names the one it got
    (behaviours B1).
    """
    poll = Poll().open()
    assert "sid" not in poll.server.get.query
    poll.receive(handshakeBody("abc"))
    poll.transport.sendText(b"x")
    poll.settle()
    assert poll.server.get.query["sid"] == poll.server.post.query["sid"] == "abc"


def test_eachRequestHasItsOwnURL(poll: Poll) -> None:
    """
    The timestamp in the URL differs from request to request (behaviours J6).
    """
    poll.receive(b"6")
    stamps = [request.query["t"] for request in poll.server.requests]
    assert len(set(stamps)) == len(stamps) == 3


def test_restOfTheHandshakeProcessed() -> None:
    """
    Packets after OPEN in the same body are received (behaviours P5).
    """
    poll = Poll().open(handshakeBody() + SEP + b"4hi")
    assert poll.heard.texts == [b"hi"]


def test_sentBeforeTheHandshakeWaits() -> None:
    """
    Without a session nothing can be posted; it is, as soon as there is one.
    """
    poll = Poll().open()
    poll.transport.sendText(b"early")
    poll.settle()
    assert poll.server.pending("POST") == []
    poll.receive(handshakeBody())
    assert poll.server.post.body == b"4early"


def test_firstPostHasTheConnection() -> None:
    """
    What is sent with the handshake goes first, and the next poll follows on
    the same connection: a second one would cost as much as both requests.
    """
    poll = Poll().open()
    poll.transport.sendText(b"early")
    poll.receive(handshakeBody())
    assert poll.server.pending("GET") == []
    poll.server.post.answer()
    assert poll.server.get.query["sid"] == "s1"
    assert len(poll.server.links) == 1


def test_firstPostTakesItsTime() -> None:
    """
    A first POST that is not answered keeps the poll back for a second, and
    only that one poll.
    """
    poll = Poll().open()
    poll.transport.sendText(b"early")
    poll.receive(handshakeBody())
    poll.clock.advance(0.999)
    poll.settle()
    assert poll.server.pending("GET") == []
    poll.clock.advance(0.001)
    poll.settle()
    poll.receive(b"6")
    assert poll.server.get.query["sid"] == "s1"


def test_closedBeforeTheFirstPoll() -> None:
    """
    A poll that was kept back never goes when the transport ends first.
    """
    poll = Poll().open()
    poll.transport.sendText(b"early")
    poll.receive(handshakeBody())
    poll.transport.abort()
    poll.assertGone()


# while another transport is proved


def test_hesitates(poll: Poll) -> None:
    """
    While a probe is under way the second poll waits for it, so that the
    upgrade need not wait for the server to end a poll.
    """
    poll.transport.hesitate()
    poll.receive(b"4hi")
    assert poll.heard.texts == [b"hi"]
    assert poll.server.pending("GET") == []
    paused = poll.transport.pause()
    assert paused.result == []
    poll.assertGone()


def test_hesitatesNotForLong(poll: Poll) -> None:
    """
    A probe that takes its time delays that one poll by a tenth of a second.
    """
    poll.transport.hesitate()
    poll.receive(b"6")
    poll.clock.advance(0.1)
    poll.settle()
    poll.receive(b"6")
    assert len(poll.server.pending("GET")) == 1


def test_hesitatesOverAPost(poll: Poll) -> None:
    """
    An answered POST is no reason to poll earlier.
    """
    poll.transport.hesitate()
    poll.receive(b"6")
    poll.transport.sendText(b"x")
    poll.settle()
    poll.server.post.answer()
    assert poll.server.pending("GET") == []


def test_firstPollDoesNotHesitate() -> None:
    """
    The first poll, whose answer is waited for, goes as soon as it can.
    """
    poll = Poll().open()
    poll.transport.sendText(b"early")
    poll.transport.hesitate()
    poll.receive(handshakeBody())
    poll.server.post.answer()
    assert poll.server.get.query["sid"] == "s1"


def test_hesitatesNoMore(poll: Poll) -> None:
    """
    What comes while the transport pauses delays nothing.
    """
    poll.transport.hesitate()
    paused = poll.transport.pause()
    poll.receive(b"6")
    assert paused.result == []
    poll.assertGone()


def test_endsWhileHesitating(poll: Poll) -> None:
    """
    A poll that was kept back never goes when the transport ends.
    """
    poll.transport.hesitate()
    poll.receive(b"6")
    poll.transport.abort()
    poll.assertGone()


# opening that fails


def test_noOpenPacket() -> None:
    """
    A first body without OPEN ends the transport, instead of asking for one
    session after the other (faults F10; behaviours P4).
    """
    poll = Poll().open(b"6")
    reason, details = poll.heard.closed
    assert (reason, str(details)) == ("parse error", "no OPEN packet: '6'")
    assert len(poll.server.requests) == 1
    poll.assertGone()


# receiving


def test_packetsInOrder(poll: Poll) -> None:
    """
    Text, binary and other packets of one body come in their order (behaviours
    K1, K2, L8).
    """
    poll.receive("4héllo".encode(), b"b" + b64encode(b"\x00\xff"), b"2", b"4", b"6")
    assert poll.heard.news[2:] == [
        ("text", "héllo".encode()),
        ("binary", b"\x00\xff"),
        ("packet", PING, b""),
        ("text", b""),
        ("packet", NOOP, b""),
    ]


def test_emptyBinaryReceived(poll: Poll) -> None:
    """
    Zero bytes are a message too (behaviours L9).
    """
    poll.receive(b"b")
    assert poll.heard.named("binary") == [("binary", b"")]


def test_anyNumberOfPackets(poll: Poll) -> None:
    """
    A body may hold any number of packets (behaviours P20).
    """
    poll.receive(*[b"4%d" % number for number in range(17)])
    assert poll.heard.texts == [b"%d" % number for number in range(17)]


def test_nextPollAfterEachAnswer(poll: Poll) -> None:
    """
    One GET follows the other, for ever.
    """
    for number in range(5):
        poll.receive(b"4%d" % number)
    assert len(poll.heard.texts) == 5
    assert poll.server.mostAtOnce["GET"] == 1


def test_pollWaitsWithoutLimit() -> None:
    """
    A poll is not given up by a timer of its own: the server would end the
    session (faults F36, F44; behaviours P15).
    """
    poll = Poll(requestTimeout=3.0).open(handshakeBody())
    poll.clock.advance(3600)
    poll.receive(b"4late")
    assert poll.heard.texts == [b"late"]


def test_packetsUseUpTheTurn(poll: Poll) -> None:
    """
    A body of many packets does not hold up the reactor: after 512 of them
    others have their turn (faults F21).
    """
    seen: list[int] = []

    def wantATurn(*news: Any) -> None:
        if len(poll.heard.texts) == 1:
            poll.clock.callLater(0, lambda: seen.append(len(poll.heard.texts)))

    poll.heard.reaction = wantATurn
    poll.receive(*[b"4x"] * 1300)
    assert seen == [512]
    assert len(poll.heard.texts) == 1300


def test_slowReceiverUsesUpTheTurn(poll: Poll) -> None:
    """
    After 10 ms of listeners the reactor has its turn, however few packets
    that were (faults F21).
    """
    seen: list[int] = []

    def slowly(*news: Any) -> None:
        poll.clock.rightNow += 0.004
        if len(poll.heard.texts) == 1:
            poll.clock.callLater(0, lambda: seen.append(len(poll.heard.texts)))

    poll.heard.reaction = slowly
    poll.receive(*[b"4x"] * 10)
    assert seen == [3]
    assert len(poll.heard.texts) == 10


def test_nextPollOnlyWhenAllIsDelivered(poll: Poll) -> None:
    """
    No further packets are asked for before the last ones were handed up.
    """
    polls: list[int] = []
    poll.heard.reaction = lambda *news: polls.append(len(poll.server.pending("GET")))
    poll.receive(*[b"4x"] * 1300)
    assert set(polls) == {0}


def test_closePacketHandedUp(poll: Poll) -> None:
    """
    A CLOSE of the server is the engine's business (faults F11).
    """
    poll.receive(b"1")
    assert poll.heard.news[-1] == ("packet", CLOSE, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"4a",
        SEP,
        b"4a" + SEP,
        SEP.join([b"4" + b"x" * 100] * 3000),
        b"4" + b"y" * (3 * WINDOW),
        SEP.join([b"4" + b"z" * (2 * WINDOW), b"4a", b"4" + b"z" * WINDOW, b""]),
        SEP * (2 * WINDOW),
        b"x" * WINDOW + SEP,
        b"x" * (WINDOW - 1) + SEP + b"y" * (WINDOW + 1),
    ],
)
def test_bodiesCutLikeSmallOnes(body: bytes) -> None:
    """
    Large bodies are cut piecemeal, into the same packets (behaviours L3;
    faults F21).
    """
    assert list(packetsOf(body)) == body.split(SEP)


# bad bodies


@pytest.mark.parametrize(
    ("last", "shown"),
    [
        (b"", "empty packet"),
        (b"9x", "unknown packet type: '9x'"),
        (b"zzz", "unknown packet type: 'zzz'"),
        (b"{}", "unknown packet type: '{}'"),
    ],
)
def test_badPacketAfterGoodOnes(poll: Poll, last: bytes, shown: str) -> None:
    """
    What came before a bad packet is delivered first, in this session; what
    comes after it is not (faults R2, F1, F2, F20; behaviours L2, L4, P14, P19).
    """
    poll.receive(b"4a", b"4b", last, b"4c")
    assert poll.heard.texts == [b"a", b"b"]
    reason, details = poll.heard.closed
    assert reason == "transport error"
    assert isinstance(details, TransportError)
    assert shown in str(details)
    poll.assertGone()


def test_trailingSeparator(poll: Poll) -> None:
    """
    A separator with nothing behind it is an empty packet (faults F20).
    """
    poll.receive(b"4a", b"")
    assert poll.heard.texts == [b"a"]
    assert poll.heard.closed[0] == "transport error"


@pytest.mark.parametrize("packet", [b"b!!!!", b"bAQI", b"bAQ==AQ==", b"b\xff\xff"])
def test_damagedBase64(poll: Poll, packet: bytes) -> None:
    """
    Damaged base64 is a parse error, and never shortened data (faults R12,
    F18).
    """
    poll.receive(b"4a", packet)
    assert poll.heard.texts == [b"a"]
    reason, details = poll.heard.closed
    assert (reason, type(details)) == ("parse error", DecodeError)


def test_binaryBody(poll: Poll) -> None:
    """
    A body that is not even text is a parse error (faults F27, F28).
    """
    poll.receive(b"\x89PNG\xff")
    assert poll.heard.closed[0] == "parse error"


def test_undecodableHandshake() -> None:
    """
    A handshake that is not text is no parse error yet: there is no session
    (faults F28; behaviours P3).
    """
    poll = Poll().open(b"\x89PNG\xff")
    reason, details = poll.heard.closed
    assert (reason, details.phase) == ("transport error", "handshake")


def test_captivePortal() -> None:
    """
    A page instead of a handshake is quoted, with its content type (faults
    F26).
    """
    poll = Poll().open()
    page = b"<!doctype html><title>Please log in</title>" + b"." * 500
    poll.server.get.answer(page, 200, [("Content-Type", "text/html")])
    reason, details = poll.heard.closed
    assert (reason, details.phase) == ("transport error", "handshake")
    assert "<!doctype html><title>Please log in" in str(details)
    assert "text/html" in str(details)
    assert len(str(details)) < 500
    poll.assertGone()


def test_emptyHandshake() -> None:
    """
    An empty body is no handshake (faults F25).
    """
    poll = Poll().open(b"")
    reason, details = poll.heard.closed
    assert reason == "transport error"
    assert "empty packet" in str(details)


def test_contentTypeNotMinded(poll: Poll) -> None:
    """
    Valid packets are taken under any content type (faults F27).
    """
    poll.server.get.answer(b"4a", 200, [("Content-Type", "application/octet-stream")])
    assert poll.heard.texts == [b"a"]


def test_unusualContentTypeWarnedOnce() -> None:
    """
    Of a content type that no server uses, the log tells once (faults F27).
    """
    logged: list[Any] = []
    globalLogPublisher.addObserver(logged.append)
    try:
        poll = Poll().open()
        poll.server.get.answer(handshakeBody(), 200, [("Content-Type", "image/png")])
        poll.server.get.answer(b"4a", 200, [("Content-Type", "image/png")])
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert [each["contentType"] for each in logged if "contentType" in each] == ["image/png"]


@pytest.mark.parametrize(
    ("last", "reason"), [(b"4b", None), (b"9", "transport error"), (b"bAQ", "transport error")]
)
def test_bodyWithoutLength(poll: Poll, last: bytes, reason: str | None) -> None:
    """
    A body ended by its connection counts if it decodes completely; else it
    was probably cut off (faults F30).
    """
    request = poll.server.get
    request.write(b"HTTP/1.1 200 OK\r\n\r\n4a" + SEP + last)
    request.hangUp()
    assert [each[1] for each in poll.heard.named("closed")] == ([reason] if reason else [])
    assert poll.heard.texts[0] == b"a"


@pytest.mark.parametrize("session", [None, "s1"])
def test_refusedPoll(session: str | None) -> None:
    """
    A refused GET ends the transport, and says whether that was the handshake
    (faults F22, F23, F42; behaviours I6, I13, P14).
    """
    poll = Poll(session).open()
    poll.server.get.answer(b'{"code":1,"message":"Session ID unknown"}', 400)
    reason, details = poll.heard.closed
    assert (reason, details.message, details.status) == ("transport error", "xhr poll error", 400)
    assert details.phase == ("poll" if session else "handshake")
    assert "Session ID unknown" in str(details)
    poll.assertGone()


def test_brokenPoll(poll: Poll) -> None:
    """
    A connection lost under a poll ends the transport; the poll is not asked
    again (faults F29, F37).
    """
    poll.server.get.hangUp(ConnectionLost())
    reason, details = poll.heard.closed
    assert (reason, details.message) == ("transport error", "xhr poll error")
    assert len(poll.server.requests) == 2
    poll.assertGone()


def test_unreachable() -> None:
    """
    A server that is not there is a handshake that failed (faults F108).
    """
    poll = Poll()
    poll.server.refusal = ConnectionRefusedError()
    poll.open()
    reason, details = poll.heard.closed
    assert (reason, details.phase) == ("transport error", "handshake")
    poll.assertGone()


def test_handshakeDeadline() -> None:
    """
    With a requestTimeout an unanswered handshake ends (faults F35).
    """
    poll = Poll(requestTimeout=5.0).open()
    poll.clock.advance(5)
    assert poll.heard.closed[1].phase == "handshake"
    poll.assertGone()


def test_hugeAnswer() -> None:
    """
    An answer over maxMessageBytes ends the transport (faults F31).
    """
    poll = Poll(maxMessageBytes=1000).open(handshakeBody())
    poll.receive(b"4" + b"x" * 1000)
    assert "maxMessageBytes" in str(poll.heard.closed[1])
    poll.assertGone()


# sending


def test_oneTurnOneBody(poll: Poll) -> None:
    """
    What one turn sends goes in one POST, in order; bytes go as
    base64 (behaviours P17, L8, K3).
    """
    poll.transport.sendText("é".encode())
    poll.transport.sendBinary(b"\x01\x02")
    poll.transport.sendPacket(PONG, b"x")
    poll.transport.sendText(b"")
    assert poll.server.pending("POST") == []
    poll.settle()
    assert bodyOf(poll.server.post) == ["4é".encode(), b"bAQI=", b"3x", b"4"]


def test_onePostAtATime(poll: Poll) -> None:
    """
    What is sent while a POST is under way waits for its answer, then shares
    the next (faults F43; behaviours Q29).
    """
    for number in range(4):
        poll.transport.sendText(b"%d" % number)
        poll.settle()
    assert poll.server.post.body == b"40"
    poll.server.post.answer()
    assert bodyOf(poll.server.post) == [b"41", b"42", b"43"]
    assert poll.server.mostAtOnce["POST"] == 1


@pytest.mark.parametrize("reply", [b"ok", b"OK", b"", b"<html>"])
def test_anyReplyAccepted(poll: Poll, reply: bytes) -> None:
    """
    Whatever a server answers with 200, the packets were taken (faults F40;
    behaviours Q31).
    """
    poll.transport.sendText(b"a")
    poll.settle()
    poll.server.post.answer(reply)
    poll.transport.sendText(b"b")
    poll.settle()
    assert poll.server.post.body == b"4b"


@pytest.mark.parametrize(("reply", "sizes"), [(b"ok", [16, 84]), (b"OK", [16] * 6 + [4])])
def test_cautiousWithUnknownServers(poll: Poll, reply: bytes, sizes: list[int]) -> None:
    """
    At most 16 packets share a body until the server has answered exactly
    "ok": others refuse more.
    """
    for number in range(100):
        poll.transport.sendText(b"%d" % number)
    poll.settle()
    seen = []
    while poll.server.pending("POST"):
        seen.append(len(bodyOf(poll.server.post)))
        poll.server.post.answer(reply)
    assert seen == sizes


@pytest.mark.parametrize(
    ("messages", "counts"),
    [
        ([b"x" * 72, b"x" * 20, "x" * 20, b"x" * 20, b"x" * 72], [1, 3, 1]),
        (["a" * 99, "b" * 30, "c" * 30, "d" * 35, "€" * 33, "e" * 99], [1, 3, 1, 1]),
    ],
)
def test_bodiesHoldToMaxPayload(messages: list[str | bytes], counts: list[int]) -> None:
    """
    No body is larger than the server said, counted in bytes with base64,
    packet types and separators (behaviours G6, J17).
    """
    poll = Poll().open(handshakeBody(maxPayload=100))
    for message in messages:
        if isinstance(message, str):
            poll.transport.sendText(message.encode())
        else:
            poll.transport.sendBinary(message)
    poll.settle()
    bodies = []
    while poll.server.pending("POST"):
        bodies.append(poll.server.post.body)
        poll.server.post.answer()
    assert max(map(len, bodies)) <= 100
    assert [body.count(SEP) + 1 for body in bodies] == counts


def test_tooLargeGoesAlone() -> None:
    """
    A single packet over maxPayload is sent alone, and the server's 413 ends
    the transport (behaviours G7, I11; faults F7, F39).
    """
    poll = Poll().open(handshakeBody(maxPayload=100))
    poll.transport.sendText(b"x" * 101)
    poll.transport.sendText(b"b")
    poll.settle()
    assert poll.server.post.body == b"4" + b"x" * 101
    poll.server.post.answer(b"", 413)
    reason, details = poll.heard.closed
    assert (reason, details.message, details.status) == ("transport error", "xhr post error", 413)
    assert "may have been processed" in details.explanation
    poll.assertGone()


@pytest.mark.parametrize(("requestTimeout", "seconds"), [(None, 20.0), (7.0, 7.0)])
def test_postDeadline(requestTimeout: float | None, seconds: float) -> None:
    """
    A POST without answer ends the transport after requestTimeout, or else
    the server's pingTimeout (faults R10, F41).
    """
    poll = Poll(requestTimeout=requestTimeout).open(handshakeBody())
    poll.transport.sendText(b"a")
    poll.settle()
    poll.clock.advance(seconds - 0.1)
    assert poll.heard.named("closed") == []
    poll.clock.advance(0.1)
    assert poll.heard.closed[1].phase == "post"
    poll.assertGone()


def test_brokenPostNotRepeated(poll: Poll) -> None:
    """
    A POST whose connection is lost may have been processed, so it is never
    sent again (faults F38).
    """
    poll.transport.sendText(b"a")
    poll.settle()
    poll.server.post.hangUp(ConnectionLost())
    assert poll.heard.closed[1].message == "xhr post error"
    assert len([each for each in poll.server.requests if each.method == "POST"]) == 1
    poll.assertGone()


def test_nothingIsAskedToConfirm() -> None:
    """
    The answer to a POST is the server's sign already.
    """
    seen: list[object] = []
    Poll().transport.confirm().addCallback(seen.append)
    assert seen == [None]


def test_sentAfterTheEndIsDropped(poll: Poll) -> None:
    """
    Sending on a dead transport is no error, and keeps nothing.
    """
    poll.transport.abort()
    poll.transport.sendText(b"a")
    assert poll.transport.bufferedAmount() == 0
    poll.assertGone()


# congestion


def test_congestedAboveTheMark(poll: Poll) -> None:
    """
    Above 64 KiB waiting the transport is congested; when the network has
    taken them, the receiver hears it once, never inside a send.
    """
    poll.transport.sendText(b"x" * HIGH_WATER)
    assert poll.transport.congested
    assert poll.heard.named("drained") == []
    poll.settle()
    assert poll.transport.bufferedAmount() > HIGH_WATER
    poll.server.post.answer()
    assert not poll.transport.congested
    assert poll.transport.bufferedAmount() == 0
    assert len(poll.heard.named("drained")) == 1


def test_notCongestedBelow(poll: Poll) -> None:
    """
    Small amounts neither congest nor drain.
    """
    poll.transport.sendText(b"x" * 1000)
    assert not poll.transport.congested
    poll.settle()
    poll.server.post.answer()
    assert poll.heard.named("drained") == []


def test_sendingWhenDrained(poll: Poll) -> None:
    """
    A receiver may send on when it hears that the transport is free.
    """
    poll.heard.reaction = lambda *news: (
        poll.transport.sendText(b"more") if news[0] == "drained" else None
    )
    poll.transport.sendText(b"x" * HIGH_WATER)
    poll.settle()
    poll.server.post.answer()
    assert poll.server.post.body == b"4more"


# back-pressure


def test_pausedReadingDelivers(poll: Poll) -> None:
    """
    While reading is paused nothing is handed up and nothing asked for; what
    had come is handed up afterwards, in another turn.
    """
    poll.transport.pauseReading()
    poll.transport.pauseReading()
    poll.receive(b"4a", b"4b")
    assert poll.heard.texts == []
    assert poll.server.pending("GET") == []
    poll.transport.resumeReading()
    poll.transport.resumeReading()
    assert poll.heard.texts == []
    poll.settle()
    assert poll.heard.texts == [b"a", b"b"]
    assert len(poll.server.pending("GET")) == 1


def test_pausedInTheMiddle(poll: Poll) -> None:
    """
    A receiver that pauses gets not one packet more (faults F116).
    """
    poll.heard.reaction = lambda *news: news[-1] == b"b" and poll.transport.pauseReading()
    poll.receive(b"4a", b"4b", b"4c")
    assert poll.heard.texts == [b"a", b"b"]
    poll.transport.resumeReading()
    poll.settle()
    assert poll.heard.texts == [b"a", b"b", b"c"]


def test_pausedBeforeTheHandshake() -> None:
    """
    A transport opened with reading paused asks when it is resumed.
    """
    poll = Poll()
    poll.transport.pauseReading()
    poll.open()
    assert poll.server.requests == []
    poll.transport.resumeReading()
    poll.settle()
    assert len(poll.server.requests) == 1


def test_writingWhileReadingPaused(poll: Poll) -> None:
    """
    Paused reading does not hold up what is sent.
    """
    poll.transport.pauseReading()
    poll.transport.sendText(b"a")
    poll.settle()
    assert poll.server.post.body == b"4a"


# pause, for an upgrade


def test_pauseWaitsForBothRequests(poll: Poll) -> None:
    """
    An upgrade waits for the GET, whose packets are delivered, and the POST;
    then it gets what was not sent (faults F64, F66).
    """
    poll.transport.sendText(b"sent")
    poll.settle()
    poll.transport.sendText(b"un")
    poll.transport.sendBinary(b"sent")
    poll.transport.sendPacket(PONG)
    unsent: list[Any] = []
    poll.transport.pause().addCallback(unsent.extend)
    poll.receive(b"4last", b"6")
    assert poll.heard.texts == [b"last"]
    assert unsent == []
    poll.server.post.answer()
    assert unsent == [(MESSAGE, b"un", False), (MESSAGE, b"sent", True), (PONG, b"", False)]
    assert len(poll.server.requests) == 3
    poll.assertGone()


def test_pauseWhileReadingPaused(poll: Poll) -> None:
    """
    Packets held back by paused reading are delivered before the upgrade goes
    on.
    """
    paused: list[Any] = []
    poll.transport.pauseReading()
    poll.transport.pause().addCallback(paused.append)
    poll.receive(b"4a")
    assert (poll.heard.texts, paused) == ([], [])
    poll.transport.resumeReading()
    poll.settle()
    assert (poll.heard.texts, paused) == ([b"a"], [[]])


def test_pauseInTheMiddleOfABody(poll: Poll) -> None:
    """
    A body being handed up is handed up whole before the upgrade goes on
    (faults F64).
    """
    paused: list[int] = []

    def pause(*news: Any) -> None:
        if news[-1] == b"0":
            poll.transport.pause().addCallback(lambda _: paused.append(len(poll.heard.texts)))

    poll.heard.reaction = pause
    poll.receive(*[b"4%d" % number for number in range(1300)])
    assert paused == [1300]
    poll.assertGone()


def test_lostWhilePausing(poll: Poll) -> None:
    """
    A poll that breaks during the upgrade is told as an error, and the upgrade
    does not go on (faults F68).
    """
    paused: list[Any] = []
    poll.transport.pause().addCallback(paused.append)
    poll.server.get.hangUp(ConnectionLost())
    assert poll.heard.closed[0] == "transport error"
    assert paused == []
    poll.assertGone()


# closing


def test_goodbyeWhilePolling(poll: Poll) -> None:
    """
    What waits and then, apart, CLOSE is posted while the GET waits; the end
    is when both are answered (behaviours Q32).
    """
    poll.transport.sendText(b"a")
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    poll.settle()
    assert bodyOf(poll.server.post) == [b"4a"]
    poll.server.post.answer()
    assert bodyOf(poll.server.post) == [b"1"]
    poll.server.post.answer()
    assert gone == []
    poll.server.get.answer(b"6" + SEP + b"4late")
    assert gone == [None]
    assert poll.heard.texts == []
    assert poll.heard.named("closed") == []
    poll.assertGone()


def test_goodbyeAfterThePostUnderWay(poll: Poll) -> None:
    """
    The goodbye waits its turn behind a POST under way (faults F43).
    """
    poll.transport.sendText(b"a")
    poll.settle()
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    poll.receive(b"6")
    assert poll.server.pending("GET") == []
    poll.server.post.answer()
    assert poll.server.post.body == b"1"
    poll.server.post.answer()
    assert gone == [None]
    poll.assertGone()


def test_goodbyeThoughThePollStaysUnanswered(poll: Poll) -> None:
    """
    A server that took the goodbye and forgets the poll under way, as
    python-engineio does, is not waited for much longer.
    """
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    poll.settle()
    poll.server.post.answer()
    assert gone == []
    poll.clock.advance(0.1)
    assert gone == [None]
    poll.assertGone()


def test_goodbyeHasALimit(poll: Poll) -> None:
    """
    A server that answers nothing is left after 2 seconds (faults 3.4.6).
    """
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    poll.clock.advance(1.9)
    assert gone == []
    poll.clock.advance(0.1)
    assert gone == [None]
    poll.assertGone()


@pytest.mark.parametrize("status", [400, 500])
def test_goodbyeRefused(poll: Poll, status: int) -> None:
    """
    A refused goodbye is an end as well, and no news.
    """
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    poll.settle()
    poll.server.post.answer(b"", status)
    assert gone == [None]
    assert poll.heard.named("closed") == []
    poll.assertGone()


def test_goodbyeThoughThePollFails(poll: Poll) -> None:
    """
    A poll that fails during the goodbye does not end it early.
    """
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    poll.settle()
    poll.server.get.answer(b"", 400)
    assert gone == []
    poll.server.post.answer()
    assert gone == [None]
    poll.assertGone()


def test_closedWhileHandshaking() -> None:
    """
    Closed before there is a session, the request is given up at once
    (behaviours Q33).
    """
    poll = Poll().open()
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    assert gone == [None]
    poll.assertGone()
    assert poll.heard.news == [("opened",)]


@pytest.mark.parametrize("opened", [False, True])
def test_closedBeforeTheFirstTurn(opened: bool) -> None:
    """
    Closed before it did anything, a transport does nothing.
    """
    poll = Poll("s1")
    if opened:
        poll.transport.open(poll.heard)
        poll.transport.abort()
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    assert gone == [None]
    assert poll.server.requests == []
    poll.assertGone()


def test_closedTwice(poll: Poll) -> None:
    """
    Closing twice says goodbye once.
    """
    poll.transport.close()
    poll.transport.close()
    poll.settle()
    assert poll.server.post.body == b"1"
    poll.transport.abort()
    poll.assertGone()


def test_closedByTheReceiver(poll: Poll) -> None:
    """
    A receiver that closes hears nothing more of that body, nor a poll.
    """
    poll.heard.reaction = lambda *news: news[-1] == b"a" and poll.transport.close()
    poll.receive(b"4a", b"4b")
    assert poll.heard.texts == [b"a"]
    assert poll.server.pending("GET") == []
    poll.server.post.answer()
    poll.assertGone()


@pytest.mark.parametrize("moment", ["polling", "posting", "delivering", "pausing", "closing"])
def test_abortedAtAnyTime(poll: Poll, moment: str) -> None:
    """
    After abort() nothing is told, sent or left, whatever was going on.
    """
    if moment == "posting":
        poll.transport.sendText(b"a")
        poll.settle()
    elif moment == "delivering":
        poll.transport.pauseReading()
        poll.receive(b"4a")
    elif moment == "pausing":
        poll.transport.pause()
    elif moment == "closing":
        poll.transport.close()
        poll.settle()
    heard = len(poll.heard.news)
    poll.transport.abort()
    poll.transport.resumeReading()
    poll.assertGone()
    assert len(poll.heard.news) == heard


def test_abortedByTheReceiver(poll: Poll) -> None:
    """
    A receiver that aborts hears nothing more (faults R2).
    """
    poll.heard.reaction = lambda *news: news[-1] == b"a" and poll.transport.abort()
    poll.receive(b"4a", b"4b")
    assert poll.heard.texts == [b"a"]
    poll.assertGone()


def test_abortEndsTheGoodbye(poll: Poll) -> None:
    """
    Who waits for the goodbye is told when it is cut short.
    """
    gone: list[Any] = []
    poll.transport.close().addCallback(gone.append)
    poll.transport.abort()
    assert gone == [None]


# receivers that raise


@pytest.mark.parametrize("news", ["opened", "text", "binary", "packet", "drained"])
def test_raisingReceiver(news: str, flushLoggedErrors: Any) -> None:
    """
    What a receiver raises is logged and ends the transport; it never reaches
    Twisted (faults R14, 3.4.7).
    """
    poll = Poll()

    def react(*told: Any) -> None:
        if told[0] == news:
            raise RuntimeError("a bug above")

    poll.heard.reaction = react
    poll.open()
    if news == "drained":
        poll.receive(handshakeBody())
        poll.transport.sendText(b"x" * HIGH_WATER)
        poll.settle()
        poll.server.post.answer()
    elif news != "opened":
        poll.receive(handshakeBody(), b"4a", b"bAQ==")
    assert poll.heard.closed[0] == "transport error"
    assert len(flushLoggedErrors(RuntimeError)) == 1
    poll.assertGone()


def test_raisingAtTheEnd(poll: Poll, flushLoggedErrors: Any) -> None:
    """
    A receiver that raises when it hears of the end is logged, and told once.
    """

    def react(*told: Any) -> None:
        if told[0] == "closed":
            raise RuntimeError("a bug above")

    poll.heard.reaction = react
    poll.server.get.hangUp()
    assert len(poll.heard.named("closed")) == 1
    assert len(flushLoggedErrors(RuntimeError)) == 1
    poll.assertGone()


# any server


MESSAGES = st.lists(
    st.one_of(
        st.binary(max_size=6).map(lambda data: ("binary", data)),
        st.text("aé€\U0001f600", max_size=6).map(lambda text: ("text", text.encode())),
    ),
    max_size=8,
)


def encoded(kind: str, data: bytes) -> bytes:
    """
    A message as a server writes it.
    """
    return b"4" + data if kind == "text" else b"b" + b64encode(data)


@settings(deadline=None, max_examples=150)
@given(bodies=st.lists(MESSAGES, max_size=6), data=st.data())
def test_exactlyOnceInOrder(bodies: list[Any], data: st.DataObject) -> None:
    """
    Whatever the server's and the receiver's moods - bodies cut anywhere,
    framed this way or that, reading paused, messages sent meanwhile, POSTs
    answered late - all arrives once and in order, both ways, and never do two
    GETs or two POSTs wait (faults F43, F64; behaviours Q29, G3, G4).
    """
    poll = Poll().open(handshakeBody(maxPayload=40))
    posted: list[bytes] = []
    sent: list[bytes] = []
    for body in bodies:
        raw = SEP.join([encoded(*each) for each in body] or [b"6"])
        if data.draw(st.booleans()):
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(raw)
        else:
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            raw = b"%x\r\n%b\r\n0\r\n\r\n" % (len(raw), raw)
        answer = head + raw
        cuts = data.draw(st.lists(st.integers(0, len(answer)), max_size=3).map(sorted))
        request = poll.server.get
        for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True):
            mood = data.draw(st.sampled_from(["nothing", "pause", "resume", "send", "answer"]))
            if mood == "pause":
                poll.transport.pauseReading()
            elif mood == "resume":
                poll.transport.resumeReading()
            elif mood == "send":
                sent.append(b"4%d" % len(sent))
                poll.transport.sendText(b"%d" % (len(sent) - 1))
            elif mood == "answer" and poll.server.pending("POST"):
                posted += bodyOf(poll.server.post)
                poll.server.post.answer()
            request.done = end == len(answer)
            request.write(answer[start:end])
        poll.transport.resumeReading()
        poll.settle()
    while poll.server.pending("POST"):
        posted += bodyOf(poll.server.post)
        poll.server.post.answer()
    got = [each for each in poll.heard.news if each[0] in ("text", "binary")]
    assert got == [each for body in bodies for each in body]
    assert posted == sent
    assert poll.server.mostAtOnce["GET"] == 1
    assert poll.server.mostAtOnce["POST"] <= 1


@settings(deadline=None, max_examples=150)
@given(raw=st.binary(max_size=60), status=st.sampled_from([200, 200, 204, 400]))
def test_anyBytesSurvived(raw: bytes, status: int) -> None:
    """
    Whatever bytes a server answers, the receiver hears at most one end, no
    exception leaves the transport, and after the end nothing is left (faults
    3.4.7).
    """
    poll = Poll().open(handshakeBody())
    poll.heard.transport = None  # a second OPEN is the engine's business
    poll.server.get.answer(raw, status)
    if not poll.heard.named("closed"):
        poll.transport.abort()
    assert len(poll.heard.named("closed")) <= 1
    poll.assertGone()


# farewell


def test_farewellAfterABrokenPoll(poll: Poll) -> None:
    """
    A server cannot notice that nobody polls any more, so it is told, once:
    only then can the session be recovered.
    """
    poll.server.get.hangUp(ConnectionLost())
    gone: list[Any] = []
    farewell = poll.transport.farewell()
    assert farewell is not None
    farewell.addCallback(gone.append)
    poll.settle()
    assert poll.server.post.body == b"1"
    poll.server.post.answer()
    assert gone == [None]
    assert poll.transport.farewell() is None
    poll.assertGone()


def test_farewellIsBounded(poll: Poll) -> None:
    """
    A server that does not answer is not waited for.
    """
    poll.server.get.hangUp(ConnectionLost())
    gone: list[Any] = []
    farewell = poll.transport.farewell()
    assert farewell is not None
    farewell.addCallback(gone.append)
    poll.settle()
    poll.clock.advance(2)
    assert gone == [None]
    poll.assertGone()


def test_noFarewellAfterARefusal(poll: Poll) -> None:
    """
    A server that answered an error knows.
    """
    poll.server.get.answer(b"no", status=400)
    assert poll.transport.farewell() is None
    poll.assertGone()


def test_noFarewellWithoutASession() -> None:
    """
    Before the handshake there is nothing to end.
    """
    poll = Poll().open()
    poll.server.get.hangUp(ConnectionLost())
    assert poll.transport.farewell() is None
    poll.assertGone()


# the order of things


def test_resumedBeforeItIsOpened() -> None:
    """
    Pausing and resuming before opening asks the server nothing.
    """
    poll = Poll()
    poll.transport.pauseReading()
    poll.transport.resumeReading()
    poll.settle()
    assert (poll.server.requests, poll.clock.calls) == ([], [])


def test_resumedTwiceInATurn(poll: Poll) -> None:
    """
    However often reading is paused and resumed, what waits is delivered once.
    """
    poll.transport.pauseReading()
    poll.receive(b"4a")
    timers = len(poll.clock.calls)
    for _ in range(2):
        poll.transport.resumeReading()
        poll.transport.pauseReading()
    poll.transport.resumeReading()
    assert len(poll.clock.calls) == timers + 1
    poll.settle()
    assert poll.heard.texts == [b"a"]


def test_drainedIsNotToldWhileClosing(poll: Poll) -> None:
    """
    Whoever has closed does not hear that more could be sent.
    """
    poll.transport.sendText(b"x" * HIGH_WATER)
    poll.settle()
    poll.transport.close()
    poll.server.post.answer()
    assert not poll.transport.congested
    assert poll.heard.named("drained") == []


def test_receiverThatExits(poll: Poll, flushLoggedErrors: Any) -> None:
    """
    sys.exit() in a listener goes its way, and nobody waits for a transport
    that does not poll any more.
    """
    poll.transport.pauseReading()
    poll.receive(b"4a")
    poll.heard.reaction = lambda *news: news[0] == "text" and sys.exit()
    poll.transport.resumeReading()
    with pytest.raises(SystemExit):
        poll.settle()
    assert poll.heard.closed[0] == "transport error"
    assert len(flushLoggedErrors(SystemExit)) == 1
    poll.assertGone()
