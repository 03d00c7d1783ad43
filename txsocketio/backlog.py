"""
Events that came faster than they are consumed.

Above C{limit} the connection is asked to hold; what still arrives is kept up
to four times the limit.

Must not know: sockets, streams.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

__all__ = ["Backlog"]

CEILING = 4
"""So many times the limit are kept, since what is under way cannot be held."""


class _Reading(Protocol):
    def hold(self, holder: object) -> None: ...

    def release(self, holder: object) -> None: ...


class Backlog:
    """
    A bounded queue that pushes back.
    """

    def __init__(self, reading: _Reading, limit: int) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ValueError(f"limit must be a whole number, 1 or more, not {limit!r}")
        self._reading = reading
        self._limit = limit
        self._items: deque[Any] = deque()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """
        Whether not one more can be kept.
        """
        return len(self._items) >= CEILING * self._limit

    def put(self, item: Any) -> None:
        """
        Keep one more.
        """
        self._items.append(item)
        if len(self._items) > self._limit:
            self._reading.hold(self)

    def take(self) -> Any:
        """
        Give the oldest.
        """
        item = self._items.popleft()
        if len(self._items) == self._limit // 2:
            self._reading.release(self)
        return item

    def clear(self) -> None:
        """
        Forget all.
        """
        self._items.clear()
        self._reading.release(self)
