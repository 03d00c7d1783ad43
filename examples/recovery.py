"""
Connection state recovery: after a short loss the server restores the session
and sends what was missed.

    python examples/recovery.py http://localhost:3000

The server has connectionStateRecovery on, and answers "hi" with "hi".
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str) -> None:
    socket = io(url, reconnectionDelay=0.05)
    await socket.whenConnected()
    before = socket.id
    print("first session, recovered:", socket.recovered)
    socket.emit("hi")
    await socket.whenEvent("hi", timeout=10)  # an event brings the offset

    back: Deferred[None] = Deferred()
    socket.once("connect", lambda: back.callback(None))
    engine = socket.io.engine
    assert engine is not None
    engine.close()
    await back
    print("after the loss, recovered:", socket.recovered, "same id:", socket.id == before)
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
