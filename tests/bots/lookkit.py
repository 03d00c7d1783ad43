"""
What the tests of looking in share: a document, and a browser in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsocketio.bots.states import BotState, BotStatus, Counters

NOW = 1_800_000_000.0


def status(name: str = "ticker", **fields: Any) -> BotStatus:
    """
    A bot that is connected since 65 seconds, unless told otherwise.
    """
    values: dict[str, Any] = {
        "state": BotState.CONNECTED,
        "since": NOW - 65,
        "why": "connected",
        "server": "https://example.com/prices",
        "namespace": "/prices",
        "plugin": "log",
        "sid": "s1",
        "transport": "websocket",
        "counters": Counters(2, 1, 40, 3),
    }
    return BotStatus(name, **{**values, **fields})


def document(*bots: BotStatus, **fields: Any) -> dict[str, Any]:
    """
    A document of these bots; of one that is connected without any.
    """
    told = [each.plain() for each in bots or (status(),)]
    waited = [each["name"] for each in told if each["state"] != "connected"]
    return {
        "version": "0.1.0",
        "pid": 7,
        "started": NOW - 90061,
        "time": NOW,
        "ready": not waited,
        "readyRule": "all",
        "notReady": waited,
        "bots": told,
        **fields,
    }


class Wire(StringTransport):
    """
    A server's end of a connection; remembers how it was ended.
    """

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


class Visit:
    """
    One connection to a site.
    """

    def __init__(self, site: Any) -> None:
        self.wire = Wire()
        self.protocol = site.buildProtocol(None)
        if self.protocol is not None:
            self.protocol.makeConnection(self.wire)

    def send(self, data: bytes) -> str:
        self.protocol.dataReceived(data)
        return self.wire.value().decode()

    def leave(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


def ask(site: Any, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    """
    One request to a site.

    @return: status, headers, body.
    """
    visit = Visit(site)
    answer = visit.send(f"{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    visit.leave()
    head, _, body = answer.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    return int(first.split()[1]), {name.lower(): value for name, value in pairs}, body
