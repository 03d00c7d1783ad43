"""
What a worker says, said again by its supervisor.

Lines stay whole, whoever else writes at the same time.  The standard output
passes as it is: it is data.  The log's events are made again, so that they go
where the supervisor's own go, in the same form.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from twisted.logger import Logger, LogLevel, globalLogPublisher

from txsocketio.bots.logs import FIELDS

__all__ = ["Lines", "linesOf", "passErrors", "passLog", "passOutput"]

MAX_LINE = 4 * 1024 * 1024
"""Bytes of a line; a longer one is passed on in pieces."""

_log = Logger()


class Lines:
    """
    Makes lines of what comes in pieces.
    """

    def __init__(self, take: Callable[[bytes], object]) -> None:
        """
        @param take: called with each line, without its end.
        """
        self._take = take
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """
        Take what came.
        """
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._take(self._rest + line)
            self._rest = b""
        self._rest += rest
        if len(self._rest) > MAX_LINE:
            self.end()

    def end(self) -> None:
        """
        Nothing more comes; what has no end is a line, too.
        """
        rest, self._rest = self._rest, b""
        if rest:
            self._take(rest)


def passOutput(line: bytes) -> None:
    """
    Write a line to our standard output.
    """
    # twistd makes sys.stdout a log of its own.
    output = sys.__stdout__ or sys.stdout
    try:
        output.write(line.decode("utf-8", "backslashreplace") + "\n")
        output.flush()
    except (OSError, ValueError):
        pass  # nobody reads it any more


def passErrors(line: bytes, worker: int) -> None:
    """
    Log a line of a worker's standard error: what Python itself says, or a
    plugin that prints.
    """
    text = line.decode("utf-8", "backslashreplace")
    _log.warn("worker {worker} says: {text}", worker=worker, text=text)


def passLog(
    line: bytes,
    worker: int,
    publish: Callable[[dict[str, Any]], object] = globalLogPublisher,
) -> None:
    """
    Log an event of a worker as if it were our own.
    """
    try:
        event = _event(json.loads(line), worker)
    except Exception:  # whatever it is, a worker said it
        passErrors(line, worker)
    else:
        publish(event)


def _event(record: dict[str, Any], worker: int) -> dict[str, Any]:
    fields = {name: record[name] for name in FIELDS if name in record}
    failure = record.get("failure")
    return {
        # Not "message" and "failure": those mean something to old observers.
        "log_format": "{text}" if failure is None else "{text}\n{traceback}",
        "log_level": LogLevel.levelWithName(record["level"]),
        "log_namespace": record["logger"],
        # Raises if it is no time that can be shown.
        "log_time": datetime.fromtimestamp(record["log_time"], UTC).timestamp(),
        "text": record["message"],
        "traceback": failure,
        "worker": worker,
        **fields,
    }


def linesOf(worker: int) -> Iterator[Lines]:
    """
    Who takes a worker's standard output, standard error and log.
    """
    yield Lines(passOutput)
    yield Lines(lambda line: passErrors(line, worker))
    yield Lines(lambda line: passLog(line, worker))
