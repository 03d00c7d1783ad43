"""
Your first socket: a listener, and a question to the server.

    python examples/first.py http://localhost:3000 [polling] [websocket]

The server answers "hi" with "hi", and "echo" with what it was given.
"""

import sys

from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str, *transports: str) -> None:
    socket = io(url, transports=transports or None)

    @socket.on("hi")
    def greeted() -> None:
        print("the server says hi")

    socket.emit("hi")  # waits for the connection by itself
    print("the server echoes", await socket.emitWithAck("echo", {"life": 42, "raw": b"\0\xff"}))
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
