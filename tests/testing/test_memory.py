"""
What may go wrong between a client and the server in memory.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txsocketio import Manager, io
from txsocketio.errors import AckTimeout, DecodeError, TransportError
from txsocketio.protocol.engineio import CloseDetails
from txsocketio.testing import MemoryServer


class Heard(list[Any]):
    """
    What a socket's users hear of its connection.
    """

    def __init__(self, socket: Any) -> None:
        super().__init__()
        for event in ("connect", "connect_error", "disconnect"):
            socket.on(event, lambda *args, event=event: self.append((event, *args)))


def serverAndSocket(**options: Any) -> tuple[MemoryServer, Any, Heard]:
    server = MemoryServer(Clock())
    socket = server.connect(**options)
    heard = Heard(socket)
    server.flush()
    return server, socket, heard


# clients


def test_nothingInTheCall() -> None:
    """
    Connecting needs a turn of the clock.
    """
    server = MemoryServer(Clock())
    socket = server.connect()
    assert (socket.connected, server.attempts) == (False, [])


def test_connect() -> None:
    """
    A turn later everything has happened.
    """
    server, socket, heard = serverAndSocket()
    assert socket.connected and heard == [("connect",)]


def test_pathIsTheNamespace() -> None:
    """
    The convenience takes URLs as C{io} does.
    """
    server = MemoryServer(Clock())
    server.of("/chat")
    socket = server.connect("http://memory/chat")
    server.flush()
    assert (socket.nsp, socket.connected) == ("/chat", True)


@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
def test_anyClient(scheme: str) -> None:
    """
    The options bring any client here, by whatever URL, without a network.
    """
    server = MemoryServer(Clock())
    manager = Manager(f"{scheme}://example.com", **server.options())
    socket = manager.socket("/")
    server.flush()
    assert socket.connected


def test_sharedManager() -> None:
    """
    C{io} shares a manager in memory as it does on a network.
    """
    server = MemoryServer(Clock())
    server.of("/b")
    options = server.options()
    first, second = io("http://memory/", **options), io("http://memory/b", **options)
    server.flush()
    assert first.io is second.io and second.connected
    assert len(server.connections) == 1


def test_queryAndHeaders() -> None:
    """
    The server sees query and headers of everybody who knocks.
    """
    server = MemoryServer(Clock())
    server.connect(query={"room": "a b"}, extraHeaders={"X-Token": "t"})
    server.flush()
    assert server.attempts[0].query["room"] == "a b"
    assert server.connection.headers["x-token"] == "t"


def test_cookies() -> None:
    """
    Cookies set by the server come back with the next attempt.
    """
    server, socket, heard = serverAndSocket()
    server.responseHeaders = [("Set-Cookie", "node=7")]
    for _ in range(2):
        server.connection.drop()
        server.advance(10)
    assert [each.headers.get("cookie") for each in server.attempts] == [None, None, "node=7"]


def test_unknownOption() -> None:
    """
    A misspelt option is an error, not a default.
    """
    with pytest.raises(TypeError, match="pingIntervall"):
        MemoryServer(Clock(), pingIntervall=1)


# faults: who comes in


def test_refuse() -> None:
    """
    A refusal carries status, headers and body; the attempt after it succeeds.
    """
    server = MemoryServer(Clock())
    server.refuse(status=503, headers=[("Retry-After", "3")], body=b"busy")
    socket = server.connect()
    heard = Heard(socket)
    server.flush()
    error = heard[0][1]
    assert isinstance(error, TransportError)
    assert (error.status, error.body, error.header("retry-after")) == (503, b"busy", "3")
    server.advance(5)
    assert heard[1:] == [("connect",)]


def test_refuseAlways() -> None:
    """
    Everybody is refused, until the server accepts again.
    """
    server = MemoryServer(Clock())
    server.refuse(None)
    socket = server.connect(reconnectionAttempts=3)
    server.advance(60)
    assert len(server.attempts) == 4 and not socket.active
    server.accept()
    socket.connect()
    server.flush()
    assert socket.connected


def test_refuseWithAnErrorOfOnesOwn() -> None:
    """
    A test may say exactly what the client hears.
    """
    server = MemoryServer(Clock())
    error = TransportError("websocket error", explanation="no route to host")
    server.refuse(error=error)
    heard = Heard(server.connect())
    server.flush()
    assert heard == [("connect_error", error)]


def test_ignore() -> None:
    """
    A server that never answers is noticed by the client's own timeout.
    """
    server = MemoryServer(Clock())
    server.ignore()
    heard = Heard(server.connect(timeout=5))
    server.advance(4.9)
    assert heard == []
    server.advance(0.1)
    assert [str(each[1].message) for each in heard] == ["timeout"]


@pytest.mark.parametrize("packet", ["0{}", '42["early"]', "zzz", "\udcff", b"\0"])
def test_greet(packet: str | bytes) -> None:
    """
    Something else than OPEN, be it text, binary or not even UTF-8.
    """
    server = MemoryServer(Clock())
    server.greet(packet)
    heard = Heard(server.connect())
    server.flush()
    assert isinstance(heard[0][1], DecodeError)


def test_greetWithNothing() -> None:
    """
    A server that lets the client in and says nothing.
    """
    server = MemoryServer(Clock())
    server.greet()
    heard = Heard(server.connect(timeout=5))
    server.advance(5)
    assert [each[0] for each in heard] == ["connect_error"]


# faults: the network


@pytest.mark.parametrize("reason", ["transport close", "transport error"])
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_drop(reason: str, transport: str) -> None:
    """
    The client hears the reason a test wants, with details of that kind.
    """
    server, socket, heard = serverAndSocket(transports=[transport])
    server.connection.drop(reason)
    assert socket.connected
    server.flush()
    kind = CloseDetails if reason == "transport close" else TransportError
    assert heard[1][:2] == ("disconnect", reason) and isinstance(heard[1][2], kind)


def test_dropWithDetails() -> None:
    """
    The client hears the details a test wants.
    """
    server, socket, heard = serverAndSocket()
    details = CloseDetails("gone", {"code": 1012})
    server.connection.drop(details=details)
    server.flush()
    assert heard[1] == ("disconnect", "transport close", details)


def test_dropDeliversWhatIsUnderWay() -> None:
    """
    What was sent before the drop arrives before it.
    """
    server, socket, heard = serverAndSocket()
    socket.on("last", heard.append)
    server.emit("last", "words")
    server.connection.drop()
    server.flush()
    assert [heard[1], heard[2][0]] == ["words", "disconnect"]


def test_droppedWhileStalled() -> None:
    """
    What is stuck when the network breaks never arrives.
    """
    server, socket, heard = serverAndSocket()
    socket.on("last", heard.append)
    server.connection.stall()
    server.emit("last", "words")
    server.connection.drop()
    server.flush()
    assert [each[0] for each in heard] == ["connect", "disconnect"]


def test_stallIsAPulledCable() -> None:
    """
    Pings do not come through, so the client gives up by itself.
    """
    server, socket, heard = serverAndSocket()
    server.connection.stall()
    server.advance(45)
    assert heard[1][:2] == ("disconnect", "ping timeout")


def test_stallInAnUpgrade() -> None:
    """
    A new transport does not get round a pulled cable.
    """
    server = MemoryServer(Clock())
    socket = server.connect(transports=["polling", "websocket"], reconnection=False)
    socket.on("connect", lambda: server.connection.stall())
    heard = Heard(socket)
    server.advance(100)
    assert server.connection.transport == "polling"
    assert [each[0] for each in heard] == ["connect", "disconnect"]


def test_resume() -> None:
    """
    What was held back, on both sides, arrives in order.
    """
    server, socket, heard = serverAndSocket()
    socket.on("n", heard.append)
    server.connection.stall()
    for number in (1, 2):
        server.emit("n", number)
        socket.emit("m", number)
    server.flush()
    assert (heard[1:], server.received) == ([], [])
    server.connection.resume()
    server.flush()
    assert heard[1:] == [1, 2]
    assert server.received == [("/", "m", (1,)), ("/", "m", (2,))]


def test_congest() -> None:
    """
    A congested network takes nothing, and the client knows.
    """
    server, socket, heard = serverAndSocket()
    server.connection.congest()
    accepted: list[bool] = []
    socket.emit("a", "x" * 100).addCallback(accepted.append)
    socket.volatile.emit("b").addCallback(accepted.append)
    server.flush()
    assert (accepted, server.received) == ([False], [])
    assert socket.io.engine.bufferedAmount() > 100


def test_drain() -> None:
    """
    When it drains, what waited arrives, and whoever waited goes on.
    """
    server, socket, heard = serverAndSocket()
    server.connection.congest()
    accepted: list[bool] = []
    socket.emit("a").addCallback(accepted.append)
    server.connection.drain()
    server.flush()
    assert accepted == [True] and server.received == [("/", "a", ())]


def test_sendRaw() -> None:
    """
    A test can say what no server would.
    """
    server, socket, heard = serverAndSocket()
    server.connection.sendRaw('42["half')
    server.flush()
    assert heard[1][:2] == ("disconnect", "parse error")


def test_sendRawBytes() -> None:
    """
    Bytes are a binary message, here one that nothing announced.
    """
    server, socket, heard = serverAndSocket()
    server.connection.sendRaw(b"\1\2")
    server.flush()
    assert heard[1][:2] == ("disconnect", "parse error")
    assert server.connection.fromServer[-1] == "bAQI="


# time


def test_advanceGoesFromTimerToTimer() -> None:
    """
    An hour in one call is an hour of heartbeats, not a missed one.
    """
    server, socket, heard = serverAndSocket()
    server.advance(3600)
    assert socket.connected
    assert server.connection.fromClient.count("3") == 3600 // 25


def test_nothingIsLeft() -> None:
    """
    When the clients are gone, no timer is left.
    """
    server, socket, heard = serverAndSocket(transports=["polling", "websocket"])
    socket.disconnect()
    server.flush()
    assert (server.live, server.clock.getDelayedCalls()) == ([], [])  # type: ignore[attr-defined]


def test_stop() -> None:
    """
    The server can hang up on everybody.
    """
    server, socket, heard = serverAndSocket(reconnection=False)
    server.stop()
    server.flush()
    assert heard[1][:2] == ("disconnect", "transport close")
    assert server.clock.getDelayedCalls() == []  # type: ignore[attr-defined]


def test_newcomerOnAPulledCable() -> None:
    """
    A cable that is pulled before an upgrade's transport knocks holds that one
    back too; put in again, the upgrade is done.
    """
    server = MemoryServer(Clock())
    socket = server.connect(transports=["polling", "websocket"])
    socket.io.on("open", lambda: server.connection.stall())
    server.advance(1)
    assert len(server.attempts) == 2 and "2probe" not in server.connection.fromClient
    server.connection.resume()
    server.advance(1)
    assert socket.connected and server.connection.transport == "websocket"


class Refused(list[Any]):
    """
    Writes down why a transport was refused.
    """

    def transportClosed(self, reason: str, error: Any) -> None:
        self.append((reason, error.status))


def test_sessionThatWantsNobody() -> None:
    """
    A transport that wants to join a session already on WebSocket is refused;
    the session lives on.
    """
    server, socket, heard = serverAndSocket()
    newcomer: Any = server.transport()(socket.io.engine._wire, server.connection.sid)
    refused: Any = Refused()
    newcomer.open(refused)
    server.flush()
    assert refused == [("transport error", 400)] and socket.connected


def test_noNetwork() -> None:
    """
    A transport of a real network finds none behind the options for memory,
    and hears so.
    """
    failures: list[Any] = []
    MemoryServer(Clock()).options()["endpoint"].connect(None).addErrback(failures.append)
    failures[0].trap(TransportError)
    assert "no network" in str(failures[0].value)


def test_waitFor() -> None:
    """
    A test may wait for an answer as if it were awaited, a coroutine's result
    too, and no longer than it takes.
    """
    server, socket, heard = serverAndSocket()
    server.sockets[0].on("add", lambda a, b: a + b)

    async def twice() -> list[int]:
        return [await socket.emitWithAck("add", 1, n) for n in (1, 2)]

    before = server.clock.seconds()
    assert server.waitFor(socket.emitWithAck("add", 1, 2)) == 3
    assert server.waitFor(twice()) == [2, 3]
    assert server.clock.seconds() == before


def test_waitForAFailure() -> None:
    """
    What a Deferred fails with is raised, when its time has come.
    """
    server, socket, heard = serverAndSocket()
    with pytest.raises(AckTimeout):
        server.waitFor(socket.timeout(5).emitWithAck("silence"))
    assert server.clock.seconds() == 5


def test_waitForInVain() -> None:
    """
    What never comes fails the test, and says how long it was waited for.
    """
    server, socket, heard = serverAndSocket()
    never: Deferred[None] = Deferred()
    with pytest.raises(AssertionError, match="no result within 30 s: <Deferred"):
        server.waitFor(never, 30)


def test_timeOfAReactor() -> None:
    """
    On a reactor time cannot be made to pass; the mistake says what to do.
    """
    from twisted.internet import reactor

    with pytest.raises(TypeError, match=r"MemoryServer\(Clock\(\)\)"):
        MemoryServer(reactor).flush()
