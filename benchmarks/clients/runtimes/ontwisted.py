"""
Drives a scenario by Twisted, with the reactor of the platform.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.task import deferLater
from twisted.python.failure import Failure


class Event:
    """
    Something awaited once; set from a plain function.
    """

    def __init__(self) -> None:
        self._deferred: Deferred[None] = Deferred()

    def set(self) -> None:
        if not self._deferred.called:
            self._deferred.callback(None)

    def __await__(self) -> Any:
        return self._deferred.__await__()


def run(scenario: Callable[..., Any], *args: Any) -> Any:
    results: list[Any] = []

    def start() -> None:
        done = ensureDeferred(scenario(*args)).addBoth(results.append)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(start)
    reactor.run()
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def turn() -> Awaitable[None]:
    done: Deferred[None] = Deferred()
    reactor.callLater(0, done.callback, None)
    return done


def sleep(seconds: float) -> Awaitable[None]:
    return deferLater(reactor, seconds)


async def together(coroutines: Iterable[Any]) -> None:
    await gatherResults([ensureDeferred(each) for each in coroutines], consumeErrors=True)
