"""
Tests for L{txsocketio.bots.trace}; test_runner_trace.py follows a real bot.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from txsocketio.bots.redaction import HIDDEN, Redactor
from txsocketio.bots.trace import LOOKED_AT, SHOWN, WireTrace
from txsocketio.emitter import Emitter
from txsocketio.engine import Packet
from txsocketio.errors import TransportError

SECRET = "hunter22"


class Lines(list[str]):
    """
    A log of which the texts are looked at.
    """

    def info(self, format: str, **fields: Any) -> None:
        self.append(format.format(**fields))


class Shown(Emitter):
    """
    An engine or a manager that shows what the test says.
    """

    engine: Any = None
    id = "s1"
    transport = SimpleNamespace(name="polling")

    show = Emitter._show

    def take(self, engine: Shown) -> Shown:
        self.engine = engine
        self.show("engine", engine)
        return engine

    @property
    def watched(self) -> bool:
        return any(self._listening.byEvent.values())


class Stage:
    """
    A trace of a manager that has an engine.
    """

    def __init__(self) -> None:
        self.lines = Lines()
        self.manager = Shown()
        self.engine = self.manager.take(Shown())
        self.trace = WireTrace(self.lines, Redactor([SECRET]))
        self.trace.follow(self.manager)

    def shown(self, data: str | bytes) -> str:
        self.trace.start()
        self.engine.show("packet", Packet("message", data))
        return self.lines[-1]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_bothWaysAreLogged(stage: Stage) -> None:
    """
    What comes and what goes, with its kind, size and carrier.
    """
    stage.trace.start()
    stage.engine.show("packet", Packet("ping", ""))
    stage.engine.show("packetCreate", Packet("message", "0{}"))
    stage.engine.show("packet", Packet("message", b"\x00ab"))
    assert stage.lines == [
        "< ping  (0 characters) by polling",
        "> message 0{} (3 characters) by polling",
        "< message \\x00ab (3 bytes) by polling",
    ]


def test_whatBecomesOfTheConnectionIsLogged(stage: Stage) -> None:
    """
    Upgrades and the end, between the packets.
    """
    stage.trace.start()
    carrier = SimpleNamespace(name="websocket")
    stage.engine.show("upgrading", carrier)
    stage.engine.show("upgradeError", TransportError("probe failed"))
    stage.engine.show("upgrade", carrier)
    stage.engine.show("close", "transport close", None)
    stage.engine.show("close", "transport error", f"by {SECRET}")
    assert stage.lines == [
        "= upgrading to websocket",
        "= upgrade failed: probe failed",
        "= upgraded to websocket",
        "= closed: transport close ",
        f"= closed: transport error by {HIDDEN}",
    ]


def test_aBotThatIsNotTracedPaysNothing(stage: Stage) -> None:
    """
    Nobody looks at its engine.
    """
    assert not stage.manager.watched
    assert not stage.engine.watched


def test_switchedOffNothingIsLeft(stage: Stage) -> None:
    """
    Twice on and twice off is as good as once.
    """
    stage.trace.start()
    stage.trace.start()
    assert stage.engine.watched
    stage.trace.stop()
    stage.trace.stop()
    assert not stage.manager.watched
    assert not stage.engine.watched


def test_theNextConnectionIsFollowed(stage: Stage) -> None:
    """
    From its very first packet; the last one is not looked at any more.
    """
    stage.trace.start()
    following = stage.manager.take(Shown())
    assert not stage.engine.watched
    following.show("packet", Packet("open", "{}"))
    assert stage.lines == ["< open {} (2 characters) by polling"]


def test_aBotMadeAnewIsFollowed(stage: Stage) -> None:
    """
    A bot that was paused and resumed is traced as before.
    """
    stage.trace.start()
    manager = Shown()
    stage.trace.follow(manager)
    assert not stage.manager.watched
    assert not stage.engine.watched
    manager.take(Shown()).show("packet", Packet("ping", ""))
    assert len(stage.lines) == 1


def test_aTraceMayBeOnBeforeThereIsABot() -> None:
    """
    And off again.
    """
    trace = WireTrace(Lines(), Redactor([]))
    trace.start()
    trace.stop()
    trace.start()
    manager = Shown()
    trace.follow(manager)
    assert manager.watched


def test_secretsAreHidden(stage: Stage) -> None:
    """
    In texts and in bytes.
    """
    assert SECRET not in stage.shown(f'2["login",{{"token":"{SECRET}"}}]')
    assert SECRET not in stage.shown(b"\xff" + SECRET.encode())


def test_longPacketsAreCut(stage: Stage) -> None:
    """
    Their size tells how much is not shown.
    """
    line = stage.shown("a" * SHOWN + "b")
    assert line == f"< message {'a' * SHOWN}… ({SHOWN + 1} characters) by polling"


@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_noCutGoesThroughASecret(stage: Stage, cut: int) -> None:
    """
    Of a secret over the edge of what is looked at, no part is shown, however
    much the hiding of others moved it forward.
    """
    other = "x" * 200
    stage.trace = WireTrace(stage.lines, Redactor([SECRET, other]))
    stage.trace.follow(stage.manager)
    hidden = other * (LOOKED_AT // 200)
    start = hidden + "y" * (LOOKED_AT - len(hidden) - cut) + SECRET
    assert SECRET[:1] not in stage.shown(start + "z" * 99).partition("(hidden)y")[2][:-40]


def test_whatAPacketHoldsCannotWriteLogLines(stage: Stage) -> None:
    """
    Line ends and escape sequences of terminals are shown as such.
    """
    assert stage.shown("a\n\x1b[2J") == "< message a\\n\\x1b[2J (6 characters) by polling"
