"""
Where C{emit} and C{call} take their events from.
"""

from __future__ import annotations

from typing import Any, Protocol

from txsocketio.commands.exits import Ended, Exit
from txsocketio.commands.lines import LineReader
from txsocketio.commands.texts import readJSON

__all__ = ["Item", "Lines", "Repeated", "Source"]

Item = tuple[Any, ...]
"""An event's name and its arguments."""


class Source(Protocol):
    """
    Gives one event after the other.
    """

    async def next(self) -> Item | None:
        """
        @return: L{None} at the end.
        """


class Repeated:
    """
    The same event so many times.
    """

    def __init__(self, item: Item, count: int) -> None:
        self._item = item
        self._left = count

    async def next(self) -> Item | None:
        """
        The event.
        """
        self._left -= 1
        return None if self._left < 0 else self._item


class Lines:
    """
    An event a line.
    """

    def __init__(self, reader: LineReader, count: int | None = None) -> None:
        """
        @param count: how many lines to read at most.
        """
        self._reader = reader
        self._left = count

    async def next(self) -> Item | None:
        """
        The event of the next line.

        @raise Ended: the line describes none.
        """
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                return None
        line = await self._reader.read()
        return None if line is None else self._read(line)

    def _read(self, line: bytes) -> Item:
        try:
            return _itemOf(readJSON(line))
        except ValueError as error:
            text = f"line {self._reader.number} of the input: {error}"
            raise Ended(Exit.INPUT, text) from None


def _itemOf(value: Any) -> Item:
    if isinstance(value, dict):
        args = value.get("args", [])
        value = [value.get("event"), *args] if isinstance(args, list) else None
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        raise ValueError('an event is ["event", ARG...] or {"event": ..., "args": [...]}')
    return tuple(value)
