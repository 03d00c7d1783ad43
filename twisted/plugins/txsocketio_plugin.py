"""
Tells C{twistd} and C{twist} that there is a C{sioclient}.

Every Twisted command of every user imports this file, so it names our module
and imports nothing of ours.
"""

from twisted.application.service import ServiceMaker

sioclient = ServiceMaker(
    "Socket.IO client bots",
    "txsocketio.bots.tap",
    "Run Socket.IO client bots, as a bots file describes them.",
    "sioclient",
)
