"""
Engine.IO protocol v4: packets, payloads and the handshake, as plain values.

Must not know Socket.IO, nor how bytes travel.  See the specification's
sections "Packet encoding", "Payload encoding" and "Handshake"
(U{https://socket.io/docs/v4/engine-io-protocol/}).
"""

from __future__ import annotations

import math
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from txsocketio.errors import DecodeError

__all__ = [
    "CLOSE",
    "MESSAGE",
    "NOOP",
    "OPEN",
    "PING",
    "PONG",
    "PROTOCOL",
    "SEPARATOR",
    "UPGRADE",
    "CloseDetails",
    "Handshake",
    "decodeHandshake",
    "decodePacket",
    "encodeBinary",
    "encodePacket",
    "fitPayload",
    "splitPayload",
]

PROTOCOL = 4

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = range(7)

SEPARATOR = b"\x1e"
"""Stands between the packets of a payload."""

MAX_SID = 256
"""How many characters a session id may have; it goes into every request."""

DAY = 86400.0
"""The longest silence we agree to wait for, in seconds."""

_TYPES = {b"%d" % number: number for number in range(7)}
_PREFIXES = tuple(b"%d" % number for number in range(7))


@dataclass(frozen=True, slots=True)
class Handshake:
    """
    What the server says first.

    @ivar sid: the session's id; may hold any printable character.
    @ivar upgrades: transports the server offers, known to us or not.
    @ivar pingInterval: seconds between two pings of the server.
    @ivar pingTimeout: seconds of grace after which its silence means death.
    @ivar maxPayload: the most bytes of one HTTP body we send; 0 is no limit.
    """

    sid: str
    upgrades: tuple[str, ...]
    pingInterval: float
    pingTimeout: float
    maxPayload: int


@dataclass(frozen=True, slots=True)
class CloseDetails:
    """
    How a connection ended that ended properly.

    @ivar description: a short text.
    @ivar context: what else is known: C{code}, C{reason}, C{wasClean},
        C{status}; or L{None}.
    """

    description: str
    context: Mapping[str, object] | None = None

    def __str__(self) -> str:
        if not self.context:
            return self.description
        known = ", ".join(f"{name} {value!r}" for name, value in self.context.items())
        return f"{self.description} ({known})"


# packets


def decodePacket(packet: bytes) -> tuple[int, bytes, bool]:
    """
    Read one packet as it stands in a payload or in a WebSocket text frame.

    @return: packet type, data, and whether the data is binary.  Text is not
        checked to be UTF-8.
    @raise DecodeError: the packet is empty, of no known type, or its base64
        is damaged.
    """
    packetType = _TYPES.get(packet[:1])
    if packetType is not None:
        return packetType, packet[1:], False
    if not packet:
        raise DecodeError("empty packet")
    if packet[:1] == b"b":
        return MESSAGE, _decodeBase64(packet), True
    raise DecodeError("unknown packet type", packet)


def _decodeBase64(packet: bytes) -> bytes:
    try:
        return a2b_base64(packet[1:], strict_mode=True)
    except Base64Error as error:
        raise DecodeError(f"invalid base64 ({error})", packet) from error


def encodePacket(packetType: int, data: bytes) -> bytes:
    """
    Write a packet of text.
    """
    return _PREFIXES[packetType] + data


def encodeBinary(data: bytes) -> bytes:
    """
    Write a binary message for a carrier that takes only text.
    """
    return b"b" + b2a_base64(data, newline=False)


# payloads


def splitPayload(body: bytes) -> list[bytes]:
    """
    Cut a body into its packets; an empty body is one empty packet.
    """
    return body.split(SEPARATOR)


def fitPayload(packets: Sequence[bytes], maxPayload: int, maxPackets: int | None) -> int:
    """
    Say how many of the encoded packets go in one body.

    @param maxPayload: the most bytes of the body, separators counted; 0 is no
        limit.
    @param maxPackets: the most packets, or L{None} for any number.
    @return: at least 1, so that sending always moves on: a single packet that
        is too large is for the caller to refuse.
    """
    count = len(packets) if maxPackets is None else min(len(packets), maxPackets)
    if not maxPayload:
        return max(count, 1)
    size = -1
    for index in range(count):
        size += 1 + len(packets[index])
        if size > maxPayload:
            return max(index, 1)
    return max(count, 1)


# the handshake


def decodeHandshake(data: bytes) -> Handshake:
    """
    Read the data of the C{OPEN} packet.

    This is where the wire's milliseconds become seconds.

    @raise DecodeError: the message names the field that is wrong.
    """
    fields = _loadFields(data)
    try:
        interval, timeout = _durations(fields)
        return Handshake(
            sid=_sid(fields.get("sid")),
            upgrades=_upgrades(fields.get("upgrades", [])),
            pingInterval=interval,
            pingTimeout=timeout,
            maxPayload=_maxPayload(fields.get("maxPayload", 0)),
        )
    except ValueError as error:
        raise DecodeError(f"invalid handshake: {error}", data) from None


def _loadFields(data: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"invalid handshake: not JSON ({error})", data) from error
    if type(fields) is not dict:
        raise DecodeError("invalid handshake: not a JSON object", data)
    return fields


def _sid(sid: object) -> str:
    if type(sid) is not str or not 0 < len(sid) <= MAX_SID:
        raise ValueError(f"sid is not a text of 1 to {MAX_SID} characters")
    if not sid.isprintable():
        raise ValueError("sid holds a control character")
    return sid


def _upgrades(upgrades: object) -> tuple[str, ...]:
    if type(upgrades) is not list or any(type(name) is not str for name in upgrades):
        raise ValueError("upgrades is not a list of names")
    return tuple(upgrades)


def _durations(fields: Mapping[str, object]) -> tuple[float, float]:
    """
    Both durations in seconds, shortened in proportion to a day in all.
    """
    interval = _seconds("pingInterval", fields.get("pingInterval"))
    timeout = _seconds("pingTimeout", fields.get("pingTimeout"))
    scale = min(1.0, DAY / (interval + timeout))
    return interval * scale, timeout * scale


def _seconds(name: str, milliseconds: object) -> float:
    if type(milliseconds) not in (int, float):
        raise ValueError(f"{name} is not a number")
    assert isinstance(milliseconds, (int, float))
    if not (math.isfinite(milliseconds) and milliseconds > 0):
        raise ValueError(f"{name} is not above 0")
    return min(milliseconds / 1000.0, DAY)


def _maxPayload(maxPayload: object) -> int:
    if type(maxPayload) is not int or maxPayload < 0:
        raise ValueError("maxPayload is not a whole number of bytes")
    return maxPayload
