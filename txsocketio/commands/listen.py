"""
C{listen}: the events of a server, as lines of JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred

from txsocketio.bots.log import jsonLine
from txsocketio.commands.client import Client
from txsocketio.commands.exits import Ended, Exit
from txsocketio.commands.lines import LineWriter

__all__ = ["Listen"]


class Listen:
    """
    Writes events until there were enough.
    """

    def __init__(
        self,
        output: LineWriter,
        events: tuple[str, ...] = (),
        count: int | None = None,
        duration: float | None = None,
    ) -> None:
        self._output = output
        self._events = frozenset(events)
        self._count = count
        self._duration = duration
        self._seen = 0
        self._done: Deferred[None] = Deferred()
        self._over = self._holding = False

    def attach(self, client: Client) -> None:
        """
        Listen; no event may come too early.
        """
        self._client = client
        self._output.onBroken = client.end
        client.socket.onAny(self._eventReceived)

    async def run(self) -> None:
        """
        Wait until there were enough events, or time is up.
        """
        if self._duration is not None:
            self._done.addTimeout(self._duration, self._client.reactor, self._timeIsUp)
        await self._done
        await self._output.whenDrained()

    # inside

    def _timeIsUp(self, result: Any, seconds: float) -> None:
        self._over = True
        if self._count is not None:
            text = f"{self._seen} of {self._count} events came within {seconds:g} s"
            raise Ended(Exit.TIMEOUT, text)

    def _eventReceived(self, event: str, *args: Any) -> None:
        if self._over or (self._events and event not in self._events):
            return
        self._seen += 1
        self._output.write(jsonLine(self._record(event, args)))
        if self._output.congested and not self._holding:
            self._holdBack()
        if self._seen == self._count:
            self._over = True
            self._done.callback(None)

    def _holdBack(self) -> None:
        # The server is to feel that nobody reads.
        self._holding = True
        self._client.socket.io.reading.hold(self)
        self._output.whenDrained().addBoth(self._goOn)

    def _goOn(self, _: object) -> None:
        self._holding = False
        self._client.socket.io.reading.release(self)

    def _record(self, event: str, args: tuple[Any, ...]) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._client.reactor.seconds(), UTC)
        return {
            "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "namespace": self._client.socket.nsp,
            "event": event,
            "args": args,
        }
