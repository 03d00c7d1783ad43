"""
Real proxies for tests: HTTP C{CONNECT} with Basic authentication, SOCKS5 with
user and password, and one that is not asked.  They connect wherever they are
told, and pass bytes, unless they are L{frozen<freeze>}.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure


class _Outgoing(Protocol):
    """
    The proxy's connection to the server.
    """

    def __init__(self, incoming: _ProxyProtocol) -> None:
        self.incoming = incoming

    def dataReceived(self, data: bytes) -> None:
        self.incoming.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.incoming.transport.loseConnection()


class _ProxyProtocol(Protocol):
    """
    What both kinds of proxy do.
    """

    factory: Any
    transport: Any

    def __init__(self) -> None:
        self.buffer = b""
        self.outgoing: _Outgoing | None = None
        self.attempt: Deferred[Any] | None = None

    def connectionMade(self) -> None:
        self.factory.live.add(self)

    def dataReceived(self, data: bytes) -> None:
        if self.outgoing is not None:
            self.outgoing.transport.write(data)
            return
        self.buffer += data
        if self.attempt is None:
            self.negotiate()

    def negotiate(self) -> None:
        raise NotImplementedError

    def connectTo(self, host: str, port: int) -> None:
        from twisted.internet import reactor

        self.factory.targets.append((host, port))
        host, port = self.factory.detours.get((host, port), (host, port))
        endpoint = HostnameEndpoint(reactor, host, port)
        self.attempt = endpoint.connect(Factory.forProtocol(lambda: _Outgoing(self)))
        self.attempt.addCallbacks(self.passOn, lambda failure: self.refuse())

    def passOn(self, outgoing: _Outgoing) -> None:
        self.outgoing = outgoing
        self.transport.write(self.success)
        if self.buffer:
            outgoing.transport.write(self.buffer)

    success = b""

    def refuse(self) -> None:
        raise NotImplementedError

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.live.discard(self)
        if self.attempt is not None:
            self.attempt.cancel()
        if self.outgoing is not None:
            self.outgoing.transport.abortConnection()


class _ConnectProtocol(_ProxyProtocol):
    success = b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n"

    def negotiate(self) -> None:
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        self.buffer = rest
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        self.factory.heads.append(head)
        if not self.allowed(headers.get("proxy-authorization", "")):
            self.transport.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            self.transport.loseConnection()
            return
        host, _, port = line.split(" ")[1].rpartition(":")
        self.connectTo(host.strip("[]"), int(port))

    def allowed(self, authorization: str) -> bool:
        wanted = self.factory.credentials
        if wanted is None:
            return True
        given = b64decode(authorization.removeprefix("Basic ")).decode()
        return given == ":".join(wanted)

    def refuse(self) -> None:
        self.transport.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        self.transport.loseConnection()


class _SocksProtocol(_ProxyProtocol):
    success = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"
    stage = "methods"

    def negotiate(self) -> None:
        while getattr(self, f"read_{self.stage}")():
            pass

    def take(self, size: int) -> bytes:
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_methods(self) -> bool:
        if len(self.buffer) < 2 or len(self.buffer) < 2 + self.buffer[1]:
            return False
        methods = self.take(2 + self.buffer[1])[2:]
        method = 0 if self.factory.credentials is None else 2
        if method not in methods:
            self.transport.write(b"\x05\xff")
            self.transport.loseConnection()
            return False
        self.transport.write(bytes([5, method]))
        self.stage = "login" if method else "request"
        return True

    def read_login(self) -> bool:
        buffer = self.buffer
        if len(buffer) < 3 or len(buffer) < 3 + buffer[1] + buffer[2 + buffer[1]]:
            return False
        self.take(1)
        given = tuple(self.take(self.take(1)[0]).decode() for _ in range(2))
        good = given == self.factory.credentials
        self.transport.write(b"\x01\x00" if good else b"\x01\x01")
        self.stage = "request"
        if not good:
            self.transport.loseConnection()
        return good

    def read_request(self) -> bool:
        buffer = self.buffer
        if len(buffer) < 5:
            return False
        start, size = {1: (4, 4), 3: (5, buffer[4]), 4: (4, 16)}[buffer[3]]
        if len(buffer) < start + size + 2:
            return False
        self.take(start)
        address = self.take(size)
        port = int.from_bytes(self.take(2), "big")
        if start == 5:
            self.factory.names.append(address.decode())
            host = address.decode()
        else:
            from ipaddress import ip_address

            host = str(ip_address(address))
        self.connectTo(host, port)
        return False

    def refuse(self) -> None:
        self.transport.write(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
        self.transport.loseConnection()


class _ProxyFactory(Factory):
    """
    A proxy.

    @ivar credentials: the user and password it wants, or L{None}.
    @ivar targets: where it was told to connect.
    @ivar heads: the requests it got (C{CONNECT}).
    @ivar names: the names it had to resolve (SOCKS5).
    @ivar detours: where it really connects for some target.
    """

    noisy = False

    def __init__(self, credentials: tuple[str, str] | None = None) -> None:
        self.credentials = credentials
        self.targets: list[tuple[str, int]] = []
        self.heads: list[bytes] = []
        self.names: list[str] = []
        self.detours: dict[tuple[str, int], tuple[str, int]] = {}
        self.live: set[Any] = set()


class ConnectProxy(_ProxyFactory):
    """
    Tunnels by C{CONNECT}.
    """

    protocol = _ConnectProtocol


class SocksProxy(_ProxyFactory):
    """
    Tunnels by SOCKS5.
    """

    protocol = _SocksProtocol


class _RelayProtocol(_ProxyProtocol):
    def negotiate(self) -> None:
        self.connectTo("127.0.0.1", self.factory.port)


class Relay(_ProxyFactory):
    """
    Passes everything on to one port of this machine.
    """

    protocol = _RelayProtocol

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port


def freeze(proxy: _ProxyFactory) -> None:
    """
    Pass nothing more on the connections there are, and do not say so: what a
    middlebox does that has forgotten them.
    """
    for each in proxy.live:
        for end in (each, each.outgoing):
            end.transport.pauseProducing()


def hangUp(proxy: _ProxyFactory) -> None:
    """
    End the connections there are without a word of TLS.
    """
    for each in tuple(proxy.live):
        each.transport.loseConnection()
