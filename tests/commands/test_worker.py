"""
Tests for L{txsocketio.commands.worker}.
"""

from __future__ import annotations

import threading

from support import deferred, failureOf, runPython
from txsocketio.commands.worker import Worker


def worker() -> Worker:
    from twisted.internet import reactor

    return Worker(reactor)


@deferred()
async def test_inAThreadOfItsOwn() -> None:
    """
    Calls are made in one other thread, and their results come to ours.
    """
    works = worker()
    first = await works.do(threading.get_ident)
    second = await works.do(threading.get_ident)
    works.stop()
    assert first == second != threading.get_ident()


@deferred()
async def test_raises() -> None:
    """
    What a call raises comes back; the next one is made nevertheless.
    """
    works = worker()
    error = await failureOf(works.do(int, "x"), ValueError)
    assert "invalid literal" in str(error)
    assert await works.do(int, "1") == 1
    works.stop()


@deferred()
async def test_cancelled() -> None:
    """
    Who cancels hears no result, and nothing is harmed by it.
    """
    works = worker()
    cancelled = works.do(int, "1")
    cancelled.addErrback(lambda failure: None)
    cancelled.cancel()
    assert await works.do(int, "2") == 2
    works.stop()


def test_doesNotHoldTheProcess() -> None:
    """
    A call that never ends keeps no process from ending.
    """
    code = (
        "import time; from twisted.internet import reactor;"
        "from txsocketio.commands.worker import Worker; Worker(reactor).do(time.sleep, 3600);"
        "reactor.callLater(0.05, reactor.stop); reactor.run(); print('ended')"
    )
    done = runPython("-c", code, timeout=30)
    assert (done.stdout, done.returncode) == ("ended\n", 0), done.stderr
