"""
Socket.IO packets as MessagePack: the other parser.

On the wire it is what the npm package C{socket.io-msgpack-parser} speaks: one
binary message a packet, a map with C{type}, C{nsp}, C{data} and C{id}; bytes
travel inside it, so there are no attachments.  Both sides must use it.

Needs the extra C{txsocketio[msgpack]}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgpack

from txsocketio.errors import DecodeError, NotEncodable
from txsocketio.protocol.socketio import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    RESERVED_EVENTS,
)

__all__ = ["MessagePackDecoder", "MessagePackParser"]

DEPTH = 254
"""Levels of nesting that can be sent, as with JSON."""

LARGEST_ID = 2**53 - 1

Packet = tuple[int, str, int | None, Any]


class MessagePackParser:
    """
    A parser for the option C{parser}.
    """

    def __init__(self, default: Callable[[Any], Any] | None = None) -> None:
        """
        @param default: turns a value that cannot be sent into one that can,
            or raises L{TypeError}.
        """
        self._default = default

    def encode(
        self, packetType: int, namespace: str, ackID: int | None, data: Any
    ) -> tuple[None, Sequence[bytes]]:
        """
        Encode one packet as one binary message.

        @raise NotEncodable: C{data} holds something that cannot be sent.
        """
        if packetType == EVENT and not _isNameOfEvent(data[0]):
            raise NotEncodable(f"an event's name is a str or an int, not {data[0]!r:.80}")
        packet: dict[str, Any] = {"type": packetType, "nsp": namespace}
        if data is not None:
            packet["data"] = self._checked(data, "data", 0)
        if ackID is not None:
            packet["id"] = ackID
        try:
            return None, (msgpack.packb(packet),)
        except ValueError as error:
            raise NotEncodable(f"an argument cannot be sent as MessagePack: {error}") from error

    def buildDecoder(self, maxAttachments: int, maxMessageBytes: int) -> MessagePackDecoder:
        """
        Make a decoder for one connection; there are no attachments.
        """
        return MessagePackDecoder(maxMessageBytes)

    # inside

    def _checked(self, value: Any, where: str, depth: int) -> Any:
        """
        A copy in which every mapping has text for keys, as in JavaScript.
        """
        if depth > DEPTH:
            raise NotEncodable(f"{where} is nested deeper than {DEPTH} levels, or in itself")
        if isinstance(value, dict):
            return {
                _key(key, where): self._checked(each, f"{where}[{key!r}]", depth + 1)
                for key, each in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [
                self._checked(each, f"{where}[{index}]", depth + 1)
                for index, each in enumerate(value)
            ]
        if isinstance(value, (bytearray, memoryview)):
            return bytes(value)
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise NotEncodable(f"{where} is an int that does not fit in 64 bits")
        if value is None or isinstance(value, (bool, int, float, str, bytes)):
            return value
        if self._default is None:
            raise NotEncodable(f"{where} is a {type(value).__name__}, which Socket.IO cannot send")
        return self._checked(self._default(value), where, depth + 1)


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise NotEncodable(f"{where} has the key {key!r}; keys must be str")
    return key


class MessagePackDecoder:
    """
    Reads packets; each message is a whole one.
    """

    def __init__(self, maxMessageBytes: int) -> None:
        self._maxMessageBytes = maxMessageBytes

    def addText(self, message: bytes) -> Packet | None:
        """
        @raise DecodeError: always; the server does not use this parser.
        """
        raise DecodeError(
            "text came where MessagePack was expected; the server must use "
            "socket.io-msgpack-parser too",
            message,
        )

    def addBinary(self, message: bytes) -> Packet | None:
        """
        @return: packet type, namespace, ack id or L{None}, data.
        @raise DecodeError: it is not a packet.
        """
        if len(message) > self._maxMessageBytes:
            raise DecodeError(f"a message of {len(message)} bytes is over maxMessageBytes", message)
        try:
            packet = msgpack.unpackb(message, raw=False, strict_map_key=True, ext_hook=_extension)
        except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
            raise DecodeError(f"invalid MessagePack ({error})", message) from error
        if not isinstance(packet, dict) or not _isPacket(packet):
            raise DecodeError("not a Socket.IO packet", message)
        return packet["type"], packet["nsp"], packet.get("id"), packet.get("data")


def _extension(code: int, data: bytes) -> Any:
    """
    In JavaScript's hands extension 0 is C{undefined}, as a single zero, or
    the bytes of an C{ArrayBuffer} - or a C{Date}, which cannot be told from
    eight such bytes and so comes as these.
    """
    if code == 0:
        return None if data == b"\0" else data
    return msgpack.ExtType(code, data)


def _isPacket(packet: dict[str, Any]) -> bool:
    packetType, ackID = packet.get("type"), packet.get("id")
    if not _isInt(packetType) or not isinstance(packet.get("nsp"), str):
        return False
    if ackID is not None and not (_isInt(ackID) and 0 <= ackID <= LARGEST_ID):
        return False
    return _isData(packetType, packet.get("data")) and (packetType != ACK or ackID is not None)


def _isInt(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _isData(packetType: Any, data: Any) -> bool:
    if packetType == EVENT:
        return isinstance(data, list) and bool(data) and _isName(data[0])
    if packetType == ACK:
        return isinstance(data, list)
    if packetType == CONNECT:
        return data is None or isinstance(data, dict)
    if packetType == DISCONNECT:
        return data is None
    return packetType == CONNECT_ERROR and isinstance(data, (str, dict))


def _isName(name: Any) -> bool:
    return _isNameOfEvent(name) and name not in RESERVED_EVENTS


def _isNameOfEvent(name: Any) -> bool:
    return _isInt(name) or isinstance(name, str)
