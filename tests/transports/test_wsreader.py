"""
Messages in: limits, violations, pauses, and the quick way compared with
Autobahn's.
"""

from __future__ import annotations

import inspect
import os
import random
from typing import Any

import pytest
from autobahn.websocket.protocol import WebSocketProtocol

from txsocketio.transports import wsreader
from txsocketio.transports.wsclient import Limits, ProtocolViolation, WebSocketClient
from wskit import Kit, Owner, clientFrames, closeFrame, serverFrame

TEXT, BINARY, CLOSE, PING, PONG, MORE = 0x81, 0x82, 0x88, 0x89, 0x8A, 0x00
FOUR = ord("4")
SMALL = Limits(messageBytes=1000, headerBytes=2000, fragments=10)


# messages


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
@pytest.mark.parametrize("quick", [True, False])
def test_messagesOfAnySizeArrive(size: int, quick: bool) -> None:
    """
    Text and bytes of every length form arrive whole.  behaviours K4, K5
    """
    payload = b"x" * size
    heard = Kit(quick=quick).receive(serverFrame(BINARY, payload) + serverFrame(TEXT, payload))
    assert heard == [("binary", payload), ("text", payload)]


def test_prefixedTextLosesItsPrefix() -> None:
    """
    Text with the prefix goes to the receiver, other text to the owner.
    """
    frames = serverFrame(TEXT, b"4ab") + serverFrame(TEXT, b"3") + serverFrame(TEXT)
    assert Kit(prefix=FOUR).receive(frames) == [("message", b"ab"), ("text", b"3"), ("text", b"")]


def test_fragmentsMakeOneMessage() -> None:
    """
    A message in pieces, with a ping in between, arrives whole.
    """
    kit = Kit(prefix=FOUR)
    heard = kit.receive(
        serverFrame(0x01, b"4a") + serverFrame(PING, b"p") + serverFrame(0x80, b"b")
    )
    assert (heard, kit.sent()) == ([("message", b"ab")], [(PONG, b"p")])


def test_whatIsSentWhileReadingGoesOutAtTheEnd() -> None:
    """
    Answers to the messages of one read are written in one piece.
    """
    kit = Kit()
    writes: list[bytes] = []
    kit.link.write = writes.append  # type: ignore[method-assign]
    kit.owner.hook = lambda kind, payload: kit.client.sendBinary(payload)
    kit.receive(serverFrame(BINARY, b"a") + serverFrame(BINARY, b"b"))
    assert [clientFrames(data) for data in writes] == [[(BINARY, b"a"), (BINARY, b"b")]]


def test_nagleIsOff() -> None:
    """
    TCP_NODELAY is really set.
    """
    assert Kit().link.noDelay


def test_receiverMayBeReplacedBetweenMessages() -> None:
    """
    After an upgrade the next message of the same read goes to the engine.
    """
    kit, other = Kit(prefix=FOUR), Owner()
    kit.owner.hook = lambda kind, payload: setattr(kit.client, "receiver", other)
    assert kit.receive(serverFrame(TEXT, b"4a") + serverFrame(TEXT, b"4b")) == [("message", b"a")]
    assert other.heard == [("message", b"b")]


def test_connectionsShareNoText() -> None:
    """
    Half a character on one connection is not completed by another.
    """
    one, other = Kit(validateUTF8=True), Kit(validateUTF8=True)
    assert one.receive(serverFrame(0x01, b"\xc3")) == []
    assert other.receive(serverFrame(0x01, b"a") + serverFrame(0x80, b"b")) == [("text", b"ab")]
    assert one.receive(serverFrame(0x80, b"\xa4")) == [("text", b"\xc3\xa4")]


def test_sharedStateStaysAsItWas() -> None:
    """
    Autobahn's reading changes nothing that other connections share.
    """
    before = dict(vars(wsreader.FrameReader))
    kit = Kit(quick=False)
    kit.receive(serverFrame(0x01, b"a") + serverFrame(PING, b"p") + serverFrame(0x80, b"b"))
    kit.receive(closeFrame(1000, "bye"))
    assert vars(wsreader.FrameReader) == before and not before["send_queue"]


def test_pingsOfOneConnectionAreItsOwn() -> None:
    """
    A ping is answered where it came from.
    """
    one, other = Kit(), Kit()
    one.receive(serverFrame(PING, b"p"))
    assert (one.sent(), other.sent()) == ([(PONG, b"p")], [])


# the differential test


def randomStream(rng: random.Random) -> bytes:
    """
    A stream of frames, mostly good.
    """
    frames = []
    for _ in range(rng.randint(1, 8)):
        size = rng.choice([0, 1, 2, 5, 60, 125, 126, 127, 300, 1200])
        payload = rng.choice([b"4", b"2", b"b", b"\xff", b"\xc3\xa4"]) + rng.randbytes(2) * size
        payload = payload[:size]
        kind = rng.random()
        if kind < 0.6:
            frames.append(serverFrame(rng.choice([TEXT, BINARY]), payload))
        elif kind < 0.75:
            first = rng.choice([0x01, 0x02])
            between = serverFrame(PING, b"!") if rng.random() < 0.3 else b""
            frames += [serverFrame(first, payload), between, serverFrame(0x80, b"end")]
        elif kind < 0.88:
            frames.append(serverFrame(rng.choice([PING, PONG]), payload[:125]))
        elif kind < 0.91:
            frames.append(closeFrame(rng.choice([1000, 1001, 999, 1005, 4000]), "why"))
        elif kind < 0.93:
            frames.append(serverFrame(rng.choice([0x80, 0x83, 0x8B, 0xC1, 0x09]), payload[:125]))
        elif kind < 0.95:
            frames.append(serverFrame(TEXT, payload, b"mask"))
        elif kind < 0.97:
            frames.append(b"\x81\x7e\x00\x05hello")  # not minimal
        else:
            frames.append(rng.randbytes(rng.randint(1, 12)))
    return b"".join(frames)


def seen(pieces: list[bytes], quick: bool, **options: Any) -> tuple[Any, ...]:
    """
    Everything that can be seen of a client that gets these pieces.
    """
    prefix = -1 if options.get("validateUTF8") else FOUR
    kit = Kit(limits=SMALL, prefix=prefix, quick=quick, **options)
    heard = kit.receive(*pieces)
    ending = kit.owner.ending
    why = ending and (ending.code, ending.reason, ending.wasClean, type(ending.problem))
    # The words for bad UTF-8 differ: one knows the place, the other not.
    return heard, [(f, p[:2] if f == CLOSE else p) for f, p in kit.sent()], why


def cut(stream: bytes, rng: random.Random) -> list[bytes]:
    """
    A stream in random pieces.
    """
    places = sorted(rng.randrange(len(stream) + 1) for _ in range(rng.randint(0, 6)))
    return [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True) if a < b]


def test_theQuickWayDiffersInNothing() -> None:
    """
    Random streams in random pieces look the same with and without the quick
    way.  C{TXSOCKETIO_DIFFERENTIAL} says how many.
    faults F51, F54, F60
    """
    for seed in range(int(os.environ.get("TXSOCKETIO_DIFFERENTIAL", "3000"))):
        rng = random.Random(seed)
        stream = randomStream(rng)
        strict = {"validateUTF8": rng.random() < 0.3}
        pieces = cut(stream, rng)
        assert seen(pieces, True, **strict) == seen(pieces, False, **strict), seed


def test_everyCutOfSmallStreams() -> None:
    """
    Wherever two reads meet, nothing changes.
    """
    for seed in range(40):
        stream = randomStream(random.Random(seed))[:200]
        whole = seen([stream], False)
        for place in range(len(stream) + 1):
            found = seen([stream[:place], stream[place:]], True)
            assert found == whole, (seed, place)


def test_byteByByte() -> None:
    """
    The slowest network changes nothing.
    """
    for seed in range(40):
        stream = randomStream(random.Random(seed))
        assert seen([stream[i : i + 1] for i in range(len(stream))], True) == seen([stream], False)


@pytest.mark.parametrize("first", [0x01, 0x02, 0x81, 0x82])
@pytest.mark.parametrize("place", range(1, 10))
def test_aHeaderThatIsNotWholeWaits(first: int, place: int) -> None:
    """
    Whatever part of a long frame's header came, its rest is waited for.
    """
    frame = serverFrame(first, bytes(70_000))
    end = b"" if first & 0x80 else serverFrame(0x80)
    assert Kit().receive(frame[:place], frame[place:] + end)[0][1] == bytes(70_000)


# violations and limits


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (serverFrame(TEXT, b"x", b"mask"), 1002),
        (serverFrame(0xC1, b"x"), 1002),
        (serverFrame(0x83, b"x"), 1002),
        (serverFrame(0x8B, b"x"), 1002),
        (serverFrame(0x80, b"x"), 1002),
        (serverFrame(0x09, b"x"), 1002),
        (bytes((PING, 126, 0, 126)), 1002),
        (bytes((TEXT, 126, 0, 125)), 1002),
        (bytes((TEXT, 127)) + bytes(7) + b"\xff", 1002),
        (bytes((TEXT, 127)) + b"\xff" * 8, 1002),
        (serverFrame(0x01, b"x") + serverFrame(TEXT, b"y"), 1002),
        (closeFrame(999), 1002),
        (closeFrame(1005), 1002),
        (closeFrame(1006), 1002),
        (closeFrame(1015), 1002),
        (serverFrame(CLOSE, b"\x03"), 1002),
        (serverFrame(CLOSE, b"\x03\xe8\xff"), 1007),
    ],
)
@pytest.mark.parametrize("quick", [True, False])
def test_violationsAreAnsweredAndEndTheConnection(frame: bytes, code: int, quick: bool) -> None:
    """
    Whatever breaks the rules of WebSocket ends the connection with the code
    that says so.  faults F51
    """
    kit = Kit(quick=quick)
    kit.receive(serverFrame(TEXT, b"before") + frame + serverFrame(TEXT, b"after"))
    ending = kit.owner.ending
    assert ending is not None
    assert isinstance(ending.problem, ProtocolViolation)
    assert (ending.code, [f[1][:2] for f in kit.sent()]) == (code, [code.to_bytes(2, "big")])


@pytest.mark.parametrize("cuts", [(), (5,), (6,), (7,)])
@pytest.mark.parametrize("text", [b"a\xff", b"\xed\xa0\x80", b"ab\xc3"])
def test_strictClientsRefuseBadText(text: bytes, cuts: tuple[int, ...]) -> None:
    """
    With validation, text that is not UTF-8 ends the connection with 1007.
    """
    kit = Kit(validateUTF8=True)
    frame = serverFrame(TEXT, b"ok") + serverFrame(TEXT, text)
    edges = [0, *cuts, len(frame)]
    heard = kit.receive(*[frame[a:b] for a, b in zip(edges, edges[1:], strict=False)])
    assert heard == [("text", b"ok")]
    assert kit.owner.ending is not None and kit.owner.ending.code == 1007


def test_tooBigIsRefusedAtItsHeader() -> None:
    """
    A length over the limit is refused before a byte of it is taken.
    faults F54
    """
    kit = Kit(limits=SMALL)
    assert kit.receive(serverFrame(BINARY, bytes(1000))) == [("binary", bytes(1000))]
    kit.receive(serverFrame(BINARY, bytes(1001))[:4])
    assert kit.owner.ending is not None and kit.owner.ending.code == 1009
    assert kit.sent()[0][1][:2] == (1009).to_bytes(2, "big")


def test_fragmentsAreAddedUp() -> None:
    """
    Many small fragments are as much as one big message.  faults F54
    """
    kit = Kit(limits=SMALL)
    kit.receive(serverFrame(0x02, bytes(600)), serverFrame(0x00, bytes(401))[:4])
    assert kit.owner.ending is not None and kit.owner.ending.code == 1009


def test_fragmentsAreCounted() -> None:
    """
    Endless empty fragments end the connection.  faults F54
    """
    kit = Kit(limits=SMALL)
    kit.receive(serverFrame(0x02) + serverFrame(0x00) * 9)
    assert kit.owner.ending is None
    kit.receive(serverFrame(0x00))
    assert kit.owner.ending is not None and kit.owner.ending.code == 1009


def test_aBigMessageByteByByteNeedsLittleMemory() -> None:
    """
    Tiny pieces of a big message are joined as they come.  faults F54
    """
    kit = Kit()
    frame = serverFrame(BINARY, bytes(20_000))
    for place in range(len(frame) - 1):
        kit.client.dataReceived(frame[place : place + 1])
    pieces = kit.client._big
    assert len(pieces._tiny) + len(pieces._joined) < 1100
    assert kit.receive(frame[-1:]) == [("binary", bytes(20_000))]


def test_tinyFragmentsCostLinearTime() -> None:
    """
    Autobahn is shown a little at a time, however much was read.  faults F54
    """
    kit = Kit(limits=Limits(fragments=10**6))
    shown = []
    process = kit.client.processData

    def watch() -> bool:
        shown.append(len(kit.client.data))
        return bool(process())

    kit.client.processData = watch
    kit.receive(serverFrame(0x02) + serverFrame(0x00, b"x") * 20_000)
    assert max(shown) <= 2 * wsreader.WINDOW


def test_pingFloodIsAnsweredWithFewPongs() -> None:
    """
    Ten thousand pings make a handful of pongs, the latest among them.
    faults F59
    """
    kit = Kit()
    kit.receive(b"".join(serverFrame(PING, b"%d" % n) for n in range(10_000)))
    pongs = kit.sent()
    assert len(pongs) <= 16 and pongs[-1] == (PONG, b"9999")


def test_pongsWaitForACongestedPeer() -> None:
    """
    A peer that pings and does not read gets its pong when it reads again.
    faults F58, F59
    """
    kit = Kit()
    kit.link.producer.pauseProducing()
    kit.receive(serverFrame(PING, b"now"))
    assert kit.sent() == []
    kit.link.producer.resumeProducing()
    kit.clock.advance(0)
    assert (kit.sent(), kit.owner.drained) == ([(PONG, b"now")], 1)


# pausing and fairness


def test_nothingIsDeliveredAfterPausing() -> None:
    """
    What was read already is kept, and delivered in order after resuming, but
    not inside that call.  faults F116
    """
    kit = Kit()
    kit.owner.hook = lambda kind, payload: payload == b"1" and kit.client.pauseReading()
    heard = kit.receive(*[serverFrame(TEXT, b"%d" % n) for n in range(3)], serverFrame(TEXT, b"3"))
    assert (heard, kit.link.reading) == ([("text", b"0"), ("text", b"1")], False)
    kit.client.resumeReading()
    assert kit.owner.heard == []
    kit.clock.advance(0)
    assert (kit.owner.heard, kit.link.reading) == ([("text", b"2"), ("text", b"3")], True)


def test_pausingInTheMiddleOfOneRead() -> None:
    """
    Frames of the same read wait as well, whichever way they are read.
    """
    frames = serverFrame(TEXT, b"a") + serverFrame(0x01, b"b") + serverFrame(0x80, b"c")
    for quick in (True, False):
        kit = Kit(quick=quick)
        kit.owner.hook = lambda kind, payload, kit=kit: kit.client.pauseReading()
        assert kit.receive(frames + serverFrame(TEXT, b"d")[:3]) == [("text", b"a")]
        kit.client.resumeReading()
        kit.clock.advance(0)
        assert kit.receive(serverFrame(TEXT, b"d")[3:]) == [("text", b"bc")]
        kit.client.resumeReading()
        kit.clock.advance(0)
        assert kit.owner.heard == [("text", b"d")]


def test_pauseAndResumeAreIdempotent() -> None:
    """
    Only the last call counts.
    """
    kit = Kit()
    kit.client.resumeReading()
    kit.client.pauseReading()
    kit.client.pauseReading()
    kit.client.resumeReading()
    kit.client.pauseReading()
    kit.clock.advance(0)
    assert not kit.link.reading
    assert kit.receive(serverFrame(TEXT, b"x")) == []


def test_slowListenersDoNotHoldTheReactor() -> None:
    """
    A read full of messages is delivered over several turns, in order.
    """
    kit = Kit()
    kit.owner.hook = lambda kind, payload: kit.clock.advance(0.001)
    expected = [("text", b"%d" % n) for n in range(200)]
    first = kit.receive(b"".join(serverFrame(*(TEXT, payload)) for _, payload in expected))
    assert (len(first), kit.link.reading) == (32, False)
    kit.receive(serverFrame(TEXT, b"late"))
    while not kit.link.reading:
        kit.clock.advance(0)
    assert first + kit.owner.heard == [*expected, ("text", b"late")]


def test_theRestOfATurnIsDeliveredBeforeTheEnd() -> None:
    """
    A connection lost between two turns has delivered all that came before.
    """
    kit = Kit()
    kit.owner.hook = lambda kind, payload: kit.clock.advance(0.001)
    kit.receive(serverFrame(TEXT, b"x") * 100)
    kit.link.lose()
    assert len(kit.owner.heard) == 68
    assert kit.clock.getDelayedCalls() == []


def test_fewNames() -> None:
    """
    A client has so few names that CPython keeps them in one table for all:
    else an idle connection would need more than a kilobyte for this alone.
    """
    kit = Kit(prefix=FOUR)
    kit.receive(serverFrame(TEXT, b"4a") + serverFrame(PING, b"p"))
    kit.client.pauseReading()
    kit.client.resumeReading()
    kit.clock.advance(0)
    assert len(vars(kit.client)) + len(("makeConnection", "connectionLost")) <= 30


# canaries


@pytest.mark.parametrize(
    "name",
    [
        "processData",
        "onFrameBegin",
        "_connectionMade",
        "_fail_connection",
        "_invalid_payload",
        "_max_message_size_exceeded",
        "_parseExtensionsHeader",
        "onCloseFrame",
        "sendFrame",
    ],
)
def test_canaryOfAutobahnsMethods(name: str) -> None:
    """
    Autobahn still has the methods we call or replace.
    """
    assert callable(getattr(WebSocketProtocol, name))


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("processData", ["self.data", "current_frame_masker.pointer()", "current_frame.length"]),
        ("onFrameBegin", ["self.inside_message", "_isMessageCompressed", "self._onMessageBegin("]),
        ("onFrameData", ["self.message_data_total_length", "self.maxMessagePayloadSize"]),
        ("onFrameEnd", ["self._onMessageFrameEnd()", "self._onMessageEnd()"]),
        ("processControlFrame", ["self._onPing(", "self.onCloseFrame("]),
        ("onCloseFrame", ["self.remoteCloseCode", "self.remoteCloseReason", "sendCloseFrame("]),
        ("sendCloseFrame", ["self.sendFrame(opcode=8, payload=payload)"]),
        ("_connectionMade", ["self.CONFIG_ATTRS", "self.openHandshakeTimeout > 0"]),
    ],
)
def test_canaryOfAutobahnsAttributes(method: str, names: list[str]) -> None:
    """
    Autobahn still keeps its state under the names we look at.
    """
    source = inspect.getsource(getattr(WebSocketProtocol, method))
    assert [name for name in names if name not in source] == []


def test_canaryOfAutobahnsOptions() -> None:
    """
    Every option Autobahn would copy from its factory is set on our class.
    """
    wanted = WebSocketProtocol.CONFIG_ATTRS_COMMON
    assert [name for name in wanted if not hasattr(WebSocketClient, name)] == []


# ending while something big comes


@pytest.mark.parametrize(
    "frame",
    [
        serverFrame(BINARY, bytes(20_000)),
        serverFrame(TEXT, b"4" + bytes(20_000)),
        serverFrame(TEXT, b"3" + bytes(20_000)),
    ],
    ids=["binary", "prefixed", "text"],
)
def test_closingInsideABigMessage(frame: bytes) -> None:
    """
    The rest of a message that was begun before close() is read, for the
    server's goodbye comes after it, but not delivered.
    """
    kit = Kit(prefix=FOUR)
    kit.receive(frame[:10_000])
    kit.client.close()
    assert kit.receive(frame[10_000:] + closeFrame(1000)) == []
    assert kit.owner.ending is not None and kit.owner.ending.wasClean


def test_resumingTwiceInATurn() -> None:
    """
    However often reading is paused and resumed, it goes on once.
    """
    kit = Kit()
    kit.client.pauseReading()
    kit.receive(serverFrame(TEXT, b"x"))
    for _ in range(2):
        kit.client.resumeReading()
        kit.client.pauseReading()
    kit.client.resumeReading()
    assert len(kit.clock.getDelayedCalls()) == 1
    kit.clock.advance(0)
    assert (kit.owner.heard, kit.link.reading) == ([("text", b"x")], True)


def test_aTransportThatCannotPause() -> None:
    """
    What comes though reading is paused waits, where the transport cannot hold
    it back.
    """
    kit = Kit()
    kit.link.pauseProducing = kit.link.resumeProducing = None  # type: ignore[assignment,method-assign]
    kit.client.pauseReading()
    assert kit.receive(serverFrame(TEXT, b"x")) == []
    kit.client.resumeReading()
    kit.clock.advance(0)
    assert kit.owner.heard == [("text", b"x")]
