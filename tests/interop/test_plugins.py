"""
The built-in plugins beside Node's server, which is killed and started again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bots.peerkit import hooking, running, serving
from interop.servers import ServerProcess
from support import deferred, until

pytestmark = pytest.mark.node


@deferred(20)
async def test_relayIntoNode(tmp_path: Path, nodeServer: ServerProcess) -> None:
    """
    From our own server on a port into Node's, as it acknowledges.
    """
    await nodeServer.control("clearLog")
    async with serving() as source:
        text = (
            f"[bot:relay]\nurl = {source.url}\nplugin = relay\nconfirm = yes\n"
            f"target = {nodeServer.url}\ntargetNamespace = /foo\n"
        )
        async with running(tmp_path, text) as daemon:
            for number in range(30):
                source.emit("numbered", number)
            inbox = daemon.runners["relay"].bot.inbox
            await until(lambda: source.received or len(inbox), 10)
            await until(lambda: not len(inbox), 10)
            assert (inbox.lost, inbox.failed) == (0, 0)
    log = await nodeServer.control("log")
    assert log["numbers"] == list(range(30))


@deferred(30)
async def test_relayOutOfNodeIntoNode(
    tmp_path: Path, newServer: Callable[..., ServerProcess]
) -> None:
    """
    The other server is killed in the middle: with C{confirm} nothing is
    missing on its disk, and what is there twice came after its restart.
    """
    log = tmp_path / "numbers"
    source, target = newServer("sio"), newServer("sio", log=str(log))
    text = (
        f"[bot:relay]\nurl = {source.url}\nplugin = relay\ntarget = {target.url}\n"
        "confirm = yes\nretryDelay = 0.01\nqueue = 50\n"
        "targetOptions =\n  reconnectionDelay: 0.05\n  reconnectionDelayMax: 0.1\n"
    )
    async with running(tmp_path, text) as daemon:
        runner = daemon.runners["relay"]
        await until(lambda: runner.bot.client.socket.connected)
        for number in range(100):
            await source.control("emit", event="numbered", args=[number])
            if number == 50:
                await target.kill()
            if number == 60:
                await target.restart()
        await until(lambda: len(_numbers(log)) >= 100 and not len(runner.bot.inbox), 20)
        assert (runner.bot.inbox.lost, runner.bot.inbox.failed) == (0, 0)
    numbers = _numbers(log)
    assert sorted(set(numbers)) == list(range(100))
    assert numbers == sorted(numbers)


def _numbers(log: Path) -> list[Any]:
    return [json.loads(line) for line in log.read_text().splitlines() if line]


@deferred(20)
async def test_webhookFromNode(tmp_path: Path, nodeServer: ServerProcess) -> None:
    """
    Bytes and texts of Node's server, as JSON over HTTP.
    """
    async with hooking() as hook:
        text = f"[bot:h]\nurl = {nodeServer.url}/foo\nplugin = webhook\ntarget = {hook.url}\n"
        async with running(tmp_path, text) as daemon:
            socket = daemon.runners["h"].client.socket
            await socket.emit("back", {"a": b"\0"}, "\u00fc")
            await until(lambda: hook.posts)
    record = json.loads(hook.posts[0][1])
    assert record["event"] == "back" and record["namespace"] == "/foo"
    assert record["args"] == [{"a": {"base64": "AA=="}}, "\u00fc"]
