"""
The script of the release checklist refuses what must not be released.

What it builds and installs is tried by running it; C{test_packaging.py} does
the same without the network.
"""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import ROOT

spec = importlib.util.spec_from_file_location("release", ROOT / "scripts" / "release.py")
assert spec and spec.loader
release: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(release)


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """
    A small checkout with a version and news, committed.
    """
    for name in ("pyproject.toml", "CHANGELOG.rst", "txsocketio/__init__.py"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        target.write_text((ROOT / name).read_text())
    door = tmp_path / "txsocketio" / "__init__.py"
    door.write_text(door.read_text().replace(release.versionOf(tmp_path), "0.1.0"))
    changes = tmp_path / "changes"
    changes.mkdir()
    (changes / "README.rst").write_text("How to.\n")
    (changes / "42.feature.rst").write_text("It can whistle.\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    return tmp_path


def test_prepare(checkout: Path) -> None:
    """
    The version and the news are written, the fragment is gone, its guide is
    not.
    """
    assert release.main(["prepare", "0.2.0"], checkout) == 0
    assert release.versionOf(checkout) == "0.2.0"
    changelog = (checkout / "CHANGELOG.rst").read_text()
    assert "\n0.2.0 (" in changelog and "- It can whistle. (#42)" in changelog
    assert [each.name for each in (checkout / "changes").iterdir()] == ["README.rst"]


@pytest.mark.parametrize("version", ["0.0.9", "1.0", "1.0.0rc1", "v1.0.0"])
def test_badVersion(checkout: Path, version: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A lower version is refused, and what is not one.
    """
    assert release.main(["prepare", version], checkout) == 1
    assert capsys.readouterr().err.startswith("\nNot released: ")
    assert release.versionOf(checkout) == "0.1.0"


def test_released(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    So is one that has its tag.
    """
    git(checkout, "tag", "v0.2.0")
    assert release.main(["prepare", "0.2.0"], checkout) == 1
    assert "there is a tag v0.2.0 already" in capsys.readouterr().err


def test_noNews(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A release without news is refused.
    """
    git(checkout, "rm", "-q", "changes/42.feature.rst")
    git(checkout, "commit", "-qm", "y")
    assert release.main(["prepare", "0.2.0"], checkout) == 1
    assert "there is no news" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["prepare", "0.2.0"], [], ["--quick"]])
def test_uncommitted(
    checkout: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Nothing is prepared, checked or built while something is uncommitted.
    """
    (checkout / "stray.txt").write_text("x")
    assert release.main(arguments, checkout) == 1
    assert "stray.txt" in capsys.readouterr().err


def test_fragmentsHere() -> None:
    """
    Every file of changes/ is a fragment that towncrier takes, or the guide.
    """
    known = {each.name for each in release.fragments(ROOT)} | {"README.rst"}
    assert {each.name for each in (ROOT / "changes").iterdir()} == known
