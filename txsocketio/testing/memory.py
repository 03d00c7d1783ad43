"""
The server in memory: its transports, and what may go wrong on them.

Must not know: how sockets and namespaces work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.client import io
from txsocketio.errors import TransportError
from txsocketio.protocol.engineio import CloseDetails
from txsocketio.socket import Socket
from txsocketio.testing.connection import Connection
from txsocketio.testing.links import Attempt, Link
from txsocketio.testing.server import ServerCore
from txsocketio.testing.transport import MemoryLink, MemoryTransport

if TYPE_CHECKING:
    from txsocketio.testing.onport import ListeningServer

__all__ = ["MemoryConnection", "MemoryServer"]

Plan = Callable[[MemoryTransport], None]


class MemoryConnection(Connection):
    """
    A connection whose network does as a test wants.
    """

    _stalled = False

    def drop(self, reason: str = "transport close", details: Any = None) -> None:
        """
        Break the network: the client hears it in the next turn.

        @param reason: C{"transport close"}, C{"transport error"} or C{"parse
            error"}; a client on a port finds out for itself.
        @param details: a L{CloseDetails} or an error; something fitting by
            default.
        """
        if details is None:
            details = _detailsOf(reason, self.transport)
        self._link.cut(reason, details)
        self.end(reason, details)

    def stall(self) -> None:
        """
        Let no packet through any more, in either direction, as if a cable
        was pulled; an upgrade under way stops as well.
        """
        self._stallAll(True)

    def resume(self) -> None:
        """
        End L{stall}: what was held back arrives, in order.
        """
        self._stallAll(False)

    def congest(self) -> None:
        """
        Let the network take nothing from the client: its transport says that
        it is congested, and C{bufferedAmount} grows.
        """
        self._network().choke(True)

    def drain(self) -> None:
        """
        End L{congest}: what waited arrives, and the client is told.
        """
        self._network().choke(False)

    def probe(self, link: Link) -> bool:
        """
        See L{Connection.probe}; a pulled cable stays pulled.
        """
        accepted = super().probe(link)
        if accepted and self._stalled:
            self._stallAll(True)
        return accepted

    def _stallAll(self, stalled: bool) -> None:
        self._network()
        self._stalled = stalled
        for link in (self._link, self._probing):
            if isinstance(link, MemoryLink):
                link.transport.stall(stalled)

    def _network(self) -> MemoryTransport:
        if not isinstance(self._link, MemoryLink):
            raise TypeError("only the network of a client in memory obeys; this one is on a port")
        return self._link.transport


class MemoryServer(ServerCore):
    """
    A Socket.IO server in memory, driven by a clock.

    See L{ServerCore} for its options and attributes.
    """

    connection: MemoryConnection
    connectionClass = MemoryConnection

    _holdsPolls = False

    def __init__(self, clock: Any, **options: Any) -> None:
        """
        @raise TypeError: an unknown option.
        """
        super().__init__(clock, **options)
        self._plans: list[Plan] = []
        self._always: Plan | None = None
        self._transports: dict[str, type[MemoryTransport]] = {}

    # clients

    def transport(self, name: str = "websocket") -> type[MemoryTransport]:
        """
        A transport that reaches this server; goes in the client's option
        C{transports=[...]}.

        @param name: C{"websocket"} or C{"polling"}.
        """
        if name not in self._transports:
            members = {"name": name, "host": self}
            self._transports[name] = type("MemoryTransport", (MemoryTransport,), members)
        return self._transports[name]

    def options(self, transports: Sequence[Any] = ("websocket",), **options: Any) -> dict[str, Any]:
        """
        The options that a client needs to reach this server:
        C{Manager("http://memory", **server.options(timeout=5))}.

        @param transports: names, or transport classes.
        """
        chosen = [self.transport(each) if isinstance(each, str) else each for each in transports]
        return {
            "reactor": self.clock,
            "endpoint": _NoNetwork(),
            "transports": chosen,
            **options,
        }

    def connect(self, url: str = "http://memory", **options: Any) -> Socket:
        """
        Like C{io(url, ...)}, with a manager of its own.

        The transport is C{"websocket"} alone, which makes the shortest wire
        log; C{transports=["polling", "websocket"]} upgrades.

        @return: the client's socket; it connects when the clock is advanced.
        """
        return io(url, **self.options(**{"forceNew": True, **options}))

    def listen(
        self, reactor: Any, port: int = 0, interface: str = "127.0.0.1", path: str = "/socket.io"
    ) -> Deferred[ListeningServer]:
        """
        Serve on a TCP port as well, by polling and by WebSocket.

        The server's own timers run on its clock: make it with
        C{MemoryServer(reactor)}, or they wait for L{advance}.  The faults
        above are for clients in memory only.

        @param port: 0 for a free one.
        @return: fires with a L{ListeningServer
            <txsocketio.testing.onport.ListeningServer>}, which has C{url} and
            C{stopListening()}.
        """
        from txsocketio.testing.onport import listen

        return maybeDeferred(listen, self, reactor, port, interface, path)

    # time

    def flush(self) -> None:
        """
        Let everything arrive that is on its way.
        """
        self._time.advance(0)

    def advance(self, seconds: float) -> None:
        """
        Let time pass, from one timer to the next, as it does in life:
        C{Clock.advance} would jump, and a heartbeat come too late.
        """
        clock = self._time
        end = clock.seconds() + seconds
        self._pass(end, lambda: False)
        clock.advance(max(0.0, end - clock.seconds()))

    def waitFor(self, awaitable: Any, limit: float = 60.0) -> Any:
        """
        Let time pass until a Deferred or a coroutine has its result, and not
        longer: C{answer = server.waitFor(socket.emitWithAck("add", 1, 2))}.

        @param limit: how many seconds of the clock it may take.
        @return: the result; what it failed with is raised.
        @raise AssertionError: there is none in time.
        """
        results: list[Any] = []
        maybeDeferred(lambda: awaitable).addBoth(results.append)
        self._pass(self._time.seconds() + limit, lambda: bool(results))
        assert results, f"no result within {limit:g} s: {awaitable!r:.200}"
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    @property
    def _time(self) -> Any:
        if not hasattr(self.clock, "advance"):
            raise TypeError(
                "time passes by itself on a reactor; to let it pass in a test, "
                "make the server with MemoryServer(Clock())"
            )
        return self.clock

    def _pass(self, end: float, enough: Callable[[], bool]) -> None:
        clock = self._time
        self.flush()
        while not enough() and (due := _nextCall(clock)) is not None and due <= end:
            clock.advance(max(0.0, due - clock.seconds()))

    # faults: who comes in

    def refuse(
        self,
        times: int | None = 1,
        *,
        status: int | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        error: Exception | None = None,
    ) -> None:
        """
        Refuse the next clients, as an HTTP answer would, or as if nobody
        listened.

        @param times: how many, or L{None} for all until L{accept}.
        @param error: what they hear; L{TransportError} by default.
        """

        def refuse(transport: MemoryTransport) -> None:
            refused = error or _refusal(transport.name, status, headers, body)
            transport.ended("transport error", refused)

        self._plan(refuse, times)

    def ignore(self, times: int | None = 1) -> None:
        """
        Never answer the next clients: a black hole.

        @param times: how many, or L{None} for all until L{accept}.
        """
        self._plan(lambda transport: None, times)

    def greet(self, *packets: str | bytes, times: int | None = 1) -> None:
        """
        Send the next clients these packets in place of OPEN, and no more;
        what they say is not heard.

        @param packets: as in L{Connection.sendRaw}; none for a server that
            lets the client in and says nothing.
        """

        def greet(transport: MemoryTransport) -> None:
            transport.receiver.transportOpened()
            for each in packets:
                isText = isinstance(each, str)
                data = each.encode("utf-8", "surrogateescape") if isinstance(each, str) else each
                transport.arrived(data, not isText)

        self._plan(greet, times)

    def accept(self) -> None:
        """
        End L{refuse}, L{ignore} and L{greet}.
        """
        self._plans, self._always = [], None

    @property
    def holdsPolls(self) -> bool:
        """
        Set it, and a poll under way is not answered: an upgrade from polling
        waits, until it is cleared.
        """
        return self._holdsPolls

    @holdsPolls.setter
    def holdsPolls(self, holds: bool) -> None:
        self._holdsPolls = holds
        for each in self.live:
            if not holds and isinstance(each.link, MemoryLink):
                each.link.transport.checkPaused()

    # from the transports

    def knocked(self, transport: MemoryTransport, attempt: Attempt) -> None:
        """
        A client opened a transport.
        """
        self.attempts.append(attempt)
        plan = self._plans.pop(0) if self._plans else self._always
        if plan is not None:
            plan(transport)
        elif attempt.sid is None:
            self._letIn(transport, attempt)
        else:
            self._letJoin(transport, attempt.sid)

    # inside

    def _plan(self, plan: Plan, times: int | None) -> None:
        if times is None:
            self._always = plan
        else:
            self._plans.extend([plan] * times)

    def _letIn(self, transport: MemoryTransport, attempt: Attempt) -> None:
        connection = self.buildConnection(attempt)
        link = MemoryLink(connection, transport)
        transport.accepted(link, self.responseHeaders)
        connection.start(link)

    def _letJoin(self, transport: MemoryTransport, sid: str) -> None:
        connection = self.find(sid)
        if connection is not None:
            link = MemoryLink(connection, transport)
            if connection.probe(link):
                transport.accepted(link, [])
                return
        body = b'{"code":1,"message":"Session ID unknown"}'
        transport.ended("transport error", _refusal(transport.name, 400, (), body))


@implementer(IStreamClientEndpoint)
class _NoNetwork:
    """
    Stands where a client's endpoint would; in memory nobody asks it.
    """

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return fail(TransportError("there is no network in a MemoryServer"))


def _refusal(
    name: str, status: int | None, headers: Sequence[tuple[str, str]], body: bytes
) -> TransportError:
    return TransportError(
        "xhr poll error" if name == "polling" else "websocket error",
        explanation="" if status is not None else "connection refused",
        transport=name,
        phase="handshake" if name == "polling" else "open",
        status=status,
        headers=headers,
        body=body,
    )


def _detailsOf(reason: str, transport: str) -> Any:
    if reason == "transport close" and transport == "polling":
        return CloseDetails("closed by the server")
    if reason == "transport close":
        context = {"code": 1006, "reason": "", "wasClean": False}
        return CloseDetails("websocket connection closed", context)
    return TransportError("xhr poll error" if transport == "polling" else "websocket error")


def _nextCall(clock: Any) -> float | None:
    times = [call.getTime() for call in clock.getDelayedCalls()]
    return min(times) if times else None
