"""
Tests for L{txsocketio.commands.progress}.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from twisted.logger import Logger

from commands.commandkit import Terminal
from txsocketio.commands.progress import Progress


def test_onlyForATerminal() -> None:
    """
    Progress is shown to a person, and not written to a file.
    """
    terminal, file = Terminal(), StringIO()
    Progress(terminal).tell("on my way")
    Progress(file).tell("on my way")
    assert (terminal.getvalue(), file.getvalue()) == ("on my way\n", "")


def test_complaintsAlways() -> None:
    """
    What went wrong is written in any case, without secrets.
    """
    file = StringIO()
    Progress(file, lambda text: text.replace("hush", "(hidden)")).complain("bad: hush")
    assert file.getvalue() == "bad: (hidden)\n"


def test_noTricksOnTheTerminal() -> None:
    """
    What a server said cannot move the cursor.
    """
    file = StringIO()
    Progress(file).complain("a\x1b[2Jb\x9b\u202e\nü")
    assert file.getvalue() == "a\\x1b[2Jb\\x9b\\u202e\nü\n"


def test_nobodyReads() -> None:
    """
    A closed standard error is no reason to fail; neither is none.
    """
    file = StringIO()
    file.close()
    closed = Progress(Terminal())
    closed._stream = file
    closed.complain("x")
    Progress(None).complain("x")


@pytest.mark.parametrize(("verbose", "shown"), [(False, "w\n"), (True, "d\ni\nw\n")])
def test_logEvents(verbose: bool, shown: str) -> None:
    """
    Of what is logged, warnings are shown; with C{--verbose} everything.
    """
    file = StringIO()
    log = Logger(observer=Progress(file).observer(verbose))
    log.debug("d")
    log.info("i")
    log.warn("w")
    assert file.getvalue() == shown


def test_tracebacks() -> None:
    """
    A failure is shown with its traceback.
    """
    file = StringIO()
    observer: Any = Progress(file).observer(False)
    try:
        raise KeyError("lost")
    except KeyError:
        Logger(observer=observer).failure("broken")
    assert "broken\nTraceback" in file.getvalue()
    assert "KeyError: 'lost'" in file.getvalue()
