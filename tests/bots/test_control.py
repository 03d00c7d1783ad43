"""
Tests for L{txsocketio.bots.control}.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from bots.lookkit import Visit, document
from conftest import LoggedFailures
from txsocketio.bots import control
from txsocketio.bots.control import MAX_LINE, Commands, ControlFactory
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.loader import Plugins
from txsocketio.bots.mistakes import PluginError


class Runner:
    """
    A bot's runner that records.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.trace = self

    def __getattr__(self, name: str) -> Any:
        return lambda: self.stage.did(name)


class Stage(BotDaemon):
    """
    A daemon that records, its control endpoint, and an operator.
    """

    def __init__(self) -> None:
        super().__init__((), Plugins(), Clock())
        self.calls: list[str] = []
        self.answer: Any = None
        runners: Any = {"ticker": Runner(self)}
        self.runners = runners
        self.factory = ControlFactory(Commands(self, document), self.reactor)
        self.visit = Visit(self.factory)

    def did(self, what: str) -> Any:
        self.calls.append(what)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def reload(self) -> Any:
        return self.did("reload")

    def say(self, line: str | bytes) -> Any:
        """
        @return: the answer.
        """
        self.visit.wire.clear()
        self.visit.send((line.encode() if isinstance(line, str) else line) + b"\n")
        return json.loads(self.visit.wire.value())

    def error(self, line: str) -> str:
        answer = self.say(line)
        assert answer["ok"] is False
        return str(answer["error"])


@pytest.fixture
def stage() -> Any:
    made = Stage()
    yield made
    made.visit.leave()
    assert made.reactor.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("line", "calls"),
    [
        ('{"command": "reload"}', ["reload"]),
        ('{"command": "reconnect", "bot": "ticker"}', ["reconnect"]),
        ('{"command": "pause", "bot": "ticker"}', ["pause"]),
        ('{"command": "resume", "bot": "ticker"}', ["resume"]),
        ('{"command": "trace", "bot": "ticker", "on": true}', ["start"]),
        ('{"command": "trace", "bot": "ticker", "on": false}', ["stop"]),
    ],
)
def test_aCommandIsDone(stage: Stage, line: str, calls: list[str]) -> None:
    """
    And answered when it is.
    """
    assert stage.say(line) == {"ok": True, "result": None}
    assert stage.calls == calls


def test_statusIsTheDocument(stage: Stage) -> None:
    """
    The same as the page shows.
    """
    assert stage.say('{"command": "status"}') == {"ok": True, "result": document()}


def test_whatCannotBeSaidInJSONIsSaidInWords(stage: Stage) -> None:
    """
    What a reload changed, for example.
    """
    stage.answer = 1j
    assert stage.say('{"command": "reload"}')["result"] == "1j"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("[]", 'a command is an object, as in {"command": "status"}'),
        ('{"command": "relaod"}', '"command" is unknown; did you mean "reload"?'),
        (
            "{}",
            '"command" is unknown; known are status, reload, reconnect, pause, resume, trace',
        ),
        ('{"command": ["reload"]}', '"command" is unknown; known are status, '),
        ('{"command": "pause"}', '"bot" must be the name of a bot'),
        ('{"command": "pause", "bot": {}}', '"bot" must be the name of a bot'),
        ('{"command": "pause", "bot": "tikcer"}', 'there is no bot "tikcer"; did you mean "ti'),
        ('{"command": "trace", "bot": "ticker"}', '"on" must be true or false'),
        ('{"command": "trace", "bot": "ticker", "on": "on"}', '"on" must be true or false'),
    ],
)
def test_whatIsNotUnderstoodIsRefused(stage: Stage, line: str, error: str) -> None:
    """
    The answer says what is expected, and the connection stays.
    """
    assert stage.error(line).startswith(error)
    assert not stage.visit.wire.disconnecting
    assert stage.calls == []


def test_aReloadThatFailsSaysWhy(stage: Stage) -> None:
    """
    With the mistakes of the file, which hold no secrets.
    """
    stage.answer = fail(PluginError('there is no plugin "lgo"'))
    assert stage.error('{"command": "reload"}') == 'there is no plugin "lgo"'


def test_anErrorNobodyThoughtOfIsInTheLog(stage: Stage, failures: LoggedFailures) -> None:
    """
    Its text may hold anything, so the operator learns its kind only.
    """
    stage.answer = RuntimeError("with a secret")
    line = '{"command": "pause", "bot": "ticker"}'
    assert stage.error(line) == "RuntimeError; the daemon's log says more"
    assert len(failures.flush(RuntimeError)) == 1


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/1.1\r", b"", b"\xff\xfe", b"[" * MAX_LINE, b'{"command"']
)
def test_whatIsNoJSONEndsTheConnection(stage: Stage, line: bytes) -> None:
    """
    A browser that was made to send a request cannot hide a command in it.
    """
    answer = stage.say(line)
    assert answer == {"ok": False, "error": "not a line of JSON"}
    assert stage.visit.wire.disconnecting
    stage.reactor.advance(60)  # who does not read it keeps no place here
    assert stage.visit.wire.aborted


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_longLinesEndTheConnection(stage: Stage, end: bytes) -> None:
    """
    Nobody fills our memory.
    """
    answer = json.loads(stage.visit.send(b" " * (MAX_LINE + 1) + end))
    assert answer == {"ok": False, "error": "a line may have 4096 bytes"}
    assert stage.visit.wire.disconnecting


def test_oneCommandAtATime(stage: Stage) -> None:
    """
    While one is under way nothing is read; then the next has its turn, in
    order.
    """
    stage.answer = waiting = Deferred[None]()
    stage.visit.send(b'{"command": "reload"}\n{"command": "status"}\n')
    assert stage.visit.wire.producerState == "paused"
    assert stage.visit.wire.value() == b""
    waiting.callback(None)
    first, second = stage.visit.wire.value().splitlines()
    assert json.loads(first) == {"ok": True, "result": None}
    assert json.loads(second)["result"] == document()
    assert stage.visit.wire.producerState == "producing"


def test_whoReadsNothingIsAnsweredNoMore(stage: Stage) -> None:
    """
    A hundred commands whose answers nobody reads do not fill our memory; when
    they are read, it goes on, and nothing was lost.
    """
    wire = stage.visit.wire
    write = wire.write

    def full(data: bytes) -> None:
        write(data)
        wire.producer.pauseProducing()

    wire.write = full  # type: ignore[method-assign]
    stage.visit.send(b'{"command": "status"}\n' * 3)
    assert wire.value().count(b"\n") == 1
    assert wire.producerState == "paused"
    wire.producer.resumeProducing()
    assert wire.value().count(b"\n") == 2
    wire.write = write  # type: ignore[method-assign]
    wire.producer.resumeProducing()
    assert wire.value().count(b"\n") == 3
    assert wire.producerState == "producing"


def test_whoNeverReadsIsCutOff(stage: Stage) -> None:
    """
    After the same minute.
    """
    wire = stage.visit.wire
    stage.say('{"command": "status"}')
    wire.producer.pauseProducing()
    stage.reactor.advance(60)
    assert wire.aborted
    wire.producer.stopProducing()


def test_whoLeftMeanwhileIsNotAnswered() -> None:
    """
    What was commanded is done nevertheless.
    """
    stage = Stage()
    stage.answer = waiting = Deferred[None]()
    stage.visit.send(b'{"command": "reload"}\n')
    stage.visit.leave()
    waiting.callback(None)
    assert stage.visit.wire.value() == b""
    assert stage.reactor.getDelayedCalls() == []


def test_whoSaysNothingIsCutOff(stage: Stage) -> None:
    """
    After a minute; not while a command of theirs is under way.
    """
    stage.reactor.advance(59)
    stage.say('{"command": "status"}')
    stage.answer = waiting = Deferred[None]()
    stage.visit.send(b'{"command": "reload"}\n')
    stage.reactor.advance(100)
    assert not stage.visit.wire.aborted
    waiting.callback(None)
    stage.reactor.advance(60)
    assert stage.visit.wire.aborted


def test_thereIsRoomForSoManyOperators(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One more is closed at once; when one leaves there is room again.
    """
    monkeypatch.setattr(control, "MAX_CONNECTIONS", 2)
    second = Visit(stage.factory)
    assert Visit(stage.factory).protocol is None
    second.leave()
    third = Visit(stage.factory)
    assert third.protocol is not None
    third.leave()


def test_anAnswerThatCannotBeWrittenIsLogged(stage: Stage, failures: LoggedFailures) -> None:
    """
    It breaks neither the daemon nor the test of it.
    """
    stage.answer = circle = {}
    circle["self"] = circle
    stage.visit.send(b'{"command": "reload"}\n')
    assert len(failures.flush(ValueError)) == 1


def test_commandsAreLogged(stage: Stage) -> None:
    """
    Who looks at the log later sees what operators did, but not every look.
    """
    from twisted.logger import formatEvent, globalLogPublisher

    lines: list[str] = []

    def observe(event: Any) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        stage.say('{"command": "status"}')
        stage.say('{"command": "pause", "bot": "ticker"}')
    finally:
        globalLogPublisher.removeObserver(observe)
    assert lines == ['an operator commands: {"command": "pause", "bot": "ticker"}']
