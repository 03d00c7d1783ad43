"""
Listeners that get every event, in both directions: for logs and for tests.

    python examples/catchall.py http://localhost:3000

The server answers "hi" with "hi", and sends "back" what it was given.
"""

import sys

from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str) -> None:
    socket = io(url)

    @socket.onAny()
    def incoming(event: str, *args: object) -> None:
        print("<-", event, *args)

    socket.prependAny(lambda event, *args: print("-- something comes"))
    socket.onAnyOutgoing(lambda event, *args: print("->", event, *args))
    socket.prependAnyOutgoing(lambda event, *args: print("-- something goes"))
    socket.emit("back", 1, 2)
    await socket.whenEvent("back", timeout=10)

    print(len(socket.listenersAny()), len(socket.listenersAnyOutgoing()))
    socket.offAny(incoming).offAnyOutgoing()
    socket.emit("hi")
    await socket.whenEvent("hi", timeout=10)
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
