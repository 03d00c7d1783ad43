"""
What a plugin may be told in a bots file: its own options, typed.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = [
    "PluginLike",
    "PluginOption",
    "boolean",
    "count",
    "integer",
    "listOf",
    "rate",
    "schemaOf",
    "seconds",
]


@dataclass(frozen=True, slots=True)
class PluginOption:
    """
    One option of a plugin.

    @ivar meaning: a sentence for the person who writes the file.
    @ivar parse: makes the value from the text of the file; a C{ValueError}
        it raises says the rule, e.g. C{"must be a whole number"}.
    @ivar default: the value when the file does not say.
    @ivar required: whether the file must say.
    @ivar secret: whether the value is never to be shown; or a function that
        gives the parts of its text that are secret.
    """

    name: str
    meaning: str = ""
    parse: Callable[[str], Any] = str
    default: Any = None
    required: bool = False
    secret: bool | Callable[[str], Iterable[str]] = False


class PluginLike(Protocol):
    """
    What reading a file must know of an L{IBotPlugin
    <txsocketio.interfaces.IBotPlugin>}.
    """

    @property
    def name(self) -> str:
        """
        What C{plugin = ...} says.
        """

    @property
    def schema(self) -> Mapping[str, PluginOption]:
        """
        The plugin's own options by name.
        """


_WORDS = {"yes": True, "true": True, "on": True, "1": True}
_WORDS |= {"no": False, "false": False, "off": False, "0": False}


def boolean(text: str) -> bool:
    """
    C{yes} or C{no}, and their usual synonyms.
    """
    try:
        return _WORDS[text.casefold()]
    except KeyError:
        raise ValueError("must be yes or no") from None


def integer(text: str) -> int:
    """
    A whole number, not negative.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


def count(text: str) -> int:
    """
    A whole number, not 0.
    """
    try:
        value = integer(text)
    except ValueError:
        value = 0
    if not value:
        raise ValueError("must be a whole number, 1 or more")
    return value


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def rate(text: str) -> float:
    """
    So many in a time: C{10/s}, C{600/m}, C{100/h}.

    @return: how many in a second.
    """
    number, _, unit = text.partition("/")
    try:
        value = float(number) / _UNITS[unit.strip()]
    except (ValueError, KeyError):
        value = 0.0
    if not 0 < value < math.inf:
        raise ValueError("must be how many in a time, as in 10/s, 600/m or 100/h")
    return value


def seconds(text: str) -> float:
    """
    A duration in seconds, not negative and not infinite.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError("must be a number of seconds, 0 or more")
    return value


def listOf(text: str) -> tuple[str, ...]:
    """
    Words with commas or line ends between them.
    """
    words = (word.strip() for word in text.replace("\n", ",").split(","))
    return tuple(word for word in words if word)


def schemaOf(*options: PluginOption) -> dict[str, PluginOption]:
    """
    Put a plugin's options together.
    """
    return {option.name: option for option in options}
