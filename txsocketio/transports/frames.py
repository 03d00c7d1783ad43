"""
Client frames: what a WebSocket client writes, masked, as cheaply as known.

A small payload is masked by one exclusive-or of big integers over header, key
and payload: four zero bytes stand where the key belongs, and turn into the key
by the same operation.  What depends on the length alone is looked up, so a
frame costs one concatenation, two conversions, a multiplication and a shift.
Large payloads go through the compiled masker that comes with Autobahn, where
there is one.

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

SMALL = 400
"""Bytes of payload up to which the integers are faster than the compiled masker."""

POOL = 1024
"""How many keys are drawn at once."""

_pool: list[int] = []

# A child that kept its parent's pool would use the same keys.
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_pool.clear)


def _drawKeys() -> int:
    """
    Fill the pool, and take the first key of it.
    """
    _pool.extend(struct.unpack(f"<{POOL}I", os.urandom(4 * POOL)))
    return _pool.pop()


def _nextKey() -> bytes:
    return (_pool.pop() if _pool else _drawKeys()).to_bytes(4, "big")


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
        return (firstByte << 24 | 0xFE0000 | length).to_bytes(4, "big")
    return (firstByte << 72 | 0xFF << 64 | length).to_bytes(10, "big")


# large payloads


def _maskWithIntegers(payload: bytes, key: bytes) -> bytes:
    length = len(payload)
    stream = (key * (length // 4 + 1))[:length]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(length, "big")


def _compiledMasker() -> Callable[[bytes, bytes], bytes | bytearray] | None:
    """
    Autobahn's compiled masker, if it is there and is what we know.
    """
    try:
        nvx = import_module("_nvx_xormasker")
        new, free = nvx.lib.nvx_xormask_new, nvx.lib.nvx_xormask_free
        process, view = nvx.lib.nvx_xormask_process, nvx.ffi.from_buffer
        octets = nvx.ffi.typeof("uint8_t[]")
    except (ImportError, AttributeError):  # pragma: no cover - depends on the platform's wheel
        return None

    def mask(payload: bytes, key: bytes) -> bytearray:
        masked = bytearray(payload)
        masker = new(key)
        process(masker, view(octets, masked), len(masked))
        free(masker)
        return masked

    return mask


_maskLarge = _compiledMasker() or _maskWithIntegers


def _largeFrame(firstByte: int, payload: bytes) -> bytes:
    key = _nextKey()
    return b"".join((_header(firstByte, len(payload)), key, _maskLarge(payload, key)))


# builders


def frameBuilder(firstByte: int, prefix: bytes = b"") -> Callable[[bytes], bytes]:
    """
    Make a function that turns a payload into a frame.

    Its table takes about 45 KiB, so make it once.

    @param firstByte: L{TEXT}, L{BINARY} …
    @param prefix: bytes that stand before every payload; they cost nothing.
    """
    extra = len(prefix)
    table = tuple(_entry(firstByte, prefix, length + extra) for length in range(SMALL + 1))

    def build(
        payload: bytes,
        fromBytes: Callable[..., int] = int.from_bytes,
        pool: list[int] = _pool,
        nextKey: Callable[[], int] = _pool.pop,
        table: tuple[tuple[bytes, int, int, int], ...] = table,
    ) -> bytes:
        length = len(payload)
        if length > SMALL:
            return _largeFrame(firstByte, prefix + payload if prefix else payload)
        head, repetition, surplus, size = table[length]
        key = nextKey() if pool else _drawKeys()
        return (fromBytes(head + payload, "big") ^ (key * repetition >> surplus)).to_bytes(
            size, "big"
        )

    return build


def _entry(firstByte: int, prefix: bytes, length: int) -> tuple[bytes, int, int, int]:
    """
    What a builder must know of frames of one length.

    @param length: of the payload, the prefix included.
    @return: header, zero key and prefix; what makes of a key that key as often
        as needed; by how many bits that is too long; the size of the frame.
    """
    head = _header(firstByte, length)
    covered = 4 + length
    words = (covered + 3) // 4
    size = len(head) + covered
    return head + bytes(4) + prefix, _REPETITIONS[words], 8 * (4 * words - covered), size


def frame(firstByte: int, payload: bytes = b"") -> bytes:
    """
    Make one frame of any kind; for the rare ones.
    """
    if len(payload) > SMALL:
        return _largeFrame(firstByte, payload)
    key = _nextKey()
    return b"".join((_header(firstByte, len(payload)), key, _maskWithIntegers(payload, key)))
