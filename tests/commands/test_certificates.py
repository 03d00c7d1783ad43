"""
Tests for L{txsocketio.commands.certificates}, over the loopback interface.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

import tlskit
from commands.commandkit import outcome
from support import deferred, failureOf, freePort
from txsocketio.commands import certificates as module
from txsocketio.commands.certificates import certificateFacts, tls
from txsocketio.commands.steps import Finding, Skipped, StepFailed
from txsocketio.options import EngineOptions
from txsocketio.protocol.url import EngineAddress
from wirekit import Servers, served

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def look(port: int, secure: bool = True, host: str = "localhost", **options: Any) -> Finding:
    from twisted.internet import reactor

    address = EngineAddress(secure, host, port, "/socket.io/", "")
    return await tls(reactor, address, EngineOptions(**options))


def certificate(name: x509.Name) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=3))
    return builder.sign(key, SHA256())


def test_factsWithoutNames() -> None:
    """
    A certificate may have no names but its subject.
    """
    made = certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old.example")]))
    assert certificateFacts(made, NOW) == {
        "subject": "old.example",
        "issuer": "old.example",
        "names": [],
        "notBefore": "2026-01-01T00:00:00+00:00",
        "notAfter": "2026-01-04T00:00:00+00:00",
        "daysLeft": 3,
    }


def test_subjectWithoutCommonName() -> None:
    """
    A subject without a common name is told whole.
    """
    made = certificate(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Us")]))
    assert certificateFacts(made)["subject"] == "O=Us"


@pytest.mark.parametrize(
    ("verified", "days", "said"),
    [(True, 3, "it ends in 3 days"), (True, 300, ""), (False, 300, "without verification")],
)
def test_hint(verified: bool, days: int, said: str) -> None:
    """
    What is good today may end soon.
    """
    hint = module._hintFor({"verified": verified, "certificate": {"daysLeft": days}})
    assert hint.startswith(said) and bool(hint) == bool(said)


@deferred()
async def test_plain() -> None:
    """
    Without TLS there is nothing to look at.
    """
    await failureOf(look(1, secure=False), Skipped)


@deferred()
@served
async def test_good(servers: Servers) -> None:
    """
    Version, cipher, and the certificate's facts.
    """
    options = tlskit.serverOptions(tlskit.certificateFor("localhost"))
    found = await look(await servers.echo(options), ca=tlskit.caPEM())
    assert found.facts["verified"] is True
    assert found.facts["certificate"]["names"] == ["localhost"]
    assert "certificate for localhost by" in found.text and ", verified," in found.text


@deferred()
@served
async def test_unverified(servers: Servers) -> None:
    """
    With verification turned off this is said.
    """
    options = tlskit.serverOptions(tlskit.unknown())
    found = await look(await servers.echo(options), rejectUnauthorized=False)
    assert "NOT verified" in found.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@deferred()
@served
async def test_bad(host: str, servers: Servers) -> None:
    """
    A bad certificate is a failure, and looked at nevertheless.
    """
    options = tlskit.serverOptions(tlskit.unknown())
    failed = await failureOf(look(await servers.echo(options), host=host), StepFailed)
    assert failed.facts["certificate"]["names"] == ["localhost"]
    assert failed.facts["verified"] is False


@deferred()
async def test_nobody() -> None:
    """
    Where nobody answers there is no certificate.
    """
    failed = await failureOf(look(freePort()), StepFailed)
    assert failed.facts == {}


def test_lostBeforeTheHandshake() -> None:
    """
    Who hangs up ends the waiting.
    """
    greeting = module._Greeting()
    seen = outcome(greeting.facts)
    greeting.connectionLost(Failure(ConnectionLost()))
    assert isinstance(seen[0], ConnectionLost)


def test_factsCannotBeRead() -> None:
    """
    What goes wrong while looking comes out.
    """
    greeting = module._Greeting()
    greeting.transport = None
    seen = outcome(greeting.facts)
    greeting.handshakeCompleted()
    assert isinstance(seen[0], AttributeError)
    greeting.connectionLost()
