"""
Tests for L{txsocketio.bots.commandline}.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import pytest

from txsocketio.bots.commandline import explained, ruled
from txsocketio.bots.schema import count


class Parser(ArgumentParser):
    """
    Raises what would be said.
    """

    def error(self, message: str) -> Any:
        raise ValueError(explained(self, message))


def complaint(*words: str) -> str:
    parser = Parser(prog="program")
    parser.add_argument("--count", type=ruled(count))
    with pytest.raises(ValueError) as caught:
        parser.parse_args(words)
    return str(caught.value)


def test_theRuleIsTold() -> None:
    """
    And what was given, but not all of a long text.
    """
    said = "argument --count: must be a whole number, 1 or more, not '0'\n(try: program --help)"
    assert complaint("--count", "0") == said
    assert len(complaint("--count", "x" * 1000)) < 200


def test_aGoodValueIsRead() -> None:
    """
    As its function reads it.
    """
    assert ruled(count)("7") == 7


@pytest.mark.parametrize("word", ["--cuont", "--cuont=5"])
def test_theOptionThatWasMeantIsTold(word: str) -> None:
    """
    Whatever is given to it.
    """
    assert complaint(word).startswith(
        f'unrecognized arguments: {word}; did you mean "--count"?\n(try: '
    )


@pytest.mark.parametrize("word", ["count", "--nothing-like-it"])
def test_whatIsNearToNothing(word: str) -> None:
    """
    Gets no advice that would not help.
    """
    assert "did you mean" not in complaint(word)
