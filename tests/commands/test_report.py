"""
Tests for L{txsocketio.commands.report}.
"""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest

from txsocketio.commands.report import JSONReport, TextReport
from txsocketio.commands.steps import Step

CERTIFICATE = {
    "names": ["a.example", "b.example"],
    "subject": "a.example",
    "issuer": "CA",
    "notBefore": "2020-01-01T00:00:00",
    "notAfter": "2021-01-01T00:00:00",
}


def hide(text: str) -> str:
    return text.replace("hush", "(hidden)")


def shown(*steps: Step) -> str:
    stream = StringIO()
    report = TextReport(stream)
    report.redact = hide
    for step in steps:
        report.step(step)
    return stream.getvalue()


def records(*steps: Step) -> list[Any]:
    stream = StringIO()
    report = JSONReport(stream, print)
    report.redact = hide
    for step in steps:
        report.step(step)
    report.end("tls", 14)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_waiting() -> None:
    """
    A person is told that a step takes long: the one in the report, the other
    beside it.
    """
    stream, told = StringIO(), StringIO()
    TextReport(stream).waiting("heartbeat", "for 25 s")
    assert stream.getvalue() == f"heartbeat  waits{'':16}for 25 s\n"
    stream.truncate(0)
    JSONReport(stream, told.write).waiting("heartbeat", "for 25 s")
    assert (stream.getvalue(), told.getvalue()) == ("", "heartbeat waits for 25 s")


def test_text() -> None:
    """
    A step is a line, with its time if it has one; the hint is below it.
    """
    assert shown(
        Step("tcp", "failed", 0.0124, "hush\x1b[2J", "help"), Step("tls", "not tried", None, "")
    ).splitlines() == [
        "tcp        failed        12 ms  (hidden)\\x1b[2J",
        f"{'':31}hint: help",
        "tls        not tried",
    ]


@pytest.mark.parametrize("names", [["a.example", "b.example"], []])
def test_certificateInText(names: list[str]) -> None:
    """
    When TLS failed, the certificate's facts are told; without names its
    subject is.
    """
    text = shown(
        Step("tls", "failed", 1, "x", facts={"certificate": {**CERTIFICATE, "names": names}})
    )
    assert f"is for {', '.join(names) or 'a.example'}, by CA" in text
    assert "good from 2020-01-01 until 2021-01-01" in text


@pytest.mark.parametrize(
    ("failed", "said"), [(None, "all that was tried works"), ("dns", "the first that failed: dns")]
)
def test_endOfText(failed: str | None, said: str) -> None:
    """
    The last line says what it comes to.
    """
    stream = StringIO()
    TextReport(stream).end(failed, 0)
    assert stream.getvalue() == f"\n{said}\n"


def test_json() -> None:
    """
    A step is an object, with nothing in it that is not known, nor a secret.
    """
    facts = {"a": ["hush", 1], "b": {"c": "hush"}}
    assert records(
        Step("url", "ok", 0.5, "hush", "hint", facts), Step("tls", "failed", None, "")
    ) == [
        {
            "step": "url",
            "outcome": "ok",
            "seconds": 0.5,
            "text": "(hidden)",
            "hint": "hint",
            "facts": {"a": ["(hidden)", 1], "b": {"c": "(hidden)"}},
        },
        {"step": "tls", "outcome": "failed"},
        {"ok": False, "failed": "tls", "status": 14},
    ]


def test_nobodyReads() -> None:
    """
    A closed output is no error: the exit status tells.
    """
    stream = StringIO()
    stream.close()
    JSONReport(stream, print).end(None, 0)


def test_thereMayBeNobodyToReportTo(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The exit status tells.
    """
    monkeypatch.setattr("sys.stdout", None)
    TextReport(None).end(None, 0)
