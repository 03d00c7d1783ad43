"""
Tests for L{txsocketio.bots.demo}.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ProcessDone
from twisted.python.failure import Failure

from bots.botkit import FakeLog, FakeSocket
from bots.test_child import FakeProcesses
from conftest import LoggedFailures
from support import ROOT, runPython
from txsocketio.bots.demo import Asker, Demo, runDemo
from txsocketio.errors import AckTimeout

RUN = [sys.executable, "-m", "twisted", "sioclient", "--demo"]


class FakeReactor(FakeProcesses):
    """
    A reactor that only notes that it was stopped, and runs on demand.
    """

    stopped = 0

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Any] = []
        self.triggers: list[Any] = []

    def stop(self) -> None:
        self.stopped += 1

    def callWhenRunning(self, function: Any, *args: Any) -> None:
        self.started.append((function, args))

    def addSystemEventTrigger(self, phase: str, event: str, function: Any) -> None:
        self.triggers.append(function)

    def run(self) -> None:
        for function, args in self.started:
            function(*args)


class FakeRunner:
    """
    A runner that records.
    """

    def __init__(self, description: Any, plugin: Any, reactor: Any) -> None:
        self.description = description
        self.plugin = plugin
        self.calls: list[str] = []

    def startService(self) -> None:
        self.calls.append("start")

    def stopService(self) -> Deferred[None]:
        self.calls.append("stop")
        return succeed(None)


class Stage:
    """
    A demo without processes and without network.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.runners: list[FakeRunner] = []
        self.reactor = FakeReactor()
        self.demo = Demo(self.reactor, self.lines.append, self.buildRunner)

    def buildRunner(self, *args: Any) -> FakeRunner:
        self.runners.append(FakeRunner(*args))
        return self.runners[-1]

    def listen(self, seconds: float | None = None) -> None:
        self.demo.start(seconds)
        self.demo._child.outReceived(b"4123\n")

    def endServer(self) -> None:
        self.demo._child.processEnded(Failure(ProcessDone(0)))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_theBotsStartWhenTheServerListens(stage: Stage) -> None:
    """
    Two bots, one by each transport, and a line that says where the server is.
    """
    stage.demo.start()
    assert stage.runners == []
    stage.demo._child.outReceived(b"4123\n")
    assert [each.description.name for each in stage.runners] == ["listener", "asker"]
    assert all(each.calls == ["start"] for each in stage.runners)
    assert "http://127.0.0.1:4123" in stage.lines[0]


def test_itEndsAfterTheSecondsGiven(stage: Stage) -> None:
    """
    Counted from when the server listens.
    """
    stage.listen(10)
    stage.reactor.advance(9.9)
    assert not stage.reactor.stopped
    stage.reactor.advance(0.1)
    assert stage.reactor.stopped == 1


def test_withoutSecondsItRunsOn(stage: Stage) -> None:
    """
    Until somebody stops it.
    """
    stage.listen()
    assert stage.reactor.getDelayedCalls() == []


def test_itEndsWhenNobodyLooks(stage: Stage) -> None:
    """
    The pipe was closed.
    """

    def show(line: str) -> None:
        raise SystemExit(141)

    stage.demo = Demo(stage.reactor, show, stage.buildRunner)
    stage.listen()
    assert stage.reactor.stopped == 1


def test_theServerIsStoppedAfterTheBots(stage: Stage) -> None:
    """
    So that their goodbye arrives; the summary is the last line.
    """
    stage.listen()
    stage.demo.events, stage.demo.acks = 3, 2
    ended = stage.demo.stop()
    assert all(each.calls == ["start", "stop"] for each in stage.runners)
    assert stage.reactor.did == ["closeStdin"]
    stage.endServer()
    assert ended.called
    assert stage.lines[-1] == "demo      3 events, 2 acknowledgements"


def test_stoppingBeforeTheServerListens(stage: Stage) -> None:
    """
    No bot starts any more, the child is reaped.
    """
    stage.demo.start()
    ended = stage.demo.stop()
    stage.demo._child.outReceived(b"4123\n")
    stage.endServer()
    assert ended.called and stage.runners == []


@pytest.mark.parametrize(("events", "acks", "status"), [(0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 0)])
def test_theStatusTellsWhetherItWorked(stage: Stage, events: int, acks: int, status: int) -> None:
    """
    An event and an acknowledgement must have come.
    """
    stage.demo.events, stage.demo.acks = events, acks
    assert stage.demo.exitStatus == status


def test_aServerThatDoesNotStartEndsTheDemo(stage: Stage) -> None:
    """
    Its own complaint is shown, and the last line says that nothing worked.
    """
    stage.demo.start()
    stage.demo._child.errReceived(b"no such thing\n")
    stage.endServer()
    assert stage.lines == ["demo      the server did not start: no such thing"]
    assert stage.reactor.stopped == 1
    stage.demo.stop()
    assert "not how it should be" in stage.lines[-1]


def test_aServerThatDiesEndsTheDemo(stage: Stage) -> None:
    """
    Once, also when it is about to end.
    """
    stage.listen()
    stage.endServer()
    assert stage.reactor.stopped == 1
    stage.demo.stop()
    stage.demo._serverLost()
    assert stage.reactor.stopped == 1


def test_theListenerShowsAndCountsEvents(stage: Stage) -> None:
    """
    A line for each event, and for what happens to the connection.
    """
    stage.listen()
    socket = FakeSocket(stage.reactor)
    socket.id = "abc"
    stage.runners[0].plugin.makeBot(stage.runners[0].description.config).attach(socket, FakeLog())
    socket.show("connect")
    socket.receive("tick", 1, "x")
    socket.show("connect_error", ValueError("refused"))
    socket.show("disconnect", "transport close")
    assert stage.lines[1:] == [
        "ticker    connected, session abc",
        "ticker    event 'tick' 1, 'x'",
        "ticker    could not connect: refused",
        "ticker    disconnected: transport close",
    ]
    assert stage.demo.events == 1


def asker(stage: Stage, answer: Any) -> tuple[FakeSocket, FakeLog]:
    """
    An asker whose questions are answered so.
    """
    socket, log = FakeSocket(stage.reactor), FakeLog()
    socket.id = "abc"
    socket.timeout = lambda seconds: socket
    socket.emitWithAck = lambda *args: socket.calls.append(args) or answer()
    Asker({"demo": stage.demo}).attach(socket, log)
    socket.show("connect")
    stage.reactor.advance(1)
    socket.show("disconnect", "x")
    return socket, log


def test_theAskerShowsAndCountsAcknowledgements(stage: Stage) -> None:
    """
    A line for each question and its answer.
    """
    socket, _ = asker(stage, lambda: succeed(3))
    assert socket.calls == [("add", 1, 2)]
    assert "ticker    asked for 1 + 2, the server acknowledged with 3" in stage.lines
    assert stage.demo.acks == 1


def test_aQuestionWithoutAnswerIsNotCounted(stage: Stage) -> None:
    """
    It is logged as any failure of a bot.
    """
    _, log = asker(stage, lambda: fail(AckTimeout("add", 5)))
    assert stage.demo.acks == 0
    assert log.failures == ["Asker.ask failed"]


def test_theDemoOwnsTheReactor(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is started in the reactor, and the shutdown waits for its end.
    """
    reactor = FakeReactor()
    started: list[Any] = []
    monkeypatch.setattr(Demo, "start", lambda self, seconds: started.append(seconds))
    assert runDemo(reactor, 3) == 1
    assert started == [3]
    (trigger,) = reactor.triggers
    assert trigger.__func__ is Demo.stop


def test_linesAreShownAtOnce(capsys: pytest.CaptureFixture[str]) -> None:
    """
    On the standard output, unless somebody else wants them.
    """
    Demo(FakeReactor()).tell("demo      hello")
    assert capsys.readouterr().out == "demo      hello\n"


def test_theDemoRunsAndEndsByItself() -> None:
    """
    With a real server: readable lines, events, acknowledgements, status 0,
    and no process left.
    """
    done = runPython("-m", "twisted", "sioclient", "--demo", "--seconds", "3", timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert any(line.startswith("listener  event 'tick'") for line in lines)
    assert any("the server acknowledged with 3" in line for line in lines)
    assert "acknowledgements" in lines[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_theDemoEndsWhenAskedTo(number: int) -> None:
    """
    Ctrl-C and C{kill} end it cleanly, and its server with it.
    """
    demo = subprocess.Popen(
        RUN, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert demo.stdout is not None
    lines: list[str] = []
    while not any("the server acknowledged" in line for line in lines):
        lines.append(demo.stdout.readline())
        assert lines[-1], lines
    # A terminal's Ctrl-C goes to the whole group.
    (os.killpg if number == signal.SIGINT else os.kill)(demo.pid, number)
    output, _ = demo.communicate(timeout=20)
    assert demo.returncode == 0
    assert "acknowledgements" in output.splitlines()[-1]
    assert "the server ended by itself" not in output
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)


def test_failuresAreNotLogged(stage: Stage, failures: LoggedFailures) -> None:
    """
    A server that does not start is told to the person, not to a log.
    """
    stage.demo.start()
    stage.endServer()
    assert failures == []
