"""
Waiting together.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError

from txsocketio.waiters import Waiters


@pytest.fixture
def waiters() -> Waiters:
    """
    Nobody waits yet.
    """
    return Waiters()


def test_succeed(waiters: Waiters) -> None:
    """
    All get the same result, once.
    """
    seen: list[int] = []
    for _ in range(2):
        waiters.wait().addCallback(seen.append)
    waiters.succeed(5)
    waiters.succeed(6)
    assert (seen, len(waiters)) == ([5, 5], 0)


def test_fail(waiters: Waiters) -> None:
    """
    All fail alike.
    """
    seen: list[object] = []
    error = ValueError("no")
    for _ in range(2):
        waiters.wait().addErrback(lambda failure: seen.append(failure.value))
    waiters.fail(error)
    assert seen == [error, error]


def test_cancel(waiters: Waiters) -> None:
    """
    Whoever cancels is forgotten; the others wait on.
    """
    seen: list[object] = []
    waiters.wait().addErrback(lambda failure: seen.append(failure.type)).cancel()
    assert (seen, len(waiters)) == ([CancelledError], 0)


@pytest.mark.parametrize("way", ["succeed", "fail"])
def test_cancelledByAnother(waiters: Waiters, way: str) -> None:
    """
    One whose turn was about to come may be cancelled by another's callback.
    """
    first, second = waiters.wait(), waiters.wait()
    first.addBoth(lambda _: second.cancel())
    seen: list[object] = []
    second.addErrback(lambda failure: seen.append(failure.type))
    getattr(waiters, way)(ValueError())
    assert seen == [CancelledError]


def test_newcomers(waiters: Waiters) -> None:
    """
    Whoever begins to wait while others are told waits for the next time.
    """
    late: list[object] = []
    waiters.wait().addCallback(lambda _: waiters.wait().addCallback(late.append))
    waiters.succeed(1)
    assert late == []
    waiters.succeed(2)
    assert late == [2]


def test_take(waiters: Waiters) -> None:
    """
    Those who wait now can be told apart from those who come.
    """
    seen: list[str] = []
    waiters.wait().addCallback(lambda _: seen.append("old"))
    taken = waiters.take()
    waiters.wait().addCallback(lambda _: seen.append("new"))
    taken.succeed(None)
    assert seen == ["old"]
