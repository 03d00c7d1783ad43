"""
What tests of every floor share: async tests with a limit, waiting for
something to become true, free ports, output of child processes.
"""

from __future__ import annotations

import functools
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater

ROOT = Path(__file__).resolve().parent.parent
"""
The checkout.
"""

TWISTD = str(Path(sys.executable).with_name("twistd"))
"""
The real C{twistd} of the environment that runs the tests.
"""


def deferred(timeout: float = 5.0) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """
    Make a test of an C{async def}, failing it after C{timeout} seconds.

    pytest-twisted's own decorator waits for ever.  Fixtures, parametrization
    and hypothesis (above this decorator) work as usual.
    """

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        @pytest_twisted.ensureDeferred
        @functools.wraps(test)
        async def run(*args: Any, **kwargs: Any) -> Any:
            from twisted.internet import reactor

            return await ensureDeferred(test(*args, **kwargs)).addTimeout(timeout, reactor)

        return run

    return decorate


def sleep(seconds: float, reactor: Any = None) -> Deferred[None]:
    """
    A Deferred that fires in C{seconds}.  For polling and for faults that take
    time by nature; not for hoping that something has happened meanwhile.
    """
    if reactor is None:
        from twisted.internet import reactor
    return deferLater(reactor, seconds)


async def until(
    predicate: Callable[[], Any], limit: float = 5.0, reactor: Any = None, every: float = 0.005
) -> Any:
    """
    Wait until C{predicate()} is true, and return what it gave.

    This is the one place where tests poll.

    @raise AssertionError: it was not true within C{limit} seconds.
    """
    if reactor is None:
        from twisted.internet import reactor
    end = reactor.seconds() + limit
    while not (value := predicate()):
        if reactor.seconds() > end:
            raise AssertionError(f"{_describe(predicate)} was not true within {limit:g} s")
        await deferLater(reactor, every)
    return value


def _describe(predicate: Callable[[], Any]) -> str:
    code = getattr(predicate, "__code__", None)
    if code is None:
        return repr(predicate)
    return f"the condition of {Path(code.co_filename).name}:{code.co_firstlineno}"


async def failureOf(awaitable: Awaitable[Any], *types: type[BaseException]) -> BaseException:
    """
    Await what must fail, and return its exception.

    @param types: what is expected; any other exception passes through.
    """
    expected = types or (Exception,)
    try:
        value = await awaitable
    except BaseException as error:
        if isinstance(error, expected):
            return error
        raise
    raise AssertionError(f"fired with {value!r}, but should have failed")


def freePort(interface: str = "127.0.0.1") -> int:
    """
    A TCP port that nobody listens on now.
    """
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((interface, 0))
        port: int = probe.getsockname()[1]
    return port


def runPython(
    *arguments: str,
    cwd: Path | str = ROOT,
    env: Mapping[str, str] | None = None,
    python: str = sys.executable,
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """
    Run a Python child to its end and capture what it says; blocks.
    """
    return run([python, *arguments], cwd=cwd, env=env, timeout=timeout)


def run(
    command: Sequence[str],
    cwd: Path | str = ROOT,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """
    Run any child to its end and capture what it says; blocks.
    """
    return subprocess.run(
        command,
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
