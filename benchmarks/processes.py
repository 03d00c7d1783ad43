"""
Servers and clients as processes: started here, pinned apart, ended by their own ids.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

from peers import CERTIFICATE, NODE, PYTHON
from rows import NODE as NODE_CLIENT
from rows import Row

HERE = Path(__file__).resolve().parent
SERVER_CORE, CLIENT_CORE = "0", "1"
FILES_TO_SPARE = 200

Result = dict[str, Any]


def _pinned(core: str) -> list[str]:
    """
    The prefix that keeps a process on one core, where there are two.
    """
    if (os.cpu_count() or 1) > 1 and shutil.which("taskset"):
        return ["taskset", "-c", core]
    return []


def _environment() -> dict[str, str]:
    return os.environ | {
        "NODE_PATH": str(NODE / "node_modules"),
        # Without its optional C masker, as npm installs it.
        "WS_NO_BUFFER_UTIL": "1",
        # Else the checkout would be compiled at each import, unlike the peers,
        # which pip has compiled.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def allowManyFiles() -> int:
    """
    Raise the limit of open files as far as allowed, for us and our children.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Server:
    """
    A server on a port of its own.
    """

    def __init__(self, kind: str, tls: bool = False) -> None:
        script = HERE / "servers" / f"{kind}.cjs"
        command = [*_pinned(SERVER_CORE), "node", str(script)]
        if tls:
            command.append(str(CERTIFICATE))
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env=_environment(), text=True
        )
        assert self._process.stdout is not None
        greeting = self._process.stdout.readline().split()
        if len(greeting) != 2:
            raise SystemExit(f"the server {script} did not start")
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{greeting[1]}"

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Servers:
    """
    Those that serve more than one run.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bool], Server] = {}

    def run(self, row: Row, client: str, seconds: float) -> Result:
        """
        Run one client at the server its row wants.
        """
        if not row.server:
            return runImport(row.args["code"][client], client)
        if row.args.get("n", 0) + FILES_TO_SPARE > allowManyFiles():
            return {"error": "not enough open files allowed (ulimit -n)"}
        if row.fresh:
            return self._runFresh(row, client, seconds)
        key = row.server, row.tls
        if key not in self._kept:
            self._kept[key] = Server(*key)
        return runClient(row, client, self._kept[key].url, seconds)

    def stop(self) -> None:
        for server in self._kept.values():
            server.stop()

    def _runFresh(self, row: Row, client: str, seconds: float) -> Result:
        server = Server(row.server, row.tls)
        try:
            return runClient(row, client, server.url, seconds)
        finally:
            server.stop()


def runClient(row: Row, client: str, url: str, seconds: float) -> Result:
    """
    One run of one client in a new process.
    """
    arguments = json.dumps({"seconds": seconds, **row.args})
    if client == NODE_CLIENT:
        program = ["node", "--expose-gc", str(HERE / "clients" / "node.cjs")]
    else:
        program = [str(PYTHON), str(HERE / "clients" / "run.py"), client]
    command = [*_pinned(CLIENT_CORE), *program, row.scenario, url, arguments]
    try:
        done = subprocess.run(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=row.limit,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not done within {row.limit:g} s"}
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        return {"error": said[-1][:200]}
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def runImport(code: str, client: str) -> Result:
    """
    CPU that an import needs above the bare interpreter, warm from disk.
    """
    program = ["node", "-e"] if client == NODE_CLIENT else [str(PYTHON), "-c"]
    _compile(*program, code)
    bare = _childCPU([*program, ""])
    began = time.perf_counter()
    cost = _childCPU([*program, code])
    return {"n": 1, "cpu": cost - bare, "wall": time.perf_counter() - began}


@cache
def _compile(*command: str) -> None:
    """
    Have compiled, once, what is compiled at its first import.
    """
    _childCPU([*command])


def _childCPU(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*_pinned(CLIENT_CORE), *command], env=_environment(), check=True, timeout=30
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
