"""
Tests for L{txsocketio.bots.texts}.
"""

from __future__ import annotations

from txsocketio.bots.texts import printable


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
