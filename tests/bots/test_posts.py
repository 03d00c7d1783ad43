"""
Tests for L{txsocketio.bots.posts}.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from httpkit import ScriptedServer, httpAnswer
from txsocketio.bots.posts import CLOSING, KEPT, READ, Outcome, Poster, _Answer


@implementer(IAgentEndpointFactory)
class Endpoints:
    """
    Whatever is asked, it is our server.
    """

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server

    def endpointForURI(self, uri: Any) -> ScriptedServer:
        return self.server


class Stage:
    """
    A poster, and a server in memory.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.server = ScriptedServer(self.clock)
        self.poster = Poster(self.clock, 1, 10.0, Endpoints(self.server))
        self.results: list[Any] = []

    def post(self, body: bytes = b"{}", **headers: str) -> Any:
        posting = self.poster.post("http://example.com/hook?a=b", body, headers)
        posting.addBoth(self.results.append)
        self.server.settle()
        return posting

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.server.settle()

    def close(self) -> list[Any]:
        closed: list[Any] = []
        self.poster.close().addBoth(closed.append)
        self.server.settle()
        return closed


@pytest.fixture
def stage() -> Any:
    stage = Stage()
    yield stage
    stage.close()
    assert stage.clock.getDelayedCalls() == []


def test_whatIsPostedArrives(stage: Stage) -> None:
    """
    Body, length and headers; no compression is asked for.
    """
    stage.post(b'{"a":1}', **{"X-Key": "abc", "Content-Type": "application/json"})
    request = stage.server.post
    assert request.target == "/hook?a=b" and request.body == b'{"a":1}'
    assert request.header("Content-Length") == "7"
    assert request.header("Content-Type") == "application/json"
    assert request.header("X-Key") == "abc"
    assert request.header("Accept-Encoding") is None
    request.answer()


def test_theOutcomeIsWhatTheServerSaid(stage: Stage) -> None:
    """
    Whatever the status.
    """
    stage.post()
    stage.server.post.answer(b"go away", 503, [("Retry-After", "7")])
    assert stage.results == [Outcome(503, "go away", "7")]


def test_aHeaderOfOddBytesIsNoReasonToPostAgain(stage: Stage) -> None:
    """
    The event was taken.
    """
    stage.post()
    raw = b"HTTP/1.1 200 OK\r\nRetry-After: \xff\r\nContent-Length: 0\r\n\r\n"
    stage.server.post.finish(raw)
    assert stage.results == [Outcome(200, "", "\xff")]


def test_theConnectionIsUsedAgain(stage: Stage) -> None:
    """
    For the next request, within two seconds.
    """
    stage.post()
    stage.server.post.answer()
    stage.post()
    stage.server.post.answer()
    assert len(stage.server.links) == 1
    stage.wait(3)
    stage.post()
    stage.server.post.answer()
    assert len(stage.server.links) == 2


def test_cookiesAreNotKept(stage: Stage) -> None:
    """
    A server cannot fill our memory with them.
    """
    stage.post()
    stage.server.post.answer(headers=[("Set-Cookie", "a=b; Path=/")])
    stage.post()
    assert stage.server.post.header("Cookie") is None
    stage.server.post.answer()


def test_redirectionsAreNotFollowed(stage: Stage) -> None:
    """
    Events go where the file says.
    """
    stage.post()
    stage.server.post.answer(b"", 307, [("Location", "http://elsewhere.example/")])
    assert stage.results[0].status == 307 and len(stage.server.requests) == 1


def test_aCompressedAnswerCounts(stage: Stage) -> None:
    """
    By its status; nobody inflates it.
    """
    stage.post()
    stage.server.post.answer(b"\x1f\x8b", 200, [("Content-Encoding", "gzip")])
    assert stage.results == [Outcome(200, "", "")]


def test_ofALongAnswerOnlyTheBeginningIsKept(stage: Stage) -> None:
    """
    Whether or not it is read to its end.
    """
    stage.post()
    stage.server.post.answer(b"x" * 1000)
    assert stage.results == [Outcome(200, "x" * KEPT, "")]


def test_anEndlessAnswerIsBrokenOff(stage: Stage) -> None:
    """
    The status is all that counts.
    """
    stage.post()
    request = stage.server.post
    request.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    assert stage.results == []
    request.write(b"x" * (READ + 1))
    assert stage.results[0].status == 200
    stage.server.settle()
    assert stage.server.alive == 0
    request.done = True


def test_anAnswerThatBreaksOffCounts(stage: Stage) -> None:
    """
    Its status had come.
    """
    stage.post()
    stage.server.post.write(b"HTTP/1.1 201 OK\r\nContent-Length: 10\r\n\r\nab")
    stage.server.post.hangUp()
    assert stage.results == [Outcome(201, "ab", "")]


def test_aServerThatCannotBeReached(stage: Stage) -> None:
    """
    Is a failure.
    """
    stage.server.refusal = ConnectionRefusedError()
    stage.post()
    assert stage.results[0].check(ConnectionRefusedError)


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"], ids=["silent", "half"]
)
def test_aServerThatTakesTooLong(stage: Stage, said: bytes) -> None:
    """
    For the whole of its answer.
    """
    stage.post()
    stage.server.post.write(said)
    stage.wait(10)
    assert stage.results[0].check(TimeoutError)
    assert str(stage.results[0].value) == "no complete answer within 10 s"
    stage.server.settle()
    assert stage.server.alive == 0


def test_cancellingHangsUp(stage: Stage) -> None:
    """
    And the failure says that it was cancelled.
    """
    posting = stage.post()
    posting.cancel()
    stage.server.settle()
    assert stage.results[0].check(CancelledError)
    assert stage.server.alive == 0


def test_closingEndsTheConnections(stage: Stage) -> None:
    """
    Also those that are still used.
    """
    stage.post()
    stage.server.post.answer()
    assert stage.close() == [None] and stage.server.alive == 0


def test_closingTakesTwoSecondsAtMost(stage: Stage) -> None:
    """
    Whatever the peer does.
    """
    stage.post()
    stage.server.post.finish(httpAnswer())
    stage.server.settle = lambda: None  # type: ignore[method-assign]
    closed = stage.close()
    assert closed == []
    stage.clock.advance(CLOSING)
    assert closed == [None]


def test_anAnswerEndsOnce(stage: Stage) -> None:
    """
    Though it was broken off before the connection ended.
    """
    response = SimpleNamespace(code=200, headers=Headers(), deliverBody=lambda _: None)
    answer = _Answer(response)
    results: list[Any] = []
    answer._read.addBoth(results.append)
    answer.dataReceived(b"x" * (READ + 1))
    answer.connectionLost()
    assert len(results) == 1
