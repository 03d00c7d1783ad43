"""
A script for shells and cron: each line of the standard input is emitted and its
answer printed; the exit code tells whether all were answered.

    printf 'one\ntwo\n' | python examples/integration/pipe.py http://localhost:3000 echo

The server answers "echo" with what it was given.
"""

import sys

from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from txsocketio import SocketIOError, io


async def main(reactor: object, url: str, event: str) -> None:
    socket = io(url, reactor=reactor, reconnectionAttempts=1)
    try:
        # Reading blocks, so it is done in a thread, and emitting never is.
        while line := await deferToThread(sys.stdin.readline):
            print(await socket.timeout(10).emitWithAck(event, line.rstrip("\n")))
    except SocketIOError as error:
        sys.exit(f"not answered: {error}")  # exit code 1
    finally:
        await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
