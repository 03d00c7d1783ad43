"""
Tests for L{txsocketio.bots.redaction}.
"""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote, quote_plus

import pytest

from txsocketio.bots.redaction import HIDDEN, Redactor, redactorOf
from txsocketio.errors import excerpt

SECRET = 's3c/r "et& é'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        repr(SECRET)[1:-1],
        ascii(SECRET)[1:-1],
        ascii(SECRET.encode())[2:-1],
        "s3c/r &quot;et&amp; é",
        b64encode(SECRET.encode()).decode(),
        SECRET.encode().decode("latin-1"),
        json.dumps(SECRET.encode().decode("latin-1"))[1:-1],
    ],
)
def test_aSecretIsHiddenInEveryDress(form: str) -> None:
    """
    A query, JSON, HTML, a repr and an C{Authorization} header show it, too.
    """
    hidden = Redactor([SECRET])(f"got {form} back")
    assert hidden.replace("=", "") == f"got {HIDDEN} back"


@pytest.mark.parametrize("told", ["me:pass%21word", "pass%21word", "pass!word", "me:pass!word"])
def test_thePasswordOfASecretURLIsASecret(told: str) -> None:
    """
    An error of a proxy tells its password, not its URL.
    """
    redact = Redactor(["http://me:pass%21word@proxy:3128"])
    assert redact(f"bad login {told}.") == f"bad login {HIDDEN}."


@pytest.mark.parametrize("secret", ["http://[", "http://proxy:3128", "ab", ""])
def test_whatHoldsNoMoreHidesNoMore(secret: str) -> None:
    """
    A URL without user, a broken one, and what is too short to be a secret.
    """
    assert Redactor([secret])("a proxy in a cabin") == "a proxy in a cabin"


def test_aSecretWithinASecretIsHiddenAsAWhole() -> None:
    """
    The longer one is hidden first, and what stands in its place stays.
    """
    assert Redactor(["hunter2", "hunter22", "hidden"])("hunter22!") == f"{HIDDEN}!"


def test_whatIsLongestIsKnown() -> None:
    """
    Who cuts a text must not cut through a secret.
    """
    assert Redactor([]).longest == 0
    assert Redactor(["a b" * 2]).longest == len("a%20ba%20b")


def test_theSameSecretsAreReadOnce() -> None:
    """
    A log line does not pay for it again.
    """
    assert redactorOf(frozenset({"abcd"})) is redactorOf(frozenset({"abcd"}))


def test_ofManySecretsEachIsHidden() -> None:
    """
    However many, and wherever in the text.
    """
    secrets = [f"secret{number:03}" for number in range(100)]
    redact = Redactor(secrets)
    for secret in secrets[::7]:
        for text in ("{}", "a {}", "{} b", "a {} b secret"):
            assert redact(text.format(secret)) == text.format(HIDDEN)
    for text in ("", "a", "abc", "secre", "secret10"):
        assert redact(text) == text
    assert redact("x" * 9999 + secrets[5]) == "x" * 9999 + HIDDEN


@pytest.mark.parametrize("shown", [4, 10, 17])
def test_theFirstHalfOfASecretIsHiddenWhereAnExcerptWasCut(shown: int) -> None:
    """
    An error shows the head of what a server sent, which may end in a secret.
    """
    text = f"<p>{'hunter22' * 2}!</p>"
    redact = Redactor(["another", "hunter22hunter22!"])
    whole = f"{excerpt(text, 3 + shown)}; {excerpt(text.encode(), 3 + shown)} and more"
    assert redact(whole) == f"'<p>{HIDDEN}'... (24 in all); '<p>{HIDDEN}'... (24 in all) and more"


def test_whatOnlyLooksLikeHalfASecretStays() -> None:
    """
    Three characters tell nothing, and others are no secret.
    """
    redact = Redactor(["hunter22"])
    for text in ("'hun'... (9 in all)", "'hunters'... (9 in all)", "hunte"):
        assert redact(text) == text
