"""
Acknowledgements in both directions: what a listener returns is the answer.

    python examples/acknowledge.py http://localhost:3000

The server answers "echo" with what it was given; at "ask" it emits "question",
and reports our answer as "answered".
"""

import sys

from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str) -> None:
    socket = io(url)
    print("asked:", await socket.emitWithAck("echo", "one"))
    socket.emit("echo", "two", lambda answer: print("called back:", answer))

    @socket.on("question")
    async def answer(text: str) -> str:
        answer = await socket.emitWithAck("echo", text.upper())  # may take its time
        return f"{answer}!"

    await socket.emit("ask", "how are you")
    print("the server got:", await socket.whenEvent("answered", timeout=10))
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
