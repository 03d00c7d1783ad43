"""
The how-tos about plugins say what is so.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import pytest

from docskit import blocksOf
from support import ROOT
from txsocketio.bots.config import readConfig
from txsocketio.bots.loader import BUILT_IN, Plugins

HOWTO = ROOT / "docs" / "howto"
PLUGINS = (HOWTO / "plugins.rst").read_text()
PLUGIN = (HOWTO / "plugin.rst").read_text()


def blocks(text: str, language: str) -> list[str]:
    """
    The code of one language in a page.
    """
    return [each.code for each in blocksOf(HOWTO, text) if each.language == language]


FILES = blocks(PLUGINS, "ini")


@pytest.mark.parametrize("block", FILES, ids=lambda text: text.split("]")[0][1:])
def test_theFilesOfThePluginsHaveNoMistakes(block: str, tmp_path: Path) -> None:
    """
    Each can be pasted.
    """
    file = tmp_path / "bots.ini"
    file.write_text(re.sub(" *ca: .*\n", "", block))
    assert readConfig(str(file), Plugins().find, {}).bots


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_everyOptionIsDocumented(name: str) -> None:
    """
    Of each built-in plugin.
    """
    section = PLUGINS.partition(f"\n``{name}``: ")[2]
    own = re.split(r"\n``\w+``: ", section)[0]
    common = PLUGINS.partition("\n``log``: ")[0]
    known = set(re.findall(r"^``(\w+)``", own + common, re.MULTILINE))
    assert [option for option in Plugins().find(name).schema if option not in known] == []


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_theDefaultsAreThoseOfTheHowTo(name: str) -> None:
    """
    Where they are numbers, or yes and no.
    """
    section = re.split(r"\n``\w+``: ", PLUGINS.partition(f"\n``{name}``: ")[2])[0]
    rows = PLUGINS.partition("\n``log``: ")[0] + section
    for option in Plugins().find(name).schema.values():
        if isinstance(option.default, (int, float)):
            told = "no" if option.default is False else f"{option.default:.12g}"
            assert re.search(rf"^``{option.name}`` +{told} ", rows, re.MULTILINE), option.name


def test_theBotOfTheHowToRuns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Its file and its class fit together.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "greeter", raising=False)
    (tmp_path / "greeter.py").write_text(blocks(PLUGIN, "python")[0])
    file = tmp_path / "bots.ini"
    file.write_text(blocks(PLUGIN, "ini")[0])
    (bot,) = readConfig(str(file), Plugins().find, {}).bots
    assert bot.config == {"greeting": "good day,", "times": 1}
    sys.modules.pop("greeter")


def test_theTestOfTheHowToIsTheExamples() -> None:
    """
    Line by line, but for the imports.
    """
    _, server, rest = blocks(PLUGIN, "python")[-1].strip().partition("server = ")
    shown = server + rest
    example = (ROOT / "examples/bots/greeter/tests/test_greeter.py").read_text()
    assert textwrap.indent(shown, "    ") in example
