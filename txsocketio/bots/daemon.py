"""
All bots of one process: who they are, and what operators do with them.

What is served beside the bots (status page, control endpoint, notifications)
looks at this service, and never the other way round.

Must not know: files, HTTP, signals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, maybeDeferred

from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.loader import Plugins
from txsocketio.bots.mistakes import didYouMean
from txsocketio.bots.runner import BotRunner

__all__ = ["BotDaemon", "UnknownBot"]


class UnknownBot(LookupError):
    """
    There is no bot of that name.
    """


class BotDaemon(MultiService):
    """
    Runs bots, each on its own.

    @ivar runners: the bots by name, in the order of the file.
    @ivar reactor: the clock of all.
    """

    def __init__(self, bots: Iterable[BotDescription], plugins: Plugins, reactor: Any) -> None:
        super().__init__()
        self.reactor = reactor
        self.runners: dict[str, BotRunner] = {}
        self._plugins = plugins
        for each in bots:
            self.add(each)

    def runner(self, name: str) -> BotRunner:
        """
        The runner of a bot.

        @raise UnknownBot: saying which name is near.
        """
        try:
            return self.runners[name]
        except KeyError:
            near = didYouMean(name, self.runners)
            raise UnknownBot(f'there is no bot "{name}"{near}') from None

    def add(self, description: BotDescription) -> BotRunner:
        """
        One bot more; it starts at once if the daemon runs.
        """
        plugin = self._plugins.find(description.plugin)
        runner = BotRunner(description, plugin, self.reactor)
        self.runners[description.name] = runner
        runner.setServiceParent(self)
        return runner

    def remove(self, name: str) -> Deferred[Any]:
        """
        One bot fewer.

        @return: fires when nothing is left of it; never fails.
        @raise UnknownBot: there is none of that name.
        """
        runner = self.runner(name)
        del self.runners[name]
        return maybeDeferred(runner.disownServiceParent)
