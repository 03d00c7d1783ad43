"""
Tests for L{txsocketio.bots.webhook}.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionRefusedError

from bots.pluginkit import PluginStage
from txsocketio.bots.loader import Plugins
from txsocketio.bots.posts import Outcome
from txsocketio.bots.webhook import WebhookBot

TARGET = "https://me:pa%20ss@example.com/hook"


class Poster:
    """
    A poster whose outcomes the test decides.
    """

    def __init__(self, reactor: Any, connections: int, timeout: float) -> None:
        self.made = connections, timeout
        self.posts: list[Any] = []
        self.open: list[Deferred[Outcome]] = []
        self.closed = 0

    def post(self, url: str, body: bytes, headers: Any) -> Deferred[Outcome]:
        self.posts.append((url, json.loads(body), headers))
        self.open.append(Deferred())
        return self.open[-1]

    def close(self) -> Deferred[None]:
        self.closed += 1
        return succeed(None)

    def answer(self, status: int = 200, said: str = "", after: str = "") -> None:
        self.open.pop(0).callback(Outcome(status, said, after))


class Hook(WebhookBot):
    """
    A webhook bot without network.
    """

    buildPoster = Poster  # type: ignore[assignment]


class Stage(PluginStage):
    """
    A webhook bot that was started.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(Hook, **{"target": TARGET, **config})
        self.bot.start()
        self.poster: Poster = self.bot.poster

    def wait(self, seconds: float) -> None:
        self.clock.pump([seconds / 100] * 100)


def test_itIsBuiltIn() -> None:
    """
    C{plugin = webhook}.
    """
    assert "webhook" in [each.name for each in Plugins().found]
    assert Plugins().find("webhook").schema["target"].required


def test_anEventIsPostedAsJSON() -> None:
    """
    What came to whom, when, with an identity.
    """
    stage = Stage()
    stage.receive(("tick", 1, {"a": b"\0"}))
    ((url, record, headers),) = stage.poster.posts
    assert url == "https://example.com/hook"
    identity = record.pop("id")
    assert record == {
        "time": "1970-01-01T00:00:00.000Z",
        "bot": "ticker",
        "namespace": "/chat",
        "event": "tick",
        "args": [1, {"a": {"base64": "AA=="}}],
    }
    assert headers == {
        "Idempotency-Key": identity,
        "Content-Type": "application/json",
        "Authorization": "Basic bWU6cGEgc3M=",
    }


def test_withoutAUserNothingIsSaidOfOne() -> None:
    """
    And headers of the file come after ours.
    """
    stage = Stage(target="http://localhost:8080", targetHeaders={"Content-Type": "x/y"})
    stage.receive("tick")
    ((url, _, headers),) = stage.poster.posts
    assert url == "http://localhost:8080" and headers["Content-Type"] == "x/y"
    assert "Authorization" not in headers


def test_oneAfterTheOther() -> None:
    """
    The order is kept, and the receiver is not flooded.
    """
    stage = Stage()
    assert stage.poster.made == (1, 10.0)
    stage.receive("a", "b")
    assert [post[1]["event"] for post in stage.poster.posts] == ["a"]
    stage.poster.answer(204)
    assert [post[1]["event"] for post in stage.poster.posts] == ["a", "b"]


def test_severalAtOnceIfThatIsWanted() -> None:
    """
    C{concurrency = 2}.
    """
    stage = Stage(concurrency=2)
    stage.receive("a", "b", "c")
    assert len(stage.poster.posts) == 2 and stage.poster.made[0] == 2


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_aServerThatCannotNowIsAskedAgain(status: int) -> None:
    """
    With the same identity, so that it can tell.
    """
    stage = Stage()
    stage.receive("tick")
    stage.poster.answer(status, "later\n")
    stage.wait(3)
    first, second = stage.poster.posts
    assert first == second
    assert stage.log.lines[0].startswith(f"warn: example.com answered {status}: 'later\\n'; trying")
    stage.poster.answer()
    assert len(stage.bot.inbox) == 0 and stage.bot.inbox.failed == 0


def test_aServerThatCannotBeReachedIsAskedAgain() -> None:
    """
    It may be restarted.
    """
    stage = Stage()
    stage.receive("tick")
    stage.poster.open.pop(0).errback(ConnectionRefusedError())
    stage.wait(3)
    assert len(stage.poster.posts) == 2
    assert stage.log.lines[0].startswith("warn: example.com: ")


@pytest.mark.parametrize("status", [302, 400, 401, 410])
def test_aServerThatDoesNotWantItIsNotAskedAgain(status: int) -> None:
    """
    The event came to nothing, and the next one is posted.
    """
    stage = Stage()
    stage.receive("a", "b")
    stage.poster.answer(status, "no")
    assert stage.poster.posts[-1][1]["event"] == "b"
    assert stage.log.count(f"example.com answered {status}: 'no'") == 1
    assert stage.bot.inbox.failed == 1


def test_itIsAskedTenTimes() -> None:
    """
    Then the event is given up.
    """
    stage = Stage(retryDelay=0.0)
    stage.receive("tick")
    for _ in range(10):
        assert stage.bot.inbox.failed == 0
        stage.poster.answer(500)
        stage.wait(1)
    assert stage.bot.inbox.failed == 1 and len(stage.poster.posts) == 10


@pytest.mark.parametrize(("after", "seconds"), [("20", 20), ("Thu, 01 Jan", 0), ("\u0663", 0)])
def test_theServerMaySayWhen(after: str, seconds: int) -> None:
    """
    C{Retry-After} in seconds; anything else is left aside.
    """
    stage = Stage()
    stage.receive("tick")
    stage.poster.answer(429, "", after)
    stage.wait(19)
    assert len(stage.poster.posts) == (1 if seconds else 2)
    stage.wait(2)
    assert len(stage.poster.posts) == 2


def test_theStopWaitsForTheAnswersAndHangsUp() -> None:
    """
    What was taken is posted.
    """
    stage = Stage()
    stage.receive("a", "b")
    _, ended = stage.stop()
    stage.poster.answer()
    assert ended == [] and stage.poster.closed == 0
    stage.poster.answer()
    assert ended == [None] and stage.poster.closed == 1


def test_aStopThatTakesTooLongHangsUp() -> None:
    """
    It is told how many events are lost.
    """
    stage = Stage()
    stage.receive("a", "b")
    stopping, ended = stage.stop()
    stopping.cancel()
    assert stage.poster.closed == 1
    assert ended[0].check(CancelledError)
    assert stage.log.lines == ["error: 2 events are given up, because the bot stops"]
    assert stage.clock.getDelayedCalls() == []
