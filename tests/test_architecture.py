"""
The laws of the house, as properties of its files.

import-linter (C{make floors}) says the same and more; this says it to those
who run the tests only.  Both read the one list of floors in pyproject.toml.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT, runPython

PACKAGE = ROOT / "txsocketio"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS = SETTINGS["importlinter"]["contracts"]
TYPES_ONLY = next(each for each in CONTRACTS if each["type"] == "layers")["ignore_imports"]
GROUND = ("protocol", "options", "errors")
REACTIVE = {"twisted", "zope", "treq", "autobahn", "txaio"}

FILES = sorted(PACKAGE.rglob("*.py"))


def roomOf(path: Path) -> str:
    """
    The room a file belongs to: its first name below the package.
    """
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """
    Every module a file imports, wherever in the file, as a dotted name.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(path: Path) -> set[str]:
    """
    What a file imports when it runs: nothing that is there for types only.
    """
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    running = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {f"{node.module}.{alias.name}" for node in running for alias in node.names}


def floors() -> dict[str, tuple[int, bool]]:
    """
    Room -> (height, whether it may import its neighbours).
    """
    layers = next(contract for contract in CONTRACTS if contract["type"] == "layers")["layers"]
    found = {}
    for height, layer in enumerate(reversed(layers)):
        for room in re.findall(r"txsocketio\.(\w+)", layer):
            found[room] = (height, ":" in layer)
    return found


FLOORS = floors()


def mayImport(importer: str, imported: str) -> bool:
    """
    The law: only downstairs, or within the room, or to a friendly neighbour.
    """
    here, friendly = FLOORS[importer]
    there, _ = FLOORS[imported]
    return importer == imported or here > there or (here == there and friendly)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


inside = [path for path in FILES if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", inside, ids=named)
def test_importOnlyDownstairs(path: Path) -> None:
    """
    No file imports from a floor above its own, nor from the front door.
    """
    for name in imports(path):
        root, _, rest = name.partition(".")
        if root != "txsocketio":
            continue
        room = rest.partition(".")[0]
        assert (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file(), (
            f"{named(path)} imports {name}: from the front door"
        )
        assert room in FLOORS, f"{named(path)} imports {name}: a room without a floor"
        if f"txsocketio.{roomOf(path)} -> txsocketio.{room}" in TYPES_ONLY:
            assert name not in imported(path), f"{named(path)} imports {name}: not downstairs"
            continue
        assert mayImport(roomOf(path), room), f"{named(path)} imports {name}: not downstairs"


@pytest.mark.parametrize("room", sorted({roomOf(path) for path in inside}))
def test_everyRoomHasItsFloor(room: str) -> None:
    """
    Each room is in the list of layers of pyproject.toml.
    """
    assert room in FLOORS, f"give txsocketio.{room} its place in the layers of pyproject.toml"


@pytest.mark.parametrize("path", [p for p in inside if roomOf(p) in GROUND], ids=named)
def test_groundFloorKnowsNoTwisted(path: Path) -> None:
    """
    The ground floor can be used by anyone, with any kind of I/O.
    """
    assert not REACTIVE & {name.partition(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", inside, ids=named)
def test_onlyOneRoomKnowsAutobahn(path: Path) -> None:
    """
    Autobahn stays behind the WebSocket transport; all else could do without.
    """
    knows = {"autobahn", "txaio"} & {name.partition(".")[0] for name in imports(path)}
    assert not knows or roomOf(path) in ("transports", "testing")


def reactorImports(tree: ast.Module) -> Iterator[int]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "twisted.internet":
            yield from (node.lineno for alias in node.names if alias.name == "reactor")
        elif isinstance(node, ast.Import):
            yield from (node.lineno for a in node.names if a.name == "twisted.internet.reactor")


@pytest.mark.parametrize("path", FILES, ids=named)
def test_noReactorAtImport(path: Path) -> None:
    """
    The global reactor is looked up when it is first needed, not before.
    """
    assert not list(reactorImports(ast.parse(path.read_text())))


@pytest.mark.parametrize("module", ["txsocketio", "txsocketio.interfaces"])
def test_lightToImport(module: str) -> None:
    """
    What every twistd command of every user imports costs next to nothing.
    """
    heavy = "'treq', 'autobahn', 'twisted.internet', 'orjson'"
    code = f"import sys, {module}; print(*[m for m in ({heavy}) if m in sys.modules])"
    done = runPython("-c", code)
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr


def test_wholeHouseInstallsNoReactor() -> None:
    """
    Importing every module of the package leaves the choice of reactor open.
    """
    modules = [named(p)[:-3].replace("/", ".").removesuffix(".__init__") for p in FILES]
    code = f"import sys, {', '.join(modules)}; print('twisted.internet.reactor' in sys.modules)"
    done = runPython("-c", code)
    assert (done.stdout.strip(), done.returncode) == ("False", 0), done.stderr


Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def undocumented(tree: ast.Module) -> Iterator[str]:
    """
    Public classes and functions of a module without a docstring.

    Methods are not asked: one that fulfils an interface has its docstring
    there.
    """
    if not ast.get_docstring(tree):
        yield "the module itself"
    for node in tree.body:
        if isinstance(node, Documented) and not node.name.startswith("_"):
            if not ast.get_docstring(node) and not isOverload(node):
                yield f"{node.name}, line {node.lineno}"


def isOverload(node: Documented) -> bool:
    return any("overload" in ast.unparse(d) for d in node.decorator_list)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_everyPublicThingIsDocumented(path: Path) -> None:
    """
    Every module, and every public class and function in it, says what it is
    for.
    """
    assert not list(undocumented(ast.parse(path.read_text())))
