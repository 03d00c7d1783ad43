"""
How the processes of workers are started: with which command line, and in which
environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from txsocketio.bots.seat import Seat
from txsocketio.bots.supervisor import Spawn
from txsocketio.bots.workerprocess import PIPES

__all__ = ["NOT_FOR_WORKERS", "commandOf", "spawnerOf"]

NOT_FOR_WORKERS = frozenset(
    {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}
)
"""What systemd says to the supervisor alone."""

# -P, because the command twistd does not look for modules in its folder either.
_PROGRAM = (sys.executable, "-P", "-m", "txsocketio.bots.worker")

_TWISTD = ("--nodaemon", "--pidfile=")


def commandOf(seat: Seat, arguments: Iterable[str], twistd: Mapping[str, Any]) -> list[str]:
    """
    @param arguments: of C{sioclient}, those that choose the bots.
    @param twistd: the supervisor's own options of C{twistd}.
    """
    reactor = twistd.get("reactor")
    own = [f"--reactor={reactor}"] if reactor else []
    return [*_PROGRAM, *_TWISTD, *own, "sioclient", *arguments, "--worker", str(seat)]


def spawnerOf(
    reactor: Any,
    arguments: Iterable[str],
    twistd: Mapping[str, Any],
    environ: Mapping[str, str] = os.environ,
) -> Spawn:
    """
    Make what starts a worker's process.
    """
    arguments = tuple(arguments)

    def spawn(seat: Seat, process: Any) -> None:
        command = commandOf(seat, arguments, twistd)
        passed = {name: value for name, value in environ.items() if name not in NOT_FOR_WORKERS}
        reactor.spawnProcess(process, command[0], command, passed, childFDs=PIPES)

    return spawn
