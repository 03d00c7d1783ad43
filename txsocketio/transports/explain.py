"""
Why a connection failed, in words for the person who must mend it.

Twisted and OpenSSL wrap their errors in lists of failures and of codes; here
they are unwrapped, named, and joined with what to do about them.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import defer, error
from twisted.python.failure import Failure

from txsocketio.errors import excerpt

__all__ = ["CERTIFICATE_NOTE", "explainFailure", "hangUpHint", "rootCause"]

CERTIFICATE_NOTE = "certificate: "
"""How a note of L{txsocketio.transports.tls} begins that says what is wrong
with a server's certificate; OpenSSL's errors do not say it themselves."""

_TRUST = "pass ca= with the certificate of your CA"

# OpenSSL's words, and what to do about them; the first that fits counts.
_CERTIFICATE_FIXES = [
    ("self-signed", _TRUST),
    ("self signed", _TRUST),
    ("local issuer", _TRUST),
    ("first certificate", _TRUST),
    ("has expired", "renew the server's certificate, and check this machine's clock"),
    ("not yet valid", "check this machine's clock"),
]

_TLS_FIXES = [
    ("wrong version number", "the server does not speak TLS on this port: use http:// or ws://"),
    ("packet length too long", "the server does not speak TLS on this port: use http:// or ws://"),
    ("http request", "the server does not speak TLS on this port: use http:// or ws://"),
    ("certificate required", "the server wants a client certificate: pass cert= and key=, or pfx="),
    ("unknown ca", "the server does not trust our certificate: check cert="),
    ("unsupported protocol", "the server only offers TLS versions that are not safe any more"),
    ("protocol version", "client and server have no TLS version in common"),
    ("handshake failure", "no cipher in common, or it wants a client certificate: cert= and key="),
]

_PLAIN: list[tuple[type[BaseException], str]] = [
    (error.DNSLookupError, "the host name was not found: check the URL, and the resolver"),
    (
        error.ConnectionRefusedError,
        "connection refused: nothing listens on this port; is it the right one?",
    ),
    (error.NoRouteError, "no route to the host"),
    (error.ConnectBindError, "cannot connect from localAddress"),
    (error.TCPTimedOutError, "the connection attempt timed out: host down, or a firewall"),
    (error.TimeoutError, "timed out"),
    (error.ConnectingCancelledError, "the connection attempt was given up"),
    (defer.CancelledError, "given up before it was done"),
    (error.ConnectionDone, "the server closed the connection"),
    (error.ConnectionAborted, "the connection was aborted"),
    (error.ConnectionLost, "the connection was lost"),
]


def rootCause(failure: Failure) -> BaseException:
    """
    The exception at the bottom of Twisted's wrappers.

    Fit to be the C{__cause__} of a L{TransportError
    <txsocketio.errors.TransportError>}.
    """
    value: Any = failure.value
    for _ in range(10):
        reasons = getattr(value, "reasons", None)
        if isinstance(value, defer.FirstError):
            value = value.subFailure.value
        elif isinstance(reasons, (list, tuple)) and reasons and isinstance(reasons[0], Failure):
            value = reasons[0].value
        else:
            break
    cause: BaseException = value
    return cause


def explainFailure(failure: Failure, where: str = "") -> str:
    """
    Say what went wrong, and what helps.

    @param where: the server, as the user knows it, e.g. C{"example.com:8443"}.
    @return: one line, without secrets.
    """
    cause = rootCause(failure)
    text = _explain(cause)
    return f"{where}: {text}" if where else text


def hangUpHint(cause: BaseException, url: str) -> str:
    """
    What it may mean that a server ends a connection instead of answering.

    @param url: what was asked.
    @return: a hint, or nothing if it was something else.
    """
    if not isinstance(cause, (error.ConnectionDone, error.ConnectionLost)):
        return ""
    hint = "if it speaks TLS on this port, use https:// or wss://"
    if url.startswith(("https:", "wss:")):
        hint = "it may want another client certificate: check cert= and key=, or pfx="
    if url.startswith("ws"):
        # As Node's Engine.IO does with an upgrade at a path that is not its own.
        hint = f"some hang up when path= is not theirs; {hint}"
    return hint


def _explain(cause: BaseException) -> str:
    if isinstance(cause, VerificationError):
        names = _certificateNote(cause)
        return (
            "the certificate is not for this host name (wrong host)"
            f"{names and f' but for {names}'}: "
            "use a name the certificate holds, or have it made for this one"
        )
    if isinstance(cause, SSL.Error):
        return _explainTLS(cause)
    for kind, text in _PLAIN:
        if isinstance(cause, kind):
            return f"{text}{_systemText(cause)}"
    text = str(cause)
    return excerpt(text, 300)[1:-1] if text else type(cause).__name__


def _systemText(cause: BaseException) -> str:
    """
    What the operating system said, unless that is in our text already.
    """
    if isinstance(cause, error.ConnectBindError):
        return f" ({cause})"
    return ""


def _explainTLS(cause: BaseException) -> str:
    problem = _certificateNote(cause)
    if problem:
        return _withFix(f"certificate verify failed: {problem}", _CERTIFICATE_FIXES)
    codes = cause.args[0] if cause.args and isinstance(cause.args[0], (list, tuple)) else ()
    reasons = [str(code[-1]) for code in codes if isinstance(code, tuple) and code]
    text = ", ".join(reasons) or str(cause) or type(cause).__name__
    if "certificate verify failed" in text:
        return f"{text}; {_TRUST}"
    return _withFix(f"TLS failed: {text}", _TLS_FIXES)


def _certificateNote(cause: BaseException) -> str:
    notes = getattr(cause, "__notes__", ())
    found = (note for note in notes if note.startswith(CERTIFICATE_NOTE))
    return next(found, "").removeprefix(CERTIFICATE_NOTE)


def _withFix(text: str, fixes: list[tuple[str, str]]) -> str:
    words = text.lower()
    fix = next((fix for sign, fix in fixes if sign in words), "")
    return f"{text}; {fix}" if fix else text
