"""
Tests for L{txsocketio.commands.network}, over the loopback interface.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IHostResolution
from zope.interface import implementer

from proxykit import ConnectProxy
from support import deferred, failureOf, freePort
from txsocketio.commands.network import Network, _Receiver
from txsocketio.commands.steps import Skipped, StepFailed
from txsocketio.options import EngineOptions
from txsocketio.protocol.url import EngineAddress
from txsocketio.transports.proxy import chooseProxy
from wirekit import Servers, echoFactory, served


def network(
    host: str = "localhost", port: int = 80, resolves: Any = None, **options: Any
) -> Network:
    from twisted.internet import reactor

    address = EngineAddress(False, host, port, "/socket.io/", "")
    proxy = chooseProxy(options.get("proxy"), address)
    made: Any = reactor if resolves is None else Resolving(reactor, resolves)
    return Network(made, address, EngineOptions(**options), proxy, 5.0)


class Resolving:
    """
    A reactor that finds the addresses that the test says.
    """

    def __init__(self, reactor: Any, addresses: list[str]) -> None:
        self._reactor = reactor
        self._addresses = addresses
        self.nameResolver = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def resolveHostName(self, receiver: Any, host: str) -> None:
        receiver.resolutionBegan(implementer(IHostResolution)(type("R", (), {}))())
        for each in self._addresses:
            receiver.addressResolved(type("A", (), {"host": each})())
        receiver.resolutionComplete()


@deferred()
async def test_dns() -> None:
    """
    Addresses are told once each, those of IPv6 first.
    """
    found = await network(resolves=["127.0.0.1", "::1", "127.0.0.1"]).dns()
    assert found.facts == {"host": "localhost", "addresses": ["::1", "127.0.0.1"]}
    assert found.text == "localhost is ::1, 127.0.0.1"


@deferred()
async def test_dnsOfTheProxy() -> None:
    """
    With a proxy, it is its name that is looked up here.
    """
    found = await network(resolves=["127.0.0.1"], proxy="http://px.example:1").dns()
    assert found.text == "px.example of the proxy is 127.0.0.1"


@deferred()
async def test_unknownName() -> None:
    """
    No address is a failure.
    """
    failed = await failureOf(network("nix.example", resolves=[]).dns(), StepFailed)
    assert "nix.example" in str(failed)
    assert failed.hint == "check the host in the URL; does 'getent hosts nix.example' find it?"


@deferred()
async def test_unknownNameOfTheProxy() -> None:
    """
    It is not the URL that must be mended then.
    """
    looking = network(resolves=[], proxy="http://nix.example:1")
    failed = await failureOf(looking.dns(), StepFailed)
    assert failed.hint.startswith("check the host in --proxy;")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@deferred()
async def test_address(host: str) -> None:
    """
    An address is no name.
    """
    looking = network(host)
    await failureOf(looking.dns(), Skipped)
    assert looking.addresses == [host]


def test_answerAfterTheEnd() -> None:
    """
    A resolver that ends twice does no harm.
    """
    receiver = _Receiver()
    receiver.resolutionComplete()
    receiver.resolutionComplete()
    assert receiver.done.called


@deferred()
@served
async def test_tcp(servers: Servers) -> None:
    """
    Each address is tried; one that fails is a hint only.
    """
    looking = network(port=await servers.echo())
    looking.addresses = ["::1", "127.0.0.1"]
    found = await looking.tcp()
    assert found.text.endswith("of 127.0.0.1 accepts")
    assert found.hint.startswith("not every address works")
    assert "error" in found.facts["tried"][0] and "seconds" in found.facts["tried"][1]


@deferred()
@served
async def test_tcpWithLocalAddress(servers: Servers) -> None:
    """
    The local address is used; with all well there is no hint.
    """
    looking = network(port=await servers.echo(), localAddress="127.0.0.1")
    looking.addresses = ["127.0.0.1"]
    assert (await looking.tcp()).hint == ""


@deferred()
async def test_nobodyListens() -> None:
    """
    No address that works is a failure.
    """
    port = freePort()
    looking = network(port=port)
    looking.addresses = ["127.0.0.1"]
    failed = await failureOf(looking.tcp(), StepFailed)
    assert str(failed).startswith(f"port {port} of 127.0.0.1: connection refused")
    assert failed.hint.startswith("is the server running")


@deferred()
async def test_theProxyIsDown() -> None:
    """
    It is not taken for the server.
    """
    port = freePort()
    looking = network(proxy=f"socks5://joe:hunter22@127.0.0.1:{port}")
    looking.addresses = ["127.0.0.1"]
    failed = await failureOf(looking.tcp(), StepFailed)
    assert str(failed).startswith(f"proxy socks5://127.0.0.1:{port}: port {port} of 127.0.0.1: ")
    assert failed.hint.startswith("is the proxy running")


@deferred()
async def test_cancelled() -> None:
    """
    Who cancels does not wait for the next address.
    """
    looking = network(port=freePort())
    looking.addresses = ["127.0.0.1", "127.0.0.2"]
    running = Deferred.fromCoroutine(looking.tcp())
    running.cancel()
    await failureOf(running, ConnectingCancelledError)


@deferred()
@served
async def test_endpoint(tmp_path: Path, servers: Servers) -> None:
    """
    An endpoint takes the place of name and address.
    """
    from twisted.internet import reactor

    path = str(tmp_path / "s")
    await servers.listen(UNIXServerEndpoint(reactor, path), echoFactory())
    looking = network(endpoint=f"unix:{path}")
    await failureOf(looking.dns(), Skipped)
    assert (await looking.tcp()).text == f"unix:{path} accepts"


@deferred()
async def test_endpointFails() -> None:
    """
    An endpoint that does not work is a failure.
    """
    await failureOf(network(endpoint="unix:/nix/s").tcp(), StepFailed)


@deferred()
async def test_noProxy() -> None:
    """
    Without a proxy there is nothing to look at.
    """
    await failureOf(network().proxy(), Skipped)


@deferred()
@served
async def test_proxy(servers: Servers) -> None:
    """
    The proxy is made to connect us.
    """
    port = await servers.echo()
    proxy = ConnectProxy()
    looking = network(port=port, proxy=f"http://127.0.0.1:{await servers.tcp(proxy)}")
    looking.addresses = ["127.0.0.1"]
    assert (await looking.tcp()).text.startswith("proxy http://127.0.0.1:")
    assert (await looking.proxy()).text.endswith(f"connects to localhost:{port}")
    assert proxy.targets == [("localhost", port)]


@deferred()
@served
async def test_proxyRefuses(servers: Servers) -> None:
    """
    A proxy that refuses is a failure, with what may help.
    """
    port = await servers.tcp(ConnectProxy(("me", "hush")))
    failed = await failureOf(network(proxy=f"http://127.0.0.1:{port}").proxy(), StepFailed)
    assert "user and password of the proxy" in failed.hint
