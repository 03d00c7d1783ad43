"""
How a daemon ends its own process with an exit status.

C{twistd} has no way to say one: whatever happens in the reactor, it ends with
status 0.  So the status is set at the very last moment, when everything is
stopped, the logs are written and the pid file is gone.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ReactorNotRunning

__all__ = ["ProcessEnd"]


class ProcessEnd:
    """
    Stops the reactor, and has the process end with a status.

    Make it early: what was registered first at exit is called last.
    """

    def __init__(
        self,
        reactor: Any,
        atExit: Callable[[Callable[[], None]], object] = atexit.register,
        exit: Callable[[int], object] = os._exit,
    ) -> None:
        self._reactor = reactor
        self._exit = exit
        self._status = 0
        atExit(self._leave)

    def end(self, status: int) -> None:
        """
        Stop everything in order, then end; the first status counts.
        """
        if not self._status:
            self._status = status
            # A bot may fail before the reactor runs.
            self._reactor.callWhenRunning(self._stop)

    def _stop(self) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            pass  # it is being stopped already

    def _leave(self) -> None:
        if self._status:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            self._exit(self._status)
