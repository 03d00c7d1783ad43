"""
How a bot is: one word, since when, and why; and all there is to tell of it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from txsocketio.bots.descriptions import BotDescription
from txsocketio.protocol.url import parseURL

__all__ = ["BotState", "BotStatus", "Condition", "Counters"]


class BotState(Enum):
    """
    The words of a bot's state.
    """

    WAITING = "waiting"
    """It was not started, or its C{start} is not done."""

    CONNECTING = "connecting"
    CONNECTED = "connected"

    BACKING_OFF = "backing off"
    """The connection failed or was lost; the next attempt has its time."""

    FAILED = "failed"
    """It raised at start, or no further attempt will be made."""

    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Condition:
    """
    A state with its explanation.

    @ivar since: the clock's seconds when it began.
    @ivar why: a sentence, secrets hidden.
    """

    state: BotState
    since: float
    why: str

    def then(self, state: BotState, why: str, now: float) -> Condition:
        """
        The next condition: a new reason alone does not begin a new state.
        """
        return Condition(state, self.since if state is self.state else now, why)


@dataclass(frozen=True, slots=True)
class Counters:
    """
    How often something happened since the daemon knows the bot.

    @ivar connects: sessions that were ready.
    @ivar disconnections: sessions that ended, whoever ended them.
    @ivar eventsIn: events that came.
    @ivar emits: events that were sent.
    """

    connects: int = 0
    disconnections: int = 0
    eventsIn: int = 0
    emits: int = 0


@dataclass(frozen=True, slots=True)
class BotStatus:
    """
    All there is to tell of a bot, at the moment it was asked; secrets hidden.

    @ivar since: when the state began, in seconds since 1970.
    @ivar why: a sentence.
    @ivar server: the URL, without user, password and query.
    @ivar sid: the session's id, or L{None}.
    @ivar transport: C{polling} or C{websocket}, or L{None} while there is no
        connection.
    @ivar attempt: the number of the present or next attempt to connect again;
        0 before the first, and once a connection has lasted.
    @ivar nextAttempt: when that is, in seconds since 1970, or L{None}.
    @ivar lastError: what went wrong last, or L{None}; it stays when all is
        well again.
    """

    name: str
    state: BotState
    since: float
    why: str
    server: str
    namespace: str
    plugin: str
    sid: str | None = None
    transport: str | None = None
    attempt: int = 0
    nextAttempt: float | None = None
    lastError: str | None = None
    counters: Counters = Counters()

    @classmethod
    def of(cls, bot: BotDescription, condition: Condition, **more: Any) -> BotStatus:
        """
        What is known of a bot without a connection.

        @param more: what else is known, under the names of the fields.
        """
        return cls(
            name=bot.name,
            state=condition.state,
            since=condition.since,
            why=condition.why,
            server=bot.server,
            namespace=bot.namespace or parseURL(bot.url).namespace,
            plugin=bot.plugin,
            **more,
        )

    def plain(self) -> dict[str, Any]:
        """
        The same as JSON has it: the state is its word.
        """
        return {**asdict(self), "state": self.state.value}
