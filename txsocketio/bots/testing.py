"""
Test a bot as the daemon runs it, without a network and without waiting.

A whole test::

    from twisted.internet.task import Clock

    from txsocketio.bots.bot import Bot, on
    from txsocketio.bots.testing import runningBot
    from txsocketio.testing import MemoryServer


    class Greeter(Bot):
        @on("join")
        async def greet(self, who):
            await self.socket.emit("say", f"hello {who}")


    def test_greets():
        server = MemoryServer(Clock())
        with runningBot(server, Greeter) as running:
            server.emit("join", "ann")
            server.flush()
            assert server.received == [("/", "say", ("hello ann",))]
            assert running.status.state.value == "connected"
        assert server.live == []

What the bot's own code raises is logged, in the daemon; here it fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.logger import ILogObserver, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementedBy, provider

from txsocketio.bots.config import parseConfig
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.loader import ClassPlugin, Plugins
from txsocketio.bots.runner import BotRunner
from txsocketio.bots.states import BotStatus
from txsocketio.bots.substitute import Substitution
from txsocketio.interfaces import IBot
from txsocketio.socket import Socket
from txsocketio.testing import MemoryServer

__all__ = ["RunningBot", "runningBot"]

STOP_SECONDS = 60.0

_SECTION = "[bot:{name}]\nurl = http://memory{namespace}\nplugin = {name}\n"


class RunningBot:
    """
    A bot while a test looks at it.

    @ivar failures: what was logged as a failure since the bot was made; a
        test that expects some takes them out, e.g. C{failures.clear()}.
    """

    def __init__(self, runner: BotRunner, failures: list[Failure]) -> None:
        self.runner = runner
        self.failures = failures

    @property
    def bot(self) -> Any:
        """
        The bot itself.
        """
        return self.runner.bot

    @property
    def socket(self) -> Socket:
        """
        The bot's socket.
        """
        socket: Socket = self.runner.client.socket
        return socket

    @property
    def status(self) -> BotStatus:
        """
        What the daemon would tell of the bot.
        """
        return self.runner.status


@contextmanager
def runningBot(
    server: MemoryServer,
    plugin: Any,
    section: str = "",
    *,
    name: str = "test",
    namespace: str = "/",
) -> Iterator[RunningBot]:
    """
    Run a bot against a server in memory; stop it at the end of the block, as
    the daemon would.

    When the block begins, the bot has had the time to connect that takes no
    time; with C{pingInterval} and the like, let it pass by C{server.advance}.

    @param plugin: a L{Bot <txsocketio.bots.bot.Bot>} class, an L{IBotPlugin
        <txsocketio.interfaces.IBotPlugin>}, or a plugin's name.
    @param section: one text with the lines of a C{[bot:NAME]} section, without
        C{url} and C{plugin}: the options of the plugin and of the client, as
        in C{"greeting = hi\\nauth.token = x"}.
    @raise ConfigError: the section has mistakes.
    @raise Exception: what the bot's code raised, at the end of the block.
    """
    found = _pluginOf(name, plugin)
    description = _describe(server, found, section, name, namespace)
    failures: list[Failure] = []

    @provider(ILogObserver)
    def observe(event: Any) -> None:
        if event.get("log_failure") is not None:
            failures.append(event["log_failure"])

    runner = BotRunner(description, found, server.clock)
    globalLogPublisher.addObserver(observe)
    try:
        runner.startService()
        server.flush()
        yield RunningBot(runner, failures)
        server.flush()
    except Exception as error:
        for each in failures:
            error.add_note(f"the bot failed before: {type(each.value).__name__}: {each.value}")
        raise
    finally:
        # A start that is still under way, or a loop, must not outlive the test.
        server.waitFor(runner.stopService(), STOP_SECONDS)
        server.flush()
        globalLogPublisher.removeObserver(observe)
    if failures:
        failures[0].raiseException()


# inside


def _pluginOf(name: str, plugin: Any) -> Any:
    if isinstance(plugin, str):
        return Plugins().find(plugin)
    if isinstance(plugin, type) and IBot in implementedBy(plugin):
        return ClassPlugin(name, plugin)
    return plugin


def _describe(
    server: MemoryServer, plugin: Any, section: str, name: str, namespace: str
) -> BotDescription:
    head = _SECTION.format(name=name, namespace="" if namespace == "/" else namespace)
    described = parseConfig(
        head + dedent(section), "the section", lambda _: plugin, Substitution({}, Path())
    )
    bot = described.bots[0]
    chosen = bot.options.get("transports") or ("websocket",)
    memory = server.options(chosen)
    del memory["reactor"]  # the runner gives it
    return replace(bot, options={**bot.options, **memory})
