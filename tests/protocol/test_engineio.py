"""
Engine.IO packets, payloads and the handshake.
"""

from __future__ import annotations

import json
from array import array
from typing import Any

import pytest

from txsocketio.errors import DecodeError
from txsocketio.protocol import engineio
from txsocketio.protocol.engineio import (
    CLOSE,
    MESSAGE,
    NOOP,
    OPEN,
    PING,
    PONG,
    UPGRADE,
    CloseDetails,
    Handshake,
    decodeHandshake,
    decodePacket,
    encodeBinary,
    encodePacket,
    fitPayload,
    splitPayload,
)

# packets


@pytest.mark.parametrize(
    ("packetType", "data", "wire"),
    [
        (OPEN, b"", b"0"),
        (CLOSE, b"", b"1"),
        (PING, b"probe", b"2probe"),
        (PONG, b"probe", b"3probe"),
        (MESSAGE, b"test", b"4test"),
        (UPGRADE, b"", b"5"),
        (NOOP, b"", b"6"),
    ],
)
def test_text(packetType: int, data: bytes, wire: bytes) -> None:
    """
    Every type of packet is one digit and its data, in both directions.

    behaviours H1, L1, L3
    """
    assert encodePacket(packetType, data) == wire
    assert decodePacket(wire) == (packetType, data, False)


def test_version() -> None:
    """
    The protocol is the one that C{EIO=4} asks for.

    behaviours H1
    """
    assert engineio.PROTOCOL == 4


@pytest.mark.parametrize(
    ("data", "wire"), [(b"\1\2\3\4", b"bAQIDBA=="), (b"", b"b"), (b"\xff" * 3, b"b////")]
)
def test_binary(data: bytes, wire: bytes) -> None:
    """
    Bytes travel as base64 where only text can; no bytes at all do, too.

    behaviours K6, L6, L9; faults F17
    """
    assert encodeBinary(data) == wire
    assert decodePacket(wire) == (MESSAGE, data, True)


def test_binaryIsOneLine() -> None:
    """
    Long base64 is not broken into lines.
    """
    assert b"\n" not in encodeBinary(bytes(10000))


def test_views() -> None:
    """
    Of a view, exactly the bytes it shows are sent.

    behaviours L7
    """
    view = memoryview(b"abcdef")[2:4]
    assert decodePacket(encodeBinary(view))[1] == b"cd"  # type: ignore[arg-type]
    words = memoryview(array("H", [1, 2]))
    assert decodePacket(encodeBinary(words))[1] == words.tobytes()  # type: ignore[arg-type]


def test_emptyPacket() -> None:
    """
    An empty packet is an error that says so.

    behaviours L2, P19; faults F1
    """
    with pytest.raises(DecodeError, match="empty packet"):
        decodePacket(b"")


@pytest.mark.parametrize(
    "packet", [b"9x", b"7", b"zzz", b"{", b"{}", b"a123", "٣".encode(), b"\xff"]
)
def test_unknownType(packet: bytes) -> None:
    """
    What begins with no known digit is an error that shows it.

    behaviours L2, L4, P11; faults F2
    """
    with pytest.raises(DecodeError, match="unknown packet type") as raised:
        decodePacket(packet)
    assert raised.value.seen == ascii(packet)[1:]


@pytest.mark.parametrize(
    "text",
    ["!!!!", "AQ", "AQI", "AQIDBA", "AQ=A", "====", "AQIDBA==AAAA", "A Q=", "é", "AQ==\n", "-_-_"],
)
def test_badBase64(text: str) -> None:
    """
    Damaged base64 is an error, not less data.

    faults F18, R12
    """
    with pytest.raises(DecodeError, match="invalid base64"):
        decodePacket(b"b" + text.encode())


# payloads


def test_payload() -> None:
    """
    The example of the specification is cut into its packets.

    behaviours L3, L8
    """
    body = b"0\x1e1\x1e2probe\x1e3probe\x1e4test\x1ebAQIDBA=="
    packets = [decodePacket(packet) for packet in splitPayload(body)]
    assert packets == [
        (OPEN, b"", False),
        (CLOSE, b"", False),
        (PING, b"probe", False),
        (PONG, b"probe", False),
        (MESSAGE, b"test", False),
        (MESSAGE, b"\1\2\3\4", True),
    ]


def test_emptyPayload() -> None:
    """
    An empty body is one empty packet, so it is an error for who decodes it.

    behaviours P19
    """
    assert splitPayload(b"") == [b""]


def test_trailingSeparator() -> None:
    """
    What stands before a superfluous separator is whole.

    faults F20
    """
    assert splitPayload(b'42["a"]\x1e') == [b'42["a"]', b""]


def test_manyPackets() -> None:
    """
    There is no limit to the number of packets in a body.

    behaviours P20
    """
    assert len(splitPayload(engineio.SEPARATOR.join([b"4a"] * 1000))) == 1000


@pytest.mark.parametrize(
    ("sizes", "maxPayload", "maxPackets", "count"),
    [
        ([10, 10, 10], 0, None, 3),
        ([10, 10, 10], 32, None, 3),
        ([10, 10, 10], 31, None, 2),
        ([10, 10, 10], 21, None, 2),
        ([10, 10, 10], 20, None, 1),
        ([10, 10, 10], 10, None, 1),
        ([10, 10, 10], 9, None, 1),
        ([10, 10, 10], 1, None, 1),
        ([10, 10, 10], 0, 2, 2),
        ([10, 10, 10], 21, 16, 2),
        ([10, 10, 10], 1000, 1, 1),
        ([10], 1000, 16, 1),
        ([], 0, None, 1),
        ([], 10, None, 1),
    ],
)
def test_fitting(sizes: list[int], maxPayload: int, maxPackets: int | None, count: int) -> None:
    """
    A body holds as many packets as both limits allow, separators counted, and
    at least one.

    behaviours J17; faults F7
    """
    packets = [b"4" * size for size in sizes]
    assert fitPayload(packets, maxPayload, maxPackets) == count


def test_base64GrowthCounts() -> None:
    """
    The reference's case: with a limit of 100 bytes, five messages make three
    bodies.

    behaviours J17
    """
    binary = [encodeBinary(bytes(size)) for size in (72, 20, 20, 72)]
    packets = [*binary[:2], encodePacket(MESSAGE, b"x" * 20), *binary[2:]]
    bodies = []
    while packets:
        count = fitPayload(packets, 100, None)
        bodies.append(engineio.SEPARATOR.join(packets[:count]))
        packets = packets[count:]
    assert [len(body) for body in bodies] == [97, 29 + 1 + 21 + 1 + 29, 97]


# the handshake

GOOD: dict[str, Any] = {
    "sid": "lv_VI97HAXpY6yYWAAAC",
    "upgrades": ["websocket"],
    "pingInterval": 25000,
    "pingTimeout": 20000,
    "maxPayload": 1000000,
}


def shake(**changed: Any) -> Handshake:
    return decodeHandshake(json.dumps(GOOD | changed).encode())


def shakeWithout(name: str) -> Handshake:
    return decodeHandshake(
        json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()
    )


def test_handshake() -> None:
    """
    A server's handshake is read, and its milliseconds become seconds.
    """
    assert shake() == Handshake("lv_VI97HAXpY6yYWAAAC", ("websocket",), 25.0, 20.0, 1000000)


def test_extraKeys() -> None:
    """
    What a later server adds does no harm.

    faults F9
    """
    assert shake(serverTime=1) == shake()


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[]", b"7", b'"x"', b"\xff", b"{} {}"])
def test_noObject(data: bytes) -> None:
    """
    A handshake that is no JSON object is an error.

    behaviours P3; faults F3, F28, R1
    """
    with pytest.raises(DecodeError, match="invalid handshake: not"):
        decodeHandshake(data)


@pytest.mark.parametrize("sid", ["", 5, None, True, ["a"], "x" * 257, "a\nb", "a\x00", "\x7f"])
def test_badSid(sid: object) -> None:
    """
    A session id that could not be written into requests is an error.

    faults F4
    """
    with pytest.raises(DecodeError, match="invalid handshake: sid"):
        shake(sid=sid)


def test_missingSid() -> None:
    """
    Without a session id there is no session.

    faults F4
    """
    with pytest.raises(DecodeError, match="sid"):
        shakeWithout("sid")


def test_longestSid() -> None:
    """
    256 characters are allowed.
    """
    assert len(shake(sid="x" * 256).sid) == 256


def test_missingUpgrades() -> None:
    """
    A server that says nothing of upgrades offers none.

    faults F5, R1
    """
    assert shakeWithout("upgrades").upgrades == ()


@pytest.mark.parametrize("upgrades", [None, "websocket", {}, [1], ["websocket", None]])
def test_badUpgrades(upgrades: object) -> None:
    """
    Upgrades that are no list of names are an error.

    faults F5
    """
    with pytest.raises(DecodeError, match="upgrades"):
        shake(upgrades=upgrades)


def test_unknownUpgrades() -> None:
    """
    Names we never heard of are passed on; the engine ignores them.

    behaviours K10; faults F5
    """
    assert shake(upgrades=["webtransport", "x"]).upgrades == ("webtransport", "x")


@pytest.mark.parametrize("name", ["pingInterval", "pingTimeout"])
@pytest.mark.parametrize("value", [None, True, "25000", -1, 0, 0.0, [], {}, -0.5])
def test_badDurations(name: str, value: object) -> None:
    """
    A duration that is no positive number is an error that names it.

    faults F6, R6
    """
    with pytest.raises(DecodeError, match=name):
        shake(**{name: value})


@pytest.mark.parametrize("name", ["pingInterval", "pingTimeout"])
def test_missingDurations(name: str) -> None:
    """
    Without durations, nobody could tell a dead server from a quiet one.

    faults F6, R6
    """
    with pytest.raises(DecodeError, match=name):
        shakeWithout(name)


@pytest.mark.parametrize("number", ["NaN", "1e999", "Infinity"])
def test_noFiniteDuration(number: str) -> None:
    """
    Neither NaN nor an infinity gets as far as a timer.

    faults F6
    """
    with pytest.raises(DecodeError):
        decodeHandshake(b'{"sid":"a","pingInterval":%b,"pingTimeout":1}' % number.encode())


@pytest.mark.parametrize("tiny", [1, 0.25])
def test_tinyDurations(tiny: float) -> None:
    """
    A server may ping every millisecond, or oftener.
    """
    assert shake(pingInterval=tiny).pingInterval == tiny / 1000


@pytest.mark.parametrize("huge", [2**31, 2**63, 1e300, 1.7e308])
def test_hugeDurations(huge: float) -> None:
    """
    Absurd durations become a day in all, which a timer can take.

    faults F6, R6
    """
    handshake = shake(pingInterval=huge, pingTimeout=huge)
    assert handshake.pingInterval + handshake.pingTimeout == pytest.approx(86400)


def test_longDurationsKeepTheirShare() -> None:
    """
    A long interval beside a short grace stays long.
    """
    handshake = shake(pingInterval=86_400_000, pingTimeout=1000)
    assert handshake.pingInterval > 86000
    assert 0.9 < handshake.pingTimeout < 1.1


@pytest.mark.parametrize(("given", "kept"), [(0, 0), (1, 1), (10**9, 10**9)])
def test_maxPayload(given: int, kept: int) -> None:
    """
    Any whole number of bytes is obeyed; 0 is no limit.

    faults F7
    """
    assert shake(maxPayload=given).maxPayload == kept


def test_missingMaxPayload() -> None:
    """
    Servers before 4.2 do not say it: no limit.

    faults F7
    """
    assert shakeWithout("maxPayload").maxPayload == 0


@pytest.mark.parametrize("value", [-1, "1000", None, True, 1.5, [], 2**70])
def test_badMaxPayload(value: object) -> None:
    """
    Anything else is an error that names it.

    faults F7
    """
    with pytest.raises(DecodeError, match="maxPayload"):
        shake(maxPayload=value)


def test_deepHandshake() -> None:
    """
    Nesting without end is an error like any other.
    """
    with pytest.raises(DecodeError):
        decodeHandshake(b"[" * 100_000)


# details


def test_closeDetails() -> None:
    """
    The details of a close read well in a log.

    behaviours Q8; faults F52
    """
    details = CloseDetails("connection closed", {"code": 1001, "reason": "bye"})
    assert str(details) == "connection closed (code 1001, reason 'bye')"
    assert str(CloseDetails("transport closed by the server")) == "transport closed by the server"
