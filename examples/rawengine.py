"""
A raw Engine.IO session for any Protocol, kept connected by ClientService.

    python examples/rawengine.py http://localhost:3000

The server is an engine.io server that says "hi" and sends back what it gets.
"""

import sys
from typing import Any

from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react

from txsocketio import EngineEndpoint


class Listener(Protocol):
    def connectionMade(self) -> None:
        self.messages = [Deferred[bytes](), Deferred[bytes]()]
        self.greeting, self.answer = self.messages

    def dataReceived(self, data: bytes) -> None:
        self.messages.pop(0).callback(data)


async def main(reactor: Any, url: str) -> None:
    service = ClientService(EngineEndpoint(reactor, url), Factory.forProtocol(Listener))
    service.startService()
    protocol: Any = await service.whenConnected()
    print("greeted:", await protocol.greeting)
    protocol.transport.write(b"raw bytes")
    print("echoed:", await protocol.answer)
    await service.stopService()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
