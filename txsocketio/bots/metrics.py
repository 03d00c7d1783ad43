"""
A status document as Prometheus metrics.

Gauges and counters are read from the document at every scrape, so that they
cannot drift away from what is.

C{prometheus_client} is the extra C{metrics}, imported when first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from txsocketio.bots.document import Document
from txsocketio.bots.states import BotState

__all__ = ["exposition"]

_COUNTERS = {
    "connects": "Sessions that were ready.",
    "disconnections": "Sessions that ended.",
    "eventsIn": "Events received.",
    "emits": "Events sent.",
}

Values = list[tuple[list[str], float]]
"""Of one bot: what the labels say beside its name, and the value."""


def exposition(document: Document) -> tuple[bytes, str]:
    """
    @return: the metrics of a document, and their content type.
    @raise ImportError: C{prometheus_client} is not installed.
    """
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.process_collector import ProcessCollector

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Collector(document))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Collector:
    """
    The metrics of one document.
    """

    def __init__(self, document: Document) -> None:
        self._document = document

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        document = self._document
        yield GaugeMetricFamily(
            "sioclient_ready",
            "Whether those bots are connected that must be.",
            document["ready"],
        )
        yield GaugeMetricFamily(
            "sioclient_start_time_seconds", "When the daemon started.", document["started"]
        )
        info = GaugeMetricFamily("sioclient_info", "The daemon.", labels=["version"])
        info.add_metric([document["version"]], 1)
        yield info
        yield from _ofBots(document["bots"])


def _ofBots(bots: list[Mapping[str, Any]]) -> Iterator[Any]:
    yield _gauge("info", "The bot.", ["server", "namespace", "plugin"], bots, _info)
    yield _gauge("state", "1 for the state the bot is in.", ["state"], bots, _states)
    yield _gauge("state_since_seconds", "When that began.", [], bots, _since)
    yield _gauge("attempt", "The attempt to connect again.", [], bots, _attempt)
    yield _gauge("next_attempt_seconds", "When the next one is due.", [], bots, _next)
    yield from (_counter(name, meaning, bots) for name, meaning in _COUNTERS.items())


def _info(bot: Mapping[str, Any]) -> Values:
    return [([bot["server"], bot["namespace"], bot["plugin"]], 1)]


def _states(bot: Mapping[str, Any]) -> Values:
    return [([state.value], float(state.value == bot["state"])) for state in BotState]


def _since(bot: Mapping[str, Any]) -> Values:
    return [([], bot["since"])]


def _attempt(bot: Mapping[str, Any]) -> Values:
    return [([], bot["attempt"])]


def _next(bot: Mapping[str, Any]) -> Values:
    due = bot["nextAttempt"]
    return [] if due is None else [([], due)]


def _gauge(
    name: str, meaning: str, labels: list[str], bots: list[Mapping[str, Any]], values: Any
) -> Any:
    """
    @param values: gives of a bot the values, each with what its labels say.
    """
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"sioclient_bot_{name}", meaning, labels=["bot", *labels])
    for bot in bots:
        for said, value in values(bot):
            family.add_metric([bot["name"], *said], value)
    return family


def _counter(name: str, meaning: str, bots: list[Mapping[str, Any]]) -> Any:
    from prometheus_client.core import CounterMetricFamily

    words = re.sub("[A-Z]", lambda match: "_" + match[0].lower(), name)
    family = CounterMetricFamily(f"sioclient_bot_{words}", meaning, labels=["bot"])
    for bot in bots:
        family.add_metric([bot["name"]], bot["counters"][name])
    return family
