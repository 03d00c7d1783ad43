"""
The plugin C{relay} between two real Socket.IO servers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bots.peerkit import running, serving
from support import deferred, until


def bots(source: Any, target: Any, *lines: str) -> str:
    begin = ("[bot:relay]", f"url = {source.url}", "plugin = relay", f"target = {target.url}")
    return "\n".join([*begin, *lines])


def received(server: Any) -> list[Any]:
    return [(each.event, *each.args) for each in server.received]


@deferred()
async def test_eventsArriveInOrder(tmp_path: Path) -> None:
    """
    Also those that came before the other server was reached, and bytes.
    """
    async with serving() as source, serving() as target:
        async with running(tmp_path, bots(source, target, "prefix = a:")):
            for number in range(50):
                source.emit("tick", number, b"\0")
            await until(lambda: len(target.received) == 50)
    assert received(target) == [("a:tick", number, b"\0") for number in range(50)]


@deferred()
async def test_theRestOfAStopIsSent(tmp_path: Path) -> None:
    """
    What was taken arrives.
    """
    async with serving() as source, serving() as target:
        async with running(tmp_path, bots(source, target)) as daemon:
            bot = daemon.runners["relay"].bot
            for number in range(20):
                source.emit("tick", number)
            await until(lambda: len(bot.inbox) == 20 or target.received)
        await until(lambda: len(target.received) == 20)
    assert received(target) == [("tick", number) for number in range(20)]


@deferred()
async def test_itConnectsAsTheFileSays(tmp_path: Path) -> None:
    """
    Namespace, credentials, headers and transports of the other server.
    """
    lines = (
        "targetNamespace = /in",
        "targetAuth = token: abc",
        "targetHeaders = X-Who: relay",
        "targetOptions = transports: websocket",
    )
    async with serving() as source, serving() as target:
        namespace = target.of("/in")
        async with running(tmp_path, bots(source, target, *lines)):
            source.emit("tick")
            await until(lambda: target.received)
            (socket,) = namespace.sockets.values()
            assert socket.auth == {"token": "abc"}
            assert socket.connection.headers["x-who"] == "relay"
            assert socket.connection.transport == "websocket"


@deferred()
async def test_whatIsNotAcknowledgedIsSentAgain(tmp_path: Path) -> None:
    """
    In order: the next waits.
    """
    lines = ("confirm = yes", "confirmTimeout = 0.05", "retryDelay = 0.01")
    seen: list[int] = []

    def tick(number: int, ack: Any) -> None:
        seen.append(number)
        if seen != [0]:  # the first one is overheard
            ack()

    async with serving() as source, serving() as target:
        target.on("connection", lambda client: client.on("tick", tick))
        async with running(tmp_path, bots(source, target, *lines)):
            for number in range(3):
                source.emit("tick", number)
            await until(lambda: len(seen) == 4)
    assert seen == [0, 0, 1, 2]
