"""
The test kit as its documentation shows it.
"""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest
from twisted.internet.task import Clock

import txsocketio.testing
from support import ROOT
from txsocketio.testing import MemoryServer


def example() -> str:
    """
    The code in the module's docstring.
    """
    assert txsocketio.testing.__doc__ is not None
    _, _, rest = txsocketio.testing.__doc__.partition("A whole test::\n")
    code, _, _ = rest.partition("\nNothing happens")
    return dedent(code)


def test_documentedExample() -> None:
    """
    What the documentation shows can be copied, and passes.
    """
    names: dict[str, Any] = {}
    exec(example(), names)
    names["test_greets"]()


def test_networkIsLoadedLate() -> None:
    """
    A test in memory needs neither treq, autobahn, twisted.web nor a reactor.
    """
    code = (
        "import sys\n"
        f"{example()}\n"
        "test_greets()\n"
        "heavy = ('treq', 'autobahn', 'twisted.internet.reactor')\n"
        "print([each for each in heavy if each in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


HOWTO = (ROOT / "docs" / "howto" / "testing.rst").read_text()


def moods() -> list[str]:
    """
    What the how-to's table of faults says to call.
    """
    _, _, table = HOWTO.partition("     - how to say it\n")
    table, _, _ = table.partition("\n\n``server.connection`` is")
    return [line for line in table.splitlines() if line.startswith("     - ``")]


@pytest.mark.parametrize("line", moods())
def test_howtoMoods(line: str) -> None:
    """
    Each call in the table exists and can be made, whatever the client thinks
    of it.
    """
    server = MemoryServer(Clock())
    socket = server.connect()
    server.flush()
    for call in line.split("``")[1::2]:
        for each in call.split("; "):
            exec(each, {"server": server, "MemoryServer": MemoryServer, "Clock": Clock})
            server.flush()
    socket.disconnect()
    server.advance(5)
    assert server.live == []


def test_howtoMoodsAreMany() -> None:
    """
    The table was found.
    """
    assert len(moods()) >= 12
