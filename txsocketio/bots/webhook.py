"""
The plugin C{webhook}: every event as a POST to an HTTP server.

Must not know: the daemon.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from txsocketio.bots.fields import (
    headerLines,
    hostOf,
    secretsOfFields,
    secretsOfTarget,
    webURL,
    withoutUser,
)
from txsocketio.bots.inbox import EVENTS, QUEUE, InboxBot
from txsocketio.bots.insisting import (
    ATTEMPTS,
    RETRY_DELAY,
    RETRY_DELAY_MAX,
    Insistence,
    NotNow,
)
from txsocketio.bots.posts import Outcome, Poster
from txsocketio.bots.records import eventRecord, jsonLine
from txsocketio.bots.schema import PluginOption, count, schemaOf, seconds
from txsocketio.errors import SocketIOError, excerpt
from txsocketio.transports.explain import explainFailure

__all__ = ["Refused", "WebhookBot"]

_LATER = frozenset({408, 425, 429})
"""Statuses that mean: later; beside all from 500 on."""


class Refused(SocketIOError):
    """
    A server does not want an event, now or later.
    """


class WebhookBot(InboxBot):
    """
    Post each event as JSON to an HTTP server, until it takes it.
    """

    schema = schemaOf(
        PluginOption(
            "target", "the URL to post to", webURL, required=True, secret=secretsOfTarget
        ),
        EVENTS,
        PluginOption(
            "targetHeaders",
            "headers to send, one Name: value a line",
            headerLines,
            {},
            secret=secretsOfFields,
        ),
        PluginOption("targetTimeout", "seconds that a request may take", seconds, 10.0),
        PluginOption("concurrency", "how many at once; 1 keeps their order", count, 1),
        ATTEMPTS,
        RETRY_DELAY,
        RETRY_DELAY_MAX,
        QUEUE,
    )

    buildPoster = Poster

    def start(self) -> None:
        clock = self.socket.io.reactor
        workers = self.config["concurrency"]
        self.poster = self.buildPoster(clock, workers, self.config["targetTimeout"])
        self._insist = Insistence(self.config, clock, self.log)
        self._server = hostOf(self.config["target"])
        self._url, user = withoutUser(self.config["target"])
        self._headers = {"Content-Type": "application/json"}
        if user:
            self._headers["Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        self._headers |= self.config["targetHeaders"]
        self.listen(workers)

    async def stop(self) -> None:
        try:
            await super().stop()
        finally:
            await self.poster.close()

    def take(self, event: Any, args: Any) -> None:
        # The same at each attempt, so that a receiver can tell what it has seen.
        identity = uuid4().hex
        record = {"id": identity, **eventRecord(self, event, args)}
        body = jsonLine(record).encode("ascii")
        self.inbox.put((identity, body), len(body))

    async def work(self, job: Any) -> None:
        identity, body = job
        headers = {"Idempotency-Key": identity, **self._headers}
        await self._insist.on(lambda: self._attempt(body, headers))

    # inside

    async def _attempt(self, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            outcome = await self.poster.post(self._url, body, headers)
        except CancelledError:
            raise
        except Exception as error:
            raise NotNow(explainFailure(Failure(error), self._server)) from None
        self._judge(outcome)

    def _judge(self, outcome: Outcome) -> None:
        if 200 <= outcome.status < 300:
            return
        said = f"{self._server} answered {outcome.status}: {excerpt(outcome.said)}"
        if outcome.status in _LATER or outcome.status >= 500:
            after = outcome.after
            raise NotNow(said, float(after) if after.isascii() and after.isdigit() else 0.0)
        raise Refused(said)
