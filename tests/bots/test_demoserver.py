"""
Tests for L{txsocketio.bots.demoserver}.
"""

from __future__ import annotations

import asyncio
import io as streams
import runpy
import signal
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support import deferred
from txsocketio import io
from txsocketio.bots import demoserver
from txsocketio.bots.child import ServerChild
from txsocketio.bots.demo import SERVER


@deferred(timeout=20.0)
async def test_theServerTicksAndAdds() -> None:
    """
    An event comes by itself, an emit is acknowledged, and everybody is told;
    the server ends with its input.
    """
    from twisted.internet import reactor

    child = ServerChild(reactor)
    port = await child.start(str(SERVER))
    socket = io(f"http://127.0.0.1:{port}", reactor=reactor, forceNew=True)
    try:
        told = socket.whenEvent("sum", timeout=10)
        assert await socket.emitWithAck("add", 2, 3) == 5
        assert await told == {"of": [2, 3], "is": 5}
        assert isinstance(await socket.whenEvent("tick", timeout=10), int)
    finally:
        await socket.disconnect().whenDisconnected()
        await child.stop()


class Enough(Exception):
    """
    The test has seen enough.
    """


class RecordingServer:
    """
    A server that tells only the test.
    """

    def __init__(self) -> None:
        self.emitted: list[Any] = []

    async def emit(self, *args: Any) -> None:
        self.emitted.append(args)
        if len(self.emitted) == 3:
            raise Enough


def complete(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """
    Run a coroutine of asyncio, where no reactor is in its way.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def test_ticksAreCounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    From 1 on, without end.
    """
    monkeypatch.setattr(demoserver, "TICK", 0)
    server = RecordingServer()
    with pytest.raises(Enough):
        complete(demoserver.tick(server))
    assert server.emitted == [("tick", 1), ("tick", 2), ("tick", 3)]


def test_everybodyIsToldTheSum() -> None:
    """
    The one who asked is answered besides.
    """
    server, told = demoserver.buildServer(), RecordingServer()
    server.emit = told.emit
    assert complete(server.handlers["/"]["add"]("sid", 2, 3)) == 5
    assert told.emitted == [("sum", {"of": [2, 3], "is": 5})]


def test_itServesUntilItsInputEnds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Its first and only line is the port; Ctrl-C is its parent's business.
    """
    signals: list[Any] = []
    monkeypatch.setattr(sys, "stdin", streams.StringIO())
    monkeypatch.setattr(signal, "signal", lambda *args: signals.append(args))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(runpy.run_path, str(SERVER), run_name="__main__").result()
    assert 0 < int(capsys.readouterr().out) < 65536
    assert (signal.SIGINT, signal.SIG_IGN) in signals
