"""
The wire: what is said to the server, and how it is reached.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXServerEndpoint
from twisted.internet.error import ConnectBindError, ConnectionAborted, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.web.client import Agent, HTTPConnectionPool, ResponseFailed, ResponseNeverReceived
from twisted.web.resource import Resource
from twisted.web.server import Site

import tlskit
from support import deferred, failureOf, freePort, until
from txsocketio.options import EngineOptions, checkHeaders, checkQuery
from txsocketio.protocol.url import EngineAddress
from txsocketio.transports.connections import HeadTooLarge
from txsocketio.transports.endpoint import Dialer, Wire, rootCause
from wirekit import Servers, Talker, buildWire, echoFactory, lossOf, served, talk

reactor: Any = _reactor


def wireTo(
    host: str = "localhost",
    port: int = 80,
    secure: bool = False,
    path: str = "/engine.io",
    userinfo: str | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Wire:
    """
    A wire that is not connected.
    """
    address = EngineAddress(secure, host, port, path, userinfo)
    dialer = Dialer(MemoryReactorClock(), address, EngineOptions(**options))
    return dialer.buildWire(checkQuery(query or {}), checkHeaders(headers or {}))


def queryOf(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


# URLs


@pytest.mark.parametrize(
    "address, start",
    [
        ({}, "http://localhost/engine.io?"),
        ({"port": 3000}, "http://localhost:3000/engine.io?"),
        ({"secure": True, "port": 443}, "https://localhost/engine.io?"),
        ({"secure": True, "port": 8443}, "https://localhost:8443/engine.io?"),
        ({"host": "::1"}, "http://[::1]/engine.io?"),
        ({"host": "::1", "port": 8080}, "http://[::1]:8080/engine.io?"),
    ],
)
def test_pollingURL(address: dict[str, Any], start: str) -> None:
    """
    Polling requests C{http} or C{https}, without the scheme's own port.

    behaviours J4, J5, J7
    """
    assert wireTo(**address).requestURL("polling", "test").startswith(start)


@pytest.mark.parametrize(
    "address, start",
    [
        ({"host": "test"}, "ws://test/engine.io?"),
        ({"host": "test", "secure": True, "port": 443}, "wss://test/engine.io?"),
        ({"host": "::1"}, "ws://[::1]/engine.io?"),
        ({"host": "::1", "port": 8080}, "ws://[::1]:8080/engine.io?"),
    ],
)
def test_webSocketURL(address: dict[str, Any], start: str) -> None:
    """
    WebSocket requests C{ws} or C{wss}.

    behaviours J8, J9, J11
    """
    assert wireTo(**address).requestURL("websocket", None).startswith(start)


def test_engineQuery() -> None:
    """
    Each URL names the protocol's version, the transport, and the session.
    """
    url = wireTo().requestURL("websocket", "test")
    assert queryOf(url) == {"EIO": "4", "transport": "websocket", "sid": "test"}


def test_userQuery() -> None:
    """
    The user's query is read back by the server as it was given.

    behaviours B12, B13, B16
    """
    query = {"e": "f", "&a": "&=?a", "ä": ""}
    url = wireTo(query=query).requestURL("websocket", None)
    assert queryOf(url) == {"EIO": "4", "transport": "websocket", **query}


def test_userQueryDoesNotOverride() -> None:
    """
    The user's query cannot change Engine.IO's own.
    """
    query = {"EIO": "3", "transport": "x", "sid": "x", "t": "x"}
    found = parse_qsl(urlsplit(wireTo(query=query).requestURL("polling", None)).query)
    names = [name for name, _ in found]
    assert sorted(names) == ["EIO", "t", "transport"]
    assert "x" not in dict(found).values()


def test_userQueryWithTokensName() -> None:
    """
    Where no token is sent its name is the user's.
    """
    assert queryOf(wireTo(query={"t": "x"}).requestURL("websocket", None))["t"] == "x"


def test_tokens() -> None:
    """
    Polling requests differ by a token.

    behaviours J6
    """
    wire = wireTo()
    tokens = {queryOf(wire.requestURL("polling", "s"))["t"] for _ in range(100)}
    assert len(tokens) == 100


def test_tokensOff() -> None:
    """
    C{timestampRequests=False} leaves the token out.
    """
    assert "t" not in queryOf(wireTo(timestampRequests=False).requestURL("polling", "s"))


def test_tokensOnWebSocket() -> None:
    """
    C{timestampRequests=True} adds it to the WebSocket, under any name.

    behaviours J10
    """
    url = wireTo(timestampRequests=True, timestampParam="w&t").requestURL("websocket", None)
    assert queryOf(url)["w&t"]


@pytest.mark.parametrize(
    "transport, sid, sent",
    [
        ("polling", None, True),
        ("polling", "s", False),
        ("websocket", None, True),
        ("websocket", "s", True),
    ],
)
def test_forceBase64(transport: str, sid: str | None, sent: bool) -> None:
    """
    C{forceBase64} is told to the server when a transport begins.
    """
    url = wireTo(forceBase64=True).requestURL(transport, sid)
    assert ("b64" in queryOf(url)) == sent


# options per transport


def test_optionsFor() -> None:
    """
    C{transportOptions} hold for one transport, the rest for all.

    behaviours J16
    """
    wire = wireTo(maxMessageBytes=5, transportOptions={"polling": {"maxMessageBytes": 3}})
    assert wire.optionsFor("polling").maxMessageBytes == 3
    assert wire.optionsFor("websocket").maxMessageBytes == 5


def test_headersOfATransport() -> None:
    """
    A transport's own headers are sent by it alone, instead of those of the
    same name.

    behaviours J16
    """
    own = {"polling": {"extraHeaders": (("x-a", "2"), ("X-B", "3"))}}
    wire = wireTo(headers={"X-A": "1"}, transportOptions=own)
    assert wire.headers("polling", "http://localhost/") == [("x-a", "2"), ("X-B", "3")]
    assert wire.headers("websocket", "ws://localhost/") == [("X-A", "1")]


def test_queryOfATransport() -> None:
    """
    A transport's own query is sent by it alone.

    behaviours J16
    """
    wire = wireTo(query={"a": "1"}, transportOptions={"websocket": {"query": (("a", "2"),)}})
    assert queryOf(wire.requestURL("polling", None))["a"] == "1"
    assert queryOf(wire.requestURL("websocket", None))["a"] == "2"


@pytest.mark.parametrize("name, value", [("ca", ("x",)), ("proxy", "env"), ("query", dict)])
def test_sharedOptions(name: str, value: Any) -> None:
    """
    What must be the same for all transports cannot be said for one.
    """
    with pytest.raises(ValueError, match=f"transportOptions: {name} "):
        wireTo(transportOptions={"websocket": {name: value}})


# headers and cookies


def test_headersAreKept() -> None:
    """
    The attempt's headers are sent as they were given, on each request.

    behaviours J13
    """
    wire = wireTo(headers={"X-Custom": "Value"})
    for _ in range(2):
        assert wire.headers("polling", "http://localhost/") == [("X-Custom", "Value")]


def test_headersAreACopy() -> None:
    """
    Whoever changes the headers of a request changes no other.
    """
    wire = wireTo(headers={"X-A": "1"})
    wire.headers("polling", "http://localhost/").clear()
    assert wire.headers("polling", "http://localhost/") == [("X-A", "1")]


@pytest.mark.parametrize(
    "userinfo, sent", [("me:pä:ss", "Basic bWU6cMOkOnNz"), ("me", "Basic bWU6"), ("", None)]
)
def test_basicCredentials(userinfo: str, sent: str | None) -> None:
    """
    User and password of the URL are sent as HTTP's Basic credentials.

    behaviours P8
    """
    headers = dict(wireTo(userinfo=userinfo).headers("polling", "http://localhost/"))
    assert headers.get("Authorization") == sent


def test_givenCredentials() -> None:
    """
    An C{Authorization} of the user wins over the URL.
    """
    wire = wireTo(userinfo="me:x", headers={"authorization": "Bearer y"})
    assert wire.headers("polling", "http://localhost/") == [("authorization", "Bearer y")]


def test_cookiesAcrossTransports() -> None:
    """
    What polling got is sent with the WebSocket's handshake, merged with the
    user's cookies into one header, in which the server's win.

    behaviours J18, P8
    """
    wire = wireTo(headers={"cookie": "LB=old; mine=1"})
    wire.storeCookies("http://localhost/engine.io/", [("Set-Cookie", "LB=new; Path=/")])
    sent = wire.headers("websocket", "ws://localhost/engine.io/")
    assert sent == [("Cookie", "mine=1; LB=new")]


def test_cookiesAcrossEngines() -> None:
    """
    The next engine of a manager has the cookies of the last; another manager
    has not.
    """
    address = EngineAddress(False, "localhost", 80, "/")
    dialers = [Dialer(Clock(), address, EngineOptions(endpoint=object())) for _ in range(2)]
    dialers[0].buildWire().storeCookies("http://localhost/", [("Set-Cookie", "a=1")])
    sent = [each.buildWire().headers("polling", "http://localhost/") for each in dialers]
    assert sent == [[("Cookie", "a=1")], []]


def test_withoutCredentials() -> None:
    """
    C{withCredentials=False} neither keeps nor sends cookies, but for the
    user's own.

    behaviours J19
    """
    wire = wireTo(withCredentials=False, headers={"Cookie": "mine=1"})
    wire.storeCookies("http://localhost/", [("Set-Cookie", "a=1")])
    assert wire.headers("polling", "http://localhost/") == [("Cookie", "mine=1")]


# reaching the server


@deferred()
@served
async def test_plain(servers: Servers) -> None:
    """
    A server is reached by its name.
    """
    assert await talk(buildWire(await servers.echo())) == b"hello"


@deferred()
@served
async def test_noDelay(servers: Servers) -> None:
    """
    Small packets are sent at once, also through TLS.
    """
    tls = tlskit.serverOptions(tlskit.certificateFor("localhost"))
    wire = buildWire(await servers.echo(tls), True, ca=(tlskit.caPEM(),))
    talker: Any = await wire.endpoint().connect(Factory.forProtocol(Talker))
    assert talker.transport.getTcpNoDelay()
    wire.abort()
    await wire.whenEmpty()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("asText", [False, True], ids=["endpoint", "text"])
@deferred()
@served
async def test_givenEndpoint(asText: bool, secure: bool, servers: Servers) -> None:
    """
    The user's endpoint is used instead of the URL's host and port, with TLS
    for the URL's host over it.

    behaviours J12
    """
    tls = tlskit.serverOptions(tlskit.certificateFor("elsewhere.invalid")) if secure else None
    port = await servers.echo(tls)
    text = f"tcp:127.0.0.1:{port}"
    endpoint = text if asText else TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    trust = {"ca": (tlskit.caPEM(),)} if secure else {}
    wire = buildWire(9, secure, "elsewhere.invalid", endpoint=endpoint, **trust)
    assert await talk(wire) == b"hello"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@deferred()
@served
async def test_unixSocket(secure: bool, servers: Servers, tmp_path: Path) -> None:
    """
    A server is reached on a Unix socket.
    """
    tls = tlskit.serverOptions(tlskit.certificateFor("localhost")) if secure else None
    path = str(tmp_path / "s")
    await servers.listen(UNIXServerEndpoint(reactor, path), echoFactory(), tls)
    trust = {"ca": (tlskit.caPEM(),)} if secure else {}
    assert await talk(buildWire(80, secure, endpoint=f"unix:{path}", **trust)) == b"hello"


@pytest.mark.parametrize("text", ["nonsense", "tcp:", "nosuch:a:1"])
def test_badEndpoint(text: str) -> None:
    """
    A text that names no endpoint is refused at once.
    """
    with pytest.raises(ValueError, match="endpoint: .* is not a client endpoint"):
        wireTo(endpoint=text)


class Endpoints:
    """
    An C{IAgentEndpointFactory} of a user.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[bytes] = []

    def endpointForURI(self, uri: Any) -> Any:
        self.asked.append(uri.toBytes())
        return TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)


@deferred()
@served
async def test_givenEndpointFactory(servers: Servers) -> None:
    """
    The user's endpoint factory is asked for this server, and decides all.

    behaviours J12
    """
    factory = Endpoints(await servers.echo())
    assert await talk(buildWire(8443, True, "::1", endpointFactory=factory)) == b"hello"
    assert factory.asked == [b"https://[::1]:8443/"]


@deferred()
@served
async def test_localAddress(servers: Servers) -> None:
    """
    C{localAddress} is where the connection comes from.
    """
    wire = buildWire(await servers.echo(), host="127.0.0.1", localAddress="127.0.0.2")
    talker: Any = await wire.endpoint().connect(Factory.forProtocol(Talker))
    assert talker.transport.getHost().host == "127.0.0.2"
    wire.abort()
    await wire.whenEmpty()


@deferred()
@served
async def test_localAddressOfAnother(servers: Servers) -> None:
    """
    An address that this machine has not is told by name of the option.
    """
    wire = buildWire(await servers.echo(), host="127.0.0.1", localAddress="192.0.2.1")
    failure = await lossOf(wire)
    assert failure.check(ConnectBindError)
    assert "localAddress" in wire.explain(failure)


@deferred()
async def test_refused() -> None:
    """
    A port nobody listens on is told with the server's name.

    faults F108
    """
    port = freePort()
    wire = buildWire(port, host="127.0.0.1")
    assert wire.explain(await lossOf(wire)).startswith(f"127.0.0.1:{port}: connection refused")


@deferred()
async def test_refusedAtAnEndpoint() -> None:
    """
    Where an endpoint is given, that is what was not reached; the URL says
    something else.
    """
    wire = buildWire(80, host="127.0.0.1", endpoint="unix:/no/such.sock")
    text = wire.explain(await lossOf(wire))
    assert text.startswith("unix:/no/such.sock: ") and "No such file" in text


def test_underscore() -> None:
    """
    A host may have a name as containers have, which is no proper host name.
    """
    clock = MemoryReactorClock()
    address = EngineAddress(False, "my_app", 3000, "/")
    wire = Dialer(clock, address, EngineOptions(localAddress="127.0.0.2")).buildWire()
    wire.endpoint().connect(Factory.forProtocol(Talker))
    assert [each[:2] for each in clock.tcpClients] == [("my_app", 3000)]
    assert clock.tcpClients[0][4] == ("127.0.0.2", 0)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "fe80::1%lo"])
def test_addressNeedsNoResolver(host: str) -> None:
    """
    An address is connected to in this very call, from the local address
    wanted.
    """
    clock = MemoryReactorClock()
    address = EngineAddress(False, host, 80, "/")
    wire = Dialer(clock, address, EngineOptions(localAddress="127.0.0.2")).buildWire()
    wire.endpoint().connect(Factory.forProtocol(Talker))
    ((seen, port, _, _, binding),) = clock.tcpClients
    assert (seen, port, binding) == (host, 80, ("127.0.0.2", 0))


def test_underscoreOverTLS() -> None:
    """
    Where no certificate can be verified, that is told at once.
    """
    with pytest.raises(ValueError, match="no certificate can be verified for .*'my_app'"):
        wireTo(host="my_app", secure=True)


class Resolver:
    """
    Answers as the test says, or never.
    """

    def __init__(self, answer: bool) -> None:
        self.answer = answer

    def resolveHostName(self, receiver: Any, name: str, portNumber: int = 0, *rest: Any) -> Any:
        receiver.resolutionBegan(None)
        if self.answer:
            receiver.resolutionComplete()


def connectResolving(answer: bool) -> tuple[Wire, Deferred[Any], MemoryReactorClock]:
    clock = MemoryReactorClock()
    clock.nameResolver = Resolver(answer)
    address = EngineAddress(False, "nowhere.invalid", 80, "/")
    wire = Dialer(clock, address, EngineOptions()).buildWire()
    return wire, wire.endpoint().connect(Factory.forProtocol(Talker)), clock


def test_unknownHost() -> None:
    """
    A name without an address is told as such.

    faults F107
    """
    wire, attempt, _ = connectResolving(True)
    errors: list[Any] = []
    attempt.addErrback(errors.append)
    assert errors[0].check(DNSLookupError)
    assert "host name was not found" in wire.explain(errors[0])


@pytest.mark.parametrize("abort", [False, True], ids=["cancel", "abort"])
def test_resolverNeverAnswers(abort: bool) -> None:
    """
    A name that is never resolved can be given up, and leaves nothing.

    faults F107
    """
    wire, attempt, clock = connectResolving(False)
    errors: list[Any] = []
    attempt.addErrback(errors.append)
    if abort:
        wire.abort()
    else:
        attempt.cancel()
    assert len(errors) == 1
    assert len(wire.connections) == 0
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("abort", [False, True], ids=["cancel", "abort"])
def test_connectNeverAnswers(abort: bool) -> None:
    """
    A connection that nobody answers can be given up, and leaves nothing.

    faults F108
    """
    clock = MemoryReactorClock()
    address = EngineAddress(False, "127.0.0.1", 80, "/")
    options = EngineOptions(endpoint=TCP4ClientEndpoint(clock, "127.0.0.1", 80))
    wire = Dialer(clock, address, options).buildWire()
    errors: list[Any] = []
    attempt = wire.endpoint().connect(Factory.forProtocol(Talker))
    attempt.addErrback(errors.append)
    if abort:
        wire.abort()
    else:
        attempt.cancel()
    assert len(errors) == 1
    assert len(wire.connections) == 0


@deferred()
async def test_closedWire() -> None:
    """
    An aborted wire connects no more.
    """
    wire = buildWire(9)
    wire.abort()
    await failureOf(wire.endpoint().connect(Factory.forProtocol(Talker)), ConnectionAborted)


@deferred()
@served
async def test_sharedByEngines(servers: Servers) -> None:
    """
    The end of one engine does not touch the connections of the next.
    """
    port = await servers.echo()
    dialer = Dialer(reactor, EngineAddress(False, "localhost", port, "/"), EngineOptions())
    first, second = dialer.buildWire(), dialer.buildWire()
    first.abort()
    assert await talk(second) == b"hello"


# for HTTP


def agentOf(wire: Wire) -> Agent:
    pool = HTTPConnectionPool(reactor, persistent=False)
    return Agent.usingEndpointFactory(reactor, wire.endpointFactory(), pool)


class Answer(Resource):
    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"answer"


@deferred()
@served
async def test_agent(servers: Servers) -> None:
    """
    Twisted's HTTP client works over the wire, through TLS.
    """
    tls = tlskit.serverOptions(tlskit.certificateFor("localhost"))
    wire = buildWire(await servers.tcp(Site(Answer()), tls), True, ca=(tlskit.caPEM(),))
    url = wire.requestURL("polling", None).encode()
    response: Any = await agentOf(wire).request(b"GET", url)
    assert (response.code, response.length) == (200, 6)
    wire.abort()
    await wire.whenEmpty()


@deferred()
@served
async def test_headFlood(servers: Servers) -> None:
    """
    A response with endless headers is cut off at C{maxHeaderBytes}, and the
    error says so.

    faults F34
    """
    flood = b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000
    wire = buildWire(await servers.saying(flood))
    failing = agentOf(wire).request(b"GET", wire.requestURL("polling", None).encode())
    error: Any = await failureOf(failing, ResponseFailed)
    assert isinstance(error.reasons[0].value, HeadTooLarge)
    await wire.whenEmpty()


@deferred()
@served
async def test_abortARequest(servers: Servers) -> None:
    """
    The end of the engine ends a request that nobody answers.
    """
    wire = buildWire(await servers.saying())
    request = agentOf(wire).request(b"GET", wire.requestURL("polling", None).encode())
    await until(lambda: wire.connections.live)
    wire.abort()
    error = await failureOf(request, ResponseNeverReceived)
    assert isinstance(rootCause(error.args[0][0]), ConnectionAborted)
    await wire.whenEmpty()


def test_oneEndpoint() -> None:
    """
    The endpoint is built once, whatever is asked how often.
    """
    wire = wireTo()
    factory = wire.endpointFactory()
    uri: Any = None
    assert wire.endpoint() is wire.endpoint()
    assert factory.endpointForURI(uri) is factory.endpointForURI(uri)
