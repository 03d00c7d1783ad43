"""
The plugin C{webhook}: every event as a POST to an HTTP server.

Must not know: the daemon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

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
from txsocketio.options import checkHeaders
from txsocketio.transports.explain import explainFailure

__all__ = ["Refused", "WebhookBot", "headerLines", "webURL"]

_LATER = frozenset({408, 425, 429})
"""Statuses that mean: later; beside all from 500 on."""


class Refused(SocketIOError):
    """
    A server does not want an event, now or later.
    """


def webURL(text: str) -> str:
    """
    A URL that can be posted to.
    """
    parts = urlsplit(text)
    try:
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError('must be a URL that can be posted to, as in "https://example.com/hook"')
    return text


def secretsOfTarget(text: str) -> Iterable[str]:
    """
    What must not be shown of a webhook's URL: all but the server, for many
    services know their callers by the path.
    """
    parts = urlsplit(text)
    path = parts.path if len(parts.path) > 1 else ""
    userinfo = parts.netloc.rpartition("@")[0]
    said = {text, path, parts.query, userinfo, *userinfo.split(":", 1)}
    return said | {unquote(each) for each in said}


def headerLines(text: str) -> Mapping[str, str]:
    """
    Lines of the form C{Name: value}.
    """
    headers = {}
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("must be lines of the form Name: value")
        headers[name.strip()] = value.strip()
    checkHeaders(headers)
    return headers


def secretsOfHeaders(text: str) -> Iterable[str]:
    """
    All values, and the words of each: C{Bearer} and what comes after it.
    """
    values = [line.partition(":")[2].strip() for line in text.split("\n")]
    return {*values, *(word for value in values for word in value.split(" ") if len(word) > 6)}


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
            secret=secretsOfHeaders,
        ),
        PluginOption("targetTimeout", "seconds that a request may take", seconds, 10.0),
        PluginOption("concurrency", "how many at once; 1 keeps their order", count, 1),
        ATTEMPTS,
        RETRY_DELAY,
        RETRY_DELAY_MAX,
        QUEUE,
    )

    def start(self) -> None:
        clock = self.socket.io.reactor
        workers = self.config["concurrency"]
        self.poster = self.buildPoster(clock, workers, self.config["targetTimeout"])
        self._insist = Insistence(self.config, clock, self.log)
        self._server = urlsplit(self.config["target"]).netloc.rpartition("@")[2]
        self.listen(workers)

    async def stop(self) -> None:
        try:
            await super().stop()
        finally:
            await self.poster.close()

    buildPoster = Poster

    def take(self, event: Any, args: Any) -> None:
        # The same at each attempt, so that a receiver can tell what it has seen.
        identity = uuid4().hex
        record = {"id": identity, **eventRecord(self, event, args)}
        body = jsonLine(record).encode("ascii")
        self.inbox.put((identity, body), len(body))

    async def work(self, job: Any) -> None:
        identity, body = job
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": identity,
            **self.config["targetHeaders"],
        }
        await self._insist.on(lambda: self._attempt(body, headers))

    async def _attempt(self, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            outcome = await self.poster.post(self.config["target"], body, headers)
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
