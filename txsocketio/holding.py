"""
Events that came before their session was ready, kept within a limit.

Must not know: sockets, packets on the wire.
"""

from __future__ import annotations

from typing import Any

__all__ = ["HeldEvents"]

_PER_EVENT = 64
"""Bytes that holding an event costs, beside its own."""

_PER_VALUE = 2
"""Bytes of a value's own syntax, at the least."""


class HeldEvents:
    """
    A list that knows about how many bytes it holds.
    """

    __slots__ = ("_bytes", "_events")

    def __init__(self) -> None:
        self._events: list[tuple[int | None, list[Any]]] = []
        self._bytes = 0

    @property
    def events(self) -> list[list[Any]]:
        """
        Name and arguments of each.
        """
        return [data for _, data in self._events]

    def add(self, ackID: int | None, data: list[Any], limit: int) -> bool:
        """
        Hold one more.

        @return: whether it is held; if not, they would be over C{limit} bytes.
        """
        self._bytes += _weigh(data) + _PER_EVENT
        if self._bytes > limit:
            return False
        self._events.append((ackID, data))
        return True

    def take(self) -> list[tuple[int | None, list[Any]]]:
        """
        Give all, and hold none.
        """
        events, self._events, self._bytes = self._events, [], 0
        return events


def _weigh(data: Any) -> int:
    """
    About how many bytes an event takes, however it is nested.
    """
    total, left = 0, [data]
    while left:
        each = left.pop()
        if isinstance(each, (str, bytes)):
            total += len(each)
        elif isinstance(each, dict):
            left.extend(each)
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
        total += _PER_VALUE
    return total
