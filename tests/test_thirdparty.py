"""
A plugin package of somebody else, installed beside ours into a fresh virtual
environment, is found in both ways and run by C{twistd sioclient}.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bots.peerkit import serving
from support import ROOT, deferred, run, until
from test_packaging import LEFT_OUT, TWISTD, Environment, must

pytestmark = pytest.mark.packaging

PACKAGE = ROOT / "examples" / "bots" / "greeter"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """
    One with our package and theirs.
    """
    folder = tmp_path_factory.mktemp("thirdparty")
    made = Environment(folder)
    for name, source in (("ours", ROOT), ("theirs", PACKAGE)):
        shutil.copytree(source, folder / name, ignore=LEFT_OUT)
        made.install(str(folder / name))
    yield made


def test_itIsFoundInBothWays(environment: Environment) -> None:
    """
    By its entry point, and by its file in twisted/plugins.
    """
    listed = environment.twistd("sioclient", "--list-plugins").splitlines()
    assert "greeter  (entry point)  Greet everyone who joins." in listed
    assert "shouter  (twisted.plugin)  Repeat what is said, louder." in listed


def test_itsOptionsAreChecked(environment: Environment, tmp_path: Path) -> None:
    """
    By its own schema, with line and hint.
    """
    file = tmp_path / "bots.ini"
    file.write_text(
        "[bot:a]\nurl = http://127.0.0.1:1\nplugin = greeter\ngreting = hi\ntimes = 0\n"
    )
    checking = [environment.python, "-c", TWISTD, "sioclient", "--check", "--config", str(file)]
    checked = run(checking, cwd=tmp_path)
    said = checked.stdout + checked.stderr
    assert checked.returncode == 2, said
    assert 'did you mean "greeting"?' in said and "must be a whole number, 1 or more" in said


def test_itsOwnTestsPass(environment: Environment) -> None:
    """
    In memory, as the how-to shows.
    """
    folder = environment.folder / "theirs"
    testing = [environment.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    assert "1 passed" in must(run(testing, cwd=folder))


@deferred(30)
async def test_itRunsInTheDaemon(environment: Environment, tmp_path: Path) -> None:
    """
    Both bots do what they are for; the end is a good one.
    """
    async with serving() as server:
        server.on("connection", lambda client: client.emit("say", "psst"))
        file = tmp_path / "bots.ini"
        file.write_text(
            f"[DEFAULT]\nurl = {server.url}\ntransports = websocket\n"
            "[bot:polite]\nplugin = greeter\ngreeting = good day,\n"
            "[bot:loud]\nplugin = shouter\n"
        )
        command = (environment.python, "-c", TWISTD, "-n", "--pidfile=", "sioclient")
        daemon = subprocess.Popen(
            [*command, "--config", str(file)],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            await until(lambda: ("register", "polite") in received(server), 20)
            await until(lambda: ("shout", "PSST") in received(server), 20)
            server.emit("join", "Ada")
            await until(lambda: ("say", "good day, Ada") in received(server), 20)
            daemon.send_signal(signal.SIGTERM)
            await until(lambda: daemon.poll() is not None, 20)
        finally:
            daemon.kill()
            output, _ = daemon.communicate()
        assert daemon.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM), output
        assert "greeted 1 people" in output


def received(server: Any) -> list[Any]:
    return [(each.event, *each.args) for each in server.received]
