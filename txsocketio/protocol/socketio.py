"""
Socket.IO protocol v5: packets as JSON with binary attachments.

Must not know Engine.IO, nor what a socket or a manager is.  See the
specification's sections "Packet encoding" and "Packet types"
(U{https://socket.io/docs/v4/socket-io-protocol/}).

Both directions have a quick path, for packets of the main namespace that hold
nothing unusual, and a slow one that decides everything; where both apply they
agree.
"""

from __future__ import annotations

import json
import marshal
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import orjson

from txsocketio.errors import DecodeError, NotEncodable, excerpt

__all__ = [
    "ACK",
    "BINARY_ACK",
    "BINARY_EVENT",
    "CONNECT",
    "CONNECT_ERROR",
    "DISCONNECT",
    "EVENT",
    "MAX_ACK_ID",
    "MAX_DEPTH_IN",
    "MAX_DEPTH_OUT",
    "PROTOCOL",
    "RESERVED_EVENTS",
    "Decoder",
    "JSONParser",
    "checkNamespace",
]

PROTOCOL = 5

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)

RESERVED_EVENTS = frozenset(
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]
)

MAX_ACK_ID = 2**53 - 1
"""The largest number that JavaScript counts exactly."""

MAX_DEPTH_IN = 1024
"""How many lists and objects within each other are accepted (orjson's limit)."""

MAX_DEPTH_OUT = 254
"""How many may be sent, the list of arguments counted (orjson's limit)."""

SHOWN_PATH = 16
"""How many keys of the path to a bad value an error shows."""

Packet = tuple[int, str, int | None, Any]
"""Packet type, namespace, ack id or None, data."""


# namespaces

_NOT_IN_NAMESPACE = re.compile(r"[,\x00-\x1f\x7f\ud800-\udfff]")
_PREFIX_CACHE = 256


def checkNamespace(namespace: str) -> str:
    """
    Make a namespace out of what a user wrote: C{"admin"} means C{"/admin"}.

    @raise ValueError: it holds a comma or control characters, which no packet
        could carry.
    """
    if not isinstance(namespace, str):
        raise ValueError(f"a namespace is a str, not {namespace!r:.80}")
    bad = _NOT_IN_NAMESPACE.search(namespace)
    if bad:
        raise ValueError(f"the namespace {namespace!r:.80} must not hold {bad[0]!r}")
    return namespace if namespace.startswith("/") else f"/{namespace}"


def _namespacePart(namespace: str) -> bytes:
    return b"" if namespace == "/" else checkNamespace(namespace).encode() + b","


# writing

_dumps = orjson.dumps
_check = marshal.dumps
_PLAIN = frozenset([str, int, float, bool, type(None), bytes])
_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_ALONE = b',{"_placeholder":true,"num":0}]'  # how the commonest binary event ends
_BYTES = (bytes, bytearray, memoryview)
_FUNCTIONS = (FunctionType, MethodType, BuiltinFunctionType, partial, type)
_SENDABLE = (bool, int, float, str, *_BYTES, list, tuple, Mapping)
_BINARY_TYPES = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}
_MARKED = b'"_placeholder":true'


class JSONParser:
    """
    The parser every server knows: JSON, with bytes sent beside it.

    Values that JSON has are sent: L{None}, bool, int, float, str, lists,
    tuples and mappings with str keys, subclasses included; and C{bytes},
    C{bytearray} and C{memoryview} in events and acknowledgements.  NaN and the
    infinities become C{null}, as in JavaScript.  Anything else is refused,
    unless C{default} makes something of it.
    """

    def __init__(
        self,
        default: Callable[[Any], Any] | None = None,
        objectHook: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        """
        @param default: called with a value that JSON does not have; returns
            one that can be sent, or raises.
        @param objectHook: called with every object received, inner ones first
            and binary attachments in their places; what it returns takes the
            object's place.
        """
        self._default = default
        self._objectHook = objectHook
        self._parts: dict[str, bytes] = {}
        self._spare = _Attachments()  # empty between two packets: most have none

    def encode(
        self, packetType: int, namespace: str, ackID: int | None, data: Any
    ) -> tuple[bytes, Sequence[bytes]]:
        """
        See L{IParser.encode <txsocketio.interfaces.IParser.encode>}.
        """
        if packetType == EVENT:
            if type(data[0]) is not str:
                _checkEventName(data)
            elif type(data[-1]) is bytes and len(data) == 2:
                return self._encodeBytesAlone(namespace, ackID, data)
        attachments = self._spare
        try:
            text = _dumps(data, attachments, _OPTIONS)
            # orjson also writes what nobody asked it to (enums, UUIDs).  Events
            # are mostly flat, and soon looked through.
            for value in data if packetType == EVENT else (data,):
                if type(value) is dict:
                    for inner in value.values():
                        if type(inner) not in _PLAIN:
                            break
                    else:
                        continue
                elif type(value) in _PLAIN:
                    continue
                # Marshal takes plain values only, and is the quickest to tell.
                _check(data)
                break
        except (TypeError, ValueError):
            attachments.clear()
            text, attachments = self._encodeSlowly(packetType, data)
        if attachments:
            self._spare = _Attachments()
            return self._withBinary(packetType, namespace, ackID, text, attachments)
        if namespace == "/" and packetType == EVENT:
            return b"2" + text if ackID is None else b"2%d%b" % (ackID, text), ()
        if data is None:
            text = b""
        return self._head(b"%d" % packetType, namespace, ackID) + text, ()

    def _encodeBytesAlone(
        self, namespace: str, ackID: int | None, data: Sequence[Any]
    ) -> tuple[bytes, Sequence[bytes]]:
        """
        The commonest binary event: a name and bytes, which need no search.
        """
        try:
            name = _dumps(data[0])
        except TypeError:
            name = _dumpsAsJavaScript(data[0])
        head = (
            b"51-" if namespace == "/" and ackID is None else self._head(b"51-", namespace, ackID)
        )
        return b"%b[%b%b" % (head, name, _ALONE), (data[1],)

    def buildDecoder(self, maxAttachments: int, maxMessageBytes: int) -> Decoder:
        """
        See L{IParser.buildDecoder <txsocketio.interfaces.IParser.buildDecoder>}.
        """
        return Decoder(maxAttachments, maxMessageBytes, self._objectHook)

    def _head(self, packetType: bytes, namespace: str, ackID: int | None) -> bytes:
        part = self._parts.get(namespace)
        if part is None:
            part = self._rememberPart(namespace)
        return packetType + part if ackID is None else b"%b%b%d" % (packetType, part, ackID)

    def _rememberPart(self, namespace: str) -> bytes:
        if len(self._parts) >= _PREFIX_CACHE:
            self._parts.clear()
        part = self._parts[namespace] = _namespacePart(namespace)
        return part

    def _withBinary(
        self,
        packetType: int,
        namespace: str,
        ackID: int | None,
        text: bytes,
        attachments: _Attachments,
    ) -> tuple[bytes, Sequence[bytes]]:
        binaryType = _BINARY_TYPES.get(packetType)
        if binaryType is None:
            raise NotEncodable("bytes can only be sent in events and acknowledgements")
        if text.count(_MARKED) != len(attachments):
            raise NotEncodable(
                'a dict with "_placeholder": True cannot be sent together with bytes: '
                "the server would put bytes in its place"
            )
        head = self._head(b"%d%d-" % (binaryType, len(attachments)), namespace, ackID)
        return head + text, attachments

    def _encodeSlowly(self, packetType: int, data: Any) -> tuple[bytes, _Attachments]:
        plain = _Simplifier(self._default, packetType)
        tree = plain.simplify(data)
        try:
            text = _dumps(tree)
        except TypeError:
            text = _dumpsAsJavaScript(tree)
        return text, plain.attachments


class _Attachments(list[bytes]):
    """
    The attachments of one packet, collected in document order.
    """

    __slots__ = ()

    def __call__(self, value: object) -> dict[str, object]:
        if not isinstance(value, _BYTES):
            raise TypeError
        self.append(value.tobytes() if isinstance(value, memoryview) else bytes(value))
        return {"_placeholder": True, "num": len(self) - 1}


def _dumpsAsJavaScript(tree: Any) -> bytes:
    """
    Write what orjson refuses and JavaScript sends: long integers, and halves
    of surrogate pairs (as escapes).
    """
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _checkEventName(data: Sequence[Any]) -> None:
    name = data[0]
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise NotEncodable(f"an event's name is a str or an int, not {_article(name)}")


def _article(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[:1] in "aeioAEIO" else f"a {name}"


class _Level:
    """
    A list or dict that is being copied.
    """

    __slots__ = ("items", "key", "made")

    def __init__(self, items: Iterable[tuple[Any, Any]], made: list[Any] | dict[str, Any]) -> None:
        self.items = iter(items)
        self.key: Any = None
        self.made = made

    def add(self, value: Any) -> None:
        if isinstance(self.made, list):
            self.made.append(value)
        else:
            self.made[self.key] = value


class _Simplifier:
    """
    Makes plain lists, dicts, numbers and texts of what is to be sent, or says
    precisely what cannot be.

    It does not recurse: emit may be called when the stack is nearly full.
    """

    def __init__(self, default: Callable[[Any], Any] | None, packetType: int) -> None:
        self.attachments = _Attachments()
        self._default = default
        self._packetType = packetType
        self._levels: list[_Level] = []

    def simplify(self, root: Any) -> Any:
        """
        Copy a tree of data.
        """
        holder: list[Any] = []
        self._levels.append(_Level([(None, root)], holder))
        while self._levels:
            level = self._levels[-1]
            for key, value in level.items:
                level.key = key
                inner = self._copy(level, self._sendable(value))
                if inner is not None:
                    self._levels.append(inner)
                    break
            else:
                self._levels.pop()
        return holder[0]

    def _copy(self, level: _Level, value: Any) -> _Level | None:
        """
        Add the copy of a value to its level.

        @return: the value's own level, if it has one.
        """
        if isinstance(value, (list, tuple, Mapping, *_BYTES)):
            if len(self._levels) > MAX_DEPTH_OUT:
                raise self._tooDeep()
            return self._copyCompound(level, value)
        level.add(self._scalar(value))
        return None

    def _copyCompound(self, level: _Level, value: Any) -> _Level | None:
        if isinstance(value, _BYTES):
            level.add(self._binary(value))
            return None
        if isinstance(value, Mapping):
            inner = _Level([(self._key(key), item) for key, item in value.items()], {})
        else:
            inner = _Level(enumerate(list(value)), [])
        level.add(inner.made)
        return inner

    def _scalar(self, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return self._integer(int.__int__(value))
        return float.__float__(value) if math.isfinite(value) else None

    def _integer(self, value: int) -> int:
        try:
            float(value)
        except OverflowError:
            raise self._refused("is an integer too large for JavaScript") from None
        return value

    def _binary(self, value: bytes | bytearray | memoryview) -> dict[str, object]:
        try:
            return self.attachments(value)
        except ValueError as error:
            raise self._refused(f"cannot be read: {error}") from error

    def _key(self, key: object) -> str:
        if not isinstance(key, str):
            raise self._refused(f"has the key {key!r:.80}; Socket.IO has only str keys")
        return str.__str__(key)

    def _sendable(self, value: Any) -> Any:
        for _ in range(MAX_DEPTH_OUT):
            if value is None or isinstance(value, _SENDABLE):
                return value
            value = self._replaced(value)
        raise self._tooDeep()

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, _FUNCTIONS):
            raise self._refused(
                f"is {_article(value)}, which Socket.IO cannot send; an acknowledgement "
                "callback is the last argument of emit"
            )
        if self._default is None:
            raise self._refused(f"is {_article(value)}, which Socket.IO cannot send")
        try:
            return self._default(value)
        except Exception as error:
            raise self._refused(
                f"is {_article(value)}, and default= could not replace it: {error!r:.200}"
            ) from error

    # complaints

    def _tooDeep(self) -> NotEncodable:
        return self._refused(f"is nested more than {MAX_DEPTH_OUT} levels deep, or contains itself")

    def _refused(self, why: str) -> NotEncodable:
        path = [level.key for level in self._levels[1:]]
        where = self._whole(path)
        if path:
            keys = [key if isinstance(key, int) else key[:80] for key in path[:SHOWN_PATH]]
            where += ": " + "".join(f"[{json.dumps(key)}]" for key in keys)
        if len(path) > SHOWN_PATH:
            where += "..."
        return NotEncodable(f"{where} {why}")

    def _whole(self, path: list[Any]) -> str:
        """
        Name what the path begins in, as the caller knows it.
        """
        if self._packetType not in _BINARY_TYPES:
            return "the data"
        if not path:
            return "the list of arguments"
        return f"argument {path.pop(0) + (self._packetType == ACK)}"


# reading

_SLASH, _BRACKET = ord("/"), ord("[")
_ACK_HEAD = 17
"""Where the arguments of an acknowledgement begin at the latest, if its number is safe."""

_ANNOUNCEMENTS, _ANNOUNCEMENT_SIZE = 64, 128
"""How many announcements of bytes a decoder remembers, of how many bytes each."""

_BYTES_DUE: Packet = EVENT, "/", None, []

_loads = orjson.loads
_HEADER = re.compile(rb"([0-4])(/[^,]*(?:,|\Z))?([0-9]*)")
_BINARY_HEADER = re.compile(rb"([56])([0-9]+)-(/[^,]*(?:,|\Z))?([0-9]*)")


class Decoder:
    """
    Puts the packets of one connection together again.

    See L{IDecoder <txsocketio.interfaces.IDecoder>}.  After a
    L{DecodeError} it is as new.
    """

    __slots__ = (
        "_alone",
        "_announced",
        "_attachments",
        "_header",
        "_maxAttachments",
        "_maxMessageBytes",
        "_objectHook",
        "_quick",
        "_room",
        "_wanted",
    )

    def __init__(
        self,
        maxAttachments: int,
        maxMessageBytes: int,
        objectHook: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        """
        @param maxAttachments: the most attachments of one packet.
        @param maxMessageBytes: the most bytes of one packet, attachments
            included.
        """
        self._maxAttachments = maxAttachments
        self._maxMessageBytes = maxMessageBytes
        self._objectHook = objectHook
        self._announced: dict[bytes, str] = {}  # what announces bytes alone, and the event's name
        self.reset()

    def reset(self) -> None:
        """
        Forget a packet that is not complete.
        """
        self._header: Packet | None = None
        self._alone: str | None = None  # the name of a binary event that has bytes alone
        self._attachments: list[bytes] = []
        self._wanted = 0
        self._room = 0
        self._quick = self._objectHook is None

    def addText(self, message: bytes) -> Packet | None:
        """
        Take a text message: UTF-8, not yet validated.
        """
        quick = self._quick and len(message) <= self._maxMessageBytes
        if quick and message[:2] == b"2[":
            try:
                data = _loads(message[1:])
                name = data[0]
            except (ValueError, IndexError):
                # The slow path finds out what it is.
                pass
            else:
                if type(name) is str and name not in RESERVED_EVENTS:
                    return EVENT, "/", None, data
        try:
            if quick:
                first = message[:1]
                if first == b"5" and self._announcesBytesAlone(message):
                    return None
                packet = _decodeCommon(first, message)
                if packet is not None:
                    return packet
            return self._addText(message)
        except DecodeError:
            self.reset()
            raise

    def addBinary(self, message: bytes) -> Packet | None:
        """
        Take a binary message.
        """
        alone = self._alone
        if alone is not None and len(message) <= self._room:
            self._alone = self._header = None
            self._quick = True
            return EVENT, "/", None, [alone, message]
        try:
            return self._addBinary(message)
        except DecodeError:
            self.reset()
            raise

    def _announcesBytesAlone(self, message: bytes) -> bool:
        """
        Take the announcement of the commonest binary event, a name and bytes.

        @return: whether it is one.
        """
        if len(message) > _ANNOUNCEMENT_SIZE:
            return False
        name = self._announced.get(message)
        if name is None:
            name = _announced(message)
            if name is None or not self._maxAttachments:
                return False
            if len(self._announced) >= _ANNOUNCEMENTS:
                self._announced.clear()
            self._announced[message] = name
        self._alone = name
        self._header = _BYTES_DUE
        self._room = self._maxMessageBytes - len(message)
        self._quick = False
        return True

    def _addText(self, message: bytes) -> Packet | None:
        if self._header is not None:
            raise DecodeError("a text message while attachments are due", message)
        if len(message) > self._maxMessageBytes:
            raise DecodeError(f"a message over {self._maxMessageBytes} bytes", message)
        attachments, packet = _decodeHeader(message, self._maxAttachments)
        if not attachments:
            return self._hooked(packet)
        self._header = packet
        self._wanted = attachments
        self._room = self._maxMessageBytes - len(message)
        self._quick = False
        return None

    def _addBinary(self, message: bytes) -> Packet | None:
        header = self._header
        if header is None:
            raise DecodeError("a binary message that no packet announced", message)
        self._room -= len(message)
        if self._room < 0:
            raise DecodeError(f"a packet over {self._maxMessageBytes} bytes with its attachments")
        self._attachments.append(message)
        if len(self._attachments) < self._wanted:
            return None
        _putAttachments(header[3], self._attachments)
        self.reset()
        return self._hooked(header)

    def _hooked(self, packet: Packet) -> Packet:
        if self._objectHook is None:
            return packet
        packetType, namespace, ackID, data = packet
        try:
            data = _replaceObjects(data, self._objectHook)
        except Exception as error:
            raise DecodeError(f"objectHook raised {error!r:.200}") from error
        _checkData(packetType, data, b"changed by objectHook")
        return packetType, namespace, ackID, data


def _announced(message: bytes) -> str | None:
    """
    @return: the event's name, if this announces an event of the main namespace
        that has bytes alone.
    """
    if message[:5] != b'51-["' or not message.endswith(_ALONE):
        return None
    try:
        data = _loads(message[3 : -len(_ALONE)] + b"]")
    except ValueError:
        return None
    return data[0] if len(data) == 1 and data[0] not in RESERVED_EVENTS else None


def _decodeCommon(first: bytes, message: bytes) -> Packet | None:
    """
    Decode an acknowledgement in the main namespace, or an event in another.

    @return: L{None} if it is anything else, or not as it should be.
    """
    try:
        if first == b"3":
            start = message.index(b"[", 1, _ACK_HEAD)
            digits = message[1:start]
            if digits.isdigit():
                return ACK, "/", int(digits), _loads(message[start:])
        elif first == b"2" and message[1] == _SLASH:
            start = message.index(b",") + 1
            if message[start] == _BRACKET:  # orjson would skip blanks
                data = _loads(message[start:])
                if type(data[0]) is str and data[0] not in RESERVED_EVENTS:
                    return EVENT, message[1 : start - 1].decode(), None, data
    except (ValueError, IndexError):
        pass  # the slow path says what is wrong, if anything is
    return None


def _decodeHeader(message: bytes, maxAttachments: int) -> tuple[int, Packet]:
    """
    @return: the number of attachments, and the packet without them.
    """
    attachments = 0
    match = _HEADER.match(message)
    if match is not None:
        kind, path, digits = match.groups()
    else:
        attachments, (kind, path, digits), match = _decodeBinaryHeader(message, maxAttachments)
    packetType = _PLAIN_TYPES[kind]
    ackID = _decodeAckID(digits, message)
    if ackID is not None and packetType not in _BINARY_TYPES:
        raise DecodeError("an ack id where none belongs", message)
    data = _decodeData(packetType, message[match.end() :])
    return attachments, (packetType, _decodeNamespace(path), ackID, data)


_PLAIN_TYPES = {b"%d" % number: number for number in range(5)} | {b"5": EVENT, b"6": ACK}


def _decodeBinaryHeader(
    message: bytes, maxAttachments: int
) -> tuple[int, tuple[bytes, bytes | None, bytes], re.Match[bytes]]:
    match = _BINARY_HEADER.match(message)
    if match is None:
        if message[:1] in (b"5", b"6"):
            raise DecodeError("Illegal attachments", message)
        raise DecodeError(f"unknown packet type {excerpt(message, 1)}", message)
    kind, number, path, digits = match.groups()
    attachments = int(number) if len(number) <= 10 else 0
    if not attachments:
        raise DecodeError("Illegal attachments", message)
    if attachments > maxAttachments:
        raise DecodeError(f"too many attachments (at most {maxAttachments})", message)
    return attachments, (kind, path, digits), match


def _decodeNamespace(path: bytes | None) -> str:
    if path is None:
        return "/"
    try:
        return path.removesuffix(b",").decode()
    except UnicodeDecodeError as error:
        raise DecodeError("a namespace that is not UTF-8", path) from error


def _decodeAckID(digits: bytes, message: bytes) -> int | None:
    if not digits:
        return None
    ackID = int(digits) if len(digits) <= 16 else MAX_ACK_ID + 1
    if ackID > MAX_ACK_ID:
        raise DecodeError("an ack id beyond 2**53-1", message)
    return ackID


def _decodeData(packetType: int, payload: bytes) -> Any:
    if payload:
        data = _decodeJSON(payload)
        if data is None:
            raise DecodeError("invalid payload: null", payload)
    else:
        data = None
    _checkData(packetType, data, payload)
    return data


def _checkData(packetType: int, data: Any, seen: bytes) -> None:
    """
    @param data: L{None} when the packet has no payload.
    @param seen: for the error; C{data} may be too deep to be shown.
    @raise DecodeError: a packet of this type does not have such data.
    """
    if packetType == EVENT:
        valid = type(data) is list and bool(data) and _isEventName(data[0])
    elif packetType == ACK:
        valid = type(data) is list
    elif packetType == CONNECT:
        valid = data is None or type(data) is dict
    elif packetType == CONNECT_ERROR:
        valid = data is None or type(data) in (dict, str)
    else:
        valid = data is None
    if not valid:
        raise DecodeError(f"invalid payload for a packet of type {packetType}", seen)


def _isEventName(name: object) -> bool:
    return type(name) is int or (type(name) is str and name not in RESERVED_EVENTS)


def _decodeJSON(payload: bytes) -> Any:
    if payload[0] in b" \t\r\n":
        raise DecodeError("blanks before the payload", payload)
    try:
        return _loads(payload)
    except ValueError as error:
        if not _HALF.search(payload):
            raise DecodeError(f"invalid payload ({error})", payload) from error
    return _decodeHalves(payload)


# Halves of surrogate pairs
#
# JavaScript may send "\ud800" alone, and orjson refuses it.  Python's own json
# module would take it, but other numbers and depths as well; so the halves are
# disguised, and orjson remains the only judge.

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u([dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|(\\u[fF][dD][dD]0|\ufdd0)"
    r"|(\\.)"
)
_DISGUISE = "\ufdd0"
_DISGUISED = re.compile("\ufdd0(?:0|1(....))")


def _decodeHalves(payload: bytes) -> Any:
    try:
        data = _loads(_ESCAPE.sub(_disguise, payload.decode()))
    except ValueError as error:
        raise DecodeError(f"invalid payload ({error})", payload) from error
    return _reveal(data)


def _disguise(escape: re.Match[str]) -> str:
    if escape[2]:
        return f"{_DISGUISE}1{escape[2]}"
    return f"{_DISGUISE}0" if escape[3] else escape[0]


def _reveal(root: Any) -> Any:
    holder = [root]
    for container in _containers(holder):
        if type(container) is list:
            container[:] = [_revealText(value) for value in container]
        else:
            pairs = [(_revealText(key), _revealText(value)) for key, value in container.items()]
            container.clear()
            container.update(pairs)
    return holder[0]


def _revealText(value: Any) -> Any:
    if type(value) is not str or _DISGUISE not in value:
        return value
    text = _DISGUISED.sub(lambda match: chr(int(match[1], 16)) if match[1] else _DISGUISE, value)
    return text


# walks; none of them recurses, since data may be deeper than the stack


def _containers(root: Any) -> Iterator[Any]:
    """
    Every list and dict in the tree, outer ones first; each is given before
    its own items are looked at.
    """
    waiting = [root]
    while waiting:
        container = waiting.pop()
        yield container
        items = container.values() if type(container) is dict else container
        waiting.extend(item for item in items if type(item) in (list, dict))


def _putAttachments(data: list[Any], attachments: Sequence[bytes]) -> None:
    """
    Put each attachment where its placeholder is.

    @raise DecodeError: a placeholder has no good number.
    """
    waiting: list[Any] = [data]
    while waiting:
        container = waiting.pop()
        pairs = container.items() if type(container) is dict else enumerate(container)
        for key, value in pairs:
            if type(value) is dict and value.get("_placeholder") is True:
                container[key] = _attachment(value, attachments)
            elif type(value) is dict or type(value) is list:
                waiting.append(value)


def _attachment(placeholder: dict[str, Any], attachments: Sequence[bytes]) -> bytes:
    number = placeholder.get("num")
    # A bool is an int, and -1 an index, in Python only.
    if type(number) is not int or not 0 <= number < len(attachments):
        seen = str(number) if type(number) is int else type(number).__name__
        raise DecodeError("illegal attachments: a placeholder's num", seen)
    return attachments[number]


def _replaceObjects(root: Any, objectHook: Callable[[dict[str, Any]], Any]) -> Any:
    """
    Replace every dict by what the hook makes of it, inner ones first.
    """
    holder = [root]
    for container in reversed(list(_containers(holder))):
        pairs = container.items() if type(container) is dict else enumerate(container)
        for key, value in list(pairs):
            if type(value) is dict:
                container[key] = objectHook(value)
    return holder[0]
