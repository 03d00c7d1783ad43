"""
One process of a worker, from its start to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from txsocketio.bots.output import linesOf
from txsocketio.bots.worker import LIFELINE, LOG

__all__ = ["PIPES", "WorkerProcess", "describeEnd"]

STDIN, STDOUT, STDERR = 0, 1, 2

PIPES: Mapping[int, str] = {STDIN: "w", STDOUT: "r", STDERR: "r", LOG: "r", LIFELINE: "w"}
"""As C{spawnProcess} takes them."""

LAST_WORDS = 1.0
"""Seconds for what is still in the pipes of a process that has ended; programs
that it left behind may keep them open for ever."""


class WorkerProcess(ProcessProtocol):
    """
    Passes on what a worker says, and that it has ended.
    """

    transport: Any

    _late: IDelayedCall | None = None

    def __init__(self, number: int, reactor: Any, ended: Callable[[Any], object]) -> None:
        """
        @param number: the worker's.
        @param ended: called with L{ProcessDone
            <twisted.internet.error.ProcessDone>} or L{ProcessTerminated
            <twisted.internet.error.ProcessTerminated>}.
        """
        self._reactor = reactor
        self._ended = ended
        self._lines = dict(zip((STDOUT, STDERR, LOG), linesOf(number), strict=True))

    def signal(self, name: str) -> None:
        """
        Send a signal; a process that has ended just now does not mind.
        """
        try:
            self.transport.signalProcess(name)
        except ProcessExitedAlready:
            pass

    # from below

    def connectionMade(self) -> None:
        self.transport.closeChildFD(STDIN)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._lines[childFD].feed(data)

    def processExited(self, reason: Failure) -> None:
        self._late = self._reactor.callLater(LAST_WORDS, self._close)

    def processEnded(self, reason: Failure) -> None:
        if self._late is not None and self._late.active():
            self._late.cancel()
        for each in self._lines.values():
            each.end()
        self._ended(reason.value)

    def _close(self) -> None:
        for each in PIPES:
            self.transport.closeChildFD(each)


def describeEnd(end: Any) -> str:
    """
    How a process ended, in words.
    """
    if end.signal is not None:
        return f"was ended by signal {end.signal}"
    return f"ended with status {end.exitCode}"
