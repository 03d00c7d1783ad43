"""
What tests of the commands share: fakes of the streams, and a client of a
server in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from txsocketio.bots.descriptions import BotDescription
from txsocketio.commands.client import Client
from txsocketio.commands.exits import Ended
from txsocketio.commands.progress import Progress
from txsocketio.testing import MemoryServer


class SlowWorker:
    """
    A worker whose calls end when the test says so.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., Any], tuple[Any, ...], Deferred[Any]]] = []

    def do(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.calls.append((function, args, done))
        return done

    def work(self) -> None:
        """
        Do the oldest call.
        """
        function, args, done = self.calls.pop(0)
        maybeDeferred(function, *args).chainDeferred(done)

    def answer(self, result: Any) -> None:
        """
        End the oldest call without doing it.
        """
        done = self.calls.pop(0)[2]
        done.callback(result) if not isinstance(result, BaseException) else done.errback(result)


class Terminal(StringIO):
    """
    Standard error that is a terminal.
    """

    def isatty(self) -> bool:
        return True


class Written:
    """
    An output that keeps what is written.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.congested = False
        self.waiting: Deferred[None] | None = None
        self.onBroken: Callable[[Ended], object] = print

    def write(self, line: str) -> None:
        assert line.endswith("\n")
        self.lines.append(line)

    def whenDrained(self) -> Deferred[None]:
        if not self.congested:
            return succeed(None)
        self.waiting = Deferred()
        return self.waiting

    def drain(self) -> None:
        """
        Somebody reads all of it.
        """
        self.congested = False
        waiting, self.waiting = self.waiting, None
        assert waiting is not None
        waiting.callback(None)

    @property
    def records(self) -> list[Any]:
        """
        What was written, read again.
        """
        return [json.loads(line) for line in self.lines]


def describe(server: MemoryServer, **more: Any) -> BotDescription:
    """
    How to reach a server in memory.
    """
    options = server.options()
    del options["reactor"]
    own = {name: more.pop(name) for name in ("namespace", "secrets") if name in more}
    return BotDescription(
        name="", url="http://memory", plugin="", options={**options, **more}, **own
    )


def clientOf(server: MemoryServer, reconnect: bool = False, **options: Any) -> Client:
    """
    A client of a server in memory, that tells to a terminal.
    """
    policy = {"reconnection": reconnect, **options}
    progress = Progress(Terminal())
    return Client(server.clock, describe(server, **policy), progress, 10.0, reconnect)


def told(client: Client) -> str:
    """
    What the person before the terminal saw.
    """
    stream: Any = client.progress._stream
    return str(stream.getvalue())


def newServer(**options: Any) -> MemoryServer:
    """
    A server in memory on a clock of its own.
    """
    return MemoryServer(Clock(), **options)


def outcome(deferred: Deferred[Any]) -> list[Any]:
    """
    Where the result will be, or the error.
    """
    seen: list[Any] = []
    deferred.addCallbacks(seen.append, lambda failure: seen.append(failure.value))
    return seen
