"""
What is emitted offline waits, within limits, and can be thrown away.

    python examples/offline.py http://localhost:3000

The server sends "back" what it was given.
"""

import sys

from twisted.internet.task import react

from txsocketio import BufferFull, io


async def main(reactor: object, url: str) -> None:
    socket = io(url, autoConnect=False, sendBufferLimit=(3, 1024))
    stale = [socket.emit("back", "price", n) for n in range(3)]
    try:
        socket.emit("back", "one too many")
    except BufferFull as error:
        print("full:", error)
    print("waiting:", len(socket.sendBuffer), "cleared:", socket.clearSendBuffer())
    print("were they sent?", [await each for each in stale])

    fresh = socket.emit("back", "fresh")
    socket.connect()
    print("was this one?", await fresh)
    print("the server has it:", await socket.whenEvent("back", timeout=10))
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
