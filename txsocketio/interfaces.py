"""
The stairs of the house: what each floor offers to its neighbours.

Interfaces come in pairs, in order of height: requests go down to the first of
a pair as plain verbs, news comes up to the second as participles.  Two rules
hold on every stair:

  - I{State first, then news}: a room changes its own state before it tells
    anyone.
  - I{What came down does not go up in the same call}: a transport never calls
    its receiver from inside a call that its receiver made.

Values travel as plain arguments; text messages are UTF-8 C{bytes}, not yet
validated.  This module imports zope.interface and nothing else, because every
C{twistd} command of every user imports it (L{IBotPlugin}).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.defer import Deferred

    from txsocketio.errors import DecodeError, Disconnected, SocketIOError
    from txsocketio.protocol.engineio import Handshake

# mypy: disable-error-code="empty-body"

__all__ = [
    "IBot",
    "IBotPlugin",
    "IDecoder",
    "IEngine",
    "IEngineReceiver",
    "IManager",
    "IManagerReceiver",
    "IPacketReceiver",
    "IPacketTransport",
    "IParser",
]


class IPacketTransport(Interface):
    """
    A carrier of Engine.IO packets: polling, WebSocket, or one of your own.

    Made by its class as C{Transport(wire, sid)} where C{wire} is the engine's
    L{Wire <txsocketio.transports.endpoint.Wire>} and C{sid} the session it
    joins (an upgrade) or L{None} (a new session).
    """

    name: str = Attribute("The transport's name on the wire, e.g. C{'polling'}.")
    receiver: IPacketReceiver = Attribute(
        "Who is told; the engine takes it over from the probe after an upgrade."
    )
    congested: bool = Attribute(
        "True while more than 64 KiB wait for the network; it turns false "
        "before L{IPacketReceiver.transportDrained} is called."
    )

    def open(receiver: IPacketReceiver) -> None:
        """
        Connect, and from now on tell C{receiver} what happens.
        """

    def sendText(message: bytes, compress: bool = True) -> None:
        """
        Send a C{message} packet of text.  C{message} is UTF-8 without the
        packet type.  Never raises; never calls the receiver.
        """

    def sendBinary(message: bytes, compress: bool = True) -> None:
        """
        Send a C{message} packet of bytes.
        """

    def sendPacket(packetType: int, data: bytes = b"") -> None:
        """
        Send a packet that is not a message (ping, pong, upgrade, close).
        """

    def bufferedAmount() -> int:
        """
        How many bytes were sent here and not yet taken by the network.
        """

    def handshakeReceived(handshake: Handshake) -> None:
        """
        Join the session of this handshake: use its C{sid} from now on, and
        hold to its C{maxPayload} (0 is no limit) and C{pingTimeout}.
        """

    def pause() -> Deferred[list[tuple[int, bytes, bool]]]:
        """
        Stop carrying, for an upgrade to another transport.

        @return: fires, when no request is under way any more, with what was
            not sent: (packet type, data, is binary).  Packets may still be
            received until then.
        """

    def pauseReading() -> None:
        """
        Stop reading from the network, so that the server feels it, and hand
        nothing up until L{resumeReading}, not even what was read already.
        Idempotent.
        """

    def resumeReading() -> None:
        """
        Read again.  Idempotent.
        """

    def confirm() -> Deferred[None]:
        """
        Ask for a sign of the server, if C{bufferedAmount} says only what the
        network has taken.

        @return: fires when the server has read what was sent, as far as this
            transport can tell, or the connection is gone; never fails.
        """

    def close() -> Deferred[None]:
        """
        Send what waits, say goodbye as the protocol wants, and end.  Takes at
        most 2 seconds, then aborts.  The receiver hears nothing any more.

        @return: fires when the end was reached; never fails.
        """

    def abort() -> None:
        """
        End now.  The receiver hears nothing any more.
        """

    def farewell() -> Deferred[None] | None:
        """
        After C{transportClosed}: tell a server that could not notice, if the
        transport has a way to.

        @return: fires when that was done, within 2 seconds, or L{None} when
            there is nothing to do.
        """


class IPacketReceiver(Interface):
    """
    What a transport tells the engine (or, during an upgrade, the probe).
    """

    def transportOpened() -> None:
        """
        The carrier itself is ready; the Engine.IO handshake is not done yet.
        """

    def textReceived(message: bytes) -> None:
        """
        A C{message} packet of text came: UTF-8 without the packet type.
        """

    def binaryReceived(message: bytes) -> None:
        """
        A C{message} packet of bytes came.
        """

    def packetReceived(packetType: int, data: bytes) -> None:
        """
        Any other packet came.
        """

    def transportDrained() -> None:
        """
        The transport is not congested any more.
        """

    def transportClosed(reason: str, details: Any) -> None:
        """
        The transport is gone; the last call to this receiver.

        @param reason: C{"transport close"} (the peer ended it properly),
            C{"transport error"} or C{"parse error"}.
        @param details: a L{SocketIOError <txsocketio.errors.SocketIOError>},
            or a L{CloseDetails <txsocketio.protocol.engineio.CloseDetails>}.
        """


class IEngine(Interface):
    """
    One Engine.IO connection, as its manager (or any other user) drives it.
    """

    readyState: str = Attribute("C{opening}, C{open}, C{closing} or C{closed}.")
    receiver: IEngineReceiver = Attribute("Who is told; may be replaced.")
    maxPayload: int = Attribute("The handshake's; 0 is no limit.")
    congested: bool = Attribute("True while more than 64 KiB wait to be sent.")

    def open() -> None:
        """
        Connect.  An engine is opened once and never again.
        """

    def sendText(message: bytes, compress: bool = True) -> bool:
        """
        Send a text message, now or as soon as the engine can.

        @return: whether the engine is congested now.
        """

    def sendBinary(message: bytes, compress: bool = True) -> bool:
        """
        Send a binary message, now or as soon as the engine can.

        @return: whether the engine is congested now.
        """

    def bufferedAmount() -> int:
        """
        How many bytes of messages wait here and in the transport.
        """

    def pauseReading() -> None:
        """
        Stop reading from the network.
        """

    def resumeReading() -> None:
        """
        Read again.
        """

    def close() -> Deferred[None]:
        """
        Send what waits, then end.

        @return: fires when no timer, request or connection is left.
        """

    def abort(reason: str, details: Any = None) -> None:
        """
        End now, as if the transport had gone for this reason; the receiver
        hears it in this very call.
        """

    def ready() -> bool:
        """
        Whether what is sent now will go out soon: the engine is neither
        congested nor L{expired}.
        """

    def expired() -> bool:
        """
        Whether whatever is sent now goes nowhere: the engine is closing, or
        the server's heartbeat is overdue and it closes in the next turn.
        """

    def overweight(text: bytes | None, binaries: Sequence[bytes]) -> int:
        """
        The size in bytes of the first of these messages that is larger than
        the server accepts, or 0.
        """

    def whenGone() -> Deferred[None]:
        """
        @return: fires when no timer, request or connection is left.
        """


class IEngineReceiver(Interface):
    """
    What an engine tells its user.
    """

    def engineOpened() -> None:
        """
        The handshake is done.
        """

    def textReceived(message: bytes) -> None:
        """
        A text message came, as UTF-8 bytes.
        """

    def binaryReceived(message: bytes) -> None:
        """
        A binary message came.
        """

    def pingReceived() -> None:
        """
        The server's heartbeat came, and was answered.
        """

    def engineDrained() -> None:
        """
        The engine is not congested any more.
        """

    def engineClosed(reason: str, details: Any) -> None:
        """
        The engine is gone, or never opened; the last call.
        """


class IParser(Interface):
    """
    How Socket.IO packets are written on the wire: JSON or MessagePack.
    """

    def encode(
        packetType: int, namespace: str, ackID: int | None, data: Any
    ) -> tuple[bytes | None, Sequence[bytes]]:
        """
        Encode one packet; later changes of C{data} must not matter.

        C{EVENT} and C{ACK} are given as such: the parser turns them into
        their binary forms where it has them.

        @param data: a list or tuple for C{EVENT} and C{ACK}; a dict or
            L{None} otherwise.
        @return: the text message, or L{None} when there is none, and the
            binary messages that follow it.
        @raise NotEncodable: C{data} holds something that cannot be sent.
        """

    def buildDecoder(maxAttachments: int, maxMessageBytes: int) -> IDecoder:
        """
        Make a decoder for one connection.
        """


class IDecoder(Interface):
    """
    Puts Socket.IO packets together again; one a connection.

    Both methods return L{None} while attachments are missing, else a tuple
    (packet type, namespace, ack id or None, data), and raise
    L{DecodeError <txsocketio.errors.DecodeError>} and nothing else.
    The packet type is never C{BINARY_EVENT} or C{BINARY_ACK}.
    """

    def addText(message: bytes) -> tuple[int, str, int | None, Any] | None:
        """
        Take a text message: UTF-8, not yet validated.
        """

    def addBinary(message: bytes) -> tuple[int, str, int | None, Any] | None:
        """
        Take a binary message.
        """


class IManager(Interface):
    """
    What a socket may ask of its manager.
    """

    url: str = Attribute("The server's URL, for messages.")
    engine: Any = Attribute("The present L{IEngine}, or L{None}.")
    parser: IParser = Attribute("The parser of this connection.")
    reactor: Any = Attribute("The clock: an C{IReactorTime} provider.")
    reading: Any = Attribute("Asked to hold while events are consumed too slowly.")

    def sendPacket(text: bytes | None, binaries: Sequence[bytes], compress: bool) -> bool:
        """
        Hand one encoded packet to the engine, as a unit.

        @return: whether the engine is congested now.
        """

    def buildBackoff() -> Any:
        """
        Make a backoff for a socket that alone must try again.
        """

    def socketNeeds(socket: Any) -> None:
        """
        A socket wants to be connected.
        """

    def socketConnected(socket: Any) -> None:
        """
        A namespace's CONNECT was answered: the connection is good.
        """

    def socketIdle(socket: Any) -> None:
        """
        A socket does not need the connection any more.
        """

    def othersPending(socket: Any) -> bool:
        """
        Whether another socket uses the connection, or is about to.
        """

    def restart(error: SocketIOError) -> None:
        """
        Give up this connection, and try again later.
        """

    def protocolBroken(error: DecodeError) -> None:
        """
        The server does not speak the protocol: end this connection.
        """

    def whenUnused() -> Deferred[None]:
        """
        @return: fires at once if a socket still needs the connection, else
            when it is gone.
        """


class IManagerReceiver(Interface):
    """
    What a manager tells each of its sockets.
    """

    def managerOpened() -> None:
        """
        The engine is open: send CONNECT.
        """

    def packetReceived(packetType: int, ackID: int | None, data: Any) -> None:
        """
        A packet for this namespace came.
        """

    def managerDrained() -> None:
        """
        The engine is not congested any more.
        """

    def managerClosing() -> None:
        """
        The connection is gone, and all sockets are about to hear it: what a
        listener of one then makes another send belongs to the next.
        """

    def managerClosed(reason: str, details: Any) -> None:
        """
        The connection is gone.
        """

    def attemptFailed(error: Exception) -> None:
        """
        An attempt to connect failed.
        """

    def managerFailed(error: Exception) -> None:
        """
        No further attempt will be made.
        """

    def sayGoodbye() -> None:
        """
        The manager is about to close: tell the server.
        """

    def managerStopped(error: Disconnected) -> None:
        """
        The manager was closed by the client.
        """


class IBotPlugin(Interface):
    """
    Makes bots of one kind; found through L{twisted.plugin}, entry points, or
    by its dotted name.
    """

    name: str = Attribute("What C{plugin = ...} in a bots file says.")
    description: str = Attribute("One line for C{--list-plugins}.")
    schema: Any = Attribute(
        "The plugin's own options: a mapping of option name to "
        "L{PluginOption <txsocketio.bots.config.PluginOption>}."
    )

    def makeBot(config: Any) -> IBot:
        """
        Make a bot for one C{[bot:NAME]} section; open nothing yet.

        @param config: a mapping of the plugin's own options, typed.
        """


class IBot(Interface):
    """
    A configured user of one socket, run by C{twistd sioclient}.
    """

    def attach(socket: Any, log: Any) -> None:
        """
        Register listeners on C{socket}, before it connects.

        @param log: a L{twisted.logger.Logger} whose events carry the bot's
            name; C{log.bot} is that name.
        """

    def start() -> Any:
        """
        Called once, before the socket connects.  May return a Deferred or be
        a coroutine function.
        """

    def stop() -> Any:
        """
        Called once, before the socket disconnects, within the drain limit.
        May return a Deferred or be a coroutine function.
        """
