"""
Tunnels through real proxies, and through proxies that misbehave.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError, NoProtocol
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

import tlskit
from proxykit import ConnectProxy, SocksProxy
from support import deferred, failureOf, freePort, until
from txsocketio.protocol.url import EngineAddress
from txsocketio.transports.endpoint import rootCause
from txsocketio.transports.proxy import (
    MAX_HEAD,
    ProxyRefused,
    TunnelEndpoint,
    chooseProxy,
    parseProxy,
)
from wirekit import Servers, Talker, buildWire, lossOf, served, talk

reactor: Any = _reactor

KINDS = {"http": ConnectProxy, "socks5": SocksProxy}
LOGIN = ("me@work", "p:ss word")
TYPED = "me%40work:p%3Ass%20word@"

eachKind = pytest.mark.parametrize("kind", KINDS)
overTLS = pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])


async def echoServer(servers: Servers, secure: bool) -> int:
    tls = tlskit.serverOptions(tlskit.certificateFor("localhost")) if secure else None
    return await servers.echo(tls)


def through(kind: str, proxyPort: int, port: int, secure: bool = False, login: str = "") -> Any:
    """
    A wire through a proxy on this machine.
    """
    proxy = f"{kind}://{login}127.0.0.1:{proxyPort}"
    return buildWire(port, secure, proxy=proxy, **({"ca": (tlskit.caPEM(),)} if secure else {}))


# good proxies


@overTLS
@eachKind
@deferred()
@served
async def test_passesBytes(kind: str, secure: bool, servers: Servers) -> None:
    """
    A server is talked to through a proxy, with or without TLS inside.

    behaviours P10
    """
    proxy = KINDS[kind]()
    port = await echoServer(servers, secure)
    assert await talk(through(kind, await servers.tcp(proxy), port, secure)) == b"hello"
    assert proxy.targets == [("localhost", port)]


@overTLS
@eachKind
@deferred()
@served
async def test_credentials(kind: str, secure: bool, servers: Servers) -> None:
    """
    The proxy gets the URL's user and password, percent-decoded.

    behaviours P10
    """
    port = await echoServer(servers, secure)
    proxyPort = await servers.tcp(KINDS[kind](LOGIN))
    assert await talk(through(kind, proxyPort, port, secure, TYPED)) == b"hello"


@eachKind
@deferred()
@served
async def test_needlessCredentials(kind: str, servers: Servers) -> None:
    """
    A proxy that wants no credentials is not hurt by them.
    """
    port = await servers.echo()
    wire = through(kind, await servers.tcp(KINDS[kind]()), port, login=TYPED)
    assert await talk(wire) == b"hello"


@eachKind
@deferred()
@served
async def test_proxyResolvesTheName(kind: str, servers: Servers) -> None:
    """
    A name that only the proxy knows is reached.
    """
    proxy = KINDS[kind]()
    proxy.detours[("inside.invalid", 80)] = ("127.0.0.1", await servers.echo())
    proxyPort = await servers.tcp(proxy)
    wire = buildWire(80, host="inside.invalid", proxy=f"{kind}://127.0.0.1:{proxyPort}")
    assert await talk(wire) == b"hello"


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
@eachKind
@deferred()
@served
async def test_addresses(kind: str, host: str, servers: Servers) -> None:
    """
    Servers may be named by their addresses, of either version.
    """
    proxy = KINDS[kind]()
    proxy.detours[(host, 80)] = ("127.0.0.1", await servers.echo())
    wire = buildWire(80, host=host, proxy=f"{kind}://127.0.0.1:{await servers.tcp(proxy)}")
    assert await talk(wire) == b"hello"
    assert not getattr(proxy, "names", [])


@deferred()
@served
async def test_verifiesTheServerThroughTheProxy(servers: Servers) -> None:
    """
    The certificate is the server's, and is verified for the server's name.
    """
    tls = tlskit.serverOptions(tlskit.certificateFor("other.example"))
    wire = through("http", await servers.tcp(ConnectProxy()), await servers.echo(tls), True)
    assert "not for this host name" in wire.explain(await lossOf(wire))


@deferred()
@served
async def test_userinfoIsNotForTheServer(servers: Servers) -> None:
    """
    The proxy is told host and port of the server, and its own credentials.
    """
    proxy = ConnectProxy()
    port = await servers.echo()
    await talk(through("http", await servers.tcp(proxy), port, login="a:b@"))
    assert proxy.heads == [
        f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n"
        "Proxy-Authorization: Basic YTpi".encode()
    ]


# refusals


@pytest.mark.parametrize("login", ["", "me:wrong@"])
@overTLS
@eachKind
@deferred()
@served
async def test_wrongCredentials(kind: str, secure: bool, login: str, servers: Servers) -> None:
    """
    A proxy that wants other credentials is named as the cause, and the
    password is not shown.
    """
    proxyPort = await servers.tcp(KINDS[kind](LOGIN))
    wire = through(kind, proxyPort, 9, secure, login)
    failure = await lossOf(wire)
    assert isinstance(rootCause(failure), ProxyRefused)
    assert "the proxy" in wire.explain(failure)
    assert "wrong" not in f"{wire.explain(failure)}{failure.value!r}"


@eachKind
@deferred()
@served
async def test_serverNotReached(kind: str, servers: Servers) -> None:
    """
    A proxy that cannot reach the server refuses with its status.
    """
    wire = through(kind, await servers.tcp(KINDS[kind]()), freePort())
    cause: Any = rootCause(await lossOf(wire))
    assert cause.status == {"http": 502, "socks5": 5}[kind]


@deferred()
async def test_proxyNotReached() -> None:
    """
    A proxy that does not listen is told from a server that does not.

    faults F108
    """
    port = freePort()
    wire = through("http", port, 9, login="me:secret@")
    failure = await lossOf(wire)
    text = wire.explain(failure)
    assert text.startswith("localhost:9: the proxy was not reached: connection refused")
    assert text.endswith(f"[http://127.0.0.1:{port}]")
    assert failure.value.__cause__.__class__ is ConnectionRefusedError


BAD: dict[str, tuple[str, list[bytes], bool, str]] = {
    "http closes": ("http", [], True, "closed the connection without an answer"),
    "http closes within": ("http", [b"HTTP/1.1 200"], True, "closed the connection"),
    "http not HTTP": ("http", [b"SSH-2.0-x\r\n\r\n"], False, "does not speak HTTP"),
    "http odd status": ("http", [b"HTTP/1.1 2000 OK\r\n\r\n"], False, "does not speak HTTP"),
    "http interim": ("http", [b"HTTP/1.1 100 Go\r\n\r\n"], False, "refused the connection"),
    "http redirect": ("http", [b"HTTP/1.1 302 No\r\n\r\n"], False, "refused the connection"),
    "http too large": ("http", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD], False, "over 16384"),
    "socks closes": ("socks5", [], True, "closed the connection without an answer"),
    "socks version 4": ("socks5", [b"\x04\x00"], False, "does not speak SOCKS5"),
    "socks HTTP": ("socks5", [b"HTTP/1.1 400 Bad\r\n\r\n"], False, "does not speak SOCKS5"),
    "socks no method": ("socks5", [b"\x05\xff"], False, "accepts no login"),
    "socks unasked method": ("socks5", [b"\x05\x02"], False, "accepts no login"),
    "socks short refusal": ("socks5", [b"\x05\x00", b"\x05\x02"], False, "not allowed by its"),
    "socks odd reply": ("socks5", [b"\x05\x00", b"\x05\x63"], False, "reply 99"),
    "socks odd address": ("socks5", [b"\x05\x00", b"\x05\x00\x00\x09\x00"], False, "type 9"),
}


@overTLS
@pytest.mark.parametrize("case", BAD)
@deferred()
@served
async def test_badProxy(case: str, secure: bool, servers: Servers) -> None:
    """
    A proxy that misbehaves is told from the server, and the connection ends.
    """
    kind, answers, close, text = BAD[case]
    wire = through(kind, await servers.saying(*answers, close=close), 9, secure)
    failure = await lossOf(wire)
    assert text in wire.explain(failure)
    await wire.whenEmpty()


@pytest.mark.parametrize(
    "kind, answer",
    [
        ("http", b"HTTP/1.0 200 OK\r\nVia: x\r\n\r\nhello"),
        ("socks5", b"\x05\x00\x05\x00\x00\x03\x03abc\x00\x00hello"),
    ],
)
@deferred()
@served
async def test_dribblingProxy(kind: str, answer: bytes, servers: Servers) -> None:
    """
    An answer may come byte by byte; what follows it belongs to the server.
    """
    pieces = [answer[i : i + 1] for i in range(len(answer))]
    assert await talk(through(kind, await servers.saying(*pieces), 9)) == b"hello"


@pytest.mark.parametrize(
    "kind, answer",
    [
        ("http", b"HTTP/1.0 200 OK\r\n\r\nhello"),
        ("socks5", b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00hello"),
    ],
)
@deferred()
@served
async def test_leftOverBytes(kind: str, answer: bytes, servers: Servers) -> None:
    """
    What comes together with the proxy's answer is passed on.
    """
    assert await talk(through(kind, await servers.saying(answer), 9)) == b"hello"


@deferred()
@served
async def test_largestHead(servers: Servers) -> None:
    """
    An answer of just the limit is accepted.
    """
    start, end = b"HTTP/1.1 200 OK\r\nX: ", b"\r\n\r\n"
    head = start + b"x" * (MAX_HEAD - len(start + end)) + end
    assert await talk(through("http", await servers.saying(head + b"hello"), 9)) == b"hello"


@deferred()
@served
async def test_nobodyWantsTheTunnel(servers: Servers) -> None:
    """
    A factory that builds no protocol ends the tunnel.
    """
    wire = through("http", await servers.tcp(ConnectProxy()), await servers.echo())
    factory = Factory()
    factory.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    await failureOf(wire.endpoint().connect(factory), NoProtocol)
    await wire.whenEmpty()


# giving up


@overTLS
@eachKind
@deferred()
@served
async def test_cancelWhileNegotiating(kind: str, secure: bool, servers: Servers) -> None:
    """
    Giving up on a proxy that never answers leaves no connection.
    """
    wire = through(kind, await servers.saying(), 9, secure)
    attempt = wire.endpoint().connect(Factory.forProtocol(Talker))
    ended: list[Any] = []
    attempt.addBoth(ended.append)
    await until(lambda: wire.connections.live)
    attempt.cancel()
    await wire.whenEmpty()
    assert len(ended) == 1


@eachKind
@deferred()
@served
async def test_abortWhileNegotiating(kind: str, servers: Servers) -> None:
    """
    The end of the engine ends what its proxies have not answered yet.
    """
    wire = through(kind, await servers.saying(), 9)
    attempt = wire.endpoint().connect(Factory.forProtocol(Talker))
    ended: list[Any] = []
    attempt.addBoth(ended.append)
    await until(lambda: wire.connections.live)
    wire.abort()
    await wire.whenEmpty()
    assert len(ended) == 1


@deferred()
@served
async def test_abortThroughTheProxy(servers: Servers) -> None:
    """
    The end of the engine ends an established tunnel, and its user hears it.
    """
    wire = through("http", await servers.tcp(ConnectProxy()), await servers.echo())
    talker: Any = await wire.endpoint().connect(Factory.forProtocol(Talker))
    lost: Deferred[Any] = talker.lost
    wire.abort()
    await lost
    await wire.whenEmpty()


# which proxy


def server(host: str = "example.com", port: int = 80, secure: bool = False) -> EngineAddress:
    return EngineAddress(secure, host, port, "/socket.io/")


def test_noProxyByDefault(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The environment is looked at only when it is asked for.
    """
    monkeypatch.setenv("http_proxy", "http://p:1")
    assert chooseProxy(None, server()) is None


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxyOfTheEnvironment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The usual variables name the proxy, in lower and upper case.
    """
    monkeypatch.setenv(name, "http://proxy.example:3128")
    assert str(chooseProxy("env", server())) == "http://proxy.example:3128"


def test_proxyBySecurity(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Secure servers are reached through C{https_proxy}.
    """
    monkeypatch.setenv("http_proxy", "http://one:1")
    monkeypatch.setenv("https_proxy", "socks5h://two:2")
    assert str(chooseProxy("env", server(secure=True))) == "socks5h://two:2"


def test_proxyWithoutScheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A variable may leave the scheme out.
    """
    monkeypatch.setenv("http_proxy", "proxy.example:3128")
    assert str(chooseProxy("env", server())) == "http://proxy.example:3128"


EXCEPTED = [
    ("*", "example.com", True),
    ("example.com", "example.com", True),
    ("EXAMPLE.com", "example.com", True),
    ("example.com", "a.example.com", True),
    (".example.com", "a.example.com", True),
    ("*.example.com", "a.example.com", True),
    ("example.com", "notexample.com", False),
    ("a.example.com", "example.com", False),
    ("other, example.com", "example.com", True),
    ("example.com:80", "example.com", True),
    ("example.com:81", "example.com", False),
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("10.1.2.3", "10.1.2.3", True),
    ("::1", "::1", True),
    ("[::1]:80", "::1", True),
    ("fd00::/8", "fd12::1", True),
    ("", "example.com", False),
    (".", "example.com", False),
]


@pytest.mark.parametrize("entries, host, direct", EXCEPTED)
def test_exceptions(entries: str, host: str, direct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    C{NO_PROXY} names hosts, domains, ports and networks reached directly.
    """
    monkeypatch.setenv("http_proxy", "http://p:1")
    monkeypatch.setenv("NO_PROXY", entries)
    assert (chooseProxy("env", server(host)) is None) == direct


@pytest.mark.parametrize("url, port", [("http://p", 80), ("socks5://p", 1080)])
def test_defaultPort(url: str, port: int) -> None:
    """
    A proxy's URL may leave the port out.
    """
    assert parseProxy(url).port == port


@pytest.mark.parametrize(
    "url, message",
    [
        ("https://u:secret@p", "the scheme 'https' is not supported"),
        ("socks4://u:secret@p", "the scheme 'socks4' is not supported"),
        ("http://u:secret@", "names no host"),
        ("http://u:secret@p:x", "host or port is malformed"),
        ("http://u:secret@[::1", "host or port is malformed"),
        ("socks5://u:" + "secret" * 50 + "@p", "at most 255 bytes"),
    ],
)
def test_badURL(url: str, message: str) -> None:
    """
    A URL that names no usable proxy is refused without showing its password.
    """
    with pytest.raises(ValueError, match=message) as raised:
        parseProxy(url)
    assert "secret" not in str(raised.value)


@eachKind
def test_secretsAreNotShown(kind: str) -> None:
    """
    Neither a proxy nor its tunnel shows the password.
    """
    proxy = parseProxy(f"{kind}://me:secret@p:1")
    wire = buildWire(9, proxy=f"{kind}://me:secret@p:1")
    assert "secret" not in f"{proxy!r} {proxy} {wire.endpoint()!r}"


# proxies' endpoints with ideas of their own


class Handmade:
    """
    An endpoint that is moved by hand.
    """

    def __init__(self) -> None:
        self.tunnel: Any = None
        self.result: Deferred[Any] = Deferred()

    def connect(self, factory: Any) -> Deferred[Any]:
        self.tunnel = factory.buildProtocol(None)
        return self.result


def tunnelled(endpoint: Any) -> tuple[Deferred[Any], list[Any]]:
    """
    An attempt to reach a server, and how it ended.
    """
    tunnel = TunnelEndpoint(endpoint, parseProxy("http://proxy:3128"), "example.com", 80)
    attempt = tunnel.connect(Factory.forProtocol(Talker))
    ended: list[Any] = []
    attempt.addBoth(ended.append)
    return attempt, ended


def test_failureAfterTheConnectionWasLost() -> None:
    """
    An endpoint that fails because its connection was lost at once says
    nothing new.
    """
    endpoint = Handmade()
    _, ended = tunnelled(endpoint)
    endpoint.tunnel.makeConnection(StringTransport())
    endpoint.tunnel.connectionLost(Failure(ConnectionDone()))
    endpoint.result.errback(ConnectionDone())
    assert [failure.type for failure in ended] == [ProxyRefused]


def test_cancelBetweenBuildingAndConnecting() -> None:
    """
    A connection that comes after the attempt was given up is not used.
    """
    endpoint = Handmade()
    attempt, ended = tunnelled(endpoint)
    attempt.cancel()
    transport = StringTransport()
    endpoint.tunnel.makeConnection(transport)
    assert transport.value() == b""
    assert len(ended) == 1
