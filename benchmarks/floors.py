"""
The least code that does the work: what nobody can go below in Python.

These are yardsticks and no clients: one namespace, no check of anything.
Never optimize them; recorded ratios would lose their meaning.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from os import urandom
from typing import Any

import orjson
from twisted.internet.defer import Deferred

Listener = Callable[[Any], None]


def cutFrames(data: bytes, handle: Callable[[bytes], None]) -> None:
    """
    Call C{handle} with each payload of whole frames.
    """
    at, end = 0, len(data)
    while at + 2 <= end:
        size = data[at + 1]
        start = at + 2
        if size == 126:
            size = int.from_bytes(data[at + 2 : at + 4], "big")
            start = at + 4
        elif size == 127:
            size = int.from_bytes(data[at + 2 : at + 10], "big")
            start = at + 10
        if start + size > end:
            break
        handle(data[start : start + size])
        at = start + size


def receiver(listeners: dict[str, Listener]) -> Callable[[bytes], None]:
    """
    @return: takes whole frames with events.
    """
    loads = orjson.loads

    def handle(payload: bytes) -> None:
        if payload[:2] == b"42":
            values = loads(payload[2:])
            listeners[values[0]](*values[1:])

    return lambda data: cutFrames(data, handle)


def _keys() -> Any:
    while True:
        yield from struct.unpack("<1024I", urandom(4096))


_repeated = [0]
for _ in range(40):
    _repeated.append((_repeated[-1] << 32) | 1)


_nextKey = _keys().__next__


def smallFrame(payload: bytes, key: Callable[[], int] = _nextKey) -> bytes:
    """
    A masked text frame of less than 126 bytes.
    """
    size = len(payload)
    words = (size + 7) // 4
    plain = bytes((0x81, 0x80 | size)) + b"\0\0\0\0" + payload
    mask = (key() * _repeated[words]) << 16
    masked = int.from_bytes(plain, "little") ^ mask
    return masked.to_bytes(4 * words + 2, "little")[: size + 6]


def sender(write: Callable[[bytes], Any]) -> Callable[[str, Any, int], None]:
    """
    @return: emits one event so many times, and writes once.
    """
    dumps = orjson.dumps

    def emit(name: str, data: Any, count: int) -> None:
        frames = [smallFrame(b"42" + dumps([name, data])) for _ in range(count)]
        write(b"".join(frames))

    return emit


class Caller:
    """
    Emits with acknowledgement, by one bare Deferred each.
    """

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write = write
        self._pending: dict[int, Deferred[Any]] = {}
        self._next = 0

    def call(self, name: str, data: Any) -> Deferred[Any]:
        number = self._next
        self._next = number + 1
        answer: Deferred[Any] = Deferred()
        self._pending[number] = answer
        self._write(smallFrame(b"42%d" % number + orjson.dumps([name, data])))
        return answer

    def take(self, data: bytes) -> None:
        """
        Take whole frames with answers.
        """
        cutFrames(data, self._answered)

    def _answered(self, payload: bytes) -> None:
        at = payload.index(b"[")
        self._pending.pop(int(payload[2:at])).callback(orjson.loads(payload[at:])[0])
