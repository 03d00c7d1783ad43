"""
C{emit} and C{call}: events to a server, and its answers.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from txsocketio.bots.log import jsonLine
from txsocketio.commands.client import Client
from txsocketio.commands.lines import LineWriter
from txsocketio.commands.sources import Item, Source

__all__ = ["Call", "Emit"]


class Emit:
    """
    Emits what a source gives, in order, as fast as the network takes it.
    """

    def __init__(
        self, source: Source, interval: float = 0.0, duration: float | None = None
    ) -> None:
        self._source = source
        self._interval = interval
        self._duration = duration
        self._done = 0

    def attach(self, client: Client) -> None:
        """
        Nothing is listened to.
        """
        self._client = client

    async def run(self) -> None:
        """
        Emit all of it.
        """
        clock = self._client.reactor
        end = None if self._duration is None else clock.seconds() + self._duration
        while True:
            awaited = Deferred.fromCoroutine(self._next())
            if end is not None:
                left = max(0.0, end - clock.seconds())
                awaited.addTimeout(left, clock, lambda result, seconds: None)
            item = await awaited
            if item is None:
                break
            await self.send(item)
            self._done += 1
        self._client.progress.tell(f"{self._done} emitted")

    async def send(self, item: Item) -> None:
        """
        Emit one event.
        """
        self._client.lingers = True
        await self._client.socket.emit(*item)

    async def _next(self) -> Item | None:
        if self._done and self._interval:
            await deferLater(self._client.reactor, self._interval)
        return await self._source.next()


class Call(Emit):
    """
    Emits one event after the other, and writes each answer.
    """

    def __init__(self, source: Source, output: LineWriter, named: bool, **more: Any) -> None:
        """
        @param named: whether an answer is written with its event's name.
        """
        super().__init__(source, **more)
        self._output = output
        self._named = named

    def attach(self, client: Client) -> None:
        """
        Hear if nobody reads the answers.
        """
        super().attach(client)
        self._output.onBroken = client.end

    async def run(self) -> None:
        """
        Emit all of it, and write all answers.
        """
        await super().run()
        await self._output.whenDrained()

    async def send(self, item: Item) -> None:
        """
        Emit one event and write its answer.
        """
        emission = self._client.socket.timeout(self._client.timeout)
        answer = await emission.emitWithAck(*item)
        self._output.write(_line(item[0], answer) if self._named else _bare(answer))
        if self._output.congested:
            await self._output.whenDrained()


def _line(event: str, answer: Any) -> str:
    """
    Write an answer with its event's name, by the rules for events.
    """
    written = jsonLine({"args": answer}).removeprefix('{"args":')
    return f'{{"event":{json.dumps(event)},"answer":{written}'


def _bare(answer: Any) -> str:
    line = jsonLine({"args": answer})
    bare = line.removeprefix('{"args":').removesuffix("}\n") + "\n"
    # What cannot be written as JSON is told by the whole line.
    return line if bare.startswith('null,"unreadable"') else bare
