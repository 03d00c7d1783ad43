"""
Asking a worker how its bots are, over its unix socket.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.web.client import Agent, readBody
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from txsocketio.bots.states import BotState, BotStatus, Counters

__all__ = ["PATIENCE", "askStatus", "statusOf"]

PATIENCE = 5.0
"""Seconds for an answer."""


@implementer(IAgentEndpointFactory)
class _Socket:
    def __init__(self, reactor: Any, path: str) -> None:
        self._reactor = reactor
        self._path = path

    def endpointForURI(self, uri: object) -> UNIXClientEndpoint:
        return UNIXClientEndpoint(self._reactor, self._path)


async def askStatus(path: str, reactor: Any) -> list[BotStatus]:
    """
    Fetch the status of a worker's bots.

    @param path: the worker's socket.
    @raise Exception: it does not answer, or nonsense.
    """
    body = await ensureDeferred(_fetch(path, reactor)).addTimeout(PATIENCE, reactor)
    return [statusOf(each) for each in json.loads(body)["bots"]]


async def _fetch(path: str, reactor: Any) -> bytes:
    agent = Agent.usingEndpointFactory(reactor, _Socket(reactor, path))
    response = await agent.request(b"GET", b"http://worker/status.json")
    body: bytes = await readBody(response)
    return body


def statusOf(plain: dict[str, Any]) -> BotStatus:
    """
    What L{BotStatus.plain} made, made a status again.
    """
    counters = Counters(**plain["counters"])
    return BotStatus(**{**plain, "state": BotState(plain["state"]), "counters": counters})
