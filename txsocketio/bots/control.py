"""
The control endpoint: what operators do with a running daemon.

A line of JSON each way: C{{"command": "pause", "bot": "ticker"}} is answered by
C{{"ok": true, "result": ...}} or C{{"ok": false, "error": "..."}}, in order.

Whoever reaches the endpoint may command the daemon, so it is a unix socket for
its owner unless the file says otherwise.  What is not JSON ends the connection:
a browser that was made to send us a request gets no second line.

Must not know: sockets, files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.bots.daemon import BotDaemon, UnknownBot
from txsocketio.bots.document import Source, encoded
from txsocketio.bots.mistakes import didYouMean
from txsocketio.errors import SocketIOError

__all__ = ["MAX_LINE", "Commands", "ControlFactory", "Refused"]

MAX_LINE = 4096
"""Bytes of one command."""

IDLE = 60.0
"""Seconds a connection may say nothing."""

MAX_CONNECTIONS = 16

_log = Logger()


class Refused(SocketIOError):
    """
    A command that is not understood; the message says what is expected.
    """


class Commands:
    """
    What can be commanded, by name.
    """

    def __init__(self, daemon: BotDaemon, source: Source) -> None:
        self._daemon = daemon
        self._source = source
        self._known: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "status": lambda request: self._source(),
            "reload": lambda request: self._daemon.reload(),
            "reconnect": self._ofBot,
            "pause": self._ofBot,
            "resume": self._ofBot,
            "trace": self._trace,
        }

    def run(self, request: Any) -> Deferred[Any]:
        """
        Do what a request says.

        @return: fires with the result, or fails, with L{Refused} or
            L{UnknownBot <txsocketio.bots.daemon.UnknownBot>} when there is no
            such thing to do.
        """
        return maybeDeferred(self._run, request)

    def _run(self, request: Any) -> Any:
        if not isinstance(request, dict):
            raise Refused('a command is an object, as in {"command": "status"}')
        name = request.get("command")
        if not isinstance(name, str) or name not in self._known:
            near = didYouMean(name, self._known) if isinstance(name, str) else ""
            known = ", ".join(self._known)
            raise Refused(f'"command" is unknown{near or f"; known are {known}"}')
        if name != "status":
            _log.info("an operator commands: {request}", request=json.dumps(request))
        return self._known[name](request)

    def _runner(self, request: Mapping[str, Any]) -> Any:
        name = request.get("bot")
        if not isinstance(name, str):
            raise Refused('"bot" must be the name of a bot')
        return self._daemon.runner(name)

    def _ofBot(self, request: Mapping[str, Any]) -> Any:
        return getattr(self._runner(request), request["command"])()

    def _trace(self, request: Mapping[str, Any]) -> None:
        trace = self._runner(request).trace
        on = request.get("on")
        if not isinstance(on, bool):
            raise Refused('"on" must be true or false')
        if on:
            trace.start()
        else:
            trace.stop()


@implementer(IPushProducer)
class _Answers:
    """
    What the transport takes for the source of what is written: it says when
    nobody reads the answers.
    """

    def __init__(self, control: _Control) -> None:
        self._control = control

    def pauseProducing(self) -> None:
        self._control.wait("unread")

    def resumeProducing(self) -> None:
        self._control.goOn("unread")

    def stopProducing(self) -> None:
        """
        The connection is lost, which is told otherwise.
        """


class _Control(LineReceiver, TimeoutMixin):
    """
    One operator.  No command is read while one is under way, or while answers
    wait to be read.
    """

    MAX_LENGTH = MAX_LINE
    delimiter = b"\n"

    factory: ControlFactory
    transport: Any

    _here = True

    def __init__(self) -> None:
        self._waits: set[str] = set()

    def connectionMade(self) -> None:
        self.transport.registerProducer(_Answers(self), True)
        self.factory.connections += 1
        self.callLater = self.factory.reactor.callLater  # type: ignore[method-assign]
        self.setTimeout(IDLE)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._here = False
        self.factory.connections -= 1
        self.setTimeout(None)

    def timeoutConnection(self) -> None:
        self.transport.abortConnection()

    def lineReceived(self, line: bytes) -> None:
        """
        Nothing more is read until this one is answered.
        """
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            self._dismiss("not a line of JSON")
            return
        self.setTimeout(None)
        self.wait("running")
        running = self.factory.commands.run(request)
        running.addCallbacks(self._cbDone, self._ebDone)
        running.addErrback(lambda failure: _log.failure("no answer", failure))

    def lineLengthExceeded(self, line: bytes) -> None:
        self._dismiss(f"a line may have {MAX_LINE} bytes")

    def wait(self, why: str) -> None:
        """
        Take no command until L{goOn} is called for the same reason.
        """
        self._waits.add(why)
        self.pauseProducing()

    def goOn(self, why: str) -> None:
        """
        That is over.
        """
        self._waits.discard(why)
        if self._here and not self._waits:
            self.resumeProducing()

    # inside

    def _dismiss(self, why: str) -> None:
        self.transport.write(encoded({"ok": False, "error": why}))
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _cbDone(self, result: Any) -> None:
        self._answer({"ok": True, "result": result})

    def _ebDone(self, failure: Failure) -> None:
        if failure.check(SocketIOError, UnknownBot):
            error = failure.getErrorMessage()
        else:
            _log.failure("a command failed", failure)
            error = f"{type(failure.value).__name__}; the daemon's log says more"
        self._answer({"ok": False, "error": error})

    def _answer(self, answer: Mapping[str, Any]) -> None:
        if self._here:
            self.transport.write(encoded(answer))
            self.setTimeout(IDLE)
            self.goOn("running")


class ControlFactory(Factory):
    """
    Listens to operators.

    @ivar commands: what they can do.
    @ivar connections: how many of them there are.
    """

    noisy = False
    connections = 0

    def __init__(self, commands: Commands, reactor: Any) -> None:
        self.commands = commands
        self.reactor = reactor

    def buildProtocol(self, addr: Any) -> Any:
        if self.connections >= MAX_CONNECTIONS:
            return None
        protocol = _Control()
        protocol.factory = self
        return protocol
