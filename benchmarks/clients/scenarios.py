"""
The scenarios, written once for asyncio and Twisted.

Each gets a runtime (C{Event}, C{turn}, C{sleep}, C{together}), a function that
builds an unconnected client, and the arguments; it returns what the measured
round cost.  What a client must have:

  - C{on(event, listener)}, C{onAny(listener)}
  - C{await connect()}: until connected, and upgraded if it is going to be
  - C{emit(event, data)}, to be awaited if C{emitIsAsync}
  - C{await call(event, data)}: the answer's argument
  - C{await drain()}: until little waits to be sent; never spins
  - C{await close()}

Throughput is measured in rounds that grow until one lasts C{args.seconds};
only the last counts, because a compiler just in time wants its half second
first.  The client of Node (C{node.cjs}) does the same.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Awaitable, Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

Build = Callable[..., Any]
Cost = dict[str, Any]

LEAST_WARMING = 0.7

class Meter:
    """
    CPU and time since it was made.
    """

    def __init__(self) -> None:
        self._usage = resource.getrusage(resource.RUSAGE_SELF)
        self._began = time.perf_counter()

    def read(self, **more: Any) -> Cost:
        wall = time.perf_counter() - self._began
        usage = resource.getrusage(resource.RUSAGE_SELF)
        user = usage.ru_utime - self._usage.ru_utime
        system = usage.ru_stime - self._usage.ru_stime
        return {"wall": wall, "cpu": user + system, "system": system, **more}


async def growing(args: SimpleNamespace, measure: Callable[[int], Awaitable[Cost]]) -> Cost:
    """
    Measure rounds until one is long enough, and warm.
    """
    cost = await measure(args.warm)
    warming = max(args.seconds, LEAST_WARMING)
    for seconds in (warming / 4, warming / 2, args.seconds):
        n = int(cost["n"] / cost["wall"] * seconds)
        cost = await measure(max(args.warm, min(args.most, n)))
    return cost


async def inbound(runtime: Any, build: Build, args: SimpleNamespace) -> Cost:
    client = build()
    left, done = 0, runtime.Event()

    def heard(data: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    async def heardAsync(data: Any) -> None:
        heard(data)

    client.on("bin" if args.bytes else "tick", heardAsync if args.listener == "async" else heard)
    if args.listener == "any":
        client.onAny(lambda *args: None)
    await client.connect()

    async def measure(n: int) -> Cost:
        nonlocal left, done
        left, done = n, runtime.Event()
        if args.bytes:
            command = "flood-bin", {"n": n, "size": args.bytes}
        else:
            command = "flood", {"n": n, "shape": args.shape}
        meter = Meter()
        sent = client.emit(*command)
        if client.emitIsAsync:
            await sent
        await done
        return meter.read(n=n)

    cost = await growing(args, measure)
    await client.close()
    return cost


async def outbound(runtime: Any, build: Build, args: SimpleNamespace) -> Cost:
    client = build()
    await client.connect()
    event = "sink-bin" if args.bytes else "sink"
    attachment = b"\x5a" * args.bytes

    async def sendBatch(numbers: range) -> None:
        emit = client.emit
        if client.emitIsAsync:
            for i in numbers:
                await emit(event, attachment or {"seq": i, "price": 123.45, "name": "EURUSD"})
        else:
            for i in numbers:
                emit(event, attachment or {"seq": i, "price": 123.45, "name": "EURUSD"})

    async def measure(n: int) -> Cost:
        meter = Meter()
        for first in range(0, n, args.batch):
            await sendBatch(range(first, min(n, first + args.batch)))
            await runtime.turn()
            if attachment:
                await client.drain()
        got = await client.call("sink-end", 0)
        assert got == n, f"{got} of {n} arrived"
        return meter.read(n=n)

    cost = await growing(args, measure)
    await client.close()
    return cost


async def ack_seq(runtime: Any, build: Build, args: SimpleNamespace) -> Cost:
    client = build()
    await client.connect()

    async def measure(n: int) -> Cost:
        call, clock, latencies = client.call, time.perf_counter, []
        meter = Meter()
        for i in range(n):
            began = clock()
            await call("echo", i)
            latencies.append(clock() - began)
        cost = meter.read(n=n)
        return cost | {"p50": sorted(latencies)[n // 2]}

    cost = await growing(args, measure)
    await client.close()
    return cost


async def ack_pipe(runtime: Any, build: Build, args: SimpleNamespace) -> Cost:
    client = build()
    await client.connect()

    async def measure(n: int) -> Cost:
        numbers = count()

        async def caller() -> None:
            while (i := next(numbers)) < n:
                await client.call("echo", i)

        meter = Meter()
        await runtime.together(caller() for _ in range(args.window))
        return meter.read(n=n)

    cost = await growing(args, measure)
    await client.close()
    return cost


async def connect(runtime: Any, build: Build, args: SimpleNamespace) -> Cost:
    await _connectOnce(runtime, build)
    costs = [await _connectOnce(runtime, build) for _ in range(args.n)]
    walls = sorted(cost["wall"] for cost in costs)
    total = {key: sum(cost[key] for cost in costs) for key in ("wall", "cpu", "system")}
    return total | {"n": args.n, "p50": walls[args.n // 2]}


async def _connectOnce(runtime: Any, build: Build) -> Cost:
    meter = Meter()
    client = build()
    await client.connect()
    cost = meter.read()
    await client.close()
    await runtime.sleep(0.002)
    return cost


async def idle(runtime: Any, build: Build, args: SimpleNamespace) -> Cost:
    clients = [build("/idle")]
    await clients[0].connect()
    await runtime.sleep(0.05)
    before = _memory()
    meter = Meter()
    while len(clients) <= args.n:
        group = [build("/idle") for _ in range(min(args.group, args.n + 1 - len(clients)))]
        await runtime.together(client.connect() for client in group)
        clients += group
    cost = meter.read(n=args.n)
    await runtime.sleep(0.3)
    cost["memory"] = (_memory() - before) / args.n
    meter = Meter()
    await runtime.sleep(1.0)
    return cost | {"idle": meter.read()["cpu"]}


def _memory() -> int:
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
