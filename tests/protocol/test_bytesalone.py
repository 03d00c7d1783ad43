"""
The commonest binary event, a name and bytes, goes a way of its own, and
nothing may differ.
"""

from __future__ import annotations

from typing import Any

import pytest

from txsocketio.errors import DecodeError
from txsocketio.protocol.socketio import EVENT, JSONParser

HEADER = b'51-["bin",{"_placeholder":true,"num":0}]'


def decoder(attachments: int = 10, size: int = 1000) -> Any:
    """
    A decoder with these limits.
    """
    return JSONParser().buildDecoder(attachments, size)


def test_decoded() -> None:
    """
    The bytes are the argument, and the decoder is ready for the next packet.
    """
    one = decoder()
    for _ in range(2):
        assert one.addText(HEADER) is None
        assert one.addBinary(b"x") == (EVENT, "/", None, ["bin", b"x"])
    assert one.addText(b'2["a"]') == (EVENT, "/", None, ["a"])


def test_limit() -> None:
    """
    faults F105: header and bytes count together, to the byte.
    """
    room = 1000 - len(HEADER)
    one = decoder()
    one.addText(HEADER)
    assert one.addBinary(b"x" * room)[3][1] == b"x" * room
    one.addText(HEADER)
    with pytest.raises(DecodeError, match="1000 bytes"):
        one.addBinary(b"x" * (room + 1))


def test_textInBetween() -> None:
    """
    faults F97: text while the bytes are due is an error, and forgets them.
    """
    one = decoder()
    one.addText(HEADER)
    with pytest.raises(DecodeError, match="attachments are due"):
        one.addText(HEADER)
    with pytest.raises(DecodeError, match="no packet announced"):
        one.addBinary(b"x")


@pytest.mark.parametrize(
    "header",
    [
        b'51-["connect",{"_placeholder":true,"num":0}]',
        b'51-["a",{"_placeholder":true,"num":0}] ]',
        b'51-["a,{"_placeholder":true,"num":0}]',
        b'51-["a" "b",{"_placeholder":true,"num":0}]',
        b'51-["\xff",{"_placeholder":true,"num":0}]',
    ],
)
def test_lookAlikes(header: bytes) -> None:
    """
    faults F73, F78: what only looks like it is refused as ever.
    """
    with pytest.raises(DecodeError):
        decoder().addText(header)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b'51-["a",1,{"_placeholder":true,"num":0}]', ["a", 1, b"x"]),
        (b'51-["\\ud800",{"_placeholder":true,"num":0}]', ["\ud800", b"x"]),
        (b'51-["a",{"num":0,"_placeholder":true}]', ["a", b"x"]),
    ],
)
def test_neighbours(header: bytes, data: list[Any]) -> None:
    """
    What is nearly the same goes the other way, to the same end.
    """
    one = decoder()
    assert one.addText(header) is None
    assert one.addBinary(b"x") == (EVENT, "/", None, data)


def test_manyNames() -> None:
    """
    However many events there are, what is remembered of them is bounded.
    """
    one = decoder()
    for number in range(1000):
        one.addText(HEADER.replace(b"bin", b"%d" % number))
        assert one.addBinary(b"x") == (EVENT, "/", None, [str(number), b"x"])
    assert len(one._announced) <= 64


@pytest.mark.parametrize(("attachments", "size"), [(0, 1000), (10, 20)])
def test_limitsOfTheHeader(attachments: int, size: int) -> None:
    """
    faults F98, F105: limits are looked at before anything is kept.
    """
    with pytest.raises(DecodeError):
        decoder(attachments, size).addText(HEADER)


@pytest.mark.parametrize(
    ("namespace", "ackID", "text"),
    [
        ("/", None, b'51-["bin",{"_placeholder":true,"num":0}]'),
        ("/a", 7, b'51-/a,7["bin",{"_placeholder":true,"num":0}]'),
    ],
)
def test_encoded(namespace: str, ackID: int | None, text: bytes) -> None:
    """
    What the search would have found is written.
    """
    assert JSONParser().encode(EVENT, namespace, ackID, ("bin", b"x")) == (text, (b"x",))


def test_encodedHalfACharacter() -> None:
    """
    behaviours T9: a name may hold half of a surrogate pair, escaped.
    """
    text, _ = JSONParser().encode(EVENT, "/", None, ("\ud800", b"x"))
    assert text == b'51-["\\ud800",{"_placeholder":true,"num":0}]'
