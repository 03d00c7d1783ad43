"""
What can be watched of a reconnection, and how to say what is to be done.

    python examples/reconnect.py http://localhost:3000

The server ends our connection at "closeMyEngine", and disconnects us on
purpose at "kickMe", after which a client does not come back unless told to.
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from txsocketio import io


def comeBack(reason: str) -> bool:
    print("may we come back after:", reason)
    return True


async def main(reactor: object, url: str) -> None:
    socket = io(url, reconnectionDelay=0.05, retryOnServerDisconnect=comeBack)
    socket.on("disconnect", lambda reason, details: print("lost:", reason))
    socket.io.on("reconnect_attempt", lambda attempt: print("attempt", attempt))
    socket.io.on("reconnect", lambda attempt: print("back at attempt", attempt))
    await socket.whenConnected()

    for order in ("closeMyEngine", "kickMe"):
        again: Deferred[None] = Deferred()
        socket.once("connect", lambda again=again: again.callback(None))
        socket.emit(order)
        await again
        print("connected:", socket.connected)
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
