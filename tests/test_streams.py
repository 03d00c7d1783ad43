"""
Events as an asynchronous iterator.
"""

from __future__ import annotations

import gc
from typing import Any
from weakref import ref

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from fakes import FakeReading
from txsocketio.dispatch import Dispatcher
from txsocketio.errors import Overflow, ReconnectFailed
from txsocketio.streams import Stream


class Source(Dispatcher):
    """
    A dispatcher whose events are streamed, and what was read of them.
    """

    def __init__(self) -> None:
        self.held = FakeReading()
        super().__init__(Clock(), self.held)
        self.got: list[Any] = []

    def come(self, *data: Any) -> None:
        self._dispatch(list(data), None)

    def end(self, error: BaseException | None = None) -> None:
        self._releaseStreams()(StopAsyncIteration() if error is None else error)

    def next(self, stream: Stream) -> Deferred[Any]:
        """
        Ask for one more, as a loop does.
        """
        return stream.__anext__().addCallbacks(
            self.got.append, lambda why: self.got.append(why.value)
        )

    def loop(self, stream: Stream) -> Deferred[None]:
        """
        Read to the end.
        """

        async def read() -> None:
            async for value in stream:
                self.got.append(value)
            self.got.append("end")

        return Deferred.fromCoroutine(read())

    @property
    def clean(self) -> bool:
        """
        Whether no stream costs anything any more.
        """
        return not (self._listening.byEvent or self._awaitedStreams or self.held.held)


@pytest.fixture
def source() -> Source:
    return Source()


# values


@pytest.mark.parametrize(
    ("args", "value"), [([], None), ([1], 1), ([1, 2], (1, 2)), ([[1, 2]], [1, 2])]
)
def test_values(source: Source, args: list[Any], value: Any) -> None:
    """
    With one event, values are its arguments, shaped as an answer.
    """
    stream = source.stream("a")
    source.come("a", *args)
    source.next(stream)
    assert source.got == [value]


def test_severalEvents(source: Source) -> None:
    """
    With several, each value says which it was; others are not streamed.
    """
    stream = source.stream("a", "b")
    for event in ("b", "c", "a"):
        source.come(event, 1)
    source.next(stream)
    source.next(stream)
    assert source.got == [("b", 1), ("a", 1)]


def test_waits(source: Source) -> None:
    """
    A loop waits for the next event and goes on with it.
    """
    source.loop(source.stream("a"))
    source.come("a", 1)
    source.come("a", 2)
    assert source.got == [1, 2]


def test_twoWaiters(source: Source) -> None:
    """
    Two who wait at the same stream share its events, the first first.
    """
    stream = source.stream("a")
    source.next(stream).addCallback(lambda _: source.got.append("first"))
    source.next(stream)
    source.come("a", 1)
    source.come("a", 2)
    assert source.got == [1, "first", 2]


def test_twoStreams(source: Source) -> None:
    """
    Two streams both get all.
    """
    source.loop(source.stream("a"))
    source.loop(source.stream("a"))
    source.come("a", 1)
    assert source.got == [1, 1]


def test_readAgainWhenWoken(source: Source) -> None:
    """
    Who asks again as soon as it is woken waits for the next event.

    faults F122
    """
    stream = source.stream("a")
    stream.__anext__().addCallback(lambda _: source.next(stream) and None)
    source.come("a", 1)
    source.come("a", 2)
    assert source.got == [2]


# its end


def test_end(source: Source) -> None:
    """
    At C{disconnect()} a loop ends, and nothing is left.
    """
    source.loop(source.stream("a", "b"))
    source.end()
    assert source.got == ["end"]
    assert source.clean


def test_endDeliversWhatWaits(source: Source) -> None:
    """
    What came before is still delivered.
    """
    stream = source.stream("a")
    source.come("a", 1)
    source.end()
    source.loop(stream)
    assert source.got == [1, "end"]


def test_endWithError(source: Source) -> None:
    """
    A loop hears the error when nothing will ever come.
    """
    error = ReconnectFailed(3)
    stream = source.stream("a")
    source.next(stream)
    source.end(error)
    source.next(stream)
    assert source.got == [error, error]


def test_endTwice(source: Source) -> None:
    """
    The first end counts.
    """
    stream = source.stream("a")
    source.end()
    source.end(ReconnectFailed(3))
    source.loop(stream)
    assert source.got == ["end"]


def test_aclose(source: Source) -> None:
    """
    C{aclose} forgets what waits and ends who waits.
    """
    stream = source.stream("a", limit=1)
    for _ in range(2):
        source.come("a", 1)
    Deferred.fromCoroutine(stream.aclose())
    source.loop(stream)
    assert source.got == ["end"]
    assert source.clean


def test_close(source: Source) -> None:
    """
    C{close} does so for code that is not a coroutine.
    """
    stream = source.stream("a")
    source.loop(stream)
    stream.close()
    stream.close()
    assert source.got == ["end"]
    assert source.clean


def test_asyncWith(source: Source) -> None:
    """
    Leaving C{async with} closes the stream, whichever way.
    """

    async def read() -> None:
        async with source.stream("a") as stream:
            async for value in stream:
                raise RuntimeError(value)

    done = Deferred.fromCoroutine(read())
    source.come("a", "left")
    done.addErrback(lambda why: source.got.append(str(why.value)))
    assert source.got == ["left"]
    assert source.clean


def test_closedByAnEarlierListener(source: Source) -> None:
    """
    An event that another listener answers by closing the stream is not
    delivered after that.

    behaviours T16; faults F122
    """
    source.on("a", lambda: stream.close())
    stream = source.stream("a")
    source.come("a")
    source.loop(stream)
    assert source.got == ["end"]


def test_newStreamAfterTheEnd(source: Source) -> None:
    """
    A new stream begins a new life.
    """
    source.end()
    source.loop(source.stream("a"))
    source.come("a", 1)
    assert source.got == [1]


# cancelling


def test_cancelledWaiterEatsNothing(source: Source) -> None:
    """
    An event is not given to one who waits no longer.
    """
    stream = source.stream("a")
    source.next(stream).cancel()
    source.come("a", 1)
    source.next(stream)
    assert isinstance(source.got[0], CancelledError)
    assert source.got[1:] == [1]


def test_cancelOneOfTwo(source: Source) -> None:
    """
    The other one goes on waiting, and is held.
    """
    stream = source.stream("a")
    source.next(stream).cancel()
    source.next(stream)
    cancelled = source.next(stream)
    cancelled.cancel()
    assert source._awaitedStreams == {stream}
    source.come("a", 1)
    assert source.got[2:] == [1]


def test_cancelledByAnotherAtTheEnd(source: Source) -> None:
    """
    When a stream ends, who hears it may cancel another who waits.

    faults F122
    """
    stream = source.stream("a")
    waiters: list[Deferred[Any]] = []
    stream.__anext__().addErrback(lambda _: waiters[0].cancel())
    waiters.append(source.next(stream))
    source.end()
    assert [type(each) for each in source.got] == [CancelledError]


def test_cancelledLoop(source: Source) -> None:
    """
    A cancelled loop costs nothing any more.
    """
    loop = source.loop(source.stream("a"))
    loop.cancel()
    loop.addErrback(lambda why: why.trap(CancelledError) and None)
    del loop
    gc.collect()
    assert source.clean


# holding


def test_leftLoopCostsNothing(source: Source) -> None:
    """
    A loop that was left by C{break} listens no more and holds nothing.
    """

    async def read() -> None:
        async for value in source.stream("a", limit=1):
            source.got.append(value)
            break

    Deferred.fromCoroutine(read())
    source.come("a", 1)
    gc.collect()
    source.come("a", 2)
    assert source.got == [1]
    assert source.clean


def test_leftLoopReleases(source: Source) -> None:
    """
    If it had too much waiting, the connection is read again.
    """
    stream = source.stream("a", limit=1)
    for number in range(3):
        source.come("a", number)
    assert source.held.held
    del stream
    gc.collect()
    assert source.clean


def test_dropped(source: Source) -> None:
    """
    The emitter alone does not keep a stream.
    """
    weak = ref(source.stream("a"))
    gc.collect()
    assert weak() is None


def test_waitingLoopIsKept(source: Source) -> None:
    """
    A loop that waits is kept, though nobody else holds it.
    """
    source.loop(source.stream("a"))
    gc.collect()
    source.come("a", 1)
    gc.collect()
    source.come("a", 2)
    assert source.got == [1, 2]


def test_droppedMeanwhile(source: Source) -> None:
    """
    An event that is under way when the stream is dropped disturbs nobody.
    """
    streams = [source.stream("a")]
    source.onAny(lambda *_: streams.clear())
    source.come("a", 1)
    gc.collect()
    assert source.got == []


# too slow


def test_pushesBack(source: Source) -> None:
    """
    Above the limit the connection is held, until half of it is left.
    """
    stream = source.stream("a", limit=4)
    for number in range(4):
        source.come("a", number)
    assert not source.held.held
    source.come("a", 4)
    assert source.held.held
    for _ in range(3):
        source.next(stream)
    assert not source.held.held


def test_raises(source: Source) -> None:
    """
    Beyond four times the limit the stream ends; what was kept is delivered,
    then the loop raises.
    """
    stream = source.stream("a", limit=1)
    for number in range(6):
        source.come("a", number)
    for _ in range(6):
        source.next(stream)
    assert source.got[:4] == [0, 1, 2, 3]
    assert [type(each) for each in source.got[4:]] == [Overflow, Overflow]
    assert source.clean


def test_dropOldest(source: Source) -> None:
    """
    Or it drops the oldest, and goes on.
    """
    stream = source.stream("a", limit=1, overflow="dropOldest")
    for number in range(10):
        source.come("a", number)
    source.loop(stream)
    assert source.got == [6, 7, 8, 9]


# mistakes


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": 1.5},
        {"limit": True},
        {"overflow": "drop"},
        {"overflow": None},
    ],
)
def test_badOptions(source: Source, wrong: dict[str, Any]) -> None:
    """
    A bad option is refused at the call, and leaves nothing.
    """
    with pytest.raises(ValueError, match=next(iter(wrong))):
        source.stream("a", **wrong)
    assert source.clean


def test_noEvent(source: Source) -> None:
    """
    A stream of no event would never give anything.
    """
    with pytest.raises(ValueError, match="at least one event"):
        source.stream()


# leftovers of a dispatch under way


def test_listenerOutlivesItsStream(source: Source) -> None:
    """
    An event that was being handed out when its stream was forgotten goes
    nowhere, without an error.
    """
    forward = source.stream("a").forwarder("a")
    gc.collect()
    forward(1)
    assert source.got == [] and source.clean


def test_endedByAnotherStream(source: Source) -> None:
    """
    A stream that the reader of another ends, on an event of both, does not
    get that event any more.
    """
    first, second = source.stream("a"), source.stream("a")
    first.__anext__().addCallback(lambda _: second.finish(StopAsyncIteration()))
    source.come("a", 1)
    source.next(second)
    assert isinstance(source.got[0], StopAsyncIteration)


def test_repr(source: Source) -> None:
    """
    A stream in a log shows its events, what waits, and whether it has ended.
    """
    stream = source.stream("a", "b")
    source.come("a", 1)
    assert repr(stream) == "<Stream of a, b: 1 waiting>"
    stream.close()
    assert repr(stream) == "<Stream of a, b: 0 waiting, ended>"
