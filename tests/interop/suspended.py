"""
A client for a test to suspend: emits numbers, and writes down in lines of JSON
what becomes of them; ends when its standard input does.

    python suspended.py URL TRANSPORT...
"""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall

from txsocketio import io

EVERY = 0.02


def say(*words: Any) -> None:
    """
    Write one line.
    """
    print(json.dumps(words), flush=True)


class End(Protocol):
    """
    Notices that standard input is closed.
    """

    def __init__(self) -> None:
        self.came: Deferred[None] = Deferred()

    def connectionLost(self, reason: Any = None) -> None:
        self.came.callback(None)


class Numbers:
    """
    Emits them.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.count = 0

    def emit(self) -> None:
        """
        Emit the next one.
        """
        number, self.count = self.count, self.count + 1
        later = self._socket.emitWithAck("numbered", number)
        later.addCallbacks(lambda _: say("answered", number), lambda _: say("failed", number))


def main(url: str, *transports: str) -> None:
    """
    Run until standard input is closed.
    """
    socket = io(url, transports=transports, reconnectionDelay=0.05)
    socket.on("connect", lambda: say("connect"))
    socket.on("disconnect", lambda reason: say("disconnect", reason))
    numbers = Numbers(socket)
    loop = LoopingCall(numbers.emit)
    loop.start(EVERY)
    end = End()
    StandardIO(end)

    def finish(_: None) -> Deferred[None]:
        loop.stop()
        say("emitted", numbers.count)
        socket.off("disconnect")
        gone: Deferred[None] = socket.disconnect().whenDisconnected()
        return gone

    end.came.addCallback(finish).addBoth(lambda _: reactor.stop())  # type: ignore[attr-defined]
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(*sys.argv[1:])
