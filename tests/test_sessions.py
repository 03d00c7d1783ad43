"""
Session listeners, and how they talk past the buffers.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from txsocketio.errors import Disconnected
from txsocketio.modifiers import PLAIN
from txsocketio.sessions import SessionInfo, runSession


class Sender:
    """
    What a session's information needs of a sender.
    """

    def __init__(self) -> None:
        self.sessions = 0
        self.sent: list[Any] = []

    def emitNow(self, how: Any, event: Any, args: Any) -> Deferred[bool]:
        self.sent.append(("emit", how, event, args))
        return succeed(True)

    def callNow(self, how: Any, event: Any, args: Any) -> Deferred[Any]:
        self.sent.append(("call", how, event, args))
        return succeed("answer")


class Session:
    """
    A session that is being set up.
    """

    def __init__(self) -> None:
        self.sender = Sender()
        self.log: list[Any] = []
        self.info = SessionInfo(self.sender, self.whenEvent, True, "transport close", False)

    def whenEvent(self, *args: Any) -> Deferred[Any]:
        self.log.append(args)
        return Deferred()

    def run(self, *listeners: Any) -> Deferred[None]:
        done = runSession(listeners, self.info)
        done.addCallbacks(lambda _: self.log.append("done"), lambda why: self.log.append(why.value))
        return done


@pytest.fixture
def session() -> Session:
    return Session()


def test_plainListeners(session: Session) -> None:
    """
    Plain functions are called at once, in order, with the same information.
    """
    session.run(session.log.append, lambda info: session.log.append("second"))
    assert session.log == [session.info, "second", "done"]


def test_nobody(session: Session) -> None:
    """
    Without listeners it is done at once.
    """
    session.run()
    assert session.log == ["done"]


def test_oneAfterTheOther(session: Session) -> None:
    """
    The next listener is called when what the last returned has fired.
    """
    first: Deferred[None] = Deferred()
    second: Deferred[None] = Deferred()

    async def login(info: SessionInfo) -> None:
        session.log.append("login")
        await second

    session.run(lambda info: first, login)
    assert session.log == []
    first.callback(None)
    assert session.log == ["login"]
    second.callback(None)
    assert session.log == ["login", "done"]


def broken(info: SessionInfo) -> Any:
    raise RuntimeError("broken")


async def brokenLater(info: SessionInfo) -> Any:
    raise RuntimeError("broken")


@pytest.mark.parametrize("listener", [broken, brokenLater])
def test_failure(session: Session, listener: Any) -> None:
    """
    The first that fails fails the session; the others are not called.
    """
    session.run(listener, session.log.append)
    assert [type(each) for each in session.log] == [RuntimeError]


def test_cancel(session: Session) -> None:
    """
    A session that ends meanwhile cancels what is waited for.
    """
    cancelled: list[Any] = []
    waiting: Deferred[None] = Deferred(cancelled.append)
    session.run(lambda info: waiting, session.log.append).cancel()
    assert cancelled == [waiting]
    assert [type(each) for each in session.log] == [CancelledError]


def test_addedMeanwhile(session: Session) -> None:
    """
    A listener that is added by another one waits for the next session.
    """
    listeners: list[Any] = []
    listeners.append(lambda info: listeners.append(session.log.append))
    runSession(listeners, session.info)
    assert session.log == []


def test_information(session: Session) -> None:
    """
    A listener is told what became of the last session, and can print it.
    """
    info = session.info
    assert (info.recovered, info.reason, info.first) == (True, "transport close", False)
    assert repr(info) == "<SessionInfo recovered=True reason='transport close' first=False>"


def test_pastTheBuffers(session: Session) -> None:
    """
    What a listener emits through its information goes now.
    """
    assert session.info.emit("login", 1).result is True
    assert session.info.emitWithAck("token").result == "answer"
    assert session.sender.sent == [("emit", PLAIN, "login", (1,)), ("call", PLAIN, "token", ())]


@pytest.mark.parametrize("way", ["emit", "emitWithAck"])
def test_sessionOver(session: Session, way: str) -> None:
    """
    Kept longer than its session, it sends nothing into another one.
    """
    session.sender.sessions += 1
    failed = getattr(session.info, way)("login")
    assert isinstance(failed.result.value, Disconnected)
    failed.addErrback(lambda _: None)
    assert session.sender.sent == []


def test_whenEvent(session: Session) -> None:
    """
    It waits for events as the socket does.
    """
    session.info.whenEvent("ready", 5.0)
    session.info.whenEvent("ready", check=bool)
    assert session.log == [("ready", 5.0, None), ("ready", None, bool)]
