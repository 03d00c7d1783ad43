"""
POST something to an HTTP server, and learn whether it was taken: bounded in
time and in bytes, never redirected, never decompressed.

Must not know: events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory

from txsocketio.transports.http import BytesProducer, EncodedAnswer, PlainAgent

__all__ = ["Outcome", "Poster"]

READ = 64 * 1024
"""So much of an answer is read, to use the connection again; it means nothing."""

KEPT = 200
"""So much of it is kept, to tell people why something was refused."""

IDLE_SECONDS = 2
"""How long an unused connection is kept: less than servers keep theirs."""

CLOSING = 2.0
"""Seconds for the connections to end."""


class Outcome(NamedTuple):
    """
    What a server said.

    @ivar said: the beginning of the body.
    @ivar after: the header C{Retry-After}, or an empty text.
    """

    status: int
    said: str
    after: str


class Poster:
    """
    Posts to one server.
    """

    def __init__(
        self,
        reactor: Any,
        connections: int,
        timeout: float,
        endpoints: IAgentEndpointFactory | None = None,
    ) -> None:
        """
        @param connections: how many are kept for the next requests.
        @param timeout: seconds that a request and its answer may take.
        @param endpoints: makes the connections; Twisted's own by default.
        """
        self._reactor = reactor
        self._timeout = timeout
        self._pool = HTTPConnectionPool(reactor)
        self._pool._factory = _quietFactory  # type: ignore[assignment]
        self._pool.maxPersistentPerHost = connections
        self._pool.cachedConnectionTimeout = IDLE_SECONDS
        if endpoints is None:
            agent = Agent(reactor, pool=self._pool, connectTimeout=timeout)
        else:
            agent = Agent.usingEndpointFactory(reactor, endpoints, self._pool)
        jar: Any = CookieJar(DefaultCookiePolicy(allowed_domains=()))  # keeps none
        self._client = HTTPClient(PlainAgent(agent), jar, BytesProducer)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Deferred[Outcome]:
        """
        @return: fires with what the server said, whatever it was.  Fails with
            what Twisted and treq find, or L{TimeoutError}.  Cancelling it
            hangs up.
        """
        raw = Headers()
        for name, value in headers.items():
            raw.addRawHeader(name.encode("ascii"), value.encode("latin-1"))
        response: Deferred[Any] = self._client.request(
            "POST",
            url,
            headers=raw,
            data=body,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        response.addCallbacks(_Answer.read, _encoded)
        response.addTimeout(self._timeout, self._reactor, self._tooSlow)
        # A cancelled request says so in many ways; ours in one.
        outcome: Deferred[Outcome] = Deferred(_cancelling(response))
        response.addBoth(lambda result: None if outcome.called else outcome.callback(result))
        return outcome

    def close(self) -> Deferred[None]:
        """
        @return: fires when no connection is left.
        """
        # The pool has no end: what comes back later would be kept once more.
        self._pool.cachedConnectionTimeout = 0
        closed: Deferred[None] = Deferred()
        closing = self._pool.closeCachedConnections()
        closing.addBoth(lambda _: None if closed.called else closed.callback(None))
        # With a stalled peer over TLS it never fires (twisted issue 8930).
        return closed.addTimeout(CLOSING, self._reactor).addErrback(lambda _: None)

    # inside

    def _tooSlow(self, *_: object) -> None:
        raise TimeoutError(f"no complete answer within {self._timeout:g} s")


def _quietFactory(*args: Any) -> Any:
    """
    Twisted's, but without a line in the log for each connection.
    """
    factory: Any = HTTPConnectionPool._factory(*args)
    factory.noisy = False
    return factory


def _cancelling(response: Deferred[Any]) -> Callable[[Deferred[Any]], None]:
    def cancel(outcome: Deferred[Any]) -> None:
        outcome.errback(CancelledError())
        response.cancel()

    return cancel


def _outcome(response: Any, body: bytes) -> Outcome:
    after = response.headers.getRawHeaders(b"Retry-After", [b""])[0]
    return Outcome(response.code, body.decode("utf-8", "replace"), after.decode("latin-1"))


def _encoded(failure: Failure) -> Outcome:
    """
    A compressed answer is an answer; nobody needs its body.
    """
    failure.trap(EncodedAnswer)
    encoded: Any = failure.value
    return _outcome(encoded.response, b"")


class _Answer(Protocol):
    """
    Reads the body of an answer, or as much of it as anybody wants.
    """

    def __init__(self, response: Any) -> None:
        self._response = response
        self._size = 0
        self._head = b""
        self._read: Deferred[Outcome] = Deferred(lambda _: self._hangUp())

    @classmethod
    def read(cls, response: Any) -> Deferred[Outcome]:
        """
        @return: fires with what the server said.
        """
        answer = cls(response)
        response.deliverBody(answer)
        return answer._read

    def dataReceived(self, data: bytes) -> None:
        self._head = (self._head + data[:KEPT])[:KEPT]
        self._size += len(data)
        if self._size > READ:
            self._hangUp()
            self._end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()  # broken off or not: the status was there

    def _hangUp(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    def _end(self) -> None:
        if not self._read.called:
            self._read.callback(_outcome(self._response, self._head))
