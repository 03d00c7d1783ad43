"""
C{cork}, C{uncork} and C{pace}: holding back what could be sent; and
C{ownArguments}, what a listener for anything can tell from an offset.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from txsocketio.errors import BufferFull, Dropped
from txsocketio.protocol.socketio import JSONParser
from txsocketio.socket import Socket
from txsocketio.testing import MemoryServer


class Stage:
    """
    A connected socket and its server.
    """

    def __init__(self, **options: Any) -> None:
        self.server = MemoryServer(Clock())
        self.socket: Socket = self.server.connect(**options)
        self.server.flush()
        self.results: list[Any] = []

    def emit(self, *args: Any) -> Any:
        return self.socket.emit(*args).addBoth(self.results.append)

    @property
    def events(self) -> list[Any]:
        self.server.flush()
        return [each.event for each in self.server.received]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_whatIsEmittedBehindACorkWaitsInOrder(stage: Stage) -> None:
    """
    Nothing goes until the cork is drawn; then all of it, in order, and after
    it what is emitted later.
    """
    assert stage.socket.cork() is stage.socket
    stage.emit("a")
    asked = stage.socket.emitWithAck("b")
    assert stage.events == [] and stage.results == []
    assert stage.socket.sendBuffer == [("a",), ("b",)]
    assert stage.socket.uncork() is stage.socket
    stage.emit("c")
    assert stage.events == ["a", "b", "c"] and stage.results == [True, True]
    asked.addErrback(lambda _: None).cancel()


def test_whatIsVolatileIsDroppedBehindACork(stage: Stage) -> None:
    """
    It is never kept for later.
    """
    stage.socket.cork()
    stage.socket.volatile.emit("a").addBoth(stage.results.append)
    stage.socket.uncork()
    assert stage.results == [False] and stage.events == []


def test_theSendBufferLimitHoldsBehindACork() -> None:
    """
    What waits is bounded.
    """
    stage = Stage(sendBufferLimit=(2, None))
    stage.socket.cork()
    stage.emit("a")
    stage.emit("b")
    with pytest.raises(BufferFull):
        stage.emit("c")


def test_whatWaitsBehindACorkCanBeCleared(stage: Stage) -> None:
    """
    As what waits offline.
    """
    stage.socket.cork()
    stage.emit("a")
    stage.socket.emitWithAck("b").addErrback(lambda why: stage.results.append(why.type))
    assert stage.socket.clearSendBuffer() == 2
    assert stage.results == [False, Dropped]


def test_aCorkOutlivesAReconnection(stage: Stage) -> None:
    """
    A new session does not draw it.
    """
    stage.socket.cork()
    stage.emit("a")
    stage.server.connection.drop()
    stage.server.advance(2)
    assert stage.socket.connected and stage.events == []
    stage.socket.uncork()
    assert stage.events == ["a"]


def test_drawingTheCorkOfflineWaitsForTheSession(stage: Stage) -> None:
    """
    There is nothing to send it on yet.
    """
    stage.server.connection.drop()
    stage.server.flush()
    stage.socket.cork()
    stage.emit("a")
    stage.socket.uncork()
    assert stage.events == []
    stage.server.advance(2)
    assert stage.events == ["a"]


def test_drawingTheCorkOfADeadConnectionWaitsForTheNext(stage: Stage) -> None:
    """
    After a suspension all that waited would be sent into the void.
    """
    stage.socket.cork()
    stage.emit("a")
    clock: Any = stage.server.clock
    clock.rightNow += 1000  # the process slept
    stage.socket.uncork()
    stage.emit("b")
    stage.server.advance(10)
    assert stage.events == ["a", "b"] and stage.results == [True, True]


def test_uncorkingWhatIsNotCorkedDoesNothing(stage: Stage) -> None:
    """
    Idempotent.
    """
    stage.socket.uncork()
    stage.emit("a")
    assert stage.events == ["a"]


def test_aSocketWithWorkBehindItsCorkIsNotSettled(stage: Stage) -> None:
    """
    A stopping service waits for it.
    """
    stage.socket.cork()
    assert stage.socket.settled
    stage.emit("a")
    assert not stage.socket.settled


def test_retriesWaitBehindTheCorkToo() -> None:
    """
    The queue of C{retries} goes on when the cork is drawn, wherever it came.
    """
    stage = Stage(retries=1)
    stage.server.on("connection")(lambda client: client.on("a", lambda: None))
    stage.socket.cork()
    stage.server.connection.drop()
    stage.server.advance(2)
    stage.emit("a")
    assert stage.events == []
    stage.socket.uncork()
    assert stage.events == ["a"] and stage.results == [True]


def test_noRetryIsUsedUpBehindACork() -> None:
    """
    As offline: what is not sent cannot time out, however long it waits.
    """
    stage = Stage(retries=1, ackTimeout=1.0)
    stage.server.on("connection")(lambda client: client.on("a", lambda: None))
    stage.server.connection.drop()
    stage.server.advance(2)
    stage.socket.cork()
    stage.emit("a")
    stage.server.advance(10)
    assert stage.events == [] and stage.results == []
    stage.socket.uncork()
    assert stage.events == ["a"] and stage.results == [True]


def test_whatTimesOutBehindACorkIsSentAgainAfterIt() -> None:
    """
    A cork put in while a packet is in flight holds back its next try.
    """
    stage = Stage(retries=1, ackTimeout=1.0)
    stage.emit("a")
    stage.socket.cork()
    stage.server.advance(10)
    assert stage.events == ["a"] and stage.results == []
    stage.socket.uncork()
    assert stage.events == ["a", "a"]
    stage.socket.disconnect()


def test_thePacerHearsOfEachEventThatIsSent(stage: Stage) -> None:
    """
    Before outgoing listeners, once each, until it is taken off.
    """
    calls: list[Any] = []
    assert stage.socket.pace(lambda: calls.append("sent")) is stage.socket
    stage.emit("a")
    stage.socket.onAnyOutgoing(lambda event: calls.append(event))
    stage.emit("b")
    stage.socket.pace(None)
    stage.emit("c")
    assert calls == ["sent", "sent", "b", "c"]


def test_aPacerMayCorkWhileTheBufferIsSent(stage: Stage) -> None:
    """
    Exactly as many go as it allows.
    """
    stage.socket.cork()
    for event in "abc":
        stage.emit(event)
    sent: list[None] = []

    def count() -> None:
        sent.append(None)
        if len(sent) == 2:
            stage.socket.cork()

    stage.socket.pace(count).uncork()
    assert stage.events == ["a", "b"]
    stage.socket.uncork()
    assert stage.events == ["a", "b", "c"]


def test_aPacerMayChangeItsMindWhileTheBufferIsSent(stage: Stage) -> None:
    """
    A cork put in and drawn in one call leaves everything as it was.
    """
    stage.socket.cork()
    stage.emit("a")
    stage.socket.pace(lambda: stage.socket.cork().uncork()).uncork()
    stage.emit("b")
    stage.emit("c")
    assert stage.events == ["a", "b", "c"]


class Unknown:
    """
    What JSON does not have.
    """


@pytest.mark.parametrize("how", ["emit", "emitWithAck"])
def test_whatIsBeingEncodedWhenTheCorkIsPutInGoesOut(how: str) -> None:
    """
    It was emitted before, by a user whose parser corks.
    """
    stage = Stage(parser=JSONParser(default=lambda value: id(stage.socket.cork())))
    (client,) = stage.server.of("/").sockets.values()
    client.on("a", lambda number: True)
    getattr(stage.socket, how)("a", Unknown()).addBoth(stage.results.append)
    stage.emit("b")
    assert stage.events == ["a"] and stage.results == [True]


def test_whatIsBeingEncodedWhenTheCorkIsDrawnGoesOut() -> None:
    """
    Nobody would send it afterwards.
    """
    stage = Stage(parser=JSONParser(default=lambda value: id(stage.socket.uncork())))
    stage.socket.cork()
    stage.emit("a")
    stage.emit("b", Unknown())
    stage.emit("c")
    assert stage.events == ["a", "b", "c"] and stage.results == [True] * 3


def test_aListenerForAnythingTellsAnOffsetFromArguments(stage: Stage) -> None:
    """
    With recovery, events end in an offset unless they want an answer.
    """
    heard: list[Any] = []
    stage.socket.onAny(lambda event, *args: heard.append(stage.socket.ownArguments(args)))
    stage.server.connection.sendRaw('42["x",1,"PMHDAAA"]')
    stage.server.flush()
    recovering = Stage()
    recovering.socket._pid = "p"
    recovering.socket.onAny(
        lambda event, *args: heard.append(recovering.socket.ownArguments(args))
    )
    for packet in ('42["x",1,"PMHDAAA"]', '42["y"]', '421["x",1,"PMHDAAA"]'):
        recovering.server.connection.sendRaw(packet)
    recovering.server.flush()
    assert list(map(tuple, heard)) == [(1, "PMHDAAA"), (1,), (), (1, "PMHDAAA")]
