"""
What errors say.
"""

from __future__ import annotations

import pickle

import pytest

from txsocketio import errors
from txsocketio.errors import (
    AckTimeout,
    ConnectRefused,
    DecodeError,
    Disconnected,
    PayloadTooLarge,
    ReconnectFailed,
    ReservedEventName,
    SocketIOError,
    TransportError,
    described,
    excerpt,
)


@pytest.mark.parametrize("name", [each for each in errors.__all__ if each != "SocketIOError"])
def test_oneRoot(name: str) -> None:
    """
    Whoever catches L{SocketIOError} catches everything of ours.
    """
    assert issubclass(getattr(errors, name), SocketIOError)


class Mute(Exception):
    """
    Anybody's error may itself be broken.
    """

    def __str__(self) -> str:
        raise LookupError


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (KeyError("room"), "KeyError: 'room'"),
        (AssertionError(), "AssertionError"),
        (Mute(), "Mute: its text cannot be read"),
        (ReservedEventName("connect"), str(ReservedEventName("connect"))),
        ("a reason", "a reason"),
    ],
)
def test_othersErrorsAreDescribedWithTheirType(problem: object, text: str) -> None:
    """
    Their texts alone may say nothing; ours are whole sentences.
    """
    assert described(problem) == text


def test_mistakesAreAlsoWhatPythonCallsThem() -> None:
    """
    A reserved name is a L{ValueError}, an argument that cannot be sent a
    L{TypeError}, for code that knows nothing of ours.
    """
    assert issubclass(ReservedEventName, ValueError)
    assert issubclass(errors.NotEncodable, TypeError)


def test_reservedName() -> None:
    """
    behaviours B22: the text is the reference's.
    """
    assert '"disconnecting" is a reserved event name' in str(ReservedEventName("disconnecting"))


class TestExcerpt:
    def test_short(self) -> None:
        """
        Little is shown whole.
        """
        assert excerpt(b"abc") == "'abc'"

    def test_long(self) -> None:
        """
        Much is cut, and its size told.
        """
        assert excerpt(b"x" * 100, 4) == "'xxxx'... (100 in all)"

    def test_oneLine(self) -> None:
        """
        What a server sends cannot forge lines of a log.
        """
        assert "\n" not in excerpt("a\nb\x1b[0m") and "\x1b" not in excerpt("a\nb\x1b[0m")

    def test_notText(self) -> None:
        """
        Anything can be shown.
        """
        assert "{'a': 1}" in excerpt({"a": 1})


class TestConnectRefused:
    def test_saysTheServersText(self) -> None:
        """
        behaviours B19, Q12: the message is the server's, and so is the data.
        """
        error = ConnectRefused("/no", "Auth failed", {"code": 7})
        assert (error.message, error.data) == ("Auth failed", {"code": 7})
        assert str(error) == "Auth failed (namespace /no)"

    def test_withoutText(self) -> None:
        """
        An empty message still says what happened.
        """
        assert str(ConnectRefused("/", "")) == "connection refused (namespace /)"

    def test_hint(self) -> None:
        """
        Where we know the fix, it follows.
        """
        assert str(ConnectRefused("/x", "Invalid namespace", None, "try /")).endswith("; try /")


class TestTransportError:
    def test_saysWhereAndWhat(self) -> None:
        """
        One line tells URL, transport, phase, status and the answer's head.
        """
        error = TransportError(
            "xhr poll error",
            url="http://h/socket.io/",
            transport="polling",
            phase="handshake",
            status=503,
            body=b"<html>",
        )
        assert str(error) == (
            "xhr poll error: HTTP status 503: the answer begins '<html>' "
            "[polling handshake http://h/socket.io/]"
        )

    def test_causeIsTold(self) -> None:
        """
        Without an explanation of ours the cause speaks.
        """
        error = TransportError("websocket error")
        error.__cause__ = OSError("no route")
        assert str(error) == "websocket error: OSError: no route"

    def test_closeCode(self) -> None:
        """
        A WebSocket's close code is told, with our explanation.
        """
        error = TransportError("websocket error", code=1009, explanation="too big")
        assert str(error) == "websocket error: close code 1009: too big"

    @pytest.mark.parametrize(
        ("given", "description"),
        [
            ({"status": 413, "code": 1}, 413),
            ({"code": 1006}, 1006),
            ({"explanation": "why"}, "why"),
            ({}, None),
        ],
    )
    def test_description(self, given: dict[str, object], description: object) -> None:
        """
        behaviours I11: C{description} is the reference's: the status first.
        """
        assert TransportError("x", **given).description == description  # type: ignore[arg-type]

    def test_headersByAnyCase(self) -> None:
        """
        Header names have no case.
        """
        error = TransportError("x", headers=[("Retry-After", "3")])
        assert error.header("retry-after") == "3"
        assert error.header("Date") is None

    def test_bodyIsBounded(self) -> None:
        """
        An error does not keep a gigabyte.
        """
        assert len(TransportError("x", body=b"x" * 5000).body) == 1024


def test_decodeErrorShowsTheHead() -> None:
    """
    What was seen is shown, as far as it helps.
    """
    assert str(DecodeError("bad", b"zz")) == "bad: 'zz'"


def test_ackTimeoutNamesTheEvent() -> None:
    """
    Which event, how long, how often if more than once.
    """
    text = "'hi' was not acknowledged within 2.5 s"
    assert str(AckTimeout("hi", 2.5)) == text
    assert str(AckTimeout("hi", 2.5, tries=3)) == f"{text}, sent 3 times"


@pytest.mark.parametrize(
    ("details", "text"),
    [(None, "disconnected: ping timeout"), ("why", "disconnected: ping timeout (why)")],
)
def test_disconnectedGivesTheReason(details: object, text: str) -> None:
    """
    The reason is the reference's, verbatim, and the details follow.
    """
    error = Disconnected("ping timeout", details)
    assert error.reason == "ping timeout"
    assert str(error) == text


def test_reconnectFailedTellsTheLastError() -> None:
    """
    Giving up says how often was tried, and what happened last.
    """
    assert str(ReconnectFailed(3)) == "gave up after 3 reconnection attempts"
    assert str(ReconnectFailed(1, OSError("no"))).endswith("the last error was: OSError: no")


def test_payloadTooLargeGivesTheFix() -> None:
    """
    Size, limit, and what to do.
    """
    text = str(PayloadTooLarge(200, 100))
    assert "200 bytes" in text and "100" in text and "maxHttpBufferSize" in text


def test_errorsTravel() -> None:
    """
    Simple errors can be pickled, as multiprocessing users expect.
    """
    assert str(pickle.loads(pickle.dumps(DecodeError("bad", b"zz"))).what) == "bad"
