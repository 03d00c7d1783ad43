"""
The plugin C{log}: every event as one line of JSON.

Must not know: the daemon.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Protocol

from twisted.python.logfile import LogFile

from txsocketio.bots.bot import Bot
from txsocketio.bots.records import eventRecord, jsonLine
from txsocketio.bots.schema import PluginOption, integer, listOf, schemaOf

__all__ = ["LogBot", "jsonLine"]

MEBIBYTE = 1024 * 1024


class _Output(Protocol):
    def write(self, data: str) -> object: ...

    def flush(self) -> object: ...


class LogBot(Bot):
    """
    Write each event as one line of JSON, to a file or to the standard output.

    What is secret in the bot's section is hidden, should the server say it.
    """

    schema = schemaOf(
        PluginOption("events", "which events, with commas between (all)", listOf, ()),
        PluginOption("file", "where to write (the standard output)"),
        PluginOption("rotateBytes", "at which size to begin a new file", integer, 10 * MEBIBYTE),
        PluginOption("rotateCount", "how many old files to keep", integer, 5),
    )

    _broken = False

    def attach(self, socket: Any, log: Any) -> None:
        super().attach(socket, log)
        self._redact = getattr(log, "redact", str)  # any log will do
        self._events = frozenset(self.config["events"])
        socket.onAny(self._eventReceived)

    def start(self) -> None:
        self._output = self._openOutput()

    def stop(self) -> None:
        self.socket.offAny(self._eventReceived)
        if isinstance(self._output, LogFile):
            self._output.close()

    def _openOutput(self) -> _Output:
        file = self.config["file"]
        if not file:
            # twistd makes sys.stdout a log of its own.
            return sys.__stdout__ or sys.stdout
        folder, name = os.path.split(os.path.abspath(file))
        size = self.config["rotateBytes"] or None
        return LogFile(name, folder, rotateLength=size, maxRotatedFiles=self.config["rotateCount"])

    def _eventReceived(self, event: str, *args: Any) -> None:
        if not self._events or event in self._events:
            self._write(self._redact(jsonLine(eventRecord(self, event, args))))

    def _write(self, line: str) -> None:
        try:
            if self._broken:
                self._openAgain()
            self._output.write(line)
            self._output.flush()
        except (OSError, ValueError):
            if not self._broken:  # a full disk is told once, not at every event
                self.log.failure("cannot write events; they are lost until this is mended")
            self._broken = True
        else:
            self._broken = False

    def _openAgain(self) -> None:
        """
        A rotation that failed, e.g. for want of descriptors, leaves no open file.
        """
        before = self._output
        if isinstance(before, LogFile):
            self._output = self._openOutput()
            before.close()
