"""
The one-shot commands' beginning and end: command line, reactor, signals, exit
status.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure

from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.mistakes import didYouMean
from txsocketio.bots.texts import forgiving, say
from txsocketio.commands.arguments import (
    COMMANDS,
    OVERVIEW,
    parserFor,
    readItem,
    targetOf,
)
from txsocketio.commands.client import Client, Work
from txsocketio.commands.emit import Call, Emit
from txsocketio.commands.exits import Ended, Exit, ofSignal
from txsocketio.commands.flags import ofOption
from txsocketio.commands.lines import LineReader, LineWriter
from txsocketio.commands.listen import Listen
from txsocketio.commands.progress import Progress
from txsocketio.commands.sources import Lines, Repeated, Source
from txsocketio.commands.texts import Texts
from txsocketio.commands.worker import Worker

__all__ = ["main", "run", "statusOf"]

FLUSH_SECONDS = 2.0
"""What is still to be written at the end has so long, unless it was awaited."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Something else has its number now: a connection, maybe.
_CLOSED = "is closed; /dev/null is there for those who want none"

_SHOWN = dict.fromkeys(("--help", "-h", "help"), OVERVIEW)
_SHOWN["--version"] = f"sioclient {import_module('txsocketio').__version__}"


def main(argv: Sequence[str] | None = None, reactor: Any = None) -> int:
    """
    Run one command to its end.

    @param argv: the words after the program's name.
    @param reactor: the global reactor by default.
    @return: the exit status.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    command = words.pop(0) if words else ""
    progress = Progress(sys.stderr)
    if command in _SHOWN:
        say(_SHOWN[command])
        return int(Exit.DONE)
    if command not in COMMANDS:
        near = didYouMean(command, COMMANDS)
        what = f"there is no command {command!r:.80}{near}" if command else "say what to do"
        progress.complain(f"sioclient: {what}\n\n{OVERVIEW}")
        return int(Exit.USAGE)
    if command == "ctl":
        # The daemon's; nobody else here needs it.
        return int(import_module("txsocketio.bots.ctl").main(words))
    try:
        given = parserFor(command).parse_intermixed_args(words)
        return _perform(command, given, progress, reactor)
    except Ended as end:
        progress.complain(f"sioclient {command}: {end}")
        return end.status


def _perform(command: str, given: Namespace, progress: Progress, reactor: Any) -> int:
    texts = Texts(os.environ)
    if reactor is None:
        from twisted.internet import reactor
    if command == "probe":
        from txsocketio.commands.probe import beginProbe

        begin = beginProbe(given, texts, progress, forgiving(sys.stdout), reactor)
    else:
        begin = _beginWork(command, given, texts, progress, reactor)
    _beginLogging(progress, given.verbose)
    return run(reactor, begin, progress, f"sioclient {command}")


def _beginLogging(progress: Progress, verbose: bool) -> None:
    observer = progress.observer(verbose)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


def _beginWork(
    command: str, given: Namespace, texts: Texts, progress: Progress, reactor: Any
) -> Callable[[], Deferred[Any]]:
    item = None if command == "listen" else readItem(given, texts)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        description = targetOf(given, texts, **_policy(given))
    for each in caught:
        progress.complain(f"warning: {each.message}")
    progress.redact = description.redact
    worker = Worker(reactor)
    output = LineWriter(worker)
    if command != "emit" and sys.stdout is None:
        raise Ended(Exit.OUTPUT, f"the standard output {_CLOSED}")
    work = _workOf(command, given, item, output, lambda: _openInput(reactor))
    return lambda: _connectAndWork(reactor, description, progress, given, work, output)


def _policy(given: Namespace) -> dict[str, Any]:
    names = ("reconnection", "retryOnConnectError", "retryOnServerDisconnect")
    limits = {"timeout": given.timeout, "connectTimeout": given.timeout}
    return {**dict.fromkeys(names, given.reconnect), **limits}


def _openInput(reactor: Any) -> LineReader:
    if sys.stdin is None:
        raise Ended(Exit.INPUT, f"the standard input {_CLOSED}")
    return LineReader(Worker(reactor))


def _workOf(
    command: str,
    given: Namespace,
    item: tuple[Any, ...] | None,
    output: LineWriter,
    openInput: Callable[[], LineReader],
) -> Work:
    if command == "listen":
        return Listen(output, tuple(given.event), given.count, given.duration)
    source: Source
    if item is None:
        source = Lines(openInput(), given.count)
    else:
        source = Repeated(item, given.count or 1)
    if command == "emit":
        return Emit(source, given.interval, given.duration)
    return Call(source, output, item is None, interval=given.interval, duration=given.duration)


def _connectAndWork(
    reactor: Any,
    description: BotDescription,
    progress: Progress,
    given: Namespace,
    work: Work,
    output: LineWriter,
) -> Deferred[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were shown
            client = Client(reactor, description, progress, given.timeout, given.reconnect)
    except ValueError as error:
        raise Ended(Exit.USAGE, ofOption(error)) from None
    return client.perform(work).addBoth(_flush, reactor, output)


def _flush(result: Any, reactor: Any, output: LineWriter) -> Deferred[Any]:
    drained = output.whenDrained().addTimeout(FLUSH_SECONDS, reactor)
    return drained.addErrback(lambda _: None).addCallback(lambda _: result)


def run(reactor: Any, begin: Callable[[], Deferred[Any]], progress: Progress, name: str) -> int:
    """
    Run the reactor until something has ended.

    The first SIGINT or SIGTERM cancels it, so that it can end properly; the
    second one ends the process.

    @param begin: starts it; called when the reactor runs.  Its Deferred fires
        with the exit status, or with L{None} for success; it fails with
        L{Ended}, or with what nobody has foreseen.
    @return: the exit status.
    """
    ending = _Ending(reactor, begin)
    reactor.callWhenRunning(ending.start)
    before = {number: signal.signal(number, ending.signalled) for number in SIGNALS}
    try:
        reactor.run(installSignalHandlers=False)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    status, text = statusOf(ending.result, ending.signal)
    if text:
        progress.complain(f"{name}: {text}")
    return status


class _Ending:
    """
    What was begun, and how it ends.
    """

    def __init__(self, reactor: Any, begin: Callable[[], Deferred[Any]]) -> None:
        self._reactor = reactor
        self._begin = begin
        self._running: Deferred[Any] | None = None
        self.result: Any = None
        self.signal: int | None = None

    def start(self) -> None:
        """
        Begin.
        """
        try:
            self._running = self._begin()
        except Exception:
            self._ended(Failure())
        else:
            self._running.addBoth(self._ended)

    def signalled(self, number: int, frame: object) -> None:
        """
        A signal came.
        """
        if self.signal is not None:
            os._exit(ofSignal(number))
        self.signal = number
        self._reactor.callFromThread(self._cancel)

    def _cancel(self) -> None:
        if self._running is not None:
            self._running.cancel()

    def _ended(self, result: Any) -> None:
        self.result = result
        self._reactor.stop()


def statusOf(result: Any, signalled: int | None = None) -> tuple[int, str]:
    """
    The exit status of a result, and what is said about it.
    """
    if signalled is not None:
        return ofSignal(signalled), ""
    if not isinstance(result, Failure):
        return int(result or 0), ""
    error = result.value
    if isinstance(error, Ended):
        return error.status, str(error)
    return int(Exit.FAILED), f"this should not have happened:\n{result.getTraceback()}"
