"""
A server that is not there: each failed attempt, and the end of all attempts.

    python examples/giveup.py http://localhost:1
"""

import sys

from twisted.internet.task import react

from txsocketio import ReconnectFailed, io


async def main(reactor: object, url: str) -> None:
    socket = io(url, reconnectionAttempts=2, reconnectionDelay=0.05)
    socket.on("connect_error", lambda error: print("not connected:", type(error).__name__))
    socket.io.on("error", lambda error: print("manager:", error.message))
    socket.io.on("reconnect_error", lambda error: print("not reconnected:", error.message))
    socket.io.on("reconnect_failed", lambda: print("all attempts are spent"))
    try:
        await socket.whenConnected()
    except ReconnectFailed as error:
        print("gave up after", error.attempts)
    print(f"{socket.state}, active: {socket.active}")


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
