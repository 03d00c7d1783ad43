"""
Tunnels through proxies: HTTP C{CONNECT} (RFC 9110) and SOCKS5 (RFC 1928, and
RFC 1929 for name and password).

Twisted has neither for clients.  Whatever is connected through a
L{TunnelEndpoint}, TLS included, does not notice the proxy.  The host's name is
resolved by the proxy, never here.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionAborted,
    ConnectionDone,
    NoProtocol,
)
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.errors import excerpt
from txsocketio.protocol.url import EngineAddress
from txsocketio.transports.explain import explainFailure

__all__ = ["Proxy", "ProxyRefused", "TunnelEndpoint", "chooseProxy", "parseProxy"]

MAX_HEAD = 16 * 1024
"""How many bytes a proxy may answer before the tunnel stands."""

_DEFAULT_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}


class ProxyRefused(Exception):
    """
    The proxy does not let us through.

    @ivar status: the HTTP status, or SOCKS5's reply code, or L{None}.
    @ivar proxy: the proxy, without its credentials, or nothing.
    """

    def __init__(self, what: str, status: int | None = None, proxy: str = "") -> None:
        super().__init__(what)
        self.status = status
        self.proxy = proxy

    def __str__(self) -> str:
        what = str(self.args[0])
        return f"{what} [{self.proxy}]" if self.proxy else what


@dataclass(frozen=True, slots=True)
class Proxy:
    """
    A proxy, as an option or the environment names it.

    @ivar scheme: C{"http"}, C{"socks5"} or C{"socks5h"} (the latter two are
        the same here).
    @ivar credentials: user and password, decoded, or L{None}.
    """

    scheme: str
    host: str
    port: int
    credentials: tuple[bytes, bytes] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{_authority(self.host, self.port)}"


# which proxy


def chooseProxy(option: str | None, address: EngineAddress) -> Proxy | None:
    """
    Find the proxy on the way to C{address}.

    @param option: a proxy's URL, L{None} for none, or C{"env"} for what
        C{http_proxy}, C{https_proxy}, C{all_proxy} and C{no_proxy} say, in
        lower or upper case.
    @raise ValueError: it is not the URL of a proxy.
    """
    if option is None:
        return None
    if option != "env":
        return parseProxy(option)
    proxies = getproxies_environment()
    found = proxies.get("https" if address.secure else "http") or proxies.get("all")
    if not found or _isExcepted(address, proxies):
        return None
    return parseProxy(found if "://" in found else f"http://{found}")


def _isExcepted(address: EngineAddress, proxies: dict[str, str]) -> bool:
    entries = (entry.strip().lower() for entry in proxies.get("no", "").split(","))
    return any(_excepts(entry, address) for entry in entries if entry)


def _excepts(entry: str, address: EngineAddress) -> bool:
    """
    Whether one entry of C{no_proxy} names the address: C{*}, C{host},
    C{.domain}, C{*.domain}, each with a port or not, or a network such as
    C{10.0.0.0/8}.
    """
    if entry == "*" or _inNetwork(entry, address.host):
        return True
    name, colon, port = entry.rpartition(":")
    if not colon or not port.isdigit():
        name = entry
    elif int(port) != address.port:
        return False
    domain = name.strip("[]").removeprefix("*").lstrip(".")
    return bool(domain) and f".{address.host}".endswith(f".{domain}")


def _inNetwork(entry: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def parseProxy(url: str) -> Proxy:
    """
    Read a proxy's URL.

    @raise ValueError: the message says what is wrong, and never shows the
        password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        raise ValueError("proxy: the URL's host or port is malformed") from problem
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(
            f"proxy: the scheme {parts.scheme!r:.40} is not supported; "
            "use http://, socks5:// or socks5h://"
        )
    if not host or not re.fullmatch(r"[\x21-\x7e]+", host):
        raise ValueError("proxy: the URL names no host, as in http://proxy.example.com:3128")
    if port is None:
        port = _DEFAULT_PORTS[parts.scheme]
    return Proxy(parts.scheme, host, port, _credentials(parts.username, parts.password))


def _credentials(user: str | None, password: str | None) -> tuple[bytes, bytes] | None:
    if user is None:
        return None
    pair = unquote(user).encode(), unquote(password or "").encode()
    if max(map(len, pair)) > 255:
        raise ValueError("proxy: user and password may have at most 255 bytes each")
    return pair


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# what is said to it
#
# A negotiation is a generator: it yields what to send and how to know that
# the answer is complete, is sent that answer, and returns when the tunnel
# stands.  "Complete" is a function of the bytes so far, which gives the length
# of the answer, or None while it is not there yet.

Complete = Callable[[bytearray], "int | None"]
Negotiation = Generator[tuple[bytes, Complete], bytes, None]


def _exactly(size: int) -> Complete:
    return lambda seen: size if len(seen) >= size else None


def _head(seen: bytearray) -> int | None:
    end = seen.find(b"\r\n\r\n", 0, MAX_HEAD) + 4
    if end < 4 and len(seen) >= MAX_HEAD:
        raise ProxyRefused(f"the proxy's answer is over {MAX_HEAD} bytes")
    return end if end >= 4 else None


def _negotiateHTTP(proxy: Proxy, host: str, port: int) -> Negotiation:
    target = _authority(host, port)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.credentials is not None:
        basic = b64encode(b":".join(proxy.credentials)).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {basic}")
    answer = yield "\r\n".join([*lines, "", ""]).encode("ascii"), _head
    _checkStatus(answer)


def _checkStatus(answer: bytes) -> None:
    line = answer.partition(b"\r\n")[0]
    match = re.match(rb"HTTP/1\.[01] ([0-9]{3})(?![0-9])", line)
    if match is None:
        raise ProxyRefused(f"the proxy does not speak HTTP: {excerpt(line)}")
    status = int(match[1])
    if status == 407:
        raise ProxyRefused(
            "the proxy wants other credentials (407); say proxy='http://user:password@host:port'",
            status,
        )
    if not 200 <= status < 300:
        raise ProxyRefused(
            f"the proxy refused the connection: {excerpt(line)}; "
            "it must be able, and allowed, to reach the server",
            status,
        )


_SOCKS_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused by the server",
    6: "timed out",
    7: "command not supported",
    8: "address type not supported",
}


def _negotiateSOCKS(proxy: Proxy, host: str, port: int) -> Negotiation:
    methods = b"\x00" if proxy.credentials is None else b"\x00\x02"
    chosen = yield bytes([5, len(methods)]) + methods, _exactly(2)
    _checkVersion(chosen)
    if chosen[1] not in methods:
        raise ProxyRefused(
            "the proxy accepts no login that we have; say proxy='socks5://user:password@host:port'"
        )
    if chosen[1] == 2 and proxy.credentials is not None:
        user, password = proxy.credentials
        login = bytes([1, len(user)]) + user + bytes([len(password)]) + password
        answer = yield login, _exactly(2)
        if answer[1] != 0:
            raise ProxyRefused(
                "the proxy refused user or password; check those in proxy=", answer[1]
            )
    request = b"\x05\x01\x00" + _socksAddress(host) + port.to_bytes(2, "big")
    reply = yield request, _socksReply
    _checkReply(reply)


def _checkVersion(answer: bytes) -> None:
    if answer[0] != 5:
        raise ProxyRefused(f"the proxy does not speak SOCKS5: {excerpt(answer)}")


def _socksAddress(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 4]) + address.packed


def _socksReply(seen: bytearray) -> int | None:
    """
    A reply ends with an address, whose length depends on its type.  A refusal
    is complete without one; some proxies send none.
    """
    if len(seen) < 2 or (seen[0] == 5 and seen[1] == 0 and len(seen) < 5):
        return None
    if seen[0] != 5 or seen[1] != 0:
        return 2
    size = {1: 4, 4: 16, 3: 1 + seen[4]}.get(seen[3])
    if size is None:
        raise ProxyRefused(f"the proxy gave an address of unknown type {seen[3]}")
    return 4 + size + 2 if len(seen) >= 4 + size + 2 else None


def _checkReply(reply: bytes) -> None:
    _checkVersion(reply)
    if reply[1] != 0:
        why = _SOCKS_REPLIES.get(reply[1], f"reply {reply[1]}")
        raise ProxyRefused(
            f"the proxy did not connect: {why}; it must be able, and allowed, to reach the server",
            reply[1],
        )


# the tunnel

_OUR_DOING = (CancelledError, ConnectingCancelledError, ConnectionAborted, NoProtocol)


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """
    Connects to a server through a proxy.
    """

    def __init__(
        self, proxyEndpoint: IStreamClientEndpoint, proxy: Proxy, host: str, port: int
    ) -> None:
        self._proxyEndpoint = proxyEndpoint
        self._proxy = proxy
        self._host = host
        self._port = port

    def __repr__(self) -> str:
        return f"<TunnelEndpoint {_authority(self._host, self._port)} through {self._proxy}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to the proxy, and be let through.

        @return: fires with the protocol when the tunnel stands; fails with
            L{ProxyRefused}, or as the proxy's endpoint does.  Cancelling it
            aborts.
        """
        tunnels: list[_Tunnel] = []

        def cancel(_: Deferred[IProtocol]) -> None:
            attempt.cancel()
            for tunnel in tunnels:
                tunnel.abort()

        result: Deferred[IProtocol] = Deferred(cancel)
        factory = _TunnelFactory(self._build, protocolFactory, result, tunnels)
        attempt = self._proxyEndpoint.connect(factory)
        attempt.addErrback(self._ebConnect, result)
        return result.addErrback(self._name)

    def _build(self, factory: IProtocolFactory, result: Deferred[IProtocol]) -> _Tunnel:
        negotiate = _negotiateHTTP if self._proxy.scheme == "http" else _negotiateSOCKS
        return _Tunnel(negotiate(self._proxy, self._host, self._port), factory, result)

    def _ebConnect(self, failure: Failure, result: Deferred[IProtocol]) -> None:
        if not result.called:
            result.errback(failure)

    def _name(self, failure: Failure) -> Failure:
        """
        Tell the proxy's trouble from the server's.
        """
        cause = failure.value
        if isinstance(cause, ProxyRefused):
            cause.proxy = str(self._proxy)
            return failure
        if failure.check(*_OUR_DOING):
            return failure
        text = f"the proxy was not reached: {explainFailure(failure)}"
        unreached = ProxyRefused(text, proxy=str(self._proxy))
        unreached.__cause__ = cause
        return Failure(unreached)


class _TunnelFactory(Factory):
    """
    Builds one tunnel.
    """

    noisy = False

    def __init__(
        self,
        build: Callable[[IProtocolFactory, Deferred[IProtocol]], _Tunnel],
        wrapped: IProtocolFactory,
        result: Deferred[IProtocol],
        tunnels: list[_Tunnel],
    ) -> None:
        self._build = build
        self._wrapped = wrapped
        self._result = result
        self._tunnels = tunnels

    def doStart(self) -> None:
        self._wrapped.doStart()

    def doStop(self) -> None:
        self._wrapped.doStop()

    def buildProtocol(self, addr: Any) -> _Tunnel:
        tunnel = self._build(self._wrapped, self._result)
        self._tunnels.append(tunnel)
        return tunnel


class _Tunnel(Protocol):
    """
    Negotiates, then steps aside for the protocol that wanted the connection.
    """

    def __init__(
        self, negotiation: Negotiation, factory: IProtocolFactory, result: Deferred[IProtocol]
    ) -> None:
        self._negotiation: Negotiation | None = negotiation
        self._factory = factory
        self._result = result
        self._seen = bytearray()
        self._complete: Complete = _exactly(0)
        self._inner: Any = None

    def connectionMade(self) -> None:
        self._step(None)

    def dataReceived(self, data: bytes) -> None:
        self._seen += data
        try:
            while self._negotiation is not None and (size := self._complete(self._seen)):
                answer = bytes(self._seen[:size])
                del self._seen[:size]
                self._step(answer)
        except ProxyRefused as refusal:
            self._fail(Failure(refusal))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._inner is not None:
            self._inner.connectionLost(reason)
            return
        if reason.check(ConnectionDone):
            reason = Failure(ProxyRefused("the proxy closed the connection without an answer"))
        self._fail(reason)

    def abort(self) -> None:
        """
        Give up, whatever the stage.
        """
        self._negotiation = None
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    # inside

    def _step(self, answer: bytes | None) -> None:
        negotiation, transport = self._negotiation, self.transport
        if negotiation is None or transport is None:
            return
        try:
            # A generator not begun takes None only, which its type cannot say.
            request, self._complete = negotiation.send(answer)  # type: ignore[arg-type]
        except StopIteration:
            self._negotiation = None
            self._established()
        else:
            transport.write(request)

    def _fail(self, reason: Failure) -> None:
        if not self._result.called:
            self.abort()
            self._result.errback(reason)

    def _established(self) -> None:
        transport: Any = self.transport
        protocol: Any = self._factory.buildProtocol(transport.getPeer())
        if protocol is None:
            self._fail(Failure(NoProtocol()))
            return
        self._inner = protocol
        # What comes from now on does not pass through here any more.
        self.dataReceived = protocol.dataReceived  # type: ignore[method-assign]
        protocol.makeConnection(transport)
        self._result.callback(protocol)
        if self._seen:
            protocol.dataReceived(bytes(self._seen))
            self._seen.clear()
