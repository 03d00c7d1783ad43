"""
A short life of a client that uses everything once, against the server of
C{txsocketio.testing}: what a fault may do to it, and what not.

The same story is told in memory under a clock, and over sockets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from txsocketio import Disconnected, Socket, io
from txsocketio.errors import SocketIOError
from txsocketio.testing import MemoryServer

WAYS = {
    "polling": ("polling",),
    "websocket": ("websocket",),
    "upgrade": ("polling", "websocket"),
}

PING_SECONDS = 25.0
LOSSES = ("transport close", "transport error")
"""What a broken connection may be called; never a timeout, as it is noticed
at once."""


class StoryServer(MemoryServer):
    """
    The server of the story.

    @ivar notes: the numbers that came, by session.
    @ivar answered: what clients answered.
    """

    def __init__(self, clock: Any, **options: Any) -> None:
        super().__init__(clock, **{"pingInterval": PING_SECONDS, **options})
        self.notes: list[int] = []
        self.answered: list[Any] = []
        for name in ("/", "/foo"):
            self.of(name).on("connection", self._connected)

    def _connected(self, client: Any) -> None:
        client.on("echo", lambda value: value)
        client.on("note", self.notes.append)
        client.on("ask", lambda n: self._ask(client, n))
        client.on("news", lambda n: client.emit("news", n, b"\x00\xff"))

    def _ask(self, client: Any, n: int) -> None:
        asked = client.emitWithAck("question", n, {"bytes": b"12"})
        asked.addCallbacks(self.answered.append, _lost)


class Story:
    """
    One client's life.

    @ivar told: (time, namespace, event, argument) of all that was told.
    """

    def __init__(self, reactor: Any, url: str, server: StoryServer, **options: Any) -> None:
        self._reactor = reactor
        self._server = server
        self.told: list[tuple[float, str, str, Any]] = []
        self.news: list[int] = []
        self.noted: list[int] = []
        self.calls: list[list[Any]] = []
        self._numbers = 0
        delays = {"reconnectionDelay": 0.01, "randomizationFactor": 0}
        self.main = io(url, reactor=reactor, forceNew=True, auth={"a": "ü"}, **delays, **options)
        self.foo = self.main.io.socket("/foo")
        self._watch(self.main)
        self._watch(self.foo)
        self.main.on("question", lambda n, value: (n, value["bytes"]))
        self.main.on("news", lambda n, value: self.news.append(n))

    def _watch(self, socket: Socket) -> None:
        def tell(event: str, what: Any) -> None:
            self.told.append((self._reactor.seconds(), socket.nsp, event, what))

        socket.on("connect", lambda: tell("connect", None))
        socket.on("connect_error", lambda error: tell("connect_error", error))
        socket.on("disconnect", lambda reason: tell("disconnect", reason))

    # the plot

    async def tell(self, beat: Callable[[], Awaitable[Any]]) -> None:
        """
        Everything once, and what a loss took again; then the end.

        @param beat: waits for the server's next heartbeat.
        """
        for scene in (self._events, self._binary, self._questions, self._otherNamespace):
            await self._insist(scene)
        await beat()
        await self._insist(self._events)
        self.foo.disconnect()
        await self._insist(self._events)
        await self.main.disconnect().whenDisconnected()
        await self.foo.whenDisconnected()

    async def _insist(self, scene: Callable[[], Awaitable[Any]]) -> None:
        while True:
            await self.main.whenConnected()
            try:
                await scene()
            except Disconnected:
                continue
            return

    async def _events(self) -> None:
        number = self._next()
        noted = self._kept(self.main.emitWithAck("note", number))
        noted.addCallbacks(lambda _: self.noted.append(number), _lost)
        await self._kept(self.main.emit("news", self._next()))
        assert await self._kept(self.main.emitWithAck("echo", {"x": [1, "ü"]})) == {"x": [1, "ü"]}

    async def _binary(self) -> None:
        sent = [b"\x00\x01\x1e", {"b": b"xyz"}]
        assert await self._kept(self.main.emitWithAck("echo", sent)) == sent

    async def _questions(self) -> None:
        self._kept(self.main.emit("ask", self._next()))
        assert await self._kept(self.main.emitWithAck("echo", "answered")) == "answered"

    async def _otherNamespace(self) -> None:
        await self.foo.whenConnected()
        assert await self._kept(self.foo.emitWithAck("echo", 1)) == 1

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _kept(self, later: Deferred[Any]) -> Deferred[Any]:
        """
        Remember what became of a Deferred.
        """
        outcome: list[Any] = []
        self.calls.append(outcome)

        def note(result: Any) -> Any:
            outcome.append(result)
            return result

        return later.addBoth(note)

    # the judgement

    def judge(self, cuts: list[float], slack: float = 0.0) -> None:
        """
        What must be true whatever happened to the network.

        @param cuts: when connections were cut.
        @param slack: how many seconds later that may be noticed.
        """
        assert all(len(each) == 1 for each in self.calls), "a Deferred has not fired"
        assert self.news == sorted(set(self.news)), "received twice, or out of order"
        notes = self._server.notes
        assert notes == sorted(set(notes)), "delivered twice, or out of order"
        assert set(self.noted) <= set(notes), "acknowledged, but not received"
        for answer in self._server.answered:
            assert answer[1] == b"12"
        for socket in (self.main, self.foo):
            self._judgeEvents(socket, cuts, slack)

    def _judgeEvents(self, socket: Socket, cuts: list[float], slack: float) -> None:
        connected = False
        for when, namespace, event, what in self.told:
            if namespace != socket.nsp:
                continue
            assert connected == (event == "disconnect"), (event, what)
            connected = event == "connect"
            if not connected and what != "io client disconnect":
                assert any(each <= when <= each + slack for each in cuts), (when, event, what)
                self._judgeReason(event, what)
        assert not connected and not socket.active

    def _judgeReason(self, event: str, what: Any) -> None:
        if event == "disconnect":
            assert what in LOSSES, what
        else:
            assert isinstance(what, SocketIOError), what
            assert not str(what).startswith("timeout"), what

    @property
    def losses(self) -> int:
        """
        How often the main socket lost its session, or did not get one.
        """
        return sum(
            namespace == "/" and event != "connect" and what != "io client disconnect"
            for _, namespace, event, what in self.told
        )


class Failures:
    """
    The failures that are logged while it is entered.
    """

    def __enter__(self) -> list[Any]:
        self._seen: list[Any] = []
        globalLogPublisher.addObserver(self._observe)
        return self._seen

    def __exit__(self, *ignored: object) -> None:
        globalLogPublisher.removeObserver(self._observe)

    def _observe(self, event: Any) -> None:
        if event.get("log_failure") is not None:
            self._seen.append(event["log_failure"])


def _lost(failure: Failure) -> None:
    failure.trap(Disconnected)


def telling(story: Story, beat: Callable[[], Awaitable[Any]]) -> Deferred[None]:
    """
    Tell a story.
    """
    return ensureDeferred(story.tell(beat))
