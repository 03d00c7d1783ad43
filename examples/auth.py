"""
Credentials that expire: auth= is asked at every attempt, and a refusal may be
answered by renewing them.

    python examples/auth.py http://localhost:3000

The server's namespace /token wants the token "secret".
"""

import sys

from twisted.internet.task import react

from txsocketio import ConnectRefused, io

tokens = {"token": "expired"}


async def credentials() -> dict[str, str]:
    return dict(tokens)  # may ask a vault; a Deferred will do as well


async def renew(error: ConnectRefused) -> bool:
    print("refused:", error.message)
    tokens["token"] = "secret"
    return True  # try again, after the usual delay


async def main(reactor: object, url: str) -> None:
    socket = io(f"{url}/token", auth=credentials, retryOnConnectError=renew, reconnectionDelay=0.05)
    await socket.whenConnected()
    print("let in:", await socket.emitWithAck("echo", "hello"))
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
