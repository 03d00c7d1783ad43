"""
Tests for L{txsocketio.commands.listen}.
"""

from __future__ import annotations

from typing import Any

from commands.commandkit import Written, clientOf, newServer, outcome
from txsocketio.commands.exits import Ended, Exit
from txsocketio.commands.listen import Listen
from txsocketio.testing import MemoryServer


class Listening:
    """
    C{listen}, connected to a server in memory.
    """

    def __init__(self, **more: Any) -> None:
        self.server: MemoryServer = newServer()
        self.output = Written()
        self.client = clientOf(self.server)
        self.seen = outcome(self.client.perform(Listen(self.output, **more)))  # type: ignore[arg-type]
        self.server.flush()

    def emit(self, *events: Any) -> None:
        for event in events:
            self.server.of("/").emit(*event)
        self.server.flush()


def test_aLineAnEvent() -> None:
    """
    An event is a line of JSON: when, in which namespace, which, with what;
    bytes as base64.
    """
    listening = Listening()
    listening.server.advance(2.5)
    listening.emit(("news", {"a": 1}, b"\x00"))
    assert listening.output.records == [
        {
            "time": "1970-01-01T00:00:02.500Z",
            "namespace": "/",
            "event": "news",
            "args": [{"a": 1}, {"base64": "AA=="}],
        }
    ]


def test_onlySome() -> None:
    """
    With C{--event} the others are passed over.
    """
    listening = Listening(events=("a",))
    listening.emit(("a",), ("b",))
    assert [each["event"] for each in listening.output.records] == ["a"]


def test_count() -> None:
    """
    With C{--count} there are exactly so many, and the end is a good one.
    """
    listening = Listening(count=2)
    listening.emit(("a",), ("b",), ("c",))
    listening.server.advance(1)
    assert [each["event"] for each in listening.output.records] == ["a", "b"]
    assert listening.seen == [None]


def test_duration() -> None:
    """
    With C{--duration} the end comes by time.
    """
    listening = Listening(duration=3.0)
    listening.emit(("a",))
    listening.server.advance(5)
    assert (len(listening.output.lines), listening.seen) == (1, [None])


def test_countNotReached() -> None:
    """
    With both, too few events in that time are a failure.
    """
    listening = Listening(duration=3.0, count=2)
    listening.emit(("a",))
    listening.server.advance(5)
    assert listening.seen[0].status == Exit.TIMEOUT
    assert str(listening.seen[0]) == "1 of 2 events came within 3 s"


def test_slowReader() -> None:
    """
    While nobody reads our output, we do not read the connection.
    """
    listening = Listening()
    reading = listening.client.socket.io.reading
    listening.output.congested = True
    listening.emit(("a",), ("b",))
    assert reading.held
    listening.output.drain()
    assert not reading.held
    listening.server.flush()
    assert len(listening.output.lines) == 2


def test_endWaitsForTheReader() -> None:
    """
    The command ends when everything was read.
    """
    listening = Listening(count=1)
    listening.output.congested = True
    listening.emit(("a",))
    listening.server.advance(1)
    assert not listening.seen
    assert listening.output.waiting is not None
    listening.output.drain()
    listening.server.advance(1)
    assert listening.seen == [None]


def test_brokenOutput() -> None:
    """
    An output that cannot be written ends the command.
    """
    listening = Listening()
    listening.output.onBroken(Ended(Exit.OUTPUT, "full"))
    listening.server.advance(1)
    assert str(listening.seen[0]) == "full"
