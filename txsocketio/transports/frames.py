"""
Client frames: what a WebSocket client writes, masked, as cheaply as known.

A small payload is masked by one exclusive-or of big integers over header, key
and payload: four zero bytes stand where the key belongs, and turn into the key
by the same operation.  So a frame costs one concatenation, one multiplication
and four conversions.  Large payloads go through the compiled masker that comes
with Autobahn, where there is one.

Keys are unpredictable (RFC 6455 section 10.3), drawn from the system many at a
time; a forked child draws its own.  Must not know connections.  See RFC 6455
section 5.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from importlib import import_module

__all__ = ["BINARY", "CLOSE", "COMPRESSED", "PING", "PONG", "TEXT", "frame", "frameBuilder"]

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
"""First bytes of frames: FIN and the opcode."""

COMPRESSED = 0x40
"""Added to the first byte of a compressed message (RFC 7692)."""

SMALL = 512
"""Bytes of payload up to which the integers are faster than the compiled masker."""

POOL = 1024
"""How many keys are drawn at once."""

_pool: list[int] = []

# A child that kept its parent's pool would use the same keys.
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_pool.clear)


def _nextKey(pop: Callable[[], int] = _pool.pop) -> int:
    try:
        return pop()
    except IndexError:
        _pool.extend(struct.unpack(f"<{POOL}I", os.urandom(4 * POOL)))
        return pop()


def _repetitions() -> tuple[int, ...]:
    """
    Multipliers: a key times the n-th of them is that key, n times in a row.
    """
    found = [0]
    for _ in range(SMALL // 4 + 4):
        found.append((found[-1] << 32) | 1)
    return tuple(found)


_REPETITIONS = _repetitions()


def _header(firstByte: int, length: int) -> bytes:
    if length < 126:
        return bytes((firstByte, 0x80 | length))
    if length < 65536:
        return struct.pack("!BBH", firstByte, 0xFE, length)
    return struct.pack("!BBQ", firstByte, 0xFF, length)


# large payloads


def _maskWithIntegers(head: bytes, key: bytes, payload: bytes) -> bytes:
    length = len(payload)
    words = (length + 3) // 4
    masked = int.from_bytes(payload, "little") ^ int.from_bytes(key * words, "little")
    return b"".join((head, key, masked.to_bytes(words * 4, "little")[:length]))


def _compiledMasker() -> Callable[[bytes, bytes, bytes], bytes] | None:
    """
    Autobahn's compiled masker, if it is there and is what we know.
    """
    try:
        nvx = import_module("_nvx_xormasker")
        new, free = nvx.lib.nvx_xormask_new, nvx.lib.nvx_xormask_free
        process, view = nvx.lib.nvx_xormask_process, nvx.ffi.from_buffer
    except (ImportError, AttributeError):  # pragma: no cover - depends on the platform's wheel
        return None

    def mask(head: bytes, key: bytes, payload: bytes) -> bytes:
        whole = bytearray(head + key)
        whole += payload
        masker = new(key)
        process(masker, view("uint8_t[]", whole) + len(head) + 4, len(payload))
        free(masker)
        return bytes(whole)

    return mask


_maskLarge = _compiledMasker() or _maskWithIntegers


def _largeFrame(firstByte: int, payload: bytes) -> bytes:
    return _maskLarge(_header(firstByte, len(payload)), _nextKey().to_bytes(4, "little"), payload)


# builders


def frameBuilder(firstByte: int, prefix: bytes = b"") -> Callable[[bytes], bytes]:
    """
    Make a function that turns a payload into a frame.

    Its tables take about 30 KiB, so make it once.

    @param firstByte: L{TEXT}, L{BINARY} …
    @param prefix: bytes that stand before every payload; they cost nothing.
    """
    extra = len(prefix)
    heads = tuple(
        _header(firstByte, length + extra) + bytes(4) + prefix for length in range(SMALL + 1)
    )
    tiny = 126 - extra

    def build(
        payload: bytes,
        fromBytes: Callable[..., int] = int.from_bytes,
        nextKey: Callable[[], int] = _nextKey,
        heads: tuple[bytes, ...] = heads,
        repetitions: tuple[int, ...] = _REPETITIONS,
    ) -> bytes:
        length = len(payload)
        if length < tiny:
            words = (length + extra + 7) >> 2
            mixed = fromBytes(heads[length] + payload, "little") ^ (
                (nextKey() * repetitions[words]) << 16
            )
            return mixed.to_bytes(4 * words + 2, "little")[: length + extra + 6]
        if length <= SMALL:
            words = (length + extra + 7) >> 2
            mixed = fromBytes(heads[length] + payload, "little") ^ (
                (nextKey() * repetitions[words]) << 32
            )
            return mixed.to_bytes(4 * words + 4, "little")[: length + extra + 8]
        return _largeFrame(firstByte, prefix + payload if prefix else payload)

    return build


def frame(firstByte: int, payload: bytes = b"") -> bytes:
    """
    Make one frame of any kind; for the rare ones.
    """
    if len(payload) > SMALL:
        return _largeFrame(firstByte, payload)
    key = _nextKey().to_bytes(4, "little")
    return _maskWithIntegers(_header(firstByte, len(payload)), key, payload)
