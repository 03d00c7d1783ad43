"""
An engine in any order of events, under a clock: what always holds.

The machine is the server, the network and the user in one.  Its transports
are fakes that keep the promises of L{IPacketTransport
<txsocketio.interfaces.IPacketTransport>} and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.internet.defer import Deferred

from enginekit import Bench
from fakes import FakeTransport
from txsocketio.errors import TransportError
from txsocketio.protocol.engineio import CLOSE, MESSAGE, NOOP, PING, PONG, UPGRADE, CloseDetails

STATES = ["opening", "open", "closing", "closed"]
BROKEN = TransportError("broken")
REASONS = st.sampled_from(
    [("transport error", BROKEN), ("transport close", CloseDetails("bye")), ("parse error", BROKEN)]
)


class NetworkTransport(FakeTransport):
    """
    A transport with a network behind it, which the machine moves.

    @ivar told: whether the receiver may still be told something.
    @ivar waiting: what was sent here and not taken by the network.
    @ivar taken: the messages that the network took.
    @ivar early: what arrived while nothing was read.
    @ivar said: the messages that the server sent by it.
    """

    polls = False
    limit = 3

    def __init__(self, wire: Any, sid: str | None) -> None:
        super().__init__(wire, sid)
        self.told = True
        self.ended = False
        self.reading = True
        self.opened = False
        self.waiting: list[tuple[int, bytes, bool]] = []
        self.taken: list[tuple[int, bytes, bool]] = []
        self.early: list[Callable[[], None]] = []
        self.said: list[bytes] = []
        self.gone: Deferred[None] | None = None

    # from above

    def sendText(self, message: bytes, compress: bool = True) -> None:
        self.put(MESSAGE, message, False)

    def sendBinary(self, message: bytes, compress: bool = True) -> None:
        self.put(MESSAGE, message, True)

    def sendPacket(self, packetType: int, data: bytes = b"") -> None:
        self.put(packetType, data, False)

    def put(self, packetType: int, data: bytes, isBinary: bool) -> None:
        assert not self.ended, "sent on a transport that has ended"
        assert self.gone is None, "sent on a transport that says goodbye"
        self.waiting.append((packetType, data, isBinary))
        self.congested = len(self.waiting) > self.limit

    def bufferedAmount(self) -> int:
        return sum(len(data) for _, data, _ in self.waiting)

    def pauseReading(self) -> None:
        self.reading = False

    def resumeReading(self) -> None:
        self.reading = True

    def close(self) -> Deferred[None]:
        assert not self.ended
        self.told = False
        self.gone = Deferred()
        return self.gone

    def abort(self) -> None:
        self.told = False
        self.finish()

    # from the machine

    @property
    def carries(self) -> bool:
        """
        Whether it may hand something up now.
        """
        return self.told and self.reading and not self.ended

    def finish(self) -> None:
        self.ended = True
        self.congested = False
        self.waiting = []
        if self.gone is not None and not self.gone.called:
            self.gone.callback(None)

    def arrive(self, tell: Callable[[], None]) -> None:
        """
        Hand up, or keep until it is read again.
        """
        if self.carries and not self.early:
            tell()
        elif self.told and not self.ended:
            self.early.append(tell)

    def readOn(self) -> None:
        while self.early and self.carries:
            self.early.pop(0)()

    def take(self) -> None:
        """
        The network takes everything that waits.
        """
        wasCongested = self.congested
        self.taken += self.waiting
        self.waiting = []
        self.congested = False
        if wasCongested and self.told and not self.ended:
            self.receiver.transportDrained()

    def hasPaused(self) -> None:
        """
        What arrived is handed up, what waits is given back.
        """
        assert self.paused is not None
        self.readOn()
        if self.told and not self.early:
            unsent, self.waiting = self.waiting, []
            self.told = False
            self.finish()
            self.paused.callback(unsent)

    def lose(self, reason: str, details: Any) -> None:
        self.readOn()
        if self.told and not self.ended:
            self.told = False
            self.finish()
            self.receiver.transportClosed(reason, details)


class EngineMachine(RuleBasedStateMachine):
    """
    Everything that may happen to one engine.
    """

    @initialize(
        rememberUpgrade=st.booleans(),
        tryAll=st.booleans(),
        observed=st.booleans(),
        steps=st.integers(0, 4),
    )
    def build(self, rememberUpgrade: bool, tryAll: bool, observed: bool, steps: int) -> None:
        self.classes = [
            type(name, (NetworkTransport,), {"name": name, "made": []})
            for name in ("polling", "websocket", "carrier")
        ]
        self.bench = Bench(
            transports=self.classes, rememberUpgrade=rememberUpgrade, tryAllTransports=tryAll
        )
        self.engine: Any = self.bench.engine
        self.bench.watch("open", "upgrade", "upgradeError", "error", "close")
        if observed:
            self.observe()
        self.onText: str | None = None
        self.bench.receiver.textReceived = self.textReceived  # type: ignore[method-assign]
        self.bench.receiver.engineClosed = self.engineClosed  # type: ignore[method-assign]
        self.sent: list[bytes] = []
        self.gone = [self.engine.whenGone()]
        self.goneAtTheEnd: list[bool] = []
        self.wantsToRead = True
        self.waits = False
        self.bench.receiver.engineDrained = self.engineDrained  # type: ignore[method-assign]
        self.lastState = "opening"
        self.number = 0
        self.engine.open()
        self.firstSteps(steps)

    def firstSteps(self, steps: int) -> None:
        """
        Begin as far as this on the way to WebSocket, so that each part of the
        way is often seen.
        """
        if steps > 0:
            self.present.handshake(upgrades=["websocket", "carrier"])
        if steps > 1:
            self.probed[0].opened = True
            self.probed[0].receiver.transportOpened()
        if steps > 2:
            self.probed[0].receiver.packetReceived(PONG, b"probe")
        if steps > 3:
            self.present.hasPaused()

    # what is there

    @property
    def transports(self) -> list[NetworkTransport]:
        return [each for cls in self.classes for each in cls.made]  # type: ignore[attr-defined]

    @property
    def present(self) -> NetworkTransport:
        return self.engine.transport  # type: ignore[no-any-return]

    @property
    def probed(self) -> list[NetworkTransport]:
        return [each for each in self.transports if each is not self.present and each.told]

    def next(self) -> bytes:
        self.number += 1
        return b"%d" % self.number

    def textReceived(self, message: bytes) -> None:
        self.bench.heard.append(("text", message))
        if self.onText is not None:
            how, self.onText = self.onText, None
            self.end(how)

    def engineClosed(self, reason: str, details: Any) -> None:
        self.bench.heard.append(("engineClosed", reason, details))
        self.goneAtTheEnd = [each.called for each in self.gone]

    def engineDrained(self) -> None:
        assert self.engine.readyState == "open" and not self.engine.congested
        self.waits = False

    def end(self, how: str) -> None:
        if how == "close":
            self.gone.append(self.engine.close())
        else:
            self.engine.abort("parse error", BROKEN)

    # the user

    @rule(binary=st.booleans(), count=st.integers(1, 5))
    def send(self, binary: bool, count: int) -> None:
        for _ in range(count):
            message = self.next()
            if self.engine.readyState in ("opening", "open"):
                self.sent.append(message)
            (self.engine.sendBinary if binary else self.engine.sendText)(message)
        self.waits = self.waits or self.engine.congested

    @rule(how=st.sampled_from(["close", "close", "abort"]))
    def endNow(self, how: str) -> None:
        self.end(how)

    @rule(how=st.sampled_from(["close", "close", "abort"]))
    def endAtTheNextText(self, how: str) -> None:
        self.onText = how

    @rule()
    def ask(self) -> None:
        self.gone.append(self.engine.whenGone())

    @rule()
    def askWhetherExpired(self) -> None:
        self.engine.expired()

    @rule()
    def observe(self) -> None:
        if not self.engine.hasListeners("packet"):
            self.engine.on("packet", lambda packet: None)

    @rule()
    def lookAway(self) -> None:
        self.engine.off("packet")

    @rule(pause=st.booleans())
    def holdReading(self, pause: bool) -> None:
        self.wantsToRead = not pause
        (self.engine.pauseReading if pause else self.engine.resumeReading)()

    # the server

    @precondition(lambda self: self.engine.readyState == "opening")
    @rule(upgrades=st.sampled_from([[], ["websocket"], ["websocket", "carrier"]]))
    def handshake(self, upgrades: list[str]) -> None:
        if self.present.carries:
            self.present.handshake(upgrades=upgrades)

    @rule(count=st.integers(1, 3))
    def serverSends(self, count: int) -> None:
        for _ in range(count):
            self.serverSendsBy(self.present)

    @rule()
    def serverSendsEarly(self) -> None:
        for each in self.probed:
            if not each.reading:
                self.serverSendsBy(each)

    def serverSendsBy(self, transport: NetworkTransport) -> None:
        message = self.next()
        if self.engine.readyState == "open" and transport.told:
            transport.said.append(message)
        transport.arrive(lambda: transport.receiver.textReceived(message))

    @rule(packetType=st.sampled_from([PING, PONG, NOOP, UPGRADE]))
    def serverSendsPacket(self, packetType: int) -> None:
        present = self.present
        present.arrive(lambda: present.receiver.packetReceived(packetType, b""))

    @rule()
    def serverCloses(self) -> None:
        present = self.present
        present.arrive(lambda: present.receiver.packetReceived(CLOSE, b""))

    @rule(data=st.data(), right=st.sampled_from([b"probe", b"probe", b"probe", b"wrong"]))
    def serverAnswersProbe(self, data: st.DataObject, right: bytes) -> None:
        asked = [each for each in self.probed if each.opened]
        if asked:
            one = data.draw(st.sampled_from(asked))
            one.arrive(lambda: one.receiver.packetReceived(PONG, right))

    # the network

    @rule(data=st.data())
    def transportOpens(self, data: st.DataObject) -> None:
        closed = [each for each in self.probed if not each.opened]
        if closed:
            one = data.draw(st.sampled_from(closed))
            one.opened = True
            one.receiver.transportOpened()

    @rule()
    def networkTakes(self) -> None:
        self.present.take()

    @rule()
    def networkReads(self) -> None:
        self.present.readOn()

    @rule()
    def pauses(self) -> None:
        present = self.present
        if present.paused is not None and not present.paused.called:
            present.hasPaused()

    @rule(data=st.data(), how=REASONS)
    def losesOne(self, data: st.DataObject, how: tuple[str, Any]) -> None:
        alive = [each for each in self.transports if each.told]
        if alive:
            data.draw(st.sampled_from(alive)).lose(*how)

    @rule()
    def goodbyeIsDone(self) -> None:
        for each in self.transports:
            if each.gone is not None:
                each.finish()

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 10.0, 30.0, 46.0]))
    def timePasses(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)

    @rule(seconds=st.sampled_from([1.0, 46.0]))
    def sleeps(self, seconds: float) -> None:
        self.bench.clock.rightNow += seconds

    # what always holds

    @invariant()
    def onlyForward(self) -> None:
        state = self.engine.readyState
        assert STATES.index(state) >= STATES.index(self.lastState)
        self.lastState = state

    @invariant()
    def endIsToldOnceAndLast(self) -> None:
        heard = self.bench.heard
        assert len(self.bench.endings) == (self.engine.readyState == "closed")
        assert not self.bench.endings or heard[-1] == self.bench.endings[0]
        assert heard.count("engineOpened") <= 1

    @invariant()
    def shownInOrder(self) -> None:
        names = [each[0] for each in self.bench.shown]
        assert names.count("close") == (self.engine.readyState == "closed")
        assert "close" not in names[:-1]
        assert "open" not in names[1:] or names[0] == "error"

    @invariant()
    def nothingIsLeft(self) -> None:
        if self.engine.readyState == "closed":
            saying = [each for each in self.transports if each.gone and not each.gone.called]
            assert len(saying) <= 1
            # Only an upgrade's goodbye has a timer in the engine.
            assert len(self.bench.clock.getDelayedCalls()) <= len(saying)
            assert all(each.ended or each in saying for each in self.transports)
            assert all(each.called == (not saying) for each in self.gone)
        else:
            assert not any(each.called for each in self.gone)

    @invariant()
    def goneIsToldAfterTheEnd(self) -> None:
        assert not any(self.goneAtTheEnd)

    @invariant()
    def fewTimers(self) -> None:
        # Heartbeat, pong, close; one for each probe, or the upgrade's.
        assert len(self.bench.clock.getDelayedCalls()) <= 3 + max(1, len(self.probed))

    @invariant()
    def onlyOneCarries(self) -> None:
        carrying = [
            each
            for each in self.transports
            if each.told and not each.ended and each.receiver is self.engine
        ]
        assert len(carrying) <= 1

    @property
    def pausing(self) -> bool:
        paused = self.present.paused
        return paused is not None and not paused.called

    @invariant()
    def closingWaitsForAnUpgrade(self) -> None:
        assert self.engine.readyState != "closing" or self.pausing

    @invariant()
    def readsAsWanted(self) -> None:
        if self.engine.readyState == "open":
            assert self.present.reading == (self.wantsToRead or self.pausing)

    @invariant()
    def whoWaitsIsTold(self) -> None:
        if self.engine.readyState == "open" and self.waits:
            assert self.engine.congested

    @invariant()
    def deliveredOnceInOrder(self) -> None:
        texts = self.bench.texts
        used = [each for each in self.inTurn() if each not in self.probed]
        said = [message for each in used for message in each.said]
        assert texts == said[: len(texts)]
        if self.engine.readyState == "open" and not self.present.early:
            assert texts == said

    @invariant()
    def sentOnceInOrder(self) -> None:
        taken = [message for each in self.inTurn() for message in self.messages(each.taken)]
        waiting = [message for each in self.inTurn() for message in self.messages(each.waiting)]
        held = [packet.data for packet in self.engine.writeBuffer if packet.type == "message"]
        there = taken + waiting
        there += [each.encode() if isinstance(each, str) else each for each in held]
        if self.engine.readyState == "closed":
            assert there == self.sent[: len(there)]
        else:
            assert there == self.sent

    @invariant()
    def upgradeBeforeMessages(self) -> None:
        for each in self.transports:
            sent = each.taken + each.waiting
            if each.sid is not None and self.messages(sent) and each in self.switched():
                types = [packetType for packetType, _, _ in sent]
                assert types.index(UPGRADE) < types.index(MESSAGE)

    def messages(self, packets: list[tuple[int, bytes, bool]]) -> list[bytes]:
        return [data for packetType, data, _ in packets if packetType == MESSAGE]

    def switched(self) -> list[Any]:
        return [each[1] for each in self.bench.shown if each[0] == "upgrade"]

    def inTurn(self) -> list[NetworkTransport]:
        """
        The transports, those that carried later behind.
        """
        switched = self.switched()
        return [each for each in self.transports if each not in switched] + switched

    def teardown(self) -> None:
        """
        However it stands, it can be ended, and then nothing is left.
        """
        if hasattr(self, "engine"):
            self.engine.abort("forced close")
            self.goodbyeIsDone()
            self.nothingIsLeft()
            assert self.bench.clock.getDelayedCalls() == []
            assert len(self.bench.endings) == 1
            assert all(each.called for each in self.gone)
            assert self.present.wire.connections.aborted


TestEngine = EngineMachine.TestCase
TestEngine.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
