"""
A real C{twistd sioclient}, looked at and commanded from outside.
"""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.threads import deferToThread

from interop.daemons import SECRET, RunningDaemon, runningDaemon
from support import deferred, until


@deferred(timeout=60.0)
async def test_whatIsServedTellsHowTheBotsAre() -> None:
    """
    The page, its JSON, the probes and the metrics say the same, and no secret;
    the rule of readiness changes by a reload.
    """
    async with runningDaemon() as daemon:
        status, page = await daemon.get("")
        assert (status, 'data-bot="ticker" data-state="connected"' in page) == (200, True)
        told = json.loads((await daemon.get("status.json"))[1])
        assert [bot["state"] for bot in told["bots"]] == ["connected", "backing off"]
        assert await daemon.get("healthz") == (200, "ok\n")
        assert await daemon.get("readyz") == (503, "not ready: waiting for nowhere\n")
        status, metrics = await daemon.get("metrics")
        assert status == 200
        assert _metric(metrics, "sioclient_bot_connects_total", "ticker") == 1
        assert _metric(metrics, "sioclient_bot_connects_total", "nowhere") == 0

        daemon.write("ready = any")
        assert (await daemon.ctl("reload"))[0] == 0
        assert await daemon.get("readyz") == (200, "ready\n")

        for text in (page, json.dumps(told), metrics, daemon.log):
            assert SECRET not in text


def _metric(text: str, name: str, bot: str) -> float:
    (value,) = (
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels.get("bot") == bot
    )
    return float(value)


@deferred(timeout=60.0)
async def test_operatorsCommandIt() -> None:
    """
    By C{ctl}: a bot is paused, resumed, and connected anew; who mistypes a
    name is told which was meant.
    """
    async with runningDaemon() as daemon:
        assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
        code, table = await daemon.ctl("status")
        assert code == 1  # nowhere is not ready
        assert [line.split()[1] for line in table.splitlines()] == ["connected", "backing"]
        assert (await daemon.ctl("status", "ticker"))[0] == 0

        assert await daemon.ctl("pause", "ticker") == (0, "done\n")
        await daemon.becomes("ticker", state="stopped", why="paused by an operator")
        assert (await daemon.ctl("reconnect", "ticker"))[0] == 1
        assert await daemon.ctl("resume", "ticker") == (0, "done\n")
        await daemon.becomes("ticker", state="connected")
        sid = (await daemon.bot("ticker"))["sid"]
        assert await daemon.ctl("reconnect", "ticker") == (0, "done\n")
        while (await daemon.bot("ticker"))["sid"] in (sid, None):
            pass

        code, error = await daemon.ctl("pause", "tikcer")
        assert (code, error) == (1, 'there is no bot "tikcer"; did you mean "ticker"?\n')


@deferred(timeout=60.0)
async def test_theWireIsTracedWhileOneWants() -> None:
    """
    Both ways, from the next connection's first packet on, secrets hidden;
    switched off, nothing more comes.
    """
    async with runningDaemon("log-format = json") as daemon:
        assert (await daemon.ctl("trace", "ticker", "on"))[0] == 0
        assert (await daemon.ctl("reconnect", "ticker"))[0] == 0
        await until(lambda: '> message 0{\\"token\\":\\"(hidden)\\"}' in daemon.log, limit=10)
        await until(lambda: any("2[" in text for text in _traced(daemon)), limit=10)
        assert any(text.startswith("< open {") for text in _traced(daemon))
        assert (await daemon.ctl("trace", "ticker", "off"))[0] == 0
        before = len(_traced(daemon))
        heard = (await daemon.bot("ticker"))["counters"]["eventsIn"]
        while (await daemon.bot("ticker"))["counters"]["eventsIn"] < heard + 2:
            pass
        assert len(_traced(daemon)) == before
        assert SECRET not in daemon.log


def _records(daemon: RunningDaemon) -> list[Any]:
    return [json.loads(line) for line in daemon.log.splitlines()]


def _traced(daemon: RunningDaemon) -> list[str]:
    texts = [each["message"] for each in _records(daemon)]
    return [text for text in texts if text.startswith(("< ", "> "))]


@deferred(timeout=60.0)
async def test_everyLineOfTheLogIsJSON() -> None:
    """
    twistd's own included; those about a bot say which, and where.
    """
    async with runningDaemon("log-format = json\nlog-level = debug") as daemon:
        records = _records(daemon)
    assert {"time", "level", "logger", "message"} <= set.intersection(*map(set, records))
    (manager, *_) = (each for each in records if each["message"].startswith("Could not connect"))
    assert manager.items() >= {"bot": "nowhere", "url": "http://127.0.0.1:1"}.items()
    (connected, *_) = (each for each in records if each["message"].startswith("connected"))
    assert connected.items() >= {"bot": "ticker", "namespace": "/", "attempt": 0}.items()
    assert connected["sid"]


@deferred(timeout=60.0)
async def test_hostileVisitorsAreSentAway() -> None:
    """
    Of the control endpoint and of the page; the daemon goes on.
    """
    async with runningDaemon() as daemon:
        request = b"POST / HTTP/1.1\r\n\r\n" + b'{"command": "pause", "bot": "ticker"}\n'
        answer = await deferToThread(_say, str(daemon.socket), request)
        assert json.loads(answer) == {"ok": False, "error": "not a line of JSON"}
        port = ("127.0.0.1", int(daemon.url.split(":")[2].strip("/")))
        body = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\nx"
        assert b" 413 " in (await deferToThread(_say, port, body)).splitlines()[0]
        assert (await daemon.bot("ticker"))["state"] == "connected"


@deferred(timeout=60.0)
async def test_whoCommandsAndNeverReadsIsMadeToWait() -> None:
    """
    Answers that nobody reads fill the socket's buffers, and not our memory.
    """
    async with runningDaemon() as daemon:
        before = _memory(daemon.process.pid)
        sent = await deferToThread(_flood, str(daemon.socket), b'{"command": "status"}\n')
        assert sent < 2 * 1024 * 1024
        assert _memory(daemon.process.pid) < before + 8 * 1024
        assert (await daemon.ctl("status", "ticker"))[0] == 0


def _flood(path: str, command: bytes) -> int:
    """
    @return: how many bytes were taken until nothing was for a second.
    """
    with socket.socket(socket.AF_UNIX) as talking:
        talking.settimeout(1)
        talking.connect(path)
        sent = 0
        try:
            while sent < 16 * 1024 * 1024:
                sent += talking.send(command * 1000)
        except TimeoutError:
            pass
        return sent


def _memory(pid: int) -> int:
    """
    @return: KiB of a process.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def _say(address: Any, data: bytes) -> bytes:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as talking:
        talking.settimeout(10)
        talking.connect(address)
        talking.sendall(data)
        answer = b""
        while data := talking.recv(65536):
            answer += data
    return answer
