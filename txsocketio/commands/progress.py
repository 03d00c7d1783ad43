"""
What a person sees while a command runs: words on standard error.

Standard output belongs to the data.  Nothing that is said here shows a secret,
nor can it move the cursor of a terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import ILogObserver, LogLevel, formatEvent
from zope.interface import provider

from txsocketio.bots.texts import printable
from txsocketio.commands.flags import inFlags

__all__ = ["Progress"]


class Progress:
    """
    Tells, if it is a terminal, how things go; and always what went wrong.
    """

    def __init__(self, stream: Any, redact: Callable[[str], str] = str) -> None:
        """
        @param redact: hides secrets in a text.
        """
        self._stream = stream
        self.redact = redact
        self.shown = bool(stream is not None and stream.isatty())

    def tell(self, text: str) -> None:
        """
        Show how things go.
        """
        if self.shown:
            self.complain(text)

    def complain(self, text: str, traceback: str = "") -> None:
        """
        Show what everybody must know; maybe an error of the library's.
        """
        if self._stream is None:
            return  # a program without standard error
        try:
            whole = inFlags(self.redact(text)) + self.redact(traceback)
            self._stream.write(f"{printable(whole)}\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass  # nobody reads it; the exit status tells

    def observer(self, verbose: bool) -> Any:
        """
        Make what shows log events: warnings and worse, or everything.
        """
        least = LogLevel.debug if verbose else LogLevel.warn

        @provider(ILogObserver)
        def observe(event: Any) -> None:
            if event.get("log_level", LogLevel.info) >= least:
                self.complain(formatEvent(event), _traceback(event))

        return observe


def _traceback(event: Any) -> str:
    failure = event.get("log_failure")
    return f"\n{failure.getTraceback()}" if failure is not None else ""
