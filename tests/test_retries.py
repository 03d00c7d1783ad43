"""
At least once: one in flight, in order, tried again.
"""

from __future__ import annotations

from typing import Any

import pytest

from txsocketio.acks import AckCallback
from txsocketio.errors import AckTimeout, Disconnected, PayloadTooLarge, SocketIOError
from txsocketio.modifiers import PLAIN
from txsocketio.retries import Retried, RetryQueue

TIMEOUT = AckTimeout("event", 0.05)


class Line:
    """
    A queue, what it sent, and what became of it.
    """

    def __init__(self, retries: float = 3) -> None:
        self.sent: list[str] = []
        self.flying: list[AckCallback] = []
        self.forgotten: list[Any] = []
        self.settled: list[Any] = []
        self.refuse: SocketIOError | None = None
        self.queue = RetryQueue(retries, self.send, self.forgotten.append)

    def send(self, retried: Retried, waiting: AckCallback) -> None:
        self.sent.append(retried.values[0])
        if self.refuse is not None:
            waiting.fail(self.refuse)
        else:
            self.flying.append(waiting)

    def add(self, name: str, size: int = 0) -> Retried:
        def settle(error: SocketIOError | None, answer: tuple[Any, ...]) -> None:
            self.settled.append((name, answer if error is None else error))

        retried = Retried((name,), PLAIN, settle, size)
        self.queue.add(retried)
        return retried


@pytest.fixture
def line() -> Line:
    line = Line()
    line.queue.ready()
    return line


def test_oneInFlight(line: Line) -> None:
    """
    The next packet is sent when the last is answered, in order.

    behaviours C1
    """
    lengths = [len(line.queue) for name in "abc" if line.add(name)]
    assert (lengths, line.sent) == ([1, 2, 3], ["a"])
    line.flying[0].answer([1])
    assert line.sent == ["a", "b"]
    line.flying[1].answer([2])
    line.flying[2].answer([3])
    assert line.settled == [("a", (1,)), ("b", (2,)), ("c", (3,))]
    assert len(line.queue) == 0


def test_triedAgain(line: Line) -> None:
    """
    What is not answered in time is sent again, as often as C{retries} says;
    then it fails, and the next one has its turn.

    behaviours C2
    """
    line.add("a")
    line.add("b")
    for _ in range(4):
        line.flying[-1].fail(TIMEOUT)
    assert line.sent == ["a"] * 4 + ["b"]
    ((event, error),) = line.settled
    assert (event, str(error)) == ("a", f"{TIMEOUT}, sent 4 times")


def test_answeredAtLast(line: Line) -> None:
    """
    An answer to a later try is an answer.
    """
    line.add("a")
    line.flying[0].fail(TIMEOUT)
    line.flying[1].answer([])
    assert line.settled == [("a", ())]


def test_offline() -> None:
    """
    Nothing is sent and no try used up before the socket is connected.

    behaviours C3
    """
    line = Line()
    retried = line.add("a")
    assert (line.sent, retried.tries) == ([], 0)
    line.queue.ready()
    assert line.sent == ["a"]


def test_readyAgain(line: Line) -> None:
    """
    What is in flight is not sent again only because something else happened.

    behaviours C4
    """
    line.add("a")
    line.queue.ready()
    assert line.sent == ["a"]


def test_disconnectionUsesUpNoRetry() -> None:
    """
    A lost connection is not the packet's fault; it is sent again after the
    next connect.
    """
    line = Line(retries=1)
    line.queue.ready()
    line.add("a")
    for _ in range(2):
        line.queue.interrupted("transport close", None)
        line.queue.ready()
    line.flying[-1].answer([1])
    assert line.sent == ["a"] * 3
    assert line.settled == [("a", (1,))]


def test_interruptedIsForgotten(line: Line) -> None:
    """
    Nobody waits any more for the answer of a session that is over.
    """
    line.add("a")
    line.queue.interrupted("transport close", None)
    assert line.forgotten == line.flying


def test_fiveDisconnections(line: Line) -> None:
    """
    A packet that was in flight at five disconnections in a row fails, for it
    may be what ends them; the next one is not blamed.
    """
    line.add("a")
    line.add("b")
    for _ in range(5):
        line.queue.interrupted("transport close", "details")
        line.queue.ready()
    ((name, error),) = line.settled
    assert (name, error.reason, error.details) == ("a", "transport close", "details")
    assert line.sent == ["a"] * 5 + ["b"]


def test_notInARow(line: Line) -> None:
    """
    A timeout between the disconnections shows that the packet does no harm.
    """
    line.add("a")
    for _ in range(4):
        line.queue.interrupted("transport close", None)
        line.queue.ready()
    line.flying[-1].fail(TIMEOUT)
    line.queue.interrupted("transport close", None)
    assert line.settled == []


def test_interruptedIdle(line: Line) -> None:
    """
    A disconnection with nothing in flight blames nobody.
    """
    line.queue.interrupted("transport close", None)
    retried = line.add("a")
    line.queue.interrupted("transport close", None)
    assert (retried.disconnections, line.sent) == (0, [])


def test_otherErrors(line: Line) -> None:
    """
    Any error but a timeout is final.
    """
    error = PayloadTooLarge(10, 5)
    line.add("a")
    line.flying[0].fail(error)
    assert line.settled == [("a", error)]


def test_withdrawWaiting(line: Line) -> None:
    """
    One that was taken back before its turn is never sent and settles nothing.
    """
    line.add("a")
    line.queue.withdraw(line.add("b"))
    line.flying[0].answer([])
    assert (line.sent, line.settled) == (["a"], [("a", ())])


def test_withdrawFlying(line: Line) -> None:
    """
    When the one in flight is taken back, its answer is forgotten and the next
    goes.
    """
    first = line.add("a")
    line.add("b")
    line.queue.withdraw(first)
    assert line.forgotten == [line.flying[0]]
    assert (line.sent, line.settled) == (["a", "b"], [])


def test_withdrawSettled(line: Line) -> None:
    """
    Taking back what is settled does nothing.
    """
    retried = line.add("a")
    line.flying[0].answer([])
    line.queue.withdraw(retried)
    assert (line.forgotten, len(line.settled)) == ([], 1)


def test_takeAll(line: Line) -> None:
    """
    When the socket is given up, all are taken out, in order.
    """
    retried = [line.add("a"), line.add("b")]
    assert line.queue.takeAll() == retried
    assert (len(line.queue), line.forgotten) == (0, [line.flying[0]])


def test_addedWhileFailing(line: Line) -> None:
    """
    What is emitted by someone who hears of a failure waits for the next
    session.

    behaviours T16; faults F122
    """
    again: list[Retried] = []
    retried = Retried(("a",), PLAIN, lambda *_: again.append(line.add("b")))
    line.queue.add(retried)
    for each in line.queue.takeAll():
        each.settle(Disconnected("io client disconnect"), ())
    assert (len(line.queue), line.sent) == (1, ["a"])
    line.queue.ready()
    assert line.sent == ["a", "b"]


def test_addedWhenAnswered(line: Line) -> None:
    """
    What is emitted by someone who hears of an answer goes at once, when
    nothing else waits.
    """
    retried = Retried(("a",), PLAIN, lambda *_: line.add("b") and None)
    line.queue.add(retried)
    line.flying[0].answer([])
    assert line.sent == ["a", "b"]


def test_manyFailAtOnce() -> None:
    """
    A server that accepts nothing is told so once for each packet, however
    many wait.
    """
    line = Line()
    line.refuse = PayloadTooLarge(10, 5)
    for number in range(2000):
        line.add(str(number))
    line.queue.ready()
    assert len(line.settled) == len(line.sent) == 2000
    assert len(line.queue) == 0


def test_bytes(line: Line) -> None:
    """
    The queue knows how much waits in it, whichever way packets leave it.
    """
    line.add("a", 10)
    second = line.add("b", 20)
    line.add("c", 30)
    sizes = [line.queue.bytes]
    line.flying[0].answer([])
    sizes.append(line.queue.bytes)
    line.queue.withdraw(second)
    sizes.append(line.queue.bytes)
    line.queue.takeAll()
    assert [*sizes, line.queue.bytes] == [60, 50, 30, 0]
