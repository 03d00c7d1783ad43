"""
Tests for L{txsocketio.bots.keys}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots import keys
from txsocketio.bots.keys import DAEMON_KEYS, findKey, namesTaken, ownersOnly, unixEndpoint
from txsocketio.bots.readiness import Readiness
from txsocketio.bots.schema import PluginOption, schemaOf

SCHEMA = schemaOf(PluginOption("token", secret=True), PluginOption("size", parse=int))


@pytest.mark.parametrize(
    ("name", "place", "under", "secret"),
    [
        ("url", "own", "url", False),
        ("reconnectionDelay", "options", "reconnectionDelay", False),
        ("passphrase", "options", "passphrase", True),
        ("query.a.b", "query", "a.b", True),
        ("auth.token", "auth", "token", True),
        ("header.X-Key", "extraHeaders", "X-Key", True),
        ("token", "config", "token", True),
        ("size", "config", "size", False),
    ],
)
def test_aKeyKnowsWhereItsValueGoes(name: str, place: str, under: str, secret: bool) -> None:
    """
    The daemon's, the client's and the plugin's keys stand side by side.
    """
    key = findKey(name, SCHEMA)
    assert key is not None
    assert (key.place, key.name, key.secret) == (place, under, secret)


@pytest.mark.parametrize("name", ["Url", "query.", "auth", "forceNew", "nonsense"])
def test_whatIsNoKeyIsNotFound(name: str) -> None:
    """
    Other spellings are other keys.
    """
    assert findKey(name, SCHEMA) is None


def test_aPluginMayNotTakeNamesThatMeanSomething() -> None:
    """
    A plugin's C{timeout} would be read as the client's.
    """
    names = ["mine", "timeout", "auth", "header.x", "url"]
    assert namesTaken(names) == ["timeout", "auth", "header.x", "url"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("namespace", "admin"),
        ("namespace", "/a,b"),
        ("plugin", ""),
        ("url", "example.com"),
        ("drainTimeout", "-1"),
        ("header.X-Key", "a\nb"),
        ("header.X Key", "a"),
        ("query.a", "\ud800"),
        ("timeout", "soon"),
    ],
)
def test_aBadValueIsRefused(name: str, text: str) -> None:
    """
    What the client would refuse when it connects is refused here already.
    """
    key = findKey(name, {})
    assert key is not None
    with pytest.raises(ValueError):
        key.parse(text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("status", "tcp:9464:interface=127.0.0.1", "tcp:9464:interface=127.0.0.1"),
        ("status", "tcp:port=9464", "tcp:port=9464"),
        ("status", "systemd:domain=INET:index=0", "systemd:domain=INET:index=0"),
        ("control", "/run/a:b\\c", "unix:/run/a\\:b\\\\c"),
        ("ready", "once", Readiness("once")),
        ("ready", "a, b", Readiness("names", ("a", "b"))),
        ("log-format", "json", "json"),
        ("metrics", "yes", True),
        ("metrics", "off", False),
    ],
)
def test_howTheDaemonIsLookedAt(name: str, text: str, value: object) -> None:
    """
    The keys of the C{[daemon]} section; a path alone is a unix socket.
    """
    assert DAEMON_KEYS[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("status", ""),
        ("status", "9464"),
        ("status", "unix:"),
        ("status", ":9464"),
        ("status", "tcp:http"),
        ("status", "tcp:65536"),
        ("status", "tcp:٣"),
        ("ready", ","),
        ("log-format", "xml"),
        ("metrics", "maybe"),
    ],
)
def test_aBadKeyOfTheDaemonIsRefused(name: str, text: str) -> None:
    """
    It is found before anything listens.
    """
    with pytest.raises(ValueError):
        DAEMON_KEYS[name].parse(text)


def test_metricsThatCannotBeHadAreAMistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who asks for metrics is told what to install.
    """
    monkeypatch.setattr(keys, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs prometheus_client; .*txsocketio\[metrics\]"):
        DAEMON_KEYS["metrics"].parse("yes")
    assert DAEMON_KEYS["metrics"].parse("no") is False


def test_pathsAreEscaped() -> None:
    """
    A colon is an ordinary character in a path.
    """
    assert unixEndpoint("/a:b\\c") == "unix:/a\\:b\\\\c"


@pytest.mark.parametrize(
    ("description", "served"),
    [
        ("unix:/run/c.sock", "unix:/run/c.sock:mode=600"),
        ("unix:/run/c.sock:mode=660", "unix:/run/c.sock:mode=660"),
        ("tcp:9465", "tcp:9465"),
    ],
)
def test_aUnixSocketIsItsOwners(description: str, served: str) -> None:
    """
    Unless the file says otherwise.
    """
    assert ownersOnly(description) == served
