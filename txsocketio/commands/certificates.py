"""
The TLS step of C{probe}, and what a server's certificate says.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.commands.steps import Finding, Skipped, StepFailed
from txsocketio.options import EngineOptions
from txsocketio.protocol.url import EngineAddress
from txsocketio.transports.endpoint import Dialer
from txsocketio.transports.explain import explainFailure

__all__ = ["certificateFacts", "tls"]

SHOWN_NAMES = 20

SOON_DAYS = 14


async def tls(reactor: Any, address: EngineAddress, options: EngineOptions) -> Finding:
    """
    Begin TLS with the server as the client will do it, and look at its
    certificate.  If it is not good, a second connection looks at it without
    judging.
    """
    if not address.secure:
        raise Skipped("the URL's scheme has none")
    try:
        facts = await _greet(Dialer(reactor, address, options).buildWire().endpoint())
    except Exception:
        text, _, hint = explainFailure(Failure()).partition("; ")
        raise StepFailed(text, hint, await _lookAnyway(reactor, address, options)) from None
    verified = options.rejectUnauthorized
    facts["verified"] = verified
    return Finding(_describe(facts), facts, _hintFor(facts))


async def _lookAnyway(
    reactor: Any, address: EngineAddress, options: EngineOptions
) -> dict[str, Any]:
    lenient = replace(
        options,
        contextFactory=_Unjudging(address.host),
        rejectUnauthorized=True,
        ca=None,
        cert=None,
        key=None,
        passphrase=None,
        pfx=None,
        ciphers=None,
    )
    try:
        facts = await _greet(Dialer(reactor, address, lenient).buildWire().endpoint())
    except Exception:
        return {}
    return {**facts, "verified": False}


async def _greet(endpoint: IStreamClientEndpoint) -> dict[str, Any]:
    greeting: Any = await endpoint.connect(Factory.forProtocol(_Greeting))
    try:
        facts: dict[str, Any] = await greeting.facts
    finally:
        greeting.transport.abortConnection()
        await greeting.ended
    return facts


@implementer(IHandshakeListener)
class _Greeting(Protocol):
    """
    Waits for the handshake, and says what it brought.
    """

    transport: Any

    def __init__(self) -> None:
        self.facts: Deferred[dict[str, Any]] = Deferred()
        self.ended: Deferred[None] = Deferred()

    def handshakeCompleted(self) -> None:
        try:
            facts = _factsOf(self.transport)
        except Exception:
            self.facts.errback(Failure())
        else:
            self.facts.callback(facts)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.facts.called:
            self.facts.errback(reason)
        self.ended.callback(None)


@implementer(IOpenSSLClientConnectionCreator)
class _Unjudging:
    """
    Begins TLS to look at a certificate; nothing else is ever sent.
    """

    def __init__(self, host: str) -> None:
        isAddress = isIPAddress(host) or isIPv6Address(host)
        self._name = None if isAddress else host.encode("ascii")

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(CertificateOptions().getContext(), None)
        if self._name is not None:
            connection.set_tlsext_host_name(self._name)
        return connection


def _factsOf(transport: Any) -> dict[str, Any]:
    connection = transport.getHandle()
    return {
        "version": connection.get_protocol_version_name(),
        "cipher": connection.get_cipher_name(),
        "certificate": certificateFacts(connection.get_peer_certificate(as_cryptography=True)),
    }


def certificateFacts(certificate: x509.Certificate, now: datetime | None = None) -> dict[str, Any]:
    """
    What a certificate says about itself.

    @param now: the present time, if it is not the clock's.
    """
    ends = certificate.not_valid_after_utc
    left = ends - (now or datetime.now(UTC))
    return {
        "subject": _name(certificate.subject),
        "issuer": _name(certificate.issuer),
        "names": _names(certificate),
        "notBefore": certificate.not_valid_before_utc.isoformat(),
        "notAfter": ends.isoformat(),
        "daysLeft": left.days,
    }


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        kind = x509.SubjectAlternativeName
        found = certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return []
    return [str(each.value) for each in found][:SHOWN_NAMES]


def _describe(facts: dict[str, Any]) -> str:
    certificate = facts["certificate"]
    names = ", ".join(certificate["names"][:4]) or certificate["subject"]
    trust = "verified" if facts["verified"] else "NOT verified"
    return (
        f"{facts['version']}, {facts['cipher']}; certificate for {names} by "
        f"{certificate['issuer']}, {trust}, good until {certificate['notAfter'][:10]}"
    )


def _hintFor(facts: dict[str, Any]) -> str:
    days = facts["certificate"]["daysLeft"]
    if not facts["verified"]:
        return "without verification anybody on the way can read and change everything"
    return f"it ends in {days} days: renew it" if days < SOON_DAYS else ""
