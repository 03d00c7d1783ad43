"""
Standard input and output, line by line, neither ever blocking the reactor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from txsocketio.commands.exits import Ended, Exit, ofSignal
from txsocketio.waiters import Waiters

__all__ = ["LineReader", "LineWriter"]

READ_BYTES = 65536

MAX_LINE_BYTES = 64 * 1024 * 1024

HIGH_WATER = 1024 * 1024
"""From so many bytes on the connection should not be read."""

LIMIT = 64 * HIGH_WATER
"""Nobody reads what we write: it is given up."""

SIGPIPE = 13


class _Worker(Protocol):
    def do(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]: ...


class LineReader:
    """
    Lines of a file descriptor, read when they are asked for.

    @ivar number: of the line read last, counted from 1.
    """

    def __init__(self, worker: _Worker, fd: int = 0) -> None:
        self._worker = worker
        self._fd = fd
        self._pieces: list[bytes] = []
        self._size = 0
        self._lines: list[bytes] = []
        self._ended = False
        self.number = 0

    async def read(self) -> bytes | None:
        """
        @return: the next line that is not blank, or L{None} at the end.
        @raise Ended: it cannot be read, or is too long.
        """
        while True:
            while self._lines:
                self.number += 1
                line = self._lines.pop().strip()
                if line:
                    return line
            if self._ended:
                return None
            await self._fill()

    async def _fill(self) -> None:
        try:
            data = await self._worker.do(os.read, self._fd, READ_BYTES)
        except OSError as error:
            raise Ended(Exit.INPUT, f"cannot read the input: {error.strerror}") from None
        self._ended = not data
        whole, newline, rest = data.rpartition(b"\n")
        if newline or self._ended:
            text = b"".join([*self._pieces, whole])
            # The next line last, where it is taken from at no cost.
            self._lines = text.split(b"\n")[::-1] if text or newline else []
            self._pieces, self._size = [], 0
        self._pieces.append(rest)
        self._size += len(rest)
        if self._size > MAX_LINE_BYTES:
            where = f"line {self.number + len(self._lines) + 1} of the input"
            raise Ended(Exit.INPUT, f"{where} is longer than {MAX_LINE_BYTES} bytes")


class LineWriter:
    """
    Writes lines in order, as fast as they are read.

    @ivar onBroken: called once, when no more can be written, with why.
    """

    def __init__(self, worker: _Worker, fd: int = 1) -> None:
        self._worker = worker
        self._fd = fd
        self._waiting: list[bytes] = []
        self._size = 0
        self._writing = False
        self._drained = Waiters()
        self._broken: Ended | None = None
        self.onBroken: Callable[[Ended], object] = lambda why: None

    @property
    def congested(self) -> bool:
        """
        Whether much waits to be written.
        """
        return self._size > HIGH_WATER

    def write(self, line: str) -> None:
        """
        Write a line, which has its end.  Nothing is written any more once
        something could not be.
        """
        if self._broken is not None:
            return
        data = line.encode()
        self._waiting.append(data)
        self._size += len(data)
        if self._size > LIMIT:
            self._break(Ended(Exit.OUTPUT, f"the output is not read: {self._size} bytes wait"))
        elif not self._writing:
            self._next()

    def whenDrained(self) -> Deferred[None]:
        """
        @return: fires when everything is written; fails with L{Ended}.
        """
        if self._broken is not None:
            return fail(self._broken)
        return self._drained.wait() if self._writing else succeed(None)

    # inside

    def _next(self) -> None:
        chunk, self._waiting = b"".join(self._waiting), []
        self._writing = True
        self._worker.do(_writeAll, self._fd, chunk).addCallbacks(self._written, self._failed)

    def _written(self, count: int) -> None:
        self._size -= count
        self._writing = False
        if self._broken is not None:
            return
        if self._waiting:
            self._next()
        else:
            self._drained.succeed(None)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, BrokenPipeError):
            # What a shell shows of a program that had nobody to write to.
            self._break(Ended(ofSignal(SIGPIPE)))
        else:
            self._break(Ended(Exit.OUTPUT, f"cannot write the output: {error}"))

    def _break(self, why: Ended) -> None:
        self._broken = why
        self._waiting = []
        self._drained.fail(why)
        self.onBroken(why)


def _writeAll(fd: int, data: bytes) -> int:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
    return len(data)
