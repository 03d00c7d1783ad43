"""
One bot's life as a service: made, started, connected, stopped; and if it
fails, it fails alone.

Must not know: files, other bots.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.redaction import redactorOf
from txsocketio.bots.states import BotState, Condition
from txsocketio.bots.trace import WireTrace
from txsocketio.service import SocketIOService

__all__ = ["BotLogger", "BotRunner"]

STATES = {
    "connecting": BotState.CONNECTING,
    "connected": BotState.CONNECTED,
    "waiting": BotState.BACKING_OFF,
    "failed": BotState.FAILED,
    "disconnected": BotState.STOPPED,
}
"""A socket's words, and ours."""

GOODBYE = 3.0
"""Seconds that disconnecting may take, after the draining."""


class BotLogger(Logger):
    """
    A logger that says for which bot, server and namespace.

    @ivar bot: the bot's name.
    """

    def __init__(self, bot: str, **fields: Any) -> None:
        super().__init__(namespace=f"bot.{bot}")
        self.bot = bot
        self.fields = {"bot": bot, **fields}

    def emit(self, level: Any, format: str | None = None, **kwargs: object) -> None:
        super().emit(level, format, **{**self.fields, **kwargs})


class BotRunner(Service):
    """
    Runs one bot.

    @ivar description: what the file says of it.
    @ivar condition: how it is, since when and why.
    @ivar bot: the bot, once made.
    @ivar client: its L{SocketIOService}, once made.
    @ivar trace: its wire trace, off at first.
    """

    bot: Any = None
    client: Any = None

    _starting: Deferred[Any] | None = None
    _started = False

    def __init__(
        self,
        description: BotDescription,
        plugin: Any,
        reactor: Any,
        buildClient: Callable[..., Any] = SocketIOService,
    ) -> None:
        """
        @param plugin: an L{IBotPlugin <txsocketio.interfaces.IBotPlugin>}.
        @param buildClient: makes the L{SocketIOService}.
        """
        self.setName(description.name)
        self.description = description
        self._plugin = plugin
        self._reactor = reactor
        self._buildClient = buildClient
        self.log = BotLogger(description.name, url=description.server)
        self.trace = WireTrace(self.log, redactorOf(description.secrets))
        self.condition = Condition(BotState.WAITING, reactor.seconds(), "not started yet")

    def startService(self) -> None:
        """
        Make the bot, start it, and connect its socket.
        """
        super().startService()
        self._become(BotState.WAITING, "starting")
        self._starting = maybeDeferred(self._start)
        self._starting.addCallback(self._cbStarted).addErrback(self._ebStart)

    def stopService(self) -> Deferred[None]:
        """
        Stop the bot, send what waits, and disconnect.

        @return: fires when nothing is left, C{drainTimeout} and 3 seconds
            later at most; never fails.
        """
        super().stopService()
        end = self._reactor.seconds() + self.description.drainTimeout
        if self._starting is not None:
            self._starting.cancel()
        stopping: Deferred[Any] = self._stopBot() if self._started else succeed(None)
        stopping.addCallback(lambda _: self._disconnect(end))
        return stopping.addCallback(self._cbStopped)

    # starting

    def _start(self) -> Any:
        self.bot = self._plugin.makeBot(self.description.config)
        self.client = self._buildClient(
            self.description.url,
            drainTimeout=self.description.drainTimeout,
            namespace=self.description.namespace,
            reactor=self._reactor,
            **self.description.options,
        )
        socket = self.client.socket
        self.log.fields["namespace"] = socket.nsp
        self.trace.follow(socket.io)
        self._watch(socket)
        self.bot.attach(socket, self.log)
        return maybeDeferred(self.bot.start)

    def _cbStarted(self, _: object) -> None:
        self._starting = None
        self._started = True
        self._become(BotState.CONNECTING, "connecting to the server")
        self.client.startService()

    def _ebStart(self, failure: Failure) -> None:
        self._starting = None
        if self.running:
            why = f"{type(failure.value).__name__}: {failure.getErrorMessage()}"
            self._become(BotState.FAILED, self.description.redact(why))
            self.log.failure("the bot could not be started", failure)

    # while it runs

    def _watch(self, socket: Any) -> None:
        for event in ("connect", "disconnect", "connect_error"):
            socket.on(event, self._look)
        for event in ("reconnect_failed", "error"):
            socket.io.on(event, self._look)
        socket.io.on("reconnect_attempt", self._attempted)

    def _look(self, *_: object) -> None:
        """
        Take over the socket's own state, which every event tells has changed.
        """
        socket = self.client.socket
        state = STATES[socket.state]
        if self.running:
            self._become(state, self.description.redact(socket.why))

    def _attempted(self, number: int) -> None:
        if self.running:
            self._become(BotState.CONNECTING, f"attempt {number} to connect again")

    def _become(self, state: BotState, why: str) -> None:
        before = self.condition
        self.condition = before.then(state, why, self._reactor.seconds())
        if self.condition != before:
            level = LogLevel.error if state is BotState.FAILED else LogLevel.info
            self.log.emit(level, "{state}: {why}", state=state.value, why=why)

    # stopping

    def _stopBot(self) -> Deferred[Any]:
        self._started = False
        stopping = maybeDeferred(self.bot.stop)
        stopping.addTimeout(self.description.drainTimeout, self._reactor)
        return stopping.addErrback(lambda f: self.log.failure("the bot's stop failed", f))

    def _disconnect(self, end: float) -> Any:
        if self.client is None or not self.client.running:
            return None
        # What the bot's stop took is not there for draining any more.
        left = max(0.0, end - self._reactor.seconds())
        hurry = self._reactor.callLater(left, self.client.socket.disconnect)
        leaving: Deferred[Any] = self.client.stopService()
        leaving.addTimeout(left + GOODBYE, self._reactor)
        leaving.addErrback(lambda f: self.log.failure("could not disconnect", f))
        return leaving.addCallback(lambda _: hurry.cancel() if hurry.active() else None)

    def _cbStopped(self, _: object) -> None:
        self._become(BotState.STOPPED, "the daemon stopped it")
