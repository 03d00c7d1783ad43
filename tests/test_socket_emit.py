"""
What a socket sends: buffers, acknowledgements, modifiers, retries, limits.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError

from clientkit import Bench, benchFixture, only, outcomes
from txsocketio.errors import (
    AckTimeout,
    BufferFull,
    Disconnected,
    Dropped,
    NotEncodable,
    PayloadTooLarge,
    ReservedEventName,
)
from txsocketio.protocol.socketio import JSONParser
from txsocketio.socket import Socket

bench = benchFixture


def echo(*values: Any) -> None:
    """
    Answer with what came.
    """
    *answer, ack = values
    ack(*answer)


def echoes(client: Any) -> None:
    """
    Let every client be echoed that comes.
    """
    client.on("echo", echo)


def answering(bench: Bench, socket: Socket) -> None:
    """
    Let the server echo.
    """
    bench.of("/").sockets[str(socket.id)].on("echo", echo)


def callback(seen: list[Any]) -> Any:
    """
    An acknowledgement callback that writes down how it is called.
    """
    return lambda *args: seen.append(args)


# before and after connecting


def test_emitBeforeConnecting(bench: Bench) -> None:
    """
    What is emitted before connecting is sent after CONNECT, in order, once
    (behaviours A1, O9, B23).
    """
    socket = bench.connect()
    socket.emit("first")
    socket.once("connect", lambda: socket.emit("second"))
    bench.flush()
    assert bench.texts == ["0", '2["first"]', '2["second"]'] and socket.sendBuffer == []


def test_emitWhileAway(bench: Bench) -> None:
    """
    What is emitted between two connections waits.
    """
    socket = bench.online()
    bench.connection.drop()
    bench.flush()
    seen = outcomes(socket.emit("x"))
    bench.flush()
    assert seen == []
    bench.advance(1)
    assert seen == [True] and bench.texts == ["0", '2["x"]']


@pytest.mark.parametrize(
    ("args", "wire"),
    [
        ((), '2["foo"]'),
        (("bar",), '2["foo","bar"]'),
        ((["bar", "baz"],), '2["foo",["bar","baz"]]'),
        ((("bar", "baz"),), '2["foo",["bar","baz"]]'),
        (("bar", "baz"), '2["foo","bar","baz"]'),
        ((None, False), '2["foo",null,false]'),
    ],
)
def test_shapesOfArguments(bench: Bench, args: Any, wire: str) -> None:
    """
    Arguments become the elements of the event (behaviours O8).
    """
    bench.online().emit("foo", *args)
    bench.flush()
    assert bench.texts[-1] == wire


def test_send(bench: Bench) -> None:
    """
    send() is the event "message" (behaviours Q4).
    """
    seen = outcomes(bench.online().send(1, 2))
    bench.flush()
    assert bench.received == [("/", "message", (1, 2))] and seen == [True]


def test_bytesAndTextInOrder(bench: Bench) -> None:
    """
    Events with bytes and without arrive in order (behaviours A39, A40, A41).
    """
    socket = bench.online()
    socket.emit("a", {"hello": "h", "message": b"m", "goodbye": "g"})
    socket.emit("b", bytearray(b"x"), memoryview(b"y"))
    socket.emit("c")
    bench.flush()
    assert [each[1:] for each in bench.received] == [
        ("a", ({"hello": "h", "message": b"m", "goodbye": "g"},)),
        ("b", (b"x", b"y")),
        ("c", ()),
    ]


@pytest.mark.parametrize("name", ["connect", "connect_error", "disconnect", "disconnecting"])
def test_reservedNames(bench: Bench, name: str) -> None:
    """
    The protocol's own names are refused at the call (behaviours B22).
    """
    socket = bench.connect()
    with pytest.raises(ReservedEventName, match=f'"{name}" is a reserved event name'):
        socket.emit(name)
    with pytest.raises(ReservedEventName):
        socket.emitWithAck(name)


@pytest.mark.parametrize("online", [False, True])
def test_whatCannotBeSentIsRefusedAtTheCall(bench: Bench, online: bool) -> None:
    """
    NotEncodable is raised at the call; nothing waits afterwards (behaviours
    T12, T13, T18).
    """
    socket = bench.online() if online else bench.connect()
    for bad in (object(), {1: 2}, {"f": len}):
        for verb in (socket.emit, socket.emitWithAck):
            with pytest.raises(NotEncodable):
                verb("x", bad)
    assert socket.sendBuffer == [] and len(socket._sender.acks) == 0


@pytest.mark.parametrize("name", [["a"], {"a": 1}, {"a"}])
def test_namesThatAreNone(bench: Bench, name: Any) -> None:
    """
    What cannot be a name is refused as such, be it hashable or not.
    """
    with pytest.raises(NotEncodable):
        bench.online().emit(name)


def test_laterChangesDoNotMatter(bench: Bench) -> None:
    """
    A packet is encoded at the call (behaviours T14).
    """
    socket = bench.connect()
    data, raw = {"a": [1]}, bytearray(b"x")
    socket.emit("e", data, raw)
    data["a"].append(2)
    raw[0] = 0
    bench.flush()
    assert bench.received[0].args == ({"a": [1]}, b"x")


# acknowledgements


def test_emitWithAck(bench: Bench) -> None:
    """
    It fires with the answer, shaped (behaviours B24).
    """
    socket = bench.online()
    answering(bench, socket)
    seen = [outcomes(socket.emitWithAck("echo", *args)) for args in ((), (123,), (1, b"2"))]
    bench.flush()
    assert seen == [[None], [123], [(1, b"2")]]


def test_callback(bench: Bench) -> None:
    """
    A callback gets the answer's arguments.
    """
    socket = bench.online()
    answering(bench, socket)
    seen: list[Any] = []
    socket.emit("echo", 1, 2, callback(seen))
    bench.flush()
    assert seen == [(1, 2)]


def test_ackIDsPerNamespace(bench: Bench) -> None:
    """
    Each namespace counts its acknowledgements from 0 (behaviours O10).
    """
    bench.of("/b")
    main = bench.online()
    other = main.io.socket("/b")
    bench.flush()
    for socket in (main, other, main):
        socket.emit("x", lambda: None)
    bench.flush()
    assert bench.texts[2:] == ['20["x"]', '2/b,0["x"]', '21["x"]']


@pytest.mark.parametrize("packet", ["437[]", "43[]", "430[1]", '4399999999999999["x"]'])
def test_unknownAcks(bench: Bench, packet: str) -> None:
    """
    An acknowledgement nobody waits for is ignored, and so is a second one
    (behaviours O12; faults F84).
    """
    socket = bench.online()
    answering(bench, socket)
    seen = outcomes(socket.emitWithAck("echo", 5))
    bench.flush()
    bench.connection.sendRaw(packet)
    bench.flush()
    assert seen == [5] and socket.connected


def test_timeoutOfAPacketStillHere(bench: Bench) -> None:
    """
    When the time is up before the packet was sent, it is never sent
    (behaviours B35).
    """
    socket = bench.connect(autoConnect=False)
    seen: list[Any] = []
    gone = outcomes(socket.timeout(0.05).emit("event", callback(seen)))
    bench.advance(0.05)
    assert isinstance(seen[0][0], AckTimeout) and gone == [False] and socket.sendBuffer == []
    socket.connect()
    bench.flush()
    assert bench.texts == ["0"]


def test_timeoutWithoutAnswer(bench: Bench) -> None:
    """
    No answer in time is an error, for callbacks and Deferreds (behaviours
    B36, B39).
    """
    socket = bench.online()
    seen: list[Any] = []
    socket.timeout(0.05).emit("unknown", callback(seen))
    later = outcomes(socket.timeout(0.05).emitWithAck("unknown"))
    bench.advance(0.049)
    assert seen == later == []
    bench.advance(0.001)
    assert isinstance(seen[0][0], AckTimeout) and only(later, AckTimeout).event == "unknown"


def test_timeoutZero(bench: Bench) -> None:
    """
    timeout(0) gives an error, once, although the answer comes later
    (behaviours B37).
    """
    socket = bench.online()
    answering(bench, socket)
    seen: list[Any] = []
    bench.connection.stall()
    socket.timeout(0).emit("echo", 42, callback(seen))
    bench.flush()
    bench.connection.resume()
    bench.flush()
    assert len(seen) == 1 and isinstance(seen[0][0], AckTimeout)


def test_answerInTime(bench: Bench) -> None:
    """
    With a timeout, callbacks are error-first (behaviours B38, B40).
    """
    socket = bench.online()
    answering(bench, socket)
    seen: list[Any] = []
    socket.timeout(0.05).emit("echo", 42, callback(seen))
    later = outcomes(socket.timeout(0.05).emitWithAck("echo", 42))
    bench.flush()
    assert (seen, later) == ([(None, 42)], [42])


def test_ackTimeout(bench: Bench) -> None:
    """
    ackTimeout is the default, and makes callbacks error-first (behaviours
    B41).
    """
    socket = bench.online(ackTimeout=0.05)
    seen: list[Any] = []
    socket.emit("unknown", callback(seen))
    bench.advance(0.05)
    assert isinstance(seen[0][0], AckTimeout)


def test_callbackWithoutTimeoutAtDisconnect(bench: Bench) -> None:
    """
    It is never called, and forgotten (behaviours B42).
    """
    socket = bench.online()
    seen: list[Any] = []
    socket.emit("echo", callback(seen))
    socket.disconnect()
    bench.advance(1)
    assert seen == [] and len(socket._sender.acks) == 0


@pytest.mark.parametrize("timeout", [True, False])
def test_callbackWithTimeoutAtDisconnect(bench: Bench, timeout: bool) -> None:
    """
    It is called with an error at once, and its timer is cancelled (behaviours
    B43, B44).
    """
    socket = bench.online(**({} if timeout else {"ackTimeout": 100}))
    seen: list[Any] = []
    before = bench.timers
    (socket.timeout(100) if timeout else socket).emit("echo", callback(seen))  # type: ignore[attr-defined]
    socket.disconnect()
    assert seen[0][0].reason == "io client disconnect" and len(socket._sender.acks) == 0
    bench.flush()
    assert bench.timers <= before


@pytest.mark.parametrize("timeout", [True, False])
def test_emitWithAckAtDisconnect(bench: Bench, timeout: bool) -> None:
    """
    It fails at once (behaviours B45, B46).
    """
    socket = bench.online()
    seen = outcomes((socket.timeout(100) if timeout else socket).emitWithAck("echo"))
    socket.disconnect()
    assert only(seen, Disconnected).reason == "io client disconnect"


def test_emitAfterDisconnect(bench: Bench) -> None:
    """
    What is emitted after disconnect() waits for the next connect()
    (behaviours B47).
    """
    socket = bench.online()
    bench.on("connection", echoes)
    socket.disconnect()
    seen: list[Any] = []
    socket.emit("echo", 1, callback(seen))
    bench.advance(0.1)
    socket.connect()
    bench.flush()
    assert seen == [(1,)]


def test_orderOnLoss(bench: Bench) -> None:
    """
    First the state, then the disconnect event, then the acknowledgements
    (behaviours Q9).
    """
    socket = bench.online()
    told: list[Any] = []
    socket.on("disconnect", lambda: told.append((socket.connected, socket.id, "disconnect")))
    socket.emitWithAck("x").addErrback(lambda _: told.append("ack"))
    bench.connection.drop()
    bench.flush()
    assert told == [(False, None, "disconnect"), "ack"]


def test_anAckOfAPacketStillHereSurvives(bench: Bench) -> None:
    """
    A loss does not fail what was not sent yet (behaviours B47).
    """
    socket = bench.online()
    bench.on("connection", echoes)
    bench.connection.drop()
    bench.flush()
    seen = outcomes(socket.emitWithAck("echo", 3))
    bench.refuse()
    bench.advance(3)
    assert seen == [3]


def test_theHeartbeatIsOverdue(bench: Bench) -> None:
    """
    On a dead link nothing is written: the packet waits for the next
    connection, and arrives once (behaviours B48; faults F114).
    """
    socket = bench.online()
    bench.on("connection", echoes)
    bench.connection.stall()
    clock: Any = bench.clock
    clock.rightNow += 60  # the process slept
    seen = outcomes(socket.emitWithAck("echo", 4))
    assert socket.sendBuffer == [("echo", 4)]
    bench.advance(3)
    assert seen == [4] and [each.event for each in bench.received] == ["echo"]


def test_cancelledWhileHere(bench: Bench) -> None:
    """
    Cancelling takes the packet back while it waits.
    """
    socket = bench.connect()
    for waiting in (socket.emit("a"), socket.emitWithAck("b")):
        seen = outcomes(waiting)
        waiting.cancel()
        assert isinstance(seen[0], CancelledError)
    bench.flush()
    assert bench.texts == ["0"]


def test_cancelledWhenSent(bench: Bench) -> None:
    """
    Later it only forgets the answer.
    """
    socket = bench.online()
    answering(bench, socket)
    waiting = socket.emitWithAck("echo", 1)
    seen = outcomes(waiting)
    waiting.cancel()
    bench.flush()
    assert isinstance(seen[0], CancelledError) and bench.received and socket.connected


def test_anAckCallbackActs(bench: Bench) -> None:
    """
    An acknowledgement callback may emit, disconnect, connect (behaviours T16;
    faults F122).
    """
    socket = bench.online()
    bench.on("connection", echoes)
    answering(bench, socket)
    again: list[Any] = []

    def act(value: int) -> None:
        socket.disconnect().connect()
        socket.emit("echo", 2, callback(again))

    socket.emit("echo", 1, act)
    bench.flush()
    assert again == [(2,)] and socket.connected


def test_disconnectSettlesWhatWaits(bench: Bench) -> None:
    """
    disconnect() before connecting: emits fire False, acknowledgements fail.
    """
    socket = bench.connect()
    plain, asked = outcomes(socket.emit("a")), outcomes(socket.emitWithAck("b"))
    socket.disconnect()
    assert plain == [False] and only(asked, Disconnected).reason == "io client disconnect"
    assert socket.sendBuffer == []


def test_whatADisconnectListenerEmitsStays(bench: Bench) -> None:
    """
    disconnect() settles what was there before, not what its listener emits
    for the next connection.
    """
    socket = bench.connect()
    old = outcomes(socket.emitWithAck("old"))
    socket.on("connect", lambda: None)
    bench.of("/").answersConnect = False
    bench.flush()
    bench.of("/").answersConnect = True
    new: list[Any] = []
    socket.io.once("close", lambda: new.extend([socket.connect(), outcomes(socket.emit("new"))]))
    socket.disconnect()
    assert only(old, Disconnected) and new[1] == []
    bench.flush()
    assert new[1] == [True] and bench.texts == ["0", '2["new"]']


def test_clearSendBuffer(bench: Bench) -> None:
    """
    clearSendBuffer() drops what waits.
    """
    socket = bench.connect()
    plain, asked = outcomes(socket.emit("a")), outcomes(socket.emitWithAck("b"))
    assert socket.clearSendBuffer() == 2
    only(asked, Dropped)
    bench.flush()
    assert plain == [False] and bench.texts == ["0"]


# modifiers


def test_compress(bench: Bench) -> None:
    """
    Packets may be compressed, but for the one emitted with compress(False)
    (behaviours B10, B11, Q5).
    """
    socket = bench.online()
    socket.emit("a")
    socket.compress(False).emit("b")
    socket.emit("c")
    bench.flush()
    sent = {each.packet: each.compress for each in bench.connection.wire}
    assert [sent[f'42["{name}"]'] for name in "abc"] == [True, False, True]


def test_volatileOffline(bench: Bench) -> None:
    """
    A volatile event is never kept (behaviours B25, Q5).
    """
    socket = bench.connect(autoConnect=False)
    lost = outcomes(socket.volatile.emit("volatile"))
    asked = outcomes(socket.volatile.emitWithAck("volatile"))
    socket.emit("normal")
    socket.connect()
    bench.flush()
    assert lost == [False] and only(asked, Dropped)
    assert bench.texts == ["0", '2["normal"]']


def test_volatileOnline(bench: Bench) -> None:
    """
    Connected and not congested, volatile events are sent, several in one
    turn (behaviours B26, B27).
    """
    socket = bench.online()
    socket.emit("a")
    assert [outcomes(socket.volatile.emit("b")) for _ in range(3)] == [[True]] * 3
    bench.connection.congest()
    assert outcomes(socket.volatile.emit("c")) == [False]
    bench.connection.drain()
    bench.flush()
    assert [each.event for each in bench.received] == ["a", "b", "b", "b"]


# outgoing listeners


def test_anyOutgoing(bench: Bench) -> None:
    """
    Outgoing listeners see name and arguments when an event is sent, bytes
    included, prepended ones first; acknowledgements are no events (behaviours
    B31, B32, B33, Q16).
    """
    socket = bench.connect()
    told: list[Any] = []
    socket.onAnyOutgoing(lambda *args: told.append(("last", *args)))
    socket.prependAnyOutgoing(lambda *args: told.append(("first", *args)))
    socket.emit("x", b"y")
    assert told == []
    socket.on("question", lambda ack: ack())
    bench.flush()
    bench.of("/").sockets[str(socket.id)].emitWithAck("question").addErrback(lambda _: None)
    bench.flush()
    assert told == [("first", "x", b"y"), ("last", "x", b"y")]
    assert len(socket.listenersAnyOutgoing()) == 2


def test_anyOutgoingRemoved(bench: Bench) -> None:
    """
    A removed outgoing listener is not called (behaviours B34).
    """
    socket = bench.online()
    told: list[Any] = []
    socket.onAnyOutgoing(told.append)
    socket.offAnyOutgoing(told.append)
    socket.emit("x")
    assert told == [] and socket.listenersAnyOutgoing() == []


@pytest.mark.parametrize("online", [False, True])
def test_anOutgoingListenerDisconnects(bench: Bench, online: bool) -> None:
    """
    An outgoing listener may disconnect: nothing of a left namespace is sent
    afterwards, and the others' connection stands.
    """
    bench.of("/b")
    main = bench.online()
    socket = main.io.socket("/b")
    if online:
        bench.flush()
    socket.onAnyOutgoing(lambda *args: socket.disconnect())
    for name in ("a", "b"):
        socket.emit(name)
    bench.flush()
    socket.emit("c")
    bench.flush()
    assert main.connected and bench.texts[-2:] == ['2/b,["a"]', "1/b,"]
    assert ("c",) in socket.sendBuffer


# limits


def test_packetLimit(bench: Bench) -> None:
    """
    As many packets wait offline as sendBufferLimit says, not one more.
    """
    socket = bench.connect(sendBufferLimit=(3, None))
    for _ in range(3):
        socket.emit("x")
    with pytest.raises(BufferFull, match="3 packets"):
        socket.emit("x")
    with pytest.raises(BufferFull):
        socket.emitWithAck("x")
    assert outcomes(socket.volatile.emit("x")) == [False]
    bench.flush()
    assert len(bench.received) == 3 and outcomes(socket.emit("x")) == [True]


def test_byteLimitOffline(bench: Bench) -> None:
    """
    When more bytes than sendBufferLimit wait offline, the next emit is
    refused.
    """
    socket = bench.connect(sendBufferLimit=(None, 100))
    socket.emit("x", "y" * 100)
    with pytest.raises(BufferFull, match="bytes"):
        socket.emit("x")
    socket.clearSendBuffer()
    socket.emit("x")


def test_byteLimitCongested(bench: Bench) -> None:
    """
    So it is when the network takes nothing, by count of bytes only.
    """
    socket = bench.online(sendBufferLimit=(1, 1000))
    bench.connection.congest()
    waiting = [outcomes(socket.emit("x", "y" * 300)) for _ in range(4)]
    with pytest.raises(BufferFull, match="bytes"):
        socket.emit("x")
    assert waiting == [[]] * 4
    bench.connection.drain()
    bench.flush()
    assert waiting == [[True]] * 4


def test_emitWaitsForTheNetwork(bench: Bench) -> None:
    """
    emit fires when at most 64 KiB wait, and is released when the connection
    goes.
    """
    socket = bench.online()
    bench.connection.congest()
    seen = outcomes(socket.emit("x"))
    assert seen == []
    bench.connection.drop()
    bench.flush()
    assert seen == [True]


def test_tooLargeAtTheFlush(bench: Bench) -> None:
    """
    A packet that waited and proves too large fails alone, acknowledgement
    included.
    """
    bench.maxPayload = 200
    socket = bench.connect()
    big = [outcomes(socket.emit("x", "y" * 300)), outcomes(socket.emitWithAck("x", "y" * 300))]
    small = outcomes(socket.emit("small"))
    bench.flush()
    assert [only(each, PayloadTooLarge).maxPayload for each in big] == [200, 200]
    assert small == [True] and bench.texts == ["0", '2["small"]']


def test_tooLargeOnline(bench: Bench) -> None:
    """
    Online it fails at once, and no acknowledgement is waited for.
    """
    bench.maxPayload = 200
    socket = bench.online()
    for verb in (socket.emit, socket.emitWithAck):
        only(outcomes(verb("x", "y" * 300)), PayloadTooLarge)
    assert len(socket._sender.acks) == 0 and socket.connected


# retries


def test_retriesOneAtATime(bench: Bench) -> None:
    """
    With retries, packets go one at a time, each after the answer to the last
    (behaviours C1).
    """
    socket = bench.connect(retries=1, ackTimeout=0.05)
    bench.on("connection", echoes)
    seen: list[Any] = []
    for number in (1, 2, 3):
        socket.emit("echo", number, callback(seen))
    bench.flush()
    assert seen == [(None, 1), (None, 2), (None, 3)]
    wire = [each.packet[1:] for each in bench.connection.wire if each.packet[0] == "4"]
    assert [each for each in wire if "echo" in each or each[0] == "3"] == [
        '20["echo",1]',
        "30[1]",
        '21["echo",2]',
        "31[2]",
        '22["echo",3]',
        "32[3]",
    ]


def test_retriesAreSpent(bench: Bench) -> None:
    """
    retries + 1 sends, then an error (behaviours C2).
    """
    socket = bench.online(retries=3, ackTimeout=0.05)
    seen: list[Any] = []
    done = outcomes(socket.emit("ack", callback(seen)))
    later = outcomes(socket.emitWithAck("next"))
    bench.advance(0.2)
    assert bench.texts[1:5] == [f'2{n}["ack"]' for n in range(4)]
    assert isinstance(seen[0][0], AckTimeout) and done == [False]
    bench.advance(0.2)
    only(later, AckTimeout)


def test_timeOfflineCostsNoRetry(bench: Bench) -> None:
    """
    Offline no try is used up (behaviours C3).
    """
    socket = bench.connect(retries=3, ackTimeout=0.01, autoConnect=False)
    bench.on("connection", echoes)
    seen = outcomes(socket.emitWithAck("echo", 1))
    bench.advance(0.1)
    socket.connect()
    bench.flush()
    assert seen == [1] and bench.texts[1:] == ['20["echo",1]']


def test_retriedInTheConnectListener(bench: Bench) -> None:
    """
    Emitted inside connect, it is sent once (behaviours C4).
    """
    bench.on("connection", echoes)
    socket = bench.connect(retries=3)
    socket.on("connect", lambda: socket.emit("echo", None))
    bench.advance(20)
    assert bench.texts == ["0", '20["echo",null]']


def test_retriedOverALoss(bench: Bench) -> None:
    """
    A loss costs no retry: it is sent again, in order.
    """
    socket = bench.online(retries=1, ackTimeout=100)
    seen = [outcomes(socket.emitWithAck("echo", n)) for n in range(2)]
    bench.flush()
    bench.on("connection", echoes)
    bench.connection.drop()
    bench.advance(1)
    assert seen == [[0], [1]] and bench.texts[1:] == ['21["echo",0]', '22["echo",1]']


def test_retriedInTheDisconnectListener(bench: Bench) -> None:
    """
    Emitted inside disconnect, it is sent once in the next session.
    """
    socket = bench.online(retries=1)
    bench.on("connection", echoes)
    seen: list[Any] = []
    socket.on("disconnect", lambda: seen.append(outcomes(socket.emitWithAck("echo", 1))))
    bench.connection.drop()
    bench.advance(1)
    assert seen == [[1]] and [each.event for each in bench.received] == ["echo"]


def test_volatileGoesPastTheQueue(bench: Bench) -> None:
    """
    volatile is not retried (behaviours Q6).
    """
    socket = bench.online(retries=1)
    stuck = outcomes(socket.emitWithAck("stuck"))
    socket.volatile.emit("now")
    bench.flush()
    assert bench.texts[1:] == ['20["stuck"]', '2["now"]']
    socket.disconnect()
    only(stuck, Disconnected)


def test_retriedAtDisconnect(bench: Bench) -> None:
    """
    disconnect() settles the whole queue.
    """
    socket = bench.online(retries=1)
    sent = outcomes(socket.emit("a"))
    unsent = [outcomes(socket.emit("b")), outcomes(socket.emitWithAck("c"))]
    socket.disconnect()
    only(sent, Disconnected)
    assert unsent[0] == [False] and only(unsent[1], Disconnected)


def test_retriedCountsForTheLimits(bench: Bench) -> None:
    """
    What waits in the queue of retries counts, packets and bytes.
    """
    few = bench.connect(retries=1, sendBufferLimit=(0, None))
    with pytest.raises(BufferFull):
        few.emit("a")
    small = bench.connect(retries=1, sendBufferLimit=(None, 50))
    small.emit("a", "x" * 60)
    with pytest.raises(BufferFull):
        small.emit("a")
    small.disconnect()


# a parser that calls what disconnects


class Unknown:
    """
    What JSON does not have.
    """


def leaving(bench: Bench) -> Socket:
    """
    One of two sockets of a connection; to encode an L{Unknown} disconnects it.
    """

    def default(value: object) -> int:
        socket.disconnect()
        return 1

    bench.of("/other")
    socket = bench.online(parser=JSONParser(default=default))
    socket.io.socket("/other")
    bench.flush()
    return socket


@pytest.mark.parametrize("how", ["emit", "callback", "emitWithAck", "timeout", "timedAsk"])
def test_encodingDisconnects(bench: Bench, how: str) -> None:
    """
    Nothing is sent to a namespace that was left while the packet was encoded:
    a server would end the whole connection.
    """
    socket, value = leaving(bench), Unknown()
    seen: list[Any] = []
    if how == "emit":
        later: Any = socket.emit("a", value)
    elif how == "callback":
        later = socket.emit("a", value, callback(seen))
    elif how == "emitWithAck":
        later = socket.emitWithAck("a", value)
    elif how == "timeout":
        later = socket.timeout(5).emit("a", value)
    else:
        later = socket.timeout(5).emitWithAck("a", value)
    bench.flush()
    assert bench.texts[-1] == "1" and bench.texts.count("1") == 1
    (outcome,) = outcomes(later)
    assert isinstance(outcome, Disconnected) if "Ask" in how or "Ack" in how else not outcome
    assert seen == [] and socket.io.socket("/other").connected


def test_encodingAnAnswerDisconnects(bench: Bench) -> None:
    """
    The same holds for an answer.
    """
    socket = leaving(bench)
    socket.on("a", lambda: Unknown())
    bench.of("/").sockets[str(socket.id)].emitWithAck("a").addErrback(lambda _: None)
    bench.flush()
    assert bench.texts[-1] == "1" and socket.io.socket("/other").connected


def test_encodingARetriedEventDisconnects(bench: Bench) -> None:
    """
    With retries, too; the event is settled like all that disconnect() drops.
    """
    calls: list[object] = []

    def default(value: object) -> int:
        calls.append(value)
        if len(calls) == 2:  # the first time it is only measured
            socket.disconnect()
        return 1

    socket = bench.online(parser=JSONParser(default=default), retries=1)
    only(outcomes(socket.emitWithAck("a", Unknown())), Disconnected)
    bench.flush()
    assert bench.texts == ["0", "1"]


def test_encodingDisconnectsOffline(bench: Bench) -> None:
    """
    What has failed with that is not sent when the socket connects again.
    """
    socket, value = leaving(bench), Unknown()
    bench.connection.drop()
    bench.flush()
    only(outcomes(socket.emitWithAck("a", value)), Disconnected)
    assert socket.sendBuffer == []
    socket.connect()
    bench.advance(5)
    assert socket.connected and bench.texts[-1].startswith("0")


def test_encodingARetriedEventFails(bench: Bench) -> None:
    """
    What could be encoded once and cannot again fails, and is no obstacle to
    what waits behind it, nor to the connection.
    """
    calls: list[object] = []

    def default(value: object) -> int:
        calls.append(value)
        return 1 // (2 - len(calls))

    socket = bench.connect(parser=JSONParser(default=default), retries=1)
    failed, sent = outcomes(socket.emit("a", Unknown())), outcomes(socket.emit("echo"))
    bench.of("/").on("connection", lambda client: client.on("echo", lambda: None))
    bench.flush()
    only(failed, NotEncodable)
    assert sent == [True] and len(bench.connections) == 1


class Nonsense(JSONParser):
    """
    Encodes questions as what cannot be sent.
    """

    def encode(self, packetType: int, namespace: str, ackID: int | None, data: Any) -> Any:
        text, binaries = super().encode(packetType, namespace, ackID, data)
        return text, binaries if ackID is None else (object(),)


def test_sendingARetriedEventFails(bench: Bench) -> None:
    """
    Nobody waits for the answer to what was encoded and could not be sent.
    """
    socket = bench.online(parser=Nonsense(), retries=1)
    only(outcomes(socket.emit("a")), TypeError)
    assert socket._sender.settled
    socket.disconnect()


@pytest.mark.parametrize("end", ["disconnect", "abort", "reconnect"])
@pytest.mark.parametrize("offline", [False, True])
def test_sendingIsShownToWhoDisconnects(bench: Bench, end: str, offline: bool) -> None:
    """
    When an outgoing listener ends the congested connection, what emit returned
    fires nevertheless.
    """

    def leave(*_: object) -> None:
        if end == "abort":
            socket.io.engine.abort("transport error")
        else:
            socket.disconnect()
        if end == "reconnect":
            socket.connect()

    socket = bench.connect() if offline else bench.online()
    if offline:
        later = socket.emit("a", "x" * 100_000)
        socket.onSession(lambda info: bench.connection.congest())
        socket.onAnyOutgoing(leave)
        bench.flush()
    else:
        bench.connection.congest()
        socket.onAnyOutgoing(leave)
        later = socket.emit("a", "x" * 100_000)
    assert outcomes(later) == [True]
    socket.offAnyOutgoing().disconnect()


@pytest.mark.parametrize("way", ["plain", "modified", "kept"])
def test_sendingIsShownToWhoLeavesOthersBehind(bench: Bench, way: str) -> None:
    """
    Nor must it wait for the connection when that stays, congested, for
    another namespace: nobody would say that it is gone.
    """
    bench.of("/b")
    main = bench.online()
    socket = main.io.socket("/b")
    if way != "kept":
        bench.flush()
    bench.connection.congest()
    main.emit("big", "x" * 70_000)
    socket.onAnyOutgoing(lambda *_: socket.disconnect())
    emission = socket.timeout(9) if way == "modified" else socket
    accepted = outcomes(emission.emit("a"))
    bench.flush()
    assert accepted == [True] and main.connected and not socket.active


@pytest.mark.parametrize("what", ["emit", "emitWithAck", "answer", "disconnect"])
def test_nothingFollowsTheGoodbye(bench: Bench, what: str) -> None:
    """
    Who observes the engine sees DISCONNECT go, and what is sent in that moment
    does not follow it: a server would end the whole connection.
    """
    bench.of("/other")
    socket = bench.online()
    socket.io.socket("/other")
    acks: list[Any] = []
    socket.on("ask", lambda ack: acks.append(ack))
    bench.flush()
    bench.of("/").sockets[str(socket.id)].emitWithAck("ask").addErrback(lambda _: None)
    bench.flush()
    does: dict[str, Any] = {
        "emit": lambda: socket.emit("a"),
        "emitWithAck": lambda: socket.emitWithAck("a").addErrback(lambda _: None),
        "answer": lambda: acks[0](),
        "disconnect": socket.disconnect,
    }
    socket.io.engine.once("flush", does[what])
    socket.disconnect()
    bench.flush()
    assert bench.texts[-1] == "1" and bench.texts.count("1") == 1
    assert socket.io.socket("/other").connected
    socket.clearSendBuffer()
