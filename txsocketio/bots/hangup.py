"""
C{SIGHUP}: read the bots file again.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

__all__ = ["ReloadOnHangup"]


class ReloadOnHangup(Service):
    """
    Calls what reloads at each C{SIGHUP}, while it runs; once for those that
    come together.
    """

    _log = Logger()
    _before: Any = None
    _called = False

    def __init__(self, reload: Callable[[], Deferred[Any]], reactor: Any) -> None:
        """
        @param reload: tells the log itself when it fails.
        """
        self._reload = reload
        self._reactor = reactor

    def startService(self) -> None:
        super().startService()
        try:
            self._before = signal.signal(signal.SIGHUP, self._received)
        except ValueError:  # in an embedding program's thread it is not ours to have
            self._log.warn("not in the main thread, so SIGHUP does not reload the bots file")

    def stopService(self) -> None:
        super().stopService()
        before, self._before = self._before, None
        if before is not None:
            # While the bots end, which takes its time, a hangup must not kill.
            signal.signal(signal.SIGHUP, signal.SIG_IGN if before is signal.SIG_DFL else before)

    def _received(self, *_: object) -> None:
        if not self._called:
            self._called = True
            # Also wakes the reactor.
            self._reactor.callFromThread(self._hangUp)

    def _hangUp(self) -> None:
        self._called = False
        if self.running:
            self._log.info("SIGHUP: reading the bots file again")
            self._reload().addErrback(lambda _: None)
