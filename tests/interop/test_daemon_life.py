"""
A real C{twistd sioclient}: its supervisor is told how it is, C{SIGHUP} and
failing bots do what they should and no more.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interop.servers import ServerProcess
from soak.daemonprocess import DaemonProcess
from soak.fiftybots import Soak
from support import freePort

pytestmark = pytest.mark.node

LIMIT = 20.0

HEAD = """\
[daemon]
status = tcp:{port}:interface=127.0.0.1
ready = all
notify = ready
{daemon}
[DEFAULT]
url = {url}
plugin = soakbot:Counting
"""

BOT = """
[bot:{name}]
file = {name}.heard
"""


class Supervisor:
    """
    A double of systemd: it owns a NOTIFY_SOCKET, and has a watchdog.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def waitFor(self, name: str, limit: float = LIMIT) -> dict[str, str]:
        """
        Read until a datagram has this name.

        @raise TimeoutError: none comes in time.
        """
        end = time.monotonic() + limit
        while True:
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            lines = self._socket.recv(4096).decode().splitlines()
            said = dict(line.split("=", 1) for line in lines)
            self.told.append(said)
            if name in said:
                return said

    def close(self) -> None:
        self._socket.close()


class Stage:
    """
    A daemon of three bots that talk to the Node server.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.config = folder / "bots.ini"
        self.port = freePort()
        self.url = url

    def write(self, *bots: str, daemon: str = "") -> None:
        head = HEAD.format(port=self.port, url=self.url, daemon=daemon)
        self.config.write_text(head + "".join(bots))

    def start(self, **environ: str) -> DaemonProcess:
        self.daemon = DaemonProcess(self.config, self.port, **environ)
        return self.daemon

    def sids(self) -> dict[str, str | None]:
        return {name: bot["sid"] for name, bot in self.daemon.bots().items()}

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT
        while not holds():
            assert time.monotonic() < end, self.daemon.log.read_text()
            time.sleep(0.05)


@pytest.fixture
def stage(tmp_path: Path, nodeServer: ServerProcess) -> Iterator[Stage]:
    made = Stage(tmp_path, nodeServer.url)
    made.write(*(BOT.format(name=name) for name in "abc"))
    yield made
    made.daemon.end()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "notify")
    yield made
    made.close()


def test_theSupervisorIsTold(stage: Stage, supervisor: Supervisor) -> None:
    """
    READY once all bots are connected, WATCHDOG all the time, RELOADING and
    READY at SIGHUP, STOPPING at SIGTERM.
    """
    daemon = stage.start(NOTIFY_SOCKET=str(supervisor.path), WATCHDOG_USEC="400000")
    assert supervisor.waitFor("READY")["STATUS"] == "3 bots: 3 connected"
    supervisor.waitFor("WATCHDOG")
    supervisor.waitFor("WATCHDOG")
    daemon.hangUp()
    assert int(supervisor.waitFor("RELOADING")["MONOTONIC_USEC"]) > 0
    supervisor.waitFor("READY")
    status, _ = daemon.terminate()
    assert status in (0, -15)
    supervisor.waitFor("STOPPING")


def test_aHungReactorIsNoticed(stage: Stage, supervisor: Supervisor) -> None:
    """
    The watchdog hears nothing from a process whose reactor does not turn.
    """
    stage.write("[bot:hung]\nplugin = soakbot:Hanging\n")
    stage.start(NOTIFY_SOCKET=str(supervisor.path), WATCHDOG_USEC="400000")
    supervisor.waitFor("WATCHDOG")
    with pytest.raises(TimeoutError):
        for _ in range(1000):
            supervisor.waitFor("WATCHDOG", 2.0)


def test_oneChangedBotIsRestarted(stage: Stage) -> None:
    """
    SIGHUP with one changed, one new and one removed bot touches these alone.
    """
    stage.start().waitUntilServed()
    stage.until(lambda: all(stage.sids().values()))
    before = stage.sids()
    changed = BOT.format(name="b") + "query.new = yes\n"
    stage.write(BOT.format(name="a"), changed, BOT.format(name="d"))
    stage.daemon.hangUp()
    stage.until(lambda: set(stage.sids()) == set("abd") and all(stage.sids().values()))
    after = stage.sids()
    assert after["a"] == before["a"] and after["b"] != before["b"]
    assert "restarted: b" in stage.daemon.log.read_text()


def test_aBadFileChangesNothing(stage: Stage) -> None:
    """
    The log says what is wrong with it, and where; all bots stay connected.
    """
    stage.start().waitUntilServed()
    stage.until(lambda: all(stage.sids().values()))
    before = stage.sids()
    stage.write(BOT.format(name="a") + "reconectionDelay = 1\n")
    stage.daemon.hangUp()
    stage.until(lambda: "nothing has changed" in stage.daemon.log.read_text())
    log = stage.daemon.log.read_text()
    assert 'did you mean "reconnectionDelay"' in log and "bots.ini:" in log
    assert stage.sids() == before


def test_isolate(stage: Stage) -> None:
    """
    A bot that raises, and one that calls sys.exit, fail alone.
    """
    good = (BOT.format(name=name) for name in "ab")
    bad = (f"[bot:{name}]\nplugin = soakbot:{name}\n" for name in ("Raising", "Exiting"))
    stage.write(*good, *bad)
    stage.start().waitUntilServed()
    stage.until(lambda: bool(stage.sids()["a"] and stage.sids()["b"]))
    bots = stage.daemon.bots()
    assert [bots[name]["state"] for name in ("Raising", "Exiting")] == ["failed", "failed"]
    assert bots["Raising"]["why"] == "ValueError: no good"


def test_stopOnError(stage: Stage) -> None:
    """
    With onError = stop the process ends by itself, with status 1.
    """
    stage.write(
        BOT.format(name="a"), "[bot:bad]\nplugin = soakbot:Raising\n", daemon="onError = stop"
    )
    assert stage.start().process.wait(LIMIT) == 1
    assert "onError = stop" in stage.daemon.log.read_text()


def test_fiftyBots(tmp_path: Path) -> None:
    """
    A short soak: nothing is missed, all that is told is true (see C{make soak}
    for the long one).
    """
    soak = Soak(tmp_path)
    soak.run(10)
    assert soak.wrong == [], soak.report()
