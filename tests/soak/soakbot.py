"""
The bot of the soak: it writes down what it hears, answers each, and has more
to say when it is stopped.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from txsocketio.bots.bot import Bot, on
from txsocketio.bots.schema import PluginOption, schemaOf

LAST_WORDS = 20
"""How many events a bot emits when it is stopped."""


class Counting(Bot):
    """
    Writes each C{tick} to a file and emits C{numbered} with its own name.
    """

    schema = schemaOf(PluginOption("file", "where to write", parse=Path))

    def start(self) -> None:
        self.heard = self.config["file"].open("a", buffering=1)

    @on("tick")
    def count(self, number: int) -> None:
        self.heard.write(f"{number}\n")
        self.socket.emit("numbered", f"{self.log.bot} {number}")

    def stop(self) -> None:
        # The file stays open: events come until the socket has disconnected.
        for number in range(LAST_WORDS):
            self.socket.emit("numbered", f"{self.log.bot} end {number}")


class Raising(Bot):
    """
    Cannot start.
    """

    def start(self) -> None:
        raise ValueError("no good")


class Exiting(Bot):
    """
    Thinks the process is its own.
    """

    def start(self) -> None:
        sys.exit(3)


class Hanging(Bot):
    """
    Holds the reactor for good, once it is connected.
    """

    @on("connect")
    def hang(self) -> None:
        time.sleep(3600)


class Telltale(Bot):
    """
    Has the server say back all it knows, as an answer and inside an event, and
    logs what it hears.
    """

    schema = schemaOf(PluginOption("password", "its own secret", required=True, secret=True))

    @on("connect")
    async def ask(self) -> None:
        handshake = await self.socket.emitWithAck("getHandshake")
        self.socket.emit("back", handshake, self.config["password"])
        self.log.info("the server knows {handshake}", handshake=handshake)

    @on("back")
    def hear(self, handshake: object, password: str) -> None:
        self.log.info("back came {password} {handshake}", password=password, handshake=handshake)
        raise ValueError(f"no good: {password} {handshake}")
