"""
What the tests of workers share: a process that is only told of.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated

ENDS = {
    None: ProcessTerminated(signal=9),
    0: ProcessDone(0),
    1: ProcessTerminated(1),
    2: ProcessTerminated(2),
}
"""How processes end, by their status."""


class FakeProcess:
    """
    A worker's process; C{signals} are those it got.
    """

    def __init__(self, number: int, reactor: Any, ended: Any) -> None:
        self.number = number
        self.signals: list[str] = []
        self._ended = ended

    def signal(self, name: str) -> None:
        self.signals.append(name)

    def end(self, status: int | None = 0) -> None:
        self._ended(ENDS[status])
