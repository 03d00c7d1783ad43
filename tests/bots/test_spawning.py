"""
Tests for L{txsocketio.bots.spawning}.
"""

from __future__ import annotations

import sys
from typing import Any

from txsocketio.bots.seat import seatsIn
from txsocketio.bots.spawning import commandOf, spawnerOf
from txsocketio.bots.workerprocess import PIPES

(SEAT,) = seatsIn("/run/x", 1)


def test_theCommandIsTwistds() -> None:
    """
    In the foreground, without a pid file.
    """
    assert commandOf(SEAT, ["--config", "/b.ini"], {}) == [
        sys.executable,
        "-P",
        "-m",
        "txsocketio.bots.worker",
        "--nodaemon",
        "--pidfile=",
        "sioclient",
        "--config",
        "/b.ini",
        "--worker",
        "1/1:/run/x",
    ]


def test_theReactorIsTheSupervisors() -> None:
    """
    If it was chosen.
    """
    assert "--reactor=poll" in commandOf(SEAT, [], {"reactor": "poll"})


class FakeReactor:
    def spawnProcess(self, *args: Any, **options: Any) -> None:
        self.args, self.options = args, options


def test_whatSystemdSaysIsForTheSupervisor() -> None:
    """
    The rest of the environment is the workers' as well.
    """
    reactor = FakeReactor()
    environ = {"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1", "TOKEN": "x"}
    spawnerOf(reactor, iter(["-c", "b"]), {}, environ)(SEAT, "protocol")  # type: ignore[arg-type]
    protocol, program, command, passed = reactor.args
    assert (protocol, program, command[0], passed) == (
        "protocol",
        sys.executable,
        sys.executable,
        {"TOKEN": "x"},
    )
    assert reactor.options == {"childFDs": PIPES}
