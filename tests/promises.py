"""
What a client and its server say of one session of numbered events, and a
checker that compares the two (faults 3.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from txsocketio import Disconnected, Socket


class Witness:
    """
    Emits numbers, hears the server's numbers (C{tick}), and writes down both.

    @ivar outcomes: number: C{True} when it was answered, else the error.
    @ivar ticks: the server's numbers as they came.
    @ivar told: C{connect}, C{disconnect} and the reasons, in order.
    @ivar recovered: of each session after the first.
    @ivar anew: before which of C{ticks} the server began a new session.
    """

    def __init__(self, socket: Socket, emit: Callable[[int], Deferred[Any]] | None = None) -> None:
        self.socket = socket
        self.emitted = 0
        self.outcomes: dict[int, Any] = {}
        self.repeated: list[int] = []
        self.ticks: list[int] = []
        self.heardOffline: list[int] = []
        self.told: list[str] = []
        self.errors: list[Exception] = []
        self.recovered: list[bool] = []
        self.anew: set[int] = set()
        self._heard = 0
        self._emit = emit or (lambda n: socket.emitWithAck("numbered", n))
        self._loop = LoopingCall(self.emit)
        socket.on("tick", self._ticked)
        socket.on("connect", self._connected)
        socket.on("disconnect", self._lost)
        socket.on("connect_error", self.errors.append)

    def start(self, every: float) -> None:
        """
        Emit a number every so many seconds.
        """
        self._loop.start(every)

    def stop(self) -> None:
        """
        Emit no more.
        """
        if self._loop.running:
            self._loop.stop()

    def emit(self) -> None:
        """
        Emit the next number.
        """
        number, self.emitted = self.emitted, self.emitted + 1
        later = self._emit(number)
        later.addCallback(lambda _: True).addErrback(lambda failure: failure.value)
        later.addCallback(lambda outcome: self._settled(number, outcome))

    @property
    def settled(self) -> bool:
        """
        Whether every Deferred has fired.
        """
        return len(self.outcomes) == self.emitted

    @property
    def answered(self) -> list[int]:
        """
        The numbers that were acknowledged, in the order of the answers.
        """
        return [number for number, outcome in self.outcomes.items() if outcome is True]

    @property
    def losses(self) -> list[str]:
        """
        The reasons of all disconnections but the client's own.
        """
        ours = ("connect", "io client disconnect")
        return [each for each in self.told if each not in ours]

    # inside

    def _settled(self, number: int, outcome: Any) -> None:
        if number in self.outcomes:
            self.repeated.append(number)
        self.outcomes[number] = outcome

    def _ticked(self, number: int) -> None:
        self.ticks.append(number)
        if not self.socket.connected:
            self.heardOffline.append(number)

    def _connected(self) -> None:
        if "connect" in self.told:
            self.recovered.append(self.socket.recovered)
            if not self.socket.recovered:
                self.anew.add(self._heard)
        self.told.append("connect")

    def _lost(self, reason: str) -> None:
        self.told.append(reason)
        self._heard = len(self.ticks)

    # the judgement

    def judge(self, received: list[int]) -> None:
        """
        Promises 1, 2 and 5: in order, at most once, no loss without a signal.

        @param received: the numbers that the server has, in its order.
        """
        assert not self.repeated, f"a Deferred fired twice: {self.repeated}"
        assert self.settled, "a Deferred has not fired"
        assert received == sorted(set(received)), f"twice, or out of order: {received}"
        assert self.answered == sorted(self.answered), "answered out of order"
        assert set(self.answered) <= set(received), "acknowledged, but not received"
        failed = {n: each for n, each in self.outcomes.items() if each is not True}
        assert {type(each) for each in failed.values()} <= {Disconnected}, failed
        assert not failed or self.losses, "lost without a disconnection"
        lost = set(range(self.emitted)) - set(received)
        assert lost <= set(failed), "lost, and nobody was told"
        self.judgeTicks()

    def judgeTicks(self) -> None:
        """
        Promises 1 and 2, of what the server emits.
        """
        assert self.ticks == sorted(set(self.ticks)), f"twice, or out of order: {self.ticks}"
        assert not self.heardOffline, "an event was heard outside of a session"
        for before, after in zip(self.told, self.told[1:], strict=False):
            assert (before == "connect") != (after == "connect"), self.told

    def judgeRetried(self, received: list[int]) -> None:
        """
        Promise 3: everything arrived, perhaps more than once, first
        arrivals in order, and was answered.
        """
        assert not self.repeated, f"a Deferred fired twice: {self.repeated}"
        assert self.answered == list(range(self.emitted)), self.outcomes
        assert list(dict.fromkeys(received)) == list(range(self.emitted)), received
        assert received == sorted(received), f"one in flight: {received}"
        self.judgeTicks()

    def judgeRecovered(self, last: int) -> None:
        """
        Promise 9: none of the server's numbers is lost or came twice, as long
        as the server recovered the session.
        """
        assert self.ticks and self.ticks[-1] == last
        steps = enumerate(zip(self.ticks, self.ticks[1:], strict=False), 1)
        gaps = [pair for n, pair in steps if pair[1] != pair[0] + 1 and n not in self.anew]
        assert not gaps, f"lost or twice between: {gaps}"
