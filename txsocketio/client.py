"""
C{io(url)}: find or make a manager, and give the socket of a namespace.

Must not know: engines, transports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, Protocol, cast
from weakref import WeakKeyDictionary

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

_managers: WeakKeyDictionary[Manager, tuple[tuple[str, str, int], str | None]] = WeakKeyDictionary()
"""
The managers that can be shared: server, path of the requests and reactor of
each, and the user and password of its URL.  Weak: a manager that has work to
do is held by its work.
"""


P = ParamSpec("P")


class _Front(Protocol[P]):
    """
    A function with the reference's C{io.protocol}.
    """

    protocol: int

    def __call__(self, *args: P.args, **named: P.kwargs) -> Socket: ...


def _front(function: Callable[P, Socket]) -> _Front[P]:
    function.protocol = PROTOCOL  # type: ignore[attr-defined]
    return cast("_Front[P]", function)


@_front
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
    return manager.socket(chosen, **_only(options, SocketOptions))


def _managerFor(
    url: str, server: ServerURL, namespace: str, reactor: Any, options: Any, parsed: Any
) -> Manager:
    sharing, engineOptions, managerOptions, _ = parsed
    # Socket options are this namespace's alone: auth= is not for the others.
    own = _only(options, EngineOptions, ManagerOptions)
    if sharing.forceNew or not sharing.multiplex:
        return Manager(url, reactor=reactor, **own)
    key = (server.id, engineOptions.path, id(reactor))
    given = tuple(name for name, value in options.items() if value is not None)
    alike = [
        each
        for each, (its, user) in list(_managers.items())
        if its == key
        and server.userinfo in (None, user)
        and each.agreesWith(server.query, (engineOptions, given), (managerOptions, given))
    ]
    for each in alike:
        if not each.has(namespace):
            return each
    manager = Manager(url, reactor=reactor, **own)
    if not alike:
        _managers[manager] = (key, server.userinfo)
    return manager


def _only(options: Mapping[str, Any], *classes: Any) -> dict[str, Any]:
    """
    Those of the options that belong to these classes.
    """
    names = {name for each in classes for name in each.__dataclass_fields__}
    return {name: value for name, value in options.items() if name in names}
