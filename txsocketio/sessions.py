"""
C{onSession}: the one place to log in, subscribe, resynchronise.

Session listeners run once a session, one after the other, after the server
has answered CONNECT and before anything else happens.

Must not know: how a socket connects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail

from txsocketio.errors import Disconnected
from txsocketio.modifiers import PLAIN
from txsocketio.results import asDeferred

__all__ = ["SessionInfo", "runSession"]


class SessionInfo:
    """
    What a session listener is told, and how it talks past the buffers.

    @ivar recovered: whether the server restored the previous session, so that
        nothing was missed.
    @ivar reason: why the previous session ended, or L{None}.
    @ivar first: whether there was no session before.
    """

    def __init__(
        self,
        sender: Any,
        whenEvent: Callable[..., Deferred[Any]],
        recovered: bool,
        reason: str | None,
        first: bool,
    ) -> None:
        self._sender = sender
        self._session = sender.sessions
        self._whenEvent = whenEvent
        self.recovered = recovered
        self.reason = reason
        self.first = first

    def __repr__(self) -> str:
        return f"<SessionInfo recovered={self.recovered} reason={self.reason!r} first={self.first}>"

    def emit(self, event: Any, *args: Any) -> Deferred[bool]:
        """
        As L{Socket.emit <txsocketio.socket.Socket.emit>}, but now.  Fails
        with L{Disconnected} when the session is over.
        """
        return self._ask(self._sender.emitNow, event, args)

    def emitWithAck(self, event: Any, *args: Any) -> Deferred[Any]:
        """
        As L{Socket.emitWithAck <txsocketio.socket.Socket.emitWithAck>}, but
        now.  Fails with L{Disconnected} when the session is over.
        """
        return self._ask(self._sender.callNow, event, args)

    def whenEvent(
        self, event: Any, timeout: float | None = None, check: Any = None
    ) -> Deferred[Any]:
        """
        As L{Socket.whenEvent <txsocketio.socket.Socket.whenEvent>}, events
        that are held back included.
        """
        return self._whenEvent(event, timeout, check)

    # inside

    def _ask(self, send: Callable[..., Deferred[Any]], event: Any, args: Any) -> Deferred[Any]:
        if self._sender.sessions != self._session:
            return fail(Disconnected("the session is over"))
        return send(PLAIN, event, args)


def runSession(
    listeners: Sequence[Callable[[SessionInfo], Any]], info: SessionInfo
) -> Deferred[None]:
    """
    Call each listener with C{info}, waiting for one before the next.

    @return: fires when all are done; fails as the first that fails does, and
        can be cancelled.
    """
    return Deferred.fromCoroutine(_run(list(listeners), info))


async def _run(listeners: list[Callable[[SessionInfo], Any]], info: SessionInfo) -> None:
    for listener in listeners:
        later = asDeferred(listener(info))
        if later is not None:
            await later
