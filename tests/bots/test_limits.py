"""
Tests for L{txsocketio.bots.limits}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import TimeoutError
from twisted.internet.task import Clock

from conftest import LoggedFailures
from txsocketio.bots.limits import cancelQuietly, limited


class Oops(Exception):
    """
    What somebody else's code raises.
    """


def stubborn() -> Deferred[Any]:
    """
    What a coroutine gives that catches its cancellation and goes on waiting.
    """

    async def hang() -> None:
        try:
            await Deferred()
        except CancelledError:
            await Deferred()

    return Deferred.fromCoroutine(hang())


def outcome(waited: Deferred[Any]) -> list[Any]:
    seen: list[Any] = []
    waited.addBoth(seen.append)
    return seen


@pytest.mark.parametrize("value", ["done", Oops()], ids=["result", "failure"])
def test_whatEndsInTimeIsPassedOn(value: Any) -> None:
    """
    Results and failures alike, and no timer is left.
    """
    clock, running = Clock(), Deferred[Any]()
    seen = outcome(limited(running, 5, clock))
    if isinstance(value, Exception):
        running.errback(value)
        assert seen[0].value is value
    else:
        running.callback(value)
        assert seen == [value]
    assert clock.getDelayedCalls() == []


def test_whatCannotBeCancelledIsLeft() -> None:
    """
    The limit holds, whatever the other one does.
    """
    clock = Clock()
    seen = outcome(limited(stubborn(), 5, clock))
    clock.advance(5)
    assert seen[0].check(TimeoutError)
    assert "5 s" in str(seen[0].value)


def test_whatFailsTooLateIsNotLogged() -> None:
    """
    That it was late was told already; C{conftest} looks at dropped failures.
    """
    clock, running = Clock(), Deferred[Any](lambda _: None)
    outcome(limited(running, 5, clock))
    clock.advance(5)
    assert outcome(running) == [None]


@pytest.mark.parametrize("error", [Oops(), SystemExit(3)], ids=["bug", "exit"])
def test_aCancellerThatRaisesIsLogged(failures: LoggedFailures, error: BaseException) -> None:
    """
    It is somebody else's, so it may do anything.
    """

    def canceller(_: object) -> None:
        raise error

    cancelQuietly(Deferred(canceller))
    assert len(failures.flush(type(error))) == 1
