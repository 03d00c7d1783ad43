"""
Trying again: what may fail for a while is tried until it works, or until it
was tried often enough.

Must not know: what is tried.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.task import deferLater

from txsocketio.bots.schema import PluginOption, integer, seconds
from txsocketio.errors import SocketIOError
from txsocketio.protocol.backoff import Backoff

__all__ = ["ATTEMPTS", "RETRY_DELAY", "RETRY_DELAY_MAX", "Insistence", "NotNow"]

ATTEMPTS = PluginOption(
    "attempts", "how often to try before an event is given up (0: until it works)", integer, 10
)
RETRY_DELAY = PluginOption(
    "retryDelay", "seconds before the second attempt; doubled each time", seconds, 1.0
)
RETRY_DELAY_MAX = PluginOption(
    "retryDelayMax", "the most seconds between two attempts", seconds, 60.0
)

LONGEST_WISH = 300.0
"""No longer do we wait because the other side asked us to."""


class NotNow(SocketIOError):
    """
    It did not work, but may later.

    @ivar after: how many seconds the other side asked us to wait.
    """

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class Insistence:
    """
    How often, and how long between.
    """

    def __init__(self, config: Any, clock: Any, log: Any) -> None:
        """
        @param config: has C{attempts}, C{retryDelay} and C{retryDelayMax}.
        """
        self._attempts = config["attempts"]
        self._delays = config["retryDelay"], config["retryDelayMax"]
        self._clock = clock
        self._log = log

    async def on(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        """
        Call C{attempt} until it does not raise L{NotNow}.

        @raise NotNow: it was tried often enough.
        """
        backoff = Backoff(*self._delays, 0.5, random.random)
        while True:
            try:
                return await attempt()
            except NotNow as error:
                if backoff.attempts + 1 == self._attempts:
                    raise
                delay = max(backoff.next(), min(error.after, LONGEST_WISH))
                if backoff.attempts == 1:  # the first failure is news, the others are not
                    self._log.warn(
                        "{why}; trying again in {delay:.1f} s", why=str(error), delay=delay
                    )
            await deferLater(self._clock, delay)
