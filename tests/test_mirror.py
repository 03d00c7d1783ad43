"""
The tests are laid out as the package is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support import ROOT

PACKAGE = ROOT / "txsocketio"
MODULES = sorted(
    path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_everyModuleHasItsTests(module: Path) -> None:
    """
    Who changes a module knows where its tests are.
    """
    mirror = ROOT / "tests" / module.parent / f"test_{module.name}"
    assert mirror.is_file(), f"{PACKAGE.name}/{module} has no {mirror.relative_to(ROOT)}"
