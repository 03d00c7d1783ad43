"""
The scenarios against python-socketio's server.
"""

from __future__ import annotations

from interop.scenarios import Scenarios


class PythonScenarios(Scenarios):
    """
    Nothing but the scenarios.
    """

    kind = "python"


class TestPolling(PythonScenarios):
    """
    HTTP long-polling only: this server takes at most 16 packets a POST.
    """

    transports = ("polling",)
    # Of a larger POST, python-engineio under aiohttp takes only as much as has
    # arrived when it looks, and throws the packet away.
    most = 65536


class TestWebSocket(PythonScenarios):
    """
    WebSocket only.
    """

    transports = ("websocket",)


class TestUpgrade(PythonScenarios):
    """
    Begun on polling, upgraded to WebSocket under way.
    """

    transports = ("polling", "websocket")
