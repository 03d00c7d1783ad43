"""
Several services in one application: a Socket.IO client, a TCP server that tells
how it is, and a timer that emits.  They start and stop together.

    SERVER=http://localhost:3000 LISTEN=tcp:8007 twistd -noy examples/integration/services.tac

Then: nc localhost 8007.  The server sends "back" what it was given.
"""

import os
from collections import Counter

from twisted.application.internet import StreamServerEndpointService, TimerService
from twisted.application.service import Application, MultiService
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol

from txsocketio import Socket, SocketIOService

heard: Counter[str] = Counter()


def setup(socket: Socket) -> None:
    socket.onAny(lambda event: heard.update([event]))


class Status(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        line = f"{client.socket.state}: {client.socket.why}; heard {heard['back']}\n"
        self.transport.write(line.encode())
        self.transport.loseConnection()


everything = MultiService()
client = SocketIOService(os.environ.get("SERVER", "http://localhost:3000"), setup)
client.setServiceParent(everything)

endpoint = serverFromString(reactor, os.environ.get("LISTEN", "tcp:8007:interface=127.0.0.1"))
StreamServerEndpointService(endpoint, Factory.forProtocol(Status)).setServiceParent(everything)

ticks = iter(range(10**9))
# Volatile: while offline, a tick is dropped and not kept for later.
ticker = TimerService(0.2, lambda: client.socket.volatile.emit("back", next(ticks)))
ticker.setServiceParent(everything)

application = Application("several")
everything.setServiceParent(application)
