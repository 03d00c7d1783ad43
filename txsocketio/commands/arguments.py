"""
The command line of the one-shot commands, and its help.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

from txsocketio.bots.commandline import explained, ruled
from txsocketio.bots.descriptions import BotDescription
from txsocketio.bots.schema import count, seconds
from txsocketio.commands.exits import EXPLAINED, PROBE_STEPS, Ended, Exit, ofStep
from txsocketio.commands.flags import CLIENT_FLAGS, FLAGS, NETWORK_FLAGS
from txsocketio.commands.target import TargetReader, pair
from txsocketio.commands.texts import Texts

__all__ = ["COMMANDS", "OVERVIEW", "parserFor", "readItem", "targetOf"]

COMMANDS = {
    "listen": "show the events of a server as lines of JSON",
    "emit": "emit an event, or each line of the input",
    "call": "emit an event and show the server's answer",
    "probe": "find out step by step what works on the way to a server, and what does not",
    "ctl": "ask or tell a running daemon something",
}

SECRETS = """\
secrets:
  Everybody on this machine can read the command lines of running processes
  (ps shows them), and a shell keeps them in its history.  So write a secret as
  '${VAR}' in single quotes, which this program itself takes from the
  environment, or as @FILE, the content of a file.  '$${' is a literal '${',
  and '@@' at the beginning a literal '@'.  Secrets are not shown in messages.
"""

OVERVIEW = (
    "usage: sioclient COMMAND ...\n\n"
    "A Socket.IO client for one task.  The commands:\n\n"
    + "".join(f"  {name:7} {what}\n" for name, what in COMMANDS.items())
    + "\nsioclient COMMAND --help tells more.  python -m txsocketio is the same program."
)

_EXAMPLES = {
    "listen": """\
  sioclient listen https://example.com/prices --event tick --count 3
  sioclient listen https://example.com --auth 'token=${TOKEN}' | jq .args

each event is one line: {"time": ..., "namespace": ..., "event": ..., "args": [...]};
bytes are {"base64": "..."}
""",
    "emit": """\
  sioclient emit http://localhost:3000 chat '"hello"' 42
  sioclient emit http://localhost:3000 chat --text hello
  sioclient listen http://one.example | sioclient emit http://two.example --lines

a line of the input is ["event", ARG...], or an object with "event" and "args",
as listen writes it
""",
    "call": """\
  sioclient call http://localhost:3000 add 1 2
  printf '["add", 1, 2]\\n["add", 3, 4]\\n' | sioclient call http://localhost:3000 --lines

the answer is written as JSON: null for none, several arguments as an array;
with --lines each is {"event": ..., "answer": ...}
""",
    "probe": """\
  sioclient probe https://example.com/chat --auth token=@/run/secrets/token
  sioclient probe http://localhost:3000 --json | jq -s .
""",
}

_PROBE_EXITS = (
    "exit status:\n"
    "  0    everything works that was tried\n"
    "  2    a mistake on the command line\n"
    + "".join(f"  {ofStep(each):<4} the first that failed was {each}\n" for each in PROBE_STEPS)
    + "  130  ended by SIGINT, 143 by SIGTERM\n"
)


_seconds, _positive = ruled(seconds), ruled(count)


class _Parser(ArgumentParser):
    """
    Tells a mistake as all of this program's mistakes are told.
    """

    def error(self, message: str) -> Any:
        raise Ended(Exit.USAGE, explained(self, message))


def parserFor(command: str) -> ArgumentParser:
    """
    The command line of one command.
    """
    parser = _Parser(
        prog=f"sioclient {command}",
        description=f"{COMMANDS[command][0].upper()}{COMMANDS[command][1:]}.",
        epilog=f"examples:\n{_EXAMPLES[command]}\n{SECRETS}\n"
        f"{_PROBE_EXITS if command == 'probe' else EXPLAINED}",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "url", metavar="URL", help="http, https, ws or wss; the path is the namespace"
    )
    _OWN[command](parser)
    _addClientOptions(parser)
    return parser


def _addListen(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--event", "-e", action="append", default=[], help="only these events (may be repeated)")
    add("--count", "-c", type=_positive, metavar="N", help="end after N events")
    _addDuration(parser, "end after S seconds; status 5 if --count was not reached by then")
    _addReconnect(parser)


def _addEmit(parser: ArgumentParser) -> None:
    _addEvent(parser)
    parser.add_argument(
        "--count", "-c", type=_positive, metavar="N", help="so often, or so many lines at most"
    )
    parser.add_argument(
        "--interval", type=_seconds, default=0.0, metavar="S", help="seconds between two of them"
    )
    _addDuration(parser, "begin no further one after S seconds")
    _addReconnect(parser)


def _addCall(parser: ArgumentParser) -> None:
    _addEmit(parser)


def _addProbe(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="a line of JSON for each step, and one for all")
    add("--no-heartbeat", action="store_true", help="do not wait for the server's ping")


_OWN = {"listen": _addListen, "emit": _addEmit, "call": _addCall, "probe": _addProbe}


def _addEvent(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("event", metavar="EVENT", nargs="?", help="the event's name")
    add("args", metavar="ARG", nargs="*", help="an argument as JSON, or @FILE with JSON in it")
    add("--text", action="store_true", help="each ARG is a text, not JSON")
    add("--lines", action="store_true", help="take events from the standard input")


def _addDuration(parser: ArgumentParser, meaning: str) -> None:
    parser.add_argument("--duration", "-d", type=_seconds, metavar="S", help=meaning)


def _addReconnect(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--reconnect", action="store_true", help="keep trying, at first and after a loss"
    )


def _addClientOptions(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--namespace", "-n", metavar="NAME", help="wins over the URL's path")
    add(
        "--timeout",
        type=_seconds,
        default=20.0,
        metavar="S",
        help="seconds for connecting, and for each answer or step (20)",
    )
    add("--verbose", "-v", action="store_true", help="show what the library logs")
    secrets = parser.add_argument_group("credentials (see secrets, below)")
    for flag, short, what in (
        ("--auth", "-a", "a part of what CONNECT carries"),
        ("--header", "-H", "a header of each request, also as 'Name: value'"),
        ("--query", "-q", "a part of each request's query"),
    ):
        more = f"{what} (may be repeated)"
        secrets.add_argument(
            flag, short, action="append", default=[], metavar="NAME=VALUE", help=more
        )
    secrets.add_argument("--auth-json", metavar="JSON", help="all that CONNECT carries, or @FILE")
    _addFlags(parser.add_argument_group("connection"), CLIENT_FLAGS)
    network = parser.add_argument_group("network and TLS")
    _addFlags(network, NETWORK_FLAGS)
    network.add_argument(
        "--insecure",
        action="store_true",
        help="do NOT verify the server's certificate: anybody on the way can read along",
    )
    network.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other option of the client by its name (may be repeated)",
    )


def _addFlags(group: Any, flags: Sequence[tuple[str, str, str, str]]) -> None:
    for flag, name, metavar, what in flags:
        group.add_argument(flag, dest=name, metavar=metavar, default=SUPPRESS, help=what)


def targetOf(given: Namespace, texts: Texts, **options: Any) -> BotDescription:
    """
    Which server is meant, and how to connect.

    @param options: options of the client that the command wants, unless the
        command line says otherwise.
    @raise Ended: with the mistake.
    """
    reader = TargetReader(texts)
    for name, value in options.items():
        reader.put(name, value)
    for flag, name, *_ in FLAGS:
        if hasattr(given, name):
            reader.take(name, getattr(given, name), flag)
    for kind in ("auth", "header", "query"):
        for word in getattr(given, kind):
            name, value = pair(word, f"--{kind}")
            reader.take(f"{kind}.{name}", value, f"--{kind} {name}")
    if given.auth_json is not None:
        reader.auth(given.auth_json)
    if given.insecure:
        reader.put("rejectUnauthorized", False)
    for word in given.option:
        name, value = pair(word, "--option")
        reader.take(name, value, f"--option {name}")
    return reader.describe(given.url, given.namespace)


def readItem(given: Namespace, texts: Texts) -> tuple[Any, ...] | None:
    """
    The event and the arguments of C{emit} and C{call}.

    @return: L{None} with C{--lines}.
    @raise Ended: with the mistake.
    """
    if given.lines:
        if given.event is not None:
            raise Ended(Exit.USAGE, "--lines takes EVENT and ARGs from the standard input")
        return None
    if given.event is None:
        raise Ended(Exit.USAGE, "say which EVENT, or --lines to take them from the standard input")
    return (given.event, *(_readArgument(word, given.text, texts) for word in given.args))


def _readArgument(word: str, isText: bool, texts: Texts) -> Any:
    try:
        return texts.text(word) if isText else texts.json(word)
    except ValueError as error:
        isJSON = not (isText or word.startswith("@"))
        hint = "; a text is '\"text\"' in single quotes, or use --text" if isJSON else ""
        raise Ended(Exit.USAGE, f"ARG: {error}{hint}") from None
