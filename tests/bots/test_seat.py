"""
Tests for L{txsocketio.bots.seat}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots.seat import Seat, parseSeat, seatsIn
from txsocketio.bots.shares import Share

SEAT = Seat(Share(2, 3, "worker"), "/run/x:y")


def test_aSeatSurvivesTheCommandLine() -> None:
    """
    Whatever stands in the folder's name.
    """
    assert parseSeat(str(SEAT)) == SEAT


@pytest.mark.parametrize("text", ["2/3", "2/3:", ""])
def test_whatPeopleMightWriteIsAnswered(text: str) -> None:
    """
    It is not theirs to write.
    """
    with pytest.raises(ValueError, match="not for people"):
        parseSeat(text)


def test_seatsShareAllBots() -> None:
    """
    Each bot belongs to one of them, differently from shards.
    """
    seats = seatsIn("/run", 3)
    names = [f"bot{number}" for number in range(40)]
    owners = [[seat.number for seat in seats if name in seat.share] for name in names]
    assert all(len(each) == 1 for each in owners)
    assert {each[0] for each in owners} == {1, 2, 3}
    shards = [Share(number, 3) for number in (1, 2, 3)]
    assert owners != [[each.number for each in shards if name in each] for name in names]


def test_socketsAreInTheFolder() -> None:
    """
    Each worker has its own.
    """
    assert [seat.socket for seat in seatsIn("/run", 2)] == ["/run/1", "/run/2"]


def test_aWorkerServesNothingOfTheFilesOwn() -> None:
    """
    Its supervisor does; the pace for all is divided.
    """
    said = {"status": "tcp:1", "ready": object(), "onError": "stop", "attemptsPerHost": 6.0}
    assert SEAT.settings(said) == {"onError": "stop", "attemptsPerHost": 2.0}
    assert SEAT.settings({"attemptsPerHost": None}) == {}
