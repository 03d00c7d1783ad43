"""
What the author of a bot writes: a class with decorated methods.

A bot that greets everyone who joins::

    class Greeter(Bot):
        schema = schemaOf(PluginOption("greeting", "what to say", default="hello"))

        @on("join")
        def greet(self, who):
            self.socket.emit("say", f"{self.config['greeting']} {who}")

Must not know: files, the daemon, how it is started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from txsocketio.bots.schema import PluginOption
from txsocketio.interfaces import IBot
from txsocketio.socket import Socket

__all__ = ["Bot", "every", "on", "onSession"]

F = TypeVar("F", bound=Callable[..., Any])

_MARKS = "_txsocketioMarks"


@dataclass(frozen=True, slots=True)
class _Mark:
    """
    What a decorator left on a method.

    @ivar attach: called with the bot, and the method bound to it.
    """

    attach: Callable[[Bot, Callable[..., Any]], object]


def _marking(attach: Callable[[Bot, Callable[..., Any]], object]) -> Callable[[F], F]:
    def mark(method: F) -> F:
        marks = (*getattr(method, _MARKS, ()), _Mark(attach))
        setattr(method, _MARKS, marks)
        return method

    return mark


def on(event: str, serial: bool = False) -> Callable[[F], F]:
    """
    Make a bot's method a listener of an event, as C{socket.on} does.

    @param serial: wait for one call to end before the next one starts.
    """
    options = {"serial": True} if serial else {}
    return _marking(lambda bot, method: bot.socket.on(event, method, **options))


def onSession(method: F) -> F:
    """
    Have a bot's method set up each session, as C{socket.onSession} does: the
    place to log in and subscribe.
    """
    return _marking(lambda bot, bound: bot.socket.onSession(bound))(method)


def every(seconds: float) -> Callable[[F], F]:
    """
    Call a bot's method again and again while its socket is connected, for the
    first time C{seconds} after the connection.

    A call that takes longer, because of the Deferred or coroutine it returns,
    is waited for.  One that fails is logged, and the next one is made.
    """
    if seconds <= 0:
        raise ValueError(f"every() wants a number of seconds above 0, not {seconds!r}")
    return _marking(lambda bot, method: _Ticking(bot, method, seconds).attach())


class _Ticking:
    """
    Calls one method while a socket is connected.
    """

    def __init__(self, bot: Bot, method: Callable[[], Any], seconds: float) -> None:
        self._bot = bot
        self._method = method
        self._seconds = seconds
        self._busy = False
        self._call: LoopingCall | None = None

    def attach(self) -> None:
        self._bot.socket.on("connect", self._connected)
        self._bot.socket.on("disconnect", self._disconnected)

    def _connected(self) -> None:
        if self._call is None:
            # A new one each time: in the old one a call may be under way, and
            # when it is done there would be two tickers.
            self._call = LoopingCall(self._tick)
            self._call.clock = self._bot.socket.io.reactor
            self._call.start(self._seconds, now=False)

    def _disconnected(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.stop()

    async def _tick(self) -> None:
        if self._busy:
            return  # with a call that the connection before began
        self._busy = True
        try:
            result = self._method()
            if hasattr(result, "__await__"):
                await result
        except GeneratorExit:
            raise
        except BaseException:  # asyncio's CancelledError, for one
            self._bot.log.failure("{method} failed", method=self._method.__qualname__)
        finally:
            self._busy = False


@implementer(IBot)
class Bot:
    """
    The convenient base class of a bot.

    @cvar schema: the options its section may hold, by name.
    @cvar checkConfig: called with these options when a bots file is read, or
        L{None}; a C{ValueError} it raises tells what does not go together.
    @ivar config: these options' values, by name.
    @ivar socket: the bot's socket, from L{attach} on; connected when
        C{connect} says so.
    @ivar log: a L{Logger} that adds the bot's name and server to all it logs.
    """

    schema: Mapping[str, PluginOption] = {}

    checkConfig: Callable[[Mapping[str, Any]], object] | None = None

    socket: Socket
    log: Any = Logger()

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def attach(self, socket: Any, log: Any) -> None:
        """
        Take the socket and the log, and register the decorated methods.
        """
        self.socket = socket
        self.log = log
        for name, marks in _markedMethods(type(self)):
            for mark in marks:
                mark.attach(self, getattr(self, name))

    def repeat(self, seconds: float, method: Callable[[], Any]) -> None:
        """
        As L{every} does, but from C{attach} or C{start}, e.g. because the
        bots file says how often.
        """
        _Ticking(self, method, seconds).attach()

    def start(self) -> Any:
        """
        Prepare what the bot needs, before its socket connects; yours to
        override.  May return a Deferred, or be a coroutine function.
        """

    def stop(self) -> Any:
        """
        Finish, before the socket disconnects; yours to override.  May return
        a Deferred, or be a coroutine function.
        """


def _markedMethods(cls: type[Bot]) -> Iterator[tuple[str, tuple[_Mark, ...]]]:
    """
    The decorated methods, those of base classes first, in the order written.
    """
    names = dict.fromkeys(name for each in reversed(cls.__mro__) for name in vars(each))
    for name in names:
        marks = getattr(getattr(cls, name, None), _MARKS, ())
        if marks:
            yield name, marks
