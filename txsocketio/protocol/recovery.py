"""
Connection state recovery: telling the server's offset from an argument.

A server with recovery appends an offset to every event, unless the event is
volatile or wants an answer, and nothing on the wire says so.  For listeners
that does not matter, their signatures cut it off.  Where there is no signature
it is known by its form: that of the adapters of socket.io.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["withoutOffset"]

_OFFSET = re.compile(
    r"[0-9A-Za-z_-]{7}(\.[0-9A-Za-z_-]+)?"  # in memory: the time in base 64, and a count
    r"|[0-9]{13}-[0-9]+"  # Redis streams
    r"|[0-9a-f]{24}"  # MongoDB
)


def withoutOffset(data: Sequence[Any]) -> Sequence[Any]:
    """
    Leave out the offset of an event, name and arguments, if it ends in one.
    """
    last = data[-1]
    if len(data) > 1 and last.__class__ is str and _OFFSET.fullmatch(last):
        return data[:-1]
    return data
