"""
An offset is known by its form.
"""

from __future__ import annotations

import pytest

from txsocketio.protocol.recovery import withoutOffset


@pytest.mark.parametrize(
    "offset", ["Q86ek60", "Q86ek60.1A", "1700000000000-0", "65a1b2c3d4e5f60718293a4b"]
)
def test_offsetsOfAdapters(offset: str) -> None:
    """
    The offsets of the adapters in memory, of Redis streams and of MongoDB are
    left out.
    """
    assert withoutOffset(["news", {"a": 1}, offset]) == ["news", {"a": 1}]


@pytest.mark.parametrize(
    "data",
    [["news"], ["news", "a text that is longer"], ["news", 7], ["news", b"Q86ek60"], ["Q86ek60"]],
)
def test_othersStay(data: list[object]) -> None:
    """
    Whatever else an event ends with is the sender's.
    """
    assert withoutOffset(data) == data
