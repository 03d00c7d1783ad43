"""
Certificates for tests, good and bad, made by authorities of our own; and TLS
servers that use them.

Everything is made once a test run, since keys are slow to make.
"""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from twisted.internet.ssl import Certificate, CertificateOptions, trustRootFromCertificates

PASSPHRASE = "open sesame"


@cache
def authority() -> trustme.CA:
    """
    The authority that clients in tests trust by C{ca=}.
    """
    return trustme.CA()


@cache
def stranger() -> trustme.CA:
    """
    An authority nobody trusts.
    """
    return trustme.CA()


def caPEM() -> bytes:
    """
    The trusted authority's certificate.
    """
    return bytes(authority().cert_pem.bytes())


@cache
def certificateFor(*names: str) -> trustme.LeafCert:
    """
    A good certificate; an IP address becomes an IP subject alternative name.
    """
    return authority().issue_cert(*names)


@cache
def expired() -> trustme.LeafCert:
    """
    A certificate for localhost that was good once.
    """
    past = datetime(2020, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
    return authority().issue_cert("localhost", not_after=past)


@cache
def unknown() -> trustme.LeafCert:
    """
    A certificate for localhost by the authority nobody trusts.
    """
    return stranger().issue_cert("localhost")


@cache
def clientCertificate() -> trustme.LeafCert:
    """
    A client's certificate, by the trusted authority.
    """
    return authority().issue_cert("client@example.com")


def chainPEM(leaf: trustme.LeafCert) -> bytes:
    """
    The certificate and what leads to its authority, in one.
    """
    return b"".join(blob.bytes() for blob in leaf.cert_chain_pems)


def keyPEM(leaf: trustme.LeafCert, passphrase: str | None = None) -> bytes:
    """
    The private key, encrypted if there is a passphrase.
    """
    plain: bytes = leaf.private_key_pem.bytes()
    if passphrase is None:
        return plain
    key = load_pem_private_key(plain, None)
    how = BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def pfx(leaf: trustme.LeafCert, passphrase: str = PASSPHRASE) -> bytes:
    """
    Certificate and key as PKCS #12.
    """
    key: Any = load_pem_private_key(keyPEM(leaf), None)
    certificate, *chain = x509.load_pem_x509_certificates(chainPEM(leaf))
    how = BestAvailableEncryption(passphrase.encode())
    return pkcs12.serialize_key_and_certificates(b"test", key, certificate, chain, how)


def pfxWithoutKey(leaf: trustme.LeafCert) -> bytes:
    """
    PKCS #12 with a certificate alone.
    """
    certificate = x509.load_pem_x509_certificate(chainPEM(leaf))
    return pkcs12.serialize_key_and_certificates(b"test", None, certificate, None, NoEncryption())


def write(directory: Path, name: str, content: bytes) -> str:
    """
    Make a file, and give its path as an option wants it.
    """
    path = directory / name
    path.write_bytes(content)
    return str(path)


def serverOptions(
    leaf: trustme.LeafCert, wantsClient: bool = False, **extra: Any
) -> CertificateOptions:
    """
    A server's side of TLS.

    @param wantsClient: whether it insists on a certificate of the client, by
        the trusted authority.
    """
    certificate, *chain = x509.load_pem_x509_certificates(chainPEM(leaf))
    if wantsClient:
        extra["trustRoot"] = trustRootFromCertificates([Certificate.loadPEM(caPEM())])
    return CertificateOptions(
        # Not pyOpenSSL's own kinds, which it deprecates; Twisted's types name those.
        privateKey=load_pem_private_key(keyPEM(leaf), None),  # type: ignore[arg-type]
        certificate=certificate,  # type: ignore[arg-type]
        extraCertChain=chain,  # type: ignore[arg-type]
        **extra,
    )
