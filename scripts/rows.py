"""
Which rows of the behaviour and fault tables have a test, and which have none.

A test names the rows it proves in its docstring, as C{behaviours A1, A2} or
C{faults F3}; C{tests/rows.json} has every row, those without a counterpart in
Python marked C{na}.

    python scripts/rows.py             what is missing, and how much is there
    python scripts/rows.py --all       every row with its tests
    python scripts/rows.py --strict    fail when a row has no test
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "tests" / "rows.json"
ROW = r"[A-Z]\d+(?:\s*[-–]\s*[A-Z]?\d+)?"
TAG = re.compile(rf"\b(behaviours|faults)\s+({ROW}(?:\s*(?:,|and)\s*{ROW})*)")

Key = tuple[str, str]


def rows() -> dict[Key, dict[str, object]]:
    """
    (table, id) -> what is known of the row.
    """
    tables = json.loads(ROWS.read_text())
    return {(table, row): known for table, its in tables.items() for row, known in its.items()}


def expand(text: str) -> Iterator[str]:
    """
    The ids of C{A1, A3-A5}.
    """
    for part in re.findall(ROW, text):
        first, *last = re.findall(r"\d+", part)
        for number in range(int(first), int(last[0] if last else first) + 1):
            yield f"{part[0]}{number}"


def tagged(docstring: str) -> Iterator[Key]:
    """
    The rows that a docstring names.
    """
    for table, ids in TAG.findall(docstring):
        yield from ((table, row) for row in expand(ids))


def testsOf(path: Path) -> Iterator[tuple[str, Key]]:
    """
    (test, row) for each row that a test of this file, or its class, names.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name.lower().startswith("test") or node.name.endswith("Tests"):
                where = f"{path.relative_to(ROOT)}::{node.name}"
                yield from ((where, key) for key in tagged(ast.get_docstring(node) or ""))


def collect() -> dict[Key, list[str]]:
    """
    Row -> the tests that name it.
    """
    found: dict[Key, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "node_modules" not in path.parts:
            for test, key in testsOf(path):
                found.setdefault(key, []).append(test)
    return found


def show(key: Key, known: dict[str, object], tests: list[str]) -> None:
    print(f"{key[0]} {key[1]}: {known['title']}" + (" (n/a)" if known.get("na") else ""))
    for test in tests:
        print(f"    {test}")


def table(every: Mapping[Key, Mapping[str, object]], found: Mapping[Key, list[str]]) -> str:
    """
    Every row with its tests, as reStructuredText.
    """
    lines = [
        "Rows and their tests",
        "====================",
        "",
        "Written by ``make rows-table``: each row of the behaviour and fault tables of the",
        "specification, and the tests that prove it.  All of them run in ``make test``.",
        "",
    ]
    for key, known in every.items():
        tests = ["not applicable"] if known.get("na") else found.get(key, ["no test"])
        lines.append(f"{key[0]} {key[1]}: {known['title']}")
        lines += [f"    {test.removeprefix('tests/')}" for test in tests]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """
    Report; return the exit code.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--all", action="store_true", help="show every row with its tests")
    parser.add_argument("--table", metavar="FILE", help="write every row with its tests")
    parser.add_argument("--strict", action="store_true", help="fail when a row has no test")
    options = parser.parse_args()
    every, found = rows(), collect()
    unknown = sorted(set(found) - set(every))
    if options.table:
        Path(options.table).write_text(table(every, found))
    missing = [key for key, known in every.items() if key not in found and not known.get("na")]
    for key in every if options.all else missing:
        show(key, every[key], found.get(key, []))
    for key in unknown:
        print(f"no such row: {' '.join(key)}, named by {', '.join(found[key])}")
    wanted = sum(not known.get("na") for known in every.values())
    print(f"{wanted - len(missing)} of {wanted} rows have a test; {len(missing)} have none")
    return int(bool(unknown) or (options.strict and bool(missing)))


if __name__ == "__main__":
    sys.exit(main())
