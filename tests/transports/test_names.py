"""
Transports by their names.
"""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyClass

from support import runPython
from txsocketio.interfaces import IPacketTransport
from txsocketio.transports.names import transportClass
from txsocketio.transports.polling import PollingTransport
from txsocketio.transports.websocket import WebSocketTransport

PUBLIC = {"polling": PollingTransport, "websocket": WebSocketTransport}


@pytest.mark.parametrize("name", PUBLIC)
def test_byName(name: str) -> None:
    """
    Both transports have public names, and keep the interface that others are
    written to (behaviours J3).
    """
    assert transportClass(name) is PUBLIC[name]
    assert verifyClass(IPacketTransport, PUBLIC[name], tentative=True)


def test_byClass() -> None:
    """
    A class is taken as it is.
    """
    assert transportClass(PollingTransport) is PollingTransport


@pytest.mark.parametrize(("name", "other"), [("polling", "websocket"), ("websocket", "polling")])
def test_onlyWhatIsNeededIsLoaded(name: str, other: str) -> None:
    """
    Who uses one transport does not load the other.
    """
    code = (
        "import sys; from txsocketio.transports.names import transportClass;"
        f"transportClass({name!r}); print('txsocketio.transports.{other}' in sys.modules)"
    )
    assert runPython("-c", code).stdout.strip() == "False"
