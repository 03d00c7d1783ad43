"""
Tests for L{txsocketio.bots.output}.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from twisted.logger import LogLevel, capturedLogs, formatEvent

from txsocketio.bots import output


def test_linesStayWhole() -> None:
    """
    However they come cut; the last needs no end.
    """
    taken: list[bytes] = []
    lines = output.Lines(taken.append)
    for data in (b"o", b"ne\ntw", b"o\n\n", b"thr", b"ee"):
        lines.feed(data)
    assert taken == [b"one", b"two", b""]
    lines.end()
    lines.end()
    assert taken[3:] == [b"three"]


def test_aLineWithoutEndDoesNotFillOurMemory(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is passed on in pieces.
    """
    monkeypatch.setattr(output, "MAX_LINE", 4)
    taken: list[bytes] = []
    lines = output.Lines(taken.append)
    lines.feed(b"12345")
    lines.feed(b"6\n")
    assert taken == [b"12345", b"6"]


def test_theOutputPassesAsItIs(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    To the true standard output, which C{twistd} hides.
    """
    stream = io.StringIO()
    monkeypatch.setattr(sys, "__stdout__", stream)
    output.passOutput(b"{}\xff")
    assert stream.getvalue() == "{}\\xff\n"


def test_outputThatNobodyReadsIsDropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The bots go on.
    """
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "__stdout__", stream)
    output.passOutput(b"x")


def test_whatPythonSaysIsLogged() -> None:
    """
    With the worker's number.
    """
    with capturedLogs() as logs:
        output.passErrors(b"Traceback", 2)
    (event,) = logs
    assert formatEvent(event) == "worker 2 says: Traceback"
    assert event["log_level"] is LogLevel.warn


def record(**fields: Any) -> bytes:
    values = {"level": "error", "logger": "bot.x", "message": "it {is} up", "log_time": 7.5}
    return json.dumps({**values, **fields}).encode()


def test_eventsAreMadeAgain() -> None:
    """
    Level, namespace, time and fields are as they were; a text is a text,
    whatever is in it.
    """
    published: list[dict[str, Any]] = []
    output.passLog(record(bot="x", sid="s", attempt=3, time="now"), 3, published.append)
    (event,) = published
    assert event["log_level"] is LogLevel.error
    told = [event[name] for name in ("log_namespace", "log_time", "bot", "sid", "worker")]
    assert told == ["bot.x", 7.5, "x", "s", 3]
    assert "url" not in event
    assert formatEvent(event) == "it {is} up"


def test_failuresAreShown() -> None:
    """
    With their traceback, as the worker had it.
    """
    published: list[dict[str, Any]] = []
    output.passLog(record(failure="Traceback: {}"), 3, published.append)
    assert formatEvent(published[0]) == "it {is} up\nTraceback: {}"


@pytest.mark.parametrize(
    "line", [b"nonsense", b"[1]", b"\xff", record(level="loud"), record(log_time=1e300)]
)
def test_whatIsNoEventIsShownAsItIs(line: bytes) -> None:
    """
    Rather than lost.
    """
    published: list[Any] = []
    with capturedLogs() as logs:
        output.passLog(line, 1, published.append)
    assert published == []
    assert len(logs) == 1


def test_eachStreamHasItsTaker(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Output, errors, log, in this order.
    """
    stream = io.StringIO()
    monkeypatch.setattr(sys, "__stdout__", stream)
    out, errors, log = output.linesOf(4)
    with capturedLogs() as logs:
        for each, line in ((out, b"data\n"), (errors, b"oops\n"), (log, b"no event\n")):
            each.feed(line)
    assert stream.getvalue() == "data\n"
    assert [formatEvent(each) for each in logs] == [
        "worker 4 says: oops",
        "worker 4 says: no event",
    ]
