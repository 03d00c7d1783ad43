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


@deferred(30)
async def test_aFloodOfNodeWaitsForASlowHook(tmp_path: Path, nodeServer: ServerProcess) -> None:
    """
    Of thousands of events, sent at once, a short queue loses none: they wait
    in the network.
    """
    async with hooking() as hook:
        hook.slow = True
        text = (
            f"[bot:h]\nurl = {nodeServer.url}/foo\nplugin = webhook\ntarget = {hook.url}\n"
            "queue = 20\nconcurrency = 10\n"
        )
        async with running(tmp_path, text) as daemon:
            socket = daemon.runners["h"].client.socket
            inbox = daemon.runners["h"].bot.inbox
            await socket.emit("count", 3000)
            await until(lambda: socket.io.reading.held)
            held = len(inbox)
            hook.slow = False
            hook.answer()
            await until(lambda: len(hook.posts) == 3000, 25)
            assert (inbox.lost, inbox.failed) == (0, 0)
            assert held <= 4 * 20 + 10
    assert sorted(json.loads(body)["args"][0] for _, body in hook.posts) == list(range(3000))


@deferred(30)
async def test_emitIntoNode(tmp_path: Path, newServer: Callable[..., ServerProcess]) -> None:
    """
    The lines of a file, while the server is killed and started again: with
    C{confirm} nothing is missing on its disk.
    """
    log, file = tmp_path / "numbers", tmp_path / "events"
    server = newServer("sio", log=str(log))
    file.write_text("".join(f'["numbered", {number}]\n' for number in range(2000)))
    text = (
        f"[bot:e]\nurl = {server.url}\nplugin = emit\nfile = {file}\nconfirm = yes\n"
        "retryDelay = 0.01\nreconnectionDelay = 0.05\nreconnectionDelayMax = 0.1\n"
    )
    async with running(tmp_path, text):
        await until(lambda: len(_numbers(log)) > 50)
        await server.kill()
        assert len(_numbers(log)) < 2000
        await server.restart()
        await until(lambda: _numbers(log)[-1] == 1999, 20)
    numbers = _numbers(log)
    assert sorted(set(numbers)) == list(range(2000)) and numbers == sorted(numbers)


@deferred(20)
async def test_commandAnswersNode(tmp_path: Path, nodeServer: ServerProcess) -> None:
    """
    What the program makes of an event comes back by way of the server.
    """
    program = tmp_path / "say.sh"
    program.write_text("read line\necho '[\"back\", \"'$SIOCLIENT_EVENT'\"]'\n")
    text = (
        f"[bot:c]\nurl = {nodeServer.url}/foo\nplugin = command\nevents = number\n"
        f"program = /bin/sh {program}\nreply = yes\n"
    )
    async with running(tmp_path, text) as daemon:
        socket = daemon.runners["c"].client.socket
        answers: list[Any] = []
        socket.on("back", answers.append)
        await socket.emit("count", 3)
        await until(lambda: len(answers) == 3, 15)
    assert answers == ["number"] * 3
