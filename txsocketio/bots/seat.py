"""
A worker's place among the others: its share of the bots, and where its
supervisor finds it.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from txsocketio.bots.shares import Share, parseShare

__all__ = ["Seat", "parseSeat"]

KIND = "worker"

RULE = "is said by --workers to its processes; it is not for people"


@dataclass(frozen=True, slots=True)
class Seat:
    """
    What C{--worker} says.

    @ivar share: of the bots that the supervisor has.
    @ivar folder: the supervisor's own, which nobody else may read.
    """

    share: Share
    folder: str

    @property
    def number(self) -> int:
        return self.share.number

    @property
    def socket(self) -> str:
        """
        The unix socket at which the worker listens to its supervisor.
        """
        return f"{self.folder}/{self.number}"

    def settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """
        What the C{[daemon]} section means for a worker: what is served is
        served by its supervisor, and a pace for all is divided.
        """
        mine = {key: settings[key] for key in ("onError",) if key in settings}
        if settings.get("attemptsPerHost") is not None:
            mine["attemptsPerHost"] = settings["attemptsPerHost"] / self.share.count
        return mine

    def __str__(self) -> str:
        return f"{self.share}:{self.folder}"


def seatsIn(folder: str, count: int) -> list[Seat]:
    """
    The places of so many workers.
    """
    return [Seat(Share(number, count, KIND), folder) for number in range(1, count + 1)]


def parseSeat(text: str) -> Seat:
    """
    Read what C{str} made of a seat.

    @raise ValueError: saying who writes such a thing.
    """
    share, colon, folder = text.partition(":")
    if not (colon and folder):
        raise ValueError(RULE)
    return Seat(parseShare(share, KIND), folder)
