"""
The connections of one engine, counted from the first step to the last byte.

HTTP pools and WebSocket factories each forget some connection in some corner:
a request cancelled too early, a TLS peer that never says goodbye.  So every
connection is counted where none can hide, right above the socket and below
proxy, TLS and HTTP, and ended there when its engine ends.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Connections", "HeadTooLarge", "Tracked", "limitHead"]


class HeadTooLarge(Exception):
    """
    The head of an HTTP response is over C{maxHeaderBytes}.

    @ivar limit: the limit, in bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"the response's headers are over {limit} bytes (maxHeaderBytes)")
        self.limit = limit


class Connections:
    """
    Every connection of one engine: those being made and those that live.

    @ivar aborted: whether L{abort} was called; no connection is made any more.
    @ivar live: the transports of the connections that live.
    """

    __slots__ = ("_pending", "_waiting", "aborted", "live")

    def __init__(self) -> None:
        self.aborted = False
        # Tuples: an engine has two or three, and a set is a fifth of a kilobyte.
        self._pending: tuple[Deferred[Any], ...] = ()
        self.live: tuple[Any, ...] = ()
        self._waiting: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._pending) + len(self.live)

    def abort(self) -> None:
        """
        End every connection now, and refuse new ones.  Idempotent.
        """
        self.aborted = True
        for attempt in self._pending:
            attempt.cancel()
        for transport in self.live:
            _abortTransport(transport)

    def whenEmpty(self) -> Deferred[None]:
        """
        Wait for the last connection.

        @return: fires when no connection is left, at once if none is; never
            fails.  Connections that begin meanwhile are waited for as well.
        """
        if not self:
            return succeed(None)
        waiter: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        return waiter

    # from Tracked

    def attemptStarted(self, attempt: Deferred[Any]) -> None:
        """
        A connection is being made; cancelling C{attempt} gives it up.
        """
        self._pending = (*self._pending, attempt)

    def attemptEnded(self, attempt: Deferred[Any]) -> None:
        """
        The connection is made, or will never be.
        """
        self._pending = _without(self._pending, attempt)
        self._checkEmpty()

    def connectionMade(self, transport: Any) -> None:
        """
        A connection lives, even if nobody wants it any more.
        """
        self.live = (*self.live, transport)
        if self.aborted:
            _abortTransport(transport)

    def connectionLost(self, transport: Any) -> None:
        """
        A connection has ended.
        """
        self.live = _without(self.live, transport)
        self._checkEmpty()

    # inside

    def _checkEmpty(self) -> None:
        while self._waiting and not self:
            self._waiting.pop(0).callback(None)


def _without(several: tuple[Any, ...], one: object) -> tuple[Any, ...]:
    return tuple(each for each in several if each is not one)


def _abortTransport(transport: Any) -> None:
    abort = getattr(transport, "abortConnection", None) or transport.loseConnection
    abort()


@implementer(IStreamClientEndpoint)
class Tracked:
    """
    An endpoint whose connections are counted, and send without delay.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, connections: Connections) -> None:
        self._endpoint = endpoint
        self._connections = connections

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, and count it.

        @return: as the wrapped endpoint's; fails with L{ConnectionAborted}
            once the engine is aborted.
        """
        connections = self._connections
        if connections.aborted:
            return fail(ConnectionAborted("this engine is closed"))
        attempt = self._endpoint.connect(_TrackedFactory(protocolFactory, connections))
        connections.attemptStarted(attempt)

        def ended(result: Any) -> Any:
            connections.attemptEnded(attempt)
            return result

        return attempt.addBoth(ended)


class _TrackedFactory(ClientFactory):
    """
    Builds another factory's protocols, and has their connections counted.

    The protocol itself is watched, and not wrapped: that costs nothing for
    each piece of data.
    """

    noisy = False

    def __init__(self, wrapped: IProtocolFactory, connections: Connections) -> None:
        self._wrapped = wrapped
        self._connections = connections
        # Agent's factories would log a line for every connection.
        wrapped.noisy = False  # type: ignore[attr-defined]

    def doStart(self) -> None:
        self._wrapped.doStart()

    def doStop(self) -> None:
        self._wrapped.doStop()

    def buildProtocol(self, addr: Any) -> Any:
        protocol: Any = self._wrapped.buildProtocol(addr)
        if protocol is not None:
            _watch(protocol, self._connections)
        return protocol


def _watch(protocol: Any, connections: Connections) -> None:
    """
    Tell C{connections} when C{protocol} gets and loses its transport.
    """
    watcher = _Watcher(protocol, connections)
    protocol.makeConnection = watcher.made
    protocol.connectionLost = watcher.lost


class _Watcher:
    """
    Stands before two methods of a protocol.
    """

    __slots__ = ("_connections", "_lose", "_makeConnection", "_protocol", "_transport")

    def __init__(self, protocol: Any, connections: Connections) -> None:
        self._protocol = protocol
        self._connections = connections
        self._makeConnection = protocol.makeConnection
        self._lose = protocol.connectionLost
        self._transport: Any = None

    def made(self, transport: Any) -> None:
        self._transport = transport
        makeConnection, self._makeConnection = self._makeConnection, None
        del self._protocol.makeConnection
        self._connections.connectionMade(transport)
        _sendWithoutDelay(transport)
        makeConnection(transport)

    def lost(self, reason: Failure) -> None:
        # Without this the watcher and the protocol would hold each other.
        vars(self._protocol).pop("connectionLost", None)
        try:
            self._lose(reason)
        finally:
            self._connections.connectionLost(self._transport)


def _sendWithoutDelay(transport: Any) -> None:
    setNoDelay = getattr(transport, "setTcpNoDelay", None)
    if setNoDelay is not None:
        setNoDelay(True)


def limitHead(protocol: Any, limit: int) -> Any:
    """
    Hold an HTTP client protocol to C{limit} bytes before the end of a
    response's headers; Twisted's parser limits each line, but not their sum.

    The bytes are counted before the parser sees them, from each request on
    until its response's headers are there (faults F34).

    @param protocol: an L{HTTP11ClientProtocol
        <twisted.web._newclient.HTTP11ClientProtocol>}, not used yet.
    @return: the protocol.  A request whose response is over the limit fails
        with L{HeadTooLarge}, and the connection is aborted.
    """
    _HeadLimit(protocol, limit)
    return protocol


class _HeadLimit:
    """
    The counter of L{limitHead}.
    """

    def __init__(self, protocol: Any, limit: int) -> None:
        self._room = self._limit = limit
        self._waiting = False
        self._exceeded = False
        self._protocol = protocol
        self._transport = protocol.transport
        self._request = protocol.request
        self._dataReceived = protocol.dataReceived
        self._connectionLost = protocol.connectionLost
        protocol.request = self.request
        protocol.dataReceived = self.dataReceived
        protocol.connectionLost = self.connectionLost

    def request(self, request: Any) -> Deferred[Any]:
        self._room = self._limit
        self._waiting = True
        response: Deferred[Any] = self._request(request)
        return response.addBoth(self._answered)

    def _answered(self, result: Any) -> Any:
        self._waiting = False
        return result

    def dataReceived(self, data: bytes) -> None:
        if not self._waiting:
            self._dataReceived(data)
            return
        room, self._room = self._room, self._room - len(data)
        self._dataReceived(data[:room])
        if room >= len(data):
            return
        self._headPassed(data[room:])

    def _headPassed(self, rest: bytes) -> None:
        """
        The room is used up: that was the head, or it is too large.
        """
        if self._waiting:
            self._exceeded = True
            _abortTransport(self._transport)
        else:
            self._dataReceived(rest)

    def connectionLost(self, reason: Failure) -> None:
        if self._exceeded:
            reason = Failure(HeadTooLarge(self._limit))
        # Without this the counter and the protocol would hold each other.
        for name in ("request", "dataReceived", "connectionLost"):
            vars(self._protocol).pop(name, None)
        self._connectionLost(reason)
