"""
The last steps of C{probe}: Engine.IO and Socket.IO, by the client itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from txsocketio.commands.steps import Finding, Skipped, StepFailed, explained
from txsocketio.errors import ConnectRefused
from txsocketio.manager import Manager
from txsocketio.protocol.url import EngineAddress
from txsocketio.waiters import Waiters

__all__ = ["Conversation"]

OTHER_SECONDS = 5.0
"""How long the other transport is tried when one does not work."""

GRACE_SECONDS = 1.0

_UPGRADE_HINT = (
    "events go by polling meanwhile, which is slower; a proxy on the way must let WebSockets "
    "through (HTTP/1.1, with the headers Upgrade and Connection)"
)
_HEARTBEAT_HINT = (
    "something on the way keeps or cuts quiet connections: raise the proxy's timeouts above the "
    "server's pingInterval, and turn its buffering off"
)


class Conversation:
    """
    One connection to a server, step by step.
    """

    def __init__(
        self,
        reactor: Any,
        url: str,
        address: EngineAddress,
        namespace: str,
        options: Mapping[str, Any],
        waiting: Callable[[float], object],
    ) -> None:
        """
        @param address: where requests go, to be shown.
        @param waiting: called when the server's ping is waited for, with the
            seconds until it must be there.
        @raise ValueError: an option names a file, proxy or endpoint that
            cannot be used.
        """
        self._reactor = reactor
        self._url = url
        self._address = address
        self._namespace = namespace
        self._options = {**options, "reconnection": False, "autoConnect": False}
        self._waiting = waiting
        self._manager = Manager(url, reactor=reactor, **self._options)
        self._manager.on("open", self._opened)
        self._manager.on("close", self._closed)
        self._manager.on("ping", self._pinged)
        self._openedAt = 0.0
        self._pingedAt: float | None = None
        self._lost: str | None = None
        self._refused = False
        self._first = ""
        self._pings = Waiters()
        self._upgrades = Waiters()
        self._upgrade: Any = None

    async def handshake(self) -> Finding:
        """
        Open the Engine.IO connection.
        """
        opened = self._manager.whenOpen()
        self._manager.open()
        try:
            await opened
        except CancelledError:
            raise  # nobody wants to know more
        except Exception as error:
            failed = explained(error, f"compare: curl -i '{self._requestURL()}'")
            failed.hint = await self._otherWay(failed.hint)
            raise failed from None
        engine: Any = self._manager.engine
        said = engine.handshake
        facts = {
            "transport": self._first,
            "sid": said.sid,
            "upgrades": list(said.upgrades),
            "pingInterval": said.pingInterval,
            "pingTimeout": said.pingTimeout,
            "maxPayload": said.maxPayload,
        }
        offers = f"offers {', '.join(said.upgrades)}" if said.upgrades else "offers no upgrade"
        text = (
            f"by {self._first}; {offers}; pings every {said.pingInterval:g} s, "
            f"waits {said.pingTimeout:g} s, takes {said.maxPayload} bytes at once"
        )
        return Finding(text, facts)

    async def upgrade(self) -> Finding:
        """
        See the client change to WebSocket.
        """
        engine: Any = self._manager.engine
        if self._first != "polling":
            raise Skipped(f"{self._first} from the beginning")
        if not self._options.get("upgrade", True):
            raise Skipped("turned off by the option upgrade")
        if "websocket" not in _transportNames(self._options):
            raise Skipped("only polling was asked for")
        if "websocket" not in engine.handshake.upgrades:
            raise Skipped("the server offers none; events go by polling, which is slower")
        outcome = self._upgrade or await self._upgrades.wait()
        if isinstance(outcome, Exception):
            raise explained(outcome, _UPGRADE_HINT)
        return Finding(f"from polling to {outcome.name}", {"transport": outcome.name})

    async def namespace(self) -> Finding:
        """
        Join the namespace.
        """
        self._demandConnection()
        socket: Any = self._manager.socket(self._namespace)
        socket.connect()
        try:
            await socket.whenConnected()
        except ConnectRefused as error:
            self._refused = True
            failed = explained(error, "check --auth, and whether the server has this namespace")
            failed.facts = {"namespace": self._namespace, "message": error.message}
            raise failed from None
        except Exception as error:
            raise explained(error) from None
        facts = {"namespace": self._namespace, "sid": socket.id}
        return Finding(f"{self._namespace} is joined, session {socket.id}", facts)

    async def heartbeat(self) -> Finding:
        """
        Wait for the server's first ping; our answer goes by itself.
        """
        if self._pingedAt is None:
            if self._refused:
                raise Skipped("the connection ended when the namespace was refused")
            self._demandConnection()
            await self._firstPing()
        after = (self._pingedAt or 0.0) - self._openedAt
        facts = {"after": round(after, 3)}
        return Finding(f"the server's ping came {after:.1f} s after the handshake", facts)

    def close(self) -> Deferred[None]:
        """
        @return: fires when nothing is left.
        """
        return self._manager.close()

    # inside

    def _opened(self) -> None:
        engine: Any = self._manager.engine
        self._openedAt = self._reactor.seconds()
        self._first = engine.transport.name
        engine.on("upgrade", self._upgradeEnded)
        engine.on("upgradeError", self._upgradeEnded)

    def _upgradeEnded(self, outcome: Any) -> None:
        self._upgrade = outcome
        self._upgrades.succeed(outcome)

    def _pinged(self) -> None:
        if self._pingedAt is None:
            self._pingedAt = self._reactor.seconds()
            self._pings.succeed(None)

    def _closed(self, reason: str, details: Any) -> None:
        self._lost = reason if details is None else f"{reason} ({details})"
        error = StepFailed(f"the connection was lost: {self._lost}", _HEARTBEAT_HINT)
        self._upgrades.fail(error)
        self._pings.fail(error)

    def _demandConnection(self) -> None:
        if self._lost is not None:
            raise StepFailed(f"the connection was lost: {self._lost}", _HEARTBEAT_HINT)

    async def _firstPing(self) -> None:
        engine: Any = self._manager.engine
        said = engine.handshake
        limit = self._openedAt + said.pingInterval + said.pingTimeout + GRACE_SECONDS
        awaited = self._pings.wait()
        left = max(0.0, limit - self._reactor.seconds())
        self._waiting(left)

        def tooLate(result: object, seconds: float) -> None:
            raise StepFailed("the server's ping did not come in time", _HEARTBEAT_HINT)

        awaited.addTimeout(left, self._reactor, tooLate)
        await awaited

    def _requestURL(self) -> str:
        query = [("EIO", "4"), ("transport", "polling")]
        return self._address.requestURL(False, query)

    async def _otherWay(self, hint: str) -> str:
        """
        Where polling does not work, WebSocket may.
        """
        if _transportNames(self._options)[0] != "polling":
            return hint
        options = {**self._options, "transports": ("websocket",)}
        other = Manager(self._url, reactor=self._reactor, **options)
        opened = other.whenOpen()
        other.open()
        try:
            await opened.addTimeout(OTHER_SECONDS, self._reactor)
        except Exception:
            return hint
        finally:
            await other.close()
        return "by WebSocket it works: use --transports websocket"


def _transportNames(options: Mapping[str, Any]) -> list[str]:
    chosen = options.get("transports", ("polling", "websocket"))
    return [getattr(each, "name", each) for each in chosen]
