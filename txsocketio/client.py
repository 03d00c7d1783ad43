"""
C{io(url)}: find or make a manager, and give the socket of a namespace.

Must not know: engines, transports.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

from txsocketio.manager import Manager
from txsocketio.options import (
    EngineOptions,
    IOOptions,
    ManagerOptions,
    SocketOptions,
    readOptions,
)
from txsocketio.protocol.socketio import PROTOCOL, checkNamespace
from txsocketio.protocol.url import ServerURL, parseURL
from txsocketio.socket import Socket

__all__ = ["io"]

_managers: WeakValueDictionary[tuple[str, str, int], Manager] = WeakValueDictionary()
"""
Weak: a manager that has work to do is held by its work.
"""


def io(
    url: str | None = None, *, namespace: str | None = None, reactor: Any = None, **options: Any
) -> Socket:
    """
    Connect to a namespace of a server.

    The URL's path is the namespace, so C{io("https://example.com/admin")} is
    namespace C{/admin}; the path of the requests is the option C{path}.
    Managers are shared: two namespaces of one server use one connection,
    unless C{forceNew=True} or C{multiplex=False}, or unless the options given
    differ.  A second call for the same namespace makes a new connection.

    @param url: C{http}, C{https}, C{ws} or C{wss}; its query is merged under
        the option C{query}.
    @param namespace: wins over the URL's path.
    @param reactor: the global reactor by default.
    @param options: see L{txsocketio.options}.
    @return: the socket; it connects by itself unless C{autoConnect=False}.
    @raise TypeError: no URL, or an unknown option.
    @raise ValueError: a bad URL, or a bad value of an option.
    """
    if url is None:
        raise TypeError('io() needs the URL of a server, e.g. io("http://localhost:3000")')
    server = parseURL(url)
    if reactor is None:
        from twisted.internet import reactor
    parsed = readOptions(options, IOOptions, EngineOptions, ManagerOptions, SocketOptions)
    chosen = checkNamespace(server.namespace if namespace is None else namespace)
    manager = _managerFor(url, server, chosen, reactor, options, parsed)
    socketNames = SocketOptions.__dataclass_fields__
    own = {name: value for name, value in options.items() if name in socketNames}
    return manager.socket(chosen, **own)


io.protocol = PROTOCOL  # type: ignore[attr-defined]


def _managerFor(
    url: str, server: ServerURL, namespace: str, reactor: Any, options: Any, parsed: Any
) -> Manager:
    sharing, engineOptions, managerOptions, _ = parsed
    key = (server.id, engineOptions.path, id(reactor))
    cached = _managers.get(key)
    shareable = sharing.multiplex and not sharing.forceNew
    if shareable and cached is not None and not cached.has(namespace):
        given = tuple(name for name, value in options.items() if value is not None)
        if cached.agreesWith(server.query, (engineOptions, given), (managerOptions, given)):
            return cached
    ioNames = IOOptions.__dataclass_fields__
    own = {name: value for name, value in options.items() if name not in ioNames}
    manager = Manager(url, reactor=reactor, **own)
    if shareable and cached is None:
        _managers[key] = manager
    return manager
