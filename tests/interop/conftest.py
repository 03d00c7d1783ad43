"""
Servers for the tests of this folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interop.servers import ServerPool, ServerProcess, pool

# Tests in all but its name: an assertion there shows what it compared.
pytest.register_assert_rewrite("interop.scenarios")


@pytest.fixture(scope="session")
def sharedServers() -> Iterator[ServerPool]:
    """
    Servers that live as long as the run: C{sharedServers.get("sio", ...)}.
    A test must not kill them; it makes itself apart by namespace or sid.
    """
    yield from pool()


@pytest.fixture
def newServer() -> Iterator[Callable[..., ServerProcess]]:
    """
    Make a server for this test alone, to be killed and restarted at will:
    C{newServer("sio", log=path)}.  It is running; it is ended with the test.
    """
    made: list[ServerProcess] = []

    def make(kind: str, **options: Any) -> ServerProcess:
        made.append(ServerProcess(kind, **options).launch())
        return made[-1]

    yield make
    for server in made:
        server.end()


@pytest.fixture
def nodeServer(sharedServers: ServerPool) -> ServerProcess:
    """
    Server A: socket.io's own server; see servers/node/sio.js.
    """
    return sharedServers.get("sio")


@pytest.fixture
def engineServer(sharedServers: ServerPool) -> ServerProcess:
    """
    Server E: engine.io's own server; see servers/node/eio.js.
    """
    return sharedServers.get("eio")


@pytest.fixture
def pythonServer(sharedServers: ServerPool) -> ServerProcess:
    """
    python-socketio's server; see servers/python/server.py.
    """
    return sharedServers.get("python")
