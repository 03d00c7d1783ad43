"""
The drawings of docs/topics/life-cycle.rst, made from the machines themselves:
C{python scripts/lifecycle.py}.

Each machine is driven: from every state that can be reached, everything that
can happen happens once, and the next state is read off.  So a drawing cannot
say what the code does not do.  C{--check} writes nothing and fails when a
drawing is not up to date.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from twisted.internet.defer import Deferred  # noqa: E402 - found by the line above
from twisted.internet.task import Clock  # noqa: E402

from enginekit import PONG, Bench  # noqa: E402
from txsocketio.protocol.engineio import CLOSE  # noqa: E402
from txsocketio.reconnection import Life  # noqa: E402
from txsocketio.testing import MemoryServer  # noqa: E402

FOLDER = ROOT / "docs" / "topics"


class Step(NamedTuple):
    """
    In this state, this happens, and that is the next state.
    """

    before: str
    what: str
    after: str


def explore(build: Callable[[], Any]) -> list[Step]:
    """
    Drive a machine through all its states.

    @param build: makes one in its first state: C{key} is all that counts of
        its state, C{word} what people call it; C{happenings} are functions by
        name, those that cannot happen now left out.
    @return: every change from one word to another, in the order of discovery.
    """
    ways: dict[Any, tuple[str, ...]] = {build().key: ()}
    steps: dict[Step, None] = {}
    waiting = list(ways.values())
    while waiting:
        way = waiting.pop(0)
        for what in _driven(build, way).happenings:
            machine = _driven(build, way)
            before = machine.word
            machine.happenings[what]()
            if machine.word != before:
                steps[Step(before, what, machine.word)] = None
            if machine.key not in ways:
                ways[machine.key] = (*way, what)
                waiting.append(ways[machine.key])
    return list(steps)


def _driven(build: Callable[[], Any], way: Sequence[str]) -> Any:
    machine = build()
    for what in way:
        machine.happenings[what]()
    return machine


# the machines


class ManagersLife:
    """
    L{Life}: its inputs are its public methods.
    """

    states = ("closed", "opening", "open", "waiting")

    def __init__(self) -> None:
        self.life = Life(Clock())
        arguments = {"attempt": (20.0, lambda: None), "wait": (1.0, lambda: None)}
        self.happenings = {
            f"{name}()": partial(method, *arguments.get(name, ()))
            for name, method in inspect.getmembers(self.life, inspect.ismethod)
            if not name.startswith("_")
        }

    @property
    def key(self) -> str:
        return self.life.state

    word = key


class EnginesLife:
    """
    An engine that begins with polling, of a server that offers WebSocket.
    """

    states = ("opening", "open", "probing", "upgrading", "closing", "closed")

    def __init__(self) -> None:
        self.bench = Bench()
        self.engine = self.bench.engine
        self.engine.open()

    def _transport(self, name: str) -> Any:
        made = self.bench.classes[name].made
        return made[-1] if made else None

    @property
    def happenings(self) -> dict[str, Callable[[], object]]:
        old, new = self._transport("polling"), self._transport("websocket")
        found: dict[str, Callable[[], object]] = {
            "close()": self.engine.close,
            "connection lost": lambda: self.engine.transport.receiver.transportClosed(
                "transport close", None
            ),
            "silence of the server": lambda: self.bench.clock.advance(60),
            "CLOSE packet": lambda: self.engine.packetReceived(CLOSE, b""),
        }
        if self.engine.readyState == "opening":
            found["handshake"] = old.handshake
            found["handshake, upgrade offered"] = lambda: old.handshake(upgrades=["websocket"])
        if self.word == "probing":
            found["probe answered"] = lambda: new.receiver.packetReceived(PONG, b"probe")
            found["probe failed"] = lambda: new.receiver.transportClosed("transport error", None)
        if self.word in ("upgrading", "closing") and old.paused and not old.paused.called:
            found["old transport is empty"] = lambda: old.paused.callback([])
            found["new transport lost"] = lambda: new.receiver.transportClosed(
                "transport error", None
            )
        return found

    @property
    def word(self) -> str:
        if self.engine.readyState != "open":
            return str(self.engine.readyState)
        if self.engine._upgrading is not None:
            return "upgrading"
        return "probing" if self.engine._probes else "open"

    @property
    def key(self) -> Any:
        return self.word, self.engine.transport.name


class SocketsLife:
    """
    A socket with one reconnection attempt; what the server does, and when,
    is held back by callables of the client's options.
    """

    states = ("disconnected", "connecting", "connected", "waiting", "failed")

    def __init__(self) -> None:
        self.server = MemoryServer(Clock())
        self.queries: list[Deferred[Any]] = []
        self.auths: list[Deferred[Any]] = []
        self.refusal: str | None = None
        self.server.of("/").use(lambda auth: self.refusal)
        self.socket = self.server.connect(
            autoConnect=False,
            reconnectionAttempts=1,
            randomizationFactor=0,
            query=lambda: self._later(self.queries),
            auth=lambda: self._later(self.auths),
        )

    @property
    def happenings(self) -> dict[str, Callable[[], object]]:
        found: dict[str, Callable[[], object]] = {
            "connect()": self.socket.connect,
            "disconnect()": self.socket.disconnect,
            "manager.close()": self.socket.io.close,
        }
        state, spent = self.socket.io.state, self.socket.io._reconnection.spent
        if state == "opening":
            found["engine opens"] = self._open
            found["the last attempt fails" if spent else "an attempt fails"] = self._fail
        if state == "waiting":
            found["the delay is over"] = lambda: self.server.clock.advance(1.0)
        if state == "open":
            lost = "connection lost"
            found[f"{lost}, all attempts made" if spent else lost] = self._lose
        if self.socket.asked and not self.socket.connected:
            found["server lets it in"] = self._letIn
            found["server refuses it"] = self._refuse
        if self.socket.connected:
            found["server puts it out"] = self._putOut
        return found

    @property
    def word(self) -> str:
        return self.socket.state

    @property
    def key(self) -> Any:
        socket = self.socket
        spent = socket.io._reconnection.spent
        return socket.state, socket.io.state, socket.active, socket.asked, spent

    # what happens

    def _open(self) -> None:
        self._fire(self.queries)

    def _fail(self) -> None:
        self.server.refuse()
        self._fire(self.queries)

    def _letIn(self) -> None:
        self._fire(self.auths)

    def _refuse(self) -> None:
        self.refusal = "no"
        self._fire(self.auths)

    def _lose(self) -> None:
        self.server.connection.drop()  # type: ignore[attr-defined]
        self.server.flush()

    def _putOut(self) -> None:
        self.server.sockets[-1].disconnect()
        self.server.flush()

    def _later(self, those: list[Deferred[Any]]) -> Deferred[Any]:
        those.append(Deferred())
        return those[-1]

    def _fire(self, those: list[Deferred[Any]]) -> None:
        those[-1].callback({})
        self.server.flush()


MACHINES: dict[str, Any] = {
    "life-of-manager": ManagersLife,
    "life-of-engine": EnginesLife,
    "life-of-socket": SocketsLife,
}


# drawing
#
# A column for each state, a row for each thing that can happen: dots in the
# states that it changes, an arrow to the next one.  No taste is needed to lay
# that out, and it is as wide as a phone.

WIDTH, HEAD, ROW = 380, 34, 34


def draw(states: Sequence[str], steps: Sequence[Step]) -> str:
    """
    The drawing as SVG.
    """
    unknown = {word for step in steps for word in (step.before, step.after)} ^ set(states)
    assert not unknown, f"states that are not drawn, or not reached: {unknown}"
    wide = WIDTH / len(states)
    middle = {state: wide * (at + 0.5) for at, state in enumerate(states)}
    rows: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        rows.setdefault((step.what, step.after), []).append(step.before)
    height = HEAD + ROW * len(rows) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        '  font-family="system-ui, sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for state, x in middle.items():
        parts.append(
            f'<rect x="{x - wide / 2 + 2:g}" y="4" width="{wide - 4:g}" height="22" rx="4" '
            'fill="#e3ecf7" stroke="#36c"/>'
        )
        parts.append(f'<text x="{x:g}" y="19" text-anchor="middle" font-size="10">{state}</text>')
        parts.append(f'<path d="M{x:g} 26V{height - 4}" stroke="#ccd"/>')
    order = sorted(rows, key=lambda row: [*MOMENTS, row[0]].index(row[0]))
    for at, row in enumerate(order):
        parts += _row(HEAD + ROW * at, row, [middle[each] for each in rows[row]], middle)
    return "\n".join([*parts, "</svg>", ""])


# The order of the rows, as a life goes; what is not here comes last.
MOMENTS = (
    "connect()", "attempt()", "handshake", "handshake, upgrade offered", "opened()",
    "server lets it in", "probe answered", "probe failed", "old transport is empty",
    "wait()", "connection lost", "an attempt fails", "the delay is over",
    "the last attempt fails", "connection lost, all attempts made",
    "server refuses it", "server puts it out", "new transport lost",
    "silence of the server", "CLOSE packet", "rest()", "disconnect()", "manager.close()",
    "close()",
)  # fmt: skip


def _row(
    top: float, row: tuple[str, str], sources: Sequence[float], middle: dict[str, float]
) -> list[str]:
    what, after = row
    goal, y = middle[after], top + 24
    parts = []
    for side in (-1, 1):
        there = [x for x in sources if (x - goal) * side > 0]
        if there:
            start = max(there, key=lambda x: abs(x - goal))
            parts.append(
                f'<path d="M{start:g} {y:g}H{goal + 7 * side:g}" stroke="#222" stroke-width="1.5"/>'
            )
            parts.append(f'<path d="M{goal:g} {y:g}l{8 * side} -4v8z" fill="#222"/>')  # the head
    parts += [f'<circle cx="{x:g}" cy="{y:g}" r="3.5" fill="#36c"/>' for x in sources]
    ends = [*sources, goal]
    # Roughly how wide the text is, so that it stays within the drawing.
    half = len(what) * 3.2
    x = min(max((min(ends) + max(ends)) / 2, half + 2), WIDTH - half - 2)
    parts.append(
        f'<text x="{x:g}" y="{y - 8:g}" text-anchor="middle" stroke="#fff" stroke-width="3" '
        f'paint-order="stroke">{escape(what)}</text>'
    )
    return parts


def main(*arguments: str) -> int:
    stale = []
    for name, machine in MACHINES.items():
        path = FOLDER / f"{name}.svg"
        new = draw(machine.states, explore(machine))
        if not path.exists() or path.read_text() != new:
            stale.append(path)
            if "--check" not in arguments:
                path.write_text(new)
    for path in stale:
        print(f"{'not up to date' if '--check' in arguments else 'written'}: {path}")
    return bool(stale and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
