"""
A whole client above a server in memory: io() or Manager, under task.Clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txsocketio import Manager, Socket
from txsocketio.errors import SocketIOError
from txsocketio.testing import MemoryServer

__all__ = ["Bench", "benchFixture", "journal", "names", "only", "outcomes"]


class Bench(MemoryServer):
    """
    A server in memory that remembers its clients, to end them.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(Clock(), **options)
        self.managers: list[Manager] = []

    def connect(self, url: str = "http://memory", **options: Any) -> Socket:
        """
        A socket whose delays are exact; not connected yet.
        """
        socket = super().connect(url, **{"randomizationFactor": 0, **options})
        if socket.io not in self.managers:
            self.managers.append(socket.io)
        return socket

    def online(self, url: str = "http://memory", **options: Any) -> Socket:
        """
        A socket that is connected.
        """
        socket = self.connect(url, **options)
        self.flush()
        assert socket.connected
        return socket

    def manager(self, **options: Any) -> Manager:
        """
        A manager whose delays are exact.
        """
        manager = Manager("http://memory", **self.options(**{"randomizationFactor": 0, **options}))
        self.managers.append(manager)
        return manager

    @property
    def texts(self) -> list[str]:
        """
        The messages of the latest client, without its pongs.
        """
        return [each[1:] for each in self.connection.fromClient if each[0] == "4"]

    @property
    def timers(self) -> int:
        """
        How many calls wait on the clock.
        """
        clock: Any = self.clock
        return len(clock.getDelayedCalls())

    def end(self) -> None:
        """
        Close everything, and look whether it is.
        """
        closed = [outcomes(each.close()) for each in self.managers]
        for connection in self.live:
            connection.resume()  # type: ignore[attr-defined]
        self.advance(2)
        assert closed == [[None]] * len(closed)
        assert self.live == []
        assert self.timers == 0


@pytest.fixture(name="bench")
def benchFixture() -> Iterator[Bench]:
    """
    A server, and whatever clients the test makes; at the end nothing may be
    left of them.
    """
    made = Bench()
    yield made
    made.end()


def journal(socket: Socket, *events: str) -> list[Any]:
    """
    What is told to the listeners of a socket, in order.
    """
    told: list[Any] = []
    socket.on("connect", lambda: told.append("connect"))
    socket.on("connect_error", lambda error: told.append(("connect_error", error)))
    socket.on("disconnect", lambda reason, details: told.append(("disconnect", reason)))
    for event in events:
        socket.on(event, lambda *args, event=event: told.append((event, *args)))
    return told


def outcomes(later: Deferred[Any]) -> list[Any]:
    """
    A list that will hold the result of a Deferred, or its error.
    """
    seen: list[Any] = []
    later.addCallbacks(seen.append, lambda failure: seen.append(failure.value))
    return seen


def names(told: list[Any]) -> list[str]:
    """
    The first words of a journal.
    """
    return [each if isinstance(each, str) else each[0] for each in told]


def only(seen: list[Any], kind: type[SocketIOError]) -> Any:
    """
    The one error that was seen.
    """
    assert len(seen) == 1 and isinstance(seen[0], kind), seen
    return seen[0]
