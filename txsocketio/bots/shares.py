"""
Which bots are whose, when several machines or processes share a file.

Whoever asks about a bot, anywhere and at any time, gets the same answer: it
depends on the bot's name and the number of shares alone.  When one share is
added, only the bots that go to it move.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["VARIABLE", "Share", "parseShare", "shareOfEnvironment"]

VARIABLE = "SIOCLIENT_SHARD"

MOST = 1000
"""More shares than this are a slip of the keyboard."""

RULE = (
    "must be I/N, the I-th of N shares, counted from 1, as in 2/3; "
    "or POD/N with the name of a StatefulSet's pod, as in bots-1/3"
)

_FORM = re.compile(r"(?:([0-9]{1,6})|(\S*[^\s/-])-([0-9]{1,6}))/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Share:
    """
    One of several shares of all bots.

    @ivar number: which one, counted from 1.
    @ivar count: how many there are.
    @ivar kind: what shares; another kind spreads the same names differently,
        so that the share of a share is neither empty nor whole.
    """

    number: int
    count: int
    kind: str = "shard"

    def __contains__(self, name: object) -> bool:
        """
        Whether the bot of this name belongs to the share: its number makes
        the greatest SHA-256 of C{KIND NUMBER/NAME} (rendezvous hashing).
        """
        numbers = range(1, self.count + 1)
        return self.number == max(numbers, key=lambda number: self._weight(number, name))

    def _weight(self, number: int, name: object) -> bytes:
        return sha256(f"{self.kind} {number}/{name}".encode()).digest()

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parseShare(text: str, kind: str = "shard") -> Share:
    """
    Read C{I/N}, where I is a number from 1 to N, or the name of a
    StatefulSet's pod, whose ordinal counts from 0.

    @raise ValueError: saying the rule.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{RULE}; not {text!r:.80}")
    number = int(match[1]) if match[1] else int(match[3]) + 1
    count = int(match[4])
    if not 1 <= number <= count <= MOST:
        raise ValueError(f"{RULE}; there is no share {number} of {count}")
    return Share(number, count, kind)


def shareOfEnvironment(environ: Mapping[str, str]) -> Share | None:
    """
    The share that C{SIOCLIENT_SHARD} says, if it says any.

    @raise ValueError: it is said wrongly.
    """
    text = environ.get(VARIABLE, "")
    try:
        return parseShare(text) if text else None
    except ValueError as error:
        raise ValueError(f"{VARIABLE} {error}") from None
