"""
What is wrong with a bots file, said so that its author can act on it.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from txsocketio.bots.texts import printable
from txsocketio.errors import SocketIOError

__all__ = ["BAD_CONFIGURATION", "ConfigError", "Mistake", "PluginError", "didYouMean", "nearest"]

BAD_CONFIGURATION = 2
"""The exit status of mistakes that a restart cannot mend."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """
    One mistake in a bots file.

    @ivar line: where it is, counted from 1; 0 is the file as a whole.
    @ivar section: without brackets; empty outside of any.
    @ivar key: empty when the section as a whole is meant.
    """

    file: str
    line: int
    section: str
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        parts = [f"[{self.section}]" if self.section else "", self.key]
        what = " ".join(part for part in parts if part)
        return printable(f"{where}: {what}: {self.message}" if what else f"{where}: {self.message}")


class ConfigError(SocketIOError):
    """
    A bots file has mistakes; this tells all of them.

    @ivar mistakes: in the order of the file.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))


class PluginError(SocketIOError):
    """
    A plugin cannot be had; the message says what to fix.
    """


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """
    The known name that was probably meant, or L{None}.

    @param cutoff: how near it must be, from 0 to 1 (the same).
        Case, hyphens and underscores do not count: C{reconnection_delay}
        means C{reconnectionDelay}.
    """
    plain = {_plain(each): each for each in known}
    close = get_close_matches(_plain(name), plain, n=1, cutoff=cutoff)
    return plain[close[0]] if close else None


def didYouMean(name: str, known: Iterable[str]) -> str:
    """
    The end of a sentence about an unknown name; empty when nothing is near.
    """
    found = nearest(name, known)
    return f'; did you mean "{found}"?' if found else ""
