"""
The server that the other examples talk to: the test kit's, on this machine only.

    python examples/server.py 3000
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from txsocketio.testing import MemoryServer, ServerSocket


def joined(client: ServerSocket) -> None:
    async def ask(question: str) -> None:
        client.emit("answered", await client.emitWithAck("question", question))

    client.on("hi", lambda: client.emit("hi"))
    client.on("echo", lambda value: value)  # what is returned answers
    client.on("back", lambda *args: client.emit("back", *args))
    client.on("numbered", lambda number: number)
    client.on("count", lambda n: list(map(client.emit, ["number"] * n, range(n))))
    client.on("say", lambda name, line: client.namespace.emit("said", name, line))
    client.on("ask", ask)
    client.on("kickMe", client.disconnect)
    client.on("closeMyEngine", client.connection.close)


async def main(reactor: object, port: str) -> None:
    server = MemoryServer(reactor, recovery=True)
    for name in ("/", "/foo", "/chat", "/token"):
        server.of(name).on("connection", joined)
    server.use("/token", lambda auth: None if auth.get("token") == "secret" else "bad token")
    print("listening on", (await server.listen(reactor, int(port))).url, flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
