"""
Tests for L{txsocketio.commands.steps}.
"""

from __future__ import annotations

import pytest

from txsocketio.commands.steps import StepFailed, explained
from txsocketio.errors import TransportError


@pytest.mark.parametrize(
    ("error", "text", "hint"),
    [
        (ValueError("what; how"), "what", "how"),
        (ValueError("what"), "what", "other"),
        (KeyError(), "KeyError", "other"),
    ],
    ids=repr,
)
def test_explained(error: Exception, text: str, hint: str) -> None:
    """
    An error's text may say what helps; if not, the step does.
    """
    failed = explained(error, "other")
    assert (str(failed), failed.hint) == (text, hint)
    assert failed.facts == {"error": type(error).__name__}


def test_transportError() -> None:
    """
    Facts of a transport error are kept, as far as they are known.
    """
    failed = explained(TransportError("x", transport="polling", status=503))
    assert failed.facts == {"error": "TransportError", "transport": "polling", "status": 503}


def test_noFacts() -> None:
    """
    A failed step has no facts unless some are given.
    """
    assert StepFailed("x").facts == {}
