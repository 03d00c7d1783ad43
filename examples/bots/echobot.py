"""
A bot that answers every C{message} event, and greets each session.

Run it beside C{bots.ini}, against a server on port 3000 of this machine::

    PYTHONPATH=examples/bots twistd -n sioclient --config examples/bots/bots.ini
"""

from txsocketio.bots.bot import Bot, every, on, onSession
from txsocketio.bots.schema import PluginOption, schemaOf
from txsocketio.sessions import SessionInfo


class EchoBot(Bot):
    """
    Sends back what it is sent.
    """

    schema = schemaOf(PluginOption("prefix", "what to put before an echo", default="echo:"))

    @onSession
    def greet(self, info: SessionInfo) -> object:
        return info.emit("hello", "I am back" if info.recovered else "I am new here")

    @on("message")
    async def echo(self, text: str) -> None:
        self.log.info("echoing {size} characters", size=len(text))
        await self.socket.emit("message", f"{self.config['prefix']} {text}")

    @every(60)
    def showLife(self) -> None:
        self.socket.volatile.emit("alive")
