"""
What is served beside the bots, put together: the status page and the control
endpoint, each on its endpoint.
"""

from __future__ import annotations

from typing import Any, NoReturn

from twisted.application.service import IService, MultiService
from twisted.application.strports import service
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError

from txsocketio.bots.control import Commands, ControlFactory
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.descriptions import DaemonDescription
from txsocketio.bots.document import Source, sourceOf
from txsocketio.bots.keys import ownersOnly
from txsocketio.bots.mistakes import Mistake
from txsocketio.bots.web import buildSite

__all__ = ["checkEndpoints", "watch"]


def watch(daemon: BotDaemon, reactor: Any, source: Source | None = None) -> None:
    """
    Serve what the C{[daemon]} section says, as long as the daemon runs.

    A port that cannot be had ends the start.

    @param source: gives the document, if it is not the daemon itself that
        knows it.
    """
    settings = daemon.settings
    source = source or sourceOf(daemon)
    # Asked for when it matters.
    daemon.adjustable["ready"] = lambda value: None
    if "status" in settings:
        site = buildSite(source, reactor, settings["metrics"])
        _serve(daemon, "status", site, reactor)
    if "control" in settings:
        factory = ControlFactory(Commands(daemon, source), reactor)
        _serve(daemon, "control", factory, reactor)


def _serve(daemon: BotDaemon, key: str, factory: Any, reactor: Any) -> None:
    description = daemon.settings[key]
    factory.noisy = False  # the port itself is told of
    listening: IService = service(ownersOnly(description), factory, reactor)
    serving = _Serving(f"[daemon] {key} = {description}")
    listening.setServiceParent(serving)
    serving.setServiceParent(daemon)


class _Serving(MultiService):
    """
    Ends the start of the process in one sentence, where there is no port to be
    had.
    """

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def privilegedStartService(self) -> None:
        try:
            super().privilegedStartService()
        except CannotListenError as error:
            reason = getattr(error.socketError, "strerror", None) or error.socketError
            self._end(f"{reason}; is the daemon running already?")
        except OSError as error:  # the folder of a unix socket
            self._end(error.strerror)

    def _end(self, why: str | None) -> NoReturn:
        raise SystemExit(f"{self._what}: cannot listen there: {why}") from None


def checkEndpoints(description: DaemonDescription) -> list[Mistake]:
    """
    Whether something could be served where the C{[daemon]} section says; what
    reads the file knows no endpoints.
    """
    wrong = []
    for each in description.said:
        if each.key not in ("status", "control") or each.key not in description.settings:
            continue
        try:
            serverFromString(None, description.settings[each.key])
        except Exception as error:  # anybody's endpoint parser
            why = " (its value is not shown)" if each.put else f": {type(error).__name__}: {error}"
            text = f"is no endpoint{why}"
            wrong.append(Mistake(description.file, each.line, each.section, each.key, text))
    return wrong
