"""
Tells C{twistd sioclient} that there is a plugin named C{shouter}.

Every Twisted command of every user imports this file, so it imports next to
nothing; what the bot needs is imported when one is made.
"""

from twisted.plugin import IPlugin
from zope.interface import implementer

from txsocketio.interfaces import IBotPlugin


@implementer(IPlugin, IBotPlugin)
class ShouterPlugin:
    name = "shouter"
    description = "Repeat what is said, louder."
    schema = {}

    def makeBot(self, config):
        from txsocketio_greeter import Shouter

        return Shouter(config)


shouter = ShouterPlugin()
