"""
Tests for L{txsocketio.bots.descriptions}.
"""

from __future__ import annotations

from txsocketio.bots.descriptions import BotDescription, DaemonDescription, secretsOfURL

SECRET = "hunter22"


def describe(url: str = "https://u:hunter22@h:1/chat?token=hunter22") -> BotDescription:
    return BotDescription(
        name="a",
        url=url,
        plugin="log",
        config={"key": SECRET},
        options={"auth": {"token": SECRET}},
        secrets=frozenset({SECRET, "me", SECRET + "2"}),
    )


def test_theReprHidesWhatMayBeSecret() -> None:
    """
    A description in a log or a traceback shows no secret.
    """
    assert SECRET not in repr(describe())
    assert SECRET not in repr(DaemonDescription("f", (describe(),), {"x": SECRET}))


def test_theServerIsTheURLFitToBeShown() -> None:
    """
    User, password and query are left out, and a secret in the path is hidden.
    """
    assert describe().server == "https://h:1/chat"
    assert describe("https://h/hunter22").server == "https://h/(hidden)"


def test_redactHidesSecretsInTheTextsOfOthers() -> None:
    """
    A server that echoes a token does not bring it into our logs; a secret
    that holds another one is hidden whole; two letters are no secret.
    """
    text = describe().redact("hunter222 or hunter22, tell me")
    assert text == "(hidden) or (hidden), tell me"


def test_whereTheServerIsIsNoSecret() -> None:
    """
    A host that the environment said is shown; user, password, query values,
    and what was put into the path are not.
    """
    url = "https://me:pa:ss@h.example:81/chat/s3cret?a=1&token=t0ken"
    put = ["h.example", "s3cret", "81", "pa:ss"]
    assert secretsOfURL(url, put) == {"me:pa:ss", "me", "pa:ss", "1", "t0ken", "s3cret"}
    assert secretsOfURL("http://h", ["http://h"]) == {""}
