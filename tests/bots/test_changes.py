"""
Tests for L{txsocketio.bots.changes}.
"""

from __future__ import annotations

from typing import Any

from txsocketio.bots.changes import Changes, compare
from txsocketio.bots.descriptions import BotDescription, DaemonDescription


def bot(name: str, url: str = "http://h", **fields: Any) -> BotDescription:
    return BotDescription(name=name, url=url, plugin="log", **fields)


def changes(
    old: list[BotDescription],
    new: list[BotDescription],
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Changes:
    described = DaemonDescription("f.ini", tuple(new), after or {})
    return compare(old, before or {}, described, ["onError"])


def test_theSameFileChangesNothing() -> None:
    """
    Nobody notices a needless reload.
    """
    assert changes([bot("a"), bot("b")], [bot("a"), bot("b")]) == Changes(unchanged=("a", "b"))


def test_eachBotIsComparedByItself() -> None:
    """
    By its name; the order in the file is no difference.
    """
    found = changes([bot("a"), bot("b"), bot("c")], [bot("d"), bot("c"), bot("a", "http://x")])
    assert found == Changes(added=("d",), removed=("b",), changed=("a",), unchanged=("c",))


def test_textsCountWhereTheyAreKnown() -> None:
    """
    What a plugin makes of a text may be something that equals nothing.
    """
    first, second = (bot("a", config={"x": object()}, texts={"x": "1"}) for _ in range(2))
    other = bot("a", config=first.config, texts={"x": "2"})
    assert first.sameAs(second) and not first.sameAs(other)


def test_settingsThatCannotChangeAreNamed() -> None:
    """
    Those that can are told apart from those that need a restart.
    """
    found = changes(
        [], [], {"status": "tcp:1", "onError": "stop"}, {"status": "tcp:2", "control": "unix:x"}
    )
    assert found.settings == ("status", "onError", "control")
    assert found.fixed == ("status", "control")


def test_whatIsToldInTheLog() -> None:
    """
    One line with names, nothing that is empty.
    """
    assert str(Changes(unchanged=("a",))) == "1 bot goes on"
    told = str(Changes(("a", "b"), ("c",), ("d",), (), ("status", "onError"), ("status",)))
    assert told == "added: a, b; removed: c; restarted: d; [daemon]: onError; 0 bots go on"
