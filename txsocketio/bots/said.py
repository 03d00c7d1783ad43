"""
The lines of a bots file as they may be shown: what they mean, no secret in
them, and still a file that can be read where that can be had.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from txsocketio.bots.ini import Entry
from txsocketio.bots.keys import OWN_KEYS, Key
from txsocketio.bots.redaction import HIDDEN, redactorOf
from txsocketio.bots.substitute import onlyRefers, written

__all__ = ["Said"]


@dataclass(frozen=True, slots=True)
class Said:
    """
    One line of a section.

    @ivar section: where it stands: in the section itself, or in C{DEFAULT}.
    @ivar text: its value.
    @ivar valid: whether a file may say this; a hidden number is none.
    @ivar line: where it stands, counted from 1.
    @ivar put: whether something was put into its value.
    """

    section: str
    key: str
    text: str
    valid: bool = True
    line: int = 0
    put: bool = False

    @classmethod
    def of(
        cls, key: Key, entry: Entry, text: str, secrets: Iterable[str], others: Iterable[str]
    ) -> Said:
        """
        @param text: the entry's value, references replaced.
        @param secrets: the secrets in this value.
        @param others: those of the whole section.
        """
        if key is OWN_KEYS["url"]:
            shown = written(_shownURL(text, {each for each in secrets if each}))
        else:
            shown = redactorOf(frozenset(others))(
                _shown(key, entry.text, text, bool(tuple(secrets)))
            )
        valid = shown == entry.text or _isValid(key, shown)
        put = entry.text != written(text)
        return cls(entry.section, entry.key, shown, valid, entry.line, put)


def _shown(key: Key, entry: str, text: str, isSecret: bool) -> str:
    if key.secret:
        return entry if onlyRefers(entry) else HIDDEN
    # A key or certificate from a file is better shown by the file's name.
    asWritten = isSecret or "\n" in text
    return entry if asWritten else written(text)


def _shownURL(url: str, secrets: set[str]) -> str:
    """
    Where a URL leads, and that there is more in it.
    """
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    path = "/".join(HIDDEN if step in secrets else step for step in parts.path.split("/"))
    query = "&".join(map(_shownParameter, parts.query.split("&"))) if parts.query else ""
    shown = f"{parts.scheme}://{HIDDEN + at if at else ''}{host}{path}"
    return f"{shown}?{query}" if query else shown


def _shownParameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    return f"{name}={HIDDEN}" if equals else HIDDEN


def _isValid(key: Key, text: str) -> bool:
    try:
        key.parse(text.replace("$${", "${"))
    except (Exception, SystemExit):  # a plugin's own parser may raise anything
        return False
    return True
