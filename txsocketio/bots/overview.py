"""
What a supervisor shows of all its workers: one status page, one status.json,
one pair of probes, one set of metrics.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService
from twisted.application.strports import service

from txsocketio.bots.document import Source, documentOf
from txsocketio.bots.readiness import Readiness
from txsocketio.bots.supervisor import Supervisor
from txsocketio.bots.web import buildSite

__all__ = ["overviewOf", "serveOverview"]


def overviewOf(supervisor: Supervisor) -> Source:
    """
    What asks all workers at every call, and makes one document of it.
    """
    started = supervisor.reactor.seconds()

    def document(_: object) -> Any:
        rule = supervisor.settings.get("ready") or Readiness()
        return documentOf(supervisor, rule, started)

    return lambda: supervisor.refresh().addCallback(document)


def serveOverview(supervisor: Supervisor, reactor: Any) -> None:
    """
    Serve it where C{status} of the C{[daemon]} section says.
    """
    settings = supervisor.settings
    supervisor.adjustable["ready"] = lambda value: None  # asked for when it matters
    if "status" in settings:
        site = buildSite(overviewOf(supervisor), reactor, settings.get("metrics", True))
        serving: IService = service(_ownersOnly(settings["status"]), site, reactor)
        serving.setServiceParent(supervisor)


def _ownersOnly(description: str) -> str:
    """
    A unix socket is for its owner, unless its description says otherwise.
    """
    isOpen = description.startswith("unix:") and ":mode=" not in description
    return description + ":mode=600" if isOpen else description
