"""
txsocketio, through its public names and with its default options.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import orjson
from twisted.internet.defer import Deferred

from txsocketio import __version__, io


class Adapter:
    emitIsAsync = False

    def __init__(self, runtime: Any, args: SimpleNamespace, namespace: str) -> None:
        options: dict[str, Any] = {}
        if args.transports:
            options["transports"] = args.transports
        if args.url.startswith("https"):
            options["rejectUnauthorized"] = False
        self._upgrades = not args.transports
        self._last: Any = None
        self.socket = io(
            args.url,
            namespace=namespace,
            forceNew=True,
            autoConnect=False,
            reconnection=False,
            **options,
        )
        self.on = self.socket.on
        self.emit: Any = self.socket.emit
        self.onAny = self.socket.onAny
        self.call = self.socket.emitWithAck
        if args.bytes:
            self.emit = self._emitAndKeep

    async def connect(self) -> None:
        self.socket.connect()
        await self.socket.whenConnected()
        engine = self.socket.io.engine
        if self._upgrades and engine.transport.name == "polling":
            upgraded: Deferred[Any] = Deferred()
            engine.once("upgrade", upgraded.callback)
            await upgraded

    def _emitAndKeep(self, event: str, data: Any) -> None:
        self._last = self.socket.emit(event, data)

    async def drain(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            await last

    async def close(self) -> None:
        self.socket.disconnect()
        await self.socket.whenDisconnected()


def versions() -> dict[str, str]:
    names = ("twisted", "autobahn", "treq", "orjson")
    return {
        "txsocketio": __version__,
        "Python": sys.version.split()[0],
        **{name: version(name) for name in names if name != "orjson"},
        "orjson": orjson.__version__,
    }
