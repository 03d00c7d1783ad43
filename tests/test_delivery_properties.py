"""
Whatever happens in whatever order, the promises of delivery are kept
(faults 3.4): order, at most once, no event of a session after its end, no
Deferred forgotten, nothing left at the end.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import deferLater

from clientkit import Bench
from txsocketio.errors import SocketIOError


class Promise:
    """
    A Deferred that was handed out, and what it fired with.
    """

    def __init__(self, later: Any) -> None:
        self.results: list[Any] = []
        later.addBoth(self.results.append)


class Delivery(RuleBasedStateMachine):
    """
    A client and a server in memory, and everything that may happen to them.
    """

    @initialize(
        retries=st.sampled_from([0, 2]),
        beside=st.booleans(),
        session=st.sampled_from(["none", "quick", "slow"]),
        eager=st.sampled_from([True, True, False]),
        recovery=st.booleans(),
        upgrades=st.booleans(),
    )
    def begin(
        self,
        retries: int,
        beside: bool,
        session: str,
        eager: bool,
        recovery: bool,
        upgrades: bool,
    ) -> None:
        """
        A socket alone, or beside another namespace; plain, or with retries;
        with connection state recovery or without; on WebSocket, or on polling
        first; what is sent arrives at once, or when time is advanced.
        """
        self.eager = eager
        self.recovery = recovery
        self.bench = Bench(pingInterval=5, pingTimeout=4, recovery=recovery)
        self.bench.of("/test")
        self.retries = retries
        self.numbers = iter(range(10**6))
        self.promises: list[Promise] = []
        self.callbacks: dict[int, int] = {}
        self.log: list[tuple[str, Any]] = []
        self.acting = ""
        self.crossed = False
        self.acks: list[Any] = []
        self.bench.of("/test").on("connection", self.joined)
        options: dict[str, Any] = {"retries": retries} if retries else {}
        options["transports"] = ["polling", "websocket"] if upgrades else ["websocket"]
        options.update(reconnectionAttempts=6, connectTimeout=6.0, timeout=5.0)
        self.socket = self.bench.connect("http://memory/test", **options)
        if beside:
            self.socket.io.socket("/")
        if session == "quick":
            self.socket.onSession(lambda info: info.emit("session"))
        elif session == "slow":
            self.socket.onSession(lambda info: deferLater(self.bench.clock, 1.0))
        self.socket.on("connect", lambda: self.happened("connect", self.socket.id))
        self.socket.on("disconnect", lambda reason: self.happened("disconnect", reason))
        self.socket.on("connect_error", lambda error: self.happened("connect_error", None))
        self.socket.on("server", lambda session, number: self.received(session, number))
        self.socket.on("ask", lambda number, ack: self.acks.append(ack))

    # what listeners do

    def happened(self, event: str, detail: Any) -> None:
        self.log.append((event, detail))
        self.act(event)

    def received(self, session: str, number: int) -> None:
        self.log.append(("server", (session, self.socket.id, number)))
        self.act("server")

    def act(self, event: str) -> None:
        if self.acting.startswith(event + ":"):
            action, self.acting = self.acting.partition(":")[2], ""
            getattr(self, f"act_{action}")()

    def act_raise(self) -> None:
        raise ValueError("a listener failed")

    def act_disconnect(self) -> None:
        self.socket.disconnect()

    def act_connect(self) -> None:
        self.socket.connect()

    def act_restart(self) -> None:
        self.socket.disconnect().connect()

    def act_emit(self) -> None:
        self.promise(self.socket.emit("client", next(self.numbers)))

    def act_close(self) -> None:
        self.socket.io.close()

    def joined(self, client: Any) -> None:
        client.on("echo", lambda number, ack: ack(number))
        client.on("late", lambda number, ack: self.acks.append(lambda: ack(number)))
        if self.retries:
            client.on("client", lambda number: number)

    # rules: the client

    def promise(self, later: Any) -> None:
        self.promises.append(Promise(later))

    @rule(
        event=st.sampled_from(["connect", "disconnect", "connect_error", "server"]),
        action=st.sampled_from(["raise", "disconnect", "connect", "restart", "emit", "close"]),
    )
    def planAct(self, event: str, action: str) -> None:
        self.acting = f"{event}:{action}"

    @rule()
    def connect(self) -> None:
        self.socket.connect()

    @rule()
    def disconnect(self) -> None:
        self.socket.disconnect()

    @rule()
    def open(self) -> None:
        self.socket.io.open()

    @rule()
    def close(self) -> None:
        self.promise(self.socket.io.close())

    @rule()
    def emit(self) -> None:
        self.promise(self.socket.emit("client", next(self.numbers)))
        if not self.socket.connected and self.socket.state != "failed":
            assert self.promises[-1].results == []

    @rule()
    def cross(self) -> None:
        """
        Leave and come back while the server is still talking.
        """
        self.serverEmits()
        self.socket.disconnect().connect()

    @rule()
    def emitVolatile(self) -> None:
        self.promise(self.socket.volatile.emit("volatile", next(self.numbers)))

    @rule(name=st.sampled_from(["echo", "late", "never"]), timeout=st.booleans())
    def emitWithAck(self, name: str, timeout: bool) -> None:
        how: Any = self.socket.timeout(3) if timeout else self.socket
        self.promise(how.emitWithAck(name, next(self.numbers)))

    @rule(name=st.sampled_from(["echo", "late"]))
    def emitWithCallback(self, name: str) -> None:
        number = next(self.numbers)
        self.callbacks[number] = 0

        def called(*args: Any) -> None:
            self.callbacks[number] += 1

        self.promise(self.socket.timeout(3).emit(name, number, called))

    @rule()
    def cancel(self) -> None:
        waiting: Any = self.socket.emitWithAck("echo", next(self.numbers))
        self.promise(waiting)
        waiting.cancel()

    @rule()
    def wait(self) -> None:
        self.promise(self.socket.whenConnected())
        self.promise(self.socket.whenDisconnected())
        self.promise(self.socket.whenEvent("server", 30))
        self.promise(self.socket.io.whenOpen())

    # rules: the server and the network

    @rule()
    def serverEmits(self) -> None:
        for client in self.bench.of("/test").sockets.values():
            client.emit("server", client.id, next(self.numbers))

    @rule()
    def serverAsks(self) -> None:
        for client in self.bench.of("/test").sockets.values():
            client.emitWithAck("ask", 1).addErrback(lambda _: None)

    @rule(twice=st.booleans())
    def answerLate(self, twice: bool) -> None:
        if self.acks:
            ack = self.acks.pop(0)
            ack()
            if twice:
                ack()

    @rule()
    def serverDisconnects(self) -> None:
        self.crossed = True
        self.bench.of("/test").disconnectSockets()

    @precondition(lambda self: self.bench.live)
    @rule(how=st.sampled_from(["drop", "stall", "resume", "congest", "drain", "close", "garbage"]))
    def network(self, how: str) -> None:
        connection: Any = self.bench.live[-1]
        if how == "garbage":
            connection.sendRaw("4zz")
        else:
            getattr(connection, how)()

    @rule(times=st.integers(1, 3))
    def refuse(self, times: int) -> None:
        self.bench.refuse(times)

    @rule()
    def ignore(self) -> None:
        self.bench.ignore()

    @rule(answers=st.sampled_from([True, True, False]))
    def answerConnect(self, answers: bool) -> None:
        self.bench.of("/test").answersConnect = answers

    @rule(seconds=st.sampled_from([0, 0.5, 1, 3, 10]))
    def advance(self, seconds: float) -> None:
        self.bench.advance(seconds)

    @rule(seconds=st.sampled_from([1, 5, 10]))
    def recover(self, seconds: float) -> None:
        """
        All is well for a while.
        """
        self.bench.of("/test").answersConnect = True
        self.bench.accept()
        for each in self.bench.live:
            each.resume()  # type: ignore[attr-defined]
            each.drain()  # type: ignore[attr-defined]
        self.socket.connect()
        self.bench.advance(seconds)

    @invariant()
    def everythingArrives(self) -> None:
        if self.eager:
            self.bench.flush()

    # what must hold

    @invariant()
    def socketMakesSense(self) -> None:
        socket = self.socket
        assert socket.connected <= socket.active
        assert (socket.id is not None) == (socket.connected or socket._session is not None)
        assert socket.connected != socket.disconnected
        assert socket.state and socket.why
        if socket.connected:
            assert socket.io.state == "open" and socket.io.engine.readyState == "open"

    @invariant()
    def connectAndDisconnectAlternate(self) -> None:
        online = False
        for event, _ in self.log:
            if event in ("connect", "disconnect"):
                assert online == (event == "disconnect"), self.log
                online = event == "connect"

    @invariant()
    def eventsComeInTheirSession(self) -> None:
        """
        In wire order, each once, and none after its session's disconnect.
        """
        ended: set[str] = set()
        present, last = None, -1
        for event, detail in self.log:
            if event == "server":
                session, present, number = detail
                assert number > last and session == present
                assert self.recovery or session not in ended
                last = number
            elif event == "connect":
                present = detail
            elif event == "disconnect" and present is not None:
                ended.add(present)

    @invariant()
    def serverGetsEachOnceInOrder(self) -> None:
        numbers = [each.args[0] for each in self.bench.received if each.event == "client"]
        if self.retries:
            first = list(dict.fromkeys(numbers))
            assert first == sorted(first)
        else:
            assert numbers == sorted(set(numbers))
            every = [each.args[0] for each in self.bench.received if each.args]
            assert len(every) == len(set(every))

    @invariant()
    def deferredsFireOnce(self) -> None:
        for promise in self.promises:
            assert len(promise.results) <= 1
            for result in promise.results:
                error = getattr(result, "value", None)
                assert error is None or isinstance(error, SocketIOError) or "Cancel" in repr(error)
        assert all(times <= 1 for times in self.callbacks.values())

    @invariant()
    def nothingIsOutOfPlace(self) -> None:
        """
        The server never hangs up on us for a packet of a namespace that we
        have not joined - unless its own disconnect crossed it.
        """
        reasons = [each.closed for each in self.bench.connections]
        assert self.crossed or "forced server close" not in reasons

    @invariant()
    def timersAreFew(self) -> None:
        """
        Per manager ping, backoff or connect, stable; one a socket; one per
        timed acknowledgement; and those of the server and the wire.
        """
        acks = len(self.socket._sender.acks) + len(self.socket._eventWaits._timeouts)
        assert self.bench.timers <= acks + 12 + 6 * len(self.bench.connections[-3:])

    def teardown(self) -> None:
        """
        In the end everything is settled, and nothing left.
        """
        if not hasattr(self, "socket"):
            return
        self.acting = ""
        self.socket.disconnect()
        self.bench.end()
        assert [each.results for each in self.promises if not each.results] == []
        assert len(self.socket._sender.acks) == 0 and self.socket.sendBuffer == []


def test_promisesAreKept(failures: Any) -> None:
    """
    The client as a whole keeps its promises under any schedule (behaviours
    T16; faults F122).
    """
    run_state_machine_as_test(
        Delivery,
        settings=settings(
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    failures.flush(ValueError)
