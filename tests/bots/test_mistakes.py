"""
Tests for L{txsocketio.bots.mistakes}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots.mistakes import ConfigError, Mistake, didYouMean, nearest


@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        (Mistake("b.ini", 3, "bot:a", "url", "bad"), "b.ini:3: [bot:a] url: bad"),
        (Mistake("b.ini", 3, "bot:a", "", "bad"), "b.ini:3: [bot:a]: bad"),
        (Mistake("b.ini", 3, "", "", "bad"), "b.ini:3: bad"),
        (Mistake("b.ini", 0, "", "", "bad"), "b.ini: bad"),
    ],
)
def test_aMistakeSaysWhereItIs(mistake: Mistake, text: str) -> None:
    """
    File and line come first, as an editor can jump to them.
    """
    assert str(mistake) == text


def test_mistakesAreToldInTheOrderOfTheFileAndOnce() -> None:
    """
    A default that is wrong for three bots is one mistake.
    """
    late, early = Mistake("f", 9, "s", "k", "m"), Mistake("f", 2, "s", "k", "m")
    assert ConfigError([late, early, late]).mistakes == (early, late)
    assert str(ConfigError([late, early])) == "f:2: [s] k: m\nf:9: [s] k: m"


@pytest.mark.parametrize("written", ["reconnection_delay", "ReconnectionDelay", "reconectionDelay"])
def test_theNameMeantIsFound(written: str) -> None:
    """
    Other spellings of the same words, and slips of the finger, are understood.
    """
    assert nearest(written, ["url", "reconnectionDelay"]) == "reconnectionDelay"


def test_nothingIsSuggestedForNonsense() -> None:
    """
    A wrong guess would be worse than none.
    """
    assert didYouMean("zzz", ["url", "plugin"]) == ""


def test_aMistakeWritesNoEscapeSequences() -> None:
    """
    What the file holds is quoted in it, and shown on a terminal.
    """
    mistake = Mistake("b.ini", 3, "bot:a\x1b[2J", "key\r", "is \x00 and \x9b")
    assert str(mistake) == r"b.ini:3: [bot:a\x1b[2J] key\r: is \x00 and \x9b"
