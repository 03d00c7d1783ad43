"""
The API documentation, by pydoctor: C{python scripts/apidocs.py FOLDER}.

Every link must resolve, and no network is asked.  What a docstring links
outside of txsocketio is looked up where it is installed, in Python or in
Twisted, and goes into an inventory that is made here; so a link to a name that
Twisted no longer has is a warning, and a warning is an error.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "txsocketio"
PYTHON = "https://docs.python.org/3/"
TWISTED = "https://docs.twisted.org/en/stable/api/"
LINK = re.compile(r"L\{(?:[^{}]*<)?([\w.]+)>?\}")


def linked() -> set[str]:
    """
    The full names of what the docstrings may mean: as they write it, and as
    the imports of their module resolve it.
    """
    names: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        imports = dict(_imports(ast.parse(text)))
        for target in LINK.findall(text):
            head, _, rest = target.partition(".")
            names.add(target)
            if head in imports:
                names.add(imports[head] + (f".{rest}" if rest else ""))
    return {name for name in names if not name.startswith("txsocketio")}


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def entries(names: set[str]) -> Iterator[tuple[str, str, str, str]]:
    """
    Of each name that exists: base address, name, role and place.
    """
    for name in sorted(names):
        if hasattr(builtins, name):
            yield PYTHON, name, *_ofBuiltin(name, getattr(builtins, name))
            continue
        try:
            thing = pkgutil.resolve_name(name)
        except (ImportError, AttributeError, ValueError):
            continue
        if name.startswith("twisted."):
            yield TWISTED, name, *_ofTwisted(name, thing)
        elif name.partition(".")[0] in sys.stdlib_module_names:
            module = name if isinstance(thing, ModuleType) else name.rpartition(".")[0]
            anchor = f"module-{name}" if module == name else name
            yield PYTHON, name, _role(thing), f"library/{module}.html#{anchor}"


def _ofBuiltin(name: str, thing: object) -> tuple[str, str]:
    if not callable(thing):
        return "py:data", f"library/constants.html#{name}"
    if isinstance(thing, type) and issubclass(thing, BaseException):
        return "py:exception", f"library/exceptions.html#{name}"
    page = "stdtypes" if name in ("str", "bytes", "list", "dict") else "functions"
    return _role(thing), f"library/{page}.html#{name}"


def _ofTwisted(name: str, thing: object) -> tuple[str, str]:
    role = _role(thing)
    if role in ("py:module", "py:class"):
        return role, f"{name}.html"
    module, _, last = name.rpartition(".")
    return role, f"{module}.html#{last}"


def _role(thing: object) -> str:
    if isinstance(thing, ModuleType):
        return "py:module"
    if callable(thing) and not inspect.isroutine(thing):
        return "py:class"
    return "py:function" if inspect.isroutine(thing) else "py:class"


def writeInventory(path: Path, lines: list[str]) -> None:
    """
    An C{objects.inv} as Sphinx writes it.
    """
    head = "# Sphinx inventory version 2\n# Project: outside\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    path.write_bytes(head.encode() + zlib.compress("".join(lines).encode()))


def main(output: str) -> int:
    command = [sys.executable, "-m", "pydoctor", "--project-name=txsocketio"]
    command += [f"--project-base-dir={ROOT}", "--docformat=epytext", f"--html-output={output}"]
    command += ["--theme=readthedocs", "--project-url=../index.html", "--cls-member-order=source"]
    command += ["--privacy=HIDDEN:txsocketio.**.__repr__", "--warnings-as-errors", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        found = list(entries(linked()))
        for base in (PYTHON, TWISTED):
            file = Path(folder) / f"{len(base)}.inv"
            mine = [each for where, *each in found if where == base]
            lines = [f"{name} {role} 1 {place} -\n" for name, role, place in mine]
            writeInventory(file, lines)
            command.append(f"--intersphinx-file={file}::{base}")
        return subprocess.run([*command, str(PACKAGE)]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
