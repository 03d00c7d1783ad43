"""
Telling the supervisor how we are, as C{sd_notify(3)} does it: one datagram of
lines to the socket that C{NOTIFY_SOCKET} names.
"""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.readiness import Readiness
from txsocketio.bots.states import BotState, BotStatus

__all__ = ["Notifier", "NotifySocket", "notifierFor", "summary"]

CALM = 0.5
"""Seconds between a change and what is told of it; there may be more changes."""

MAX_NAMES = 5


class NotifySocket:
    """
    Sends datagrams to a supervisor; one that does not listen hurts nobody.
    """

    _log = Logger()
    _broken = False

    def __init__(self, address: str) -> None:
        """
        @param address: a path, or after C{"@"} a name in Linux' abstract
            namespace.
        """
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def send(self, **values: object) -> None:
        """
        Send C{NAME=value} lines.
        """
        lines = "\n".join(f"{name}={value}" for name, value in values.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(lines.encode("utf-8"), self._address)
        except OSError as error:
            if not self._broken:
                self._log.warn("NOTIFY_SOCKET cannot be reached: {error}", error=str(error))
            self._broken = True
        else:
            self._broken = False


class Notifier(Service):
    """
    Says READY, RELOADING and STOPPING at the right times, STATUS when
    something changed, and WATCHDOG for as long as the reactor turns.
    """

    _soon: IDelayedCall | None = None
    _ready = _reloading = False

    def __init__(
        self,
        daemon: BotDaemon,
        send: Callable[..., object],
        watchdog: float | None = None,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        @param send: called with C{NAME=value} keyword arguments.
        @param watchdog: seconds after which a silent process is taken for
            dead; L{None} when nobody looks.
        """
        self._daemon = daemon
        self._send = send
        self._watchdog = watchdog
        self._monotonic = monotonic
        self._beat = LoopingCall(self._alive)
        self._beat.clock = daemon.reactor

    def startService(self) -> None:
        super().startService()
        self._daemon.observers.append(self._look)
        if self._watchdog is not None and not self._beat.running:
            self._beat.start(self._watchdog / 2)
        self._report()

    def stopService(self) -> None:
        super().stopService()
        soon, self._soon = self._soon, None
        if soon is not None:
            soon.cancel()
        self._send(STOPPING=1, STATUS="stopping; what waits is being sent")
        self._daemon.observers.remove(self._look)
        # While the bots end, which takes its time, the supervisor still looks.
        self._daemon.whenEnded().addCallback(self._cbEnded)

    # inside

    def _alive(self) -> None:
        self._send(WATCHDOG=1)

    def _cbEnded(self, _: object) -> None:
        if self._beat.running and not self.running:
            self._beat.stop()

    def _look(self) -> None:
        reloading, self._reloading = self._reloading, self._daemon.reloading
        if self._ready and self._reloading and not reloading:
            usec = self._monotonic() // 1000
            self._send(RELOADING=1, MONOTONIC_USEC=usec, STATUS="reading the bots file again")
        elif self._ready and reloading and not self._reloading:
            self._send(READY=1, STATUS=summary(self._statuses()))
        elif self._soon is None:
            self._soon = self._daemon.reactor.callLater(CALM, self._report)

    def _report(self) -> None:
        self._soon = None
        statuses = self._statuses()
        if not self._ready and self._isReady(statuses):
            self._ready = True
            self._send(READY=1, STATUS=summary(statuses))
        else:
            self._send(STATUS=summary(statuses))

    def _statuses(self) -> list[BotStatus]:
        return [runner.status for runner in self._daemon.runners.values()]

    def _isReady(self, statuses: list[BotStatus]) -> bool:
        settings = self._daemon.settings
        rule: Readiness = settings["ready"]
        return settings["notify"] == "started" or not rule.missing(statuses)


def notifierFor(daemon: BotDaemon, environ: Mapping[str, str] = os.environ) -> Notifier | None:
    """
    @return: what tells the supervisor that started us, or L{None} when there
        is none that wants to know.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return None
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    watched = usec.isascii() and usec.isdigit() and int(usec) and pid == str(os.getpid())
    return Notifier(daemon, NotifySocket(address).send, int(usec) / 1e6 if watched else None)


def summary(statuses: Iterable[BotStatus]) -> str:
    """
    One line about all bots: how many are how, and who is not connected.
    """
    bots = list(statuses)
    counts = Counter(bot.state for bot in bots)
    parts = [f"{counts[state]} {state.value}" for state in BotState if counts[state]]
    text = f"{len(bots)} bots: {', '.join(parts) or 'none'}"
    missing = [bot.name for bot in bots if bot.state is not BotState.CONNECTED]
    if not missing or len(missing) == len(bots):
        return text
    more = len(missing) - MAX_NAMES
    names = ", ".join(missing[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"{text}; not connected: {names}"
