"""
C{whenEvent}: Deferreds that wait for an event.

Must not know: sockets, packets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txsocketio.acks import AckDeferred, PendingAcks
from txsocketio.errors import SocketIOError

__all__ = ["EventWaits"]

Check = Callable[..., Any]


def _notTold(waiter: object) -> None:
    """
    Nothing is withdrawn when a waiter's time is up.
    """


class _Waits(PendingAcks):
    """
    Those who wait for what the server says unasked.
    """

    __slots__ = ()
    _missing = "did not come"


class EventWaits:
    """
    Who waits for which event.

    @ivar waiting: by event; empty when nobody waits.
    """

    __slots__ = ("_timeouts", "waiting")

    def __init__(self, clock: IReactorTime) -> None:
        self.waiting: dict[Any, dict[AckDeferred, Check | None]] = {}
        self._timeouts = _Waits(clock, _notTold)

    def add(self, event: Any, timeout: float | None, check: Check | None) -> Deferred[Any]:
        """
        @return: fires with the arguments of the next such event, shaped as an
            acknowledgement.  Fails with L{AckTimeout
            <txsocketio.errors.AckTimeout>}.
        """
        waiter = AckDeferred(lambda _: self._timeouts.forget(waiter))
        self._timeouts.expect(waiter, event, timeout)
        self.waiting.setdefault(event, {})[waiter] = check
        waiter.addBoth(self._over, event, waiter)
        return waiter

    def wake(self, data: Sequence[Any]) -> None:
        """
        An event came: name and arguments.
        """
        for waiter, check in list(self.waiting.get(data[0], {}).items()):
            try:
                wanted = check is None or check(*data[1:])
            except Exception:
                self._timeouts.forget(waiter)
                if not waiter.called:
                    waiter.errback()
                continue
            if wanted and not waiter.called:
                self._timeouts.resolve(waiter.ackID, data[1:])

    def release(self) -> Callable[[SocketIOError], None]:
        """
        Settle apart those who wait now from those who come.

        @return: fails those who wait now: none of the events will come.
        """
        waiting = self._timeouts.present()
        return lambda error: self._timeouts.failThese(waiting, error)

    # inside

    def _over(self, result: Any, event: Any, waiter: AckDeferred) -> Any:
        waiters = self.waiting.get(event, {})
        waiters.pop(waiter, None)
        if not waiters:
            self.waiting.pop(event, None)
        return result
