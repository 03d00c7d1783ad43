"""
The tests are laid out as the package is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support import ROOT

PACKAGE = ROOT / "txsocketio"
# Interfaces have no behaviour; test_architecture.py and mypy judge them.
UNTESTED = {"__init__.py", "interfaces.py"}
MODULES = sorted(
    path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name not in UNTESTED
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_everyModuleHasItsTests(module: Path) -> None:
    """
    Who changes a module knows where its tests are.
    """
    mirror = ROOT / "tests" / module.parent / f"test_{module.name}"
    assert mirror.is_file(), f"{PACKAGE.name}/{module} has no {mirror.relative_to(ROOT)}"
