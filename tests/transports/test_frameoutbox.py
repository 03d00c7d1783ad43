"""
When frames are written, and how many bytes wait.
"""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.task import Clock
from twisted.protocols.tls import (
    BufferingTLSTransport,
    TLSMemoryBIOProtocol,
    _AggregateSmallWrites,
)

from txsocketio.transports.frameoutbox import FrameOutbox, bytesWaitingIn


class Descriptor(FileDescriptor):
    """
    A TCP connection whose kernel takes C{room} bytes.
    """

    connected = 1

    def __init__(self, room: int = 1 << 30) -> None:
        super().__init__(reactor=self)  # type: ignore[arg-type]
        self.room = room
        self.calls: list[bytes] = []
        self.broken = False

    def writeSomeData(self, data: Any) -> int | BaseException:
        if self.broken:
            return ConnectionResetError()
        taken = bytes(data)[: self.room]
        self.room -= len(taken)
        if taken:
            self.calls.append(taken)
        return len(taken)

    def addWriter(self, writer: object) -> None:
        pass

    def removeWriter(self, writer: object) -> None:
        pass


class Outboxes:
    """
    An outbox on a descriptor.
    """

    def __init__(self, room: int = 1 << 30) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.transport = Descriptor(room)
        self.drained = 0
        self.outbox = FrameOutbox(self.clock, self.transport, self._drained)

    def _drained(self) -> None:
        assert not self.outbox.congested
        self.drained += 1


def test_theFirstFrameOfATurnIsWrittenAtOnce() -> None:
    """
    A lone message does not wait for the reactor.
    """
    kit = Outboxes()
    kit.outbox.put(b"one")
    assert kit.transport.calls == [b"one"]


def test_theRestOfATurnIsWrittenTogether() -> None:
    """
    A hundred messages cost two system calls.
    """
    kit = Outboxes()
    for _ in range(100):
        kit.outbox.put(b"x")
    kit.clock.advance(0)
    assert list(map(len, kit.transport.calls + kit.transport._tempDataBuffer)) == [1, 99]


def test_whileHoldingNothingIsWritten() -> None:
    """
    What a read makes us send goes out together, at its end.
    """
    kit = Outboxes()
    kit.outbox.hold()
    kit.outbox.put(b"a")
    kit.outbox.put(b"b")
    assert kit.transport.calls == []
    kit.outbox.flush()
    assert kit.transport.calls == [b"ab"]


def test_muchIsWrittenWithoutWaiting() -> None:
    """
    More than 64 KiB do not gather.
    """
    kit = Outboxes()
    kit.outbox.hold()
    kit.outbox.put(bytes(65537))
    assert kit.outbox.bufferedAmount() == 0


def test_orderIsKeptWhenTheKernelIsFull() -> None:
    """
    What the kernel did not take is sent before what comes later.
    """
    kit = Outboxes(room=4)
    for number in range(10):
        kit.outbox.put(b"%d--" % number)
        kit.clock.advance(1)
    assert kit.outbox.bufferedAmount() == 26
    kit.transport.room = 1000
    while kit.transport._tempDataLen or kit.transport.dataBuffer:
        kit.transport.doWrite()
    assert b"".join(kit.transport.calls) == b"".join(b"%d--" % n for n in range(10))


def test_nothingIsForcedIntoAClosingConnection() -> None:
    """
    After loseConnection only the reactor writes.
    """
    kit = Outboxes()
    kit.transport.disconnecting = 1
    kit.outbox.put(b"x")
    assert kit.transport.calls == []


def test_aBrokenConnectionIsLeftToTheReactor() -> None:
    """
    An error of the system call raises nothing; the reactor finds it.
    """
    kit = Outboxes()
    kit.transport.broken = True
    kit.outbox.put(b"x")
    assert kit.outbox.bufferedAmount() == 1


def test_congestionEndsBeforeItIsSaid() -> None:
    """
    A full transport makes the outbox congested until it has written all.
    behaviours G12; faults F58
    """
    kit = Outboxes(room=0)
    kit.outbox.put(bytes(70000))
    assert kit.outbox.congested
    kit.outbox.put(b"more")
    kit.clock.advance(0)
    kit.transport.room = 1 << 30
    kit.transport.doWrite()
    assert (kit.outbox.congested, kit.drained) == (False, 1)


def test_drainedIsNotSaidInsideASend() -> None:
    """
    A transport that writes synchronously does not call back into a send.
    """
    kit = Outboxes()

    class Eager(Descriptor):
        def write(self, data: bytes) -> None:
            self.producer.pauseProducing()
            self.producer.resumeProducing()

    transport = Eager()
    transport.TLS = True  # type: ignore[attr-defined]
    outbox = FrameOutbox(kit.clock, transport, kit._drained)
    kit.outbox = outbox
    outbox.put(b"x")
    assert kit.drained == 0
    kit.clock.advance(0)
    assert kit.drained == 1


def test_afterTheEndNothingIsLeft() -> None:
    """
    A lost connection leaves no call behind.
    """
    kit = Outboxes()
    kit.outbox.put(b"a")
    kit.outbox.put(b"b")
    kit.outbox.end()
    kit.outbox.put(b"c")
    assert kit.clock.getDelayedCalls() == []


def test_aProducerOfSomebodyElseIsNoError() -> None:
    """
    A transport that has a producer already is written to all the same.
    """
    transport = Descriptor()
    transport.registerProducer(Outboxes().outbox, True)
    outbox = FrameOutbox(Clock(), transport, lambda: None)
    outbox.put(b"x")
    outbox.release()
    assert transport.calls == [b"x"]


def test_bytesInsideTLSAreCounted() -> None:
    """
    What waits in TLS, for OpenSSL or for the turn's end, counts.
    """

    class TLS:
        transport = Descriptor(room=0)
        _appSendBuffer = (b"12", b"3")
        _aggregator = SimpleNamespace(_buffer=[b"4567"])

    TLS.transport.write(b"89")
    assert bytesWaitingIn(TLS()) == 9


@pytest.mark.parametrize("name", ["_tempDataLen", "_tempDataBuffer"])
def test_canaryOfTwistedsDescriptors(name: str) -> None:
    """
    The private names we look at are still there.
    """
    assert hasattr(Descriptor(), name)
    assert (FileDescriptor.dataBuffer, FileDescriptor.offset) == (b"", 0)


def test_canaryOfTwistedsTLS() -> None:
    """
    The private names of TLS we look at are still there.
    """
    assert "self._appSendBuffer" in inspect.getsource(TLSMemoryBIOProtocol)
    assert "self._aggregator" in inspect.getsource(BufferingTLSTransport)
    assert "self._buffer" in inspect.getsource(_AggregateSmallWrites)


def test_drainedIsNotSaidUnlessItWasFull() -> None:
    """
    A transport that resumes without having been full changes nothing.
    """
    kit = Outboxes()
    kit.outbox.resumeProducing()
    assert (kit.drained, kit.clock.getDelayedCalls()) == (0, [])


def test_drainedInsideASendIsSaidOnce() -> None:
    """
    A transport that fills and drains several times in one write is said to
    be drained once.
    """
    kit = Outboxes()

    class Eager(Descriptor):
        def write(self, data: bytes) -> None:
            for _ in range(2):
                self.producer.pauseProducing()
                self.producer.resumeProducing()

    transport = Eager()
    transport.TLS = True  # type: ignore[attr-defined]
    kit.outbox = FrameOutbox(kit.clock, transport, kit._drained)
    kit.outbox.put(b"x")
    kit.clock.advance(0)
    assert kit.drained == 1


def test_nothingIsWrittenAfterTheEnd() -> None:
    """
    A frame that comes in a later turn than the end is dropped.
    """
    kit = Outboxes()
    kit.outbox.end()
    kit.clock.advance(1)
    kit.outbox.put(b"late")
    assert kit.transport.calls == [] and kit.outbox.bufferedAmount() == 0


def test_transportsThatWrapEachOtherAreCountedWithoutEnd() -> None:
    """
    Counting ends even where the wrapping of transports does not.
    """
    transport = SimpleNamespace(_appSendBuffer=(b"1",))
    transport.transport = transport
    assert bytesWaitingIn(transport) == 8
