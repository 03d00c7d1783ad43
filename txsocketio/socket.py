"""
One namespace of one server, as its user sees it: what can be called.

What happens behind it is in L{txsocketio.membership} (joining and leaving),
L{txsocketio.sender} (emitting) and L{txsocketio.dispatch} (listening).

Must not know: engines, transports, the class Manager.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from twisted.internet.defer import Deferred, fail, succeed

from txsocketio.emitter import F
from txsocketio.errors import (
    Disconnected,
)
from txsocketio.membership import Membership
from txsocketio.modifiers import PLAIN, Emission
from txsocketio.sessions import SessionInfo

__all__ = ["Socket"]


class Socket(Membership):
    """
    A namespace of a server.

    A listener answers an event that wants an answer by what it returns (a
    Deferred or coroutine answers when it fires; a tuple is several arguments),
    or by calling its parameter C{ack}, which is L{None} when none is wanted.
    The first answer counts; a listener that raises answers nothing.  See the
    how-to "Answer the server".

    @ivar io: the socket's manager.
    @ivar nsp: the namespace, e.g. C{"/"}.
    @ivar id: the session's id while there is a session, else L{None}.
    @ivar connected: whether events can be exchanged now.
    @ivar active: whether the socket is connected or will connect by itself.
    @ivar recovered: whether the present session continues the previous one.
    @ivar auth: what CONNECT carries: a mapping, L{None}, or a callable that
        returns one, or a Deferred or coroutine of it.
    @ivar why: a sentence that explains C{state}.
    """

    # Fixed places for all we need, which is more than a dictionary shared by
    # its names can hold; and a dictionary for whatever users may add.
    __slots__ = ("__dict__", "__weakref__")

    def __repr__(self) -> str:
        return f"<Socket {self.nsp} {self.state} id={self.id} of {self.io!r}>"

    # from above: state

    @property
    def disconnected(self) -> bool:
        """
        Whether events cannot be exchanged now.
        """
        return not self.connected

    @property
    def sendBuffer(self) -> list[tuple[Any, ...]]:
        """
        What waits to be sent: the name and arguments of each event.
        """
        return [tuple(parcel.values) for parcel in self._sender.outbox]

    @property
    def receiveBuffer(self) -> list[list[Any]]:
        """
        What came before the session was ready: name and arguments.
        """
        return self._held.events

    # from above: connecting

    def connect(self) -> Socket:
        """
        Connect, and stay connected as the manager's options say.  Does
        nothing when that is under way.

        @return: self
        """
        if not self.connected:
            self._sender.failure = None
            if not self.active:
                self.active = True
                self.why = "connecting to the server"
            self._stopRetrying()
            self._stopDeciding()
            self.io.socketNeeds(self)
        return self

    open = connect

    def disconnect(self) -> Socket:
        """
        Leave the namespace, and the server if nothing else needs it.  What
        was handed over is still sent, for at most 2 seconds.

        @return: self
        """
        settle = self._release()
        self._leaveNamespace()
        self._leave("io client disconnect", None, "disconnect() was called")
        settle(False, Disconnected("io client disconnect"), StopAsyncIteration())
        return self

    close = disconnect

    def whenConnected(self) -> Deferred[Socket]:
        """
        Wait for the namespace to be connected.

        @return: fires with this socket, now or at the next C{connect}.  Fails
            when none will come: L{ConnectRefused}, L{Disconnected} by the
            client, L{ReconnectFailed}, or what went wrong where
            C{reconnection} is off.  Cancelling it disconnects nothing.
        """
        if self.connected:
            return succeed(self)
        if self._sender.failure is not None:
            return fail(self._sender.failure)
        return self._connectWaiters.wait()

    def whenDisconnected(self) -> Deferred[None]:
        """
        Wait for the end, of which nothing is left.

        @return: fires when the socket was given up, by C{disconnect()} or by
            the server, and no timer, request or connection that it alone
            needed is left; at once when that is so now.
        """
        if self.state in ("disconnected", "failed"):
            return self.io.whenUnused()
        return self._idleWaiters.wait()

    # from above: sending

    def emit(self, event: Any, *args: Any) -> Deferred[bool]:
        """
        Send an event, now or, while the socket is not connected, later.

        A callable as last argument is the acknowledgement callback: it is
        called with the server's answer, error first where a timeout is set;
        without one it is not called when the connection is lost.

        @param event: the name: L{str} or L{int}.
        @param args: what the parser can send: for JSON L{None}, booleans,
            numbers, L{str}, L{bytes} and the like, and lists, tuples and
            dicts of these.
        @return: fires with L{True} when the packet was accepted and at most
            64 KiB wait (with C{retries}: when it was answered); with L{False}
            when it was dropped on purpose.  While the socket is refused, or
            disconnected by the server, and nothing tries again, it waits for
            C{connect()} or C{disconnect()}.  Fails when it is lost:
            L{PayloadTooLarge}, L{ReconnectFailed}; with C{retries} also
            L{AckTimeout} and L{Disconnected}.  Cancelling it takes the packet
            back while it waits here.
        @raise ReservedEventName: the name is the protocol's own.
        @raise NotEncodable: an argument cannot be sent.
        @raise BufferFull: C{sendBufferLimit} is reached.
        """
        return self._sender.emit(PLAIN, event, args)

    def emitWithAck(self, event: Any, *args: Any) -> Deferred[Any]:
        """
        Send an event and ask for an answer.

        @return: fires with the answer: L{None} for none, one argument as
            itself, several as a tuple.  Fails with L{AckTimeout},
            L{Disconnected}, L{Dropped} (volatile) or what L{emit} fails with.
            Cancelling it takes the packet back while it waits here, and else
            forgets the answer.
        @raise ReservedEventName: the name is the protocol's own.
        @raise NotEncodable: an argument cannot be sent.
        @raise BufferFull: C{sendBufferLimit} is reached.
        """
        return self._sender.call(PLAIN, event, args)

    def send(self, *args: Any) -> Deferred[bool]:
        """
        C{emit("message", ...)}
        """
        return self.emit("message", *args)

    @property
    def volatile(self) -> Emission:
        """
        See L{Emission.volatile}.
        """
        return Emission(self._sender).volatile

    def compress(self, compress: bool) -> Emission:
        """
        See L{Emission.compress}.
        """
        return Emission(self._sender).compress(compress)

    def timeout(self, seconds: float) -> Emission:
        """
        See L{Emission.timeout}.
        """
        return Emission(self._sender).timeout(seconds)

    def clearSendBuffer(self) -> int:
        """
        Drop what waits to be sent; what C{emit} returned fires with
        L{False}, what C{emitWithAck} returned fails with L{Dropped}.

        @return: how many packets that were.
        """
        return self._sender.clear()

    def cork(self) -> Socket:
        """
        Keep what is emitted from now on, as if there were no connection: in
        order, within C{sendBufferLimit}.  What is volatile is dropped; what a
        session listener emits by its C{info} goes out.

        @return: self
        """
        self._sender.cork()
        return self

    def uncork(self) -> Socket:
        """
        Send what waited since L{cork}, and from now on at once.

        @return: self
        """
        self._sender.uncork()
        return self

    def pace(self, sent: Callable[[], object] | None) -> Socket:
        """
        Call C{sent()} at each event that is actually sent, before outgoing
        listeners hear of it: for those who L{cork} when it was enough.

        @param sent: must not raise; L{None} for nobody.
        @return: self
        """
        self._pacer = sent
        self._outgoingListenersChanged()
        return self

    # from above: sessions

    @overload
    def onSession(self) -> Callable[[F], F]: ...

    @overload
    def onSession(self, listener: Callable[[SessionInfo], Any]) -> Socket: ...

    def onSession(self, listener: Callable[[SessionInfo], Any] | None = None) -> Any:
        """
        Call C{listener(info)} once per session, and wait for it, before
        anything else happens in the session.  Without a listener, a
        decorator.

        @param listener: gets a L{SessionInfo}; may return a Deferred or be a
            coroutine function.  If it fails, so does the session:
            C{connect_error}, and another try after a while.
        @return: self; as a decorator, the function unchanged.
        """
        if listener is None:

            def decorate(function: F) -> F:
                self.onSession(function)
                return function

            return decorate
        if not callable(listener):
            raise TypeError(f"a session listener must be callable, not {listener!r}")
        self._sessionListeners = (*self._sessionListeners, listener)
        return self

    def offSession(self, listener: Callable[[SessionInfo], Any] | None = None) -> Socket:
        """
        Forget one session listener, or all.
        """
        self._sessionListeners = tuple(
            each for each in self._sessionListeners if listener is not None and each != listener
        )
        return self
