"""
A twisted.web site beside a Socket.IO client: it shows the server's events live,
by server-sent events, and has an HTTP endpoint that emits and gives the answer.

    python examples/integration/website.py http://localhost:3000 tcp:8080

Then open http://localhost:8080/ and post JSON:

    curl -d '["hello"]' http://localhost:8080/emit/echo
"""

import json
import sys
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from twisted.web.static import Data

from txsocketio import Socket, SocketIOError, io

PAGE = b"""<!doctype html><title>Live events</title><ul id="events"></ul><script>
new EventSource("/events").onmessage = (message) => {
  const line = document.createElement("li");
  line.textContent = message.data;
  document.getElementById("events").append(line);
};
</script>"""


class Events(Resource):
    def __init__(self, socket: Socket) -> None:
        super().__init__()
        self.readers: set[Request] = set()
        socket.onAny(self.tell)

    def render_GET(self, request: Request) -> int:
        request.setHeader("Content-Type", "text/event-stream")
        request.write(b": welcome\n\n")
        self.readers.add(request)
        request.notifyFinish().addErrback(lambda _: self.readers.discard(request))
        return NOT_DONE_YET

    def tell(self, event: str, *args: object) -> None:
        for request in self.readers:
            request.write(b"data: %b\n\n" % json.dumps([event, *args], default=repr).encode())


class Emit(Resource):
    isLeaf = True

    def __init__(self, socket: Socket) -> None:
        super().__init__()
        self.socket = socket

    def render_POST(self, request: Request) -> int:
        answering = Deferred.fromCoroutine(self.answer(request))
        request.notifyFinish().addErrback(lambda _: answering.cancel())  # the browser left
        answering.addErrback(lambda failure: failure.trap(CancelledError))
        return NOT_DONE_YET

    async def answer(self, request: Any) -> None:
        try:
            event = b"/".join(request.postpath).decode()
            args = json.load(request.content)
            if not isinstance(args, list):
                raise TypeError("post the arguments as an array, as in [1, 2]")
            answer = await self.socket.timeout(5).emitWithAck(event, *args)
        except (SocketIOError, ValueError, TypeError, RecursionError) as error:
            request.setResponseCode(502 if isinstance(error, SocketIOError) else 400)
            answer = {"error": str(error)}
        request.setHeader("Content-Type", "application/json")
        request.write(json.dumps(answer, default=repr).encode())
        request.finish()


async def main(reactor: object, url: str, where: str) -> None:
    socket = io(url, reactor=reactor)
    root = Resource()
    root.putChild(b"", Data(PAGE, "text/html"))
    root.putChild(b"events", Events(socket))
    root.putChild(b"emit", Emit(socket))
    await serverFromString(reactor, where).listen(Site(root))
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:] or sys.exit(__doc__))
