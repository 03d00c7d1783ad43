"""
The probe of a better transport, by itself.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from fakes import FakeTransport, transportClasses
from txsocketio.errors import TransportError
from txsocketio.interfaces import IPacketReceiver
from txsocketio.protocol.engineio import NOOP, PING, PONG, CloseDetails
from txsocketio.transports.upgrade import Probe

ASKED = ["open", ("packet", PING, b"probe")]


class Case:
    """
    A probe under way, and what came of it.
    """

    def __init__(self, transport: FakeTransport | None = None) -> None:
        (made,) = transportClasses("websocket")
        self.transport = transport or made(None, "s1")
        self.clock = Clock()
        self.results: list[Any] = []
        self.probe = Probe(self.transport, self.clock)
        self.deferred = self.probe.start()
        self.deferred.addBoth(self.results.append)

    def asked(self) -> Case:
        self.probe.transportOpened()
        return self

    def proved(self) -> Case:
        self.asked().probe.packetReceived(PONG, b"probe")
        return self

    @property
    def error(self) -> BaseException:
        (failure,) = self.results
        error: BaseException = failure.value
        return error

    def assertOver(self) -> None:
        assert self.clock.getDelayedCalls() == []
        assert self.transport.log[-1] == "abort"


def test_receives() -> None:
    """
    A probe is what a transport expects as its receiver.
    """
    assert verifyObject(IPacketReceiver, Case().probe)


def test_asks() -> None:
    """
    As soon as the transport is open it is asked.
    """
    case = Case()
    assert case.transport.log == ["open"]
    case.asked()
    assert case.transport.log == ASKED and case.results == []


def test_proves() -> None:
    """
    The right answer proves it, and ends the limit.
    """
    case = Case().proved()
    assert case.results == [None] and case.clock.getDelayedCalls() == []


def test_readsNoMoreOnceProved() -> None:
    """
    What the server sends early on the new transport waits there
    (faults F65).
    """
    assert Case().proved().transport.log == [*ASKED, "pauseReading"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("packetReceived", (PONG, b"")),
        ("packetReceived", (PONG, b"prob")),
        ("packetReceived", (PING, b"probe")),
        ("packetReceived", (NOOP, b"")),
        ("textReceived", (b"early",)),
        ("binaryReceived", (b"early",)),
    ],
)
def test_wrongAnswer(name: str, arguments: tuple[Any, ...]) -> None:
    """
    Any other first packet disproves it; it is closed, and the error says what
    was seen (behaviours P7; faults F63, R8).
    """
    case = Case().asked()
    getattr(case.probe, name)(*arguments)
    assert isinstance(case.error, TransportError) and case.error.phase == "upgrade"
    assert arguments[-1].decode() in str(case.error)
    case.assertOver()


def test_noAnswer() -> None:
    """
    A probe that is not answered ends after ten seconds (faults F62, R8).
    """
    case = Case().asked()
    case.clock.advance(10.0)
    assert "did not answer" in str(case.error)
    case.assertOver()


def test_neverOpened() -> None:
    """
    Neither may opening the transport take longer (faults F62).
    """
    case = Case()
    case.clock.advance(10.0)
    case.assertOver()


def test_refused() -> None:
    """
    Why the transport could not be opened is kept (faults F61).
    """
    case = Case()
    error = TransportError("websocket error", status=400)
    case.probe.transportClosed("transport error", error)
    assert case.error is error and case.clock.getDelayedCalls() == []


def test_closedBeforeTheAnswer() -> None:
    """
    A proper goodbye instead of an answer is an error too.
    """
    case = Case().asked()
    case.probe.transportClosed("transport close", CloseDetails("bye"))
    assert "transport close" in str(case.error)


def test_cancel() -> None:
    """
    A probe that is given up ends, and says nothing any more.
    """
    case = Case().asked()
    case.probe.cancel()
    case.probe.packetReceived(PONG, b"probe")
    case.clock.advance(60.0)
    assert case.results == []
    case.assertOver()


def test_cancelTwice() -> None:
    """
    Giving up twice ends it once.
    """
    case = Case().asked()
    case.probe.cancel()
    case.probe.cancel()
    assert case.transport.log.count("abort") == 1


def test_cancelTheResult() -> None:
    """
    Cancelling the result gives up the probe, and nothing fires later.
    """
    case = Case().asked()
    case.deferred.cancel()
    assert isinstance(case.error, CancelledError)
    case.probe.transportClosed("transport close", None)
    case.assertOver()


def test_cancelOnceProved() -> None:
    """
    A proved transport is not the probe's any more.
    """
    case = Case().proved()
    case.probe.cancel()
    assert "abort" not in case.transport.log


def test_lostOnceProved() -> None:
    """
    A proved transport that breaks before it is used is reported, once.
    """
    case = Case().proved()
    lost: list[Any] = []
    case.probe.whenLost(lost.append)
    case.probe.transportClosed("transport close", CloseDetails("bye"))
    case.probe.textReceived(b"late")
    assert [type(each) for each in lost] == [TransportError]


def test_lostOnceProvedAndNobodyCares() -> None:
    """
    Without anybody to tell, that is no error.
    """
    case = Case().proved()
    case.probe.transportClosed("transport close", CloseDetails("bye"))
    assert case.results == [None]


def test_secondAnswer() -> None:
    """
    Answering twice harms nothing.
    """
    case = Case().proved()
    case.probe.packetReceived(PONG, b"probe")
    assert case.results == [None]


def test_drained() -> None:
    """
    That the network took the question is no answer.
    """
    case = Case().asked()
    case.probe.transportDrained()
    assert case.results == []


class Broken(FakeTransport):
    """
    A transport of somebody who has not finished it.
    """

    made: list[FakeTransport] = []

    def open(self, receiver: Any) -> None:
        raise OSError("no such device")


class Shattered(Broken):
    """
    Not even ending works.
    """

    def abort(self) -> None:
        raise AttributeError("_connection")


def test_openRaises() -> None:
    """
    A transport that raises while it is opened is one that does not work.
    """
    case = Case(Broken(None, "s1"))
    assert isinstance(case.error, TransportError)
    assert isinstance(case.error.__cause__, OSError) and "no such device" in str(case.error)
    case.assertOver()


def test_abortRaises(flushLoggedErrors: Any) -> None:
    """
    If it cannot be ended either, that is logged.
    """
    case = Case(Shattered(None, "s1"))
    assert isinstance(case.error, TransportError)
    assert len(flushLoggedErrors(AttributeError)) == 1
    assert case.clock.getDelayedCalls() == []
