"""
Bytes anywhere in the arguments: no base64, no wrapping.

    python examples/binary.py http://localhost:3000

The server answers "echo" with what it was given.
"""

import sys
from hashlib import sha256

from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str) -> None:
    socket = io(url)
    picture = bytes(range(256)) * 40
    upload = {"name": "cat.png", "content": picture, "parts": [b"a", bytearray(b"b")]}
    answer = await socket.emitWithAck("echo", upload)
    print(answer["name"], answer["parts"])
    print("same content:", sha256(answer["content"]).digest() == sha256(picture).digest())
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
