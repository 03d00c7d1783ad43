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
from twisted.logger import LogLevel, capturedLogs, eventFromJSON, formatEvent

from bots.lookkit import status
from support import deferred
from txsocketio.bots import worker
from txsocketio.bots.asking import askStatus
from txsocketio.bots.seat import seatsIn


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


def told(event: dict[str, Any]) -> dict[str, Any]:
    stream = io.BytesIO()
    worker.LogToSupervisor(stream)(event)
    assert stream.getvalue().count(b"\n") == 1
    return dict(eventFromJSON(stream.getvalue().decode()))


def test_anEventIsALine() -> None:
    """
    From which it can be made again.
    """
    event = told({"log_format": "a\n{b}", "b": "\ud800", "log_level": LogLevel.warn})
    assert event["log_level"] is LogLevel.warn
    assert formatEvent(event).startswith("a\n")


def test_anEventThatCannotBeToldIsMentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With when, where and how bad; the bot that logged it does not notice.
    """
    whole = worker.eventAsJSON

    def picky(event: dict[str, Any]) -> str:
        repr(event.get("bad"))
        return whole(event)

    monkeypatch.setattr(worker, "eventAsJSON", picky)
    event = told({"log_format": "{bad}", "bad": Unshowable(), "log_level": LogLevel.error})
    assert event["log_level"] is LogLevel.error
    assert formatEvent(event) == "an event that cannot be told: RuntimeError"


def test_noSupervisorNoLog() -> None:
    """
    Then the worker is about to stop, and must not stumble.
    """
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as stream:
        worker.LogToSupervisor(stream)({"log_format": "x"})  # type: ignore[arg-type]


def test_theLogHasItsPipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What C{twistd --logger} calls writes there.
    """
    reader, writer = os.pipe()
    monkeypatch.setattr(worker, "LOG", writer)
    worker.buildObserver()({"log_format": "hello"})
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert json.loads(stream.read())["log_format"] == "hello"


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


@deferred()
async def test_aWorkerTellsItsSupervisor(tmp_path: Path) -> None:
    """
    On a socket for its owner alone, by a real reactor.
    """
    from twisted.internet import reactor

    (seat,) = seatsIn(str(tmp_path), 1)
    daemon = FakeDaemon()
    worker.sit(daemon, seat, reactor, lambda _: Service())  # type: ignore[arg-type]
    daemon.startService()
    try:
        assert os.stat(seat.status).st_mode & 0o777 == 0o600
        assert await askStatus(seat.status, reactor) == [status()]
        assert len(daemon.services) == 2
    finally:
        await daemon.stopService()


def test_pathsAreEscaped() -> None:
    """
    A colon is an ordinary character in a path.
    """
    assert worker.escaped("/a:b\\c") == "/a\\:b\\\\c"


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
