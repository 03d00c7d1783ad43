"""
Which server a command is about, and how to connect to it.

An option is written as in a bots file, and checked by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from txsocketio.bots.config import secretsOf
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.keys import MAPPINGS, OWN_KEYS, REFUSED, Key, findKey, namesKnown
from txsocketio.bots.mistakes import didYouMean
from txsocketio.commands.exits import Ended, Exit
from txsocketio.commands.flags import ofOption
from txsocketio.commands.texts import Texts
from txsocketio.options import EngineOptions, ManagerOptions, SocketOptions, readOptions

__all__ = ["BadURL", "TargetReader", "pair"]


class BadURL(Ended):
    """
    The URL cannot be one.
    """


class TargetReader:
    """
    Puts together what the command line says about one client.

    The result is a L{BotDescription}, which knows how to hide its secrets.
    """

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._options: dict[str, Any] = {}
        self._secrets: set[str] = set()

    def take(self, name: str, word: str, flag: str = "") -> None:
        """
        Take one option by its name in a bots file, e.g. C{header.X}.

        @param flag: how the user wrote it, for the error.
        @raise Ended: there is no such option, or its value is not good.
        """
        key = _keyOf(name)
        value = self._parse(key, word, flag or name)
        if key.place == "options":
            self._options[key.name] = value
        else:
            self._options.setdefault(key.place, {})[key.name] = value

    def put(self, name: str, value: Any) -> None:
        """
        Take an option's value as it is.
        """
        self._options[name] = value

    def auth(self, word: str) -> None:
        """
        Take the whole of C{auth} as JSON.

        @raise Ended: it is not a JSON object.
        """
        try:
            value = self._texts.json(word)
        except ValueError as error:
            raise Ended(Exit.USAGE, f"--auth-json: {error}") from None
        if not isinstance(value, dict):
            raise Ended(Exit.USAGE, "--auth-json must be a JSON object")
        self._secrets.update(_textsIn(value))
        self._options["auth"] = {**value, **self._options.get("auth", {})}

    def describe(self, url: str, namespace: str | None = None) -> BotDescription:
        """
        Check everything together.

        @raise Ended: with what is wrong; L{BadURL} if it is the URL.
        """
        try:
            parsed = self._parse(OWN_KEYS["url"], url, "the URL")
        except Ended as mistake:
            raise BadURL(mistake.status, str(mistake)) from None
        if namespace is not None:
            namespace = self._parse(OWN_KEYS["namespace"], namespace, "--namespace")
        try:
            readOptions(self._options, EngineOptions, ManagerOptions, SocketOptions)
        except ValueError as error:
            raise Ended(Exit.USAGE, ofOption(error)) from None
        return BotDescription(
            name="",
            url=parsed,
            plugin="",
            namespace=namespace,
            options=dict(self._options),
            secrets=frozenset((self._secrets | self._texts.secrets) - {""}),
        )

    def _parse(self, key: Key, word: str, flag: str) -> Any:
        isURL = key is OWN_KEYS["url"]
        try:
            text, put = self._texts.expand(word) if isURL else self._texts.read(word)
        except ValueError as error:
            raise Ended(Exit.USAGE, f"{flag}: {error}") from None
        try:
            value = key.parse(text)
        except ValueError as error:
            hide = bool(put) or key.secret
            said = f"{key.rule} (its value is not shown)" if hide else str(error)
            said = said.removeprefix(f"{key.name} ").removeprefix(f"{flag} ")
            raise Ended(Exit.USAGE, f"{flag}: {said}") from None
        self._secrets.update(secretsOf(key, text, put))
        if not (isURL or callable(key.secret)):
            # Those know which part of them is secret; errors need the rest.
            self._secrets.update(put)
        return value


def _keyOf(name: str) -> Key:
    if name in MAPPINGS.values():
        flag = name if name != "extraHeaders" else "header"
        raise Ended(Exit.USAGE, f"--option {name}: say --{flag} NAME=VALUE")
    if name in REFUSED:
        raise Ended(Exit.USAGE, f"--option {name}: a command decides that itself")
    key = findKey(name, {})
    if key is None or key.place == "own":
        near = didYouMean(name, [each for each in namesKnown(()) if each not in OWN_KEYS])
        raise Ended(Exit.USAGE, f"--option {name}: there is no such option{near}")
    return key


def pair(word: str, flag: str) -> tuple[str, str]:
    """
    Read C{NAME=VALUE}, or a header as C{Name: value}.

    @raise Ended: it is neither; the word is not shown, it may be a secret.
    """
    ends = [at for at in (word.find("="), word.find(":") if flag == "--header" else -1) if at > 0]
    if not ends:
        raise Ended(Exit.USAGE, f"{flag} wants NAME=VALUE")
    end = min(ends)
    return word[:end].strip(), word[end + 1 :].lstrip()


def _textsIn(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, Mapping)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _textsIn(each)
