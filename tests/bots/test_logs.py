"""
Tests for L{txsocketio.bots.logs}; tests/interop/test_looking.py reads the
lines of a real C{twistd}.
"""

from __future__ import annotations

import io as streams
import json
import signal
import sys
import syslog
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure

from txsocketio.bots.logs import LogLines, jsonLine, observerOf, openLog, textLine
from txsocketio.bots.redaction import HIDDEN

SECRET = "hunter22"


def runner(name: str = "ticker", secrets: Any = (), client: bool = True) -> Any:
    """
    What a line wants to know of a bot's runner.
    """
    manager = SimpleNamespace(attempts=3)
    socket = SimpleNamespace(io=manager, nsp="/prices", id="s1")
    return SimpleNamespace(
        name=name,
        description=SimpleNamespace(server="https://example.com", secrets=frozenset(secrets)),
        client=SimpleNamespace(socket=socket) if client else None,
    )


def record(*runners: Any, **event: Any) -> Any:
    return LogLines(lambda: runners).record(event)


def failure(text: str = "no luck") -> Failure:
    try:
        raise RuntimeError(text)
    except RuntimeError:
        return Failure()


# a record


def test_anEventIsTold() -> None:
    """
    When, how grave, by whom, and what.
    """
    told = record(
        log_time=1_800_000_000.25,
        log_level=LogLevel.warn,
        log_namespace="daemon",
        log_format="{n} bots",
        n=2,
    )
    assert told == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "warn",
        "logger": "daemon",
        "message": "2 bots",
    }


def test_aBareEventIsTold() -> None:
    """
    Anybody may send anything to the log.
    """
    assert record() == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "logger": "-",
        "message": "",
    }


FIELDS = {
    "bot": "ticker",
    "url": "https://example.com",
    "namespace": "/prices",
    "sid": "s1",
    "attempt": 3,
}


def test_aLineOfABotSaysWhereItComesFrom() -> None:
    """
    Whatever the bot's own line says wins.
    """
    told = record(runner("other"), runner(), bot="ticker", namespace="/mine")
    assert told.items() >= {**FIELDS, "namespace": "/mine"}.items()


@pytest.mark.parametrize("pick", [lambda socket: socket, lambda socket: socket.io])
def test_aLineOfTheLibrarySaysForWhichBot(pick: Any) -> None:
    """
    The one whose manager or socket wrote it.
    """
    bot = runner()
    by = {"log_source": pick(bot.client.socket), "log_namespace": "txsocketio.socket.Socket"}
    told = record(runner("idle", client=False), bot, **by)
    assert told.items() >= FIELDS.items()


def test_aLineOfNoBotHasNone() -> None:
    """
    Whoever logs it.
    """
    for logger in ("twisted.web", "txsocketio.bots.control"):
        assert "bot" not in record(runner(), log_source=object(), log_namespace=logger)


def test_aBotThatWasNotMadeYetHasNoSession() -> None:
    """
    Only what the file says of it is told.
    """
    told = record(runner(client=False), bot="ticker")
    assert {name: told[name] for name in FIELDS if name in told} == {
        "bot": "ticker",
        "url": "https://example.com",
    }


def test_aBotThatIsGoneIsStillNamed() -> None:
    """
    Its last lines may come late.
    """
    assert record(runner(), bot="gone")["bot"] == "gone"


def test_fieldsAreTextsOrNumbers() -> None:
    """
    A user's line may hold anything by their names.
    """
    assert record(bot="x", sid=Path("y"))["sid"] == "y"


def test_secretsAreHidden() -> None:
    """
    In the text and in the traceback.
    """
    told = record(
        runner(secrets=[SECRET]),
        log_format="sent {what}",
        what=SECRET,
        log_failure=failure(SECRET),
    )
    assert told["message"] == f"sent {HIDDEN}"
    assert SECRET not in told["failure"]


def test_secretsOfBotsThatAreGoneStayHidden() -> None:
    """
    A reload may have changed the token that an old line is about.
    """
    runners = [runner(secrets=[SECRET])]
    lines = LogLines(lambda: runners)
    lines.record({})
    runners.clear()
    assert lines.record({"log_format": SECRET})["message"] == HIDDEN


def test_aFailureComesWithItsTraceback() -> None:
    """
    When nothing else was said, the failure is what is said.
    """
    told = record(log_failure=failure())
    assert told["message"] == "no luck"
    assert "Traceback" in told["failure"]
    assert record(log_format="oh", log_failure=failure())["message"] == "oh"


def test_aTracebackThatCannotBeMadeIsNotMissed() -> None:
    """
    The line comes all the same.
    """
    broken = SimpleNamespace()
    assert record(log_format="oh", log_failure=broken)["failure"] == "(no traceback can be shown)"


# lines

TOLD = {"time": "T", "level": "info", "logger": "daemon", "message": "two\nlines é"}


def test_aLineOfJSON() -> None:
    """
    One line, whatever the message holds; ASCII for whatever reads it.
    """
    line = jsonLine(TOLD)
    assert line.isascii()
    assert line.index("\n") == len(line) - 1
    assert json.loads(line) == TOLD


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "T [daemon#info] two\n\tlines é\n"),
        ({"bot": "a"}, "T [daemon#info bot=a] two\n\tlines é\n"),
        ({"bot": "a", "logger": "bot.a"}, "T [bot.a#info] two\n\tlines é\n"),
        (
            {"message": "oh", "failure": "Trace\n  back\n"},
            "T [daemon#info] oh\n\tTrace\n\t  back\n",
        ),
        ({"message": "\x1b[2J", "bot": "\x07"}, "T [daemon#info bot=\\x07] \\x1b[2J\n"),
    ],
)
def test_aLineOfText(fields: Any, line: str) -> None:
    """
    What follows the first line is indented, so that no message can forge one;
    nothing commands the terminal.
    """
    assert textLine({**TOLD, **fields}) == line


@pytest.mark.parametrize(("logFormat", "start"), [("text", "20"), ("json", "{")])
def test_eventsAreWrittenAsTheyCome(logFormat: str, start: str) -> None:
    """
    As twistd's own observer does, through Twisted's logger.
    """
    stream = streams.StringIO()
    observer = observerOf(LogLines(tuple), logFormat, stream, lambda: "info")
    Logger(namespace="daemon", observer=LogPublisher(observer)).info("hello")
    assert stream.getvalue().startswith(start)
    assert "hello" in stream.getvalue()


def test_belowTheLeastLevelNothingIsWritten() -> None:
    """
    The level may change while the daemon runs.
    """
    stream = streams.StringIO()
    levels = ["warn", "info"]
    observer = observerOf(LogLines(tuple), "text", stream, lambda: levels.pop(0))
    log = Logger(namespace="daemon", observer=LogPublisher(observer))
    log.info("first")
    log.info("second")
    assert "first" not in stream.getvalue() and "second" in stream.getvalue()


def test_whatTheLibrarySaysOfABot() -> None:
    """
    It is for who looks closely, unless it is a warning.
    """
    one = runner()
    source = one.client.socket.io
    levels = [
        record(one, log_source=source, log_level=level, log_namespace="txsocketio.manager")["level"]
        for level in (LogLevel.info, LogLevel.warn)
    ]
    assert levels == ["debug", "warn"]


# where they go


@pytest.fixture
def noSignal() -> Any:
    """
    SIGUSR1 as it is when a process begins.
    """
    before = signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("logfile", [None, "", "-"])
def test_inTheForegroundItIsTheStandardOutput(logfile: str | None) -> None:
    """
    As with twistd.
    """
    assert openLog({"nodaemon": True, "logfile": logfile}) is sys.stdout


def test_theStandardOutputMayKnowNoUmlauts(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    No line is lost for that.
    """
    written = streams.BytesIO()
    monkeypatch.setattr("sys.stdout", streams.TextIOWrapper(written, "ascii"))
    stream = openLog({"nodaemon": True})
    stream.write("\xfcber\n")
    stream.flush()
    assert written.getvalue() == b"\\xfcber\n"


def test_aDaemonHasNoStandardOutput() -> None:
    """
    twistd's own words.
    """
    with pytest.raises(SystemExit, match="cannot log to stdout"):
        openLog({"logfile": "-"})


@pytest.mark.usefixtures("noSignal")
def test_aDaemonWritesTwistdsFile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In the folder where it was started.
    """
    monkeypatch.chdir(tmp_path)
    stream = openLog({})
    stream.write("hello é\n")
    stream.close()
    assert (tmp_path / "twistd.log").read_text("utf-8") == "hello é\n"


@pytest.mark.usefixtures("noSignal")
def test_aSignalBeginsANewFile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The old one is kept beside it; the reactor does it, not the signal.
    """
    from twisted.internet import reactor

    waiting: list[Any] = []
    monkeypatch.setattr(reactor, "callFromThread", waiting.append)
    stream = openLog({"nodaemon": True, "logfile": str(tmp_path / "a.log")})
    stream.write("old\n")
    signal.raise_signal(signal.SIGUSR1)
    waiting[0]()
    stream.write("new\n")
    stream.close()
    assert (tmp_path / "a.log").read_text() == "new\n"
    assert (tmp_path / "a.log.1").read_text() == "old\n"


def test_aSignalThatIsTakenIsLeftAlone(tmp_path: Path) -> None:
    """
    Whoever embeds us may have a use for it.
    """

    def mine(*_: object) -> None:
        """Somebody's."""

    before = signal.signal(signal.SIGUSR1, mine)
    try:
        openLog({"logfile": str(tmp_path / "a.log")}).close()
        assert signal.getsignal(signal.SIGUSR1) is mine
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_theSystemsLog(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A message a line.
    """
    told: list[str] = []
    monkeypatch.setattr(syslog, "openlog", told.append)
    monkeypatch.setattr(syslog, "syslog", told.append)
    stream = openLog({"syslog": True, "prefix": "bots"})
    stream.write("one\n\ttwo\n")
    stream.flush()
    assert told == ["bots", "one", "\ttwo"]
