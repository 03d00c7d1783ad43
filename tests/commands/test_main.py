"""
Tests for L{txsocketio.commands.main}.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogBeginner

from commands.commandkit import Terminal, Written, describe, outcome
from txsocketio.commands import main as module
from txsocketio.commands.emit import Call, Emit
from txsocketio.commands.exits import Ended
from txsocketio.commands.lines import LineReader
from txsocketio.commands.listen import Listen
from txsocketio.commands.main import main, run, statusOf
from txsocketio.commands.progress import Progress
from txsocketio.testing import MemoryServer


class FakeReactor(Clock):
    """
    A reactor that runs until it is stopped, doing meanwhile what the test
    says.
    """

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self.meanwhile = list(meanwhile)
        self.first: list[Callable[[], object]] = []
        self.stopped = False

    def callWhenRunning(self, function: Callable[[], object]) -> None:
        self.first.append(function)

    def callFromThread(self, function: Callable[..., object], *args: object) -> None:
        self.callLater(0, function, *args)

    def run(self, installSignalHandlers: bool) -> None:
        assert not installSignalHandlers
        for function in (*self.first, *self.meanwhile):
            function()
            self.advance(0)
        for _ in range(1000):
            if self.stopped:
                return
            self.advance(0.05)
        raise AssertionError("never stopped")

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture(autouse=True)
def noLogging(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """
    Logging is for the process, and not begun in a test.
    """
    seen: list[Any] = []
    monkeypatch.setattr(
        type(globalLogBeginner), "beginLoggingTo", lambda *args, **more: seen.append(more)
    )
    return seen


def progress() -> tuple[Progress, Terminal]:
    stream = Terminal()
    return Progress(stream), stream


# which command


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The overview, on the standard output.
    """
    assert main([word]) == 0
    assert "The commands:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The version is the package's.
    """
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sioclient ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what to do"),
        (["nix"], "there is no command 'nix'\n"),
        (["lisen"], "there is no command 'lisen'; did you mean \"listen\"?"),
    ],
)
def test_noCommand(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A mistake shows the overview, as an error.
    """
    assert main(words) == 2
    captured = capsys.readouterr()
    assert said in captured.err and "The commands:" in captured.err
    assert captured.out == ""


def test_ctl(capsys: pytest.CaptureFixture[str]) -> None:
    """
    C{ctl} is the daemon's client, which gets the words after it.
    """
    assert main(["ctl", "nix"]) == 2
    assert "invalid choice: 'nix'" in capsys.readouterr().err


def test_badWords(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A mistake of a command is told with its name.
    """
    assert main(["listen", "http://x", "--nix"]) == 2
    assert capsys.readouterr().err.startswith("sioclient listen: unrecognized arguments")


# a command, whole


def serve(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, FakeReactor, Any]:
    """
    Run a command whose server and output are in memory.
    """
    reactor = FakeReactor()
    server = MemoryServer(reactor)

    @server.on("connection")
    def connected(socket: Any) -> None:
        socket.on("echo", lambda value: value)
        socket.emit("hello", 1)

    def target(given: Any, texts: Any, **options: Any) -> Any:
        import warnings

        warnings.warn("mind this", stacklevel=2)
        return describe(server, **options)

    output = Written()
    monkeypatch.setattr(module, "targetOf", target)
    monkeypatch.setattr(module, "LineWriter", lambda worker: output)
    return main([words[0], "http://memory", *words[1:]], reactor), reactor, output


def test_call(
    monkeypatch: pytest.MonkeyPatch, noLogging: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A call, from the command line to the exit status; warnings are shown, and
    standard streams left alone by the log.
    """
    status, _, output = serve(monkeypatch, "call", "echo", "7")
    assert (status, output.lines) == (0, ["7\n"])
    assert capsys.readouterr().err == "warning: mind this\n"
    assert noLogging[0]["redirectStandardIO"] is False


def test_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    C{listen} takes no event's name.
    """
    status, _, output = serve(monkeypatch, "listen", "--count", "1")
    assert (status, output.records[0]["event"]) == (0, "hello")


def test_optionThatCannotBeUsed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    What is only found when the client is made is a mistake of the command
    line, too.
    """
    words = ["emit", "https://localhost:1", "x", "--ca", "/nix/ca.pem"]
    assert main(words, FakeReactor()) == 2
    assert "/nix/ca.pem" in capsys.readouterr().err


def test_globalReactor(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Without another reactor it is the global one, and nothing is begun before
    the words were read.
    """
    assert main(["emit", "http://localhost:1"]) == 2
    assert "say which EVENT" in capsys.readouterr().err


def test_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    C{probe} is given what it needs.
    """
    seen: list[Any] = []

    def beginProbe(given: Any, *more: Any) -> Callable[[], Deferred[int]]:
        seen.append(given.url)
        return lambda: succeed(12)

    monkeypatch.setattr("txsocketio.commands.probe.beginProbe", beginProbe)
    assert main(["probe", "http://x"], FakeReactor()) == 12
    assert seen == ["http://x"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["listen", "http://x"], Listen),
        (["emit", "http://x", "a"], Emit),
        (["emit", "http://x", "--lines"], Emit),
        (["call", "http://x", "a"], Call),
    ],
)
def test_works(words: list[str], kind: type) -> None:
    """
    Each command has its work; lines are read only when they are wanted.
    """
    given = module.parserFor(words[0]).parse_intermixed_args(words[1:])
    item = None if words[-1] == "--lines" else ("a",)
    opened: list[Any] = []

    def openInput() -> LineReader:
        opened.append(1)
        return LineReader(None)  # type: ignore[arg-type]

    work = module._workOf(words[0], given, item, Written(), openInput)  # type: ignore[arg-type]
    assert type(work) is kind
    assert bool(opened) == (item is None)


def test_readsTheStandardInput(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With C{--lines} the input is file descriptor 0.
    """
    seen: list[Any] = []

    class Reader:
        number = 1

        def __init__(self, worker: Any) -> None:
            seen.append(worker)

        async def read(self) -> None:
            return None

    monkeypatch.setattr(module, "LineReader", Reader)
    status, _, _ = serve(monkeypatch, "emit", "--lines")
    assert (status, len(seen)) == (0, 1)


# the end


def test_outputIsFlushed() -> None:
    """
    What is still to be written has a moment; then the end comes nevertheless.
    """
    output = Written()
    output.congested = True
    clock = Clock()
    seen = outcome(module._flush(4, clock, output))  # type: ignore[arg-type]
    assert not seen
    clock.advance(module.FLUSH_SECONDS)
    assert seen == [4]


def test_runs() -> None:
    """
    The exit status is what it fires with.
    """
    told, stream = progress()
    assert run(FakeReactor(), lambda: succeed(3), told, "me") == 3
    assert stream.getvalue() == ""


def test_fails() -> None:
    """
    Why it failed is told.
    """
    told, stream = progress()
    assert run(FakeReactor(), lambda: fail(Ended(5, "late")), told, "me") == 5
    assert stream.getvalue() == "me: late\n"


def test_beginsNot() -> None:
    """
    What cannot begin ends at once.
    """
    told, _ = progress()

    def begin() -> Deferred[Any]:
        raise Ended(2, "no")

    assert run(FakeReactor(), begin, told, "me") == 2


def test_unforeseen() -> None:
    """
    An error nobody has foreseen is shown whole.
    """
    told, stream = progress()
    assert run(FakeReactor(), lambda: fail(KeyError("x")), told, "me") == 1
    assert "this should not have happened" in stream.getvalue()


@pytest.mark.parametrize("number", module.SIGNALS)
def test_signal(number: signal.Signals) -> None:
    """
    A signal cancels what runs; the handlers of before are there again then.
    """
    told, stream = progress()
    before = signal.getsignal(number)
    reactor = FakeReactor(lambda: os.kill(os.getpid(), number))
    assert run(reactor, Deferred, told, "me") == 128 + number
    assert stream.getvalue() == ""
    assert signal.getsignal(number) is before


def test_signalBeforeTheBeginning() -> None:
    """
    A signal before anything runs cancels nothing.
    """
    ending = module._Ending(FakeReactor(), Deferred)
    ending._cancel()
    assert ending.result is None


def test_secondSignal(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The second signal ends the process.
    """
    seen: list[int] = []
    monkeypatch.setattr(os, "_exit", seen.append)
    ending = module._Ending(FakeReactor(), Deferred)
    ending.signalled(2, None)
    assert not seen
    ending.signalled(15, None)
    assert seen == [143]


def test_statusOfNothing() -> None:
    """
    Nothing is success.
    """
    assert statusOf(None) == (0, "")


@pytest.mark.parametrize(
    ("words", "stream", "status"),
    [
        (["listen", "http://h"], "stdout", 8),
        (["call", "http://h", "x"], "stdout", 8),
        (["emit", "http://h", "--lines"], "stdin", 7),
    ],
)
def test_aClosedStreamIsNoPlaceForData(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    stream: str,
    status: int,
) -> None:
    """
    The first connection would get its number, and our lines.
    """
    monkeypatch.setattr(f"sys.{stream}", None)
    assert main(words, FakeReactor()) == status
    assert "is closed" in capsys.readouterr().err
