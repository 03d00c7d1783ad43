"""
What a step of C{probe} finds out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from txsocketio.errors import TransportError

__all__ = ["Finding", "Skipped", "Step", "StepFailed", "explained"]


@dataclass(frozen=True, slots=True)
class Finding:
    """
    A step that works.

    @ivar text: a sentence for a person.
    @ivar facts: the same and more for a program.
    @ivar hint: what could be better.
    """

    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    hint: str = ""


class Skipped(Exception):
    """
    A step has nothing to look at; the text says why.
    """


class StepFailed(Exception):
    """
    A step does not work.

    @ivar hint: what may help.
    """

    def __init__(self, text: str, hint: str = "", facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.hint = hint
        self.facts = facts or {}


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step, done.

    @ivar outcome: C{"ok"}, C{"failed"}, C{"skipped"}, or C{"not tried"} after
        one that failed.
    @ivar seconds: how long it took, or L{None}.
    """

    name: str
    outcome: str
    seconds: float | None
    text: str
    hint: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def explained(error: BaseException, hint: str = "") -> StepFailed:
    """
    Make a failed step of an error, whose text may say what helps.

    @param hint: what helps when the error does not say it.
    """
    facts: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, TransportError):
        known = {"status": error.status, "phase": error.phase, "transport": error.transport}
        facts |= {name: value for name, value in known.items() if value}
    text, _, own = str(error).partition("; ")
    return StepFailed(text or type(error).__name__, own or hint, facts)
