"""
Waiting for the code of others, and no longer than we want to.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["cancelQuietly", "limited"]

_log = Logger()


def cancelQuietly(running: Deferred[Any]) -> None:
    """
    Cancel a Deferred of somebody else's; whatever its canceller does, this
    returns, and nothing is asked of its end any more.
    """
    try:
        running.cancel()
    except (Exception, SystemExit):
        _log.failure("what was cancelled failed")
    running.addErrback(lambda _: None)


def limited(running: Deferred[Any], seconds: float, clock: Any) -> Deferred[Any]:
    """
    Wait for a Deferred, and go on in time even if it cannot be cancelled: a
    coroutine may catch that and await something else.

    @return: fires as C{running} does, or fails with L{TimeoutError}.
    """
    ended: Deferred[Any] = Deferred()

    def timeUp() -> None:
        ended.errback(TimeoutError(f"it took longer than {seconds:g} s"))
        cancelQuietly(running)

    timer = clock.callLater(seconds, timeUp)

    def end(result: Any) -> Any:
        if not timer.active():
            return result
        timer.cancel()
        if isinstance(result, Failure):
            ended.errback(result)
        else:
            ended.callback(result)
        return None

    running.addBoth(end)
    return ended
