"""
A line-based chat, for telnet, bridged to a namespace: what somebody types goes
to the Socket.IO server, and what the server says goes to everybody.

    python examples/integration/telnetchat.py http://localhost:3000/chat tcp:2323

Then: telnet localhost 2323.  The server sends "said" (name, line) to all its
clients at "say" (name, line), and answers it.
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import react
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from txsocketio import Socket, io


class Visitor(LineReceiver):
    delimiter = b"\n"
    name = ""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket

    def connectionMade(self) -> None:
        self.tell("Who are you?")

    def lineReceived(self, data: bytes) -> None:
        line = data.decode(errors="replace").strip()
        if self.name:
            saying = self.socket.timeout(5).emitWithAck("say", self.name, line)
            saying.addErrback(lambda failure: self.tell(f"* not said: {failure.value}"))
        else:
            self.name = line or "somebody"
            self.socket.on("said", self.said)
            self.tell(f"Welcome, {self.name}.")

    def said(self, name: str, line: str) -> None:
        self.tell(f"<{name}> {line}")

    def tell(self, line: str) -> None:
        self.sendLine(line.encode())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.socket.off("said", self.said)


async def main(reactor: object, url: str, where: str) -> None:
    socket = io(url, reactor=reactor)
    factory = Factory.forProtocol(lambda: Visitor(socket))
    await serverFromString(reactor, where).listen(factory)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
