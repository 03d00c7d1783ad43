"""
The client that the Autobahn test suite questions.

Run as C{python autobahn_testee.py PORT AGENT}: it asks for the number of
cases, echoes every message of each, and lets the server write its reports.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint

from txsocketio.transports.wsclient import Ending, Limits, WebSocketClient
from txsocketio.transports.wshandshake import Request, Response

LIMITS = Limits(messageBytes=64 * 1024 * 1024, fragments=1_000_000)


class Echo:
    """
    Sends back what it gets, or shows it to C{look}.
    """

    client: WebSocketClient

    def __init__(self, look: Callable[[bytes], None] | None, deflate: bool) -> None:
        self._look = look
        self._deflate = deflate

    def webSocketOpened(self, response: Response) -> None:
        pass

    def textMessageReceived(self, payload: bytes) -> None:
        if self._look is not None:
            self._look(payload)
        else:
            self.client.sendText(payload, self._deflate)

    def textReceived(self, message: bytes) -> None:
        raise AssertionError("there is no prefix")

    def binaryReceived(self, message: bytes) -> None:
        self.client.sendBinary(message, self._deflate)

    def webSocketFilled(self) -> None:
        pass

    def webSocketDrained(self) -> None:
        pass

    def webSocketClosed(self, ending: Ending) -> None:
        pass


def visit(
    port: int, path: str, deflate: bool, look: Callable[[bytes], None] | None = None
) -> Deferred[None]:
    """
    Connect once and echo until the server ends it.
    """
    owner = Echo(look, deflate)
    owner.client = client = WebSocketClient(
        reactor,
        Request(f"ws://127.0.0.1:{port}{path}"),
        owner,
        owner,
        limits=LIMITS,
        deflate=deflate,
        validateUTF8=True,
    )
    client.connect(TCP4ClientEndpoint(reactor, "127.0.0.1", port))
    return client.whenGone()


async def main(port: int, agent: str, deflate: bool) -> None:
    """
    Run all cases.
    """
    counts: list[bytes] = []
    await visit(port, "/getCaseCount", False, counts.append)
    for case in range(1, int(counts[0]) + 1):
        await visit(port, f"/runCase?case={case}&agent={agent}", deflate)
    await visit(port, f"/updateReports?agent={agent}", False)


if __name__ == "__main__":
    finished = ensureDeferred(main(int(sys.argv[1]), sys.argv[2], "deflate" in sys.argv[3:]))
    failures: list[object] = []
    finished.addErrback(failures.append)
    finished.addBoth(lambda _: reactor.stop())
    reactor.run()
    if failures:
        sys.exit(str(failures[0]))
