"""
A session that is cut at every byte, in both directions, by goodbye and by
reset, over every transport: the right reaction each time, and nothing left.

The story is L{story.Story}.  In memory the cable is L{memorynet.MemoryNet} and
every byte is its turn; over sockets it is L{faultproxy.FaultProxy}.
C{TXSOCKETIO_CUTS=all} takes all of the bytes, else a part of them.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from faultproxy import FaultProxy, Toxic
from memorynet import DOWN, FIN, RST, UP, MemoryNet
from story import PING_SECONDS, WAYS, Failures, Story, StoryServer, telling
from support import deferred

ALL = os.environ.get("TXSOCKETIO_CUTS") == "all"
STEPS = {"polling": 29, "websocket": 5, "upgrade": 11}
"""Every how many bytes to cut in memory, where not all are asked for."""

SOCKET_STEPS = {"polling": 397, "websocket": 149, "upgrade": 241}
"""The same over sockets, where a story takes longer."""

SHORT_PING = 0.05
NOTICED = 0.5
"""Seconds in which a busy machine must have noticed a cut."""

Where = tuple[str, int, str]


def places(carried: dict[str, int], step: int) -> list[Where]:
    """
    Where to cut: the ways by turns begin at another byte, so that together
    they miss less.
    """
    found: list[Where] = []
    for number, (direction, how) in enumerate((d, h) for d in (UP, DOWN) for h in (FIN, RST)):
        start = 0 if ALL else number * step // 4
        found += [(direction, n, how) for n in range(start, carried[direction], 1 if ALL else step)]
    return found


# in memory


def tellInMemory(way: str, where: Where | None = None) -> tuple[MemoryNet, Story]:
    """
    Tell the story under a clock, and look whether anything is left of it.
    """
    net = MemoryNet()
    server = StoryServer(net)
    port: Any = net.run(server.listen(net))
    if where is not None:
        net.cutAfter(*where)
    wire = {"endpoint": net.endpoint(), "transports": WAYS[way]}
    story = Story(net, "http://server/", server, **wire)
    net.run(telling(story, lambda: deferLater(net, PING_SECONDS + 1)))  # type: ignore[arg-type]
    assert [each.connected for each in (story.main, story.foo)] == [False, False]
    # Before the server hangs up: the client must have done so itself.
    net.advance(0)
    assert not net.live, "a connection is left"
    net.run(port.stopListening())
    assert not net.getDelayedCalls(), "a timer is left"
    story.judge(net.cuts)
    return net, story


@pytest.mark.parametrize("way", WAYS)
def test_everyByteInMemory(way: str) -> None:
    """
    Wherever the cable is cut, the client notices in that instant, says so
    once and for the right reason, connects again, does what is left to do,
    and leaves nothing behind (faults F29, F37, F50, F53, F68, F69).
    """
    whole, story = tellInMemory(way)
    assert story.losses == 0
    for where in places(whole.carried, STEPS[way]):
        with Failures() as logged:
            try:
                net, story = tellInMemory(way, where)
            except Exception as error:
                raise AssertionError(f"cut at {where}: {error!r}") from error
        assert len(net.cuts) == 1, f"cut at {where}: nothing was cut"
        assert story.losses <= 1, f"cut at {where}: {story.told}"
        assert not logged, f"cut at {where}: {logged}"


# over sockets


class Bed:
    """
    A server behind a proxy.
    """

    def __init__(self) -> None:
        self.server = StoryServer(reactor, pingInterval=SHORT_PING)
        self.proxy: Any = None
        self._port: Any = None

    async def __aenter__(self) -> Bed:
        self._port = await self.server.listen(reactor)
        self.proxy = FaultProxy(reactor, self._port.port)
        return self

    async def __aexit__(self, *ignored: object) -> None:
        await self.proxy.stop()
        await self._port.stopListening()

    async def tell(self, way: str, where: Where | None = None) -> Story:
        """
        Tell the story through the proxy.
        """
        cuts: list[float] = []
        self.proxy.carried = {UP: 0, DOWN: 0}
        self.proxy.onCut = lambda: cuts.append(reactor.seconds())  # type: ignore[attr-defined]
        self.server.notes.clear()
        self.server.answered.clear()
        self.proxy.toxic = Toxic()
        if where is not None:
            direction, count, how = where
            self.proxy.toxic = Toxic(cuts=[(direction, count)], how=how)
        story = Story(reactor, self.proxy.url, self.server, transports=WAYS[way])
        beat: Any = lambda: heartbeat(story)  # noqa: E731
        await telling(story, beat).addTimeout(10, reactor)  # type: ignore[arg-type]
        self.proxy.toxic = Toxic()
        # Noticed a little before the proxy has counted it.
        story.judge([each - NOTICED / 2 for each in cuts], NOTICED)
        return story


def heartbeat(story: Story) -> Deferred[None]:
    """
    @return: fires at the server's next ping.
    """
    pinged: Deferred[None] = Deferred()
    story.main.io.once("ping", lambda: pinged.callback(None))
    return pinged


@pytest.mark.parametrize("way", WAYS)
@deferred(timeout=3600.0)
async def test_bytesOverSockets(way: str) -> None:
    """
    The same with real sockets, a real goodbye and a real reset, on a part of
    the bytes.
    """
    async with Bed() as bed:
        assert (await bed.tell(way)).losses == 0
        for where in places(dict(bed.proxy.carried), SOCKET_STEPS[way]):
            with Failures() as logged:
                try:
                    story = await bed.tell(way, where)
                except Exception as error:
                    raise AssertionError(f"cut at {where}: {error!r}") from error
            assert story.losses <= 1, f"cut at {where}: {story.told}"
            assert not logged, f"cut at {where}: {logged}"
        gc.collect()
        assert bed.proxy.counts.cuts > 0
