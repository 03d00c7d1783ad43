"""
A bot that runs in a worker, as its supervisor sees it.
"""

from __future__ import annotations

from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.keeper import WorkerKeeper
from txsocketio.bots.states import BotState, BotStatus, Condition
from txsocketio.protocol.url import parseURL

__all__ = ["RemoteBot"]


class RemoteBot:
    """
    Has the face of a L{BotRunner <txsocketio.bots.runner.BotRunner>}, as far
    as those look who look at a daemon.

    @ivar description: what the file says of it.
    @ivar told: what its worker told last; L{None} before that.
    @ivar client: always L{None}; it is elsewhere.
    """

    client = None
    told: BotStatus | None = None

    def __init__(self, description: BotDescription, worker: WorkerKeeper) -> None:
        self.name = description.name
        self.description = description
        self.worker = worker

    @property
    def status(self) -> BotStatus:
        """
        What the worker told; while it is not up, that it is not.
        """
        if self.worker.up and self.told is not None:
            return self.told
        bot = self.description
        state = BotState.WAITING if self.worker.running else BotState.STOPPED
        return BotStatus(
            name=bot.name,
            state=state,
            since=self.worker.since,
            why=self.worker.why,
            server=bot.server,
            namespace=bot.namespace or parseURL(bot.url).namespace,
            plugin=bot.plugin,
        )

    @property
    def condition(self) -> Condition:
        status = self.status
        return Condition(status.state, status.since, status.why)
