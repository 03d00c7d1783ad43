"""
The plugin C{command}: a program is run for each event.

Must not know: the daemon.
"""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Any

from twisted.internet.defer import DeferredList

from txsocketio.bots.delivering import DELIVERY, Delivery
from txsocketio.bots.inbox import EVENTS, QUEUE, InboxBot
from txsocketio.bots.insisting import Insistence, NotNow
from txsocketio.bots.records import readEvent
from txsocketio.bots.runs import Finished, Run
from txsocketio.bots.schema import PluginOption, boolean, count, listOf, schemaOf, seconds
from txsocketio.errors import SocketIOError, excerpt

__all__ = ["CommandBot", "ProgramFailed"]

LATER = 75
"""The exit status that asks for another attempt: C{EX_TEMPFAIL} of C{sysexits.h}."""

NAME_BYTES = 1000
"""So much of an event's name is in the environment."""


class ProgramFailed(SocketIOError):
    """
    A program did not do what it should.
    """


def commandLine(text: str) -> tuple[str, ...]:
    """
    A program and its arguments, quoted as a shell has it; no shell is used.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        words = ()
    if not words or "\0" in text:
        raise ValueError("must be a program and its arguments, quotes in pairs")
    return words


class CommandBot(InboxBot):
    """
    Run a program for each event, which gets it as JSON on its standard input.
    """

    schema = schemaOf(
        PluginOption("program", "what to run, with its arguments", commandLine, required=True),
        EVENTS,
        PluginOption("concurrency", "how many may run at once; 1 keeps the order", count, 1),
        PluginOption("runTimeout", "seconds that a run may take", seconds, 60.0),
        PluginOption(
            "environment",
            "the names of our environment variables that it gets, too",
            listOf,
            ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"),
        ),
        PluginOption("reply", "whether to send the events that it writes", boolean, False),
        *DELIVERY,
        QUEUE,
    )

    def start(self) -> None:
        program = self.config["program"][0]
        path = os.environ.get("PATH") if "PATH" in self.config["environment"] else os.defpath
        if shutil.which(program, path=path) is None:
            raise ProgramFailed(f"there is no program {program!r} that can be run")
        self._runs: set[Run] = set()
        clock = self.socket.io.reactor
        self._insist = Insistence(self.config, clock, self.log)
        self._delivery = Delivery(self.socket, self.config, self.log)
        self.listen(self.config["concurrency"])

    async def stop(self) -> None:
        try:
            await super().stop()
        finally:
            for run in list(self._runs):
                run.end("the bot stops")
            await DeferredList([run.whenGone() for run in self._runs])

    async def work(self, job: Any) -> None:
        event, line = job
        finished = await self._insist.on(lambda: self._attempt(event, line))
        if self.config["reply"]:
            for number, written in enumerate(finished.output.splitlines(), 1):
                await self._send(number, written)
        elif finished.output:
            said = excerpt(finished.output)
            self.log.debug("{program} said {said}", program=self._name, said=said)

    # inside

    @property
    def _name(self) -> str:
        name: str = os.path.basename(self.config["program"][0])
        return name

    async def _attempt(self, event: Any, line: str) -> Finished:
        run = Run(self.socket.io.reactor, line.encode("ascii"), self.config["runTimeout"])
        try:
            run.start(self.config["program"], self._environment(event))
        except OSError as error:
            raise NotNow(f"{self._name} cannot be run now: {error}") from None
        self._runs.add(run)
        run.whenGone().addCallback(lambda _: self._runs.discard(run))
        return self._judge(await run.finished)

    def _judge(self, finished: Finished) -> Finished:
        if finished.status == 0:
            return finished
        said = f": {excerpt(finished.said)}" if finished.said else ""
        why = f"{self._name}: {finished.why}{said}"
        raise NotNow(why) if finished.status == LATER else ProgramFailed(why)

    def _environment(self, event: Any) -> dict[str, str | bytes]:
        # What a server sends never gets into the arguments, nor to a shell.
        name = str(event).replace("\0", "").encode("utf-8", "replace")[:NAME_BYTES]
        names = (each for each in self.config["environment"] if each in os.environ)
        return {
            **{each: os.environ[each] for each in names},
            "SIOCLIENT_BOT": self.log.bot,
            "SIOCLIENT_NAMESPACE": self.socket.nsp,
            "SIOCLIENT_EVENT": name,
        }

    async def _send(self, number: int, written: bytes) -> None:
        if written.strip():
            try:
                event, args = readEvent(written)
            except ValueError as error:
                self.log.error(
                    "{program}, line {number} of its output: {why}",
                    program=self._name,
                    number=number,
                    why=str(error),
                )
            else:
                await self._delivery.send(event, args)
