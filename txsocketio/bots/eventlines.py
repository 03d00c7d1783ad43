"""
Events that come as lines of JSON over a stream, each answered by a line.

One line of a connection is dealt with at a time; until then it is not read, so
that who sends too much waits.

Must not know: what is done with a line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.bots.records import jsonLine

__all__ = ["LINE_BYTES", "EventLines", "LineConnection"]

LINE_BYTES = 1024 * 1024
"""No line may be longer."""

CONNECTIONS = 100
"""So many may be open."""


@implementer(IPushProducer)
class _Brake:
    """
    Stops the reading of lines while the answers are not taken.
    """

    pressed = False

    def __init__(self, go: Callable[[], None]) -> None:
        self._go = go

    def pauseProducing(self) -> None:
        self.pressed = True

    def resumeProducing(self) -> None:
        self.pressed = False
        self._go()

    def stopProducing(self) -> None:
        """
        The connection ends, which we hear anyway.
        """


@implementer(IHalfCloseableProtocol)
class LineConnection(LineReceiver):
    """
    One connection.
    """

    delimiter = b"\n"
    MAX_LENGTH = LINE_BYTES
    transport: Any

    working: Deferred[None] | None = None
    _lost = False

    def __init__(self, lines: EventLines) -> None:
        self._lines = lines
        self._brake = _Brake(self._goOn)

    def connectionMade(self) -> None:
        # Without a protocol of ours to be paused, this only tells of congestion.
        self.transport.registerProducer(self._brake, True)
        if not self._lines.opened(self):
            self._refuse("too many connections")

    def lineReceived(self, line: bytes) -> None:
        if line.strip():
            self.pauseProducing()
            self.working = working = ensureDeferred(self._work(line))
            working.addBoth(lambda _: self._worked())

    def lineLengthExceeded(self, line: bytes) -> None:
        self._refuse(f"a line has more than {LINE_BYTES} bytes")

    def readConnectionLost(self) -> None:
        # Lines that came before were dealt with: until then we did not read.
        self._tellOfRest()
        self.end()

    def writeConnectionLost(self) -> None:
        """
        Nobody wants answers; the lines count nevertheless.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._tellOfRest()
        self._lost = True
        if self.working is None:
            self._lines.closed(self)

    def end(self) -> None:
        """
        Send what was answered, and hang up.
        """
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    # inside

    async def _work(self, line: bytes) -> None:
        try:
            answer = {"sent": True, "answer": await self._lines.take(line)}
        except CancelledError:
            raise
        except Exception as error:
            answer = {"sent": False, "error": str(error) or type(error).__name__}
        self.transport.write(jsonLine(answer).encode("ascii"))

    def _worked(self) -> None:
        self.working = None
        if self._lines.closing:
            self.end()
        else:
            self._goOn()
        if self._lost and self.working is None:
            self._lines.closed(self)

    def _goOn(self) -> None:
        if self.working is None and not self._brake.pressed and not self._lines.closing:
            self.resumeProducing()

    def _refuse(self, why: str) -> None:
        self.transport.write(jsonLine({"sent": False, "error": why}).encode("ascii"))
        self.end()

    def _tellOfRest(self) -> None:
        if self.working is None and self.clearLineBuffer():
            self._lines.log.warn("a line that came over the endpoint was not complete")


class EventLines(Factory):
    """
    All connections.

    @ivar closing: whether no further line is taken.
    """

    noisy = False

    def __init__(self, take: Callable[[bytes], Awaitable[Any]], log: Any) -> None:
        """
        @param take: called with each line; what it gives, or the text of what
            it raises, is answered.
        """
        self.take = take
        self.log = log
        self.closing = False
        self._open: set[LineConnection] = set()
        self._gone: Deferred[None] | None = None

    def buildProtocol(self, addr: object) -> LineConnection:
        return LineConnection(self)

    def opened(self, connection: LineConnection) -> bool:
        """
        @return: whether there is room for it.
        """
        self._open.add(connection)
        return len(self._open) <= CONNECTIONS

    def closed(self, connection: LineConnection) -> None:
        """
        It is gone.
        """
        self._open.discard(connection)
        gone = self._gone
        if gone is not None and not self._open:
            self._gone = None
            gone.callback(None)

    async def finish(self) -> None:
        """
        Answer the lines that were taken, and end all connections.  Cancelling
        it ends them at once.
        """
        self.closing = True
        try:
            for connection in list(self._open):
                if connection.working is None:
                    connection.end()
            if self._open:
                self._gone = Deferred()
                await self._gone
        finally:
            self._gone = None
            self._abort()

    def _abort(self) -> None:
        working = [each.working for each in self._open if each.working is not None]
        if working:
            count = len(working)
            self.log.error("{count} lines are given up, because the bot stops", count=count)
        for each in working:
            each.cancel()
        for connection in list(self._open):
            connection.transport.abortConnection()
