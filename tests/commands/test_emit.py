"""
Tests for L{txsocketio.commands.emit}.
"""

from __future__ import annotations

import math
from typing import Any

from twisted.internet.defer import Deferred

from commands.commandkit import Written, clientOf, newServer, outcome, told
from txsocketio.commands.emit import Call, Emit
from txsocketio.commands.exits import Ended, Exit
from txsocketio.commands.sources import Item, Repeated, Source
from txsocketio.testing import MemoryServer


class Given:
    """
    A source that gives what the test puts in.
    """

    def __init__(self) -> None:
        self.wanted: Deferred[Any] | None = None

    async def next(self) -> Item | None:
        self.wanted = Deferred()
        item: Item | None = await self.wanted
        return item


class Emitting:
    """
    C{emit} or C{call}, connected to a server in memory.
    """

    def __init__(self, source: Source, named: bool | None = None, **more: Any) -> None:
        self.server: MemoryServer = newServer()
        self.output = Written()
        self.client = clientOf(self.server)
        self.work = Emit(source, **more)
        if named is not None:
            self.work = Call(source, self.output, named, **more)  # type: ignore[arg-type]

        @self.server.on("connection")
        def connected(socket: Any) -> None:
            socket.on("add", lambda one, two: one + two)
            socket.on("pair", lambda: (1, b"x"))
            socket.on("silence", lambda ack: None)

        self.seen = outcome(self.client.perform(self.work))
        self.server.flush()

    @property
    def received(self) -> list[Any]:
        return [(each.event, *each.args) for each in self.server.received]


def test_emit() -> None:
    """
    The event is sent as often as wanted, then the client leaves.
    """
    emitting = Emitting(Repeated(("a", 1), 2))
    emitting.server.advance(1)
    assert emitting.received == [("a", 1), ("a", 1)]
    assert emitting.seen == [None]
    assert "2 emitted" in told(emitting.client)


def test_lingers() -> None:
    """
    Between the last event and leaving there is a moment, since Socket.IO's
    server drops events that it reads together with our leaving.
    """
    emitting = Emitting(Repeated(("a",), 1))
    emitting.server.advance(0.09)
    assert emitting.received == [("a",)]
    assert emitting.client.socket.connected
    emitting.server.advance(1)
    assert emitting.seen == [None]


def test_interval() -> None:
    """
    Between two there is the interval, and none before the first.
    """
    emitting = Emitting(Repeated(("a",), 3), interval=2.0)
    assert len(emitting.received) == 1
    emitting.server.advance(2.1)
    assert len(emitting.received) == 2
    emitting.server.advance(5)
    assert len(emitting.received) == 3 and emitting.seen == [None]


def test_duration() -> None:
    """
    When time is up no further one is begun, nor waited for.
    """
    given = Given()
    emitting = Emitting(given, duration=3.0)
    assert given.wanted is not None
    given.wanted.callback(("a",))
    emitting.server.advance(5)
    assert emitting.received == [("a",)]
    assert emitting.seen == [None]


def test_notSendable() -> None:
    """
    What cannot be sent is a mistake of the input.
    """
    emitting = Emitting(Repeated(("connect",), 1))
    emitting.server.advance(1)
    assert emitting.seen[0].status == Exit.INPUT
    assert "reserved event name" in str(emitting.seen[0])


def test_call() -> None:
    """
    The answer is written as JSON.
    """
    calling = Emitting(Repeated(("add", 1, 2), 1), named=False)
    calling.server.advance(1)
    assert (calling.output.lines, calling.seen) == (["3\n"], [None])


def test_severalAnswers() -> None:
    """
    Several arguments are an array, bytes are base64.
    """
    calling = Emitting(Repeated(("pair",), 1), named=False)
    calling.server.advance(1)
    assert calling.output.lines == ['[1,{"base64":"eA=="}]\n']


def test_namedAnswers() -> None:
    """
    Of many calls each answer has its event's name.
    """
    calling = Emitting(Repeated(("add", 1, 0), 2), named=True)
    calling.server.advance(1)
    assert calling.output.records == [{"event": "add", "answer": 1}] * 2


def test_noAnswer() -> None:
    """
    An answer that does not come in time has an exit status of its own.
    """
    calling = Emitting(Repeated(("silence",), 1), named=False)
    calling.server.advance(30)
    assert calling.seen[0].status == Exit.TIMEOUT


def test_answersWaitForTheReader() -> None:
    """
    No further call is made before the answers are read.
    """
    given = Given()
    calling = Emitting(given, named=False)
    calling.output.congested = True
    assert (first := given.wanted) is not None
    first.callback(("add", 1, 0))
    calling.server.flush()
    assert given.wanted is first
    calling.output.drain()
    calling.server.flush()
    assert given.wanted is not first
    given.wanted.callback(None)
    calling.server.advance(1)
    assert calling.seen == [None]


def test_brokenOutput() -> None:
    """
    Answers that cannot be written end the command.
    """
    calling = Emitting(Given(), named=True)
    calling.output.onBroken(Ended(Exit.OUTPUT, "full"))
    calling.server.advance(1)
    assert str(calling.seen[0]) == "full"


def test_whatJSONCannotSay() -> None:
    """
    An answer that JSON has no word for, as MessagePack may bring it, is told
    as such, in a line that is JSON.
    """
    for named in (False, True):
        output = Written()
        calling = Call(Given(), output, named)  # type: ignore[arg-type]
        calling.attach(AnsweringClient())  # type: ignore[arg-type]
        assert outcome(Deferred.fromCoroutine(calling.send(("nan",)))) == [None]
        (record,) = output.records
        assert "ValueError" in record["unreadable"]


class AnsweringClient:
    """
    A client whose server answers what is no number.
    """

    timeout = 1.0

    def __init__(self) -> None:
        self.socket: Any = self
        self.end = print
        self.timeout: Any = Answering(1.0)  # type: ignore[no-redef]


class Answering(float):
    def __call__(self, seconds: float) -> Any:
        return self

    async def emitWithAck(self, event: str) -> float:
        return math.nan
