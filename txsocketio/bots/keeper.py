"""
Keeps one worker running: started, started again when it ends, stopped.

Must not know: bots, what the worker tells of them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txsocketio.bots.mistakes import BAD_CONFIGURATION
from txsocketio.bots.workerprocess import WorkerProcess, describeEnd
from txsocketio.protocol.backoff import Backoff

__all__ = ["LASTED", "LONGEST", "SILENT", "WorkerKeeper"]

LONGEST = 60.0
"""Seconds between two starts, at most; the first wait is one second, and each
is twice the one before."""

LASTED = 60.0
"""Seconds after which a worker that ends begins with short waits again."""

SILENT = 60.0
"""Seconds without an answer after which a worker's reactor hangs."""


class WorkerKeeper(Service):
    """
    Runs one worker for as long as this service runs.

    @ivar number: the worker's.
    @ivar up: whether the present process has answered yet.
    @ivar since: when that became so or otherwise, by the clock.
    @ivar why: a sentence about it.
    """

    up = False

    _log = Logger()
    _process: WorkerProcess | None = None
    _again: IDelayedCall | None = None
    _hangUpLater = False

    def __init__(
        self,
        number: int,
        spawn: Callable[[WorkerProcess], object],
        reactor: Any,
        limit: Callable[[], float],
        ended: Callable[[int | None], object] = lambda status: None,
        buildProcess: Callable[..., WorkerProcess] = WorkerProcess,
    ) -> None:
        """
        @param spawn: starts a process, given its protocol.
        @param limit: gives the seconds that stopping may take.
        @param ended: called with the exit status, L{None} after a signal,
            when a process ended by itself.
        """
        self.number = number
        self._spawn = spawn
        self._reactor = reactor
        self._limit = limit
        self._ended = ended
        self._buildProcess = buildProcess
        self._backoff = Backoff(1.0, LONGEST, 0.0, random)
        self._stopping: Deferred[None] | None = None
        self._become("is not started yet")

    # from above

    def startService(self) -> None:
        super().startService()
        self._start()

    def stopService(self) -> Deferred[None] | None:
        """
        @return: fires when the process is gone: by itself after SIGTERM, or
            by SIGKILL when its time is up.
        """
        super().stopService()
        self._cancelStart()
        if self._process is None:
            return None
        self._become("stops")
        stopping: Deferred[None] = Deferred()
        self._stopping = stopping
        self._process.signal("TERM")
        limit = self._limit()
        kill = self._reactor.callLater(limit, self._kill, f"did not stop within {limit:g} s")
        return stopping.addCallback(lambda _: kill.cancel() if kill.active() else None)

    def hangUp(self) -> None:
        """
        Have the worker read the bots file again.  One that waits to be
        started is started: perhaps it can be, now.
        """
        self._backoff.reset()
        if not self.running:
            return
        if self._process is None:
            self._cancelStart()
            self._start()
        elif self.up:
            self._process.signal("HUP")
        else:
            # It would die of it before it is ready for it.
            self._hangUpLater = True

    def answered(self) -> None:
        """
        The process told how its bots are.
        """
        if self._process is None or not self.running:
            return
        self._heard = self._reactor.seconds()
        if not self.up:
            self._become("runs", up=True)
            if self._hangUpLater:
                self._hangUpLater = False
                self._process.signal("HUP")

    def silent(self) -> None:
        """
        The process gave no answer; after some time of that it is ended.
        """
        if not self.running or self._process is None:
            return
        if self.up:
            self._become("does not answer")
        if self._reactor.seconds() - self._heard >= SILENT:
            self._kill(f"has not answered for {SILENT:g} s")

    # inside

    def _become(self, why: str, up: bool = False) -> None:
        self.up = up
        self.why = f"worker {self.number} {why}"
        self.since: float = self._reactor.seconds()

    def _start(self) -> None:
        self._again = None
        self._began = self._heard = self._reactor.seconds()
        self._hangUpLater = False
        self._become("starts")
        self._process = self._buildProcess(self.number, self._reactor, self._processEnded)
        try:
            self._spawn(self._process)
        except Exception as error:  # e.g. too many processes; there may be fewer, soon
            self._process = None
            self._startLater(f"could not be started: {error}")

    def _cancelStart(self) -> None:
        again, self._again = self._again, None
        if again is not None:
            again.cancel()

    def _kill(self, why: str) -> None:
        self._log.error("worker {worker} {why}; it is ended", worker=self.number, why=why)
        assert self._process is not None
        # Not a second time before the end is known.
        self._heard = self._reactor.seconds()
        self._process.signal("KILL")

    def _processEnded(self, end: Any) -> None:
        self._process = None
        stopping, self._stopping = self._stopping, None
        if stopping is not None:
            self._become("is stopped")
            stopping.callback(None)
        else:
            self._endedByItself(end)

    def _endedByItself(self, end: Any) -> None:
        if self._reactor.seconds() - self._began >= LASTED:
            self._backoff.reset()
        how = describeEnd(end)
        if end.exitCode == BAD_CONFIGURATION:
            # A restart cannot mend it; the next reload may.
            self._become(f"{how}; it waits for the bots file to be mended and read again")
            self._log.error("{why}", why=self.why, worker=self.number)
        else:
            self._startLater(how)
        self._ended(end.exitCode)

    def _startLater(self, why: str) -> None:
        delay = self._backoff.next()
        self._become(f"{why}; it is started again after {delay:g} s")
        self._log.error("{why}", why=self.why, worker=self.number)
        self._again = self._reactor.callLater(delay, self._start)
