"""
What a packet costs on its way through the client, as a multiple of the least
code that does the same (C{floors.py}), and whether that has grown.

    python benchmarks/packetpath.py             print the ratios
    python benchmarks/packetpath.py --check     fail if one is a quarter above its record
    python benchmarks/packetpath.py --record    write them down as the new record

Both sides run in slices of a millisecond or two, in turns, in one process, and
the median of the ratios counts: what disturbs the machine disturbs both, and
a faster machine makes both faster.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from floors import Caller, receiver, sender  # noqa: E402  the checkout comes first
from inmemory import SMALL, Fed, event, frame, reads  # noqa: E402

RECORD = HERE / "packetpath.json"
TOLERANCE = 1.25
ATTEMPTS = 3
SLICES = 120
EVENTS = 800
BATCH = 100

Slice = Callable[[], Any]


def _ignore(data: Any) -> None:
    """
    The cheapest listener.
    """


def smallIn() -> tuple[Slice, Slice]:
    """
    Small events in, one read.
    """
    fed = Fed().connect()
    fed.socket.on("tick", _ignore)
    (data,) = reads(event("tick", SMALL), EVENTS)
    bare = receiver({"tick": _ignore})
    return lambda: fed.take(data), lambda: bare(data)


def smallOut() -> tuple[Slice, Slice]:
    """
    Small events out, a hundred a turn, their Deferreds not asked.
    """
    fed = Fed().connect()
    emit = fed.emitter("sink", SMALL, BATCH)
    bare = sender(lambda data: len(data))

    def floor() -> None:
        for _ in range(EVENTS // BATCH):
            bare("sink", SMALL, BATCH)

    return lambda: emit(EVENTS), floor


def answered() -> tuple[Slice, Slice]:
    """
    A hundred acknowledgements under way, by Deferred.
    """
    fed = Fed().connect()
    caller = Caller(lambda data: len(data))
    numbers = {"ours": 0, "floor": 0}

    def answers(who: str) -> bytes:
        first = numbers[who]
        numbers[who] = first + BATCH
        return b"".join(frame(b'43%d["done"]' % number) for number in range(first, first + BATCH))

    def ours() -> None:
        call = fed.socket.emitWithAck
        for _ in range(EVENTS // BATCH):
            for _ in range(BATCH):
                call("echo", 1).addCallback(_ignore)
            fed.turn()
            fed.take(answers("ours"))

    def floor() -> None:
        call = caller.call
        for _ in range(EVENTS // BATCH):
            for _ in range(BATCH):
                call("echo", 1).addCallback(_ignore)
            caller.take(answers("floor"))

    return ours, floor


PATHS = {"in": smallIn, "out": smallOut, "ack": answered}


def measure(path: str, slices: int = SLICES) -> tuple[float, float]:
    """
    @return: the ratio to the floor, and our µs an event.
    """
    ours, floor = PATHS[path]()
    ours(), floor()
    ratios, costs = [], []
    gc.collect()
    gc.disable()
    try:
        for _ in range(slices):
            cost = _seconds(ours)
            ratios.append(cost / _seconds(floor))
            costs.append(cost / EVENTS * 1e6)
    finally:
        gc.enable()
    return statistics.median(ratios), statistics.median(costs)


def _seconds(run: Slice) -> float:
    began = process_time()
    run()
    return process_time() - began


def recorded(path: Path) -> dict[str, float]:
    """
    The record of this Python, or of the nearest that has one.
    """
    records = json.loads(path.read_text())["ratios"]
    here = sys.version_info.minor
    nearest = min(records, key=lambda version: abs(int(version.partition(".")[2]) - here))
    ratios: dict[str, float] = records[nearest]
    return ratios


def check(against: Path = RECORD) -> list[str]:
    """
    @return: what got slower, in sentences; a suspect is measured again first.
    """
    problems = []
    for path, record in recorded(against).items():
        limit = record * TOLERANCE
        best = min(_untilBelow(path, limit))
        print(f"{path}: {best:.2f} times the floor, recorded {record:.2f}, limit {limit:.2f}")
        if best > limit:
            problems.append(
                f"packets ({path}) cost {best:.2f} times the floor; {record:.2f} is recorded"
            )
    return problems


def _untilBelow(path: str, limit: float) -> list[float]:
    seen: list[float] = []
    while len(seen) < ATTEMPTS and not (seen and seen[-1] <= limit):
        seen.append(measure(path)[0])
    return seen


def record() -> None:
    """
    Keep what is measured now as the record of this Python.
    """
    kept = json.loads(RECORD.read_text()) if RECORD.exists() else {"ratios": {}}
    ratios = {
        path: round(statistics.median(measure(path)[0] for _ in range(5)), 2) for path in PATHS
    }
    kept["recorded"] = f"{datetime.date.today()}"
    kept["ratios"][f"3.{sys.version_info.minor}"] = ratios
    RECORD.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="What a packet costs, in floors.")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--against", type=Path, default=RECORD, help="another record")
    args = parser.parse_args()
    if args.record:
        record()
    if args.check or args.record:
        sys.exit("\n".join(check(args.against)) or 0)
    for path in PATHS:
        ratio, cost = measure(path)
        print(f"{path:4} {ratio:.2f} times the floor ({cost:.2f} µs an event)")


if __name__ == "__main__":
    main()
