"""
What an HTTP answer means that is not the one we wanted, and what helps.

Both transports ask here: a refusal is the same to either.  Must not know how
the request was made, nor connections.  The error codes are those of Node's
Engine.IO server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from txsocketio.errors import excerpt

__all__ = ["explainBody", "explainRefusal"]

Pairs = Sequence[tuple[str, str]]

_V3 = "the server must be Socket.IO 3 or later"

_CODE_FIXES = {
    0: "the server offers another transport only: change transports=",
    1: "it was restarted, or several servers share the address without sticky sessions",
    3: "a proxy on the way may not pass WebSockets on: let it, or use transports=['polling']",
    4: "its allowRequest or CORS rules refuse us: check credentials, and Origin in extraHeaders=",
    5: f"it speaks another version of Engine.IO than 4: {_V3}",
}

_STATUS_FIXES = {
    200: "that is no WebSocket: a captive portal, another server, or a proxy answered",
    401: "it wants credentials: pass Authorization in extraHeaders=, or user:password@ in the URL",
    403: "it does not let us in: check credentials, and Origin in extraHeaders=",
    404: "no Socket.IO server is at this path: check the URL and path=",
    413: "we sent more than it or a proxy accepts: send less, or raise maxHttpBufferSize there",
    429: "it is asked too often: connect less, or raise its limit",
    502: "a proxy answered for a server that does not: is the server running?",
    503: "it is overloaded, restarting or not running; check the server if this lasts",
    504: "a proxy answered for a server that does not: is the server running?",
}

# "96:0{...}" or, in bytes, 0, the digits, 255: how Engine.IO 3 wraps packets.
_ENGINE_IO_3 = re.compile(rb"[0-9]{1,9}:[0-6]|[\0\1][\0-\x09]{1,9}\xff")


def explainRefusal(status: int, headers: Pairs, body: bytes) -> str:
    """
    Say what a refused request means, with the server's own words.

    @param body: the head of it.
    @return: one line, or nothing where the status says all we know.
    """
    if 300 <= status < 400:
        location = _header(headers, "location") or ""
        return (
            f"redirected to {excerpt(location, 200)}; redirects are not followed: "
            "connect to that URL if you trust it"
        )
    parts = [_serversWords(body) or _STATUS_FIXES.get(status, ""), _patience(headers)]
    return "; ".join(part for part in parts if part)


def explainBody(body: bytes) -> str:
    """
    Say what a body may be that is no Engine.IO payload.

    @return: one line, or nothing when it looks like nothing we know.
    """
    if _ENGINE_IO_3.match(body):
        return f"this is Engine.IO 3, of Socket.IO 2: {_V3}"
    if body.lstrip()[:1] == b"<":
        return "this is a web page: a captive portal, or path= is not the server's"
    return ""


def _header(headers: Pairs, wanted: str) -> str | None:
    return next((value for name, value in headers if name.lower() == wanted), None)


def _patience(headers: Pairs) -> str:
    seconds = _header(headers, "retry-after")
    return "" if seconds is None else f"it asks to be left alone (Retry-After: {seconds:.40})"


def _serversWords(body: bytes) -> str:
    said = _serverError(body)
    if said is None:
        return ""
    code, message = said
    text = f"the server says: {excerpt(message, 200)} (code {code})"
    return f"{text}; {_CODE_FIXES[code]}" if code in _CODE_FIXES else text


def _serverError(body: bytes) -> tuple[int, str] | None:
    """
    Read Engine.IO's C{{"code":1,"message":"Session ID unknown"}}.
    """
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if type(said) is not dict:
        return None
    code, message = said.get("code"), said.get("message")
    return (code, message) if type(code) is int and type(message) is str else None
