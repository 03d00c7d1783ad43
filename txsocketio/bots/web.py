"""
What is served to those who look: the status page, its JSON, metrics, and the
two probes of orchestrators.

Read only, and careful: it may be reached by anyone.  A connection carries one
request, of C{GET} or C{HEAD}, without a body, and lives for some seconds; there
are only so many at a time.

Must not know: bots, the daemon; only what gives the document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from txsocketio.bots.document import Document, Source, encoded
from txsocketio.bots.keys import INSTALL_METRICS
from txsocketio.bots.metrics import exposition
from txsocketio.bots.page import CONTENT_SECURITY_POLICY, statusPage

__all__ = ["buildSite"]

PATIENCE = 15.0
"""Seconds a connection lives, whatever happens on it."""

MAX_CONNECTIONS = 64

_NO_BODY = b"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

Answer = tuple[int, str, bytes]
"""Status, content type, body."""

_Made = tuple[Source, Callable[[Document], Answer]]
"""What a page is made from, and how."""

TEXT = "text/plain; charset=utf-8"

_log = Logger()


def buildSite(source: Source, reactor: Any, metrics: bool = True) -> Any:
    """
    Make the protocol factory of the site.

    @param metrics: whether C{/metrics} is there.
    """
    pages: dict[bytes, _Made] = {
        b"/": (source, partial(_page, metrics=metrics)),
        b"/status.json": (source, _json),
        b"/readyz": (source, _ready),
        b"/healthz": (dict, _healthy),
    }
    if metrics:
        pages[b"/metrics"] = (source, _metrics)
    root = _Pages(pages)
    return _Site(root, requestFactory=_Bodiless, timeout=None, reactor=reactor)


# what is answered


def _page(document: Document, metrics: bool) -> Answer:
    page = statusPage(document, metrics).encode("utf-8", "replace")
    return 200, "text/html; charset=utf-8", page


def _json(document: Document) -> Answer:
    return 200, "application/json", encoded(document)


def _ready(document: Document) -> Answer:
    if document["ready"]:
        return 200, TEXT, b"ready\n"
    waited = ", ".join(document["notReady"])
    return 503, TEXT, f"not ready: waiting for {waited}\n".encode("utf-8", "replace")


def _healthy(_: Document) -> Answer:
    """
    That this is answered is all there is to say: the reactor turns.
    """
    return 200, TEXT, b"ok\n"


def _metrics(document: Document) -> Answer:
    try:
        body, contentType = exposition(document)
    except ImportError:
        say = f"Metrics need prometheus_client; install it with:\n    {INSTALL_METRICS}\n"
        return 501, TEXT, say.encode("ascii")
    return 200, contentType, body


class _Pages(Resource):
    """
    All pages, each made from the document of the moment.
    """

    isLeaf = True

    def __init__(self, pages: Mapping[bytes, _Made]) -> None:
        super().__init__()
        self._pages = pages

    def render(self, request: Request) -> int:
        if request.method not in (b"GET", b"HEAD"):
            request.responseHeaders.setRawHeaders("allow", ["GET, HEAD"])
            _respond(request, (405, TEXT, b"here one can only look\n"))
        elif request.path in self._pages:
            self._make(request, *self._pages[request.path])
        else:
            _respond(request, (404, TEXT, b"there is no such page\n"))
        return NOT_DONE_YET

    def _make(self, request: Request, source: Source, answer: Callable[[Document], Answer]) -> None:
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        making: Deferred[Any] = maybeDeferred(source).addCallback(answer).addErrback(_broken)
        making.addCallback(lambda made: None if gone else _respond(request, made))


def _broken(failure: Failure) -> Answer:
    _log.failure("a status page could not be made", failure)
    return 500, TEXT, b"this page could not be made; the log says why\n"


def _respond(request: Request, answer: Answer) -> None:
    status, contentType, body = answer
    request.setResponseCode(status)
    headers = request.responseHeaders
    headers.removeHeader("server")
    headers.setRawHeaders("content-type", [contentType])
    headers.setRawHeaders("content-length", [str(len(body))])
    headers.setRawHeaders("cache-control", ["no-store"])
    headers.setRawHeaders("x-content-type-options", ["nosniff"])
    headers.setRawHeaders("referrer-policy", ["no-referrer"])
    headers.setRawHeaders("content-security-policy", [CONTENT_SECURITY_POLICY])
    if request.method != b"HEAD":
        request.write(body)
    request.finish()


# how it is served


class _Bodiless(Request):
    """
    A request that may not have a body, so that none is ever stored.
    """

    _refused = False

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        if length != 0:
            self._refused = True
            self.channel.write(_NO_BODY)
            self.channel.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:
        """
        What comes all the same is dropped.
        """

    def process(self) -> None:
        if not self._refused:
            super().process()


class _Channel(HTTPChannel):
    """
    A connection for one request.
    """

    factory: Any
    transport: Any
    _deadline: IDelayedCall

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.connections += 1
        self._deadline = self.callLater(PATIENCE, self.transport.abortConnection)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        if self._deadline.active():
            self._deadline.cancel()
        self.factory.connections -= 1
        super().connectionLost(reason)

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """
        The answer is the end of the connection.
        """
        request.responseHeaders.setRawHeaders("connection", ["close"])
        return False


class _Site(Site):
    """
    A site with room for so many connections, which does not log each look of
    a page that looks every two seconds.

    @ivar connections: how many there are.
    """

    protocol = _Channel  # type: ignore[assignment]
    displayTracebacks = False
    noisy = False
    connections = 0

    def buildProtocol(self, addr: Any) -> Any:
        return super().buildProtocol(addr) if self.connections < MAX_CONNECTIONS else None

    def log(self, request: Any) -> None:
        """
        Nobody asks for an access log of this.
        """
