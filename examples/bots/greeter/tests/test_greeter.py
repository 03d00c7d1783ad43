"""
How to test a bot: with a server in memory, and a clock that the test moves.
"""

from twisted.internet.task import Clock
from txsocketio_greeter import Greeter

from txsocketio.bots.testing import runningBot
from txsocketio.testing import MemoryServer


def test_everyoneWhoJoinsIsGreeted() -> None:
    """
    As often as the bots file says.
    """
    server = MemoryServer(Clock())
    with runningBot(server, Greeter, "greeting = good day,\ntimes = 2", name="polite"):
        server.emit("join", "Ada")
        server.flush()
    assert [(each.event, *each.args) for each in server.received] == [
        ("register", "polite"),
        ("say", "good day, Ada"),
        ("say", "good day, Ada"),
    ]
