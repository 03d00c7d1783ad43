"""
Asking a worker how its bots are, over its unix socket.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol

from txsocketio.bots.states import BotState, BotStatus, Counters

__all__ = ["PATIENCE", "askStatus", "statusOf"]

PATIENCE = 5.0
"""Seconds for an answer."""


class _Question(Protocol):
    """
    One request, whose answer ends with the connection.

    @ivar answered: fires with the answer's body.
    """

    transport: Any

    def __init__(self) -> None:
        self.answered: Deferred[bytes] = Deferred(lambda _: self.transport.abortConnection())
        self._pieces: list[bytes] = []

    def connectionMade(self) -> None:
        self.transport.write(b"GET /status.json HTTP/1.0\r\n\r\n")

    def dataReceived(self, data: bytes) -> None:
        self._pieces.append(data)

    def connectionLost(self, reason: object = None) -> None:
        if not self.answered.called:
            self.answered.callback(b"".join(self._pieces).partition(b"\r\n\r\n")[2])


def askStatus(
    path: str,
    reactor: Any,
    buildEndpoint: Callable[[Any, str], Any] = UNIXClientEndpoint,
) -> Deferred[list[BotStatus]]:
    """
    Fetch the status of a worker's bots.

    @param path: the worker's socket.
    @return: fails, with whatever it is, when there is no answer, or nonsense.
    """
    connecting: Deferred[Any] = connectProtocol(buildEndpoint(reactor, path), _Question())
    connecting.addCallback(lambda question: question.answered)
    return connecting.addTimeout(PATIENCE, reactor).addCallback(_statuses)


def _statuses(body: bytes) -> list[BotStatus]:
    return [statusOf(each) for each in json.loads(body)["bots"]]


def statusOf(plain: dict[str, Any]) -> BotStatus:
    """
    What L{BotStatus.plain} made, made a status again.
    """
    counters = Counters(**plain["counters"])
    return BotStatus(**{**plain, "state": BotState(plain["state"]), "counters": counters})
