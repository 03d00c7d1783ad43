"""
Tests for L{txsocketio.commands.lines}.
"""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from commands.commandkit import SlowWorker, outcome
from support import deferred
from txsocketio.commands import lines
from txsocketio.commands.exits import Ended, Exit
from txsocketio.commands.lines import LineReader, LineWriter
from txsocketio.commands.worker import Worker

# reading


def reading(reader: LineReader) -> list[Any]:
    return outcome(Deferred.fromCoroutine(reader.read()))


def test_linesOfOnePiece() -> None:
    """
    Lines come one by one, blank ones are passed over, and all are counted.
    """
    worker = SlowWorker()
    reader = LineReader(worker)
    seen = reading(reader)
    worker.answer(b"one\n\n two \r\nth")
    assert seen == [b"one"]
    assert reading(reader) == [b"two"]
    assert reader.number == 3
    seen = reading(reader)
    worker.answer(b"ree\n")
    assert seen == [b"three"]


def test_readsOnlyWhenAsked() -> None:
    """
    Nothing is read ahead, so that who writes to us feels it.
    """
    worker = SlowWorker()
    reader = LineReader(worker)
    assert not worker.calls
    reading(reader)
    assert len(worker.calls) == 1


def test_lastLineWithoutEnd() -> None:
    """
    The last line needs no end; after it comes L{None}, for ever.
    """
    worker = SlowWorker()
    reader = LineReader(worker)
    seen = reading(reader)
    worker.answer(b"last")
    worker.answer(b"")
    assert seen == [b"last"]
    assert reading(reader) == [None]
    assert reading(reader) == [None]


def test_emptyInput() -> None:
    """
    An input may hold nothing at all.
    """
    worker = SlowWorker()
    seen = reading(LineReader(worker))
    worker.answer(b"")
    assert seen == [None]


def test_lineTooLong(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A line without end does not fill the memory; it is told by its number.
    """
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 4)
    worker = SlowWorker()
    seen = reading(LineReader(worker))
    worker.answer(b"a\nbcdef")
    assert seen[0].status == Exit.INPUT
    assert str(seen[0]) == "line 2 of the input is longer than 4 bytes"


def test_unreadable() -> None:
    """
    An input that cannot be read ends the command.
    """
    worker = SlowWorker()
    seen = reading(LineReader(worker))
    worker.answer(OSError(errno.EISDIR, "Is a directory"))
    assert (seen[0].status, str(seen[0])) == (7, "cannot read the input: Is a directory")


# writing


def writer() -> tuple[LineWriter, SlowWorker, list[Ended]]:
    worker, broken = SlowWorker(), list[Ended]()
    output = LineWriter(worker)
    output.onBroken = broken.append
    return output, worker, broken


def test_whatWaitsIsWrittenAtOnce() -> None:
    """
    While one piece is written the next lines wait, and go together.
    """
    output, worker, _ = writer()
    for line in ("a\n", "b\n", "c\n"):
        output.write(line)
    drained = outcome(output.whenDrained())
    assert [args[1] for _, args, _ in worker.calls] == [b"a\n"]
    worker.answer(2)
    assert [args[1] for _, args, _ in worker.calls] == [b"b\nc\n"]
    assert not drained
    worker.answer(4)
    assert drained == [None]


def test_nothingToDrain() -> None:
    """
    With nothing written, everything is.
    """
    assert outcome(writer()[0].whenDrained()) == [None]


def test_congested(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An output that is read slowly says so, until it was written.
    """
    monkeypatch.setattr(lines, "HIGH_WATER", 2)
    output, worker, _ = writer()
    output.write("abc\n")
    assert output.congested
    worker.answer(4)
    assert not output.congested


def test_nobodyReads(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What nobody reads does not fill the memory.
    """
    monkeypatch.setattr(lines, "LIMIT", 5)
    output, worker, broken = writer()
    drained = outcome(output.whenDrained())
    output.write("abc\n")
    waiting = outcome(output.whenDrained())
    output.write("def\n")
    output.write("ghi\n")
    assert [(each.status, str(each)) for each in broken] == [
        (8, "the output is not read: 8 bytes wait")
    ]
    assert (drained, waiting) == ([None], broken)
    worker.answer(4)
    assert not worker.calls
    assert outcome(output.whenDrained()) == broken


def test_readerHasGone() -> None:
    """
    A closed pipe, as of C{| head -1}, ends the command as SIGPIPE would,
    without a word.
    """
    output, worker, broken = writer()
    output.write("a\n")
    worker.answer(BrokenPipeError())
    assert [(each.status, str(each)) for each in broken] == [(141, "")]


def test_diskFull() -> None:
    """
    What cannot be written is told.
    """
    output, worker, broken = writer()
    output.write("a\n")
    worker.answer(OSError(errno.ENOSPC, "No space left on device"))
    assert broken[0].status == Exit.OUTPUT
    assert "No space left on device" in str(broken[0])


@deferred()
async def test_throughAPipe() -> None:
    """
    More than a pipe holds goes through it in order, by both ends.
    """
    from twisted.internet import reactor

    here, there = Worker(reactor), Worker(reactor)
    source, sink = os.pipe()
    output, reader = LineWriter(here, sink), LineReader(there, source)
    for number in range(20_000):
        output.write(f"line number {number}\n")
    for number in range(20_000):
        assert await reader.read() == b"line number %d" % number
    await output.whenDrained()
    os.close(sink)
    assert await reader.read() is None
    os.close(source)
    here.stop()
    there.stop()
