"""
The second real server: python-socketio on aiohttp.

    python server.py '{"pingInterval": 300, ...}'

Options, control channel and handlers are those of ../node/control.js and
../node/sio.js (durations in milliseconds, as there), as far as
python-socketio has them; what it has not is refused.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import sys
import threading
from typing import Any

import socketio
from aiohttp import web

OPTIONS: dict[str, Any] = json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")
KNOWN = {
    *("pingInterval", "pingTimeout", "maxHttpBufferSize", "transports", "allowUpgrades", "cookie"),
    *("httpCompression", "path", "handshakeDelay", "log", "tls", "host", "port", "parser"),
}
NAMESPACES = ("/", "/foo", "/asd", "/abc", "/no", "/token", "/custom")
TEXTS = ("日本語のテキスト、かなと漢字。", "Съешь ещё этих мягких булок", "Übergrößenträger äöüß")
TEXTS += ("before — after", "𝄞 😀 ünïcödé")

if unknown := set(OPTIONS) - KNOWN:
    sys.exit(f"this server has no option {sorted(unknown)}")


def engineOptions() -> dict[str, Any]:
    """
    The options as python-engineio spells them, in seconds.
    """
    renamed = {
        "maxHttpBufferSize": "max_http_buffer_size",
        "transports": "transports",
        "allowUpgrades": "allow_upgrades",
        "cookie": "cookie",
        "httpCompression": "http_compression",
    }
    given = {name: OPTIONS[key] for key, name in renamed.items() if key in OPTIONS}
    given["ping_interval"] = OPTIONS.get("pingInterval", 2000) / 1000
    given["ping_timeout"] = OPTIONS.get("pingTimeout", 20000) / 1000
    return given


sio = socketio.AsyncServer(
    async_mode="aiohttp",
    cors_allowed_origins="*",
    # /no refuses before it accepts, as the Node server does.
    always_connect=False,
    serializer="msgpack" if OPTIONS.get("parser") == "msgpack" else "default",
    namespaces=list(NAMESPACES),
    **engineOptions(),
)
numbers: list[Any] = []
seen: dict[str, list[Any]] = {"handshakes": [], "disconnects": [], "packets": []}
logFile = os.open(OPTIONS["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND) if "log" in OPTIONS else 0


def record(n: Any) -> None:
    """
    Remember C{n} in memory and on the disk, before it is acknowledged.
    """
    numbers.append(n)
    if logFile:
        os.write(logFile, json.dumps(n).encode() + b"\n")
        os.fsync(logFile)


class Shared(socketio.AsyncNamespace):
    """
    What every namespace answers; see C{shared} in sio.js.
    """

    async def trigger_event(self, event: str, sid: str, *args: Any) -> Any:
        # Event names with spaces and the like have no method.
        method = getattr(self, "on_" + event.replace(" ", "_"), None)
        return None if method is None else await method(sid, *args)

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        await asyncio.sleep(OPTIONS.get("handshakeDelay", 10) / 1000)
        headers = environ["aiohttp.request"].headers
        seen["handshakes"].append(
            {
                "id": sid,
                "namespace": self.namespace,
                "query": dict(environ["aiohttp.request"].query),
                "auth": auth or {},
                "headers": {name.lower(): value for name, value in headers.items()},
                "transport": sio.transport(sid, self.namespace),
            }
        )
        self.refuse(seen["handshakes"][-1])

    def refuse(self, handshake: dict[str, Any]) -> None:
        """
        Raise to refuse the namespace.
        """

    async def on_disconnect(self, sid: str, reason: str = "") -> None:
        entry = {"id": sid, "namespace": self.namespace, "reason": reason}
        seen["disconnects"].append(entry)

    async def on_echo(self, sid: str, value: Any) -> Any:
        # A tuple would be several arguments, None would be none.
        return (value,)

    async def on_echoAll(self, sid: str, *args: Any) -> Any:
        return args

    async def on_back(self, sid: str, *args: Any) -> None:
        await self.emit("back", args, to=sid)

    async def on_numbered(self, sid: str, n: Any) -> Any:
        record(n)
        return n

    async def on_count(self, sid: str, n: int) -> None:
        for i in range(n):
            await self.emit("number", i, to=sid)

    async def on_ask(self, sid: str, value: Any) -> None:
        async def answered(*answer: Any) -> None:
            await self.emit("answered", answer, to=sid)

        await self.emit("question", value, to=sid, callback=answered)

    async def on_getId(self, sid: str) -> str:
        return sid

    async def on_getHandshake(self, sid: str) -> Any:
        return next(h for h in reversed(seen["handshakes"]) if h["id"] == sid)

    async def on_kickMe(self, sid: str) -> None:
        await self.disconnect(sid)

    async def on_closeMyEngine(self, sid: str) -> None:
        await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, self.namespace))

    on_closeMe = on_closeMyEngine


class Main(Shared):
    """
    The namespace C{/}; see C{text} and C{binary} in sio.js.
    """

    def refuse(self, handshake: dict[str, Any]) -> None:
        if handshake["query"].get("fail"):
            raise socketio.exceptions.ConnectionRefusedError("Auth failed (main namespace)")

    async def on_hi(self, sid: str) -> None:
        await self.emit("hi", to=sid)

    async def on_ack(self, sid: str) -> None:
        async def got(number: Any = None, value: Any = None) -> None:
            if number == 5 and value == {"test": True}:
                await self.emit("got it", to=sid)

        await self.emit("ack", to=sid, callback=got)

    async def on_getUtf8(self, sid: str) -> None:
        for line in TEXTS:
            await self.emit("takeUtf8", line, to=sid)

    async def on_false(self, sid: str) -> None:
        await self.emit("false", False, to=sid)

    async def on_doge(self, sid: str) -> None:
        await self.emit("doge", b"asdfasdf", to=sid)

    async def on_getbin(self, sid: str) -> None:
        await self.emit("takebin", b"asdfasdf", to=sid)

    async def on_buffa(self, sid: str, value: Any) -> None:
        if isinstance(value, bytes):
            await self.emit("buffack", to=sid)

    async def on_jsonbuff(self, sid: str, value: Any) -> None:
        texts = (value.get("hello"), value.get("goodbye"))
        if texts == ("lol", "gotcha") and isinstance(value.get("message"), bytes):
            await self.emit("jsonbuff-ack", to=sid)


class Refusing(Shared):
    """
    The namespace C{/no}.
    """

    def refuse(self, handshake: dict[str, Any]) -> None:
        data = {"code": "refused", "auth": handshake["auth"]}
        raise socketio.exceptions.ConnectionRefusedError("Auth failed (custom namespace)", data)


class Token(Shared):
    """
    The namespace C{/token}.
    """

    def refuse(self, handshake: dict[str, Any]) -> None:
        if handshake["auth"].get("token") != "secret":
            raise socketio.exceptions.ConnectionRefusedError("bad token")


class Greeting(Shared):
    """
    The namespace C{/abc}.
    """

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        await super().on_connect(sid, environ, auth)
        # After the CONNECT, which is sent when this returns.
        handshake = seen["handshakes"][-1]
        sio.start_background_task(self.emit, "handshake", handshake, to=sid)


for path, kind in {"/": Main, "/no": Refusing, "/token": Token, "/abc": Greeting}.items():
    sio.register_namespace(kind(path))
for path in ("/foo", "/asd", "/custom"):
    sio.register_namespace(Shared(path))


# control


def revive(value: Any) -> Any:
    """
    Bytes from their JSON form.
    """
    if isinstance(value, list):
        return [revive(item) for item in value]
    if isinstance(value, dict):
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        return {key: revive(item) for key, item in value.items()}
    return value


def portray(value: Any) -> Any:
    """
    Bytes as their JSON form.
    """
    return {"$bytes": base64.b64encode(bytes(value)).decode()}


def write(line: dict[str, Any]) -> None:
    print(json.dumps(line, default=portray), flush=True)


class Control:
    """
    One method a command; see the end of sio.js.
    """

    def __init__(self, runner: web.AppRunner) -> None:
        self.runner = runner
        self.port = OPTIONS.get("port", 0)

    async def listen(self) -> int:
        context = None
        if tls := OPTIONS.get("tls"):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tls["cert"], tls["key"])
        host = OPTIONS.get("host", "127.0.0.1")
        self.site = web.TCPSite(self.runner, host, self.port, ssl_context=context)
        await self.site.start()
        self.port = self.runner.addresses[0][1]
        return self.port

    def sockets(self, namespace: str) -> list[str]:
        if namespace not in sio.manager.get_namespaces():
            return []
        return [sid for sid, _ in sio.manager.get_participants(namespace, None)]

    def namespaceOf(self, sid: str) -> str:
        return next(name for name in NAMESPACES if sid in self.sockets(name))

    async def stats(self) -> Any:
        sockets = {name: self.sockets(name) for name in NAMESPACES}
        engines = sio.eio.sockets.values()
        transports = ["websocket" if one.upgraded else "polling" for one in engines]
        return {"sockets": sockets, "engines": len(engines), "transports": transports}

    async def log(self) -> Any:
        return {**seen, "numbers": numbers}

    async def clearLog(self) -> None:
        for entries in (*seen.values(), numbers):
            entries.clear()

    async def kick(self, sid: str, close: bool = False) -> None:
        if close:
            await self.engineClose(sid)
        else:
            await sio.disconnect(sid, namespace=self.namespaceOf(sid))

    async def disconnectAll(self, namespace: str = "/", close: bool = False) -> None:
        for sid in self.sockets(namespace):
            await self.kick(sid, close)

    async def engineClose(self, sid: str | None = None) -> None:
        if sid is None:
            await sio.eio.disconnect()
        else:
            found = sio.manager.eio_sid_from_sid(sid, self.namespaceOf(sid))
            await sio.eio.disconnect(found)

    async def emit(
        self, event: str, args: Any = (), namespace: str = "/", sid: str | None = None
    ) -> None:
        namespace = self.namespaceOf(sid) if sid else namespace
        await sio.emit(event, tuple(args), to=sid, namespace=namespace)

    async def emitWithAck(
        self,
        event: str,
        args: Any = (),
        namespace: str = "/",
        sid: str | None = None,
        timeout: float = 2,
    ) -> Any:
        sids = [sid] if sid else self.sockets(namespace)
        where = self.namespaceOf(sid) if sid else namespace
        calls = [sio.call(event, tuple(args), to=s, namespace=where, timeout=timeout) for s in sids]
        answers = await asyncio.gather(*calls)
        return answers[0] if sid else answers

    async def stopAccepting(self) -> None:
        await self.site.stop()

    async def resumeAccepting(self) -> int:
        return await self.listen()

    async def answer(self, line: str) -> None:
        command = revive(json.loads(line))
        reply = {"id": command.pop("id", None)}
        try:
            reply["result"] = await getattr(self, command.pop("cmd"))(**command)
        except Exception as error:
            reply["error"] = repr(error)
        write(reply)


def readCommands(loop: asyncio.AbstractEventLoop, control: Control) -> None:
    """
    Hand each line of stdin to C{control}; end the process with it.
    """
    for line in sys.stdin:
        asyncio.run_coroutine_threadsafe(control.answer(line), loop)
    os._exit(0)


async def main() -> None:
    """
    Listen, say where, and obey until stdin closes.
    """
    app = web.Application()
    sio.attach(app, socketio_path=OPTIONS.get("path", "/socket.io").strip("/"))
    runner = web.AppRunner(app)
    await runner.setup()
    control = Control(runner)
    write({"port": await control.listen()})
    thread = (asyncio.get_running_loop(), control)
    threading.Thread(target=readCommands, args=thread, daemon=True).start()
    await asyncio.Event().wait()


asyncio.run(main())
