"""
C{python -m txsocketio ctl}: the operator's side of the control endpoint.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from txsocketio.bots.keys import unixEndpoint
from txsocketio.bots.mistakes import didYouMean
from txsocketio.bots.page import span
from txsocketio.bots.texts import printable
from txsocketio.errors import SocketIOError

__all__ = ["Asking", "NoAnswer", "ask", "main"]

DONE, NOT_DONE, BAD_USAGE, NOT_REACHED = 0, 1, 2, 3
"""The exit statuses."""

MAX_ANSWER = 64 * 1024 * 1024

VARIABLE = "SIOCLIENT_CONTROL"

_EPILOG = f"""\
exit status: 0 done (status: and the daemon is ready); 1 not done, or not
ready; 2 the command line is wrong; 3 the daemon cannot be reached.

WHERE is what the bots file says in [daemon] control=: the path of a unix
socket, or a client endpoint such as tcp:127.0.0.1:9465.  The environment
variable {VARIABLE} says it, too.
"""


class NoAnswer(SocketIOError):
    """
    The daemon did not answer; the message says what was tried.
    """


# the command line


def _parser() -> ArgumentParser:
    from argparse import RawDescriptionHelpFormatter

    parser = ArgumentParser(
        prog="python -m txsocketio ctl",
        description="Look at a running daemon, and command it.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--control",
        "-c",
        metavar="WHERE",
        default=os.environ.get(VARIABLE),
        help="where the daemon is, see below",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for its answer (60)",
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    status = commands.add_parser("status", help="how the bots are")
    status.add_argument("bot", nargs="?", help="only this one")
    commands.add_parser("reload", help="read the bots file again, as SIGHUP does")
    for name, meaning in (
        ("reconnect", "begin a new connection now"),
        ("pause", "stop a bot until it is resumed"),
        ("resume", "start a paused bot again"),
        ("trace", "log each packet of a bot, or no longer"),
    ):
        commands.add_parser(name, help=meaning).add_argument("bot")
    commands.choices["trace"].add_argument("switch", choices=["on", "off"])
    return parser


def _requestOf(arguments: Namespace) -> dict[str, Any]:
    request = {"command": arguments.command}
    if arguments.command not in ("status", "reload"):
        request["bot"] = arguments.bot
    if arguments.command == "trace":
        request["on"] = arguments.switch == "on"
    return request


def main(argv: Sequence[str], react: Callable[..., Any] | None = None) -> int:
    """
    Run the command.

    @param argv: the arguments after C{ctl}.
    @param react: see L{twisted.internet.task.react}.
    @return: the exit status.
    """
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        if not arguments.control:
            parser.error(f"say where the daemon is: --control WHERE, or set {VARIABLE}")
    except SystemExit as ended:
        return int(ended.code or 0)
    if react is None:
        from twisted.internet.task import react
    assert react is not None
    result: list[int] = []

    async def run(reactor: Any) -> None:
        result.append(await _run(reactor, arguments))

    try:
        react(lambda reactor: Deferred.fromCoroutine(run(reactor)))
    except SystemExit as ended:
        return result[0] if result else int(ended.code or 0)
    return result[0]


async def _run(reactor: Any, arguments: Namespace) -> int:
    try:
        endpoint = clientFromString(reactor, _asEndpoint(arguments.control))
    except Exception as error:  # anybody's endpoint parser
        _complain(f"{arguments.control} is no client endpoint: {error}")
        return BAD_USAGE
    try:
        answer = await ask(endpoint, _requestOf(arguments), reactor, arguments.timeout)
    except NoAnswer as error:
        _complain(f"{arguments.control}: {error}")
        return NOT_REACHED
    return _tell(arguments, answer)


def _asEndpoint(where: str) -> str:
    """
    A path is that of a unix socket; no endpoint is a word without a colon.
    """
    kind, colon, _ = where.partition(":")
    if colon and "/" not in kind:
        return where
    return unixEndpoint(where)


def _complain(text: str) -> None:
    print(printable(text), file=sys.stderr)


# what is told


def _tell(arguments: Namespace, answer: Mapping[str, Any]) -> int:
    if not answer.get("ok"):
        _complain(str(answer.get("error")))
        return NOT_DONE
    result = answer.get("result")
    if arguments.command == "status":
        return _tellStatus(arguments, result)
    print(json.dumps(result) if arguments.json else printable(str(result or "done")))
    return DONE


def _tellStatus(arguments: Namespace, document: Any) -> int:
    bots, ready = document["bots"], document["ready"]
    if arguments.bot is not None:
        bots = [each for each in bots if each["name"] == arguments.bot]
        if not bots:
            near = didYouMean(arguments.bot, [each["name"] for each in document["bots"]])
            _complain(f'there is no bot "{arguments.bot}"{near}')
            return NOT_DONE
        ready = bots[0]["state"] == "connected"
    if arguments.json:
        print(json.dumps({**document, "bots": bots}))
    else:
        for line in _lines(bots, document["time"]):
            print(printable(line).replace("\n", " "))
    return DONE if ready else NOT_DONE


def _lines(bots: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """
    A table: name, state, since when, why.
    """
    rows = [(each["name"], each["state"], span(now - each["since"]), each["why"]) for each in bots]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    return [
        "  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]).rstrip() for row in rows
    ]


# the connection


class Asking(LineReceiver):
    """
    Sends one line, and takes one.

    @ivar answer: fires with the answer; fails with L{NoAnswer}.
    """

    MAX_LENGTH = MAX_ANSWER
    delimiter = b"\n"

    transport: Any

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request
        self.answer: Deferred[Mapping[str, Any]] = Deferred()

    def connectionMade(self) -> None:
        self.sendLine(json.dumps(self._request).encode("ascii"))

    def lineReceived(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict):
            self._finish(answer)
        else:
            self._finish(Failure(NoAnswer("what answers there is no daemon of ours")))

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._finish(Failure(NoAnswer("the daemon ended the connection without an answer")))

    def giveUp(self, seconds: float) -> None:
        """
        Wait no longer.
        """
        self._finish(Failure(NoAnswer(f"no answer within {seconds:g} s")))

    def _finish(self, answer: Any) -> None:
        if not self.answer.called:
            self.answer.callback(answer)
            self.transport.abortConnection()


async def ask(
    endpoint: Any, request: Mapping[str, Any], clock: Any, timeout: float
) -> Mapping[str, Any]:
    """
    Ask a daemon.

    @raise NoAnswer: it cannot be reached, or does not answer in time.
    """
    asking = Asking(request)
    try:
        await connectProtocol(endpoint, asking).addTimeout(timeout, clock)
    except Exception as error:
        why = str(error) or type(error).__name__
        raise NoAnswer(f"the daemon cannot be reached: {why}") from None
    late = clock.callLater(timeout, asking.giveUp, timeout)
    try:
        return await asking.answer
    finally:
        if late.active():
            late.cancel()
