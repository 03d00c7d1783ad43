"""
Connection state recovery, seen from the server.

Every event to a socket carries an offset as its last argument; a client that
comes back in time with its C{pid} and the last C{offset} it saw gets its old
id and what it missed.

Must not know: packets, connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.interfaces import IReactorTime

__all__ = ["Absence", "Recovery", "SessionLog"]


class Absence(NamedTuple):
    """
    A session that comes back.

    @ivar id: the socket's id of before.
    @ivar missed: the events it did not see, offsets included.
    """

    id: str
    log: SessionLog
    missed: list[list[Any]]


class SessionLog:
    """
    What was sent to one socket.
    """

    def __init__(self, pid: str, socketID: str, newOffset: Callable[[], str]) -> None:
        self.pid = pid
        self.socketID = socketID
        self.leftAt: float | None = None
        self._newOffset = newOffset
        self._sent: list[list[Any]] = []

    def add(self, values: list[Any]) -> str:
        """
        Keep an event.

        @return: its offset.
        """
        offset = self._newOffset()
        self._sent.append([*values, offset])
        return offset

    def since(self, offset: Any) -> list[list[Any]] | None:
        """
        What came after that offset, or L{None} if it is not known.
        """
        for index, values in enumerate(self._sent):
            if values[-1] == offset:
                return self._sent[index + 1 :]
        return None


class Recovery:
    """
    The sessions of one namespace, present or away.
    """

    def __init__(self, clock: IReactorTime, seconds: float, newID: Callable[[], str]) -> None:
        """
        @param seconds: how long a session may be away.
        """
        self._clock = clock
        self._seconds = seconds
        self._newID = newID
        self._logs: dict[str, SessionLog] = {}

    def logFor(self, socketID: str, absence: Absence | None) -> SessionLog:
        """
        The log of a socket that connects.
        """
        log = SessionLog(self._newID(), socketID, self._newID) if absence is None else absence.log
        self._logs[log.pid] = log
        log.leftAt = None
        return log

    def left(self, log: SessionLog, mayComeBack: bool) -> None:
        """
        A socket is gone, perhaps for a while.
        """
        log.leftAt = self._clock.seconds()
        if not mayComeBack:
            self._logs.pop(log.pid, None)

    def emittedWhileAway(self, values: list[Any]) -> None:
        """
        Keep an event for everybody who is away.
        """
        for log in self._logs.values():
            if log.leftAt is not None:
                log.add(values)

    def back(self, pid: Any, offset: Any) -> Absence | None:
        """
        Somebody says who he was.

        @return: L{None} if he must begin anew: never seen, too late, still
            here, or with an offset nobody gave him.
        """
        log = self._logs.get(pid) if isinstance(pid, str) else None
        if log is None or log.leftAt is None or not isinstance(offset, str):
            return None
        missed = log.since(offset)
        if missed is None or self._clock.seconds() - log.leftAt > self._seconds:
            return None
        return Absence(log.socketID, log, missed)
