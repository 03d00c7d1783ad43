"""
The life of a WebSocket client: compression, handshake, connecting, ending.
"""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.logger import formatEvent, globalLogPublisher

from txsocketio.transports.wsclient import Limits, WebSocketClient
from txsocketio.transports.wshandshake import HandshakeRefused, Request
from wskit import Endpoint, Kit, Link, Owner, answer, clientFrames, closeFrame, serverFrame

TEXT, BINARY, CLOSE, PING, PONG, MORE = 0x81, 0x82, 0x88, 0x89, 0x8A, 0x00
FOUR = ord("4")
SMALL = Limits(messageBytes=1000, headerBytes=2000, fragments=10)


# compression


ACCEPTED = "Sec-WebSocket-Extensions: permessage-deflate\r\n"


def deflated(payload: bytes) -> bytes:
    """
    A payload as a server compresses it.
    """
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_compressionIsNotOfferedUnasked() -> None:
    """
    Without the option no extension is offered.
    """
    assert b"Extensions" not in Kit(opened=False).link.take()


def test_compressedMessagesArrive() -> None:
    """
    Compressed and plain messages may be mixed.
    """
    kit = Kit(extra=ACCEPTED, deflate=True, prefix=FOUR)
    heard = kit.receive(serverFrame(0xC1, deflated(b"4" + b"x" * 500)) + serverFrame(TEXT, b"4y"))
    assert heard == [("message", b"x" * 500), ("message", b"y")]


def test_sentMessagesAreCompressedOnDemand() -> None:
    """
    The compress flag decides per message.
    """
    kit = Kit(extra=ACCEPTED, deflate=True)
    kit.client.sendText(b"x" * 500, True)
    kit.client.sendText(b"plain")
    kit.clock.advance(0)
    (first, payload), plain = kit.sent()
    assert (first, zlib.decompressobj(-15).decompress(payload)) == (0xC1, b"x" * 500)
    assert plain == (TEXT, b"plain")


def test_aBombIsDefusedAtTheLimit() -> None:
    """
    A small frame that inflates without end is refused at the limit.
    faults F55
    """
    kit = Kit(extra=ACCEPTED, deflate=True, limits=Limits(messageBytes=100_000))
    kit.receive(serverFrame(0xC2, deflated(bytes(20_000_000))))
    assert kit.owner.heard == []
    assert kit.owner.ending is not None and kit.owner.ending.code == 1009


@pytest.mark.parametrize(
    ("extra", "deflate"),
    [
        (ACCEPTED, False),
        ("Sec-WebSocket-Extensions: foo\r\n", True),
        (ACCEPTED + ACCEPTED, True),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n", True),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=x\r\n", True),
        ("Sec-WebSocket-Extensions: permessage-deflate; what\r\n", True),
    ],
)
def test_badExtensionsAreRefused(extra: str, deflate: bool) -> None:
    """
    An extension nobody asked for, or with impossible parameters, opens no
    connection.  faults F48
    """
    ending = Kit(extra=extra, deflate=deflate).owner.ending
    assert ending is not None and not ending.opened
    assert isinstance(ending.problem, HandshakeRefused)


# the handshake on the wire


def test_messagesMayFollowTheHandshakeAtOnce() -> None:
    """
    Frames in the same segment as the 101 are delivered after "opened".
    """
    kit = Kit(opened=False)
    heard = kit.receive(answer(kit.link.take()) + serverFrame(TEXT, b"first"))
    assert heard == ["opened", ("text", b"first")]


def test_theAnswerMayComeByteByByte() -> None:
    """
    A slow handshake opens as well.
    """
    kit = Kit(opened=False)
    reply = answer(kit.link.take())
    assert kit.receive(*[reply[i : i + 1] for i in range(len(reply))]) == ["opened"]


@pytest.mark.parametrize("reply", [b"SSH-2.0-x\r\n", b"\x15\x03\x01\x00\x02\x02F", b"<html>"])
def test_anotherProtocolIsNoticedAtOnce(reply: bytes) -> None:
    """
    A port that speaks something else is not waited for.  faults F47, F49
    """
    kit = Kit(opened=False)
    kit.receive(reply)
    assert kit.owner.ending is not None
    assert "not an HTTP answer" in str(kit.owner.ending.problem)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_endlessHeadersAreCutOff(end: bytes) -> None:
    """
    The handshake's answer is held to its limit.  faults F49
    """
    kit = Kit(opened=False, limits=SMALL)
    kit.receive(b"HTTP/1.1 101 x\r\n" + b"X: y\r\n" * 400 + end)
    assert kit.owner.ending is not None
    assert "2000 bytes" in str(kit.owner.ending.problem)


def test_refusalTellsStatusAndBody() -> None:
    """
    A refusal's body is shown even if it comes later.  faults F46
    """
    kit = Kit(opened=False)
    kit.receive(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\n", b"no", b"pe")
    ending = kit.owner.ending
    assert ending is not None and ending.response is not None
    assert (ending.response.status, ending.body) == (400, b"nope")
    assert kit.clock.getDelayedCalls() == []


def test_chunkedRefusal() -> None:
    """
    A refusal's body is shown without what carries it, and its end is noticed.
    faults F46
    """
    kit = Kit(opened=False)
    head = b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n"
    kit.receive(head, b"2;x=y\r\nno\r", b"\n2\r\npe\r\n", b"0\r\n\r\n")
    assert kit.owner.ending is not None and kit.owner.ending.body == b"nope"
    assert kit.clock.getDelayedCalls() == []


def test_refusalInTinyChunks() -> None:
    """
    A body of which nearly nothing is content is not read for ever.
    faults F46
    """
    kit = Kit(opened=False)
    head = b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n"
    kit.receive(head, b"1\r\nx\r\n" * 1000)
    assert kit.owner.ending is not None and set(kit.owner.ending.body) == {ord("x")}


def test_refusalsBodyIsNotWaitedForLong() -> None:
    """
    A refusal without its body ends after a second.  faults F46
    """
    kit = Kit(opened=False)
    kit.receive(b"HTTP/1.1 503 x\r\n\r\n")
    kit.clock.advance(1)
    assert kit.owner.ending is not None and kit.link.aborted


def test_theRefusalsBodyIsBounded() -> None:
    """
    Of a long body only the head is kept.  faults F46
    """
    kit = Kit(opened=False)
    kit.receive(b"HTTP/1.1 404 x\r\n\r\n" + bytes(5000))
    assert kit.owner.ending is not None and len(kit.owner.ending.body) == 1024


def test_aHeaderThatCannotBeSentFailsTheAttempt() -> None:
    """
    A line break in a header ends the attempt, and nothing is written.
    """
    kit = Kit(opened=False, request=Request("ws://h/", [("X", "a\r\nb")]))
    assert kit.link.written == b""
    assert kit.owner.ending is not None and isinstance(kit.owner.ending.problem, ValueError)


# connecting


def idle(endpoint: Endpoint) -> Kit:
    """
    A client that has not connected.
    """
    kit = Kit.__new__(Kit)
    first = Kit()
    kit.clock, kit.owner, kit.endpoint = first.clock, Owner(), endpoint
    kit.client = WebSocketClient(kit.clock, Request("ws://h/"), kit.owner, kit.owner)
    return kit


def test_aRefusedConnectionIsNotToldInsideConnect() -> None:
    """
    A failure that is known at once is told from the next turn.  faults F108
    """
    kit = idle(Endpoint(ConnectionRefusedError()))
    kit.client.connect(kit.endpoint)
    assert kit.owner.ending is None
    kit.clock.advance(0)
    assert kit.owner.ending is not None
    assert isinstance(kit.owner.ending.failure.value, ConnectionRefusedError)  # type: ignore[union-attr]


@pytest.mark.parametrize("endpoint", [Endpoint(ConnectionRefusedError()), Endpoint(pending=True)])
def test_abortWhileConnecting(endpoint: Endpoint) -> None:
    """
    Aborting before there is a connection leaves nothing.
    """
    kit = idle(endpoint)
    kit.client.connect(endpoint)
    kit.client.abort()
    assert kit.owner.ending is not None
    assert kit.clock.getDelayedCalls() == []
    assert endpoint.cancelled == endpoint.pending


# ending


def test_theServersGoodbyeIsAnswered() -> None:
    """
    A close frame is answered and tells code and reason; what follows it is
    ignored.  faults F52, F60
    """
    kit = Kit()
    heard = kit.receive(closeFrame(4000, "bye") + serverFrame(TEXT, b"late"))
    ending = kit.owner.ending
    assert ending is not None and heard == []
    assert (ending.code, ending.reason, ending.wasClean) == (4000, "bye", True)
    assert [first for first, _ in kit.sent()] == [CLOSE]


@pytest.mark.parametrize("quick", [True, False])
def test_dataAfterTheGoodbyeIgnored(quick: bool) -> None:
    """
    What comes after a close frame is ignored, in the same piece and later,
    however long the connection takes to end.  faults F60
    """
    kit = Kit(quick=quick)
    kit.link.holdsBack = True
    late = serverFrame(TEXT, b"4late")
    assert kit.receive(closeFrame(1000) + late, late) == []
    kit.link.lose()


def test_goodbyeWithoutACode() -> None:
    """
    An empty close frame is a clean end with code 1005.  faults F52
    """
    kit = Kit()
    kit.receive(serverFrame(CLOSE))
    assert kit.owner.ending is not None
    assert (kit.owner.ending.code, kit.owner.ending.wasClean) == (1005, True)


def test_aLostConnectionIsUnclean() -> None:
    """
    FIN or RST without goodbye is code 1006.  faults F53
    """
    kit = Kit()
    kit.link.lose(ConnectionLost())
    assert kit.owner.ending is not None
    assert (kit.owner.ending.code, kit.owner.ending.wasClean) == (1006, False)


def test_closeWaitsForTheServersGoodbye() -> None:
    """
    Closing sends what waits, then the close frame, and fires when the
    connection is gone; messages that still come are not delivered.
    """
    kit = Kit()
    kit.client.sendText(b"a")
    kit.client.sendText(b"b")
    fired: list[object] = []
    kit.client.close(1000, "done").addCallback(fired.append)
    assert kit.sent() == [(TEXT, b"a"), (TEXT, b"b"), (CLOSE, b"\x03\xe8done")]
    assert kit.receive(serverFrame(TEXT, b"late")) == [] and fired == []
    kit.receive(closeFrame(1000))
    assert fired == [None] and kit.clock.getDelayedCalls() == []


def test_closeTakesTwoSecondsAtMost() -> None:
    """
    A server that does not answer the goodbye is hung up on.  faults F57
    """
    kit = Kit()
    kit.link.holdsBack = True
    fired: list[object] = []
    kit.client.close().addCallback(fired.append)
    kit.clock.advance(1.9)
    assert fired == []
    kit.clock.advance(0.2)
    assert fired == [None] and kit.link.aborted and kit.clock.getDelayedCalls() == []


def test_aPeerThatReadsNothingIsAbortedAfterItsGoodbye() -> None:
    """
    If the connection does not end after both goodbyes, it is ended.
    """
    kit = Kit()
    kit.link.holdsBack = True
    kit.receive(closeFrame(1000))
    kit.clock.advance(2)
    assert kit.link.aborted and kit.owner.ending is not None


def test_closingWhilePausedHearsTheGoodbye() -> None:
    """
    A paused connection is closed properly too.
    """
    kit = Kit()
    kit.client.pauseReading()
    kit.receive(serverFrame(TEXT, b"unread"))
    kit.client.close()
    kit.clock.advance(0)
    kit.receive(closeFrame(1000))
    assert kit.owner.ending is not None and kit.owner.ending.wasClean and kit.owner.heard == []


def test_abortInTheHandshake() -> None:
    """
    Aborting before the server answered leaves nothing.
    """
    kit = Kit(opened=False)
    kit.client.abort()
    assert kit.link.aborted and kit.clock.getDelayedCalls() == []


@pytest.mark.parametrize("end", ["abort", "close"])
@pytest.mark.parametrize("quick", [True, False])
def test_endingInsideAListener(end: str, quick: bool) -> None:
    """
    After a listener has closed, the messages of the same read are dropped.
    """
    kit = Kit(quick=quick)
    kit.owner.hook = lambda kind, payload: getattr(kit.client, end)()
    assert kit.receive(serverFrame(TEXT, b"a") + serverFrame(TEXT, b"b")) == [("text", b"a")]


def test_aReceiverThatRaisesLosesTheConnectionOnly(flushLoggedErrors: Any) -> None:
    """
    An exception is logged and ends this connection; the reactor never sees it.
    """
    kit = Kit()
    kit.owner.hook = lambda kind, payload: 1 / 0
    kit.receive(serverFrame(TEXT, b"a") + serverFrame(TEXT, b"b"))
    assert kit.owner.ending is not None
    assert isinstance(kit.owner.ending.problem, ZeroDivisionError)
    assert len(flushLoggedErrors(ZeroDivisionError)) == 1


def test_anOwnerThatRaisesAtTheEndIsLogged(flushLoggedErrors: Any) -> None:
    """
    Whatever the owner does, waiting for the end still ends.
    """
    kit = Kit()
    kit.owner.webSocketClosed = lambda ending: 1 / 0  # type: ignore[assignment,return-value]
    fired: list[object] = []
    kit.client.whenGone().addCallback(fired.append)
    kit.link.lose()
    assert fired == [None]
    assert len(flushLoggedErrors(ZeroDivisionError)) == 1


def test_anOwnerThatRaisesWhenDrainedLosesTheConnectionOnly(flushLoggedErrors: Any) -> None:
    """
    The transport never sees an exception of ours.
    """
    kit = Kit()
    kit.owner.webSocketDrained = lambda: 1 / 0  # type: ignore[assignment,return-value]
    kit.link.producer.pauseProducing()
    kit.link.producer.resumeProducing()
    assert kit.owner.ending is not None
    assert len(flushLoggedErrors(ZeroDivisionError)) == 1


def test_validationAndPrefixExcludeEachOther() -> None:
    """
    Text that goes to the receiver is not validated here, so nobody may ask.
    """
    with pytest.raises(ValueError, match="unvalidated"):
        Kit(prefix=FOUR, validateUTF8=True)


def test_anEndpointThatConnectsTwiceGetsOneClient() -> None:
    """
    A second connection of one attempt is refused.
    """
    kit = Kit()
    assert kit.client.factory.buildProtocol(None) is None


def test_sendingNeverMixesIntoAFrame() -> None:
    """
    Large and small messages are written whole and in order.  behaviours K5
    """
    kit = Kit()
    messages = [bytes([n]) * size for n, size in enumerate([1, 70_000, 5, 200_000, 0])]
    for message in messages:
        kit.client.sendBinary(message)
    kit.clock.advance(0)
    assert [payload for _, payload in kit.sent()] == messages


def test_autobahnLogsNothing() -> None:
    """
    What we report as errors is not logged by Autobahn as well.
    """
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        Kit().receive(serverFrame(0x83, b"x"))
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert events == []


def test_nothingIsSentAfterTheEnd() -> None:
    """
    Sending on a closed connection is silent and without effect.
    """
    kit = Kit()
    kit.receive(closeFrame(1000))
    kit.link.take()
    kit.client.sendText(b"x")
    kit.client.sendBinary(b"x", True)
    assert kit.link.written == b"" and kit.client.bufferedAmount() == 0


# odd moments


class RudeLink(Link):
    """
    A connection whose options cannot be set any more.
    """

    def setTcpNoDelay(self, enabled: bool) -> None:
        raise OSError("Invalid argument")


def test_aSocketThatRefusesOptionsIsUsed() -> None:
    """
    Where TCP_NODELAY cannot be set, the request is sent all the same.
    """
    kit = idle(Endpoint())
    links: list[RudeLink] = []

    def connect(factory: Any) -> Deferred[Any]:
        links.append(RudeLink(factory.buildProtocol(None)))
        links[0].protocol.makeConnection(links[0])
        return succeed(links[0].protocol)

    kit.endpoint.connect = connect  # type: ignore[method-assign]
    kit.client.connect(kit.endpoint)
    (link,) = links
    assert link.written.startswith(b"GET ")


def test_anEndpointThatFailsAfterConnecting() -> None:
    """
    What an endpoint says of a connection that was made is not its end; that
    comes when it is lost.
    """
    endpoint = Endpoint()
    kit = idle(endpoint)
    connect = endpoint.connect
    endpoint.connect = lambda factory: connect(factory).addCallback(lambda _: 1 / 0)  # type: ignore[method-assign]
    kit.client.connect(endpoint)
    kit.clock.advance(0)
    assert kit.owner.ending is None
    endpoint.link.lose(ConnectionLost())
    assert kit.owner.ending is not None
    assert isinstance(kit.owner.ending.failure.value, ConnectionLost)  # type: ignore[union-attr]


def test_closingTwiceSaysGoodbyeOnce() -> None:
    """
    A second close() waits for the same end.
    """
    kit, fired = Kit(), list[object]()
    for _ in range(2):
        kit.client.close().addCallback(fired.append)
    assert [first for first, _ in kit.sent()] == [CLOSE]
    kit.receive(closeFrame(1000))
    assert fired == [None, None]


def test_closingInsideTheGoodbye() -> None:
    """
    An owner that closes because the goodbye has filled the network sends no
    second one.
    """
    kit = Kit()
    kit.clock.advance(1)
    kit.owner.webSocketFilled = lambda: kit.client.close() and None  # type: ignore[method-assign]
    written: list[bytes] = []

    def write(data: bytes) -> None:
        written.append(data)
        kit.link.producer.pauseProducing()

    kit.link.write = write  # type: ignore[method-assign]
    kit.client.close()
    kit.clock.advance(0)
    assert [first for data in written for first, _ in clientFrames(data)] == [CLOSE]


def test_closingWhilePongsAreSent() -> None:
    """
    An owner that closes because the last pongs have filled the network sends
    one goodbye, though one was on its way.
    """
    kit = Kit()
    kit.link.producer.pauseProducing()
    kit.receive(serverFrame(PING, b"p"))
    kit.client.outbox.congested = False  # type: ignore[union-attr]
    kit.clock.advance(1)
    kit.owner.webSocketFilled = lambda: kit.client.close() and None  # type: ignore[method-assign]
    written: list[bytes] = []

    def write(data: bytes) -> None:
        written.append(data)
        kit.link.producer.pauseProducing()

    kit.link.write = write  # type: ignore[method-assign]
    kit.client.close()
    kit.clock.advance(0)
    assert [first for data in written for first, _ in clientFrames(data)] == [PONG, CLOSE]


def test_aReceiverThatRaisesAfterAborting(flushLoggedErrors: Any) -> None:
    """
    What is raised after the end is logged, and told as no problem of the
    connection's.
    """
    kit = Kit()

    def hook(kind: str, payload: bytes) -> None:
        kit.client.abort()
        raise ZeroDivisionError

    kit.owner.hook = hook
    kit.receive(serverFrame(TEXT, b"a"))
    assert kit.owner.ending is not None and kit.owner.ending.problem is None
    assert len(flushLoggedErrors(ZeroDivisionError)) == 1


@pytest.mark.parametrize("paused", [False, True])
def test_aReceiverThatExits(paused: bool) -> None:
    """
    sys.exit() goes through to the reactor, which survives it, also from a turn
    that went on with what was held back: the connection ends, for some of that
    is lost.
    """
    kit = Kit()

    def hook(kind: str, payload: bytes) -> None:
        if payload == b"pause" and paused:
            kit.client.pauseReading()
        elif payload == b"exit":
            raise SystemExit(3)

    kit.owner.hook = hook
    with pytest.raises(SystemExit):
        kit.receive(b"".join([serverFrame(TEXT, each) for each in (b"pause", b"exit", b"a")]))
        kit.client.resumeReading()
        kit.clock.advance(0)
    assert kit.link.lost and kit.owner.ending is not None
    assert isinstance(kit.owner.ending.problem, SystemExit)
    assert kit.receive(serverFrame(TEXT, b"b"))[2:] == []


def test_theLogShowsNoQuery(flushLoggedErrors: Any) -> None:
    """
    The log names the server, without what may be secret in its URL.
    """
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        kit = Kit()
        kit.owner.hook = lambda kind, payload: 1 / 0
        kit.receive(serverFrame(TEXT, b"a"))
        texts = [formatEvent(event) for event in events]
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert texts == ["A receiver of ws://example.com/x raised"]
    flushLoggedErrors(ZeroDivisionError)


def test_drainedIsNotToldWhileClosing() -> None:
    """
    Whoever has closed does not hear that more could be sent.
    """
    kit = Kit()
    kit.link.producer.pauseProducing()
    kit.client.close()
    kit.link.producer.resumeProducing()
    assert kit.owner.drained == 0


def test_fullIsNotToldAfterTheEnd() -> None:
    """
    webSocketClosed is the last call, whatever the transport still says.
    """
    kit, filled = Kit(), list[bool]()
    kit.owner.webSocketFilled = lambda: filled.append(True)  # type: ignore[method-assign]
    kit.link.lose()
    kit.link.producer.pauseProducing()
    assert filled == []


def test_abortAfterTheEnd() -> None:
    """
    Aborting what is gone does not touch its transport.
    """
    kit = Kit()
    kit.link.lose()
    kit.client.abort()
    assert not kit.link.aborted


def test_abortTwiceBeforeConnecting() -> None:
    """
    A client that never connected ends once.
    """
    kit, endings = idle(Endpoint()), list[Any]()
    kit.owner.webSocketClosed = endings.append  # type: ignore[method-assign]
    kit.client.abort()
    kit.client.abort()
    assert len(endings) == 1
