"""
Tests for L{txsocketio.bots.metrics}.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bots.lookkit import NOW, document, status
from txsocketio.bots.metrics import exposition
from txsocketio.bots.states import BotState


def samples(told: Any) -> dict[tuple[str, tuple[str, ...]], float]:
    """
    What Prometheus reads.
    """
    body, _ = exposition(told)
    return {
        (sample.name, tuple(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_theMetricsOfABotAreItsStatus() -> None:
    """
    Prometheus' own parser reads them.
    """
    lost = status(
        "lost", state=BotState.BACKING_OFF, attempt=3, nextAttempt=NOW + 4, server='a"\\\nb'
    )
    found = samples(document(status(), lost))
    ours = {key: value for key, value in found.items() if key[1][:1] == ("lost",)}
    states = {("sioclient_bot_state", ("lost", each.value)): 0.0 for each in BotState}
    assert ours == {
        **states,
        ("sioclient_bot_state", ("lost", "backing off")): 1.0,
        ("sioclient_bot_info", ("lost", "/prices", "log", 'a"\\\nb')): 1.0,
        ("sioclient_bot_state_since_seconds", ("lost",)): NOW - 65,
        ("sioclient_bot_attempt", ("lost",)): 3.0,
        ("sioclient_bot_next_attempt_seconds", ("lost",)): NOW + 4,
        ("sioclient_bot_connects_total", ("lost",)): 2.0,
        ("sioclient_bot_disconnections_total", ("lost",)): 1.0,
        ("sioclient_bot_events_in_total", ("lost",)): 40.0,
        ("sioclient_bot_emits_total", ("lost",)): 3.0,
    }
    assert ("sioclient_bot_next_attempt_seconds", ("ticker",)) not in found


def test_theMetricsOfTheDaemon() -> None:
    """
    Whether it is ready, since when it runs, and what the process uses.
    """
    found = samples(document())
    assert found["sioclient_ready", ()] == 1.0
    assert found["sioclient_start_time_seconds", ()] == NOW - 90061
    assert found["sioclient_info", ("0.1.0",)] == 1.0
    assert found["process_resident_memory_bytes", ()] > 0


def test_withoutPrometheusClientThereAreNone(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is looked for at the first scrape, not before.
    """
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError):
        exposition(document())
