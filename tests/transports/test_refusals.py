"""
What HTTP answers mean that are not the ones we wanted.
"""

from __future__ import annotations

import pytest

from txsocketio.transports.refusals import explainBody, explainRefusal


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (0, "change transports="),
        (1, "sticky sessions"),
        (3, "WebSockets"),
        (4, "check credentials"),
        (5, "Socket.IO 3 or later"),
    ],
)
def test_serversWords(code: int, fix: str) -> None:
    """
    Engine.IO's own words are quoted, with what helps (faults F22, F42).
    """
    text = explainRefusal(400, (), b'{"code":%d,"message":"Its words"}' % code)
    assert "'Its words'" in text
    assert fix in text


def test_unknownCode() -> None:
    """
    The words of a code that we do not know are quoted alone.
    """
    text = explainRefusal(400, (), b'{"code":77,"message":"New"}')
    assert text == "the server says: 'New' (code 77)"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"code":"1"}', b'{"code":1}', b"\xff"])
def test_noWordsOfEngineIO(body: bytes) -> None:
    """
    Where the body says nothing, the status must do.
    """
    assert explainRefusal(400, (), body) == ""
    assert "path=" in explainRefusal(404, (), body)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(status: int) -> None:
    """
    A redirect's target is named (faults F24).
    """
    text = explainRefusal(status, [("LOCATION", "https://elsewhere.example/")], b"")
    assert "'https://elsewhere.example/'" in text


def test_redirectNowhere() -> None:
    """
    It may have none.
    """
    assert "redirects are not followed" in explainRefusal(302, (), b"")


def test_retryAfter() -> None:
    """
    The server's wish to be left alone is told (faults F23).
    """
    assert "Retry-After: 7" in explainRefusal(503, [("Retry-After", "7")], b"")
    assert "Retry-After: 7" in explainRefusal(500, [("Retry-After", "7")], b"")


@pytest.mark.parametrize(
    "body",
    [
        b'96:0{"sid":"x"}2:40',
        b'\x00\x09\x06\xff0{"sid":"x"}',
    ],
)
def test_engineIO3(body: bytes) -> None:
    """
    A payload of the version before ours is recognized, in both its forms.
    """
    assert "Socket.IO 2" in explainBody(body)


@pytest.mark.parametrize("body", [b"<html>", b"\r\n <!DOCTYPE html>"])
def test_webPage(body: bytes) -> None:
    """
    A web page is called one (faults F26).
    """
    assert "web page" in explainBody(body)


@pytest.mark.parametrize("body", [b"", b"ok", b'0{"sid":"x"}', b"12345", b"4:x"])
def test_unknownBody(body: bytes) -> None:
    """
    What we do not know is not explained.
    """
    assert explainBody(body) == ""
