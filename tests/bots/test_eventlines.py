"""
Tests for L{txsocketio.bots.eventlines}.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import StringTransport

from bots.pluginkit import PluginLog, fired
from txsocketio.bots import eventlines
from txsocketio.bots.eventlines import EventLines


class Transport(StringTransport):
    """
    A transport that is gone when it is aborted.
    """

    protocol: Any
    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        self.protocol.connectionLost()


class Stage:
    """
    An endpoint whose lines are dealt with when the test says.
    """

    def __init__(self) -> None:
        self.log = PluginLog()
        self.taken: list[bytes] = []
        self.open: list[Deferred[Any]] = []
        self.lines = EventLines(self.take, self.log)

    def take(self, line: bytes) -> Deferred[Any]:
        self.taken.append(line)
        self.open.append(Deferred())
        return self.open[-1]

    def connect(self) -> Transport:
        protocol = self.lines.buildProtocol(None)
        transport = Transport()
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return transport

    def end(self, result: Any = None) -> None:
        self.open.pop(0).callback(result)


def said(transport: Transport) -> list[Any]:
    return [json.loads(line) for line in transport.value().splitlines()]


def test_aLineIsTakenAndAnswered() -> None:
    """
    When it is dealt with; what the server answered comes along.
    """
    stage = Stage()
    transport = stage.connect()
    transport.protocol.dataReceived(b'["tick"]\r\n')
    assert stage.taken == [b'["tick"]\r'] and said(transport) == []
    stage.end(7)
    assert said(transport) == [{"sent": True, "answer": 7}]


def test_whatWentWrongIsAnswered() -> None:
    """
    In words.
    """
    stage = Stage()
    transport = stage.connect()
    transport.protocol.dataReceived(b"a\nb\n")
    stage.open.pop(0).errback(ValueError("no event"))
    stage.open.pop(0).errback(KeyError())
    assert said(transport) == [
        {"sent": False, "error": "no event"},
        {"sent": False, "error": "KeyError"},
    ]


def test_oneLineAtATimeAndTheSenderWaits() -> None:
    """
    Meanwhile nothing is read.
    """
    stage = Stage()
    transport = stage.connect()
    transport.protocol.dataReceived(b"a\nb\n\nc\n")
    assert stage.taken == [b"a"] and transport.producerState == "paused"
    stage.end()
    assert stage.taken == [b"a", b"b"] and transport.producerState == "paused"
    stage.end()
    stage.end()
    assert transport.producerState == "producing"


def test_linesDoneAtOnceMakeNoRecursion() -> None:
    """
    However many there are.
    """
    stage = Stage()

    async def take(line: bytes) -> None:
        stage.taken.append(line)

    stage.lines.take = take
    transport = stage.connect()
    transport.protocol.dataReceived(b"a\n" * 5000)
    assert len(stage.taken) == 5000 and len(said(transport)) == 5000


def test_whoDoesNotReadAnswersIsNotRead() -> None:
    """
    Until he does.
    """
    stage = Stage()
    transport = stage.connect()
    transport.producer.pauseProducing()
    transport.protocol.dataReceived(b"a\nb\n")
    stage.end()
    assert stage.taken == [b"a"]
    transport.producer.resumeProducing()
    assert stage.taken == [b"a", b"b"]
    transport.producer.stopProducing()
    stage.end()


def test_aLineThatIsTooLongEndsTheConnection() -> None:
    """
    And is told.
    """
    stage = Stage()
    transport = stage.connect()
    transport.protocol.dataReceived(b"x" * (eventlines.LINE_BYTES + 1))
    assert said(transport) == [{"sent": False, "error": "a line has more than 1048576 bytes"}]
    assert transport.disconnecting


def test_tooManyConnectionsAreRefused(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Until one of them is gone.
    """
    monkeypatch.setattr(eventlines, "CONNECTIONS", 1)
    stage = Stage()
    first, second = stage.connect(), stage.connect()
    assert not first.disconnecting and second.disconnecting
    assert said(second) == [{"sent": False, "error": "too many connections"}]
    first.protocol.connectionLost()
    second.protocol.connectionLost()
    assert not stage.connect().disconnecting


def test_whoEndsHisSideGetsTheAnswers() -> None:
    """
    C{printf ... | nc -N} works.
    """
    stage = Stage()
    transport = stage.connect()
    transport.protocol.dataReceived(b"a\n")
    stage.end()
    transport.protocol.readConnectionLost()
    transport.protocol.writeConnectionLost()
    assert transport.disconnecting and len(said(transport)) == 1
    assert stage.log.lines == []


@pytest.mark.parametrize("how", ["readConnectionLost", "connectionLost"])
def test_halfALineIsToldOf(how: str) -> None:
    """
    It does not vanish in silence.
    """
    stage = Stage()
    transport = stage.connect()
    transport.protocol.dataReceived(b'["a"]')
    getattr(transport.protocol, how)()
    assert stage.log.lines == ["warn: a line that came over the endpoint was not complete"]
    assert stage.taken == []


def test_whoGoesLeavesHisLines() -> None:
    """
    What was received is dealt with.
    """
    stage = Stage()
    transport = stage.connect()
    transport.protocol.dataReceived(b"a\nb\n")
    transport.protocol.connectionLost()
    stage.end()
    assert stage.taken == [b"a", b"b"]
    ended = fired(stage.lines.finish())
    assert ended == []
    stage.end()
    assert ended == [None]


def test_theEndWaitsForTheLinesUnderWay() -> None:
    """
    Their answers are sent; no further line is taken.
    """
    stage = Stage()
    busy, idle = stage.connect(), stage.connect()
    busy.protocol.dataReceived(b"a\nb\n")
    ended = fired(stage.lines.finish())
    assert idle.disconnecting and not busy.disconnecting
    stage.end()
    assert busy.disconnecting and len(said(busy)) == 1 and stage.taken == [b"a"]
    assert ended == []
    for each in (busy, idle):
        each.protocol.connectionLost()
    assert ended == [None]


def test_withoutConnectionsItEndsAtOnce() -> None:
    """
    There is nothing to wait for.
    """
    assert fired(Stage().lines.finish()) == [None]


def test_anEndThatTakesTooLongGivesUpTheRest() -> None:
    """
    And tells how much that is.
    """
    stage = Stage()
    busy, idle = stage.connect(), stage.connect()
    busy.protocol.dataReceived(b"a\n")
    results: list[Any] = []
    finishing = Deferred.fromCoroutine(stage.lines.finish())
    finishing.addBoth(results.append)
    finishing.cancel()
    assert results[0].check(CancelledError)
    assert busy.aborted and idle.aborted
    assert stage.log.lines == ["error: 1 lines are given up, because the bot stops"]
