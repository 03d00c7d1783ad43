"""
The how-to about the bots file says what is so.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from bots.test_howtos import blocks
from support import ROOT
from txsocketio.bots.config import readConfig
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.keys import DAEMON_KEYS, MAPPINGS, OWN_KEYS
from txsocketio.bots.loader import Plugins
from txsocketio.bots.mistakes import ConfigError

PAGE = (ROOT / "docs" / "howto" / "botsfile.rst").read_text()


def keysOf(title: str) -> set[str]:
    """
    The first column of the table under a title.
    """
    section = PAGE.partition(f"\n{title}\n")[2]
    table = section.split("===\n\n", 1)[0]
    return set(re.findall(r"^``([^`]+)``", table, re.MULTILINE))


def test_theFileHasNoMistakes(tmp_path: Path) -> None:
    """
    It can be pasted.
    """
    file = tmp_path / "bots.ini"
    file.write_text(blocks(PAGE, "ini")[0])
    assert len(readConfig(str(file), Plugins().find, {}).bots) == 2


def test_everyKeyIsDocumented() -> None:
    """
    Of a bot, and of the daemon.
    """
    assert keysOf("The keys of a bot") == {*OWN_KEYS, *(f"{name}NAME" for name in MAPPINGS)}
    assert keysOf("The keys of the daemon") == set(DAEMON_KEYS)


def test_theMistakeIsTold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In the words of the page.
    """
    monkeypatch.chdir(tmp_path)
    text = "[DEFAULT]\nurl = http://h\n[bot:ticker]\nplugin = log\nreconectionDelay = 1\n"
    Path("bots.ini").write_text(text)
    with pytest.raises(ConfigError) as caught:
        readConfig("bots.ini", Plugins().find, {})
    assert str(caught.value) in PAGE


def test_whatChangesAtOnce() -> None:
    """
    Is what the daemon itself, the page and the log can adjust.
    """
    sentence = re.search(r"Of ``\[daemon\]``, (.*) change at once", PAGE)
    assert sentence is not None
    named = set(re.findall(r"``([\w-]+)``", sentence[1]))
    assert set(BotDaemon((), Plugins(), Clock()).adjustable) == named - {"ready", "log-level"}


def test_theDefaultOfTheDrain(tmp_path: Path) -> None:
    """
    Is the one of the table.
    """
    file = tmp_path / "bots.ini"
    file.write_text("[bot:a]\nurl = http://h\nplugin = log\n")
    (bot,) = readConfig(str(file), Plugins().find, {}).bots
    assert re.search(rf"^``drainTimeout`` +{bot.drainTimeout:g} ", PAGE, re.MULTILINE)
