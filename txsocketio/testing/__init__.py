"""
A Socket.IO server in memory: test a bot without a network, without waiting.

A whole test::

    from twisted.internet.task import Clock

    from txsocketio.testing import MemoryServer


    def test_greets() -> None:
        server = MemoryServer(Clock())

        @server.on("connection")
        def connected(client):
            client.on("add", lambda a, b: a + b)      # what it returns answers
            client.emit("welcome", "hello")

        heard, sums = [], []
        socket = server.connect()                     # a Socket, as io() gives
        socket.on("welcome", heard.append)
        socket.emitWithAck("add", 1, 2).addCallback(sums.append)
        server.flush()                                # now everything arrives

        assert heard == ["hello"] and sums == [3]
        assert server.received == [("/", "add", (1, 2))]
        assert server.connection.fromClient == ["40", '420["add",1,2]']

        server.connection.drop()                      # pull the cable ...
        server.advance(2)                             # ... and wait: it is back
        assert socket.connected and len(server.connections) == 2

        socket.disconnect()
        server.flush()
        assert server.live == []

Nothing happens inside a call: packets arrive when the clock advances,
L{flush <MemoryServer.flush>} for those under way, L{advance
<MemoryServer.advance>} for timers as well.

  - B{The server's side}: C{server.of("/chat")}, C{server.use("/chat", check)};
    its sockets C{on}, C{emit}, C{emitWithAck}, C{disconnect}; C{server.received}.
  - B{The wire}: C{server.connection.wire}, C{.fromClient}, C{.fromServer},
    C{.sendRaw('42["half')}; C{server.attempts} has query and headers of
    everybody who knocked.
  - B{Faults}: C{server.refuse(status=503)}, C{.ignore()}, C{.greet("x")};
    C{server.connection.drop()}, C{.stall()}, C{.congest()}; C{server.answersProbes},
    C{server.holdsPolls}, C{server.of("/x").answersConnect}.
  - B{On a port}: C{MemoryServer(reactor).listen(reactor)}, for clients of any
    kind; needs twisted.web and autobahn.

Any client is brought here by its options: C{io("http://memory",
**server.options())}, C{Manager("http://memory", **server.options())}.
"""

from __future__ import annotations

from txsocketio.testing.connection import Application, Connection
from txsocketio.testing.links import Attempt, WirePacket
from txsocketio.testing.memory import MemoryConnection, MemoryServer
from txsocketio.testing.namespaces import Namespace, Received, ServerSocket
from txsocketio.testing.transport import MemoryTransport

__all__ = [
    "Application",
    "Attempt",
    "Connection",
    "MemoryConnection",
    "MemoryServer",
    "MemoryTransport",
    "Namespace",
    "Received",
    "ServerSocket",
    "WirePacket",
]
