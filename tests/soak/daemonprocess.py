"""
A real C{twistd sioclient} in a child process, looked at from outside.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support import ROOT, TWISTD

HERE = Path(__file__).resolve().parent
LISTEN_SECONDS = 30.0


class DaemonProcess:
    """
    The daemon, with its status page on C{port}.

    @ivar log: what it writes goes to this file.
    """

    def __init__(
        self, config: Path, port: int, options: Sequence[str] = (), **environ: str
    ) -> None:
        """
        @param environ: what its environment has beside ours.
        """
        self.port = port
        self.log = config.with_suffix(".log")
        self._output = self.log.open("w")
        self.process = subprocess.Popen(
            [TWISTD, "-n", "--pidfile=", "sioclient", "--config", config.name, *options],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}", **environ},
            cwd=config.parent,
        )

    def get(self, path: str) -> tuple[int, str]:
        """
        The status and body of a page.
        """
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def bots(self) -> dict[str, dict[str, Any]]:
        """
        What status.json says of each bot, by name.
        """
        document = json.loads(self.get("/status.json")[1])
        return {bot["name"]: bot for bot in document["bots"]}

    def waitUntilServed(self) -> None:
        """
        Wait for the status page.

        @raise AssertionError: the daemon ended, or there is none in time.
        """
        limit = time.monotonic() + LISTEN_SECONDS
        while True:
            try:
                assert self.get("/healthz")[0] == 200
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < limit, self.log.read_text()
                time.sleep(0.1)

    def memory(self) -> float:
        """
        Its resident memory in MB, and that of its workers.
        """
        pid = self.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(map(_memoryOf, [str(pid), *workers]))

    def hangUp(self) -> None:
        """
        Have it read its file again.
        """
        self.process.send_signal(signal.SIGHUP)

    def terminate(self) -> tuple[int, float]:
        """
        End it by SIGTERM.

        @return: its exit status, and the seconds it took.
        """
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        return status, time.monotonic() - began

    def end(self) -> None:
        """
        Leave nothing behind.
        """
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()


def _memoryOf(pid: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
