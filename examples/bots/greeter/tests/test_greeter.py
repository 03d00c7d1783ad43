"""
How to test a bot: with a server in memory, and a clock that the test moves.
"""

from twisted.internet.task import Clock
from txsocketio_greeter import Greeter

from txsocketio.bots.runner import BotLogger
from txsocketio.testing import MemoryServer


def test_everyoneWhoJoinsIsGreeted() -> None:
    """
    As often as the bots file says.
    """
    server = MemoryServer(Clock())
    socket = server.connect(autoConnect=False)
    bot = Greeter({"greeting": "good day,", "times": 2})
    bot.attach(socket, BotLogger("polite"))
    bot.start()
    socket.connect()
    server.flush()
    server.emit("join", "Ada")
    server.flush()
    assert [(each.event, *each.args) for each in server.received] == [
        ("register", "polite"),
        ("say", "good day, Ada"),
        ("say", "good day, Ada"),
    ]
    bot.stop()
