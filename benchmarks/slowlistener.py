"""
What the watch for slow listeners costs a plain event on its way in: from the
engine to a listener that does nothing, with and without, in turns.

    python benchmarks/slowlistener.py
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import perf_counter
from typing import Any

from twisted.internet.task import Clock

from txsocketio import Socket
from txsocketio.testing import MemoryServer

MESSAGE = b'2["number",12345]'
EVENTS, ROUNDS = 5000, 150


def without(self: Any, ackID: int | None, data: list[Any]) -> None:
    if ackID is not None:
        return
    if self._pid is not None:
        self._mayEndInOffset = True
        if len(data) > 1 and data[-1].__class__ is str:
            self._offset = data[-1]
    self._dispatch(data, None)


def nanoseconds(receive: Callable[[bytes], None]) -> float:
    began = perf_counter()
    for _ in range(EVENTS):
        receive(MESSAGE)
    return (perf_counter() - began) / EVENTS * 1e9


def main() -> None:
    server = MemoryServer(Clock())
    socket = server.connect()
    server.flush()
    socket.on("number", lambda n: None)
    receive = socket.io.engine.textReceived  # type: ignore[union-attr]
    gc.disable()
    kinds: dict[Any, list[float]] = {without: [], Socket._eventReceived: []}
    for _ in range(ROUNDS):
        for kind, times in kinds.items():
            Socket._eventReceived = kind  # type: ignore[method-assign]
            times.append(nanoseconds(receive))
    plain, watched = (sorted(times)[ROUNDS // 2] for times in kinds.values())
    print(f"{plain:.0f} ns without, {watched:.0f} ns with: {watched / plain - 1:+.1%}")


if __name__ == "__main__":
    main()
