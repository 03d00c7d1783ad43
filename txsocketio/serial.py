"""
C{on(event, f, serial=True)}: one call of C{f} at a time, in order.

Must not know: sockets, events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred

from txsocketio.backlog import Backlog
from txsocketio.errors import Overflow

__all__ = ["OneMoreOverflow", "SerialCalls"]


class OneMoreOverflow(Overflow):
    """
    An event too many, like others before it: not worth a line of the log.

    The first, the tenth, the hundredth ... of them are plain L{Overflow}s, or
    a server that is too fast would fill the log as well.
    """


class SerialCalls:
    """
    Stands before a function and lets one call through at a time.
    """

    def __init__(self, function: Callable[..., Any], backlog: Backlog) -> None:
        self._function = function
        self._backlog = backlog
        self._running = False
        self._looping = False
        self._refused = 0  # since nothing waited

    def __call__(self, *values: Any, **named: Any) -> Deferred[Any]:
        """
        @return: fires with what the function returns for these arguments,
            when their turn has come.  Fails as the function does, or with
            L{Overflow} when too many wait.
        """
        if self._backlog.full:
            return fail(self._refuse())
        done: Deferred[Any] = Deferred()
        self._backlog.put((values, named, done))
        self._run()
        return done

    # inside

    def _refuse(self) -> Overflow:
        self._refused += 1
        kind = Overflow if str(self._refused).strip("0") == "1" else OneMoreOverflow
        waiting = f"{len(self._backlog)} events wait for {self._function!r}"
        return kind(f"{waiting}; {self._refused} came too many")

    def _run(self) -> None:
        if self._looping:
            return  # a loop, not a recursion, however many calls end at once
        self._looping = True
        while len(self._backlog) and not self._running:
            values, named, done = self._backlog.take()
            if not len(self._backlog):
                self._refused = 0
            self._running = True
            maybeDeferred(self._function, *values, **named).addBoth(self._finished, done)
        self._looping = False

    def _finished(self, result: Any, done: Deferred[Any]) -> None:
        self._running = False
        done.callback(result)
        self._run()
