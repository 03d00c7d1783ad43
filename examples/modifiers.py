"""
How one event is sent: timeout, volatile, compress.

    python examples/modifiers.py http://localhost:3000

The server answers "echo", and never answers "silence".
"""

import sys

from twisted.internet.task import react

from txsocketio import AckTimeout, io


async def main(reactor: object, url: str) -> None:
    socket = io(url, perMessageDeflate=True)
    print("volatile while offline:", await socket.volatile.emit("echo", 1))
    await socket.whenConnected()
    print("volatile while online:", await socket.volatile.emit("back", 1))

    try:
        await socket.timeout(0.2).emitWithAck("silence")
    except AckTimeout as error:
        print("no answer:", error)

    def answered(error: Exception | None, answer: object = None) -> None:
        print("error first:", error, answer)

    socket.timeout(5).emit("echo", "in time", answered)  # they can be combined:
    print(await socket.compress(False).timeout(5).emitWithAck("echo", "not compressed"))
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
