"""
Any Twisted client endpoint can be the wire, for polling and WebSocket alike:
here a unix socket.  The URL only makes the path, the namespace and "Host".

    python examples/unixsocket.py http://localhost /run/app.sock

The server listens on that socket, and answers "echo".
"""

import sys

from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str, path: str) -> None:
    socket = io(url, endpoint=f"unix:{path}")
    print("over a unix socket:", await socket.emitWithAck("echo", "hello"))
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
