"""
C{twistd sioclient --demo}: a real server in a child process, and two bots
that talk to it, shown to a person who watches.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from txsocketio.bots.bot import Bot, every, on
from txsocketio.bots.child import ServerChild
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.loader import ClassPlugin
from txsocketio.bots.runner import BotRunner
from txsocketio.bots.texts import say

__all__ = ["Asker", "Demo", "DemoBot", "Listener", "runDemo"]

SERVER = Path(__file__).with_name("demoserver.py")

ASK_EVERY = 1.0
ACK_TIMEOUT = 5.0


class DemoBot(Bot):
    """
    A bot that shows what happens to it.
    """

    def tell(self, text: str) -> None:
        """
        Show a line.
        """
        self.config["demo"].tell(f"{self.log.bot:9} {text}")

    @on("connect")
    def connected(self) -> None:
        self.tell(f"connected, session {self.socket.id}")

    @on("disconnect")
    def disconnected(self, reason: str) -> None:
        self.tell(f"disconnected: {reason}")

    @on("connect_error")
    def refused(self, error: Exception) -> None:
        self.tell(f"could not connect: {error}")


class Listener(DemoBot):
    """
    Shows every event.
    """

    def attach(self, socket: Any, log: Any) -> None:
        super().attach(socket, log)
        socket.onAny(self.eventReceived)

    def eventReceived(self, event: str, *args: Any) -> None:
        self.config["demo"].events += 1
        self.tell(f"event {event!r} {', '.join(map(repr, args))}")


class Asker(DemoBot):
    """
    Asks the server for sums.
    """

    _asked = 0

    @every(ASK_EVERY)
    async def ask(self) -> None:
        self._asked += 1
        a, b = self._asked, self._asked * 2
        answer = await self.socket.timeout(ACK_TIMEOUT).emitWithAck("add", a, b)
        self.config["demo"].acks += 1
        self.tell(f"asked for {a} + {b}, the server acknowledged with {answer!r}")


class Demo:
    """
    The whole show.

    @ivar events: how many events came.
    @ivar acks: how many acknowledgements came.
    """

    events = 0
    acks = 0

    def __init__(
        self,
        reactor: Any,
        tell: Callable[[str], object] = say,
        buildRunner: Callable[..., Any] = BotRunner,
        program: str = str(SERVER),
    ) -> None:
        self._show = tell
        self._reactor = reactor
        self._buildRunner = buildRunner
        self._program = program
        self._child = ServerChild(reactor, self._serverLost)
        self._runners: list[Any] = []
        self._stopping = False

    @property
    def exitStatus(self) -> int:
        """
        0 when events flowed and an acknowledgement arrived, else 1.
        """
        return 0 if self.events and self.acks else 1

    def tell(self, line: str) -> None:
        """
        Show a line; when nobody looks any more, the show is over.
        """
        try:
            self._show(line)
        except SystemExit:
            self._end()

    def start(self, seconds: float | None = None) -> None:
        """
        Start the server and, when it listens, the bots.

        @param seconds: after how many to stop the reactor; L{None} for never.
        """
        listening = self._child.start(self._program)
        listening.addCallback(self._cbListening, seconds).addErrback(self._ebStart)

    def stop(self) -> Deferred[None]:
        """
        Stop the bots, then the server.

        @return: fires when the child process is reaped.
        """
        self._stopping = True
        stopping = DeferredList([runner.stopService() for runner in self._runners])
        ended = stopping.addCallback(lambda _: self._child.stop())
        return ended.addCallback(lambda _: self._summarize())

    # inside

    def _cbListening(self, port: int, seconds: float | None) -> None:
        if self._stopping:
            return
        url = f"http://127.0.0.1:{port}"
        self.tell(f"demo      a python-socketio server listens on {url}; Ctrl-C ends this")
        if seconds is not None:
            self._reactor.callLater(seconds, self._end)
        self._run("listener", Listener, url, transports=("websocket",))
        self._run("asker", Asker, url)

    def _run(self, name: str, cls: type[DemoBot], url: str, **options: Any) -> None:
        description = BotDescription(
            name=name, url=url, plugin="demo", config={"demo": self}, options=options
        )
        runner = self._buildRunner(description, ClassPlugin(name, cls), self._reactor)
        self._runners.append(runner)
        runner.startService()

    def _ebStart(self, failure: Failure) -> None:
        self.tell(f"demo      {failure.getErrorMessage()}")
        self._end()

    def _serverLost(self) -> None:
        self.tell("demo      the server ended by itself")
        self._end()

    def _end(self) -> None:
        if not self._stopping:
            self._reactor.stop()

    def _summarize(self) -> None:
        verdict = "" if self.exitStatus == 0 else "; this is not how it should be"
        self.tell(f"demo      {self.events} events, {self.acks} acknowledgements{verdict}")


def runDemo(reactor: Any, seconds: float | None = None) -> int:
    """
    Run the demo, and the reactor, until C{seconds}, SIGINT or SIGTERM.

    @return: the exit status.
    """
    demo = Demo(reactor)
    reactor.addSystemEventTrigger("before", "shutdown", demo.stop)
    reactor.callWhenRunning(demo.start, seconds)
    reactor.run()
    return demo.exitStatus
