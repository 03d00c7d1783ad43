"""
Every program in C{examples/} runs as it is shipped, against the real server.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.threads import deferToThread

from interop.servers import ServerPool, ServerProcess
from proxykit import ConnectProxy, SocksProxy
from support import ROOT, TWISTD, deferred, runPython

pytestmark = pytest.mark.node

EXAMPLES = ROOT / "examples"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
PORT_OF_NOBODY = "http://127.0.0.1:1"

# What each prints, against the server that its docstring describes.
LINES = {
    "first": ["the server says hi", "the server echoes {'life': 42, 'raw': b'\\x00\\xff'}"],
    "acknowledge": ["asked: one", "called back: two", "the server got: HOW ARE YOU!"],
    "binary": ["cat.png [b'a', b'b']", "same content: True"],
    "namespaces": [
        "/ /foo one connection: True",
        "different sessions: True",
        "foo: disconnected - main: connected",
        "main goes on: 1",
    ],
    "auth": ["refused: bad token", "let in: hello"],
    "reconnect": [
        "lost: transport close",
        "attempt 1",
        "back at attempt 1",
        "connected: True",
        "lost: io server disconnect",
        "may we come back after: io server disconnect",
        "attempt 2",
        "back at attempt 2",
        "connected: True",
        "lost: io client disconnect",
    ],
    "modifiers": [
        "volatile while offline: False",
        "volatile while online: True",
        "no answer: 'silence' was not acknowledged within 0.2 s",
        "error first: None in time",
        "not compressed",
    ],
    "catchall": [
        "-- something goes",
        "-> back 1 2",
        "-- something comes",
        "<- back 1 2",
        "2 2",
        "-- something comes",
    ],
    "offline": [
        "waiting: 3 cleared: 3",
        "were they sent? [False, False, False]",
        "was this one? True",
        "the server has it: fresh",
    ],
    "retries": [
        "delivered: [True, True, True]",
        "sent three times: 'silence' was not acknowledged within 0.5 s, sent 3 times",
    ],
    "recovery": [
        "first session, recovered: False",
        "after the loss, recovered: True same id: True",
    ],
    "stream": ["at 0", "at 50", "at 100", "at 150", "sum: 19900"],
    "session": [
        "subscribe: first True, recovered False, after None",
        "connected",
        "sent after the log-in",
        "subscribe: first False, recovered False, after transport close",
        "connected",
    ],
    "whenevent": ["the right one: 3", "it did not come"],
    "factorywords": ["the reference's names: 0.5 30.0", "connected - continue trying: False"],
}

# With connection state recovery, a server appends an offset to each event, which
# a catch-all listener gets, too.
OPTIONS = {"catchall": {"recovery": False}}

# Those with a server or arguments of their own have a test of their own.
APART = {"giveup", "messagepack", "rawengine", "unixsocket", "proxy", "server"}


def runExample(name: str, *arguments: str) -> list[str]:
    """
    Run it to its end, which must be a good one.

    @return: the lines that it printed.
    """
    done = runPython(str(EXAMPLES / f"{name}.py"), *arguments, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_allAreRun() -> None:
    """
    No example is forgotten here.
    """
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(LINES) | APART


def howToRun(path: Path) -> str:
    """
    What the docstring must tell to type, in part.
    """
    if path.parent == EXAMPLES:
        return f"{'twistd -noy' if path.suffix == '.tac' else 'python'} examples/{path.name}"
    return "--config examples/bots/bots.ini"


@pytest.mark.parametrize(
    "path",
    sorted([*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.tac"), *EXAMPLES.glob("bots/*.py")]),
    ids=lambda path: path.name,
)
def test_shape(path: Path) -> None:
    """
    It is short, and begins by saying what it shows and how to run it.
    """
    text = path.read_text()
    assert len(text.splitlines()) <= 40
    assert re.match(rf'"""\n.+\n.* {howToRun(path)}\b', text, re.DOTALL)


@pytest.mark.parametrize("name", sorted(set(LINES) - {"offline"}))
def test_runs(sharedServers: ServerPool, name: str) -> None:
    """
    It prints what it should, and ends by itself and well.
    """
    server = sharedServers.get("sio", **OPTIONS.get(name, {}))
    assert runExample(name, server.url) == LINES[name]


@pytest.fixture(scope="module")
def exampleServer() -> Iterator[str]:
    """
    The URL of C{server.py}.
    """
    command = [sys.executable, str(EXAMPLES / "server.py"), "0"]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        yield said.removeprefix("listening on ").strip()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""


# The others need a server apart, or one without recovery.
@pytest.mark.parametrize("name", sorted(set(LINES) - {"offline", "catchall"}))
def test_runsWithoutNode(exampleServer: str, name: str) -> None:
    """
    With C{server.py} beside it, an example prints the same.
    """
    assert runExample(name, exampleServer) == LINES[name]


def test_offline(nodeServer: ServerProcess) -> None:
    """
    C{offline.py} is told that the buffer is full, and how full.
    """
    first, *rest = runExample("offline", nodeServer.url)
    assert first.startswith("full: ") and rest == LINES["offline"]


def test_giveUp() -> None:
    """
    C{giveup.py} hears of three failed attempts, and of the end.
    """
    failed = ["not connected: TransportError", "manager: xhr poll error"]
    again = [*failed, "not reconnected: xhr poll error"]
    end = ["gave up after 2", "failed, active: False", "all attempts are spent"]
    assert runExample("giveup", PORT_OF_NOBODY) == [*failed, *again, *again, *end]


def test_messagePack(sharedServers: ServerPool) -> None:
    """
    C{messagepack.py} talks to a server with the npm package's parser.
    """
    server = sharedServers.get("sio", parser="msgpack")
    expected = "{'pi': 3.14, 'raw': b'\\x00\\x01', 'list': [1, None]}"
    assert runExample("messagepack", server.url) == [expected]


def test_rawEngine(engineServer: ServerProcess) -> None:
    """
    C{rawengine.py} talks to a server without Socket.IO.
    """
    expected = ["greeted: b'hi'", "echoed: b'raw bytes'"]
    assert runExample("rawengine", engineServer.url) == expected


def test_unixSocket(newServer: Callable[..., ServerProcess]) -> None:
    """
    C{unixsocket.py} reaches a server that listens on a unix socket only.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/app.sock"
        newServer("sio", unix=path)
        printed = runExample("unixsocket", "http://localhost", path)
    assert printed == ["over a unix socket: hello"]


@pytest.mark.parametrize(
    ("kind", "scheme"), [(ConnectProxy, "http"), (SocksProxy, "socks5")], ids=["connect", "socks5"]
)
@deferred(timeout=30)
async def test_proxy(nodeServer: ServerProcess, kind: Any, scheme: str) -> None:
    """
    C{proxy.py} goes through either kind of proxy.
    """
    from twisted.internet import reactor

    proxy = kind(("user", "secret"))
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(proxy)
    address = f"{scheme}://user:secret@127.0.0.1:{port.getHost().port}"
    try:
        printed = await deferToThread(runExample, "proxy", nodeServer.url, address)
    finally:
        await port.stopListening()
    assert printed == ["through the proxy: hello"]
    assert proxy.targets


# the service


@pytest.fixture
def twistd(nodeServer: ServerProcess, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [TWISTD, "--pidfile=", "-noy", str(EXAMPLES / "service.tac")],
        cwd=tmp_path,
        env={**ENVIRONMENT, "SERVER": nodeServer.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_service(twistd: subprocess.Popen[str]) -> None:
    """
    C{service.tac} connects when the application starts, and at SIGTERM
    disconnects and ends as twistd does: by the same signal.
    """
    assert twistd.stdout is not None
    for line in twistd.stdout:
        if "the server echoes hello" in line:
            break
    twistd.send_signal(signal.SIGTERM)
    rest, _ = twistd.communicate(timeout=20)
    assert twistd.returncode == -signal.SIGTERM and "Server Shut Down" in rest
