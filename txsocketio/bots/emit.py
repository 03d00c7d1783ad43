"""
The plugin C{emit}: events on a schedule, from a file, or from whoever connects.

Must not know: the daemon.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    ensureDeferred,
    maybeDeferred,
)
from twisted.internet.endpoints import serverFromString

from txsocketio.bots.bookmark import Bookmark
from txsocketio.bots.bot import Bot
from txsocketio.bots.delivering import DELIVERY, Delivery
from txsocketio.bots.eventlines import EventLines
from txsocketio.bots.filelines import FileLines
from txsocketio.bots.keys import DAEMON_KEYS, ownersOnly
from txsocketio.bots.records import readEvent
from txsocketio.bots.schema import PluginOption, boolean, schemaOf, seconds

__all__ = ["EmitBot"]


def jsonArray(text: str) -> list[Any]:
    """
    The arguments of an event.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        raise ValueError('must be an array in JSON, as in ["hello", 7]')
    return value


class EmitBot(Bot):
    """
    Send events: on a schedule, from the lines of a file, or from lines on an endpoint.
    """

    schema = schemaOf(
        PluginOption("interval", "seconds from one scheduled event to the next", seconds),
        PluginOption("event", "the name of the scheduled event"),
        PluginOption("args", "its arguments, an array in JSON", jsonArray, ()),
        PluginOption("file", "a file with an event in JSON a line"),
        PluginOption("follow", "whether to send what is appended to the file", boolean, False),
        PluginOption("progress", "a file that keeps how far it was sent, over restarts"),
        PluginOption(
            "listen",
            "an endpoint where to take such lines, as in unix:/run/events.sock:mode=600",
            DAEMON_KEYS["control"].parse,
        ),
        *DELIVERY,
    )

    buildEndpoint = staticmethod(serverFromString)

    _file: FileLines | None = None
    _lines: EventLines | None = None
    _port: Any = None
    _sending: Deferred[Any] | None = None
    _stopping = False

    @staticmethod
    def checkConfig(config: Mapping[str, Any]) -> None:
        """
        At least one source, and both halves of a schedule.
        """
        scheduled = config["interval"] is not None, config["event"] is not None
        if scheduled[0] != scheduled[1] or config["interval"] == 0:
            raise ValueError("a schedule needs event, and an interval above 0")
        if not (scheduled[0] or config["file"] or config["listen"]):
            raise ValueError("nothing to send: say interval and event, or file, or listen")
        for name in ("follow", "progress"):
            if config[name] and not config["file"]:
                raise ValueError(f'"{name}" says nothing without "file"')

    async def start(self) -> None:
        try:
            await self._start()
        except Exception:
            await self.stop()  # nobody else does, and the port would stay open
            raise

    async def stop(self) -> None:
        self._stopping = True
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        sources = [each for each in (self._file, self._lines) if each is not None]
        # Cancelling a list of them cancels them all; each tells what it gives up.
        finishing = [ensureDeferred(each.finish()) for each in sources]
        if self._sending is not None:
            finishing.append(self._sending)
        await DeferredList(finishing, consumeErrors=True)

    # inside

    async def _start(self) -> None:
        clock = self.socket.io.reactor
        self._delivery = Delivery(self.socket, self.config, self.log)
        if self.config["listen"]:
            self._lines = EventLines(self._take, self.log)
            endpoint = self.buildEndpoint(clock, ownersOnly(self.config["listen"]))
            self._port = await endpoint.listen(self._lines)
        if self.config["file"]:
            progress = self.config["progress"]
            reading = FileLines(
                self.config["file"],
                self.config["follow"],
                clock,
                self._take,
                self.log,
                Bookmark(progress) if progress else None,
            )
            reading.start()
            self._file = reading
        if self.config["interval"]:
            self.repeat(self.config["interval"], self._tick)

    async def _take(self, line: bytes) -> Any:
        event, args = readEvent(line)
        return await self._delivery.send(event, args)

    async def _tick(self) -> None:
        if self._stopping:
            return
        self._sending = ensureDeferred(
            self._delivery.send(self.config["event"], self.config["args"])
        )
        try:
            await self._sending
        except CancelledError:
            self.log.error("a scheduled event is given up, because the bot stops")
