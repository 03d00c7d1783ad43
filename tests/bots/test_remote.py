"""
Tests for L{txsocketio.bots.remote}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from bots.lookkit import status
from bots.workerkit import FakeProcess
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.keeper import WorkerKeeper
from txsocketio.bots.remote import RemoteBot
from txsocketio.bots.states import BotState


def stage(**fields: Any) -> RemoteBot:
    values = {"url": "http://u:p@example.com/chat?q=1", "plugin": "log", **fields}
    worker = WorkerKeeper(
        1,
        lambda _: None,
        Clock(),
        lambda: 1.0,
        buildProcess=FakeProcess,  # type: ignore[arg-type]
    )
    return RemoteBot(BotDescription("ticker", **values), worker)


def test_aWorkersWordIsTheBots() -> None:
    """
    While it is up.
    """
    bot = stage()
    bot.worker.startService()
    bot.worker.answered()
    bot.told = status()
    assert bot.status == status()
    assert bot.condition.state is BotState.CONNECTED


@pytest.mark.parametrize(("namespace", "shown"), [(None, "/chat"), ("/admin", "/admin")])
def test_withoutAWorkerTheBotWaits(namespace: str | None, shown: str) -> None:
    """
    The reason is the worker's; an old word of it does not count.
    """
    bot = stage(namespace=namespace)
    bot.worker.startService()
    bot.told = status()
    told = bot.status
    assert (told.state, told.why) == (BotState.WAITING, "worker 1 starts")
    assert (told.name, told.server, told.namespace) == ("ticker", "http://example.com/chat", shown)


def test_aWorkerThatIsUpMayNotKnowTheBotYet() -> None:
    """
    It was added just now.
    """
    bot = stage()
    bot.worker.startService()
    bot.worker.answered()
    assert bot.status.why == "worker 1 runs"


def test_whenAllIsStoppedTheBotIs() -> None:
    """
    Nothing is waited for any more.
    """
    assert stage().condition.state is BotState.STOPPED
