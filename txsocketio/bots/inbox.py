"""
Work that events make, and that takes its time: done in order or a few at once,
the rest waits - bounded, and pushing back on the server that sends too much.

Up to the limit everything is as usual.  Above it the connection is not read,
as for a slow stream; what is under way nevertheless is kept up to four times
the limit.  Only beyond that events are lost, and then it is said, and counted.

Must not know: what the work is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from txsocketio.bots.bot import Bot
from txsocketio.bots.records import eventRecord, jsonLine
from txsocketio.bots.schema import PluginOption, count, listOf
from txsocketio.errors import SocketIOError

__all__ = ["EVENTS", "QUEUE", "Inbox", "InboxBot"]

EVENTS = PluginOption("events", "which events, with commas between (all)", listOf, ())
QUEUE = PluginOption(
    "queue", "how many events may wait before the server is held back", count, 1000
)

CEILING = 4
"""So many times the limit are kept, since what is under way cannot be held."""

QUEUE_BYTES = 16 * 1024 * 1024
"""As many bytes as that count as too many events, however few they are."""


class Inbox:
    """
    A bounded queue of jobs, and those that are being done.

    @ivar lost: how many events were not taken, because too many waited.
    @ivar failed: how many were taken, but came to nothing.
    """

    def __init__(
        self,
        bot: Bot,
        work: Callable[[Any], Any],
        limit: int,
        workers: int = 1,
        byteLimit: int = QUEUE_BYTES,
    ) -> None:
        """
        @param work: called with each job; may return a Deferred, or be a
            coroutine function.
        @param workers: how many jobs are done at once; 1 keeps their order.
        """
        self._reading = bot.socket.io.reading
        self._log = bot.log
        self._work = work
        self._limit = limit
        self._workers = workers
        self._byteLimit = byteLimit
        self._jobs: deque[tuple[Any, int]] = deque()
        self._working: set[Deferred[Any]] = set()
        self._bytes = 0
        self._looping = self._closed = False
        self._losing = 0
        self._idle: Deferred[None] | None = None
        self.lost = self.failed = 0

    def __len__(self) -> int:
        return len(self._jobs) + len(self._working)

    def put(self, job: Any, size: int) -> bool:
        """
        Do a job when it is its turn.

        @param size: its bytes, more or less.
        @return: whether there was room for it.
        """
        if self._exceeds(CEILING):
            self._lose()
            return False
        self._jobs.append((job, size))
        self._bytes += size
        self._run()
        if self._exceeds(1):
            self._reading.hold(self)
        return True

    async def finish(self) -> None:
        """
        Wait until everything is done.  Cancelling it gives up the rest.
        """
        try:
            if len(self):
                self._idle = Deferred()
                await self._idle
        finally:
            self._close()

    # inside

    def _exceeds(self, times: float) -> bool:
        tooMany = len(self._jobs) >= times * self._limit
        return tooMany or self._bytes >= times * self._byteLimit

    def _lose(self) -> None:
        self.lost += 1
        self._losing += 1
        if self._losing == 1:
            self._log.error(
                "{waiting} events wait already; what comes is lost until there is room",
                waiting=len(self._jobs),
            )

    def _run(self) -> None:
        if self._looping:
            return  # a loop, not a recursion, however many end at once
        self._looping = True
        while self._jobs and len(self._working) < self._workers and not self._closed:
            job, size = self._jobs.popleft()
            working = maybeDeferred(self._work, job)
            self._working.add(working)
            working.addErrback(self._ebWork).addBoth(self._done, working, size)
        self._looping = False

    def _ebWork(self, failure: Failure) -> None:
        if self._closed:
            return
        self.failed += 1
        if failure.check(SocketIOError):  # a traceback would tell nothing more
            self._log.error("an event came to nothing: {why}", why=str(failure.value))
        else:
            self._log.failure("an event came to nothing", failure)

    def _done(self, _: object, working: Deferred[Any], size: int) -> None:
        self._working.discard(working)
        self._bytes -= size
        self._run()
        if not self._exceeds(0.5):
            self._relieved()
        idle = self._idle
        if idle is not None and not len(self):
            self._idle = None
            idle.callback(None)

    def _relieved(self) -> None:
        self._reading.release(self)
        if self._losing:
            self._log.error("{count} events were lost; there is room again", count=self._losing)
            self._losing = 0

    def _close(self) -> None:
        left = len(self)
        self._closed = True
        self._idle = None
        self._jobs.clear()
        for working in list(self._working):
            working.cancel()
        self._reading.release(self)
        if left:
            self._log.error("{count} events are given up, because the bot stops", count=left)


class InboxBot(Bot):
    """
    A bot that does something with each event that it was told to.

    @ivar inbox: what waits to be done; from C{start} on.
    """

    inbox: Inbox

    def listen(self, workers: int = 1) -> None:
        """
        Begin to take events: C{start} calls this when all is prepared.
        """
        self._events = frozenset(self.config["events"])
        self.inbox = Inbox(self, self.work, self.config["queue"], workers)
        self.socket.onAny(self._eventReceived)

    async def stop(self) -> None:
        """
        Take no more events, and finish what was taken.
        """
        self.socket.offAny(self._eventReceived)
        await self.inbox.finish()

    def take(self, event: Any, args: Any) -> None:
        """
        An event came; yours to override if a line of JSON is not what you
        want to work with.
        """
        line = jsonLine(eventRecord(self, event, args))
        self.inbox.put((event, line), len(line))

    def work(self, job: Any) -> Any:
        """
        Do what is to be done; yours to override.
        """
        raise NotImplementedError

    def _eventReceived(self, event: Any, *args: Any) -> None:
        if not self._events or event in self._events:
            self.take(event, self.socket.ownArguments(args))
