"""
The checklist of a release.

    python scripts/release.py prepare 0.2.0
    python scripts/release.py [--quick]

C{prepare} writes the version and the changelog, and leaves both to be read and
committed.  Without it, the last commit is checked and built; C{--quick} leaves
out the suite.  Nothing is uploaded; the last lines say how.

It stops at the first point that is not met, with exit status 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOOR = Path("txsocketio") / "__init__.py"
PYTHONS = ("3.11", "3.12", "3.13")

# What must work where nothing but the release and its libraries is installed.
SMOKE = """
import txsocketio
from twisted.internet.task import Clock
from txsocketio.testing import MemoryServer
server = MemoryServer(Clock())
server.on("connection", lambda client: client.on("add", lambda a, b: a + b))
answers = []
server.connect().emitWithAck("add", 1, 2).addCallback(answers.append)
server.flush()
assert answers == [3], answers
print(txsocketio.__version__)
"""


class NotMet(Exception):
    """
    A point of the checklist is not met; the message says what to do.
    """


# what must be so


def demandClean(root: Path) -> None:
    """
    Nothing is changed and uncommitted: what is checked is what is released.
    """
    status = said("git", "status", "--porcelain", cwd=root)
    if status:
        raise NotMet(f"commit or put away first:\n{status}")


def fragments(root: Path) -> list[Path]:
    """
    The news that wait for a release.
    """
    kinds = r"\.(removal|feature|bugfix|doc|misc)(\.\d+)?\.rst$"
    return [each for each in sorted((root / "changes").iterdir()) if re.search(kinds, each.name)]


def demandHigher(version: str, present: str) -> None:
    """
    It is a version, and higher than the present one unless that was never
    released.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise NotMet(f"{version!r} is not a version: it has three numbers, as in 0.2.0")
    if numbers(version) < numbers(present):
        raise NotMet(f"{version} is lower than {present}, the version of txsocketio/__init__.py")


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split("."))


def versionOf(root: Path) -> str:
    found = re.search(r'^__version__ = "(.+)"$', (root / DOOR).read_text(), re.MULTILINE)
    assert found
    return found[1]


# to prepare


def prepare(root: Path, version: str) -> None:
    """
    Write the version and the changelog.
    """
    demandClean(root)
    demandHigher(version, versionOf(root))
    if said("git", "tag", "--list", f"v{version}", cwd=root):
        raise NotMet(f"there is a tag v{version} already")
    if not fragments(root):
        raise NotMet("there is no news: write a fragment into changes/, as changes/README.rst says")
    door = root / DOOR
    door.write_text(door.read_text().replace(f'"{versionOf(root)}"', f'"{version}"', 1))
    do("towncrier", "build", "--yes", "--version", version, cwd=root)
    print(f"\nRead CHANGELOG.rst, commit, and run: make release   ({version})")


# to check


def check(root: Path, quick: bool) -> None:
    """
    Check the last commit and build what would be released.
    """
    point("nothing is uncommitted")
    demandClean(root)
    version = versionOf(root)
    if not quick:
        for python, venv in pythons():
            point(f"the suite and the guards, by {python}")
            do("make", "check", f"PYTHON={python}", f"VENV={venv}", cwd=root)
    point("the documentation, without a warning")
    do("make", "docs", cwd=root)
    point(f"sdist and wheel of {version}, from the last commit alone")
    dist = root / "dist"
    built = build(root, dist)
    point("twine's checks")
    do(sys.executable, "-m", "twine", "check", "--strict", *map(str, built))
    for each in built:
        point(f"{each.name} in a fresh environment")
        tryOut(each, version)
    print("\nAll points are met.")
    if waiting := fragments(root):
        print(f"{len(waiting)} fragments wait in changes/: they are not in this; prepare first.")
    print("What is left to you:")
    print(f"  git tag v{version} && git push --tags")
    print(f"  python -m twine upload {' '.join(str(each.relative_to(root)) for each in built)}")


def pythons() -> list[tuple[str, str]]:
    """
    The supported ones that are installed, and where their environment is; the
    one that runs us is C{.venv}'s.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = [(sys._base_executable, ".venv")]  # type: ignore[attr-defined]
    for version in PYTHONS:
        python = pythonOf(version)
        if version != own and python:
            found.append((python, f".venv-{version}"))
        elif version != own:
            print(f"    python{version} is not installed here: not tested by it")
    return found


def pythonOf(version: str) -> str | None:
    """
    On PATH, or among those that pyenv has installed; pyenv's names on PATH
    need not start.
    """
    installed = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for each in (shutil.which(f"python{version}"), *sorted(map(str, installed))):
        if each and subprocess.run([each, "-c", ""], capture_output=True).returncode == 0:
            return each
    return None


def build(root: Path, dist: Path) -> list[Path]:
    """
    Build from an export, so that no stray file is released.
    """
    shutil.rmtree(dist, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", "HEAD"], cwd=root, check=True, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        do(sys.executable, "-m", "build", "--outdir", str(dist), folder)
    built = sorted(dist.iterdir())
    if [each.suffix for each in built] != [".whl", ".gz"]:
        raise NotMet(f"expected one wheel and one sdist, got {[each.name for each in built]}")
    return built


def tryOut(distribution: Path, version: str) -> None:
    """
    Install it where nothing is, and use it.
    """
    with tempfile.TemporaryDirectory() as folder:
        do(sys.executable, "-m", "venv", folder)
        bin = Path(folder) / "bin"
        do(str(bin / "python"), "-m", "pip", "install", "--quiet", str(distribution), cwd=folder)
        seen = said(str(bin / "python"), "-c", SMOKE, cwd=folder)
        if seen != version:
            raise NotMet(f"{distribution.name} says that it is {seen}, not {version}")
        if "bots" not in said(str(bin / "twistd"), "sioclient", "--help", cwd=folder):
            raise NotMet(f"{distribution.name}: twistd has no sioclient")


# running


def point(text: str) -> None:
    print(f"\n[ ] {text}", flush=True)


def do(*command: str, cwd: str | Path | None = None) -> None:
    """
    Run a command; its output is for whoever watches.
    """
    # Not the checkout: what is installed is what counts.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if command[0] == "make":
        # A make of its own, not a part of ours.
        environment = {k: v for k, v in environment.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    if command[0] == "towncrier":
        command = (sys.executable, "-m", *command)
    done = subprocess.run(command, cwd=cwd, env=environment)
    if done.returncode:
        raise NotMet(f"failed, with status {done.returncode}: {' '.join(command)}")


def said(*command: str, cwd: str | Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise NotMet(f"failed: {' '.join(command)[:200]}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="The checklist of a release; uploads nothing.")
    parser.add_argument("--quick", action="store_true", help="leave out the suite")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("prepare", help="write version and changelog").add_argument("version")
    options = parser.parse_args(arguments)
    try:
        if options.command == "prepare":
            prepare(root, options.version)
        else:
            check(root, options.quick)
    except NotMet as why:
        print(f"\nNot released: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
