"""
Tests for L{txsocketio.bots.asking}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from bots.lookkit import Wire, document, status
from txsocketio.bots.asking import PATIENCE, askStatus, statusOf
from txsocketio.bots.document import encoded
from txsocketio.bots.states import BotState


class Stage:
    """
    A worker's end of the connection.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.answers: list[Any] = []
        askStatus("/x", self.clock, lambda reactor, path: self).addBoth(self.answers.append)

    def connect(self, factory: Any) -> Deferred[Any]:
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.wire)
        return succeed(self.protocol)

    def answer(self, *pieces: bytes) -> Any:
        for each in pieces:
            self.protocol.dataReceived(each)
        self.protocol.connectionLost(Failure(ConnectionDone()))
        return self.answers[0]


def test_theAnswerIsMadeOfStatusesAgain() -> None:
    """
    However it comes cut.
    """
    bots = [status("a"), status("b", state=BotState.BACKING_OFF, sid=None, nextAttempt=7.5)]
    stage = Stage()
    assert stage.wire.value() == b"GET /status.json HTTP/1.0\r\n\r\n"
    assert stage.answer(b"HTTP/1.1 200 OK\r\nX: y\r\n", b"\r\n", encoded(document(*bots))) == bots


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 500 Oh\r\n\r\nno page", b"\r\n\r\n[]"])
def test_nonsenseIsNoAnswer(answer: bytes) -> None:
    """
    Nor is silence.
    """
    assert isinstance(Stage().answer(answer), Failure)


def test_aWorkerThatHangsIsLeft() -> None:
    """
    After some seconds; the connection is closed.
    """
    stage = Stage()
    stage.clock.advance(PATIENCE)
    assert stage.answers[0].check(TimeoutError)
    assert stage.wire.aborted
    stage.answer(b"late")
    assert stage.clock.getDelayedCalls() == []


def test_aStatusSurvivesTheJourney() -> None:
    """
    All of it.
    """
    assert statusOf(status().plain()) == status()
