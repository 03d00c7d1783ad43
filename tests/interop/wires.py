"""
What the tests of the wire and of its errors share: the three ways to be
connected, servers with certificates of our own, and proxies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from trustme import LeafCert
from twisted.internet.defer import Deferred, ensureDeferred

import tlskit
from interop.scenarios import Clients, useClients
from interop.servers import ServerPool, ServerProcess
from support import until
from txsocketio import Socket, io
from wirekit import Servers

LIMIT = 30.0
POLLING = ["polling"]
WEBSOCKET = ["websocket"]
UPGRADE = ["polling", "websocket"]
WAYS = pytest.mark.parametrize(
    "transports", [POLLING, WEBSOCKET, UPGRADE], ids=["polling", "websocket", "upgrade"]
)
BOTH = pytest.mark.parametrize("transports", [POLLING, WEBSOCKET], ids=["polling", "websocket"])


async def settle(socket: Socket, transports: list[str]) -> Socket:
    """
    Wait until a socket is connected, by the last of its transports.
    """
    await socket.whenConnected()
    await until(lambda: socket.io.engine.transport.name == transports[-1])
    return socket


async def assertWorks(socket: Socket, size: int = 1000) -> None:
    """
    Text and bytes go there and come back.
    """
    text, data = "ü" * (size // 2), bytes(range(256)) * (size // 256)
    assert await socket.emitWithAck("echoAll", text, data) == (text, data)


async def connectionError(clients: Clients, url: str, **options: Any) -> Any:
    """
    Connect where that cannot be.

    @return: the one C{connect_error}.
    """
    chosen = {"forceNew": True, "reconnection": False, **options}
    socket = clients.keep(io(url, **chosen))
    errors: list[Any] = []
    socket.on("connect_error", lambda error: errors.append(error))
    await until(lambda: errors)
    assert len(errors) == 1
    return errors[0]


def lossesOf(socket: Socket) -> list[tuple[str, Any]]:
    """
    Reason and details of each C{disconnect}, as they come.
    """
    losses: list[tuple[str, Any]] = []
    socket.on("disconnect", lambda reason, details: losses.append((reason, details)))
    return losses


def block(start: Callable[[], Awaitable[Any]]) -> Any:
    """
    Run something asynchronous to its end, for a fixture.
    """
    from twisted.internet import reactor

    done: Deferred[Any] = ensureDeferred(start())  # type: ignore[arg-type]
    return pytest_twisted.blockon(done.addTimeout(10, reactor))


@pytest.fixture
def servers() -> Iterator[Servers]:
    """
    Servers and proxies in this process.  Ask for them before C{clients}, which
    then end first.
    """
    made = Servers()
    yield made
    block(made.close)


@pytest.fixture
def clients() -> Iterator[Clients]:
    """
    Clients that end with the test.
    """
    yield from useClients()


class SecureServers:
    """
    Node servers that speak TLS; each lives as long as the run.
    """

    def __init__(self, pool: ServerPool, directory: Path) -> None:
        self._pool = pool
        self._directory = directory

    def get(self, leaf: LeafCert, /, kind: str = "sio", *, tls: Any = None, **options: Any) -> Any:
        """
        A server with this certificate.

        @param tls: further options of Node's C{https.createServer}.
        """
        files = self._files(leaf)
        server: ServerProcess = self._pool.get(kind, tls={**files, **(tls or {})}, **options)
        return server

    def _files(self, leaf: LeafCert) -> dict[str, str]:
        name = str(id(leaf))
        return {
            "key": tlskit.write(self._directory, f"{name}.key", tlskit.keyPEM(leaf)),
            "cert": tlskit.write(self._directory, f"{name}.pem", tlskit.chainPEM(leaf)),
            "ca": tlskit.write(self._directory, "ca.pem", tlskit.caPEM()),
        }


@pytest.fixture
def secureServers(sharedServers: ServerPool, tmp_path_factory: Any) -> SecureServers:
    """
    Servers with certificates.
    """
    directory = tmp_path_factory.getbasetemp() / "certificates"
    directory.mkdir(exist_ok=True)
    return SecureServers(sharedServers, directory)
