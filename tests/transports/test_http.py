"""
One request and one answer, against a server in memory.
"""

from __future__ import annotations

import gzip
import inspect
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.web.client import Agent
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer
from zope.interface.verify import verifyClass

from httpkit import FakeWire, Request, ScriptedServer, httpAnswer
from txsocketio.errors import TransportError
from txsocketio.transports.http import Answer, BytesProducer, Exchange, PlainAgent, Requester

URL = "http://example.com:3000/socket.io/?EIO=4&transport=polling&sid=secret"


class Asker:
    """
    A requester, its server, and how its requests ended.
    """

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.server = ScriptedServer(self.clock)
        self.wire = FakeWire(self.server, **options)
        self.requester = Requester(self.wire, "polling")
        self.answers: list[Answer] = []
        self.errors: list[TransportError] = []

    def ask(
        self, body: bytes | None = None, phase: str = "poll", seconds: float | None = None
    ) -> Exchange:
        """
        Send a request, and let it reach the server.
        """
        exchange = Exchange(self.requester, URL, phase, self.answers.append, self.errors.append)
        exchange.start(body, seconds)
        self.server.settle()
        return exchange

    def request(self, **how: Any) -> Request:
        """
        Send a request, and give what the server sees of it.
        """
        self.ask(**how)
        return self.server.requests[-1]

    def assertNothingLeft(self) -> None:
        """
        No timer, no connection.
        """
        self.requester.close()
        self.server.settle()
        assert self.clock.calls == []
        assert self.server.alive == 0

    @property
    def error(self) -> TransportError:
        """
        The one error, which came instead of an answer.
        """
        assert self.answers == []
        (error,) = self.errors
        return error


# what is asked


def test_interfacesKept() -> None:
    """
    treq gets a real agent and a real body producer.
    """
    assert verifyClass(IAgent, PlainAgent)
    assert verifyClass(IBodyProducer, BytesProducer)


def test_compressionNotOffered() -> None:
    """
    No request says Accept-Encoding, so a good server compresses nothing
    (faults F32).
    """
    asker = Asker()
    asker.wire.given = [("accept-encoding", "br")]
    assert asker.request().header("Accept-Encoding") is None


@pytest.mark.parametrize("target", ["/socket.io/?a=1&t=x", "/a;b=c?d=e;f", "/", "/a%20b/?"])
def test_targetSentAsItIs(target: str) -> None:
    """
    Path and query are asked for as they are written.
    """
    asker = Asker()
    url = f"http://example.com:3000{target}"
    Exchange(asker.requester, url, "poll", asker.answers.append, asker.errors.append).start()
    asker.server.settle()
    assert asker.server.requests[-1].target == target


def test_anotherPath() -> None:
    """
    A requester is not bound to the path of its first request.
    """
    asker = Asker()
    for path in ("/a/?x=1", "/b/?x=2"):
        url = f"http://example.com:3000{path}"
        Exchange(asker.requester, url, "poll", asker.answers.append, asker.errors.append).start()
        asker.server.settle()
        asker.server.get.answer()
    assert [each.target for each in asker.server.requests] == ["/a/?x=1", "/b/?x=2"]
    assert len(asker.server.links) == 1


def test_agentStillSendsAnywhere() -> None:
    """
    A canary: what our agent leans on is still there in Twisted's.
    """
    parameters = inspect.signature(Agent._requestWithEndpoint).parameters
    names = "self key endpoint method parsedURI headers bodyProducer requestPath"
    assert list(parameters) == names.split()


def test_postSaysPlainText() -> None:
    """
    A POST is text/plain in UTF-8, whatever the user's headers say: a server
    refuses other types (behaviours Q30).
    """
    asker = Asker()
    asker.wire.given = [("Content-Type", "application/json")]
    request = asker.request(body="4é".encode())
    assert request.header("Content-Type") == "text/plain;charset=UTF-8"
    assert (request.method, request.body) == ("POST", "4é".encode())


def test_usersHeadersSent() -> None:
    """
    The user's headers and cookies go with each request, and change when they
    change (behaviours J13).
    """
    asker = Asker()
    asker.wire.given = [("Cookie", "a=1"), ("X-Token", "one")]
    first = asker.request()
    first.answer()
    asker.wire.given = [("Cookie", "a=2"), ("X-Token", "two")]
    second = asker.request(body=b"4")
    assert (first.header("Cookie"), first.header("X-Token")) == ("a=1", "one")
    assert (second.header("Cookie"), second.header("X-Token")) == ("a=2", "two")


@pytest.mark.parametrize(
    ("given", "seen"), [([], "example.com:3000"), ([("host", "other.example")], "other.example")]
)
def test_hostSaidOnce(given: list[tuple[str, str]], seen: str) -> None:
    """
    There is one Host header: the URL's, or the user's.
    """
    asker = Asker()
    asker.wire.given = given
    assert asker.request().header("Host") == seen


def test_targetIsTheURLAsGiven() -> None:
    """
    The URL is sent as the wire made it, escapes and all (behaviours P13).
    """
    assert Asker().request().target == "/socket.io/?EIO=4&transport=polling&sid=secret"


# good answers


def test_wholeBodyAnswered() -> None:
    """
    The body arrives whole, however it was cut on the way.
    """
    asker = Asker()
    request = asker.request()
    for byte in httpAnswer(b"4hello"):
        request.write(bytes([byte]))
    assert [(each.body, each.complete) for each in asker.answers] == [(b"4hello", True)]


def test_chunkedBodyAnswered() -> None:
    """
    A chunked body is put together.
    """
    asker = Asker()
    asker.request().finish(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n4h\r\n3\r\ney!\r\n0\r\n\r\n"
    )
    assert asker.answers[0].body == b"4hey!"


def test_bodyWithoutLengthMarked() -> None:
    """
    A body that ends with its connection is taken, and marked as perhaps
    incomplete (faults F30).
    """
    asker = Asker()
    request = asker.request()
    request.write(b"HTTP/1.1 200 OK\r\n\r\n4hey")
    request.hangUp()
    assert [(each.body, each.complete) for each in asker.answers] == [(b"4hey", False)]


def test_interimResponseSkipped() -> None:
    """
    "100 Continue" before the answer changes nothing (faults F33).
    """
    asker = Asker()
    asker.request().finish(b"HTTP/1.1 100 Continue\r\n\r\n" + httpAnswer(b"6"))
    assert asker.answers[0].body == b"6"


def test_emptyBodyAnswered() -> None:
    """
    An empty body with status 200 is an answer; what it means is not HTTP's
    business.
    """
    asker = Asker()
    asker.request().answer(b"")
    assert asker.answers[0].body == b""


def test_connectionUsedAgain() -> None:
    """
    One connection serves one request after the other.
    """
    asker = Asker()
    asker.request().answer()
    asker.request().answer()
    assert len(asker.server.links) == 1


def test_idleConnectionClosed() -> None:
    """
    A connection idle for 2 seconds is closed before its server closes it
    (faults F38).
    """
    asker = Asker()
    asker.request().answer()
    asker.clock.advance(2)
    asker.server.settle()
    assert asker.server.alive == 0


def test_cookiesHandedToWire() -> None:
    """
    Each Set-Cookie of a response reaches the wire's jar as it came, from
    refusals too.
    """
    asker = Asker()
    cookies = [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2, 3")]
    asker.request().answer(b"", 403, cookies)
    ((url, headers),) = asker.wire.stored
    assert url == URL
    assert [value for name, value in headers if name == "Set-Cookie"] == ["a=1; Path=/", "b=2, 3"]


def test_noOtherJar() -> None:
    """
    Only the wire decides about cookies; treq keeps none of its own.
    """
    asker = Asker()
    asker.request().answer(b"", 200, [("Set-Cookie", "a=1; Path=/")])
    assert asker.request().header("Cookie") is None


# refusals


def test_refusalSaysWhatTheServerSaid() -> None:
    """
    An Engine.IO refusal tells status, code, message and body, and no query
    with its session (faults F22; behaviours P2, I13).
    """
    asker = Asker()
    body = b'{"code":5,"message":"Unsupported protocol version"}'
    asker.request(phase="handshake").answer(body, 400, [("X-A", "b")])
    error = asker.error
    assert (error.message, error.status, error.phase) == ("xhr poll error", 400, "handshake")
    assert (error.description, error.body, error.header("x-a")) == (400, body, "b")
    assert "Unsupported protocol version' (code 5)" in str(error)
    assert "secret" not in str(error)


def test_unknownSessionExplained() -> None:
    """
    "Session ID unknown" comes with what usually causes it (faults F42;
    behaviours I13).
    """
    asker = Asker()
    asker.request().answer(b'{"code":1,"message":"Session ID unknown"}', 400)
    assert "sticky sessions" in str(asker.error)


def test_notHTTP() -> None:
    """
    What does not speak HTTP is quoted (faults F33).
    """
    asker = Asker()
    asker.request(phase="handshake").write(b"SSH-2.0-OpenSSH_9.6\r\n")
    asker.server.settle()
    assert "not an HTTP answer: 'SSH-2.0-OpenSSH_9.6'" in asker.error.explanation


@pytest.mark.parametrize("status", [401, 403, 404, 413, 429, 500, 502, 503])
def test_refusalWithoutJSON(status: int) -> None:
    """
    A refusal in whatever words gives its status, headers and first bytes
    (faults F23; behaviours P2).
    """
    asker = Asker()
    asker.request().answer(b"<h1>no</h1>", status, [("Retry-After", "7")])
    error = asker.error
    assert (error.status, error.body) == (status, b"<h1>no</h1>")
    assert error.header("Retry-After") == "7"


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"code":"1"}', b'{"code":1}', b"\xff"])
def test_oddRefusalBody(body: bytes) -> None:
    """
    A refusal whose body only looks like the protocol's is told by its status.
    """
    asker = Asker()
    asker.request().answer(body, 400)
    assert (asker.error.status, asker.error.explanation) == (400, "")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("body", [None, b"4x"])
def test_redirectRefused(status: int, body: bytes | None) -> None:
    """
    A redirect is never followed, so that no credential goes elsewhere; the
    error names its target (faults F24).
    """
    asker = Asker()
    asker.request(body=body).answer(b"", status, [("Location", "https://elsewhere.example/")])
    assert "https://elsewhere.example/" in asker.error.explanation
    assert len(asker.server.requests) == 1


def test_noContentRefused() -> None:
    """
    Status 204 is no answer (faults F25).
    """
    asker = Asker()
    asker.request().finish(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert asker.error.status == 204


def test_endlessRefusalCut() -> None:
    """
    Of a refusal's body the first kilobyte is read, and no more.
    """
    asker = Asker()
    asker.request().write(b"HTTP/1.1 500 Oops\r\nContent-Length: 999999\r\n\r\n" + b"x" * 5000)
    assert asker.error.body == b"x" * 1024
    asker.assertNothingLeft()


def test_dribblingRefusalCut() -> None:
    """
    A refusal whose body does not end is told after 2 seconds.
    """
    asker = Asker()
    asker.request(seconds=60.0).write(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nwa")
    asker.clock.advance(1.9)
    assert asker.errors == []
    asker.clock.advance(0.1)
    assert (asker.error.status, asker.error.body) == (503, b"wa")
    asker.assertNothingLeft()


def test_brokenRefusalTold() -> None:
    """
    A refusal whose body breaks off is told by its status all the same.
    """
    asker = Asker()
    request = asker.request()
    request.write(b"HTTP/1.1 502 Bad\r\nContent-Length: 9\r\n\r\nwa")
    request.hangUp()
    assert asker.error.status == 502


def test_refusedPostMayHaveBeenProcessed() -> None:
    """
    A refused POST says that its packets may have arrived (faults F39;
    behaviours I11).
    """
    asker = Asker()
    asker.request(body=b"4x", phase="post").answer(b"", 413)
    error = asker.error
    assert (error.message, error.description, error.phase) == ("xhr post error", 413, "post")
    assert "may have been processed" in error.explanation


# broken answers


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip"])
def test_compressedAnswerRefused(status: int, encoding: str) -> None:
    """
    A compressed answer, which may be a bomb, is not read (faults F32).
    """
    asker = Asker()
    bomb = gzip.compress(b"4" * 100_000)
    asker.request().answer(bomb, status, [("Content-Encoding", encoding)])
    error = asker.error
    assert encoding in error.explanation
    assert (error.status, error.body) == (None if status == 200 else status, b"")
    asker.assertNothingLeft()


def test_identityIsNoCompression() -> None:
    """
    "Content-Encoding: identity" says nothing.
    """
    asker = Asker()
    asker.request().answer(b"6", 200, [("Content-Encoding", "identity")])
    assert asker.answers[0].body == b"6"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n4he",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n4he",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n4he\r\n",
        b"HTTP/1.1 200",
        b"",
    ],
)
def test_truncatedAnswerFails(raw: bytes) -> None:
    """
    An answer that breaks off is no answer (faults F29, F37, F110).
    """
    asker = Asker()
    request = asker.request()
    request.write(raw)
    request.hangUp(ConnectionLost())
    assert (asker.error.message, asker.error.status) == ("xhr poll error", None)
    asker.assertNothingLeft()


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n4he",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: strange\r\n\r\n4",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n4h",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n4",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n4four",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"\x00\x01\x02 what is this\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ],
)
def test_garbageFails(raw: bytes) -> None:
    """
    What is not HTTP ends the request, and never hurts more (faults F29, F33).
    """
    asker = Asker()
    asker.request().write(raw)
    assert asker.error.message == "xhr poll error"
    asker.assertNothingLeft()


def test_answerAtTheLimitTaken() -> None:
    """
    A body of exactly maxMessageBytes is taken (faults F31).
    """
    asker = Asker(maxMessageBytes=1000)
    asker.request().answer(b"4" * 1000)
    assert len(asker.answers[0].body) == 1000


def test_answerOverTheLimitRefused() -> None:
    """
    One byte more, and the body is not read on (faults F31).
    """
    asker = Asker(maxMessageBytes=1000)
    asker.request().write(b"HTTP/1.1 200 OK\r\n\r\n" + b"4" * 1001)
    assert "over 1000 bytes (maxMessageBytes)" in asker.error.explanation
    asker.assertNothingLeft()


def test_restOfAnOverlongAnswerIgnored() -> None:
    """
    What still comes of an answer that was refused is no news.
    """
    asker = Asker(maxMessageBytes=3)
    asker.request().finish(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n4hey\r\n4\r\nmore\r\n0\r\n\r\n"
    )
    assert "maxMessageBytes" in asker.error.explanation
    asker.assertNothingLeft()


def test_headerFloodRefused() -> None:
    """
    Headers over maxHeaderBytes in all end the request (faults F34).
    """
    asker = Asker(maxHeaderBytes=1000)
    request = asker.request()
    request.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        request.write(b"X-Flood: more of it\r\n")
    assert "maxHeaderBytes" in asker.error.explanation
    asker.assertNothingLeft()


def test_connectionRefusedExplained() -> None:
    """
    A server that is not there is told in plain words, with the cause (faults
    F108).
    """
    asker = Asker()
    asker.server.refusal = ConnectionRefusedError()
    asker.ask(phase="handshake")
    assert asker.error.explanation.startswith("explained: ")
    assert isinstance(asker.error.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("body", [None, b"4x"])
def test_neverSentTwice(body: bytes | None) -> None:
    """
    A request that meets a dying connection fails; it is not sent again, since
    the server may have acted on it (faults F37, F38).
    """
    asker = Asker()
    asker.request().answer()
    asker.answers.clear()
    asker.request(body=body).hangUp()
    assert asker.error.status is None
    assert len(asker.server.requests) == 2


def test_unsendableRequestFails() -> None:
    """
    A request that Twisted refuses to write is an error like any other.
    """
    asker = Asker()
    errors: list[TransportError] = []
    url = "http://example.com:3000/a\r\nX-Injected: yes"
    Exchange(asker.requester, url, "poll", asker.answers.append, errors.append).start(None, 3.0)
    assert [each.message for each in errors] == ["xhr poll error"]
    assert asker.server.requests == []
    asker.assertNothingLeft()


# time, and giving up


def test_silenceEnds() -> None:
    """
    A request that is not answered in time fails, and its connection ends
    (faults F35, F41).
    """
    asker = Asker()
    asker.ask(seconds=3.0)
    asker.clock.advance(3)
    assert "within 3 s" in asker.error.explanation
    asker.assertNothingLeft()


def test_stalledBodyEnds() -> None:
    """
    The time counts for the body too.
    """
    asker = Asker()
    asker.request(seconds=3.0).write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n4")
    asker.clock.advance(3)
    assert "within 3 s" in asker.error.explanation
    asker.assertNothingLeft()


def test_unreachableEnds() -> None:
    """
    The time counts for connecting too (faults F108).
    """
    asker = Asker()
    asker.server.silent = True
    asker.ask(seconds=3.0)
    asker.clock.advance(3)
    assert "within 3 s" in asker.error.explanation
    assert len(asker.wire.connections) == 0


def test_answerStopsTheTime() -> None:
    """
    After the answer no timer is left.
    """
    asker = Asker()
    asker.request(seconds=3.0).answer()
    asker.assertNothingLeft()
    assert asker.errors == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n4",
        b"HTTP/1.1 500 No\r\n",
    ],
)
def test_cancelledMeansSilence(raw: bytes) -> None:
    """
    A cancelled request calls nobody, and leaves nothing.
    """
    asker = Asker()
    exchange = asker.ask(seconds=3.0)
    asker.server.get.write(raw)
    exchange.cancel()
    exchange.cancel()
    asker.assertNothingLeft()
    assert (asker.answers, asker.errors) == ([], [])


def test_cancelledWhileConnecting() -> None:
    """
    A request cancelled before it is connected calls nobody.
    """
    asker = Asker()
    asker.server.silent = True
    asker.ask(seconds=3.0).cancel()
    asker.assertNothingLeft()
    assert (asker.errors, len(asker.wire.connections)) == ([], 0)


def test_cancelledAfterTheEnd() -> None:
    """
    Cancelling what has ended does nothing: the connection stays good.
    """
    asker = Asker()
    exchange = asker.ask()
    asker.server.get.answer()
    exchange.cancel()
    asker.request().answer()
    assert len(asker.server.links) == 1


def test_requestWithoutHeaders() -> None:
    """
    The agent may be asked without headers, as IAgent says.
    """
    asked: list[Any] = []

    @implementer(IAgent)
    class Agent:
        def request(self, *request: Any) -> Deferred[Any]:
            asked.append(request)
            return Deferred()

    PlainAgent(Agent()).request(b"GET", b"http://example.com/")
    assert asked == [(b"GET", b"http://example.com/", None, None)]
