"""
One server, kept in reach: reconnection, decoding, and routing to sockets.

The life of a manager is the machine in L{txsocketio.reconnection}; this module
acts on it.  The order is always the same: the machine moves, the engine and
the sockets' states follow, and only then anybody hears of it.  Every attempt
uses a new engine and the same options; nothing of an engine survives it.

Must not know: transports, HTTP, WebSocket.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from random import random
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    FirstError,
    succeed,
)
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.engine import DEAF, Engine, EngineFactory
from txsocketio.errors import (
    DecodeError,
    Disconnected,
    PayloadTooLarge,
    ReconnectFailed,
    SocketIOError,
    TransportError,
    described,
)
from txsocketio.interfaces import IDecoder, IEngineReceiver, IManager
from txsocketio.membership import Membership
from txsocketio.options import (
    EngineOptions,
    ManagerOptions,
    SocketOptions,
    readOptions,
)
from txsocketio.protocol.backoff import Backoff
from txsocketio.protocol.socketio import JSONParser, checkNamespace
from txsocketio.protocol.url import parseURL
from txsocketio.reading import Reading
from txsocketio.reconnection import Reconnection
from txsocketio.socket import Socket
from txsocketio.tuning import Tunable
from txsocketio.waiters import Waiters

__all__ = ["Manager"]

_STICKY_HINT = (
    "The server at {url} has refused an unknown session id three times in a row: if there are "
    'several server processes, they need sticky sessions, or use transports=["websocket"].'
)


_NONE: frozenset[Any] = frozenset()

_STRANGER_HINT = "is that a Socket.IO server? check the URL and path=, and parser="


@implementer(IManager, IEngineReceiver)
class Manager(Tunable):
    """
    A server and the sockets of its namespaces, which share one connection.

    Events: C{open}, C{close(reason, details)}, C{error(error)}, C{ping},
    C{packet}, C{reconnect(attempt)}, C{reconnect_attempt(attempt)},
    C{reconnect_error(error)}, C{reconnect_failed}; and C{engine(engine)}, for
    each new one before it opens.

    @ivar url: the server's URL, e.g. C{"http://localhost:3000"}.
    @ivar engine: the present or last L{Engine}, or L{None}.
    @ivar opts: the options given, as a read-only mapping.
    @ivar lengthen: where several managers share a server: called with the
        seconds before the next attempt, gives more of them; fewer do not
        count.  L{None} for nobody.
    """

    engine: Engine | None = None
    lengthen: Callable[[float], float] | None = None

    _known = False  # whether a namespace was ever connected
    _openCallbacks: tuple[Callable[[Any], Any], ...]
    _leaving: frozenset[Engine]
    _unknownSIDs: tuple[float, ...]

    def __init__(self, url: str, *, reactor: Any = None, **options: Any) -> None:
        """
        @param url: C{http}, C{https}, C{ws} or C{wss}; its path is ignored
            here, its query is merged under C{query=}.
        @param reactor: the global reactor by default.
        @param options: engine, manager and socket options; see
            L{txsocketio.options}.
        @raise TypeError: an unknown option.
        @raise ValueError: a bad URL, or a bad value of an option.
        """
        super().__init__()
        server = parseURL(url)
        engineOptions, self.options, self._socketOptions = readOptions(
            options, EngineOptions, ManagerOptions, SocketOptions
        )
        if reactor is None:
            from twisted.internet import reactor
        self.reactor: Any = reactor
        self.url = server.id
        self.opts: Mapping[str, Any] = MappingProxyType(dict(options))
        self.parser: Any = _parserFor(self.options.parser)
        self._urlQuery = server.query
        self._engineOptions = engineOptions
        self._factory = EngineFactory(reactor, server, engineOptions)
        self._reconnection = Reconnection(reactor, self.options, random)
        self._timeout = self.options.timeout
        self._sockets: dict[str, Socket] = {}
        self._decoder: IDecoder | None = None
        self.reading = Reading(reactor, self._answerAwaited)
        self._attempt: object = None
        self._asking: Deferred[Any] | None = None
        self._openWaiters = Waiters()
        self._lastError: Exception | None = None
        # These have a place from the beginning, or each manager would get a
        # dictionary of its own when it connects.
        self.engine = None
        self._known = False
        self._openCallbacks = self._unknownSIDs = ()
        self._leaving = _NONE
        if self.options.autoConnect:
            self.open()

    def __repr__(self) -> str:
        return f"<Manager {self.url} {self.state}>"

    # from above: state and options

    @property
    def state(self) -> str:
        """
        C{"closed"}, C{"opening"}, C{"open"} or C{"waiting"}.
        """
        return self._reconnection.state

    @property
    def readyState(self) -> str:
        """
        The reference's word: C{"closed"}, C{"opening"} or C{"open"}.
        """
        return "closed" if self.state == "waiting" else self.state

    @property
    def nextAttempt(self) -> float | None:
        """
        Seconds until the next attempt, or L{None} when none is planned.
        """
        return self._reconnection.secondsLeft if self.state == "waiting" else None

    @property
    def attempts(self) -> int:
        """
        The number of the present or next attempt to connect again; 0 before
        the first, and once a connection has lasted.
        """
        return self._reconnection.attempts

    @property
    def connectTimeout(self) -> float:
        """
        How long a namespace may take to be ready, in seconds.
        """
        return float(self.options.connectTimeout)

    @property
    def receiveLimit(self) -> int:
        """
        How many bytes of events a socket may hold before its session is
        ready.
        """
        return int(self._engineOptions.maxReceiveBufferBytes)

    @property
    def retryOnConnectError(self) -> Any:
        """
        The option: a bool, or a callable given the error.
        """
        return self.options.retryOnConnectError

    @property
    def retryOnServerDisconnect(self) -> Any:
        """
        The option: a bool, or a callable given the reason.
        """
        return self.options.retryOnServerDisconnect

    # from above: connecting

    def open(self, callback: Callable[[Any], Any] | None = None) -> Manager:
        """
        Connect, now.  Does nothing when that is under way.

        @param callback: called with L{None} when the engine is open, or with
            the error; a first attempt with a callback is not repeated.
        @return: self
        """
        if callback is not None:
            if self.state == "open":
                self._callBack(callback, None)
                return self
            self._openCallbacks = (*self._openCallbacks, callback)
        if self.state == "closed":
            self._reconnection.reset()
        if self.state in ("closed", "waiting"):
            self._startAttempt()
        return self

    connect = open

    def whenOpen(self) -> Deferred[Manager]:
        """
        Wait for the engine to be open.

        @return: fires with this manager when the engine is open; fails when
            that will not come: L{ReconnectFailed}, L{Disconnected} by
            C{close()}, or what went wrong where C{reconnection} is off.
        """
        if self.state == "open":
            return succeed(self)
        return self._openWaiters.wait()

    def close(self) -> Deferred[None]:
        """
        Leave every namespace, end the connection, and do not come back.

        @return: fires when no timer, request or connection is left.
        """
        error = Disconnected("forced close")
        sockets = [each for each in self._sockets.values() if each.active]
        wasOpen = self.state == "open"
        if wasOpen:
            for socket in sockets:
                socket.sayGoodbye()
        waiters = self._openWaiters.take()  # not those who wait for what a listener opens
        self._rest()
        self._holdPackets()
        for socket in sockets:
            socket.managerStopped(error)
        waiters.fail(error)
        if wasOpen:
            self._log.info("Left {url}.", url=self.url)
            self._show("close", "forced close", None)
        return self.whenGone()

    def confirm(self) -> Deferred[None]:
        """
        @return: fires when the server has read what was sent, as far as the
            transport can tell, or when there is no connection; never fails.
        """
        return succeed(None) if self.engine is None else self.engine.confirm()

    def whenGone(self) -> Deferred[None]:
        """
        @return: fires when no timer, request or connection is left of the
            engines that were closed.
        """
        waiting = Waiters()
        gone = waiting.wait()
        leaving = DeferredList([engine.whenGone() for engine in self._leaving])
        leaving.addCallback(lambda _: waiting.succeed(None))
        return gone

    def whenUnused(self) -> Deferred[None]:
        """
        @return: fires at once if a socket still needs the connection, else
            when it is gone.
        """
        inUse = self.state != "closed" and self._anyActive()
        return succeed(None) if inUse else self.whenGone()

    def socket(self, namespace: str = "/", **options: Any) -> Socket:
        """
        The socket of a namespace; the same one at each call.

        @param options: socket options, for a new socket.
        @raise ValueError: C{namespace} cannot be one.
        """
        (given,) = readOptions(options, SocketOptions)
        namespace = checkNamespace(namespace)
        socket = self._sockets.get(namespace)
        if socket is None:
            chosen = given if options else self._socketOptions
            socket = self._sockets[namespace] = Socket(self, namespace, chosen)
        if self.options.autoConnect and not socket.active:
            socket.connect()
        return socket

    def agreesWith(self, query: Any, *given: tuple[Any, Collection[str]]) -> bool:
        """
        Whether options given elsewhere are this manager's own.

        @param query: the query of the other URL, if it has one.
        @param given: pairs of an options object and the names given in it.
        """
        own = {type(each): each for each in (self._engineOptions, self.options)}
        return (not query or query == self._urlQuery) and all(
            getattr(own[type(options)], name) == getattr(options, name)
            for options, names in given
            for name in names
            if hasattr(options, name)
        )

    def has(self, namespace: str) -> bool:
        """
        Whether this manager has a socket of that namespace already.
        """
        return namespace in self._sockets

    # from above: what sockets ask

    def socketNeeds(self, socket: Membership) -> None:
        """
        A socket wants to be connected.
        """
        if self.state == "open":
            socket.managerOpened()
        elif self.state == "closed":
            self.open()

    def socketConnected(self, socket: Membership) -> None:
        """
        A namespace is connected.
        """
        self._known = True
        self._unknownSIDs = ()
        self._reconnection.proved()

    def socketIdle(self, socket: Membership) -> None:
        """
        A socket needs the connection no more.
        """
        if self.state == "closed" or self._anyActive():
            return
        wasOpen = self.state == "open"
        waiters = self._openWaiters.take()  # as close() does
        self._rest()
        waiters.fail(Disconnected("forced close"))
        if wasOpen:
            self._log.info("Left {url}.", url=self.url)
            self._show("close", "forced close", None)

    def othersPending(self, socket: Membership) -> bool:
        """
        Whether another socket uses the connection, or is about to.
        """
        return any(each.pending for each in self._sockets.values() if each is not socket)

    @property
    def canRetry(self) -> bool:
        """
        Whether reconnection is on.
        """
        return self._reconnection.enabled

    def buildBackoff(self) -> Backoff:
        """
        A backoff of its own for a socket that alone must try again.
        """
        backoff = self._reconnection.backoff
        return Backoff(backoff.delay, backoff.maxDelay, backoff.randomizationFactor, backoff.random)

    def restart(self, error: SocketIOError) -> None:
        """
        Give up this connection, and try again later.
        """
        if self.state != "open":
            return
        self._reconnection.unproved()
        end = self._letGo()
        self._logLoss("forced close", error)
        self._holdPackets()
        spent = self._planRetry(error)
        end()
        for socket in [each for each in self._sockets.values() if each.asked]:
            socket.managerClosed("forced close", error)
        self._show("close", "forced close", error)
        if spent and self.state == "closed":
            self._giveUp(error)

    def protocolBroken(self, error: DecodeError) -> None:
        """
        The server does not speak the protocol: end this connection.
        """
        engine = self.engine
        assert engine is not None
        engine.abort("parse error", error)

    def sendPacket(self, text: bytes | None, binaries: Sequence[bytes], compress: bool) -> bool:
        """
        Hand one encoded packet to the engine, as a unit.

        @return: whether the engine is congested now.
        @raise PayloadTooLarge: the server would hang up on it.
        """
        engine = self.engine
        assert engine is not None
        limit = engine.maxPayload
        if limit and (binaries or len(text) >= limit):  # type: ignore[arg-type]
            size = engine.overweight(text, binaries)
            if size:
                raise PayloadTooLarge(size, limit)
        congested = text is not None and engine.sendText(text, compress)
        for each in binaries:
            congested = engine.sendBinary(each, compress)
        return congested

    # from below

    def engineOpened(self) -> None:
        """
        The handshake is done: the attempt succeeded.
        """
        attempt = self._reconnection.attempts
        self._reconnection.life.opened()
        options = self._engineOptions
        self._decoder = self.parser.buildDecoder(options.maxAttachments, options.maxMessageBytes)
        engine = self.engine
        assert engine is not None and engine.handshake is not None
        self._log.info("Connected to {url}.", url=self.url, attempt=attempt, sid=engine.id)
        self.reading.begin(engine, engine.handshake.pingTimeout)
        for socket in list(self._sockets.values()):
            if self.engine is engine and self.state == "open":
                socket.managerOpened()
        if self.engine is not engine or self.state != "open":
            return
        self._show("open")
        if attempt:
            self._show("reconnect", attempt)
        self._tellOpened()

    def textReceived(self, message: bytes) -> None:
        """
        A text message: part of a packet, or a whole one.
        """
        try:
            packet = self._decoder.addText(message)  # type: ignore[union-attr]
        except Exception as error:
            self._undecodable(error)
            return
        if packet is not None:
            # As _route does; most packets come this way.
            packetType, namespace, ackID, data = packet
            if self._observed:
                self._show("packet", packet)
                if self._decoder is None:
                    return  # an observer has ended the connection
            socket = self._sockets.get(namespace)
            if socket is not None:
                socket.packetReceived(packetType, ackID, data)

    def binaryReceived(self, message: bytes) -> None:
        """
        A binary message: part of a packet, or a whole one.
        """
        try:
            packet = self._decoder.addBinary(message)  # type: ignore[union-attr]
        except Exception as error:
            self._undecodable(error)
            return
        if packet is not None:
            self._route(packet)

    def pingReceived(self) -> None:
        """
        The server's heartbeat.
        """
        self.reading.pinged()
        self._show("ping")

    def engineDrained(self) -> None:
        """
        More can be sent.
        """
        for socket in list(self._sockets.values()):
            socket.managerDrained()

    def engineClosed(self, reason: str, details: Any) -> None:
        """
        The engine is gone, or never opened.
        """
        if isinstance(details, DecodeError):
            details.url = self.url
        if self.state == "opening":
            self._attemptFailed(_asError(reason, details))
        else:
            self._lost(reason, details)

    # inside: attempts

    def _startAttempt(self) -> None:
        self._attempt = attempt = object()
        seconds = None if self._timeout is False else float(self._timeout)
        self._reconnection.life.attempt(seconds, self._attemptTimedOut)
        number = self._reconnection.attempts
        self._log.info("Connecting to {url}.", url=self.url, attempt=number)
        if number:
            self._show("reconnect_attempt", number)
        if self._attempt is attempt:
            self._askValues(attempt)

    def _askValues(self, attempt: object) -> None:
        """
        Ask for this attempt's query and headers, where they are callables.
        """
        asked = self._factory.askValues()
        if self._attempt is not attempt:
            asked.addErrback(lambda _: None)
            asked.cancel()  # they closed us
            return
        self._asking = asked
        asked.addCallback(self._cbAsked, attempt)
        asked.addErrback(self._askingFailed, attempt)

    def _cbAsked(self, answers: list[Any], attempt: object) -> None:
        if self._attempt is attempt:
            self._launch(*answers)

    def _askingFailed(self, failure: Failure, attempt: object) -> None:
        if self._attempt is not attempt:
            return
        error = failure.value
        if isinstance(error, FirstError):
            self._logUsersCode("What query= or extraHeaders= calls", error.subFailure)
            error = error.subFailure.value
        # Later: nobody can listen yet while io() makes us.
        self._asking = deferLater(self.reactor, 0, self._attemptFailed, error)
        self._asking.addErrback(lambda failure: failure.trap(CancelledError))

    def _launch(self, query: Any, headers: Any) -> None:
        self._asking = None
        self.engine = engine = self._factory.buildEngine(self, query, headers)
        self._show("engine", engine)
        engine.open()

    def _attemptTimedOut(self) -> None:
        seconds = float(self._timeout)
        error = TransportError(
            "timeout",
            explanation=(
                f"the server was not reached within {seconds:g} s (timeout): "
                "it is down or slow, or a firewall is on the way"
            ),
            url=self.url,
            phase="connect",
        )
        self._attemptFailed(error)

    def _attemptFailed(self, error: Exception) -> None:
        end = self._letGo()
        self._noteUnknownSID(error)
        number = self._reconnection.attempts
        callbacks, self._openCallbacks = self._openCallbacks, ()
        text = "Could not connect to {url}: {error}"
        self._log.info(text, url=self.url, attempt=number, error=described(error))
        spent = False
        if callbacks and not number:
            self._reconnection.life.rest()
        else:
            spent = self._planRetry(error)
        resting = self.state == "closed" and not spent
        end()
        self._tellAttemptFailed(error, callbacks, number)
        if self.state != "closed":
            return  # a listener has connected again
        if spent:
            self._giveUp(error)
        elif resting:
            self._tellResting(error)

    def _tellAttemptFailed(
        self, error: Exception, callbacks: tuple[Callable[[Any], Any], ...], number: int
    ) -> None:
        for socket in list(self._sockets.values()):
            socket.attemptFailed(error)
        self._show("error", error)
        for callback in callbacks:
            self._callBack(callback, error)
        if number:
            self._show("reconnect_error", error)

    def _tellResting(self, error: Exception) -> None:
        waiters = self._openWaiters.take()  # not those who wait for what a listener opens
        for socket in list(self._sockets.values()):
            socket.managerFailed(error)
        waiters.fail(error)

    # inside: retrying

    def _stopWaiting(self) -> None:
        self._reconnection.life.rest()
        assert self._lastError is not None
        self._tellResting(self._lastError)

    def _planRetry(self, error: Exception) -> bool:
        """
        Wait for the next attempt, or rest.

        @return: whether all attempts are spent.
        """
        self._lastError = error
        if not self._reconnection.enabled:
            self._reconnection.life.rest()
        elif self._reconnection.spent:
            self._reconnection.life.rest()
            return True
        else:
            self._wait(self._reconnection.nextDelay(error))
        return False

    def _wait(self, delay: float) -> None:
        # At first without asking, so that whoever is asked may end it.
        self._reconnection.life.wait(delay, self._startAttempt)
        delay = self._lengthened(delay)
        if self.state == "waiting":
            self._reconnection.life.wait(delay, self._startAttempt)
            number = self._reconnection.attempts
            text = "Next attempt to reach {url} in {delay:.1f} s."
            self._log.info(text, url=self.url, delay=delay, attempt=number)

    def _lengthened(self, delay: float) -> float:
        if self.lengthen is None:
            return delay
        try:
            longer = float(self.lengthen(delay))
            if longer == inf:
                raise ValueError("there would be no next attempt")
            return max(delay, longer)
        except Exception:
            self._log.failure("lengthen= of {url} failed.", url=self.url)
            return delay

    def _giveUp(self, last: BaseException | None) -> None:
        error = ReconnectFailed(int(self._reconnection.attempts), last)
        self._reconnection.reset()
        text = "Gave up on {url} after {attempts} reconnection attempts."
        self._log.info(text, url=self.url, attempts=error.attempts)
        waiters = self._openWaiters.take()  # not those who wait for what a listener opens
        for socket in list(self._sockets.values()):
            socket.managerFailed(error)
        waiters.fail(error)
        self._show("reconnect_failed")

    def _lost(self, reason: str, details: Any) -> None:
        self._reconnection.unproved()
        self.reading.end()
        self._decoder = None
        assert self.engine is not None
        self._awaitEnd(self.engine)
        error = _asError(reason, details)
        self._noteUnknownSID(error)
        self._logLoss(reason, details)
        self._holdPackets()
        spent = self._planRetry(error)
        resting = self.state == "closed" and not spent
        for socket in list(self._sockets.values()):
            socket.managerClosed(reason, details)
        self._show("close", reason, details)
        if self.state != "closed":
            return  # there is another attempt, ours or a listener's
        if spent:
            self._giveUp(error)
        elif resting:
            self._tellResting(Disconnected(reason, details))

    def _noteUnknownSID(self, error: Exception) -> None:
        if not isinstance(error, TransportError) or b"Session ID unknown" not in error.body:
            return
        now = self.reactor.seconds()
        recent = (each for each in self._unknownSIDs if now - each < 10)
        self._unknownSIDs = (*recent, now)
        if len(self._unknownSIDs) == 3:
            self._log.warn(_STICKY_HINT, url=self.url)

    def _logLoss(self, reason: str, details: Any) -> None:
        # What the server sent may be a secret: what is wrong with it is enough.
        said = details.what if isinstance(details, DecodeError) else details
        why = reason if said is None else f"{reason}: {described(said)}"
        self._log.info("Lost {url}: {why}.", url=self.url, reason=reason, why=why)

    # inside: ending

    def _rest(self) -> None:
        self._reconnection.unproved()
        self._reconnection.reset()
        self._reconnection.life.rest()
        self._openCallbacks = ()
        self._letGo()()

    def _letGo(self) -> Callable[[], None]:
        """
        Hear no more of the engine and of the attempt.

        @return: to be called to end them, when the machine has moved: whoever
            observes them may open the next.
        """
        self._attempt = None
        asking, self._asking = self._asking, None
        self.reading.end()
        self._decoder = None
        engine = self.engine
        dismissed = engine is not None and engine.receiver is not DEAF
        if engine is not None and dismissed:
            engine.receiver = DEAF
            self._awaitEnd(engine)

        def end() -> None:
            if asking is not None:
                asking.cancel()
            if engine is not None and dismissed:
                engine.close()

        return end

    def _awaitEnd(self, engine: Engine) -> None:
        self._leaving |= {engine}
        engine.whenGone().addCallback(lambda _: self._left(engine))

    def _left(self, engine: Engine) -> None:
        self._leaving -= {engine}

    def _holdPackets(self) -> None:
        """
        Before anybody hears that the connection is gone: a listener may open
        the next one, which must not get packets of this one's sessions.
        """
        for socket in self._sockets.values():
            socket.managerClosing()

    def _answerAwaited(self) -> bool:
        return any(each.awaitsAnswer for each in self._sockets.values())

    def _anyActive(self) -> bool:
        return any(each.active for each in self._sockets.values())

    def _tellOpened(self) -> None:
        callbacks, self._openCallbacks = self._openCallbacks, ()
        waiters = self._openWaiters.take()
        for callback in callbacks:
            self._callBack(callback, None)
        waiters.succeed(self)

    def _callBack(self, callback: Callable[[Any], Any], error: Exception | None) -> None:
        try:
            callback(error)
        except Exception:
            self._log.failure("The callback {callback!r} of open() failed.", callback=callback)

    # inside: packets

    def _route(self, packet: tuple[int, str, int | None, Any]) -> None:
        packetType, namespace, ackID, data = packet
        if self._observed:
            self._show("packet", packet)
            if self._decoder is None:
                return  # an observer has ended the connection
        socket = self._sockets.get(namespace)
        if socket is not None:
            socket.packetReceived(packetType, ackID, data)

    def _undecodable(self, error: Exception) -> None:
        if isinstance(error, MemoryError):
            # Nothing is wrong with the packet, so nothing is said against it.
            self._decoder = None
            lost = TransportError("out of memory", explanation="while decoding a packet")
            lost.__cause__ = error
            assert self.engine is not None
            self.engine.abort("transport error", lost)
            return
        if not isinstance(error, DecodeError):
            cause, error = error, DecodeError(f"the parser failed: {described(error)}")
            error.__cause__ = cause
        if not self._known:
            error.hint = _STRANGER_HINT
        self.protocolBroken(error)

    _observed = False

    def _listenersChanged(self) -> None:
        self._observed = self.hasListeners("packet")


def _parserFor(parser: Any) -> Any:
    if parser is None or parser == "json":
        return JSONParser()
    if parser == "msgpack":
        from txsocketio.protocol.messagepack import MessagePackParser

        return MessagePackParser()
    return parser


def _asError(reason: str, details: Any) -> Exception:
    return details if isinstance(details, Exception) else Disconnected(reason, details)
