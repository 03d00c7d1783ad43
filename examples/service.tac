"""
A socket as a Twisted service, in an application of its own.

    SERVER=http://localhost:3000 twistd -noy examples/service.tac

The server answers "echo", and sends "hi" back.  Stopping sends what waits,
then disconnects.
"""

import os

from twisted.application.service import Application
from twisted.logger import Logger

from txsocketio import Socket, SocketIOService

log = Logger("example")


def setup(socket: Socket) -> None:
    async def connected() -> None:
        answer = await socket.emitWithAck("echo", "hello")
        log.info("the server echoes {answer}", answer=answer)

    socket.on("connect", connected)
    socket.on("hi", lambda: log.info("the server says hi"))


application = Application("example")
service = SocketIOService(os.environ.get("SERVER", "http://localhost:3000"), setup)
service.setServiceParent(application)
