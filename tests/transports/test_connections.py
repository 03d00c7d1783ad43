"""
The count of an engine's connections, in memory.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsocketio.transports.connections import Connections, HeadTooLarge, Tracked, limitHead


class Transport(StringTransport):
    """
    Knows what was done to it.
    """

    noDelay = False
    aborted = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.noDelay = enabled

    def abortConnection(self) -> None:
        self.aborted = True


class Endpoint:
    """
    Connects when the test says so.
    """

    def __init__(self) -> None:
        self.cancelled = 0
        self.factory: Any = None
        self.attempt: Deferred[Any] = Deferred()

    def connect(self, factory: Any) -> Deferred[Any]:
        self.factory = factory
        self.attempt = Deferred(self.cancel)
        return self.attempt

    def cancel(self, _: Any) -> None:
        self.cancelled += 1

    def succeed(self, transport: Any = None) -> Any:
        protocol = self.factory.buildProtocol(None)
        protocol.makeConnection(transport or Transport())
        if not self.attempt.called:
            self.attempt.callback(protocol)
        return protocol


class Kit:
    """
    An endpoint under a count.
    """

    def __init__(self) -> None:
        self.connections = Connections()
        self.endpoint = Endpoint()
        self.tracked = Tracked(self.endpoint, self.connections)  # type: ignore[arg-type]
        self.lost: list[Failure] = []

    def connect(self) -> Deferred[Any]:
        kit = self

        class Plain(Protocol):
            def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
                kit.lost.append(reason)

        return self.tracked.connect(Factory.forProtocol(Plain))

    def isEmpty(self) -> bool:
        fired: list[Any] = []
        waiter = self.connections.whenEmpty().addCallback(fired.append)
        if not fired:
            waiter.addErrback(lambda _: None)
            waiter.cancel()
        return bool(fired)


@pytest.fixture
def kit() -> Kit:
    return Kit()


def test_nothingYet(kit: Kit) -> None:
    """
    Without connections there is nothing to wait for.
    """
    assert kit.isEmpty()


def test_pendingCounts(kit: Kit) -> None:
    """
    A connection being made is waited for.
    """
    kit.connect()
    assert not kit.isEmpty()


def test_liveCounts(kit: Kit) -> None:
    """
    A connection is waited for as long as it lives.
    """
    kit.connect()
    kit.endpoint.succeed()
    assert not kit.isEmpty()


def test_lost(kit: Kit) -> None:
    """
    The loss of the last connection is the end, which its user hears first.
    """
    kit.connect()
    protocol = kit.endpoint.succeed()
    order: list[int] = []
    kit.connections.whenEmpty().addCallback(lambda _: order.append(len(kit.lost)))
    protocol.connectionLost(Failure(ConnectionDone()))
    assert order == [1]


def test_failed(kit: Kit) -> None:
    """
    A connection that could not be made is not waited for, and its error is
    passed on.
    """
    errors: list[Any] = []
    kit.connect().addErrback(lambda failure: errors.append(failure.value))
    kit.endpoint.attempt.errback(Failure(ValueError("no")))
    assert [type(each) for each in errors] == [ValueError]
    assert kit.isEmpty()


def test_twoWaiters(kit: Kit) -> None:
    """
    All who wait for the end hear of it.
    """
    kit.connect()
    protocol = kit.endpoint.succeed()
    fired: list[Any] = []
    for _ in range(2):
        kit.connections.whenEmpty().addCallback(fired.append)
    protocol.connectionLost(Failure(ConnectionDone()))
    assert fired == [None, None]


def test_waiterCancelled(kit: Kit) -> None:
    """
    Who stops waiting is forgotten, and nothing else happens.
    """
    kit.connect()
    protocol = kit.endpoint.succeed()
    waiter = kit.connections.whenEmpty()
    waiter.addErrback(lambda _: None)
    waiter.cancel()
    protocol.connectionLost(Failure(ConnectionDone()))
    assert not protocol.transport.aborted


def test_abortPending(kit: Kit) -> None:
    """
    Aborting gives up connections being made.
    """
    ended: list[Any] = []
    kit.connect().addBoth(ended.append)
    kit.connections.abort()
    assert kit.endpoint.cancelled == 1
    assert len(ended) == 1
    assert kit.isEmpty()


def test_abortLive(kit: Kit) -> None:
    """
    Aborting aborts connections that live.
    """
    kit.connect()
    protocol = kit.endpoint.succeed()
    kit.connections.abort()
    assert protocol.transport.aborted


def test_abortWithoutAbort(kit: Kit) -> None:
    """
    A transport that cannot abort is closed.
    """
    kit.connect()
    protocol = kit.endpoint.succeed(StringTransport())
    kit.connections.abort()
    assert protocol.transport.disconnecting


def test_connectedAfterAbort(kit: Kit) -> None:
    """
    An endpoint that does not heed cancelling, and connects, is aborted.
    """
    kit.connect().addErrback(lambda _: None)
    kit.connections.abort()
    protocol = kit.endpoint.succeed()
    assert protocol.transport.aborted
    assert not kit.isEmpty()


def test_refusedAfterAbort(kit: Kit) -> None:
    """
    After aborting no connection is begun.
    """
    kit.connections.abort()
    errors: list[Any] = []
    kit.connect().addErrback(lambda failure: errors.append(failure.type))
    assert errors == [ConnectionAborted]
    assert kit.endpoint.factory is None


def test_noDelay(kit: Kit) -> None:
    """
    Small packets are sent at once.
    """
    kit.connect()
    assert kit.endpoint.succeed().transport.noDelay


def test_factoryRefuses(kit: Kit) -> None:
    """
    A factory that builds no protocol is nothing to count.
    """
    factory = Factory()
    factory.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    kit.tracked.connect(factory)
    assert kit.endpoint.factory.buildProtocol(None) is None


def test_nothingHeld(kit: Kit) -> None:
    """
    A lost connection's protocol is freed without the garbage collector.
    """
    kit.connect().addCallback(lambda _: None)
    protocol = kit.endpoint.succeed()
    kit.endpoint.attempt = Deferred()
    reference = weakref.ref(protocol)
    protocol.connectionLost(Failure(ConnectionDone()))
    gc.disable()
    try:
        del protocol
        assert reference() is None
    finally:
        gc.enable()


# the limit of heads


class HTTPClient:
    """
    As much of Twisted's HTTP client protocol as the limit touches.
    """

    def __init__(self) -> None:
        self.transport = Transport()
        self.received = b""
        self.reason: Any = None
        self.response: Deferred[Any] = Deferred()

    def request(self, request: Any) -> Deferred[Any]:
        self.response = Deferred()
        return self.response

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if not self.response.called and b"\n\n" in self.received:
            self.response.callback(None)

    def connectionLost(self, reason: Failure) -> None:
        self.reason = reason


def client(limit: int = 10) -> Any:
    protocol = limitHead(HTTPClient(), limit)
    protocol.request(None)
    return protocol


@pytest.mark.parametrize("head, aborted", [(b"12345678\n\n", False), (b"123456789\n\n", True)])
@pytest.mark.parametrize("whole", [True, False], ids=["at once", "bytewise"])
def test_headLimit(head: bytes, aborted: bool, whole: bool) -> None:
    """
    A head of just the limit passes, with whatever follows; one byte more is
    too much, in however many pieces it comes.

    faults F34
    """
    protocol = client()
    data = head + b"body" * 10
    for piece in [data] if whole else [data[i : i + 1] for i in range(len(data))]:
        if not protocol.transport.aborted:
            protocol.dataReceived(piece)
    assert protocol.transport.aborted == aborted
    if not aborted:
        assert protocol.received == data


def test_headLimitIsPerResponse() -> None:
    """
    Each response of a connection has the whole limit to itself, and bodies
    do not count.

    faults F34
    """
    protocol = client()
    protocol.dataReceived(b"12345678\n\n" + b"x" * 100)
    protocol.received = b""
    protocol.request(None)
    protocol.dataReceived(b"12345678\n\n")
    assert not protocol.transport.aborted


def test_headLimitIsTheReason() -> None:
    """
    The request fails for that reason, and not for the abort.

    faults F34
    """
    protocol = client()
    protocol.dataReceived(b"x" * 11)
    protocol.connectionLost(Failure(ConnectionAborted()))
    assert protocol.reason.check(HeadTooLarge)


def test_otherReasonsPass() -> None:
    """
    A connection that ends otherwise ends for its own reason.
    """
    protocol = client()
    protocol.connectionLost(Failure(ConnectionDone()))
    assert protocol.reason.check(ConnectionDone)
