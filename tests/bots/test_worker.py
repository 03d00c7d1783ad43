"""
Tests for L{txsocketio.bots.worker}.
"""

from __future__ import annotations

import io
import json
import os
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.application.service import MultiService, Service
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent

from bots.lookkit import status
from support import deferred, failureOf
from txsocketio.bots import worker
from txsocketio.bots.asking import askStatus, command
from txsocketio.bots.control import Refused
from txsocketio.bots.keys import inForce
from txsocketio.bots.logs import LogLines
from txsocketio.bots.seat import seatsIn

LINES = LogLines(tuple)

AT = {"log_time": 1.25}


def test_anEventIsALine() -> None:
    """
    With all there is to know of it, and its exact time.
    """
    stream = io.BytesIO()
    observe = worker.LogToSupervisor(stream, LINES)
    observe(
        {"log_format": "a\n{bot}\u2028", "bot": "x", "log_level": LogLevel.warn, "log_time": 1.25}
    )
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert (told["message"], told["level"], told["log_time"]) == ("a\nx\u2028", "warn", 1.25)
    assert told["bot"] == "x"


def test_noSupervisorNoLog() -> None:
    """
    Then the worker is about to stop, and must not stumble.
    """
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as stream:
        worker.LogToSupervisor(stream, LINES)({"log_format": "x"})  # type: ignore[arg-type]


def test_theLogHasItsPipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And leaves it open.
    """
    reader, writer = os.pipe()
    monkeypatch.setattr(worker, "LOG", writer)
    worker.buildObserver(LINES)({"log_format": "hello"})
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert json.loads(stream.read())["message"] == "hello"


class FakeReactor:
    def __init__(self, running: bool = True) -> None:
        self.running = running

    def stop(self) -> None:
        if not self.running:
            raise ReactorNotRunning
        self.running = False


class FakeReader:
    reading = True

    def __init__(self, *args: Any) -> None:
        self.args = args

    def stopReading(self) -> None:
        self.reading = False


def test_theLifelineIsWatchedWhileTheWorkerRuns() -> None:
    """
    What is said on it does not matter.
    """
    reactor = FakeReactor()
    lifeline = worker.Lifeline(reactor, FakeReader)
    lifeline.startService()
    reader = lifeline._reader
    assert reader.args == (reactor, lifeline, "lifeline", worker.LIFELINE)
    lifeline.childDataReceived("lifeline", b"x")
    lifeline.stopService()
    assert reactor.running and not reader.reading


@pytest.mark.parametrize("running", [True, False])
def test_theLifelinesEndIsTheWorkers(running: bool) -> None:
    """
    Unless it ends already.
    """
    reactor = FakeReactor(running)
    with capturedLogs() as logs:
        worker.Lifeline(reactor).childConnectionLost("lifeline", None)
    assert not reactor.running
    assert formatEvent(logs[0]) == "the supervisor is gone; this worker stops"


class FakeDaemon(MultiService):
    runners = {"ticker": SimpleNamespace(status=status())}
    settings = inForce({})
    reactor = Clock()


@deferred()
async def test_aWorkerObeysItsSupervisor(tmp_path: Path) -> None:
    """
    On a socket for its owner alone, by a real reactor.
    """
    from twisted.internet import reactor

    (seat,) = seatsIn(str(tmp_path), 1)
    daemon = FakeDaemon()
    worker.sit(daemon, seat, reactor, lambda _: Service())  # type: ignore[arg-type]
    daemon.startService()
    try:
        assert os.stat(seat.socket).st_mode & 0o777 == 0o600
        assert await askStatus(seat.socket, reactor) == [status()]
        await failureOf(command(seat.socket, reactor, {"command": "dance"}), Refused)
        assert len(daemon.services) == 2
    finally:
        await daemon.stopService()


def test_theProgramKeepsItsPipesToItself(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And is of no terminal's session; then C{twistd} has its way.
    """
    did: list[Any] = []
    monkeypatch.setattr("twisted.scripts.twistd.run", lambda: did.append("twistd"))
    worker.main(
        keep=lambda pipe, inherit: did.append((pipe, inherit)),
        leave=lambda: did.append("session"),
    )
    assert did == ["session", (3, False), (4, False), "twistd"]


def test_theModuleIsAProgram(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As C{python -m} runs it.
    """
    did: list[Any] = []
    monkeypatch.setattr("twisted.scripts.twistd.run", lambda: did.append("twistd"))
    monkeypatch.setattr("os.setsid", lambda: did.append("session"))
    monkeypatch.setattr("os.set_inheritable", lambda pipe, inherit: did.append(pipe))
    runpy.run_path(worker.__file__, run_name="__main__")
    assert did == ["session", 3, 4, "twistd"]
