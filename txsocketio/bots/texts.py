"""
Texts that others have a say in, fit for a terminal.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any

__all__ = ["forgiving", "printable", "say"]

NOBODY_READS = 141
"""The exit status that a shell shows of a program that SIGPIPE has ended."""


def printable(text: str) -> str:
    """
    The same without control characters; line ends and tabs stay.

    What a server says writes no escape sequences to a terminal.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in text
    )


def forgiving(stream: Any) -> Any:
    """
    Have a stream write an escape where its encoding has no such character,
    instead of raising, as the standard error does.

    @return: the stream.
    """
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def say(text: str, end: str = "\n") -> None:
    """
    Write to the standard output, if there is one.

    @raise SystemExit: it cannot be written.
    """
    try:
        forgiving(sys.stdout)
        print(text, end=end, flush=True)
    except OSError as error:
        sys.stdout = None  # or Python tries again when it ends
        if isinstance(error, BrokenPipeError):
            raise SystemExit(NOBODY_READS) from None
        raise SystemExit(f"the output cannot be written: {error.strerror}") from None
