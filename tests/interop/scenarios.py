"""
What every server must do with us, over every transport.

L{Scenarios} is a mixin: a class of tests names its server's kind and its
transports.  A test gets C{server}, and C{connect}, which gives connected
sockets and ends them all after the test; the guards of conftest.py then prove
that nothing of them is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredList, gatherResults

from interop.servers import ServerPool, ServerProcess
from support import deferred, failureOf, sleep, until
from txsocketio import ConnectRefused, PayloadTooLarge, Socket, SocketIOService, io
from txsocketio.errors import Dropped

LIMIT = 30.0
"""
Seconds for one test: what takes 0.1 s on an idle machine, on a busy one.
"""

Make = Callable[..., ServerProcess]
Connect = Callable[..., Awaitable[Socket]]


class Clients:
    """
    The sockets of one test.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._sockets: list[Socket] = []

    def make(self, server: ServerProcess, where: str = "", **options: Any) -> Socket:
        """
        A socket of its own manager (unless C{forceNew=False} is given) that
        connects.
        """
        chosen = {"forceNew": True, "reconnectionDelay": 0.1, "randomizationFactor": 0}
        chosen |= self.options | options
        return self.keep(io(server.url + where, **chosen))

    async def connect(self, server: ServerProcess, where: str = "", **options: Any) -> Socket:
        """
        The same, connected.
        """
        return await self.make(server, where, **options).whenConnected()

    def keep(self, socket: Socket) -> Socket:
        """
        End this socket after the test, too.
        """
        self._sockets.append(socket)
        return socket

    def end(self) -> Deferred[Any]:
        """
        @return: fires when all have been disconnected and are gone.
        """
        for socket in self._sockets:
            socket.disconnect()
        return DeferredList([socket.whenDisconnected() for socket in self._sockets])


def useClients(**options: Any) -> Iterator[Clients]:
    """
    The body of a fixture that ends its clients.
    """
    from twisted.internet import reactor

    made = Clients(**options)
    yield made
    pytest_twisted.blockon(made.end().addTimeout(10, reactor))


def collect(socket: Socket, event: Any) -> list[Any]:
    """
    The first argument of each such event, as it comes.
    """
    seen: list[Any] = []
    socket.on(event, lambda value: seen.append(value))
    return seen


async def handshakeOf(server: ServerProcess, socket: Socket) -> Any:
    """
    What the server saw of this socket's session.
    """
    log = await server.control("log")
    return next(each for each in log["handshakes"] if each["id"] == socket.id)


class Scenarios:
    """
    @cvar kind: which server.
    @cvar transports: by what to connect.
    @cvar most: the largest message, in bytes on the wire, that gets through.
    """

    kind: str
    transports: tuple[str, ...]
    most = 1_000_000

    @pytest.fixture
    def server(self, sharedServers: ServerPool) -> ServerProcess:
        return sharedServers.get(self.kind)

    @pytest.fixture
    def clients(self) -> Iterator[Clients]:
        yield from useClients(transports=self.transports)

    # connecting

    @deferred(LIMIT)
    async def test_connect(self, server: ServerProcess, clients: Clients) -> None:
        """
        Once connected, the socket's id is the one that the server knows.
        """
        socket = await clients.connect(server)
        assert socket.connected
        assert socket.id == await socket.emitWithAck("getId")

    @deferred(LIMIT)
    async def test_transport(self, server: ServerProcess, clients: Clients) -> None:
        """
        The connection ends up on the last of the transports asked for, and
        works there.
        """
        socket = await self.settled(server, clients)
        assert await socket.emitWithAck("echo", "there") == "there"

    @deferred(LIMIT)
    async def test_disconnect(self, server: ServerProcess, clients: Clients) -> None:
        """
        After C{disconnect()} the server knows the socket no more, and that it
        was the client's wish.
        """
        socket = await clients.connect(server)
        sid = socket.id
        await socket.disconnect().whenDisconnected()

        async def gone() -> str | None:
            log = await server.control("log")
            return next((e["reason"] for e in log["disconnects"] if e["id"] == sid), None)

        while (reason := await gone()) is None:
            await sleep(0.01)
        assert reason in ("client namespace disconnect", "client disconnect")

    @deferred(LIMIT)
    async def test_connectAgain(self, server: ServerProcess, clients: Clients) -> None:
        """
        A socket that was disconnected can be connected again.
        """
        socket = await clients.connect(server)
        await socket.disconnect().whenDisconnected()
        await socket.connect().whenConnected()
        assert await socket.emitWithAck("echo", 2) == 2

    @deferred(LIMIT)
    async def test_disconnectWhileConnecting(
        self, server: ServerProcess, clients: Clients
    ) -> None:
        """
        A socket can be given up before it is connected.
        """
        socket = clients.make(server)
        await socket.disconnect().whenDisconnected()
        assert not socket.connected

    # events and acknowledgements

    @deferred(LIMIT)
    async def test_event(self, server: ServerProcess, clients: Clients) -> None:
        """
        Events go both ways with their arguments.
        """
        socket = await clients.connect(server)
        seen: list[Any] = []
        socket.on("back", lambda a, b, c: seen.append((a, b, c)))
        sent = ("zwei \U0001f600", {"x": [None, 1.5]}, False)
        socket.emit("back", *sent)
        await until(lambda: seen)
        assert seen == [sent]

    @deferred(LIMIT)
    async def test_ackCallback(self, server: ServerProcess, clients: Clients) -> None:
        """
        A callable as last argument is called with the answer.
        """
        socket = await clients.connect(server)
        answers: list[Any] = []
        socket.emit("echoAll", 1, "a", lambda *answer: answers.append(answer))
        await until(lambda: answers)
        assert answers == [(1, "a")]

    @deferred(LIMIT)
    async def test_emitWithAck(self, server: ServerProcess, clients: Clients) -> None:
        """
        No answer is None, one argument itself, several a tuple.
        """
        socket = await clients.connect(server)
        assert await socket.emitWithAck("echo", [1]) == [1]
        assert await socket.emitWithAck("echoAll", 1, [2]) == (1, [2])

    @deferred(LIMIT)
    async def test_answerByArgument(self, server: ServerProcess, clients: Clients) -> None:
        """
        A listener with a parameter C{ack} answers by calling it.
        """
        socket = await clients.connect(server)
        socket.on("question", lambda value, ack: ack(value, "and more"))
        answered = self.answerTo(socket)
        socket.emit("ask", "q")
        assert await answered == ("q", "and more")

    @deferred(LIMIT)
    async def test_answerByReturn(self, server: ServerProcess, clients: Clients) -> None:
        """
        What a listener returns is the answer; a tuple is several arguments.
        """
        socket = await clients.connect(server)
        socket.on("question", lambda value: (value, {"b": b"\x00\xff"}))
        answered = self.answerTo(socket)
        socket.emit("ask", 5)
        assert await answered == (5, {"b": b"\x00\xff"})

    @deferred(LIMIT)
    async def test_answerByCoroutine(self, server: ServerProcess, clients: Clients) -> None:
        """
        An C{async def} listener answers with what it returns in the end,
        having talked to the server itself.
        """
        socket = await clients.connect(server)

        @socket.on("question")
        async def question(value: str) -> Any:
            return value, await socket.emitWithAck("echo", value * 2)

        answered = self.answerTo(socket)
        socket.emit("ask", "ab")
        assert await answered == ("ab", "abab")

    @deferred(LIMIT)
    async def test_serverWaitsForAnswer(self, server: ServerProcess, clients: Clients) -> None:
        """
        The server's own emitWithAck fires with our answer.
        """
        socket = await clients.connect(server)
        socket.on("sum", lambda a, b: a + b)
        asked = server.control("emitWithAck", event="sum", args=[2, 3], sid=socket.id)
        assert await asked == 5

    def answerTo(self, socket: Socket) -> Deferred[Any]:
        """
        What the server got for its question: two arguments, whatever it
        appends (an offset, with connection state recovery).
        """
        answered: Deferred[Any] = Deferred()
        socket.once("answered", lambda a, b: answered.callback((a, b)))
        return answered

    # binary

    @deferred(LIMIT)
    async def test_binaryAlone(self, server: ServerProcess, clients: Clients) -> None:
        """
        Bytes go both ways unchanged, also in answers.
        """
        socket = await clients.connect(server)
        sent = bytes(range(256))
        assert await socket.emitWithAck("echo", sent) == sent
        assert await socket.emitWithAck("echo", bytearray(sent)) == sent
        assert await socket.emitWithAck("echo", b"") == b""

    @deferred(LIMIT)
    async def test_binaryNested(self, server: ServerProcess, clients: Clients) -> None:
        """
        Bytes anywhere within the arguments go both ways unchanged.
        """
        socket = await clients.connect(server)
        sent = {"a": [b"1", {"b": b"\x1e2", "c": "d"}], "e": None}
        assert await socket.emitWithAck("echoAll", sent, b"x") == (sent, b"x")

    @deferred(LIMIT)
    async def test_binaryEvent(self, server: ServerProcess, clients: Clients) -> None:
        """
        The server's binary event arrives as bytes, in order with texts.
        """
        socket = await clients.connect(server)
        seen = collect(socket, "back")
        for each in (b"\x00", "text", [b"1", b"2"], "end"):
            socket.emit("back", each)
        await until(lambda: len(seen) == 4)
        assert seen == [b"\x00", "text", [b"1", b"2"], "end"]

    # namespaces

    @deferred(LIMIT)
    async def test_twoNamespaces(self, server: ServerProcess, clients: Clients) -> None:
        """
        Two namespaces share one connection and know only their own events.
        """
        main = await clients.connect(server, forceNew=False)
        foo = await clients.connect(server, "/foo", forceNew=False)
        assert foo.io is main.io
        assert foo.id != main.id
        mains, foos = collect(main, "back"), collect(foo, "back")
        main.emit("back", "main")
        foo.emit("back", "foo")
        await until(lambda: mains and foos)
        assert (mains, foos) == (["main"], ["foo"])

    @deferred(LIMIT)
    async def test_oneNamespaceLeaves(self, server: ServerProcess, clients: Clients) -> None:
        """
        When one namespace leaves, the other stays on the same connection.
        """
        main = await clients.connect(server)
        foo = clients.keep(main.io.socket("/foo"))
        await foo.whenConnected()
        engine = main.io.engine
        await main.disconnect().whenDisconnected()
        assert await foo.emitWithAck("echo", 1) == 1
        assert foo.io.engine is engine

    @deferred(LIMIT)
    async def test_refused(self, server: ServerProcess, clients: Clients) -> None:
        """
        A refusal comes with the server's message and data, and is final.
        """
        socket = clients.make(server, "/no", auth={"who": "me"})
        error = await failureOf(socket.whenConnected(), ConnectRefused)
        assert isinstance(error, ConnectRefused)
        assert error.message == "Auth failed (custom namespace)"
        assert error.data == {"code": "refused", "auth": {"who": "me"}}
        assert (socket.active, socket.io.nextAttempt) == (False, None)

    @deferred(LIMIT)
    async def test_refusedBesideAnother(self, server: ServerProcess, clients: Clients) -> None:
        """
        A refused namespace does not disturb the one that is connected.
        """
        main = await clients.connect(server)
        refused = clients.keep(main.io.socket("/no"))
        await failureOf(refused.whenConnected(), ConnectRefused)
        assert await main.emitWithAck("echo", "still here") == "still here"

    # what the server is told

    @deferred(LIMIT)
    async def test_authValue(self, server: ServerProcess, clients: Clients) -> None:
        """
        C{auth} reaches the server, which lets us in.
        """
        socket = await clients.connect(server, "/token", auth={"token": "secret", "n": 1})
        assert (await handshakeOf(server, socket))["auth"] == {"token": "secret", "n": 1}

    @deferred(LIMIT)
    async def test_authCallable(self, server: ServerProcess, clients: Clients) -> None:
        """
        C{auth} may be an C{async def}; it is asked at each connection.
        """
        asked: list[int] = []

        async def auth() -> Any:
            asked.append(len(asked))
            return {"token": "secret", "time": asked[-1]}

        socket = await clients.connect(server, "/token", auth=auth)
        await socket.disconnect().whenDisconnected()
        await socket.connect().whenConnected()
        assert (await handshakeOf(server, socket))["auth"]["time"] == 1

    @deferred(LIMIT)
    async def test_queryAndHeaders(self, server: ServerProcess, clients: Clients) -> None:
        """
        Query and headers reach the server's handshake.
        """
        socket = await clients.connect(
            server, "?a=1", query={"b c": "ü&="}, extraHeaders={"X-Seen": "yes"}
        )
        handshake = await handshakeOf(server, socket)
        assert (handshake["query"]["a"], handshake["query"]["b c"]) == ("1", "ü&=")
        assert handshake["headers"]["x-seen"] == "yes"

    # losing the connection

    @deferred(LIMIT)
    async def test_killedAndRestarted(self, newServer: Make, clients: Clients) -> None:
        """
        The server is killed and comes back: so do we, and what was emitted
        meanwhile arrives once and in order.
        """
        server = newServer(self.kind)
        socket = await clients.connect(server)
        before = socket.id
        lost: Deferred[Any] = Deferred()
        socket.once("disconnect", lost.callback)
        await server.kill()
        assert await lost in ("transport close", "transport error")
        answers = gatherResults([socket.emitWithAck("numbered", n) for n in range(30)])
        assert len(socket.sendBuffer) == 30
        await server.restart()
        assert await answers == list(range(30))
        assert (await server.control("log"))["numbers"] == list(range(30))
        assert socket.id != before

    @deferred(LIMIT)
    async def test_serverNotYetThere(self, newServer: Make, clients: Clients) -> None:
        """
        A client that starts before its server waits for it.
        """
        server = newServer(self.kind)
        await server.kill()
        socket = clients.make(server)
        refused: Deferred[Any] = Deferred()
        socket.once("connect_error", refused.callback)
        await refused
        await server.restart()
        await socket.whenConnected()

    @deferred(LIMIT)
    async def test_serverDisconnects(self, server: ServerProcess, clients: Clients) -> None:
        """
        A socket that the server disconnects does not come back by itself.
        """
        socket = await clients.connect(server)
        lost: Deferred[Any] = Deferred()
        socket.once("disconnect", lost.callback)
        await server.control("kick", sid=socket.id)
        assert await lost == "io server disconnect"
        assert not socket.active
        assert (socket.io.state, socket.io.nextAttempt) == ("closed", None)

    @deferred(LIMIT)
    async def test_serverClosesEngine(self, server: ServerProcess, clients: Clients) -> None:
        """
        When the server closes the whole connection, we come back.
        """
        socket = await clients.connect(server)
        lost: Deferred[Any] = Deferred()
        socket.once("disconnect", lost.callback)
        socket.emit("closeMyEngine")
        assert await lost == "transport close"
        await socket.whenConnected()
        assert await socket.emitWithAck("echo", "back") == "back"

    # buffers

    @deferred(LIMIT)
    async def test_offlineBuffer(self, server: ServerProcess, clients: Clients) -> None:
        """
        What is emitted before the socket is connected is sent afterwards, in
        order, and before what is emitted in C{connect}.
        """
        socket = clients.make(server, autoConnect=False)
        answers: list[int] = []
        for n in range(3):
            socket.emit("echo", n, answers.append)
        socket.on("connect", lambda: socket.emit("echo", 3, answers.append))
        await socket.connect().whenConnected()
        await until(lambda: len(answers) == 4)
        assert answers == [0, 1, 2, 3]

    @deferred(LIMIT)
    async def test_volatileOffline(self, server: ServerProcess, clients: Clients) -> None:
        """
        A volatile event is dropped while the socket is not connected, and
        whoever emitted it is told; connected, it is sent.
        """
        socket = clients.make(server, autoConnect=False)
        seen = collect(socket, "back")
        assert await socket.volatile.emit("back", "dropped") is False
        await failureOf(socket.volatile.emitWithAck("echo", 1), Dropped)
        await socket.connect().whenConnected()
        assert await socket.volatile.emit("back", "sent") is True
        await until(lambda: seen)
        assert seen == ["sent"]

    # many and large

    @deferred(LIMIT)
    async def test_manyAtOnce(self, server: ServerProcess, clients: Clients) -> None:
        """
        A hundred small events in one turn: more than python-engineio takes in
        one payload.
        """
        socket = await clients.connect(server)
        answers = [socket.emitWithAck("echo", n) for n in range(100)]
        assert await gatherResults(answers) == list(range(100))
        assert socket.connected

    @deferred(LIMIT)
    async def test_manyAnswersAtOnce(self, server: ServerProcess, clients: Clients) -> None:
        """
        The server may put any number of packets into one payload.
        """
        socket = await clients.connect(server)
        seen = collect(socket, "number")
        socket.emit("count", 300)
        await until(lambda: len(seen) == 300, LIMIT)
        assert seen == list(range(300))

    @pytest.mark.parametrize("size", [65536, 921600])
    @deferred(LIMIT)
    async def test_large(self, server: ServerProcess, clients: Clients, size: int) -> None:
        """
        64 KiB, and 900 KiB, just below what servers accept by default, go
        both ways.
        """
        socket = await self.settled(server, clients)
        sent = "x" * min(size, self.most)
        assert await socket.emitWithAck("echo", sent) == sent

    @deferred(LIMIT)
    async def test_largeBinary(self, server: ServerProcess, clients: Clients) -> None:
        """
        600 KiB of bytes go both ways, base64 where the transport wants it.
        """
        socket = await self.settled(server, clients)
        sent = (bytes(range(256)) * 2400)[: self.most // 4 * 3]
        assert await socket.emitWithAck("echo", sent) == sent

    async def settled(self, server: ServerProcess, clients: Clients, **options: Any) -> Socket:
        """
        A socket on its last transport.
        """
        socket = await clients.connect(server, **options)
        await until(lambda: socket.io.engine.transport.name == self.transports[-1])
        return socket

    @deferred(LIMIT)
    async def test_tooLarge(self, server: ServerProcess, clients: Clients) -> None:
        """
        What the server would hang up on is not sent: the call fails and the
        connection stays.
        """
        socket = await clients.connect(server)
        engine = socket.io.engine
        for large in ("x" * 1_000_001, b"x" * 1_000_001):
            await failureOf(socket.emit("echo", large), PayloadTooLarge)
            await failureOf(socket.emitWithAck("echo", large), PayloadTooLarge)
        assert await socket.emitWithAck("echo", "small") == "small"
        assert socket.io.engine is engine

    @deferred(LIMIT)
    async def test_tooLargeOffline(self, server: ServerProcess, clients: Clients) -> None:
        """
        The same for what waited for the connection; what waits behind it is
        sent, and each caller is told once.
        """
        socket = clients.make(server, autoConnect=False)
        told: list[Any] = []
        patient = socket.timeout(60.0)
        patient.emit("echo", "x" * 1_000_001, told.append).addErrback(lambda _: None)
        asked = patient.emitWithAck("echo", "x" * 1_000_001)
        small = socket.emitWithAck("echo", "small")
        socket.connect()
        await failureOf(asked, PayloadTooLarge)
        assert await small == "small"
        await until(lambda: socket.settled)
        assert [type(each) for each in told] == [PayloadTooLarge]

    # as a service

    @deferred(LIMIT)
    async def test_service(self, server: ServerProcess) -> None:
        """
        A service connects, stops when all was sent and answered, and can be
        started again.
        """
        answers: list[Any] = []
        service = SocketIOService(
            server.url,
            lambda socket: socket.on("connect", lambda: socket.emit("echo", 1, answers.append)),
            transports=self.transports,
        )
        for _ in range(2):
            service.startService()
            await service.socket.whenConnected()
            await service.stopService()
            assert not service.socket.connected
        assert answers == [1, 1]
