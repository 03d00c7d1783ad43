"""
Tests for L{txsocketio.commands.conversation}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from commands.commandkit import newServer, outcome
from txsocketio.commands import conversation as module
from txsocketio.commands.conversation import Conversation
from txsocketio.commands.steps import Finding, Skipped, StepFailed
from txsocketio.manager import Manager
from txsocketio.protocol.url import EngineAddress
from txsocketio.testing import MemoryServer

BOTH = ("polling", "websocket")


class Talk:
    """
    A conversation with a server in memory.
    """

    def __init__(
        self,
        server: MemoryServer | None = None,
        transports: tuple[str, ...] = BOTH,
        namespace: str = "/",
        **options: Any,
    ) -> None:
        self.server = server or newServer()
        given = {**self.server.options(transports), **options}
        del given["reactor"]
        address = EngineAddress(False, "memory", 80, "/socket.io/", "")
        self.conversation = Conversation(
            self.server.clock, "http://memory", address, namespace, given, [].append
        )

    def step(self, name: str, seconds: float = 0.0) -> Any:
        """
        What a step finds, or the error that it raises.
        """
        seen = self.begin(name)
        self.server.advance(seconds)
        (found,) = seen
        return found

    def begin(self, name: str) -> list[Any]:
        look: Callable[[], Any] = getattr(self.conversation, name)
        return outcome(Deferred.fromCoroutine(look()))


def opened(*args: Any, **options: Any) -> Talk:
    talk = Talk(*args, **options)
    assert isinstance(talk.step("handshake"), Finding)
    return talk


def test_handshake() -> None:
    """
    The server's settings are told.
    """
    found = Talk().step("handshake")
    assert found.text.startswith("by polling; offers websocket; pings every 25 s, waits 20 s")
    assert found.facts["upgrades"] == ["websocket"]


def test_noUpgradeOffered() -> None:
    """
    A WebSocket has nothing to be upgraded to.
    """
    assert "offers no upgrade" in Talk(transports=("websocket",)).step("handshake").text


def test_handshakeRefused() -> None:
    """
    A refusal is explained; where there is no polling, nothing else is tried.
    """
    server = newServer()
    server.refuse(None, status=503)
    failed = Talk(server, ("websocket",)).step("handshake", 1)
    assert isinstance(failed, StepFailed)
    assert "503" in str(failed)
    assert failed.facts["status"] == 503


def test_handshakeCancelled() -> None:
    """
    Who cancels does not wait for a second try.
    """
    server = newServer()
    server.ignore(None)
    running = Deferred.fromCoroutine(Talk(server).conversation.handshake())
    seen = outcome(running)
    server.flush()
    running.cancel()
    assert isinstance(seen[0], CancelledError)


class Elsewhere(Manager):
    """
    A manager whose second one finds the same server in memory.
    """

    server: MemoryServer

    def __init__(self, url: str, **options: Any) -> None:
        if options["transports"] == ("websocket",):
            options["transports"] = [self.server.transport("websocket")]
        super().__init__(url, **options)


@pytest.mark.parametrize(("times", "works"), [(1, True), (None, False)])
def test_theOtherWay(monkeypatch: pytest.MonkeyPatch, times: int | None, works: bool) -> None:
    """
    Where polling is refused, WebSocket may work; if it does, that is the
    hint.
    """
    server = newServer()
    server.refuse(times, status=404)
    monkeypatch.setattr(module, "Manager", Elsewhere)
    monkeypatch.setattr(Elsewhere, "server", server, raising=False)
    failed = Talk(server).step("handshake", 10)
    assert ("by WebSocket it works" in failed.hint) == works


def test_upgrade() -> None:
    """
    The client is seen to change to WebSocket.
    """
    found = opened().step("upgrade", 1)
    assert found.text == "from polling to websocket"


def test_upgradedBefore() -> None:
    """
    It may have happened before one looks.
    """
    talk = opened()
    talk.server.advance(1)
    assert isinstance(talk.step("upgrade"), Finding)


@pytest.mark.parametrize(
    ("transports", "options", "said"),
    [
        (("websocket",), {}, "websocket from the beginning"),
        (BOTH, {"upgrade": False}, "turned off"),
        (("polling",), {}, "only polling was asked for"),
    ],
)
def test_noUpgradeWanted(transports: Any, options: Any, said: str) -> None:
    """
    Why there is no upgrade is told.
    """
    skipped = opened(transports=transports, **options).step("upgrade")
    assert isinstance(skipped, Skipped) and said in str(skipped)


def test_serverWithoutUpgrade() -> None:
    """
    A server may offer none.
    """
    skipped = opened(newServer(upgrades=())).step("upgrade")
    assert "the server offers none" in str(skipped)


def test_upgradeFails() -> None:
    """
    An upgrade that fails is a failure, with what may help.
    """
    server = newServer()
    talk = opened(server)
    talk.conversation._upgradeEnded(ValueError("no WebSocket"))
    failed = talk.step("upgrade")
    assert (str(failed), failed.hint) == ("no WebSocket", module._UPGRADE_HINT)


def test_namespace() -> None:
    """
    The namespace is joined.
    """
    server = newServer()
    server.of("/x")
    found = opened(server, namespace="/x").step("namespace", 1)
    assert found.text.startswith("/x is joined, session ")


def test_namespaceRefused() -> None:
    """
    A refusal is told, and the heartbeat then is not looked at.
    """
    server = newServer()
    server.of("/").use(lambda auth: "not you")
    talk = opened(server)
    failed = talk.step("namespace", 1)
    assert failed.facts == {"namespace": "/", "message": "not you"}
    skipped = talk.step("heartbeat")
    assert isinstance(skipped, Skipped)


def test_lostBefore() -> None:
    """
    Without a connection there is no namespace, nor heartbeat.
    """
    talk = opened()
    talk.server.connection.drop()
    talk.server.advance(1)
    for name in ("namespace", "heartbeat"):
        failed = talk.step(name)
        assert "the connection was lost: transport close" in str(failed)


def test_lostMeanwhile() -> None:
    """
    A connection may be lost while the namespace is waited for.
    """
    talk = opened()
    talk.server.of("/").answersConnect = False
    seen = talk.begin("namespace")
    talk.server.connection.drop()
    talk.server.advance(1)
    assert isinstance(seen[0], StepFailed)


def test_closedWithoutDetails() -> None:
    """
    The reason alone is told when nothing more is known.
    """
    talk = opened()
    talk.conversation._closed("forced close", None)
    assert str(talk.step("namespace")) == "the connection was lost: forced close"


def test_heartbeat() -> None:
    """
    The first ping is waited for; how long it took counts from the handshake.
    """
    talk = opened(transports=("websocket",))
    seen = talk.begin("heartbeat")
    talk.server.advance(24.9)
    assert not seen
    talk.server.advance(0.2)
    assert seen[0].facts == {"after": 25.0}


def test_pingedBefore() -> None:
    """
    A ping that came before is as good; later ones do not count.
    """
    talk = opened(transports=("websocket",))
    assert isinstance(talk.step("namespace", 60), Finding)
    assert talk.step("heartbeat").facts == {"after": 25.0}


def test_noHeartbeat() -> None:
    """
    A ping that does not come is a failure, by whoever notices first.
    """
    talk = opened(transports=("websocket",))
    talk.server.connection.stall()
    assert isinstance(talk.step("heartbeat", 60), StepFailed)


def test_pingTooLate() -> None:
    """
    We notice ourselves, too.
    """
    talk = opened(transports=("websocket",))
    talk.conversation._openedAt = -100.0
    seen = talk.begin("heartbeat")
    talk.server.advance(0.1)
    assert "did not come in time" in str(seen[0])


def test_close() -> None:
    """
    Nothing is left.
    """
    talk = opened()
    seen = outcome(talk.conversation.close())
    talk.server.advance(5)
    assert seen == [None]
    assert talk.server.live == []
