"""
Tests for L{txsocketio.bots.notify}.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from bots.lookkit import status
from txsocketio.bots.keys import inForce
from txsocketio.bots.notify import Notifier, NotifySocket, notifierFor, summary
from txsocketio.bots.readiness import Readiness
from txsocketio.bots.states import BotState
from txsocketio.waiters import Waiters


class FakeRunner:
    """
    A runner whose status the test decides.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.become(BotState.CONNECTING)

    def become(self, state: BotState) -> None:
        self.status = status(self.name, state=state)
        self.condition = SimpleNamespace(state=state)


class Stage:
    """
    A daemon, and the supervisor who is told.
    """

    def __init__(self, watchdog: float | None = None, **settings: Any) -> None:
        self.clock = Clock()
        self.ends = Waiters()
        self.runner = FakeRunner("ticker")
        self.daemon: Any = SimpleNamespace(
            reactor=self.clock,
            runners={"ticker": self.runner},
            settings=inForce(settings),
            observers=[],
            reloading=False,
            whenEnded=self.ends.wait,
        )
        self.told: list[dict[str, Any]] = []
        self.notifier = Notifier(self.daemon, self.hear, watchdog, lambda: 5_000_000)
        self.notifier.startService()

    def hear(self, **values: Any) -> None:
        self.told.append(values)

    def become(self, state: BotState) -> None:
        self.runner.become(state)
        self.look()

    def look(self, reloading: bool = False) -> None:
        self.daemon.reloading = reloading
        for each in tuple(self.daemon.observers):
            each()

    @property
    def names(self) -> list[str]:
        """
        What was told, by its first name.
        """
        return [next(iter(each)) for each in self.told]


def test_readyWhenStarted() -> None:
    """
    Unless the file says otherwise, to have started is to be ready.
    """
    stage = Stage()
    assert stage.told == [{"READY": 1, "STATUS": "1 bots: 1 connecting"}]


def test_readyWhenTheRuleHolds() -> None:
    """
    With C{notify = ready} nothing is READY until the bots of the rule are;
    and that is said once.
    """
    stage = Stage(notify="ready", ready=Readiness("all"))
    assert stage.names == ["STATUS"]
    stage.become(BotState.CONNECTED)
    stage.clock.advance(0.5)
    assert stage.told[1:] == [{"READY": 1, "STATUS": "1 bots: 1 connected"}]
    stage.become(BotState.BACKING_OFF)
    stage.clock.advance(0.5)
    assert stage.names[2:] == ["STATUS"]


def test_manyChangesAreToldOnce() -> None:
    """
    Half a second after the first of them, how it is then.
    """
    stage = Stage()
    for state in (BotState.CONNECTED, BotState.BACKING_OFF, BotState.CONNECTED):
        stage.become(state)
    stage.clock.advance(0.4)
    assert len(stage.told) == 1
    stage.clock.advance(0.1)
    assert stage.told[1:] == [{"STATUS": "1 bots: 1 connected"}]


def test_reloading() -> None:
    """
    RELOADING comes with the monotonic time in microseconds, and READY after.
    """
    stage = Stage()
    stage.look(reloading=True)
    stage.look(reloading=True)
    stage.clock.advance(0.5)
    stage.look(reloading=False)
    assert stage.names == ["READY", "RELOADING", "STATUS", "READY"]
    assert stage.told[1]["MONOTONIC_USEC"] == 5000


def test_notReadyIsNotReloading() -> None:
    """
    Who is not ready yet has nothing to take back.
    """
    stage = Stage(notify="ready", ready=Readiness("all"))
    stage.look(reloading=True)
    stage.look(reloading=False)
    stage.clock.advance(0.5)
    assert stage.names == ["STATUS", "STATUS"]


def test_watchdog() -> None:
    """
    Twice in the time after which a silent process is taken for dead.
    """
    stage = Stage(watchdog=10)
    stage.clock.pump([5] * 3)
    assert stage.names.count("WATCHDOG") == 4


def test_stopping() -> None:
    """
    STOPPING is told at once, a change that was to be told is not any more,
    and the dog is fed until the daemon has ended.
    """
    stage = Stage(watchdog=10)
    stage.become(BotState.CONNECTED)
    stage.notifier.stopService()
    assert stage.names == ["WATCHDOG", "READY", "STOPPING"]
    stage.clock.advance(5)
    assert stage.names[3:] == ["WATCHDOG"]
    stage.ends.succeed(None)
    assert stage.clock.getDelayedCalls() == []


def test_startedAgain() -> None:
    """
    A notifier that was stopped can be started again.
    """
    stage = Stage(watchdog=10)
    stage.notifier.stopService()
    stage.notifier.startService()
    assert len(stage.daemon.observers) == 1
    stage.ends.succeed(None)
    stage.clock.advance(5)
    assert stage.names.count("WATCHDOG") == 2


def test_summary() -> None:
    """
    How many are how, and the first five that are not connected.
    """
    bots = [status("well"), *(status(f"ill{n}", state=BotState.BACKING_OFF) for n in range(7))]
    assert summary(bots) == (
        "8 bots: 1 connected, 7 backing off; not connected: ill0, ill1, ill2, ill3, ill4 "
        "and 2 more"
    )
    assert summary(bots[:2]) == "2 bots: 1 connected, 1 backing off; not connected: ill0"
    assert summary([]) == "0 bots: none"


# the socket


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_oneDatagram(heard: socket.socket) -> None:
    """
    A line for each value.
    """
    NotifySocket(heard.getsockname()).send(READY=1, STATUS="1 bots: 1 connecting")
    assert heard.recv(4096) == b"READY=1\nSTATUS=1 bots: 1 connecting"


def test_abstractNames() -> None:
    """
    An address that begins with @ is a name in the abstract namespace.
    """
    name = f"txsocketio-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        NotifySocket(f"@{name}").send(WATCHDOG=1)
        assert listener.recv(4096) == b"WATCHDOG=1"


def test_nobodyListens(tmp_path: Path) -> None:
    """
    It is told once, and again after it had worked.
    """
    path = str(tmp_path / "notify")
    sender = NotifySocket(path)
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        sender.send(WATCHDOG=1)
        sender.send(WATCHDOG=1)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(path)
            sender.send(WATCHDOG=1)
        sender.send(WATCHDOG=1)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert [each["log_level"].name for each in events] == ["warn", "warn"]


# the environment


@pytest.mark.parametrize(
    ("environ", "beat"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_whetherTheDogIsThere(
    heard: socket.socket, environ: dict[str, str], beat: float | None
) -> None:
    """
    WATCHDOG_USEC counts where it is a number and for this process.
    """
    stage = Stage()
    address = heard.getsockname()
    notifier = notifierFor(stage.daemon, {"NOTIFY_SOCKET": address, **environ})
    assert notifier is not None
    notifier.startService()
    calls = stage.clock.getDelayedCalls()
    assert [call.getTime() for call in calls] == ([] if beat is None else [beat])


@pytest.mark.parametrize("address", ["", "vsock:2:1"])
def test_nobodyWantsToKnow(address: str) -> None:
    """
    Without a NOTIFY_SOCKET, or with one of a kind we do not know.
    """
    environ = {"NOTIFY_SOCKET": address} if address else {}
    assert notifierFor(Stage().daemon, environ) is None
