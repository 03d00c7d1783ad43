"""
Wait for one event: with a limit, and for the right one.

    python examples/whenevent.py http://localhost:3000

The server emits "number" n times at "count" n.
"""

import sys

from twisted.internet.task import react

from txsocketio import AckTimeout, io


async def main(reactor: object, url: str) -> None:
    socket = io(url)
    third = socket.whenEvent("number", timeout=10, check=lambda number: number == 3)
    socket.emit("count", 5)
    print("the right one:", await third)
    try:
        await socket.whenEvent("never", timeout=0.1)
    except AckTimeout:
        print("it did not come")
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
