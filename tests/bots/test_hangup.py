"""
Tests for L{txsocketio.bots.hangup}.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogPublisher

from support import deferred, until
from txsocketio.bots.hangup import ReloadOnHangup


@pytest.fixture
def service() -> Iterator[ReloadOnHangup]:
    from twisted.internet import reactor

    reloads: list[int] = []

    def reload() -> Deferred[Any]:
        reloads.append(len(reloads))
        return fail(ValueError("told by reload itself"))

    made = ReloadOnHangup(reload, reactor)
    made.reloads = reloads  # type: ignore[attr-defined]
    yield made
    if made.running:
        made.stopService()


def _embedders(*_: object) -> None:
    """
    The handler of a program that had one before.
    """


@deferred()
async def test_aHangupReloads(service: Any) -> None:
    """
    By the real signal; a reload that fails is no unhandled error.
    """
    service.startService()
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: service.reloads == [0])


@deferred()
async def test_aStormIsOneReload(service: Any) -> None:
    """
    A thousand bots are not compared again and again.
    """
    service.startService()
    for _ in range(5):
        signal.raise_signal(signal.SIGHUP)
    await until(lambda: service.reloads)
    assert service.reloads == [0]
    signal.raise_signal(signal.SIGHUP)
    await until(lambda: service.reloads == [0, 1])


def test_theSignalIsGivenBack(service: Any) -> None:
    """
    Whoever had it before has it after.
    """
    before = signal.signal(signal.SIGHUP, _embedders)
    try:
        service.startService()
        assert signal.getsignal(signal.SIGHUP) is not _embedders
        service.stopService()
        assert signal.getsignal(signal.SIGHUP) is _embedders
    finally:
        signal.signal(signal.SIGHUP, before)


def test_aHangupWhileTheBotsEndDoesNotKill(service: Any) -> None:
    """
    systemd's C{SendSIGHUP} and a terminal that closes send one right after
    the signal to stop; what waits is sent nevertheless.
    """
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        service.startService()
        service.stopService()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_aLateHangupIsIgnored(service: Any) -> None:
    """
    It came while the service was being stopped.
    """
    service.startService()
    service.stopService()
    service._hangUp()
    assert service.reloads == []


@deferred()
async def test_inAnotherThreadItIsToldOnly(service: Any) -> None:
    """
    Python lets the main thread alone have signals; nothing else is lost.
    """
    told: list[str] = []
    globalLogPublisher.addObserver(lambda event: told.append(event["log_format"]))
    observer = globalLogPublisher._observers[-1]
    before = signal.getsignal(signal.SIGHUP)
    try:
        await deferToThread(service.startService)
    finally:
        globalLogPublisher.removeObserver(observer)
    service.stopService()
    assert any("main thread" in text for text in told)
    assert signal.getsignal(signal.SIGHUP) is before
