"""
Tests for L{txsocketio.bots.bookmark}.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from txsocketio.bots.bookmark import Bookmark, Place


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "place"


def test_aPlaceIsKept(path: Path) -> None:
    """
    The last one, and no other file.
    """
    Bookmark(str(path)).save(Place(7, 1))
    Bookmark(str(path)).save(Place(7, 20))
    assert Bookmark(str(path)).load() == Place(7, 20)
    assert [each.name for each in path.parent.iterdir()] == ["place"]


def test_atFirstThereIsNone(path: Path) -> None:
    """
    That is no mistake.
    """
    assert Bookmark(str(path)).load() is None


@pytest.mark.parametrize("text", ["", "7", "{}", '{"inode": "x", "offset": 1}', "\u00e9"])
def test_anotherFileIsNotTakenForOne(path: Path, text: str) -> None:
    """
    Nor will it be overwritten: the bot does not start.
    """
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="keeps no place in a file"):
        Bookmark(str(path)).load()


def test_aFolderThatIsNotThere(path: Path) -> None:
    """
    Cannot be written to.
    """
    with pytest.raises(OSError):
        Bookmark(str(path / "none")).save(Place(1, 2))
