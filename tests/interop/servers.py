"""
The real servers, as tests hold them: started, asked, killed, restarted.

Each server is a child process that ends with its standard input, so none
outlives the tests.  Its pipes are read by a thread and not by the reactor:
a server may live longer than one test, and the reactor must be clean after
each.
"""

from __future__ import annotations

import base64
import itertools
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

HERE = Path(__file__).resolve().parent / "servers"
NODE = HERE / "node"
START_SECONDS = 20.0
ANSWER_SECONDS = 10.0
OLDEST_NODE = 20


class ServerMissing(AssertionError):
    """
    A server cannot be run on this machine; the message says what to do.
    """


def nodeCommand(script: str) -> list[str]:
    """
    How to run a script of the Node folder.

    @raise ServerMissing: there is no Node, or its packages are not installed.
    """
    node = shutil.which("node")
    if node is None:
        raise ServerMissing(
            f"these tests need Node {OLDEST_NODE} or newer on PATH; without it, choose "
            "`python -m pytest --no-node` and know that nothing was tested against the "
            "reference server"
        )
    if not (NODE / "node_modules" / "socket.io").is_dir():
        raise ServerMissing(
            "the test servers' npm packages are not installed: run `make node`, or "
            f"`npm ci --prefix {NODE}`"
        )
    return [node, str(NODE / script)]


def pythonCommand() -> list[str]:
    """
    How to run the python-socketio server.
    """
    return [sys.executable, str(HERE / "python" / "server.py")]


COMMANDS = {
    "sio": lambda: nodeCommand("sio.js"),
    "eio": lambda: nodeCommand("eio.js"),
    "suite": lambda: nodeCommand("suite.js"),
    "python": pythonCommand,
}


def _portray(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    raise TypeError(f"{value!r} cannot be sent to a server")


def _revive(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["$bytes"]) if set(value) == {"$bytes"} else value


class ServerProcess:
    """
    One server in a child process.

    The methods that return a Deferred are for async tests; L{launch},
    L{ask}, L{slay} and L{end} do the same and block, for fixtures.

    @ivar kind: C{"sio"} (Server A), C{"eio"} (Server E), C{"suite"} or C{"python"}.
    @ivar options: as the head of the script says; milliseconds, as there.
    @ivar port: where it listens; kept through kill and restart.
    """

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        self.options = options
        self.port = int(options.pop("port", 0))
        self._process: subprocess.Popen[str] | None = None
        self._ids = itertools.count(1)
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}

    def __repr__(self) -> str:
        return f"<ServerProcess {self.kind} on {self.port}, options {self.options}>"

    @property
    def url(self) -> str:
        """
        The server's origin.
        """
        scheme = "https" if "tls" in self.options else "http"
        return f"{scheme}://localhost:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    # for async tests

    def start(self) -> Deferred[ServerProcess]:
        """
        Start it.

        @return: fires with this object when the server listens.
        """
        return deferToThread(self.launch)

    def control(self, command: str, **arguments: Any) -> Deferred[Any]:
        """
        Give a command on the control channel.

        @return: fires with its result.
        """
        return deferToThread(self.ask, command, **arguments)

    def kill(self) -> Deferred[None]:
        """
        SIGKILL it.

        @return: fires when it is dead and reaped.
        """
        return deferToThread(self.slay)

    def restart(self) -> Deferred[ServerProcess]:
        """
        Start it again on the port it had, ending it first if it runs.
        """
        return deferToThread(lambda: (self.end(), self.launch())[1])

    def stop(self) -> Deferred[None]:
        """
        End it by closing its standard input.
        """
        return deferToThread(self.end)

    # the same, blocking

    def launch(self) -> ServerProcess:
        options = json.dumps({**self.options, "port": self.port}, default=str)
        self._stderr = tempfile.TemporaryFile("w+")
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            [*COMMANDS[self.kind](), options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        reader = (self._process, self._lines)
        threading.Thread(target=self._read, args=reader, daemon=True).start()
        self.port = self._firstLine()["port"]
        return self

    def _firstLine(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=START_SECONDS)
        except queue.Empty:
            line = {}
        if "port" not in line:
            self.slay()
            raise ServerMissing(f"{self!r} did not start:\n{self.stderr()}")
        return line

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[dict[str, Any]]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for text in process.stdout:
                line = json.loads(text, object_hook=_revive)
                self._answers.get(line.get("id", 0), lines).put(line)
        for waiting in (lines, *self._answers.values()):
            waiting.put({"error": "the server has ended"})

    def ask(self, command: str, **arguments: Any) -> Any:
        assert self._process is not None and self._process.stdin is not None
        number = next(self._ids)
        answer = self._answers[number] = queue.Queue()
        try:
            line = {"id": number, "cmd": command, **arguments}
            self._process.stdin.write(json.dumps(line, default=_portray) + "\n")
            self._process.stdin.flush()
            reply = answer.get(timeout=ANSWER_SECONDS)
        finally:
            del self._answers[number]
        if "error" in reply:
            raise AssertionError(f"{command} failed on {self!r}: {reply['error']}")
        return reply["result"]

    def signal(self, number: int) -> None:
        """
        Send the process a signal, e.g. SIGSTOP.
        """
        assert self._process is not None
        self._process.send_signal(number)

    def slay(self) -> None:
        if self._process is not None:
            self._process.kill()
            self.end()

    def end(self) -> None:
        if self._process is None:
            return
        try:
            assert self._process.stdin is not None
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def stderr(self) -> str:
        """
        What the server wrote to its standard error.
        """
        self._stderr.seek(0)
        return self._stderr.read()


class ServerPool:
    """
    Servers that many tests share: one a kind and set of options.
    """

    def __init__(self) -> None:
        self._servers: dict[str, ServerProcess] = {}

    def get(self, kind: str, **options: Any) -> ServerProcess:
        """
        A running server of this kind with these options.
        """
        key = json.dumps([kind, options], sort_keys=True, default=str)
        server = self._servers.get(key)
        if server is None or not server.running:
            server = self._servers[key] = ServerProcess(kind, **options).launch()
        return server

    def close(self) -> None:
        """
        End them all.
        """
        for server in self._servers.values():
            server.end()


def pool() -> Iterator[ServerPool]:
    """
    The body of a fixture that closes its pool.
    """
    servers = ServerPool()
    yield servers
    servers.close()
