"""
Two namespaces share one connection; each is left by itself.

    python examples/namespaces.py http://localhost:3000

The server has the namespaces / and /foo, and answers "echo".
"""

import sys

from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str) -> None:
    main = io(url)
    foo = io(f"{url}/foo")  # or main.io.socket("/foo")
    await main.whenConnected()
    await foo.whenConnected()
    print(main.nsp, foo.nsp, "one connection:", main.io is foo.io)
    print("different sessions:", main.id != foo.id)

    foo.disconnect()
    print("foo:", foo.state, "- main:", main.state)
    print("main goes on:", await main.emitWithAck("echo", 1))
    await main.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
