"""
The single steps of a packet's way: codec, dispatch, the WebSocket's quick path.

    make bench-micro

In memory (C{inmemory.py}), µs of CPU a call, the median.  C{floor} is the
least code that does the same (C{floors.py}), measured in turns with it.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import orjson  # noqa: E402  the checkout comes first
from floors import cutFrames, smallFrame  # noqa: E402
from inmemory import SMALL, Fed, event, reads  # noqa: E402
from zope.interface import implementer  # noqa: E402

from txsocketio.interfaces import IPacketReceiver  # noqa: E402
from txsocketio.protocol import engineio  # noqa: E402
from txsocketio.protocol.socketio import EVENT, JSONParser  # noqa: E402
from txsocketio.transports.websocket import WebSocketTransport  # noqa: E402

CALLS = 1000
REPEATS, QUICK_REPEATS = 41, 3
NESTED = json.loads((HERE / "shapes.json").read_text("utf-8"))["nested"]
KIB, KIB64 = b"\x5a" * 1024, b"\x5a" * 65536

Run = Callable[[], Any]
Step = tuple[str, Run, int, Run | None]
"""Its name, what is timed, how many calls that is, and its floor."""


@implementer(IPacketReceiver)
class Nobody:
    """
    Hears what a transport says, and does nothing.
    """

    def transportOpened(self) -> None:
        pass

    def textReceived(self, message: bytes) -> None:
        pass

    def binaryReceived(self, message: bytes) -> None:
        pass

    def packetReceived(self, packetType: int, data: bytes) -> None:
        pass

    def transportDrained(self) -> None:
        pass

    def transportClosed(self, reason: str, details: Any) -> None:
        pass


def _ignore(*values: Any) -> None:
    """
    The cheapest listener.
    """


def _times(function: Callable[..., Any], *args: Any) -> Run:
    def run() -> None:
        for _ in range(CALLS):
            function(*args)

    return run


def codec() -> Iterator[Step]:
    """
    Packets to bytes, and back.
    """
    parser = JSONParser()
    decoder = parser.buildDecoder(10, 1 << 26)
    for name, data in (("small", SMALL), ("2 KB nested", NESTED)):
        values = ["tick", data]
        text, _ = parser.encode(EVENT, "/", None, values)
        yield (f"encode an event, {name}", _times(parser.encode, EVENT, "/", None, values), CALLS,
               _times(orjson.dumps, values))
        yield (f"decode an event, {name}", _times(decoder.addText, text), CALLS,
               _times(orjson.loads, text[1:] if text else b""))
    yield ("encode an event with a 1 KiB attachment",
           _times(parser.encode, EVENT, "/", None, ["bin", KIB]), CALLS, None)
    head, attachments = parser.encode(EVENT, "/", None, ["bin", KIB])

    def decodeBinary() -> None:
        decoder.addText(head)
        decoder.addBinary(attachments[0])

    yield "decode an event with a 1 KiB attachment", _times(decodeBinary), CALLS, None
    yield ("encode an answer", _times(parser.encode, 3, "/", 7, ["done"]), CALLS,
           _times(orjson.dumps, ["done"]))
    yield "Engine.IO: decode a packet", _times(engineio.decodePacket, b"2"), CALLS, None
    body = b"\x1e".join([b'42["tick",1]'] * CALLS)
    yield "Engine.IO: split a payload, each packet", (
        lambda: engineio.splitPayload(body)), CALLS, lambda: body.split(b"\x1e")


def dispatch() -> Iterator[Step]:
    """
    From a decoded packet to the listener.
    """
    data = ["tick", SMALL]
    for name, prepare in _SOCKETS.items():
        socket = Fed().connect().socket
        prepare(socket)
        listeners = {"tick": _ignore}

        def floor(listeners: dict[str, Any] = listeners) -> None:
            listeners[data[0]](*data[1:])

        run = _times(socket.packetReceived, EVENT, None, data)
        yield f"dispatch, {name}", run, CALLS, _times(floor)


_SOCKETS: dict[str, Callable[[Any], Any]] = {
    "nobody listens": lambda socket: None,
    "one listener": lambda socket: socket.on("tick", _ignore),
    "a catch-all as well": lambda socket: socket.on("tick", _ignore).onAny(_ignore),
    "ten listeners": lambda socket: [socket.on("tick", lambda data: None) for _ in range(10)],
}


def quickPath() -> Iterator[Step]:
    """
    The WebSocket transport alone, in and out.
    """
    small = reads(event("tick", SMALL), CALLS)
    yield ("WebSocket in, small", _receiving(small), CALLS,
           lambda: [cutFrames(piece, _ignore) for piece in small])
    WebSocketTransport.quick = False
    yield "WebSocket in, small, quick path off", _receiving(small), CALLS, None
    WebSocketTransport.quick = True
    yield "WebSocket in, 1 KiB binary", _receiving(reads(event("b", KIB), CALLS)), CALLS, None
    yield "WebSocket in, 64 KiB binary", _receiving(reads(event("b", KIB64), 20)), 20, None
    text = b'2["tick",' + orjson.dumps(SMALL) + b"]"

    def floor() -> bytes:
        return b"".join([smallFrame(b"4" + text) for _ in range(CALLS)])

    fed = Fed().connect()
    yield "WebSocket out, small", _sending(fed, "sendText", text, CALLS), CALLS, floor
    yield "WebSocket out, 1 KiB binary", _sending(fed, "sendBinary", KIB, CALLS), CALLS, None
    yield "WebSocket out, 64 KiB binary", _sending(fed, "sendBinary", KIB64, 20), 20, None


def _receiving(pieces: list[bytes]) -> Run:
    fed = Fed().connect()
    fed.manager.engine.transport.receiver = Nobody()
    return lambda: fed.take(*pieces)


def _sending(fed: Fed, name: str, message: bytes, count: int) -> Run:
    send = getattr(fed.manager.engine.transport, name)

    def run() -> None:
        for _ in range(count):
            send(message)
        fed.turn()

    return run


def whole() -> Iterator[Step]:
    """
    From the network to the listener, and from C{emit} to the network.
    """
    for name, data, count in (("small", SMALL, CALLS), ("1 KiB binary", KIB, CALLS),
                              ("64 KiB binary", KIB64, 20)):
        fed = Fed().connect()
        fed.socket.on("tick", _ignore)
        pieces = reads(event("tick", data), count)
        yield f"all the way in, {name}", lambda f=fed, p=pieces: f.take(*p), count, None
        emit = Fed().connect().emitter("sink", data)
        yield f"all the way out, {name}", lambda e=emit, n=count: e(n), count, None


def measure(
    run: Run, calls: int, floor: Run | None, repeats: int
) -> tuple[float, float | None]:
    """
    @return: µs a call, and of its floor.
    """
    run()
    costs, floors = [], []
    gc.collect()
    for _ in range(repeats):
        costs.append(_seconds(run))
        if floor is not None:
            floors.append(_seconds(floor))
    cost = statistics.median(costs) / calls * 1e6
    return cost, statistics.median(floors) / calls * 1e6 if floors else None


def _seconds(run: Run) -> float:
    began = process_time()
    run()
    return process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="The single steps of a packet's way.")
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    args = parser.parse_args()
    repeats = QUICK_REPEATS if args.quick else REPEATS
    for group in (codec, dispatch, quickPath, whole):
        print(f"\n{group.__name__}: {(group.__doc__ or '').strip()}")
        for name, run, calls, floor in group():
            cost, least = measure(run, calls, floor, repeats)
            beside = "" if least is None else f"   floor {least:6.2f}"
            print(f"  {name:42} {cost:8.2f} µs{beside}")


if __name__ == "__main__":
    main()
