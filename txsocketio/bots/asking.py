"""
What a supervisor says to a worker: a command over its unix socket, as the
control endpoint has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from txsocketio.bots.control import Refused
from txsocketio.bots.states import BotState, BotStatus, Counters

__all__ = ["PATIENCE", "Ask", "askStatus", "command", "statusOf"]

PATIENCE = 5.0
"""Seconds for the answer how all is."""

Ask = Callable[[str, Any, Mapping[str, Any]], Deferred[Any]]
"""L{command}, or a double of it."""


class _Question(Protocol):
    """
    One command.

    @ivar answered: fires with the line that is the answer, or less when the
        connection is lost.
    """

    transport: Any

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.answered: Deferred[bytes] = Deferred(lambda _: self.transport.abortConnection())
        self._line = json.dumps(request).encode("ascii") + b"\n"
        self._pieces: list[bytes] = []

    def connectionMade(self) -> None:
        self.transport.write(self._line)

    def dataReceived(self, data: bytes) -> None:
        self._pieces.append(data)
        if data.endswith(b"\n"):
            self.transport.loseConnection()

    def connectionLost(self, reason: object = None) -> None:
        if not self.answered.called:
            self.answered.callback(b"".join(self._pieces))


class _Questions(Factory):
    """
    One connection; the log has better things to tell.
    """

    noisy = False

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request

    def buildProtocol(self, addr: object) -> _Question:
        return _Question(self._request)


def command(
    path: str,
    reactor: Any,
    request: Mapping[str, Any],
    buildEndpoint: Callable[[Any, str], Any] = UNIXClientEndpoint,
) -> Deferred[Any]:
    """
    Have a worker do something.

    @param path: its socket.
    @return: fires with the result; fails with L{Refused}, or with whatever it
        is when there is no answer, or nonsense.
    """
    connecting: Deferred[Any] = buildEndpoint(reactor, path).connect(_Questions(request))
    return connecting.addCallback(lambda question: question.answered).addCallback(_result)


def _result(line: bytes) -> Any:
    answer = json.loads(line)
    if not answer["ok"]:
        raise Refused(answer["error"])
    return answer["result"]


def askStatus(path: str, reactor: Any, ask: Ask = command) -> Deferred[list[BotStatus]]:
    """
    Ask a worker how its bots are.

    @return: fails when it does not say so soon.
    """
    asking = ask(path, reactor, {"command": "status"}).addTimeout(PATIENCE, reactor)
    return asking.addCallback(lambda document: [statusOf(each) for each in document["bots"]])


def statusOf(plain: dict[str, Any]) -> BotStatus:
    """
    What L{BotStatus.plain} made, made a status again.

    A worker may be of a newer version, installed since the supervisor was
    started; what we do not know is left out.
    """
    values = _known(BotStatus, plain)
    counters = Counters(**_known(Counters, plain["counters"]))
    return BotStatus(**{**values, "state": BotState(plain["state"]), "counters": counters})


def _known(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: values[each.name] for each in fields(kind) if each.name in values}
