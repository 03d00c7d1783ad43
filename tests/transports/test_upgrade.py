"""
The probe of a better transport.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from conftest import LoggedFailures
from fakes import FakeTransport, transportClasses
from txsocketio.errors import TransportError
from txsocketio.protocol.engineio import MESSAGE, NOOP, PING, PONG, CloseDetails
from txsocketio.transports.upgrade import PROBE_SECONDS, Probe


class Trial:
    """
    A probe under way, and what became of it.
    """

    def __init__(self, kind: type[FakeTransport] | None = None, start: bool = True) -> None:
        if kind is None:
            (kind,) = transportClasses("websocket")
        self.clock = Clock()
        self.transport: Any = kind(None, "s1")
        self.probe = Probe(self.transport, self.clock)
        self.results: list[Any] = []
        if start:
            self.start()

    def start(self) -> None:
        self.result = self.probe.start()
        self.result.addCallbacks(self.results.append, lambda why: self.results.append(why.value))

    @property
    def log(self) -> list[Any]:
        return self.transport.log  # type: ignore[no-any-return]

    def prove(self) -> None:
        self.probe.transportOpened()
        self.probe.packetReceived(PONG, b"probe")

    def assertFailed(self, text: str) -> None:
        """
        The probe failed for this reason, its transport was aborted, and no
        timer is left.
        """
        (error,) = self.results
        assert isinstance(error, TransportError)
        assert text in str(error)
        assert self.log.count("abort") == 1
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def trial() -> Trial:
    return Trial()


def test_asks(trial: Trial) -> None:
    """
    When the transport is there, it asks C{2probe}, and waits.
    """
    trial.probe.transportOpened()
    assert trial.log == ["open", ("packet", PING, b"probe")]
    assert trial.results == []


def test_proved(trial: Trial) -> None:
    """
    C{3probe} proves it; from then on it reads no more, so that what a server
    sends too early waits its turn, and the deadline is gone.

    faults F65
    """
    trial.prove()
    assert trial.results == [None]
    assert trial.log[-1] == "pauseReading"
    assert trial.clock.getDelayedCalls() == []


def test_pausedBeforeItIsTold(trial: Trial) -> None:
    """
    Whoever hears of the success finds the transport paused already.
    """
    trial.result.addCallback(lambda _: trial.log.append("told"))
    trial.prove()
    assert trial.log[-2:] == ["pauseReading", "told"]


def test_silence(trial: Trial) -> None:
    """
    A server that never answers is given up after a while.

    faults F62, R8
    """
    trial.probe.transportOpened()
    trial.clock.advance(PROBE_SECONDS - 0.1)
    assert trial.results == []
    trial.clock.advance(0.1)
    trial.assertFailed("did not answer the probe in 10 s")


def test_neverOpened(trial: Trial) -> None:
    """
    So is a transport that never opens.

    faults F62
    """
    trial.clock.advance(PROBE_SECONDS)
    trial.assertFailed("did not answer")


@pytest.mark.parametrize(
    ("packetType", "data", "seen"),
    [
        (PONG, b"", "3"),
        (PONG, b"probe2", "3probe2"),
        (PING, b"probe", "2probe"),
        (NOOP, b"", "6"),
        (0, b"{}", "0{}"),
    ],
)
def test_wrongAnswer(trial: Trial, packetType: int, data: bytes, seen: str) -> None:
    """
    Any other packet is no answer: the error shows it, the transport is
    closed.

    faults F63, R8
    """
    trial.probe.transportOpened()
    trial.probe.packetReceived(packetType, data)
    trial.assertFailed(f"expected 3probe, the server sent '{seen}'")


def test_textFirst(trial: Trial) -> None:
    """
    So is a message of text.

    faults F63, F65
    """
    trial.probe.transportOpened()
    trial.probe.textReceived(b"early")
    trial.assertFailed(f"'{MESSAGE}early'")


def test_binaryFirst(trial: Trial) -> None:
    """
    So is a message of bytes; the error shows no more than its head.

    faults F63, F65
    """
    trial.probe.transportOpened()
    trial.probe.binaryReceived(b"\0" * 10**6)
    trial.assertFailed("(1000000 in all)")
    assert len(str(trial.results[0])) < 1000


def test_refused(trial: Trial) -> None:
    """
    A transport that cannot be opened fails with its own error.

    faults F61
    """
    error = TransportError("websocket error", status=400)
    trial.probe.transportClosed("transport error", error)
    assert trial.results == [error]
    trial.assertFailed("HTTP status 400")


def test_closed(trial: Trial) -> None:
    """
    A transport that is closed before the answer fails with the reason.
    """
    trial.probe.transportOpened()
    trial.probe.transportClosed("transport close", CloseDetails("bye", {"code": 1000}))
    trial.assertFailed("closed before the answer (transport close)")


def test_drained(trial: Trial) -> None:
    """
    That the five bytes have gone proves nothing.
    """
    trial.probe.transportOpened()
    trial.probe.transportDrained()
    assert trial.results == []


class Unopenable(FakeTransport):
    """
    A transport of somebody's own with a mistake.
    """

    made = []

    def open(self, receiver: Any) -> None:
        raise RuntimeError("broken")

    def abort(self) -> None:
        super().abort()
        raise RuntimeError("not open")


def test_raises(failures: LoggedFailures) -> None:
    """
    A transport that raises when it is opened fails the probe and nothing
    else.
    """
    trial = Trial(Unopenable)
    trial.assertFailed("could not be opened: RuntimeError('broken')")
    assert len(failures.flush(RuntimeError)) == 1


# giving up


def test_cancelProbe(trial: Trial) -> None:
    """
    A probe that is given up aborts its transport; its result never fires.

    faults F70
    """
    trial.probe.cancel()
    assert (trial.results, trial.log) == ([], ["open", "abort"])
    assert trial.clock.getDelayedCalls() == []


def test_cancelTwice(trial: Trial) -> None:
    """
    Once is enough.
    """
    trial.probe.cancel()
    trial.probe.cancel()
    assert trial.log == ["open", "abort"]


def test_cancelBeforeStart() -> None:
    """
    A probe that was never begun has nothing to give up.
    """
    trial = Trial(start=False)
    trial.probe.cancel()
    assert trial.log == []


def test_cancelResult(trial: Trial) -> None:
    """
    Cancelling the result gives the probe up as well, and it fires once.
    """
    trial.result.cancel()
    trial.clock.advance(PROBE_SECONDS)
    assert [type(each) for each in trial.results] == [CancelledError]
    assert trial.log == ["open", "abort"]
    assert trial.clock.getDelayedCalls() == []


def test_cancelProved(trial: Trial) -> None:
    """
    Once it is proved, the transport is another's business.
    """
    trial.prove()
    trial.probe.cancel()
    trial.result.cancel()
    assert "abort" not in trial.log


def test_lateNews(trial: Trial) -> None:
    """
    After it was given up, whatever still comes changes nothing.
    """
    trial.probe.cancel()
    trial.probe.packetReceived(PONG, b"probe")
    trial.probe.textReceived(b"late")
    trial.probe.transportClosed("transport close", None)
    assert (trial.results, trial.log) == ([], ["open", "abort"])


# between proof and use


def test_lostAfterTheProof(trial: Trial) -> None:
    """
    If the proved transport breaks before it is used, somebody is told, once.

    faults F69
    """
    lost: list[Any] = []
    trial.prove()
    trial.probe.whenLost(lost.append)
    error = TransportError("websocket error")
    trial.probe.transportClosed("transport error", error)
    trial.probe.transportClosed("transport error", error)
    assert (lost, trial.results) == ([error], [None])


def test_wrongAfterTheProof(trial: Trial) -> None:
    """
    So if it brings what it should not.
    """
    lost: list[Any] = []
    trial.prove()
    trial.probe.whenLost(lost.append)
    trial.probe.packetReceived(NOOP, b"")
    assert [type(each) for each in lost] == [TransportError]


def test_secondAnswer(trial: Trial) -> None:
    """
    A second C{3probe} says nothing new.
    """
    lost: list[Any] = []
    trial.prove()
    trial.probe.whenLost(lost.append)
    trial.probe.packetReceived(PONG, b"probe")
    assert (lost, trial.results) == ([], [None])
