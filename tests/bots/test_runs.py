"""
Tests for L{txsocketio.bots.runs}.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from support import deferred, until
from txsocketio.bots.runs import GRACE, MAX_OUTPUT, OWN_GROUP, SAID, Finished, Run


class FakeProcesses(Clock):
    """
    A reactor that starts nothing; it is the process as well.
    """

    deaf = False
    pid = 2**30  # no process has such a number, nor has a group

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[Any] = []
        self.did: list[Any] = []
        self.triggers: list[Any] = []

    def addSystemEventTrigger(self, phase: str, event: str, *call: Any) -> Any:
        self.triggers.append((phase, event, *call))
        return self.triggers[-1]

    def removeSystemEventTrigger(self, trigger: Any) -> None:
        self.triggers.remove(trigger)

    def spawnProcess(self, protocol: Any, *args: Any) -> None:
        self.spawned.append(args)
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        self.did.append(data)

    def closeStdin(self) -> None:
        self.did.append("closeStdin")

    def loseConnection(self) -> None:
        self.did.append("loseConnection")

    def signalProcess(self, number: signal.Signals) -> None:
        if self.deaf:
            raise ProcessExitedAlready()
        self.did.append(number.name.removeprefix("SIG"))


class Stage:
    """
    A run of no program.
    """

    def __init__(self) -> None:
        self.reactor = FakeProcesses()
        self.run = Run(self.reactor, b"in", 60.0)
        self.results: list[Any] = []
        self.run.finished.addBoth(self.results.append)
        self.run.start(("program", "a"), {"A": "b"})

    def exit(self, status: int | None = 0, signal: int | None = None) -> None:
        why = ProcessTerminated(status, signal) if status or signal else ProcessDone(0)
        self.run.processExited(Failure(why))

    def end(self, status: int | None = 0, signal: int | None = None) -> None:
        self.exit(status, signal)
        self.run.processEnded(Failure(ProcessDone(0)))


def isRunning(pid: int) -> bool:
    """
    A zombie that nobody reaps is not.
    """
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_aProgramGetsItsInputAndItsEnd() -> None:
    """
    And nothing but the environment it is to have.
    """
    stage = Stage()
    words = [*OWN_GROUP, "program", "a"]
    assert stage.reactor.spawned == [(words[0], words, {"A": "b"})]
    assert stage.reactor.did == [b"in", "closeStdin"]


def test_whatItWroteAndHowItEnded() -> None:
    """
    All of its output, the end of its errors.
    """
    stage = Stage()
    for data in (b"a", b"b\n"):
        stage.run.outReceived(data)
        stage.run.errReceived(b"x" * SAID)
    stage.run.errReceived(b" end\n")
    stage.end(3)
    ((status, why, output, said),) = stage.results
    assert (status, why, output) == (3, "it ended with status 3", b"ab\n")
    assert said.endswith("x end") and len(said) == SAID - 1
    assert stage.reactor.getDelayedCalls() == []


def test_endedBySomeoneElse() -> None:
    """
    There is no status then.
    """
    stage = Stage()
    stage.end(None, 9)
    assert stage.results == [Finished(None, "it was ended by signal 9", b"", "")]


def test_whatTakesTooLongIsEnded() -> None:
    """
    First it is asked, then made.
    """
    stage = Stage()
    stage.reactor.advance(60)
    assert stage.reactor.did[2:] == ["TERM"]
    stage.run.end("again")
    stage.reactor.advance(GRACE)
    assert stage.reactor.did[2:] == ["TERM", "KILL"]
    stage.end(None, 9)
    assert stage.results == [Finished(None, "it took longer than 60 s", b"", "")]


def test_whatIsToEndDoesNotOutliveUs() -> None:
    """
    When the daemon ends first, it is made to end as well.
    """
    stage = Stage()
    stage.run.end("enough")
    ((phase, event, kill),) = stage.reactor.triggers
    assert (phase, event) == ("after", "shutdown")
    kill()
    assert stage.reactor.did[2:] == ["TERM", "KILL"]
    stage.end(None, 9)
    assert stage.reactor.triggers == []


def test_whatWritesTooMuchIsEnded() -> None:
    """
    However fast it is.
    """
    stage = Stage()
    stage.run.outReceived(b"x" * MAX_OUTPUT)
    stage.run.outReceived(b"x")
    stage.end(0)
    ((status, why, output, _),) = stage.results
    assert status is None and why == f"it wrote more than {MAX_OUTPUT} bytes"
    assert len(output) == MAX_OUTPUT


def test_aSignalThatComesTooLateDoesNotMatter() -> None:
    """
    It has ended already.
    """
    stage = Stage()
    stage.reactor.deaf = True
    stage.run.end("enough")
    stage.end(0)
    assert stage.results[0].why == "enough"


def test_itsOutputIsClosedAfterIt() -> None:
    """
    Children of its own do not keep us waiting, and are not signalled.
    """
    stage = Stage()
    stage.exit(0)
    stage.run.end("too late")
    stage.reactor.advance(GRACE)
    assert stage.reactor.did[2:] == ["loseConnection"]
    stage.run.processEnded(Failure(ProcessDone(0)))
    assert stage.results[0].status == 0


def test_itsChildrenAreGivenTimeToo() -> None:
    """
    When it ends as it was asked to, they have until the KILL; and whoever is
    not in its group does not keep us waiting after that.
    """
    stage = Stage()
    stage.run.end("enough")
    stage.exit(None, 15)
    stage.reactor.advance(GRACE)
    assert stage.reactor.did[2:] == ["TERM", "KILL"]
    stage.reactor.advance(GRACE)
    assert stage.reactor.did[4:] == ["loseConnection"]
    stage.run.processEnded(Failure(ProcessDone(0)))
    assert stage.results == [Finished(None, "enough", b"", "")]
    assert stage.reactor.getDelayedCalls() == [] and stage.reactor.triggers == []


def test_cancellingEndsIt() -> None:
    """
    It is gone later.
    """
    stage = Stage()
    gone: list[Any] = []
    stage.run.finished.cancel()
    stage.run.whenGone().addBoth(gone.append)
    assert stage.results[0].check(CancelledError) and stage.reactor.did[2:] == ["TERM"]
    assert gone == []
    stage.end(None, 15)
    assert gone == [None]
    stage.run.whenGone().addBoth(gone.append)
    assert gone == [None, None]


@deferred()
async def test_aRealProgram() -> None:
    """
    Reads, writes, and ends.
    """
    from twisted.internet import reactor

    code = "import sys; d = sys.stdin.read(); sys.stderr.write('e'); print(d * 2); sys.exit(4)"
    run = Run(reactor, b"ab", 10.0)
    run.start((sys.executable, "-c", code), {})
    assert await run.finished == Finished(4, "it ended with status 4", b"abab\n", "e")


@deferred()
async def test_aRealProgramThatDoesNotEnd() -> None:
    """
    It is made to, though it will not be asked.
    """
    from twisted.internet import reactor

    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('up', flush=True); time.sleep(100)"
    )
    run = Run(reactor, b"", 0.3)
    run.start((sys.executable, "-c", code), {})
    finished = await run.finished
    assert finished.status is None and finished.why == "it took longer than 0.3 s"
    await run.whenGone()


@deferred()
async def test_aRealProgramWithAChildThatStays() -> None:
    """
    Which does not keep us waiting.
    """
    from twisted.internet import reactor

    run = Run(reactor, b"", 10.0)
    run.start(("/bin/sh", "-c", "sleep 3 & exit 0"), {"PATH": "/usr/bin:/bin"})
    assert (await run.finished).status == 0


@pytest.mark.skipif(not OWN_GROUP, reason="this system has no setsid")
@deferred(20)
async def test_theChildrenOfARealProgramEndWithIt(tmp_path: Path) -> None:
    """
    Also one that will not be asked: a shell's own end is not that of what it
    has started.
    """
    from twisted.internet import reactor

    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(100)"
    (tmp_path / "deaf.py").write_text(code)
    script = f"{sys.executable} deaf.py & echo $! > pid; wait"
    run = Run(reactor, b"", 100.0)
    run.start(("/bin/sh", "-c", f"cd {tmp_path}; {script}"), {"PATH": "/usr/bin:/bin"})
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    run.end("enough")
    assert (await run.finished).why == "enough"
    child = int((tmp_path / "pid").read_text())
    await until(lambda: not isRunning(child))
