"""
What is different between the bots that run and a bots file that was read
again.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from txsocketio.bots.descriptions import BotDescription, DaemonDescription

__all__ = ["Changes", "compare"]


@dataclass(frozen=True, slots=True)
class Changes:
    """
    What a new file changes; bots by name, in the order of the files.

    @ivar settings: the keys of C{[daemon]} that say something else now.
    @ivar fixed: those of them that are only read when the daemon starts.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = (
            ("added", self.added),
            ("removed", self.removed),
            ("restarted", self.changed),
            ("[daemon]", tuple(key for key in self.settings if key not in self.fixed)),
        )
        told = [f"{word}: {', '.join(names)}" for word, names in parts if names]
        count = len(self.unchanged)
        return "; ".join([*told, "1 bot goes on" if count == 1 else f"{count} bots go on"])


def compare(
    bots: Iterable[BotDescription],
    settings: Mapping[str, Any],
    new: DaemonDescription,
    adjustable: Iterable[str],
) -> Changes:
    """
    @param bots: those that run now.
    @param settings: the C{[daemon]} section as it is in force.
    @param adjustable: the keys of that which can change while the daemon runs.
    """
    old = {bot.name: bot for bot in bots}
    names = [bot.name for bot in new.bots]
    same = {bot.name for bot in new.bots if bot.name in old and bot.sameAs(old[bot.name])}
    differ = tuple(
        key
        for key in dict.fromkeys([*settings, *new.settings])
        if settings.get(key) != new.settings.get(key)
    )
    return Changes(
        added=tuple(name for name in names if name not in old),
        removed=tuple(name for name in old if name not in names),
        changed=tuple(name for name in names if name in old and name not in same),
        unchanged=tuple(name for name in names if name in same),
        settings=differ,
        fixed=tuple(key for key in differ if key not in set(adjustable)),
    )
