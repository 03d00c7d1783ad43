"""
The Autobahn test suite, run by kosoku against our WebSocket client alone.

C{TXSOCKETIO_AUTOBAHN=all} adds the long cases: performance and compression.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTEE = Path(__file__).with_name("autobahn_testee.py")

RUN = f"""
import asyncio, json, os, sys
from kosoku import FailureError, run_fuzzingserver

async def main(cases, excluded, arguments):
    async with run_fuzzingserver(cases, excluded, port=0) as server:
        testee = await asyncio.create_subprocess_exec(
            sys.executable, {str(TESTEE)!r}, str(server.port), "txsocketio", *arguments)
        try:
            results = await asyncio.wait_for(server.get_result(), 900)
        except FailureError as error:
            results = error.results
        await testee.wait()
    return [(r.case_id, r.behavior.value, r.behavior_close.value) for r in results]

print(json.dumps(asyncio.run(main(*json.loads(sys.argv[1])))))
"""


def run(cases: list[str] | None, excluded: list[str], *arguments: str) -> list[list[str]]:
    """
    Run cases in processes of their own, because this one has a reactor.
    """
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps([cases, excluded, arguments])],
        capture_output=True,
        text=True,
        timeout=1000,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def imperfect(results: list[list[str]]) -> list[list[str]]:
    """
    The cases that are neither OK nor merely informational.
    """
    good = {"OK", "INFORMATIONAL"}
    return [result for result in results if not good.issuperset(result[1:])]


def test_everyCaseIsPassedStrictly() -> None:
    """
    All 247 cases of framing, fragments, UTF-8, closing and limits are OK or
    informational, and none is non-strict.  faults F51, F52, F60
    """
    results = run(None, ["9.*", "12.*", "13.*"])
    assert len(results) == 247
    assert imperfect(results) == []


def test_compressionCases() -> None:
    """
    A sample of the compression cases (all of them with
    C{TXSOCKETIO_AUTOBAHN=all}) is passed with permessage-deflate offered.
    faults F55
    """
    everything = os.environ.get("TXSOCKETIO_AUTOBAHN") == "all"
    cases = ["12.*", "13.*"] if everything else ["12.1.1", "12.3.4", "13.1.2", "13.4.1", "13.7.3"]
    results = run(cases, [], "deflate")
    assert results
    assert imperfect(results) == []


def test_massiveCases() -> None:
    """
    A sample of the cases with big messages and tiny chunks (all of them with
    C{TXSOCKETIO_AUTOBAHN=all}).  faults F54
    """
    everything = os.environ.get("TXSOCKETIO_AUTOBAHN") == "all"
    results = run(["9.*"] if everything else ["9.1.3", "9.2.3", "9.3.2", "9.7.1"], [])
    assert results
    assert imperfect(results) == []
