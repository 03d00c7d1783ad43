"""
C{probe}: the way to a server, step by step.

The first steps stop the later ones, which could not work without them; from
the handshake on each is tried, as far as there is a connection.
"""

from __future__ import annotations

import warnings
from argparse import Namespace
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout

from txsocketio.bots.descriptions import BotDescription
from txsocketio.commands.arguments import targetOf
from txsocketio.commands.certificates import tls
from txsocketio.commands.conversation import OTHER_SECONDS, Conversation
from txsocketio.commands.exits import Ended, Exit, ofStep
from txsocketio.commands.flags import ofOption
from txsocketio.commands.network import Network
from txsocketio.commands.progress import Progress
from txsocketio.commands.report import JSONReport, TextReport
from txsocketio.commands.steps import Finding, Skipped, Step, StepFailed, explained
from txsocketio.commands.target import BadURL
from txsocketio.commands.texts import Texts
from txsocketio.options import EngineOptions, ManagerOptions, SocketOptions, readOptions
from txsocketio.protocol.url import EngineAddress, enginePath, parseURL
from txsocketio.transports.proxy import chooseProxy
from txsocketio.transports.upgrade import PROBE_SECONDS

__all__ = ["Probe", "beginProbe"]

NEED_ALL_BEFORE = ("dns", "tcp", "proxy", "tls", "handshake")

Look = Callable[[], Awaitable[Finding]]


class Report(Protocol):
    """
    Shows what a probe finds out.
    """

    def step(self, step: Step) -> None:
        """
        A step is done.
        """

    def waiting(self, name: str, text: str) -> None:
        """
        A step takes long, and that is as it should be.
        """

    def end(self, failed: str | None, status: int) -> None:
        """
        All are done.

        @param failed: the first that failed.
        """


def beginProbe(
    given: Namespace, texts: Texts, progress: Progress, stream: Any, reactor: Any
) -> Callable[[], Deferred[int]]:
    """
    Make what starts a probe.

    @raise Ended: with a mistake of the command line, unless it is the URL.
    """
    report: Report
    report = JSONReport(stream, progress.tell) if given.json else TextReport(stream)
    try:
        description = _describe(given, texts, progress)
        progress.redact = report.redact = description.redact
        probe = Probe(reactor, description, given.timeout, report, progress)
    except BadURL as mistake:
        return _onlyURL(mistake, report)
    except ValueError as error:
        raise Ended(Exit.USAGE, ofOption(error)) from None
    return lambda: probe.run(heartbeat=not given.no_heartbeat)


def _describe(given: Namespace, texts: Texts, progress: Progress) -> BotDescription:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        limits = {"timeout": given.timeout, "connectTimeout": given.timeout}
        description = targetOf(given, texts, **limits)
    for each in caught:
        progress.complain(f"warning: {each.message}")
    return description


def _onlyURL(mistake: BadURL, report: Report) -> Callable[[], Deferred[int]]:
    async def tell() -> int:
        status = ofStep("url")
        report.step(Step("url", "failed", None, str(mistake)))
        report.end("url", status)
        return status

    return lambda: Deferred.fromCoroutine(tell())


class Probe:
    """
    Goes through the steps.
    """

    def __init__(
        self,
        reactor: Any,
        description: BotDescription,
        timeout: float,
        report: Report,
        progress: Progress,
    ) -> None:
        """
        @raise ValueError: an option names a file, proxy or endpoint that
            cannot be used.
        """
        self._reactor = reactor
        self._timeout = timeout
        self._report = report
        self._progress = progress
        self._failed: str | None = None
        self._server = parseURL(description.url)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were shown
            kinds = (EngineOptions, ManagerOptions, SocketOptions)
            self._engine, *_ = readOptions(description.options, *kinds)
            path = enginePath(self._engine.path, self._engine.addTrailingSlash)
            server = self._server
            self._address = EngineAddress(
                server.secure, server.host, server.port, path, server.userinfo
            )
            self._namespace = description.namespace or server.namespace
            self._conversation = Conversation(
                reactor,
                description.url,
                self._address,
                self._namespace,
                description.options,
                self._awaitingPing,
            )
        direct = self._engine.endpoint is not None
        proxy = None if direct else chooseProxy(self._engine.proxy, self._address)
        self._network = Network(reactor, self._address, self._engine, proxy, timeout)

    def run(self, heartbeat: bool = True) -> Deferred[int]:
        """
        Go through all steps.

        @return: fires with the exit status.
        """
        running = Deferred.fromCoroutine(self._run(heartbeat))
        return running.addBoth(self._close)

    # inside

    async def _run(self, heartbeat: bool) -> int:
        for name, look, limit in self._steps(heartbeat):
            if self._failed in NEED_ALL_BEFORE:
                self._report.step(Step(name, "not tried", None, ""))
                continue
            self._progress.tell(f"{name} ...")
            step = await self._look(name, look, limit)
            if step.outcome == "failed" and self._failed is None:
                self._failed = name
            self._report.step(step)
        status = 0 if self._failed is None else ofStep(self._failed)
        self._report.end(self._failed, status)
        return status

    def _steps(self, heartbeat: bool) -> list[tuple[str, Look, float | None]]:
        network, talk, limit = self._network, self._conversation, self._timeout
        # The library has limits of its own, which explain themselves; ours come later.
        return [
            ("url", self._url, None),
            ("dns", network.dns, limit),
            ("tcp", network.tcp, None),
            ("proxy", network.proxy, limit),
            ("tls", lambda: tls(self._reactor, self._address, self._engine), 2 * limit),
            ("handshake", talk.handshake, limit + OTHER_SECONDS + 1),
            ("upgrade", talk.upgrade, 2 * PROBE_SECONDS + 1),
            ("namespace", talk.namespace, limit + 1),
            ("heartbeat", talk.heartbeat if heartbeat else _unwanted, None),
        ]

    async def _look(self, name: str, look: Look, limit: float | None) -> Step:
        began = self._reactor.seconds()
        looking: Deferred[Finding] = Deferred.fromCoroutine(_looked(look))
        if limit is not None:
            looking.addTimeout(limit, self._reactor)
        try:
            found = await looking
        except Skipped as skipped:
            return Step(name, "skipped", None, str(skipped))
        except CancelledError:
            raise
        except DeferredTimeout:
            failed = StepFailed(f"nothing came within {limit:g} s")
        except StepFailed as problem:
            failed = problem
        except Exception as error:
            failed = explained(error)
        else:
            took = self._reactor.seconds() - began
            return Step(name, "ok", took, found.text, found.hint, found.facts)
        took = self._reactor.seconds() - began
        return Step(name, "failed", took, str(failed), failed.hint, failed.facts)

    async def _url(self) -> Finding:
        shown = self._address.requestURL(False, ())
        facts = {
            "scheme": "https" if self._server.secure else "http",
            "host": self._server.host,
            "port": self._server.port,
            "namespace": self._namespace,
            "requests": shown,
        }
        return Finding(f"namespace {self._namespace}, requests go to {shown}", facts)

    def _awaitingPing(self, seconds: float) -> None:
        text = f"for the server's ping, up to {seconds:.0f} s; --no-heartbeat skips it"
        self._report.waiting("heartbeat", text)

    def _close(self, result: Any) -> Deferred[Any]:
        return self._conversation.close().addCallback(lambda _: result)


async def _looked(look: Look) -> Finding:
    return await look()


async def _unwanted() -> Finding:
    raise Skipped("--no-heartbeat was given")
