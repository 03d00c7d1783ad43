"""
What holds for any data: hypothesis looks for the exception.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from txsocketio.errors import DecodeError
from txsocketio.protocol import engineio, socketio
from txsocketio.protocol.socketio import ACK, EVENT, RESERVED_EVENTS, JSONParser

surrogates = st.characters(categories=["Cs"])
texts = st.text(max_size=12) | st.text(st.characters() | surrogates, max_size=6)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
keys = texts.filter(lambda key: key != "_placeholder")


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


names = texts.filter(lambda name: name not in RESERVED_EVENTS) | st.integers(0, 2**53)
namespaces = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=","), max_size=8
).map(lambda text: f"/{text}")
ackIDs = st.none() | st.integers(0, 2**53 - 1)


def joined(text: str) -> str:
    """
    Halves of surrogate pairs that meet are one character to every JSON reader.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def normal(value: Any) -> Any:
    if isinstance(value, str):
        return joined(value)
    if isinstance(value, list):
        return [normal(each) for each in value]
    if isinstance(value, dict):
        return {joined(key): normal(each) for key, each in value.items()}
    return value


def feed(decoder: socketio.Decoder, text: bytes, attachments: Any) -> Any:
    packet = decoder.addText(text)
    for attachment in attachments:
        assert packet is None
        packet = decoder.addBinary(attachment)
    return packet


@given(names, st.lists(trees(scalars | st.binary(max_size=8)), max_size=3), namespaces, ackIDs)
def test_roundTrip(name: Any, args: list[Any], namespace: str, ackID: int | None) -> None:
    """
    Any event comes back as it was sent, and leaves its arguments untouched.

    behaviours O29, M31
    """
    data = [name, *args]
    before = repr(data)
    text, attachments = JSONParser().encode(EVENT, namespace, ackID, data)
    assert repr(data) == before
    decoder = JSONParser().buildDecoder(1000, 10**6)
    assert feed(decoder, text, attachments) == (EVENT, namespace, ackID, normal(data))


@given(st.lists(trees(scalars | st.binary(max_size=8)), max_size=3), st.integers(0, 2**53 - 1))
def test_roundTripOfAnswers(args: list[Any], ackID: int) -> None:
    """
    So does any acknowledgement.
    """
    text, attachments = JSONParser().encode(ACK, "/", ackID, args)
    decoder = JSONParser().buildDecoder(1000, 10**6)
    assert feed(decoder, text, attachments) == (ACK, "/", ackID, normal(args))


def odd(value: Any) -> Any:
    """
    The same data in clothes that only the slow path knows.
    """
    if isinstance(value, list):
        return tuple(odd(each) for each in value)
    if isinstance(value, dict):
        return OrderedDict((key, odd(each)) for key, each in value.items())
    return value


@given(trees(scalars | st.binary(max_size=8) | st.floats()))
def test_pathsAgree(tree: Any) -> None:
    """
    The quick path and the slow one write the same bytes.
    """
    quick = JSONParser().encode(EVENT, "/", None, ["a", tree, {}])
    slow = JSONParser().encode(EVENT, "/", None, ["a", odd(tree), OrderedDict()])
    assert (quick[0], list(quick[1])) == (slow[0], list(slow[1]))


@given(trees(scalars))
def test_readersAgree(tree: Any) -> None:
    """
    What Python's own json writes is read as Python's own json reads it.
    """
    text = json.dumps(["a", tree])
    packet = JSONParser().buildDecoder(1, 10**6).addText(b"2" + text.encode())
    assert packet is not None
    # -0 is an integer to one of them only.
    assert packet[3] == json.loads(text)


@given(texts | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_oneHalfChangesNothing(text: str) -> None:
    """
    A half of a surrogate pair somewhere does not change what is beside it.
    """
    decoder = JSONParser().buildDecoder(1, 10**6)
    alone = decoder.addText(b"2" + json.dumps(["a", joined(text)]).encode())
    beside = decoder.addText(b"2" + json.dumps(["a", joined(text), "\ud800"]).encode())
    assert alone is not None
    assert beside is not None
    assert beside[3] == [*alone[3], "\ud800"]


fragments = st.sampled_from(
    [
        b"2",
        b"3",
        b"5",
        b"51-",
        b"/admin,",
        b"12",
        b"[",
        b"]",
        b"{",
        b"}",
        b'"a"',
        b",",
        b":",
        b"1e5",
    ]
    + [b'{"_placeholder":true,"num":', b'"\\ud800"', b"null", b"\xff", b"-", b" ", b"0", b"\x1e"]
)
hostile = st.binary(max_size=40) | st.lists(fragments, max_size=10).map(b"".join)


@given(st.lists(st.tuples(st.booleans(), hostile), max_size=6))
def test_onlyDecodeErrors(messages: list[tuple[bool, bytes]]) -> None:
    """
    No sequence of messages makes any other exception, and the decoder works
    afterwards.

    faults R1, F106
    """
    decoder = JSONParser(objectHook=lambda found: found["a"]).buildDecoder(3, 1000)
    for isText, message in messages:
        try:
            (decoder.addText if isText else decoder.addBinary)(message)
        except DecodeError as error:
            assert str(error)
            assert decoder.addText(b'2["hello"]') is not None
    decoder.reset()
    assert decoder.addText(b'2["hello"]') is not None


def outcome(decoder: Any, message: bytes) -> Any:
    """
    The packet, with bytes where they are due, or the error's text.
    """
    try:
        packet = decoder.addText(message)
        while packet is None:
            packet = decoder.addBinary(b"x")
    except DecodeError as error:
        return str(error)
    return packet


@given(hostile)
@example(b'2/admin,["a"]')
@example(b'2/admin, ["a"]')
@example(b'2/admin,1x,["a"]')
@example(b'2/admin,12["x",["y"]]')
@example(b'2/\xff,["a"]')
@example(b'2/admin,["connect"]')
@example(b'2/admin,{"0":"a"}')
@example(b"2/admin,[]")
@example(b"2/admin")
@example(b"3[]")
@example(b"312 []")
@example(b'3007["a"]')
@example(b"3900719925474099[]")
@example(b"39007199254740992[]")
@example(b"31[")
@example(b"3\xc2\xb2[]")
@example(b'51-["bin",{"_placeholder":true,"num":0}]')
@example(b'51-["' + b"a" * 200 + b'",{"_placeholder":true,"num":0}]')
def test_waysIntoTheDecoderAgree(message: bytes) -> None:
    """
    What comes by a quick way is what the slow one would have made of it.
    """
    slow = JSONParser(objectHook=lambda found: found).buildDecoder(10, 1000)
    quick = JSONParser().buildDecoder(10, 1000)
    expected = outcome(slow, message)
    assert [outcome(quick, message) for _ in range(2)] == [expected] * 2


CORPUS = [
    b'0{"sid":"abc","pid":"def"}',
    b"1/admin,",
    b'2["event",1,{"a":[true,null,"x"]}]',
    b'2/admin,12["event","\\ud800",1.5e3]',
    b"3/admin,12[]",
    b'4/admin,{"message":"no","data":{}}',
    b'52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
    b'61-7[{"_placeholder":true,"num":0}]',
]


@given(st.sampled_from(CORPUS), st.data())
def test_mutations(message: bytes, data: st.DataObject) -> None:
    """
    A good packet with a few bytes changed is a good packet or an error.

    faults F73
    """
    mutated = bytearray(message)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(mutated) - 1))
        mutated[position : position + data.draw(st.integers(0, 2))] = data.draw(
            st.binary(max_size=2)
        )
        if not mutated:
            break
    decoder = JSONParser().buildDecoder(10, 1000)
    try:
        packet = decoder.addText(bytes(mutated))
        while packet is None:
            packet = decoder.addBinary(b"x")
    except DecodeError:
        return
    packetType, namespace, ackID, _ = packet
    assert packetType in range(5)
    assert namespace.startswith("/")
    assert ackID is None or 0 <= ackID < 2**53


@given(hostile)
def test_engineOnlyDecodeErrors(body: bytes) -> None:
    """
    Nor does any body make another exception in the floor below.

    faults R1
    """
    for packet in engineio.splitPayload(body):
        try:
            packetType, _, isBinary = engineio.decodePacket(packet)
        except DecodeError:
            continue
        assert packetType in range(7)
        assert not isBinary or packetType == engineio.MESSAGE
    try:
        engineio.decodeHandshake(body)
    except DecodeError as error:
        assert "handshake" in str(error)


texty = st.text(max_size=8).map(str.encode).filter(lambda data: b"\x1e" not in data)


@given(st.lists(texty | st.binary(max_size=40).map(memoryview), min_size=1, max_size=10))
def test_payloadRoundTrip(messages: list[Any]) -> None:
    """
    Any messages survive a payload, texts and bytes mixed.

    behaviours L8, K2
    """
    body = engineio.SEPARATOR.join(
        engineio.encodeBinary(message)
        if isinstance(message, memoryview)
        else engineio.encodePacket(engineio.MESSAGE, message)
        for message in messages
    )
    assert [engineio.decodePacket(packet) for packet in engineio.splitPayload(body)] == [
        (engineio.MESSAGE, bytes(message), isinstance(message, memoryview)) for message in messages
    ]


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=30).map(
        lambda sizes: [b"4" * n for n in sizes]
    ),
    st.integers(0, 200),
    st.none() | st.integers(1, 16),
)
@settings(max_examples=200)
def test_fittingMovesOn(packets: list[bytes], maxPayload: int, maxPackets: int | None) -> None:
    """
    Sending always comes to an end, no body of several packets is too large,
    and none could have taken one more.

    behaviours J17; faults F7
    """
    while packets:
        count = engineio.fitPayload(packets, maxPayload, maxPackets)
        assert 1 <= count <= len(packets)
        assert maxPackets is None or count <= maxPackets
        size = len(engineio.SEPARATOR.join(packets[:count]))
        assert count == 1 or not maxPayload or size <= maxPayload
        full = maxPayload and size + 1 + len(b"".join(packets[count : count + 1])) > maxPayload
        assert full or count in (len(packets), maxPackets)
        packets = packets[count:]
