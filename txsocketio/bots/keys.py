"""
Which keys a C{[bot:NAME]} section may have, and what each makes of its text.

Keys are the daemon's own, the client's options, C{query.X}, C{auth.X} and
C{header.X}, and the options of the section's plugin.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from txsocketio.bots.readiness import Readiness, parseReady
from txsocketio.bots.redaction import credentialsOf
from txsocketio.bots.schema import PluginOption, boolean, count, rate, seconds
from txsocketio.options import OPTIONS, checkHeaders, checkQuery
from txsocketio.protocol.url import parseURL

__all__ = [
    "DAEMON_KEYS",
    "INSTALL_METRICS",
    "LOG_LEVELS",
    "MAPPINGS",
    "OWN_KEYS",
    "REFUSED",
    "Key",
    "findKey",
    "inForce",
    "namesKnown",
    "namesTaken",
    "ownersOnly",
    "unixEndpoint",
]

MAPPINGS = {"query.": "query", "auth.": "auth", "header.": "extraHeaders"}
"""How a key that builds a mapping begins, and the option it builds."""

REFUSED = {
    "autoConnect": "a bot connects when it starts; leave this out",
    "forceNew": "each bot has a connection of its own; leave this out",
    "multiplex": "each bot has a connection of its own; leave this out",
    "query": "write query.KEY = value, one line for each",
    "auth": "write auth.KEY = value, one line for each",
    "extraHeaders": "write header.KEY = value, one line for each",
}
"""Options of the client that a bots file says differently, or not at all."""


@dataclass(frozen=True, slots=True)
class Key:
    """
    What one key of a section means.

    @ivar parse: makes the value from the text, or raises C{ValueError}.
    @ivar rule: what is said of a bad value that must not be shown.
    @ivar place: where the value goes: C{own}, C{options}, C{config} or the
        name of a mapping.
    @ivar name: the name there.
    @ivar default: the value in C{[daemon]} without it, L{None} for none.
    """

    name: str
    place: str
    parse: Callable[[str], Any]
    rule: str
    secret: bool | Callable[[str], Iterable[str]] = False
    default: Any = None


def _text(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _url(text: str) -> str:
    parseURL(text)
    return text


def _namespace(text: str) -> str:
    if not text.startswith("/") or "," in text or "?" in text:
        raise ValueError('must begin with "/" and hold neither "," nor "?", as in /admin')
    return text


OWN_KEYS: Mapping[str, Key] = {
    "url": Key("url", "own", _url, 'must be a URL, as in "https://example.com:8443"'),
    "plugin": Key("plugin", "own", _text, "must be a plugin's name, or package.module:Class"),
    "namespace": Key("namespace", "own", _namespace, 'must begin with "/", as in /admin'),
    "drainTimeout": Key("drainTimeout", "own", seconds, "must be a number of seconds, 0 or more"),
    "rate": Key("rate", "own", rate, "must be how many in a time, as in 10/s"),
    "burst": Key("burst", "own", count, "must be a whole number, 1 or more"),
}

_ENDPOINT = (
    "must be an absolute path or an endpoint, as in /run/bots.sock or "
    "tcp:9464:interface=127.0.0.1"
)


def unixEndpoint(path: str) -> str:
    """
    The description of an endpoint on a unix socket, a server's or a client's.
    """
    return "unix:" + path.replace("\\", "\\\\").replace(":", "\\:")


def ownersOnly(description: str) -> str:
    """
    A unix socket is for its owner, unless its description says otherwise.
    """
    isOpen = description.startswith("unix:") and ":mode=" not in description
    return description + ":mode=600" if isOpen else description


def _endpoint(text: str) -> str:
    """
    The description of a server endpoint; a path alone is a unix socket.
    """
    if text.startswith("/"):
        return unixEndpoint(text)
    kind, colon, rest = text.partition(":")
    port = rest.partition(":")[0].removeprefix("port=")
    if not (colon and kind and rest) or (
        kind == "tcp" and not (port.isascii() and port.isdigit() and int(port) < 65536)
    ):
        raise ValueError(_ENDPOINT)
    return text


def _oneOf(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return text

    return parse


LOG_LEVELS = ("debug", "info", "warn", "error", "critical")


def _metrics(text: str) -> bool:
    wanted = boolean(text)
    if wanted and find_spec("prometheus_client") is None:
        raise ValueError(f"yes needs prometheus_client; install it with: {INSTALL_METRICS}")
    return wanted


INSTALL_METRICS = 'python -m pip install "txsocketio[metrics]"'

_SEEING = (
    Key("status", "daemon", _endpoint, _ENDPOINT),
    Key(
        "ready",
        "daemon",
        parseReady,
        "must be all, any, once, or the names of bots",
        default=Readiness(),
    ),
    Key("log-format", "daemon", _oneOf("text", "json"), "must be text or json", default="text"),
    Key(
        "log-level",
        "daemon",
        _oneOf(*LOG_LEVELS),
        f"must be {' or '.join(LOG_LEVELS)}",
        default="info",
    ),
    Key("control", "daemon", _endpoint, _ENDPOINT),
    Key("metrics", "daemon", _metrics, "must be yes or no", default=True),
)
"""How operators look at the daemon."""


_LIVING = (
    Key(
        "onError", "daemon", _oneOf("isolate", "stop"), "must be isolate or stop", default="isolate"
    ),
    Key("attemptsPerHost", "daemon", rate, "must be how many in a time, as in 5/s"),
    Key(
        "notify",
        "daemon",
        _oneOf("started", "ready"),
        "must be started or ready",
        default="started",
    ),
)
"""How the bots live together, and with the supervisor."""

DAEMON_KEYS: Mapping[str, Key] = {key.name: key for key in (*_SEEING, *_LIVING)}
"""What the C{[daemon]} section may say."""


def inForce(settings: Mapping[str, Any]) -> dict[str, Any]:
    """
    What a C{[daemon]} section comes to: with the defaults of what it leaves out.
    """
    defaults = {key.name: key.default for key in DAEMON_KEYS.values() if key.default is not None}
    return {**defaults, **settings}


def _content(text: str) -> Iterable[str]:
    """
    A private key is a secret, the name of its file is none.
    """
    return (text,) if "-----BEGIN" in text else ()


CONTENT_OR_FILE = frozenset(["key", "pfx"])
"""Options that hold a secret, or name the file that does."""

_PARTLY_SECRET = {"proxy": credentialsOf, **dict.fromkeys(CONTENT_OR_FILE, _content)}
"""Options that are secret for a part of what they say; errors need the rest."""


def _clientKey(name: str) -> Key:
    option = OPTIONS[name]
    secret = _PARTLY_SECRET.get(name, option.secret)
    return Key(name, "options", option.parseText, f"must be {option.rule}", secret)


CLIENT_KEYS = {name: _clientKey(name) for name in OPTIONS if name not in REFUSED}


_SENDABLE = "must be a text that can be sent"
_RULES = {
    "header.": "must be what HTTP allows: a name without blanks, "
    "and a value of Latin-1 characters without control characters"
}


def _mappingKey(prefix: str, name: str) -> Key:
    checks = {"query.": checkQuery, "header.": checkHeaders}
    check = checks.get(prefix)

    def parse(text: str) -> str:
        if check is not None:
            check({name: text})
        return text

    return Key(name, MAPPINGS[prefix], parse, _RULES.get(prefix, _SENDABLE), secret=True)


def _pluginKey(option: PluginOption) -> Key:
    rule = f"does not fit: {option.meaning}" if option.meaning else "does not fit"
    return Key(option.name, "config", option.parse, rule, option.secret)


def findKey(name: str, schema: Mapping[str, PluginOption]) -> Key | None:
    """
    What a key means in a section whose plugin has this schema, or L{None}.
    """
    for prefix in MAPPINGS:
        if name.startswith(prefix) and len(name) > len(prefix):
            return _mappingKey(prefix, name[len(prefix) :])
    found = OWN_KEYS.get(name) or CLIENT_KEYS.get(name)
    if found is None and name in schema:
        return _pluginKey(schema[name])
    return found


def namesTaken(names: Iterable[str]) -> list[str]:
    """
    Which of a plugin's option names mean something else already.
    """
    return [name for name in names if name in REFUSED or findKey(name, {}) is not None]


def namesKnown(schema: Iterable[str]) -> list[str]:
    """
    Every name a section may use, for suggestions.
    """
    return [*OWN_KEYS, *CLIENT_KEYS, *schema]
