"""
Events as an asynchronous iterator; a slow loop slows the server down.

    python examples/stream.py http://localhost:3000

The server emits "number" n times at "count" n.
"""

import sys

from twisted.internet.task import deferLater, react

from txsocketio import io


async def main(reactor: object, url: str) -> None:
    socket = io(url)
    socket.emit("count", 200)
    total = 0
    # Above 100 waiting numbers, nothing more is read from the network; so
    # memory holds no more than that and what was on its way.
    async with socket.stream("number", limit=100) as numbers:
        async for number in numbers:
            total += number
            if number % 50 == 0:
                print("at", number)
                await deferLater(socket.io.reactor, 0.05)
            if number == 199:
                break
    print("sum:", total)
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
