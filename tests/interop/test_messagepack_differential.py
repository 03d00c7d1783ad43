"""
Our MessagePack and that of the npm package socket.io-msgpack-parser.
"""

from __future__ import annotations

import base64
import json
import math
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interop.servers import nodeCommand
from txsocketio.errors import DecodeError
from txsocketio.protocol.messagepack import MessagePackParser
from txsocketio.protocol.socketio import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    RESERVED_EVENTS,
)

pytestmark = pytest.mark.node

UNDEFINED = {"$undefined": True}
REFUSED = object()
quickly = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=300)


class Oracle:
    """
    A child process that answers for JavaScript, a line a case.
    """

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            nodeCommand("msgpack.js"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, mode: str, data: bytes) -> Any:
        """
        @return: what JavaScript makes of it, or L{REFUSED}.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(mode.encode() + base64.b64encode(data) + b"\n")
        self._child.stdin.flush()
        answer = json.loads(self._child.stdout.readline())
        return answer["ok"] if "ok" in answer else REFUSED

    def decode(self, message: bytes) -> Any:
        return self.ask("d", message)

    def encode(self, **packet: Any) -> bytes:
        asked = {"$entries": list(packet.items())}
        (message,) = self.ask("e", json.dumps(asked).encode())
        return base64.b64decode(message)

    def end(self) -> None:
        self._child.communicate(timeout=10)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    child = Oracle()
    yield child
    child.end()


def shown(value: Any) -> Any:
    """
    Our values in the form in which the oracle shows its own.
    """
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [shown(each) for each in value]
    if isinstance(value, dict):
        return {"$entries": [[key, shown(each)] for key, each in value.items()]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"}
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


def encode(packetType: int, namespace: str, ackID: int | None, data: Any) -> bytes:
    _, (message,) = MessagePackParser().encode(packetType, namespace, ackID, data)
    return bytes(message)


def decode(message: bytes) -> Any:
    """
    What our decoder makes of a message, as the oracle would show it, or
    L{REFUSED}.
    """
    try:
        packet = MessagePackParser().buildDecoder(10, 10**6).addBinary(message)
    except DecodeError:
        return REFUSED
    assert packet is not None
    packetType, namespace, ackID, data = packet
    return {"type": packetType, "nsp": namespace, "id": ackID, "data": shown(data)}


def withoutUndefined(value: Any) -> Any:
    """
    JavaScript's C{undefined} is our C{None}.
    """
    if value == UNDEFINED:
        return None
    if isinstance(value, list):
        return [withoutUndefined(each) for each in value]
    if isinstance(value, dict):
        return {key: withoutUndefined(each) for key, each in value.items()}
    return value


def assertAlike(mine: Any, theirs: Any) -> None:
    assert mine is not REFUSED and theirs is not REFUSED
    assert alike(mine) == alike(withoutUndefined(theirs))


texts = st.text(max_size=40)
# Whole numbers over 64 bits that package writes wrongly.
floats = st.floats().filter(lambda number: not 2**63 <= abs(number) < math.inf)
numbers = st.integers(-(2**53), 2**53) | floats
leaves = st.none() | st.booleans() | numbers | texts | st.binary(max_size=300)
# JavaScript's objects have a prototype, so "__proto__" is no ordinary key there.
keys = st.text(max_size=8).filter(lambda key: key != "__proto__")
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(keys, inner, max_size=20),
    max_leaves=20,
)
names = st.text(max_size=8).filter(lambda name: name not in RESERVED_EVENTS)
names |= st.integers(-(2**53), 2**53)
namespaces = st.sampled_from(["/", "/admin", "/ünï", "/a?b=c"])
ackIDs = st.none() | st.integers(0, 2**53 - 1)


@given(name=names, args=st.lists(trees, max_size=3), namespace=namespaces, ackID=ackIDs)
@quickly
def test_oursToTheirs(
    oracle: Oracle, name: Any, args: list[Any], namespace: str, ackID: int | None
) -> None:
    """
    JavaScript reads what we write as we read it ourselves.
    """
    message = encode(EVENT, namespace, ackID, [name, *args])
    assertAlike(decode(message), oracle.decode(message))


@given(name=names, args=st.lists(trees, max_size=3), namespace=namespaces, ackID=ackIDs)
@quickly
def test_theirsToOurs(
    oracle: Oracle, name: Any, args: list[Any], namespace: str, ackID: int | None
) -> None:
    """
    We read what JavaScript writes as it does itself.
    """
    data = shown([name, *args])
    packet = {"type": EVENT, "data": data, "nsp": namespace}
    if ackID is not None:
        packet["id"] = ackID
    message = oracle.encode(**packet)
    assertAlike(decode(message), oracle.decode(message))
    assertAlike(decode(message)["data"], data)


@pytest.mark.parametrize(
    ("packetType", "ackID", "data"),
    [
        (CONNECT, None, None),
        (CONNECT, None, {"token": "x", "raw": b"raw"}),
        (DISCONNECT, None, None),
        (EVENT, None, ["a"]),
        (EVENT, 0, ["a", b"", {"deep": [b"raw"]}]),
        (ACK, 2**53 - 1, [None, b"raw"]),
        (ACK, 1, []),
        (CONNECT_ERROR, None, {"message": "no", "data": {"code": 1}}),
        (CONNECT_ERROR, None, "no"),
    ],
)
def test_everyType(oracle: Oracle, packetType: int, ackID: int | None, data: Any) -> None:
    """
    Packets of every type mean the same in both, in both directions.
    """
    ours = encode(packetType, "/admin", ackID, data)
    assertAlike(decode(ours), oracle.decode(ours))
    packet = {"type": packetType, "nsp": "/admin", "data": shown(data), "id": ackID}
    theirs = oracle.encode(**{key: each for key, each in packet.items() if each is not None})
    assert decode(theirs) == decode(ours)


def test_undefined(oracle: Oracle) -> None:
    """
    C{undefined} as id, as data and inside data is nothing.
    """
    message = oracle.encode(type=CONNECT, nsp="/", id=UNDEFINED, data=UNDEFINED)
    assert decode(message) == {"type": CONNECT, "nsp": "/", "id": None, "data": None}
    message = oracle.encode(type=EVENT, nsp="/", data=["a", UNDEFINED, [UNDEFINED]])
    assert decode(message)["data"] == ["a", None, [None]]


@pytest.mark.parametrize("raw", [b"", b"raw", b"x" * 8, b"x" * 300, b"x" * 70_000])
def test_arrayBuffers(oracle: Oracle, raw: bytes) -> None:
    """
    An C{ArrayBuffer} of a browser's or server's is bytes.
    """
    buffer = {"$buffer": base64.b64encode(raw).decode()}
    message = oracle.encode(type=EVENT, nsp="/", data=["a", buffer])
    assert decode(message)["data"] == ["a", shown(raw)]


@pytest.mark.parametrize(
    "number",
    [0, -1, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32, 2**53, -32, -33, -128, -129, -(2**31)]
    + [-(2**31) - 1, -(2**53), 0.5, -0.5, 5e-324, math.inf, -math.inf],
)
def test_numbers(oracle: Oracle, number: float) -> None:
    """
    Numbers of every width survive, in both directions.
    """
    theirs = oracle.encode(type=EVENT, nsp="/", data=["a", shown(number)])
    assert decode(theirs)["data"] == ["a", shown(number)]
    ours = oracle.decode(encode(EVENT, "/", None, ["a", number]))
    assert ours["data"] == ["a", shown(number)]


@pytest.mark.parametrize("number", [2.0**63, 2.0**64, 1e300, -1e300])
def test_largeNumbers(oracle: Oracle, number: float) -> None:
    """
    Large numbers that we send arrive as they are.
    """
    theirs = oracle.decode(encode(EVENT, "/", None, ["a", number]))
    assert alike(theirs["data"]) == ["a", number]


@given(message=st.binary(max_size=24))
@quickly
def test_hostile(oracle: Oracle, message: bytes) -> None:
    """
    What JavaScript takes for no packet we do not take for one.
    """
    if oracle.decode(message) is REFUSED:
        assert decode(message) is REFUSED


@given(
    packet=st.fixed_dictionaries(
        {},
        optional={
            "type": st.integers(-1, 6) | leaves,
            "nsp": namespaces | leaves,
            "id": ackIDs | leaves,
            "data": st.lists(names | leaves, max_size=2) | trees,
        },
    )
)
@quickly
def test_hostilePackets(oracle: Oracle, packet: dict[str, Any]) -> None:
    """
    So for maps that are nearly packets; and what both take means the same.

    Only an id of C{null} is C{undefined} to us, and a wrong one to JavaScript.
    """
    if packet.get("id", 0) is None:
        del packet["id"]
    message = oracle.encode(**{key: shown(each) for key, each in packet.items()})
    theirs, mine = oracle.decode(message), decode(message)
    if mine is not REFUSED:
        assertAlike(mine, theirs)
