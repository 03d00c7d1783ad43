"""
Tests for L{txsocketio.commands.client}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from commands.commandkit import clientOf, newServer, outcome, told
from txsocketio.commands.client import Client, endOf
from txsocketio.commands.exits import Ended, Exit
from txsocketio.errors import (
    AckTimeout,
    ConnectRefused,
    Disconnected,
    NotEncodable,
    ReconnectFailed,
    TransportError,
)


class Waiting:
    """
    A work that takes as long as the test wants.
    """

    def __init__(self) -> None:
        self.begun = False
        self.done: Deferred[None] = Deferred()

    def attach(self, client: Client) -> None:
        self.attached = client.socket.state

    async def run(self) -> None:
        self.begun = True
        await self.done


def perform(client: Client) -> tuple[Waiting, list[Any]]:
    work = Waiting()
    return work, outcome(client.perform(work))


def test_connectWorkLeave() -> None:
    """
    The work begins when the client is connected; when it is done, the client
    leaves.
    """
    server = newServer()
    client = clientOf(server)
    work, seen = perform(client)
    assert (work.attached, work.begun) == ("disconnected", False)
    server.flush()
    assert work.begun and not seen
    work.done.callback(None)
    server.advance(1)
    assert seen == [None]
    assert server.live == []
    assert "connected, session" in told(client)


def test_notReached() -> None:
    """
    Without C{--reconnect} the first failure is the end.
    """
    server = newServer()
    server.refuse(status=503)
    _, seen = perform(clientOf(server))
    server.advance(1)
    assert seen[0].status == Exit.UNREACHED
    assert "503" in str(seen[0])
    assert not server.clock.getDelayedCalls()


def test_refused() -> None:
    """
    A refused namespace has an exit status of its own.
    """
    server = newServer()
    server.of("/").use(lambda auth: "not you")
    _, seen = perform(clientOf(server))
    server.advance(1)
    assert seen[0].status == Exit.REFUSED
    assert "not you" in str(seen[0])


def test_neverAnswered() -> None:
    """
    Connecting takes no longer than C{--timeout}, and the message says what
    was waited for.
    """
    server = newServer()
    server.of("/").answersConnect = False
    _, seen = perform(clientOf(server))
    server.advance(9.9)
    assert not seen
    server.advance(3)
    assert seen[0].status == Exit.UNREACHED
    assert str(seen[0]).startswith("not connected within 10 s: ")


def test_lost() -> None:
    """
    A lost connection ends the work.
    """
    server = newServer()
    client = clientOf(server)
    work, seen = perform(client)
    server.flush()
    server.connection.drop()
    server.advance(1)
    assert seen[0].status == Exit.LOST
    assert "transport close" in str(seen[0])
    assert "disconnected: transport close" in told(client)


def test_reconnect() -> None:
    """
    With C{--reconnect} a refusal and a loss are told and survived.
    """
    server = newServer()
    server.refuse()
    client = clientOf(server, reconnect=True)
    work, seen = perform(client)
    server.advance(30)
    assert work.begun
    server.connection.drop()
    server.advance(30)
    assert client.socket.connected and not seen
    assert "not connected: websocket error" in told(client)
    assert told(client).count("connected, session") == 2
    work.done.callback(None)
    server.advance(3)
    assert seen == [None]


def test_notConnectedIsToldOnce() -> None:
    """
    Without C{--reconnect} only the end tells why.
    """
    server = newServer()
    server.refuse()
    client = clientOf(server)
    perform(client)
    server.advance(1)
    assert "not connected" not in told(client)


def test_cancelled() -> None:
    """
    Who cancels ends the work, and the client leaves properly.
    """
    server = newServer()
    client = clientOf(server)
    running = client.perform(Waiting())
    seen = outcome(running)
    server.flush()
    running.cancel()
    server.advance(1)
    assert seen[0].status == Exit.LOST
    assert server.connection.fromClient[-1] == "41"
    assert server.live == []


def test_endedFromWithin() -> None:
    """
    What happened first is why the work ended.
    """
    server = newServer()
    client = clientOf(server)
    _, seen = perform(client)
    server.flush()
    client.end(Ended(Exit.OUTPUT, "first"))
    client.end(Ended(Exit.OUTPUT, "second"))
    server.advance(1)
    assert str(seen[0]) == "first"


def test_endedBefore() -> None:
    """
    Nothing is ended that has not begun.
    """
    clientOf(newServer()).end(Ended(Exit.OUTPUT))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AckTimeout("a", 1), 5),
        (Disconnected("transport close"), 6),
        (NotEncodable("x"), 7),
        (TransportError("x"), 3),
        (CancelledError(), 6),
        (ReconnectFailed(3, ConnectRefused("/", "no")), 4),
        (ReconnectFailed(3), 3),
        (ReconnectFailed(3, KeyError()), 3),
    ],
    ids=repr,
)
def test_statusOfErrors(error: Exception, status: int) -> None:
    """
    Each error has its exit status; of spent attempts the last one counts.
    """
    end = endOf(error)
    assert isinstance(end, Ended) and end.status == status


@pytest.mark.parametrize("error", [Ended(4), KeyError()], ids=repr)
def test_notOurs(error: Exception) -> None:
    """
    An end stays as it is, and so does a mistake of the program.
    """
    assert endOf(error) is error
