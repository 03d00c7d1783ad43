"""
The opening handshake of a WebSocket client, as plain values.

Autobahn can do this too, but writes headers unescaped, always gives C{Host} a
port, and lets an answer in another encoding raise; so the two texts are made
and read here.  Must not know connections.  See RFC 6455 sections 4.1 and 4.2.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha1
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["HandshakeRefused", "Request", "Response", "bodyOf", "checkResponse", "parseResponse"]

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_FORBIDDEN = re.compile(r"[\0\r\n]")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?\Z", re.DOTALL)
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: (.*))?\Z")

_OURS = frozenset(
    {
        "connection",
        "content-length",
        "transfer-encoding",
        "upgrade",
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
    }
)
"""Headers that belong to the handshake; a user's are left out."""

_DEFAULT_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}


class HandshakeRefused(Exception):
    """
    The answer is not the one that opens a WebSocket; the text says why.
    """


class Response(NamedTuple):
    """
    The head of the server's answer.

    @ivar headers: as they came, each line a pair, names as written.
    """

    version: str
    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """
        The values of every header of this (lower-case) name.
        """
        return [value for key, value in self.headers if key.lower() == name]

    def words(self, name: str) -> list[str]:
        """
        The comma-separated words of a header, in lower case.
        """
        return [word.strip().lower() for value in self.all(name) for word in value.split(",")]


class Request(NamedTuple):
    """
    What we ask.

    @ivar url: C{ws://} or C{wss://}; userinfo and fragment are not sent.
    @ivar headers: the user's.
    @ivar protocols: subprotocols in order of preference.
    @ivar extensions: the offer, e.g. of permessage-deflate, or nothing.
    """

    url: str
    headers: Sequence[tuple[str, str]] = ()
    protocols: Sequence[str] = ()
    extensions: str = ""

    def toBytes(self, nonce: bytes) -> bytes:
        """
        Write the request.

        @param nonce: 16 unpredictable bytes.
        @raise ValueError: a header, subprotocol or the URL cannot be sent.
        """
        resource, host = self._target()
        users = [pair for pair in self.headers if pair[0].lower() not in _OURS]
        if not any(name.lower() == "host" for name, _ in users):
            users.insert(0, ("Host", host))
        lines = [*users, *self._handshake(nonce)]
        for name, value in lines:
            _checkHeader(name, value)
        head = "\r\n".join(f"{name}: {value}" for name, value in lines)
        return _encode(f"GET {resource} HTTP/1.1\r\n{head}\r\n\r\n")

    def _target(self) -> tuple[str, str]:
        parts = urlsplit(self.url)
        resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not (resource.isascii() and resource.isprintable()) or " " in resource:
            raise ValueError(f"the URL cannot be requested as it is: {self.url!r}")
        host = parts.netloc.rpartition("@")[2]
        if parts.port == _DEFAULT_PORTS.get(parts.scheme):
            host = host.removesuffix(f":{parts.port}")
        return resource, host

    def _handshake(self, nonce: bytes) -> list[tuple[str, str]]:
        lines = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", _key(nonce)),
            ("Sec-WebSocket-Version", "13"),
        ]
        for protocol in self.protocols:
            if not _TOKEN.match(protocol):
                raise ValueError(f"not a subprotocol's name: {protocol!r}")
        if self.protocols:
            lines.append(("Sec-WebSocket-Protocol", ", ".join(self.protocols)))
        if self.extensions:
            lines.append(("Sec-WebSocket-Extensions", self.extensions))
        return lines


def _key(nonce: bytes) -> str:
    return b64encode(nonce).decode("ascii")


def _checkHeader(name: str, value: str) -> None:
    if not _TOKEN.match(name):
        raise ValueError(f"not a header name: {name!r}")
    if _FORBIDDEN.search(value):
        raise ValueError(f"the value of header {name} holds a line break or NUL")


def _encode(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


# the answer


def parseResponse(head: bytes) -> Response:
    """
    Read the head of an answer, its blank line included.

    @raise HandshakeRefused: it is not HTTP/1.
    """
    statusLine, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    match = _STATUS.match(statusLine)
    if match is None:
        raise HandshakeRefused(
            f"not an HTTP answer: {statusLine[:80]!a}; is this the server's port?"
        )
    headers = tuple(_parseHeader(line) for line in lines)
    return Response(match[1], int(match[2]), match[3] or "", headers)


def bodyOf(response: Response, data: bytes) -> tuple[bytes, bool]:
    """
    Read as much of an answer's body as is there, for an error to show.

    @param data: what came after the head.
    @return: the body, and whether that is all of it.
    """
    if "chunked" in response.words("transfer-encoding"):
        return _unchunked(data)
    lengths = response.all("content-length")
    if not lengths or not lengths[0].isdecimal():
        return data, False
    return data, len(data) >= int(lengths[0])


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    body, position = b"", 0
    while (end := data.find(b"\r\n", position)) >= 0:
        size = _CHUNK.match(data, position, end)
        if size is None:
            return data, True  # not chunked after all: show it as it is
        length = int(size[1], 16)
        if length == 0:
            return body, True
        body += data[end + 2 : end + 2 + length]
        position = end + 2 + length + 2
    return body, False


def _parseHeader(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _TOKEN.match(name):
        raise HandshakeRefused(f"not an HTTP header: {line[:80]!a}")
    return name, value.strip(" \t")


def checkResponse(response: Response, nonce: bytes, protocols: Sequence[str]) -> str:
    """
    Check everything but the extensions.

    @return: the subprotocol the server chose, or nothing.
    @raise HandshakeRefused: this answer opens no WebSocket.
    """
    if response.status != 101:
        raise HandshakeRefused(f"Unexpected server response: {response.status}")
    if response.version != "1":
        raise HandshakeRefused("the server switched protocols by HTTP/1.0")
    if response.words("upgrade") != ["websocket"]:
        raise HandshakeRefused("Invalid Upgrade header")
    if "upgrade" not in response.words("connection"):
        raise HandshakeRefused("Invalid Connection header")
    _checkAccept(response, nonce)
    return _checkProtocol(response, protocols)


def _checkAccept(response: Response, nonce: bytes) -> None:
    digest = sha1(_key(nonce).encode("ascii") + MAGIC, usedforsecurity=False).digest()
    if response.all("sec-websocket-accept") != [b64encode(digest).decode("ascii")]:
        raise HandshakeRefused("Invalid Sec-WebSocket-Accept header")


def _checkProtocol(response: Response, protocols: Sequence[str]) -> str:
    chosen = response.all("sec-websocket-protocol")
    if not chosen or chosen == [""]:
        return ""
    if not protocols:
        raise HandshakeRefused(f"Server sent a subprotocol but none was requested: {chosen!a}")
    if len(chosen) > 1 or chosen[0] not in protocols:
        raise HandshakeRefused(f"Server sent an invalid subprotocol: {chosen!a}")
    return chosen[0]
