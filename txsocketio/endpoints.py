"""
A raw Engine.IO session as a Twisted endpoint.

For Twisted people who do not want Socket.IO: any L{Protocol
<twisted.internet.protocol.Protocol>} gets an Engine.IO session as its
transport, and L{ClientService <twisted.application.internet.ClientService>}
keeps it connected.

Must not know: Socket.IO, namespaces, reconnection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, FirstError
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsocketio.engine import DEAF, Engine, EngineFactory
from txsocketio.errors import Disconnected, TransportError
from txsocketio.interfaces import IEngineReceiver
from txsocketio.options import EngineOptions, readOptions
from txsocketio.protocol.url import parseURL

__all__ = ["EngineEndpoint", "EngineTransport", "SessionAddress"]

DEFAULT_PATH = "/engine.io"


class SessionAddress:
    """
    What C{buildProtocol} and C{getPeer} are given.

    @ivar url: the server.
    @ivar sid: the session's id.
    """

    def __init__(self, url: str, sid: str | None) -> None:
        self.url = url
        self.sid = sid

    def __repr__(self) -> str:
        return f"SessionAddress({self.url!r}, sid={self.sid!r})"


@implementer(IStreamClientEndpoint)
class EngineEndpoint:
    """
    Connects protocols to an Engine.IO server (protocol v4).

    Each C{write} is one binary message; each message of the server, text or
    binary, is one C{dataReceived}.  A session begins when the handshake is
    done; the upgrade to a better transport goes on behind it.
    """

    def __init__(
        self, reactor: Any, url: str, *, timeout: float | None = 20.0, **options: Any
    ) -> None:
        """
        @param url: C{http}, C{https}, C{ws} or C{wss}; its path is the path
            of the requests, C{/engine.io} if there is none.
        @param timeout: how many seconds connecting may take.
        @param options: engine options; see L{txsocketio.options}.
        @raise TypeError: an unknown option.
        @raise ValueError: a bad URL, or a bad value of an option.
        """
        server = parseURL(url)
        (self._options,) = readOptions(options, EngineOptions)
        if options.get("path") is None:
            path = DEFAULT_PATH if server.namespace == "/" else server.namespace
            self._options = replace(self._options, path=path)
        self._reactor = reactor
        self._timeout = timeout
        self.url = server.id
        self._factory = EngineFactory(reactor, server, self._options)

    def __repr__(self) -> str:
        return f"<EngineEndpoint {self.url} path={self._options.path}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Open a session.

        @return: fires with the connected protocol.  Fails with
            L{TransportError} or another L{SocketIOError
            <txsocketio.errors.SocketIOError>}; cancelling it leaves nothing.
        """
        attempt = _Attempt(self, protocolFactory)
        attempt.start(self._factory.askValues(), self._reactor, self._timeout)
        return attempt.result

    def buildEngine(self, receiver: IEngineReceiver, query: Any, headers: Any) -> Engine:
        """
        Make the engine of one attempt.
        """
        return self._factory.buildEngine(receiver, query, headers)


@implementer(IEngineReceiver)
class _Attempt:
    """
    One C{connect}, until there is a protocol or an error.
    """

    _engine: Engine | None = None
    _timer: IDelayedCall | None = None
    _over = False

    def __init__(self, endpoint: EngineEndpoint, protocolFactory: IProtocolFactory) -> None:
        self._endpoint = endpoint
        self._protocolFactory = protocolFactory
        self.result: Deferred[IProtocol] = Deferred(lambda _: self._stop())

    def start(self, asked: Deferred[Any], clock: Any, seconds: float | None) -> None:
        self._asked = asked
        if seconds is not None:
            self._timer = clock.callLater(seconds, self._timedOut, seconds)
        asked.addCallback(self._launch).addErrback(self._failed)

    # from below

    def engineOpened(self) -> None:
        assert self._engine is not None
        self._stopTimer()
        address = SessionAddress(self._endpoint.url, self._engine.id)
        try:
            protocol: Any = self._protocolFactory.buildProtocol(address)  # type: ignore[arg-type]
            if protocol is None:
                raise ConnectionDone("the factory built no protocol")
        except Exception:
            self._failed(Failure())
            return
        if self._over:
            return  # the factory has cancelled the attempt
        self._over = True
        EngineTransport(self._engine, protocol, address).connect()
        if not self.result.called:
            self.result.callback(protocol)

    def engineClosed(self, reason: str, details: Any) -> None:
        error = details if isinstance(details, Exception) else Disconnected(reason, details)
        self._failed(Failure(error))

    def textReceived(self, message: bytes) -> None:
        pass  # nothing comes before engineOpened

    def binaryReceived(self, message: bytes) -> None:
        pass

    def pingReceived(self) -> None:
        pass

    def engineDrained(self) -> None:
        pass

    # inside

    def _launch(self, values: list[Any]) -> None:
        if self._over:
            return
        self._engine = self._endpoint.buildEngine(self, *values)
        self._engine.open()

    def _timedOut(self, seconds: float) -> None:
        explanation = f"the server was not reached within {seconds:g} s"
        self._failed(Failure(TransportError("timeout", explanation=explanation, phase="connect")))

    def _failed(self, failure: Failure) -> None:
        if self._over:
            return  # what stopping brought about
        self._stop()
        first = failure.value
        self.result.errback(first.subFailure if isinstance(first, FirstError) else failure)

    def _stop(self) -> None:
        self._over = True
        self._stopTimer()
        self._asked.cancel()
        if self._engine is not None:
            self._engine.receiver = DEAF
            self._engine.close()

    def _stopTimer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


@implementer(ITransport, IConsumer, IPushProducer, IEngineReceiver)
class EngineTransport:
    """
    An engine as a protocol sees it.
    """

    _log = Logger()

    disconnecting = False
    _pulling = False
    _wrote = False

    def __init__(self, engine: Engine, protocol: Any, address: SessionAddress) -> None:
        self.engine = engine
        self._protocol = protocol
        self._address = address
        self._producer: Any = None
        self._streaming = False
        engine.receiver = self

    def connect(self) -> None:
        """
        Tell the protocol.
        """
        self._tell(self._protocol.makeConnection, self)

    # from above: ITransport

    def write(self, data: bytes) -> None:
        """
        Send one binary message.
        """
        self.engine.sendBinary(data if data.__class__ is bytes else bytes(memoryview(data)))
        self._checkProducer()

    def writeText(self, text: str) -> None:
        """
        Send one text message.
        """
        self.engine.sendText(text.encode())
        self._checkProducer()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Send several pieces as one binary message.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Send what waits, then end the session.
        """
        self.disconnecting = True
        self.engine.close()

    def abortConnection(self) -> None:
        """
        End the session now.
        """
        self.disconnecting = True
        self.engine.abort("forced close")

    def getPeer(self) -> Any:
        """
        @return: the server's L{SessionAddress}.
        """
        return self._address

    def getHost(self) -> Any:
        """
        @return: the same: a session has no address of its own on this side.
        """
        return self._address

    # from above: IConsumer and IPushProducer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Let a producer write at the pace of the network.
        """
        if self._producer is not None:
            raise RuntimeError(f"a producer is registered already: {self._producer!r}")
        if self.engine.readyState != "open":
            producer.stopProducing()
            return
        self._producer, self._streaming = producer, streaming
        if not streaming:
            self._pull()

    def unregisterProducer(self) -> None:
        """
        The producer is done.
        """
        self._producer = None

    def pauseProducing(self) -> None:
        """
        Stop reading from the network.
        """
        self.engine.pauseReading()

    def resumeProducing(self) -> None:
        """
        Read again.
        """
        self.engine.resumeReading()

    def stopProducing(self) -> None:
        """
        End the session.
        """
        self.loseConnection()

    # from below: IEngineReceiver

    def engineOpened(self) -> None:
        """
        It was open before it became a transport.
        """

    def textReceived(self, message: bytes) -> None:
        """
        A text message came.
        """
        self._tell(self._protocol.dataReceived, message)

    def binaryReceived(self, message: bytes) -> None:
        """
        A binary message came.
        """
        self._tell(self._protocol.dataReceived, message)

    def pingReceived(self) -> None:
        """
        The heartbeat is the engine's business.
        """

    def engineDrained(self) -> None:
        """
        The producer may go on.
        """
        if self._producer is None:
            return
        if self._streaming:
            self._producer.resumeProducing()
        else:
            self._pull()

    def engineClosed(self, reason: str, details: Any) -> None:
        """
        The session is over; the protocol hears it when nothing of it is left.
        """
        clean = reason in ("forced close", "transport close")
        error = (ConnectionDone if clean else ConnectionLost)(reason)
        if isinstance(details, BaseException):
            error.__cause__ = details
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        gone = self.engine.whenGone()
        gone.addCallback(lambda _: self._tell(self._protocol.connectionLost, Failure(error)))

    # inside

    def _tell(self, tell: Callable[[Any], object], what: Any) -> None:
        """
        Tell the protocol; one that fails loses its connection, as on TCP.
        """
        try:
            tell(what)
        except Exception as error:
            self._log.failure("{protocol!r} failed.", protocol=self._protocol)
            self.engine.abort("transport error", error)

    def _checkProducer(self) -> None:
        self._wrote = True
        if self._producer is None:
            return
        if not self._streaming:
            self._pull()
        elif self.engine.congested:
            self._producer.pauseProducing()

    def _pull(self) -> None:
        """
        Ask a pull producer for more, as long as that writes at once.
        """
        if self._pulling:
            return  # a loop, not a recursion, however little it writes
        self._pulling = self._wrote = True
        try:
            while self._wrote and self._producer is not None and not self.engine.congested:
                self._wrote = False
                self._producer.resumeProducing()
        finally:
            self._pulling = False
