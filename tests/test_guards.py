"""
The guards of conftest.py notice what pytest-twisted does not.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, TimeoutError, ensureDeferred

from support import ROOT, deferred, failureOf, runPython, sleep, until

CASES = {
    "call": "reactor.callLater(60, print)",
    "port": "reactor.listenTCP(0, Factory())",
    "failure": "Logger().failure('x', Failure(ValueError('logged')))",
    "dropped": "fail(ValueError('dropped'))",
    "process": "reactor.spawnProcess(ProcessProtocol(), '/bin/sleep', ['sleep', '60'])",
}

TEMPLATE = """
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from support import deferred

@deferred(timeout=0.2)
async def test_it():
    {body}

def test_after():
    pass
"""


def runCase(folder: Path, body: str) -> str:
    """
    Run one test with our conftest in a child, and return its output.
    """
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "test_case.py").write_text(textwrap.dedent(TEMPLATE).format(body=body))
    command = ["-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder)]
    return runPython(*command, "-p", "no:cacheprovider", str(folder)).stdout


@pytest.mark.parametrize("what", CASES)
def test_leftoverIsNoticed(what: str, tmp_path: Path) -> None:
    """
    A test that leaves something behind is an error; the next one is not.
    """
    output = runCase(tmp_path, CASES[what])
    assert "2 passed, 1 error" in output, output


def test_hangingTestFails(tmp_path: Path) -> None:
    """
    A test whose Deferred never fires fails at its limit.
    """
    output = runCase(tmp_path, "await Deferred()")
    assert "1 failed, 1 passed" in output, output


def test_flushedFailureIsExpected(failures: list[object]) -> None:
    """
    A logged failure that the test flushes is no error.
    """
    ensureDeferred(failureRaising())
    assert [f.type for f in failures.flush(ValueError)] == [ValueError]  # type: ignore[attr-defined]


async def failureRaising() -> None:
    raise ValueError("dropped on purpose")


@deferred()
async def test_untilReturnsTheValue() -> None:
    """
    Waiting for a condition gives what the condition gave.
    """
    seen: list[int] = []
    waiting = ensureDeferred(until(lambda: seen and seen[0]))
    await sleep(0)
    seen.append(7)
    assert await waiting == 7


@deferred()
async def test_untilSaysWhichConditionFailed() -> None:
    """
    A condition that stays false is named by file and line.
    """
    error = await failureOf(until(lambda: False, limit=0.01), AssertionError)
    assert "test_guards.py:" in str(error)


@deferred()
async def test_failureOfGivesTheError() -> None:
    """
    The exception of what must fail can be looked at.
    """
    from twisted.internet import reactor

    never: Deferred[None] = Deferred()
    assert isinstance(await failureOf(never.addTimeout(0.01, reactor)), TimeoutError)
