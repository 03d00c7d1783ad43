"""
The test kit as its documentation shows it.
"""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import Any

import txsocketio.testing


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
