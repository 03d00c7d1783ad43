"""
Bots that are polite, and bots that are loud.
"""

from __future__ import annotations

from typing import Any

from txsocketio.bots.bot import Bot, on, onSession
from txsocketio.bots.schema import PluginOption, count, schemaOf
from txsocketio.sessions import SessionInfo

__all__ = ["Greeter", "Shouter"]


class Greeter(Bot):
    """
    Greet everyone who joins.
    """

    schema = schemaOf(
        PluginOption("greeting", "what to say", default="hello"),
        PluginOption("times", "how often to say it", count, 1),
    )

    def start(self) -> None:
        self.greeted = 0

    @onSession
    def register(self, info: SessionInfo) -> Any:
        # Once a session, before anything else is sent or received.
        return info.emit("register", self.log.bot)

    @on("join", serial=True)
    async def greet(self, who: str) -> None:
        for _ in range(self.config["times"]):
            await self.socket.emit("say", f"{self.config['greeting']} {who}")
        self.greeted += 1

    def stop(self) -> None:
        self.log.info("greeted {greeted} people", greeted=self.greeted)


class Shouter(Bot):
    """
    Repeat what is said, louder.
    """

    @on("say")
    def shout(self, text: str) -> Any:
        return self.socket.emit("shout", text.upper())
