"""
The one place to log in and subscribe: onSession is awaited once per session,
before anything that waits is sent and before "connect".

    python examples/session.py http://localhost:3000

The server answers "echo", and ends our connection at "closeMyEngine".
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from txsocketio import io
from txsocketio.sessions import SessionInfo


async def main(reactor: object, url: str) -> None:
    socket = io(url, reconnectionDelay=0.05, autoConnect=False)

    @socket.onSession()
    async def logIn(info: SessionInfo) -> None:
        answer = await info.emitWithAck("echo", "subscribe")
        print(f"{answer}: first {info.first}, recovered {info.recovered}, after {info.reason}")

    socket.on("connect", lambda: print("connected"))
    waiting = socket.connect().emitWithAck("echo", "sent after the log-in")
    print(await waiting)

    back: Deferred[None] = Deferred()
    socket.once("connect", lambda: back.callback(None))
    socket.emit("closeMyEngine")
    await back
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
