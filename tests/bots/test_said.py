"""
Tests for L{txsocketio.bots.said}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots.descriptions import secretsOfURL
from txsocketio.bots.ini import Entry
from txsocketio.bots.keys import OWN_KEYS, Key, findKey
from txsocketio.bots.redaction import HIDDEN
from txsocketio.bots.said import Said
from txsocketio.bots.schema import PluginOption, integer, schemaOf

SCHEMA = schemaOf(
    PluginOption("file"),
    PluginOption("pin", parse=integer, secret=True),
    PluginOption("n", "", int),
)


def said(name: str, written: str, value: str, *put: str, others: tuple[str, ...] = ()) -> Said:
    key = findKey(name, SCHEMA)
    assert isinstance(key, Key)
    secrets = secretsOfURL(value, put) if key is OWN_KEYS["url"] else put
    return Said.of(key, Entry("bot:a", name, written, 3), value, secrets, others)


def shown(name: str, written: str, value: str, *put: str) -> str:
    return said(name, written, value, *put).text


def test_whatIsNoSecretIsShownAsItIsInEffect() -> None:
    """
    The daemon's and the client's values, whatever they were put together of.
    """
    assert shown("reconnectionDelay", "${DELAY:-5}", "5") == "5"
    assert shown("path", "/$${x}", "/${x}") == "/$${x}"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("${TOKEN}", "${TOKEN}"),
        ("${file:/run/secrets/a}${B}", "${file:/run/secrets/a}${B}"),
        ("Bearer ${TOKEN}", HIDDEN),
        ("${TOKEN:-hunter22}", HIDDEN),
        ("hunter22", HIDDEN),
    ],
)
def test_aSecretIsShownByItsReferencesAlone(written: str, text: str) -> None:
    """
    Where it comes from is told; what stands in the file itself is not.
    """
    assert shown("auth.token", written, "hunter22", "hunter22") == text


def test_whatAPluginIsToldMayHoldASecret() -> None:
    """
    An option of a plugin that something was put into is shown as written.
    """
    assert shown("file", "/var/${NAME}.log", "/var/x.log", "x") == "/var/${NAME}.log"
    assert shown("file", "/var/x.log", "/var/x.log") == "/var/x.log"


def test_aLongValueIsShownByItsName() -> None:
    """
    A certificate from a file would fill the screen.
    """
    assert shown("cert", "${file:a.pem}", "-----\nabc\n-----") == "${file:a.pem}"


@pytest.mark.parametrize(
    ("url", "put", "text"),
    [
        ("http://h:1/chat", "h", "http://h:1/chat"),
        ("http://h/a/to/b", "to", f"http://h/a/{HIDDEN}/b"),
        ("http://me:pw@h/a", "", f"http://{HIDDEN}@h/a"),
        ("http://h?a=b&cd&e=", "", f"http://h?a={HIDDEN}&{HIDDEN}&e={HIDDEN}"),
        ("http://h/${x}", "", "http://h/$${x}"),
    ],
)
def test_aURLShowsWhereItLeads(url: str, put: str, text: str) -> None:
    """
    And neither user, password, values of the query nor what was put into its
    path.
    """
    assert shown("url", "as written", url, put) == text


def test_aSecretElsewhereInTheSectionIsHidden() -> None:
    """
    Who writes a password down twice is not given away.
    """
    line = said("file", "/x/hunter22", "/x/hunter22", others=("hunter22",))
    assert line.text == f"/x/{HIDDEN}"


@pytest.mark.parametrize(
    ("name", "written", "valid"),
    [
        ("auth.token", "hunter22", True),
        ("file", "x", True),
        ("pin", "1234", False),
        ("pin", "${PIN}", True),
        ("proxy", "http://a:b@h:3", False),
        ("url", "http://a:b@h/c?d=e", True),
    ],
)
def test_itIsSaidWhetherTheLineCanBeRead(name: str, written: str, valid: bool) -> None:
    """
    C{(hidden)} is no number, and no proxy.
    """
    assert said(name, written, written).valid is valid
