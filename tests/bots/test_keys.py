"""
Tests for L{txsocketio.bots.keys}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots.keys import findKey, namesTaken
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
