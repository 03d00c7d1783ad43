"""
Tests for L{txsocketio.bots.filelines}.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from bots.pluginkit import PluginLog, fired
from txsocketio.bots import filelines
from txsocketio.bots.bookmark import Bookmark, Place
from txsocketio.bots.filelines import FileLines


class Stage:
    """
    A file whose lines are dealt with when the test says, or at once.
    """

    def __init__(self, file: Path, follow: bool = False, slow: bool = False) -> None:
        self.file = file
        self.clock = Clock()
        self.log = PluginLog()
        self.taken: list[bytes] = []
        self.open: list[Deferred[None]] = []
        self.lines = FileLines(
            str(file), follow, self.clock, self.takeSlowly if slow else self.take, self.log
        )

    async def take(self, line: bytes) -> None:
        self.taken.append(line)

    def takeSlowly(self, line: bytes) -> Deferred[None]:
        self.taken.append(line)
        self.open.append(Deferred())
        return self.open[-1]

    def append(self, data: bytes) -> None:
        with self.file.open("ab") as stream:
            stream.write(data)
        self.clock.advance(1)

    def finish(self) -> tuple[Deferred[Any], list[Any]]:
        results: list[Any] = []
        finishing = Deferred.fromCoroutine(self.lines.finish())
        return finishing.addBoth(results.append), results


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events"


def test_allLinesAreTaken(file: Path) -> None:
    """
    Also a last one that does not end; then that is all.
    """
    file.write_bytes(b"a\n\nb\nc")
    stage = Stage(file)
    stage.lines.start()
    assert stage.taken == [b"a\n", b"b\n", b"c"]
    assert stage.clock.getDelayedCalls() == []
    assert fired(stage.lines.finish()) == [None]
    assert stage.log.lines == [f"info: {file}: 4 lines were taken, 0 of them came to nothing"]


def test_oneAfterTheOther(file: Path) -> None:
    """
    The next when the last is done.
    """
    file.write_bytes(b"a\nb\n")
    stage = Stage(file, slow=True)
    stage.lines.start()
    assert stage.taken == [b"a\n"]
    stage.open.pop(0).callback(None)
    assert stage.taken == [b"a\n", b"b\n"]
    stage.open.pop(0).callback(None)
    fired(stage.lines.finish())


def test_aBadLineIsToldWithItsNumber(file: Path) -> None:
    """
    And the next one is taken.
    """
    file.write_bytes(b"a\nb\nc\n")
    stage = Stage(file, slow=True)
    stage.lines.start()
    stage.open.pop(0).errback(ValueError("no event"))
    stage.open.pop(0).errback(KeyError())
    assert stage.log.lines == [
        f"error: {file}, line 1: no event",
        f"error: {file}, line 2: KeyError",
    ]
    stage.open.pop(0).callback(None)
    assert stage.lines.failed == 2
    fired(stage.lines.finish())


def test_aLineThatIsTooLongIsLeftOut(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without being read into memory as a whole.
    """
    monkeypatch.setattr(filelines, "LINE_BYTES", 10)
    file.write_bytes(b"x" * 35 + b"\nb\n")
    stage = Stage(file)
    stage.lines.start()
    assert stage.taken == [b"b\n"]
    assert stage.log.lines == [f"error: {file}, line 1: a line has more than 10 bytes"]
    fired(stage.lines.finish())


def test_othersGetTheirTurn(file: Path) -> None:
    """
    After each hundred lines.
    """
    file.write_bytes(b"a\n" * 250)
    stage = Stage(file)
    stage.lines.start()
    assert len(stage.taken) == 100
    stage.clock.advance(0)
    assert len(stage.taken) == 250
    fired(stage.lines.finish())


def test_aFileThatIsNotThereFailsTheStart(file: Path) -> None:
    """
    It is told at once.
    """
    with pytest.raises(FileNotFoundError):
        Stage(file).lines.start()


def test_whatIsNoOrdinaryFileIsRefused(tmp_path: Path) -> None:
    """
    A pipe that nobody writes to must not hang all bots.
    """
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(5)
    try:
        with pytest.raises(ValueError, match="no ordinary file; see the option listen"):
            Stage(pipe).lines.start()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_followingBeginsAtTheEnd(file: Path) -> None:
    """
    And waits for whole lines.
    """
    file.write_bytes(b"old\n")
    stage = Stage(file, follow=True)
    stage.lines.start()
    stage.append(b"a\nb")
    assert stage.taken == [b"a\n"]
    stage.append(b"c\n")
    assert stage.taken == [b"a\n", b"bc\n"]
    assert fired(stage.lines.finish()) == [None]
    assert stage.clock.getDelayedCalls() == []


def test_aFileThatIsRotatedIsReadToItsEnd(file: Path) -> None:
    """
    And then the new one from its beginning.
    """
    file.write_bytes(b"old\n")
    stage = Stage(file, follow=True)
    stage.lines.start()
    with file.open("ab") as stream:
        stream.write(b"a\n")
    file.rename(file.with_suffix(".1"))
    stage.clock.advance(1)
    assert stage.taken == [b"a\n"]
    stage.append(b"b\n")
    assert stage.taken == [b"a\n", b"b\n"]
    fired(stage.lines.finish())


def test_aNewFileThatCannotBeReadYetIsTriedAgain(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Who rotates files makes them first, and then allows us to read them.
    """
    file.write_bytes(b"old\n")
    stage = Stage(file, follow=True)
    stage.lines.start()
    file.rename(file.with_suffix(".1"))
    with monkeypatch.context() as patch:
        patch.setattr(filelines, "open", forbidden, raising=False)
        stage.append(b"a\n")
        stage.append(b"b\n")
    stage.clock.advance(1)
    assert stage.taken == [b"a\n", b"b\n"]
    assert stage.log.count("cannot be read yet") == 1
    fired(stage.lines.finish())


def forbidden(*_: object, **more: object) -> Any:
    raise PermissionError(13, "Permission denied")


def test_aFileThatIsCutIsReadAnew(file: Path) -> None:
    """
    C{copytruncate}.
    """
    file.write_bytes(b"old and long\n")
    stage = Stage(file, follow=True)
    stage.lines.start()
    file.write_bytes(b"")
    stage.clock.advance(1)
    stage.append(b"a\n")
    assert stage.taken == [b"a\n"]
    fired(stage.lines.finish())


def test_aFollowedFileMayComeLater(file: Path) -> None:
    """
    It is new as a whole then.
    """
    stage = Stage(file, follow=True)
    stage.lines.start()
    stage.clock.advance(5)
    stage.append(b"a\n")
    assert stage.taken == [b"a\n"]
    fired(stage.lines.finish())


def test_aFileThatNeverComesDoesNotMatter(file: Path) -> None:
    """
    Nothing is told at the end.
    """
    stage = Stage(file, follow=True)
    stage.lines.start()
    assert fired(stage.lines.finish()) == [None]
    assert stage.log.lines == []


def test_aDiskThatFailsIsTold(file: Path) -> None:
    """
    Reading ends there.
    """
    file.write_bytes(b"a\n")
    stage = Stage(file, follow=True)

    def broken(stream: Any) -> bytes:
        raise OSError(5, "Input/output error")

    stage.lines._nextLine = broken  # type: ignore[method-assign]
    stage.lines.start()
    assert stage.log.count("cannot go on reading") == 1
    assert fired(stage.lines.finish()) == [None]


def test_theEndWaitsForTheLineUnderWay(file: Path) -> None:
    """
    And takes no further one.
    """
    file.write_bytes(b"a\nb\n")
    stage = Stage(file, slow=True)
    stage.lines.start()
    _, ended = stage.finish()
    assert ended == []
    stage.open.pop(0).callback(None)
    assert ended == [None] and stage.taken == [b"a\n"]


def test_anEndThatTakesTooLongGivesUpTheLine(file: Path) -> None:
    """
    And tells which one.
    """
    file.write_bytes(b"a\nb\n")
    stage = Stage(file, slow=True)
    stage.lines.start()
    finishing, ended = stage.finish()
    finishing.cancel()
    assert ended[0].check(CancelledError)
    assert stage.log.lines[0] == (f"error: {file}, line 1: it is given up, because the bot stops")
    assert stage.lines._stream is not None and stage.lines._stream.closed


# how far it got, over restarts


def again(file: Path, follow: bool = False, slow: bool = False) -> Stage:
    """
    The same file, by a bot that starts.
    """
    stage = Stage(file, follow, slow)
    stage.lines._bookmark = Bookmark(str(file.with_name("place")))
    stage.lines.start()
    return stage


@pytest.mark.parametrize("follow", [False, True])
def test_itGoesOnWhereItWas(file: Path, follow: bool) -> None:
    """
    What was appended meanwhile is taken, what was taken is not.
    """
    file.write_bytes(b"a\nb\n")
    first = again(file, follow)
    fired(first.lines.finish())
    assert first.taken == ([] if follow else [b"a\n", b"b\n"])
    with file.open("ab") as stream:
        stream.write(b"c\n")
    second = again(file, follow)
    assert second.taken == [b"c\n"]
    fired(second.lines.finish())
    assert fired(again(file, follow).lines.finish()) == [None]


def test_whatWasGivenUpIsTakenAgain(file: Path) -> None:
    """
    At least once, rather than never.
    """
    file.write_bytes(b"a\nb\n")
    stage = again(file, slow=True)
    stage.open.pop(0).callback(None)
    finishing, _ = stage.finish()
    finishing.cancel()
    stage = again(file)
    assert stage.taken == [b"b\n"]
    fired(stage.lines.finish())


def test_itIsKeptWhileItRuns(file: Path) -> None:
    """
    About once a second, for we may be killed.
    """
    file.write_bytes(b"a\nb\nc\n")
    stage = again(file, slow=True)
    stage.open.pop(0).callback(None)
    assert not file.with_name("place").exists()
    stage.clock.advance(1)
    stage.open.pop(0).callback(None)
    assert Bookmark(str(file.with_name("place"))).load() == Place(file.stat().st_ino, 4)
    stage.finish()[0].cancel()


def test_itIsKeptWhenAllIsRead(file: Path) -> None:
    """
    At once.
    """
    file.write_bytes(b"a\n")
    stage = again(file, follow=True)
    assert Bookmark(str(file.with_name("place"))).load() == Place(file.stat().st_ino, 2)
    stage.append(b"b\n")
    stage.clock.advance(1)
    assert Bookmark(str(file.with_name("place"))).load() == Place(file.stat().st_ino, 4)
    fired(stage.lines.finish())


@pytest.mark.parametrize("how", ["another", "shorter"])
def test_anotherFileIsReadAnew(file: Path, how: str) -> None:
    """
    And that is told.
    """
    file.write_bytes(b"a\nb\n")
    fired(again(file).lines.finish())
    if how == "another":
        file.rename(file.with_suffix(".1"))
        file.write_bytes(b"c\nddd\n")
    else:
        file.write_bytes(b"c\n")
    stage = again(file)
    assert stage.taken[0] == b"c\n"
    assert stage.log.lines[0] == f"warn: {file} is another one now; it is read anew"
    fired(stage.lines.finish())


def test_aRotationIsKept(file: Path) -> None:
    """
    It is no surprise.
    """
    file.write_bytes(b"a\n")
    stage = again(file, follow=True)
    file.rename(file.with_suffix(".1"))
    stage.append(b"b\n")
    stage.clock.advance(1)
    assert stage.taken == [b"b\n"]
    assert Bookmark(str(file.with_name("place"))).load() == Place(file.stat().st_ino, 2)
    file.write_bytes(b"")
    stage.clock.advance(2)
    assert Bookmark(str(file.with_name("place"))).load() == Place(file.stat().st_ino, 0)
    assert stage.log.lines == []
    fired(stage.lines.finish())


def test_aPlaceThatCannotBeKeptIsToldOnce(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each time it begins; the lines are taken nevertheless.
    """
    file.write_bytes(b"")
    stage = again(file, follow=True)
    bookmark: Any = stage.lines._bookmark
    save = bookmark.save

    def full(place: Place) -> None:
        raise OSError(28, "No space left on device")

    bookmark.save = full
    for _ in range(3):
        stage.append(b"a\n")
    bookmark.save = save
    stage.append(b"a\n")
    bookmark.save = full
    stage.append(b"a\n")
    fired(stage.lines.finish())
    assert len(stage.taken) == 5
    assert stage.log.count(f"failure: cannot keep how far {file} was read") == 2
