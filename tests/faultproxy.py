"""
A TCP proxy that does to a connection what networks do: toxics.

A proxy stands between a client and a server and passes bytes on, in both
directions, through the L{Toxic} it was given.  It counts what it does.  What it
does by chance comes from a seed, so that a run can be had again.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

UP, DOWN = "up", "down"
"""From the client, and to it."""

MOMENT = 0.001
"""Seconds in which what was written has left the process."""

FIN, RST, HOLE = "fin", "rst", "hole"
"""A goodbye, a reset, and a silence without end."""


@dataclass
class Toxic:
    """
    What becomes of the bytes.

    @ivar latency: seconds that every piece is late.
    @ivar jitter: seconds that it may be later than that; pieces stay in order.
    @ivar slices: sizes, smallest and largest, into which pieces are cut.
    @ivar bandwidth: bytes a second in each direction of each connection.
    @ivar cuts: after how many bytes of a direction the connection that would
        carry one more is cut; counted over all connections from the proxy's
        start, each cut made once.
    @ivar how: L{FIN}, L{RST} or L{HOLE}.
    """

    latency: float = 0.0
    jitter: float = 0.0
    slices: tuple[int, int] | None = None
    bandwidth: float | None = None
    cuts: list[tuple[str, int]] = field(default_factory=list)
    how: str = RST


@dataclass
class Counts:
    """
    What a proxy did.
    """

    connections: int = 0
    refused: int = 0
    cuts: int = 0
    pieces: int = 0


class FaultProxy(Factory):
    """
    A listening proxy.

    @ivar toxic: may be changed at any time; what is under way stays as it is.
    @ivar carried: how many bytes were handed on, by direction.
    @ivar counts: see L{Counts}.
    @ivar onCut: called at each cut.
    """

    noisy = False

    def __init__(self, reactor: Any, port: int, toxic: Toxic | None = None, seed: int = 0) -> None:
        """
        @param port: the server's, on this host.
        """
        self.reactor = reactor
        self.toxic = toxic or Toxic()
        self.random = Random(seed)
        self.carried = {UP: 0, DOWN: 0}
        self.counts = Counts()
        self.onCut: Callable[[], None] = lambda: None
        self.live: set[_Side] = set()
        self._server = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        self._gone: list[Deferred[None]] = []
        self._listening: Any = reactor.listenTCP(0, self, interface="127.0.0.1")

    @property
    def url(self) -> str:
        """
        Where clients go.
        """
        return f"http://127.0.0.1:{self._listening.getHost().port}"

    def buildProtocol(self, address: Any) -> Protocol:
        """
        A client came.
        """
        self.counts.connections += 1
        return _Side(self, UP)

    def connectServer(self, client: _Side) -> None:
        """
        Go on to the server.
        """
        made = Factory.forProtocol(lambda: _Side(self, DOWN, client))
        self._server.connect(made).addErrback(self._refused, client)

    def cut(self, how: str = RST) -> int:
        """
        Cut every connection now.

        @return: how many.
        """
        clients = [each for each in self.live if each.direction == UP]
        for each in clients:
            each.cut(how)
        return len(clients)

    def stop(self) -> Deferred[Any]:
        """
        @return: fires when nothing listens and no connection is left.
        """
        gone: Deferred[None] = Deferred()
        self._gone.append(gone)
        for each in list(self.live):
            each.cut(RST)
        self.lost()
        return gatherResults([self._listening.stopListening(), gone])

    # from the connections

    def share(self, direction: str, size: int) -> tuple[int, bool]:
        """
        How much of a piece may pass, and whether the connection is cut then.
        """
        carried = self.carried[direction]
        for each in self.toxic.cuts:
            if each[0] == direction and carried <= each[1] < carried + size:
                self.toxic.cuts.remove(each)
                self.carried[direction] = each[1]
                return each[1] - carried, True
        self.carried[direction] += size
        return size, False

    def lost(self) -> None:
        """
        One connection fewer.
        """
        if not self.live:
            gone, self._gone = self._gone, []
            for each in gone:
                each.callback(None)

    # inside

    def _refused(self, failure: Failure, client: _Side) -> None:
        self.counts.refused += 1
        client.hangUp(RST)


class _Side(Protocol):
    """
    One of the two connections; C{direction} is that of what it receives.
    """

    transport: Any
    peer: _Side | None = None

    def __init__(self, proxy: FaultProxy, direction: str, peer: _Side | None = None) -> None:
        self.direction = direction
        self._proxy = proxy
        self._early: list[bytes] = []
        self._line: deque[tuple[float, Callable[..., None], Any]] = deque()
        self._call: Any = None
        self._free = 0.0  # when the line has carried what was given to it
        self._silent = False
        self.over = False
        if peer is not None:
            self.peer, peer.peer = peer, self

    def connectionMade(self) -> None:
        self._proxy.live.add(self)
        self.transport.setTcpNoDelay(True)
        if self.direction == UP:
            self._proxy.connectServer(self)
        elif self.peer is not None and not self.peer.over:
            early, self.peer._early = self.peer._early, []
            for each in early:
                self.peer.dataReceived(each)
        else:
            self.hangUp(RST)

    def dataReceived(self, data: bytes) -> None:
        if self._silent:
            return
        if self.peer is None:
            self._early.append(data)
            return
        for piece in self._sliced(data):
            self._proxy.counts.pieces += 1
            self._later(len(piece), self._pass, piece)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.over = True
        self._proxy.live.discard(self)
        peer = self.peer
        if peer is not None and not peer.over and not self._silent:
            # Behind what is still on its way.
            self._later(0, peer.hangUp, FIN if reason.check(ConnectionDone) else RST)
        self._proxy.lost()

    def hangUp(self, how: str) -> None:
        """
        End this connection.
        """
        self._stop()
        if self.over:
            return
        if how == RST:
            linger = struct.pack("ii", 1, 0)
            self.transport.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, linger)
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def cut(self, how: str) -> None:
        """
        End both connections, or leave both in silence.
        """
        self._proxy.counts.cuts += 1
        for side in (self, self.peer):
            if side is not None:
                side._stop()
                side._silent = True
        if how != HOLE:
            for side in (self, self.peer):
                if side is not None:
                    side.hangUp(how)
        self._proxy.onCut()

    # inside

    def _sliced(self, data: bytes) -> list[bytes]:
        slices = self._proxy.toxic.slices
        if slices is None:
            return [data]
        pieces, start = [], 0
        while start < len(data):
            size = self._proxy.random.randint(*slices)
            pieces.append(data[start : start + size])
            start += size
        return pieces

    def _later(self, size: int, function: Callable[..., None], argument: Any) -> None:
        """
        Do something when the line has carried so many bytes more; each in a
        turn of its own, none before another.
        """
        toxic, now = self._proxy.toxic, self._proxy.reactor.seconds()
        late = toxic.latency + toxic.jitter * self._proxy.random.random()
        carrying = size / toxic.bandwidth if toxic.bandwidth else 0.0
        self._free = max(self._free, now + late) + carrying
        self._line.append((self._free, function, argument))
        self._schedule()

    def _schedule(self) -> None:
        if self._call is None and self._line:
            reactor = self._proxy.reactor
            delay = max(0.0, self._line[0][0] - reactor.seconds())
            self._call = reactor.callLater(delay, self._carry)

    def _carry(self) -> None:
        self._call = None
        _, function, argument = self._line.popleft()
        function(argument)
        self._schedule()

    def _pass(self, piece: bytes) -> None:
        peer = self.peer
        if peer is None or peer.over:
            return
        size, isLast = self._proxy.share(self.direction, len(piece))
        if size:
            peer.transport.write(piece[:size])
        if isLast:
            self._silent = peer._silent = True
            self._stop()
            peer._stop()
            # A reset would overtake what has not left this process.
            self._call = self._proxy.reactor.callLater(MOMENT, self._cutNow)

    def _cutNow(self) -> None:
        self._call = None
        self.cut(self._proxy.toxic.how)

    def _stop(self) -> None:
        self._line.clear()
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
