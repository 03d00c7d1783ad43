"""
Tests for L{txsocketio.commands.sources}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from commands.commandkit import SlowWorker, outcome
from txsocketio.commands.exits import Exit
from txsocketio.commands.lines import LineReader
from txsocketio.commands.sources import Lines, Repeated, Source


def take(source: Source) -> Any:
    (item,) = outcome(Deferred.fromCoroutine(source.next()))
    return item


def linesOf(data: bytes, count: int | None = None) -> Lines:
    worker = SlowWorker()
    reader = LineReader(worker)
    blank = outcome(Deferred.fromCoroutine(reader._fill()))
    worker.answer(data)
    assert blank == [None]
    return Lines(reader, count)


def test_repeated() -> None:
    """
    The same event so many times.
    """
    source = Repeated(("a", 1), 2)
    assert [take(source) for _ in range(4)] == [("a", 1), ("a", 1), None, None]


def test_lines() -> None:
    """
    A line is an array, or an object as C{listen} writes it.
    """
    source = linesOf(
        b'["a", 1, {"base64": "AA=="}]\n{"event": "b", "time": 1}\n{"event": "c", "args": [2]}\n'
    )
    assert [take(source) for _ in range(3)] == [("a", 1, b"\x00"), ("b",), ("c", 2)]


def test_endOfLines() -> None:
    """
    The end of the input is the end.
    """
    worker = SlowWorker()
    seen = outcome(Deferred.fromCoroutine(Lines(LineReader(worker)).next()))
    worker.answer(b"")
    assert seen == [None]


def test_count() -> None:
    """
    No more lines are taken than wanted, nor waited for.
    """
    source = linesOf(b'["a"]\n["b"]\n', 1)
    assert [take(source), take(source)] == [("a",), None]


@pytest.mark.parametrize(
    "line",
    [b"nix", b"1", b"[]", b"[1]", b'{"event": 1}', b'{"args": []}', b'{"event": "a", "args": 1}'],
)
def test_noEvent(line: bytes) -> None:
    """
    What is no event is told with the number of its line.
    """
    end = take(linesOf(b"\n" + line + b"\n"))
    assert end.status == Exit.INPUT
    assert str(end).startswith("line 2 of the input: ")
