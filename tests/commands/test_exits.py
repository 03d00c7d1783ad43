"""
Tests for L{txsocketio.commands.exits}.
"""

from __future__ import annotations

import pytest

from txsocketio.commands.exits import EXPLAINED, PROBE_STEPS, Ended, Exit, ofSignal, ofStep


@pytest.mark.parametrize("status", list(Exit))
def test_everyStatusIsExplained(status: Exit) -> None:
    """
    Each exit status is in the help.
    """
    assert f"\n  {int(status):<5}" in EXPLAINED


def test_signalsAsShellsWriteThem() -> None:
    """
    SIGTERM, 15, gives 143.
    """
    assert ofSignal(15) == 143


def test_stepsHaveStatusesOfTheirOwn() -> None:
    """
    No two steps of a probe share an exit status, nor with anything else.
    """
    statuses = {ofStep(name) for name in PROBE_STEPS}
    assert len(statuses) == len(PROBE_STEPS)
    assert not statuses & set(Exit)


def test_endedKeepsItsStatus() -> None:
    """
    An end is known by its status and told by its text.
    """
    end = Ended(Exit.LOST, "gone")
    assert (end.status, str(end)) == (6, "gone")
