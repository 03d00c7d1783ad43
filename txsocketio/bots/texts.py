"""
Texts that others have a say in, fit for a terminal.
"""

from __future__ import annotations

__all__ = ["printable"]


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
