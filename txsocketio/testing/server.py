"""
A Socket.IO server for tests, without its carriers: options, namespaces,
connections, and the log of everything that came.

Must not know: how packets travel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import orjson
from twisted.internet.interfaces import IReactorTime

from txsocketio.interfaces import IParser
from txsocketio.protocol.socketio import JSONParser, checkNamespace
from txsocketio.testing.connection import Application, Connection
from txsocketio.testing.links import Attempt
from txsocketio.testing.namespaces import Namespace, Received, ServerSocket
from txsocketio.testing.recovery import Recovery
from txsocketio.testing.router import PacketRouter

__all__ = ["ServerCore"]

RECOVERY_SECONDS = 120.0


class ServerCore:
    """
    What L{MemoryServer <txsocketio.testing.memory.MemoryServer>} is, apart
    from its transports.

    @ivar clock: what all its timers run on.
    @ivar namespaces: by name; C{/} is always there.
    @ivar received: every event of every client, in order.
    @ivar connections: every Engine.IO connection there ever was.
    @ivar attempts: every attempt of a client, let in or not.
    @ivar responseHeaders: sent to clients that are let in, e.g. cookies.
    @ivar answersProbes: turn it off, and upgrades wait in vain.
    """

    answersProbes = True

    def __init__(
        self,
        clock: IReactorTime,
        *,
        pingInterval: float = 25.0,
        pingTimeout: float = 20.0,
        maxPayload: int = 1_000_000,
        upgrades: Sequence[str] = ("websocket",),
        recovery: bool | float = False,
        connectTimeout: float = 45.0,
        parser: IParser | None = None,
        application: Callable[[Connection], Application] | None = None,
    ) -> None:
        """
        @param clock: a L{Clock <twisted.internet.task.Clock>}, or a reactor.
        @param pingInterval: seconds between heartbeats.
        @param pingTimeout: seconds a client has to answer one.
        @param maxPayload: the most bytes of one message.
        @param upgrades: the transports that polling may give way to.
        @param recovery: connection state recovery: L{True}, or how many
            seconds a client may be away.
        @param connectTimeout: seconds a client has to join a namespace.
        @param parser: C{JSONParser()} by default; must be the client's.
        @param application: who gets the messages of each connection, to test
            bare Engine.IO; Socket.IO by default.
        """
        self.clock = clock
        self.pingInterval = pingInterval
        self.pingTimeout = pingTimeout
        self.maxPayload = maxPayload
        self.upgrades = list(upgrades)
        self.connectTimeout = connectTimeout
        self.parser: Any = parser or JSONParser()
        self.namespaces: dict[str, Namespace] = {}
        self.received: list[Received] = []
        self.connections: list[Connection] = []
        self.attempts: list[Attempt] = []
        self.responseHeaders: list[tuple[str, str]] = []
        self._recovery = RECOVERY_SECONDS if recovery is True else float(recovery)
        self._buildApplication = application
        self._numbers = count(1)
        self.of("/")

    # namespaces

    def of(self, namespace: str) -> Namespace:
        """
        A namespace, made if it is not there yet.  Clients are refused by all
        others.
        """
        name = checkNamespace(namespace)
        if name not in self.namespaces:
            recovery = None
            if self._recovery:
                recovery = Recovery(self.clock, self._recovery, self._newOffset)
            self.namespaces[name] = Namespace(
                name, self.clock, self.received, lambda: self.newID("s"), recovery
            )
        return self.namespaces[name]

    def on(self, event: str, listener: Callable[..., Any] | None = None) -> Any:
        """
        Listen to the main namespace: C{on("connection", f)}, f getting the
        L{ServerSocket}.  Without a listener, a decorator.
        """
        main = self.of("/")
        return main.on(event) if listener is None else main.on(event, listener)

    def use(
        self, namespace: str | Callable[..., Any], check: Callable[..., Any] | None = None
    ) -> Callable[..., Any]:
        """
        Let C{check(auth)} decide who may join; see L{Namespace.use}.

        Without a namespace, as in C{@server.use}, it is the main one's.
        """
        if check is None:
            if not callable(namespace):
                raise TypeError(
                    f"what checks? use({namespace!r}, check), or @of({namespace!r}).use"
                )
            return self.of("/").use(namespace)
        if not isinstance(namespace, str):
            raise TypeError("use(namespace, check): the namespace comes first, and is a text")
        return self.of(namespace).use(check)

    def emit(self, event: str, *args: Any) -> None:
        """
        Send an event to every client of the main namespace.
        """
        self.of("/").emit(event, *args)

    @property
    def sockets(self) -> list[ServerSocket]:
        """
        The connected sockets of all namespaces.
        """
        return [each for name in self.namespaces.values() for each in name.sockets.values()]

    # connections

    @property
    def connection(self) -> Connection:
        """
        The latest connection.

        @raise AssertionError: no client was ever let in.
        """
        assert self.connections, "no client has connected yet"
        return self.connections[-1]

    @property
    def live(self) -> list[Connection]:
        """
        The connections that are open.
        """
        return [each for each in self.connections if each.closed is None]

    def stop(self) -> None:
        """
        Hang up on everybody; no timer is left.
        """
        for connection in self.live:
            connection.close()

    def find(self, sid: str) -> Connection | None:
        """
        The open connection of this session.
        """
        return next((each for each in self.live if each.sid == sid), None)

    # for connections and carriers

    def newID(self, kind: str) -> str:
        """
        An id nobody has yet.
        """
        return f"{kind}{next(self._numbers)}"

    def _newOffset(self) -> str:
        # Seven characters, as from socket.io's own adapter: by that form a
        # client knows it where no signature cuts it off.
        return f"r{next(self._numbers):06d}"

    def buildConnection(self, attempt: Attempt) -> Connection:
        """
        Make a new session for a client that was let in; it is not started.
        """
        connection = self.connectionClass(self, self.newID("e"), attempt)
        self.connections.append(connection)
        return connection

    connectionClass: type[Connection] = Connection

    def greeting(self, connection: Connection) -> bytes:
        """
        The data of the OPEN packet, in the wire's milliseconds.
        """
        fields: Mapping[str, Any] = {
            "sid": connection.sid,
            "upgrades": self.upgrades if connection.transport == "polling" else [],
            "pingInterval": round(self.pingInterval * 1000),
            "pingTimeout": round(self.pingTimeout * 1000),
            "maxPayload": self.maxPayload,
        }
        return orjson.dumps(fields)

    def buildApplication(self, connection: Connection) -> Application:
        """
        Make who gets the messages.
        """
        build = self._buildApplication
        return PacketRouter(self, connection) if build is None else build(connection)
