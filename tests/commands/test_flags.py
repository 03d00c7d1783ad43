"""
Tests for L{txsocketio.commands.flags}.
"""

from __future__ import annotations

import ast
from io import StringIO
from types import ModuleType
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from commands.commandkit import Terminal, clientOf, newServer, outcome, told
from txsocketio import manager, membership
from txsocketio.bots.redaction import HIDDEN, redactorOf
from txsocketio.commands import flags
from txsocketio.commands.exits import Ended
from txsocketio.commands.flags import inFlags, ofOption
from txsocketio.commands.progress import Progress
from txsocketio.commands.report import JSONReport, TextReport
from txsocketio.commands.steps import Step, StepFailed
from txsocketio.options import EngineOptions, ManagerOptions, readOptions
from txsocketio.transports import explain, proxy, refusals, tls


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("check the URL and path=: it", "check the URL and --path: it"),
        ("check cert= and key=, or pfx=", "check --cert and --key, or --pfx"),
        ('use namespace="/" and path= if', "use --namespace / and --path if"),
        ("or use transports=['polling']", "or use --transports polling"),
        ('use transports=["websocket"].', "use --transports websocket."),
        ("say proxy='http://u:p@h:1'", "say --proxy http://u:p@h:1"),
        ("Origin in extraHeaders=", "Origin in --header"),
        ("cannot connect from localAddress", "cannot connect from --local-address"),
        ("NOT verified (rejectUnauthorized=False)", "NOT verified (--insecure)"),
    ],
)
def test_hints(text: str, shown: str) -> None:
    """
    What helps is said as one types it.
    """
    assert inFlags(text) == shown


@pytest.mark.parametrize(
    "text", ["http://h/?path=/x&key=", "the server says: 'bad path=/x'", "monkey= business", "auth"]
)
def test_whatIsNoHintStays(text: str) -> None:
    """
    URLs, and the words of a server.
    """
    assert inFlags(text) == text


def test_errorsAboutOptions() -> None:
    """
    They begin with their names.
    """
    assert ofOption(ValueError("endpoint: 'x' is none")) == "--endpoint: 'x' is none"
    both = ofOption(ValueError("endpoint and localAddress exclude each other"))
    assert both == "--endpoint and --local-address exclude each other"
    with pytest.raises(ValueError) as caught:
        tls.buildCreator("h", 1, EngineOptions(key="k"))
    assert ofOption(caught.value).startswith("--key is given without --cert: ")


@pytest.mark.parametrize("name", ["parser", "transports"])
def test_rulesNameNoPython(name: str) -> None:
    """
    No class can be typed.
    """
    with pytest.raises(ValueError) as caught:
        readOptions({name: ["x"]}, EngineOptions, ManagerOptions)
    text = inFlags(str(caught.value))
    assert "IParser" not in text and "class" not in text


@pytest.mark.parametrize(
    "module", [explain, manager, membership, proxy, refusals, tls], ids=lambda each: each.__name__
)
def test_everyHintOfTheLibraryIsTranslated(module: ModuleType) -> None:
    """
    Also one that is written tomorrow.
    """
    with open(str(module.__file__)) as file:
        tree = ast.parse(file.read())
    texts = [
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    hints = [text for text in texts if any(f"{name}=" in text for name in flags._FLAG_OF)]
    assert hints
    for hint in hints:
        assert not any(f" {name}=" in inFlags(f" {hint}") for name in flags._FLAG_OF)


def test_everyEndIsToldSo() -> None:
    """
    Of a command, and of a step, in a text or as JSON.
    """
    terminal = Terminal()
    Progress(terminal).complain(str(Ended(2, "check path=")))
    assert terminal.getvalue() == "check --path\n"
    step = Step("tcp", "failed", None, "check path=", "use ca=")
    reports = [TextReport(StringIO()), JSONReport(StringIO(), str)]
    for report in reports:
        report.step(step)
        shown = report._stream.getvalue()
        assert "check --path" in shown and "use --ca" in shown


@pytest.mark.parametrize("build", [TextReport, lambda stream: JSONReport(stream, str)])
def test_aSecretIsHiddenBeforeItIsTranslated(build: Any) -> None:
    """
    Whatever it holds: afterwards it would not be known again.
    """
    redact = redactorOf(frozenset(["s3cr3t/key="]))
    terminal = Terminal()
    Progress(terminal, redact).complain(str(Ended(4, "bad token s3cr3t/key=")))
    assert terminal.getvalue() == f"bad token {HIDDEN}\n"
    report = build(StringIO())
    report.redact = redact
    failed = StepFailed("bad s3cr3t/key=", "not s3cr3t/key=")
    report.step(Step("tcp", "failed", None, str(failed), failed.hint))
    assert "s3cr3t" not in report._stream.getvalue()


def test_progressIsToldSo() -> None:
    """
    What the library logs, and what it says of an attempt.
    """
    terminal = Terminal()
    Logger(observer=Progress(terminal).observer(False)).warn("use ca= here")
    assert terminal.getvalue() == "use --ca here\n"
    server = newServer()
    server.refuse(status=404)
    client = clientOf(server, reconnect=True)
    client._notConnected(ValueError("check path="))
    assert told(client) == "not connected: check --path\n"


class Waiting:
    """
    Work that never comes to be.
    """

    def attach(self, client: Any) -> None:
        pass

    async def run(self) -> None:
        await Deferred()


@pytest.mark.parametrize(
    ("namespace", "says"),
    [
        ("/", "must come by --auth, --query or --header"),
        ("/nope", "use --namespace / and --path if you meant a request path"),
    ],
)
def test_aRefusalSaysWhatToType(namespace: str, says: str) -> None:
    """
    As the library words it today.
    """
    server = newServer()
    server.of("/").use(lambda auth: "not you")
    seen = outcome(clientOf(server, namespace=namespace).perform(Waiting()))
    server.advance(1)
    terminal = Terminal()
    Progress(terminal).complain(str(seen[0]))
    assert says in terminal.getvalue()
