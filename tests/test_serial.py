"""
One call at a time, in order.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from fakes import FakeReading
from txsocketio.backlog import Backlog
from txsocketio.errors import Overflow
from txsocketio.serial import OneMoreOverflow, SerialCalls


class Work:
    """
    A function that takes its time, called one at a time.
    """

    def __init__(self, limit: int = 64) -> None:
        self.begun: list[Any] = []
        self.jobs: list[Deferred[Any]] = []
        self.results: list[Any] = []
        self.reading = FakeReading()
        self.calls = SerialCalls(self.do, Backlog(self.reading, limit))

    def do(self, *values: Any, **named: Any) -> Deferred[Any]:
        self.begun.append((*values, *named.items()))
        self.jobs.append(Deferred())
        return self.jobs[-1]

    def ask(self, *values: Any, **named: Any) -> None:
        later = self.calls(*values, **named)
        later.addCallbacks(self.results.append, lambda why: self.results.append(why.value))


@pytest.fixture
def work() -> Work:
    return Work()


def test_oneAtATime(work: Work) -> None:
    """
    The next call begins when what the last returned has fired.
    """
    for number in range(3):
        work.ask(number)
    assert work.begun == [(0,)]
    work.jobs[0].callback("done")
    assert (work.begun, work.results) == ([(0,), (1,)], ["done"])


def test_arguments(work: Work) -> None:
    """
    Arguments reach the function, named ones too.
    """
    work.ask(1, 2, ack="ack")
    assert work.begun == [(1, 2, ("ack", "ack"))]


def test_failure(work: Work) -> None:
    """
    A call that fails is its caller's business, and the next one begins.
    """
    error = RuntimeError("broken")
    work.ask(1)
    work.ask(2)
    work.jobs[0].errback(error)
    assert (work.results, work.begun) == ([error], [(1,), (2,)])


def test_raises() -> None:
    """
    So for a function that raises.
    """
    work = Work()
    calls = SerialCalls(lambda: 1 / 0, Backlog(work.reading, 1))
    for _ in range(2):
        calls().addErrback(lambda why: work.results.append(why.type))
    assert work.results == [ZeroDivisionError] * 2


def test_coroutines(work: Work) -> None:
    """
    Coroutines are waited for.
    """

    async def slowly(value: int) -> Any:
        return value, await work.do(value)

    calls = SerialCalls(slowly, Backlog(work.reading, 1))
    for number in range(2):
        calls(number).addCallback(work.results.append)
    work.jobs[0].callback("a")
    work.jobs[1].callback("b")
    assert work.results == [(0, "a"), (1, "b")]


def test_plainFunctions(work: Work) -> None:
    """
    A function that returns at once needs no waiting.
    """
    calls = SerialCalls(lambda value: value + 1, Backlog(work.reading, 1))
    for number in range(3):
        calls(number).addCallback(work.results.append)
    assert work.results == [1, 2, 3]


def test_manyEndAtOnce(work: Work) -> None:
    """
    However many wait for a slow call, quick ones after it are no recursion.
    """

    def do(value: int) -> Any:
        return work.do() if value == 0 else value

    calls = SerialCalls(do, Backlog(work.reading, 1000))
    for number in range(4000):
        calls(number).addCallback(work.results.append)
    work.jobs[0].callback(0)
    assert work.results == list(range(4000))


def test_calledWhenDone(work: Work) -> None:
    """
    A call that is made by someone who hears of the last one's end waits its
    turn as well.

    faults F122
    """
    work.calls(0).addCallback(lambda _: work.ask(2))
    work.ask(1)
    work.jobs[0].callback(None)
    assert work.begun == [(0,), (1,)]
    work.jobs[1].callback(None)
    assert work.begun == [(0,), (1,), (2,)]


def test_calledInside(work: Work) -> None:
    """
    A call made by the function itself comes after it.

    faults F122
    """
    order: list[str] = []

    def do(value: int) -> None:
        order.append(f"begin {value}")
        if value < 2:
            calls(value + 1)
        order.append(f"end {value}")

    calls = SerialCalls(do, Backlog(work.reading, 4))
    calls(0)
    assert order == ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]


def test_pushesBack() -> None:
    """
    When many wait, the connection is held until half of them are done.
    """
    work = Work(limit=2)
    for number in range(4):
        work.ask(number)
    assert work.reading.held
    work.jobs[0].callback(None)
    work.jobs[1].callback(None)
    assert not work.reading.held


def test_overflow() -> None:
    """
    Beyond four times the limit, a call fails at once and is never made.
    """
    work = Work(limit=2)
    for number in range(10):
        work.ask(number)
    (error,) = work.results
    assert isinstance(error, Overflow)
    for number in range(9):
        work.jobs[number].callback(number)
    assert work.begun == [(number,) for number in range(9)]


def test_oneMoreOverflow(work: Work) -> None:
    """
    Of very many events too many, the first, the tenth and the hundredth are
    worth a line each; once all is done, it begins anew.
    """
    work = Work(limit=1)
    for number in range(1 + 4 + 150):
        work.ask(number)
    plain = [str(each) for each in work.results if not isinstance(each, OneMoreOverflow)]
    assert [each.rpartition("; ")[2] for each in plain] == [
        "1 came too many",
        "10 came too many",
        "100 came too many",
    ]
    assert len(work.results) == 150
    for number in range(5):
        work.jobs[number].callback(None)
    for number in range(1 + 4 + 1):
        work.ask(number)
    assert "1 came too many" in str(work.results[-1])
