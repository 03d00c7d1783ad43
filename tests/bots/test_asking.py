"""
Tests for L{txsocketio.bots.asking}.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from bots.lookkit import Wire, document, status
from txsocketio.bots.asking import PATIENCE, NoAnswer, ask, askStatus, command, statusOf
from txsocketio.bots.control import Refused
from txsocketio.bots.states import BotState


class Stage:
    """
    A worker's end of the connection.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.answers: list[Any] = []

    def connect(self, factory: Any) -> Deferred[Any]:
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.wire)
        return succeed(self.protocol)

    def command(self, path: str, reactor: Any, request: Any) -> Deferred[Any]:
        return command(path, reactor, request, lambda reactor, path: self)

    def answer(self, *pieces: bytes) -> Any:
        for each in pieces:
            self.protocol.dataReceived(each)
        self.protocol.connectionLost(Failure(ConnectionDone()))
        return self.answers[0]


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.command("/x", stage.clock, {"command": "pause"}).addBoth(stage.answers.append)
    return stage


def test_aCommandIsALine(stage: Stage) -> None:
    """
    And so is its result, however it comes cut; then the connection is over.
    """
    assert stage.wire.value() == b'{"command": "pause"}\n'
    stage.protocol.dataReceived(b'{"ok": true, ')
    assert not stage.wire.aborted
    assert stage.answer(b'"result": [1]}\n{"more"') == [1]
    assert stage.wire.aborted


def test_whatAWorkerRefusesIsRefused(stage: Stage) -> None:
    """
    For its reason.
    """
    answer = stage.answer(b'{"ok": false, "error": "it is stopped"}\n')
    assert answer.check(Refused) and answer.getErrorMessage() == "it is stopped"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "ended the connection without an answer"),
        (b'{"ok": tr', "ended the connection without an answer"),
        (b"HTTP/1.1 400 Bad Request\n", "does not answer as a daemon of ours"),
        (b"[]\n", "does not answer as a daemon of ours"),
        (b"[" * 100_000 + b"\n", "does not answer as a daemon of ours"),
    ],
)
def test_nonsenseIsNoAnswer(stage: Stage, answer: bytes, why: str) -> None:
    """
    Nor is silence.
    """
    failure = stage.answer(answer)
    assert failure.check(NoAnswer) and failure.getErrorMessage() == f"the worker {why}"


class Nowhere:
    """
    An endpoint that nobody listens at.
    """

    def __init__(self) -> None:
        self.connecting: Deferred[Any] = Deferred()

    def connect(self, factory: Any) -> Deferred[Any]:
        return self.connecting


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(), "Connection was refused by other side."),
        (OSError(), "OSError"),
    ],
)
def test_whoIsNotThereIsToldSo(error: Exception, why: str) -> None:
    """
    With the reason.
    """
    nowhere = Nowhere()
    seen: list[Any] = []
    Deferred.fromCoroutine(ask(nowhere, {})).addErrback(seen.append)
    nowhere.connecting.errback(error)
    assert seen[0].check(NoAnswer)
    assert seen[0].getErrorMessage() == f"cannot be reached: {why}"


def test_whoIsNotWaitedForIsNotMissing() -> None:
    """
    Cancelling is no answer of theirs.
    """
    seen: list[Any] = []
    asking = Deferred.fromCoroutine(ask(Nowhere(), {})).addErrback(seen.append)
    asking.cancel()
    assert seen[0].check(CancelledError)


def asked() -> Stage:
    stage = Stage()
    askStatus("/x", stage.clock, stage.command).addBoth(stage.answers.append)
    return stage


def test_theStatusIsMadeAgain() -> None:
    """
    Of each bot.
    """
    bots = [status("a"), status("b", state=BotState.BACKING_OFF, sid=None, nextAttempt=7.5)]
    line = json.dumps({"ok": True, "result": document(*bots)}).encode() + b"\n"
    stage = asked()
    assert stage.wire.value() == b'{"command": "status"}\n'
    assert stage.answer(line) == bots
    assert stage.clock.getDelayedCalls() == []


def test_aWorkerThatHangsIsLeft() -> None:
    """
    After some seconds; the connection is closed.
    """
    stage = asked()
    stage.clock.advance(PATIENCE)
    assert stage.answers[0].check(TimeoutError)
    assert stage.wire.aborted
    stage.answer(b"late")


def test_aStatusSurvivesTheJourney() -> None:
    """
    All of it.
    """
    assert statusOf(status().plain()) == status()


def test_aNewerWorkersStatusIsUnderstood() -> None:
    """
    As far as we know the words.
    """
    plain = status().plain()
    plain |= {"mood": "good", "counters": {**plain["counters"], "smiles": 3}}
    assert statusOf(plain) == status()
