"""
Nothing is left of a connection that was lost, however many there were.

What is counted, and how, is in leaks.py, which runs in a process of its own.
C{TXSOCKETIO_LEAKS=all} takes 10,000 reconnections over sockets, too.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from support import ROOT, runPython

ALL = os.environ.get("TXSOCKETIO_LEAKS") == "all"
MANY = 10_000
BYTES = 1024
"""How many bytes a thousand reconnections may cost."""

NOISE = 4096
"""Bytes by which a cache may be fuller than before; one small object left by
each of a thousand reconnections is over 50,000."""

OVER_SOCKETS = {"websocket": 300, "polling": 300, "upgrade": 10}
"""An upgrade takes a tenth of a second, for which the server holds the poll."""


def growth(kind: str, way: str, count: int) -> dict[str, Any]:
    """
    What C{count} rounds left.
    """
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    done = runPython(
        *(str(ROOT / "tests" / "leaks.py"), kind, way, str(count)),
        env={**os.environ, "PYTHONPATH": paths},
        timeout=3600,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def allowed(count: int) -> float:
    """
    How many bytes C{count} rounds may cost.
    """
    return NOISE + BYTES * count / 1000


@pytest.mark.parametrize("way", ["websocket", "polling", "upgrade"])
def test_reconnectionsInMemory(way: str) -> None:
    """
    A manager that was reconnected ten thousand times has no timer, and no
    object more than before, and needs no more memory; websocket alone as
    often, the others a tenth of it.
    """
    count = MANY if ALL or way == "websocket" else MANY // 10
    found = growth("memory", way, count)
    spent = found.pop("bytes")
    assert found == {"objects": {}, "calls": 0, "descriptors": 0}
    assert spent < allowed(count)


@pytest.mark.parametrize("way", ["websocket", "polling", "upgrade"])
def test_reconnectionsOverSockets(way: str) -> None:
    """
    The same over real connections: no descriptor is left either.
    """
    count = MANY if ALL else OVER_SOCKETS[way]
    found = growth("sockets", way, count)
    spent = found.pop("bytes")
    assert found == {"objects": {}, "calls": 0, "descriptors": 0}
    # The few of an everyday run say nothing about memory.
    assert count < MANY or spent < allowed(count)


@pytest.mark.parametrize("way", ["websocket", "upgrade"])
def test_clientsThatCameAndWent(way: str) -> None:
    """
    Of a thousand clients that connected, talked and disconnected, nothing is
    left, nor any of their managers in the cache.
    """
    count = MANY if ALL else 1000
    found = growth("churn", way, count)
    spent = found.pop("bytes")
    assert found == {"objects": {}, "calls": 0, "descriptors": 0, "managers": 0}
    assert spent < allowed(count)
