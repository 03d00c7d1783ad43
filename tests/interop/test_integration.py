"""
Every program in C{examples/integration/} runs as it is shipped, between a
Socket.IO server and users of its other side.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.threads import deferToThread
from twisted.protocols.amp import AMP

from interop.servers import ServerProcess
from support import ROOT, TWISTD, deferred, freePort, until
from txsocketio.testing import MemoryServer, ServerSocket

EXAMPLES = ROOT / "examples" / "integration"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
PROGRAMS = sorted(path for path in EXAMPLES.iterdir() if path.suffix in (".py", ".tac"))

MOST_LINES = {"website.py": 64}
"""More than forty lines of code need a reason: that one is two things at once."""

NOBODY = "http://127.0.0.1:1"


# their form


def linesOfCode(text: str) -> int:
    """
    Lines that are neither empty, nor a comment, nor of the docstring.
    """
    head = ast.parse(text).body[0].end_lineno
    lines = (line.strip() for line in text.splitlines()[head:])
    return sum(1 for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_shape(path: Path) -> None:
    """
    It is short, and begins by saying what it shows and how to run it.
    """
    text = path.read_text()
    assert linesOfCode(text) <= MOST_LINES.get(path.name, 40)
    assert re.match(rf'"""\n.+\n.* examples/integration/{path.name}', text, re.DOTALL)


def test_allAreRun() -> None:
    """
    No example is forgotten here.
    """
    tests = Path(__file__).read_text()
    assert len(PROGRAMS) >= 7
    assert [path.name for path in PROGRAMS if f'"{path.name}"' not in tests] == []


# running them


@contextmanager
def running(name: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """
    One of the programs while it runs, ended by Ctrl-C, upon which it ends.
    """
    how = [sys.executable]
    if name.endswith(".tac"):
        how = [TWISTD, "--pidfile=", "-noy"]
    process = subprocess.Popen(
        [*how, str(EXAMPLES / name), *arguments],
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
        assert process.poll() is None, process.communicate()[0]
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=10)
        assert "Traceback" not in printed, printed
    finally:
        process.kill()
        process.communicate()


def dial(port: int, limit: float = 20.0) -> socket.socket:
    """
    Connect to a program that may still be starting.
    """
    end = time.monotonic() + limit
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "it does not listen"
            time.sleep(0.02)


def fetch(port: int, path: str, body: str | None = None) -> tuple[int, Any]:
    """
    One request to a program; its status and answer.
    """
    dial(port).close()
    data = None if body is None else body.encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, 20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def talk(port: int, *script: Callable[[Any], Any]) -> list[Any]:
    """
    A conversation in lines over TCP: each step gets the file.
    """
    with dial(port) as connection, connection.makefile("rw", newline="\n") as file:
        return [step(file) for step in script]


def say(line: str) -> Callable[[Any], Any]:
    def step(file: Any) -> None:
        file.write(f"{line}\r\n")
        file.flush()

    return step


def hear(file: Any) -> str:
    line: str = file.readline()
    return line.rstrip("\r\n")


# against the reference server


@pytest.mark.node
def test_website(nodeServer: ServerProcess) -> None:
    """
    C{website.py} shows a page, streams the server's events to it, and answers
    what is posted with the acknowledgement.
    """
    port = freePort()
    with running("website.py", nodeServer.url, f"tcp:{port}:interface=127.0.0.1"):
        assert "EventSource" in fetch(port, "/")[1]
        assert fetch(port, "/emit/echo", '["hello"]') == (200, '"hello"')
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/events", timeout=20) as events:
            assert events.headers["Content-Type"] == "text/event-stream"
            assert events.readline() == b": welcome\n"
            # "ask" is not acknowledged: the server emits "question" instead.
            asking = urllib.request.Request(
                f"http://127.0.0.1:{port}/emit/ask", b'["how\\nare you"]'
            )
            with pytest.raises(TimeoutError):
                urllib.request.urlopen(asking, timeout=0.5)
            events.readline()
            line = events.readline().decode()
            assert json.loads(line.removeprefix("data: "))[:2] == ["question", "how\nare you"]
        assert fetch(port, "/emit/echo", "{")[0] == 400
        assert fetch(port, "/emit/echo", '"hello"')[0] == 400
        assert fetch(port, "/emit/%ff", "[]")[0] == 400
        assert fetch(port, "/emit/connect", "[]")[0] == 502


@pytest.mark.node
def test_klein(nodeServer: ServerProcess) -> None:
    """
    C{kleinapp.py} answers with what the server acknowledges.
    """
    port = freePort()
    with running("kleinapp.py", nodeServer.url, f"tcp:{port}:interface=127.0.0.1"):
        assert fetch(port, "/echo/hello") == (200, '"hello"')
        assert fetch(port, "/")[1].startswith("connected: ")
        status, answer = fetch(port, "/connect/x")
        assert status == 502 and "reserved" in json.loads(answer)["error"]


@pytest.mark.node
def test_asyncio(nodeServer: ServerProcess) -> None:
    """
    C{asyncioapp.py} answers by aiohttp what the server acknowledges.
    """
    port = freePort()
    with running("asyncioapp.py", nodeServer.url, str(port)):
        assert fetch(port, "/echo/hello") == (200, '"hello"')
        assert fetch(port, "/echo/there") == (200, '"there"')


@pytest.mark.node
def test_services(nodeServer: ServerProcess) -> None:
    """
    C{services.tac} runs three services: one tells of the others.
    """
    port = freePort()
    listen = f"tcp:{port}:interface=127.0.0.1"
    with running("services.tac", SERVER=nodeServer.url, LISTEN=listen):
        end = time.monotonic() + 20
        while not re.fullmatch(r"connected: .*; heard [2-9]", line := talk(port, hear)[0]):
            assert time.monotonic() < end, line


def pipe(url: str, event: str, lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / "pipe.py"), url, event],
        env=ENVIRONMENT,
        input=lines,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.node
def test_pipe(nodeServer: ServerProcess) -> None:
    """
    C{pipe.py} prints an answer for each line, and ends well.
    """
    done = pipe(nodeServer.url, "echo", "one\ntwo\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\ntwo\n", "")


def test_pipeFails() -> None:
    """
    C{pipe.py} says why it was not answered, and its exit code tells.
    """
    done = pipe(NOBODY, "echo", "one\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("not answered: ")


# against the test server, which can say something to everybody


@asynccontextmanager
async def bridged(name: str, namespace: str = "/") -> AsyncIterator[tuple[MemoryServer, int]]:
    """
    A server on a port, and a program that connects to it and listens.
    """
    from twisted.internet import reactor

    server = MemoryServer(reactor)
    room = server.of(namespace)

    @room.on("connection")
    def connection(client: ServerSocket) -> None:
        client.on("echo", lambda value: value)
        client.on("say", lambda name, line: room.emit("said", name, line))

    listening = await server.listen(reactor)
    port = freePort()
    url = listening.url + (namespace if namespace != "/" else "")
    program = running(name, url, f"tcp:{port}:interface=127.0.0.1")
    try:
        program.__enter__()
        await until(lambda: room.sockets, 20)
        yield server, port
    finally:
        await deferToThread(program.__exit__, *sys.exc_info())
        await listening.stopListening()


@deferred(timeout=30)
async def test_telnetChat() -> None:
    """
    C{telnetchat.py} gives lines to the namespace, and everybody what is said
    there.
    """
    async with bridged("telnetchat.py", "/chat") as (server, port):
        first = deferToThread(
            talk, port, hear, say("ann"), hear, say("hello"), hear, hear, say("bye")
        )
        await until(lambda: server.received)
        server.of("/chat").emit("said", "bob", "hi ann")
        heard = [each for each in await first if each is not None]
        assert heard == ["Who are you?", "Welcome, ann.", "<ann> hello", "<bob> hi ann"]
        await until(lambda: len(server.received) == 2)
        assert server.received[-1] == ("/chat", "say", ("ann", "bye"))


@deferred(timeout=30)
async def test_ampBridge() -> None:
    """
    C{ampbridge.py} asks the server for those who speak AMP, and tells them its
    events.
    """
    from twisted.internet import reactor

    spec = importlib.util.spec_from_file_location("ampbridge", EXAMPLES / "ampbridge.py")
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    told: DeferredQueue[Any] = DeferredQueue()

    class Peer(AMP):
        @example.Tell.responder
        def tell(self, event: str, args: str) -> dict[str, Any]:
            told.put((event, json.loads(args)))
            return {}

    async with bridged("ampbridge.py") as (server, port):
        await deferToThread(lambda: dial(port).close())
        peer = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), Peer())
        asked = await peer.callRemote(example.Ask, event="echo", args='[{"a": 1}]')
        assert json.loads(asked["answer"]) == {"a": 1}
        server.emit("news", 1, [2])
        assert await told.get() == ("news", [1, [2]])
        with pytest.raises(example.SocketIOError, match="reserved"):
            await peer.callRemote(example.Ask, event="connect", args="[]")
        peer.transport.loseConnection()
        await until(lambda: peer.transport is None)
