"""
MessagePack on the wire, as socket.io-msgpack-parser writes it.

    pip install txsocketio[msgpack]
    python examples/messagepack.py http://localhost:3000

The server uses socket.io-msgpack-parser, and answers "echo".
"""

import sys

from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str) -> None:
    socket = io(url, parser="msgpack")
    print(await socket.emitWithAck("echo", {"pi": 3.14, "raw": b"\0\1", "list": [1, None]}))
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
