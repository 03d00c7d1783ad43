"""
What one socket sends: at once when it can, later in order when it cannot.

A packet is encoded when it is emitted, so what the caller does to the
arguments afterwards does not matter.

Must not know: sessions, listeners, engines.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from txsocketio.acks import AckCallback, AckDeferred
from txsocketio.errors import BufferFull, PayloadTooLarge, SocketIOError
from txsocketio.interfaces import IManager

__all__ = ["Acceptance", "Accepted", "Outbox", "Parcel"]

_LOOKS = 1024
"""How often, while as much is sent as may wait, to look how much that is."""


class _ListWhenAsked:
    """
    An attribute that is a list of the instance's own, made when it is first
    asked for.
    """

    def __get__(self, instance: Any, owner: type) -> list[Any]:
        made: list[Any] = []
        instance._callbacks = made
        instance.asked = True
        return made


class Acceptance(Deferred[bool]):
    """
    What C{emit} returns: a Deferred at a third of the price, because there is
    one a packet and hardly anybody asks it.

    @ivar asked: whether anybody has.
    """

    asked = False
    _canceller: Any = None
    _callbacks: Any = _ListWhenAsked()
    if not TYPE_CHECKING:  # pragma: no branch - mypy takes the class for something else then
        __init__ = object.__init__

    def accept(self) -> None:
        """
        Fire, unless it was cancelled.
        """
        if self.called:
            return
        if self.asked:
            self.callback(True)
        else:
            self.called = self.result = True


class Accepted(Acceptance):
    """
    One that has fired.
    """

    called = True
    result = True


class Parcel:
    """
    One encoded packet that waits to be sent.

    @ivar values: the event's name and arguments, for outgoing listeners.
    @ivar waiting: who waits for the acknowledgement, or L{None}.
    @ivar accepted: fires when the packet is sent, or L{None} when nobody
        asked.
    """

    __slots__ = ("accepted", "binaries", "compress", "size", "text", "values", "waiting")

    def __init__(
        self,
        text: bytes | None,
        binaries: Sequence[bytes],
        compress: bool,
        values: Sequence[Any],
        waiting: AckDeferred | AckCallback | None,
    ) -> None:
        self.text = text
        self.binaries = binaries
        self.compress = compress
        self.values = values
        self.waiting = waiting
        self.accepted: Acceptance | None = None
        self.size = len(text or b"") + sum(map(len, binaries))

    def settle(self, outcome: bool | SocketIOError) -> None:
        """
        Say what became of the packet to whoever asked.
        """
        accepted = self.accepted
        if accepted is None or accepted.called:
            return
        if isinstance(outcome, SocketIOError):
            accepted.errback(outcome)
        else:
            accepted.callback(outcome)


class Outbox:
    """
    The sending side of a socket.

    @ivar live: whether packets may be sent now: the namespace is connected,
        and everything that waited has gone.
    @ivar corked: whether packets are kept although they could be sent.
    @ivar open: whether the session lets packets through.
    @ivar show: called with an event's name and arguments when it is actually
        sent, or L{None} while nobody wants to know.
    """

    __slots__ = (
        "_byWaiting",
        "_byteLimit",
        "_bytes",
        "_flushing",
        "_forget",
        "_manager",
        "_packetLimit",
        "_parcels",
        "_unasked",
        "_undrained",
        "corked",
        "live",
        "open",
        "show",
    )

    def __init__(
        self,
        manager: IManager,
        limits: tuple[float | None, float | None],
        forget: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """
        @param limits: how many packets, and how many bytes, may wait.
        @param forget: called with whoever waits for the acknowledgement of a
            packet that turns out to be too large, before it is told so.
        """
        self._manager = manager
        self._packetLimit, self._byteLimit = limits
        self._forget = forget
        self.show: Callable[[Sequence[Any]], None] | None = None
        self.live = self.corked = self.open = False
        self._flushing = False
        # No plain dict: to look for the first of many that are gone takes long.
        self._parcels: OrderedDict[Parcel, None] = OrderedDict()
        self._byWaiting: dict[Any, Parcel] = {}
        self._bytes = 0
        # Sent since the engine was asked how much waits there: to ask costs as
        # much as to send.
        self._unasked = inf
        self._undrained: list[Acceptance] = []

    def __len__(self) -> int:
        return len(self._parcels)

    def __iter__(self) -> Iterator[Parcel]:
        return iter(list(self._parcels))

    def checkRoom(self) -> None:
        """
        @raise BufferFull: too much waits already.
        """
        if not self.live:
            self.checkLimits(len(self._parcels), self._bytes)
        elif self._byteLimit is not None and self._unasked * _LOOKS >= self._byteLimit:
            self.checkLimits(None, self._manager.engine.bufferedAmount())
            self._unasked = 0

    def checkLimits(self, packets: int | None, size: int) -> None:
        """
        @param packets: how many wait, or L{None} when one more need not wait.
        @raise BufferFull: beside so many, none may wait.
        """
        limit = self._packetLimit
        if packets is not None and limit is not None and packets >= limit:
            raise BufferFull(
                f"{packets} packets wait to be sent already; see sendBufferLimit, "
                "clearSendBuffer(), and volatile"
            )
        if self._byteLimit is not None and size > self._byteLimit:
            raise BufferFull(
                f"{size} bytes wait to be sent already; await what emit() returns, or raise "
                "sendBufferLimit"
            )

    def send(
        self, text: bytes | None, binaries: Sequence[bytes], compress: bool, values: Sequence[Any]
    ) -> None:
        """
        Send a packet now.

        @raise PayloadTooLarge: the server would hang up on it.
        """
        self._manager.sendPacket(text, binaries, compress)
        self.count(text, binaries)
        if self.show is not None:
            # Afterwards, since a listener may disconnect.
            self.show(values)

    def count(self, text: bytes | None, binaries: Sequence[bytes]) -> None:
        """
        A packet was sent: it may be time to look again how much waits.
        """
        self._unasked += len(text or b"")
        for each in binaries:
            self._unasked += len(each)

    def whenAccepted(self) -> Deferred[bool]:
        """
        @return: fires with L{True} when no more than 64 KiB wait.
        """
        if not self._congested:
            return Accepted()
        drained = Acceptance()
        self._undrained.append(drained)
        return drained

    def drained(self) -> None:
        """
        The engine is not congested any more - or is gone, and what it had
        accepted with it.
        """
        self._unasked = inf
        waiting, self._undrained = self._undrained, []
        for each in waiting:
            each.accept()

    def keep(self, parcel: Parcel) -> None:
        """
        Keep a packet for later.
        """
        self._parcels[parcel] = None
        self._bytes += parcel.size
        if parcel.waiting is not None:
            self._byWaiting[parcel.waiting] = parcel

    def withdraw(self, parcel: Parcel) -> bool:
        """
        Take a packet back.

        @return: whether it was still here.
        """
        if parcel not in self._parcels:
            return False
        del self._parcels[parcel]
        self._bytes -= parcel.size
        self._byWaiting.pop(parcel.waiting, None)
        return True

    def withdrawFor(self, waiting: AckDeferred | AckCallback) -> None:
        """
        Take the packet back whose acknowledgement C{waiting} waits for, if it
        is here.
        """
        parcel = self._byWaiting.get(waiting)
        if parcel is not None:
            self.withdraw(parcel)
            parcel.settle(False)

    def flush(self) -> None:
        """
        Send what waits, in order, what is emitted meanwhile included; from
        then on packets go straight.  Stops when the connection or the session
        ends under it.
        """
        engine = self._manager.engine
        self._flushing = self.open = True
        while self._parcels and self._goesOn(engine):
            parcel = next(iter(self._parcels))
            self.withdraw(parcel)
            self._sendParcel(parcel)
        self.live = self._goesOn(engine)
        self._flushing = False

    def stop(self) -> None:
        """
        The session is over: from now on packets are kept.
        """
        self.live = False
        self._flushing = self.open = False

    def cork(self) -> None:
        """
        Keep packets from now on, whether or not there is a session.
        """
        self.corked = True
        self.live = False

    def uncork(self) -> None:
        """
        Send again, if there is a session that is not about to end unheard:
        what waits first.
        """
        self.corked = False
        waits = self.open and not self.live and not self._flushing
        if waits and not self._manager.engine.expired():
            self.flush()

    def empty(self, outcome: bool | SocketIOError) -> int:
        """
        Forget what waits.

        @return: how many packets that were.
        """
        parcels = self.takeAll()
        for parcel in parcels:
            parcel.settle(outcome)
        return len(parcels)

    def takeAll(self) -> list[Parcel]:
        """
        Give away what waits; whoever asked for it settles it.
        """
        parcels = list(self._parcels)
        self._parcels.clear()
        self._byWaiting.clear()
        self._bytes = 0
        return parcels

    # inside

    @property
    def _congested(self) -> bool:
        # A listener to whom a packet was shown may have ended the connection,
        # and then nobody would hear that it is not congested any more.
        engine = self._manager.engine
        return engine is not None and engine.readyState == "open" and bool(engine.congested)

    def _goesOn(self, engine: Any) -> bool:
        present = self._manager.engine is engine and engine.readyState == "open"
        return present and self._flushing and not self.corked

    def _sendParcel(self, parcel: Parcel) -> None:
        try:
            self.send(parcel.text, parcel.binaries, parcel.compress, parcel.values)
        except PayloadTooLarge as error:
            if parcel.waiting is not None:
                self._forget(parcel.waiting)
                parcel.waiting.fail(error)
            parcel.settle(error)
            return
        if parcel.accepted is None:
            return
        if self._flushing and self._congested:
            self._undrained.append(parcel.accepted)
        else:
            parcel.settle(True)
