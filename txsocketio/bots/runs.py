"""
One run of a program: given its input, its output kept, ended when it takes too
long; and always reaped.

A program has children of its own, as the shell has: where the command setsid
is, they are a group, and to end it is to end them all.

Must not know: events.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

__all__ = ["OWN_GROUP", "Finished", "Run"]

OWN_GROUP = tuple(filter(None, [shutil.which("setsid")]))
"""What makes a program the first of its group; nothing where there is none."""

MAX_OUTPUT = 1024 * 1024
"""A program that says more than so many bytes is ended."""

SAID = 1000
"""So many bytes of its standard error are kept, the last ones."""

GRACE = 1.0
"""Seconds for ending by itself when asked to; and for its children to let go."""


class Finished(NamedTuple):
    """
    What came of a run.

    @ivar status: its exit status, or L{None}.
    @ivar why: how it ended, in words.
    @ivar output: its standard output.
    @ivar said: the end of its standard error.
    """

    status: int | None
    why: str
    output: bytes
    said: str


class Run(ProcessProtocol):
    """
    Runs a program once.

    @ivar finished: fires with L{Finished}.  Cancelling it ends the program.
    """

    transport: Any

    _timer: IDelayedCall | None = None
    _trigger: Any = None
    _reason = ""
    _running = _exited = False

    def __init__(self, reactor: Any, data: bytes, limit: float) -> None:
        """
        @param data: its standard input.
        @param limit: seconds it may take.
        """
        self._reactor = reactor
        self._data = data
        self._limit = limit
        self._output: list[bytes] = []
        self._size = 0
        self._said = b""
        self._status: int | None = None
        self._gone: list[Deferred[None]] = []
        self.finished: Deferred[Finished] = Deferred(lambda _: self.end("it was not waited for"))

    def start(self, command: Sequence[str], environment: Mapping[str, str | bytes]) -> None:
        """
        @raise OSError: no process can be had.
        """
        words = [*OWN_GROUP, *command]
        self._reactor.spawnProcess(self, words[0], words, dict(environment))

    def end(self, why: str) -> None:
        """
        Ask the program to end, and make it a second later.
        """
        if self._running and not self._exited and not self._reason:
            self._reason = why
            self._signal(signal.SIGTERM)
            self._after(GRACE, self._kill)
            # We may end sooner than in a second, and it must not outlive us.
            self._trigger = self._reactor.addSystemEventTrigger("after", "shutdown", self._kill)

    def whenGone(self) -> Deferred[None]:
        """
        @return: fires when nothing is left of it.
        """
        gone: Deferred[None] = Deferred()
        if self._running:
            self._gone.append(gone)
        else:
            gone.callback(None)
        return gone

    # from below

    def connectionMade(self) -> None:
        self._running = True
        self._group: int = self.transport.pid
        self._after(self._limit, self.end, f"it took longer than {self._limit:g} s")
        self.transport.write(self._data)
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_OUTPUT:
            self.end(f"it wrote more than {MAX_OUTPUT} bytes")
        else:
            self._output.append(data)

    def errReceived(self, data: bytes) -> None:
        self._said = (self._said + data)[-SAID:]

    def processExited(self, reason: Failure) -> None:
        self._exited = True
        if self._reason:
            return  # its children have until the KILL
        exited: Any = reason.value
        self._status = exited.exitCode
        if exited.signal:
            self._reason = f"it was ended by signal {exited.signal}"
        # Children of its own may hold its output open for ever.
        self._after(GRACE, self.transport.loseConnection)

    def processEnded(self, reason: Failure) -> None:
        self._running = False
        self._after(None)
        trigger, self._trigger = self._trigger, None
        if trigger is not None:
            self._reactor.removeSystemEventTrigger(trigger)
        why = self._reason or f"it ended with status {self._status}"
        said = self._said.decode("utf-8", "replace").strip()
        if not self.finished.called:
            self.finished.callback(Finished(self._status, why, b"".join(self._output), said))
        gone, self._gone = self._gone, []
        for each in gone:
            each.callback(None)

    # inside

    def _after(self, seconds: float | None, *call: Any) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        if seconds is not None:
            self._timer = self._reactor.callLater(seconds, *call)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        # What is in no group of ours may hold its output open for ever.
        self._after(GRACE, self.transport.loseConnection)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._group, number)
        except OSError:  # it has no group, or not yet
            self._signalAlone(number)

    def _signalAlone(self, number: signal.Signals) -> None:
        try:
            self.transport.signalProcess(number)
        except (ProcessExitedAlready, OSError):
            pass  # we shall hear of it; or it has become another user's
