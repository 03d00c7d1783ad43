"""
The plugin C{webhook} between a real Socket.IO server and a real HTTP server.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.error import TimeoutError

from bots.peerkit import hooking, running, serving
from conftest import LoggedFailures
from support import deferred, until


def bots(server: Any, hook: Any, *lines: str) -> str:
    begin = ("[bot:hook]", f"url = {server.url}", "plugin = webhook", f"target = {hook.url}")
    return "\n".join([*begin, *lines])


def numbers(hook: Any) -> list[int]:
    return [json.loads(body)["args"][0] for _, body in hook.posts]


@deferred()
async def test_eventsArriveInOrderWithTheirHeaders(tmp_path: Path) -> None:
    """
    Through a connection that is kept.
    """
    async with serving() as server, hooking() as hook:
        header = "targetHeaders =\n  Authorization: Bearer abcdefgh\n  X-Who: Gr\u00fc\u00dfe"
        async with running(tmp_path, bots(server, hook, header)):
            for number in range(20):
                server.emit("tick", number)
            await until(lambda: len(hook.posts) == 20)
    assert numbers(hook) == list(range(20))
    headers, _ = hook.posts[0]
    assert headers.getRawHeaders(b"Authorization") == [b"Bearer abcdefgh"]
    assert headers.getRawHeaders(b"X-Who") == ["Gr\u00fc\u00dfe".encode("latin-1")]
    assert headers.getRawHeaders(b"Content-Type") == [b"application/json"]


@deferred()
async def test_aServerThatFailsForAWhileLosesNothing(tmp_path: Path) -> None:
    """
    The event that failed comes again, the others after it.
    """
    async with serving() as server, hooking() as hook:
        hook.statuses = [503, 500, 200, 429]
        async with running(tmp_path, bots(server, hook, "retryDelay = 0.01")):
            for number in range(3):
                server.emit("tick", number)
            await until(lambda: len(hook.posts) == 6)
    assert numbers(hook) == [0, 0, 0, 1, 1, 2]
    identities = [headers.getRawHeaders(b"Idempotency-Key") for headers, _ in hook.posts]
    assert len({each[0] for each in identities}) == 3


@deferred()
async def test_theStopPostsWhatWasTaken(tmp_path: Path) -> None:
    """
    And then ends.
    """
    async with serving() as server, hooking() as hook:
        hook.slow = True
        async with running(tmp_path, bots(server, hook)) as daemon:
            for number in range(3):
                server.emit("tick", number)
            await until(lambda: len(daemon.runners["hook"].bot.inbox) == 3)
            await until(lambda: hook.waiting)
            stopping = daemon.stopService()
            hook.slow = False
            hook.answer()
            await stopping
    assert numbers(hook) == [0, 1, 2]


@deferred()
async def test_aStopHangsUpOnAServerThatDoesNotAnswer(
    tmp_path: Path, failures: LoggedFailures
) -> None:
    """
    When its time is over.
    """
    async with serving() as server, hooking() as hook:
        hook.slow = True
        async with running(tmp_path, bots(server, hook, "drainTimeout = 0.1")):
            server.emit("tick", 0)
            await until(lambda: hook.waiting)
        await until(lambda: not hook.waiting)
    failures.flush(TimeoutError)


@deferred()
async def test_aSlowServerHoldsTheOtherOneBack(tmp_path: Path) -> None:
    """
    What is sent meanwhile waits in the network, and nothing is lost.
    """
    async with serving() as server, hooking() as hook:
        hook.slow = True
        lines = ("queue = 5", "transports = websocket")
        async with running(tmp_path, bots(server, hook, *lines)) as daemon:
            socket = daemon.runners["hook"].client.socket
            for number in range(6):
                server.emit("tick", number)
            await until(lambda: socket.io.reading.held)
            for number in range(6, 30):
                server.emit("tick", number)
            hook.slow = False
            hook.answer()
            await until(lambda: len(hook.posts) == 30)
            assert not socket.io.reading.held
            assert daemon.runners["hook"].bot.inbox.lost == 0
    assert numbers(hook) == list(range(30))
