"""
The table of features keeps its word.
"""

from __future__ import annotations

import re

import pytest

from support import ROOT, runPython

PAGE = (ROOT / "docs" / "reference" / "features.rst").read_text()
ROWS = [row.split("\n     - ") for row in PAGE.split("\n   * - ")[2:]]

# What we do not offer.
WITHOUT = {"WebTransport", "A synchronous client"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_everyLine(row: list[str]) -> None:
    """
    Every feature is there, with a test that proves it, but for two.
    """
    feature, _, _, ours, *proof = row
    assert (ours == "y") == (feature not in WITHOUT)
    assert ours != "y" or "``" in proof[0]


def test_proofs() -> None:
    """
    Every test that the table names exists.
    """
    named = [f"tests/{each}" for each in re.findall(r"\| ``(.*?)``", PAGE)]
    found = runPython("-m", "pytest", "--collect-only", "-q", *named)
    assert len(named) > len(ROWS) and found.returncode == 0, found.stdout + found.stderr
