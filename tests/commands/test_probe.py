"""
Tests for L{txsocketio.commands.probe}.
"""

from __future__ import annotations

import json
import warnings
from io import StringIO
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from commands.commandkit import Terminal, describe, newServer, outcome
from txsocketio.commands import probe as module
from txsocketio.commands.arguments import parserFor
from txsocketio.commands.exits import PROBE_STEPS, Ended
from txsocketio.commands.probe import Probe, beginProbe
from txsocketio.commands.progress import Progress
from txsocketio.commands.steps import Finding, Skipped, Step, StepFailed
from txsocketio.commands.texts import Texts
from txsocketio.testing import MemoryServer


class Kept:
    """
    A report that keeps what it is told.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.ended: list[Any] = []
        self.waits: list[Any] = []

    def step(self, step: Step) -> None:
        self.steps.append(step)

    def waiting(self, name: str, text: str) -> None:
        self.waits.append((name, text))

    def end(self, failed: str | None, status: int) -> None:
        self.ended.append((failed, status))

    @property
    def outcomes(self) -> dict[str, str]:
        return {each.name: each.outcome for each in self.steps}


class Probing:
    """
    A probe of a server in memory, whose network is what the test says.
    """

    def __init__(self, network: Any = None, server: MemoryServer | None = None) -> None:
        self.server = server or newServer()
        self.report = Kept()
        self.stream = Terminal()
        description = describe(self.server)
        progress = Progress(self.stream)
        self.probe = Probe(self.server.clock, description, 5.0, self.report, progress)
        self.probe._network = network or Fine()

    def run(self, **options: Any) -> list[Any]:
        return outcome(self.probe.run(**options))


class Fine:
    """
    A network where everything works.
    """

    async def dns(self) -> Finding:
        return Finding("found", {"a": 1}, "hint")

    async def tcp(self) -> Finding:
        raise Skipped("no need")

    async def proxy(self) -> Finding:
        raise Skipped("no need")


def failing(error: Exception) -> Any:
    network: Any = Fine()

    async def tcp() -> Finding:
        raise error

    network.tcp = tcp
    return network


def test_allWorks() -> None:
    """
    All steps, in their order.
    """
    probing = Probing()
    seen = probing.run()
    probing.server.advance(40)
    assert seen == [0]
    assert tuple(probing.report.outcomes) == PROBE_STEPS
    assert set(probing.report.outcomes.values()) == {"ok", "skipped"}
    assert probing.report.ended == [(None, 0)]
    assert probing.report.steps[1] == Step("dns", "ok", 0.0, "found", "hint", {"a": 1})
    assert "heartbeat ..." in probing.stream.getvalue()
    assert probing.server.live == []


def test_url() -> None:
    """
    The first step tells where requests go.
    """
    probing = Probing()
    probing.run()
    assert probing.report.steps[0].facts == {
        "scheme": "http",
        "host": "memory",
        "port": 80,
        "namespace": "/",
        "requests": "http://memory/socket.io/",
    }


def test_noHeartbeat() -> None:
    """
    The long last step may be left out.
    """
    probing = Probing()
    seen = probing.run(heartbeat=False)
    probing.server.advance(3)
    assert seen == [0]
    assert probing.report.steps[-1].text == "--no-heartbeat was given"


def test_theLongWaitIsAnnounced() -> None:
    """
    Nobody takes it for a hang, and who is in a hurry knows what to do.
    """
    probing = Probing()
    probing.run()
    probing.server.advance(3)
    ((name, text),) = probing.report.waits
    assert name == "heartbeat"
    assert text == "for the server's ping, up to 46 s; --no-heartbeat skips it"


@pytest.mark.parametrize(
    ("error", "text", "hint"),
    [(StepFailed("closed", "open it"), "closed", "open it"), (KeyError("x"), "'x'", "")],
    ids=["foreseen", "unforeseen"],
)
def test_failure(error: Exception, text: str, hint: str) -> None:
    """
    Nothing is tried that needs what failed; its status is the probe's.
    """
    probing = Probing(failing(error))
    seen = probing.run()
    probing.server.advance(3)
    assert seen == [12]
    assert list(probing.report.outcomes.values()) == ["ok", "ok", "failed"] + ["not tried"] * 6
    failed = probing.report.steps[2]
    assert (failed.text, failed.hint) == (text, hint)
    assert probing.report.ended == [("tcp", 12)]


def test_theFirstFailureCounts() -> None:
    """
    After the handshake, each step is tried; the first that failed counts.
    """
    server = newServer()
    server.of("/").use(lambda auth: "not you")
    probing = Probing(server=server)
    probing.probe._conversation._closed("gone", None)
    seen = probing.run()
    server.advance(3)
    assert seen == [17]
    assert [probing.report.outcomes[each] for each in PROBE_STEPS[-2:]] == ["failed", "failed"]


def test_silence() -> None:
    """
    A step has a limit.
    """
    network: Any = Fine()
    network.dns = Deferred
    probing = Probing(network)
    seen = probing.run()
    probing.server.advance(6)
    assert seen == [11]
    assert probing.report.steps[1].text == "nothing came within 5 s"


def test_cancelled() -> None:
    """
    Who cancels ends the probe; the step is not called failed.
    """
    network: Any = Fine()
    network.dns = Deferred
    probing = Probing(network)
    running = probing.probe.run()
    seen = outcome(running)
    running.cancel()
    probing.server.advance(3)
    assert isinstance(seen[0], CancelledError)
    assert list(probing.report.outcomes) == ["url"]


# from the command line


def begin(url: str, *words: str) -> tuple[Any, StringIO, Terminal]:
    given = parserFor("probe").parse_intermixed_args([url, *words])
    output, stream = StringIO(), Terminal()
    return (
        beginProbe(given, Texts({"PW": "hush"}), Progress(stream), output, Clock()),
        output,
        stream,
    )


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_badURL(words: list[str]) -> None:
    """
    A URL that is none is the first step's failure.
    """
    start, output, _ = begin("localhost:1", *words)
    assert outcome(start()) == [10]
    if words:
        step, end = map(json.loads, output.getvalue().splitlines())
        assert (step["outcome"], end["status"]) == ("failed", 10)
    else:
        assert output.getvalue().startswith("url        failed")


def test_badOption() -> None:
    """
    Another mistake is one of the command line.
    """
    with pytest.raises(Ended) as caught:
        begin("http://localhost:1", "--endpoint", "nix:1")
    assert caught.value.status == 2


def test_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What is begun hides the secrets, and knows which steps are wanted.
    """
    seen: list[Any] = []

    def run(self: Any, heartbeat: bool) -> None:
        seen.append((self._report.redact("hush"), self._engine.proxy, heartbeat))

    monkeypatch.setattr(module.Probe, "run", run)
    words = ["--proxy", "http://me:${PW}@px:1", "--no-heartbeat"]
    start, _, stream = begin("http://localhost:1", *words)
    start()
    assert seen == [("(hidden)", "http://me:hush@px:1", False)]


def test_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What the library warns of is shown, once.
    """

    def target(given: Any, texts: Any, **options: Any) -> Any:
        warnings.warn("mind this", stacklevel=2)
        return describe(newServer())

    monkeypatch.setattr(module, "targetOf", target)
    _, _, stream = begin("http://memory")
    assert stream.getvalue() == "warning: mind this\n"
