"""
Every exception this library hands to its users.

A user decides what to catch from this one drawing::

    SocketIOError
    |-- yours: raised at the call that is mistaken
    |   |-- ReservedEventName   (also a ValueError)   emit("connect", ...)
    |   |-- NotEncodable        (also a TypeError)    emit("a", {1, 2})
    |   `-- BufferFull                                sendBufferLimit is reached
    |-- theirs: what the server said
    |   |-- ConnectRefused                            a namespace was refused
    |   `-- DecodeError                               bytes that are not the protocol
    `-- the line's: what happened on the way
        |-- TransportError                            DNS, TCP, TLS, HTTP, WebSocket
        |-- AckTimeout                                no acknowledgement in time
        |-- Disconnected                              the session ended first
        |-- Dropped                                   a packet was dropped on purpose
        |-- ReconnectFailed                           reconnectionAttempts are spent
        |-- PayloadTooLarge                           one packet over maxPayload
        `-- Overflow                                  a stream fell too far behind

This module is ground floor: it must not know Twisted, nor any other module.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AckTimeout",
    "BufferFull",
    "ConnectRefused",
    "DecodeError",
    "Disconnected",
    "Dropped",
    "NotEncodable",
    "Overflow",
    "PayloadTooLarge",
    "ReconnectFailed",
    "ReservedEventName",
    "SocketIOError",
    "TransportError",
]

EXCERPT_BYTES = 80
"""How much of a bad packet an error shows."""

BODY_BYTES = 1024
"""How much of a refused response's body an error keeps."""


def excerpt(data: object, limit: int = EXCERPT_BYTES) -> str:
    """
    Show the head of something received, for an error message.

    @return: a printable, single-line text of at most C{limit} bytes of the
        original, saying how long the whole was when it was cut.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        head = ascii(bytes(data[:limit]))[1:]
    else:
        data = data if isinstance(data, str) else repr(data)
        head = ascii(data[:limit])
    return head if len(data) <= limit else f"{head}... ({len(data)} in all)"


class SocketIOError(Exception):
    """
    The root of every error of this library.
    """


def described(problem: object) -> str:
    """
    Say what went wrong: the errors of this library do it themselves, of any
    other the text alone may be next to nothing (C{KeyError}'s is the key).
    Raises nothing, whatever the problem's C{__str__} does.
    """
    try:
        text = str(problem)
    except Exception:
        text = "its text cannot be read"
    if isinstance(problem, SocketIOError) or not isinstance(problem, BaseException):
        return text
    name = type(problem).__name__
    return f"{name}: {text}" if text else name


# yours


class ReservedEventName(SocketIOError, ValueError):
    """
    An event was emitted under a name the protocol keeps for itself.

    @ivar event: the name.
    """

    def __init__(self, event: str) -> None:
        super().__init__(f'"{event}" is a reserved event name; choose another name')
        self.event = event


class NotEncodable(SocketIOError, TypeError):
    """
    An argument of an emit cannot be sent.

    The message names the place in the arguments and the type found there.
    """


class BufferFull(SocketIOError):
    """
    An emit would exceed C{sendBufferLimit}; nothing was buffered.
    """


# theirs


class ConnectRefused(SocketIOError):
    """
    The server refused a namespace (CONNECT_ERROR, Socket.IO v5).

    @ivar namespace: the namespace refused.
    @ivar message: the server's text, possibly empty.
    @ivar data: whatever the server sent with it, or L{None}.
    @ivar url: the server's URL, or nothing.
    """

    def __init__(
        self, namespace: str, message: str, data: object = None, hint: str = "", url: str = ""
    ) -> None:
        super().__init__(message, data)
        self.namespace = namespace
        self.message = message
        self.data = data
        self.hint = hint
        self.url = url

    def __str__(self) -> str:
        where = f"namespace {self.namespace}{self.url and f' of {self.url}'}"
        text = f"{self.message or 'connection refused'} ({where})"
        return f"{text}; {self.hint}" if self.hint else text


class DecodeError(SocketIOError):
    """
    The server sent something that is not the protocol.

    @ivar what: what is wrong with it.
    @ivar seen: the offending data; the message shows only its head.
    @ivar hint: what may be the matter, or nothing; added by who knows it.
    @ivar url: the server's URL, or nothing; likewise.
    """

    hint = ""
    url = ""

    def __init__(self, what: str, seen: object = b"") -> None:
        super().__init__(what)
        self.what = what
        self.seen = excerpt(seen)

    def __str__(self) -> str:
        text = f"{self.what}: {self.seen}"
        if self.hint:
            text += f"; {self.hint}"
        return f"{text} [{self.url}]" if self.url else text


# the line's


class TransportError(SocketIOError):
    """
    A transport could not be opened, or broke.

    The original failure, where there is one, is C{__cause__}.

    @ivar message: the reference's short text (C{"xhr poll error"},
        C{"xhr post error"}, C{"websocket error"}, C{"timeout"}), or our own.
    @ivar url: the request's URL without its query.
    @ivar transport: C{"polling"} or C{"websocket"}.
    @ivar phase: what was being done: C{"connect"}, C{"handshake"},
        C{"poll"}, C{"post"}, C{"open"}, C{"upgrade"}, C{"close"}.
    @ivar status: the HTTP status, or L{None}.
    @ivar headers: the response's headers, as pairs of text.
    @ivar body: at most the first 1,024 bytes of the response's body.
    @ivar code: the WebSocket close code, or L{None}.
    """

    def __init__(
        self,
        message: str,
        *,
        explanation: str = "",
        url: str = "",
        transport: str = "",
        phase: str = "",
        status: int | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.explanation = explanation
        self.url = url
        self.transport = transport
        self.phase = phase
        self.status = status
        self.headers = tuple(headers)
        self.body = body[:BODY_BYTES]
        self.code = code

    @property
    def description(self) -> int | str | None:
        """
        The reference's name for the HTTP status, the close code, or the text.
        """
        if self.status is not None:
            return self.status
        return self.code if self.code is not None else self.explanation or None

    def header(self, name: str) -> str | None:
        """
        The first response header of this name, whatever its case.
        """
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def __str__(self) -> str:
        parts = [self.message]
        if self.status is not None:
            parts.append(f"HTTP status {self.status}")
        if self.code is not None:
            parts.append(f"close code {self.code}")
        if self.explanation:
            parts.append(self.explanation)
        elif self.__cause__ is not None:
            parts.append(described(self.__cause__))
        if self.body:
            parts.append(f"the answer begins {excerpt(self.body)}")
        where = " ".join(part for part in (self.transport, self.phase, self.url) if part)
        return ": ".join(parts) + (f" [{where}]" if where else "")


class AckTimeout(SocketIOError):
    """
    The server did not acknowledge an event in time.

    @ivar event: the event's name.
    @ivar seconds: how long we waited, at each try.
    @ivar tries: how often it was sent; more than once with C{retries}.
    """

    def __init__(
        self,
        event: object,
        seconds: float,
        missing: str = "was not acknowledged",
        tries: int = 1,
    ) -> None:
        """
        @param missing: what did not happen.
        """
        often = f", sent {tries} times" if tries > 1 else ""
        super().__init__(f"{event!r} {missing} within {seconds:g} s{often}")
        self.event = event
        self.seconds = seconds
        self.tries = tries


class Disconnected(SocketIOError):
    """
    The session ended before the answer came.

    Whether the server had received the packet is not known.

    @ivar reason: the reference's disconnect reason, verbatim.
    @ivar details: the error or L{CloseDetails
        <txsocketio.protocol.engineio.CloseDetails>} of the C{disconnect} event.
    """

    def __init__(self, reason: str, details: object = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details

    def __str__(self) -> str:
        if self.details is None:
            return f"disconnected: {self.reason}"
        return f"disconnected: {self.reason} ({described(self.details)})"


class Dropped(SocketIOError):
    """
    A packet that wanted an answer was dropped on purpose, so none can come.
    """


class ReconnectFailed(SocketIOError):
    """
    All reconnection attempts are spent.

    @ivar attempts: how many were made.
    @ivar last: the error of the last one, or L{None}.
    """

    def __init__(self, attempts: int, last: BaseException | None = None) -> None:
        super().__init__(attempts, last)
        self.attempts = attempts
        self.last = last

    def __str__(self) -> str:
        text = f"gave up after {self.attempts} reconnection attempts"
        return text if self.last is None else f"{text}; the last error was: {described(self.last)}"


class PayloadTooLarge(SocketIOError):
    """
    A single packet is larger than the server accepts; it was not sent.

    @ivar size: the packet's size on the wire in bytes, base64 growth included.
    @ivar maxPayload: what the server said it accepts.
    """

    def __init__(self, size: int, maxPayload: int) -> None:
        super().__init__(
            f"a packet of {size} bytes is over the server's maxPayload of {maxPayload}; "
            "send less at once, or raise maxHttpBufferSize on the server"
        )
        self.size = size
        self.maxPayload = maxPayload


class Overflow(SocketIOError):
    """
    A stream was not read fast enough, and its buffer is full.
    """
