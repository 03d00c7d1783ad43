"""
The test kit for bots.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

import txsocketio.bots.testing
from conftest import LoggedFailures
from txsocketio import Bot, on
from txsocketio.bots.bot import every, onSession
from txsocketio.bots.loader import ClassPlugin
from txsocketio.bots.mistakes import ConfigError
from txsocketio.bots.schema import PluginOption, schemaOf
from txsocketio.bots.testing import runningBot
from txsocketio.testing import MemoryServer


class Greeter(Bot):
    """
    Greets.
    """

    schema = schemaOf(PluginOption("greeting", default="hello"))
    stopped = False

    @onSession
    def logIn(self, info: Any) -> Any:
        return info.emit("login")

    @on("join")
    def greet(self, who: str) -> None:
        self.socket.emit("say", f"{self.config['greeting']} {who}")

    @on("fail")
    def fail(self) -> None:
        raise LookupError("of the listener")

    @every(10)
    def live(self) -> None:
        self.socket.emit("alive")

    def stop(self) -> None:
        self.stopped = True


def events(server: MemoryServer) -> list[Any]:
    return [(each.event, *each.args) for each in server.received]


def test_documentedExample() -> None:
    """
    What the documentation shows can be copied, and passes.
    """
    assert txsocketio.bots.testing.__doc__ is not None
    _, _, rest = txsocketio.bots.testing.__doc__.partition("A whole test::\n")
    names: dict[str, Any] = {"__name__": "example"}
    exec(dedent(rest.partition("\nWhat the bot's own")[0]), names)
    names["test_greets"]()


def test_itsLife() -> None:
    """
    It logs in, hears, and does what it does every some seconds; at the end it
    is stopped, and nothing is left.
    """
    server = MemoryServer(Clock())
    with runningBot(server, Greeter) as running:
        server.emit("join", "ann")
        server.advance(10)
        assert events(server) == [("login",), ("say", "hello ann"), ("alive",)]
        assert running.socket.connected
    assert running.bot.stopped and running.status.state.value == "stopped"
    assert (server.live, server.clock.getDelayedCalls()) == ([], [])  # type: ignore[attr-defined]


def test_section() -> None:
    """
    Options of plugin and client are written as in a bots file.
    """
    server = MemoryServer(Clock())
    section = """
        greeting = hi
        auth.token = secret
        transports = polling, websocket
    """
    with runningBot(server, Greeter, section, name="greeter"):
        server.advance(1)
        server.emit("join", "ann")
        server.flush()
        assert events(server)[-1] == ("say", "hi ann")
        assert server.sockets[0].auth == {"token": "secret"}
        assert server.connection.transport == "websocket" and len(server.attempts) == 2


def test_namespace() -> None:
    """
    A bot may live in another namespace.
    """
    server = MemoryServer(Clock())
    server.of("/chat")
    with runningBot(server, Greeter, namespace="/chat") as running:
        assert running.socket.nsp == "/chat" and running.socket.connected


def test_mistakesInTheSection() -> None:
    """
    A mistake is told as for a file, and nothing is run.
    """
    server = MemoryServer(Clock())
    with pytest.raises(ConfigError, match='greting: unknown key; did you mean "greeting"'):
        with runningBot(server, Greeter, "greting = hi"):
            pytest.fail("it ran")
    assert server.attempts == []


def test_aPluginItself() -> None:
    """
    What gives bots is taken as well as a class.
    """
    server = MemoryServer(Clock())
    with runningBot(server, ClassPlugin("greeter", Greeter)) as running:
        assert isinstance(running.bot, Greeter)


def test_aPluginsName() -> None:
    """
    So is the name of a plugin.
    """
    server = MemoryServer(Clock())
    with runningBot(server, "bots.test_testing:Quiet", name="quiet") as running:
        assert type(running.bot).__name__ == "Quiet" and running.socket.connected


class Quiet(Bot):
    """
    Does nothing.
    """


def test_aListenerThatRaises(failures: LoggedFailures) -> None:
    """
    What the daemon would only log, a test must not pass over.
    """
    server = MemoryServer(Clock())
    with pytest.raises(LookupError, match="of the listener"):
        with runningBot(server, Greeter):
            server.emit("fail")
    failures.flush(LookupError)


def test_anExpectedFailure(failures: LoggedFailures) -> None:
    """
    A test may look at a failure and take it out.
    """
    server = MemoryServer(Clock())
    with runningBot(server, Greeter) as running:
        server.emit("fail")
        server.flush()
        assert [each.type for each in running.failures] == [LookupError]
        assert running.socket.connected
        running.failures.clear()
    failures.flush(LookupError)


class LockedOut(Bot):
    """
    Cannot log in.
    """

    @onSession
    def logIn(self, info: Any) -> None:
        raise LookupError("no password")


def test_aSessionListenerThatRaises(failures: LoggedFailures) -> None:
    """
    So is what keeps a bot from being ready.
    """
    server = MemoryServer(Clock())
    with pytest.raises(LookupError, match="no password"):
        with runningBot(server, LockedOut):
            server.flush()
    failures.flush(LookupError)


class Broken(Bot):
    """
    Cannot start.
    """

    def start(self) -> None:
        raise OSError("no disk")


def test_aBotThatCannotStart(failures: LoggedFailures) -> None:
    """
    Why a bot did not start is raised, and shown by its status before.
    """
    server = MemoryServer(Clock())
    with pytest.raises(OSError, match="no disk"):
        with runningBot(server, Broken) as running:
            assert running.status.why == "OSError: no disk"
    failures.flush(OSError)


class Slow(Bot):
    """
    Takes its time to start.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.ready: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        return self.ready


def test_aStartUnderWay() -> None:
    """
    A bot is not connected before it is ready, and can be stopped before.
    """
    server = MemoryServer(Clock())
    with runningBot(server, Slow) as running:
        assert running.status.why == "starting" and server.attempts == []
    assert server.clock.getDelayedCalls() == []  # type: ignore[attr-defined]


def test_theTestsOwnFailure() -> None:
    """
    The bot is stopped when the test itself fails, and that is what is told.
    """
    server = MemoryServer(Clock())
    with pytest.raises(ZeroDivisionError):
        with runningBot(server, Greeter):
            1 / 0  # noqa: B018
    assert server.live == []


def test_theTestsOwnFailureTellsTheBots(failures: LoggedFailures) -> None:
    """
    A test that fails because the bot did says so.
    """
    server = MemoryServer(Clock())
    with pytest.raises(AssertionError) as caught:
        with runningBot(server, Broken):
            assert server.received
    assert caught.value.__notes__ == ["the bot failed before: OSError: no disk"]
    failures.flush(OSError)
