"""
What a server and the carriers below it say to each other, and the log they keep.

Must not know: namespaces, how packets travel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from txsocketio.protocol.engineio import MESSAGE, encodeBinary

__all__ = ["Attempt", "Link", "WirePacket", "asText"]

class WirePacket(NamedTuple):
    """
    One Engine.IO packet as it was seen on the wire.

    @ivar sender: C{"client"} or C{"server"}.
    @ivar packet: its text, e.g. C{'42["hi"]'}; bytes as the protocol writes
        them in text, C{"b"} and base64.
    @ivar transport: C{"polling"} or C{"websocket"}.
    @ivar compress: whether the sender allowed compression.
    """

    sender: str
    packet: str
    transport: str
    compress: bool = True


class Attempt(NamedTuple):
    """
    A client that knocked: one transport opened, let in or not.

    @ivar transport: its name.
    @ivar url: the whole URL of the first request.
    @ivar query: the URL's query.
    @ivar headers: what the client sent, by lower-case name.
    @ivar sid: the session it wanted to join, or L{None}.
    """

    transport: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    sid: str | None


class Link(Protocol):
    """
    The server's end of one transport.
    """

    name: str

    def send(self, packetType: int, data: bytes, isBinary: bool, compress: bool = True) -> None:
        """
        Send a packet, after those sent before.
        """

    def sendRaw(self, packet: bytes, isBinary: bool) -> None:
        """
        Send something that may not be a packet.
        """

    def takeUnsent(self) -> Sequence[tuple[int, bytes, bool, bool]]:
        """
        Give back what waits for the network; it is sent by another link.
        """

    def probed(self) -> None:
        """
        Another transport has proved itself: the client waits for this one to
        have nothing under way.
        """

    def end(self, reason: str, details: Any) -> None:
        """
        End; the client hears C{reason} as far as the carrier can tell it.
        """

    def cut(self, reason: str, details: Any) -> None:
        """
        Break without a word.
        """


def asText(packetType: int, data: bytes, isBinary: bool) -> str:
    """
    Write a packet for the log.
    """
    if isBinary and packetType == MESSAGE:
        return encodeBinary(data).decode()
    return f"{packetType}{data.decode('utf-8', 'replace')}"
