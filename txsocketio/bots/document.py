"""
What there is to tell of a daemon, as one document: the status page, the
metrics, the probes and the control endpoint all read it.

It is made when somebody asks, from the state at that moment; nothing is kept,
so nothing can be out of date.  A supervisor makes the same document from those
of its workers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.readiness import Readiness

__all__ = ["Document", "Source", "documentOf", "encoded", "sourceOf"]

# By this way, because nobody inside imports from the front door.
VERSION: str = sys.modules["txsocketio"].__version__

Document = Mapping[str, Any]
"""
The names: C{version}, C{pid}, C{started} and C{time} (seconds since 1970),
C{ready}, C{readyRule}, C{notReady} (who is waited for), and C{bots}: of each
what L{BotStatus.plain <txsocketio.bots.states.BotStatus.plain>} gives.
"""

Source = Callable[[], Any]
"""Gives the L{Document}, or a Deferred of it."""


def documentOf(daemon: BotDaemon, readiness: Readiness, started: float) -> Document:
    """
    Look at a daemon.
    """
    bots = [runner.status for runner in daemon.runners.values()]
    waited = readiness.missing(bots)
    return {
        "version": VERSION,
        "pid": os.getpid(),
        "started": started,
        "time": daemon.reactor.seconds(),
        "ready": not waited,
        "readyRule": str(readiness),
        "notReady": waited,
        "bots": [bot.plain() for bot in bots],
    }


def sourceOf(daemon: BotDaemon) -> Source:
    """
    What looks at a daemon at every call.
    """
    started = daemon.reactor.seconds()
    return lambda: documentOf(daemon, daemon.settings["ready"], started)


def encoded(document: Document) -> bytes:
    """
    A document as JSON; what JSON has no word for is shown as Python does.
    """
    return json.dumps(document, default=str).encode("ascii") + b"\n"
