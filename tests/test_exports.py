"""
The front door shows what it declares, and each room too.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import txsocketio
from support import runPython

PROMISED = {"io", "Manager", "Socket", "SocketIOService", "Bot", "on", "SocketIOError"}
NAMES = [
    info.name
    for info in pkgutil.walk_packages(txsocketio.__path__, "txsocketio.")
    if not info.name.rpartition(".")[2].startswith("_")
]


def test_theDoorKeepsItsPromise() -> None:
    """
    What users type most is importable from the package itself.
    """
    assert PROMISED <= set(txsocketio.__all__)


def test_theDoorIsSorted() -> None:
    """
    No name is declared twice.
    """
    assert len(txsocketio.__all__) == len(set(txsocketio.__all__))


@pytest.mark.parametrize("name", getattr(txsocketio, "__all__", []))
def test_everyDeclaredNameIsThere(name: str) -> None:
    """
    C{from txsocketio import name} works for each declared name, and tab
    completion shows it.
    """
    assert getattr(txsocketio, name) is not None
    assert name in dir(txsocketio)


def test_starImport() -> None:
    """
    C{from txsocketio import *} gives the declared names and nothing else.
    """
    code = (
        "import txsocketio; space = {}; exec('from txsocketio import *', space);"
        "print(sorted(set(space) - {'__builtins__'}) == sorted(txsocketio.__all__))"
    )
    done = runPython("-c", code)
    assert done.stdout.strip() == "True", done.stderr


def test_unknownName() -> None:
    """
    A misspelt name is an AttributeError that names it, as for any module.
    """
    with pytest.raises(AttributeError, match="Sokcet"):
        _ = txsocketio.Sokcet


def test_aNameLoadsOnlyItsRoom() -> None:
    """
    The door is lazy: an error class costs no network library.
    """
    code = (
        "import sys; from txsocketio import SocketIOError;"
        "print([m for m in ('treq', 'autobahn', 'twisted.internet') if m in sys.modules])"
    )
    done = runPython("-c", code)
    assert done.stdout.strip() == "[]", done.stderr


def ownPublicNames(module: ModuleType) -> set[str]:
    """
    Public classes and functions that a module defines itself.
    """
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
        and getattr(value, "__qualname__", None) == name
    }


@pytest.mark.parametrize("name", NAMES)
def test_everyRoomHasWhatItDeclares(name: str) -> None:
    """
    Each name in a module's C{__all__} exists.
    """
    module = importlib.import_module(name)
    missing = [each for each in getattr(module, "__all__", []) if not hasattr(module, each)]
    assert not missing


@pytest.mark.parametrize(
    "name",
    [
        "txsocketio.errors",
        "txsocketio.interfaces",
        "txsocketio.options",
        "txsocketio.protocol.engineio",
        "txsocketio.protocol.socketio",
    ],
)
def test_publicModulesDeclareWhatTheyShow(name: str) -> None:
    """
    In the modules that are public by their own names, C{__all__} leaves no
    public class or function out.
    """
    module = importlib.import_module(name)
    hidden = ownPublicNames(module) - set(getattr(module, "__all__", ()))
    assert not hidden - {"described", "excerpt"}
