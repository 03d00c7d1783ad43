"""
Tests for L{txsocketio.bots.command}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated, TimeoutError
from twisted.python.failure import Failure

from bots.peerkit import running, serving
from bots.pluginkit import PluginStage
from bots.test_runs import FakeProcesses
from conftest import LoggedFailures
from support import deferred, until
from txsocketio.bots.command import CommandBot, ProgramFailed, commandLine
from txsocketio.bots.loader import Plugins
from txsocketio.bots.runs import OWN_GROUP


class Processes(FakeProcesses):
    """
    Remembers the runs, and can refuse.
    """

    refusal: OSError | None = None

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Any] = []

    def spawnProcess(self, protocol: Any, *args: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.runs.append(protocol)
        super().spawnProcess(protocol, *args)

    def end(self, status: int = 0, output: bytes = b"", said: bytes = b"") -> None:
        run = self.runs.pop(0)
        run.outReceived(output)
        run.errReceived(said)
        run.processExited(Failure(ProcessTerminated(status) if status else ProcessDone(0)))
        run.processEnded(Failure(ProcessDone(0)))


class Stage(PluginStage):
    """
    A command bot that runs nothing.
    """

    def __init__(self, **config: Any) -> None:
        self.processes = Processes()
        super().__init__(CommandBot, self.processes, **{"program": ("/bin/sh", "-x"), **config})
        self.bot.start()


def test_itIsBuiltIn() -> None:
    """
    C{plugin = command}.
    """
    assert "command" in [each.name for each in Plugins().found]


def test_theProgramIsSaidAsInAShell() -> None:
    """
    But there is none.
    """
    assert commandLine("notify 'a b' $X|y") == ("notify", "a b", "$X|y")


@pytest.mark.parametrize("text", ["", "  ", "a 'b", "a\0b"])
def test_whatIsNoProgramIsRefused(text: str) -> None:
    """
    When the file is read.
    """
    with pytest.raises(ValueError, match="quotes in pairs"):
        commandLine(text)


@pytest.mark.parametrize("environment", [("PATH",), ()])
def test_aProgramThatIsNotThereFailsTheStart(environment: tuple[str, ...]) -> None:
    """
    Not the first event.
    """
    with pytest.raises(ProgramFailed, match="no program 'no-such-thing'"):
        Stage(program=("no-such-thing",), environment=environment)


def test_anEventIsTheInput(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As JSON; who it is for stands in the environment, secrets of ours do not.
    """
    monkeypatch.setenv("TOKEN", "secret")
    monkeypatch.setenv("TZ", "UTC")
    stage = Stage(environment=("TZ", "NOT_THERE"))
    stage.receive(("ti\0ck\ud800", 1))
    ((executable, command, environment),) = stage.processes.spawned
    assert command == [*OWN_GROUP, "/bin/sh", "-x"] and executable == command[0]
    assert environment == {
        "TZ": "UTC",
        "SIOCLIENT_BOT": "ticker",
        "SIOCLIENT_NAMESPACE": "/chat",
        "SIOCLIENT_EVENT": b"tick?",
    }
    assert json.loads(stage.processes.did[0])["args"] == [1]
    stage.processes.end()


def test_oneAfterTheOther() -> None:
    """
    What it says is logged for those who look closely.
    """
    stage = Stage()
    stage.receive("a", "b")
    assert len(stage.processes.spawned) == 1
    stage.processes.end(output=b"fine\n")
    assert len(stage.processes.spawned) == 2
    stage.processes.end()
    assert stage.log.lines == ["debug: sh said 'fine\\n'"]


def test_aProgramThatFailsIsTold() -> None:
    """
    With what it said; the next event is another matter.
    """
    stage = Stage()
    stage.receive("a", "b")
    stage.processes.end(3, said=b"no disk\n")
    assert stage.log.count("sh: it ended with status 3: 'no disk'") == 1
    stage.processes.end(4)
    assert stage.bot.inbox.failed == 2


def test_status75AsksForAnotherAttempt() -> None:
    """
    As mail servers have it.
    """
    stage = Stage(retryDelay=1.0)
    stage.receive("a")
    stage.processes.end(75, output=b'["no"]')
    stage.clock.advance(2)
    assert len(stage.processes.spawned) == 2
    stage.processes.end()
    assert stage.bot.inbox.failed == 0 and stage.socket.emitted == []


def test_aSystemWithoutProcessesIsAskedAgain() -> None:
    """
    It may have some later.
    """
    stage = Stage(retryDelay=1.0)
    stage.processes.refusal = OSError(11, "Resource temporarily unavailable")
    stage.receive("a")
    stage.processes.refusal = None
    stage.clock.advance(2)
    assert len(stage.processes.spawned) == 1
    assert stage.log.count("warn: sh cannot be run now: ") == 1
    stage.processes.end()


def test_whatItWritesIsSent() -> None:
    """
    Line by line; one that is no event is told.
    """
    stage = Stage(reply=True)
    stage.receive("a")
    stage.processes.end(output=b'["b", 1]\n\nnonsense\n["c"]\n')
    assert stage.socket.emitted == [("b", 1), ("c",)]
    assert stage.log.count("error: sh, line 3 of its output: this is not JSON") == 1


def test_theStopWaitsForWhatRuns() -> None:
    """
    And for what waits.
    """
    stage = Stage()
    stage.receive("a", "b")
    _, ended = stage.stop()
    stage.processes.end()
    assert ended == []
    stage.processes.end()
    assert ended == [None]


def test_aStopThatTakesTooLongEndsWhatRuns() -> None:
    """
    And waits until it is gone.
    """
    stage = Stage()
    stage.receive("a", "b")
    stopping, ended = stage.stop()
    stopping.cancel()
    assert stage.processes.did[-1] == "TERM" and ended == []
    stage.processes.end()
    assert len(ended) == 1
    assert stage.log.lines == ["error: 2 events are given up, because the bot stops"]


def bots(server: Any, program: Path, *lines: str) -> str:
    run = f"program = {sys.executable} {program}"
    return "\n".join(["[bot:c]", f"url = {server.url}", "plugin = command", run, *lines])


@deferred(20)
async def test_realProgramsAnswerAServer(tmp_path: Path) -> None:
    """
    In order.
    """
    program = tmp_path / "double.py"
    program.write_text(
        "import json, sys\n"
        "(number,) = json.load(sys.stdin)['args']\n"
        "print(json.dumps(['doubled', 2 * number]))\n"
    )
    async with serving() as server:
        async with running(tmp_path, bots(server, program, "events = number", "reply = yes")):
            for number in range(3):
                server.emit("number", number)
            await until(lambda: len(server.received) == 3, 15)
    assert [(each.event, *each.args) for each in server.received] == [
        ("doubled", 0),
        ("doubled", 2),
        ("doubled", 4),
    ]


@deferred(20)
async def test_aRealStopLeavesNoProgram(tmp_path: Path, failures: LoggedFailures) -> None:
    """
    Even one that does not end by itself.
    """
    program = tmp_path / "hang.py"
    here = tmp_path / "here"
    program.write_text(f"import os, time\nopen({str(here)!r}, 'w').write(str(os.getpid()))\n")
    program.open("a").write("time.sleep(100)\n")
    async with serving() as server:
        async with running(tmp_path, bots(server, program, "drainTimeout = 0.1")):
            server.emit("number", 1)
            await until(lambda: here.exists() and here.read_text(), 15)
    failures.flush(TimeoutError)
    await until(lambda: not Path(f"/proc/{here.read_text()}").exists())
