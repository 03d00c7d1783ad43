"""
The tables of rows and the script that reads them.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from support import ROOT, runPython

SCRIPT = ROOT / "scripts" / "rows.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """
    The script as a module.
    """
    spec = importlib.util.spec_from_file_location("rows", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("docstring", "rows"),
    [
        ("It works (behaviours A1).", ["A1"]),
        ("behaviours A1, A2; faults F3", ["A1", "A2", "F3"]),
        ("behaviours A1 and\n    B2", ["A1", "B2"]),
        ("faults F5-F7", ["F5", "F6", "F7"]),
        ("Behaves as A1 says.", []),
    ],
)
def test_tags(script: ModuleType, docstring: str, rows: list[str]) -> None:
    """
    A docstring names rows one by one, or as a range.
    """
    assert [row for _, row in script.tagged(docstring)] == rows


def test_noTestNamesAnUnknownRow() -> None:
    """
    Each row that a test claims to prove exists.
    """
    done = runPython(str(SCRIPT))
    assert done.returncode == 0, [line for line in done.stdout.splitlines() if "no such" in line]
