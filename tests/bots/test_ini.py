"""
Tests for L{txsocketio.bots.ini}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots.ini import readIni


def entries(text: str) -> dict[str, tuple[str, int]]:
    ini = readIni(text, "f")
    assert ini.mistakes == []
    return {each.key: (each.text, each.line) for each in ini.sections["s"].entries.values()}


def mistakes(text: str) -> list[str]:
    return list(map(str, readIni(text, "f").mistakes))


def test_everyEntryKnowsItsLine() -> None:
    """
    Comments and blank lines count as lines.
    """
    assert entries("; c\n[s]\n# c\n\na = 1\nb=2") == {"a": ("1", 5), "b": ("2", 6)}


def test_keysKeepTheirCaseAndPercentIsOrdinary() -> None:
    """
    What configparser spoils is kept: case, and C{%} in tokens.
    """
    assert entries("[s]\nA = %x%%\na = y") == {"A": ("%x%%", 2), "a": ("y", 3)}


def test_aValueMayHoldAnything() -> None:
    """
    Equals signs and semicolons in a value need no escape.
    """
    assert entries("[s]\nurl = http://h/?a=b;c#d") == {"url": ("http://h/?a=b;c#d", 2)}


def test_anIndentedLineContinuesTheValueAbove() -> None:
    """
    Long lists go over several lines, with comments between.
    """
    assert entries("[s]\na = 1,\n   2,\n; no\n   3\nb =") == {"a": ("1,\n2,\n3", 2), "b": ("", 6)}


def test_entriesThatAllStandIndentedAreEntries() -> None:
    """
    Only what stands deeper than its entry continues it; a header is never
    continued.
    """
    assert entries("[s]\n  a = 1\n  b = 2") == {"a": ("1", 2), "b": ("2", 3)}


def test_windowsLineEndsDoNotMatter() -> None:
    """
    A file written on Windows reads the same.
    """
    assert entries("[s]\r\na = 1\r\n") == {"a": ("1", 2)}


def test_aBlankLineEndsAValue() -> None:
    """
    An indented line after a blank one is an entry of its own.
    """
    assert entries("[s]\na = 1\n\n  b = 2") == {"a": ("1", 2), "b": ("2", 4)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1", 'f:1: this stands before the first section, e.g. "[bot:ticker]"'),
        ("[s]\nnonsense", "f:2: [s]: 'nonsense' is not \"key = value\""),
        ("nonsense", "f:1: 'nonsense' is not \"key = value\""),
        ("[s]\n= 1", "f:2: [s]: '= 1' is not \"key = value\""),
        ("[s]\na = 1\na = 2", "f:3: [s] a: this key is already there, in line 2"),
        ("[s]\n\n[s]", "f:3: [s]: this section is already there, in line 1"),
        ("[s\na=1", "f:1: '[s' is not a section; write [name]"),
        ("[]", "f:1: '[]' is not a section; write [name]"),
    ],
)
def test_aMistakeOfFormIsTold(text: str, said: str) -> None:
    """
    Each way to write a line wrongly has its sentence.
    """
    assert mistakes(text) == [said]


def test_mistakesDoNotHideEachOther() -> None:
    """
    The lines of a section told twice are still read.
    """
    text = "[s]\n[s]\na = 1\na = 2\n??"
    assert [each.line for each in readIni(text, "f").mistakes] == [2, 4, 5]


def test_theReprOfAnEntryHidesItsValue() -> None:
    """
    A debugger or a traceback shows no secret.
    """
    ini = readIni("[s]\ntoken = hunter2", "f")
    assert "hunter2" not in repr(ini.sections["s"])
