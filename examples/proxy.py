"""
Through a proxy: HTTP CONNECT or SOCKS5, with or without credentials.

    python examples/proxy.py http://localhost:3000 http://user:secret@proxy:3128
    python examples/proxy.py http://localhost:3000 socks5://proxy:1080
    python examples/proxy.py http://localhost:3000 env

The last takes http_proxy, https_proxy and no_proxy from the environment.
"""

import sys

from twisted.internet.task import react

from txsocketio import io


async def main(reactor: object, url: str, proxy: str) -> None:
    socket = io(url, proxy=proxy)
    print("through the proxy:", await socket.emitWithAck("echo", "hello"))
    await socket.disconnect().whenDisconnected()


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
