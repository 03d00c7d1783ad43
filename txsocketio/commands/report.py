"""
How the findings of C{probe} are written: for a person, or for a program.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from txsocketio.bots.texts import printable
from txsocketio.commands.flags import inFlags
from txsocketio.commands.steps import Step

__all__ = ["JSONReport", "TextReport"]

_INDENT = " " * 31


class _Report:
    """
    @ivar redact: hides secrets in a text.
    """

    redact: Callable[[str], str] = staticmethod(str)

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def _words(self, text: str) -> str:
        """
        What a step says, maybe by an error of the library's.
        """
        return inFlags(self.redact(text))

    def _write(self, line: str) -> None:
        try:
            print(line, file=self._stream, flush=True)
        except (OSError, ValueError):
            pass  # nobody reads it; the exit status tells


class TextReport(_Report):
    """
    A line a step, and a hint below it.
    """

    def step(self, step: Step) -> None:
        """
        Write a step.
        """
        took = "" if step.seconds is None else f"{step.seconds * 1000:.0f} ms"
        said = self._words(step.text)
        self._say(f"{step.name:9}  {step.outcome:9} {took:>9}  {said}".rstrip())
        if step.hint:
            self._say(f"{_INDENT}hint: {self._words(step.hint)}")
        if step.outcome == "failed" and "certificate" in step.facts:
            self._certificate(step.facts["certificate"])

    def waiting(self, name: str, text: str) -> None:
        """
        Write that a step takes long.
        """
        self._say(f"{name:9}  {'waits':9} {'':>9}  {text}")

    def end(self, failed: str | None, status: int) -> None:
        """
        Write what it comes to.
        """
        text = "all that was tried works" if failed is None else f"the first that failed: {failed}"
        self._say(f"\n{text}")

    def _certificate(self, facts: Mapping[str, Any]) -> None:
        names = ", ".join(facts["names"]) or facts["subject"]
        self._say(f"{_INDENT}the certificate is for {names}, by {facts['issuer']},")
        self._say(f"{_INDENT}good from {facts['notBefore'][:10]} until {facts['notAfter'][:10]}")

    def _say(self, text: str) -> None:
        self._write(printable(self.redact(text)))


class JSONReport(_Report):
    """
    A line of JSON a step, and one for all.
    """

    def __init__(self, stream: Any, tell: Callable[[str], object]) -> None:
        """
        @param tell: shows to a person how things go.
        """
        super().__init__(stream)
        self._tell = tell

    def waiting(self, name: str, text: str) -> None:
        """
        Tell that a step takes long; a program learns it from the result.
        """
        self._tell(f"{name} waits {text}")

    def step(self, step: Step) -> None:
        """
        Write a step.
        """
        record: dict[str, Any] = {"step": step.name, "outcome": step.outcome}
        if step.seconds is not None:
            record["seconds"] = round(step.seconds, 6)
        words = {"text": self._words(step.text), "hint": self._words(step.hint)}
        record |= {name: each for name, each in words.items() if each}
        if step.facts:
            record["facts"] = dict(step.facts)
        self._write(self._dumped(record))

    def end(self, failed: str | None, status: int) -> None:
        """
        Write what it comes to.
        """
        self._write(self._dumped({"ok": failed is None, "failed": failed, "status": status}))

    def _dumped(self, value: Any) -> str:
        return json.dumps(self._hidden(value), separators=(",", ":"), default=str)

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {name: self._hidden(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._hidden(each) for each in value]
        return value
