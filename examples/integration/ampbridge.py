"""
An AMP bridge: programs that speak AMP ask a Socket.IO server, and are told its
events, without knowing Socket.IO.

    python examples/integration/ampbridge.py http://localhost:3000 tcp:1234

Arguments and answers travel as JSON; the server answers "echo".
"""

import json
import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import react
from twisted.protocols.amp import AMP, Command, Unicode
from twisted.python.failure import Failure

from txsocketio import Socket, SocketIOError, io


class Ask(Command):
    arguments = [(b"event", Unicode()), (b"args", Unicode())]
    response = [(b"answer", Unicode())]
    errors = {SocketIOError: b"SOCKET_IO"}


class Tell(Command):
    arguments = [(b"event", Unicode()), (b"args", Unicode())]
    requiresAnswer = False


class Bridge(AMP):
    def __init__(self, socket: Socket) -> None:
        super().__init__()
        self.socket = socket

    def connectionMade(self) -> None:
        self.socket.onAny(self.heard)

    def heard(self, event: str, *args: object) -> None:
        self.callRemote(Tell, event=event, args=json.dumps(args, default=repr))

    @Ask.responder
    async def ask(self, event: str, args: str) -> dict[str, str]:
        answer = await self.socket.timeout(5).emitWithAck(event, *json.loads(args))
        return {"answer": json.dumps(answer, default=repr)}

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.socket.offAny(self.heard)
        super().connectionLost(reason)


async def main(reactor: object, url: str, where: str) -> None:
    socket = io(url, reactor=reactor)
    await serverFromString(reactor, where).listen(Factory.forProtocol(lambda: Bridge(socket)))
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
