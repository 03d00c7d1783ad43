"""
What a socket sends: at once, or later and in order.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from fakes import FakeManager
from txsocketio.acks import AckDeferred
from txsocketio.errors import BufferFull, PayloadTooLarge
from txsocketio.outbox import Outbox, Parcel

TOO_LARGE = PayloadTooLarge(10, 5)


class Post:
    """
    An outbox, its manager, and what was shown to outgoing listeners.
    """

    def __init__(self, packets: int | None = None, size: int | None = None) -> None:
        self.manager = FakeManager()
        self.shown: list[Any] = []
        self.forgotten: list[Any] = []
        self.box = Outbox(self.manager, (packets, size), self.forgotten.append)
        self.box.show = self.shown.append

    def keep(self, text: bytes, waiting: Any = None) -> Parcel:
        parcel = Parcel(text, [], True, [text.decode()], waiting)
        parcel.accepted = Deferred()
        self.box.keep(parcel)
        return parcel

    @property
    def sent(self) -> list[bytes | None]:
        return [text for text, _ in self.manager.sent]


@pytest.fixture
def post() -> Post:
    return Post()


def test_sendNow(post: Post) -> None:
    """
    A packet and its attachments go to the manager as a unit.
    """
    post.box.send(b"text", [b"1", b"2"], False, ["a", b"1"])
    assert post.manager.sent == [(b"text", [b"1", b"2"])]
    assert post.manager.log == [("compress", False)]
    assert post.shown == [["a", b"1"]]


def test_tooLargeIsNotShown(post: Post) -> None:
    """
    Outgoing listeners hear of what is sent only.
    """
    post.manager.refuse = TOO_LARGE
    with pytest.raises(PayloadTooLarge):
        post.box.send(b"text", [], True, ["a"])
    assert post.shown == []


def test_flushInOrder(post: Post) -> None:
    """
    What waits is sent in order, and shown when it is sent.

    behaviours B33, Q10
    """
    parcels = [post.keep(text) for text in (b"1", b"2", b"3")]
    assert (len(post.box), list(post.box), post.shown) == (3, parcels, [])
    post.box.flush()
    assert (post.sent, post.shown) == ([b"1", b"2", b"3"], [["1"], ["2"], ["3"]])
    assert (len(post.box), post.box.live) == (0, True)


def test_flushFires(post: Post) -> None:
    """
    What C{emit} returned fires when the packet goes.
    """
    parcel = post.keep(b"1")
    post.box.flush()
    assert parcel.accepted is not None and parcel.accepted.result is True


def test_nobodyAsked(post: Post) -> None:
    """
    A packet that nobody asked about is sent like any other.
    """
    post.keep(b"1").accepted = None
    post.box.flush()
    assert post.sent == [b"1"]


def test_emittedDuringFlush(post: Post) -> None:
    """
    What is kept while the rest is sent goes after it.
    """
    post.keep(b"1")
    post.keep(b"2")
    post.box.show = lambda values: post.keep(b"3") if values == ["1"] else None
    post.box.flush()
    assert post.sent == [b"1", b"2", b"3"]


@pytest.mark.parametrize("change", ["closed", "replaced"])
def test_connectionEndsDuringFlush(post: Post, change: str) -> None:
    """
    When the connection ends under it, the rest stays for the next.
    """

    def end(_: Any) -> None:
        post.manager.engine.readyState = "closed"
        if change == "replaced":
            post.manager.engine = FakeManager().engine

    post.keep(b"1")
    post.keep(b"2")
    post.box.show = end
    post.box.flush()
    assert (post.sent, len(post.box), post.box.live) == ([b"1"], 1, False)


def test_sessionEndsDuringFlush(post: Post) -> None:
    """
    When an outgoing listener disconnects, nothing more is sent, though the
    connection goes on for other sockets.

    behaviours T16; faults F122
    """
    post.keep(b"1")
    post.keep(b"2")
    post.box.show = lambda _: post.box.stop()
    post.box.flush()
    assert (post.sent, len(post.box), post.box.live) == ([b"1"], 1, False)


def test_sentBeforeListenersHear(post: Post) -> None:
    """
    An outgoing listener that disconnects does so after its packet is sent,
    since the server hangs up on packets of a namespace that was left.

    faults F122
    """
    post.box.show = lambda _: post.manager.sent.append((b"goodbye", []))
    post.box.send(b"text", [], True, ["a"])
    assert post.sent == [b"text", b"goodbye"]


def test_tooLargeDuringFlush(post: Post) -> None:
    """
    A packet that turns out to be too large fails alone: what C{emit} returned,
    and who waits for its answer.
    """
    waiting = AckDeferred()
    parcel = post.keep(b"1", waiting)
    post.manager.refuse = TOO_LARGE
    post.box.flush()
    assert parcel.accepted is not None
    assert [each.result.value for each in (parcel.accepted, waiting)] == [TOO_LARGE] * 2
    assert post.forgotten == [waiting]
    for each in (parcel.accepted, waiting):
        each.addErrback(lambda _: None)


def test_tooLargeAndNobodyWaits(post: Post) -> None:
    """
    The same for a packet that wants no answer.
    """
    parcel = post.keep(b"1")
    post.manager.refuse = TOO_LARGE
    post.box.flush()
    assert parcel.accepted is not None
    assert parcel.accepted.result.value is TOO_LARGE
    parcel.accepted.addErrback(lambda _: None)


def test_withdraw(post: Post) -> None:
    """
    A packet is taken back once.
    """
    parcel = post.keep(b"1")
    assert [post.box.withdraw(parcel), post.box.withdraw(parcel)] == [True, False]
    post.box.flush()
    assert post.sent == []


def test_empty(post: Post) -> None:
    """
    Emptying settles what waits, and says how much it was.
    """
    parcels = [post.keep(b"1"), post.keep(b"2")]
    assert post.box.empty(False) == 2
    assert [each.accepted and each.accepted.result for each in parcels] == [False, False]
    assert (len(post.box), post.box.empty(False)) == (0, 0)


def test_settleOnce(post: Post) -> None:
    """
    A packet whose Deferred was cancelled settles no more.
    """
    parcel = post.keep(b"1")
    assert parcel.accepted is not None
    parcel.accepted.cancel()
    parcel.accepted.addErrback(lambda why: why.trap(CancelledError) and None)
    parcel.settle(True)
    parcel.settle(TOO_LARGE)
    assert parcel.accepted.result is None


# limits


def test_packetLimit() -> None:
    """
    Offline, so many packets may wait and no more.
    """
    post = Post(packets=2)
    for text in (b"1", b"2"):
        post.box.checkRoom()
        post.keep(text)
    with pytest.raises(BufferFull, match="2 packets"):
        post.box.checkRoom()


def test_noPacketMayWait() -> None:
    """
    A limit of 0 is a limit of 0.
    """
    with pytest.raises(BufferFull):
        Post(packets=0).box.checkRoom()


def test_byteLimitOffline() -> None:
    """
    Offline, so many bytes may wait; what is taken back counts no more.
    """
    post = Post(size=3)
    parcel = post.keep(b"1234")
    with pytest.raises(BufferFull, match="4 bytes"):
        post.box.checkRoom()
    post.box.withdraw(parcel)
    post.box.checkRoom()


@pytest.mark.parametrize("leave", ["flush", "empty"])
def test_roomAgain(leave: str) -> None:
    """
    There is room again when what waited is gone.
    """
    post = Post(packets=1, size=3)
    post.keep(b"1234")
    post.box.flush() if leave == "flush" else post.box.empty(False)
    post.box.stop()
    post.box.checkRoom()


def test_allRoomAgain() -> None:
    """
    Nothing of what was dropped counts any more.
    """
    post = Post(size=0)
    post.keep(b"1234")
    post.box.empty(False)
    post.box.checkRoom()


def test_byteLimitConnected() -> None:
    """
    Connected, what counts is what the network has not taken; packets are not
    counted.
    """
    post = Post(packets=0, size=10)
    post.box.flush()
    post.manager.engine.buffered = 10
    post.box.checkRoom()
    post.box.send(b"x", (), True, ["a"])
    post.manager.engine.buffered = 11
    for _ in range(2):
        with pytest.raises(BufferFull, match="11 bytes"):
            post.box.checkRoom()


def test_byteLimitIsNotLookedAtForEveryByte() -> None:
    """
    What waits is asked for again when a thousandth of the limit was sent, or
    when everything had gone.
    """
    post = Post(size=102_400)
    post.box.flush()
    post.box.checkRoom()
    post.manager.engine.buffered = 102_401
    post.box.send(b"x" * 99, (), True, ["a"])
    post.box.checkRoom()
    post.box.drained()
    with pytest.raises(BufferFull):
        post.box.checkRoom()


def test_attachmentsCount() -> None:
    """
    Attachments weigh as much as text.
    """
    assert Parcel(b"ab", [b"123", b"4"], True, ["a"], None).size == 6
    assert Parcel(None, [b"123"], True, ["a"], None).size == 3


# congestion


def test_acceptedAtOnce(post: Post) -> None:
    """
    While little waits, a packet is accepted when it is sent.
    """
    assert post.box.whenAccepted().result is True


def test_acceptedWhenDrained(post: Post) -> None:
    """
    While much waits, it is accepted when that has gone.
    """
    post.manager.engine.congested = True
    fired: list[bool] = []
    post.box.whenAccepted().addCallback(fired.append)
    assert fired == []
    post.box.drained()
    post.box.drained()
    assert fired == [True]


def test_flushedIntoCongestion(post: Post) -> None:
    """
    What was flushed waits for the network as well.
    """
    parcel = post.keep(b"1")
    post.manager.engine.congested = True
    post.box.flush()
    assert parcel.accepted is not None and not parcel.accepted.called
    post.box.drained()
    assert parcel.accepted.result is True


def test_cancelWhileCongested(post: Post) -> None:
    """
    Who no longer wants to know is not told.
    """
    post.manager.engine.congested = True
    waiting = post.box.whenAccepted()
    waiting.cancel()
    waiting.addErrback(lambda why: why.trap(CancelledError) and None)
    post.box.drained()
    assert waiting.result is None


def test_sendsAgainWhenDrained(post: Post) -> None:
    """
    Who emits again as soon as it may waits again for the next time.

    faults F122
    """
    post.manager.engine.congested = True
    fired: list[bool] = []
    again: list[Any] = []

    def more(accepted: bool) -> None:
        fired.append(accepted)
        again.append(post.box.whenAccepted())

    post.box.whenAccepted().addCallback(more)
    post.box.drained()
    assert (fired, again[0].called) == ([True], False)


def test_connectionGoneWhenShown(post: Post) -> None:
    """
    When an outgoing listener ends the connection, the packet was accepted
    nevertheless.

    faults F122
    """
    parcel = post.keep(b"1")
    post.box.show = lambda _: setattr(post.manager, "engine", None)
    post.box.flush()
    assert parcel.accepted is not None
    assert (parcel.accepted.result, post.box.whenAccepted().result) == (True, True)
