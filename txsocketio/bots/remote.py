"""
A bot that runs in a worker, as its supervisor sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.keeper import WorkerKeeper
from txsocketio.bots.states import BotState, BotStatus, Condition

__all__ = ["RemoteBot"]

Commander = Callable[[dict[str, Any]], Deferred[Any]]
"""Has the bot's worker do something."""


class RemoteBot:
    """
    Has the face of a L{BotRunner <txsocketio.bots.runner.BotRunner>}, as far
    as those look, and command, who are beside a daemon.

    @ivar description: what the file says of it.
    @ivar told: what its worker told last; L{None} before that.
    @ivar client: always L{None}; it is elsewhere.
    @ivar trace: switches its wire trace, there.
    """

    client = None
    told: BotStatus | None = None

    def __init__(
        self, description: BotDescription, worker: WorkerKeeper, command: Commander
    ) -> None:
        self.name = description.name
        self.description = description
        self.worker = worker
        self.trace = _RemoteTrace(self._do)
        self._command = command

    @property
    def status(self) -> BotStatus:
        """
        What the worker told; while it is not up, that it is not.
        """
        if self.worker.up and self.told is not None:
            return self.told
        state = BotState.WAITING if self.worker.running else BotState.STOPPED
        condition = Condition(state, self.worker.since, self.worker.why)
        return BotStatus.of(self.description, condition)

    @property
    def condition(self) -> Condition:
        status = self.status
        return Condition(status.state, status.since, status.why)

    def pause(self) -> Deferred[Any]:
        return self._do("pause")

    def resume(self) -> Deferred[Any]:
        return self._do("resume")

    def reconnect(self) -> Deferred[Any]:
        return self._do("reconnect")

    def _do(self, command: str, **more: Any) -> Deferred[Any]:
        return self._command({"command": command, "bot": self.name, **more})


class _RemoteTrace:
    """
    The face of a L{WireTrace <txsocketio.bots.trace.WireTrace>}.
    """

    _log = Logger()

    def __init__(self, do: Callable[..., Deferred[Any]]) -> None:
        self._do = do

    def start(self) -> None:
        self._switch(True)

    def stop(self) -> None:
        self._switch(False)

    def _switch(self, on: bool) -> None:
        switching = self._do("trace", on=on)
        switching.addErrback(lambda failure: self._log.failure("no trace", failure))
