"""
Tests for L{txsocketio.bots.watching}, over real endpoints of this machine.
"""

from __future__ import annotations

import json
import socket as sockets
import stat
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import succeed
from twisted.internet.endpoints import UNIXClientEndpoint

from bots.lookkit import document
from support import deferred, freePort
from txsocketio.bots.asking import ask
from txsocketio.bots.config import parseConfig
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.descriptions import DaemonDescription
from txsocketio.bots.loader import Plugins
from txsocketio.bots.readiness import Readiness
from txsocketio.bots.said import Said
from txsocketio.bots.substitute import Substitution
from txsocketio.bots.watching import checkEndpoints, watch


def daemonWith(**settings: Any) -> BotDaemon:
    from twisted.internet import reactor

    return BotDaemon((), Plugins(), reactor, settings)


async def fetch(url: str) -> str:
    from urllib.request import urlopen

    from twisted.internet.threads import deferToThread

    def look() -> str:
        with urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())

    return str(await deferToThread(look))


@deferred()
async def test_nothingIsServedUnlessTheFileSaysSo() -> None:
    """
    A daemon opens no port by itself.
    """
    daemon = daemonWith()
    watch(daemon, daemon.reactor)
    assert list(daemon) == []


@deferred(timeout=15.0)
async def test_thePageIsServedAsLongAsTheDaemonRuns() -> None:
    """
    Nothing listens before it starts, and nothing after its end.
    """
    port = freePort()
    daemon = daemonWith(status=f"tcp:{port}:interface=127.0.0.1", metrics=False)
    watch(daemon, daemon.reactor)
    url = f"http://127.0.0.1:{port}/"
    with pytest.raises(OSError):
        await fetch(url)
    daemon.startService()
    try:
        assert "Socket.IO bots" in await fetch(url)
        assert json.loads(await fetch(url + "status.json"))["bots"] == []
        with pytest.raises(OSError, match="404"):
            await fetch(url + "metrics")
    finally:
        await daemon.stopService()
    with pytest.raises(OSError):
        await fetch(url)


@deferred(timeout=15.0)
async def test_operatorsAreHeard(tmp_path: Path) -> None:
    """
    On a unix socket that is its owner's alone; who looks for others has them
    asked.
    """
    path = tmp_path / "c.sock"
    daemon = daemonWith(control=f"unix:{path}")
    told = document()
    watch(daemon, daemon.reactor, lambda: succeed(told))
    daemon.startService()
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        endpoint = UNIXClientEndpoint(daemon.reactor, str(path))
        answer = await ask(endpoint, {"command": "status"})
        assert answer == {"ok": True, "result": told}
    finally:
        await daemon.stopService()
    assert not path.exists()


@deferred()
async def test_aPortThatIsTakenEndsTheStart() -> None:
    """
    In one sentence, which names the key.
    """
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        description = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        daemon = daemonWith(status=description)
        watch(daemon, daemon.reactor)
        with pytest.raises(SystemExit) as caught:
            daemon.privilegedStartService()
    assert str(caught.value) == (
        f"[daemon] status = {description}: cannot listen there: Address already in use; "
        "is the daemon running already?"
    )


def test_aFolderThatIsNotThereEndsTheStart(tmp_path: Path) -> None:
    """
    In one sentence, too.
    """
    daemon = daemonWith(control=f"unix:{tmp_path}/no/c.sock")
    watch(daemon, daemon.reactor)
    with pytest.raises(SystemExit) as caught:
        daemon.privilegedStartService()
    assert str(caught.value).endswith("/no/c.sock: cannot listen there: No such file or directory")


@deferred()
async def test_theRuleOfReadinessMayChange() -> None:
    """
    A reload takes it over: it is asked for at every look.
    """
    daemon = daemonWith()
    watch(daemon, daemon.reactor)
    daemon.settings["ready"] = Readiness("any")
    daemon.adjustable["ready"](Readiness("any"))


def mistakesIn(section: str) -> list[str]:
    text = f"[bot:a]\nurl = http://h\nplugin = log\n[daemon]\n{section}"
    substitution = Substitution({"TOKEN": "hunter22:x"}, Path())
    read = parseConfig(text, "b.ini", Plugins().find, substitution)
    return [str(each) for each in checkEndpoints(read)]


def test_whatIsNoEndpointIsAMistake() -> None:
    """
    Found before anything is started, with its line.
    """
    (wrong,) = mistakesIn("status = tcp:1\ncontrol = nosuch:1")
    assert wrong.startswith("b.ini:6: [daemon] control: is no endpoint: ValueError: ")
    assert mistakesIn("status = tcp:1\nready = all") == []


def test_aSecretThatIsNoEndpointIsNotShown() -> None:
    """
    Somebody gave the wrong variable.
    """
    (wrong,) = mistakesIn("status = ${TOKEN}")
    assert wrong == "b.ini:5: [daemon] status: is no endpoint (its value is not shown)"


def test_aWorkerServesWhatItsSeatSays() -> None:
    """
    And not what the file says to its supervisor.
    """
    said = (Said("daemon", "status", "nosuch:1", line=5),)
    assert checkEndpoints(DaemonDescription("b.ini", (), {}, said)) == []

