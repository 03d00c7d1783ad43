"""
C{--workers N}: the bots in child processes, one share each, for more than one
core.

To those who look at it, this is a daemon like any other: its bots are those of
all workers, and what it tells of them is what the workers tell when asked.

Must not know: the bots file, HTTP, signals to this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred
from twisted.internet.task import LoopingCall

from txsocketio.bots.asking import Ask, askStatus, command
from txsocketio.bots.changes import Changes
from txsocketio.bots.daemon import FAILED, BotDaemon
from txsocketio.bots.descriptions import BotDescription, DaemonDescription
from txsocketio.bots.keeper import WorkerKeeper
from txsocketio.bots.loader import Plugins
from txsocketio.bots.remote import RemoteBot
from txsocketio.bots.runner import GOODBYE
from txsocketio.bots.seat import Seat, seatsIn
from txsocketio.bots.workerprocess import WorkerProcess

__all__ = ["LOOK", "MARGIN", "Spawn", "Supervisor"]

LOOK = 1.0
"""Seconds between two looks at the workers, when nobody asks."""

MARGIN = 10.0
"""Seconds that a worker may take to stop, beyond those its bots may take."""

Spawn = Callable[[Seat, WorkerProcess], object]
"""Starts the process of a worker."""


class Supervisor(BotDaemon):
    """
    Runs bots in workers.

    @ivar workers: those who keep them running.
    """

    _seats: list[Seat]
    _folder = ""
    _seen: object = None

    def __init__(
        self,
        bots: Iterable[BotDescription],
        plugins: Plugins,
        reactor: Any,
        count: int,
        spawn: Spawn,
        ask: Ask = command,
        **options: Any,
    ) -> None:
        """
        @param count: how many workers.
        @param options: L{BotDaemon}'s.
        """
        self._spawn = spawn
        self._ask = ask
        self.workers = [self._keeper(number, reactor) for number in range(1, count + 1)]
        self._seats = seatsIn("", count)
        super().__init__(bots, plugins, reactor, **options)
        for each in self.workers:
            each.setServiceParent(self)
        self._looking = LoopingCall(self.refresh)
        self._looking.clock = reactor

    def startService(self) -> None:
        """
        Start the workers; what they tell is for us alone.
        """
        self._folder = mkdtemp(prefix="sioclient-")
        self._seats = seatsIn(self._folder, len(self.workers))
        super().startService()
        self._looking.start(LOOK)

    def stopService(self) -> Deferred[Any]:
        """
        @return: fires when all workers are gone, each within its limit.
        """
        self._looking.stop()
        stopping: Deferred[Any] = super().stopService()
        return stopping.addBoth(self._cleanUp)

    def refresh(self) -> Deferred[Any]:
        """
        Ask all workers how their bots are.

        @return: fires when each has told it, or has not; never fails.
        """
        asking = [
            ensureDeferred(self._askOne(worker, seat))
            for worker, seat in zip(self.workers, self._seats, strict=True)
        ]
        looking = DeferredList(asking).addCallback(lambda _: self._compare())
        return looking.addErrback(lambda failure: self._log.failure("an observer fails", failure))

    def add(self, description: BotDescription, paused: bool = False, plugin: Any = None) -> Any:
        """
        One bot more; its worker hears of it by itself.
        """
        number = next(seat.number for seat in self._seats if description.name in seat.share)
        bot: Any = RemoteBot(
            description, self.workers[number - 1], partial(self._commandOne, number)
        )
        self.runners[description.name] = bot
        return bot

    # inside

    def _keeper(self, number: int, reactor: Any) -> WorkerKeeper:
        return WorkerKeeper(
            number, partial(self._spawnOne, number), reactor, self._limit, self._workerEnded
        )

    def _spawnOne(self, number: int, process: WorkerProcess) -> None:
        self._spawn(self._seats[number - 1], process)

    def _commandOne(self, number: int, request: Mapping[str, Any]) -> Deferred[Any]:
        return self._ask(self._seats[number - 1].socket, self.reactor, request)

    def _limit(self) -> float:
        drains = [each.description.drainTimeout for each in self.runners.values()]
        return max(drains, default=0.0) + GOODBYE + MARGIN

    def _workerEnded(self, status: int | None) -> None:
        if status == FAILED and self.settings["onError"] == "stop":
            self._log.critical("a bot has failed, and onError = stop: the process ends")
            self._endProcess(FAILED)
        self._compare()

    def _cleanUp(self, result: Any) -> Any:
        rmtree(self._folder, ignore_errors=True)
        return result

    # inside: how the bots are

    async def _askOne(self, worker: WorkerKeeper, seat: Seat) -> None:
        try:
            statuses = await askStatus(seat.socket, self.reactor, self._ask)
        except Exception:  # whatever it is, it is no answer
            worker.silent()
            return
        worker.answered()
        runners: Mapping[str, Any] = self.runners
        for status in statuses:
            if status.name in runners:
                runners[status.name].told = status

    def _compare(self) -> None:
        """
        Tell the observers, if there is something new for people.
        """
        statuses = [each.status for each in self.runners.values()]
        seen = [(each.name, each.state, each.why) for each in statuses]
        if seen != self._seen:
            self._seen = seen
            for observer in self.observers:
                observer()

    # inside: reloading

    async def _apply(
        self, changes: Changes, new: DaemonDescription, plugins: Mapping[str, Any]
    ) -> None:
        """
        The file is good, so the workers may read it; each does by itself what
        is different for it.
        """
        before: Mapping[str, Any] = dict(self.runners)
        self.runners.clear()
        for description in new.bots:
            bot = self.add(description)
            if description.name in before:
                bot.told = before[description.name].told
        for worker in self.workers:
            worker.hangUp()
