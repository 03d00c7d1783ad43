"""
Tests for L{txsocketio.bots.config}: what can be said only of several values
together, and secrets that are a part of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from txsocketio.bots.config import parseConfig
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.mistakes import ConfigError
from txsocketio.bots.schema import PluginOption, integer, schemaOf
from txsocketio.bots.substitute import Substitution

SCHEMA = schemaOf(
    PluginOption("low", "", integer, 1),
    PluginOption("high", "", integer, 5),
    PluginOption("hook", "", secret=lambda text: [text.partition("/")[2]]),
)
ENVIRON = {"HIGH": "4711"}


def inOrder(config: Mapping[str, Any]) -> None:
    if config["low"] > config["high"]:
        raise ValueError(f"low must not be above {config['high']}")


def parse(
    lines: str, check: Callable[..., Any] | None = inOrder, head: str = ""
) -> BotDescription:
    plugin = SimpleNamespace(name="p", schema=SCHEMA)
    if check is not None:
        plugin.checkConfig = check
    text = f"{head}\n[bot:a]\nurl = http://h\nplugin = p\n{lines}"
    substitution = Substitution(ENVIRON, Path())
    return parseConfig(text, "bots.ini", lambda name: plugin, substitution).bots[0]


def mistake(lines: str, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(lines, **more)
    return str(caught.value)


def test_rateAndBurstAreTheDaemonsOwn() -> None:
    """
    Neither the client nor the plugin hears of them.
    """
    bot = parse("rate = 600/m\nburst = 20")
    assert (bot.rate, bot.burst) == (10.0, 20)
    assert "rate" not in bot.options and "rate" not in bot.config


def test_withoutThemNothingIsLimited() -> None:
    """
    The default is as fast as the line is.
    """
    assert (parse("").rate, parse("").burst) == (None, None)


def test_aBurstAloneIsAMistake() -> None:
    """
    It was meant to limit something, and does not.
    """
    assert mistake("burst = 20") == 'bots.ini:5: [bot:a] burst: says nothing without "rate"'


def test_aBurstForAllMayStandBesideBotsWithoutARate() -> None:
    """
    C{[DEFAULT]} says it for those that have one.
    """
    assert parse("", head="[DEFAULT]\nburst = 20").burst == 20


def test_aPluginChecksItsOptionsTogether() -> None:
    """
    Defaults included.
    """
    assert parse("low = 5").config["low"] == 5
    assert mistake("low = 6") == "bots.ini:2: [bot:a]: low must not be above 5"


def test_aPluginWithoutACheckIsNotAsked() -> None:
    """
    It is optional.
    """
    assert parse("low = 6", check=None).config["low"] == 6


def test_aCheckThatBreaksIsAMistakeOfTheFile() -> None:
    """
    Told as any other, for the operator must know.
    """
    assert "KeyError: 'none'" in mistake("", check=lambda config: config["none"])


def test_whatACheckSaysHidesSecrets() -> None:
    """
    What came from the environment is not shown.
    """
    said = mistake("low = 9999\nhigh = ${HIGH}")
    assert said.endswith("low must not be above (hidden)")


def test_aSectionWithOtherMistakesIsNotChecked() -> None:
    """
    Values are missing there that the check would ask for.
    """
    assert mistake("low = 6\nhigh = x").count("\n") == 0


def test_aPartOfAValueMayBeSecret() -> None:
    """
    An address may be shown, the token in it not.
    """
    assert parse("hook = place/hunter22").secrets == {"hunter22"}


def leave(*_: object) -> None:
    raise SystemExit("usage: no")


def test_aPluginThatExitsWhileItsOptionsAreCheckedIsAMistake() -> None:
    """
    One that asks argparse, e.g., does not end the daemon at a reload.
    """
    assert mistake("", check=leave) == "bots.ini:2: [bot:a]: SystemExit: usage: no"


def test_aPluginThatExitsWhileAnOptionIsReadIsAMistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It has its line, as any other.
    """
    monkeypatch.setitem(SCHEMA, "low", PluginOption("low", "", leave))
    assert mistake("low = 1") == "bots.ini:5: [bot:a] low: SystemExit: usage: no"


def test_aPluginThatExitsOverTheTextOfAReferenceIsNoMistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Only the value must be right, what is written in its place need not be.
    """
    number = PluginOption("low", "", lambda text: int(text) if text.isdigit() else leave())
    monkeypatch.setitem(SCHEMA, "low", number)
    assert parse("low = ${HIGH}", check=None).config["low"] == 4711
