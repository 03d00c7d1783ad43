"""
What the tests of bots share: a socket and a client that record, a clock.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from txsocketio.emitter import Emitter, Listener


class FakeManager(Emitter):
    """
    A manager that is only looked at.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.reactor = clock
        self.calls: list[Any] = []
        self.attempts = 0
        self.state = "opening"
        self.nextAttempt: float | None = None
        self.engine = SimpleNamespace(transport=SimpleNamespace(name="websocket"))

    def resetDelay(self) -> None:
        self.calls.append("resetDelay")

    def restart(self, error: Any) -> None:
        self.calls.append(error.reason)

    def open(self) -> None:
        self.calls.append("open")

    show = Emitter._show


class FakeSocket(Emitter):
    """
    A socket whose state the test decides.
    """

    nsp = "/chat"
    state = "disconnected"
    why = "connect() was not called yet"
    id: str | None = None

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.io = FakeManager(clock)
        self.calls: list[Any] = []
        self.sessionListeners: list[Any] = []
        self.anyListeners: list[Any] = []
        self.outgoingListeners: list[Any] = []

    show = Emitter._show

    def on(self, event: str, listener: Any = None, **options: Any) -> Any:
        if options:
            self.calls.append(("on", event, options))
        return super().on(event, listener)

    def onSession(self, listener: Any) -> Any:
        self.sessionListeners.append(listener)
        return listener

    def onAny(self, listener: Any) -> None:
        self.anyListeners.append(listener)

    def offAny(self, listener: Any) -> None:
        self.anyListeners.remove(listener)

    def onAnyOutgoing(self, listener: Any) -> None:
        self.outgoingListeners.append(listener)

    def receive(self, event: str, *args: Any) -> None:
        for each in self.anyListeners:
            Listener(each, each, False).call((event, *args))
        self.show(event, *args)

    def become(self, state: str, why: str, event: str, *args: Any) -> None:
        self.state, self.why = state, why
        self.show(event, *args)

    def connect(self) -> None:
        self.calls.append("connect")

    def disconnect(self) -> None:
        self.calls.append("disconnect")
        self.state = "disconnected"


class FakeClient:
    """
    A SocketIOService that records; C{stopped} is what stopping waits for.
    """

    running = False
    error: Exception | None = None

    def __init__(self, clock: Clock, calls: list[Any]) -> None:
        self.socket = FakeSocket(clock)
        self.calls = calls
        self.stopped: Deferred[None] = succeed(None)

    def startService(self) -> None:
        if self.error is not None:
            raise self.error
        self.calls.append("client.start")
        self.running = True
        self.socket.state = "connecting"

    def stopService(self) -> Deferred[None]:
        self.calls.append("client.stop")
        self.running = False
        return self.stopped


class FakeLog:
    """
    A log that keeps what is logged.
    """

    bot = "ticker"

    def __init__(self) -> None:
        self.failures: list[str] = []

    def failure(self, text: str, *args: Any, **fields: Any) -> None:
        self.failures.append(text.format(**fields))
