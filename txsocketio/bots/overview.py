"""
What a supervisor shows of all its workers: one document, and so one status
page, one pair of probes, one set of metrics.
"""

from __future__ import annotations

from txsocketio.bots.document import Source, sourceOf
from txsocketio.bots.supervisor import Supervisor

__all__ = ["overviewOf"]


def overviewOf(supervisor: Supervisor) -> Source:
    """
    What asks all workers at every call, and makes one document of it.
    """
    look = sourceOf(supervisor)
    return lambda: supervisor.refresh().addCallback(lambda _: look())
