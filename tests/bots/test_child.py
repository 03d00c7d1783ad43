"""
Tests for L{txsocketio.bots.child}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from support import deferred, failureOf
from txsocketio.bots.child import MAX_OUTPUT, PATIENCE, ServerChild, ServerFailed


class FakeProcesses(Clock):
    """
    A reactor that starts nothing; it is the process as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.did: list[Any] = []

    def spawnProcess(self, protocol: Any, *args: Any) -> None:
        protocol.makeConnection(self)

    def closeStdin(self) -> None:
        self.did.append("closeStdin")

    def signalProcess(self, name: str) -> None:
        self.did.append(name)


class Stage:
    def __init__(self) -> None:
        self.lost: list[int] = []
        self.reactor = FakeProcesses()
        self.child = ServerChild(self.reactor, lambda: self.lost.append(1))
        self.listening: list[Any] = []
        self.child.start("server.py").addBoth(self.listening.append)

    def end(self) -> None:
        self.child.processEnded(Failure(ProcessDone(0)))


def test_thePortIsTheFirstLine() -> None:
    """
    However the line comes cut; what follows does not matter.
    """
    stage = Stage()
    for data in (b"41", b"23\nmore\n", b"1\n"):
        stage.child.outReceived(data)
    assert stage.listening == [4123]


@pytest.mark.parametrize(("errors", "said"), [(b"no module\n", "no module"), (b"", "finished")])
def test_aServerThatEndsAtOnceSaysWhy(errors: bytes, said: str) -> None:
    """
    What it wrote to its standard error is the reason.
    """
    stage = Stage()
    stage.child.errReceived(errors)
    stage.end()
    (failure,) = stage.listening
    assert failure.check(ServerFailed)
    assert said in failure.getErrorMessage()
    assert stage.lost == []


def test_aServerThatEndsLaterIsMissed() -> None:
    """
    Whoever started it is told.
    """
    stage = Stage()
    stage.child.outReceived(b"1\n")
    stage.end()
    assert stage.lost == [1]


def test_stoppingClosesItsInputAndWaitsForItsEnd() -> None:
    """
    It has some seconds for ending by itself, and is not missed.
    """
    stage = Stage()
    stage.child.outReceived(b"1\n")
    ended: list[Any] = []
    stage.child.stop().addBoth(ended.append)
    assert stage.reactor.did == ["closeStdin"] and ended == []
    stage.end()
    assert ended == [None] and stage.lost == []
    assert stage.reactor.getDelayedCalls() == []


def test_aServerThatDoesNotEndIsKilled() -> None:
    """
    No child is ever left.
    """
    stage = Stage()
    ended = stage.child.stop()
    stage.reactor.advance(PATIENCE)
    assert stage.reactor.did == ["closeStdin", "KILL"]
    stage.listening.clear()
    stage.end()
    assert ended.called


def test_whatNeverRanIsStopped() -> None:
    """
    At once, also after its end.
    """
    assert ServerChild(FakeProcesses()).stop().called


def test_outputIsBounded() -> None:
    """
    A child that talks without end does not fill our memory.
    """
    stage = Stage()
    for _ in range(3):
        stage.child.outReceived(b"x" * MAX_OUTPUT)
        stage.child.errReceived(b"x" * MAX_OUTPUT)
    assert len(stage.child._output) == len(stage.child._errors) == MAX_OUTPUT


PROGRAM = "import sys; print(4123, flush=True); sys.stdin.read()"


@deferred()
async def test_aRealChildSaysItsPortAndEndsWithItsInput(tmp_path: Path) -> None:
    """
    With a real process, which is reaped.
    """
    from twisted.internet import reactor

    program = tmp_path / "server.py"
    program.write_text(PROGRAM)
    child = ServerChild(reactor)
    assert await child.start(str(program)) == 4123
    await child.stop()


@deferred()
async def test_aRealChildThatCannotStart(tmp_path: Path) -> None:
    """
    Python's own complaint is the reason.
    """
    from twisted.internet import reactor

    starting: Deferred[int] = ServerChild(reactor).start(str(tmp_path / "none.py"))
    assert "No such file" in str(await failureOf(starting, ServerFailed))
