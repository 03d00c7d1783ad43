"""
Whether a daemon is ready: which bots must be connected for that.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from txsocketio.bots.schema import listOf

__all__ = ["Readiness", "parseReady"]

RULES = ("all", "any", "once")


@dataclass(frozen=True, slots=True)
class Readiness:
    """
    What C{ready = ...} says.

    @ivar rule: C{all} (each is connected now), C{any} (one is), C{once} (each
        has been), or C{names} (those of C{names} are).
    """

    rule: str = "all"
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join(self.names) or self.rule

    def missing(self, bots: Iterable[Any]) -> list[str]:
        """
        The names of the bots that are waited for; none when ready.

        @param bots: each a L{BotStatus <txsocketio.bots.states.BotStatus>}.
            A daemon without bots, such as an empty shard, waits for nothing.
        """
        each = list(bots)
        waited = [bot.name for bot in each if not self._counts(bot)]
        enough = self.rule == "any" and len(waited) < len(each)
        return [] if enough else waited

    def _counts(self, bot: Any) -> bool:
        if self.rule == "names" and bot.name not in self.names:
            return True
        been = self.rule == "once" and bot.counters.connects > 0
        return been or bool(bot.state.value == "connected")


def parseReady(text: str) -> Readiness:
    """
    Read C{all}, C{any}, C{once}, or names with commas between them.
    """
    names = listOf(text)
    if not names:
        raise ValueError("must be all, any, once, or the names of bots")
    if len(names) == 1 and names[0] in RULES:
        return Readiness(names[0])
    return Readiness("names", names)
