"""
Tests for L{txsocketio.bots.texts}.
"""

from __future__ import annotations

import sys
from io import BytesIO, TextIOWrapper

import pytest

from txsocketio.bots.texts import NOBODY_READS, forgiving, printable, say


def test_controlCharactersAreShownAsSuch() -> None:
    """
    Escape sequences, bells and lone surrogates; not line ends and tabs.
    """
    assert printable("a\x1b[2J\x07\ud800\n\tb") == "a\\x1b[2J\\x07\\ud800\n\tb"


def test_aPlainTextStaysAsItIs() -> None:
    """
    Whatever its language.
    """
    assert printable("précis – 日本") == "précis – 日本"


def test_anASCIITerminalShowsEscapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And ends no program.
    """
    written = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(written, "ascii"))
    say("pr\xe9cis")
    assert written.getvalue() == b"pr\\xe9cis\n"


def test_whatIsNoFileIsLeftAlone(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A program may have no standard output, or one of its own making.
    """
    monkeypatch.setattr("sys.stdout", None)
    say("nobody hears it")
    assert forgiving("stream") == "stream"


class Full(TextIOWrapper):
    """
    A standard output that cannot be written.
    """

    error: OSError

    def flush(self) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(28, "No space left"), "the output cannot be written: No space left"),
        (BrokenPipeError(), NOBODY_READS),
    ],
)
def test_whatCannotBeWrittenEndsTheProgram(
    monkeypatch: pytest.MonkeyPatch, error: OSError, code: object
) -> None:
    """
    In a word, or without one where it is usual; and it is not tried again.
    """
    full = Full(BytesIO())
    full.error = error
    monkeypatch.setattr("sys.stdout", full)
    with pytest.raises(SystemExit) as ended:
        say("x")
    assert ended.value.code == code
    assert sys.stdout is None
