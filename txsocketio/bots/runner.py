"""
One bot's life as a service: made, started, connected, stopped; and if it
fails, it fails alone.

Must not know: files, other bots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.limits import cancelQuietly, limited
from txsocketio.bots.ratelimit import RateLimit
from txsocketio.bots.redaction import redactorOf
from txsocketio.bots.states import BotState, BotStatus, Condition, Counters
from txsocketio.bots.trace import WireTrace
from txsocketio.errors import Disconnected, SocketIOError, described
from txsocketio.service import SocketIOService

__all__ = ["BotLogger", "BotRunner", "NotRunning"]

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

PAUSED = "paused by an operator"


class NotRunning(SocketIOError):
    """
    That cannot be had of a bot that is stopped; the message says what to do.
    """


class BotLogger(Logger):
    """
    A logger that says for which bot, server and namespace.

    @ivar bot: the bot's name.
    @ivar redact: hides the bot's secrets in a text; the log does it by itself,
        this is for what a bot writes elsewhere.
    """

    def __init__(self, bot: str, redact: Callable[[str], str] = str, **fields: Any) -> None:
        super().__init__(namespace=f"bot.{bot}")
        self.bot = bot
        self.redact = redact
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
    @ivar paused: whether it stays stopped until L{resume}.
    @ivar changed: called with this runner after each change of C{condition}.
    @ivar lengthen: see L{Manager <txsocketio.manager.Manager>}.
    """

    bot: Any = None
    client: Any = None
    paused = False
    lengthen: Callable[[float], float] | None = None

    _starting: Deferred[Any] | None = None
    _started = False
    _living = False  # from its start to the beginning of its end
    _lastWords = ""
    _lastError: str | None = None
    _rateLimit: RateLimit | None = None

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
        self.changed: Callable[[BotRunner], object] = lambda _: None
        self._plugin = plugin
        self._reactor = reactor
        self._buildClient = buildClient
        self._ends: list[Deferred[None]] = []
        self._counters = Counters()
        self._eventsIn = self._emits = 0
        self.log = BotLogger(description.name, description.redact, url=description.server)
        self.trace = WireTrace(self.log, redactorOf(description.secrets))
        self.condition = Condition(BotState.WAITING, reactor.seconds(), "not started yet")

    # from above

    def startService(self) -> None:
        """
        Make the bot, start it, and connect its socket.
        """
        super().startService()
        if self.paused:
            self._become(BotState.STOPPED, PAUSED)
        else:
            self.whenEnded().addCallback(self._beginIfWanted)

    def stopService(self) -> Deferred[None]:
        """
        Stop the bot, send what waits, and disconnect.

        @return: fires when nothing is left, C{drainTimeout} and 3 seconds
            later at most; never fails.
        """
        super().stopService()
        return self._end("the daemon stopped it")

    def pause(self) -> Deferred[None]:
        """
        Stop the bot until L{resume}, whatever becomes of the daemon meanwhile.

        @return: fires when nothing is left of it; never fails.
        """
        self.paused = True
        return self._end(PAUSED) if self.running else self.whenEnded()

    def resume(self) -> Deferred[None]:
        """
        Start the bot again after L{pause}, as a new one.

        @return: fires when that has begun; never fails.
        """
        self.paused = False
        return self.whenEnded().addCallback(self._beginIfWanted)

    def reconnect(self) -> Deferred[None]:
        """
        Begin a new connection, now: an open one is left, the wait before the
        next attempt cut short.  What was emitted is kept.  A bot that failed
        at start, or is not done with it, is started anew.

        @return: fires when that has begun; fails with L{NotRunning}.
        """
        if self.paused or not self.running:
            hint = "; resume it first" if self.paused else ""
            return fail(NotRunning(f'the bot "{self.name}" is stopped{hint}'))
        if not self._started:
            return self._end("started anew").addCallback(self._beginIfWanted)
        self.log.info("an operator wants a new connection")
        socket = self.client.socket
        socket.io.resetDelay()
        socket.io.restart(Disconnected("forced close"))
        socket.connect()
        socket.io.open()
        self._look()
        return succeed(None)

    def whenEnded(self) -> Deferred[None]:
        """
        @return: fires when the end of the bot that is under way is over, at
            once when none is; never fails.
        """
        ended: Deferred[None] = Deferred()
        if self._ends:
            self._ends.append(ended)
        else:
            ended.callback(None)
        return ended

    @property
    def status(self) -> BotStatus:
        """
        All there is to tell of the bot now.
        """
        status = BotStatus.of(
            self.description,
            self._present(),
            lastError=self._lastError,
            counters=replace(self._counters, eventsIn=self._eventsIn, emits=self._emits),
        )
        return replace(status, **self._ofConnection()) if self._living and self._started else status

    # inside: what is told

    def _present(self) -> Condition:
        """
        The condition; a bot may have disconnected its socket without a sound,
        and of a connection that is open only the socket says what it lacks.
        """
        if self._living and self._started:
            socket = self.client.socket
            if STATES[socket.state] is not self.condition.state or socket.io.state == "open":
                self._look()
        return self.condition

    def _ofConnection(self) -> dict[str, Any]:
        socket = self.client.socket
        seconds = socket.io.nextAttempt
        connected = self.condition.state is BotState.CONNECTED
        return {
            "namespace": socket.nsp,
            "sid": socket.id,
            "transport": socket.io.engine.transport.name if connected else None,
            "attempt": socket.io.attempts,
            "nextAttempt": None if seconds is None else self._reactor.seconds() + seconds,
        }

    # inside: starting

    def _beginIfWanted(self, _: object) -> None:
        if self.running and not self.paused and not self._living:
            self._begin()

    def _begin(self) -> None:
        self._living = True
        self._become(BotState.WAITING, "starting")
        self._starting = starting = maybeDeferred(self._start)
        starting.addCallback(self._cbStarted, starting).addErrback(self._ebStart, starting)

    def _start(self) -> Any:
        self.bot = _asBot(self._plugin.makeBot(self.description.config))
        self.client = self._buildClient(
            self.description.url,
            drainTimeout=self.description.drainTimeout,
            namespace=self.description.namespace,
            reactor=self._reactor,
            **self.description.options,
        )
        socket = self.client.socket
        socket.io.lengthen = self.lengthen
        self.log.fields["namespace"] = socket.nsp
        self.trace.follow(socket.io)
        self._watch(socket)
        self._limitRate(socket)
        self.bot.attach(socket, self.log)
        return maybeDeferred(self.bot.start)

    def _limitRate(self, socket: Any) -> None:
        rate, burst = self.description.rate, self.description.burst
        self._rateLimit = None if rate is None else RateLimit(socket, rate, burst)

    def _cbStarted(self, _: object, starting: Deferred[Any]) -> None:
        if self._starting is not starting:
            return  # we did not wait for it
        self._started = True
        self._become(BotState.CONNECTING, "connecting to the server")
        self.client.startService()
        self._starting = None

    def _ebStart(self, failure: Failure, starting: Deferred[Any]) -> None:
        if self._starting is not starting:
            return
        self._starting = None
        self._started = False
        if self.client is not None:
            self.client.socket.disconnect()  # it may have connected by itself
        why = described(failure.value)
        self._noteError(why)
        self.log.failure("the bot could not be started", failure)
        self._become(BotState.FAILED, self.description.redact(why))

    # inside: while it runs

    def _watch(self, socket: Any) -> None:
        socket.on("connect", self._connected)
        socket.on("disconnect", self._disconnected)
        socket.on("connect_error", self._erred)
        socket.io.on("error", self._erred)
        socket.io.on("reconnect_failed", self._look)
        socket.io.on("reconnect_attempt", self._attempted)
        socket.onAny(self._heard)
        socket.onAnyOutgoing(self._sent)

    def _heard(self) -> None:
        self._eventsIn += 1

    def _sent(self) -> None:
        self._emits += 1

    def _connected(self) -> None:
        self._counters = replace(self._counters, connects=self._counters.connects + 1)
        self._look()

    def _disconnected(self, reason: str) -> None:
        number = self._counters.disconnections + 1
        self._counters = replace(self._counters, disconnections=number)
        if reason != "io client disconnect":
            self._noteError(self.client.socket.why)
        self._look()

    def _erred(self, error: BaseException) -> None:
        self._noteError(described(error))
        self._look()

    def _noteError(self, text: str) -> None:
        self._lastError = self.description.redact(text)

    def _look(self) -> None:
        """
        Take over the socket's own state, which every event tells has changed.
        """
        if self._living and self._started:
            socket = self.client.socket
            self._become(STATES[socket.state], self.description.redact(socket.why))

    def _attempted(self, number: int) -> None:
        if self._living:
            self._become(BotState.CONNECTING, f"attempt {number} to connect again")

    def _become(self, state: BotState, why: str) -> None:
        before = self.condition
        self.condition = before.then(state, why, self._reactor.seconds())
        if self.condition != before:
            level = _levelOf(state, before.state)
            self.log.emit(level, "{state}: {why}", state=state.value, why=why)
            self.changed(self)

    # inside: ending

    def _end(self, why: str) -> Deferred[None]:
        """
        End the bot; if its end is under way, wait for it.

        @param why: what the state will say.
        """
        self._lastWords = why
        ended: Deferred[None] = Deferred()
        self._ends.append(ended)
        if len(self._ends) == 1:
            closing = self._close()
            # Whatever a bot did to its client, who waits for its end is told.
            closing.addErrback(lambda f: self.log.failure("could not be ended in order", f))
            closing.addCallback(self._cbClosed)
        return ended

    def _close(self) -> Deferred[Any]:
        end = self._reactor.seconds() + self.description.drainTimeout
        self._living = False
        starting, self._starting = self._starting, None
        if starting is not None:
            cancelQuietly(starting)
        stopping: Deferred[Any] = self._stopBot() if self._started else succeed(None)
        return stopping.addCallback(lambda _: self._disconnect(end))

    def _cbClosed(self, _: object) -> None:
        if self._rateLimit is not None:
            self._rateLimit.stop()
        self._become(BotState.STOPPED, self._lastWords)
        ends, self._ends = self._ends, []
        for each in ends:
            each.callback(None)

    def _stopBot(self) -> Deferred[Any]:
        self._started = False
        limit = self.description.drainTimeout
        stopping = limited(maybeDeferred(self.bot.stop), limit, self._reactor)
        return stopping.addErrback(lambda f: self.log.failure("the bot's stop failed", f))

    def _disconnect(self, end: float) -> Any:
        # A bot may have connected by itself, and never come to the end of its start.
        if self.client is None or (
            not self.client.running and self.client.socket.state == "disconnected"
        ):
            return None
        # What the bot's stop took is not there for draining any more.
        left = max(0.0, end - self._reactor.seconds())
        hurry = self._reactor.callLater(left, self.client.socket.disconnect)
        leaving = limited(self.client.stopService(), left + GOODBYE, self._reactor)
        leaving.addErrback(self._ebDisconnect)
        return leaving.addCallback(lambda _: hurry.cancel() if hurry.active() else None)

    def _ebDisconnect(self, failure: Failure) -> None:
        self.log.failure("could not disconnect", failure)
        # A bot that connects again at each disconnection has no say any more.
        self.client.socket.off().disconnect()


def _levelOf(state: BotState, before: BotState) -> Any:
    """
    How much it matters that a state follows another one.
    """
    if state is BotState.FAILED:
        return LogLevel.error
    # A server may be away for weeks: each attempt is told when it has failed.
    again = (before, state) == (BotState.BACKING_OFF, BotState.CONNECTING)
    return LogLevel.debug if again else LogLevel.info


def _asBot(thing: Any) -> Any:
    for name in ("attach", "start", "stop"):
        if not callable(getattr(thing, name, None)):
            raise TypeError(f"the plugin's makeBot gave {thing!r:.80}, which has no {name}()")
    return thing
