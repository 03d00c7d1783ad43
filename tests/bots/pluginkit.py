"""
What the tests of the built-in plugins share: a bot on a recording socket, with
a connection that can be held and a log that keeps everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from bots.botkit import FakeSocket


class FakeReading:
    """
    Knows who holds the connection.
    """

    def __init__(self) -> None:
        self.holders: set[object] = set()
        self.hold = self.holders.add
        self.release = self.holders.discard

    @property
    def held(self) -> bool:
        return bool(self.holders)


class PluginSocket(FakeSocket):
    """
    A socket that records what is emitted; C{accepted} is what emitting gives.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.reading = self.io.reading = FakeReading()  # type: ignore[attr-defined]
        self.emitted: list[Any] = []
        self.accept: Callable[..., Deferred[Any]] = lambda *_: succeed(True)
        self.connected = True
        self.timeouts: list[float] = []
        self.corked = False
        self.sent: Any = None

    def cork(self) -> None:
        self.corked = True

    def uncork(self) -> None:
        self.corked = False

    def pace(self, sent: Any) -> PluginSocket:
        self.sent = sent
        return self

    def whenConnected(self) -> Deferred[Any]:
        return succeed(self)

    def timeout(self, seconds: float) -> PluginSocket:
        self.timeouts.append(seconds)
        return self

    def emitWithAck(self, *args: Any) -> Deferred[Any]:
        return self.emit(*args)

    def ownArguments(self, args: Any) -> Any:
        return tuple(each for each in args if each != "offset")

    def emit(self, *args: Any) -> Deferred[Any]:
        self.emitted.append(args)
        return self.accept(*args)


class PluginLog:
    """
    A log that keeps what is logged, with its level.
    """

    bot = "ticker"

    def __init__(self) -> None:
        self.lines: list[str] = []

    def _log(self, level: str, text: str, fields: dict[str, Any]) -> None:
        self.lines.append(f"{level}: {text.format(**fields)}")

    def debug(self, text: str, **fields: Any) -> None:
        self._log("debug", text, fields)

    def info(self, text: str, **fields: Any) -> None:
        self._log("info", text, fields)

    def warn(self, text: str, **fields: Any) -> None:
        self._log("warn", text, fields)

    def error(self, text: str, **fields: Any) -> None:
        self._log("error", text, fields)

    def failure(self, text: str, failure: Any = None, **fields: Any) -> None:
        why = "" if failure is None else f": {failure.value}"
        self._log("failure", text + why.replace("{", "{{").replace("}", "}}"), fields)

    def count(self, part: str) -> int:
        return sum(part in line for line in self.lines)


class PluginStage:
    """
    A bot with its options, attached to a recording socket.
    """

    def __init__(self, cls: Callable[..., Any], clock: Any = None, **config: Any) -> None:
        schema: Any = cls.schema  # type: ignore[attr-defined]
        defaults = {name: option.default for name, option in schema.items()}
        self.clock = clock or Clock()
        self.socket: Any = PluginSocket(self.clock)
        self.log = PluginLog()
        self.bot: Any = cls({**defaults, **config})
        self.bot.attach(self.socket, self.log)

    def receive(self, *events: Any) -> None:
        for event in events:
            self.socket.receive(*(event if isinstance(event, tuple) else (event,)))

    def stop(self) -> tuple[Deferred[Any], list[Any]]:
        """
        Begin to stop.

        @return: the Deferred, and what it fired with.
        """
        ended: list[Any] = []
        stopping = maybeDeferred(self.bot.stop)
        stopping.addBoth(ended.append)
        return stopping, ended


def fired(coroutine: Any) -> list[Any]:
    """
    Run a coroutine, and give what it has come to so far.
    """
    results: list[Any] = []
    ensureDeferred(coroutine).addBoth(results.append)
    return results


__all__ = ["FakeReading", "PluginLog", "PluginSocket", "PluginStage", "fired"]
