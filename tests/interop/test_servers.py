"""
The test servers themselves, judged by the packages' own JavaScript client:
when a test against a server fails, the server is not the first suspect.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from interop import servers
from interop.servers import NODE, ServerMissing, ServerProcess
from support import deferred, run

Make = Callable[..., ServerProcess]
KINDS = [pytest.param("sio", marks=pytest.mark.node), "python"]
pytestmark = pytest.mark.node

SCRIPT = """
const { io } = require("socket.io-client");
const [url, namespace, body] = process.argv.slice(1);
const socket = io(url + namespace, { transports: ["websocket"], reconnection: false });
const give = (value) => { console.log(JSON.stringify(value)); socket.disconnect(); };
socket.on("connect_error", (error) => give({ error: error.message, data: error.data }));
socket.on("connect", () => eval(body));
"""


def client(server: ServerProcess, body: str, namespace: str = "/") -> object:
    """
    Run C{body} in the JavaScript client once it is connected, and return what
    it gave.
    """
    done = run(["node", "-e", SCRIPT, server.url, namespace, body], cwd=NODE, timeout=15)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ('socket.emit("echo", 123, give)', 123),
        ('socket.emit("echo", Buffer.from([1, 2]), give)', {"type": "Buffer", "data": [1, 2]}),
        (
            'socket.on("back", (...a) => give(a.slice(0, 2))); socket.emit("back", 1, "zwei")',
            [1, "zwei"],
        ),
        ('socket.on("hi", () => give("hi")); socket.emit("hi")', "hi"),
        (
            'socket.on("ack", (f) => f(5, { test: true })); socket.on("got it", () => give(true));'
            'socket.emit("ack")',
            True,
        ),
        (
            'socket.on("question", (v, f) => f(v, Buffer.from([9])));'
            'socket.on("answered", (v, b) => give([v, b[0]])); socket.emit("ask", "q")',
            ["q", 9],
        ),
        ('socket.on("buffack", () => give(1)); socket.emit("buffa", Buffer.from([1]))', 1),
        ('socket.on("disconnect", give); socket.emit("kickMe")', "io server disconnect"),
    ],
)
def test_mainNamespace(kind: str, body: str, wanted: object, sharedServers: object) -> None:
    """
    The handlers that both servers have answer the JavaScript client.
    """
    server = sharedServers.get(kind)  # type: ignore[attr-defined]
    assert client(server, body) == wanted


def test_engineClosed(nodeServer: ServerProcess) -> None:
    """
    The server can close the whole connection, not only the namespace.
    """
    body = 'socket.on("disconnect", give); socket.emit("closeMyEngine")'
    assert client(nodeServer, body) == "transport close"


@pytest.mark.parametrize("kind", KINDS)
def test_refusedNamespace(kind: str, sharedServers: object) -> None:
    """
    C{/no} refuses with its text.
    """
    server = sharedServers.get(kind)  # type: ignore[attr-defined]
    answer = client(server, "give(1)", "/no")
    assert isinstance(answer, dict) and answer["error"] == "Auth failed (custom namespace)"


@pytest.mark.parametrize("kind", KINDS)
@deferred(timeout=30)
async def test_numbersOutliveTheServer(kind: str, newServer: Make, tmp_path: Path) -> None:
    """
    A number was on the disk before it was acknowledged; the server comes back
    on its port after SIGKILL.
    """
    log = tmp_path / "numbers"
    server = newServer(kind, log=log)
    port = server.port
    assert client(server, 'socket.emit("numbered", 7, give)') == 7
    await server.kill()
    assert not server.running
    await server.restart()
    assert server.port == port
    assert client(server, 'socket.emit("numbered", 8, give)') == 8
    assert log.read_text().split() == ["7", "8"]


@pytest.mark.parametrize("kind", KINDS)
@deferred(timeout=15)
async def test_control(kind: str, newServer: Make) -> None:
    """
    The control channel counts sockets, says what was seen, and reports
    mistakes.
    """
    server = newServer(kind)
    client(server, 'socket.emit("numbered", 1, give)')
    assert (await server.control("stats"))["sockets"]["/"] == []
    assert (await server.control("log"))["numbers"] == [1]
    with pytest.raises(AssertionError, match="nonsense"):
        await server.control("nonsense")
    await server.control("stopAccepting")
    assert await server.control("resumeAccepting") == server.port


@deferred()
async def test_engineServer(engineServer: ServerProcess) -> None:
    """
    The Engine.IO server greets and echoes.
    """
    script = """
    const { Socket } = require("engine.io-client");
    const socket = new Socket(process.argv[1], { path: "/engine.io" });
    const got = [];
    socket.on("open", () => socket.send("give binary"));
    socket.on("message", (m) => {
      got.push(m);
      if (got.length === 2) { console.log(JSON.stringify(got)); socket.close(); }
    });
    """
    done = run(["node", "-e", script, engineServer.url], cwd=NODE, timeout=15)
    assert json.loads(done.stdout) == ["hi", {"type": "Buffer", "data": [0, 1, 2, 3, 4]}]


def test_missingPackagesSayTheCure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    Without npm packages, a test fails and names the command that helps.
    """
    monkeypatch.setattr(servers, "NODE", tmp_path)
    with pytest.raises(ServerMissing, match="make node"):
        ServerProcess("sio").launch()


def test_missingNodeSaysTheCure(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without Node, a test fails and names what to install or choose.
    """
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerMissing, match="--no-node"):
        ServerProcess("sio").launch()
