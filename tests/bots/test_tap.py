"""
Tests for L{txsocketio.bots.tap}, most of them by a real C{twistd}.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import Application, MultiService
from twisted.logger import ILogObserver

import txsocketio
from support import ROOT, TWISTD, deferred, run, until
from txsocketio.bots import tap
from txsocketio.bots.child import ServerChild
from txsocketio.bots.demo import SERVER
from txsocketio.bots.states import BotState
from txsocketio.bots.supervisor import Supervisor

GOOD = """\
[DEFAULT]
url = http://127.0.0.1:1
[bot:one]
plugin = log
[bot:two]
plugin = mybot:Mine
"""

BAD = """\
[bot:one]
url = example.com
plugin = lgo
reconectionDelay = 3
"""

MYBOT = """
from txsocketio.bots.bot import Bot
class Mine(Bot):
    def start(self):
        raise RuntimeError("not today")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "good.ini").write_text(GOOD)
    (tmp_path / "bad.ini").write_text(BAD)
    (tmp_path / "mybot.py").write_text(MYBOT)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mybot", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parse(*arguments: str) -> tap.Options:
    options = tap.Options()
    options.parseOptions(arguments)
    return options


def exitOf(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        parse(*arguments)
    return caught.value.code  # type: ignore[return-value]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}


def twistd(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [TWISTD, "--pidfile=", "-n", "sioclient", *arguments]
    return run(command, cwd=folder, env=environment(folder))


# the command line


def test_threeMistakesAreReportedAtOnce(folder: Path) -> None:
    """
    By the real C{twistd}: file, line, section and key of each, exit status 2,
    and nothing else.
    """
    done = twistd(folder, "--config", "bad.ini")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "bad.ini:2: [bot:one] url: the URL 'example.com' has no scheme; "
        'write "http://example.com" or "https://example.com"\n'
        'bad.ini:3: [bot:one] plugin: there is no plugin "lgo"; did you mean "log"?\n'
        "bad.ini:4: [bot:one] reconectionDelay: unknown key; "
        'did you mean "reconnectionDelay"?\n'
    )


def test_checkingAGoodFile(folder: Path) -> None:
    """
    By the real C{twistd}: one line, exit status 0, no connection tried.
    """
    done = twistd(folder, "--check", "--config", "good.ini")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "good.ini: 2 bots, no mistakes\n"


def test_checkingOneBot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    C{--bot} says which; the sentence stays grammatical.
    """
    assert exitOf("--check", "-c", "good.ini", "--bot", "one") == 0
    assert capsys.readouterr().out == "good.ini: 1 bot, no mistakes\n"


def test_checkingABadFile(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The same mistakes, the same status.
    """
    assert exitOf("--check", "-c", "bad.ini") == 2
    assert "bad.ini:4" in capsys.readouterr().err


def test_pluginsAreListed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    With their descriptions.
    """
    assert exitOf("--list-plugins") == 0
    assert "log  (built in)  Write each event" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--config FILE"),
        (("--seconds", "3"), "--demo only"),
        (("--demo", "--seconds", "soon"), ": --seconds must be a number"),
        (("--demo", "--seconds", "0"), "above 0"),
        (("-c", "good.ini", "--shard", "0/2"), ": --shard must be I/N, the I-th"),
        (("-c", "good.ini", "--connect"), "--check only"),
        (("-c", "good.ini", "--workers", "0"), ": --workers must be a whole number from 1"),
        (("-c", "good.ini", "--workers", "two"), "from 1 to 64"),
        (("-c", "good.ini", "--worker", "1/2"), "not for people"),
        (("good.ini",), "'good.ini'; a bots file is given by --config"),
        (("--init", "a.ini", "b.ini"), "unexpected 'b.ini'"),
    ],
)
def test_anUnusableCommandLineIsAnswered(
    arguments: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The message says what to write, and nothing but that.
    """
    assert exitOf(*arguments) == 2
    told = capsys.readouterr().err.splitlines()
    assert said in told[0]
    assert told[1:] == ["(try: twistd sioclient --help)"]


def test_theVersionIsOurs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    And Twisted's, since a report needs both.
    """
    assert exitOf("--version") == 0
    assert capsys.readouterr().out.startswith(f"txsocketio {txsocketio.__version__}, Twisted ")


def test_theDemoSaysWhatItLacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Without the extra C{demo}, the command to install it.
    """
    monkeypatch.setattr(tap, "find_spec", lambda name: None)
    assert exitOf("--demo") == 2
    assert 'pip install "txsocketio[demo]"' in capsys.readouterr().err


def test_theDemosStatusIsTheCommands(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It runs here, before twistd would fork.
    """
    asked: list[Any] = []
    monkeypatch.setattr(
        "txsocketio.bots.demo.runDemo", lambda reactor, seconds: asked.append(seconds) or 1
    )
    assert exitOf("--demo", "--seconds", "2.5") == 1
    assert asked == [2.5]


def test_oneSaysWhatTheFileComesTo(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    As a file that can be checked in its turn.
    """
    assert exitOf("--show-config", "-c", "good.ini") == 0
    shown = capsys.readouterr().out
    assert "[bot:two]\nplugin = mybot:Mine\n; from [DEFAULT]\nurl = http://127.0.0.1:1\n" in shown
    (folder / "shown.ini").write_text(shown)
    assert exitOf("--check", "-c", "shown.ini") == 0


def test_theStandardOutputMayKnowNoUmlauts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What it cannot show is shown as an escape.
    """
    (folder / "good.ini").write_text(f"{GOOD}\nnamespace = /\xfcber\n", "utf-8")
    written = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(written, "ascii"))
    assert exitOf("--show-config", "-c", "good.ini") == 0
    assert b"namespace = /\\xfcber\n" in written.getvalue()


def test_thereMayBeNoStandardOutput(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The status tells.
    """
    monkeypatch.setattr("sys.stdout", None)
    assert exitOf("--check", "-c", "good.ini") == 0


def test_theServersAreTried(folder: Path) -> None:
    """
    By the real C{twistd}: nobody is there, so the status is 1, and not that
    of a mistake in the file.
    """
    done = twistd(folder, "--check", "--connect", "--config", "good.ini")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert lines[0] == "good.ini: 2 bots, no mistakes"
    assert sorted(line.partition(": FAILED: http://127.0.0.1:1: ")[0] for line in lines[1:3]) == [
        "one",
        "two",
    ]
    assert lines[3] == "0 of 2 bots could connect"


def test_theServersOfABadFileAreNotTried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The mistakes are the answer.
    """
    assert exitOf("--check", "--connect", "-c", "bad.ini") == 2
    assert capsys.readouterr().out == ""


def test_theStatusOfTryingIsTheCommands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It runs here, before twistd would fork.
    """
    asked: list[Any] = []
    monkeypatch.setattr(
        "txsocketio.bots.trying.runTrying",
        lambda reactor, bots: asked.extend(bot.name for bot in bots) or 1,
    )
    assert exitOf("--check", "--connect", "-c", "good.ini") == 1
    assert asked == ["one", "two"]


@pytest.mark.parametrize("arguments", [(), ("mine.ini",)])
def test_aFileToBeginWith(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str]
) -> None:
    """
    It is written once, and never over another.
    """
    file = arguments[0] if arguments else "bots.ini"
    assert exitOf("--init", *arguments) == 0
    assert exitOf("--check", "-c", file) == 0
    assert exitOf("--init", *arguments) == 2
    assert f"{file} is not written: File exists" in capsys.readouterr().err


# the service


def test_eachBotIsAServiceOfItsOwnAndNothingIsOpened(folder: Path) -> None:
    """
    twistd makes the service before it forks; the reactor must stay untouched.
    """
    runners = tap.makeService(parse("-c", "good.ini")).runners
    assert list(runners) == ["one", "two"]
    assert all(each.condition.state is BotState.WAITING for each in runners.values())


def test_onlyTheBotsAskedForAreMade(folder: Path) -> None:
    """
    C{--bot} may be given several times.
    """
    options = parse("-c", "good.ini", "--bot", "two", "--bot", "one")
    assert len(tap.makeService(options).runners) == 2
    options = parse("-c", "good.ini", "--bot", "two")
    assert list(tap.makeService(options).runners) == ["two"]


# shares


def names(*arguments: str) -> list[str]:
    options = parse("-c", "good.ini", *arguments)
    assert options.description is not None
    return [bot.name for bot in options.description.bots]


def test_aShardRunsItsShareOfTheBots(folder: Path) -> None:
    """
    Together the shards run each bot once.
    """
    assert sorted(names("--shard", "1/2") + names("--shard", "2/2")) == ["one", "two"]
    assert names("--shard", "1/1") == ["one", "two"]


def test_aPodRunsTheShareOfItsOrdinal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The environment says the shard; the command line wins over it.
    """
    monkeypatch.setenv("SIOCLIENT_SHARD", "bots-1/2")
    assert names() == names("--shard", "2/2")
    assert names("--shard", "1/1") == ["one", "two"]


def test_aWrongShardIsAMistake(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A restart will not mend the environment, so the status says so.
    """
    monkeypatch.setenv("SIOCLIENT_SHARD", "3/2")
    assert exitOf("-c", "good.ini") == 2
    assert "SIOCLIENT_SHARD must be I/N" in capsys.readouterr().err


def test_theFileIsReadAgainAsBefore(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The same bots are chosen, from wherever twistd has gone meanwhile.
    """
    options = parse("-c", "good.ini", "--bot", "two")
    monkeypatch.chdir("/")
    assert [bot.name for bot in options.read().bots] == ["two"]


# workers


def test_aWorkerRunsItsShareOfTheShare(folder: Path) -> None:
    """
    And obeys its supervisor alone.
    """
    (folder / "good.ini").write_text("[daemon]\nstatus = tcp:1\nattemptsPerHost = 4/s\n" + GOOD)
    workers = [("--worker", f"{number}/2:/run/x") for number in (1, 2)]
    assert sorted(names(*workers[0]) + names(*workers[1])) == ["one", "two"]
    owner = names("--shard", "1/2")
    assert sorted(names("--shard", "1/2", *workers[0]) + names("--shard", "1/2", *workers[1])) == (
        owner
    )
    description = parse("-c", "good.ini", *workers[0]).description
    assert description is not None and description.settings == {"attemptsPerHost": 2.0}


def test_theChoiceOfBotsIsHandedOn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    So that it means the same from anywhere, in any environment.
    """
    monkeypatch.setenv("SIOCLIENT_SHARD", "bots-0/1")
    assert parse("-c", "good.ini", "--bot", "two").choice() == [
        "--config",
        str(folder / "good.ini"),
        "--bot",
        "two",
        "--shard",
        "1/1",
    ]


def test_workersAreSupervised(folder: Path) -> None:
    """
    The service is a supervisor; nothing is started yet.
    """
    service = tap.makeService(parse("-c", "good.ini", "--workers", "3"))
    assert isinstance(service, Supervisor)
    assert len(service.workers) == 3
    assert list(service.runners) == ["one", "two"]


def test_aWorkerIsMadeToTellItsSupervisor(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    And is a daemon otherwise.
    """
    sitting: list[Any] = []
    monkeypatch.setattr(tap, "sit", lambda *args: sitting.append(args))
    service = tap.makeService(parse("-c", "good.ini", "--worker", "1/1:/run/x"))
    assert [(each[0], str(each[1])) for each in sitting] == [(service, "1/1:/run/x")]


def test_whoStartedUsIsTold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    If that wants to know; a supervisor tells it as well.
    """
    before = len(list(tap.makeService(parse("-c", "good.ini"))))
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/nobody")
    assert len(list(tap.makeService(parse("-c", "good.ini")))) == before + 1


DAEMON = """\
[DEFAULT]
url = http://127.0.0.1:${PORT}
drainTimeout = 1
[bot:polls]
plugin = log
transports = polling
file = polls.jsonl
[bot:sockets]
plugin = log
transports = websocket
file = sockets.jsonl
events = tick
[bot:broken]
plugin = mybot:Mine
[bot:nowhere]
url = http://127.0.0.1:1
plugin = log
file = nowhere.jsonl
"""


def logged(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@deferred(timeout=40.0)
async def test_aDaemonRunsItsBotsAndEndsCleanly(folder: Path) -> None:
    """
    Two bots write what a real server sends, while one that raises and one
    whose server is not there hurt nobody; SIGTERM ends all of it in time.
    """
    from twisted.internet import reactor

    child = ServerChild(reactor)
    port = await child.start(str(SERVER))
    (folder / "daemon.ini").write_text(DAEMON)
    command = [TWISTD, "--pidfile=", "-n", "sioclient", "--config", "daemon.ini"]
    daemon = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment(folder), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        files = [folder / "polls.jsonl", folder / "sockets.jsonl"]
        await until(lambda: all(len(logged(file)) > 2 for file in files), limit=20)
        daemon.send_signal(signal.SIGTERM)
        output, _ = daemon.communicate(timeout=15)
    finally:
        daemon.kill()
        await child.stop()
    assert daemon.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM), output
    numbers = [each["args"][0] for each in logged(files[1])]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert "[bot.broken#error] failed: RuntimeError: not today" in output
    assert "[bot.nowhere#info] backing off: " in output
    assert "[bot.sockets#info] stopped: the daemon stopped it" in output
    assert "Unhandled" not in output


# how it logs, and what it serves


def loggedBy(options: tap.Options, capsys: pytest.CaptureFixture[str]) -> str:
    """
    What the service's application would log.
    """
    application = Application("sioclient")
    tap.makeService(options).setServiceParent(application)  # type: ignore[attr-defined]
    observer = application.getComponent(ILogObserver)
    observer({"log_format": "hello", "bot": "one"})
    return capsys.readouterr().out


@pytest.mark.parametrize(("line", "start"), [("", "1970-"), ("log-format = json", '{"time": "')])
def test_itLogsInItsOwnWay(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, start: str
) -> None:
    """
    In the foreground to the standard output, as twistd does.
    """
    (folder / "log.ini").write_text(f"[daemon]\n{line}\n{GOOD}")
    options = parse("--config", "log.ini")
    options.parent = {"nodaemon": True}
    assert loggedBy(options, capsys).startswith(start)


def test_aLoggerOfTheUsersWins(folder: Path) -> None:
    """
    No file is opened that nobody writes.
    """
    options = parse("--config", "good.ini")
    options.parent = {"logger": "somebody.elses", "logfile": "x.log"}
    application = Application("sioclient")
    tap.makeService(options).setServiceParent(application)  # type: ignore[attr-defined]
    assert application.getComponent(ILogObserver, None) is None
    assert not (folder / "x.log").exists()


def test_aWorkerLogsToItsSupervisor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    By a pipe, where twistd would log to its standard output.
    """
    made: list[Any] = []
    monkeypatch.setattr(tap, "sit", lambda *args: None)
    monkeypatch.setattr(tap, "buildObserver", lambda lines: made.append(lines) or "observer")
    options = parse("-c", "good.ini", "--worker", "1/1:/run/x")
    application = Application("sioclient")
    tap.makeService(options).setServiceParent(application)  # type: ignore[attr-defined]
    assert application.getComponent(ILogObserver) == "observer"
    assert made[0].record({"bot": "one"})["url"] == "http://127.0.0.1:1"


def test_inAServiceOfSomebodysItLogsNothingByItself(folder: Path) -> None:
    """
    The log is the application's, and not any part's.
    """
    parent = MultiService()
    service: Any = tap.makeService(parse("--config", "good.ini"))
    service.setServiceParent(parent)
    assert list(parent) == [service]


def test_whatCannotBeServedIsAMistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Of the file, and found before anything starts.
    """
    (folder / "bad.ini").write_text(f"[daemon]\nstatus = nosuch:1\n{GOOD}")
    assert exitOf("--check", "--config", "bad.ini") == 2
    assert "[daemon] status: is no endpoint: " in capsys.readouterr().err
