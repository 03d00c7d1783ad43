"""
Every way to the server, end to end: TLS, proxies, unix sockets, endpoints;
each over polling, over WebSocket, and through an upgrade.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.logger import globalLogPublisher
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

import tlskit
from interop.scenarios import Clients
from interop.servers import ServerProcess
from interop.wires import (
    BOTH,
    LIMIT,
    WAYS,
    SecureServers,
    assertWorks,
    clients,
    connectionError,
    lossesOf,
    secureServers,
    servers,
    settle,
)
from proxykit import ConnectProxy, Relay, SocksProxy, freeze, hangUp
from support import deferred, until
from txsocketio import io
from wirekit import Servers

__all__ = ["clients", "secureServers", "servers"]

pytestmark = pytest.mark.node

GOOD = tlskit.certificateFor("localhost")
CA = tlskit.caPEM()
WANTS_CLIENT = {"requestCert": True, "rejectUnauthorized": True}


# TLS: the server's certificate


@WAYS
@deferred(LIMIT)
async def test_trusted(secureServers: SecureServers, clients: Clients, transports: Any) -> None:
    """
    A server whose authority is in C{ca} is trusted by both transports.

    behaviours P9; faults F109
    """
    server = secureServers.get(GOOD)
    socket = await settle(clients.make(server, ca=CA, transports=transports), transports)
    await assertWorks(socket)
    assert (await socket.emitWithAck("getHandshake"))["secure"]


@WAYS
@deferred(LIMIT)
async def test_trustedAddress(
    secureServers: SecureServers, clients: Clients, transports: Any
) -> None:
    """
    A server may be named by its IP address, if its certificate holds it.

    faults F109
    """
    server = secureServers.get(tlskit.certificateFor("127.0.0.1"))
    url = f"https://127.0.0.1:{server.port}"
    socket = clients.keep(io(url, ca=CA, transports=transports, forceNew=True))
    await assertWorks(await settle(socket, transports))


BAD = {
    "expired": (tlskit.expired, "localhost", "has expired", "renew the server's certificate"),
    "wrong host": (
        lambda: tlskit.certificateFor("other.example"),
        "localhost",
        "wrong host) but for other.example",
        "use a name the certificate holds",
    ),
    "wrong address": (
        lambda: GOOD,
        "127.0.0.1",
        "wrong host) but for localhost",
        "use a name the certificate holds",
    ),
    "unknown CA": (tlskit.unknown, "localhost", "certificate verify failed", "pass ca="),
}


@BOTH
@pytest.mark.parametrize("case", BAD)
@deferred(LIMIT)
async def test_badCertificate(
    secureServers: SecureServers, clients: Clients, transports: Any, case: str
) -> None:
    """
    A certificate that does not hold is refused before any request is sent;
    the error says which server, why, and what helps.

    behaviours P9; faults F109
    """
    make, host, seen, fix = BAD[case]
    server = secureServers.get(make())
    await server.control("clearRequests")
    url = f"https://{host}:{server.port}"
    text = str(await connectionError(clients, url, ca=CA, transports=transports))
    assert f"{host}:{server.port}: " in text
    assert seen in text
    assert fix in text
    assert await server.control("requests") == []


@BOTH
@pytest.mark.parametrize("value", [None, True])
@deferred(LIMIT)
async def test_onlyFalseIsFalse(
    secureServers: SecureServers, clients: Clients, transports: Any, value: Any
) -> None:
    """
    Without the literal C{rejectUnauthorized=False}, certificates are verified.

    faults F109
    """
    server = secureServers.get(tlskit.unknown())
    error = await connectionError(
        clients, server.url, transports=transports, rejectUnauthorized=value
    )
    assert "certificate verify failed" in str(error)


@pytest.mark.parametrize("value", [0, "", "false", [], 0.0])
def test_falsyIsRefused(value: Any) -> None:
    """
    What is only like C{False} is no value of C{rejectUnauthorized} at all.

    faults F109
    """
    with pytest.raises(ValueError, match="rejectUnauthorized must be True or False"):
        io("https://localhost:1", forceNew=True, autoConnect=False, rejectUnauthorized=value)


@WAYS
@pytest.mark.parametrize("case", BAD)
@deferred(LIMIT)
async def test_unverified(
    secureServers: SecureServers, clients: Clients, transports: Any, case: str
) -> None:
    """
    C{rejectUnauthorized=False} takes any certificate, and a warning is logged.

    faults F109
    """
    warnings: list[str] = []

    def observe(event: Any) -> None:
        if event["log_level"].name == "warn":
            warnings.append(event["log_format"].format(**event))

    make, host, _, _ = BAD[case]
    url = f"https://{host}:{secureServers.get(make()).port}"
    globalLogPublisher.addObserver(observe)
    try:
        socket = clients.keep(
            io(url, transports=transports, rejectUnauthorized=False, forceNew=True)
        )
    finally:
        globalLogPublisher.removeObserver(observe)
    await assertWorks(await settle(socket, transports))
    (warning,) = warnings
    assert "NOT verified (rejectUnauthorized=False)" in warning


# TLS: our own certificate, ciphers, policies

CLIENT = tlskit.clientCertificate()
IDENTITIES = {
    "cert and key": {"cert": tlskit.chainPEM(CLIENT), "key": tlskit.keyPEM(CLIENT)},
    "passphrase": {
        "cert": tlskit.chainPEM(CLIENT),
        "key": tlskit.keyPEM(CLIENT, tlskit.PASSPHRASE),
        "passphrase": tlskit.PASSPHRASE,
    },
    "pfx": {"pfx": tlskit.pfx(CLIENT), "passphrase": tlskit.PASSPHRASE},
}


@WAYS
@pytest.mark.parametrize("how", IDENTITIES)
@deferred(LIMIT)
async def test_clientCertificate(
    secureServers: SecureServers, clients: Clients, transports: Any, how: str
) -> None:
    """
    A server that insists on a client's certificate gets it from both
    transports.

    behaviours P9
    """
    server = secureServers.get(GOOD, tls=WANTS_CLIENT)
    options = {"ca": CA, "transports": transports, **IDENTITIES[how]}
    await assertWorks(await settle(clients.make(server, **options), transports))


@BOTH
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@deferred(LIMIT)
async def test_clientCertificateMissing(
    secureServers: SecureServers, clients: Clients, transports: Any, version: str
) -> None:
    """
    Without one, the error says that the server wants it, and how to pass it.

    behaviours P9; faults F109
    """
    server = secureServers.get(GOOD, tls={**WANTS_CLIENT, "maxVersion": version})
    text = str(await connectionError(clients, server.url, ca=CA, transports=transports))
    assert f"localhost:{server.port}: " in text
    assert "client certificate" in text
    assert "cert= and key=" in text


@BOTH
@deferred(LIMIT)
async def test_clientCertificateOfAnother(
    secureServers: SecureServers, clients: Clients, transports: Any
) -> None:
    """
    One that the server does not trust makes it hang up; the error guesses why.

    faults F109
    """
    leaf = tlskit.unknown()
    identity = {"cert": tlskit.chainPEM(leaf), "key": tlskit.keyPEM(leaf)}
    server = secureServers.get(GOOD, tls=WANTS_CLIENT)
    error = await connectionError(clients, server.url, ca=CA, transports=transports, **identity)
    assert "check cert= and key=" in str(error)


@BOTH
@deferred(LIMIT)
async def test_ciphers(secureServers: SecureServers, clients: Clients, transports: Any) -> None:
    """
    With C{ciphers} the one that the server wants is offered.
    """
    only = {"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384", "maxVersion": "TLSv1.2"}
    server = secureServers.get(GOOD, tls=only)
    options = {"ca": CA, "transports": transports, "ciphers": only["ciphers"]}
    await assertWorks(await settle(clients.make(server, **options), transports))


@BOTH
@deferred(LIMIT)
async def test_noCommonCipher(
    secureServers: SecureServers, clients: Clients, transports: Any
) -> None:
    """
    Without it, there is no connection, and the error says so.
    """
    only = {"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384", "maxVersion": "TLSv1.2"}
    server = secureServers.get(GOOD, tls=only)
    options = {"ca": CA, "transports": transports, "ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"}
    assert "no cipher in common" in str(await connectionError(clients, server.url, **options))


@WAYS
@deferred(LIMIT)
async def test_contextFactory(
    secureServers: SecureServers, clients: Clients, transports: Any
) -> None:
    """
    Twisted's own TLS options can be given instead.
    """
    root = trustRootFromCertificates([Certificate.loadPEM(CA)])
    server = secureServers.get(GOOD)
    factory = optionsForClientTLS("localhost", root)
    socket = clients.make(server, contextFactory=factory, transports=transports)
    await assertWorks(await settle(socket, transports))


# TLS: in use and broken


@WAYS
@deferred(LIMIT)
async def test_largeOverTLS(
    secureServers: SecureServers, clients: Clients, transports: Any
) -> None:
    """
    200 KiB of text and as much of bytes go both ways.
    """
    server = secureServers.get(GOOD)
    socket = await settle(clients.make(server, ca=CA, transports=transports), transports)
    await assertWorks(socket, 200 * 1024)


@WAYS
@deferred(LIMIT)
async def test_cutMidway(secureServers: SecureServers, clients: Clients, transports: Any) -> None:
    """
    Cut while 200 KiB are under way, the client hears it and comes back.

    faults F110
    """
    server = secureServers.get(GOOD)
    socket = await settle(clients.make(server, ca=CA, transports=transports), transports)
    losses = lossesOf(socket)
    socket.emit("back", "x" * 200 * 1024)
    await server.control("cut")
    await until(lambda: losses)
    assert losses[0][0] in ("transport close", "transport error")
    await assertWorks(await socket.whenConnected())


@WAYS
@deferred(LIMIT)
async def test_abortMidway(secureServers: SecureServers, clients: Clients, transports: Any) -> None:
    """
    Given up by ourselves while 200 KiB are under way, nothing is left behind
    and the server knows us no more.
    """
    server = secureServers.get(GOOD)
    socket = await settle(clients.make(server, ca=CA, transports=transports), transports)
    socket.emit("back", "x" * 200 * 1024)
    engine = socket.io.engine
    sid = engine.id
    engine.abort("transport close")
    await engine.whenGone()
    assert engine.readyState == "closed"
    await socket.whenConnected()
    assert socket.io.engine.id != sid


SHORT = {"pingInterval": 300, "pingTimeout": 300}


@WAYS
@deferred(LIMIT)
async def test_halfOpen(
    servers: Servers, secureServers: SecureServers, clients: Clients, transports: Any
) -> None:
    """
    A middlebox that forgets the connection and says nothing is noticed by the
    missing heartbeat; the client comes back.

    faults F111
    """
    server = secureServers.get(GOOD, **SHORT)
    relay = Relay(server.port)
    url = f"https://localhost:{await servers.tcp(relay)}"
    options = {"ca": CA, "transports": transports, "forceNew": True, "reconnectionDelay": 0.1}
    socket = await settle(clients.keep(io(url, **options)), transports)
    losses = lossesOf(socket)
    freeze(relay)
    await until(lambda: losses)
    assert losses[0][0] == "ping timeout"
    await assertWorks(await settle(socket, transports))


@BOTH
@deferred(LIMIT)
async def test_truncated(
    servers: Servers, secureServers: SecureServers, clients: Clients, transports: Any
) -> None:
    """
    A TLS connection that ends without a goodbye is a lost one.

    faults F110
    """
    server = secureServers.get(GOOD)
    relay = Relay(server.port)
    url = f"https://localhost:{await servers.tcp(relay)}"
    options = {"ca": CA, "transports": transports, "forceNew": True, "reconnectionDelay": 0.1}
    socket = await settle(clients.keep(io(url, **options)), transports)
    losses = lossesOf(socket)
    hangUp(relay)
    await until(lambda: losses)
    reason = {"polling": "transport error", "websocket": "transport close"}[transports[0]]
    assert losses[0][0] == reason
    await assertWorks(await socket.whenConnected())


# proxies

KINDS = {"http": ConnectProxy, "socks5": SocksProxy}
LOGIN = ("user", "pass:word@")
LOGIN_IN_URL = "user:pass%3Aword%40@"
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])


class Route:
    """
    A proxy in front of a server that has another name there, so that nothing
    gets to it but through the proxy.
    """

    def __init__(self, kind: str, server: ServerProcess, credentials: Any = None) -> None:
        self.kind = kind
        self.server = server
        self.proxy: Any = KINDS[kind](credentials)
        self.proxy.detours["server.test", server.port] = ("127.0.0.1", server.port)
        self.login = LOGIN_IN_URL if credentials else ""

    @property
    def url(self) -> str:
        return self.server.url.replace("localhost", "server.test")

    async def listen(self, servers: Servers) -> str:
        """
        @return: the value of C{proxy}.
        """
        self.port = await servers.tcp(self.proxy)
        return f"{self.kind}://{self.login}127.0.0.1:{self.port}"


def serverFor(secureServers: SecureServers, nodeServer: ServerProcess, secure: bool) -> Any:
    """
    A server for the name that the proxy knows.
    """
    return secureServers.get(tlskit.certificateFor("server.test")) if secure else nodeServer


@WAYS
@SECURE
@pytest.mark.parametrize("credentials", [None, LOGIN], ids=["open", "login"])
@pytest.mark.parametrize("kind", KINDS)
@deferred(LIMIT)
async def test_proxy(
    servers: Servers,
    secureServers: SecureServers,
    nodeServer: ServerProcess,
    clients: Clients,
    transports: Any,
    secure: bool,
    credentials: Any,
    kind: str,
) -> None:
    """
    Both transports go through the proxy, with credentials where it wants them,
    and leave the name of the server to it.

    behaviours P10
    """
    route = Route(kind, serverFor(secureServers, nodeServer, secure), credentials)
    proxy = await route.listen(servers)
    options = {"proxy": proxy, "ca": CA, "transports": transports, "forceNew": True}
    socket = clients.keep(io(route.url, **options))
    await assertWorks(await settle(socket, transports))
    assert set(route.proxy.targets) == {("server.test", route.server.port)}


@BOTH
@SECURE
@pytest.mark.parametrize("kind", KINDS)
@deferred(LIMIT)
async def test_wrongLogin(
    servers: Servers,
    secureServers: SecureServers,
    nodeServer: ServerProcess,
    clients: Clients,
    transports: Any,
    secure: bool,
    kind: str,
) -> None:
    """
    A proxy that refuses the login is named in the error, with what to write;
    the password is not.

    behaviours P10
    """
    route = Route(kind, serverFor(secureServers, nodeServer, secure), ("user", "right"))
    await route.listen(servers)
    proxy = f"{kind}://user:secret@127.0.0.1:{route.port}"
    error = await connectionError(clients, route.url, proxy=proxy, transports=transports)
    text = f"{error} {error!r} {error.__cause__!r}"
    assert f"{kind}://127.0.0.1:{route.port}" in text
    assert "proxy=" in text
    assert "secret" not in text
    assert route.proxy.targets == []


@WAYS
@SECURE
@deferred(LIMIT)
async def test_proxyOfTheEnvironment(
    servers: Servers,
    secureServers: SecureServers,
    nodeServer: ServerProcess,
    clients: Clients,
    transports: Any,
    secure: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    C{proxy="env"} takes what the usual variable of the scheme says.

    behaviours P10
    """
    route = Route("http", serverFor(secureServers, nodeServer, secure))
    proxy = await route.listen(servers)
    monkeypatch.setenv("https_proxy" if secure else "http_proxy", proxy)
    options = {"proxy": "env", "ca": CA, "transports": transports, "forceNew": True}
    socket = clients.keep(io(route.url, **options))
    await assertWorks(await settle(socket, transports))
    assert route.proxy.targets


@BOTH
@deferred(LIMIT)
async def test_noProxy(
    nodeServer: ServerProcess,
    clients: Clients,
    transports: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    What C{NO_PROXY} names is reached without the proxy.

    behaviours P10
    """
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "other.test,localhost")
    socket = clients.make(nodeServer, proxy="env", transports=transports)
    await assertWorks(await settle(socket, transports))


@BOTH
@deferred(LIMIT)
async def test_proxyDropsSilently(
    servers: Servers, sharedServers: Any, clients: Clients, transports: Any
) -> None:
    """
    A proxy that forgets an idle tunnel is noticed by the missing heartbeat.

    faults F111
    """
    route = Route("http", sharedServers.get("sio", **SHORT))
    options = {"proxy": await route.listen(servers), "reconnectionDelay": 0.1, "forceNew": True}
    socket = clients.keep(io(route.url, transports=transports, **options))
    await settle(socket, transports)
    losses = lossesOf(socket)
    freeze(route.proxy)
    await until(lambda: losses)
    assert losses[0][0] == "ping timeout"
    await assertWorks(await socket.whenConnected())


# other ways to connect


@WAYS
@SECURE
@deferred(LIMIT)
async def test_unixSocket(
    sharedServers: Any,
    secureServers: SecureServers,
    clients: Clients,
    transports: Any,
    secure: bool,
    tmp_path_factory: Any,
) -> None:
    """
    A server on a unix socket is reached by C{endpoint}; the URL only makes
    the C{Host} header, and the name in the certificate.

    behaviours J12
    """
    path = tmp_path_factory.getbasetemp() / f"unix-{secure}"
    leaf = tlskit.certificateFor("app.test")
    server = (
        secureServers.get(leaf, unix=str(path))
        if secure
        else sharedServers.get("sio", unix=str(path))
    )
    url = "https://app.test" if secure else "http://app.test"
    options = {"endpoint": f"unix:{path}", "ca": CA, "transports": transports, "forceNew": True}
    await server.control("clearRequests")
    await assertWorks(await settle(clients.keep(io(url, **options)), transports))
    requests = await server.control("requests")
    assert {each["headers"]["host"] for each in requests} == {"app.test"}


@WAYS
@pytest.mark.parametrize("asText", [True, False])
@deferred(LIMIT)
async def test_endpoint(
    nodeServer: ServerProcess, clients: Clients, transports: Any, asText: bool
) -> None:
    """
    An endpoint, or the string of one, replaces the URL's host and port.

    behaviours J12
    """
    endpoint: Any = f"tcp:127.0.0.1:{nodeServer.port}"
    if not asText:
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", nodeServer.port)
    socket = clients.keep(
        io("http://app.test:99", endpoint=endpoint, transports=transports, forceNew=True)
    )
    await assertWorks(await settle(socket, transports))
    handshake = await socket.emitWithAck("getHandshake")
    assert handshake["headers"]["host"] == "app.test:99"


@implementer(IAgentEndpointFactory)
class Everywhere:
    """
    Connects to one port, whatever is asked, and remembers that.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[bytes] = []

    def endpointForURI(self, uri: Any) -> Any:
        self.asked.append(uri.toBytes())
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        if uri.scheme != b"https":
            return endpoint
        root = trustRootFromCertificates([Certificate.loadPEM(CA)])
        return wrapClientTLS(optionsForClientTLS("app.test", root), endpoint)


@WAYS
@SECURE
@deferred(LIMIT)
async def test_endpointFactory(
    secureServers: SecureServers,
    nodeServer: ServerProcess,
    clients: Clients,
    transports: Any,
    secure: bool,
) -> None:
    """
    An C{endpointFactory} decides for both transports how to connect, TLS
    included.

    behaviours J12
    """
    server = secureServers.get(tlskit.certificateFor("app.test")) if secure else nodeServer
    factory = Everywhere(server.port)
    url = "https://app.test" if secure else "http://app.test"
    options = {"endpointFactory": factory, "transports": transports, "forceNew": True}
    await assertWorks(await settle(clients.keep(io(url, **options)), transports))
    assert set(factory.asked) == {f"{url}/".encode()}


@WAYS
@deferred(LIMIT)
async def test_localAddress(newServer: Any, clients: Clients, transports: Any) -> None:
    """
    C{localAddress} is where the connections of both transports come from.

    behaviours Q35
    """
    server = newServer("sio")
    socket = clients.make(server, localAddress="127.0.0.2", transports=transports)
    await assertWorks(await settle(socket, transports))
    peers = await server.control("peers")
    assert {each["remoteAddress"] for each in peers} == {"127.0.0.2"}
    assert (await socket.emitWithAck("getHandshake"))["address"] == "127.0.0.2"
