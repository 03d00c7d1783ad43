"""
Tests for L{txsocketio.bots.starter}.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from txsocketio.bots.config import readConfig
from txsocketio.bots.loader import Plugins
from txsocketio.bots.starter import writeStarter

PLUGINS = Plugins(lambda: [], lambda: [])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bots.ini"


def test_theFileIsReadWithoutMistakes(file: Path) -> None:
    """
    In an empty environment, as it is.
    """
    writeStarter(str(file))
    (bot,) = readConfig(str(file), PLUGINS.find, {}).bots
    assert (bot.name, bot.url, bot.plugin) == ("recorder", "http://127.0.0.1:3000", "log")
    assert bot.options["reconnectionDelayMax"] == 30


def test_whatStandsInCommentsCanBeUsed(file: Path) -> None:
    """
    Each C{; key = value} is a line that works once its semicolon is gone.
    """
    writeStarter(str(file))
    lines = file.read_text().split("\n")
    lines = [line[2:] if line.startswith("; ") and " = " in line else line for line in lines]
    file.write_text("\n".join(lines))
    (bot,) = readConfig(str(file), PLUGINS.find, {"SIO_TOKEN": "hunter22"}).bots
    assert bot.config["events"] == ("tick", "trade")
    assert bot.options["auth"] == {"token": "hunter22"}
    assert bot.options["transports"] == ("websocket",)


def test_itSaysWhatToDoNext(file: Path) -> None:
    """
    With the file's own name, as in the file.
    """
    said = writeStarter(str(file))
    assert f"--check --config {file}" in said
    assert f"--check --config {file}" in file.read_text()


def test_nothingIsOverwritten(file: Path) -> None:
    """
    What somebody wrote stays.
    """
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        writeStarter(str(file))
    assert file.read_text() == "mine"
