"""
What a bots file says, once it is read: plain values that hide their secrets.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from txsocketio.bots.redaction import HIDDEN, redactorOf
from txsocketio.bots.said import Said
from txsocketio.protocol.url import parseURL

__all__ = ["HIDDEN", "BotDescription", "DaemonDescription", "secretsOfURL"]


@dataclass(frozen=True, slots=True)
class BotDescription:
    """
    One C{[bot:NAME]} section.

    @ivar namespace: L{None} when the URL's path says it.
    @ivar plugin: the plugin's name, or C{package.module:Class}.
    @ivar config: the plugin's own options.
    @ivar options: the client's options, as L{io <txsocketio.client.io>} takes them.
    @ivar drainTimeout: seconds that a stop may take to send what waits.
    @ivar rate: how many events a second it may emit; L{None} for any number.
    @ivar burst: how many at once after a pause; L{None} for a second's worth.
    @ivar secrets: texts that must never be shown.
    @ivar texts: the keys as the file has them, and the text of each, all put
        in that is put in.
    @ivar said: the section's lines, fit to be shown; two bots may be the same
        however their lines are written.
    """

    name: str
    url: str = field(repr=False)
    plugin: str
    namespace: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    drainTimeout: float = 5.0
    rate: float | None = None
    burst: int | None = None
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    said: tuple[Said, ...] = field(default=(), repr=False, compare=False)

    def sameAs(self, other: BotDescription) -> bool:
        """
        Whether two sections say the same.

        Where both were read from files, their texts count: what a plugin makes
        of a text need not be comparable.
        """
        if self.texts and other.texts:
            return (self.name, self.texts) == (other.name, other.texts)
        return self == other

    @property
    def server(self) -> str:
        """
        The URL without user, password, query and secrets: fit to be shown.
        """
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        # Where we connect to is no secret, even if the environment said it.
        return f"{parts.scheme}://{host}{self.redact(parts.path)}"

    def redact(self, text: str) -> str:
        """
        Hide this bot's secrets in a text that may hold them, e.g. a server's
        answer.
        """
        return redactorOf(self.secrets)(text)


def secretsOfURL(url: str, put: Iterable[str]) -> set[str]:
    """
    What is secret in a URL: user and password, the values of the query, and
    what was put into its path; but not where the server is.

    @param put: the texts that were put into the URL.
    """
    server = parseURL(url)
    userinfo = server.userinfo or ""
    secrets = {userinfo, *userinfo.split(":", 1), *(value for _, value in server.query)}
    return secrets | {text for text in put if text in server.namespace.split("/")}


@dataclass(frozen=True, slots=True)
class DaemonDescription:
    """
    A whole bots file.

    @ivar file: its absolute name.
    @ivar settings: the C{[daemon]} section.
    @ivar said: its lines, fit to be shown.
    """

    file: str
    bots: tuple[BotDescription, ...]
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    said: tuple[Said, ...] = field(default=(), repr=False, compare=False)
