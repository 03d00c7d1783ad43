"""
Bare Twisted: the least code that does the work, on a Twisted TCP protocol.

A yardstick and no client: it checks nothing, knows one namespace, WebSocket
alone, and dies of what it does not expect.  What it costs cannot be had for
less with Twisted, so it says how much of our own figure is ours.
"""

from __future__ import annotations

import os
from base64 import b64encode
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import orjson
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Protocol

from txsocketio.transports.frames import BINARY, TEXT, frameBuilder

REQUEST = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n"
)
BIG = 8192

_textFrame = frameBuilder(TEXT, b"4")
_binaryFrame = frameBuilder(BINARY)


class Wire(Protocol):
    """
    Cuts frames, and writes what a turn gathered at once.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._rest = b""
        self._big: list[memoryview] = []
        self._missing = 0
        self._out: list[bytes] = []
        self._open = False

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        url = self._adapter.url
        key = b64encode(os.urandom(16)).decode()
        self.transport.write(REQUEST.format(host=url.hostname, port=url.port, key=key).encode())

    def dataReceived(self, data: bytes) -> None:
        if self._missing:
            piece = memoryview(data)[: self._missing]
            self._big.append(piece)
            self._missing -= len(piece)
            if self._missing:
                return
            big, self._big = b"".join(self._big), []
            self._adapter.binaryReceived(big)
            data = data[len(piece) :]
        data = self._rest + data
        self._rest = b""
        if self._open:
            self._cut(data)
        elif b"\r\n\r\n" in data:
            self._open = True
            self._cut(data.partition(b"\r\n\r\n")[2])
        else:
            self._rest = data

    def _cut(self, data: bytes) -> None:
        text, binary = self._adapter.textReceived, self._adapter.binaryReceived
        at, length = 0, len(data)
        while length - at >= 2:
            size, start = data[at + 1], at + 2
            if size > 125:
                start = at + (4 if size == 126 else 10)
                if length < start:
                    break
                size = int.from_bytes(data[at + 2 : start], "big")
            end = start + size
            if end > length:
                if size > BIG:
                    self._big = [memoryview(data)[start:]]
                    self._missing = end - length
                    return
                break
            (text if data[at] == TEXT else binary)(data[start:end])
            at = end
        self._rest = data[at:]

    def put(self, frame: bytes) -> None:
        self._out.append(frame)

    def flush(self) -> None:
        out, self._out = b"".join(self._out), []
        transport = self.transport
        if out and not (transport.dataBuffer or transport._tempDataBuffer):
            out = out[transport.writeSomeData(out) :]
        if out:
            transport.write(out)


class Adapter:
    emitIsAsync = False

    def __init__(self, runtime: Any, args: SimpleNamespace, namespace: str) -> None:
        self.url = urlsplit(args.url)
        self._runtime = runtime
        self._listeners: dict[str, Any] = {}
        self._answers: dict[int, Deferred[Any]] = {}
        self._next = 0
        self._bytesFor = ""
        self._connected: Deferred[Any] = Deferred()
        self._planned = False

    def on(self, event: str, listener: Any) -> None:
        self._listeners[event] = listener

    async def connect(self) -> None:
        factory = ClientFactory()
        factory.noisy = False
        self._wire = Wire(self)
        factory.buildProtocol = lambda address: self._wire
        reactor.connectTCP(self.url.hostname, self.url.port, factory)
        await self._connected

    def textReceived(self, packet: bytes) -> None:
        kind = packet[:2]
        if kind == b"42":
            values = orjson.loads(packet[2:])
            self._listeners[values[0]](*values[1:])
        elif kind == b"43":
            at = packet.index(b"[")
            self._answers.pop(int(packet[2:at])).callback(orjson.loads(packet[at:])[0])
        elif kind == b"45":
            self._bytesFor = orjson.loads(packet[packet.index(b"[") :])[0]
        elif kind == b"2":
            self._wire.put(frameBuilder(TEXT)(b"3"))
            self._wire.flush()
        elif kind == b"0{":
            self._wire.put(_textFrame(b"0"))
            self._wire.flush()
        elif kind == b"40":
            self._connected.callback(None)

    def binaryReceived(self, data: bytes) -> None:
        self._listeners[self._bytesFor](data)

    def emit(self, event: str, data: Any) -> None:
        put = self._wire.put
        if type(data) is bytes:
            head = f'51-["{event}",{{"_placeholder":true,"num":0}}]'
            put(_textFrame(head.encode()))
            put(_binaryFrame(data))
        else:
            put(_textFrame(b"2" + orjson.dumps((event, data))))
        if not self._planned:
            self._planned = True
            reactor.callLater(0, self._flush)

    def _flush(self) -> None:
        self._planned = False
        self._wire.flush()

    def call(self, event: str, data: Any) -> Deferred[Any]:
        number = self._next
        self._next = number + 1
        answer = self._answers[number] = Deferred()
        self._wire.put(_textFrame(b"2%d%b" % (number, orjson.dumps((event, data)))))
        self._wire.flush()
        return answer

    async def drain(self) -> None:
        self._wire.flush()
        transport = self._wire.transport
        while transport._tempDataLen + len(transport.dataBuffer) - transport.offset > 1 << 22:
            await self._runtime.sleep(0.001)

    async def close(self) -> None:
        self._wire.transport.loseConnection()


def versions() -> dict[str, str]:
    return {}
