"""
The drawings of the life cycle are those of the machines as they are now.
"""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import pytest

from support import ROOT

spec = importlib.util.spec_from_file_location("lifecycle", ROOT / "scripts" / "lifecycle.py")
assert spec and spec.loader
lifecycle: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lifecycle)


class Lamp:
    """
    Goes on, and breaks when it is switched on a second time.
    """

    def __init__(self) -> None:
        self.word = "off"
        self.used = False
        self.happenings = {"switch": self._switch}

    @property
    def key(self) -> Any:
        return self.word, self.used

    def _switch(self) -> None:
        if self.word != "broken":
            self.word = "off" if self.word == "on" else "broken" if self.used else "on"
        self.used = True


def test_explore() -> None:
    """
    What leads on is found even where the word is the same as before.
    """
    assert set(lifecycle.explore(Lamp)) == {
        ("off", "switch", "on"),
        ("on", "switch", "off"),
        ("off", "switch", "broken"),
    }


@pytest.mark.parametrize("name", list(lifecycle.MACHINES))
def test_upToDate(name: str) -> None:
    """
    The drawing is what C{make tables} would draw of the code today.
    """
    machine = lifecycle.MACHINES[name]
    drawn = (ROOT / "docs" / "topics" / f"{name}.svg").read_text()
    assert drawn == lifecycle.draw(machine.states, lifecycle.explore(machine))


@pytest.mark.parametrize("name", list(lifecycle.MACHINES))
def test_shown(name: str) -> None:
    """
    Every drawing is on the page, with words for those who do not see it.
    """
    page = (ROOT / "docs" / "topics" / "life-cycle.rst").read_text()
    assert re.search(rf"^\.\. image:: {name}\.svg\n   :alt: \S", page, re.MULTILINE)


def test_forgotten() -> None:
    """
    A state that nobody draws is noticed, and one that is not reached as well.
    """
    with pytest.raises(AssertionError, match="broken"):
        lifecycle.draw(["on", "off"], lifecycle.explore(Lamp))
    with pytest.raises(AssertionError, match="dim"):
        lifecycle.draw(["on", "off", "broken", "dim"], lifecycle.explore(Lamp))


def test_stale(tmp_path: Any, monkeypatch: Any, capsys: Any) -> None:
    """
    C{--check} fails on a drawing that is not there, and writes nothing.
    """
    monkeypatch.setattr(lifecycle, "FOLDER", tmp_path)
    assert lifecycle.main("--check") == 1
    assert "life-of-socket.svg" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert lifecycle.main() == 0
    assert lifecycle.main("--check") == 0
