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

import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

from twisted.application.service import IService, Service
from twisted.application.strports import service
from twisted.internet.error import ReactorNotRunning
from twisted.internet.process import ProcessReader
from twisted.logger import ILogObserver, Logger
from zope.interface import implementer

from txsocketio.bots.control import Commands, ControlFactory
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.document import sourceOf
from txsocketio.bots.keys import unixEndpoint
from txsocketio.bots.logs import LogLines
from txsocketio.bots.seat import Seat

__all__ = ["LIFELINE", "LOG", "Lifeline", "LogToSupervisor", "buildObserver", "main", "sit"]

LOG = 3
"""The file descriptor of the log."""

LIFELINE = 4
"""The file descriptor that closes when the supervisor is gone."""


@implementer(ILogObserver)
class LogToSupervisor:
    """
    Writes what there is to know of each event as a line of JSON.
    """

    def __init__(self, stream: BinaryIO, lines: LogLines) -> None:
        self._stream = stream
        self._lines = lines

    def __call__(self, event: Mapping[str, Any]) -> None:
        told = {**self._lines.record(event), "log_time": event.get("log_time")}
        try:
            self._stream.write(json.dumps(told).encode("ascii") + b"\n")
            self._stream.flush()
        except OSError:
            pass  # the supervisor is gone, and we are about to follow


def buildObserver(lines: LogLines) -> LogToSupervisor:
    """
    What C{twistd} shall log to.
    """
    return LogToSupervisor(os.fdopen(LOG, "wb", closefd=False), lines)


class Lifeline(Service):
    """
    Stops the reactor when the supervisor is gone.
    """

    _log = Logger()
    _reader: Any = None

    def __init__(self, reactor: Any, buildReader: Callable[..., Any] = ProcessReader) -> None:
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
        self._log.warn("the supervisor is gone; this worker stops")
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            pass  # it stops already


def sit(
    daemon: BotDaemon,
    seat: Seat,
    reactor: Any,
    buildLifeline: Callable[[Any], Service] = Lifeline,
) -> None:
    """
    Make a daemon a worker: it tells its supervisor, and nobody else, how its
    bots are, and does what that commands.
    """
    control = ControlFactory(Commands(daemon, sourceOf(daemon)), reactor)
    serving: IService = service(f"{unixEndpoint(seat.socket)}:mode=600", control, reactor)
    serving.setServiceParent(daemon)
    buildLifeline(reactor).setServiceParent(daemon)


def _runTwistd() -> None:
    from twisted.scripts.twistd import run

    run()


def main(
    run: Callable[[], object] = _runTwistd,
    keep: Callable[[int, bool], object] = os.set_inheritable,
    leave: Callable[[], object] = os.setsid,
    pipes: Iterable[int] = (LOG, LIFELINE),
) -> None:
    """
    Run C{twistd}, in a session of its own: what a terminal says to all its
    processes, our supervisor passes on.  Programs that bots start do not get
    our pipes.
    """
    leave()
    for each in pipes:
        keep(each, False)
    run()


if __name__ == "__main__":
    main()
