"""
Tests for L{txsocketio.bots.shares}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots.shares import Share, parseShare, shareOfEnvironment

NAMES = [f"bot{number}" for number in range(300)]


def spread(count: int, kind: str = "shard", names: list[str] = NAMES) -> dict[str, int]:
    """
    Name -> the one share that has it.
    """
    shares = [Share(number, count, kind) for number in range(1, count + 1)]
    found = {name: [each.number for each in shares if name in each] for name in names}
    assert all(len(numbers) == 1 for numbers in found.values())
    return {name: numbers[0] for name, numbers in found.items()}


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_eachBotIsInOneShare(count: int) -> None:
    """
    None is lost, none runs twice, and every share has about its part.
    """
    numbers = list(spread(count).values())
    for number in range(1, count + 1):
        assert numbers.count(number) > len(NAMES) / count / 2


def test_theSpreadIsForEver() -> None:
    """
    It must be the same on every machine and in every release: bots that two
    machines claim, or none, would be the price.
    """
    assert spread(3, names=["ticker", "recorder", "echo", "a", "b"]) == {
        "ticker": 2,
        "recorder": 3,
        "echo": 2,
        "a": 1,
        "b": 2,
    }


def test_oneShareMoreMovesOnlyWhatItTakes() -> None:
    """
    A StatefulSet that grows does not restart every bot.
    """
    before, after = spread(3), spread(4)
    moved = [name for name in NAMES if before[name] != after[name]]
    assert moved and all(after[name] == 4 for name in moved)


def test_theShareOfAShareIsNeitherEmptyNorWhole() -> None:
    """
    Workers spread what their machine's shard has, as if it were any names.
    """
    mine = [name for name in NAMES if name in Share(1, 2)]
    workers = list(spread(2, "worker", mine).values())
    assert min(workers.count(1), workers.count(2)) > len(mine) / 4


@pytest.mark.parametrize(
    ("text", "number", "count"),
    [("1/1", 1, 1), (" 2/3 ", 2, 3), ("bots-0/3", 1, 3), ("my-bots-2/3", 3, 3)],
)
def test_aShareIsReadFromItsText(text: str, number: int, count: int) -> None:
    """
    People count from 1, pods from 0.
    """
    assert parseShare(text) == Share(number, count)


@pytest.mark.parametrize(
    "text",
    ["", "0/3", "4/3", "1", "1/", "/3", "1/0", "a/3", "-1/3", "bots-3/3", "1/2/3", "x y-1/3"]
    + ["1/1001", "+1/3", "\N{ARABIC-INDIC DIGIT ONE}/3"],
)
def test_aWrongShareIsAnsweredWithTheRule(text: str) -> None:
    """
    With an example of either form.
    """
    with pytest.raises(ValueError, match=r"^must be I/N.* as in 2/3; .* as in bots-1/3; "):
        parseShare(text)


def test_aShareIsShownAsItIsWritten() -> None:
    """
    For messages and command lines.
    """
    assert str(Share(2, 3)) == "2/3"


def test_theEnvironmentMaySayTheShare() -> None:
    """
    An orchestrator sets it; when it is empty or not there, all bots run.
    """
    assert shareOfEnvironment({"SIOCLIENT_SHARD": "bots-1/3"}) == Share(2, 3)
    assert shareOfEnvironment({"SIOCLIENT_SHARD": ""}) is None
    assert shareOfEnvironment({}) is None


def test_aWrongEnvironmentIsNamed() -> None:
    """
    The message says which variable.
    """
    with pytest.raises(ValueError, match="^SIOCLIENT_SHARD must be I/N"):
        shareOfEnvironment({"SIOCLIENT_SHARD": "one"})
