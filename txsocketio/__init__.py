"""
A Socket.IO client for Twisted: Socket.IO protocol v5 over Engine.IO v4.

Where things live, from the top of the house down; every room imports only
from the floors below its own::

    7  bots/ .......... what C{twistd sioclient} runs
    6  service, testing  an IService; a server in memory
    5  client ......... C{io(url)}: find or make a manager, give its socket
    4  manager ........ one server, kept in reach (reconnection, the machine)
    3  engine, socket . one Engine.IO connection; one namespace
    2  transports/ .... carriers (treq, autobahn); emitter, acks, outbox, ...
    1  interfaces ..... the stairs between the floors
    0  protocol/ ...... what the specifications say; errors; options

Importing this package loads none of it: each name is fetched when it is first
used, and no reactor is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from txsocketio.bots.bot import Bot, on
    from txsocketio.client import io
    from txsocketio.endpoints import EngineEndpoint
    from txsocketio.errors import (
        AckTimeout,
        BufferFull,
        ConnectRefused,
        DecodeError,
        Disconnected,
        Dropped,
        NotEncodable,
        Overflow,
        PayloadTooLarge,
        ReconnectFailed,
        ReservedEventName,
        SocketIOError,
        TransportError,
    )
    from txsocketio.manager import Manager
    from txsocketio.service import SocketIOService
    from txsocketio.socket import Socket

_ROOMS = {
    "Bot": "bots.bot",
    "on": "bots.bot",
    "EngineEndpoint": "endpoints",
    "io": "client",
    "Manager": "manager",
    "Socket": "socket",
    "SocketIOService": "service",
    "AckTimeout": "errors",
    "BufferFull": "errors",
    "ConnectRefused": "errors",
    "DecodeError": "errors",
    "Disconnected": "errors",
    "Dropped": "errors",
    "NotEncodable": "errors",
    "Overflow": "errors",
    "PayloadTooLarge": "errors",
    "ReconnectFailed": "errors",
    "ReservedEventName": "errors",
    "SocketIOError": "errors",
    "TransportError": "errors",
}

__all__ = [
    "AckTimeout",
    "Bot",
    "BufferFull",
    "ConnectRefused",
    "DecodeError",
    "Disconnected",
    "Dropped",
    "EngineEndpoint",
    "Manager",
    "NotEncodable",
    "Overflow",
    "PayloadTooLarge",
    "ReconnectFailed",
    "ReservedEventName",
    "Socket",
    "SocketIOError",
    "SocketIOService",
    "TransportError",
    "io",
    "on",
]


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
