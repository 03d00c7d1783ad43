"""
The first steps of C{probe}: names, addresses, connections, proxies.

They go the same way as the client, but stop at each corner and look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    clientFromString,
)
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IResolutionReceiver, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.commands.steps import Finding, Skipped, StepFailed
from txsocketio.options import EngineOptions
from txsocketio.protocol.url import EngineAddress
from txsocketio.transports.explain import explainFailure
from txsocketio.transports.proxy import Proxy, TunnelEndpoint

__all__ = ["Network", "Visit", "visit"]

MAX_ADDRESSES = 8
"""No more of a host's addresses are tried."""

_DNS_HINT = "check the host in {where}; does 'getent hosts {host}' find it?"


class Visit(Protocol):
    """
    A connection that is only looked at.

    @ivar ended: fires when it is gone.
    """

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(None)


async def visit(endpoint: IStreamClientEndpoint) -> None:
    """
    Connect, and hang up.
    """
    guest: Any = await endpoint.connect(Factory.forProtocol(Visit))
    guest.transport.abortConnection()
    await guest.ended


class Network:
    """
    What is between us and a server.

    @ivar addresses: of the host that we connect to, once L{dns} has looked.
    """

    def __init__(
        self,
        reactor: Any,
        address: EngineAddress,
        options: EngineOptions,
        proxy: Proxy | None,
        timeout: float,
    ) -> None:
        self._reactor = reactor
        self._address = address
        self._options = options
        self._proxy = proxy
        self._timeout = timeout
        self._host = address.host if proxy is None else proxy.host
        self._port = address.port if proxy is None else proxy.port
        self.addresses: list[str] = []

    async def dns(self) -> Finding:
        """
        Look the host's name up.
        """
        host = self._host
        if self._options.endpoint is not None:
            raise Skipped(f"an endpoint is given: {self._options.endpoint}")
        if isIPAddress(host) or isIPv6Address(host):
            self.addresses = [host]
            raise Skipped(f"{host} is an address")
        self.addresses = await _resolve(self._reactor, host)
        if not self.addresses:
            where = "--proxy" if self._proxy else "the URL"
            text = f"no address was found for {host}"
            raise StepFailed(text, _DNS_HINT.format(where=where, host=host))
        of = f"{host} of the proxy" if self._proxy else host
        text = f"{of} is {', '.join(self.addresses)}"
        return Finding(text, {"host": host, "addresses": self.addresses})

    async def tcp(self) -> Finding:
        """
        Connect to each address, or through the endpoint that is given.
        """
        if self._options.endpoint is not None:
            return await self._foreign(self._options.endpoint)
        tried = []
        for each in self.addresses[:MAX_ADDRESSES]:
            tried.append(await self._connect(each))  # noqa: PERF401  (one after the other)
        good = [each for each in tried if "error" not in each]
        facts = {"port": self._port, "tried": tried}
        whose = "" if self._proxy is None else f"proxy {self._proxy}: "
        if not good:
            text = f"{whose}port {self._port} of {_errorsOf(tried)}"
            who = "server" if self._proxy is None else "proxy"
            raise StepFailed(text, f"is the {who} running, and is this its port?", facts)
        text = f"{whose}port {self._port} of {_list([each['address'] for each in good])} accepts"
        return Finding(text, facts, _hintFor([each for each in tried if "error" in each]))

    async def proxy(self) -> Finding:
        """
        Have the proxy connect us to the server.
        """
        proxy = self._proxy
        if proxy is None:
            raise Skipped("none is used")
        local = self._options.localAddress
        base = HostnameEndpoint(
            self._reactor, proxy.host, proxy.port, self._timeout, bindAddress=local
        )
        server = f"{self._address.host}:{self._address.port}"
        try:
            await visit(TunnelEndpoint(base, proxy, self._address.host, self._address.port))
        except Exception:
            text = explainFailure(Failure())
            raise StepFailed(
                text, "check user and password of the proxy, and whether it allows this server"
            ) from None
        return Finding(f"{proxy} connects to {server}", {"proxy": str(proxy)})

    # inside

    async def _foreign(self, endpoint: Any) -> Finding:
        try:
            await visit(clientFromString(self._reactor, endpoint))
        except Exception:
            raise StepFailed(explainFailure(Failure(), endpoint)) from None
        return Finding(f"{endpoint} accepts", {"endpoint": endpoint})

    async def _connect(self, address: str) -> dict[str, Any]:
        kind = TCP6ClientEndpoint if isIPv6Address(address) else TCP4ClientEndpoint
        local = self._options.localAddress
        binding = None if local is None else (local, 0)
        endpoint = kind(self._reactor, address, self._port, self._timeout, binding)
        began = self._reactor.seconds()
        visiting = Deferred.fromCoroutine(visit(endpoint))
        if (error := await visiting.addErrback(_unlessCancelled)) is not None:
            return {"address": address, "error": error}
        return {"address": address, "seconds": round(self._reactor.seconds() - began, 6)}


def _unlessCancelled(failure: Failure) -> str:
    if failure.check(CancelledError, ConnectingCancelledError):
        failure.raiseException()
    return explainFailure(failure)


def _list(words: Sequence[str]) -> str:
    return " and ".join(words)


def _hintFor(bad: Sequence[dict[str, Any]]) -> str:
    if not bad:
        return ""
    return f"not every address works, which costs time or luck: {_errorsOf(bad)}"


def _errorsOf(bad: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{each['address']}: {each['error']}" for each in bad)


@implementer(IResolutionReceiver)
class _Receiver:
    def __init__(self) -> None:
        self.found: list[str] = []
        self.done: Deferred[list[str]] = Deferred()

    def resolutionBegan(self, resolutionInProgress: Any) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        if address.host not in self.found:
            self.found.append(address.host)

    def resolutionComplete(self) -> None:
        if not self.done.called:
            self.done.callback(self.found)


async def _resolve(reactor: Any, host: str) -> list[str]:
    receiver = _Receiver()
    reactor.nameResolver.resolveHostName(receiver, host)
    found = await receiver.done
    return sorted(found, key=lambda each: not isIPv6Address(each))
