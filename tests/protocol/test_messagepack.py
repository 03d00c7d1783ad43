"""
Socket.IO packets as MessagePack.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import msgpack
import pytest

from txsocketio.errors import DecodeError, NotEncodable
from txsocketio.protocol.messagepack import MessagePackParser
from txsocketio.protocol.socketio import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT


def encode(packetType: int, data: Any, ackID: int | None = None, nsp: str = "/") -> bytes:
    text, (binary,) = MessagePackParser().encode(packetType, nsp, ackID, data)
    assert text is None
    return bytes(binary)


def decode(message: bytes, limit: int = 10**6) -> Any:
    return MessagePackParser().buildDecoder(10, limit).addBinary(message)


def packet(**changes: Any) -> bytes:
    """
    An EVENT as it may come, but for some changes.
    """
    return bytes(msgpack.packb({"type": EVENT, "nsp": "/", "data": ["a"], **changes}))


# encoding


@pytest.mark.parametrize(
    ("packetType", "data", "ackID", "namespace"),
    [
        (CONNECT, None, None, "/"),
        (CONNECT, {"token": "x"}, None, "/admin"),
        (DISCONNECT, None, None, "/admin"),
        (EVENT, ["a", 1, 2.5, None, True, "ünï", b"raw", {"k": [b"raw"]}], None, "/"),
        (EVENT, [7, -(2**63), 2**64 - 1], 0, "/"),
        (ACK, [], 12, "/admin"),
        (ACK, [b""], 2**53 - 1, "/"),
        (CONNECT_ERROR, {"message": "no"}, None, "/"),
        (CONNECT_ERROR, "no", None, "/"),
    ],
)
def test_thereAndBack(packetType: int, data: Any, ackID: int | None, namespace: str) -> None:
    """
    What is sent is what comes, bytes inside it.
    """
    message = encode(packetType, data, ackID, namespace)
    assert decode(message) == (packetType, namespace, ackID, data)


def test_oneMessage() -> None:
    """
    A packet is a map in one binary message; what it does not have is left
    out.
    """
    assert msgpack.unpackb(encode(DISCONNECT, None)) == {"type": DISCONNECT, "nsp": "/"}
    assert msgpack.unpackb(encode(ACK, ["x"], 3)) == {
        "type": ACK,
        "nsp": "/",
        "data": ["x"],
        "id": 3,
    }


@pytest.mark.parametrize("value", [bytearray(b"raw"), memoryview(b"raw")])
def test_bytesLike(value: Any) -> None:
    """
    Anything like bytes is sent as bytes.

    behaviours T14
    """
    assert decode(encode(EVENT, ["a", value]))[3] == ["a", b"raw"]


def test_tuplesAreArrays() -> None:
    """
    A tuple is an array on the wire and comes back as a list.
    """
    assert decode(encode(EVENT, ("a", (1, (2,)))))[3] == ["a", [1, [2]]]


def test_oddNumbers() -> None:
    """
    MessagePack has infinities and NaN.
    """
    assert decode(encode(EVENT, ["a", math.inf, -math.inf]))[3] == ["a", math.inf, -math.inf]
    assert math.isnan(decode(encode(EVENT, ["a", math.nan]))[3][1])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1}, r"data\[1\] is a set"),
        ([{"k": datetime(2026, 1, 1)}], r"data\[1\]\[0\]\['k'\] is a datetime"),
        (print, r"data\[1\] is a builtin"),
        ({1: "x"}, r"data\[1\] has the key 1"),
        ({None: "x"}, "has the key None"),
        ({(): "x"}, "has the key"),
        ({b"k": "x"}, "has the key b'k'"),
        (2**64, r"data\[1\] is an int that does not fit"),
        (-(2**63) - 1, r"data\[1\] is an int that does not fit"),
        ("\ud800", "cannot be sent as MessagePack"),
        (1j, "is a complex"),
    ],
)
def test_refused(value: Any, message: str) -> None:
    """
    What cannot be sent is refused, and the place is named.

    behaviours T12, T13, T18
    """
    with pytest.raises(NotEncodable, match=message):
        encode(EVENT, ["a", value])


@pytest.mark.parametrize("name", [None, True, 1.5, b"a", ["a"]])
def test_eventNames(name: Any) -> None:
    """
    An event's name is text or a whole number.

    behaviours T15
    """
    with pytest.raises(NotEncodable, match="an event's name"):
        encode(EVENT, [name])


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_depth() -> None:
    """
    Deep data is sent as deep as JSON would, and no deeper.

    behaviours T6
    """
    decode(encode(EVENT, ["a", nested(250)]))
    with pytest.raises(NotEncodable, match="deeper than 254"):
        encode(EVENT, ["a", nested(300)])


def test_inItself() -> None:
    """
    A list that holds itself is refused.
    """
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(NotEncodable, match="in itself"):
        encode(EVENT, ["a", loop])


def test_default() -> None:
    """
    C{default} turns what cannot be sent into what can.

    behaviours T13
    """
    parser = MessagePackParser(lambda value: sorted(value))
    _, (message,) = parser.encode(EVENT, "/", None, ["a", {2, 1}])
    assert decode(bytes(message))[3] == ["a", [1, 2]]


def test_defaultOfDefault() -> None:
    """
    C{default} that gets nowhere is stopped.
    """
    parser = MessagePackParser(lambda value: [value])
    with pytest.raises(NotEncodable, match="deeper"):
        parser.encode(EVENT, "/", None, ["a", {1}])


# decoding


def test_undefined() -> None:
    """
    JavaScript's C{undefined} is C{None}.
    """
    assert decode(packet(data=["a", msgpack.ExtType(0, b"\0")]))[3] == ["a", None]
    assert decode(packet(id=msgpack.ExtType(0, b"\0")))[2] is None


@pytest.mark.parametrize("raw", [b"", b"\1", b"raw", b"x" * 8, b"x" * 300])
def test_arrayBuffers(raw: bytes) -> None:
    """
    An C{ArrayBuffer} is bytes.
    """
    assert decode(packet(data=["a", msgpack.ExtType(0, raw)]))[3] == ["a", raw]


def test_otherExtensions() -> None:
    """
    What we do not know is handed over as it came.
    """
    extension = msgpack.ExtType(5, b"x")
    assert decode(packet(data=["a", extension]))[3] == ["a", extension]


def test_moreThanWeKnow() -> None:
    """
    Further keys of a packet do no harm.
    """
    assert decode(packet(options={"compress": True})) == (EVENT, "/", None, ["a"])


@pytest.mark.parametrize(
    "changes",
    [
        {"type": None},
        {"type": -1},
        {"type": 5},
        {"type": 6},
        {"type": "2"},
        {"type": True},
        {"type": 2.0},
        {"nsp": None},
        {"nsp": b"/"},
        {"nsp": 1},
        {"id": -1},
        {"id": "1"},
        {"id": 1.5},
        {"id": True},
        {"id": 2**53},
        {"data": None},
        {"data": []},
        {"data": {}},
        {"data": "a"},
        {"data": [None]},
        {"data": [True]},
        {"data": [1.5]},
        {"data": [["a"]]},
        {"data": [b"a"]},
        {"data": ["connect"]},
        {"data": ["disconnect"]},
        {"type": ACK, "data": []},
        {"type": ACK, "id": 1, "data": {}},
        {"type": ACK, "id": 1, "data": None},
        {"type": CONNECT, "data": []},
        {"type": CONNECT, "data": "sid"},
        {"type": DISCONNECT, "data": []},
        {"type": CONNECT_ERROR, "data": None},
        {"type": CONNECT_ERROR, "data": ["no"]},
    ],
)
def test_badPackets(changes: dict[str, Any]) -> None:
    """
    What is no packet is refused.

    behaviours T10; faults R1
    """
    with pytest.raises(DecodeError, match="not a Socket.IO packet"):
        decode(packet(**changes))


@pytest.mark.parametrize("key", ["type", "nsp", "data"])
def test_missing(key: str) -> None:
    """
    A packet without one of its parts is refused.
    """
    whole = {"type": EVENT, "nsp": "/", "data": ["a"]}
    del whole[key]
    with pytest.raises(DecodeError, match="not a Socket.IO packet"):
        decode(msgpack.packb(whole))


@pytest.mark.parametrize("value", [None, 1, "a", b"a", [], [2, "/"], {}])
def test_otherThings(value: Any) -> None:
    """
    Any other value is no packet.
    """
    with pytest.raises(DecodeError):
        decode(msgpack.packb(value))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xc1",
        b"\x81",
        packet()[:-1],
        packet() + b"\0",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xa1\xff",
        b"\x81\x01\x02",
        b"\x81\x90\x02",
        b"\x81\xc0\x02",
        b"\x91" * 100_000 + b"\xc0",
        b"\xd6\xff\xff\xff\xff",
        b"\xc7\x03\xff\x00\x00\x00",
    ],
)
def test_invalid(message: bytes) -> None:
    """
    Bytes that are no MessagePack, or claim or nest more than they should, are
    refused with one kind of error that shows their head.

    behaviours T6; faults R1
    """
    with pytest.raises(DecodeError):
        decode(message)


def test_tooLong() -> None:
    """
    A message over C{maxMessageBytes} is not even looked at.
    """
    message = packet()
    assert decode(message, len(message))
    with pytest.raises(DecodeError, match="over maxMessageBytes"):
        decode(message, len(message) - 1)


def test_text() -> None:
    """
    Text means that the server speaks JSON, and the error says so.
    """
    with pytest.raises(DecodeError, match="socket.io-msgpack-parser"):
        MessagePackParser().buildDecoder(10, 100).addText(b'0{"sid":"x"}')
