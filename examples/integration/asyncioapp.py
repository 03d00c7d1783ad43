"""
The asyncio reactor, beside an asyncio library: an aiohttp server whose answers
come from a Socket.IO server.

    python examples/integration/asyncioapp.py http://localhost:3000 8080

Then: curl http://localhost:8080/echo/hello.  The server answers "echo".
"""

import asyncio
import sys

from twisted.internet import asyncioreactor

asyncioreactor.install()  # before anything that imports the reactor

from aiohttp import web  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402
from twisted.internet.task import react  # noqa: E402

from txsocketio import Socket, SocketIOError, io  # noqa: E402


def application(socket: Socket) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        event, text = request.match_info["event"], request.match_info["text"]
        asking = socket.timeout(5).emitWithAck(event, text)
        try:
            # asyncio awaits futures: every Deferred can be one.
            return web.json_response(await asking.asFuture(asyncio.get_running_loop()))
        except SocketIOError as error:
            return web.json_response({"error": str(error)}, status=502)

    app = web.Application()
    app.router.add_get("/{event}/{text}", answer)
    return app


async def serve(socket: Socket, port: int) -> None:
    runner = web.AppRunner(application(socket))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()


async def main(reactor: object, url: str, port: str) -> None:
    socket = io(url, reactor=reactor)
    # Twisted awaits Deferreds: every asyncio coroutine can be one.
    serving = asyncio.ensure_future(serve(socket, int(port)))
    await Deferred.fromFuture(serving)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
