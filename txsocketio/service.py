"""
A socket as a Twisted service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from txsocketio.manager import Manager
from txsocketio.protocol.url import parseURL
from txsocketio.socket import Socket

__all__ = ["SocketIOService"]

_LOOK_AGAIN = 0.02
_CONFIRM_SECONDS = 1.0


class SocketIOService(Service):
    """
    Connects a socket when it starts, and disconnects it when it stops.

    @ivar socket: the socket; there from the beginning, not connected.
    """

    def __init__(
        self,
        urlOrManager: str | Manager,
        setup: Callable[[Socket], Any] | None = None,
        drainTimeout: float = 5.0,
        *,
        namespace: str | None = None,
        reactor: Any = None,
        **options: Any,
    ) -> None:
        """
        @param urlOrManager: a server's URL, or a manager made with
            C{autoConnect=False}.
        @param setup: called once with the socket, before it first connects,
            to register listeners.
        @param drainTimeout: how many seconds stopping may wait for what was
            emitted to be sent and acknowledged.
        @param namespace: wins over the URL's path.
        @param options: as for L{io <txsocketio.client.io>}, for a URL; for a
            manager, socket options only.
        """
        if isinstance(urlOrManager, str):
            manager = Manager(urlOrManager, reactor=reactor, **{**options, "autoConnect": False})
            namespace = namespace or parseURL(urlOrManager).namespace
            self.socket = manager.socket(namespace)
        else:
            manager = urlOrManager
            self.socket = manager.socket(namespace or "/", **options)
        self.manager = manager
        self._drainTimeout = drainTimeout
        self._setup = setup

    def startService(self) -> None:
        """
        Connect; if a stop is under way, as soon as it has disconnected.
        """
        if self._setup is not None:
            # If it raises, nothing has started, and it is asked again.
            self._setup(self.socket)
            self._setup = None
        super().startService()
        self.socket.connect()

    def stopService(self) -> Deferred[None]:
        """
        Send what can still be sent, and disconnect.

        @return: fires when no timer, request or connection of the socket is
            left, at most C{drainTimeout} and 2 seconds later.  Cancelling it
            leaves out the draining.
        """
        super().stopService()
        drained = Deferred.fromCoroutine(self._drain()).addErrback(lambda _: None)
        return drained.addCallback(self._cbDrained)

    # inside

    async def _drain(self) -> None:
        """
        A server may drop events that it reads together with the DISCONNECT
        behind them: Node's does.  So see at last that it has read them.
        """
        clock = self.manager.reactor
        limit = clock.seconds() + self._drainTimeout
        while not self.socket.settled and clock.seconds() < limit:
            await deferLater(clock, _LOOK_AGAIN)
        seconds = min(_CONFIRM_SECONDS, limit - clock.seconds())
        if seconds > 0 and self.socket.connected:
            await self.manager.confirm().addTimeout(seconds, clock)

    def _cbDrained(self, _: object) -> Deferred[None]:
        self.socket.disconnect()
        gone = self.socket.whenDisconnected()
        if self.running:  # it was started again meanwhile
            self.socket.connect()
        return gone
