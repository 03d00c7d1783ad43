"""
The two ends of a connection, for tests of what lies between: servers on port
0 of 127.0.0.1 that a test forgets about, and a client that says what it heard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapServerTLS
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure

from txsocketio.options import EngineOptions
from txsocketio.protocol.url import EngineAddress
from txsocketio.transports.endpoint import Dialer, Wire


class Talker(Protocol):
    """
    A client that says hello at once, and remembers.

    @ivar heard: all it received.
    @ivar lost: fires with the L{Failure} of C{connectionLost}.
    """

    def __init__(self, expected: int = 5) -> None:
        self.expected = expected
        self.heard = b""
        self.enough: Deferred[bytes] = Deferred()
        self.lost: Deferred[Failure] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if len(self.heard) >= self.expected and not self.enough.called:
            self.enough.callback(self.heard)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # As a value, so that nobody has to look at it.
        deferred, self.lost = self.lost, Deferred()
        deferred.callback(LostReason(reason))  # type: ignore[arg-type]


class LostReason:
    """
    A failure that is a result.
    """

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


async def talk(wire: Wire) -> bytes:
    """
    Connect, and give back what an echo server answered.
    """
    talker: Any = await wire.endpoint().connect(Factory.forProtocol(Talker))
    lost = talker.lost
    heard: bytes = await talker.enough
    wire.abort()
    await lost
    await wire.whenEmpty()
    return heard


async def lossOf(wire: Wire) -> Failure:
    """
    Connect, and give back why the connection was lost, or never was.
    """
    try:
        talker: Any = await wire.endpoint().connect(Factory.forProtocol(Talker))
    except Exception:
        return Failure()
    reason = await talker.lost
    await wire.whenEmpty()
    failure: Failure = reason.failure
    return failure


def buildWire(port: int, secure: bool = False, host: str = "localhost", **options: Any) -> Wire:
    """
    A wire to this machine on the global reactor.
    """
    from twisted.internet import reactor

    address = EngineAddress(secure, host, port, "/socket.io/")
    return Dialer(reactor, address, EngineOptions(**options)).buildWire()


class Servers:
    """
    Listens, and cleans up.
    """

    def __init__(self) -> None:
        self._ports: list[Any] = []
        self._factories: list[Any] = []

    async def listen(self, endpoint: Any, factory: Any, tls: Any = None) -> int:
        """
        @return: the port's number.
        """
        tracking = WrappingFactory(factory)
        tracking.noisy = False
        self._factories.append(tracking)
        if tls is not None:
            endpoint = wrapServerTLS(tls, endpoint)
        port = await endpoint.listen(tracking)
        self._ports.append(port)
        return int(getattr(port.getHost(), "port", 0))

    async def tcp(self, factory: Any, tls: Any = None) -> int:
        from twisted.internet import reactor
        from twisted.internet.endpoints import TCP4ServerEndpoint

        return await self.listen(
            TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"), factory, tls
        )

    async def echo(self, tls: Any = None) -> int:
        return await self.tcp(echoFactory(), tls)

    async def saying(self, *answers: bytes, close: bool = False) -> int:
        """
        A server that answers what it first hears with these pieces, each in a
        segment of its own, whatever it was asked.
        """
        return await self.tcp(Factory.forProtocol(lambda: _Scripted(answers, close)))

    async def close(self) -> None:
        for port in self._ports:
            await port.stopListening()
        for factory in self._factories:
            for protocol in tuple(factory.protocols):
                protocol.transport.abortConnection()


class _Scripted(Protocol):
    def __init__(self, answers: tuple[bytes, ...], close: bool) -> None:
        self.answers = list(answers)
        self.close = close
        self.begun = False
        self.call: Any = None

    def dataReceived(self, data: bytes) -> None:
        if not self.begun:
            self.begun = True
            self.next()

    def next(self) -> None:
        from twisted.internet import reactor

        self.call = None
        assert self.transport is not None
        if self.answers:
            self.transport.write(self.answers.pop(0))
            self.call = reactor.callLater(0, self.next)  # type: ignore[attr-defined]
        elif self.close:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.call is not None:
            self.call.cancel()


def echoFactory() -> Factory:
    factory = Factory.forProtocol(Echo)
    factory.noisy = False
    return factory


def served(test: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """
    Give a test an L{Servers} named C{servers}, and close it afterwards.
    """
    import functools
    import inspect

    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> Any:
        servers = Servers()
        try:
            return await test(*args, servers=servers, **kwargs)
        finally:
            await servers.close()

    signature = inspect.signature(test)
    others = [each for each in signature.parameters.values() if each.name != "servers"]
    run.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
    return run
