"""
The life of a connection as logs tell it: one line each, in order, with fields
to search by, and nothing secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import LogLevel, eventAsText, globalLogPublisher

from clientkit import Bench, benchFixture
from txsocketio.errors import SocketIOError

__all__ = ["benchFixture"]

URL = "http://memory:80"
SECRET = "hunter2"


class Log(list[Any]):
    """
    The events of level info and above.
    """

    @property
    def lines(self) -> list[str]:
        return [eventAsText(each, includeTimestamp=False, includeSystem=False) for each in self]

    def fields(self, number: int, *names: str) -> list[Any]:
        return [self[number][name] for name in names]


@pytest.fixture(name="log")
def logFixture() -> Iterator[Log]:
    log = Log()

    def observe(event: Any) -> None:
        if event["log_level"] >= LogLevel.info and "txsocketio" in event["log_namespace"]:
            log.append(event)

    globalLogPublisher.addObserver(observe)
    yield log
    globalLogPublisher.removeObserver(observe)


def test_life(bench: Bench, log: Log) -> None:
    """
    From the first attempt to our own goodbye: what happened, in order.
    """
    socket = bench.online()
    bench.connection.drop()
    bench.advance(1)
    socket.disconnect()
    lost = "transport close: websocket connection closed (code 1006, reason '', wasClean False)"
    assert log.lines == [
        f"Connecting to {URL}.",
        f"Connected to {URL}.",
        f"Namespace / of {URL} is connected.",
        f"Lost {URL}: {lost}.",
        f"Next attempt to reach {URL} in 1.0 s.",
        f"Connecting to {URL}.",
        f"Connected to {URL}.",
        f"Namespace / of {URL} is connected.",
        f"Left {URL}.",
    ]


def test_fieldsOfTheLife(bench: Bench, log: Log) -> None:
    """
    Each line carries what it says as fields.
    """
    socket = bench.online()
    engine, sid = socket.io.engine.id, socket.id  # type: ignore[union-attr]
    bench.connection.drop()
    bench.flush()
    assert {each["url"] for each in log} == {URL}
    assert log.fields(0, "attempt") == [0]
    assert log.fields(1, "attempt", "sid") == [0, engine]
    assert log.fields(2, "namespace", "sid", "recovered") == ["/", sid, False]
    assert log.fields(3, "reason") == ["transport close"]
    assert log.fields(4, "attempt", "delay") == [1, 1.0]


def test_attempts(bench: Bench, log: Log) -> None:
    """
    Attempts that fail, each with its number and why, and the end of them.
    """
    bench.refuse(times=None)
    bench.connect(reconnectionAttempts=1)
    bench.advance(1)
    bench.flush()
    failures = [each for each in log if "Could not" in each["log_format"]]
    assert [each["attempt"] for each in failures] == [0, 1]
    assert log.lines[-1] == f"Gave up on {URL} after 1 reconnection attempts."


def test_whyBeforeWhatNext(bench: Bench, log: Log) -> None:
    """
    Why an attempt failed is said before when the next one is made.
    """
    bench.refuse(times=None)
    bench.connect()
    bench.flush()
    starts = [line.partition(" ")[0] for line in log.lines]
    assert starts == ["Connecting", "Could", "Next"]


def test_refused(bench: Bench, log: Log) -> None:
    """
    A namespace that is refused is named, with the server's reason.
    """
    bench.of("/vip").use(lambda auth: "no card")
    socket = bench.connect("http://memory/vip")
    bench.flush()
    assert not socket.active
    (line,) = [line for line in log.lines if line.startswith("Namespace")]
    assert line.startswith(f"Namespace /vip of {URL} was refused: no card")


def test_kicked(bench: Bench, log: Log) -> None:
    """
    A disconnection by the server says so.
    """
    bench.online()
    bench.of("/").disconnectSockets()
    bench.flush()
    expected = f"Namespace / of {URL} was ended by the server: io server disconnect."
    assert log.lines[3:] == [expected, f"Left {URL}."]


def test_sessionFailed(bench: Bench, log: Log, flushLoggedErrors: Any) -> None:
    """
    So does a session listener that fails, with where it failed; and the retry
    that follows.
    """
    socket = bench.connect(autoConnect=False)
    problems = [LookupError("no such room")]

    def logIn(info: Any) -> None:
        if problems:
            raise problems.pop()

    socket.onSession(logIn)
    socket.connect()
    bench.flush()
    assert log[2]["log_source"] is socket and flushLoggedErrors(LookupError)
    assert log.lines[2].startswith("A session listener of <Socket /")
    assert log.lines[2].endswith("\nbuiltins.LookupError: no such room\n")
    assert log.lines[3:] == [
        f"Namespace / of {URL} is not ready: LookupError: no such room.",
        f"Lost {URL}: forced close: LookupError: no such room.",
        f"Next attempt to reach {URL} in 1.0 s.",
    ]


def test_namespaceAlone(bench: Bench, log: Log) -> None:
    """
    A namespace that must wait while another goes on says when it is tried.
    """
    bench.of("/vip").use(lambda auth: "later")
    socket = bench.online(retryOnConnectError=True)
    socket.io.socket("/vip")
    bench.flush()
    assert log.lines[-1] == f"Namespace /vip of {URL} is tried again in 1.0 s."


# secrets


def everything(log: Log) -> str:
    """
    All that an observer could write down.
    """
    shown = [{k: v for k, v in each.items() if k != "log_logger"} for each in log]
    return "\n".join(log.lines) + repr(shown)


def test_noSecrets(bench: Bench, log: Log) -> None:
    """
    Neither auth, query, headers and cookies, nor what is sent and received is
    ever logged.
    """
    socket = bench.connect(
        f"http://user:{SECRET}@memory?key={SECRET}",
        auth={"token": SECRET},
        query={"token": SECRET},
        extraHeaders={"Cookie": f"id={SECRET}", "Authorization": SECRET},
        autoConnect=False,
    )
    socket.on("news", lambda text: None)
    socket.connect().emit("login", SECRET)
    bench.flush()
    bench.of("/").emit("news", SECRET)
    bench.flush()
    bench.connection.drop()
    bench.advance(1)
    socket.disconnect()
    assert len(log) > 6 and SECRET not in everything(log)


def test_noPayloadOfABrokenServer(bench: Bench, log: Log) -> None:
    """
    Of a packet that cannot be read, only what is wrong with it is logged.
    """
    bench.online()
    bench.connection.sendRaw(f'42["{SECRET}"')
    bench.flush()
    assert log.fields(3, "reason") == ["parse error"]
    assert SECRET not in everything(log)


def test_noSecretOfARefusal(bench: Bench, log: Log) -> None:
    """
    The data that a server sends with a refusal is for the program.
    """
    bench.of("/").answersConnect = False
    bench.connect()
    bench.flush()
    bench.connection.sendRaw(f'44{{"message":"no","data":"{SECRET}"}}')
    bench.flush()
    assert "was refused: no" in log.lines[-2] and SECRET not in everything(log)


@pytest.mark.parametrize("auth", [lambda: SECRET, lambda: [SECRET]], ids=["text", "list"])
def test_noSecretOfABadAuth(bench: Bench, log: Log, auth: Any) -> None:
    """
    An auth of a wrong type is named by its type only.
    """
    bench.connect(auth=auth)
    bench.flush()
    assert any("auth must be a mapping" in line for line in log.lines)
    assert SECRET not in everything(log)


# state, why, repr


def test_whyOfEachState(bench: Bench) -> None:
    """
    In every state C{why} is a sentence about it.
    """
    told: list[tuple[str, str]] = []
    bench.of("/").answersConnect = False
    socket = bench.connect(autoConnect=False, reconnectionAttempts=1)

    def note() -> None:
        told.append((socket.state, socket.why))

    note()
    socket.connect()
    note()
    bench.flush()
    note()
    bench.connection.sendRaw('40{"sid":"x"}')
    bench.flush()
    note()
    bench.refuse(times=None)
    bench.connection.drop()
    bench.flush()
    note()
    bench.advance(1)
    bench.flush()
    note()
    bench.accept()
    socket.connect().disconnect()
    note()
    *rest, (failed, whyFailed), last = told
    assert rest == [
        ("disconnected", "connect() was not called yet"),
        ("connecting", "connecting to the server"),
        ("connecting", "waiting for the answer to CONNECT for namespace /"),
        ("connected", "connected as x"),
        ("waiting", "the connection was lost: transport close"),
    ]
    assert (failed, whyFailed[:40]) == ("failed", "gave up after 1 reconnection attempts; t")
    assert last == ("disconnected", "disconnect() was called")


def test_whyWithSessionListeners(bench: Bench) -> None:
    """
    As long as session listeners run, C{why} says so.
    """
    from twisted.internet.defer import Deferred

    socket = bench.connect(autoConnect=False)
    socket.onSession(lambda info: Deferred())
    socket.connect()
    bench.flush()
    assert (socket.state, socket.why) == ("connecting", "waiting for the session listeners")


def test_whyAfterClose(bench: Bench) -> None:
    """
    A socket whose manager was closed says who did it.
    """
    socket = bench.online()
    socket.io.close()
    assert (socket.state, socket.why) == ("disconnected", "close() of the manager was called")


def test_whyRefused(bench: Bench) -> None:
    """
    After a refusal, C{why} is the server's message, and where it came from.
    """
    bench.of("/").use(lambda auth: "no card")
    socket = bench.connect()
    bench.flush()
    assert socket.state == "disconnected" and socket.why.startswith("no card (namespace / of ")


def test_whyKicked(bench: Bench) -> None:
    """
    After a disconnection by the server, C{why} says whose doing it was.
    """
    socket = bench.online()
    bench.of("/").disconnectSockets()
    bench.flush()
    assert (socket.state, socket.why) == ("disconnected", "the server disconnected us")


def test_stream(bench: Bench) -> None:
    """
    A stream says of what it is, how much waits, and whether it has ended.
    """
    socket = bench.online()
    stream = socket.stream("tick", "tock")
    bench.of("/").emit("tick", 1)
    bench.flush()
    before = repr(stream)
    socket.disconnect()
    assert before == "<Stream of tick, tock: 1 waiting>"
    assert repr(stream) == "<Stream of tick, tock: 1 waiting, ended>"


def test_endpoint() -> None:
    """
    An endpoint says where it leads, and nothing secret.
    """
    from twisted.internet.task import Clock

    from txsocketio import EngineEndpoint

    endpoint = EngineEndpoint(Clock(), f"http://a.example/live?key={SECRET}")
    assert repr(endpoint) == "<EngineEndpoint http://a.example:80 path=/live>"


def test_errorsAreOurs(bench: Bench) -> None:
    """
    What C{connect_error} brings explains itself as C{why} does.
    """
    bench.refuse(times=None)
    socket = bench.connect(autoConnect=False)
    errors: list[SocketIOError] = []
    socket.on("connect_error", errors.append)
    socket.connect()
    bench.flush()
    assert [str(each) for each in errors] == [socket.why]
