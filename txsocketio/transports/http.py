"""
One HTTP request and its answer, as long-polling needs them: bounded in bytes
and in time, never repeated, never redirected, never decompressed.

treq sends the requests, through an agent of ours that keeps it from asking
for compressed answers and refuses them.  Whatever is not a complete answer
with status 200 becomes a L{TransportError} here, in words a person can use.

Must not know: Engine.IO packets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookiejar import CookieJar
from io import BytesIO
from typing import Any, cast

from hyperlink import EncodedURL
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer, IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError
from twisted.web.client import URI, Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from txsocketio.errors import BODY_BYTES, TransportError, excerpt
from txsocketio.transports.endpoint import rootCause
from txsocketio.transports.explain import hangUpHint
from txsocketio.transports.refusals import explainRefusal

__all__ = ["Answer", "BytesProducer", "EncodedAnswer", "Exchange", "PlainAgent", "Requester"]

IDLE_SECONDS = 2.0
"""
How long an unused connection is kept: less than servers keep theirs, so that
a POST never meets a connection that the server is about to close.
"""

REFUSAL_SECONDS = 2.0
"""How long we read the body of a refusal, which only explains it."""

CONTENT_TYPE = ("Content-Type", "text/plain;charset=UTF-8")

_UNSENDABLE = re.compile(rb"[^\x21-\x7e]")

Pairs = list[tuple[str, str]]


class EncodedAnswer(Exception):
    """
    The server compressed an answer although we did not offer that.

    @ivar response: the response; its body is not read.
    """

    def __init__(self, response: IResponse, encoding: str) -> None:
        super().__init__(f"the body is encoded as {excerpt(encoding)}, which was not asked for")
        self.response = response


class Answer:
    """
    What came back with status 200.

    @ivar url: what was asked.
    @ivar body: all of it.
    @ivar headers: the response's headers.
    @ivar complete: False when the body had no length and ended with the
        connection, so that nobody can tell whether it is whole.
    """

    __slots__ = ("body", "complete", "headers", "url")

    def __init__(self, url: str, body: bytes, headers: Headers, complete: bool) -> None:
        self.url = url
        self.body = body
        self.headers = headers
        self.complete = complete


# what treq is given


@implementer(IBodyProducer)
class BytesProducer:
    """
    A request's body, written at once and without a cooperator, so that it
    needs no reactor.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write everything.

        @return: has fired.
        """
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        Nothing is left to pause.
        """

    def resumeProducing(self) -> None:
        """
        Nothing is left to resume.
        """

    def stopProducing(self) -> None:
        """
        Nothing is left to stop.
        """


@implementer(IAgent)
class PlainAgent:
    """
    Keeps treq from asking for compression, and refuses it when it comes.

    A kilobyte of gzip may hold a gigabyte, and treq inflates before anybody
    can count (faults F32).
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """
        As the wrapped agent's; fails with L{EncodedAnswer} as well.
        """
        if headers is not None:
            headers.removeHeader(b"Accept-Encoding")
        response = self._agent.request(method, uri, headers, bodyProducer)
        return response.addCallback(_refuseEncoded)


class _HangUp(Protocol):
    """
    Reads no body.
    """

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


def _refuseEncoded(response: IResponse) -> IResponse:
    encodings = response.headers.getRawHeaders(b"Content-Encoding")
    if encodings is not None:
        encoding = _text(b",".join(encodings)).strip()
        if encoding.lower() not in ("", "identity"):
            response.deliverBody(_HangUp())
            raise EncodedAnswer(response, encoding)
    return response


class _NoJar(CookieJar):
    """
    Keeps treq from having cookies of its own: those of the wire count.
    """

    def add_cookie_header(self, request: Any) -> None:
        pass

    def extract_cookies(self, response: Any, request: Any) -> None:
        pass


class _ReadyURL(EncodedURL):
    """
    A URL that is right already: treq would parse it, encode it and write it
    again, which takes longer than the rest of the request.
    """

    def __init__(self, text: str) -> None:
        self._readyText = text

    def to_uri(self) -> EncodedURL:
        return self

    def to_text(self, with_password: bool = False) -> str:
        return self._readyText


class _OneServer(Agent):
    """
    An agent that is asked for the same URL again and again, with another query
    each time, and parses it once.

    @ivar query: that of the next request, with its question mark.  It is said
        here, for treq and Twisted would parse it twice a request.
    """

    query = b""
    _uri: bytes | None = None

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """
        As L{Agent}'s, but C{uri} has no query.
        """
        if uri != self._uri:
            self._prepare(uri)
        target, path = self._target, self._path + self.query
        response: Deferred[IResponse] = self._requestWithEndpoint(
            self._key, self._endpoint, method, target, headers, bodyProducer, path
        )
        return response

    def _prepare(self, uri: bytes) -> None:
        if _UNSENDABLE.search(uri):
            raise ValueError(f"this URL cannot be requested: {uri!r}")
        self._uri = uri
        self._target = target = URI.fromBytes(uri)
        self._path = target.originForm
        self._key = target.scheme, target.host, target.port
        self._endpoint = self._getEndpoint(target)


# requests


class Requester:
    """
    Sends one transport's requests over connections of its own.
    """

    def __init__(self, wire: Any, transport: str) -> None:
        self.clock = wire.reactor
        self.transport = transport
        self.limit: int = wire.optionsFor(transport).maxMessageBytes
        self._wire = wire
        self._pool = _buildPool(wire.reactor)
        factory = wire.endpointFactory()
        self._agent = _OneServer.usingEndpointFactory(wire.reactor, factory, self._pool)
        self._jar = cast(Any, _NoJar())
        self._client = HTTPClient(PlainAgent(self._agent), self._jar, BytesProducer)
        self._given: Pairs | None = None
        self._forGET = self._forPOST = Headers()

    def request(self, url: str, body: bytes | None) -> Deferred[Any]:
        """
        Send a GET, or with C{body} a POST.

        @return: fires with the response when its headers are there; fails
            with whatever Twisted or treq find.
        """
        headers = self._wire.headers(self.transport, url)
        if headers != self._given:
            self._prepare(headers)
        bare, mark, query = url.partition("?")
        self._agent.query = f"{mark}{query}".encode("ascii")
        response: Deferred[Any] = self._client.request(
            "GET" if body is None else "POST",
            _ReadyURL(bare),
            headers=self._forGET if body is None else self._forPOST,
            data=body,
            cookies=self._jar,
            allow_redirects=False,
            unbuffered=True,
            reactor=self.clock,
        )
        return response

    def explain(self, failure: Failure) -> str:
        """
        Say in plain words what went wrong below HTTP.
        """
        explanation: str = self._wire.explain(failure)
        return explanation

    def storeCookies(self, url: str, headers: Headers) -> None:
        """
        Keep the cookies of a response, if it has any.
        """
        if headers.hasHeader(b"Set-Cookie"):
            self._wire.storeCookies(url, _pairs(headers))

    def close(self) -> None:
        """
        Close the connections that are not in use, and from now on each when
        its request ends.
        """
        # The pool has no end: what comes back later would be kept once more.
        self._pool.cachedConnectionTimeout = 0
        self._pool.closeCachedConnections()

    # inside

    def _prepare(self, given: Pairs) -> None:
        self._given = given
        names = {name.lower() for name, _ in given}
        own = [("Host", self._wire.address.hostHeader), ("Accept", "*/*")]
        pairs = [pair for pair in own if pair[0].lower() not in names] + given
        self._forGET = _headers(pairs)
        self._forPOST = _headers([pair for pair in pairs if pair[0].lower() != "content-type"])
        self._forPOST.addRawHeader(*CONTENT_TYPE)


def _buildPool(clock: Any) -> Any:
    pool: Any = HTTPConnectionPool(clock, persistent=True)
    # A poll that was answered must not be asked again: its messages are gone.
    pool.retryAutomatically = False
    pool.maxPersistentPerHost = 2
    pool.cachedConnectionTimeout = IDLE_SECONDS
    return pool


def _headers(pairs: Pairs) -> Headers:
    headers = Headers()
    for name, value in pairs:
        headers.addRawHeader(name, value)
    return headers


def _pairs(headers: Headers) -> Pairs:
    return [
        (_text(name), _text(value))
        for name, values in headers.getAllRawHeaders()
        for value in values
    ]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


class Exchange(Protocol):
    """
    One request, and after it one call: C{answered} with an L{Answer}, or
    C{failed} with a L{TransportError}.  Neither after L{cancel}.

    @ivar url: where the request goes.
    @ivar phase: C{"handshake"}, C{"poll"} or C{"post"}.
    """

    _deadline: IDelayedCall | None = None
    _pending: Deferred[Any] | None = None
    _response: Any = None
    _ended = False
    _size = 0

    def __init__(
        self,
        requester: Requester,
        url: str,
        phase: str,
        answered: Callable[[Answer], None],
        failed: Callable[[TransportError], None],
    ) -> None:
        self.url = url
        self.phase = phase
        self._requester = requester
        self._answered = answered
        self._failed = failed
        self._limit = requester.limit
        self._pieces = BytesIO()

    # from above

    def start(self, body: bytes | None = None, seconds: float | None = None) -> None:
        """
        Send the request.  May end in this very call.

        @param body: the body of a POST; L{None} for a GET.
        @param seconds: how long the whole may take; L{None} or 0 for ever.
        """
        self._seconds = seconds
        if seconds:
            self._deadline = self._requester.clock.callLater(seconds, self._expired)
        try:
            self._pending = self._requester.request(self.url, body)
        except Exception:
            # treq and Twisted refuse what they cannot send by raising.
            self._pending = fail()
        self._pending.addCallback(self._responded).addErrback(self._unanswered)

    def cancel(self) -> None:
        """
        Give the request up; nobody is called.  Idempotent.
        """
        if not self._ended:
            self._end()
            self._hangUp()

    # from below

    def dataReceived(self, data: bytes) -> None:
        """
        A piece of the body came.
        """
        if self._ended:
            return
        self._size += len(data)
        if self._size <= self._limit:
            self._pieces.write(data)
        elif self._response.code == 200:
            self._fail(f"the answer is over {self._limit} bytes (maxMessageBytes)")
        else:
            self._pieces.write(data)
            self._refused()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The body has ended, or broken off.
        """
        if self._ended:
            return
        if self._response.code != 200:
            self._refused()
        elif isinstance(reason.value, (ResponseDone, PotentialDataLoss)):
            self._end()
            complete = isinstance(reason.value, ResponseDone)
            body = self._pieces.getvalue()
            self._answered(Answer(self.url, body, self._response.headers, complete))
        else:
            self._broke(reason)

    # inside

    def _responded(self, response: Any) -> None:
        self._pending = None
        self._response = response
        self._requester.storeCookies(self.url, response.headers)
        if response.code != 200:
            self._limit = BODY_BYTES
            self._cancelDeadline()
            self._deadline = self._requester.clock.callLater(REFUSAL_SECONDS, self._refused)
        response.deliverBody(self)

    def _unanswered(self, failure: Failure) -> Failure | None:
        self._pending = None
        if self._ended:
            # What a cancelled request says is no news; anything else is a bug.
            return None if self._response is None else failure
        if failure.check(EncodedAnswer):
            assert isinstance(failure.value, EncodedAnswer)
            self._response = failure.value.response
            self._fail(str(failure.value))
        else:
            self._broke(failure)
        return None

    def _expired(self) -> None:
        self._deadline = None
        self._fail(f"no complete answer within {self._seconds:g} s (requestTimeout)")

    def _broke(self, failure: Failure) -> None:
        self._fail(self._explain(failure), rootCause(failure))

    def _explain(self, failure: Failure) -> str:
        cause = rootCause(failure)
        if isinstance(cause, ParseError):
            return f"not an HTTP answer: {excerpt(cause.args[-1])}; is this the server's port?"
        text = self._requester.explain(failure)
        hint = hangUpHint(cause, self.url) if self.phase == "handshake" else ""
        return f"{text}; {hint}" if hint and self._response is None else text

    def _refused(self) -> None:
        body = self._pieces.getvalue()
        response = self._response
        self._fail(explainRefusal(response.code, _pairs(response.headers), body), body=body)

    def _fail(
        self, explanation: str, cause: BaseException | None = None, body: bytes = b""
    ) -> None:
        self._end()
        self._hangUp()
        error = self._error(explanation, body)
        error.__cause__ = cause
        self._failed(error)

    def _error(self, explanation: str, body: bytes) -> TransportError:
        post = self.phase == "post"
        if post:
            explanation += "; the packets of this request may have been processed"
        response = self._response
        return TransportError(
            "xhr post error" if post else "xhr poll error",
            explanation=explanation,
            url=self.url.partition("?")[0],
            transport=self._requester.transport,
            phase=self.phase,
            status=None if response is None or response.code == 200 else response.code,
            headers=() if response is None else _pairs(response.headers),
            body=body,
        )

    def _end(self) -> None:
        self._ended = True
        self._cancelDeadline()

    def _cancelDeadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _hangUp(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
        elif self.transport is not None:
            self.transport.loseConnection()
