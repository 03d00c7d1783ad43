"""
Tests for L{txsocketio.bots.overview}; test_workers.py looks at real workers.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bots.lookkit import status
from txsocketio.bots.keys import inForce
from txsocketio.bots.overview import overviewOf


def test_theDocumentIsMadeWhenAllWorkersHaveAnswered() -> None:
    """
    Of what they said then, and not of what was known before.
    """
    asked: Deferred[None] = Deferred()
    runner = SimpleNamespace(status=status(sid="old"))
    supervisor: Any = SimpleNamespace(
        reactor=Clock(), runners={"ticker": runner}, settings=inForce({}), refresh=lambda: asked
    )
    told: list[Any] = []
    look: Any = overviewOf(supervisor)
    look().addCallback(told.append)
    assert told == []
    runner.status = status(sid="new")
    asked.callback(None)
    assert [bot["sid"] for bot in told[0]["bots"]] == ["new"]
