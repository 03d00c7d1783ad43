"""
The examples, checked as a user's code is: mypy --strict, with what an
installed txsocketio says of itself.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from support import ROOT, run

EXAMPLES = ROOT / "examples"
BESIDE = EXAMPLES / "integration"

# What a Twisted user has: without the plugin, no implementer of a zope
# interface is one, not even Twisted's own.
SETTINGS = """
[mypy]
plugins = mypy_zope:plugin
"""

RIGHT = """
from typing import assert_type
from twisted.internet.defer import Deferred
from txsocketio import Manager, Socket, io
from txsocketio.engine import Engine
from txsocketio.modifiers import Emission
from txsocketio.streams import Stream

def double(n: int) -> int:
    return 2 * n

socket = io("http://localhost")
assert_type(socket, Socket)
assert_type(io.protocol, int)
assert_type(socket.io, Manager)
assert_type(socket.io.engine, Engine | None)
assert_type(socket.on("a", double), Socket)
assert_type(socket.once("a", double).off("a").onAny(double).offAny(), Socket)
assert_type(socket.on("a")(double)(1), int)
assert_type(socket.on("a", serial=True)(double)(1), int)
assert_type(socket.onAny()(double)(1), int)
assert_type(socket.emit("a"), Deferred[bool])
assert_type(socket.volatile.timeout(5).compress(True), Emission)
assert_type(socket.timeout(5).emit("a"), Deferred[bool])
assert_type(socket.whenConnected(), Deferred[Socket])
assert_type(socket.whenDisconnected(), Deferred[None])
assert_type(socket.stream("a"), Stream)
assert_type(socket.clearSendBuffer(), int)
assert_type(socket.connect().disconnect(), Socket)
assert_type(socket.io.on("reconnect", double), Manager)
assert_type(socket.io.socket("/admin"), Socket)
assert_type(socket.io.reconnectionDelay(), float)
assert_type(socket.io.reconnectionDelay(1).reconnection(True).timeout(5), Manager)
assert_type(socket.io.whenOpen(), Deferred[Manager])
assert_type(socket.io.open().close(), Deferred[None])
"""

WRONG = """
from txsocketio import io

socket = io(80)
socket.emmit("a")
socket.on("a", 5)
socket.timeout("5")
text: str = socket.emit("a")
"""


def check(folder: Path, *arguments: str) -> tuple[int, str]:
    settings = folder / "mypy.ini"
    settings.write_text(SETTINGS)
    done = run(
        # What is imported is installed: only what is named here is reported.
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
        + ["--config-file", str(settings), "--cache-dir", str(ROOT / ".mypy_cache"), *arguments],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        timeout=180,
    )
    return done.returncode, done.stdout + done.stderr


def test_examples(tmp_path: Path) -> None:
    """
    The examples are fully annotated, and use us as our types say.
    """
    paths = sorted(path for path in EXAMPLES.rglob("*.py") if path.parent != BESIDE)
    status, said = check(tmp_path, *map(str, paths))
    assert status == 0, said


def test_examplesBesideOthers(tmp_path: Path) -> None:
    """
    So are those with other servers and the C{.tac} files; but much of Twisted
    has no annotations.
    """
    paths = list(BESIDE.glob("*.py"))
    for path in EXAMPLES.rglob("*.tac"):
        paths.append(tmp_path / f"{path.stem}.py")
        shutil.copy(path, paths[-1])
    status, said = check(tmp_path, "--allow-untyped-calls", *map(str, paths))
    assert status == 0, said


def test_precise(tmp_path: Path) -> None:
    """
    What the public calls return is known exactly, decorators included.
    """
    script = tmp_path / "right.py"
    script.write_text(RIGHT)
    status, said = check(tmp_path, str(script))
    assert status == 0, said


def test_mistakes(tmp_path: Path) -> None:
    """
    A wrong call is found before it is run.
    """
    script = tmp_path / "wrong.py"
    script.write_text(WRONG)
    _, said = check(tmp_path, str(script))
    assert said.count("error:") == 5, said
