"""
What a running manager can be told about reconnection: the reference's
getter-setters, and the words of L{ReconnectingClientFactory
<twisted.internet.protocol.ReconnectingClientFactory>} for the same things.

Must not know: engines, sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, overload

from txsocketio.emitter import Emitter
from txsocketio.options import ManagerOptions, readOptions
from txsocketio.reconnection import Reconnection

__all__ = ["Tunable"]


class Tunable(Emitter):
    """
    The adjustable side of a manager.

    Setting returns self; what is refused as an option is refused here too.
    """

    _reconnection: Reconnection
    _timeout: float | bool

    # Called when reconnection is switched off while the next attempt is awaited.
    _stopWaiting: Callable[[], None]

    @overload
    def reconnection(self) -> bool: ...

    @overload
    def reconnection(self, value: bool) -> Self: ...

    def reconnection(self, value: bool | None = None) -> Any:
        """
        Get, or with an argument set, whether to reconnect.
        """
        if value is None:
            return self._reconnection.enabled
        self._reconnection.enabled = bool(value)
        if not value and self._reconnection.state == "waiting":
            self._stopWaiting()
        return self

    @overload
    def reconnectionAttempts(self) -> float: ...

    @overload
    def reconnectionAttempts(self, value: float) -> Self: ...

    def reconnectionAttempts(self, value: float | None = None) -> Any:
        """
        Get or set the number of attempts before giving up.
        """
        if value is None:
            return self._reconnection.attemptLimit
        self._reconnection.attemptLimit = self._checked("reconnectionAttempts", value)
        return self

    @overload
    def reconnectionDelay(self) -> float: ...

    @overload
    def reconnectionDelay(self, value: float) -> Self: ...

    def reconnectionDelay(self, value: float | None = None) -> Any:
        """
        Get or set the delay before the first attempt, in seconds.
        """
        if value is None:
            return self._reconnection.backoff.delay
        self._reconnection.backoff.delay = self._checked("reconnectionDelay", value)
        return self

    @overload
    def reconnectionDelayMax(self) -> float: ...

    @overload
    def reconnectionDelayMax(self, value: float) -> Self: ...

    def reconnectionDelayMax(self, value: float | None = None) -> Any:
        """
        Get or set the longest delay, in seconds.
        """
        if value is None:
            return self._reconnection.backoff.maxDelay
        self._reconnection.backoff.maxDelay = self._checked("reconnectionDelayMax", value)
        return self

    @overload
    def randomizationFactor(self) -> float: ...

    @overload
    def randomizationFactor(self, value: float) -> Self: ...

    def randomizationFactor(self, value: float | None = None) -> Any:
        """
        Get or set how far a delay may be off, 0 to 1.
        """
        if value is None:
            return self._reconnection.backoff.randomizationFactor
        checked = self._checked("randomizationFactor", value)
        self._reconnection.backoff.randomizationFactor = checked
        return self

    @overload
    def timeout(self) -> float | bool: ...

    @overload
    def timeout(self, value: float | bool) -> Self: ...

    def timeout(self, value: float | bool | None = None) -> Any:
        """
        Get or set the limit of an attempt in seconds; L{False} for none.
        """
        if value is None:
            return self._timeout
        self._timeout = self._checked("timeout", value)
        return self

    # ReconnectingClientFactory's words

    @property
    def initialDelay(self) -> float:
        """
        L{reconnectionDelay}
        """
        return self._reconnection.backoff.delay

    @initialDelay.setter
    def initialDelay(self, value: float) -> None:
        self.reconnectionDelay(value)

    @property
    def maxDelay(self) -> float:
        """
        L{reconnectionDelayMax}
        """
        return self._reconnection.backoff.maxDelay

    @maxDelay.setter
    def maxDelay(self, value: float) -> None:
        self.reconnectionDelayMax(value)

    @property
    def jitter(self) -> float:
        """
        L{randomizationFactor}
        """
        return self._reconnection.backoff.randomizationFactor

    @jitter.setter
    def jitter(self, value: float) -> None:
        self.randomizationFactor(value)

    @property
    def maxRetries(self) -> float:
        """
        L{reconnectionAttempts}
        """
        return self._reconnection.attemptLimit

    @maxRetries.setter
    def maxRetries(self, value: float) -> None:
        self.reconnectionAttempts(value)

    @property
    def continueTrying(self) -> bool:
        """
        L{reconnection}
        """
        return self._reconnection.enabled

    @continueTrying.setter
    def continueTrying(self, value: bool) -> None:
        self.reconnection(bool(value))

    def stopTrying(self) -> None:
        """
        Make no further attempt; a connection that is there stays.
        """
        self.reconnection(False)

    def resetDelay(self) -> None:
        """
        Forget past attempts: the next delay is the shortest again.
        """
        self._reconnection.reset()

    # inside

    def _checked(self, name: str, value: Any) -> Any:
        (options,) = readOptions({name: value}, ManagerOptions)
        return getattr(options, name)
