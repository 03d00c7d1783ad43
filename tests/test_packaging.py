"""
What is released works where it is installed: wheel, sdist and editable each
give a C{twistd sioclient} in a fresh virtual environment, and go without a
trace.

The environments see the libraries of the one that runs the tests, so that
only our own distribution is installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import ROOT, run, runPython

pytestmark = pytest.mark.packaging

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "node_modules", "build", "dist", "*.egg-info", "__pycache__", ".*_cache"
)
TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"


def must(done: subprocess.CompletedProcess[str]) -> str:
    """
    The output of a child that must have succeeded.
    """
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Distributions:
    """
    What a release consists of, and the checkout it was built from.
    """

    checkout: Path
    sdist: Path
    wheel: Path
    wheelOfSdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """
    The distributions, built from a copy of the checkout.
    """
    folder = tmp_path_factory.mktemp("built")
    checkout = folder / "checkout"
    shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
    build = ("-m", "build", "--no-isolation")
    must(runPython(*build, "--outdir", str(folder / "released"), str(checkout), cwd=folder))
    must(runPython(*build, "--wheel", "-o", str(folder / "direct"), str(checkout), cwd=folder))
    return Distributions(
        checkout=checkout,
        sdist=next((folder / "released").glob("*.tar.gz")),
        wheel=next((folder / "direct").glob("*.whl")),
        wheelOfSdist=next((folder / "released").glob("*.whl")),
    )


class Environment:
    """
    A fresh virtual environment that borrows our libraries.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        must(runPython("-m", "venv", "--without-pip", str(folder / "venv"), cwd=folder))
        self.python = str(folder / "venv" / "bin" / "python")
        site = self.run("import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        self.site = Path(site)
        (self.site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(self, code: str, *arguments: str) -> str:
        return must(run([self.python, "-c", code, *arguments], cwd=self.folder))

    def pip(self, *arguments: str) -> None:
        pip = [sys.executable, "-m", "pip", "--python", self.python, "--disable-pip-version-check"]
        must(run([*pip, *arguments], cwd=self.folder))

    def install(self, *what: str) -> None:
        # The borrowed libraries may hold an editable txsocketio: it does not count.
        options = ("--no-index", "--no-deps", "--no-build-isolation", "--force-reinstall")
        self.pip("install", *options, *what)

    def twistd(self, *arguments: str) -> str:
        return self.run(TWISTD, *arguments)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


HOW = {
    "wheel": lambda built: [str(built.wheel)],
    "sdist": lambda built: [str(built.sdist)],
    "editable": lambda built: ["--editable", str(built.checkout)],
}


@pytest.mark.parametrize("how", HOW)
def test_installAndUninstall(how: str, built: Distributions, environment: Environment) -> None:
    """
    After installing, C{twistd} has C{sioclient} and it can be asked for help;
    after uninstalling, it has not, and Twisted is whole.
    """
    environment.install(*HOW[how](built))
    assert "sioclient" in environment.twistd("--help")
    assert "--config" in environment.twistd("sioclient", "--help")
    environment.pip("uninstall", "--yes", "txsocketio")
    assert "sioclient" not in environment.twistd("--help")
    environment.run("import twisted.internet.reactor, twisted.web.client, twisted.plugins")
    assert not list(environment.site.rglob("*txsocketio*"))


def test_installedIsWhatRuns(built: Distributions, environment: Environment) -> None:
    """
    The wheel's modules are those imported, typed marker included.
    """
    environment.install(str(built.wheel))
    where = environment.run("import txsocketio; print(txsocketio.__file__)").strip()
    assert Path(where).parent == environment.site / "txsocketio"
    assert (environment.site / "txsocketio" / "py.typed").is_file()


def test_noInitInTwisted(built: Distributions) -> None:
    """
    The wheel adds one file to Twisted's folder of plugins, and nothing that
    would make a package of it.
    """
    names = zipfile.ZipFile(built.wheel).namelist()
    ours = [name for name in names if name.startswith("twisted/")]
    assert ours == ["twisted/plugins/txsocketio_plugin.py"]


def test_sdistMakesTheSameWheel(built: Distributions) -> None:
    """
    Nothing that the package needs is missing from the sdist.
    """
    direct, released = (
        sorted(zipfile.ZipFile(wheel).namelist()) for wheel in (built.wheel, built.wheelOfSdist)
    )
    assert direct == released


def test_sdistHasTheTests(built: Distributions) -> None:
    """
    Who packages us for a distribution can run the suite.
    """
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "tests/conftest.py", "tests/interop/servers/node/sio.js"} <= names
    assert not [name for name in names if "node_modules" in name]
