"""
Tests for L{txsocketio.bots.show}.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from txsocketio.bots import config, show
from txsocketio.bots.config import parseConfig
from txsocketio.bots.keys import Key
from txsocketio.bots.schema import PluginOption, integer, listOf, schemaOf
from txsocketio.bots.substitute import Substitution

PLUGIN = SimpleNamespace(
    name="log",
    schema=schemaOf(
        PluginOption("events", "which events", listOf, ()),
        PluginOption("count", "", integer, 5),
        PluginOption("pin", "", default="hunter55", secret=True),
        PluginOption("word", "", secret=True),
    ),
)

TEXT = """\
[DEFAULT]
reconnectionDelayMax = 30
count = 7
[bot:ticker]
url = https://me:hunter22@example.com/prices
plugin = log
auth.token = ${TOKEN}
header.X-Key = hunter33
proxy = http://a:hunter44@h:3
events = tick,
   trade
retries = 3
count = 8
[bot:other]
url = http://h
plugin = log
"""

SECRETS = ("hunter11", "hunter22", "hunter33", "hunter44", "hunter55")


def find(name: str) -> Any:
    return PLUGIN


def shown(text: str) -> str:
    described = parseConfig(text, "bots.ini", find, Substitution({"TOKEN": "hunter11"}, Path()))
    return show.showConfig(described, find)


def section(name: str, text: str = TEXT) -> list[str]:
    body = shown(text).partition(f"[{name}]\n")[2].partition("\n[")[0]
    return body.rstrip("\n").split("\n")


@pytest.fixture(autouse=True)
def daemonKeys(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        "status": Key("status", "daemon", str, "a rule"),
        "control": Key("control", "daemon", str, "a rule"),
        "notify": Key("notify", "daemon", str, "a rule", default="started"),
    }
    for module in (config, show):
        monkeypatch.setattr(module, "DAEMON_KEYS", keys)


def test_eachBotIsShownByItself() -> None:
    """
    Its own lines first, then what it has from C{[DEFAULT]}.
    """
    lines = section("bot:ticker")
    assert lines[:12] == [
        "count = 8",
        "url = https://(hidden)@example.com/prices",
        "plugin = log",
        "auth.token = ${TOKEN}",
        "header.X-Key = (hidden)",
        "; proxy = (hidden)",
        "events = tick,",
        "    trade",
        "retries = 3",
        "; from [DEFAULT]",
        "reconnectionDelayMax = 30",
        "; defaults of the plugin:",
    ]


def test_defaultsAreComments() -> None:
    """
    With the values in effect: the daemon's, the client's and the plugin's.
    """
    lines = section("bot:ticker")
    for line in (
        "; drainTimeout = 5",
        "; namespace =",
        "; retryOnConnectError = yes",
        "; rememberUpgrade = no",
        "; reconnectionAttempts = inf",
        "; sendBufferLimit = 10000, 67108864",
        "; timeout = 20",
        "; pin = (hidden)",
        "; word =",
    ):
        assert line in lines


def test_aDefaultThatDependsOnAnotherOptionIsTheOneInEffect() -> None:
    """
    With C{retries}, an answer is waited for.
    """
    assert "; ackTimeout = 10" in section("bot:ticker")
    assert "; ackTimeout =" in section("bot:other")


def test_aListIsShownAsItIsWritten() -> None:
    """
    With commas between.
    """
    assert "; transports = polling, websocket" in section("bot:other")


@pytest.mark.parametrize("secret", SECRETS)
def test_noSecretIsShown(secret: str) -> None:
    """
    Whichever way it came into the file.
    """
    assert secret not in shown(TEXT)


def test_whatIsShownIsABotsFile() -> None:
    """
    It can be read, and its bots are the same as far as no secret is missing.
    """
    substitution = Substitution({"TOKEN": "hunter11"}, Path())
    before, after = (
        parseConfig(text, "bots.ini", find, substitution).bots for text in (TEXT, shown(TEXT))
    )
    assert before[1] == after[1]
    assert before[0].config == after[0].config
    hidden = {"extraHeaders": {"X-Key": "(hidden)"}, "proxy": "http://a:hunter44@h:3"}
    assert before[0].options | hidden == after[0].options | hidden


def test_theDaemonsLinesAreShown() -> None:
    """
    Those that the file does not have, as comments with what is in effect.
    """
    text = "[daemon]\nstatus = tcp:1\n[bot:a]\nurl = http://h\nplugin = log\n"
    assert section("daemon", text) == [
        "status = tcp:1",
        "; defaults:",
        "; control =",
        "; notify = started",
    ]


def test_whenAllIsSaidThereAreNoDefaults() -> None:
    """
    No empty list of defaults is announced.
    """
    said = ["status = tcp:1", "control = x", "notify = ready"]
    text = "\n".join(["[daemon]", *said, "[bot:a]\nurl = http://h\nplugin = log\n"])
    assert section("daemon", text) == said


@pytest.mark.parametrize(("value", "text"), [((None, 5), "none, 5"), (0.25, "0.25"), ([], "")])
def test_valuesAreWrittenAsAFileSaysThem(value: Any, text: str) -> None:
    """
    So that a default can be copied, and changed.
    """
    assert show._text(value) == text
