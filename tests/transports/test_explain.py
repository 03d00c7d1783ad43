"""
Errors in words.
"""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import error
from twisted.internet.defer import CancelledError, FirstError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed, ResponseNeverReceived

from txsocketio.transports.connections import HeadTooLarge
from txsocketio.transports.explain import (
    CERTIFICATE_NOTE,
    explainFailure,
    hangUpHint,
    rootCause,
)
from txsocketio.transports.proxy import ProxyRefused


def wrapped(cause: Exception) -> Failure:
    """
    As Twisted's HTTP client gives it.
    """
    return Failure(ResponseFailed([Failure(ResponseNeverReceived([Failure(cause)]))]))


def test_rootCause() -> None:
    """
    The cause is found below any number of wrappers.
    """
    cause = error.ConnectionDone()
    assert rootCause(wrapped(cause)) is cause


def test_rootCauseOfGathered() -> None:
    """
    The cause is found in what a failed C{gatherResults} gives.
    """
    cause = ValueError("x")
    assert rootCause(Failure(FirstError(wrapped(cause), 0))) is cause


def test_rootCauseUnwrapped() -> None:
    """
    A plain failure is its own cause, even with something called reasons.
    """
    cause = ValueError("x")
    cause.reasons = []  # type: ignore[attr-defined]
    assert rootCause(Failure(cause)) is cause


@pytest.mark.parametrize(
    "cause, text",
    [
        (error.DNSLookupError("x"), "the host name was not found"),
        (error.ConnectionRefusedError(), "nothing listens on this port"),
        (error.TCPTimedOutError(), "host down, or a firewall"),
        (error.NoRouteError(), "no route to the host"),
        (error.TimeoutError(), "timed out"),
        (error.ConnectionDone(), "the server closed the connection"),
        (error.ConnectionLost(), "the connection was lost"),
        (error.ConnectionAborted(), "the connection was aborted"),
        (error.ConnectBindError(99, "Cannot assign"), "from localAddress (Couldn't bind"),
        (CancelledError(), "given up"),
        (VerificationError([]), "not for this host name"),
        (HeadTooLarge(65536), "over 65536 bytes (maxHeaderBytes)"),
        (ProxyRefused("the proxy refused: x"), "the proxy refused: x"),
        (ValueError("some text"), "some text"),
        (KeyError(), "KeyError"),
        (SSL.Error([("a", "b", "wrong version number")]), "does not speak TLS on this port"),
        (SSL.Error([("a", "", "tlsv13 alert certificate required")]), "pass cert= and key="),
        (SSL.Error([("a", "", "certificate verify failed")]), "pass ca="),
        (SSL.Error([("a", "", "something new")]), "TLS failed: something new"),
        (SSL.Error(), "Error"),
        (SSL.SysCallError(104, "ECONNRESET"), "ECONNRESET"),
    ],
)
def test_words(cause: Exception, text: str) -> None:
    """
    Each kind of failure is said in plain words, with what helps.

    faults F107, F108, F109
    """
    assert text in explainFailure(wrapped(cause))


@pytest.mark.parametrize(
    "problem, fix",
    [
        ("self-signed certificate", "; pass ca= with the certificate of your CA"),
        ("unable to get local issuer certificate", "; pass ca= with the certificate of your CA"),
        ("certificate has expired", "; renew the server's certificate"),
        ("certificate is not yet valid", "; check this machine's clock"),
        ("certificate revoked", ""),
    ],
)
def test_certificateProblems(problem: str, fix: str) -> None:
    """
    What is wrong with a certificate is said, with what helps.

    faults F109
    """
    cause = SSL.Error([("a", "", "certificate verify failed")])
    cause.add_note("another note")
    cause.add_note(f"{CERTIFICATE_NOTE}{problem}")
    text = explainFailure(wrapped(cause))
    assert text.startswith(f"certificate verify failed: {problem}{fix}")


def test_where() -> None:
    """
    The server is named first.
    """
    text = explainFailure(Failure(error.ConnectionRefusedError()), "example.com:8443")
    assert text.startswith("example.com:8443: connection refused")


def test_oneLine() -> None:
    """
    A text from outside is shown on one line, and cut.
    """
    text = explainFailure(Failure(ValueError("a\r\nb" * 1000)))
    assert text.isprintable() and len(text) < 1500


@pytest.mark.parametrize("cause", [error.ConnectionDone(), error.ConnectionLost()])
@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://a/", "https://"),
        ("ws://a/", "wss://"),
        ("https://a/", "cert="),
        ("wss://a/", "cert="),
    ],
)
def test_hangUp(cause: Exception, url: str, hint: str) -> None:
    """
    A server that hangs up instead of answering may want TLS, or a client
    certificate (faults F109).
    """
    assert hint in hangUpHint(cause, url)


@pytest.mark.parametrize("url", ["ws://a/", "wss://a/"])
def test_hangUpOnAnUpgrade(url: str) -> None:
    """
    Node's server says nothing to a WebSocket at a path that is not its own.
    """
    assert "path=" in hangUpHint(error.ConnectionDone(), url)


def test_noHangUp() -> None:
    """
    Any other failure says nothing of the kind.
    """
    assert hangUpHint(error.DNSLookupError(), "http://a/") == ""


@pytest.mark.parametrize(
    ("note", "shown"), [("", "(wrong host): "), ("a, b", "host) but for a, b: ")]
)
def test_wrongHost(note: str, shown: str) -> None:
    """
    For whom a certificate is, is said where that is known (faults F109).
    """
    cause = VerificationError([])
    if note:
        cause.add_note(f"{CERTIFICATE_NOTE}{note}")
    assert shown in explainFailure(Failure(cause))


def test_endlessWrappers() -> None:
    """
    A failure that wraps itself is explained all the same, not for ever.
    """
    cause = ResponseFailed([])
    cause.reasons = [Failure(cause)]
    assert rootCause(Failure(cause)) is cause
