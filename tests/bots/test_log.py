"""
Tests for L{txsocketio.bots.log}.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from bots.botkit import FakeLog, FakeSocket
from txsocketio.bots.log import LogBot, jsonLine


class Stage:
    """
    A log bot with a file, on a recording socket.
    """

    def __init__(self, **config: Any) -> None:
        defaults = {name: option.default for name, option in LogBot.schema.items()}
        self.clock = Clock()
        self.clock.advance(1_700_000_000.25)
        self.log = FakeLog()
        self.socket = FakeSocket(self.clock)
        self.bot = LogBot({**defaults, **config})
        self.bot.attach(self.socket, self.log)
        self.bot.start()


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_anEventIsALineOfJSON(file: Path) -> None:
    """
    Time, bot, namespace, event and arguments.
    """
    stage = Stage(file=str(file))
    stage.socket.receive("tick", {"a": [1, None]}, "x")
    assert lines(file) == [
        {
            "time": "2023-11-14T22:13:20.250Z",
            "bot": "ticker",
            "namespace": "/chat",
            "event": "tick",
            "args": [{"a": [1, None]}, "x"],
        }
    ]
    stage.bot.stop()


def test_bytesAreBase64(file: Path) -> None:
    """
    Binary arguments can be read back, wherever in the arguments they are.
    """
    stage = Stage(file=str(file))
    stage.socket.receive("data", b"\x00\xff", {"deep": [bytearray(b"a")]})
    assert lines(file)[0]["args"] == [{"base64": "AP8="}, {"deep": [{"base64": "YQ=="}]}]
    stage.bot.stop()


def test_whatTheServerEchoesOfASecretIsHidden(file: Path) -> None:
    """
    A log that knows the bot's secrets hides them in what is written, too.
    """
    stage = Stage(file=str(file))
    stage.log.redact = lambda text: text.replace("hunter22", "(hidden)")  # type: ignore[attr-defined]
    stage.bot.attach(stage.socket, stage.log)
    stage.socket.receive("welcome", {"token": "hunter22"})
    assert lines(file)[-1]["args"] == [{"token": "(hidden)"}]
    stage.bot.stop()


def test_onlyTheEventsAskedForAreWritten(file: Path) -> None:
    """
    C{events = tick, trade} leaves out the rest.
    """
    stage = Stage(file=str(file), events=("tick", "trade"))
    for event in ("tick", "noise", "trade"):
        stage.socket.receive(event)
    assert [each["event"] for each in lines(file)] == ["tick", "trade"]
    stage.bot.stop()


def test_aLargeFileIsRotatedAndOldOnesAreRemoved(tmp_path: Path, file: Path) -> None:
    """
    The disk does not fill up.
    """
    stage = Stage(file=str(file), rotateBytes=300, rotateCount=2)
    for number in range(40):
        stage.socket.receive("tick", number)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "events.jsonl",
        "events.jsonl.1",
        "events.jsonl.2",
    ]
    stage.bot.stop()


def test_zeroBytesMeanNoRotation(tmp_path: Path, file: Path) -> None:
    """
    Who rotates by other means switches ours off.
    """
    stage = Stage(file=str(file), rotateBytes=0)
    for number in range(40):
        stage.socket.receive("tick", number)
    assert len(lines(file)) == 40
    assert list(tmp_path.iterdir()) == [file]
    stage.bot.stop()


def test_withoutAFileItWritesToTheStandardOutput(capfd: pytest.CaptureFixture[str]) -> None:
    """
    The real one, which twistd does not turn into log lines.
    """
    stage = Stage()
    stage.socket.receive("tick")
    stage.bot.stop()
    assert json.loads(capfd.readouterr().out)["event"] == "tick"


def test_nothingIsWrittenAfterTheStop(file: Path) -> None:
    """
    Events that still come while the others drain find no closed file.
    """
    stage = Stage(file=str(file))
    stage.bot.stop()
    stage.socket.receive("late")
    assert lines(file) == []


def test_aFolderThatIsNotThereFailsTheStart(tmp_path: Path) -> None:
    """
    It is told at once, not at the first event.
    """
    with pytest.raises(OSError):
        Stage(file=str(tmp_path / "none" / "events.jsonl"))


class FullDisk:
    """
    An output that can be full.
    """

    full = True

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, data: str) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.written.append(data)

    def flush(self) -> None: ...


def test_aFullDiskIsToldOnceEachTimeItFillsUp() -> None:
    """
    The connection goes on, and so does the log when there is space again.
    """
    stage = Stage()
    stage.bot._output = disk = FullDisk()
    for disk.full in (True, True, False, True):
        stage.socket.receive("tick")
    assert len(disk.written) == 1
    assert len(stage.log.failures) == 2


def test_aRotationThatFailedIsMended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    When no new file could be opened, it is tried again with the next event.
    """
    file = tmp_path / "events.jsonl"
    stage = Stage(file=str(file), rotateBytes=1)
    stage.socket.receive("a")
    with monkeypatch.context() as patch:
        patch.setattr("twisted.python.logfile.open", noMoreFiles, raising=False)
        stage.socket.receive("b")
        stage.socket.receive("c")
    stage.socket.receive("d")
    assert json.loads(file.read_text())["event"] == "d"
    assert len(stage.log.failures) == 1
    stage.bot.stop()


def test_theStopAfterARotationThatFailed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    There is nothing to close.
    """
    stage = Stage(file=str(tmp_path / "events.jsonl"), rotateBytes=1)
    stage.socket.receive("a")
    monkeypatch.setattr("twisted.python.logfile.open", noMoreFiles, raising=False)
    stage.socket.receive("b")
    stage.socket.receive("c")
    stage.bot.stop()


def noMoreFiles(*_: object) -> Any:
    raise OSError(24, "Too many open files")


def _nested() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


def _circular() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    "make",
    [_nested, _circular, lambda: {(1, 2): 3}, lambda: float("nan")],
    ids=["deep", "circular", "odd keys", "no number"],
)
def test_whatJSONCannotSayIsALineNevertheless(make: Callable[[], Any]) -> None:
    """
    Whatever a server or a parser gives, the line can be read.
    """
    record = json.loads(jsonLine({"event": "tick", "args": (make(),)}))
    assert record["event"] == "tick"
    assert record["args"] is None and record["unreadable"]


def test_halfASurrogatePairIsWritten(file: Path) -> None:
    """
    JavaScript sends such text, and UTF-8 has no word for it.
    """
    stage = Stage(file=str(file))
    stage.socket.receive("tick", "\ud800", object)
    assert lines(file)[0]["args"][0] == "\ud800"
    stage.bot.stop()
