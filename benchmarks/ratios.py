"""
From single runs to ratios one may believe: medians of pairs, and how sure they are.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rows import BEST, CPU, IMPORT_CPU, MEMORY, NODE, P50, SIO, US, Row, Target

RESAMPLES = 4000
SEED = 20260101

Result = dict[str, Any]
Rounds = list[dict[str, Result]]

_METRICS: dict[str, Callable[[Result], float]] = {
    CPU: lambda result: result["cpu"] / result["n"] * 1e6,
    P50: lambda result: result["p50"] * 1e6,
    MEMORY: lambda result: result["memory"] / 1024,
    IMPORT_CPU: lambda result: result["cpu"] * 1e3,
}


@dataclass(frozen=True)
class Estimate:
    """
    A median with its bootstrap 95 % interval.
    """

    median: float
    low: float
    high: float
    pairs: int


@dataclass(frozen=True)
class Verdict:
    """
    A target, and what was reached.
    """

    target: Target
    reached: Estimate

    @property
    def word(self) -> str:
        """
        Whether it is met; C{perhaps} when the interval holds both answers.
        """
        if self.reached.high <= self.target.factor:
            return "met"
        return "missed" if self.reached.low > self.target.factor else "perhaps"


def byRow(results: Iterable[Result]) -> dict[str, Rounds]:
    """
    Successful results as row -> rounds -> client.
    """
    rows: dict[str, dict[int, dict[str, Result]]] = {}
    for result in results:
        if "error" not in result:
            rounds = rows.setdefault(result["row"], {})
            rounds.setdefault(result["round"], {})[result["client"]] = result
    return {name: list(rounds.values()) for name, rounds in rows.items()}


def medianOf(rounds: Rounds, client: str, metric: str) -> float | None:
    """
    The median of one client, in the metric's unit.
    """
    values = [_METRICS[metric](each[client]) for each in rounds if client in each]
    return statistics.median(values) if values else None


def ratio(rounds: Rounds, base: str | None, metric: str) -> Estimate | None:
    """
    What we cost divided by what the base costs, pair by pair.
    """
    pairs = [_pair(each, base, metric) for each in rounds]
    known = [pair for pair in pairs if pair is not None]
    return estimate(known) if known else None


def _pair(results: dict[str, Result], base: str | None, metric: str) -> float | None:
    value = _METRICS[metric]
    if US not in results:
        return None
    if base is None:
        return value(results[US])
    names = (NODE, SIO) if base == BEST else (base,)
    others = [value(results[name]) for name in names if name in results]
    return value(results[US]) / min(others) if others else None


def estimate(values: Sequence[float]) -> Estimate:
    """
    The median and how far it might be off.
    """
    chance = random.Random(SEED)
    count = len(values)
    medians = sorted(
        statistics.median(chance.choices(values, k=count)) for _ in range(RESAMPLES)
    )
    low, high = medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975) - 1]
    return Estimate(statistics.median(values), low, high, count)


def verdicts(row: Row, rounds: Rounds) -> list[Verdict]:
    """
    Every target of a row with what was reached.
    """
    found = [(target, ratio(rounds, target.base, target.metric)) for target in row.targets]
    return [Verdict(target, reached) for target, reached in found if reached is not None]
