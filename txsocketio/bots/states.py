"""
How a bot is: one word, since when, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["BotState", "Condition"]


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
