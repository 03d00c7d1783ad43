"""
Tests for L{txsocketio.bots.remote}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import fail, succeed
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
    return RemoteBot(BotDescription("ticker", **values), worker, lambda _: succeed(None))


@pytest.mark.parametrize(
    ("do", "request_"),
    [
        (lambda bot: bot.pause(), {"command": "pause"}),
        (lambda bot: bot.resume(), {"command": "resume"}),
        (lambda bot: bot.reconnect(), {"command": "reconnect"}),
        (lambda bot: bot.trace.start(), {"command": "trace", "on": True}),
        (lambda bot: bot.trace.stop(), {"command": "trace", "on": False}),
    ],
)
def test_commandsGoToTheWorker(do: Any, request_: dict[str, Any]) -> None:
    """
    With the bot's name.
    """
    asked: list[Any] = []
    bot = stage()
    bot._command = lambda request: succeed(asked.append(request))
    do(bot)
    assert asked == [{**request_, "bot": "ticker"}]


def test_aTraceThatCannotBeSwitchedIsLogged(flushLoggedErrors: Any) -> None:
    """
    Nobody waits for it.
    """
    bot = stage()
    bot._command = lambda request: fail(OSError("no socket"))
    bot.trace.start()
    assert len(flushLoggedErrors(OSError)) == 1


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
