"""
An event as a record, and a record as a line of JSON: what the built-in plugins
write, post, and hand to programs.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from txsocketio.errors import described

__all__ = ["eventRecord", "jsonLine", "readEvent", "roughSize"]


def eventRecord(bot: Any, event: Any, args: Sequence[Any]) -> dict[str, Any]:
    """
    When what came to whom.

    @param bot: a L{Bot <txsocketio.bots.bot.Bot>}.
    """
    now = datetime.fromtimestamp(bot.socket.io.reactor.seconds(), UTC)
    return {
        "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "bot": bot.log.bot,
        "namespace": bot.socket.nsp,
        "event": event,
        "args": args,
    }


def jsonLine(record: Mapping[str, Any]) -> str:
    """
    Write a record as one line; whatever is in it, this raises nothing.
    """
    try:
        return json.dumps(record, default=_plain, allow_nan=False, separators=(",", ":")) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        # Only the arguments can be the reason: they are the server's.
        readable = {**record, "args": None, "unreadable": described(error)}
        return json.dumps(readable, default=_plain, separators=(",", ":")) + "\n"


def readEvent(line: str | bytes) -> tuple[str, list[Any]]:
    """
    An event in a line of JSON: C{["tick", 1]}, or a record as L{jsonLine}
    writes it, of which C{event} and C{args} count.

    @return: its name, and its arguments; what was base64 is L{bytes} again.
    @raise ValueError: the line says something else.
    """
    try:
        said = json.loads(line, object_hook=_revived)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is not JSON: {error}") from None
    if isinstance(said, dict):
        event, args = said.get("event"), said.get("args", [])
    else:
        event, *args = said if isinstance(said, list) and said else [None]
    if not isinstance(event, str) or not isinstance(args, list):
        raise ValueError('this is no event, as in ["tick", 1] or {"event": "tick", "args": [1]}')
    return event, args


def _revived(value: dict[str, Any]) -> Any:
    if value.keys() == {"base64"} and isinstance(value["base64"], str):
        return b64decode(value["base64"], validate=True)
    return value


ITEM_BYTES = 16
"""What a value takes at least."""


def roughSize(value: object) -> int:
    """
    How many bytes a server's values take, more or less.
    """
    size = 0
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        size += ITEM_BYTES
        if isinstance(each, (str, bytes, bytearray)):
            size += len(each)
        elif isinstance(each, Mapping):
            waiting += each
            waiting += each.values()
        elif isinstance(each, (list, tuple)):
            waiting += each
    return size


def _plain(value: object) -> Any:
    """
    What JSON has no word for: bytes as base64, the rest as Python shows it.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": b64encode(value).decode("ascii")}
    return repr(value)
