"""
The server's end of long-polling, request by request.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.server import Site

from txsocketio.protocol.engineio import PING
from txsocketio.testing import MemoryServer
from txsocketio.testing.onport import _EngineResource


class Talk:
    """
    Requests to a server on a clock.
    """

    def __init__(self, **options: Any) -> None:
        self.server = MemoryServer(Clock(), **options)
        resource = _EngineResource(self.server, self.server.clock, "/socket.io")
        self.site = Site(resource, timeout=None, reactor=self.server.clock)

    def ask(self, method: str, body: bytes = b"", path: str = "/socket.io/") -> StringTransport:
        """
        Send one request on a connection of its own.
        """
        sid = f"&sid={self.server.connection.sid}" if self.server.connections else ""
        channel: Any = self.site.buildProtocol(None)
        transport = StringTransport()
        channel.makeConnection(transport)
        head = (
            f"{method} {path}?EIO=4&transport=polling{sid} HTTP/1.0\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        channel.dataReceived(head.encode() + body)
        transport.channel = channel  # type: ignore[attr-defined]
        self.server.flush()
        return transport


def answer(transport: StringTransport) -> tuple[int, bytes]:
    """
    Status and body of what came back.
    """
    head, _, body = transport.value().partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_oneBody() -> None:
    """
    What is sent in one turn shares a body, raw data included.
    """
    talk = Talk()
    talk.ask("GET")
    poll = talk.ask("GET")
    talk.server.connection.send("a")
    talk.server.connection.send(b"\1")
    talk.server.connection.sendRaw("zz")
    assert poll.value() == b""
    talk.server.flush()
    assert answer(poll) == (200, b"4a\x1ebAQ==\x1ezz")


def test_tooLarge() -> None:
    """
    A body over C{maxPayload} is refused, and the session goes on.
    """
    talk = Talk(maxPayload=10)
    talk.ask("GET")
    assert answer(talk.ask("POST", b"4" * 11))[0] == 413
    assert talk.server.live


def test_farewell() -> None:
    """
    A session that the server ends between two polls says so in the next one,
    once.
    """
    talk = Talk()
    talk.ask("GET")
    talk.server.connection.close()
    assert answer(talk.ask("GET")) == (200, b"1")
    assert answer(talk.ask("GET"))[0] == 400


def test_pollGivenUp() -> None:
    """
    A client that hangs up in a poll has ended its session.
    """
    talk = Talk()
    talk.ask("GET")
    poll: Any = talk.ask("GET")
    poll.channel.connectionLost(Failure(ConnectionLost()))
    assert talk.server.connection.closed == "transport error"


def test_pollUnderWayInAProbe() -> None:
    """
    A poll that is under way when another transport is proved is ended by a
    NOOP, or the upgrade could not come.
    """
    talk = Talk()
    talk.ask("GET")
    poll = talk.ask("GET")
    newcomer = Mock()
    assert talk.server.connection.probe(newcomer)
    talk.server.connection.packetReceived(newcomer, PING, b"probe", False)
    talk.server.clock.advance(0.1)
    talk.server.flush()
    assert answer(poll) == (200, b"6")


@pytest.mark.parametrize(("path", "status"), [("/socket.io", 200), ("/other/", 404)])
def test_path(path: str, status: int) -> None:
    """
    One path, with or without its slash, and no other.
    """
    assert answer(Talk().ask("GET", path=path))[0] == status


def test_cut() -> None:
    """
    A network that breaks aborts the poll under way without an answer; the
    client's part in that does not change why the session ended.
    """
    talk = Talk()
    talk.ask("GET")
    poll: Any = talk.ask("GET")
    talk.server.connection.drop()
    assert poll.value() == b"" and poll.disconnected
    poll.channel.connectionLost(Failure(ConnectionLost()))
    assert talk.server.connection.closed == "transport close"


def test_cutBetweenPolls() -> None:
    """
    A network that breaks between two polls leaves nothing to abort; the next
    one is refused.
    """
    talk = Talk()
    talk.ask("GET")
    talk.server.connection.drop()
    assert answer(talk.ask("GET"))[0] == 400


def test_twoPollsAtOnce() -> None:
    """
    A second poll beside the first is refused, and ends the session.
    """
    talk = Talk()
    talk.ask("GET")
    talk.ask("GET")
    assert answer(talk.ask("GET"))[0] == 400
    assert talk.server.connection.closed == "transport error"


def test_notPackets() -> None:
    """
    A body that is not packets is refused, and ends the session.
    """
    talk = Talk()
    talk.ask("GET")
    assert answer(talk.ask("POST", b"zzz"))[0] == 400
    assert talk.server.connection.closed == "parse error"
