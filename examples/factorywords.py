"""
For those who know ReconnectingClientFactory: a manager answers to its words.

    python examples/factorywords.py http://localhost:3000
"""

import sys

from twisted.internet.task import react

from txsocketio import Manager


async def main(reactor: object, url: str) -> None:
    manager = Manager(url, autoConnect=False)
    manager.initialDelay = 0.5
    manager.maxDelay = 30
    manager.jitter = 0.25
    manager.maxRetries = 10
    print("the reference's names:", manager.reconnectionDelay(), manager.reconnectionDelayMax())

    socket = manager.socket("/").connect()
    await socket.whenConnected()
    manager.resetDelay()  # what failed before is forgotten
    manager.stopTrying()  # should this connection be lost, stay away
    print(socket.state, "- continue trying:", manager.continueTrying)
    await manager.close()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
