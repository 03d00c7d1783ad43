"""
Every frame we build is read back by an independent decoder (wsproto).
"""

from __future__ import annotations

import os
import random

import pytest
from wsproto.frame_protocol import FrameProtocol, Opcode

from txsocketio.transports import frames


def decode(wire: bytes) -> tuple[Opcode, bytes, bool]:
    """
    Read one frame as a server does.
    """
    reader = FrameProtocol(client=False, extensions=[])
    reader.receive_bytes(wire)
    (found,) = list(reader.received_frames())
    payload = found.payload.encode() if isinstance(found.payload, str) else bytes(found.payload)
    return found.opcode, payload, found.message_finished


LENGTHS = [*range(0, 300), *range(300, 2001, 7), *range(505, 520), *range(65530, 65542), 200_000]


@pytest.mark.parametrize("prefix", [b"", b"4", b"bb4"])
def test_everyLengthIsReadBackByAServer(prefix: bytes) -> None:
    """
    A server gets exactly the payload, whatever its length.
    """
    build = frames.frameBuilder(frames.BINARY, prefix)
    content = random.Random(1).randbytes(200_000)
    for length in LENGTHS:
        payload = content[:length]
        assert decode(build(payload)) == (Opcode.BINARY, prefix + payload, True), length


def test_allShortLengths() -> None:
    """
    No length from 0 to 2,000 is off by one.
    """
    build = frames.frameBuilder(frames.TEXT, b"4")
    for length in range(2001):
        payload = b"x" * length
        assert decode(build(payload)) == (Opcode.TEXT, b"4" + payload, True), length


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 125])
def test_controlFrames(length: int) -> None:
    """
    A pong carries what the ping carried.
    """
    payload = bytes(range(length))
    assert decode(frames.frame(frames.PONG, payload)) == (Opcode.PONG, payload, True)


@pytest.mark.parametrize("length", [0, 125, 126, 512, 513, 65535, 65536])
def test_rareFramesOfAnyLength(length: int) -> None:
    """
    The general builder, used for compressed messages, is right at the edges.
    """
    payload = os.urandom(length)
    assert decode(frames.frame(frames.BINARY, payload)) == (Opcode.BINARY, payload, True)


def test_maskingWithoutTheCompiledMasker(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Platforms without Autobahn's compiled masker send the same.
    """
    monkeypatch.setattr(frames, "_maskLarge", frames._maskWithIntegers)
    payload = os.urandom(70_001)
    assert decode(frames.frame(frames.BINARY, payload)) == (Opcode.BINARY, payload, True)


def test_compiledMaskerIsWhatWeKnow() -> None:
    """
    A canary: Autobahn's compiled masker, where it is installed, still has the
    names we call.
    """
    pytest.importorskip("_nvx_xormasker", reason="no compiled masker on this platform")
    assert frames._compiledMasker() is not None


def test_keysDiffer() -> None:
    """
    Two frames of the same payload look different on the wire.
    """
    build = frames.frameBuilder(frames.TEXT)
    assert len({build(b"same") for _ in range(3000)}) == 3000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_forkedChildHasOtherKeys() -> None:
    """
    A forked worker does not repeat its parent's masking keys (RFC 6455 10.3).
    """
    frames.frame(frames.TEXT, b"fill the pool")
    readEnd, writeEnd = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the child
        os.write(writeEnd, frames.frame(frames.TEXT, bytes(100)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(readEnd, 1000)
    os.close(readEnd)
    os.close(writeEnd)
    assert theirs not in {frames.frame(frames.TEXT, bytes(100)) for _ in range(2000)}
