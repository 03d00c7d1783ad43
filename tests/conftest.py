"""
The guards around every test: a clean reactor, no failure unnoticed.

pytest-twisted by itself notices neither a call left on the reactor, nor an
open socket, nor a logged failure, nor a failed Deferred that was dropped.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.task import deferLater
from twisted.logger import globalLogBeginner, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

GRACE_TURNS = 10
GRACE_SECONDS = 0.005
"""
How often, and how far apart, an unclean reactor is looked at again: the other
end of a connection in the same process needs some turns to notice its end.
"""


# which tests run


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-node",
        action="store_true",
        help="leave out the tests against the Node servers (a machine without Node)",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Unstarted, Twisted's logging keeps the last 65,536 events, and with their
    # failures every frame and Deferred in them, so that none is ever dropped.
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--no-node"):
        for item in items:
            if item.get_closest_marker("node"):
                item.add_marker(pytest.mark.skip(reason="--no-node was chosen"))


def pytest_collection_finish(session: pytest.Session) -> None:
    # What exists before the first test is never garbage; frozen, it makes the
    # full collection after each test cheap.
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not config.getoption("--no-node"):
        return
    reports = terminalreporter.stats.get("skipped", ())
    skipped = [report for report in reports if "--no-node" in str(report.longrepr)]
    terminalreporter.section("NODE TESTS LEFT OUT", red=True, bold=True)
    terminalreporter.line(f"--no-node was chosen: {len(skipped)} tests against the reference")
    terminalreporter.line("server did not run. This run proves nothing about interoperability.")


# what is logged


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """
    The events that are logged during the test, as the log has them.
    """
    events: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


# what a test may leave behind


class LoggedFailures(list[Failure]):
    """
    The failures logged during one test.  Those it expects, it flushes.
    """

    def flush(self, *types: type[BaseException]) -> list[Failure]:
        """
        Take out and return the failures of these types (all, without types),
        as trial's C{flushLoggedErrors}.  Dropped Deferreds count as logged.
        """
        gc.collect()
        taken = [f for f in self if not types or f.check(*types)]
        self[:] = [f for f in self if f not in taken]
        return taken


def _inUse(reactor: Any) -> set[Any]:
    """
    What the reactor waits for: delayed calls, selectables, children.
    """
    from twisted.internet import process

    selectables = {*reactor.getReaders(), *reactor.getWriters()}
    selectables -= set(getattr(reactor, "_internalReaders", ()))
    return {*reactor.getDelayedCalls(), *selectables, *process.reapProcessHandlers.values()}


def _leftovers(reactor: Any, before: set[Any]) -> set[Any]:
    left = _inUse(reactor) - before
    for _ in range(GRACE_TURNS if left else 0):
        pytest_twisted.blockon(deferLater(reactor, GRACE_SECONDS))
        left = _inUse(reactor) - before
        if not left:
            break
    return left


def _sweep(reactor: Any, left: set[Any]) -> None:
    """
    Keep one test's leftovers from failing the tests after it.
    """
    for thing in left:
        if hasattr(thing, "cancel"):
            thing.cancel()
        elif hasattr(thing, "fileno"):
            reactor.removeReader(thing)
            reactor.removeWriter(thing)
        elif hasattr(thing, "signalProcess"):
            thing.signalProcess("KILL")


def _complain(left: set[Any], failures: list[Failure]) -> None:
    lines = [f"left on the reactor: {thing}" for thing in left]
    lines += [f"logged and not flushed: {f.getTraceback()}" for f in failures]
    if lines:
        pytest.fail("the test was not clean\n" + "\n".join(lines), pytrace=False)


@pytest.fixture(autouse=True)
def failures(request: pytest.FixtureRequest) -> Iterator[LoggedFailures]:
    """
    Fail the test if it leaves anything on the reactor, logs a failure, or
    drops a failed Deferred.  A test that expects a logged failure asks for
    this fixture and calls C{failures.flush(ExpectedError)}.
    """
    from twisted.internet import reactor

    logged = LoggedFailures()

    def observe(event: Any) -> None:
        if event.get("log_failure") is not None:
            logged.append(event["log_failure"])

    before = _inUse(reactor)
    globalLogPublisher.addObserver(observe)
    yield logged
    left = _leftovers(reactor, before)
    gc.collect()
    globalLogPublisher.removeObserver(observe)
    _sweep(reactor, left)
    # trial checks logged errors itself, and knows which of them were flushed.
    ownChecks = isinstance(request.instance, SynchronousTestCase)
    _complain(left, [] if ownChecks else logged)


@pytest.fixture
def flushLoggedErrors(failures: LoggedFailures) -> Any:
    """
    trial's C{flushLoggedErrors}, for tests that are functions.
    """
    return failures.flush


@pytest.fixture(autouse=True, scope="session")
def _plainEnvironment() -> None:
    # A proxy of the developer's machine must not get between a test and its server.
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)
