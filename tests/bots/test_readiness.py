"""
Tests for L{txsocketio.bots.readiness}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots.readiness import Readiness, parseReady
from txsocketio.bots.states import BotState, BotStatus, Counters


def bot(name: str, state: BotState, connects: int = 0) -> BotStatus:
    return BotStatus(name, state, 0.0, "", "", "/", "log", counters=Counters(connects))


BOTS = [
    bot("up", BotState.CONNECTED, 1),
    bot("lost", BotState.BACKING_OFF, 1),
    bot("never", BotState.CONNECTING),
]


@pytest.mark.parametrize(
    ("text", "waited"),
    [
        ("all", ["lost", "never"]),
        ("any", []),
        ("once", ["never"]),
        ("up", []),
        ("up, never", ["never"]),
        ("elsewhere", []),
    ],
)
def test_theRuleSaysWhoIsWaitedFor(text: str, waited: list[str]) -> None:
    """
    A bot of another shard is nobody's concern here.
    """
    assert parseReady(text).missing(BOTS) == waited


def test_anyWaitsForAllWhenNoneIsConnected() -> None:
    """
    The answer names those of which one would do.
    """
    assert Readiness("any").missing(BOTS[1:]) == ["lost", "never"]


@pytest.mark.parametrize("rule", ["all", "any", "once"])
def test_aDaemonWithoutBotsIsReady(rule: str) -> None:
    """
    An empty shard does not hold up a roll-out.
    """
    assert Readiness(rule).missing([]) == []


@pytest.mark.parametrize(("text", "shown"), [("any", "any"), ("a,\n b", "a, b")])
def test_theRuleIsShownAsWritten(text: str, shown: str) -> None:
    """
    The page says what it goes by.
    """
    assert str(parseReady(text)) == shown


def test_noRuleAtAllIsRefused() -> None:
    """
    An empty value is a mistake, not a default.
    """
    with pytest.raises(ValueError, match="must be all, any, once, or the names of bots"):
        parseReady(" , ")
