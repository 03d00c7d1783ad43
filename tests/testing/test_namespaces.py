"""
Namespaces and sockets of the server in memory.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txsocketio.errors import AckTimeout, ConnectRefused, Disconnected
from txsocketio.testing import MemoryServer, ServerSocket


def connected(namespace: str = "/", **options: Any) -> tuple[MemoryServer, Any, ServerSocket]:
    """
    A server, a client's socket, and the server's socket of that client.
    """
    server = MemoryServer(Clock())
    server.of(namespace)
    socket = server.connect(f"http://memory{namespace}", **options)
    server.flush()
    (ours,) = server.sockets
    return server, socket, ours


def refusalOf(check: Any, **options: Any) -> tuple[str, Any]:
    """
    What a client hears of a server with that check.
    """
    server = MemoryServer(Clock())
    server.use("/", check)
    socket = server.connect(**options)
    errors: list[ConnectRefused] = []
    socket.on("connect_error", errors.append)
    server.flush()
    assert not socket.connected
    return errors[0].message, errors[0].data


# joining


def test_connection() -> None:
    """
    C{connection} brings the socket; its id is the client's.
    """
    server = MemoryServer(Clock())
    came: list[ServerSocket] = []
    server.on("connection", came.append)
    socket = server.connect(auth={"token": "t"})
    server.flush()
    assert [each.id for each in came] == [socket.id]
    assert came[0].auth == {"token": "t"}


def test_decorator() -> None:
    """
    C{on} without a listener is a decorator, on server, namespace and socket.
    """
    server = MemoryServer(Clock())

    @server.on("connection")
    def connection(client: ServerSocket) -> None:
        @client.on("hi")
        def hi() -> str:
            return "ho"

    answers: list[Any] = []
    server.connect().emitWithAck("hi").addCallback(answers.append)
    server.flush()
    assert answers == ["ho"]


def test_unknownNamespace() -> None:
    """
    Only namespaces that were named can be joined.
    """
    server = MemoryServer(Clock())
    socket = server.connect("http://memory/nowhere")
    errors: list[ConnectRefused] = []
    socket.on("connect_error", errors.append)
    server.flush()
    assert errors[0].message == "Invalid namespace"


@pytest.mark.parametrize(
    ("refusal", "heard"),
    [("not you", ("not you", None)), (("not you", {"code": 7}), ("not you", {"code": 7}))],
)
def test_refusal(refusal: Any, heard: tuple[str, Any]) -> None:
    """
    A check refuses with a text, and perhaps with data.
    """
    assert refusalOf(lambda auth: refusal) == heard


def test_refusalByConnection() -> None:
    """
    A check may look at the connection as well.
    """

    def check(auth: Any, connection: Any) -> str | None:
        return None if "key" in connection.query else f"no key, {auth}"

    assert refusalOf(check, auth={"a": 1}) == ("no key, {'a': 1}", None)


def test_checkThatRaises() -> None:
    """
    A check that fails refuses.
    """

    def check(auth: Any) -> None:
        raise RuntimeError("database gone")

    assert refusalOf(check) == ("database gone", None)


def test_checkLetsIn() -> None:
    """
    A check that returns nothing lets the client in, at once or later; every
    check is asked.
    """
    server = MemoryServer(Clock())
    later: Deferred[None] = Deferred()
    server.use("/", lambda auth: None)
    server.use("/", lambda auth: later)
    socket = server.connect()
    server.flush()
    assert not socket.connected
    later.callback(None)
    server.flush()
    assert socket.connected


def test_laterRefusal() -> None:
    """
    A check may take its time to refuse, and the next is not asked.
    """
    server = MemoryServer(Clock())
    later: Deferred[str] = Deferred()
    asked: list[Any] = []
    server.use("/", lambda auth: later)
    server.use("/", asked.append)
    socket = server.connect()
    errors: list[ConnectRefused] = []
    socket.on("connect_error", errors.append)
    server.flush()
    later.callback("too late")
    server.flush()
    assert (errors[0].message, asked) == ("too late", [])


def test_connectNeverAnswered() -> None:
    """
    A namespace may leave CONNECT without an answer.
    """
    server = MemoryServer(Clock())
    server.of("/").answersConnect = False
    socket = server.connect(connectTimeout=3)
    errors: list[Any] = []
    socket.on("connect_error", errors.append)
    server.advance(3)
    assert [each.message for each in errors] == ["timeout"]


# events


def test_received() -> None:
    """
    Every event of every client is written down.
    """
    server, socket, ours = connected("/chat")
    socket.emit("say", "hello", 2)
    server.flush()
    assert server.received == [("/chat", "say", ("hello", 2))]


def test_emit() -> None:
    """
    A namespace tells all of its sockets, a socket its client only.
    """
    server, socket, ours = connected()
    second = server.connect()
    heard: list[Any] = []
    for name, each in ("first", socket), ("second", second):
        each.on("n", lambda value, name=name: heard.append((name, value)))
    server.flush()
    ours.emit("n", 1)
    server.emit("n", 2)
    server.flush()
    assert sorted(heard) == [("first", 1), ("first", 2), ("second", 2)]


@pytest.mark.parametrize(
    "listener",
    [
        lambda a, b: a + b,
        lambda a, b, ack: ack(a + b),
        lambda *args: args[-1](args[0] + args[1]),
    ],
)
def test_answers(listener: Any) -> None:
    """
    A listener answers by returning, or by C{ack}, as the client's do.
    """
    server, socket, ours = connected()
    ours.on("add", listener)
    answers: list[Any] = []
    socket.emitWithAck("add", 1, 2).addCallback(answers.append)
    server.flush()
    assert answers == [3]


def test_laterAnswer() -> None:
    """
    A listener may return a Deferred.
    """
    server, socket, ours = connected()
    later: Deferred[str] = Deferred()
    ours.on("ask", lambda: later)
    answers: list[Any] = []
    socket.emitWithAck("ask").addCallback(answers.append)
    server.flush()
    assert answers == []
    later.callback("now")
    server.flush()
    assert answers == ["now"]


def test_nobodyAnswers() -> None:
    """
    Without a listener there is no answer.
    """
    server, socket, ours = connected()
    answered = socket.timeout(5).emitWithAck("ask")
    errors: list[Any] = []
    answered.addErrback(lambda failure: errors.append(failure.type))
    server.advance(5)
    assert errors == [AckTimeout]


def test_failingListener(flushLoggedErrors: Any) -> None:
    """
    A listener that raises is logged, and hurts nobody.
    """
    server, socket, ours = connected()
    ours.on("a", lambda: 1 / 0)
    socket.emit("a")
    socket.emitWithAck("a").addErrback(lambda failure: None)
    server.flush()
    assert socket.connected
    assert len(flushLoggedErrors(ZeroDivisionError)) == 2


def test_once() -> None:
    """
    C{once} listens once.
    """
    server, socket, ours = connected()
    heard: list[Any] = []
    ours.once("a", heard.append)
    socket.emit("a", 1)
    socket.emit("a", 2)
    server.flush()
    assert heard == [1]


def test_emitWithAck() -> None:
    """
    The server can ask as well, bytes included.
    """
    server, socket, ours = connected()
    socket.on("double", lambda value: value * 2)
    answers: list[Any] = []
    ours.emitWithAck("double", 4).addCallback(answers.append)
    ours.emitWithAck("double", b"ab").addCallback(answers.append)
    server.flush()
    assert answers == [8, b"abab"]


def test_emitWithAckTimeout() -> None:
    """
    A client that does not answer is not waited for longer than asked.
    """
    server, socket, ours = connected()
    errors: list[Any] = []
    ours.emitWithAck("x", timeout=2).addErrback(lambda failure: errors.append(failure.type))
    server.advance(2)
    assert errors == [AckTimeout]


# leaving


def test_disconnect() -> None:
    """
    The server puts a client out of the namespace; the connection stays.
    """
    server, socket, ours = connected()
    heard: list[Any] = []
    socket.on("disconnect", lambda reason: heard.append(reason))
    ours.on("disconnect", heard.append)
    ours.disconnect()
    server.flush()
    assert heard == ["server namespace disconnect", "io server disconnect"]
    assert (ours.connected, server.sockets) == (False, [])
    assert server.connection.fromServer[-1] == "41"


def test_disconnectAndClose() -> None:
    """
    The server can end the whole connection.
    """
    server, socket, ours = connected(reconnection=False)
    heard: list[Any] = []
    socket.on("disconnect", lambda reason: heard.append(reason))
    ours.disconnect(close=True)
    server.flush()
    assert heard == ["transport close"]


def test_disconnectSockets() -> None:
    """
    A namespace can be emptied.
    """
    server, socket, ours = connected("/chat")
    server.of("/chat").disconnectSockets()
    server.flush()
    assert not socket.connected


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (lambda socket: socket.disconnect(), "client namespace disconnect"),
        (lambda socket: socket.io.engine.transport.abort(), "transport close"),
    ],
)
def test_clientLeaves(leave: Any, reason: str) -> None:
    """
    The server's socket says why its client is gone.
    """
    server, socket, ours = connected()
    heard: list[str] = []
    ours.on("disconnect", heard.append)
    leave(socket)
    server.flush()
    assert heard == [reason]
    socket.disconnect()
    server.flush()


def test_leavingFailsQuestions() -> None:
    """
    What the server asked fails when the client is gone.
    """
    server, socket, ours = connected()
    errors: list[Any] = []
    ours.emitWithAck("x").addErrback(lambda failure: errors.append(failure.type))
    server.connection.drop()
    assert errors == [Disconnected]


# odds and ends


def test_reprs() -> None:
    """
    Namespaces and sockets in a failed assertion show what they are.
    """
    server, socket, ours = connected("/chat")
    assert repr(ours.namespace) == "<Namespace /chat with 1 sockets>"
    assert repr(ours) == f"<ServerSocket {socket.id} in /chat connected>"
    ours.disconnect()
    assert repr(ours).endswith("disconnected>")


def test_send() -> None:
    """
    C{send} sends the event C{message}.
    """
    server, socket, ours = connected()
    heard: list[Any] = []
    socket.on("message", lambda *args: heard.append(args))
    ours.send("a", 1)
    server.flush()
    assert heard == [("a", 1)]


def test_putOutTwice() -> None:
    """
    A client that was put out hears it once, and nothing after.
    """
    server, socket, ours = connected()
    ours.disconnect()
    ours.disconnect()
    ours.emit("late")
    assert server.connection.fromServer[2:] == ["41"]


def test_putOutByANeighbour() -> None:
    """
    A socket that another's C{disconnect} listener puts out as the connection
    ends leaves once.
    """
    server, socket, ours = connected()
    server.of("/b")
    socket.io.socket("/b").connect()
    server.flush()
    (other,) = server.of("/b").sockets.values()
    reasons: list[str] = []
    ours.on("disconnect", lambda reason: other.disconnect())
    other.on("disconnect", reasons.append)
    server.connection.drop()
    assert reasons == ["server namespace disconnect"]


def test_onceTakenAway() -> None:
    """
    A one-time listener that an earlier one of the same event took away does
    not hear the event.
    """
    server, socket, ours = connected()
    heard: list[str] = []

    def once() -> None:
        heard.append("once")

    ours.on("a", lambda: ours.off("a", once) and None)
    ours.once("a", once)
    socket.emit("a")
    server.flush()
    assert heard == []


def test_answeredTooLate() -> None:
    """
    A check that lets its client in after the client has gone lets nobody in.
    """
    server = MemoryServer(Clock())
    asked: Deferred[None] = Deferred()
    server.use("/", lambda auth: asked)
    server.connect()
    server.flush()
    server.connection.drop()
    asked.callback(None)
    assert server.sockets == []


def test_useWithoutNamespace() -> None:
    """
    C{@server.use} guards the main namespace, as C{@server.on} listens there.
    """
    server = MemoryServer(Clock())

    @server.use
    def check(auth: Any) -> str:
        return "not you"

    socket = server.connect()
    errors: list[Any] = []
    socket.on("connect_error", errors.append)
    server.flush()
    assert [error.message for error in errors] == ["not you"]


def test_useWithoutCheck() -> None:
    """
    C{@server.use("/chat")} is no decorator, and the error says what is.
    """
    with pytest.raises(TypeError, match=r"@of\('/chat'\)\.use"):
        MemoryServer(Clock()).use("/chat")
