"""
Tells C{twistd sioclient} that there is a plugin named C{shouter}.

Every Twisted command of every user imports this file, so it imports next to
nothing; what the bot needs is imported when one is made.
"""

from collections.abc import Mapping
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from txsocketio.interfaces import IBot, IBotPlugin


@implementer(IPlugin, IBotPlugin)
class ShouterPlugin:
    name = "shouter"
    description = "Repeat what is said, louder."
    schema = {}

    def makeBot(self, config: Mapping[str, Any]) -> IBot:
        from txsocketio_greeter import Shouter

        return Shouter(config)


shouter = ShouterPlugin()
