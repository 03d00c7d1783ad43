"""
C{--check --connect}: is each bot's server there, and does it take the bot?

Connects as the bot would, once, without the bot: no plugin is started, nothing
is emitted, and the connection ends as soon as it stands.  So what a plugin
does in C{start} is not known here, C{self.socket.auth = ...} above all: a
server that refuses the bot as its file describes it may take it all the same,
and that is told apart from a server that cannot be had.

Must not know: the daemon, its services.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import (
    Deferred,
    DeferredSemaphore,
    FirstError,
    ensureDeferred,
    gatherResults,
)
from twisted.internet.error import ReactorNotRunning
from twisted.python.failure import Failure

from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.texts import printable, say
from txsocketio.errors import ConnectRefused
from txsocketio.service import SocketIOService

__all__ = ["CONNECTED", "FAILED", "PATIENCE", "REFUSED", "runTrying", "tryAll", "tryBot"]

CONNECTED, FAILED, REFUSED = 0, 1, 3
"""How it went with one bot, and the exit statuses: the worst one counts, and
C{FAILED} is the worst."""

PATIENCE = 60.0
"""Seconds for one server, whatever its bot's own timeouts are."""

AT_ONCE = 10

ONCE = {"reconnection": False, "retryOnConnectError": False, "retryOnServerDisconnect": False}
"""Options of the client for a single attempt."""

_MAYBE = "if its plugin sets auth in start, which --check does not run, the daemon may be let in"


async def tryBot(
    bot: BotDescription,
    reactor: Any,
    tell: Callable[[str], object] = say,
    buildClient: Callable[..., Any] = SocketIOService,
) -> int:
    """
    Connect as a bot, and tell in a line how it went.

    @return: L{CONNECTED}, L{FAILED} or L{REFUSED}.
    """
    began = reactor.seconds()
    try:
        how = await _connect(bot, reactor, buildClient)
    except ConnectRefused as error:
        word, status, why = "REFUSED", REFUSED, f"{error}; {_MAYBE}"
    except Exception as error:
        # Whatever it is, it is what the bot would meet.
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        word, status = "FAILED", FAILED
    else:
        seconds = reactor.seconds() - began
        tell(f"{bot.name}: connected to {bot.server}, {how} in {seconds:.2f} s")
        return CONNECTED
    # A server's words move no cursor, and write no line of another bot.
    why = printable(bot.redact(why)).replace("\n", " ")
    tell(f"{bot.name}: {word}: {bot.server}: {why}")
    return status


async def _connect(bot: BotDescription, reactor: Any, buildClient: Callable[..., Any]) -> str:
    client = buildClient(
        bot.url,
        drainTimeout=0.0,
        namespace=bot.namespace,
        reactor=reactor,
        **{**bot.options, **ONCE},
    )
    client.startService()
    try:
        await client.socket.whenConnected().addTimeout(PATIENCE, reactor)
        return f"namespace {client.socket.nsp} by {client.socket.io.engine.transport.name}"
    finally:
        await client.stopService()


async def tryAll(
    bots: Iterable[BotDescription],
    reactor: Any,
    tell: Callable[[str], object] = say,
    attempt: Callable[..., Any] = tryBot,
) -> int:
    """
    Try some bots at a time, until all were.

    @return: the exit status: L{CONNECTED} when all bots could be that,
        L{FAILED} when a server cannot be had, else L{REFUSED}.
    """
    turns = DeferredSemaphore(AT_ONCE)

    def trying(bot: BotDescription) -> Deferred[int]:
        return ensureDeferred(attempt(bot, reactor, tell))

    trials = [turns.run(trying, bot) for bot in bots]
    try:
        went = await gatherResults(trials, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
    refused = f", {went.count(REFUSED)} refused" if REFUSED in went else ""
    tell(f"{went.count(CONNECTED)} of {len(went)} bots could connect{refused}")
    return next((each for each in (FAILED, REFUSED) if each in went), CONNECTED)


def runTrying(
    reactor: Any, bots: Sequence[BotDescription], tryThem: Callable[..., Any] = tryAll
) -> int:
    """
    Try all bots, running the reactor until it is known or SIGINT ends it.

    @return: the exit status.
    """
    results: list[int | Failure] = []

    def ended(result: int | Failure) -> None:
        results.append(result)
        try:
            reactor.stop()
        except ReactorNotRunning:
            pass  # it is ending already, by a signal

    def start() -> Deferred[Any]:
        return ensureDeferred(tryThem(bots, reactor)).addBoth(ended)

    reactor.callWhenRunning(start)
    reactor.run()
    result = results[0] if results else 1
    if isinstance(result, Failure):
        result.raiseException()
    return result
