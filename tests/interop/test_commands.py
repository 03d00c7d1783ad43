"""
The one-shot commands as users run them: processes, against the reference
server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.threads import deferToThread

import tlskit
from interop.servers import ServerProcess
from interop.wires import SecureServers, secureServers, servers
from proxykit import ConnectProxy, SocksProxy
from support import ROOT, deferred, freePort
from wirekit import Servers

__all__ = ["secureServers", "servers"]

pytestmark = pytest.mark.node

PROGRAM = [sys.executable, "-m", "txsocketio"]

SECRET = "hunter22-never-shown"

LIMIT = 30.0

Result = subprocess.CompletedProcess[str]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def run(*words: str, stdin: str = "", **environ: str) -> Result:
    return subprocess.run(
        [*PROGRAM, *words],
        env=environment(**environ),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def records(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


class Running:
    """
    A command that is still running.
    """

    def __init__(self, *words: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, *words],
            env=environment(**environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._killer = threading.Timer(LIMIT, self.process.kill)
        self._killer.start()

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")

    def line(self) -> Any:
        """
        The next line of the output.
        """
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        """
        How it ends, after a signal if there is one: exit status, rest of the
        output, errors.
        """
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, err

    def stop(self) -> None:
        self._killer.cancel()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def begin() -> Iterator[Callable[..., Running]]:
    """
    Begin commands that end with the test.
    """
    made: list[Running] = []

    def make(*words: str, **environ: str) -> Running:
        made.append(Running(*words, **environ))
        return made[-1]

    yield make
    for each in made:
        each.stop()


# what they do


def test_call(nodeServer: ServerProcess) -> None:
    """
    The server's answer is on the standard output, and nothing else anywhere.
    """
    done = run("call", nodeServer.url, "echoAll", '{"a": [1.5, null]}', '{"base64": "AP8="}')
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [{"a": [1.5, None]}, {"base64": "AP8="}]


def test_callsFromLines(nodeServer: ServerProcess) -> None:
    """
    One call a line, in order.
    """
    lines = '["echo", "ö"]\n\n{"event": "echo", "args": [2]}\n'
    done = run("call", nodeServer.url, "--lines", stdin=lines)
    assert (done.returncode, done.stderr) == (0, "")
    assert records(done.stdout) == [
        {"event": "echo", "answer": "ö"},
        {"event": "echo", "answer": 2},
    ]


@pytest.mark.parametrize("transports", ["polling", "websocket", "polling,websocket"])
@deferred(LIMIT)
async def test_emitWaitsUntilItIsRead(nodeServer: ServerProcess, transports: str) -> None:
    """
    All of the events are read by the server before the command leaves: it
    drops those that it reads together with our leaving.
    """
    count = 3000
    await nodeServer.control("clearLog")
    lines = "".join(f'["numbered", {n}]\n' for n in range(count))
    words = ("emit", nodeServer.url, "--lines", "--transports", transports)
    done = await deferToThread(run, *words, stdin=lines)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (await nodeServer.control("log"))["numbers"] == list(range(count))


def test_listenAndEmitAsAConversation(
    nodeServer: ServerProcess, begin: Callable[..., Running]
) -> None:
    """
    What C{listen} writes C{emit} reads; a line is there as soon as its event.
    """
    listening = begin("listen", f"{nodeServer.url}/abc", "--count", "1")
    event = listening.line()
    assert (event["namespace"], event["event"]) == ("/abc", "handshake")
    assert listening.end() == (0, "", "")
    done = run("emit", nodeServer.url, "--lines", stdin=json.dumps(event) + "\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_callWaitsForTheNextLine(nodeServer: ServerProcess, begin: Callable[..., Running]) -> None:
    """
    A program may write a line, read the answer, and go on.
    """
    calling = begin("call", nodeServer.url, "--lines")
    for n in range(3):
        calling.say(f'["echo", {n}]')
        assert calling.line() == {"event": "echo", "answer": n}
    assert calling.end() == (0, "", "")


@pytest.mark.parametrize("transports", ["polling", "websocket", "polling,websocket"])
def test_transports(nodeServer: ServerProcess, transports: str) -> None:
    """
    The transports are those asked for, and headers and query arrive.
    """
    done = run(
        "call", nodeServer.url, "getHandshake", "--transports", transports,
        "--header", "X-Mine: yes", "--query", "k=v",
    )  # fmt: skip
    handshake = json.loads(done.stdout)
    assert handshake["headers"]["x-mine"] == "yes"
    assert handshake["query"]["k"] == "v"
    assert handshake["query"]["transport"] == transports.partition(",")[0]


def test_consoleScript(nodeServer: ServerProcess) -> None:
    """
    C{sioclient} is the same program.
    """
    script = str(Path(sys.executable).with_name("sioclient"))
    done = subprocess.run(
        [script, "call", nodeServer.url, "echo", "1"],
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


# exit statuses


def test_refused(nodeServer: ServerProcess) -> None:
    """
    4: the server refuses the namespace, and its words are told.
    """
    done = run("listen", f"{nodeServer.url}/no")
    assert (done.returncode, done.stdout) == (4, "")
    assert "Auth failed (custom namespace)" in done.stderr


def test_unreached() -> None:
    """
    3: nobody is there.
    """
    done = run("emit", f"http://127.0.0.1:{freePort()}", "x")
    assert (done.returncode, done.stdout) == (3, "")
    assert "connection refused" in done.stderr


def test_unanswered(nodeServer: ServerProcess) -> None:
    """
    5: the answer does not come in time.
    """
    done = run("call", nodeServer.url, "silence", "--timeout", "0.5")
    assert (done.returncode, done.stdout) == (5, "")


def test_kicked(nodeServer: ServerProcess) -> None:
    """
    6: the server ends the connection.
    """
    done = run("call", nodeServer.url, "kickMe")
    assert (done.returncode, done.stdout) == (6, "")
    assert "io server disconnect" in done.stderr


def test_badLine(nodeServer: ServerProcess) -> None:
    """
    7: a line is not an event; those before it were sent.
    """
    done = run("call", nodeServer.url, "--lines", stdin='["echo", 1]\nnix\n')
    assert (done.returncode, len(records(done.stdout))) == (7, 1)
    assert "line 2 of the input" in done.stderr


def test_fullDisk(nodeServer: ServerProcess) -> None:
    """
    8: the output cannot be written.
    """
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, "call", nodeServer.url, "echo", "1"],
            env=environment(), stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=LIMIT, check=False,
        )  # fmt: skip
    assert done.returncode == 8
    assert "No space left on device" in done.stderr


def test_nobodyReads(nodeServer: ServerProcess, begin: Callable[..., Running]) -> None:
    """
    Like every program, it ends when the next one in the pipe has ended.
    """
    listening = begin("listen", f"{nodeServer.url}/abc", "--reconnect")
    listening.line()
    assert listening.process.stdout is not None
    listening.process.stdout.close()
    for _ in range(2):
        nodeServer.ask("emit", namespace="/abc", event="more")
    assert listening.process.wait(LIMIT) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_signals(
    nodeServer: ServerProcess, begin: Callable[..., Running], number: signal.Signals
) -> None:
    """
    A signal ends a command at once and properly: the server sees it leave.
    """
    listening = begin("listen", f"{nodeServer.url}/abc")
    listening.line()
    mine = nodeServer.ask("log")["handshakes"][-1]["id"]
    assert listening.end(number) == (128 + number, "", "")
    # The server is shared: what others left may run out at any moment.
    left = [each for each in nodeServer.ask("log")["disconnects"] if each["id"] == mine]
    assert [each["reason"] for each in left] == ["client namespace disconnect"]


@pytest.mark.parametrize("command", ["listen", "probe"])
def test_signalWhileConnecting(
    nodeServer: ServerProcess, begin: Callable[..., Running], command: str
) -> None:
    """
    It ends at once while there is no connection yet, too.
    """
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        trying = begin(command, f"http://127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(2 if command == "probe" else 1):  # probe's step tcp is the first
            silent.accept()
        assert trying.end(signal.SIGTERM)[0] == 143


def test_reconnects(newServer: Callable[..., ServerProcess], begin: Callable[..., Running]) -> None:
    """
    With C{--reconnect} a restart of the server is survived.
    """
    server = newServer("sio")
    listening = begin(
        "listen", f"{server.url}/abc", "--reconnect", "--option", "reconnectionDelay=0.1"
    )
    listening.line()
    server.slay()
    server.launch()
    assert listening.line()["event"] == "handshake"
    assert listening.end(signal.SIGINT)[0] == 130


# secrets


def test_secretsAreNotShown(
    nodeServer: ServerProcess, begin: Callable[..., Running], tmp_path: Path
) -> None:
    """
    The process's command line has no secret when it comes from the
    environment or a file, nor has any output, though the server got both.
    """
    (tmp_path / "key").write_text(f"{SECRET}-2\n")
    listening = begin(
        "listen", f"{nodeServer.url}/abc", "--auth", "token=${TOKEN}",
        "--query", f"key=@{tmp_path}/key", "--verbose", TOKEN=SECRET,
    )  # fmt: skip
    handshake, *_ = listening.line()["args"]
    assert handshake["auth"] == {"token": SECRET}
    assert handshake["query"]["key"] == f"{SECRET}-2"
    words = Path(f"/proc/{listening.process.pid}/cmdline").read_bytes()
    assert b"listen" in words and SECRET.encode() not in words
    code, out, err = listening.end(signal.SIGTERM)
    assert (code, SECRET in out + err) == (143, False)


@pytest.mark.parametrize("command", ["call", "probe"])
def test_secretsOfAFailureAreNotShown(nodeServer: ServerProcess, command: str) -> None:
    """
    What fails does not tell the secret it failed with.
    """
    words = ["x"] if command == "call" else ["--no-heartbeat"]
    done = run(
        command, f"{nodeServer.url}/no?pw=${{TOKEN}}", *words, "--auth", "token=${TOKEN}",
        "--header", "Authorization: Bearer ${TOKEN}", "--verbose", TOKEN=SECRET,
    )  # fmt: skip
    assert done.returncode == (4 if command == "call" else 17)
    assert SECRET not in done.stdout + done.stderr


# TLS and proxies


def caFile(tmp_path: Path) -> str:
    return tlskit.write(tmp_path, "trusted.pem", tlskit.caPEM())


def test_tls(secureServers: SecureServers, tmp_path: Path) -> None:
    """
    A server whose authority is trusted by C{--ca}.
    """
    server = secureServers.get(tlskit.certificateFor("localhost"))
    done = run("call", server.url, "echo", "1", "--ca", caFile(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_untrusted(secureServers: SecureServers) -> None:
    """
    A server that is not trusted is not spoken to, unless that was asked for,
    with a warning.
    """
    server = secureServers.get(tlskit.unknown())
    done = run("call", server.url, "echo", "1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "certificate verify failed" in done.stderr
    done = run("call", server.url, "echo", "1", "--insecure")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "are NOT verified" in done.stderr


def test_clientCertificate(secureServers: SecureServers, tmp_path: Path) -> None:
    """
    A server that wants a certificate of ours gets it.
    """
    wants = {"requestCert": True, "rejectUnauthorized": True}
    server = secureServers.get(tlskit.certificateFor("localhost"), tls=wants)
    leaf = tlskit.clientCertificate()
    cert = tlskit.write(tmp_path, "client.pem", tlskit.chainPEM(leaf))
    key = tlskit.write(tmp_path, "client.key", tlskit.keyPEM(leaf, SECRET))
    words = ["--ca", caFile(tmp_path), "--cert", cert, "--key", key]
    done = run(
        "call", server.url, "echo", "1", *words, "--passphrase", "${PASS}", PASS=SECRET
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


CREDENTIALS = ("me", SECRET)


@pytest.mark.parametrize(
    ("scheme", "factory"), [("http", ConnectProxy), ("socks5", SocksProxy)], ids=["http", "socks5"]
)
@deferred(LIMIT)
async def test_proxy(
    servers: Servers, nodeServer: ServerProcess, scheme: str, factory: Any
) -> None:
    """
    Through a proxy that wants a password, which is nowhere shown.
    """
    proxy = factory(CREDENTIALS)
    port = await servers.tcp(proxy)
    url = f"{scheme}://me:${{PW}}@localhost:{port}"
    words = ("call", nodeServer.url, "echo", "1", "--proxy", url)
    done = await deferToThread(run, *words, PW=SECRET)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert {target[1] for target in proxy.targets} == {nodeServer.port}
    done = await deferToThread(run, *words, PW="wrong-password")
    assert done.returncode == 3
    assert "wrong-password" not in done.stderr


# probe


def probe(url: str, *words: str, **environ: str) -> tuple[int, dict[str, Any], Any]:
    """
    The exit status, the steps by their names, and the last line.
    """
    done = run("probe", url, "--json", *words, **environ)
    *steps, last = records(done.stdout)
    assert last["status"] == done.returncode
    return done.returncode, {each["step"]: each for each in steps}, last


def outcomes(steps: dict[str, Any]) -> dict[str, str]:
    return {name: each["outcome"] for name, each in steps.items()}


def test_probeOfAGoodServer(newServer: Callable[..., ServerProcess]) -> None:
    """
    Everything that there is works, each step with its time and facts.
    """
    server = newServer("sio", pingInterval=300)
    status, steps, last = probe(f"{server.url}/foo")
    assert (status, last["ok"]) == (0, True)
    assert outcomes(steps) == {
        "url": "ok", "dns": "ok", "tcp": "ok", "proxy": "skipped", "tls": "skipped",
        "handshake": "ok", "upgrade": "ok", "namespace": "ok", "heartbeat": "ok",
    }  # fmt: skip
    assert all("seconds" in each for each in steps.values() if each["outcome"] == "ok")
    assert "127.0.0.1" in steps["dns"]["facts"]["addresses"]
    assert steps["handshake"]["facts"]["pingInterval"] == 0.3
    assert 0.2 < steps["heartbeat"]["facts"]["after"] < 3


def test_probeForAPerson(nodeServer: ServerProcess) -> None:
    """
    A line a step, and what it comes to.
    """
    done = run("probe", f"{nodeServer.url}/no", "--no-heartbeat")
    assert (done.returncode, done.stderr) == (17, "")
    assert "namespace  failed" in done.stdout
    assert "hint: " in done.stdout
    assert done.stdout.endswith("the first that failed: namespace\n")


def test_probeOfTLS(secureServers: SecureServers, tmp_path: Path) -> None:
    """
    The certificate's facts are told.
    """
    server = secureServers.get(tlskit.certificateFor("localhost"))
    words = ("--ca", caFile(tmp_path), "--no-heartbeat")
    status, steps, _ = probe(server.url, *words)
    assert status == 0
    facts = steps["tls"]["facts"]
    assert (facts["certificate"]["names"], facts["verified"]) == (["localhost"], True)
    assert facts["version"].startswith("TLSv1.")


BAD = {
    "expired": (tlskit.expired, "has expired"),
    "unknown": (tlskit.unknown, "certificate verify failed"),
    "name": (lambda: tlskit.certificateFor("other.example"), "other.example"),
}


@pytest.mark.parametrize("which", BAD)
def test_probeOfABadCertificate(secureServers: SecureServers, tmp_path: Path, which: str) -> None:
    """
    What is wrong with a certificate is told, with its facts; no step after it
    is tried.
    """
    leaf, said = BAD[which]
    server = secureServers.get(leaf())
    status, steps, _ = probe(server.url, "--ca", caFile(tmp_path))
    assert (status, steps["tls"]["outcome"]) == (14, "failed")
    assert said in steps["tls"]["text"]
    assert steps["tls"]["facts"]["certificate"]["notAfter"]
    assert steps["handshake"]["outcome"] == "not tried"


def test_probeOfNobody() -> None:
    """
    Nothing listens.
    """
    status, steps, _ = probe(f"http://127.0.0.1:{freePort()}")
    assert status == 12
    assert "connection refused" in steps["tcp"]["text"]


def test_probeOfAnUnknownName() -> None:
    """
    There is no such host.
    """
    assert probe("http://nosuch.invalid")[0] == 11


def test_probeOfABadURL() -> None:
    """
    The URL is none.
    """
    assert probe("localhost:3000")[0] == 10


def test_probeOfAnotherPath(nodeServer: ServerProcess) -> None:
    """
    Somebody accepts, but no Socket.IO server; Node leaves us without an answer.
    """
    status, steps, _ = probe(nodeServer.url, "--path", "/elsewhere", "--timeout", "1")
    assert status == 15
    assert "not reached within 1 s" in steps["handshake"]["text"]


def test_probeWithoutUpgrade(newServer: Callable[..., ServerProcess]) -> None:
    """
    A server without WebSocket works, and it is told.
    """
    server = newServer("sio", allowUpgrades=False)
    status, steps, _ = probe(server.url, "--no-heartbeat")
    assert (status, steps["upgrade"]["outcome"]) == (0, "skipped")
    assert "offers none" in steps["upgrade"]["text"]


@deferred(LIMIT)
async def test_probeThroughAProxy(servers: Servers, nodeServer: ServerProcess) -> None:
    """
    The proxy is a step of its own.
    """
    port = await servers.tcp(ConnectProxy(CREDENTIALS))
    words = (nodeServer.url, "--no-heartbeat", "--proxy", f"http://me:${{PW}}@localhost:{port}")
    status, steps, _ = await deferToThread(probe, *words, PW=SECRET)
    assert (status, steps["proxy"]["outcome"]) == (0, "ok")
    assert SECRET not in str(steps)
    status, steps, _ = await deferToThread(probe, *words, PW="wrong-password")
    assert (status, steps["proxy"]["outcome"]) == (13, "failed")


# ctl


def test_ctl(tmp_path: Path) -> None:
    """
    C{ctl} is the daemon's client, with its exit statuses.
    """
    done = run("ctl", "--control", str(tmp_path / "none"), "status")
    assert done.returncode == 3
    assert "the daemon cannot be reached" in done.stderr
