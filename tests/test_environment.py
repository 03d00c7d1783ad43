"""
A world that runs out of things, stops, or calls from the wrong thread.
"""

from __future__ import annotations

import errno
import threading
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from clientkit import Bench, benchFixture, journal, names
from support import ROOT, runPython
from txsocketio import Manager, TransportError, io
from txsocketio.protocol.socketio import JSONParser

__all__ = ["benchFixture"]


@implementer(IStreamClientEndpoint)
class _Exhausted:
    """
    An endpoint of a process that has no descriptor left.
    """

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        return fail(OSError(errno.EMFILE, "Too many open files"))


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_noDescriptorLeft(transport: str) -> None:
    """
    Without descriptors connecting fails with that reason, and is tried again
    after the usual delay, not at once.

    faults F117
    """
    clock = Clock()
    manager = Manager(
        "http://h",
        reactor=clock,
        endpoint=_Exhausted(),
        transports=[transport],
        randomizationFactor=0,
    )
    errors: list[Any] = []
    manager.on("error", errors.append)
    clock.advance(0)
    clock.advance(0)
    assert "Too many open files" in str(errors[0])
    assert manager.nextAttempt == pytest.approx(1.0)
    manager.close()


class _Forgetful(JSONParser):
    """
    A parser in a process that has no memory left.
    """

    def buildDecoder(self, maxAttachments: int, maxMessageBytes: int) -> Any:
        decoder = super().buildDecoder(maxAttachments, maxMessageBytes)
        return _NoMemory(decoder)


class _NoMemory:
    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def addText(self, message: bytes) -> Any:
        if b"huge" in message:
            raise MemoryError
        return self._decoder.addText(message)


def test_noMemoryLeft(bench: Bench) -> None:
    """
    Running out of memory is not the server's fault: the connection ends as a
    transport error, and comes back after the usual delay.

    faults F118
    """
    socket = bench.online(parser=_Forgetful())
    told = journal(socket)
    bench.connection.sendRaw('42["huge"]')
    bench.flush()
    assert told == [("disconnect", "transport error")]
    assert socket.io.nextAttempt == pytest.approx(1.0)


_STOPPING = """
import sys
from twisted.internet import reactor
from txsocketio import io

socket = io(sys.argv[1], transports=[sys.argv[2]])
reactor.callLater(0.2, reactor.stop)
reactor.run()
print("stopped")
"""


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_reactorStops(transport: str) -> None:
    """
    A program that just stops its reactor while we wait for the next attempt
    ends, and nothing complains.

    faults F119
    """
    result = runPython("-c", _STOPPING, "http://127.0.0.1:9", transport, cwd=ROOT)
    assert (result.returncode, result.stdout, result.stderr) == (0, "stopped\n", "")


def test_otherThreads(bench: Bench) -> None:
    """
    Emitting from another thread than the reactor's is refused with the fix.

    faults F120
    """
    socket = bench.online()
    caught: list[BaseException] = []

    def misuse() -> None:
        for call in (socket.emit, socket.emitWithAck):
            try:
                call("hi")
            except RuntimeError as error:
                caught.append(error)

    thread = threading.Thread(target=misuse)
    thread.start()
    thread.join()
    assert [
        str(each).endswith("use reactor.callFromThread(socket.emit, ...)") for each in caught
    ] == [
        True,
        True,
    ]


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]])
def test_nothingIsLeft(bench: Bench, transports: list[str]) -> None:
    """
    After disconnect() no timer and no connection is left, so a program that
    has nothing else to do can end.

    behaviours F1, F3, F4
    """
    socket = bench.online(transports=transports)
    socket.disconnect()
    bench.flush()
    assert (bench.timers, bench.live) == (0, [])


def test_nothingIsLeftOfWaiting(bench: Bench) -> None:
    """
    disconnect() between two attempts takes the timer away.

    behaviours F2
    """
    bench.refuse(times=99)
    socket = bench.connect()
    told = journal(socket)
    bench.flush()
    socket.disconnect()
    assert (names(told), bench.timers) == (["connect_error"], 0)


def test_errorsAreOurs() -> None:
    """
    What is wrong with the machine arrives as an error of ours, the cause kept.

    faults F117
    """
    clock = Clock()
    socket = io("http://h", reactor=clock, endpoint=_Exhausted(), transports=["websocket"])
    errors: list[Any] = []
    socket.on("connect_error", errors.append)
    clock.advance(0)
    clock.advance(0)
    assert isinstance(errors[0], TransportError)
    assert isinstance(errors[0].__cause__, OSError)
    socket.disconnect()
