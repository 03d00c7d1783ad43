"""
Tests for C{twistd sioclient --workers}, with real processes and a real server.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support import ROOT, TWISTD, deferred, run, until
from txsocketio.bots.child import ServerChild
from txsocketio.bots.demo import SERVER

BOTS = """\
[daemon]
log-level = debug
status = unix:status.sock
control = unix:control.sock
notify = ready
onError = stop
[DEFAULT]
url = http://127.0.0.1:{port}
plugin = log
transports = websocket
events = tick
drainTimeout = 1
[bot:a]
file = a.jsonl
[bot:b]
file = b.jsonl
[bot:c]
plugin = mybot:Mine
auth.token = s3cret-token
"""

MYBOT = """
import os
from txsocketio.bots.bot import Bot
class Mine(Bot):
    def start(self):
        self.log.error("mine runs in {pid}", pid=os.getpid())
        self.log.info("it tells s3cret-token")
        os.write(2, b"a word of C\\n")
"""


class Daemon:
    """
    A real C{twistd} with two workers.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        (folder / "bots.ini").write_text(BOTS.format(port=port))
        (folder / "mybot.py").write_text(MYBOT)
        (folder / "tmp").mkdir()
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(folder / "notify.sock"))
        self.notified.setblocking(False)
        self.output = folder / "output.txt"
        arguments = ["-n", "--pidfile=", "sioclient", "-c", "bots.ini", "--workers", "2"]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [TWISTD, *arguments],
                cwd=folder,
                env={
                    **os.environ,
                    "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
                    "TMPDIR": str(folder / "tmp"),
                    "NOTIFY_SOCKET": str(folder / "notify.sock"),
                    "WATCHDOG_USEC": "1000000",
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def notifications(self) -> list[str]:
        """
        What systemd would have been told since the last call.
        """
        told = []
        while True:
            try:
                told.append(self.notified.recv(65536).decode())
            except BlockingIOError:
                return told

    def said(self, text: str) -> int:
        return self.output.read_text().count(text)

    def ask(self, page: str) -> tuple[int, str]:
        """
        Look at the merged pages.
        """
        with socket.socket(socket.AF_UNIX) as looking:
            looking.settimeout(10)
            try:
                looking.connect(str(self.folder / "status.sock"))
            except OSError:
                return 0, ""
            looking.sendall(f"GET {page} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = b"".join(iter(lambda: looking.recv(65536), b"")).decode()
        head, _, body = answer.partition("\r\n\r\n")
        return int(head.split()[1]), body

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """
        What an operator does.
        """
        main = "import sys; from txsocketio.bots.ctl import main; sys.exit(main(sys.argv[1:]))"
        return run(
            [sys.executable, "-c", main, "--control", "./control.sock", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def bots(self) -> dict[str, Any]:
        _, body = self.ask("/status.json")
        return {each["name"]: each for each in json.loads(body)["bots"]} if body else {}

    def ready(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        return self.ask("/readyz") == (200, "ready\n")

    def workers(self) -> list[int]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(each) for each in children.split()]

    def lines(self, name: str) -> int:
        file = self.folder / f"{name}.jsonl"
        return len(file.read_text().splitlines()) if file.exists() else 0


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Daemon]:
    """
    A daemon that is ready.
    """
    from twisted.internet import reactor

    child = ServerChild(reactor)
    daemon = Daemon(folder, await child.start(str(SERVER)))
    try:
        await until(daemon.ready, limit=30, every=0.1)
        yield daemon
    finally:
        daemon.process.kill()
        daemon.process.wait()
        daemon.notified.close()
        await child.stop()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Paths of unix sockets are short.
    return tmp_path_factory.mktemp("w")


@deferred(timeout=60.0)
async def test_twoWorkersRunAllBotsAndEndCleanly(folder: Path) -> None:
    """
    One page tells of all of them, what they say is said by the supervisor,
    and SIGTERM ends all in time and leaves nothing.
    """
    async with running(folder) as daemon:
        workers = daemon.workers()
        assert len(workers) == 2
        bots = daemon.bots()
        assert [(name, bot["state"]) for name, bot in bots.items()] == [
            (name, "connected") for name in "abc"
        ]
        assert '<details class="bot" data-bot="c"' in daemon.ask("/")[1]
        assert 'sioclient_bot_state{bot="a",state="connected"} 1.0' in daemon.ask("/metrics")[1]
        assert daemon.said("[bot.c#error] mine runs in ") == 1
        # What the library says in a worker is known to be about a bot as well.
        assert daemon.said("[txsocketio.manager.Manager#debug bot=a] Connected to ") == 1
        assert any(daemon.said(f"mine runs in {pid}") for pid in workers)
        assert daemon.said(" says: a word of C") == 1
        await until(lambda: min(daemon.lines("a"), daemon.lines("b")) > 2, limit=20)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(20) in (0, -signal.SIGTERM)
        assert not any(map(alive, workers))
        assert list((folder / "tmp").iterdir()) == []
        assert daemon.said("stopped: the daemon stopped it") == 3
        assert (daemon.said("it tells "), daemon.said("s3cret")) == (1, 0)
        assert daemon.said("Unhandled") == daemon.said("Traceback") == 0


@deferred(timeout=60.0)
async def test_aWorkerThatDiesIsStartedAgain(folder: Path) -> None:
    """
    The bots of the others do not notice.
    """
    async with running(folder) as daemon:
        workers = daemon.workers()
        before = daemon.bots()
        os.kill(workers[0], signal.SIGKILL)
        await until(lambda: not daemon.ready(), limit=10, every=0.02)
        await until(lambda: daemon.said("was ended by signal 9; it is started again after 1 s"))
        await until(daemon.ready, limit=30, every=0.1)
        after = daemon.bots()
        same = [name for name in before if before[name]["sid"] == after[name]["sid"]]
        assert 0 < len(same) < 3
        assert workers[1] in daemon.workers()


@deferred(timeout=60.0)
async def test_oneReloadReloadsAllWorkers(folder: Path) -> None:
    """
    One bot is added, one changed: only that is restarted.  A bad file reaches
    no worker.
    """
    async with running(folder) as daemon:
        before = daemon.bots()
        text = (folder / "bots.ini").read_text()
        (folder / "bots.ini").write_text(text + "nonsense = 1\n")
        daemon.process.send_signal(signal.SIGHUP)
        await until(lambda: daemon.said("so nothing has changed"), limit=20)
        changed = text.replace("file = a.jsonl", "file = a2.jsonl")
        (folder / "bots.ini").write_text(changed + "[bot:d]\nfile = d.jsonl\n")
        daemon.process.send_signal(signal.SIGHUP)
        await until(lambda: "d" in daemon.bots() and daemon.ready(), limit=30, every=0.1)
        await until(lambda: daemon.lines("a2") and daemon.lines("d"), limit=20)
        after = daemon.bots()
        assert before["a"]["sid"] != after["a"]["sid"]
        assert [before[name]["sid"] for name in "bc"] == [after[name]["sid"] for name in "bc"]
        assert daemon.said("so nothing has changed") == 1


@deferred(timeout=60.0)
async def test_workersDoNotOutliveTheirSupervisor(folder: Path) -> None:
    """
    However it ended.
    """
    async with running(folder) as daemon:
        workers = daemon.workers()
        daemon.process.kill()
        daemon.process.wait()
        await until(lambda: not any(map(alive, workers)), limit=20, every=0.05)


@deferred(timeout=60.0)
async def test_aWorkerThatHangsTellsNothing(folder: Path) -> None:
    """
    Its bots are not said to be connected, those of the other one are.
    """
    async with running(folder) as daemon:
        pid = daemon.workers()[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            await until(lambda: "does not answer" in daemon.ask("/status.json")[1], limit=30)
            states = {bot["state"] for bot in daemon.bots().values()}
            assert states == {"waiting", "connected"}
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(daemon.ready, limit=30, every=0.1)


@deferred(timeout=60.0)
async def test_operatorsCommandTheBotsOfAllWorkers(folder: Path) -> None:
    """
    As if they were in one process.
    """
    async with running(folder) as daemon:
        for name in "abc":
            done = daemon.command("pause", name)
            assert done.returncode == 0, done.stderr
        await until(lambda: {each["state"] for each in daemon.bots().values()} == {"stopped"})
        assert daemon.command("status").returncode == 1
        done = daemon.command("reconnect", "a")
        assert done.returncode == 1 and "resume it first" in done.stderr
        for name in "abc":
            assert daemon.command("resume", name).returncode == 0
        await until(daemon.ready, limit=20, every=0.1)
        assert daemon.command("trace", "b", "on").returncode == 0
        await until(lambda: daemon.said("[bot.b#info] < "), limit=20)
        assert daemon.command("reload").returncode == 0
        assert daemon.command("status").returncode == 0


@deferred(timeout=60.0)
async def test_systemdHearsOfAllWorkersFromTheirSupervisor(folder: Path) -> None:
    """
    Ready when all bots are connected, once; alive for as long as it is.
    """
    async with running(folder) as daemon:
        told: list[str] = []
        await until(lambda: "READY=1\n" in "".join(told.extend(daemon.notifications()) or told))
        (ready,) = [each for each in told if each.startswith("READY=1")]
        assert ready == "READY=1\nSTATUS=3 bots: 3 connected"
        assert told.count("WATCHDOG=1") > 1
        assert daemon.said("NOTIFY_SOCKET cannot be reached") == 0
        daemon.process.terminate()
        daemon.process.wait(20)
        assert sum(each.startswith("STOPPING=1") for each in daemon.notifications()) == 1


@deferred(timeout=60.0)
async def test_aBotThatFailsMayStopAllWorkers(folder: Path) -> None:
    """
    With C{onError = stop}: what is changed for the worse ends the daemon with
    the status that says so.
    """
    async with running(folder) as daemon:
        workers = daemon.workers()
        (folder / "worse.py").write_text(MYBOT.replace("self.log.error", "self.nothing"))
        text = (folder / "bots.ini").read_text()
        (folder / "bots.ini").write_text(text.replace("mybot:Mine", "worse:Mine"))
        daemon.process.send_signal(signal.SIGHUP)
        await until(lambda: daemon.process.poll() is not None, limit=30, every=0.1)
        assert daemon.process.returncode == 1
        assert not any(map(alive, workers))
