"""
The client's side of the control endpoint, for operators and for a supervisor
that commands its workers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from txsocketio.bots.control import Refused
from txsocketio.bots.states import BotState, BotStatus, Counters
from txsocketio.errors import SocketIOError

__all__ = ["PATIENCE", "Ask", "NoAnswer", "ask", "askStatus", "command", "statusOf"]

PATIENCE = 5.0
"""Seconds for the answer how all is."""

MAX_ANSWER = 64 * 1024 * 1024

Ask = Callable[[str, Any, Mapping[str, Any]], Deferred[Any]]
"""L{command}, or a double of it."""


class NoAnswer(SocketIOError):
    """
    Who was asked did not answer; the message begins with a verb.
    """


class _Asking(LineReceiver):
    """
    Sends one line, and takes one.

    @ivar answer: fires with the answer; fails with L{NoAnswer}.  Cancelling it
        ends the connection.
    """

    MAX_LENGTH = MAX_ANSWER
    delimiter = b"\n"

    transport: Any

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request
        self.answer: Deferred[Mapping[str, Any]] = Deferred(
            lambda _: self.transport.abortConnection()
        )

    def connectionMade(self) -> None:
        self.sendLine(json.dumps(self._request).encode("ascii"))

    def lineReceived(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict):
            self._finish(answer)
        else:
            self._finish(Failure(NoAnswer("does not answer as a daemon of ours")))

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._finish(Failure(NoAnswer("ended the connection without an answer")))

    def _finish(self, answer: Any) -> None:
        if not self.answer.called:
            self.answer.callback(answer)
            self.transport.abortConnection()


class _Once(Factory):
    """
    One connection; the log has better things to tell.
    """

    noisy = False

    def __init__(self, protocol: _Asking) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> _Asking:
        return self._protocol


async def ask(endpoint: Any, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Have one command carried out.

    @param endpoint: where the control endpoint is.
    @return: the answer, as the control endpoint gives it.
    @raise NoAnswer: there is none.
    """
    asking = _Asking(request)
    try:
        await endpoint.connect(_Once(asking))
    except CancelledError:
        raise
    except Exception as error:
        raise NoAnswer(f"cannot be reached: {str(error) or type(error).__name__}") from None
    return await asking.answer


def command(
    path: str,
    reactor: Any,
    request: Mapping[str, Any],
    buildEndpoint: Callable[[Any, str], Any] = UNIXClientEndpoint,
) -> Deferred[Any]:
    """
    Have a worker do something.

    @param path: its socket.
    @return: fires with the result; fails with L{Refused}, or L{NoAnswer}.
    """
    return Deferred.fromCoroutine(_command(buildEndpoint(reactor, path), request))


async def _command(endpoint: Any, request: Mapping[str, Any]) -> Any:
    try:
        answer = await ask(endpoint, request)
    except NoAnswer as error:
        raise NoAnswer(f"the worker {error}") from None
    if not answer.get("ok"):
        raise Refused(str(answer.get("error")))
    return answer.get("result")


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
