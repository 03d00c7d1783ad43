"""
Modifiers of one emit: C{volatile}, C{compress}, C{timeout}.

C{socket.timeout(5).volatile} is a small immutable value that knows the
socket; nothing is stored on the socket, so nothing leaks into the next emit.

Must not know: how anything is sent.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from txsocketio.options import warnIfMilliseconds

__all__ = ["Emission", "Modifiers", "PLAIN", "checkTimeout"]


@dataclass(frozen=True, slots=True)
class Modifiers:
    """
    How one event is to be sent.

    @ivar volatile: drop it unless it can be sent now.
    @ivar compress: let the transport compress it, where it does.
    @ivar timeout: seconds for the acknowledgement, or L{None} for the
        socket's C{ackTimeout}.
    """

    volatile: bool = False
    compress: bool = True
    timeout: float | None = None


PLAIN = Modifiers()


def checkTimeout(seconds: float) -> float:
    """
    @return: C{seconds} as a L{float}.
    @raise ValueError: not a number, or negative, or infinite.
    """
    isNumber = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not isNumber or not 0 <= seconds <= sys.float_info.max:
        raise ValueError(f"timeout must be a number of seconds, 0 or more, not {seconds!r:.80}")
    return float(seconds)


class _Sender(Protocol):
    def emit(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[bool]: ...

    def call(self, how: Modifiers, event: Any, args: tuple[Any, ...]) -> Deferred[Any]: ...


@dataclass(frozen=True, slots=True)
class Emission:
    """
    A socket, and how the next emit through this value is to be sent.
    """

    _sender: _Sender
    _how: Modifiers = PLAIN

    @property
    def volatile(self) -> Emission:
        """
        Drop the event unless the socket is connected and below the
        high-water mark; never keep it for later.
        """
        return self._with(volatile=True)

    def compress(self, compress: bool) -> Emission:
        """
        Whether the transport may compress the event (WebSocket with
        C{perMessageDeflate}).
        """
        return self._with(compress=bool(compress))

    def timeout(self, seconds: float) -> Emission:
        """
        Wait so many seconds for the acknowledgement; callbacks are then
        called error first.

        @raise ValueError: not a number, or negative, or infinite.
        """
        seconds = checkTimeout(seconds)
        warnIfMilliseconds("timeout", seconds, stacklevel=3)
        return self._with(timeout=seconds)

    def emit(self, event: Any, *args: Any) -> Deferred[bool]:
        """
        As L{Socket.emit <txsocketio.socket.Socket.emit>}, so modified.
        """
        return self._sender.emit(self._how, event, args)

    def emitWithAck(self, event: Any, *args: Any) -> Deferred[Any]:
        """
        As L{Socket.emitWithAck <txsocketio.socket.Socket.emitWithAck>}, so
        modified.
        """
        return self._sender.call(self._how, event, args)

    def send(self, *args: Any) -> Deferred[bool]:
        """
        As L{Socket.send <txsocketio.socket.Socket.send>}, so modified.
        """
        return self.emit("message", *args)

    # inside

    def _with(self, **changes: Any) -> Emission:
        return Emission(self._sender, replace(self._how, **changes))
