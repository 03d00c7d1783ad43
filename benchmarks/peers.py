"""
Lay out what the benchmarks need: a virtual environment with python-socketio,
Node packages with the reference client and server, a certificate.

    python3 benchmarks/peers.py                         only lay out
    python3 benchmarks/peers.py compare.py --quick      and run a script with it

All of it goes to the folder named by C{BENCH}, by default C{.make/bench} in
the checkout; what is there already stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BENCH = Path(os.environ.get("BENCH") or ROOT / ".make" / "bench").absolute()
PYTHON = BENCH / "venv" / "bin" / "python"
NODE = BENCH / "node"
CERTIFICATE = BENCH / "localhost.pem"

_CERTIFY = """
import sys, trustme
issued = trustme.CA().issue_cert("localhost", "127.0.0.1")
chain = issued.cert_chain_pems[0].bytes()
open(sys.argv[1], "wb").write(issued.private_key_pem.bytes() + chain)
"""


def layOut() -> None:
    """
    Make what is missing.
    """
    BENCH.mkdir(parents=True, exist_ok=True)
    _once("venv", ("requirements.txt",), _layOutPython)
    _once("node", ("package.json", "package-lock.json"), _layOutNode)


def _once(part: str, sources: tuple[str, ...], make: Callable[[], None]) -> None:
    """
    Make a part anew if what it is made from has changed.
    """
    text = b"".join((HERE / source).read_bytes() for source in sources)
    wanted = f"{hashlib.sha256(text).hexdigest()} {ROOT} {sys.version}"
    stamp = BENCH / f"{part}.stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"benchmarks: setting up {BENCH / part}", file=sys.stderr, flush=True)
        make()
        stamp.write_text(wanted)


def _layOutPython() -> None:
    venv.create(BENCH / "venv", with_pip=True, clear=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", HERE / "requirements.txt"], check=True)
    packages = next((BENCH / "venv" / "lib").glob("python3*")) / "site-packages"
    (packages / "txsocketio-checkout.pth").write_text(f"{ROOT}\n")
    subprocess.run([PYTHON, "-c", _CERTIFY, CERTIFICATE], check=True)


def _layOutNode() -> None:
    if shutil.which("node") is None:
        sys.exit("The benchmarks need Node 20 or newer on PATH, for the server and for its client.")
    NODE.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, NODE / name)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(command, cwd=NODE, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    layOut()
    if sys.argv[1:]:
        os.execv(PYTHON, [str(PYTHON), str(HERE / sys.argv[1]), *sys.argv[2:]])
