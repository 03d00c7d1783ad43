"""
The newcomer's hour, followed to the letter: for each page of the tutorial an
empty folder, its files saved under their captions, its commands typed, and
every line of output that it shows awaited.

Read in C{console} blocks: C{$ command}, C{^C}, and lines of output, in which
C{...} stands for anything, and alone on a line for any lines.  A caption names
the terminal; a C{text} block with a caption goes on with what is seen there.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from docskit import Block, blocksOf
from support import ROOT

PAGES = sorted(page for page in (ROOT / "docs" / "tutorial").glob("*.rst") if page.stem != "index")
PATIENCE = 30.0


class Terminal:
    """
    Runs one command after the other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._seen: list[str] = []

    def type(self, command: str) -> None:
        """
        Start a command, once the last one has ended by itself.
        """
        self.wait()
        environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
        # No shell in between, so that Ctrl-C gets where it should.
        command = re.sub(r"^((?:\w+=\S* )*)", r"\1exec ", command)
        self._process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=self._folder, env=environ, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._lines = queue.Queue()
        self._seen = [command]
        threading.Thread(target=self._read, args=(self._process, self._lines)).start()

    def interrupt(self) -> None:
        """
        Ctrl-C
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)

    def expect(self, wanted: str, anyBefore: bool) -> None:
        """
        Wait for a line of output, which must be the next unless C{anyBefore}.
        """
        form = ".*".join(map(re.escape, wanted.split("...")))
        while True:
            line = self._next(wanted)
            if re.fullmatch(form, line):
                return
            assert anyBefore, f"wanted: {wanted}\n" + "\n".join(self._seen)

    def wait(self) -> None:
        """
        Wait for the end of the command.
        """
        if self._process is not None:
            self._process.wait(PATIENCE)

    def end(self) -> None:
        """
        Leave nothing behind.
        """
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(PATIENCE)

    # inside

    def _next(self, wanted: str) -> str:
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            line = None
        assert line is not None, f"never came: {wanted}\n" + "\n".join(self._seen)
        self._seen.append(line)
        return line

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.put(line.rstrip())
        lines.put(None)


def freePort() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Reader:
    """
    Somebody who does what the page says.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._terminals: dict[str, Terminal] = {}
        # Others may have a server on the ports that the pages name.
        self._ports = {port: freePort() for port in ("3000", "9464")}
        (folder / ".venv").symlink_to(sys.prefix)

    def follow(self, block: Block) -> None:
        """
        Save what is to be saved, type what is to be typed.
        """
        caption = block.options.get("caption", "").strip("`")
        code = re.sub("|".join(self._ports), lambda found: self._ports[found[0]], block.code)
        if block.language in ("python", "ini") and caption:
            (self._folder / caption).write_text(code)
        elif block.language == "console" or (block.language == "text" and caption):
            if caption not in self._terminals:
                self._terminals[caption] = Terminal(self._folder)
            self._use(self._terminals[caption], code)

    def _use(self, terminal: Terminal, transcript: str) -> None:
        anyBefore = False
        for line in transcript.splitlines():
            if line.startswith("$ "):
                terminal.type(line.removeprefix("$ "))
            elif line == "^C":
                terminal.interrupt()
            elif line and line != "...":
                terminal.expect(line, anyBefore)
            anyBefore = line == "..."

    def leave(self) -> None:
        for terminal in self._terminals.values():
            terminal.end()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.leave()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_followed(page: Path, reader: Reader) -> None:
    """
    Whoever does what the page says sees what it shows.
    """
    for block in blocksOf(page):
        reader.follow(block)


def test_threePages() -> None:
    """
    They are an hour, and there is something to see on each.
    """
    assert [page.stem for page in PAGES] == ["1-client", "2-credentials", "3-bot"]
    for page in PAGES:
        blocks = blocksOf(page)
        assert sum(b.language == "console" for b in blocks) >= 3, page


PAGE = """
.. code-block:: python
   :caption: hello.py

   print("one")
   print("two 2")
   input()

.. code-block:: console

   $ .venv/bin/python hello.py
   {}
"""


@pytest.mark.parametrize("shown", ["two 2", "one\n   three", "...\n   three"])
def test_wrongIsNoticed(shown: str, reader: Reader) -> None:
    """
    Output that is not what the page shows fails.
    """
    blocks = blocksOf(ROOT / "README.rst", PAGE.format(shown))
    with pytest.raises(AssertionError, match="wanted|never came"):
        for block in blocks:
            reader.follow(block)
