"""
Every option of the engine, seen from the server's side: what it was sent, by
polling, by WebSocket, and through an upgrade.
"""

from __future__ import annotations

from itertools import dropwhile
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from interop.scenarios import Clients, collect
from interop.servers import ServerPool, ServerProcess
from interop.wires import (
    BOTH,
    LIMIT,
    POLLING,
    UPGRADE,
    WAYS,
    WEBSOCKET,
    assertWorks,
    clients,
    connectionError,
    lossesOf,
    settle,
)
from support import deferred, sleep, until
from txsocketio import Socket, TransportError, io
from txsocketio.errors import DecodeError
from txsocketio.transports.polling import PollingTransport
from txsocketio.transports.websocket import WebSocketTransport

__all__ = ["clients"]

pytestmark = pytest.mark.node

COOKIES = ["route=one; Path=/", "gone=1; Max-Age=0"]


class Request:
    """
    A request as the server saw it.
    """

    def __init__(self, seen: dict[str, Any]) -> None:
        self.method: str = seen["method"]
        self.headers: dict[str, str] = seen["headers"]
        parts = urlsplit(seen["url"])
        self.path = parts.path
        self.query = {name: value for name, (value, *_) in parse_qs(parts.query).items()}

    @property
    def transport(self) -> str:
        return self.query["transport"]


async def requestsOf(server: ServerProcess) -> list[Request]:
    """
    All of this test.
    """
    return [Request(each) for each in await server.control("requests")]


async def used(
    server: ServerProcess, clients: Clients, transports: Any, **options: Any
) -> tuple[Socket, list[Request]]:
    """
    A socket that has sent and received, and its requests; at least one of
    each kind that its transports have.
    """
    await server.control("clearRequests")
    socket = await settle(clients.make(server, transports=transports, **options), transports)
    await assertWorks(socket)
    requests = await requestsOf(server)
    assert {each.transport for each in requests} == set(transports)
    if "polling" in transports:
        assert {each.method for each in requests} == {"GET", "POST"}
    return socket, requests


async def cut(server: ServerProcess, socket: Socket, transports: Any) -> list[Request]:
    """
    Lose the connection and get a new one.

    @return: the requests of the new one.
    """
    losses = lossesOf(socket)
    await server.control("clearRequests")
    await server.control("cut")
    await until(lambda: losses)
    await assertWorks(await settle(socket, transports))
    requests = await requestsOf(server)
    # The old one may have asked for more in its last moment.
    return list(dropwhile(lambda each: "sid" in each.query, requests))


# where


@WAYS
@deferred(LIMIT)
async def test_path(sharedServers: ServerPool, clients: Clients, transports: Any) -> None:
    """
    C{path} is where all requests go, with a slash at the end.

    behaviours Q35
    """
    server = sharedServers.get("sio", path="/deep/down")
    _, requests = await used(server, clients, transports, path="/deep/down")
    assert {each.path for each in requests} == {"/deep/down/"}


@WAYS
@deferred(LIMIT)
async def test_addTrailingSlash(
    sharedServers: ServerPool, clients: Clients, transports: Any
) -> None:
    """
    C{addTrailingSlash=False} leaves the slash out.

    behaviours H8, Q35
    """
    server = sharedServers.get("sio", path="/flat", addTrailingSlash=False)
    options = {"path": "/flat", "addTrailingSlash": False}
    _, requests = await used(server, clients, transports, **options)
    assert {each.path for each in requests} == {"/flat"}


# query and headers


class Source:
    """
    Gives a new value each time it is asked, in one of the ways allowed.
    """

    def __init__(self, how: str) -> None:
        self.how = how
        self.asked = 0

    def __call__(self) -> Any:
        self.asked += 1
        value = {"X-Count": str(self.asked)}
        if self.how == "value":
            return value
        return (
            self._later(value) if self.how == "coroutine" else deferLater(reactor, 0, dict, value)
        )

    async def _later(self, value: Any) -> Any:
        return await deferLater(reactor, 0, dict, value)


ASKED = pytest.mark.parametrize("how", ["value", "Deferred", "coroutine"])


@WAYS
@deferred(LIMIT)
async def test_query(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    C{query} is in each request, whatever characters it holds, and is added to
    the URL's; but it is no way to say what is the engine's own.
    """
    query = {"plain": "1", "odd ä&=?#": "ü &=?#\n", "EIO": "3", "transport": "pigeon"}
    await nodeServer.control("clearRequests")
    options = {"query": query, "transports": transports, "forceNew": True}
    socket = clients.keep(io(f"{nodeServer.url}?url=2&plain=0", **options))
    await assertWorks(await settle(socket, transports))
    for request in await requestsOf(nodeServer):
        assert request.query["plain"] == "1"
        assert request.query["url"] == "2"
        assert request.query["odd ä&=?#"] == "ü &=?#\n"
        assert request.query["EIO"] == "4"
        assert request.transport in transports


@ASKED
@WAYS
@deferred(LIMIT)
async def test_queryAsked(
    nodeServer: ServerProcess, clients: Clients, transports: Any, how: str
) -> None:
    """
    A callable C{query} is asked once an attempt, and holds for all requests
    of it.
    """
    source = Source(how)
    socket, first = await used(nodeServer, clients, transports, query=source)
    second = await cut(nodeServer, socket, transports)
    assert {each.query["X-Count"] for each in first} == {"1"}
    assert {each.query["X-Count"] for each in second} == {str(source.asked)}
    assert source.asked > 1


@WAYS
@deferred(LIMIT)
async def test_extraHeaders(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    C{extraHeaders} are on every request, and may replace our own C{Host}.

    behaviours J13, Q35
    """
    headers = {"X-Mine": "one, two", "Authorization": "Bearer x", "Host": "other.example"}
    _, requests = await used(nodeServer, clients, transports, extraHeaders=headers)
    for request in requests:
        for name, value in headers.items():
            assert request.headers[name.lower()] == value


@ASKED
@WAYS
@deferred(LIMIT)
async def test_extraHeadersAsked(
    nodeServer: ServerProcess, clients: Clients, transports: Any, how: str
) -> None:
    """
    Callable C{extraHeaders} are asked for once an attempt, and are on all
    requests of it.

    behaviours J13
    """
    source = Source(how)
    socket, first = await used(nodeServer, clients, transports, extraHeaders=source)
    second = await cut(nodeServer, socket, transports)
    assert {each.headers["x-count"] for each in first} == {"1"}
    assert {each.headers["x-count"] for each in second} == {str(source.asked)}
    assert source.asked > 1


@BOTH
@pytest.mark.parametrize("option", ["query", "extraHeaders"])
@deferred(LIMIT)
async def test_askedInVain(
    nodeServer: ServerProcess,
    clients: Clients,
    transports: Any,
    option: str,
    flushLoggedErrors: Any,
) -> None:
    """
    What such a callable raises is a C{connect_error}; the next attempt asks
    again.
    """
    answers: list[Any] = [RuntimeError("no token"), {"X-Token": "2"}]

    def ask() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    socket = clients.make(nodeServer, transports=transports, **{option: ask})
    errors = collect(socket, "connect_error")
    await assertWorks(await socket.whenConnected())
    assert [str(each) for each in errors] == ["no token"]
    assert len(flushLoggedErrors(RuntimeError)) == 1


@BOTH
@pytest.mark.parametrize("option", ["query", "extraHeaders"])
@deferred(LIMIT)
async def test_askedTooLong(
    nodeServer: ServerProcess, clients: Clients, transports: Any, option: str
) -> None:
    """
    Asking is part of the attempt, and is given up with it.
    """
    given: list[Deferred[Any]] = []
    cancelled: list[Deferred[Any]] = []

    def ask() -> Any:
        given.append(Deferred(cancelled.append))
        return given[-1]

    options = {option: ask, "transports": transports, "timeout": 0.2}
    error = await connectionError(clients, nodeServer.url, **options)
    assert error.message == "timeout"
    assert cancelled == given


@deferred(LIMIT)
async def test_transportOptions(nodeServer: ServerProcess, clients: Clients) -> None:
    """
    C{transportOptions} hold for one transport, and win over what holds for
    all.

    behaviours J16
    """
    own: dict[str, Any] = {
        name: {
            "extraHeaders": {"X-Way": name},
            "query": {"way": name},
            "timestampParam": f"{name}Time",
            "timestampRequests": True,
        }
        for name in UPGRADE
    }
    options = {"extraHeaders": {"X-Way": "any", "X-All": "1"}, "transportOptions": own}
    _, requests = await used(nodeServer, clients, UPGRADE, **options)
    for request in requests:
        assert request.headers["x-way"] == request.query["way"] == request.transport
        assert request.headers["x-all"] == "1"
        assert f"{request.transport}Time" in request.query


# which transports


@WAYS
@deferred(LIMIT)
async def test_transports(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    Only the C{transports} asked for are used, the first one first.

    behaviours I1
    """
    _, requests = await used(nodeServer, clients, transports)
    assert requests[0].transport == transports[0]


@deferred(LIMIT)
async def test_order(nodeServer: ServerProcess, clients: Clients) -> None:
    """
    With WebSocket first, polling is not used at all.
    """
    await nodeServer.control("clearRequests")
    socket = await clients.connect(nodeServer, transports=["websocket", "polling"])
    await assertWorks(socket)
    assert {each.transport for each in await requestsOf(nodeServer)} == {"websocket"}


@pytest.mark.parametrize("kind", [PollingTransport, WebSocketTransport])
@deferred(LIMIT)
async def test_transportClass(nodeServer: ServerProcess, clients: Clients, kind: Any) -> None:
    """
    A class of one's own is used as the transport of its name.

    behaviours I7, I8
    """

    class Own(kind):
        made: list[Any] = []

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.made.append(self)

    await nodeServer.control("clearRequests")
    socket = await clients.connect(nodeServer, transports=[Own])
    await assertWorks(socket)
    assert Own.made == [socket.io.engine.transport]
    assert {each.transport for each in await requestsOf(nodeServer)} == {kind.name}


@deferred(LIMIT)
async def test_noUpgrade(nodeServer: ServerProcess, clients: Clients) -> None:
    """
    With C{upgrade=False} it stays where it began, and nothing else is tried.
    """
    await nodeServer.control("clearRequests")
    socket = await clients.connect(nodeServer, upgrade=False)
    for _ in range(3):
        await assertWorks(socket)
    assert {each.transport for each in await requestsOf(nodeServer)} == {"polling"}


@pytest.mark.parametrize(("remember", "first"), [(True, "websocket"), (False, "polling")])
@deferred(LIMIT)
async def test_rememberUpgrade(
    nodeServer: ServerProcess, clients: Clients, remember: bool, first: str
) -> None:
    """
    With C{rememberUpgrade}, a reconnection begins with WebSocket where that
    has worked.

    behaviours J1, J2
    """
    socket, _ = await used(nodeServer, clients, UPGRADE, rememberUpgrade=remember)
    requests = await cut(nodeServer, socket, UPGRADE)
    assert requests[0].transport == first


ORDERS = pytest.mark.parametrize(
    "transports", [["polling", "websocket"], ["websocket", "polling"]], ids=["p-w", "w-p"]
)


@ORDERS
@deferred(LIMIT)
async def test_tryAllTransports(
    sharedServers: ServerPool, clients: Clients, transports: Any
) -> None:
    """
    With C{tryAllTransports}, the second is tried where the server has not the
    first.

    behaviours I4, I5
    """
    server = sharedServers.get("sio", transports=transports[1:])
    await server.control("clearRequests")
    socket = await clients.connect(server, transports=transports, tryAllTransports=True)
    await assertWorks(socket)
    requests = await requestsOf(server)
    assert requests[0].transport == transports[0]
    assert requests[-1].transport == transports[1]


@ORDERS
@deferred(LIMIT)
async def test_triesNoOther(sharedServers: ServerPool, clients: Clients, transports: Any) -> None:
    """
    Without it, that is an error, which says what to change.

    behaviours I6
    """
    server = sharedServers.get("sio", transports=transports[1:])
    await server.control("clearRequests")
    error = await connectionError(clients, server.url, transports=transports)
    assert error.status == 400
    assert "change transports=" in str(error)
    assert {each.transport for each in await requestsOf(server)} == {transports[0]}


# what is written


@BOTH
@pytest.mark.parametrize("force", [True, False])
@deferred(LIMIT)
async def test_forceBase64(newServer: Any, clients: Clients, transports: Any, force: bool) -> None:
    """
    With C{forceBase64}, bytes go as text over WebSocket, too, both ways.

    behaviours K3, K6
    """
    server = newServer("sio")
    socket, requests = await used(server, clients, transports, forceBase64=force)
    assert requests[0].query.get("b64") == ("1" if force else None)
    before = await bytesRead(server)
    await socket.emitWithAck("echo", bytes(30_000))
    grown = await bytesRead(server) - before
    asText = force or transports == POLLING
    assert (grown >= 40_000) is asText


async def bytesRead(server: ServerProcess) -> int:
    """
    What the server has read on all its present connections.
    """
    return sum(each["bytesRead"] for each in await server.control("peers"))


@pytest.mark.parametrize(
    ("wanted", "stamped"),
    [(None, {"polling"}), (True, {"polling", "websocket"}), (False, set())],
    ids=["default", "on", "off"],
)
@deferred(LIMIT)
async def test_timestampRequests(
    nodeServer: ServerProcess, clients: Clients, wanted: Any, stamped: set[str]
) -> None:
    """
    C{timestampRequests} decides which requests have a token of their own.

    behaviours J6, Q35
    """
    _, requests = await used(nodeServer, clients, UPGRADE, timestampRequests=wanted)
    tokens = [each.query["t"] for each in requests if "t" in each.query]
    assert {each.transport for each in requests if "t" in each.query} == stamped
    assert len(set(tokens)) == len(tokens)


@WAYS
@deferred(LIMIT)
async def test_timestampParam(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    C{timestampParam} names it.

    behaviours J10, Q35
    """
    options = {"timestampRequests": True, "timestampParam": "wöot"}
    _, requests = await used(nodeServer, clients, transports, **options)
    for request in requests:
        assert request.query["wöot"]
        assert "t" not in request.query


@deferred(LIMIT)
async def test_protocols(nodeServer: ServerProcess, clients: Clients) -> None:
    """
    C{protocols} are offered with the WebSocket, which the server may choose
    from; polling has no such thing.

    behaviours Q35
    """
    _, requests = await used(nodeServer, clients, UPGRADE, protocols=["chat", "v2.chat"])
    seen = {each.transport: each.headers.get("sec-websocket-protocol") for each in requests}
    assert seen == {"polling": None, "websocket": "chat, v2.chat"}


# compression


@pytest.mark.parametrize(
    ("deflate", "size", "smaller"),
    [
        (None, 5000, False),
        (False, 5000, False),
        (True, 5000, True),
        (True, 500, False),
        ({"threshold": 100}, 500, True),
        ({"threshold": 6000}, 5000, False),
    ],
)
@deferred(LIMIT)
async def test_perMessageDeflate(
    newServer: Any, clients: Clients, deflate: Any, size: int, smaller: bool
) -> None:
    """
    Off by default; when on, messages over the threshold, which is 1024 bytes,
    are compressed.

    behaviours J14, J15
    """
    server = newServer("sio", perMessageDeflate=True)
    socket, requests = await used(server, clients, WEBSOCKET, perMessageDeflate=deflate)
    offered = "permessage-deflate" in requests[0].headers.get("sec-websocket-extensions", "")
    before = await bytesRead(server)
    await socket.emitWithAck("echo", "a" * size)
    assert offered is bool(deflate)
    assert (await bytesRead(server) - before < size) is smaller


@deferred(LIMIT)
async def test_boundedInflate(sharedServers: ServerPool, clients: Clients) -> None:
    """
    A small message that inflates over C{maxMessageBytes} is refused.
    """
    server = sharedServers.get("sio", perMessageDeflate=True)
    options = {"perMessageDeflate": True, "maxMessageBytes": 100_000}
    socket, _ = await used(server, clients, WEBSOCKET, **options)
    losses = lossesOf(socket)
    await server.control("emit", event="bomb", args=["a" * 900_000], sid=socket.id)
    await until(lambda: losses)
    ((reason, error),) = losses
    assert reason == "transport error"
    assert "maxMessageBytes" in str(error)


# time


@BOTH
@deferred(LIMIT)
async def test_requestTimeout(newServer: Any, clients: Clients, transports: Any) -> None:
    """
    A handshake that takes longer than C{requestTimeout} is given up, and the
    server sees its connection end.

    behaviours Q35; faults F35
    """
    server = newServer("sio", handshakeDelay=60_000)
    options = {"requestTimeout": 0.2, "transports": transports}
    error = await connectionError(clients, server.url, **options)
    assert isinstance(error, TransportError)
    assert "no complete answer within 0.2 s (requestTimeout)" in str(error)
    while (await server.control("stats"))["connections"]:
        await sleep(0.01)


@deferred(LIMIT)
async def test_requestTimeoutOfPost(newServer: Any, clients: Clients) -> None:
    """
    So is a POST; the session is lost with it, as nobody knows what arrived.

    behaviours Q35
    """
    server = newServer("sio")
    socket, _ = await used(server, clients, POLLING, requestTimeout=0.2)
    losses = lossesOf(socket)
    thawed = server.control("freeze", seconds=1.5)
    while not losses:
        socket.volatile.emit("silence")
        await sleep(0.02)
    ((reason, error),) = losses
    assert (reason, error.message) == ("transport error", "xhr post error")
    assert "requestTimeout" in str(error)
    await thawed


@BOTH
@deferred(LIMIT)
async def test_requestTimeoutLeavesSessionsAlone(
    nodeServer: ServerProcess, clients: Clients, transports: Any
) -> None:
    """
    A poll that waits for news is not a slow answer.
    """
    socket, _ = await used(nodeServer, clients, transports, requestTimeout=0.1)
    losses = lossesOf(socket)
    await sleep(0.4)
    await assertWorks(socket)
    assert losses == []


# cookies


@WAYS
@deferred(LIMIT)
async def test_cookies(sharedServers: ServerPool, clients: Clients, transports: Any) -> None:
    """
    What the handshake sets comes back with each later request, of whichever
    transport and also after a reconnection; what has expired does not.

    behaviours J18, P8
    """
    server = sharedServers.get("sio", cookies=COOKIES)
    socket, first = await used(server, clients, transports)
    second = await cut(server, socket, transports)
    sent = [each.headers.get("cookie") for each in first + second]
    assert sent[0] is None
    assert set(sent[1:]) == {"route=one"}


@WAYS
@deferred(LIMIT)
async def test_withoutCredentials(
    sharedServers: ServerPool, clients: Clients, transports: Any
) -> None:
    """
    With C{withCredentials=False} no cookie is kept.

    behaviours J19
    """
    server = sharedServers.get("sio", cookies=COOKIES)
    socket, first = await used(server, clients, transports, withCredentials=False)
    second = await cut(server, socket, transports)
    assert {each.headers.get("cookie") for each in first + second} == {None}


@WAYS
@deferred(LIMIT)
async def test_cookieOfTheUser(
    sharedServers: ServerPool, clients: Clients, transports: Any
) -> None:
    """
    A C{Cookie} header of the user's is merged by name, and the server's wins.

    behaviours P8
    """
    server = sharedServers.get("sio", cookies=COOKIES)
    headers = {"Cookie": "mine=1; route=user"}
    socket, first = await used(server, clients, transports, extraHeaders=headers)
    second = await cut(server, socket, transports)
    sent = [each.headers.get("cookie") for each in first + second]
    assert sent[0] == "mine=1; route=user"
    assert set(sent[1:]) == {"mine=1; route=one"}


# limits


async def flooded(server: ServerProcess, socket: Socket, *args: Any) -> tuple[str, Any]:
    """
    Have the server emit what is over a limit.

    @return: reason and details of the loss.
    """
    losses = lossesOf(socket)
    await server.control("emit", event="flood", args=args, sid=socket.id)
    await until(lambda: losses)
    await socket.whenConnected()
    return losses[0]


@WAYS
@deferred(LIMIT)
async def test_maxMessageBytes(
    nodeServer: ServerProcess, clients: Clients, transports: Any
) -> None:
    """
    A message over C{maxMessageBytes} is not received, and ends the session;
    the client comes back.

    faults F31
    """
    socket, _ = await used(nodeServer, clients, transports, maxMessageBytes=50_000)
    reason, error = await flooded(nodeServer, socket, "x" * 60_000)
    assert reason == "transport error"
    assert "50000 bytes" in str(error)
    assert "maxMessageBytes" in str(error)


@WAYS
@deferred(LIMIT)
async def test_maxMessageBytesInAll(
    nodeServer: ServerProcess, clients: Clients, transports: Any
) -> None:
    """
    The attachments of one packet count together.
    """
    socket, _ = await used(nodeServer, clients, transports, maxMessageBytes=50_000)
    reason, error = await flooded(nodeServer, socket, *[bytes(12_000)] * 5)
    assert reason in ("parse error", "transport error")
    assert "50000 bytes" in str(error)


@WAYS
@deferred(LIMIT)
async def test_maxAttachments(nodeServer: ServerProcess, clients: Clients, transports: Any) -> None:
    """
    A packet of more than C{maxAttachments} ends the session; one of as many
    does not.
    """
    socket, _ = await used(nodeServer, clients, transports, maxAttachments=3)
    seen = collect(socket, "flood")
    await nodeServer.control("emit", event="flood", args=[b"a"] * 3, sid=socket.id)
    await until(lambda: seen)
    reason, error = await flooded(nodeServer, socket, *[b"a"] * 4)
    assert reason == "parse error"
    assert isinstance(error, DecodeError)
    assert "attachments" in str(error)
    assert seen == [b"a"]


@BOTH
@deferred(LIMIT)
async def test_maxHeaderBytes(sharedServers: ServerPool, clients: Clients, transports: Any) -> None:
    """
    An answer whose headers are over C{maxHeaderBytes} is refused; under the
    default limit it is not.

    faults F34
    """
    server = sharedServers.get("sio", cookies=[f"big={'x' * 3000}"])
    options = {"maxHeaderBytes": 2000, "transports": transports}
    error = await connectionError(clients, server.url, **options)
    assert "over 2000 bytes (maxHeaderBytes)" in str(error)
    await used(server, clients, transports)


@WAYS
@deferred(LIMIT)
async def test_maxReceiveBufferBytes(
    nodeServer: ServerProcess, clients: Clients, transports: Any
) -> None:
    """
    Events that arrive before a session is ready are held back up to
    C{maxReceiveBufferBytes}; more ends the session.
    """
    ready: list[Any] = []
    socket = clients.make(nodeServer, transports=transports, maxReceiveBufferBytes=5000)
    socket.onSession(lambda info: ready.append(Deferred()) or ready[-1])
    seen = collect(socket, "flood")
    errors = collect(socket, "connect_error")
    await until(lambda: ready)
    await nodeServer.control("emit", event="flood", args=["kept"], sid=socket.id)
    await nodeServer.control("emit", event="flood", args=["x" * 6000], sid=socket.id)
    await until(lambda: errors)
    assert "before the session was ready" in str(errors[0])
    assert seen == []
