"""
Tests for L{txsocketio.bots.trying}.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import Clock

from support import deferred, freePort
from txsocketio import SocketIOService
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.trying import (
    AT_ONCE,
    CONNECTED,
    FAILED,
    PATIENCE,
    REFUSED,
    runTrying,
    tryAll,
    tryBot,
)
from txsocketio.testing import MemoryServer


class Stage:
    """
    A server in memory, and what is told.
    """

    def __init__(self) -> None:
        self.server = MemoryServer(Clock())
        self.server.of("/chat")
        self.told: list[str] = []

    def build(self, url: str, **options: Any) -> SocketIOService:
        return SocketIOService(url, **self.server.options(**options))

    def attempt(self, **options: Any) -> list[int]:
        bot = BotDescription(
            name="a",
            url="http://memory/chat",
            plugin="log",
            options={"auth": {"token": "hunter22"}, **options},
            secrets=frozenset(["hunter22"]),
        )
        seen: list[int] = []
        trying = tryBot(bot, self.server.clock, self.told.append, self.build)
        ensureDeferred(trying).addCallback(seen.append)
        self.server.flush()
        return seen


def test_aServerThatTakesTheBot() -> None:
    """
    Where, by what and how fast; nothing is left of it.
    """
    stage = Stage()
    assert stage.attempt() == [CONNECTED]
    assert stage.told == [
        "a: connected to http://memory/chat, namespace /chat by websocket in 0.00 s"
    ]
    assert stage.server.live == [] and stage.server.clock.getDelayedCalls() == []


def test_aServerThatRefusesTheBot() -> None:
    """
    It is tried once, though the bot itself would try again; its plugin may
    know more than the file; the secret that the server echoes is hidden.
    """
    stage = Stage()

    def refuse(*_: Any) -> None:
        raise ValueError("not with hunter22")

    stage.server.use("/chat", refuse)
    assert stage.attempt(retryOnConnectError=True, reconnection=True) == [REFUSED]
    (line,) = stage.told
    assert line.startswith("a: REFUSED: http://memory/chat: ")
    assert "not with (hidden)" in line and "hunter22" not in line
    assert line.endswith("sets auth in start, which --check does not run, the daemon may be let in")
    stage.server.advance(60)
    assert len(stage.server.attempts) == 1


def test_aServersWordsAreALine() -> None:
    """
    They play no tricks on a terminal, and pass for no other bot's.
    """
    stage = Stage()

    def refuse(*_: Any) -> None:
        raise ValueError("\x1b[2Jno\nb: connected")

    stage.server.use("/chat", refuse)
    stage.attempt()
    assert r"\x1b[2Jno b: connected" in stage.told[0]


def test_aServerThatNeverAnswers() -> None:
    """
    Not even a bot without any timeout makes the check hang.
    """
    stage = Stage()
    stage.server.ignore()
    seen = stage.attempt(timeout=False)
    stage.server.advance(PATIENCE + 5)
    assert seen == [FAILED]
    assert stage.told[0].startswith("a: FAILED: http://memory/chat: TimeoutError: ")


def test_anErrorWithoutWordsIsNamed() -> None:
    """
    Its type is all there is to tell.
    """
    told: list[str] = []

    def build(*args: Any, **options: Any) -> Any:
        raise KeyError

    bot = BotDescription("a", "http://h", "log")
    ensureDeferred(tryBot(bot, Clock(), told.append, build))
    assert told == ["a: FAILED: http://h: KeyError"]


# all of them


def all_(count: int, told: list[str]) -> tuple[list[Any], list[Deferred[int]]]:
    """
    Try bots whose attempts end when the test says.
    """
    waiting: list[Deferred[int]] = []

    async def attempt(bot: Any, reactor: Any, tell: Any) -> int:
        waiting.append(Deferred())
        return await waiting[-1]

    bots = [BotDescription(str(number), "http://h", "log") for number in range(count)]
    seen: list[Any] = []
    ensureDeferred(tryAll(bots, Clock(), told.append, attempt)).addCallback(seen.append)
    return seen, waiting


@pytest.mark.parametrize(
    ("went", "status", "said"),
    [
        ([CONNECTED, CONNECTED], 0, "2 of 2 bots could connect"),
        ([CONNECTED, FAILED], 1, "1 of 2 bots could connect"),
        ([CONNECTED, REFUSED], 3, "1 of 2 bots could connect, 1 refused"),
        ([REFUSED, FAILED], 1, "0 of 2 bots could connect, 1 refused"),
        ([], 0, "0 of 0 bots could connect"),
    ],
)
def test_theStatusSaysWhetherAllCouldConnect(went: list[int], status: int, said: str) -> None:
    """
    And the last line, how many.
    """
    told: list[str] = []
    seen, waiting = all_(len(went), told)
    for each, result in zip(waiting, went, strict=True):
        each.callback(result)
    assert seen == [status] and told == [said]


def test_someAreTriedAtATime() -> None:
    """
    A thousand bots do not open a thousand connections.
    """
    seen, waiting = all_(AT_ONCE + 1, [])
    assert len(waiting) == AT_ONCE
    waiting[0].callback(CONNECTED)
    assert len(waiting) == AT_ONCE + 1
    for each in waiting[1:]:
        each.callback(CONNECTED)
    assert seen == [0]


# the command


class FakeReactor:
    """
    A reactor that runs what was asked of it, and no more.
    """

    stopping = False

    def callWhenRunning(self, call: Any) -> None:
        self.call = call

    def run(self) -> None:
        self.call()

    def stop(self) -> None:
        if self.stopping:
            raise ReactorNotRunning
        self.stopping = True


async def _result(value: Any, bots: Any, reactor: Any) -> int:
    if isinstance(value, Exception):
        raise value
    return int(value)


@pytest.mark.parametrize("status", [0, 1, 3])
def test_theCommandGivesTheStatus(status: int) -> None:
    """
    The reactor runs until it is known.
    """
    reactor = FakeReactor()
    assert runTrying(reactor, [], partial(_result, status)) == status
    assert reactor.stopping


def test_aMistakeOfOursIsShown() -> None:
    """
    And no reactor is left running because of it.
    """
    reactor = FakeReactor()
    with pytest.raises(ValueError, match="oops"):
        runTrying(reactor, [], partial(_result, ValueError("oops")))
    assert reactor.stopping


def test_nobodyReadsTheLines() -> None:
    """
    Whoever cannot tell ends at once, with the status that says so.
    """

    def tell(line: str) -> None:
        raise SystemExit(141)

    bots = [BotDescription(name, "http://h", "log") for name in ("a", "b")]

    def tryThem(bots: Any, reactor: Any) -> Any:
        return tryAll(bots, Clock(), tell, attempt)

    async def attempt(bot: Any, reactor: Any, tell: Any) -> bool:
        tell("FAILED")
        return False

    with pytest.raises(SystemExit) as ended:
        runTrying(FakeReactor(), bots, tryThem)
    assert ended.value.code == 141


def test_endingByASignal() -> None:
    """
    The reactor is not stopped twice.
    """
    reactor = FakeReactor()
    reactor.stopping = True
    assert runTrying(reactor, [], partial(_result, 0)) == 0


@deferred(timeout=20.0)
async def test_realServers(capsys: pytest.CaptureFixture[str]) -> None:
    """
    One that is there, one that is not, over real sockets.
    """
    from twisted.internet import reactor

    server = MemoryServer(reactor)
    listening = await server.listen(reactor)
    port = listening.getHost().port
    try:
        bots = [
            BotDescription("here", f"http://127.0.0.1:{port}", "log"),
            BotDescription("gone", f"http://127.0.0.1:{freePort()}", "log"),
        ]
        assert await ensureDeferred(tryAll(bots, reactor)) == 1
    finally:
        await listening.stopListening()
    lines = sorted(capsys.readouterr().out.splitlines())
    assert lines[0] == "1 of 2 bots could connect"
    assert lines[1].startswith("gone: FAILED: http://127.0.0.1:")
    assert lines[2].startswith(f"here: connected to http://127.0.0.1:{port}, namespace / by ")
