"""
Events to a Socket.IO server, one by one: each is sent, or waited for until the
server acknowledged it, before the next one is.

Must not know: where the events come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError

from txsocketio.bots.insisting import (
    ATTEMPTS,
    RETRY_DELAY,
    RETRY_DELAY_MAX,
    Insistence,
    NotNow,
)
from txsocketio.bots.schema import PluginOption, boolean, seconds
from txsocketio.errors import AckTimeout, Disconnected, SocketIOError

__all__ = ["DELIVERY", "Delivery", "NotSent"]

DELIVERY = (
    PluginOption(
        "confirm",
        "whether the server must acknowledge each event, which is sent again if it does not",
        boolean,
        False,
    ),
    PluginOption("confirmTimeout", "seconds to wait for an acknowledgement", seconds, 10.0),
    ATTEMPTS,
    RETRY_DELAY,
    RETRY_DELAY_MAX,
)


class NotSent(SocketIOError):
    """
    The socket was disconnected before an event was sent.
    """


class Delivery:
    """
    Sends events through a socket.
    """

    def __init__(self, socket: Any, config: Any, log: Any) -> None:
        """
        @param config: has the options of L{DELIVERY}.
        """
        self._socket = socket
        self._confirm = config["confirm"]
        self._timeout = config["confirmTimeout"]
        self._insist = Insistence(config, socket.io.reactor, log)

    async def send(self, event: Any, args: Sequence[Any]) -> Any:
        """
        Send one event.

        @return: when little of what was sent waits for the network: L{None};
            or when the server acknowledged it: its answer.
        @raise NotSent: the socket was disconnected.
        @raise NotNow: there was no acknowledgement, often enough.
        """
        if self._confirm:
            return await self._insist.on(lambda: self._attempt(event, args))
        if not await self._socket.emit(event, *args):
            raise NotSent("the socket was disconnected before the event was sent")
        return None

    async def _attempt(self, event: Any, args: Sequence[Any]) -> Any:
        try:
            # While there is no connection nobody could answer: that is no attempt.
            await self._socket.whenConnected()
            return await self._socket.timeout(self._timeout).emitWithAck(event, *args)
        except CancelledError:
            raise
        except (AckTimeout, Disconnected) as error:
            raise NotNow(str(error)) from None
