"""
Every name of the official client API is demonstrated by code that runs.
"""

from __future__ import annotations

import doctest
import re

import pytest

from support import ROOT

PAGE = ROOT / "docs" / "reference" / "api-names.rst"
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

# The names of https://socket.io/docs/v4/client-api/, without constructors and
# their options.
NAMES = {
    "io": "protocol",
    "Manager": (
        "reconnection reconnectionAttempts reconnectionDelay reconnectionDelayMax timeout "
        "open connect socket"
    ),
    "Socket": (
        "active connected disconnected id io recovered auth close compress connect disconnect "
        "emit emitWithAck listeners listenersAny listenersAnyOutgoing off offAny offAnyOutgoing "
        "on onAny onAnyOutgoing once open prependAny prependAnyOutgoing send timeout volatile"
    ),
}
EVENTS = {
    "Manager": "error ping reconnect reconnect_attempt reconnect_error reconnect_failed",
    "Socket": "connect connect_error disconnect",
}


def demonstrated() -> str:
    """
    All the code that runs: the examples and that of the page.
    """
    page = doctest.DocTestParser().get_examples(PAGE.read_text())
    return "\n".join([path.read_text() for path in EXAMPLES] + [each.source for each in page])


CODE = demonstrated()


def receivers(owner: str) -> str:
    """
    How the code calls an io, a manager or a socket.
    """
    call = r"(?:\((?:[^()]|\([^()]*\))*\))"  # chained after a call
    return {
        "io": r"\bio",
        "Manager": rf"(?:manager|socket\.io)(?:\.\w+{call})*",
        "Socket": rf"(?:socket|chat|foo|main)(?:\.\w+{call})*",
    }[owner]


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner in NAMES for name in NAMES[owner].split()]
)
def test_name(owner: str, name: str) -> None:
    """
    The attribute, method or modifier is used.
    """
    assert re.search(rf"{receivers(owner)}\.{name}\b", CODE)


@pytest.mark.parametrize(
    ("owner", "event"), [(owner, event) for owner in EVENTS for event in EVENTS[owner].split()]
)
def test_event(owner: str, event: str) -> None:
    """
    The event is listened to.
    """
    assert re.search(rf'{receivers(owner)}\.on(?:ce)?\("{event}"', CODE)


def test_page() -> None:
    """
    The code of the page does what the page says.
    """
    results = doctest.testfile(
        str(PAGE), module_relative=False, optionflags=doctest.REPORT_NDIFF, verbose=False
    )
    assert results.attempted > 50 and not results.failed
