"""
Adjusting a manager while it lives.
"""

from __future__ import annotations

from typing import Any

import pytest

from clientkit import Bench, benchFixture

__all__ = ["benchFixture"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reconnection", False),
        ("reconnectionAttempts", 3),
        ("reconnectionDelay", 0.5),
        ("reconnectionDelayMax", 7.0),
        ("randomizationFactor", 0.25),
        ("timeout", 3.0),
        ("timeout", False),
    ],
)
def test_getterSetters(bench: Bench, name: str, value: Any) -> None:
    """
    behaviours Q18: without an argument the value, with one self.
    """
    manager = bench.manager(autoConnect=False)
    assert getattr(manager, name)(value) is manager
    assert getattr(manager, name)() == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("reconnectionDelay", -1), ("reconnectionAttempts", "many"), ("randomizationFactor", 2)],
)
def test_badValues(bench: Bench, name: str, value: Any) -> None:
    """
    What is refused as an option is refused here, and nothing changes.
    """
    manager = bench.manager(autoConnect=False)
    before = getattr(manager, name)()
    with pytest.raises(ValueError, match=name):
        getattr(manager, name)(value)
    assert getattr(manager, name)() == before


@pytest.mark.parametrize(
    ("word", "option", "value"),
    [
        ("initialDelay", "reconnectionDelay", 0.5),
        ("maxDelay", "reconnectionDelayMax", 9.0),
        ("jitter", "randomizationFactor", 0.1),
        ("maxRetries", "reconnectionAttempts", 4),
        ("continueTrying", "reconnection", False),
    ],
)
def test_factoryWords(bench: Bench, word: str, option: str, value: Any) -> None:
    """
    A ReconnectingClientFactory's words say the same things.
    """
    manager = bench.manager(autoConnect=False)
    setattr(manager, word, value)
    assert getattr(manager, option)() == getattr(manager, word) == value


def test_stopTrying(bench: Bench) -> None:
    """
    stopTrying() keeps the connection, and lets it not come back.
    """
    socket = bench.online()
    socket.io.stopTrying()
    assert socket.connected
    bench.connection.drop()
    bench.advance(60)
    assert len(bench.connections) == 1


def test_reconnectionOnWhileWaiting(bench: Bench) -> None:
    """
    To say again that reconnection is on does not end the wait.
    """
    bench.refuse()
    manager = bench.manager()
    bench.flush()
    manager.reconnection(True)
    assert manager.state == "waiting"


def test_resetDelay(bench: Bench) -> None:
    """
    resetDelay() makes the next delay the shortest again.
    """
    bench.refuse(times=3)
    manager = bench.manager()
    bench.advance(3.5)
    assert manager.nextAttempt > 2
    manager.resetDelay()
    bench.refuse(times=1)
    bench.advance(manager.nextAttempt)
    assert manager.nextAttempt == pytest.approx(1.0)


def test_milliseconds(bench: Bench) -> None:
    """
    A delay of hours is probably one of milliseconds: it is said once.
    """
    manager = bench.manager(autoConnect=False)
    with pytest.warns(UserWarning, match="seconds, not milliseconds"):
        manager.reconnectionDelayMax(5000)


def test_switchedOffWhileWaiting(bench: Bench) -> None:
    """
    Reconnection that is switched off while the next attempt is awaited makes
    that attempt no more.
    """
    socket = bench.online()
    bench.connection.drop()
    bench.advance(0.01)
    attempts = len(bench.connections)
    socket.io.reconnection(False)
    bench.advance(60)
    assert len(bench.connections) == attempts and not socket.io.reconnection()
