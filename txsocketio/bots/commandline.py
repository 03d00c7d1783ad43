"""
Command lines of argparse whose mistakes are told in a sentence that has the
rule, the name that was probably meant, and where to read more.

No Twisted here: a command line is read without it.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from txsocketio.bots.mistakes import didYouMean

__all__ = ["explained", "ruled"]

_UNKNOWN = re.compile(r"unrecognized arguments: (--[^\s=]+)")


def explained(parser: ArgumentParser, message: str) -> str:
    """
    What is said of a mistake that a parser has found.
    """
    unknown = _UNKNOWN.match(message)
    known = [each for action in parser._actions for each in action.option_strings]
    near = didYouMean(unknown[1], known) if unknown else ""
    return f"{message}{near}\n(try: {parser.prog} --help)"


def ruled(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """
    Have argparse tell the rule that C{parse} says in its C{ValueError};
    otherwise it only tells the function's name.
    """

    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise ArgumentTypeError(f"{error}, not {text!r:.80}") from None

    return read
