"""
A real C{twistd sioclient} for the tests that look at one from outside.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from soak.daemonprocess import DaemonProcess
from support import ROOT, freePort, until
from txsocketio.bots.child import ServerChild
from txsocketio.bots.demo import SERVER

SECRET = "hunter22-never-shown"

BOTS = """\
[daemon]
status = tcp:{port}:interface=127.0.0.1
control = {folder}/c.sock
{daemon}
[DEFAULT]
plugin = log
file = {folder}/events.jsonl
[bot:ticker]
url = http://127.0.0.1:{server}
auth.token = ${{TOKEN}}
[bot:nowhere]
url = http://127.0.0.1:1
{bots}
"""


class RunningDaemon:
    """
    The process: what it serves, its log, and C{ctl} for it.
    """

    def __init__(self, server: int) -> None:
        # Not pytest's folder: the name of a unix socket must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="see"))
        self._values: dict[str, Any] = {
            "server": server,
            "port": freePort(),
            "folder": self.folder,
        }
        self.url = f"http://127.0.0.1:{self._values['port']}/"
        self.socket = self.folder / "c.sock"

    def write(self, daemon: str = "", bots: str = "") -> None:
        """
        Write its file.
        """
        text = BOTS.format(**self._values, daemon=daemon, bots=bots)
        (self.folder / "bots.ini").write_text(text)

    async def start(self) -> None:
        port = self._values["port"]
        self._daemon = DaemonProcess(self.folder / "bots.ini", port, TOKEN=SECRET)
        self.process = self._daemon.process
        await until(lambda: "connected" in self.log and "backing off" in self.log, limit=20)

    async def end(self) -> int:
        """
        @return: its exit status.
        """
        try:
            status, _ = await deferToThread(self._daemon.terminate)
        finally:
            self._daemon.end()
            shutil.rmtree(self.folder)
        return status

    @property
    def log(self) -> str:
        return self._daemon.log.read_text("utf-8")

    async def get(self, page: str) -> tuple[int, str]:
        """
        @return: status and body of a page.
        """
        return await deferToThread(self._daemon.get, f"/{page}")

    async def bot(self, name: str) -> Any:
        """
        @return: a bot's part of status.json.
        """
        return (await deferToThread(self._daemon.bots))[name]

    async def becomes(self, name: str, **fields: Any) -> None:
        """
        Wait until a bot is as described.
        """
        state: dict[str, Any] = {}
        while not state.items() >= fields.items():
            state = await self.bot(name)

    async def ctl(self, *arguments: str) -> tuple[int, str]:
        """
        @return: exit status and output of the real command.
        """
        program = "import sys; from txsocketio.bots.ctl import main; sys.exit(main(sys.argv[1:]))"
        done = await deferToThread(
            subprocess.run,
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT), "SIOCLIENT_CONTROL": str(self.socket)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.returncode, done.stdout + done.stderr


@asynccontextmanager
async def runningDaemon(daemon: str = "", bots: str = "") -> AsyncIterator[RunningDaemon]:
    """
    A daemon and the server of its C{ticker}; C{nowhere} has none.
    """
    from twisted.internet import reactor

    child = ServerChild(reactor)
    running = RunningDaemon(await child.start(str(SERVER)))
    running.write(daemon, bots)
    try:
        await running.start()
        yield running
    finally:
        await running.end()
        await child.stop()
