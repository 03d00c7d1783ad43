"""
The server of C{twistd sioclient --demo}: python-socketio on a free port of
this machine.  A program of its own, run in a child process; it ends when its
standard input does, so it never outlives its parent.

It knows nothing of ours: it is there to show that the bots can talk to a
server that somebody else wrote.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import socketio
from aiohttp import web

TICK = 0.5


def buildServer() -> Any:
    """
    A server that adds two numbers, and tells everybody the sum.
    """
    server = socketio.AsyncServer(async_mode="aiohttp")

    async def add(sid: str, a: int, b: int) -> int:
        await server.emit("sum", {"of": [a, b], "is": a + b})
        return a + b

    server.on("add", add)
    return server


async def tick(server: Any) -> None:
    """
    Tell everybody a number, again and again.
    """
    number = 0
    while True:
        await asyncio.sleep(TICK)
        number += 1
        await server.emit("tick", number)


async def serve() -> None:
    """
    Say on which port we listen, and serve until the standard input ends.
    """
    server = buildServer()
    application = web.Application()
    server.attach(application)
    runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    ticking = asyncio.ensure_future(tick(server))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    ticking.cancel()
    await runner.cleanup()


if __name__ == "__main__":
    # Ctrl-C goes to the parent as well, which says goodbye first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(serve())
