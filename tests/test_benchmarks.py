"""
The packet path stays as fast as it was, and the benchmarks themselves work.

Nothing here looks at wall time: C{benchmarks/packetpath.py} compares CPU of
one process with CPU of the same process, milliseconds apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT, runPython

BENCHMARKS = ROOT / "benchmarks"
PACKETPATH = str(BENCHMARKS / "packetpath.py")
LIMIT = 120.0


def test_packetPath() -> None:
    """
    A packet costs at most a quarter more than recorded.  If that is meant to
    be, C{python benchmarks/packetpath.py --record} makes the new record.
    """
    done = runPython(PACKETPATH, "--check", timeout=LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_slowerPacketsAreNoticed(tmp_path: Path) -> None:
    """
    Every way of a packet that got half as slow again fails the check.
    """
    records = json.loads((BENCHMARKS / "packetpath.json").read_text())
    for ratios in records["ratios"].values():
        ratios |= {path: ratio / 1.5 for path, ratio in ratios.items()}
    faster = tmp_path / "record.json"
    faster.write_text(json.dumps(records))
    done = runPython(PACKETPATH, "--check", "--against", str(faster), timeout=LIMIT)
    assert done.returncode == 1
    assert [f"packets ({path})" in done.stderr for path in ("in", "out", "ack")] == [True] * 3


@pytest.fixture
def atTheBenchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    Their modules can be imported for one test.
    """
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def results(ours: list[float], theirs: list[float]) -> list[dict[str, object]]:
    """
    Rounds of one row, as a run keeps them.
    """
    return [
        {"row": "in-real", "client": client, "round": number, "n": 1, "cpu": cpu}
        for client, costs in (("txsocketio", ours), ("Node", theirs))
        for number, cpu in enumerate(costs)
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "word"),
    [
        ([1.0] * 5, [2.0] * 5, "met"),
        ([3.0] * 5, [2.0] * 5, "missed"),
        ([1.0, 3.0, 2.1], [2.0] * 3, "perhaps"),
    ],
)
@pytest.mark.usefixtures("atTheBenchmarks")
def test_verdict(ours: list[float], theirs: list[float], word: str) -> None:
    """
    A target is met or missed only if the whole interval says so.
    """
    import ratios
    import rows

    row = next(row for row in rows.ROWS if row.name == "in-real")
    rounds = ratios.byRow(results(ours, theirs))["in-real"]
    assert [verdict.word for verdict in ratios.verdicts(row, rounds)] == [word]


@pytest.mark.usefixtures("atTheBenchmarks")
def test_pairsOfOneRoundAreCompared() -> None:
    """
    A machine that gets slower from round to round does not change the ratio.
    """
    import ratios

    rounds = ratios.byRow(results([1.0, 10.0, 100.0], [2.0, 20.0, 200.0]))["in-real"]
    found = ratios.ratio(rounds, "Node", "cpu")
    assert (found.low, found.median, found.high) == (0.5, 0.5, 0.5)


@pytest.mark.usefixtures("atTheBenchmarks")
def test_failedRunsAreShown() -> None:
    """
    A client that failed has its error in the table, and no figures.
    """
    import tables

    failed = {"row": "in-real", "client": "Node", "round": 0, "error": "it exploded"}
    assert "Node failed: it exploded" in tables.plain(tables.lines([failed]))
    assert "Node failed: it exploded" in tables.restructured(tables.lines([failed]))


def test_growth() -> None:
    """
    An event costs the same however many namespaces, other listeners, pending
    acknowledgements, buffered packets and connections there are; and payload
    and listeners cost no more than their number.
    """
    done = runPython(str(BENCHMARKS / "growth.py"), "--quick", timeout=LIMIT)
    assert done.returncode == 0, done.stderr


def test_micro() -> None:
    """
    The single steps of a packet's way can be measured.
    """
    done = runPython(str(BENCHMARKS / "micro.py"), "--quick", timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    assert "WebSocket in, small" in done.stdout
