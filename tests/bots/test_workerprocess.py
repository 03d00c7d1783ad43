"""
Tests for L{txsocketio.bots.workerprocess}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from txsocketio.bots.workerprocess import LAST_WORDS, PIPES, WorkerProcess, describeEnd


class FakeTransport:
    def __init__(self) -> None:
        self.did: list[Any] = []
        self.gone = False

    def closeChildFD(self, number: int) -> None:
        self.did.append(number)

    def signalProcess(self, name: str) -> None:
        if self.gone:
            raise ProcessExitedAlready
        self.did.append(name)


class Stage:
    def __init__(self) -> None:
        self.clock = Clock()
        self.transport = FakeTransport()
        self.ends: list[Any] = []
        self.process = WorkerProcess(2, self.clock, self.ends.append)
        self.process.makeConnection(self.transport)


def test_nothingIsSaidToAWorker() -> None:
    """
    Its standard input is at its end.
    """
    assert Stage().transport.did == [0]


def test_signalsAreSent() -> None:
    """
    One that comes too late does no harm.
    """
    stage = Stage()
    stage.process.signal("TERM")
    stage.transport.gone = True
    stage.process.signal("KILL")
    assert stage.transport.did == [0, "TERM"]


def test_whatAWorkerSaysIsPassedOn() -> None:
    """
    The last line included, which has no end.
    """
    stage = Stage()
    with capturedLogs() as logs:
        stage.process.childDataReceived(2, b"oops\nmo")
        stage.process.childDataReceived(2, b"re")
        stage.process.processExited(Failure(ProcessDone(0)))
        stage.process.processEnded(Failure(ProcessDone(0)))
    assert [formatEvent(each) for each in logs] == [
        "worker 2 says: oops",
        "worker 2 says: more",
    ]
    assert isinstance(stage.ends[0], ProcessDone)
    assert stage.clock.getDelayedCalls() == []


def test_aProgramLeftBehindDoesNotKeepTheWorker() -> None:
    """
    Its pipes are closed some time after the worker's end.
    """
    stage = Stage()
    stage.process.processExited(Failure(ProcessDone(0)))
    stage.clock.advance(LAST_WORDS)
    assert stage.transport.did == [0, *PIPES]
    stage.process.processEnded(Failure(ProcessDone(0)))
    assert len(stage.ends) == 1


def test_anEndWithoutAnExit() -> None:
    """
    Nothing was waited for.
    """
    stage = Stage()
    stage.process.processEnded(Failure(ProcessDone(0)))
    assert len(stage.ends) == 1


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (ProcessDone(0), "ended with status 0"),
        (ProcessTerminated(2), "ended with status 2"),
        (ProcessTerminated(signal=11), "was ended by signal 11"),
    ],
)
def test_endsAreTold(end: Any, words: str) -> None:
    """
    In words.
    """
    assert describeEnd(end) == words
