"""
C{--show-config}: what a bots file comes to, as a bots file.

What the file says is shown for each bot by itself, C{[DEFAULT]} included;
what it does not say stands in comments, with the value that is in effect.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from txsocketio.bots.descriptions import BotDescription, DaemonDescription
from txsocketio.bots.keys import CLIENT_KEYS, DAEMON_KEYS, Key
from txsocketio.bots.redaction import HIDDEN
from txsocketio.bots.said import Said
from txsocketio.bots.schema import PluginLike, PluginOption
from txsocketio.options import (
    OPTIONS,
    EngineOptions,
    ManagerOptions,
    SocketOptions,
    readOptions,
)

__all__ = ["showConfig"]

HEAD = """\
; {file}, as it is in effect.
; Lines in comments are defaults; secrets are shown by where they come from, or as {hidden}.
"""


def showConfig(described: DaemonDescription, findPlugin: Callable[[str], PluginLike]) -> str:
    """
    Write what a file says, and what it leaves to the defaults.

    @return: a bots file.
    """
    parts = [HEAD.format(file=described.file, hidden=HIDDEN), "[daemon]"]
    parts += _said(described.said, "daemon")
    parts += _defaults("defaults", map(_ofDaemon, DAEMON_KEYS.values()), described.said)
    for bot in described.bots:
        parts += ["", f"[bot:{bot.name}]", *_bot(bot, findPlugin(bot.plugin).schema)]
    return "\n".join(parts) + "\n"


def _ofDaemon(key: Key) -> tuple[str, Any]:
    return key.name, key.default


def _bot(bot: BotDescription, schema: Mapping[str, PluginOption]) -> Iterator[str]:
    yield from _said(bot.said, f"bot:{bot.name}")
    own = {"namespace": None, "drainTimeout": bot.drainTimeout, "rate": None, "burst": None}
    plugins = {option.name: option.default for option in schema.values()}
    secret = {option.name for option in schema.values() if option.secret and option.default}
    plugins |= dict.fromkeys(secret, HIDDEN)
    yield from _defaults("defaults of the plugin", plugins.items(), bot.said)
    yield from _defaults("defaults", (own | _effective(bot)).items(), bot.said)


def _said(said: Iterable[Said], section: str) -> Iterator[str]:
    place = section
    # The section's own lines first, then those it inherits.
    for each in sorted(said, key=lambda each: each.section != section):
        if each.section != place:
            place = each.section
            yield f"; from [{place}]"
        yield ("" if each.valid else "; ") + _line(each.key, each.text)


def _defaults(title: str, values: Iterable[tuple[str, Any]], said: Iterable[Said]) -> list[str]:
    names = {each.key for each in said}
    lines = [f"; {_line(name, _text(value))}" for name, value in values if name not in names]
    return [f"; {title}:", *lines] if lines else []


def _line(key: str, text: str) -> str:
    return f"{key} = {text}".rstrip().replace("\n", "\n    ")


def _effective(bot: BotDescription) -> dict[str, Any]:
    """
    The client's options as they are when the bot runs: one may depend on
    another.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the client itself warns when the bot starts
        kinds = readOptions(bot.options, EngineOptions, ManagerOptions, SocketOptions)
    values = {name: getattr(kind, name) for kind in kinds for name in kind.__slots__}
    return {
        name: HIDDEN if OPTIONS[name].secret and values[name] else values[name]
        for name in CLIENT_KEYS
    }


def _text(value: Any) -> str:
    """
    Write a value as a file says it; empty when there is none.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ", ".join("none" if each is None else _text(each) for each in value)
    if isinstance(value, float):
        return "inf" if math.isinf(value) else f"{value:.15g}"
    return str(value)
