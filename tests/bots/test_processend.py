"""
Tests for L{txsocketio.bots.processend}; the real end is in C{test_life}.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
from twisted.internet.error import ReactorNotRunning

from txsocketio.bots.processend import ProcessEnd


class FakeReactor:
    """
    A reactor that can be stopped once.
    """

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.stopped = 0

    def callWhenRunning(self, function: Any) -> None:
        self.waiting.append(function)

    def stop(self) -> None:
        self.stopped += 1
        if self.stopped > 1:
            raise ReactorNotRunning

    def run(self) -> None:
        for each in self.waiting:
            each()


class Stage:
    def __init__(self) -> None:
        self.reactor = FakeReactor()
        self.atExit: list[Any] = []
        self.statuses: list[int] = []
        self.end = ProcessEnd(self.reactor, self.atExit.append, self.statuses.append)

    def exit(self) -> None:
        self.reactor.run()
        for each in self.atExit:
            each()


def test_aProcessThatEndsByItselfIsLeftAlone() -> None:
    """
    Its status is twistd's.
    """
    stage = Stage()
    stage.exit()
    assert stage.statuses == [] and stage.reactor.stopped == 0


def test_theReactorIsStoppedFirst() -> None:
    """
    Also when it does not run yet; the status comes when all is over, and the
    first one counts.
    """
    stage = Stage()
    stage.end.end(1)
    stage.end.end(7)
    assert stage.reactor.stopped == 0
    stage.exit()
    assert stage.reactor.stopped == 1 and stage.statuses == [1]


def test_aReactorThatIsStoppingIsNotStoppedTwice() -> None:
    """
    SIGTERM may have come in between.
    """
    stage = Stage()
    stage.reactor.stop()
    stage.end.end(1)
    stage.exit()
    assert stage.statuses == [1]


def test_whatWasPrintedIsNotLost(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The end is abrupt, so the standard streams are flushed before.
    """
    flushed: list[int] = []

    class Stream:
        def flush(self) -> None:
            flushed.append(len(flushed))

    stage = Stage()
    stage.end.end(1)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Stream())
        patch.setattr(sys, "stderr", Stream())
        stage.exit()
    assert flushed == [0, 1]
