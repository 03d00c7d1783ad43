"""
Who held the reactor: a warning for listeners that take too long.

A whole dispatch is timed, which is cheap; only where several listeners share a
slow event is each of them timed, from then on.  Reading the clock costs a
noticeable part of what a packet costs, so while events come so densely that
this matters, few are timed - until there is a reason to suspect the others.

Must not know: sockets, packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

from twisted.logger import Logger

from txsocketio.emitter import Listener

__all__ = ["SUSPECTED", "Watch"]

DENSE_SECONDS = 0.0001
"""Events closer together than this come in one read, more or less."""

SKIPPED = 63
"""How many dispatches are not timed after one that came densely."""

SUSPECTED = 1000
"""How many dispatches are timed, densely or not, when one may have been slow."""

NAMED = 5
"""How many listeners a warning names at most."""

_WAITERS = "what awaits whenEvent() or stream()"

_WARNING = (
    "Listener {listener} of {event!r} on {emitter} held the reactor for {seconds:.3f} s; "
    "it should return a Deferred, or be run in a thread."
)


class Watch:
    """
    Judges the dispatches of one emitter.
    """

    __slots__ = ("_emitter", "_ended", "_skipped", "_suspected")

    def __init__(self, emitter: Any) -> None:
        """
        @param emitter: has C{slowListener}: seconds, or L{None} for never.
        """
        self._emitter = emitter
        self._ended = float("-inf")
        self._skipped = self._suspected = 0

    def skip(self, began: float, ended: float, limit: float) -> int:
        """
        @param began: when a dispatch began, by the clock of L{monotonic}.
        @return: how many of the next dispatches need not be timed.
        """
        gap, self._ended = began - self._ended, ended
        skipped, self._skipped = self._skipped, 0
        if skipped and gap > limit:
            # Either nothing came, or one of those that were skipped was slow.
            self._suspected = SUSPECTED
        elif self._suspected:
            self._suspected -= 1
        elif gap < DENSE_SECONDS * (1 + skipped):
            self._skipped = SKIPPED
        return self._skipped

    def complain(
        self,
        event: Any,
        catchAlls: Sequence[Listener],
        listeners: Sequence[Listener],
        seconds: float,
    ) -> None:
        """
        A dispatch to these listeners took too long.
        """
        concerned = (*catchAlls, *listeners)
        strangers = [each for each in concerned if not isinstance(each.function, _Timed)]
        names = _namesOf(concerned)
        if not concerned:
            self._warn(event, _WAITERS, seconds)
        elif strangers:
            self._warn(event, f"one of {names}" if len(concerned) > 1 else names, seconds)
        if len(concerned) > 1:
            for each in strangers:
                each.function = _Timed(each, self, None if each in catchAlls else event)

    def called(self, event: Any, listener: Listener, seconds: float) -> None:
        """
        A listener that is timed by itself was called.
        """
        limit = self._emitter.slowListener
        if limit is not None and seconds > limit:
            self._warn(event, _nameOf(listener), seconds)

    # inside

    def _warn(self, event: Any, name: str, seconds: float) -> None:
        emitter = self._emitter
        log = Logger(source=emitter)
        log.warn(_WARNING, event=event, listener=name, emitter=emitter, seconds=seconds)


class _Timed:
    """
    Stands before the function of a listener that shares a slow event.
    """

    __slots__ = ("_event", "_function", "_listener", "_watch")

    def __init__(self, listener: Listener, watch: Watch, event: Any) -> None:
        """
        @param event: L{None} for a catch-all, which gets it as an argument.
        """
        self._function = listener.function
        self._listener = listener
        self._watch = watch
        self._event = event

    def __call__(self, *values: Any, **named: Any) -> Any:
        began = monotonic()
        try:
            return self._function(*values, **named)
        finally:
            seconds = monotonic() - began
            self._watch.called(self._eventOf(values), self._listener, seconds)

    def _eventOf(self, values: Sequence[Any]) -> Any:
        if self._event is not None:
            return self._event
        return values[0] if values else "*"  # it does not even take the name


def _namesOf(listeners: Sequence[Listener]) -> str:
    names = ", ".join(map(_nameOf, listeners[:NAMED]))
    more = len(listeners) - NAMED
    return f"{names} and {more} more" if more > 0 else names


def _nameOf(listener: Listener) -> str:
    return getattr(listener.original, "__qualname__", None) or repr(listener.original)
