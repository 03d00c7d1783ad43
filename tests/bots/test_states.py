"""
Tests for L{txsocketio.bots.states}.
"""

from __future__ import annotations

from txsocketio.bots.states import BotState, Condition


def test_aNewReasonDoesNotBeginANewState() -> None:
    """
    A bot that backs off since an hour does so although the error changed.
    """
    before = Condition(BotState.BACKING_OFF, 1.0, "refused")
    assert before.then(BotState.BACKING_OFF, "timeout", 9.0).since == 1.0
    assert before.then(BotState.CONNECTED, "", 9.0).since == 9.0
