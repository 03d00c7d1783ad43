"""
The how-tos about looking into a daemon say what is so.
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bots.lookkit import document
from support import ROOT
from txsocketio.bots.config import readConfig
from txsocketio.bots.control import Commands
from txsocketio.bots.ctl import _parser
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.loader import Plugins
from txsocketio.bots.logs import FIELDS
from txsocketio.bots.metrics import exposition
from txsocketio.bots.readiness import RULES
from txsocketio.bots.states import BotState
from txsocketio.bots.watching import checkEndpoints

PAGES = {
    name: (ROOT / "docs" / "howto" / f"{name}.rst").read_text()
    for name in ("status", "metrics", "logs", "trace", "control")
}


def blocks(page: str, language: str) -> list[str]:
    """
    The code of one language in a page.
    """
    pattern = rf"\.\. code-block:: {language}\n\n((?: {{3}}.*\n|\n)+)"
    return [textwrap.dedent(block) for block in re.findall(pattern, PAGES[page])]


@pytest.mark.parametrize("page", ["status", "metrics", "logs", "control"])
def test_theFilesHaveNoMistakes(page: str, tmp_path: Path) -> None:
    """
    Each can be pasted.
    """
    file = tmp_path / "bots.ini"
    (block,) = blocks(page, "ini")
    file.write_text(block)
    read = readConfig(str(file), Plugins().find, {})
    assert read.settings
    assert checkEndpoints(read) == []


COMMANDS = re.findall(r"^    python -m txsocketio ctl (.*)$", "".join(PAGES.values()), re.M)


@pytest.mark.parametrize("line", COMMANDS)
def test_theCommandsAreUnderstood(line: str) -> None:
    """
    By the real parser.
    """
    assert _parser().parse_args(line.split()).control == "/run/sioclient/control"


def test_everyCommandIsDocumented() -> None:
    """
    With an example.
    """
    daemon = BotDaemon((), Plugins(), None)
    known = Commands(daemon, document)._known
    assert {line.split()[2] for line in COMMANDS} == set(known)
    assert all(f"\n``{name}``" in PAGES["control"] for name in known)


def test_everyStateAndRuleIsDocumented() -> None:
    """
    In a table.
    """
    words = [*(state.value for state in BotState), *RULES]
    assert [word for word in words if f"\n``{word}``" not in PAGES["status"]] == []


def test_everyMetricIsDocumented() -> None:
    """
    With its kind, and none that is not there.
    """
    families = text_string_to_metric_families(exposition(document())[0].decode())
    ours = {
        (each.name + "_total" * (each.type == "counter"), each.type)
        for each in families
        if each.name.startswith("sioclient_")
    }
    table = re.findall(r"^``(sioclient_\w+)`` +(\w+) ", PAGES["metrics"], re.M)
    assert set(table) == ours


def test_theDocumentIsAsDocumented() -> None:
    """
    Field by field.
    """
    (shown,) = blocks("status", "json")
    told = {**document(), "bots": [{**document()["bots"][0], "why": "connected as s1"}]}
    assert json.loads(shown) == told


def test_everyFieldOfALineIsDocumented() -> None:
    """
    Also those that are not of a bot.
    """
    names = ["time", "level", "logger", "message", "failure", *FIELDS]
    assert [name for name in names if f"\n``{name}``" not in PAGES["logs"]] == []
