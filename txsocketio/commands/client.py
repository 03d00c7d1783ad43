"""
The client of a one-shot command: connected, used, and left properly.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectingCancelledError
from twisted.python.failure import Failure

from txsocketio.bots.descriptions import BotDescription
from txsocketio.commands.exits import Ended, Exit
from txsocketio.commands.progress import Progress
from txsocketio.errors import (
    AckTimeout,
    BufferFull,
    ConnectRefused,
    Disconnected,
    NotEncodable,
    PayloadTooLarge,
    ReconnectFailed,
    ReservedEventName,
    SocketIOError,
)
from txsocketio.service import SocketIOService

__all__ = ["Client", "Work", "endOf"]

DRAIN_SECONDS = 10.0
"""What was emitted has so long to be sent when a command ends."""


class Work(Protocol):
    """
    What a command does with its client.
    """

    def attach(self, client: Client) -> None:
        """
        Listen, before anything is connected.
        """

    def run(self) -> Coroutine[Any, Any, None]:
        """
        Do it; the client is connected.
        """


class Client:
    """
    Runs one L{Work}.

    @ivar socket: its socket.
    """

    def __init__(
        self,
        reactor: Any,
        description: BotDescription,
        progress: Progress,
        timeout: float,
        reconnect: bool = False,
    ) -> None:
        """
        @raise ValueError: an option names a file, proxy or endpoint that
            cannot be used.
        """
        self.reactor = reactor
        self.progress = progress
        self.timeout = timeout
        self._reconnect = reconnect
        self._description = description
        self._service = SocketIOService(
            description.url,
            drainTimeout=DRAIN_SECONDS,
            namespace=description.namespace,
            reactor=reactor,
            **description.options,
        )
        self.socket: Any = self._service.socket
        self._running: Deferred[None] | None = None
        self._why: BaseException | None = None

    def perform(self, work: Work) -> Deferred[None]:
        """
        Connect, do the work, and leave.

        @return: fires when nothing is left of the connection; fails with
            L{Ended}.
        """
        work.attach(self)
        self.socket.on("connect", self._connected)
        self.socket.on("disconnect", self._lost)
        self.socket.on("connect_error", self._notConnected)
        running = self._running = Deferred.fromCoroutine(self._work(work))
        return running.addBoth(self._leave)

    def end(self, why: BaseException) -> None:
        """
        Stop what is done: something happened meanwhile.
        """
        if self._running is not None and self._why is None:
            self._why = why
            self._running.cancel()

    # inside

    async def _work(self, work: Work) -> None:
        self.progress.tell(f"connecting to {self._description.server}")
        self._service.startService()
        connected = self.socket.whenConnected()
        if not self._reconnect:
            connected.addTimeout(self.timeout, self.reactor, self._tooLate)
        await connected
        await work.run()

    def _tooLate(self, result: Any, seconds: float) -> None:
        text = f"not connected within {seconds:g} s: {self.socket.why}"
        raise Ended(Exit.UNREACHED, text)

    def _leave(self, result: Any) -> Deferred[None]:
        self._running = None
        if isinstance(result, Failure):
            error: Any = result.value
            result = Failure(endOf(self._why or error))
        return self._service.stopService().addCallback(lambda _: result)

    def _connected(self) -> None:
        self.progress.tell(f"connected, session {self.socket.id}")

    def _notConnected(self, error: Exception) -> None:
        if self._reconnect:
            self.progress.tell(f"not connected: {error}")

    def _lost(self, reason: str, details: Any) -> None:
        if self._running is None:
            return
        self.progress.tell(f"disconnected: {reason}")
        if self.socket.state in ("disconnected", "failed"):
            self.end(Disconnected(reason, details))


_STATUS: list[tuple[type[BaseException], Exit]] = [
    (ConnectRefused, Exit.REFUSED),
    (AckTimeout, Exit.TIMEOUT),
    (DeferredTimeout, Exit.TIMEOUT),
    (Disconnected, Exit.LOST),
    (NotEncodable, Exit.INPUT),
    (ReservedEventName, Exit.INPUT),
    (PayloadTooLarge, Exit.INPUT),
    (BufferFull, Exit.INPUT),
    (CancelledError, Exit.LOST),
    (ConnectingCancelledError, Exit.LOST),
    (SocketIOError, Exit.UNREACHED),
]


def endOf(error: BaseException) -> BaseException:
    """
    How a command ends that met this error; errors of the program itself are
    given back.
    """
    if isinstance(error, ReconnectFailed) and error.last is not None:
        status = getattr(endOf(error.last), "status", Exit.UNREACHED)
        return Ended(status, str(error))
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), None)
    return error if status is None else Ended(status, str(error))
