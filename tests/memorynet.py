"""
A network in memory: TCP connections under a clock, cut at any byte.

What is written travels in the next turn, in order, as one piece a turn.  The
protocols above are the real ones; only the sockets are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import IPushProducer, IStreamClientEndpoint, ITCPTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

UP, DOWN = "up", "down"
"""From the client, and to it."""

FIN, RST = "fin", "rst"


class MemoryNet(Clock):
    """
    A reactor with one server and any number of clients.

    @ivar carried: how many bytes were delivered, by direction.
    @ivar cuts: how often, and when, the cable was cut.
    """

    def __init__(self) -> None:
        super().__init__()
        self.carried = {UP: 0, DOWN: 0}
        self.cuts: list[float] = []
        self.live: set[End] = set()
        self._factory: Any = None
        self._where: tuple[str, int, str] | None = None

    def cutAfter(self, direction: str, count: int, how: str) -> None:
        """
        Cut the connection that would carry one byte more than C{count} in
        this direction; once.
        """
        self._where = (direction, count, how)

    def run(self, awaited: Deferred[Any], limit: float = 300.0) -> Any:
        """
        Let time pass until the Deferred has fired.

        @return: its result.
        """
        seen: list[Any] = []
        awaited.addBoth(seen.append)
        end = self.seconds() + limit
        self.advance(0)
        while not seen:
            calls = self.getDelayedCalls()
            assert calls, "nothing will happen any more"
            due = min(call.getTime() for call in calls)
            assert due <= end, f"nothing came in {limit:g} s"
            self.advance(max(0.0, due - self.seconds()))
        if isinstance(seen[0], Failure):
            seen[0].raiseException()
        return seen[0]

    def callFromThread(self, function: Callable[..., Any], *args: Any) -> None:
        """
        As a reactor's, which some packages look for.
        """
        self.callLater(0, function, *args)

    # the server's side

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """
        Hear the clients that connect.
        """
        self._factory = factory
        factory.doStart()
        return self

    def getHost(self) -> IPv4Address:
        """
        See L{IListeningPort}.
        """
        return IPv4Address("TCP", "127.0.0.1", 80)

    def stopListening(self) -> None:
        """
        Refuse the clients that come now.
        """
        factory, self._factory = self._factory, None
        factory.doStop()

    # the client's side

    def endpoint(self) -> Any:
        """
        The endpoint that reaches the server.
        """
        return _Endpoint(self)

    # inside

    def join(self, clientFactory: Any) -> Any:
        """
        Make one connection.
        """
        address = self.getHost()
        client, server = End(self, UP), End(self, DOWN)
        client.peer, server.peer = server, client
        client.protocol = clientFactory.buildProtocol(address)
        server.protocol = self._factory.buildProtocol(address)
        self.live |= {client, server}
        server.protocol.makeConnection(server)
        client.protocol.makeConnection(client)
        return client.protocol

    @property
    def refuses(self) -> bool:
        """
        Whether nobody listens.
        """
        return self._factory is None

    def allowed(self, direction: str, size: int) -> tuple[int, str]:
        """
        How much of a piece gets through, and how the cable is cut after it.
        """
        carried = self.carried[direction]
        self.carried[direction] += size
        if self._where is not None and self._where[0] == direction:
            _, count, how = self._where
            if carried <= count < carried + size:
                self._where = None
                self.cuts.append(self.seconds())
                return count - carried, how
        return size, ""


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """
    Connects in the next turn.
    """

    def __init__(self, net: MemoryNet) -> None:
        self._net = net

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        See L{IStreamClientEndpoint}.
        """
        if self._net.refuses:
            return fail(ConnectionRefusedError())
        connecting: Deferred[Any] = Deferred(lambda _: call.cancel())
        call = self._net.callLater(0, self._connect, protocolFactory, connecting)
        return connecting

    def _connect(self, protocolFactory: Any, connecting: Deferred[Any]) -> None:
        protocolFactory.doStart()
        connecting.callback(self._net.join(protocolFactory))


@implementer(ITCPTransport, IPushProducer)
class End:
    """
    One end of a connection: the transport of one protocol.
    """

    protocol: Any
    peer: End
    disconnecting = False
    connected = True

    def __init__(self, net: MemoryNet, direction: str) -> None:
        self._net = net
        self._direction = direction
        self._pieces: list[bytes] = []
        self._paused = False
        self._turn: Any = None
        self._ending: Any = None

    # from the protocol

    def write(self, data: bytes) -> None:
        if self.connected and not self.disconnecting and data:
            self._pieces.append(bytes(data))
            self._later()

    def writeSequence(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def loseConnection(self, reason: Any = None) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self._later()

    def abortConnection(self) -> None:
        self.disconnecting = True
        self._pieces = []
        self._end(ConnectionAborted(), ConnectionLost())

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        pass

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self.peer._later()

    def stopProducing(self) -> None:
        self.loseConnection()

    def getPeer(self) -> IPv4Address:
        return self._net.getHost()

    def getHost(self) -> IPv4Address:
        return self._net.getHost()

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def setTcpKeepAlive(self, enabled: bool) -> None:
        pass

    # inside

    def _later(self) -> None:
        if self._turn is None and self.connected:
            self._turn = self._net.callLater(0, self._deliver)

    def _deliver(self) -> None:
        self._turn = None
        peer = self.peer
        if not self.connected or (peer._paused and self._pieces):
            return
        piece, self._pieces = b"".join(self._pieces), []
        if piece and not self._carry(peer, piece):
            return
        if self.disconnecting and not self._pieces:
            self._end(ConnectionDone(), ConnectionDone())

    def _carry(self, peer: End, piece: bytes) -> bool:
        """
        @return: whether the cable is whole.
        """
        size, how = self._net.allowed(self._direction, len(piece))
        if how:
            # What is on its way in the other direction is lost as well.
            self._pieces, peer._pieces = [], []
            error = ConnectionDone if how == FIN else ConnectionLost
            self._end(error(), error())
        if size:
            peer.protocol.dataReceived(piece[:size])
        return not how

    def _end(self, mine: Exception, its: Exception) -> None:
        if self._ending is None and self.connected:
            self.peer._ending = self._ending = self._net.callLater(0, self._ended, mine, its)

    def _ended(self, mine: Exception, its: Exception) -> None:
        for end in (self, self.peer):
            end.connected = False
            self._net.live.discard(end)
            if end._turn is not None:
                end._turn.cancel()
                end._turn = None
        self.protocol.connectionLost(Failure(mine))
        self.peer.protocol.connectionLost(Failure(its))
