"""
A transport's name to its class.
"""

from __future__ import annotations

import pytest

from support import runPython
from txsocketio.interfaces import IPacketTransport
from txsocketio.transports.names import transportClass


@pytest.mark.parametrize("name", ["polling", "websocket"])
def test_byName(name: str) -> None:
    """
    A name finds the transport that calls itself so.
    """
    found = transportClass(name)
    assert found.name == name
    assert IPacketTransport.implementedBy(found)


def test_byClass() -> None:
    """
    A class is what it is.
    """

    class Mine:
        name = "polling"

    assert transportClass(Mine) is Mine


def test_unknown() -> None:
    """
    A name that is none never gives something else.
    """
    with pytest.raises(KeyError):
        transportClass("webtransport")


@pytest.mark.parametrize(
    ("name", "other"),
    [("websocket", "treq"), ("websocket", "twisted.web.client"), ("polling", "autobahn")],
)
def test_onlyWhatIsNeeded(name: str, other: str) -> None:
    """
    Who uses one transport does not load the library of the other.
    """
    code = (
        "import sys; from txsocketio.transports.names import transportClass; "
        f"transportClass({name!r}); print({other!r} in sys.modules)"
    )
    done = runPython("-c", code)
    assert done.stdout.strip() == "False", done.stderr
