"""
C{sioclient ctl}: the operator's side of the control endpoint.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.endpoints import clientFromString

from txsocketio.bots.asking import NoAnswer, ask
from txsocketio.bots.commandline import explained, ruled
from txsocketio.bots.keys import unixEndpoint
from txsocketio.bots.mistakes import didYouMean
from txsocketio.bots.page import span
from txsocketio.bots.schema import seconds
from txsocketio.bots.texts import printable, say

__all__ = ["main"]

DONE, NOT_DONE, BAD_USAGE, NOT_REACHED = 0, 1, 2, 3
"""The exit statuses."""

VARIABLE = "SIOCLIENT_CONTROL"

_EPILOG = f"""\
exit status: 0 done (status: and the daemon is ready); 1 not done, or not
ready; 2 the command line is wrong; 3 the daemon cannot be reached.

WHERE is what the bots file says in [daemon] control=: the path of a unix
socket, or a client endpoint such as tcp:127.0.0.1:9465.  The environment
variable {VARIABLE} says it, too.
"""


_WHERE = "write it as in /run/sioclient/control or tcp:127.0.0.1:9465"


# the command line


class _Parser(ArgumentParser):
    """
    Tells a mistake as C{sioclient} does.
    """

    def error(self, message: str) -> Any:
        self.exit(BAD_USAGE, f"{printable(f'{self.prog}: {explained(self, message)}')}\n")


def _common() -> ArgumentParser:
    """
    What may stand before the command, or after it.

    Without defaults: those of what follows the command would win over what
    stands before it.
    """
    common = ArgumentParser(add_help=False, argument_default=SUPPRESS)
    add = common.add_argument
    add("--control", "-c", metavar="WHERE", help="where the daemon is (sioclient ctl --help)")
    add(
        "--timeout",
        type=ruled(seconds),
        metavar="SECONDS",
        help="how long to wait for its answer (60)",
    )
    add("--json", action="store_true", help="print the answer as JSON")
    return common


def _parser() -> ArgumentParser:
    common: list[Any] = [_common()]
    parser = _Parser(
        prog="sioclient ctl",
        description="Look at a running daemon, and command it.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        parents=common,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    status = commands.add_parser("status", help="how the bots are", parents=common)
    status.add_argument("bot", nargs="?", help="only this one")
    commands.add_parser(
        "reload", help="read the bots file again, as SIGHUP does", parents=common
    )
    for name, meaning in (
        ("reconnect", "begin a new connection now"),
        ("pause", "stop a bot until it is resumed"),
        ("resume", "start a paused bot again"),
        ("trace", "log each packet of a bot, or no longer"),
    ):
        commands.add_parser(name, help=meaning, parents=common).add_argument("bot")
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
        defaults = Namespace(control=os.environ.get(VARIABLE), timeout=60.0, json=False)
        arguments = parser.parse_args(argv, defaults)
        if not arguments.control:
            parser.error(f"say where the daemon is: --control WHERE, or set {VARIABLE}")
    except SystemExit as ended:
        return int(ended.code or 0)
    if react is None:
        from twisted.internet.task import react
    assert react is not None
    results: list[int | Mapping[str, Any]] = []

    async def run(reactor: Any) -> None:
        results.append(await _run(reactor, arguments))

    try:
        react(lambda reactor: Deferred.fromCoroutine(run(reactor)))
    except SystemExit as ended:
        if not results:
            return int(ended.code or 0)
    return results[0] if isinstance(results[0], int) else _tell(arguments, results[0])


async def _run(reactor: Any, arguments: Namespace) -> int | Mapping[str, Any]:
    """
    @return: the answer, or without one the exit status.
    """
    try:
        endpoint = clientFromString(reactor, _asEndpoint(arguments.control))
    except Exception as error:  # anybody's endpoint parser
        _complain(f"{arguments.control} is no client endpoint: {error}; {_WHERE}")
        return BAD_USAGE
    asking = Deferred.fromCoroutine(ask(endpoint, _requestOf(arguments)))
    try:
        return await asking.addTimeout(arguments.timeout, reactor)
    except NoAnswer as error:
        _complain(f"{arguments.control}: the daemon {error}")
    except TimeoutError:
        _complain(f"{arguments.control}: no answer within {arguments.timeout:g} s")
    return NOT_REACHED


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
        try:
            return _tellStatus(arguments, result)
        except Exception:  # whatever it lacks, it is no status of ours
            _complain(f"{arguments.control}: the daemon tells no status that can be understood")
            return NOT_REACHED
    say(json.dumps(result) if arguments.json else printable(str(result or "done")))
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
        say(json.dumps({**document, "bots": bots}))
    else:
        for line in _lines(bots, document["time"]):
            say(printable(line).replace("\n", " "))
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
