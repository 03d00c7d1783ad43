"""
A worker: C{twistd sioclient} as the child of another one, for a share of its
bots.

Run as C{python -m txsocketio.bots.worker}, with the arguments of C{twistd}.  It
has two pipes more than other processes: one to write its log into, event by
event, and one that closes when its supervisor is gone, however that came; then
it stops, too.  So nobody is ever left alone.

Must not know: other workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

from twisted.application.service import Service
from twisted.internet.process import ProcessReader
from twisted.logger import ILogObserver, Logger, eventAsJSON
from zope.interface import implementer

__all__ = ["LIFELINE", "LOG", "Lifeline", "LogToSupervisor", "buildObserver", "main"]

LOG = 3
"""The file descriptor of the log."""

LIFELINE = 4
"""The file descriptor that closes when the supervisor is gone."""


@implementer(ILogObserver)
class LogToSupervisor:
    """
    Writes events as lines of JSON, from which they can be made again.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __call__(self, event: Mapping[str, Any]) -> None:
        try:
            line = eventAsJSON(dict(event))
        except Exception as error:  # an argument's repr may raise anything
            line = eventAsJSON(
                {
                    "log_format": "an event that cannot be told: {error}",
                    "log_level": event.get("log_level"),
                    "log_time": event.get("log_time"),
                    "error": repr(error),
                }
            )
        try:
            self._stream.write(line.encode("utf-8", "backslashreplace") + b"\n")
            self._stream.flush()
        except OSError:
            pass  # the supervisor is gone, and we are about to follow


def buildObserver() -> LogToSupervisor:
    """
    What C{twistd --logger} is told to call.
    """
    return LogToSupervisor(os.fdopen(LOG, "wb", closefd=False))


class Lifeline(Service):
    """
    Stops the reactor when the supervisor is gone.
    """

    _log = Logger(namespace="daemon")
    _reader: Any = None

    def __init__(
        self, reactor: Any, buildReader: Callable[..., Any] = ProcessReader
    ) -> None:
        self._reactor = reactor
        self._buildReader = buildReader

    def startService(self) -> None:
        """
        Begin to look.
        """
        super().startService()
        self._reader = self._buildReader(self._reactor, self, "lifeline", LIFELINE)

    def stopService(self) -> None:
        """
        Look no more.
        """
        super().stopService()
        self._reader.stopReading()

    # from below

    def childDataReceived(self, name: str, data: bytes) -> None:
        """
        Nothing is ever said here.
        """

    def childConnectionLost(self, name: str, reason: object) -> None:
        """
        The other end is closed.
        """
        if self.running:
            self._log.warn("the supervisor is gone; this worker stops")
            self._reactor.stop()


def _runTwistd() -> None:
    from twisted.scripts.twistd import run

    run()


def main(
    run: Callable[[], object] = _runTwistd,
    keep: Callable[[int, bool], object] = os.set_inheritable,
    pipes: Iterable[int] = (LOG, LIFELINE),
) -> None:
    """
    Run C{twistd}; programs that bots start do not get our pipes.
    """
    for each in pipes:
        keep(each, False)
    run()


if __name__ == "__main__":
    main()
