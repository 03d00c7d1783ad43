"""
Tests for L{txsocketio.bots.records}; more of them are in C{test_log.py}.
"""

from __future__ import annotations

import json

import pytest

from bots.pluginkit import PluginStage
from txsocketio.bots.bot import Bot
from txsocketio.bots.records import eventRecord, jsonLine, readEvent, roughSize


def test_aRecordSaysWhenWhatCameToWhom() -> None:
    """
    In this order, so that a person can read it.
    """
    stage = PluginStage(Bot)
    stage.clock.advance(1.5)
    record = eventRecord(stage.bot, "tick", (1,))
    assert jsonLine(record) == (
        '{"time":"1970-01-01T00:00:01.500Z","bot":"ticker","namespace":"/chat",'
        '"event":"tick","args":[1]}\n'
    )


def test_whatJSONHasNoWordForIsShown() -> None:
    """
    Bytes can be read back; numbers that are none are told.
    """
    assert json.loads(jsonLine({"args": [b"a", 1j]}))["args"] == [{"base64": "YQ=="}, "1j"]
    assert "ValueError" in json.loads(jsonLine({"args": [float("nan")]}))["unreadable"]


def test_aRoughSizeCountsAllThatIsInside() -> None:
    """
    Keys, texts and bytes, and a little for everything.
    """
    assert roughSize(None) == 16
    assert roughSize(["ab", {"key": (b"1234", 5)}]) == 2 + 3 + 4 + 7 * 16


@pytest.mark.parametrize(
    "line",
    [
        '["tick",1,{"base64":"AA=="}]',
        '{"event":"tick","args":[1,{"base64":"AA=="}]}',
        b'{"time":"now","event":"tick","args":[1,{"base64":"AA=="}]}\n',
    ],
)
def test_anEventIsReadAsItIsWritten(line: str | bytes) -> None:
    """
    Short, or as a record, so that what was logged can be sent again.
    """
    assert readEvent(line) == ("tick", [1, b"\0"])


def test_anEventMayHaveNoArguments() -> None:
    """
    In either form.
    """
    assert readEvent('["tick"]') == readEvent('{"event": "tick"}') == ("tick", [])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "tick",
        "[]",
        "7",
        "[7]",
        "{}",
        '{"event": "tick", "args": 1}',
        '["a", {"base64": "!"}]',
        b"\xff",
        "[" * 100_000,
    ],
    ids=lambda line: repr(line)[:20],
)
def test_whatIsNoEventIsRefused(line: str | bytes) -> None:
    """
    Whatever comes, with one kind of error.
    """
    with pytest.raises(ValueError):
        readEvent(line)


def test_base64ThatIsNoTextIsAnObject() -> None:
    """
    Somebody else's.
    """
    assert readEvent('["a", {"base64": 1}]') == ("a", [{"base64": 1}])
