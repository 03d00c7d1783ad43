"""
The probe: is a better transport really there?

Section "Upgrade" of the Engine.IO v4 protocol: a C{ping} with C{probe} on the
new transport, a C{pong} with C{probe} back.  The old transport goes on
carrying meanwhile; a probe that fails costs nothing but itself.

Must not know: the engine, the other transport.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from txsocketio.errors import SocketIOError, TransportError, excerpt
from txsocketio.interfaces import IPacketReceiver, IPacketTransport
from txsocketio.protocol.engineio import PING, PONG

__all__ = ["PROBE_SECONDS", "Probe", "abortBroken"]

_log = Logger()

PROBE_SECONDS = 10.0
"""How long a probe, and after it the pause of the old transport, may take."""


@implementer(IPacketReceiver)
class Probe:
    """
    One attempt to open and prove a transport.
    """

    def __init__(self, transport: IPacketTransport, clock: IReactorTime) -> None:
        self.transport = transport
        self._clock = clock
        self._result: Deferred[None] | None = None
        self._lost: Callable[[SocketIOError], None] | None = None

    def start(self) -> Deferred[None]:
        """
        Open the transport and ask.

        @return: fires when the answer came; the transport then reads no more,
            so that what the server sends early waits its turn.  Fails with
            L{TransportError}; the transport is then closed.
        """
        result = self._result = Deferred(lambda _: self.cancel())
        self._timer = self._clock.callLater(PROBE_SECONDS, self._failed, _noAnswer(self.transport))
        try:
            self.transport.open(self)
        except Exception as problem:
            self._failed(_notOpened(self.transport, problem))
        return result

    def whenLost(self, lost: Callable[[SocketIOError], None]) -> None:
        """
        Say who is told if the proved transport breaks before it is used.
        """
        self._lost = lost

    def cancel(self) -> None:
        """
        Give up; the result never fires.
        """
        if self._settle() is not None:
            self.transport.abort()

    # from below

    def transportOpened(self) -> None:
        """
        The carrier is there: ask.
        """
        self.transport.sendPacket(PING, b"probe")

    def packetReceived(self, packetType: int, data: bytes) -> None:
        """
        The answer must be the first packet, and nothing else.
        """
        if packetType != PONG or data != b"probe":
            self._failed(_wrongAnswer(self.transport, b"%d%b" % (packetType, data)))
            return
        result = self._settle()
        if result is not None:
            self.transport.pauseReading()
            result.callback(None)

    def textReceived(self, message: bytes) -> None:
        """
        A message before the answer: not a server we can upgrade with.
        """
        self._failed(_wrongAnswer(self.transport, b"4" + message))

    def binaryReceived(self, message: bytes) -> None:
        """
        A message before the answer: not a server we can upgrade with.
        """
        self._failed(_wrongAnswer(self.transport, message))

    def transportDrained(self) -> None:
        """
        Five bytes do not congest anything.
        """

    def transportClosed(self, reason: str, details: Any) -> None:
        """
        The new transport could not be opened, or broke.
        """
        if not isinstance(details, SocketIOError):
            details = _probeError(self.transport, f"closed before the answer ({reason})")
        self._failed(details)

    # inside

    def _settle(self) -> Deferred[None] | None:
        result, self._result = self._result, None
        if result is not None and self._timer.active():
            self._timer.cancel()
        return result

    def _failed(self, error: SocketIOError) -> None:
        result = self._settle()
        if result is not None:
            abortBroken(self.transport)
            result.errback(error)
        elif self._lost is not None:
            lost, self._lost = self._lost, None
            lost(error)


def abortBroken(transport: Any) -> None:
    """
    Abort a transport that may be half made, and whose C{abort} may raise.
    """
    try:
        transport.abort()
    except Exception:
        _log.failure("The transport {transport} could not be aborted", transport=transport)


def _probeError(transport: IPacketTransport, explanation: str) -> TransportError:
    return TransportError(
        "probe error", explanation=explanation, transport=transport.name, phase="upgrade"
    )


def _notOpened(transport: IPacketTransport, problem: Exception) -> TransportError:
    error = _probeError(transport, f"it could not be opened: {problem!r}")
    error.__cause__ = problem
    return error


def _noAnswer(transport: IPacketTransport) -> TransportError:
    return _probeError(transport, f"the server did not answer the probe in {PROBE_SECONDS:g} s")


def _wrongAnswer(transport: IPacketTransport, seen: bytes) -> TransportError:
    return _probeError(transport, f"expected 3probe, the server sent {excerpt(seen)}")
