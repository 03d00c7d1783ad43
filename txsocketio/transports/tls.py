"""
One TLS policy for both transports.

The options are read once, when a L{Dialer
<txsocketio.transports.endpoint.Dialer>} is made: a missing file or a wrong
passphrase is told there and then, and all connections share one context.
Names are verified as Twisted does it; certificates as OpenSSL does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from OpenSSL import SSL
from OpenSSL.crypto import X509
from service_identity import VerificationError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.errors import described, excerpt
from txsocketio.transports.explain import CERTIFICATE_NOTE

__all__ = ["buildCreator"]

_log = Logger()

SHOWN_NAMES = 4
"""How many names of a wrong certificate an error shows."""


def buildCreator(host: str, port: int, options: Any) -> IOpenSSLClientConnectionCreator:
    """
    Make what begins TLS with one server.

    C{options.contextFactory} may be an L{IOpenSSLClientConnectionCreator}
    (e.g. of L{optionsForClientTLS}), which is used as it is, or an
    L{IPolicyForHTTPS <twisted.web.iweb.IPolicyForHTTPS>}, whose
    C{creatorForNetloc} is asked once, with C{host} in bytes and C{port}.

    @param options: an L{EngineOptions <txsocketio.options.EngineOptions>}.
    @raise ValueError: a file cannot be read, or is not what the option wants.
    """
    if options.contextFactory is not None:
        return _Explaining(_foreignCreator(host, port, options.contextFactory))
    extra = {**_ownCertificate(options), **_cipherOptions(options.ciphers)}
    # Nothing but this very value: an empty string, 0 or None must not turn
    # verification off by accident (CVE-2016-10536).
    if options.rejectUnauthorized is False:
        _log.warn(
            "TLS certificates of {host}:{port} are NOT verified (rejectUnauthorized=False): "
            "anybody on the way can read and change everything",
            host=host,
            port=port,
        )
        return _Unverified(host, CertificateOptions(**extra))
    trustRoot = _trustRoot(options.ca)
    creator = _reading(
        f"no certificate can be verified for the host name {host!r}",
        lambda: optionsForClientTLS(host, trustRoot, extraCertificateOptions=extra),
    )
    return _Explaining(creator)


def _foreignCreator(host: str, port: int, factory: Any) -> IOpenSSLClientConnectionCreator:
    if IOpenSSLClientConnectionCreator.providedBy(factory):
        return factory
    if callable(getattr(factory, "creatorForNetloc", None)):
        creator: IOpenSSLClientConnectionCreator = factory.creatorForNetloc(host.encode(), port)
        return creator
    raise ValueError(
        "contextFactory must be an IOpenSSLClientConnectionCreator, such as optionsForClientTLS "
        f"gives, or have a method creatorForNetloc(host, port); {type(factory).__name__} has not"
    )


# reading the options


def _trustRoot(ca: Any) -> Any:
    """
    The authorities to trust; L{None} for the platform's.
    """
    if ca is None:
        return None
    sources = ca if isinstance(ca, (list, tuple)) else [ca]
    found = [certificate for source in sources for certificate in _certificates("ca", source)]
    return trustRootFromCertificates([Certificate(X509.from_cryptography(one)) for one in found])


def _ownCertificate(options: Any) -> dict[str, Any]:
    """
    The client certificate, its key and chain, as L{CertificateOptions} wants.
    """
    if options.pfx is not None:
        return _fromPFX(options.pfx, _passphrase(options.passphrase))
    if options.cert is None:
        if options.key is not None:
            raise ValueError("key is given without cert: a client certificate needs both")
        return {}
    name, source = ("cert", options.cert) if options.key is None else ("key", options.key)
    key = _privateKey(name, source, _passphrase(options.passphrase))
    return _identity(f"{name} {_shown(source)}", key, _certificates("cert", options.cert))


def _identity(what: str, key: Any, chain: list[x509.Certificate]) -> dict[str, Any]:
    if _publicBytes(key.public_key()) != _publicBytes(chain[0].public_key()):
        raise ValueError(f"{what} does not belong to the certificate: their keys differ")
    return {
        # Not pyOpenSSL's own kinds, which it deprecates.
        "privateKey": key,
        "certificate": chain[0],
        "extraCertChain": chain[1:],
    }


def _publicBytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _certificates(option: str, source: Any) -> list[x509.Certificate]:
    data = _readPEM(option, source)
    found: list[x509.Certificate] = _reading(
        f"{option} {_shown(source)} holds no certificate in PEM form",
        lambda: x509.load_pem_x509_certificates(data),
    )
    return found


def _privateKey(option: str, source: Any, passphrase: bytes | None) -> Any:
    data = _readPEM(option, source)
    # Of a file with certificates in it as well, the key is somewhere inside.
    start = max(data.find(b"-----BEGIN", data.rfind(b"\n", 0, data.find(b"PRIVATE KEY")) + 1), 0)
    if passphrase is not None and b"ENCRYPTED" not in data:
        passphrase = None
    return _reading(
        f"{option} {_shown(source)} holds no private key that passphrase= opens",
        lambda: load_pem_private_key(data[start:], passphrase),
    )


def _fromPFX(source: Any, passphrase: bytes | None) -> dict[str, Any]:
    data = source if isinstance(source, bytes) else _readFile("pfx", source)
    what = f"pfx {_shown(source)}"
    loaded = _reading(
        f"{what} cannot be opened with this passphrase=, or is not in PKCS #12 form",
        lambda: pkcs12.load_pkcs12(data, passphrase),
    )
    if loaded.key is None or loaded.cert is None:
        raise ValueError(f"{what} must hold a certificate and its private key")
    chain = [loaded.cert, *loaded.additional_certs]
    return _identity(what, loaded.key, [one.certificate for one in chain])


def _reading(complaint: str, load: Callable[[], Any]) -> Any:
    """
    Call C{load}, and turn whatever the library raises into our complaint.
    """
    try:
        return load()
    except Exception as problem:
        raise ValueError(f"{complaint} ({described(problem)})") from problem


def _readPEM(option: str, source: Any) -> bytes:
    data = source.encode() if isinstance(source, str) else source
    if isinstance(data, bytes) and b"-----BEGIN" in data:
        return data
    return _readFile(option, source)


def _readFile(option: str, path: Any) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or str(problem)
        raise ValueError(f"{option}: cannot read {_shown(path)}: {why}") from problem


def _shown(source: Any) -> str:
    """
    Name a source in a message: a path as it is, content not at all.
    """
    name = os.fsdecode(source) if isinstance(source, (str, bytes, os.PathLike)) else ""
    isPath = name.isprintable() and len(name) < 1024 and "-----BEGIN" not in name
    return repr(name) if isPath else "(given as data)"


def _passphrase(passphrase: str | bytes | None) -> bytes | None:
    return passphrase.encode() if isinstance(passphrase, str) else passphrase


def _cipherOptions(ciphers: str | None) -> dict[str, Any]:
    """
    Limit what is negotiated to a cipher list as OpenSSL writes it.

    Such a list concerns TLS 1.2 and below; TLS 1.3 is left out then, or it
    would be negotiated past the list.
    """
    if ciphers is None:
        return {}
    if "TLS_" in ciphers:
        raise ValueError(
            f"ciphers: the suites of TLS 1.3 cannot be chosen, but {ciphers!r:.80} does; "
            "name ciphers of TLS 1.2, or leave the option out"
        )
    chosen = _reading(
        f"ciphers: {ciphers!r:.80} is not a cipher list with a known cipher",
        lambda: _acceptable(ciphers),
    )
    return {"acceptableCiphers": chosen, "lowerMaximumSecurityTo": TLSVersion.TLSv1_2}


def _acceptable(ciphers: str) -> Any:
    # Twisted takes an unknown cipher for none; OpenSSL raises.
    SSL.Context(SSL.TLS_METHOD).set_cipher_list(ciphers.encode())
    return AcceptableCiphers.fromOpenSSLCipherString(ciphers)


# connecting


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """
    Begins TLS without verifying anything, but tells the server its name.
    """

    def __init__(self, host: str, options: CertificateOptions) -> None:
        self._name = None if _isAddress(host) else host.encode("ascii")
        self._options = options

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(self._options.getContext(), None)
        if self._name is not None:
            connection.set_tlsext_host_name(self._name)
        return connection


def _isAddress(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@implementer(IOpenSSLClientConnectionCreator)
class _Explaining:
    """
    Begins TLS as another creator does, and adds to an error of OpenSSL what
    is wrong with the server's certificate.
    """

    def __init__(self, creator: IOpenSSLClientConnectionCreator) -> None:
        self._creator = creator

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection: SSL.Connection = self._creator.clientConnectionForTLS(tlsProtocol)
        _annotate(tlsProtocol.wrappedProtocol, connection)
        return connection


def _annotate(protocol: Any, connection: SSL.Connection) -> None:
    lose = protocol.connectionLost

    def lost(reason: Failure) -> None:
        # Without this the closure and the protocol would hold each other.
        vars(protocol).pop("connectionLost", None)
        problem: Any = reason.value
        note = _noteFor(problem, connection)
        if note:
            problem.add_note(f"{CERTIFICATE_NOTE}{note}")
        lose(reason)

    protocol.connectionLost = lost


def _noteFor(problem: Any, connection: SSL.Connection) -> str:
    if isinstance(problem, VerificationError):
        return _certificateNames(connection)
    return _certificateProblem(connection) if isinstance(problem, SSL.Error) else ""


def _certificateNames(connection: SSL.Connection) -> str:
    """
    For whom the server's certificate is: some of its names, or nothing.
    """
    try:
        # The peer's own certificate is not there yet while it is verified.
        chain = connection.get_peer_cert_chain(as_cryptography=True) or []
        kind = x509.SubjectAlternativeName
        names = chain[0].extensions.get_extension_for_class(kind).value
    except Exception:
        return ""
    shown = [excerpt(str(name.value))[1:-1] for name in names][:SHOWN_NAMES]
    return ", ".join([*shown, "others"] if len(list(names)) > SHOWN_NAMES else shown)


def _certificateProblem(connection: Any) -> str:
    """
    OpenSSL's own words for what is wrong with the certificate, or nothing.

    pyOpenSSL has no public way to ask for it; without the private one the
    error is less helpful, and that is all.
    """
    try:
        library, ffi = SSL._lib, SSL._ffi  # type: ignore[attr-defined]
        code = library.SSL_get_verify_result(connection._ssl)
        text = ffi.string(library.X509_verify_cert_error_string(code)) if code else b""
    except Exception:
        return ""
    return str(text.decode("ascii", "replace"))
