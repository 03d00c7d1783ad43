"""
What is measured: one row each, with the targets it is held to.

A target says how much our client may cost as a multiple of another's in the
same run, because only ratios travel from machine to machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

US, NODE, SIO, BEST = "txsocketio", "Node", "python-socketio", "the best"
BARE = "bare Twisted"
"""
No client: the least that can be had with Twisted, where it knows the work.
"""
CLIENTS = (US, NODE, SIO, BARE)

CANNED, REAL = "canned", "real"
"""
A server that can do nothing but never is the slower side, and socket.io itself.
"""

CPU, P50, MEMORY, IMPORT_CPU = "cpu", "p50", "memory", "import"
UNITS = {CPU: "µs", P50: "µs", MEMORY: "KiB", IMPORT_CPU: "ms"}


@dataclass(frozen=True)
class Target:
    """
    At most C{factor} times what C{base} needs; without a base, at most
    C{factor} in the unit of the metric.
    """

    factor: float
    base: str | None
    metric: str = CPU

    def __str__(self) -> str:
        if self.base is None:
            return f"≤ {self.factor:g} {UNITS[self.metric]}"
        kind = "p50 " if self.metric == P50 else ""
        return f"{kind}≤ {self.factor:g} × {self.base}"


@dataclass(frozen=True)
class Row:
    """
    One kind of work.

    @ivar metrics: what is compared; all but the first only where it matters.
    @ivar fresh: whether the server is started for each run anew.
    @ivar limit: seconds after which a client is given up.
    """

    name: str
    group: str
    title: str
    server: str
    scenario: str
    args: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    metrics: tuple[str, ...] = (CPU,)
    tls: bool = False
    fresh: bool = False
    limit: float = 30.0

    def measures(self, client: str) -> bool:
        """
        Whether a client can do this work.
        """
        if client == BARE:
            return self.group in BARE_KNOWS and not self.tls
        return client in self.args.get("code", CLIENTS)

    @property
    def quick(self) -> bool:
        """
        Whether it belongs to a run of two minutes.
        """
        return bool(self.targets) and self.limit <= 60


def _row(
    name: str,
    group: str,
    title: str,
    server: str,
    scenario: str,
    *targets: Target,
    metrics: tuple[str, ...] = (CPU,),
    tls: bool = False,
    fresh: bool = False,
    limit: float = 30.0,
    **args: Any,
) -> Row:
    return Row(
        name, group, title, server, scenario, args, targets, metrics, tls, fresh, limit
    )


def _both(node: float, sio: float) -> tuple[Target, Target]:
    return Target(node, NODE), Target(sio, SIO)


SMALL, ACKS, BINARY = "Small events", "Acknowledgements", "Binary events"
CONNECT, POLLING, IDLE = "Connecting", "Long-polling", "Idle clients in one process"
SHAPES, IMPORT = "Other shapes (small events in, unless said)", "Importing"

BARE_KNOWS = (SMALL, ACKS, BINARY)

_POLL = {"transports": "polling"}

ROWS = (
    _row("in-canned", SMALL, "in, full reads", CANNED, "inbound", *_both(0.65, 0.07)),
    _row("in-real", SMALL, "in, socket.io server", REAL, "inbound", Target(1.1, NODE)),
    _row("out-canned", SMALL, "out, 100 a turn", CANNED, "outbound", *_both(0.35, 0.2)),
    _row(
        "out1-canned", SMALL, "out, 1 a turn", CANNED, "outbound", *_both(1.5, 0.75), batch=1
    ),
    _row(
        "ack-real", ACKS, "round trips, one at a time", REAL, "ack_seq",
        Target(0.9, NODE), Target(1.0, NODE, P50), metrics=(CPU, P50),
    ),
    _row("pipe-real", ACKS, "100 under way", REAL, "ack_pipe", *_both(0.9, 0.09)),
    _row(
        "bin1k-in", BINARY, "1 KiB in", CANNED, "inbound", Target(0.6, NODE), bytes=1024
    ),
    _row(
        "bin64k-in", BINARY, "64 KiB in", CANNED, "inbound", Target(0.7, NODE),
        bytes=65536, warm=50,
    ),
    _row(
        "bin1k-out", BINARY, "1 KiB out", CANNED, "outbound", Target(0.4, NODE), bytes=1024
    ),
    _row(
        "bin64k-out", BINARY, "64 KiB out", CANNED, "outbound", *_both(0.4, 1.3),
        bytes=65536, warm=50, batch=10,
    ),
    _row("connect-ws", CONNECT, "WebSocket only", REAL, "connect", Target(1.0, BEST), n=40),
    _row(
        "connect-default", CONNECT, "default, up to the upgrade", REAL, "connect",
        Target(1.2, SIO), transports="default", n=40,
    ),
    _row("poll-ack", POLLING, "round trips, one at a time", REAL, "ack_seq",
         *_both(0.9, 1.4), **_POLL),
    _row("poll-pipe", POLLING, "100 under way", REAL, "ack_pipe", Target(0.9, NODE), **_POLL),
    _row("poll-out", POLLING, "small events out", REAL, "outbound", Target(0.7, NODE), **_POLL),
    _row("poll-in", POLLING, "small events in", REAL, "inbound", Target(0.6, NODE), **_POLL),
    _row(
        "idle-1000", IDLE, "1,000, each", REAL, "idle",
        Target(1.0, BEST), Target(20, None, MEMORY),
        metrics=(CPU, MEMORY), fresh=True, limit=60, n=1000,
    ),
    _row(
        "idle-5000", IDLE, "5,000, each", REAL, "idle",
        Target(1.0, BEST), Target(20, None, MEMORY),
        metrics=(CPU, MEMORY), fresh=True, limit=120, n=5000,
    ),
    _row("in-tls", SHAPES, "over TLS", CANNED, "inbound", tls=True),
    _row("out-tls", SHAPES, "out, 100 a turn, over TLS", CANNED, "outbound", tls=True),
    _row("in-nested", SHAPES, "2 KB of nested objects", CANNED, "inbound", shape="nested"),
    _row("in-text", SHAPES, "text that is not ASCII", CANNED, "inbound", shape="text"),
    _row("in-namespace", SHAPES, "in a namespace", CANNED, "inbound", namespace="/prices"),
    _row("in-any", SHAPES, "a catch-all listener beside", CANNED, "inbound", listener="any"),
    _row("in-async", SHAPES, "an async listener", CANNED, "inbound", listener="async"),
    _row(
        "import", IMPORT, "all that a connection needs", "", "import",
        Target(1.2, SIO, IMPORT_CPU), metrics=(IMPORT_CPU,),
        code={
            US: "import txsocketio, txsocketio.client, txsocketio.transports.polling, "
                "txsocketio.transports.websocket; from twisted.internet import reactor",
            NODE: "require('socket.io-client')",
            SIO: "import socketio",
        },
    ),
    _row(
        "import-name", IMPORT, "import txsocketio alone", "", "import",
        Target(60, None, IMPORT_CPU), metrics=(IMPORT_CPU,), code={US: "import txsocketio"},
    ),
)
