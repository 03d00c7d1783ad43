"""
Tests for L{txsocketio.bots.page}; test_browser.py looks at it in a browser.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from bots.lookkit import NOW, document, status
from txsocketio.bots.page import CONTENT_SECURITY_POLICY, span, statusPage
from txsocketio.bots.states import BotState

EVIL = """</script><script>alert(1)</script><img src=x onerror="alert('2')">"""


class Reading(HTMLParser):
    """
    What a browser without JavaScript sees: tags, fields and texts.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self._field = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        given = dict(attrs)
        self._field = given.get("data-field") or given.get("id") or ""

    def handle_endtag(self, tag: str) -> None:
        self._field = ""

    def handle_data(self, data: str) -> None:
        if self._field:
            self.fields[self._field] = self.fields.get(self._field, "") + data


def test_thePageIsCompleteWithoutJavaScript() -> None:
    """
    Every value stands in it as it is served.
    """
    lost = status(
        state=BotState.BACKING_OFF,
        why="refused",
        sid=None,
        transport=None,
        attempt=3,
        nextAttempt=NOW + 4.5,
        lastError="xhr post error",
    )
    fields = Reading(statusPage(document(lost))).fields
    assert fields["ready"] == "not ready: waiting for ticker"
    assert fields["count"] == "0 of 1 connected"
    assert fields["time"] == "2027-01-15 08:00:00 UTC"
    apart = ("ready", "count", "time", "running", "rule", "stale", "tools", "find", "only")
    assert {name: fields[name] for name in fields if name not in apart} == {
        "state": "backing off",
        "age": "1 min 5 s",
        "why": "refused",
        "server": "https://example.com/prices",
        "namespace": "/prices",
        "plugin": "log",
        "since": "2027-01-15 07:58:55 UTC",
        "transport": "–",
        "sid": "–",
        "attempt": "3",
        "nextAttempt": "in 4 s",
        "lastError": "xhr post error",
        "connects": "2",
        "disconnections": "1",
        "eventsIn": "40",
        "emits": "3",
    }


def test_aReadyDaemonSaysSo() -> None:
    """
    How many are connected stands beside it, and how long it runs below.
    """
    page = statusPage(document())
    fields = Reading(page).fields
    assert (fields["ready"], fields["count"]) == ("ready", "1 of 1 connected")
    assert (fields["running"], fields["rule"]) == ("1 d 1 h", "all")
    assert ("data-ready", "true") in Reading(page).attributes


def test_whatAServerSaysIsOnlyText() -> None:
    """
    No tag and no attribute comes into the page through a value.
    """
    values = {"why": EVIL, "lastError": EVIL, "server": EVIL, "namespace": EVIL, "sid": EVIL}
    hostile = statusPage(document(status(**values), notReady=[EVIL], ready=False, readyRule=EVIL))
    plain = statusPage(document(status(), notReady=["x"], ready=False))
    reading, usual = Reading(hostile), Reading(plain)
    assert reading.tags == usual.tags
    assert reading.attributes == usual.attributes
    assert reading.fields["why"] == EVIL


def test_bracesInAValueAreOnlyText() -> None:
    """
    The page is made by formatting, of which a value is no part.
    """
    assert Reading(statusPage(document(status(why="{pid}")))).fields["why"] == "{pid}"


@pytest.mark.parametrize("tag", ["style", "script"])
def test_thePolicyKnowsWhatStandsInThePage(tag: str) -> None:
    """
    A browser would refuse to run a script that is not exactly the one named.
    """
    inside = re.search(f"<{tag}>(.*?)</{tag}>", statusPage(document()), re.DOTALL)
    assert inside is not None
    digest = b64encode(sha256(inside[1].encode()).digest()).decode()
    assert f"{tag}-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY


def test_theScriptIsNeverHandedMarkUp() -> None:
    """
    It sets texts; and without it the page loads itself again.
    """
    page = statusPage(document())
    assert "innerHTML" not in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (90061, "1 d 1 h"),
    ],
)
def test_aSpanHasTwoUnits(seconds: float, text: str) -> None:
    """
    Nobody reads 90061 seconds.
    """
    assert span(seconds) == text
