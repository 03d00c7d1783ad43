"""
The lines of a file, one by one; at its end either that is all, or what is
appended is waited for, as C{tail -F} does.

Must not know: what is done with a line.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable, Callable
from typing import IO, Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from txsocketio.bots.bookmark import Bookmark, Place
from txsocketio.bots.eventlines import LINE_BYTES

__all__ = ["FileLines"]

LOOK_SECONDS = 1.0
"""How often an end is looked at for more."""

TURN_LINES = 100
"""After so many lines others get their turn."""


class FileLines:
    """
    Reads one file.

    @ivar taken: how many lines were taken.
    @ivar failed: how many of them came to nothing.
    """

    def __init__(
        self,
        path: str,
        follow: bool,
        clock: Any,
        take: Callable[[bytes], Awaitable[Any]],
        log: Any,
        bookmark: Bookmark | None = None,
    ) -> None:
        """
        @param follow: begin at the end, and wait for more.
        @param take: called with each line, when the last one is done.
        @param bookmark: keeps how far we got, about once a second.
        """
        self._path = path
        self._follow = follow
        self._clock = clock
        self._take = take
        self._log = log
        self._bookmark = bookmark
        self._place: Place | None = None
        self._kept: Place | None = None
        self._keptAt = clock.seconds()
        self._broken = self._shut = False
        self._stream: IO[bytes] | None = None
        self._pause: Deferred[None] | None = None
        self._reading: Deferred[Any] = succeed(None)
        self._closing = False
        self.taken = self.failed = 0

    def start(self) -> None:
        """
        Begin to read.

        @raise OSError: there is no such file, unless it is followed.
        @raise ValueError: it is no ordinary file, or the bookmark is none.
        """
        self._place = self._kept = self._bookmark.load() if self._bookmark else None
        new = self._place is None and self._follow
        self._open(os.SEEK_END if new else os.SEEK_SET)
        self._reading = ensureDeferred(self._read())
        self._reading.addErrback(self._ebRead)

    async def finish(self) -> None:
        """
        Wait until the line that was taken is done.  Cancelling it gives it up.
        """
        self._closing = True
        if self._pause is not None:
            self._pause.cancel()
        done: Deferred[None] = Deferred()
        self._reading.addCallback(lambda _: None if done.called else done.callback(None))
        try:
            await done
        finally:
            self._reading.cancel()
            self._close()

    # inside

    def _close(self) -> None:
        self._keep()
        if self._stream is not None:
            self._stream.close()
            self._log.info(
                "{file}: {taken} lines were taken, {failed} of them came to nothing",
                file=self._path,
                taken=self.taken,
                failed=self.failed,
            )

    def _open(self, whence: int) -> None:
        try:
            stream = open(self._path, "rb", opener=_atOnce)  # noqa: SIM115 - closed by finish()
        except FileNotFoundError:
            if not self._follow:
                raise
            return
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            stream.close()
            raise ValueError(f"{self._path} is no ordinary file; see the option listen")
        stream.seek(0, whence)
        self._stream = stream
        self._resume(stream)
        self._mark()

    def _resume(self, stream: IO[bytes]) -> None:
        """
        Go on where we were, if this is that file, and as long as it was.
        """
        place, now = self._place, os.fstat(stream.fileno())
        if place is None:
            return
        if place.inode == now.st_ino and place.offset <= now.st_size:
            stream.seek(place.offset)
        else:
            self._log.warn("{file} is another one now; it is read anew", file=self._path)

    def _mark(self) -> None:
        """
        What was read so far is dealt with.
        """
        if self._bookmark is not None and self._stream is not None:
            inode = os.fstat(self._stream.fileno()).st_ino
            self._place = Place(inode, self._stream.tell())
            if self._clock.seconds() - self._keptAt >= LOOK_SECONDS:
                self._keep()

    def _keep(self) -> None:
        if self._bookmark is None or self._place is None or self._place == self._kept:
            return
        self._keptAt = self._clock.seconds()
        try:
            self._bookmark.save(self._place)
        except OSError:
            if not self._broken:  # a full disk is told once
                self._log.failure("cannot keep how far {file} was read", file=self._path)
            self._broken = True
        else:
            self._kept = self._place
            self._broken = False

    async def _read(self) -> None:
        while not self._closing:
            line = b"" if self._stream is None else self._nextLine(self._stream)
            if line:
                await self._deal(line)
                self._mark()
            elif not self._follow:
                return self._keep()
            elif not self._renewed():
                await self._wait(LOOK_SECONDS)

    def _nextLine(self, stream: IO[bytes]) -> bytes:
        begin = stream.tell()
        line = stream.readline(LINE_BYTES + 1)
        if len(line) > LINE_BYTES:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(LINE_BYTES)
            return line
        if self._follow and not line.endswith(b"\n"):
            stream.seek(begin)  # its end is still to be written
            return b""
        return line

    async def _deal(self, line: bytes) -> None:
        self.taken += 1
        try:
            if len(line) > LINE_BYTES:
                raise ValueError(f"a line has more than {LINE_BYTES} bytes")
            if line.strip():
                await self._take(line)
        except CancelledError:
            self._complain("it is given up, because the bot stops")
            raise
        except Exception as error:
            self._complain(str(error) or type(error).__name__)
        if self.taken % TURN_LINES == 0:
            await self._wait(0)

    def _complain(self, why: str) -> None:
        self.failed += 1
        self._log.error("{file}, line {number}: {why}", file=self._path, number=self.taken, why=why)

    def _ebRead(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("cannot go on reading {file}", failure, file=self._path)

    async def _wait(self, seconds: float) -> None:
        self._keep()
        self._pause = deferLater(self._clock, seconds)
        try:
            await self._pause
        except CancelledError:
            pass  # finish() does not wait for this
        self._pause = None

    def _renewed(self) -> bool:
        """
        Whether another file has the name now, or the file was cut.
        """
        try:
            now = os.stat(self._path)
        except OSError:
            return False
        if self._stream is None:
            return self._opened()
        was = os.fstat(self._stream.fileno())
        if (now.st_dev, now.st_ino) != (was.st_dev, was.st_ino):
            self._stream.close()
            self._stream = self._place = None
            return self._opened()
        if was.st_size < self._stream.tell():
            self._stream.seek(0)
            self._mark()
            return True
        return False

    def _opened(self) -> bool:
        try:
            self._open(os.SEEK_SET)
        except OSError as error:
            if not self._shut:  # it may be ours to read in a moment
                self._log.error("{file} cannot be read yet: {why}", file=self._path, why=str(error))
            self._shut = True
        else:
            self._shut = False
        return self._stream is not None


def _atOnce(path: str, flags: int) -> int:
    # A named pipe without a writer would stop everybody.
    return os.open(path, flags | os.O_NONBLOCK)
