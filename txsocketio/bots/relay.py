"""
The plugin C{relay}: every event of one Socket.IO server to another.

Must not know: the daemon.
"""

from __future__ import annotations

from typing import Any

from txsocketio.bots.delivering import DELIVERY, Delivery
from txsocketio.bots.fields import hostOf
from txsocketio.bots.inbox import EVENTS, QUEUE, InboxBot
from txsocketio.bots.ratelimit import RateLimit
from txsocketio.bots.records import roughSize
from txsocketio.bots.schema import PluginOption, rate, schemaOf
from txsocketio.bots.target import TARGET, clientOptions
from txsocketio.service import SocketIOService

__all__ = ["RelayBot"]

SETTLE = 1.0
"""Seconds for the other server to read what was sent last: see C{SocketIOService}."""


class RelayBot(InboxBot):
    """
    Send each event on to another Socket.IO server, in order.
    """

    schema = schemaOf(
        *TARGET,
        EVENTS,
        PluginOption("prefix", "what to put before the name of each event", default=""),
        PluginOption("targetRate", "how many events to send, as in 10/s (as they come)", rate),
        *DELIVERY,
        QUEUE,
    )

    buildClient = SocketIOService

    _down = False
    _rateLimit: RateLimit | None = None

    def start(self) -> None:
        self._server = hostOf(self.config["target"])
        self.client = self.buildClient(
            self.config["target"],
            drainTimeout=SETTLE,
            reactor=self.socket.io.reactor,
            **clientOptions(self.config),
        )
        target = self.client.socket
        target.on("connect", self._targetConnected)
        target.on("disconnect", self._targetLost)
        target.on("connect_error", self._targetLost)
        if self.config["targetRate"]:
            self._rateLimit = RateLimit(target, self.config["targetRate"])
        self._delivery = Delivery(target, self.config, self.log)
        self.client.startService()
        self.listen()

    async def stop(self) -> None:
        late = True
        try:
            await super().stop()
            late = False
        finally:
            if self._rateLimit is not None:
                self._rateLimit.stop()
            self._down = True  # that we leave is no news
            leaving = self.client.stopService()
            if late:
                leaving.cancel()
            await leaving

    def take(self, event: Any, args: Any) -> None:
        name = f"{self.config['prefix']}{event}" if self.config["prefix"] else event
        self.inbox.put((name, args), roughSize(args))

    async def work(self, job: Any) -> None:
        event, args = job
        await self._delivery.send(event, args)

    # inside

    def _targetConnected(self) -> None:
        self._down = False
        self.log.info("connected to the other server, {target}", target=self._server)

    def _targetLost(self, why: object) -> None:
        if not self._down:  # the first failure is news, the others are not
            self.log.warn(
                "no connection to the other server, {target}: {why}",
                target=self._server,
                why=str(why),
            )
        self._down = True
