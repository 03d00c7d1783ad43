"""
A transport's name to its class.

treq and autobahn are imported when a transport of theirs is first needed: an
application that only uses WebSocket never loads treq, and the reverse.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["transportClass"]

_PLACES = {
    "polling": ("txsocketio.transports.polling", "PollingTransport"),
    "websocket": ("txsocketio.transports.websocket", "WebSocketTransport"),
}


def transportClass(nameOrClass: Any) -> Any:
    """
    Find the class of a transport given by its name, or as itself.
    """
    if not isinstance(nameOrClass, str):
        return nameOrClass
    module, name = _PLACES[nameOrClass]
    return getattr(import_module(module), name)
