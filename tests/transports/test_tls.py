"""
TLS as users configure it, against real TLS servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, TLSVersion, optionsForClientTLS
from twisted.logger import globalLogPublisher

import tlskit
from support import deferred
from txsocketio.transports.tls import _certificateNames, _certificateProblem
from wirekit import Servers, Talker, buildWire, lossOf, served, talk

GOOD = tlskit.certificateFor("localhost")


def client(port: int, host: str = "localhost", **options: Any) -> Any:
    """
    A wire that trusts the tests' own authority unless told otherwise.
    """
    options.setdefault("ca", (tlskit.caPEM(),))
    return buildWire(port, True, host, **options)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """
    The texts of the warnings logged meanwhile.
    """
    seen: list[str] = []

    def observe(event: Any) -> None:
        if event["log_level"].name == "warn":
            seen.append(event["log_format"].format(**event))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


@deferred()
@served
async def test_trustedCertificate(servers: Servers) -> None:
    """
    A server whose certificate is by the authority in C{ca} is talked to.

    behaviours P9
    """
    port = await servers.echo(tlskit.serverOptions(GOOD))
    assert await talk(client(port)) == b"hello"


@deferred()
@served
async def test_authorityInAFile(servers: Servers, tmp_path: Path) -> None:
    """
    C{ca} may be the path of a file with several certificates.
    """
    both = tlskit.stranger().cert_pem.bytes() + tlskit.caPEM()
    path = tlskit.write(tmp_path, "ca.pem", both)
    port = await servers.echo(tlskit.serverOptions(GOOD))
    assert await talk(client(port, ca=(path,))) == b"hello"


@deferred()
@served
async def test_serverCertificateAsAuthority(servers: Servers) -> None:
    """
    Of several sources in C{ca} each is trusted.
    """
    port = await servers.echo(tlskit.serverOptions(tlskit.unknown()))
    others = (tlskit.caPEM(), tlskit.stranger().cert_pem.bytes())
    assert await talk(client(port, ca=others)) == b"hello"


@deferred()
@served
async def test_platformDoesNotTrustUs(servers: Servers) -> None:
    """
    Without C{ca} the platform's authorities count, and the error says what
    to do.

    faults F109
    """
    port = await servers.echo(tlskit.serverOptions(GOOD))
    wire = buildWire(port, True)
    text = wire.explain(await lossOf(wire))
    assert "certificate verify failed" in text
    assert "pass ca= with the certificate of your CA" in text


@deferred()
@served
async def test_unknownAuthority(servers: Servers) -> None:
    """
    A certificate by an authority that is not in C{ca} is refused.

    faults F109
    """
    port = await servers.echo(tlskit.serverOptions(tlskit.unknown()))
    assert (await lossOf(client(port))).check(SSL.Error)


@deferred()
@served
async def test_expired(servers: Servers) -> None:
    """
    An expired certificate is refused, and the error says that it expired.

    faults F109
    """
    port = await servers.echo(tlskit.serverOptions(tlskit.expired()))
    wire = client(port)
    assert "certificate has expired; renew" in wire.explain(await lossOf(wire))


@deferred()
@served
async def test_wrongHost(servers: Servers) -> None:
    """
    A certificate for another name is refused, and the error says so.

    faults F109
    """
    port = await servers.echo(tlskit.serverOptions(tlskit.certificateFor("other.example")))
    wire = client(port)
    failure = await lossOf(wire)
    assert failure.check(VerificationError)
    assert f"localhost:{port}: the certificate is not for this host" in wire.explain(failure)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["other.example", "10.1.2.3"], "but for other.example, 10.1.2.3: "),
        (["a.example", "b.example", "c.example", "d.example", "e.example"], "d.example, others: "),
    ],
)
@deferred()
@served
async def test_namesOfTheCertificate(servers: Servers, names: list[str], shown: str) -> None:
    """
    The error says for whom the certificate is (faults F109).
    """
    port = await servers.echo(tlskit.serverOptions(tlskit.certificateFor(*names)))
    wire = client(port)
    assert shown in wire.explain(await lossOf(wire))


@deferred()
@served
async def test_addressInCertificate(servers: Servers) -> None:
    """
    A server named by its IP address is verified by that address.

    faults F109
    """
    port = await servers.echo(tlskit.serverOptions(tlskit.certificateFor("127.0.0.1")))
    assert await talk(client(port, "127.0.0.1")) == b"hello"


@deferred()
@served
async def test_addressNotInCertificate(servers: Servers) -> None:
    """
    A certificate for a name does not do for an IP address.

    faults F109
    """
    port = await servers.echo(tlskit.serverOptions(GOOD))
    assert (await lossOf(client(port, "127.0.0.1"))).check(VerificationError)


@deferred()
@served
async def test_plainServer(servers: Servers) -> None:
    """
    A server without TLS on that port is told from other TLS trouble.

    faults F109
    """
    port = await servers.saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    wire = client(port)
    assert "does not speak TLS" in wire.explain(await lossOf(wire))


@deferred()
@served
async def test_stalledHandshakeIsAborted(servers: Servers) -> None:
    """
    A server that never answers the TLS handshake leaves nothing behind once
    the engine gives up.

    faults F109
    """
    wire = client(await servers.saying())
    talker: Any = await wire.endpoint().connect(Factory.forProtocol(Talker))
    lost = talker.lost
    wire.abort()
    await lost
    await wire.whenEmpty()


def test_withoutOpenSSLsWords() -> None:
    """
    When OpenSSL cannot be asked what is wrong, nothing is said about it.
    """
    assert _certificateProblem(object()) == ""


def test_withoutNames() -> None:
    """
    A certificate that is not to be had has no names, and no harm is done.
    """
    nothing: Any = object()
    assert _certificateNames(nothing) == ""


# verification off


@deferred()
@served
async def test_unverified(servers: Servers, warnings: list[str]) -> None:
    """
    C{rejectUnauthorized=False} accepts any certificate, and warns.
    """
    port = await servers.echo(tlskit.serverOptions(tlskit.unknown()))
    assert await talk(client(port, ca=None, rejectUnauthorized=False)) == b"hello"
    assert any("NOT verified" in text for text in warnings)


@pytest.mark.parametrize("value", [None, 0, ""])
@deferred()
@served
async def test_falsyIsNotFalse(value: Any, servers: Servers) -> None:
    """
    A falsy C{rejectUnauthorized} that is not C{False} does not turn
    verification off.

    faults F109
    """
    port = await servers.echo(tlskit.serverOptions(tlskit.unknown()))
    assert (await lossOf(client(port, rejectUnauthorized=value))).check(SSL.Error)


@pytest.mark.parametrize("unverified", [False, True])
@deferred()
@served
async def test_serverName(unverified: bool, servers: Servers) -> None:
    """
    The server learns which host is meant (SNI), verified or not.
    """
    names: list[bytes | None] = []
    options = tlskit.serverOptions(GOOD)
    options.getContext().set_tlsext_servername_callback(
        lambda connection: names.append(connection.get_servername())
    )
    port = await servers.echo(options)
    await talk(client(port, rejectUnauthorized=not unverified))
    assert names == [b"localhost"]


@deferred()
@served
async def test_unverifiedAddress(servers: Servers) -> None:
    """
    An IP address works without verification; it is no server name.
    """
    port = await servers.echo(tlskit.serverOptions(GOOD))
    assert await talk(client(port, "127.0.0.1", rejectUnauthorized=False)) == b"hello"


# our own certificate


def identity(how: str, directory: Path) -> dict[str, Any]:
    """
    The ways to give a client certificate.
    """
    leaf = tlskit.clientCertificate()
    chain, key = tlskit.chainPEM(leaf), tlskit.keyPEM(leaf)
    encrypted = tlskit.keyPEM(leaf, tlskit.PASSPHRASE)
    return {
        "pem": {"cert": chain, "key": key},
        "text": {"cert": chain.decode(), "key": key.decode()},
        "path": {
            "cert": tlskit.write(directory, "cert.pem", chain),
            "key": tlskit.write(directory, "key.pem", key),
        },
        "one file": {"cert": tlskit.write(directory, "both.pem", chain + key)},
        "encrypted": {"cert": chain, "key": encrypted, "passphrase": tlskit.PASSPHRASE},
        "needless passphrase": {"cert": chain, "key": key, "passphrase": "none"},
        "pfx": {"pfx": tlskit.pfx(leaf), "passphrase": tlskit.PASSPHRASE},
        "pfx path": {
            "pfx": tlskit.write(directory, "both.pfx", tlskit.pfx(leaf)),
            "passphrase": tlskit.PASSPHRASE,
        },
    }[how]


WAYS = ["pem", "text", "path", "one file", "encrypted", "needless passphrase", "pfx", "pfx path"]


@pytest.mark.parametrize("how", WAYS)
@deferred()
@served
async def test_clientCertificate(how: str, servers: Servers, tmp_path: Path) -> None:
    """
    A server that wants our certificate gets it, in whatever form it was given.

    behaviours P9
    """
    port = await servers.echo(tlskit.serverOptions(GOOD, wantsClient=True))
    assert await talk(client(port, **identity(how, tmp_path))) == b"hello"


@deferred()
@served
async def test_clientCertificateMissing(servers: Servers) -> None:
    """
    Without the certificate a server wants, the error names the options.
    """
    port = await servers.echo(tlskit.serverOptions(GOOD, wantsClient=True))
    wire = client(port)
    assert "pass cert= and key=, or pfx=" in wire.explain(await lossOf(wire))


@deferred()
@served
async def test_ciphers(servers: Servers) -> None:
    """
    No other cipher than the given ones is used, nor TLS 1.3 past the list.
    """
    used: list[Any] = []
    options = tlskit.serverOptions(GOOD)

    def observe(connection: Any, where: int, code: int) -> None:
        if where & SSL.SSL_CB_HANDSHAKE_DONE:
            used.append(connection.get_cipher_name())

    options.getContext().set_info_callback(observe)
    port = await servers.echo(options)
    await talk(client(port, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"))
    assert used == ["ECDHE-ECDSA-AES128-GCM-SHA256"]


@deferred()
@served
async def test_noCommonVersion(servers: Servers) -> None:
    """
    A server that has no TLS version in common with us is refused.

    faults F109
    """
    tls = tlskit.serverOptions(GOOD, raiseMinimumTo=TLSVersion.TLSv1_3)
    port = await servers.echo(tls)
    wire = client(port, ciphers="ECDHE+AESGCM")
    assert "no TLS version in common" in wire.explain(await lossOf(wire))


# a policy of the user's


class Policy:
    """
    Decides by host and port, as C{IPolicyForHTTPS}.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, int]] = []

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        self.asked.append((hostname, port))
        return creator()


def creator() -> IOpenSSLClientConnectionCreator:
    return optionsForClientTLS("localhost", Certificate.loadPEM(tlskit.caPEM()))


@deferred()
@served
async def test_creatorAsContextFactory(servers: Servers) -> None:
    """
    C{contextFactory} may be what C{optionsForClientTLS} gives.

    behaviours P9
    """
    port = await servers.echo(tlskit.serverOptions(GOOD))
    assert await talk(buildWire(port, True, contextFactory=creator())) == b"hello"


@deferred()
@served
async def test_policyAsContextFactory(servers: Servers) -> None:
    """
    C{contextFactory} may be a policy, asked once for this host and port.
    """
    port = await servers.echo(tlskit.serverOptions(GOOD))
    policy = Policy()
    assert await talk(buildWire(port, True, contextFactory=policy)) == b"hello"
    assert policy.asked == [(b"localhost", port)]


# mistakes


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no such file": ({"ca": ("/nowhere/ca.pem",)}, "ca: cannot read '/nowhere/ca.pem'"),
    "no certificate": (
        {"ca": (b"-----BEGIN NOTHING-----\n",)},
        r"ca \(given as data\) holds no certificate",
    ),
    "no key file": (
        {"cert": tlskit.chainPEM(GOOD), "key": "/nowhere/key.pem"},
        "key: cannot read '/nowhere/key.pem'",
    ),
    "wrong passphrase": (
        {
            "cert": tlskit.chainPEM(GOOD),
            "key": tlskit.keyPEM(GOOD, "right"),
            "passphrase": "wrong",
        },
        "key .*holds no private key that passphrase= opens",
    ),
    "no passphrase": (
        {"cert": tlskit.chainPEM(GOOD), "key": tlskit.keyPEM(GOOD, "right")},
        "key .*holds no private key that passphrase= opens",
    ),
    "other key": (
        {"cert": tlskit.chainPEM(GOOD), "key": tlskit.keyPEM(tlskit.unknown())},
        "key .*does not belong to the certificate",
    ),
    "key alone": ({"key": tlskit.keyPEM(GOOD)}, "key is given without cert"),
    "pfx passphrase": (
        {"pfx": tlskit.pfx(GOOD), "passphrase": "wrong"},
        "pfx .*cannot be opened with this passphrase",
    ),
    "pfx without key": ({"pfx": tlskit.pfxWithoutKey(GOOD)}, "pfx .*must hold a certificate and"),
    "pfx path": ({"pfx": "/nowhere/me.pfx"}, "pfx: cannot read '/nowhere/me.pfx'"),
    "ciphers": ({"ciphers": "NO-SUCH-CIPHER"}, "ciphers: 'NO-SUCH-CIPHER' is not"),
    "TLS 1.3": ({"ciphers": "TLS_AES_128_GCM_SHA256"}, "ciphers: the suites of TLS 1.3"),
    "context": ({"contextFactory": object()}, "contextFactory must be .*; object has not"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakeIsToldAtOnce(mistake: str) -> None:
    """
    A file that cannot be used is told when the client is made, naming the
    option and the file.
    """
    options, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message):
        buildWire(443, True, **options)


@pytest.mark.parametrize("mistake", ["wrong passphrase", "pfx passphrase", "other key"])
def test_mistakeShowsNoSecret(mistake: str) -> None:
    """
    No error shows a passphrase or a key.
    """
    options, _ = MISTAKES[mistake]
    with pytest.raises(ValueError) as raised:
        buildWire(443, True, **options)
    assert "wrong" not in str(raised.value).split("(")[0]
    assert "PRIVATE" not in str(raised.value)
