"""
The socket itself: its states and words.  More in test_socket_connect.py,
test_socket_session.py, test_socket_emit.py, test_socket_receive.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from zope.interface.verify import verifyObject

from clientkit import Bench, benchFixture, journal, outcomes
from txsocketio.errors import DecodeError, Disconnected
from txsocketio.interfaces import IManagerReceiver
from txsocketio.options import SocketOptions
from txsocketio.socket import Socket

bench = benchFixture


def test_itIsWhatManagersExpect(bench: Bench) -> None:
    """
    A socket fulfils its stair.
    """
    assert verifyObject(IManagerReceiver, bench.connect())


def test_itKnowsItsManagerAsAnInterface() -> None:
    """
    A socket works above anything that is an IManager.
    """
    from fakes import FakeManager

    manager = FakeManager()
    socket = Socket(manager, "/x", SocketOptions())
    socket.connect().disconnect()
    assert manager.log == ["socketNeeds", "socketIdle"]


def test_usersMayAddAttributes(bench: Bench) -> None:
    """
    A socket takes what a program wants to remember with it; by itself it has
    no such dictionary.
    """
    socket: Any = bench.online()
    assert vars(socket) == {}
    socket.room = "lobby"
    assert socket.room == "lobby"


def test_statesOfALife(bench: Bench) -> None:
    """
    Each state has a word, and says why.
    """
    bench.refuse()
    socket = bench.connect(autoConnect=False, reconnectionAttempts=1)
    seen = [(socket.state, socket.active, socket.connected)]
    socket.connect()
    seen.append((socket.state, socket.active, socket.connected))
    bench.flush()
    seen.append((socket.state, socket.active, socket.connected))
    bench.advance(1)
    seen.append((socket.state, socket.active, socket.connected))
    socket.disconnect()
    seen.append((socket.state, socket.active, socket.connected))
    bench.refuse(2)
    socket.connect()
    bench.advance(1)
    seen.append((socket.state, socket.active, socket.connected))
    assert seen == [
        ("disconnected", False, False),
        ("connecting", True, False),
        ("waiting", True, False),
        ("connected", True, True),
        ("disconnected", False, False),
        ("failed", False, False),
    ]


def test_why(bench: Bench) -> None:
    """
    why explains the state in a sentence.
    """
    bench.of("/").answersConnect = False
    socket = bench.connect(autoConnect=False)
    seen = [socket.why]
    socket.connect()
    bench.flush()
    seen.append(socket.why)
    bench.connection.sendRaw('40{"sid":"x"}')
    bench.flush()
    seen.append(socket.why)
    bench.connection.drop()
    bench.flush()
    seen.append(socket.why)
    socket.disconnect()
    seen.append(socket.why)
    assert seen == [
        "connect() was not called yet",
        "waiting for the answer to CONNECT for namespace /",
        "connected as x",
        "the connection was lost: transport close",
        "disconnect() was called",
    ]


def test_itSaysWhatItIs(bench: Bench) -> None:
    """
    The representation helps in a log.
    """
    text = repr(bench.online())
    assert text == "<Socket / connected id=s2 of <Manager http://memory:80 open>>"


def test_disconnectTwice(bench: Bench) -> None:
    """
    The second disconnect() is harmless (behaviours O23).
    """
    socket = bench.online()
    told = journal(socket)
    assert socket.disconnect() is socket.close() is socket
    bench.flush()
    assert told == [("disconnect", "io client disconnect")] and bench.texts == ["0", "1"]


def test_disconnectSendsWhatWasHandedOver(bench: Bench) -> None:
    """
    What was emitted before disconnect() is still sent, then the goodbye.
    """
    socket = bench.online()
    socket.emit("last words")
    socket.disconnect()
    bench.flush()
    assert bench.texts == ["0", '2["last words"]', "1"] and bench.live == []


@pytest.mark.parametrize("state", ["idle", "opening", "connected", "waiting"])
def test_whenDisconnected(bench: Bench, state: str) -> None:
    """
    It fires when nothing is left, from each state, at once when idle.
    """
    socket = bench.connect(autoConnect=state != "idle")
    if state == "waiting":
        bench.refuse()
    if state in ("connected", "waiting"):
        bench.flush()
    seen = outcomes(socket.whenDisconnected())
    assert seen == ([None] if state == "idle" else [])
    socket.disconnect()
    bench.flush()
    assert seen == [None] and outcomes(socket.whenDisconnected()) == [None]


def test_whenDisconnectedTakesTwoSecondsAtMost(bench: Bench) -> None:
    """
    When the network takes nothing, disconnect() gives up after 2 s.
    """
    socket = bench.online()
    bench.connection.congest()
    socket.emit("x")
    socket.disconnect()
    seen = outcomes(socket.whenDisconnected())
    bench.advance(1.9)
    assert seen == []
    bench.advance(0.1)
    assert seen == [None]


def test_whenDisconnectedNotOnALoss(bench: Bench) -> None:
    """
    A temporary loss is no disconnection; cancelled, it is forgotten.
    """
    socket = bench.online()
    cancelled = socket.whenDisconnected()
    lost = outcomes(cancelled)
    seen = outcomes(socket.whenDisconnected())
    bench.connection.drop()
    bench.advance(1)
    cancelled.cancel()
    assert seen == [] and len(lost) == 1 and socket.connected
    socket.disconnect()
    bench.flush()
    assert seen == [None]


def test_whenDisconnectedCancelledAtTheEnd(bench: Bench) -> None:
    """
    Cancelling it while the goodbye is under way disturbs nobody.
    """
    socket = bench.online()
    socket.disconnect()
    first, second = socket.whenDisconnected(), socket.whenDisconnected()
    lost, seen = outcomes(first), outcomes(second)
    first.cancel()
    bench.flush()
    assert isinstance(lost[0], CancelledError) and seen == [None] and socket.disconnected


def test_whenDisconnectedBesideOthers(bench: Bench) -> None:
    """
    A socket that leaves others behind waits for nothing.
    """
    bench.of("/b")
    other = bench.online().io.socket("/b")
    bench.flush()
    seen = outcomes(other.whenDisconnected())
    other.disconnect()
    assert seen == [None]


def test_settled(bench: Bench) -> None:
    """
    A socket is settled when nothing waits to be sent or answered, or no
    connection will come to do it.
    """
    socket = bench.connect()
    assert socket.settled
    socket.emit("x")
    assert not socket.settled
    bench.flush()
    assert socket.settled
    socket.emitWithAck("y").addErrback(lambda _: None)
    bench.flush()
    assert not socket.settled
    socket.disconnect()
    assert socket.settled


def test_awaitsAnswer(bench: Bench) -> None:
    """
    It knows whether it waits for anything the server must send.
    """
    socket = bench.connect()
    seen = [socket.awaitsAnswer]
    bench.flush()
    seen.append(socket.awaitsAnswer)
    waiting = socket.whenEvent("a")
    seen.append(socket.awaitsAnswer)
    waiting.addErrback(lambda _: None)
    waiting.cancel()
    seen.append(socket.awaitsAnswer)
    assert seen == [False, False, True, False]


# listeners that act


ACTIONS: dict[str, Any] = {
    "disconnect": lambda socket: socket.disconnect(),
    "restart": lambda socket: socket.disconnect().connect(),
    "connect": lambda socket: socket.connect(),
    "close": lambda socket: socket.io.close(),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("event", ["connect", "disconnect", "connect_error", "x"])
def test_listenersMayDoAnything(bench: Bench, event: str, action: str) -> None:
    """
    disconnect(), connect() and close() work from inside every listener
    (behaviours T16; faults F122).
    """
    if event == "connect_error":
        bench.refuse()
    socket = bench.connect()
    told = journal(socket)
    socket.once(event, lambda: ACTIONS[action](socket))
    bench.advance(0.5)
    if event == "disconnect":
        bench.connection.drop()
    bench.emit("x")
    bench.advance(3)
    expected = action in ("connect", "restart")
    assert (socket.connected, socket.io.state == "open") == (expected, expected)
    states = [each for each in told if each == "connect" or each[0] == "disconnect"]
    assert all(
        (first == "connect") != (second == "connect")
        for first, second in zip(states, states[1:], strict=False)
    )


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "event", ["open", "close", "error", "reconnect_attempt", "reconnect_error", "reconnect"]
)
def test_listenersOfTheManagerMayDoAnything(bench: Bench, event: str, action: str) -> None:
    """
    So they do from inside the manager's listeners.
    """
    bench.refuse(2)
    socket = bench.connect()
    done: list[str] = []

    def act() -> None:
        done.append(event)
        ACTIONS[action](socket)

    socket.io.once(event, act)
    bench.advance(4)
    for connection in bench.live:
        connection.drop()  # type: ignore[attr-defined]
    bench.advance(5)
    assert done == [event]
    expected = action in ("connect", "restart")
    assert (socket.connected, socket.io.state == "open") == (expected, expected)


def test_theDecoderErrorReachesTheListener(bench: Bench) -> None:
    """
    disconnect has the error as details, with what was seen (behaviours Q8).
    """
    socket = bench.online()
    told: list[Any] = []
    socket.on("disconnect", lambda *args: told.append(args))
    bench.connection.sendRaw("4{garbage")
    bench.flush()
    assert isinstance(told[0][1], DecodeError) and "garbage" in str(told[0][1])


def test_engineCloseIsToldToTheManager(bench: Bench) -> None:
    """
    engine.close() is a forced close on the manager, and it comes back.
    """
    socket = bench.online()
    closed: list[Any] = []
    socket.io.on("close", lambda reason, details: closed.append(reason))
    pending = outcomes(socket.emitWithAck("x"))
    socket.io.engine.close()
    assert closed == ["forced close"] and isinstance(pending[0], Disconnected)
