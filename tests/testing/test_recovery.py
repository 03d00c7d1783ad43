"""
Connection state recovery of the server in memory.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from txsocketio.testing import MemoryServer
from txsocketio.testing.recovery import SessionLog


class Story:
    """
    A client that hears C{n} events, and loses its connection.
    """

    def __init__(self, recovery: Any = True) -> None:
        self.server = MemoryServer(Clock(), recovery=recovery)
        self.heard: list[Any] = []
        self.socket = self.server.connect(reconnectionDelay=1.0, randomizationFactor=0)
        self.socket.on("n", lambda *args: self.heard.append(args[0]))
        self.server.flush()
        self.id = self.socket.id

    def loseAndReturn(self) -> None:
        self.server.connection.drop()
        self.server.flush()
        self.server.emit("n", "missed")
        self.server.advance(5)
        assert self.socket.connected


def test_offsets() -> None:
    """
    Every event carries an offset, but those that want an answer.
    """
    story = Story()
    (ours,) = story.server.sockets
    ours.emit("n", 1)
    ours.emitWithAck("n", 2).addErrback(lambda failure: None)
    ours.emitVolatile("n", 3)
    sent = story.server.connection.fromServer[-3:]
    assert sent == ['42["n",1,"r000004"]', '420["n",2]', '42["n",3]']


def test_recovered() -> None:
    """
    Who comes back with the last offset keeps the id, and hears what was
    missed.
    """
    story = Story()
    story.server.emit("n", "seen")
    story.server.flush()
    story.loseAndReturn()
    assert (story.socket.id, story.socket.recovered) == (story.id, True)
    assert story.heard == ["seen", "missed"]


def test_recoveredOnTheServer() -> None:
    """
    The server's socket says that it is the old one.
    """
    story = Story()
    story.server.emit("n", "seen")
    story.server.flush()
    story.loseAndReturn()
    (ours,) = story.server.sockets
    assert ours.recovered and ours.id == story.id


def test_eventOnItsWay() -> None:
    """
    What was sent and lost on the way is sent again.
    """
    story = Story()
    story.server.emit("n", "seen")
    story.server.flush()
    story.server.connection.stall()
    story.server.emit("n", "lost")
    story.loseAndReturn()
    assert story.heard == ["seen", "lost", "missed"]


def test_missedComesBeforeConnect() -> None:
    """
    As from a real server, the missed events stand before the answer to
    CONNECT.
    """
    story = Story()
    story.server.emit("n", "seen")
    story.server.flush()
    story.loseAndReturn()
    missed, answer = story.server.connection.fromServer[1:]
    assert missed.startswith('42["n","missed"') and answer.startswith('40{"sid"')


def test_noOffset() -> None:
    """
    Who never had an offset begins anew.
    """
    story = Story()
    story.loseAndReturn()
    assert story.socket.id != story.id and not story.socket.recovered


def test_tooLate() -> None:
    """
    Who stays away too long begins anew.
    """
    story = Story(recovery=0.5)
    story.server.emit("n", "seen")
    story.server.flush()
    story.loseAndReturn()
    assert not story.socket.recovered


@pytest.mark.parametrize("who", ["client", "server"])
def test_leftOnPurpose(who: str) -> None:
    """
    Who left, or was put out, begins anew.
    """
    story = Story()
    story.server.emit("n", "seen")
    story.server.flush()
    if who == "client":
        story.socket.disconnect()
    else:
        story.server.sockets[0].disconnect()
    story.server.flush()
    story.socket.connect()
    story.server.flush()
    assert story.socket.connected and not story.socket.recovered


def test_off() -> None:
    """
    Without recovery there are neither pid nor offsets.
    """
    story = Story(recovery=False)
    story.server.emit("n", 1)
    assert story.server.connection.fromServer[1:] == [f'40{{"sid":"{story.id}"}}', '42["n",1]']


def test_severalSeen() -> None:
    """
    Only what came after the last event seen is sent again, however many came
    before it.
    """
    story = Story()
    story.server.emit("n", 1)
    story.server.emit("n", 2)
    story.server.flush()
    story.loseAndReturn()
    assert story.heard == [1, 2, "missed"]


def test_unknownOffset() -> None:
    """
    An offset that nobody gave out is unknown, which is more than nothing
    missed.
    """
    log = SessionLog("p", "s", iter(["o1", "o2"]).__next__)
    log.add(["n"])
    log.add(["n"])
    assert (log.since("o9"), log.since("o2")) == (None, [])


def test_offsetsLookLikeTheReal() -> None:
    """
    Where no signature cuts an offset off, a client knows it by its form, as
    from a real server.
    """
    server = MemoryServer(Clock(), recovery=True)
    socket = server.connect()
    heard = socket.whenEvent("number")
    server.flush()
    server.emit("number", 1)
    assert server.waitFor(heard) == 1
