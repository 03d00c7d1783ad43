"""
Tests for L{txsocketio.bots.fields}.
"""

from __future__ import annotations

import pytest

from txsocketio.bots.fields import (
    fieldLines,
    headerLines,
    hostOf,
    secretsOfFields,
    secretsOfTarget,
    webURL,
    withoutUser,
)


def test_fieldsAreLines() -> None:
    """
    Empty lines and blanks around do not count; a value may hold colons.
    """
    assert fieldLines("\n token: a:b \nroom : 7\n\n") == {"token": "a:b", "room": "7"}


@pytest.mark.parametrize("text", ["token", ": x", "a: b\nc"])
def test_whatIsNoFieldIsRefused(text: str) -> None:
    """
    The rule is told.
    """
    with pytest.raises(ValueError, match="Name: value"):
        fieldLines(text)


def test_headersMustFitIntoARequest() -> None:
    """
    Nothing can end a header's line, and names are tokens.
    """
    assert headerLines("X-Key: Grüße") == {"X-Key": "Grüße"}
    with pytest.raises(ValueError, match="not the name of a header"):
        headerLines("X Key: a")
    with pytest.raises(ValueError, match="Latin-1"):
        headerLines("X-Key: \u20ac")


def test_valuesOfFieldsAreSecret() -> None:
    """
    As a whole, and what comes after the scheme alone.
    """
    assert secretsOfFields("Authorization: Bearer abcdefgh\nX: y") == {
        "Bearer abcdefgh",
        "abcdefgh",
        "y",
    }


@pytest.mark.parametrize("url", ["http://localhost", "https://u:p@example.com:8443/a?b=c"])
def test_whatCanBePostedTo(url: str) -> None:
    """
    HTTP and HTTPS.
    """
    assert webURL(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://a",
        "http://",
        "http://a:x/",
        "http://a:0",
        "http://a/b c",
        "http://[a",
    ],
)
def test_whatCannotBePostedTo(url: str) -> None:
    """
    Is refused with an example.
    """
    with pytest.raises(ValueError, match="https://example.com/hook"):
        webURL(url)


def test_ofATargetOnlyTheServerIsShown() -> None:
    """
    Path, query, user and password are hidden, encoded or not.
    """
    url = "https://us%40er:pass@example.com/hook/T0secret/x%20y?key=another+one"
    secrets = set(secretsOfTarget(url))
    assert {"/hook/T0secret/x y", "key=another+one", "us%40er", "us@er", "pass"} <= secrets
    assert {"T0secret", "another one"} <= secrets
    assert not {"example.com", "hook"} & secrets


def test_aServersRootIsNoSecret() -> None:
    """
    One slash would hide half of every text.
    """
    assert "/" not in set(secretsOfTarget("https://example.com/"))


def test_whatIsNoURLIsASecretAsAWhole() -> None:
    """
    It may be one that was mistyped.
    """
    assert secretsOfTarget("http://[a") == {"http://[a"}


def test_userAndPasswordAreTakenOut() -> None:
    """
    They travel in a header of their own.
    """
    assert withoutUser("https://a:b%3Ac@example.com:1/x?y#z") == (
        "https://example.com:1/x?y",
        "a:b:c",
    )
    assert hostOf("https://a:b@example.com:1/x") == "example.com:1"
