"""
The plugin C{emit} with a real server, a real file and a real endpoint.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from bots.peerkit import running, serving
from support import deferred, until


class Caller(Protocol):
    """
    Somebody who connects to the endpoint.
    """

    def __init__(self) -> None:
        self.data = b""
        self.gone: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone.callback(None)

    @property
    def answers(self) -> list[Any]:
        return [json.loads(line) for line in self.data.splitlines()]


async def call(path: Path) -> Any:
    from twisted.internet import reactor

    return await connectProtocol(UNIXClientEndpoint(reactor, str(path)), Caller())


def received(server: Any) -> list[Any]:
    return [(each.event, *each.args) for each in server.received]


@deferred()
async def test_aFileIsSentAndFollowed(tmp_path: Path) -> None:
    """
    Bytes of a log are bytes again.
    """
    file = tmp_path / "events"
    file.write_text("".join(f'["n", {number}]\n' for number in range(300)))
    file.open("a").write('{"event": "b", "args": [{"base64": "AA=="}]}\n')
    async with serving() as server:
        text = f"[bot:e]\nurl = {server.url}\nplugin = emit\nfile = {file}\n"
        async with running(tmp_path, text):
            await until(lambda: len(server.received) == 301)
    assert received(server) == [*(("n", number) for number in range(300)), ("b", b"\0")]


@deferred()
async def test_linesOverASocket(tmp_path: Path) -> None:
    """
    Each is answered, with what the server said.
    """
    path = tmp_path / "s"
    async with serving() as server:
        server.on("connection", lambda client: client.on("add", lambda a, b: a + b))
        text = (
            f"[bot:e]\nurl = {server.url}\nplugin = emit\n"
            f"listen = unix:{path}:mode=600\nconfirm = yes\n"
        )
        async with running(tmp_path, text):
            assert path.stat().st_mode & 0o777 == 0o600
            caller = await call(path)
            caller.transport.write(b'["add", 1, 2]\nnonsense\n["add", 3, 4]\n')
            caller.transport.loseWriteConnection()
            await caller.gone
    first, second, third = caller.answers
    assert first == {"sent": True, "answer": 3} and third == {"sent": True, "answer": 7}
    assert second["sent"] is False


@deferred()
async def test_whoSendsTooMuchWaits(tmp_path: Path) -> None:
    """
    While the server is held back, so is he; nothing is lost.
    """
    path = tmp_path / "s"
    async with serving() as server:
        text = f"[bot:e]\nurl = {server.url}\nplugin = emit\nlisten = unix:{path}\n"
        async with running(tmp_path, text) as daemon:
            socket = daemon.runners["e"].client.socket
            caller = await call(path)
            socket.cork()
            caller.transport.write(b"".join(b'["n", %d]\n' % each for each in range(2000)))
            await until(lambda: socket.sendBuffer)
            assert len(socket.sendBuffer) == 1
            socket.uncork()
            await until(lambda: caller.data.count(b"\n") == 2000)
            caller.transport.loseConnection()
            await caller.gone
    assert received(server) == [("n", number) for number in range(2000)]


@deferred()
async def test_theStopHangsUp(tmp_path: Path) -> None:
    """
    On whoever is still connected.
    """
    path = tmp_path / "s"
    async with serving() as server:
        text = f"[bot:e]\nurl = {server.url}\nplugin = emit\nlisten = unix:{path}\n"
        async with running(tmp_path, text):
            caller = await call(path)
            caller.transport.write(b'["n"]\n')
            await until(lambda: caller.data)
        await caller.gone
        assert received(server) == [("n",)]


@deferred()
async def test_theSchedule(tmp_path: Path) -> None:
    """
    Every so often.
    """
    async with serving() as server:
        text = (
            f"[bot:e]\nurl = {server.url}\nplugin = emit\n"
            'interval = 0.02\nevent = alive\nargs = ["here"]\n'
        )
        async with running(tmp_path, text):
            await until(lambda: len(server.received) >= 3)
    assert received(server)[:3] == [("alive", "here")] * 3
