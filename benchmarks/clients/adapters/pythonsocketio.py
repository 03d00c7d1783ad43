"""
python-socketio's AsyncClient, over aiohttp.
"""

from __future__ import annotations

from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import socketio
from engineio import payload

# It drops the connection when a polling response holds more than 16 packets,
# as every fast server's does; lifted, so that it can be measured at all.
payload.Payload.max_decode_packets = 10**6

MANY = 128


class Adapter:
    emitIsAsync = True

    def __init__(self, runtime: Any, args: SimpleNamespace, namespace: str) -> None:
        self._runtime = runtime
        self._args = args
        self._namespace = namespace
        # Not verifying makes a TLS context a client, wanted or not: 23 ms each.
        self.client = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, ssl_verify=not args.url.startswith("https")
        )

    def on(self, event: str, listener: Any) -> None:
        self.client.on(event, listener, namespace=self._namespace)

    def onAny(self, listener: Any) -> None:
        # Its catch-all hears only what nobody else does.
        self.client.on("*", listener, namespace=self._namespace)

    async def connect(self) -> None:
        transports = self._args.transports
        url = self._args.url
        await self.client.connect(url, transports=transports, namespaces=[self._namespace])

    def emit(self, event: str, data: Any) -> Any:
        return self.client.emit(event, data, namespace=self._namespace)

    def call(self, event: str, data: Any) -> Any:
        return self.client.call(event, data, namespace=self._namespace)

    async def drain(self) -> None:
        # Its queue has no limit; without this, binary rounds hold gigabytes.
        while self.client.eio.queue.qsize() > MANY:
            await self._runtime.sleep(0.001)

    async def close(self) -> None:
        await self.client.disconnect()


def versions() -> dict[str, str]:
    return {name: version(name) for name in ("python-socketio", "python-engineio", "aiohttp")}
