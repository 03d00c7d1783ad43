"""
The other Socket.IO server of a bot: what a bots file may say of it, and a
client for it.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from txsocketio.bots.config import DEFAULTS, secretsOf
from txsocketio.bots.descriptions import secretsOfURL
from txsocketio.bots.fields import fieldLines, headerLines, secretsOfFields
from txsocketio.bots.keys import CLIENT_KEYS, REFUSED
from txsocketio.bots.mistakes import didYouMean
from txsocketio.bots.schema import PluginOption
from txsocketio.options import OPTIONS, EngineOptions, ManagerOptions, SocketOptions, readOptions
from txsocketio.protocol.url import parseURL

__all__ = ["TARGET", "clientOptions"]

PATIENT = {**DEFAULTS, "reconnectionDelayMax": 30.0}
"""As the bots' own sockets, it goes on where the library stops and tells."""


def _url(text: str) -> str:
    parseURL(text)
    return text


def _secretsOfURL(text: str) -> Iterable[str]:
    return secretsOfURL(text, ())


def optionLines(text: str) -> Mapping[str, Any]:
    """
    Lines of the form C{option: value}: the client's own options.
    """
    options = {}
    for name, value in fieldLines(text).items():
        if name in REFUSED or name not in OPTIONS:
            known = [each for each in OPTIONS if each not in REFUSED]
            raise ValueError(f'"{name}" cannot be said here{didYouMean(name, known)}')
        options[name] = OPTIONS[name].parseText(value)
    readOptions({**PATIENT, **options}, EngineOptions, ManagerOptions, SocketOptions)
    return options


def secretsOfOptions(text: str) -> Iterable[str]:
    """
    What is never to be shown of the values.
    """
    known = ((CLIENT_KEYS.get(name), value) for name, value in fieldLines(text).items())
    return {each for key, value in known if key for each in secretsOf(key, value, ())}


TARGET = (
    PluginOption(
        "target", "the URL of the other server", _url, required=True, secret=_secretsOfURL
    ),
    PluginOption("targetNamespace", "the namespace there (the path of the URL)"),
    PluginOption(
        "targetAuth", "credentials, one name: value a line", fieldLines, {}, secret=secretsOfFields
    ),
    PluginOption(
        "targetHeaders", "headers, one Name: value a line", headerLines, {}, secret=secretsOfFields
    ),
    PluginOption(
        "targetOptions",
        "options of the client, one option: value a line",
        optionLines,
        {},
        secret=secretsOfOptions,
    ),
)


def clientOptions(config: Mapping[str, Any]) -> dict[str, Any]:
    """
    What the client for the other server is to be given.

    @param config: has the options of L{TARGET}.
    """
    given = {"auth": config["targetAuth"], "extraHeaders": config["targetHeaders"]}
    said = {name: value for name, value in given.items() if value}
    namespace = config["targetNamespace"]
    return {**PATIENT, **said, **config["targetOptions"], "namespace": namespace}
