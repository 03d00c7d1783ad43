"""
How one socket delivers events: catch-alls, waits, listeners, and the answers
that listeners give.

Must not know: packets on the wire, connecting, sending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from time import monotonic
from typing import Any, Self, overload
from weakref import WeakSet, finalize

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txsocketio.answers import Answer
from txsocketio.backlog import Backlog
from txsocketio.emitter import AnyListener, Emitter, F, Listener, Listening
from txsocketio.eventwaits import EventWaits
from txsocketio.modifiers import checkTimeout
from txsocketio.protocol.recovery import withoutOffset
from txsocketio.protocol.socketio import RESERVED_EVENTS
from txsocketio.results import asDeferred
from txsocketio.serial import OneMoreOverflow, SerialCalls
from txsocketio.slowness import SUSPECTED, Watch
from txsocketio.streams import Stream

__all__ = ["Dispatcher"]

SERIAL_LIMIT = 64


_NONE: Iterator[None] = iter(())


class Dispatcher(Emitter):
    """
    The listening half of a socket.

    @cvar slowListener: a listener that holds the reactor for more than so
        many seconds is logged as a warning; L{None} for never.
    """

    __slots__ = (
        "_alone",
        "_any",
        "_anyOutgoing",
        "_awaitedStreams",
        "_eventWaits",
        "_mayEndInOffset",
        "_reading",
        "_slowness",
        "_streaming",
        "_streams",
        "_untimed",
    )

    slowListener: float | None = 0.1


    def __init__(self, clock: IReactorTime, reading: Any) -> None:
        """
        @param reading: asked to hold when events are consumed too slowly.
        """
        super().__init__()
        self._reading = reading
        # Events that one plain listener hears and nobody else; found out when
        # they come, forgotten when anybody comes or goes.
        self._alone: dict[Any, Listener] = {}
        self._any: tuple[Listener, ...] = ()
        self._anyOutgoing: tuple[Listener, ...] = ()
        self._streaming = Listening()
        # Sets from the first stream on: two empty ones take a kilobyte.
        self._streams: WeakSet[Stream] | None = None
        self._awaitedStreams: set[Stream] | None = None
        # Gives one thing for each of the next events that need not be timed:
        # the quickest way to count there is.
        self._untimed: Iterator[None] = _NONE
        # Whether the event being dispatched may end in an offset of the server's.
        self._mayEndInOffset = False
        self._eventWaits = EventWaits(clock)
        self._slowness = Watch(self)

    # from above

    @overload
    def on(self, event: Any, *, serial: bool = False) -> Callable[[F], F]: ...

    @overload
    def on(self, event: Any, listener: AnyListener, *, serial: bool = False) -> Self: ...

    def on(self, event: Any, listener: AnyListener | None = None, *, serial: bool = False) -> Any:
        """
        Call C{listener} at each such event; without a listener, a decorator.

        @param listener: gets as many of the event's arguments as it takes.
            What it returns answers a question of the server's, or it calls its
            parameter C{ack}.
        @param serial: one call at a time, in order: the next begins when what
            the last one returned has fired.  Up to 64 events may wait before
            the connection is held, as for L{stream}.
        @return: self; as a decorator, the function unchanged.
        """
        if serial:
            return self._registerSerial(event, listener)
        return self._register(event, listener, False)

    @overload
    def onAny(self) -> Callable[[F], F]: ...

    @overload
    def onAny(self, listener: AnyListener) -> Self: ...

    def onAny(self, listener: AnyListener | None = None) -> Any:
        """
        Call C{listener(event, *args)} for every event that comes.

        @return: self; without a listener, a decorator.
        """
        return self._addAny("_any", listener, False)

    def prependAny(self, listener: AnyListener) -> Self:
        """
        As L{onAny}, before those that listen already.

        @return: self
        """
        self._addAny("_any", listener, True)
        return self

    def offAny(self, listener: AnyListener | None = None) -> Self:
        """
        Forget one catch-all listener, or all.

        @return: self
        """
        self._any = _without(self._any, listener)
        self._listenersChanged()
        return self

    def listenersAny(self) -> list[AnyListener]:
        """
        The catch-all listeners, in order.
        """
        return [each.original for each in self._any]

    @overload
    def onAnyOutgoing(self) -> Callable[[F], F]: ...

    @overload
    def onAnyOutgoing(self, listener: AnyListener) -> Self: ...

    def onAnyOutgoing(self, listener: AnyListener | None = None) -> Any:
        """
        Call C{listener(event, *args)} for every event when it is sent.

        @return: self; without a listener, a decorator.
        """
        return self._addAny("_anyOutgoing", listener, False)

    def prependAnyOutgoing(self, listener: AnyListener) -> Self:
        """
        As L{onAnyOutgoing}, before those that listen already.

        @return: self
        """
        self._addAny("_anyOutgoing", listener, True)
        return self

    def offAnyOutgoing(self, listener: AnyListener | None = None) -> Self:
        """
        Forget one outgoing catch-all listener, or all.

        @return: self
        """
        self._anyOutgoing = _without(self._anyOutgoing, listener)
        self._outgoingListenersChanged()
        return self

    def listenersAnyOutgoing(self) -> list[AnyListener]:
        """
        The outgoing catch-all listeners, in order.
        """
        return [each.original for each in self._anyOutgoing]

    def ownArguments(self, args: Sequence[Any]) -> Sequence[Any]:
        """
        For listeners that take any arguments, while they are called: leave
        out the offset that a server with connection state recovery appends.

        @param args: the event's arguments, without its name.
        """
        return self._own(("", *args))[1:]

    def whenEvent(
        self,
        event: Any,
        timeout: float | None = None,
        check: Callable[..., Any] | None = None,
    ) -> Deferred[Any]:
        """
        Wait for an event.

        @param timeout: seconds, or L{None}.
        @param check: called with the event's arguments; the event counts only
            if it returns something true.
        @return: fires with the next such event's argument(s), shaped as in
            L{emitWithAck <txsocketio.socket.Socket.emitWithAck>}.  Fails with
            L{AckTimeout <txsocketio.errors.AckTimeout>}, or L{Disconnected
            <txsocketio.errors.Disconnected>} when the socket is given up.
        @raise ValueError: C{timeout} is not a number, or negative; or no
            server sends such an event.
        """
        _checkSent(event)
        if timeout is not None:
            timeout = checkTimeout(timeout)
        self._reading.goOn()
        return self._eventWaits.add(event, timeout, check)

    def stream(self, *events: Any, limit: int = 64, overflow: str = "raise") -> Stream:
        """
        Events as an asynchronous iterator::

            async for price in socket.stream("price"):
                await store(price)

        A slow loop slows the server down: above C{limit} waiting events the
        connection is not read, though never for longer than half the server's
        ping timeout, nor while an answer is awaited.  What still comes is
        kept, up to four times C{limit}.

        @param overflow: what happens beyond: C{"raise"} (the iteration ends
            with L{Overflow <txsocketio.errors.Overflow>}) or C{"dropOldest"}.
        @return: a L{Stream}.  It goes on over reconnections and ends at
            C{disconnect()}.  With one event its values are argument(s) shaped
            as in L{emitWithAck <txsocketio.socket.Socket.emitWithAck>}, with
            several they are pairs of event and argument(s).
        @raise ValueError: no event, one that no server sends, or a bad
            C{limit} or C{overflow}.
        """
        if not events:
            raise ValueError("stream() needs the name of at least one event")
        for event in events:
            _checkSent(event)
        backlog = Backlog(self._reading, limit)
        if self._streams is None or self._awaitedStreams is None:
            self._streams, self._awaitedStreams = WeakSet(), set()
        listening = self._streaming
        added: list[tuple[Any, Listener]] = []

        def stop(stream: Stream | None = None) -> None:
            for event, listener in added:
                listening.discard(event, listener)

        stream = Stream(backlog, overflow, len(events) > 1, self._awaitedStreams, stop)
        stream.events = events
        self._listenersChanged()
        for event in events:
            forward = self._cutting(event, stream.forwarder(event))
            added.append((event, Listener(forward, forward, False)))
            listening.add(*added[-1])
        self._streams.add(stream)
        finalize(stream, _forgetStream, stop, backlog)
        return stream

    # inside

    def _listenersChanged(self) -> None:
        self._alone.clear()
        self._outgoingListenersChanged()

    def _own(self, data: Sequence[Any]) -> Sequence[Any]:
        return withoutOffset(data) if self._mayEndInOffset else data

    def _cutting(self, event: Any, forward: Callable[..., None]) -> Callable[..., None]:
        """
        A listener for those without a signature that would cut an offset off.
        """
        return lambda *values: forward(*self._own((event, *values))[1:])

    def _releaseStreams(self) -> Callable[[BaseException], None]:
        """
        @return: ends the streams that there are now.
        """
        streams = list(self._streams or ())

        def end(why: BaseException) -> None:
            for stream in streams:
                stream.finish(why)

        return end

    def _dispatch(
        self, data: Sequence[Any], sendAnswer: Callable[[Sequence[Any]], None] | None
    ) -> None:
        """
        Deliver an event: name and arguments.

        @param sendAnswer: called with the answer, for an event that wants one.
        """
        event = data[0]
        for each in self._any:
            self._call(event, each, data)
        if self._eventWaits.waiting:
            self._eventWaits.wake(self._own(data))
        if self._streaming.byEvent:
            for listener in self._streaming.byEvent.get(event, ()):
                self._call(event, listener, data[1:])
        listeners = self._listening.byEvent.get(event)
        if listeners is None:
            return
        if sendAnswer is not None:
            self._callForAnswer(event, listeners, data[1:], Answer(sendAnswer))
            return
        if len(listeners) == 1 and listeners[0].plain:
            if not (self._any or self._streaming.byEvent):
                self._alone[event] = listeners[0]
        for listener in listeners:
            if listener.plain:
                try:
                    result = listener.function(*data[1 : listener.end])
                except Exception:
                    self._logListener(event, listener)
                else:
                    if result is not None:
                        self._watch(event, listener, result)
            elif not listener.once or self._listening.discard(event, listener):
                self._call(event, listener, data[1:])

    def _dispatchTimed(
        self, data: Sequence[Any], sendAnswer: Callable[[Sequence[Any]], None] | None
    ) -> None:
        """
        As L{_dispatch}, with an eye on the clock.
        """
        limit = self.slowListener
        if limit is None:
            self._untimed = repeat(None, SUSPECTED)  # and look again then
            self._dispatch(data, sendAnswer)
            return
        catchAlls, listeners = self._any, self._listening.byEvent.get(data[0], ())
        began = monotonic()
        self._dispatch(data, sendAnswer)
        ended = monotonic()
        self._untimed = repeat(None, self._slowness.skip(began, ended, limit))
        if ended - began > limit:
            self._slowness.complain(data[0], catchAlls, listeners, ended - began)

    def _call(self, event: Any, listener: Listener, values: Sequence[Any]) -> None:
        try:
            result = listener.call(values)
        except Exception:
            self._logListener(event, listener)
        else:
            if result is not None:
                self._watch(event, listener, result)

    def _callForAnswer(
        self, event: Any, listeners: tuple[Listener, ...], values: Sequence[Any], answer: Answer
    ) -> None:
        for listener in listeners:
            if listener.once and not self._listening.discard(event, listener):
                continue
            try:
                self._callWithAnswer(event, listener, values, answer)
            except Exception:
                self._logListener(event, listener)
        answer.done()

    def _callWithAnswer(
        self, event: Any, listener: Listener, values: Sequence[Any], answer: Answer
    ) -> None:
        took, result = listener.callWithAck(values, answer)
        later = asDeferred(result)
        if later is None:
            answer.returned(took, result)
        else:
            answer.wait(took, later, lambda why: self._logListener(event, listener, why))

    def _logListener(self, event: Any, listener: Listener, failure: Any = None) -> None:
        if failure is None or not isinstance(failure.value, OneMoreOverflow):
            super()._logListener(event, listener, failure)

    def _registerSerial(self, event: Any, listener: AnyListener | None) -> Any:
        if listener is None:

            def decorate(function: F) -> F:
                self._registerSerial(event, function)
                return function

            return decorate
        calls = SerialCalls(listener, Backlog(self._reading, SERIAL_LIMIT))
        self._addListener(event, Listener(listener, calls, False))
        return self

    def _addAny(self, where: str, listener: AnyListener | None, first: bool) -> Any:
        if listener is None:

            def decorate(function: F) -> F:
                self._addAny(where, function, first)
                return function

            return decorate
        present = getattr(self, where)
        added = Listener(listener, listener, False)
        setattr(self, where, (added, *present) if first else (*present, added))
        self._listenersChanged()
        return self

    def _outgoingListenersChanged(self) -> None:
        """
        For the sender, which shows what it sends only while somebody looks.
        """

    def _showOutgoing(self, values: Sequence[Any]) -> None:
        for each in self._anyOutgoing:
            self._call(values[0], each, values)


def _forgetStream(stop: Callable[[], None], backlog: Backlog) -> None:
    stop()
    backlog.clear()


def _without(listeners: tuple[Listener, ...], original: AnyListener | None) -> tuple[Listener, ...]:
    return tuple(each for each in listeners if original is not None and each.original != original)


def _checkSent(event: Any) -> None:
    """
    Waiting for what only the client itself shows would be in vain.
    """
    if event.__class__ is str and event in RESERVED_EVENTS:
        instead = "whenConnected() or on()" if event == "connect" else "on() or once()"
        raise ValueError(f'no server sends "{event}"; use {instead}')
