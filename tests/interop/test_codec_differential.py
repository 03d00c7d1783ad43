"""
The same bytes through our codecs and through JavaScript's own.

Where ours is stricter by rule, the rule is in L{STRICTER}; anything else that
differs is a bug, here or there.
"""

from __future__ import annotations

import base64
import json
import math
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interop.servers import nodeCommand
from txsocketio.errors import DecodeError
from txsocketio.protocol import engineio
from txsocketio.protocol.socketio import ACK, EVENT, RESERVED_EVENTS, JSONParser

pytestmark = pytest.mark.node

REFUSED = object()


class Oracle:
    """
    A child process that answers for JavaScript, a line a case.
    """

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            nodeCommand("codec.js"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, mode: str, *parts: bytes) -> Any:
        """
        @return: what JavaScript makes of it, or L{REFUSED}.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        line = mode + ",".join(base64.b64encode(part).decode() for part in parts)
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()
        answer = json.loads(self._child.stdout.readline())
        return answer["ok"] if "ok" in answer else REFUSED

    def end(self) -> None:
        self._child.communicate(timeout=10)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    child = Oracle()
    yield child
    child.end()


def shown(value: Any) -> Any:
    """
    Our values in the form in which C{codec.js} shows its own.

    JavaScript has one type of number, so all of them become floats.
    """
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [shown(each) for each in value]
    if isinstance(value, dict):
        return {"$entries": [[key, shown(each)] for key, each in value.items()]}
    return value


def alike(value: Any) -> Any:
    """
    Without what JavaScript does not keep: the type of a number, the order of
    keys that look like numbers.
    """
    if isinstance(value, list):
        return [alike(each) for each in value]
    if isinstance(value, dict):
        if "$entries" in value:
            value = dict(value["$entries"])
        return {key: alike(each) for key, each in value.items()}
    return value if isinstance(value, bool) or not isinstance(value, int) else float(value)


def ours(text: bytes, attachments: Sequence[bytes]) -> Any:
    """
    What our decoder makes of a packet, or L{REFUSED}.
    """
    decoder = JSONParser().buildDecoder(10, 10**6)
    try:
        packets = [decoder.addText(text), *(decoder.addBinary(each) for each in attachments)]
    except DecodeError:
        return REFUSED
    if packets[-1] is None:
        return REFUSED
    packetType, namespace, ackID, data = packets[-1]
    return {"type": packetType, "nsp": namespace, "id": ackID, "data": shown(data)}


# where we are stricter

Rule = Callable[[bytes, Any], bool]


def _isUTF8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


_HEADER = re.compile(rb"([0-6])((?:[^\[{\"/]*-)?)((?:/[^,]*,?)?)([^\[{\"a-z]*)", re.DOTALL)


def _header(text: bytes) -> tuple[bytes, bytes, bytes]:
    """
    Packet type, attachments and ack id, as leniently as JavaScript reads them.
    """
    match = _HEADER.match(text)
    return (match[1], match[2], match[4]) if match else (b"", b"", b"")


def _lenientNumber(text: bytes, theirs: Any) -> bool:
    _, attachments, ackID = _header(text)
    odd = not re.fullmatch(rb"([0-9]{1,10}-)?", attachments)
    return odd or re.fullmatch(rb"[0-9]*", ackID) is None


def _idWhereNoneBelongs(text: bytes, theirs: Any) -> bool:
    return theirs["type"] not in (EVENT, ACK) and theirs["id"] is not None


def _hugeID(text: bytes, theirs: Any) -> bool:
    return len(_header(text)[2]) > 15


def _missingPayload(text: bytes, theirs: Any) -> bool:
    return theirs["type"] in (EVENT, ACK) and theirs["data"] == {"$undefined": True}


def _oddNumber(text: bytes, theirs: Any) -> bool:
    """
    Infinity, or a placeholder that names no attachment.
    """
    seen = json.dumps(theirs)
    return '"$number"' in seen or '"$undefined"' in seen


def _nameIsNoInteger(text: bytes, theirs: Any) -> bool:
    data = theirs["data"]
    if not isinstance(data, list) or not data or isinstance(data[0], str):
        return False
    # JavaScript shows 1e5 and -0.0 as integers.
    return bool(re.search(rb"\[\s*-?[0-9]*([.eE]|0)|\[\s*-?[0-9]{16}", text))


STRICTER: dict[str, Rule] = {
    "invalid UTF-8 is not replaced (faults R12)": lambda text, theirs: not _isUTF8(text),
    "no type is not type 0 (faults F72)": lambda text, theirs: not text.strip()[:1].isdigit(),
    "digits only in counts and ids (faults R12, T8)": _lenientNumber,
    "ack ids up to 2**53-1 (behaviours O26)": _hugeID,
    "ack ids on events and acks only": _idWhereNoneBelongs,
    "EVENT and ACK have a payload (faults R1)": _missingPayload,
    "no infinities, no injected undefined (faults R12, T7)": _oddNumber,
    "event names are texts or integers (behaviours T15)": _nameIsNoInteger,
}


def compare(oracle: Oracle, text: bytes, attachments: Sequence[bytes]) -> None:
    theirs = oracle.ask("s", text, *attachments)
    mine = ours(text, attachments)
    if mine is REFUSED:
        excused = theirs is REFUSED or any(rule(text, theirs) for rule in STRICTER.values())
        assert excused, f"only JavaScript accepts {text!r}: {theirs}"
        return
    assert theirs is not REFUSED, f"only we accept {text!r}: {mine}"
    if theirs["data"] == {"$undefined": True}:
        theirs["data"] = None
    assert alike(mine) == alike(theirs)


# cases

texts = st.text(max_size=8) | st.text(st.characters(categories=["Cs", "Lu"]), max_size=4)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | texts | st.binary(max_size=8)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts.filter(lambda key: key != "_placeholder"), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.text(max_size=8).filter(lambda name: name not in RESERVED_EVENTS)
namespaces = st.sampled_from(["/", "/admin", "/ünï", "/a?b=c", "/1-2"])
ackIDs = st.none() | st.integers(0, 2**53 - 1)

fragments = st.sampled_from(
    [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"51-", b"52-", b"/admin,", b"/", b",", b"-"]
    + [b"12", b"9007199254740993", b"[", b"]", b"{", b"}", b'"a"', b":", b"1e5", b".", b" "]
    + [b'["a"]', b'{"_placeholder":true,"num":0}', b'"\\ud800"', b"null", b"\xff", b'"connect"']
    + [b'["a",', b'{"sid":"x"}', b"NaN", b"1e999", b"01", "٣".encode(), b"\n", b"true", b"-0"]
)
CORPUS = [
    b'0{"sid":"abc","pid":"def"}',
    b'0/admin,{"sid":"abc"}',
    b"1/admin,",
    b'2["event",1,{"a":[true,null,"x"]}]',
    b'2/admin,12["event","\\ud800",1.5e3]',
    b"3/admin,12[]",
    b'4/admin,{"message":"no","data":{}}',
    b'51-["a",{"_placeholder":true,"num":0}]',
    b'52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
    b'61-7[{"_placeholder":true,"num":0}]',
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    message = bytearray(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(1, 2))):
        position = draw(st.integers(0, len(message)))
        message[position : position + draw(st.integers(0, 2))] = draw(
            fragments | st.binary(max_size=2)
        )
    return bytes(message)


wanted = re.compile(rb"[56]([1-9])-")
quickly = settings(deadline=None, suppress_health_check=list(HealthCheck))


def attachmentsFor(text: bytes) -> list[bytes]:
    """
    As many attachments as the header seems to announce.
    """
    match = wanted.match(text)
    return [b"x%d" % number for number in range(int(match[1]))] if match else []


@given(text=mutated() | st.lists(fragments, max_size=7).map(b"".join))
@settings(quickly, max_examples=1500)
def test_hostileText(oracle: Oracle, text: bytes) -> None:
    """
    What JavaScript refuses we refuse; what both accept is the same; what only
    JavaScript accepts breaks a rule of ours.

    behaviours T5, T7, T8, T10, T11; faults F72, F73, F77, F82, F98, F100, R12
    """
    compare(oracle, text, attachmentsFor(text))


@pytest.mark.parametrize("text", CORPUS)
def test_corpus(oracle: Oracle, text: bytes) -> None:
    """
    The packets that the hostile ones are made of are good ones for both.
    """
    assert ours(text, attachmentsFor(text)) is not REFUSED
    compare(oracle, text, attachmentsFor(text))


@given(name=names, args=st.lists(trees, max_size=3), namespace=namespaces, ackID=ackIDs)
@settings(quickly, max_examples=300)
def test_oursToTheirs(
    oracle: Oracle, name: str, args: list[Any], namespace: str, ackID: int | None
) -> None:
    """
    JavaScript reads what we write as we read it ourselves.

    behaviours O29, M20, M21, M22
    """
    text, attachments = JSONParser().encode(EVENT, namespace, ackID, [name, *args])
    if len(attachments) > 10:
        return
    assert ours(text, attachments) is not REFUSED
    compare(oracle, text, attachments)


@given(name=names, args=st.lists(trees, max_size=3), namespace=namespaces, ackID=ackIDs)
@settings(quickly, max_examples=300)
def test_theirsToOurs(
    oracle: Oracle, name: str, args: list[Any], namespace: str, ackID: int | None
) -> None:
    """
    We read what JavaScript writes, and write the same attachments in the same
    order.

    behaviours O29, T9
    """
    data = [name, *args]
    packet = {"type": EVENT, "nsp": namespace, "id": ackID, "data": shown(data)}
    text, *attachments = (
        base64.b64decode(part) for part in oracle.ask("e", json.dumps(packet).encode())
    )
    if len(attachments) > 10:
        return
    assert ours(text, attachments) is not REFUSED
    compare(oracle, text, attachments)
    mine = JSONParser().encode(EVENT, namespace, ackID, data)[1]
    if not any(_looksLikeNumber(key) for key in _keys(data)):
        assert list(mine) == attachments


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _keys(each)


def _looksLikeNumber(key: str) -> bool:
    """
    Such keys stand first in JavaScript's objects, whenever they were added.
    """
    return key.isascii() and key.isdigit()


packets = st.binary(max_size=12) | st.builds(
    lambda head, rest: head + rest,
    st.sampled_from([b"0", b"2probe", b"4", b"b", b"7", b"bAQIDBA=="]),
    st.binary(max_size=8) | st.text("ABab01+/=", max_size=8).map(str.encode),
)


@given(packet=packets)
@settings(quickly, max_examples=300)
def test_enginePackets(oracle: Oracle, packet: bytes) -> None:
    """
    Below, too, only base64 and UTF-8 are read more strictly than there.

    behaviours L1, L2, L4, L6; faults F1, F2, F18
    """
    theirs = oracle.ask("p", packet)
    try:
        packetType, data, isBinary = engineio.decodePacket(packet)
    except DecodeError:
        assert theirs is REFUSED or packet[:1] == b"b"
        return
    kinds = ["open", "close", "ping", "pong", "message", "upgrade", "noop"]
    expected = shown(data) if isBinary else data.decode("utf-8", "replace")
    if isBinary or _isUTF8(packet):
        assert theirs == {"type": kinds[packetType], "data": expected}


def test_infinityIsSeen() -> None:
    """
    The comparison itself does not confuse numbers.
    """
    assert alike(1) == alike(1.0)
    assert alike(True) != alike("true")
    assert not math.isfinite(float("1e999"))
