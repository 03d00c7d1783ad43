"""
A klein application: its routes are coroutines that await the server's answer.

    python examples/integration/kleinapp.py http://localhost:3000 tcp:8080

Then: curl http://localhost:8080/echo/hello.  The server answers "echo".
"""

import json
import sys

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Site

from txsocketio import Socket, SocketIOError, io


class Application:
    app = Klein()

    def __init__(self, socket: Socket) -> None:
        self.socket = socket

    @app.route("/")
    def state(self, request: IRequest) -> str:
        return f"{self.socket.state}: {self.socket.why}\n"

    @app.route("/<event>/<text>")
    async def answer(self, request: IRequest, event: str, text: str) -> str:
        request.setHeader("Content-Type", "application/json")
        return json.dumps(await self.socket.timeout(5).emitWithAck(event, text))

    @app.handle_errors(SocketIOError)
    def failed(self, request: IRequest, failure: Failure) -> str:
        request.setResponseCode(502)
        return json.dumps({"error": str(failure.value)})


async def main(reactor: object, url: str, where: str) -> None:
    application = Application(io(url, reactor=reactor))
    await serverFromString(reactor, where).listen(Site(application.app.resource()))
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
