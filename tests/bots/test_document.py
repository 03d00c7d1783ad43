"""
Tests for L{txsocketio.bots.document}.
"""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock

import txsocketio
from bots.lookkit import status
from txsocketio.bots.document import encoded, sourceOf
from txsocketio.bots.readiness import Readiness
from txsocketio.bots.states import BotState


def test_theDocumentIsMadeOfTheMoment() -> None:
    """
    Nothing of it is kept from one look to the next.
    """
    clock = Clock()
    clock.advance(100)
    runner = SimpleNamespace(status=status())
    settings = {"ready": Readiness("any")}
    daemon: Any = SimpleNamespace(reactor=clock, runners={"ticker": runner}, settings=settings)
    look = sourceOf(daemon)
    assert look() == {
        "version": txsocketio.__version__,
        "pid": os.getpid(),
        "started": 100.0,
        "time": 100.0,
        "ready": True,
        "readyRule": "any",
        "notReady": [],
        "bots": [status().plain()],
    }
    clock.advance(5)
    runner.status = status(state=BotState.FAILED)
    settings["ready"] = Readiness("all")  # a reload may change the rule, too
    later = look()
    assert later["readyRule"] == "all"
    assert (later["started"], later["time"]) == (100.0, 105.0)
    assert (later["ready"], later["notReady"]) == (False, ["ticker"])
    assert later["bots"][0]["state"] == "failed"


def test_aDocumentIsOneLineOfJSON() -> None:
    """
    Whatever is in it: what JSON has no word for is shown as Python does.
    """
    line = encoded({"bots": [{"why": "é\n", "odd": 1j}]})
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert json.loads(line) == {"bots": [{"why": "é\n", "odd": "1j"}]}
