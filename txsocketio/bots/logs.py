"""
The daemon's log: lines of text or of JSON, secrets hidden.

Set up by C{twistd sioclient} alone, in the place of twistd's own observer and
to the same file; the library adds no observer, and a C{--logger} of the user's
wins.

Every line says what it is about: bot, url, namespace, sid and attempt, those
of our own logs that know no bot included.
"""

from __future__ import annotations

import json
import signal
import sys
import syslog
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from twisted.logger import ILogObserver, formatEvent
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile
from zope.interface import implementer

from txsocketio.bots.keys import LOG_LEVELS
from txsocketio.bots.redaction import Redactor, redactorOf
from txsocketio.bots.texts import forgiving, printable

__all__ = ["FIELDS", "LogLines", "jsonLine", "observerOf", "openLog", "textLine"]

HTTP = "twisted.web.client._HTTP11ClientFactory"
"""Tells of each connection that long-polling opens and closes."""

FIELDS = ("bot", "url", "namespace", "sid", "attempt")
"""What a line says of where it comes from."""

OURS = "txsocketio."
"""Who logs about a bot without knowing its name."""

Record = Mapping[str, Any]


class LogLines:
    """
    What there is to know for every line of the log.
    """

    def __init__(self, runners: Callable[[], Iterable[Any]]) -> None:
        """
        @param runners: gives the daemon's L{BotRunner
            <txsocketio.bots.runner.BotRunner>}s of the moment.
        """
        self._runners = runners
        self._present: list[frozenset[str]] = []
        self._redact = redactorOf(frozenset())
        self._secrets: frozenset[str] = frozenset()

    @property
    def redact(self) -> Redactor:
        """
        Hides the secrets of all bots, also of those that were and are not
        any more.
        """
        present = [runner.description.secrets for runner in self._runners()]
        if present != self._present:
            self._present = present
            self._secrets = self._secrets.union(*present)
            self._redact = redactorOf(self._secrets)
        return self._redact

    def record(self, event: Mapping[str, Any]) -> Record:
        """
        An event as plain values, secrets hidden.
        """
        return self.recordOf(event, self.runnerOf(event))

    def recordOf(self, event: Mapping[str, Any], runner: Any) -> Record:
        """
        The same, for who knows the event's L{runnerOf} already.
        """
        record = {
            "time": _timeOf(event),
            "level": _levelOf(event, runner),
            "logger": event.get("log_namespace", "-"),
            "message": _textOf(event),
            **_fieldsOf(event, runner),
        }
        failure = event.get("log_failure")
        if failure is not None:
            record["failure"] = _tracebackOf(failure)
        redact = self.redact
        return {
            name: redact(value) if isinstance(value, str) else value
            for name, value in record.items()
        }

    def runnerOf(self, event: Mapping[str, Any]) -> Any:
        """
        Whom an event is about: the bot it names, or that of the manager or
        socket that logged it.
        """
        name = event.get("bot")
        if name is not None:
            return next((each for each in self._runners() if each.name == name), None)
        if not str(event.get("log_namespace")).startswith(OURS):
            return None
        source = event.get("log_source")
        return next((each for each in self._runners() if _isOf(source, each)), None)


def _levelOf(event: Mapping[str, Any], runner: Any) -> str:
    """
    The word for how much an event matters.

    What the library says of a bot's connection is for who looks closely: the
    bot's own lines tell when its state changes, and why.
    """
    level: str = getattr(event.get("log_level"), "name", "info")
    wordy = event.get("log_namespace") == HTTP or ("bot" not in event and runner is not None)
    return "debug" if wordy and level == "info" else level


def _fieldsOf(event: Mapping[str, Any], runner: Any) -> dict[str, Any]:
    known = _known(runner)
    fields = {name: event.get(name, known.get(name)) for name in FIELDS}
    return {name: _plain(value) for name, value in fields.items() if value is not None}


def _isOf(source: object, runner: Any) -> bool:
    if runner.client is None:
        return False
    socket = runner.client.socket
    return source is socket or source is socket.io


def _known(runner: Any) -> dict[str, Any]:
    """
    Not the bot's status: asking for that may change it, and that is logged.
    """
    if runner is None:
        return {}
    known = {"bot": runner.name, "url": runner.description.server}
    if runner.client is not None:
        socket = runner.client.socket
        known |= {"namespace": socket.nsp, "sid": socket.id, "attempt": socket.io.attempts}
    return known


def _plain(value: object) -> str | int | float:
    return value if isinstance(value, (str, int, float)) else str(value)


def _timeOf(event: Mapping[str, Any]) -> str:
    moment = datetime.fromtimestamp(event.get("log_time", 0), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _textOf(event: Mapping[str, Any]) -> str:
    text = formatEvent(dict(event))
    if not text and event.get("log_failure") is not None:
        return str(event["log_failure"].getErrorMessage())
    return text


def _tracebackOf(failure: Failure) -> str:
    try:
        return failure.getTraceback()
    except Exception:
        return "(no traceback can be shown)"


# lines


def jsonLine(record: Record) -> str:
    """
    A record as a line of JSON.
    """
    return json.dumps(record) + "\n"


def textLine(record: Record) -> str:
    """
    A record as a line for people: C{time [logger#level] message}; more lines
    of the same record are indented.
    """
    logger, bot = record["logger"], record.get("bot")
    # The logger of a bot has its name already.
    about = "" if bot is None or logger == f"bot.{bot}" else f" bot={bot}"
    parts = [record["message"], record.get("failure", "")]
    body = "\n".join(part.rstrip("\n") for part in parts if part)
    line = f"{record['time']} [{logger}#{record['level']}{about}] {body}"
    return printable(line).replace("\n", "\n\t") + "\n"


# where they go


def observerOf(
    lines: LogLines, logFormat: str, stream: Any, leastLevel: Callable[[], str]
) -> ILogObserver:
    """
    What writes events to a stream.

    @param logFormat: C{text} or C{json}.
    @param leastLevel: gives the level from which on events are written.
    """
    write = jsonLine if logFormat == "json" else textLine

    @implementer(ILogObserver)
    def observe(event: Mapping[str, Any]) -> None:
        runner = lines.runnerOf(event)
        if LOG_LEVELS.index(_levelOf(event, runner)) >= LOG_LEVELS.index(leastLevel()):
            stream.write(write(lines.recordOf(event, runner)))
            stream.flush()

    return cast(ILogObserver, observe)


def openLog(options: Mapping[str, Any]) -> Any:
    """
    Open what twistd itself would log to: the syslog, the standard output, or
    a file that SIGUSR1 begins anew.
    """
    if options.get("syslog"):
        return _SysLog(options.get("prefix", "twisted"))
    name = options.get("logfile") or ("-" if options.get("nodaemon") else "twistd.log")
    if name == "-":
        if not options.get("nodaemon"):
            raise SystemExit("Daemons cannot log to stdout, exiting!")
        return forgiving(sys.stdout)
    file = LogFile.fromFullPath(name)
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda number, frame: _rotateSoon(file))
    return file


class _SysLog:
    """
    The system's log as a stream.
    """

    def __init__(self, prefix: str) -> None:
        syslog.openlog(prefix)

    def write(self, text: str) -> None:
        for line in text.splitlines():
            syslog.syslog(line)

    def flush(self) -> None:
        """
        Nothing waits here.
        """


def _rotateSoon(file: LogFile) -> None:
    from twisted.internet import reactor

    reactor.callFromThread(file.rotate)  # type: ignore[attr-defined]
