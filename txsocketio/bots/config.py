"""
From a bots file to descriptions of bots: every value typed and checked, every
mistake reported at once with its file, line, section and key.

The file's form is C{ini.py}'s, what is put into values C{substitute.py}'s,
the keys and their types C{keys.py}'s.

No Twisted here: a bots file is read without it.  So whoever calls hands in
how plugins are found.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from txsocketio.bots.descriptions import BotDescription, DaemonDescription, secretsOfURL
from txsocketio.bots.ini import Entry, IniFile, Section, readIni
from txsocketio.bots.keys import (
    CONTENT_OR_FILE,
    DAEMON_KEYS,
    MAPPINGS,
    OWN_KEYS,
    REFUSED,
    Key,
    findKey,
    namesKnown,
    namesTaken,
)
from txsocketio.bots.mistakes import ConfigError, Mistake, PluginError, didYouMean, nearest
from txsocketio.bots.readiness import Readiness
from txsocketio.bots.redaction import redactorOf
from txsocketio.bots.said import Said
from txsocketio.bots.schema import PluginLike, PluginOption
from txsocketio.bots.substitute import Substitution
from txsocketio.options import EngineOptions, ManagerOptions, SocketOptions, readOptions

__all__ = ["FindPlugin", "PluginOption", "parseConfig", "readConfig"]

FindPlugin = Callable[[str], PluginLike]
"""
Gives the plugin of a name, or raises L{PluginError
<txsocketio.bots.mistakes.PluginError>}.
"""

BOT = "bot:"
DEFAULT = "DEFAULT"
DAEMON = "daemon"

MAX_FILE_BYTES = 4 * 1024 * 1024

DEFAULTS: Mapping[str, Any] = {"retryOnConnectError": True, "retryOnServerDisconnect": True}
"""A daemon goes on where the library stops and tells."""

_TAKEN = (
    'the plugin calls an option "{}", which means something else already; its author must rename it'
)

SURE = 0.85
"""How near a name must be to be told when it could be another one."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def readConfig(
    file: str,
    findPlugin: FindPlugin,
    environ: Mapping[str, str] = os.environ,
    only: Sequence[str] = (),
    shares: Sequence[Container[str]] = (),
) -> DaemonDescription:
    """
    Read a bots file.

    @param only: names of the only bots to run; all when empty.  The whole
        file is checked nevertheless.
    @param shares: of the bots' names; only bots that are in all of them run.
    @raise ConfigError: with all its mistakes.
    """
    path = Path(file).absolute()
    text = _readText(path, file)
    described = parseConfig(text, file, findPlugin, Substitution(environ, path.parent))
    mine = _chosen(described, only, file)
    bots = tuple(bot for bot in mine if all(bot.name in share for share in shares))
    return replace(described, file=str(path), bots=bots)


def parseConfig(
    text: str, file: str, findPlugin: FindPlugin, substitution: Substitution
) -> DaemonDescription:
    """
    Read the text of a bots file.

    @param file: its name, for the mistakes.
    @raise ConfigError: with all its mistakes.
    """
    reading = _Reading(readIni(text, file), findPlugin, substitution)
    described = reading.describe()
    if reading.mistakes:
        raise ConfigError(reading.mistakes)
    return described


def _readText(path: Path, file: str) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError([Mistake(file, 0, "", "", f"cannot be read: {why}")]) from None
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError([Mistake(file, 0, "", "", f"has more than {MAX_FILE_BYTES} bytes")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([Mistake(file, line, "", "", "this line is not UTF-8 text")]) from None


def _chosen(
    described: DaemonDescription, only: Sequence[str], file: str
) -> tuple[BotDescription, ...]:
    names = [bot.name for bot in described.bots]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ConfigError(
            Mistake(file, 0, BOT + name, "", "there is no such bot" + didYouMean(name, names))
            for name in unknown
        )
    return tuple(bot for bot in described.bots if not only or bot.name in only)


class _Reading:
    """
    One file while it is checked.
    """

    def __init__(self, ini: IniFile, findPlugin: FindPlugin, substitution: Substitution) -> None:
        self.ini = ini
        self.mistakes = list(ini.mistakes)
        self.findPlugin = findPlugin
        self.substitution = substitution
        self.defaults = ini.sections.get(DEFAULT) or Section(DEFAULT, 0)
        self.schemas: list[Mapping[str, PluginOption] | None] = []
        self.said: list[Said] = []

    def wrong(self, entry: Entry | Section, message: str) -> None:
        """
        Note a mistake at an entry, or at a section as a whole.
        """
        section, key = (entry.section, entry.key) if isinstance(entry, Entry) else (entry.name, "")
        self.mistakes.append(Mistake(self.ini.file, entry.line, section, key, message))

    def describe(self) -> DaemonDescription:
        sections = list(self._botSections())
        bots = [_SectionReading(self, section).describe() for section in sections]
        if not sections:
            text = "describes no bot; begin a section with [bot:NAME]"
            self.mistakes.append(Mistake(self.ini.file, 0, "", "", text))
        self._checkDefaults()
        described = tuple(bot for bot in bots if bot is not None)
        settings = self._daemon()
        self._checkReady(settings.get("ready"), [each.name[len(BOT) :] for each in sections])
        return DaemonDescription(self.ini.file, described, settings, tuple(self.said))

    def _botSections(self) -> Iterator[Section]:
        for section in self.ini.sections.values():
            if section.name.startswith(BOT):
                if not _NAME.fullmatch(section.name[len(BOT) :]):
                    self.wrong(section, "a bot's name is at most 64 letters, digits, hyphens, dots")
                yield section
            elif section.name not in (DAEMON, DEFAULT):
                near = didYouMean(section.name, (DAEMON, DEFAULT))
                self.wrong(section, f"unknown section{near or '; a bot is [bot:NAME]'}")

    def _checkDefaults(self) -> None:
        for entry in self.defaults.entries.values():
            known = any(findKey(entry.key, schema or {}) for schema in self.schemas)
            if not known and entry.key not in REFUSED:
                self.unknown(entry, "no bot knows this key", self.schemas)

    def unknown(
        self, entry: Entry, message: str, schemas: Sequence[Mapping[str, PluginOption] | None]
    ) -> None:
        """
        Note an unknown key.

        @param schemas: of the plugins that could have known it.
        """
        known = namesKnown(name for schema in schemas for name in schema or ())
        if None in schemas:
            # A plugin is missing, so the key may be its own; unless it is a plain slip.
            near = nearest(entry.key, known, SURE)
            if near is not None:
                self.wrong(entry, f'{message}; did you mean "{near}"?')
        else:
            self.wrong(entry, message + didYouMean(entry.key, known))

    def _daemon(self) -> Mapping[str, Any]:
        settings: dict[str, Any] = {}
        section = self.ini.sections.get(DAEMON) or Section(DAEMON, 0)
        for entry in section.entries.values():
            key = DAEMON_KEYS.get(entry.key)
            if key is None:
                self.wrong(entry, "unknown key" + didYouMean(entry.key, DAEMON_KEYS))
            elif (value := self.value(entry, key)) is not None:
                settings[key.name] = value[0]
                self.said.append(Said.of(key, entry, value[2], value[1], ()))
        return MappingProxyType(settings)

    def _checkReady(self, ready: Readiness | None, bots: Sequence[str]) -> None:
        for name in ready.names if ready else ():
            if name not in bots:
                entry = self.ini.sections[DAEMON].entries["ready"]
                _, put = self.substitution.expand(entry.text)
                said = f'there is no bot "{name}"' + didYouMean(name, bots)
                self.wrong(entry, _unshown(DAEMON_KEYS["ready"]) if put else said)

    def value(self, entry: Entry, key: Key) -> tuple[Any, tuple[str, ...], str] | None:
        """
        Make an entry's value, or note why it cannot be.

        @return: the value, the secrets in it, and its text.
        """
        try:
            text, secrets = self.substitution.expand(entry.text)
        except ValueError as error:
            self.wrong(entry, str(error))
            return None
        try:
            return key.parse(text), tuple(secretsOf(key, text, secrets)), text
        except (Exception, SystemExit) as error:  # a plugin's own parser may raise anything
            hide = bool(secrets) or key.secret
            said = _said(error).removeprefix(f"{key.name} ")
            self.wrong(entry, _unshown(key) if hide else said)
            return None


def _unshown(key: Key) -> str:
    return f"{key.rule} (its value is not shown)"


def secretsOf(key: Key, text: str, put: tuple[str, ...]) -> Iterable[str]:
    """
    What must not be shown of a value.

    @param put: the texts that were put into it.
    """
    if key is OWN_KEYS["url"]:
        return secretsOfURL(text, put)
    # What the client itself would show is none.  A plugin may do anything with its
    # own; and what is taken for a file's name, and shown, may be a key without armour.
    shown = put if key.place == "config" or key.name in CONTENT_OR_FILE else ()
    if callable(key.secret):
        return (*shown, *key.secret(text))
    return (*put, text) if key.secret else shown


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


class _SectionReading:
    """
    One C{[bot:NAME]} section while it is checked.
    """

    def __init__(self, reading: _Reading, section: Section) -> None:
        self.reading = reading
        self.section = section
        self.entries = reading.defaults.entries | section.entries
        self.values: dict[str, dict[str, Any]] = {"own": {}, "options": {}, "config": {}}
        self.values |= {mapping: {} for mapping in MAPPINGS.values()}
        self.texts: dict[str, str] = {}
        self.secrets: set[str] = set()
        self.said: list[tuple[Key, Entry, str, tuple[str, ...]]] = []
        self.good = True
        self.plugin: PluginLike | None = None

    def describe(self) -> BotDescription | None:
        """
        @return: L{None} when there are mistakes.
        """
        schema = self._schema()
        self.reading.schemas.append(schema)
        for entry in self.entries.values():
            self._take(entry, schema)
        self._demand(schema or {})
        self._together()
        options = self._options()
        return self._description(schema or {}, options) if self.good else None

    def _wrong(self, entry: Entry | Section, message: str) -> None:
        self.good = False
        self.reading.wrong(entry, message)

    def _schema(self) -> Mapping[str, PluginOption] | None:
        """
        The options of the section's plugin; L{None} when it cannot be had.
        """
        entry = self.entries.get("plugin")
        if entry is None:
            return None
        try:
            name, put = self.reading.substitution.expand(entry.text)
        except ValueError:
            return None  # told when the entry's value is made
        try:
            self.plugin = self.reading.findPlugin(name)
        except PluginError as error:
            self._wrong(entry, _unshown(OWN_KEYS["plugin"]) if put else str(error))
            return None
        for taken in namesTaken(self.plugin.schema):
            self._wrong(entry, _TAKEN.format(taken))
        return self.plugin.schema

    def _take(self, entry: Entry, schema: Mapping[str, PluginOption] | None) -> None:
        key = findKey(entry.key, schema or {})
        if entry.key in REFUSED:
            self._wrong(entry, REFUSED[entry.key])
        elif key is not None:
            self._keep(entry, key)
        elif entry.section != DEFAULT:
            self.good = False
            self.reading.unknown(entry, "unknown key", [schema])

    def _keep(self, entry: Entry, key: Key) -> None:
        value = self.reading.value(entry, key)
        if value is None:
            self.good = False
            return
        self.texts[entry.key] = value[2]
        self.values[key.place][key.name] = value[0]
        self.secrets.update(value[1])
        self.said.append((key, entry, value[2], value[1]))

    def _demand(self, schema: Mapping[str, PluginOption]) -> None:
        required = ["url", "plugin"]
        required += [name for name, option in schema.items() if option.required]
        for name in required:
            if name not in self.entries:
                self._wrong(self.section, f'"{name}" is missing')

    def _together(self) -> None:
        """
        What can be said only of several values together.
        """
        burst = self.entries.get("burst")
        if burst is not None and burst.section != DEFAULT and "rate" not in self.entries:
            self._wrong(burst, 'says nothing without "rate"')
        check = getattr(self.plugin, "checkConfig", None)
        if not self.good or self.plugin is None or check is None:
            return
        try:
            check(self._config(self.plugin.schema))
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            self._wrong(self.section, redactorOf(frozenset(self.secrets))(_said(error)))

    def _config(self, schema: Mapping[str, PluginOption]) -> dict[str, Any]:
        return {name: option.default for name, option in schema.items()} | self.values["config"]

    def _options(self) -> dict[str, Any]:
        """
        The client's options, checked together as the client will do it.
        """
        mappings = {name: self.values[name] for name in MAPPINGS.values() if self.values[name]}
        options = {**DEFAULTS, **self.values["options"], **mappings}
        try:
            with warnings.catch_warnings():
                # The client itself warns when the bot starts.
                warnings.simplefilter("ignore")
                readOptions(options, EngineOptions, ManagerOptions, SocketOptions)
        except ValueError as error:
            self._wrong(self.section, str(error))
        return options

    def _description(
        self, schema: Mapping[str, PluginOption], options: Mapping[str, Any]
    ) -> BotDescription:
        return BotDescription(
            name=self.section.name[len(BOT) :],
            config=MappingProxyType(self._config(schema)),
            options=MappingProxyType(dict(options)),
            texts=MappingProxyType(self.texts),
            secrets=frozenset(self.secrets - {""}),
            said=tuple(Said.of(*each, self.secrets) for each in self.said),
            **self.values["own"],
        )
