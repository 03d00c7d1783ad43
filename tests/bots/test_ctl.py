"""
Tests for L{txsocketio.bots.ctl}; tests/interop/test_looking.py commands a real
C{twistd}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock

from bots.lookkit import NOW, Wire, document, status
from txsocketio.bots import ctl
from txsocketio.bots.ctl import BAD_USAGE, DONE, NOT_DONE, NOT_REACHED, main
from txsocketio.bots.states import BotState

STATUS = {"command": "status"}


class Daemon:
    """
    An endpoint where a daemon answers with some bytes.
    """

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.wire = Wire()

    def connect(self, factory: Any) -> Deferred[Any]:
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(self.wire)
        protocol.dataReceived(self.answer)
        return succeed(protocol)

    @property
    def asked(self) -> Any:
        return json.loads(self.wire.value())


class Nowhere:
    """
    An endpoint that nobody listens at.
    """

    def connect(self, factory: Any) -> Any:
        return fail(ConnectionRefusedError())


# the command line


class Line:
    """
    Runs command lines against an answer.
    """

    endpoint: Any = None

    def __init__(self) -> None:
        self.clock = Clock()
        self.where: list[str] = []
        self.answer(None)

    def answer(self, result: Any, **fields: Any) -> None:
        told = {"ok": True, "result": result, **fields}
        self.endpoint = Daemon(json.dumps(told).encode() + b"\n")

    def react(self, function: Any) -> None:
        done: list[Any] = []
        function(self.clock).addBoth(done.append)
        assert done == [None]
        raise SystemExit(0)

    def run(self, *arguments: str) -> int:
        return main(["-c", "/run/c.sock", *arguments], self.react)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    made = Line()

    def clientFromString(reactor: Any, where: str) -> Any:
        made.where.append(where)
        return made.endpoint

    monkeypatch.setattr(ctl, "clientFromString", clientFromString)
    monkeypatch.delenv(ctl.VARIABLE, raising=False)
    yield made
    assert made.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (["status"], STATUS),
        (["status", "ticker"], STATUS),
        (["reload"], {"command": "reload"}),
        (["reconnect", "ticker"], {"command": "reconnect", "bot": "ticker"}),
        (["pause", "ticker"], {"command": "pause", "bot": "ticker"}),
        (["resume", "ticker"], {"command": "resume", "bot": "ticker"}),
        (["trace", "ticker", "on"], {"command": "trace", "bot": "ticker", "on": True}),
        (["trace", "ticker", "off"], {"command": "trace", "bot": "ticker", "on": False}),
    ],
)
def test_aCommandIsSent(line: Line, arguments: list[str], request_: Any) -> None:
    """
    As the control endpoint understands it.
    """
    line.answer(document())
    assert line.run(*arguments) == DONE
    assert line.endpoint.asked == request_


def test_whatWasDoneIsTold(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """
    In the daemon's words, if it has any.
    """
    line.answer("1 added: b\x1b[2J")
    assert line.run("reload") == DONE
    line.answer(None)
    assert line.run("pause", "ticker") == DONE
    line.answer(None)
    assert line.run("--json", "pause", "ticker") == DONE
    assert capsys.readouterr().out == "1 added: b\\x1b[2J\ndone\nnull\n"


def test_whatWasRefusedIsTold(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """
    On the standard error.
    """
    line.answer(None, ok=False, error='there is no bot "x"')
    assert line.run("pause", "x") == NOT_DONE
    assert capsys.readouterr() == ("", 'there is no bot "x"\n')


def test_whoCannotBeReachedIsTold(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """
    With where it was looked for.
    """
    line.endpoint = Nowhere()
    assert line.run("status") == NOT_REACHED
    assert capsys.readouterr().err.startswith("/run/c.sock: the daemon cannot be reached: ")


def test_nobodyWaitsForever(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """
    For as long as the command line says, and a minute otherwise.
    """
    line.endpoint = Daemon(b"")

    def react(function: Any) -> None:
        function(line.clock)
        line.clock.advance(5)

    assert main(["-c", "/run/c.sock", "--timeout", "5", "status"], react) == NOT_REACHED
    assert capsys.readouterr().err == "/run/c.sock: no answer within 5 s\n"
    assert line.endpoint.wire.aborted


BOTS = (status(), status("b", state=BotState.BACKING_OFF, since=NOW - 5, why="no\nluck\x1b"))


def test_theStatusIsATable(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A line a bot; the exit status is that of readyz.
    """
    line.answer(document(*BOTS))
    assert line.run("status") == NOT_DONE
    assert capsys.readouterr().out == (
        "ticker  connected    1 min 5 s  connected\nb       backing off  5 s        no luck\\x1b\n"
    )


def test_aDaemonWithoutBotsHasAnEmptyTable(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """
    And is ready.
    """
    line.answer({**document(), "bots": []})
    assert line.run("status") == DONE
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("bot", "code"), [("ticker", DONE), ("b", NOT_DONE)])
def test_theStatusOfOneBot(
    line: Line, capsys: pytest.CaptureFixture[str], bot: str, code: int
) -> None:
    """
    Is good when it is connected.
    """
    line.answer(document(*BOTS))
    assert line.run("--json", "status", bot) == code
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["bots"]] == [bot]


@pytest.mark.parametrize(
    "result", [None, [], {"bots": [{}]}, {"bots": 5, "ready": True, "time": 1e400}]
)
def test_aStatusThatIsNone(line: Line, capsys: pytest.CaptureFixture[str], result: Any) -> None:
    """
    Of somebody else's program, say.
    """
    line.answer(result)
    assert line.run("status") == NOT_REACHED
    said = "/run/c.sock: the daemon tells no status that can be understood\n"
    assert capsys.readouterr() == ("", said)


def test_theStatusOfNobody(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Is not good; who may be meant is said.
    """
    line.answer(document(status("ticker")))
    assert line.run("status", "tikcer") == NOT_DONE
    assert capsys.readouterr().err == 'there is no bot "tikcer"; did you mean "ticker"?\n'


@pytest.mark.parametrize(
    ("where", "endpoint"),
    [
        ("/run/a:b\\c", "unix:/run/a\\:b\\\\c"),
        ("./c.sock", "unix:./c.sock"),
        ("unix:/run/c.sock", "unix:/run/c.sock"),
        ("tcp:127.0.0.1:9465", "tcp:127.0.0.1:9465"),
    ],
)
def test_whereTheDaemonIs(
    line: Line, monkeypatch: pytest.MonkeyPatch, where: str, endpoint: str
) -> None:
    """
    A path, or an endpoint; said by the environment, too.
    """
    monkeypatch.setenv(ctl.VARIABLE, where)
    assert main(["reload"], line.react) == DONE
    assert line.where == [endpoint]


def test_whatIsNoEndpointIsAMistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Of the command line.
    """
    line = Line()
    assert main(["-c", "nonsense:1", "status"], line.react) == BAD_USAGE
    err = capsys.readouterr().err
    assert "nonsense:1 is no client endpoint: " in err and "; write it as in /run/" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--timeout", "7", "--json", "pause", "ticker"],
        ["pause", "ticker", "--timeout", "7", "--json"],
        ["--json", "pause", "--timeout", "7", "ticker"],
    ],
)
def test_optionsStandBeforeTheCommandOrAfterIt(
    line: Line, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """
    What stands before it is not forgotten.
    """
    assert line.run(*arguments) == DONE
    assert capsys.readouterr().out == "null\n"


def test_whereTheDaemonIsMayStandAtTheEnd(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It wins over the environment.
    """
    monkeypatch.setenv(ctl.VARIABLE, "/run/b.sock")
    assert main(["reload", "--control", "/run/a.sock"], line.react) == DONE
    assert line.where == ["unix:/run/a.sock"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-c", "x", "dance"], "sioclient ctl: argument COMMAND: invalid choice: 'dance'"),
        (["-c", "x", "pause"], "sioclient ctl pause: the following arguments are required: bot"),
        (
            ["-c", "x", "reload", "--tiemout", "3"],
            'sioclient ctl: unrecognized arguments: --tiemout 3; did you mean "--timeout"?',
        ),
        (
            ["-c", "x", "--timeout", "nan", "reload"],
            "sioclient ctl: argument --timeout: must be a number of seconds, 0 or more, not 'nan'",
        ),
    ],
)
def test_aMistakeIsToldInASentence(
    line: Line, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """
    By the command's own name, with the rule, and where to read more.
    """
    assert main(arguments, line.react) == BAD_USAGE
    err = capsys.readouterr().err
    assert err.startswith(said) and "--help)" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["status"],
        ["-c", "x", "dance"],
        ["-c", "x", "--timeout", "nan", "reload"],
        ["-c", "x", "--timeout", "-1", "reload"],
    ],
)
def test_anUnusableCommandLineIsAMistake(line: Line, arguments: list[str]) -> None:
    """
    The reactor is not even started.
    """
    assert main(arguments, line.react) == BAD_USAGE
    assert line.where == []


def test_helpIsNoMistake(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """
    It tells the exit statuses.
    """
    assert main(["--help"], line.react) == 0
    assert "exit status: 0 done" in capsys.readouterr().out


def test_interruptedItHasTheReactorsStatus(line: Line) -> None:
    """
    Nothing is known then.
    """

    def react(function: Any) -> None:
        raise SystemExit(1)

    assert main(["-c", "x", "status"], react) == 1


def test_aReactorMayReturn(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Then the status is ours as well; without any, Twisted's is taken.
    """

    def react(function: Any) -> None:
        function(line.clock)

    monkeypatch.setattr("twisted.internet.task.react", react)
    assert main(["-c", "x", "reload"]) == DONE


@pytest.mark.parametrize("path", ["/run/c.sock", "c.sock", "./c:1.sock", "control"])
def test_theRealEndpointOfAPathIsAUnixSocket(path: str) -> None:
    """
    What our tests put aside.
    """
    endpoint = ctl.clientFromString(Clock(), ctl._asEndpoint(path))
    assert isinstance(endpoint, UNIXClientEndpoint)
