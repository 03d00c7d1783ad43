"""
A child process that says where it listens, and always ends with us.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from txsocketio.errors import SocketIOError

__all__ = ["ServerChild", "ServerFailed"]

PATIENCE = 2.0
"""Seconds a child has for ending by itself."""

MAX_OUTPUT = 65536


class ServerFailed(SocketIOError):
    """
    A server ended before it listened.
    """


class ServerChild(ProcessProtocol):
    """
    Runs a Python program whose first line of output is the port it listens
    on, and which ends when its standard input is closed.

    @ivar port: L{None} until it is known.
    """

    port: int | None = None
    transport: Any

    _running = False

    def __init__(self, reactor: Any, lost: Callable[[], object] = lambda: None) -> None:
        """
        @param lost: called when the server ends by itself after it listened.
        """
        self._reactor = reactor
        self._lost = lost
        self._output = b""
        self._errors = b""
        self._listening: Deferred[int] = Deferred()
        self._ended: list[Deferred[None]] = []

    def start(self, program: str) -> Deferred[int]:
        """
        @param program: the file's name.
        @return: fires with the port; fails with L{ServerFailed}.
        """
        # -P keeps the program's folder, and so our modules, out of its way.
        command = [sys.executable, "-P", program]
        self._reactor.spawnProcess(self, command[0], command, os.environ)
        return self._listening

    def stop(self) -> Deferred[None]:
        """
        @return: fires when the process is gone and reaped.
        """
        ended: Deferred[None] = Deferred()
        if not self._running:
            ended.callback(None)
            return ended
        self._ended.append(ended)
        self.transport.closeStdin()
        kill = self._reactor.callLater(PATIENCE, self.transport.signalProcess, "KILL")
        return ended.addCallback(lambda _: kill.cancel() if kill.active() else None)

    # from below

    def connectionMade(self) -> None:
        self._running = True

    def outReceived(self, data: bytes) -> None:
        self._output = (self._output + data)[:MAX_OUTPUT]
        line, end, _ = self._output.partition(b"\n")
        if self.port is None and end and line.strip().isdigit():
            self.port = int(line)
            self._listening.callback(self.port)

    def errReceived(self, data: bytes) -> None:
        self._errors = (self._errors + data)[-MAX_OUTPUT:]

    def processEnded(self, reason: Failure) -> None:
        self._running = False
        waiting, self._ended = self._ended, []
        if self.port is None:
            said = self._errors.decode("utf-8", "replace").strip() or reason.getErrorMessage()
            self.port = 0
            self._listening.errback(ServerFailed(f"the server did not start: {said}"))
        elif not waiting:
            self._lost()
        for each in waiting:
            each.callback(None)
