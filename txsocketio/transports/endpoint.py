"""
What both transports share: where to connect, and with which words.

A L{Dialer} belongs to a manager and outlives its engines: TLS policy, cookie
jar, proxy.  A L{Wire} belongs to one engine: the query and headers of this
attempt, and its connections, which all end with it.

The stack is built once, from the bottom: the server's address (or the user's
endpoint, or the proxy's address), the count of connections, the tunnel through
the proxy, TLS.  Knows Twisted; knows neither HTTP nor WebSocket.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    clientFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from txsocketio.options import OPTIONS, EngineOptions
from txsocketio.protocol.url import EngineAddress, uniqueTokens
from txsocketio.transports.connections import Connections, Tracked, limitHead
from txsocketio.transports.cookies import BoundedJar, mergeCookies
from txsocketio.transports.explain import explainFailure, rootCause
from txsocketio.transports.proxy import Proxy, TunnelEndpoint, chooseProxy
from txsocketio.transports.tls import buildCreator

if TYPE_CHECKING:
    from twisted.web.client import URI

__all__ = ["Dialer", "Wire", "explainFailure", "limitHead", "rootCause"]

_CONNECT_TIMEOUT = 3600.0
# The engine has a timer of its own, and cancels; this one must not be first.

_ATTEMPT_DELAY = 0.1
# Twisted waits this long for one address of a host before it tries the next,
# and also before it reports that the last one refused.

_RESERVED = frozenset({"EIO", "transport", "sid"})

_SHARED = frozenset(name for name, option in OPTIONS.items() if option.kind in ("wire", "tls")) | {
    "withCredentials"
}

Pairs = Sequence[tuple[str, str]]
EndpointBuilder = Callable[[Connections], IStreamClientEndpoint]


class Dialer:
    """
    Reaches one server; what outlives an engine.

    @ivar jar: the cookies of this server, or L{None} when
        C{withCredentials} is off.
    @raise ValueError: an option names a file, proxy or endpoint that cannot
        be used; the message says which.
    """

    def __init__(self, reactor: Any, address: EngineAddress, options: EngineOptions) -> None:
        self.reactor = reactor
        self.address = address
        self.options = options
        self.jar = BoundedJar() if options.withCredentials else None
        self.buildEndpoint = _endpointBuilder(reactor, address, options)

    def buildWire(self, query: Pairs = (), headers: Pairs = ()) -> Wire:
        """
        Make what one engine needs.

        @param query: the user's query of this attempt.
        @param headers: the user's headers of this attempt.
        """
        return Wire(self, query, headers)


class Wire:
    """
    One engine's access to the network.

    @ivar connections: the engine's connections, pending and live.
    """

    __slots__ = (
        "_dialer",
        "_endpoint",
        "_fixed",
        "_headers",
        "_merged",
        "_query",
        "_tokens",
        "_urls",
        "address",
        "connections",
        "options",
        "reactor",
    )

    def __init__(self, dialer: Dialer, query: Pairs = (), headers: Pairs = ()) -> None:
        self.reactor = dialer.reactor
        self.address = dialer.address
        self.options = dialer.options
        self.connections = Connections()
        self._dialer = dialer
        self._query = tuple(query)
        self._headers = tuple(headers)
        self._tokens: Iterator[str] | None = None
        self._merged: dict[str, EngineOptions] = {}
        self._urls: dict[tuple[str, str | None], tuple[str, str]] = {}
        self._fixed: dict[str, tuple[list[tuple[str, str]], str]] = {}
        self._endpoint: IStreamClientEndpoint | None = None

    # what to say

    def optionsFor(self, transport: str) -> EngineOptions:
        """
        The options with C{transportOptions[transport]} applied.
        """
        if not self.options.transportOptions:
            return self.options
        if transport not in self._merged:
            self._merged[transport] = self.options.forTransport(transport)
        return self._merged[transport]

    def requestURL(self, transport: str, sid: str | None) -> str:
        """
        The URL of one request, complete with Engine.IO's own query.

        @param transport: the transport's name; C{"websocket"} gets a C{ws} or
            C{wss} URL, any other C{http} or C{https}.
        @param sid: the session, or L{None} for a new one.
        """
        key = transport, sid
        if key not in self._urls:
            self._urls[key] = self._buildURL(transport, sid)
        url, stamp = self._urls[key]
        if not stamp:
            return url
        if self._tokens is None:
            self._tokens = uniqueTokens()
        return f"{url}{stamp}{next(self._tokens)}"

    def headers(self, transport: str, url: str) -> list[tuple[str, str]]:
        """
        The user's headers of one request, with credentials and cookies.

        @param url: the request's URL, which decides about cookies.
        @return: a new list.
        """
        if transport not in self._fixed:
            self._fixed[transport] = self._fixedHeaders(transport)
        fixed, given = self._fixed[transport]
        jar = self._dialer.jar
        stored = jar.cookiesFor(url) if jar is not None else []
        cookies = mergeCookies(given, stored) if stored else given
        return [*fixed, ("Cookie", cookies)] if cookies else fixed.copy()

    def storeCookies(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        """
        Keep the cookies of a response.

        @param headers: all headers of the response as they came, each
            C{Set-Cookie} a pair of its own.
        """
        if self._dialer.jar is not None:
            self._dialer.jar.store(url, headers)

    # where to connect

    def endpoint(self) -> IStreamClientEndpoint:
        """
        The endpoint of the server, through proxy and TLS, always the same.

        Cancelling a connect in whatever stage leaves nothing behind.
        """
        if self._endpoint is None:
            self._endpoint = self._dialer.buildEndpoint(self.connections)
        return self._endpoint

    def endpointFactory(self) -> IAgentEndpointFactory:
        """
        The same endpoint for an L{Agent <twisted.web.client.Agent>}, with
        the heads of responses held to C{maxHeaderBytes}.
        """
        endpoint = _LimitedEndpoint(self.endpoint(), self.options.maxHeaderBytes)
        return _ReadyMade(endpoint)

    def abort(self) -> None:
        """
        End every connection now, and refuse new ones.
        """
        self.connections.abort()

    def whenEmpty(self) -> Deferred[None]:
        """
        @return: fires when no connection, live or being made, is left.
        """
        return self.connections.whenEmpty()

    def explain(self, failure: Failure) -> str:
        """
        Say in plain words why this server was not reached.
        """
        given = self.options.endpoint
        return explainFailure(failure, given if isinstance(given, str) else self.address.hostHeader)

    # inside

    def _special(self, transport: str, option: str) -> Pairs:
        """
        What C{transportOptions} adds for one transport.
        """
        special: Pairs = (self.options.transportOptions or {}).get(transport, {}).get(option, ())
        return special

    def _buildURL(self, transport: str, sid: str | None) -> tuple[str, str]:
        """
        All of a URL but the token, and what to write before the token.
        """
        stamp = self._stampFor(transport)
        query = self._queryFor(transport, sid, stamp)
        url = self.address.requestURL(transport == "websocket", query)
        return url, f"&{quote(stamp, safe='')}=" if stamp else ""

    def _stampFor(self, transport: str) -> str:
        options = self.optionsFor(transport)
        wanted = options.timestampRequests
        if wanted is None:
            wanted = transport == "polling"
        return options.timestampParam if wanted else ""

    def _queryFor(self, transport: str, sid: str | None, stamp: str) -> list[tuple[str, str]]:
        own = [("EIO", "4"), ("transport", transport)]
        if sid is not None:
            own.append(("sid", sid))
        # Of polling only the first request decides about binary.
        if self.optionsFor(transport).forceBase64 and (sid is None or transport == "websocket"):
            own.append(("b64", "1"))
        users = {**dict(self._query), **dict(self._special(transport, "query"))}
        if not users:
            return own
        taken = {*_RESERVED, stamp, *(name for name, _ in own)}
        return own + [pair for pair in users.items() if pair[0] not in taken]

    def _fixedHeaders(self, transport: str) -> tuple[list[tuple[str, str]], str]:
        special = self._special(transport, "extraHeaders")
        replaced = {name.lower() for name, _ in special}
        headers = [pair for pair in self._headers if pair[0].lower() not in replaced]
        headers.extend(special)
        names = {name.lower() for name, _ in headers}
        if self.address.userinfo and "authorization" not in names:
            headers.append(("Authorization", _basic(self.address.userinfo)))
        cookies = "; ".join(value for name, value in headers if name.lower() == "cookie")
        return [pair for pair in headers if pair[0].lower() != "cookie"], cookies


def _basic(userinfo: str) -> str:
    """
    The C{Authorization} of a URL's C{user:password}.
    """
    secret = userinfo if ":" in userinfo else f"{userinfo}:"
    return f"Basic {b64encode(secret.encode()).decode('ascii')}"


# the stack


def _endpointBuilder(
    reactor: Any, address: EngineAddress, options: EngineOptions
) -> EndpointBuilder:
    """
    Check the options of the wire, and decide how an engine's endpoint is made.
    """
    _checkTransportOptions(options)
    if options.endpointFactory is not None:
        return _foreignBuilder(address, options.endpointFactory)
    creator = buildCreator(address.host, address.port, options) if address.secure else None
    proxy = None if options.endpoint is not None else chooseProxy(options.proxy, address)
    base = _baseEndpoint(reactor, address, options, proxy)

    def build(connections: Connections) -> IStreamClientEndpoint:
        endpoint: IStreamClientEndpoint = Tracked(base(), connections)
        if proxy is not None:
            endpoint = TunnelEndpoint(endpoint, proxy, address.host, address.port)
        return endpoint if creator is None else _overTLS(reactor, creator, endpoint)

    return build


def _checkTransportOptions(options: EngineOptions) -> None:
    """
    Refuse what cannot differ from one transport to the other.

    @raise ValueError: C{transportOptions} says such a thing.
    """
    for transport, special in (options.transportOptions or {}).items():
        for name, value in special.items():
            if callable(value) and name in ("query", "extraHeaders"):
                raise ValueError(f"transportOptions: {name} of {transport} must not be a callable")
            if name in _SHARED:
                raise ValueError(f"transportOptions: {name} holds for all transports; say it there")


def _baseEndpoint(
    reactor: Any, address: EngineAddress, options: EngineOptions, proxy: Proxy | None
) -> Callable[[], IStreamClientEndpoint]:
    if options.endpoint is not None:
        given = _givenEndpoint(reactor, options.endpoint)
        return lambda: given
    host, port = (address.host, address.port) if proxy is None else (proxy.host, proxy.port)
    made: IStreamClientEndpoint | None = None

    def build() -> IStreamClientEndpoint:
        # When it is needed: a clock for tests can resolve no names.
        nonlocal made
        if made is None:
            made = _hostEndpoint(reactor, host, port, options.localAddress)
        return made

    return build


def _hostEndpoint(
    reactor: Any, host: str, port: int, localAddress: str | None
) -> IStreamClientEndpoint:
    binding = None if localAddress is None else (localAddress, 0)
    if isIPv6Address(host):
        return TCP6ClientEndpoint(reactor, host, port, _CONNECT_TIMEOUT, binding)
    # An address needs no resolver and none of its turns, which cost a third of
    # a connection.  A name with an underscore is no proper one, and
    # HostnameEndpoint refuses it; but containers are often called so.
    if isIPAddress(host) or "_" in host:
        return TCP4ClientEndpoint(reactor, host, port, _CONNECT_TIMEOUT, binding)
    return HostnameEndpoint(
        reactor,
        host,
        port,
        timeout=_CONNECT_TIMEOUT,
        bindAddress=localAddress,
        attemptDelay=_ATTEMPT_DELAY,
    )


def _givenEndpoint(reactor: Any, endpoint: Any) -> IStreamClientEndpoint:
    """
    @raise ValueError: C{endpoint} is a string that names no endpoint.
    """
    if not isinstance(endpoint, str):
        given: IStreamClientEndpoint = endpoint
        return given
    try:
        named: IStreamClientEndpoint = clientFromString(reactor, endpoint)
    except Exception as problem:
        raise ValueError(
            f"endpoint: {endpoint!r} is not a client endpoint: {problem}; "
            "write it as in tcp:127.0.0.1:3000 or unix:/run/app.sock"
        ) from problem
    return named


def _overTLS(
    reactor: Any, creator: IOpenSSLClientConnectionCreator, endpoint: IStreamClientEndpoint
) -> IStreamClientEndpoint:
    wrapped: IStreamClientEndpoint = wrapClientTLS(creator, endpoint, clock=reactor)
    return wrapped


def _foreignBuilder(address: EngineAddress, factory: Any) -> EndpointBuilder:
    """
    The user's endpoint factory decides everything, TLS included.
    """
    # Here, for it takes 8 ms and nothing else on the way of a WebSocket needs it.
    from twisted.web.client import URI

    scheme = "https" if address.secure else "http"
    uri = URI.fromBytes(f"{scheme}://{address.hostHeader}/".encode("ascii"))

    def build(connections: Connections) -> IStreamClientEndpoint:
        return Tracked(factory.endpointForURI(uri), connections)

    return build


@implementer(IStreamClientEndpoint)
class _LimitedEndpoint:
    """
    An endpoint for HTTP clients, which limits the heads of responses.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, limit: int) -> None:
        self._endpoint = endpoint
        self._limit = limit

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return self._endpoint.connect(protocolFactory).addCallback(limitHead, self._limit)


@implementer(IAgentEndpointFactory)
class _ReadyMade:
    """
    Hands out one endpoint, whatever is asked.

    Building it anew, with its TLS options, would be a third of the cost of a
    request.
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self._endpoint
