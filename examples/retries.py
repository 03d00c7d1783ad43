"""
At least once: with retries, an event is sent until the server has answered.

    python examples/retries.py http://localhost:3000

The server acknowledges "numbered", and never answers "silence".
"""

import sys

from twisted.internet.task import react

from txsocketio import AckTimeout, io


async def main(reactor: object, url: str) -> None:
    socket = io(url, retries=2, ackTimeout=0.5, reconnectionDelay=0.05)
    await socket.whenConnected()
    orders = [socket.emit("numbered", n) for n in range(3)]
    engine = socket.io.engine
    assert engine is not None
    engine.close()  # the line breaks; nobody needs to care
    print("delivered:", [await each for each in orders])

    try:
        await socket.emit("silence")
    except AckTimeout as error:
        print("sent three times:", error)
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
