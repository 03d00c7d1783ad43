"""
Listeners: who is called for which event, with which arguments, and guarded.

Engines, managers and sockets are L{Emitter}s.  Whatever a listener does - it
raises, returns a Deferred that fails, takes fewer arguments than the server
sends, removes itself while it runs - the caller goes on undisturbed.

Must not know: packets, sockets, transports.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from inspect import CO_VARARGS, CO_VARKEYWORDS, Parameter, signature
from types import FunctionType, MethodType
from typing import Any, Self, TypeVar, overload

from twisted.logger import Logger
from twisted.python.failure import Failure

from txsocketio.errors import SocketIOError
from txsocketio.results import unfinished

__all__ = ["Emitter", "Listener", "Listening"]

AnyListener = Callable[..., Any]
F = TypeVar("F", bound=AnyListener)

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def _countParameters(function: Any) -> tuple[int, int] | None:
    """
    The quick way to read a signature, for functions and methods with nothing
    but positional parameters; L{signature} takes a hundred times as long.

    @return: how many arguments it takes and how many it needs; L{None} for
        everything else.
    """
    bound = type(function) is MethodType
    plain = function.__func__ if bound else function
    if type(plain) is not FunctionType or plain.__dict__:
        return None  # somebody may have wrapped it
    code = plain.__code__
    limit = code.co_argcount - bound
    special = code.co_kwonlyargcount or code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
    if special or limit < 0 or "ack" in code.co_varnames[: code.co_argcount]:
        return None
    return limit, max(0, limit - len(plain.__defaults__ or ()))


class Listener:
    """
    One registered callable, and how it likes to be called.

    A server may append arguments at any time (with connection state recovery
    it always does), and in JavaScript nobody notices.  So the signature is
    read once, here, and surplus arguments are cut at each call.

    @ivar original: what the user registered.
    @ivar function: what is called.
    @ivar limit: how many positional arguments it takes at most, or L{None}.
    @ivar once: whether it is removed at its first call.
    @ivar plain: whether calling C{function} with at most C{limit} arguments is
        all there is to it; a dispatcher then does that without a detour.
    @ivar end: where those arguments end in an event: the name comes first.
    @ivar takesOne: whether it takes an argument at all.
    """

    __slots__ = (
        "_ackBy",
        "_required",
        "end",
        "function",
        "limit",
        "once",
        "original",
        "plain",
        "takesOne",
    )

    def __init__(self, original: AnyListener, function: AnyListener, once: bool) -> None:
        if not callable(original):
            raise TypeError(f"a listener must be callable, not {original!r}")
        self.original = original
        self.function = function
        self.once = once
        self._readSignature(original)
        self.plain = not once and self._ackBy != "keyword"
        self.end = None if self.limit is None else self.limit + 1
        self.takesOne = self.limit != 0

    def _readSignature(self, function: AnyListener) -> None:
        self.limit: int | None = None
        self._ackBy = "nothing"
        self._required = 0
        counts = _countParameters(function)
        if counts is not None:
            self.limit, self._required = counts
            self._ackBy = "slot" if self._required else "nothing"
            return
        try:
            parameters = signature(function).parameters.values()
        except (TypeError, ValueError):
            return  # a builtin without a signature: it gets everything
        named = [p for p in parameters if p.kind in _POSITIONAL]
        byName = [p for p in parameters if p.name == "ack" and p.kind in _BY_NAME]
        data = [p for p in named if p not in byName]
        variadic = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
        self._required = sum(p.default is Parameter.empty for p in data)
        self.limit = None if variadic else len(data)
        if byName:
            self._ackBy = "keyword"
        elif variadic:
            self._ackBy = "last"
        elif self._required:
            self._ackBy = "slot"

    def callWithAck(self, values: Sequence[Any], ack: Any) -> tuple[bool, Any]:
        """
        Call the listener for an event that wants an answer.

        @return: whether the listener was given C{ack}, and what it returned.
        """
        if self._ackBy == "keyword":
            return True, self.function(*values[: self.limit], ack=ack)
        if self._ackBy == "last" or (self._ackBy == "slot" and len(values) < self._required):
            return True, self.function(*values, ack)
        return False, self.function(*values[: self.limit])

    def call(self, values: Sequence[Any]) -> Any:
        """
        Call the listener for an event that wants no answer.
        """
        if self._ackBy == "keyword":
            return self.function(*values[: self.limit], ack=None)
        return self.function(*values[: self.limit])


class Listening:
    """
    An ordered table of listeners by event.

    Lists are replaced, never changed, so a dispatch under way goes on over
    the list it started with.
    """

    __slots__ = ("byEvent",)

    def __init__(self) -> None:
        self.byEvent: dict[Any, tuple[Listener, ...]] = {}

    def add(self, event: Any, listener: Listener) -> bool:
        """
        @return: whether the same callable listened to this event already.
        """
        present = self.byEvent.get(event, ())
        self.byEvent[event] = (*present, listener)
        return any(each.original == listener.original for each in present)

    def remove(self, event: Any, original: AnyListener | None) -> None:
        """
        Forget one callable, or all of an event.
        """
        left = tuple(
            each
            for each in self.byEvent.pop(event, ())
            if original is not None and each.original != original
        )
        if left:
            self.byEvent[event] = left

    def discard(self, event: Any, listener: Listener) -> bool:
        """
        Forget exactly this registration.

        @return: whether it was still there.
        """
        present = self.byEvent.get(event, ())
        left = tuple(each for each in present if each is not listener)
        if left:
            self.byEvent[event] = left
        else:
            self.byEvent.pop(event, None)
        return len(left) < len(present)


class Emitter:
    """
    Something whose events can be listened to.
    """

    __slots__ = ("_listening",)
    _log = Logger()

    def __init__(self) -> None:
        self._listening = Listening()

    @overload
    def on(self, event: Any) -> Callable[[F], F]: ...

    @overload
    def on(self, event: Any, listener: AnyListener) -> Self: ...

    def on(self, event: Any, listener: AnyListener | None = None) -> Any:
        """
        Call C{listener} at each such event; without a listener, a decorator.

        @return: self; as a decorator, the function unchanged.
        """
        return self._register(event, listener, False)

    @overload
    def once(self, event: Any) -> Callable[[F], F]: ...

    @overload
    def once(self, event: Any, listener: AnyListener) -> Self: ...

    def once(self, event: Any, listener: AnyListener | None = None) -> Any:
        """
        Call C{listener} at the next such event only; without a listener, a
        decorator.

        @return: self; as a decorator, the function unchanged.
        """
        return self._register(event, listener, True)

    def off(self, event: Any = None, listener: AnyListener | None = None) -> Self:
        """
        Forget one listener of an event, all of an event, or all.

        @return: self
        """
        if event is None:
            self._listening.byEvent.clear()
        else:
            self._listening.remove(event, listener)
        self._listenersChanged()
        return self

    def listeners(self, event: Any) -> list[AnyListener]:
        """
        The callables registered for an event, in order.
        """
        return [each.original for each in self._listening.byEvent.get(event, ())]

    def hasListeners(self, event: Any) -> bool:
        """
        Whether anybody listens to an event.
        """
        return event in self._listening.byEvent

    # inside

    def _register(self, event: Any, listener: AnyListener | None, once: bool) -> Any:
        if listener is None:

            def decorate(function: F) -> F:
                self._register(event, function, once)
                return function

            return decorate
        self._addListener(event, Listener(listener, listener, once))
        return self

    def _addListener(self, event: Any, listener: Listener) -> None:
        if self._listening.add(event, listener):
            warnings.warn(
                f"{listener.original!r} listens to {event!r} twice and will be called twice; "
                'register listeners once, outside of "connect"',
                stacklevel=4,
            )
        self._listenersChanged()

    def _listenersChanged(self) -> None:
        """
        For those whose cost depends on being observed.
        """

    def _show(self, event: Any, *values: Any) -> None:
        """
        Emit an event to whoever looks in.
        """
        for listener in self._listening.byEvent.get(event, ()):
            if listener.once:
                if not self._listening.discard(event, listener):
                    continue  # an earlier listener of this very event used it up
                self._listenersChanged()
            try:
                result = listener.call(values)
            except Exception:
                self._logListener(event, listener)
            else:
                if result is not None:
                    self._watch(event, listener, result)

    def _watch(self, event: Any, listener: Listener, result: object) -> None:
        later = unfinished(result)
        if later is not None:
            later.addErrback(lambda failure: self._logListener(event, listener, failure))

    def _logListener(self, event: Any, listener: Listener, failure: Any = None) -> None:
        self._log.failure(
            "Listener {listener} of {event!r} on {emitter} failed.",
            failure,
            listener=getattr(listener.original, "__qualname__", repr(listener.original)),
            event=event,
            emitter=self,
        )

    def _logUsersCode(self, whose: str, failure: Failure) -> None:
        """
        Log what the user's code raised, unless it is an error of ours: those
        come from the server or the line, and are told as such.
        """
        if not failure.check(SocketIOError):
            self._log.failure("{whose} of {emitter} failed.", failure, whose=whose, emitter=self)
