"""
Tests for L{txsocketio.bots.schema}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from txsocketio.bots.schema import (
    PluginOption,
    boolean,
    count,
    integer,
    listOf,
    rate,
    schemaOf,
    seconds,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (boolean, "Yes", True),
        (boolean, "off", False),
        (integer, "0012", 12),
        (seconds, "1.5", 1.5),
        (count, "3", 3),
        (rate, "10/s", 10.0),
        (rate, "30 / m", 0.5),
        (rate, "1.5", 1.5),
        (rate, "3600/h", 1.0),
        (listOf, " a, b\nc,, ", ("a", "b", "c")),
    ],
)
def test_textBecomesAValue(parse: Callable[[str], Any], text: str, value: object) -> None:
    """
    Each reader takes what a person would write.
    """
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "rule"),
    [
        (boolean, "maybe", "yes or no"),
        (integer, "-1", "whole number"),
        (integer, "\u0661", "whole number"),
        (integer, "9" * 5000, "whole number"),
        (seconds, "-1", "number of seconds"),
        (seconds, "nan", "number of seconds"),
        (seconds, "inf", "number of seconds"),
        (seconds, "soon", "number of seconds"),
        (count, "0", "1 or more"),
        (count, "few", "1 or more"),
        (rate, "0/s", "10/s"),
        (rate, "10/day", "10/s"),
        (rate, "many", "10/s"),
        (rate, "inf", "10/s"),
        (rate, "nan", "10/s"),
    ],
)
def test_whatDoesNotFitIsRefusedWithTheRule(
    parse: Callable[[str], Any], text: str, rule: str
) -> None:
    """
    The error says the rule, so that the file can be corrected.
    """
    with pytest.raises(ValueError, match=rule):
        parse(text)


def test_aSchemaIsByName() -> None:
    """
    An author writes each name once.
    """
    option = PluginOption("events")
    assert schemaOf(option) == {"events": option}
