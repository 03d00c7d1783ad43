"""
How the cost of an event grows with everything there may be much of.

    make bench-growth                 the table and the picture in docs/
    make bench-growth QUICK=1         fewer points, nothing written

It fails if something grows that must not.
All of it in memory (C{inmemory.py}), so that nothing but the client grows.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import platform
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from inmemory import SMALL, Fed, event, frame, reads  # noqa: E402  the checkout comes first

DOCS = HERE.parent / "docs" / "topics" / "performance"
SHAPES = json.loads((HERE / "shapes.json").read_text("utf-8"))
EVENTS = 1000
REPEATS, QUICK_REPEATS = 15, 3

FLAT, LINEAR = "flat", "linear"
ALLOWANCE = 1.5
"""How far the largest may be above the smallest, and still be called flat."""

CERTAIN = 3.0
"""From how far on it is no noise, over two decades or more."""

Point = tuple[int, float]
Prepare = Callable[[int], tuple[Callable[[], Any], int]]


def _ignore(*values: Any) -> None:
    """
    The cheapest listener.
    """


async def _ignoreAsync(data: Any) -> None:
    """
    The cheapest listener that is a coroutine function.
    """


# what may grow: n -> (a function that is timed, how many events it handles)


def namespaces(n: int) -> tuple[Callable[[], Any], int]:
    fed = Fed(tuple(f"/n{i}" for i in range(n))).connect()
    fed.sockets[-1].on("tick", _ignore)
    data = reads(event("tick", SMALL, f"/n{n - 1},"), EVENTS)
    return lambda: fed.take(*data), EVENTS


def listenersOfOthers(n: int) -> tuple[Callable[[], Any], int]:
    fed = Fed().connect()
    for i in range(n):
        fed.socket.on(f"other{i}", _ignore)
    return _small(fed)


def listeners(n: int) -> tuple[Callable[[], Any], int]:
    fed = Fed().connect()
    for _ in range(n - 1):
        fed.socket.on("tick", lambda data: None)
    return _small(fed)


def _small(fed: Fed) -> tuple[Callable[[], Any], int]:
    fed.socket.on("tick", _ignore)
    data = reads(event("tick", SMALL), EVENTS)
    return lambda: fed.take(*data), EVENTS


def pendingAcks(n: int) -> tuple[Callable[[], Any], int]:
    fed = Fed().connect()
    for _ in range(n):
        fed.socket.emitWithAck("never", 1)
    next_ = n

    def run() -> None:
        nonlocal next_
        numbers = range(next_, next_ + EVENTS)
        next_ += EVENTS
        for _ in numbers:
            fed.socket.emitWithAck("echo", 1)
        fed.turn()
        fed.take(b"".join(frame(b'43%d["done"]' % number) for number in numbers))

    return run, EVENTS


def emittedOffline(n: int) -> tuple[Callable[[], Any], int]:
    def run() -> None:
        fed = Fed(sendBufferLimit=(n + 1, 1 << 30))
        emit = fed.socket.emit
        for _ in range(n):
            emit("sink", SMALL)
        fed.socket.clearSendBuffer()

    return run, n


def flushed(n: int) -> tuple[Callable[[], Any], int]:
    def run() -> None:
        fed = Fed(sendBufferLimit=(n + 1, 1 << 30))
        emit = fed.socket.emit
        for _ in range(n):
            emit("sink", SMALL)
        fed.connect()
        fed.turn()

    return run, n


def connections(n: int) -> tuple[Callable[[], Any], int]:
    clients = [Fed().connect() for _ in range(n)]
    for fed in clients:
        fed.socket.on("tick", _ignore)
    # Ten to each, as one read has them.
    data = event("tick", SMALL) * 10
    rounds = max(1, EVENTS // (10 * n))

    def run() -> None:
        for _ in range(rounds):
            for fed in clients:
                fed.take(data)

    return run, 10 * n * rounds


def textIn(n: int) -> tuple[Callable[[], Any], int]:
    return _payloadIn("x" * n, n)


def binaryIn(n: int) -> tuple[Callable[[], Any], int]:
    return _payloadIn(b"\x5a" * n, n)


def textOut(n: int) -> tuple[Callable[[], Any], int]:
    return _payloadOut("x" * n, n)


def binaryOut(n: int) -> tuple[Callable[[], Any], int]:
    return _payloadOut(b"\x5a" * n, n)


def _payloadIn(payload: Any, size: int) -> tuple[Callable[[], Any], int]:
    fed = Fed().connect()
    fed.socket.on("big", _ignore)
    count = _count(size)
    data = reads(event("big", payload), count)
    return lambda: fed.take(*data), count


def _payloadOut(payload: Any, size: int) -> tuple[Callable[[], Any], int]:
    emit = Fed().connect().emitter("big", payload, batch=10)
    count = _count(size)
    return lambda: emit(count), count


def _count(size: int) -> int:
    return max(4, min(EVENTS, 8_000_000 // (size + 1000)))


TENS = (1, 10, 100, 1000)
SIZES = (16, 128, 1024, 8192, 65536, 524288)
SERIES: dict[str, tuple[str, str, Sequence[int], dict[str, Prepare]]] = {
    "Namespaces": (FLAT, "namespaces on the connection", TENS, {"in": namespaces}),
    "Listeners of other events": (
        FLAT, "listeners", (*TENS, 10_000), {"in": listenersOfOthers},
    ),
    "Listeners of the event": (LINEAR, "listeners", (1, 3, 10, 30, 100), {"in": listeners}),
    "Pending acknowledgements": (
        FLAT, "pending", (1, 100, 1000, 10_000, 100_000), {"round trip": pendingAcks},
    ),
    "Buffered packets": (
        FLAT, "packets waiting offline", (100, 1000, 10_000),
        {"emit offline": emittedOffline, "emit, then flush": flushed},
    ),
    "Connections": (FLAT, "connections in the process", TENS, {"in": connections}),
    "Payload": (
        LINEAR, "bytes", SIZES,
        {"text in": textIn, "text out": textOut, "binary in": binaryIn, "binary out": binaryOut},
    ),
}


# what events may look like


def shapes() -> Iterator[tuple[str, Callable[[], Any], int]]:
    """
    One kind of event after the other, by name.
    """
    for name in SHAPES:
        yield f"{name} in", *_shapeIn(SHAPES[name])
        yield f"{name} out", *_shapeOut(SHAPES[name])
    yield "in a namespace, in", *_shapeIn(SMALL, "/prices")
    yield "in a namespace, out", *_shapeOut(SMALL, "/prices")
    yield "onAny present, in", *_shapeIn(SMALL, any_=True)
    yield "async def listener, in", *_shapeIn(SMALL, listener=_ignoreAsync)
    yield "serial listener, in", *_shapeIn(SMALL, serial=True)


def _shapeIn(
    data: Any,
    namespace: str = "/",
    *,
    any_: bool = False,
    listener: Any = _ignore,
    serial: bool = False,
) -> tuple[Callable[[], Any], int]:
    fed = Fed((namespace,)).connect()
    if any_:
        fed.socket.onAny(_ignore)
    fed.socket.on("tick", listener, **({"serial": True} if serial else {}))
    prefix = "" if namespace == "/" else f"{namespace},"
    pieces = reads(event("tick", data, prefix), EVENTS)
    return lambda: fed.take(*pieces), EVENTS


def _shapeOut(data: Any, namespace: str = "/") -> tuple[Callable[[], Any], int]:
    emit = Fed((namespace,)).connect().emitter("sink", data)
    return lambda: emit(EVENTS), EVENTS


# measuring


def cost(run: Callable[[], Any], events: int, repeats: int) -> float:
    """
    @return: µs of CPU an event, the median.
    """
    run()
    costs = []
    gc.collect()
    gc.freeze()
    for _ in range(repeats):
        began = process_time()
        run()
        costs.append((process_time() - began) / events * 1e6)
    gc.unfreeze()
    return statistics.median(costs)


def measure(quick: bool) -> tuple[dict[str, Any], dict[str, float]]:
    """
    All series, and all shapes.
    """
    repeats = QUICK_REPEATS if quick else REPEATS
    series: dict[str, Any] = {}
    for title, (law, axis, numbers, kinds) in SERIES.items():
        points = numbers[:-1] if quick else numbers
        found = {
            name: [(n, cost(*prepare(n), repeats)) for n in points]
            for name, prepare in kinds.items()
        }
        series[title] = {"law": law, "x": axis, "lines": found}
        _tell(title, series[title])
    return series, {name: cost(run, events, repeats) for name, run, events in shapes()}


def _tell(title: str, one: dict[str, Any]) -> None:
    for name, points in one["lines"].items():
        text = "  ".join(f"{n:,}: {value:.3g}" for n, value in points)
        print(f"{title}, {name}: {text}  [{verdict(one['law'], points)}]", flush=True)


def growth(law: str, points: Sequence[Point]) -> float:
    """
    How many times what the law allows a line grows: 1 is as it should be.
    """
    (first, low), (last, high) = points[0], points[-1]
    if law == FLAT:
        return high / low
    return _slope(points[-2:]) / _slope([(first, low), (last, high)])


def _slope(points: Sequence[Point]) -> float:
    (first, low), (last, high) = points
    return (high - low) / (last - first)


def verdict(law: str, points: Sequence[Point]) -> str:
    """
    Whether a line grows as it may, in words.
    """
    grown = growth(law, points)
    if law == FLAT:
        word = "flat" if grown <= ALLOWANCE else "grows"
        return f"{word}: {grown:.2f} × from {points[0][0]:,} to {points[-1][0]:,}"
    word = "linear" if grown <= ALLOWANCE else "faster than linear"
    return f"{word}: {_slope(points[-2:]) * 1000:.3g} ns for each one more"


def overgrown(series: dict[str, Any]) -> list[str]:
    """
    Lines that grow so much that it cannot be noise.
    """
    return [
        f"{title} ({name}): {verdict(one['law'], points)}"
        for title, one in series.items()
        for name, points in one["lines"].items()
        if growth(one["law"], points) > CERTAIN
    ]


def keep(series: dict[str, Any], costs: dict[str, float]) -> None:
    """
    Put tables and picture into the documentation.
    """
    from plots import drawGrowth

    DOCS.mkdir(parents=True, exist_ok=True)
    about = (
        f"{datetime.date.today():%d %B %Y}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}; in memory, µs of CPU an event, medians"
    )
    drawGrowth(series, costs, DOCS / "growth.svg", about)
    text = [about + ".", "", *_table(("what grows", "cost", "finding"))]
    for title, one in series.items():
        for name, points in one["lines"].items():
            ends = "; ".join(f"{each:.3g} µs at {n:,}" for n, each in (points[0], points[-1]))
            text += _item((f"{title} ({name})", ends, verdict(one["law"], points)))
    text += ["", *_table(("one event", "µs"))]
    for name, value in costs.items():
        text += _item((name, f"{value:.3g}"))
    (DOCS / "growth.rst").write_text("\n".join(text) + "\n", "utf-8")
    print(f"written: {DOCS}/growth.rst, growth.svg", file=sys.stderr)


def _table(head: Sequence[str]) -> list[str]:
    return [".. list-table::", "   :header-rows: 1", "", *_item(head)]


def _item(cells: Sequence[str]) -> list[str]:
    return [f"   * - {cells[0]}", *(f"     - {cell}" for cell in cells[1:])]


def main() -> None:
    parser = argparse.ArgumentParser(description="How the cost of an event grows.")
    parser.add_argument("--quick", action="store_true", help="fewer points, nothing written")
    args = parser.parse_args()
    series, costs = measure(args.quick)
    for name, value in costs.items():
        print(f"{name}: {value:.3g} µs")
    if not args.quick:
        keep(series, costs)
    sys.exit("\n".join(overgrown(series)) or 0)


if __name__ == "__main__":
    main()
