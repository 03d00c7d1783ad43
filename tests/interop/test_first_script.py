"""
The first script of a newcomer, C{examples/first.py}, as it is shipped.
"""

from __future__ import annotations

import os

import pytest

from interop.servers import ServerProcess
from support import ROOT, runPython

pytestmark = pytest.mark.node

SCRIPT = str(ROOT / "examples" / "first.py")
WAYS = pytest.mark.parametrize(
    "transports",
    [("polling",), ("websocket",), ("polling", "websocket"), ()],
    ids=["polling", "websocket", "upgrade", "default"],
)
# From a bare checkout, too.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
RIGHT = [
    "the server says hi",
    "the server echoes {'life': 42, 'raw': b'\\x00\\xff'}",
]

# The script's own main(), and what is on the reactor when it is done.
LOOK = """
import runpy, sys
from twisted.internet.task import react
main = runpy.run_path(sys.argv[1])["main"]
async def look(reactor, *arguments):
    await main(reactor, *arguments)
    selectables = {*reactor.getReaders(), *reactor.getWriters()} - reactor._internalReaders
    print(reactor.getDelayedCalls(), selectables)
react(look, sys.argv[2:])
"""


@WAYS
def test_answers(nodeServer: ServerProcess, transports: tuple[str, ...]) -> None:
    """
    It prints the right answers, and ends by itself and well.
    """
    done = runPython(SCRIPT, nodeServer.url, *transports, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == RIGHT


@WAYS
def test_nothingIsLeft(nodeServer: ServerProcess, transports: tuple[str, ...]) -> None:
    """
    After C{disconnect()}, neither a timer nor a connection is on the reactor.
    """
    done = runPython("-c", LOOK, SCRIPT, nodeServer.url, *transports, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "[] set()"
