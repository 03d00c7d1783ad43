"""
Holding events back.
"""

from __future__ import annotations

from typing import Any

import pytest

from txsocketio.holding import HeldEvents


def test_inOrder() -> None:
    """
    What was held comes out in order, with its acknowledgement ids, once.
    """
    held = HeldEvents()
    assert held.add(None, ["a", 1], 1000) and held.add(7, ["b"], 1000)
    assert held.events == [["a", 1], ["b"]]
    assert held.take() == [(None, ["a", 1]), (7, ["b"])]
    assert held.take() == []


@pytest.mark.parametrize(
    "data",
    [["a", "x" * 1000], ["a", b"x" * 1000], ["a", {"k" * 1000: 1}], ["a", [["x" * 1000]]]],
)
def test_weighsWhatIsInside(data: list[Any]) -> None:
    """
    faults F81: bytes count wherever they are.
    """
    assert not HeldEvents().add(None, data, 1000)
    assert HeldEvents().add(None, data, 1200)


def test_emptyEventsWeighToo() -> None:
    """
    faults F81: a flood of tiny events ends at the limit.
    """
    held = HeldEvents()
    count = 0
    while held.add(None, ["a"], 10_000):
        count += 1
    assert 50 < count < 200


def test_roomAfterTaking() -> None:
    """
    The limit is for what is held now.
    """
    held = HeldEvents()
    assert held.add(None, ["x" * 800], 1000)
    held.take()
    assert held.add(None, ["x" * 800], 1000)


def test_deepNesting() -> None:
    """
    However deep an event is nested, weighing it does not recurse.
    """
    data: Any = []
    for _ in range(100_000):
        data = [data]
    assert HeldEvents().add(None, ["a", data], 1_000_000)
