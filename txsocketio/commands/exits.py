"""
How a command ends: its exit status, and what is said about it.

A script can rely on these numbers.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["EXPLAINED", "PROBE_STEPS", "Ended", "Exit", "ofSignal", "ofStep"]


class Exit(IntEnum):
    """
    The exit status of a one-shot command.
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHED = 3
    REFUSED = 4
    TIMEOUT = 5
    LOST = 6
    INPUT = 7
    OUTPUT = 8


PROBE_STEPS = (
    "url",
    "dns",
    "tcp",
    "proxy",
    "tls",
    "handshake",
    "upgrade",
    "namespace",
    "heartbeat",
)
"""What C{probe} looks at, in this order."""

FIRST_STEP = 10


def ofStep(name: str) -> int:
    """
    The exit status of a probe whose first failed step has this name.
    """
    return FIRST_STEP + PROBE_STEPS.index(name)


def ofSignal(number: int) -> int:
    """
    The exit status of a command that a signal has ended, as shells write it.
    """
    return 128 + number


EXPLAINED = """\
exit status:
  0    done what was asked
  1    an error that nobody has foreseen
  2    a mistake on the command line
  3    the server was not reached
  4    the server refused the namespace
  5    an answer, or an awaited event, did not come in time
  6    the connection was lost, and --reconnect was not given
  7    the input has a mistake, or cannot be sent
  8    the output cannot be written, or is not read
  130  ended by SIGINT, 143 by SIGTERM (disconnected properly in both cases)
"""


class Ended(Exception):
    """
    A command cannot go on, or need not.

    @ivar status: the exit status.
    """

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = int(status)
