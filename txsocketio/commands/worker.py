"""
Blocking calls in a thread that never keeps the process from ending.

Standard input and output are read and written so: to make them non-blocking
would change them for everybody who shares the terminal or the pipe, and a
thread of the reactor's pool that waits for a line nobody types would be
waited for at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Worker"]


class Worker:
    """
    Does one call after the other.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._calls: SimpleQueue[Any] = SimpleQueue()
        self._thread: Thread | None = None

    def do(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """
        @return: fires with what the function returns, or as it raises.
            Cancelling it forgets the result; the call is not interrupted.
        """
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()
        done: Deferred[Any] = Deferred()
        self._calls.put((done, function, args))
        return done

    def stop(self) -> None:
        """
        End the thread, after what was given to it.
        """
        self._calls.put(None)
        self._thread = None

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            done, function, args = call
            try:
                result = function(*args)
            except BaseException:
                result = Failure()
            self._reactor.callFromThread(done.callback, result)
