"""
Secrets of a bots file, marked, sent to real servers that say them back: none
is seen in any output of the daemon.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from interop.servers import ServerProcess
from soak.daemonprocess import HERE, DaemonProcess
from support import ROOT, TWISTD, freePort

pytestmark = pytest.mark.node

MARKS = {
    name: f"{name}/m4rk+ü&{number}"
    for number, name in enumerate(("token", "header", "query", "proxy", "plugin", "hook", "path"))
}

FILE = """\
[daemon]
status = tcp:{port}:interface=127.0.0.1
control = unix:control.sock
log-level = debug
log-format = {logFormat}

[DEFAULT]
auth.token = ${{TOKEN}}
header.X-Key = {header}
query.key = {query}

[bot:telltale]
url = {url}
plugin = soakbot:Telltale
password = ${{file:password}}

[bot:log]
url = {url}
plugin = log
file = events.jsonl

[bot:stdout]
url = {url}
plugin = log

[bot:refused]
url = {url}/no
plugin = log

[bot:proxied]
url = {url}
plugin = log
proxy = http://me:{proxy}@127.0.0.1:1

[bot:hook]
url = {url}
plugin = webhook
target = http://me:{hook}@127.0.0.1:1/{path}
attempts = 2
"""


def dresses(mark: str) -> Iterator[str]:
    """
    The ways in which a mark may be written.
    """
    yield mark
    yield quote(mark, "")
    yield quote(mark)
    yield base64.b64encode(mark.encode()).decode()
    yield mark.encode("unicode_escape").decode()
    yield mark.replace("&", "&amp;")
    yield mark.encode().decode("latin-1")


class Stage:
    """
    A daemon that knows the marks, and all that it shows.
    """

    def __init__(self, folder: Path, url: str, logFormat: str, options: list[str]) -> None:
        self.folder = folder
        self.port = freePort()
        self.config = folder / "bots.ini"
        quoted = {name: quote(MARKS[name], "") for name in ("proxy", "hook", "path")}
        values = {**MARKS, **quoted, "url": url, "port": self.port, "logFormat": logFormat}
        self.config.write_text(FILE.format(**values))
        (folder / "password").write_text(MARKS["plugin"])
        self.shown: dict[str, str] = {}
        self.daemon = DaemonProcess(self.config, self.port, options, TOKEN=MARKS["token"])

    def run(self, *command: str) -> tuple[int, str]:
        """
        @return: a command's exit status, and all that it prints.
        """
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}",
                "TOKEN": MARKS["token"],
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, f"{done.stdout}{done.stderr}"

    def ctl(self, *arguments: str) -> tuple[int, str]:
        return self.run(sys.executable, "-m", "txsocketio", "ctl", "-c", "control.sock", *arguments)

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < end, self.log
            time.sleep(0.05)

    @property
    def log(self) -> str:
        return self.daemon.log.read_text()

    def look(self) -> None:
        """
        Gather what everybody can see.
        """
        for page in ("/", "/status.json", "/metrics", "/readyz"):
            self.shown[page] = self.daemon.get(page)[1]
        self.shown["ctl status"] = self.ctl("status")[1]
        self.shown["ctl status --json"] = self.ctl("--json", "status")[1]
        sioclient = (TWISTD, "sioclient", "--config", "bots.ini")
        self.shown["--show-config"] = self.run(*sioclient, "--show-config")[1]
        self.shown["--check"] = self.run(*sioclient, "--check")[1]
        self.shown["--check --connect"] = self.run(*sioclient, "--check", "--connect")[1]
        for pid in self._family(self.daemon.process.pid):
            command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            self.shown[f"command line {pid}"] = command

    def _family(self, pid: int) -> Iterator[int]:
        yield pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from self._family(int(child))


@pytest.mark.parametrize(
    ("logFormat", "options"), [("text", []), ("json", []), ("json", ["--workers", "2"])]
)
def test_noSecretIsSeen(
    tmp_path: Path, nodeServer: ServerProcess, logFormat: str, options: list[str]
) -> None:
    """
    Not in logs, pages, metrics, traces, the shown configuration or command
    lines, though the server says all of them.
    """
    stage = Stage(tmp_path, nodeServer.url, logFormat, options)
    try:
        stage.daemon.waitUntilServed()
        for bot in ("telltale", "log", "proxied"):
            stage.until(lambda: stage.ctl("trace", bot, "on")[0] == 0)  # noqa: B023
        for bot in ("telltale", "log"):
            stage.until(lambda: stage.ctl("reconnect", bot)[0] == 0)  # noqa: B023
        stage.until(lambda: "no good: " in stage.log and "the server knows" in stage.log)
        stage.until(
            lambda: {
                bot["state"] for name, bot in stage.daemon.bots().items() if name in ("log", "hook")
            }
            == {"connected"}
        )
        nodeServer.ask("emit", event="told", args=[*MARKS.values(), dict(MARKS)])
        stage.until(lambda: "told" in stage.log and (tmp_path / "events.jsonl").exists())
        stage.until(lambda: "told" in (tmp_path / "events.jsonl").read_text())
        stage.look()
        status, _ = stage.daemon.terminate()
        assert status in (0, -15)
    finally:
        stage.daemon.end()
    stage.shown["log"] = stage.log
    stage.shown["events.jsonl"] = (tmp_path / "events.jsonl").read_text()
    assert "(hidden)" in stage.shown["log"] and "(hidden)" in stage.shown["--show-config"]
    assert "refused: REFUSED" in stage.shown["--check --connect"]
    hits = [
        (where, name, dress)
        for where, text in stage.shown.items()
        for name, mark in MARKS.items()
        for dress in dresses(mark)
        if dress in text
    ]
    assert hits == []
