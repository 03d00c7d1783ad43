"""
Who held the reactor: the warning for listeners that take too long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from txsocketio import Socket
from txsocketio.testing import MemoryServer


class Seat:
    """
    A connected socket, the time as its listeners make it pass, and the
    warnings.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.warnings: list[Any] = []
        self.server = MemoryServer(Clock())
        self.socket: Socket = self.server.connect()
        self.server.flush()

    def note(self, event: Any) -> None:
        if event.get("seconds") is not None and event["log_source"] is self.socket:
            self.warnings.append((event["event"], event["listener"], round(event["seconds"], 3)))

    def takes(self, seconds: float, name: str = "slow") -> Callable[..., None]:
        """
        A listener that holds the reactor.
        """

        def listener(*values: object) -> None:
            self.now += seconds

        listener.__qualname__ = name
        return listener

    def comes(self, event: str, after: float = 1.0) -> None:
        """
        The server emits.
        """
        self.now += after
        self.server.of("/").emit(event, 1)
        self.server.flush()


@pytest.fixture
def seat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seat]:
    made = Seat()
    for module in ("dispatch", "slowness"):
        monkeypatch.setattr(f"txsocketio.{module}.monotonic", lambda: made.now)
    globalLogPublisher.addObserver(made.note)
    yield made
    globalLogPublisher.removeObserver(made.note)


def test_warning(seat: Seat) -> None:
    """
    A listener that holds the reactor for more than a tenth of a second is
    named, with the event and how long it took.
    """
    seat.socket.on("tick", seat.takes(0.25, "compute"))
    seat.comes("tick")
    assert seat.warnings == [("tick", "compute", 0.25)]


def test_quickListener(seat: Seat) -> None:
    """
    Nothing is said of a listener that is quick enough.
    """
    seat.socket.on("tick", seat.takes(0.09))
    seat.comes("tick")
    assert seat.warnings == []


def test_ownLimit(seat: Seat) -> None:
    """
    How long is too long can be said, for all sockets or for one.
    """
    seat.socket.slowListener = 0.01
    seat.socket.on("tick", seat.takes(0.02))
    seat.comes("tick")
    assert seat.warnings == [("tick", "slow", 0.02)]


def test_turnedOff(seat: Seat) -> None:
    """
    L{None} turns the warning off.
    """
    seat.socket.slowListener = None
    seat.socket.on("tick", seat.takes(5))
    seat.comes("tick")
    assert seat.warnings == []


def test_turnedOffLosesNothing(seat: Seat) -> None:
    """
    Without the warning every event is delivered, from the first on.
    """
    told: list[int] = []
    seat.socket.slowListener = None
    seat.socket.on("tick", told.append)
    for _ in range(3):
        seat.comes("tick")
    assert told == [1, 1, 1]


def test_waitingIsNotHolding(seat: Seat) -> None:
    """
    The time that a listener's Deferred takes does not count.
    """
    later: Deferred[None] = Deferred()
    seat.socket.on("tick", lambda n: later)
    seat.comes("tick")
    seat.now += 60
    later.callback(None)
    assert seat.warnings == []


def test_eventWithAnswer(seat: Seat) -> None:
    """
    It holds for events that want an answer as well.
    """
    seat.socket.on("question", seat.takes(0.25))
    seat.server.of("/").sockets[seat.socket.id].emitWithAck("question", 1)
    seat.server.flush()
    assert seat.warnings == [("question", "slow", 0.25)]


def test_waiterOfAnEvent(seat: Seat) -> None:
    """
    What goes on after C{whenEvent} in the same call is not blamed on a
    listener.
    """
    seat.socket.whenEvent("tick").addCallback(seat.takes(0.25))
    seat.comes("tick")
    assert seat.warnings == [("tick", "what awaits whenEvent() or stream()", 0.25)]


def test_firstOfSeveral(seat: Seat) -> None:
    """
    Where several listen to a slow event, the first warning names them all.
    """
    seat.socket.on("tick", seat.takes(0.25, "a")).on("tick", seat.takes(0, "b"))
    seat.comes("tick")
    assert seat.warnings == [("tick", "one of a, b", 0.25)]


def test_severalLater(seat: Seat) -> None:
    """
    From then on each is timed by itself.
    """
    seat.socket.on("tick", seat.takes(0.25, "a")).on("tick", seat.takes(0.01, "b"))
    seat.comes("tick")
    seat.comes("tick")
    assert seat.warnings[1:] == [("tick", "a", 0.25)]


def test_catchAllTimedByItself(seat: Seat) -> None:
    """
    A catch-all listener is blamed under the name of the event that it held.
    """
    seat.socket.onAny(seat.takes(0.25, "logAll")).on("tick", seat.takes(0))
    seat.comes("tick")
    seat.comes("tock")
    seat.comes("tick")
    assert seat.warnings[1:] == [("tock", "logAll", 0.25), ("tick", "logAll", 0.25)]


def test_catchAllWithoutParameters(seat: Seat) -> None:
    """
    One that takes nothing, not even the event's name, is timed and blamed as
    well, and its call is not hurt.
    """
    calls: list[str] = []

    def count() -> None:
        calls.append("called")
        seat.now += 0.25

    seat.socket.onAny(count).on("tick", seat.takes(0))
    seat.comes("tick")
    seat.comes("tick")
    assert len(calls) == 2 and seat.warnings[1][0] == "*"


def test_timedAndForgiven(seat: Seat) -> None:
    """
    A limit that is raised or turned off later holds for those timed by
    themselves.
    """
    seat.socket.on("tick", seat.takes(0.25, "a")).on("tick", seat.takes(0, "b"))
    seat.comes("tick")
    seat.socket.slowListener = None
    seat.comes("tick")
    assert len(seat.warnings) == 1


def test_raisedLimit(seat: Seat) -> None:
    """
    As long as the limit says so, what takes long is quick.
    """
    seat.socket.on("tick", seat.takes(0.25, "a")).on("tick", seat.takes(0, "b"))
    seat.comes("tick")
    seat.socket.slowListener = 0.5
    seat.comes("tick")
    assert len(seat.warnings) == 1


def test_newcomer(seat: Seat) -> None:
    """
    A listener that joins those timed by themselves is timed as they are.
    """
    seat.socket.on("tick", seat.takes(0.25, "a")).on("tick", seat.takes(0, "b"))
    seat.comes("tick")
    seat.socket.on("tick", seat.takes(0.3, "c"))
    seat.comes("tick")
    seat.comes("tick")
    assert ("tick", "c", 0.3) in seat.warnings


def test_denseEventsAreNotAllTimed(seat: Seat) -> None:
    """
    Of events that come in one burst few are timed, for the clock costs.
    """
    seat.socket.on("tick", seat.takes(0))
    seat.comes("tick")
    seat.comes("tick", after=0)
    seat.socket.on("other", seat.takes(0.25))
    seat.comes("other", after=0)
    assert seat.warnings == []


def test_suspicion(seat: Seat) -> None:
    """
    One that was not timed and held up the next is timed when it comes again.
    """
    seat.socket.on("tick", seat.takes(0)).on("other", seat.takes(0.25))
    seat.comes("tick")
    seat.comes("tick", after=0)
    seat.comes("other", after=0)
    for _ in range(80):
        seat.comes("tick", after=0)
    seat.comes("other", after=0)
    assert seat.warnings == [("other", "slow", 0.25)]


def test_sparseEventsAreAllTimed(seat: Seat) -> None:
    """
    Each of the events that come singly is timed.
    """
    seat.socket.on("tick", seat.takes(0.25))
    for _ in range(3):
        seat.comes("tick")
    assert len(seat.warnings) == 3
