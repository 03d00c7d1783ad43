"""
Tables of the reference pages, made from the code: C{python scripts/tables.py}.

A page marks where a table goes; what stands between the marks is written
anew.  C{--check} writes nothing and fails when a page is not up to date::

    .. made by scripts/tables.py: options engine
    .. end of what is made

The pages hold the tables, so that they can be read without being built.
"""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from zope.interface import Interface  # noqa: E402 - found by the line above

from txsocketio import errors, interfaces, options  # noqa: E402
from txsocketio.bots import keys  # noqa: E402

MARK = re.compile(
    r"^\.\. made by scripts/tables\.py: (\w+) ?(.*)\n(?:.*\n)*?^\.\. end of what is made$",
    re.MULTILINE,
)
Row = Sequence[str]

# options

# What the reference client calls an option, where it has another default or
# unit; an option that is not here has there the same name, unit and default.
MILLISECONDS = "``{name}``, ms: ``{default}``"
REFERENCE = {
    "perMessageDeflate": "``perMessageDeflate``: on, above 1024 bytes",
    "requestTimeout": "``requestTimeout``, ms: none",
    "withCredentials": "``withCredentials``: ``false``",
    "extraHeaders": "``extraHeaders``; no callable",
    "query": "``query``; no callable",
    "auth": "``auth``; its function takes a callback",
    "transports": "``transports``: with ``webtransport``",
    "parser": "``parser``; an object",
    "endpoint": "``agent``, partly",
    "endpointFactory": "``agent``, partly",
    "proxy": "``agent``, partly",
    "reconnectionDelay": "``reconnectionDelay``, ms: ``1000``; 0 means 1000",
    "reconnectionDelayMax": MILLISECONDS.format(name="reconnectionDelayMax", default="5000"),
    "reconnectionAttempts": "``reconnectionAttempts``: ``Infinity``; 0 means Infinity",
    "timeout": MILLISECONDS.format(name="timeout", default="20000"),
    "ackTimeout": "``ackTimeout``, ms: none, with ``retries``, too",
}
OURS_ALONE = {
    "maxMessageBytes", "maxAttachments", "maxHeaderBytes", "maxReceiveBufferBytes",
    "localAddress", "contextFactory", "connectTimeout", "retryOnConnectError",
    "retryOnServerDisconnect", "sendBufferLimit",
}  # fmt: skip


def optionRows(kind: str) -> Iterator[Row]:
    yield "Option", "Default", "Must be", "Meaning", "In socket.io-client"
    for option in options.OPTIONS.values():
        if option.kind == kind:
            yield (
                f"``{option.name}``",
                _default(option),
                _quoted(option.rule),
                option.meaning + (" Never shown." if option.secret else ""),
                "—" if option.name in OURS_ALONE else REFERENCE.get(option.name, "the same"),
            )


def _default(option: options.Option) -> str:
    value = option.default
    if option.name == "sendBufferLimit":
        return "10000 packets, 64 MiB"
    if value is None or value == ():
        return "none"
    if value is math.inf:
        return "``math.inf``"
    if option.unit == "s" and not isinstance(value, bool):
        return f"{value:g} s"
    if option.unit == "bytes":
        return _bytes(value)
    return f"``{value!r}``"


def _bytes(count: int) -> str:
    for size, unit in ((1024**2, "MiB"), (1024, "KiB")):
        if count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} bytes"


IN_CODE = re.compile(
    r"(https?://\S+|extraHeaders=\{.*\}|tcp:::1:3000"
    r"|(?:endpoint|endpointFactory|proxy|reactor)=|\w+\(\)|forceNew$)"
)


def refusedRows(_: str) -> Iterator[Row]:
    yield "Option of socket.io-client", "Instead"
    for name, instead in options._ELSEWHERE.items():
        yield f"``{name}``", IN_CODE.sub(r"``\1``", instead) + "."


def daemonRows(_: str) -> Iterator[Row]:
    yield "Key", "What it says"
    for key in keys.DAEMON_KEYS.values():
        yield f"``{key.name}``", _sentence(_quoted(key.rule))


def botRows(_: str) -> Iterator[Row]:
    yield "Key", "What it says"
    for key in keys.OWN_KEYS.values():
        yield f"``{key.name}``", _sentence(_quoted(key.rule))


# What one would type; Sphinx takes some of it for links.
TYPED = re.compile(r'(\{.*\}|"[^"]*"|tcp:[\w:=.]*\w|(?<=\s)/[\w./]*\w)')


def _quoted(rule: str) -> str:
    return TYPED.sub(r"``\1``", rule)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


# what the code says of itself


def errorRows(_: str) -> Iterator[Row]:
    yield "Error", "It means", "It knows"
    for name in errors.__all__:
        cls = getattr(errors, name)
        text, ivars = _docstring(cls)
        yield (
            f":api:`txsocketio.errors.{name}`",
            text,
            ", ".join(f"``{each}``" for each in ivars) or "—",
        )


def _docstring(thing: Any) -> tuple[str, list[str]]:
    text = inspect.getdoc(thing) or ""
    return _plain(text.partition("\n\n")[0]), re.findall(r"@ivar (\w+):", text)


def _plain(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"L\{([^{}<]*?)\s*<[^{}]*>\}", r"``\1``", text)
    return re.sub(r"[CLI]\{([^{}]*)\}", r"``\1``", text)


def interfaceRows(_: str) -> Iterator[Row]:
    yield "Interface", "What it is", "Its methods"
    for name in interfaces.__all__:
        thing = getattr(interfaces, name)
        if isinstance(thing, type(Interface)):
            known = thing.namesAndDescriptions()
            methods = [each for each, what in known if hasattr(what, "required")]
            text = _plain(thing.__doc__.strip().partition("\n\n")[0])
            yield (
                f":api:`txsocketio.interfaces.{name}`",
                text,
                ", ".join(f"``{each}``" for each in methods) or "—",
            )


# what we need, and are tested with


def dependencyRows(extra: str) -> Iterator[Row]:
    yield "Library", "At least", "For"
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
    for each in wanted:
        name, version = re.match(r"([\w.\[\]-]+)>=([\d.]+)", each).groups()
        comment = re.search(rf'"{re.escape(each)}"\]?,?\s*\]?\s*# (.*)', text)
        yield f"``{name}``", version, comment[1] if comment else ""


def serverRows(_: str) -> Iterator[Row]:
    yield "Server", "Version", "Tests, below ``tests/interop/``"
    package = json.loads((ROOT / "tests/interop/servers/node/package.json").read_text())
    for name, version in package["dependencies"].items():
        if name.startswith("socket.io") and "client" not in name and "parser" not in name:
            where = "test_versions.py" if "npm:" in version else "test_node.py"
            tests = f"``{where}``"
            if where == "test_node.py":
                tests += " and, but for ``test_versions.py`` and ``test_python.py``, all others"
            yield "socket.io (Node)", version.rpartition("@")[2], tests
    text = (ROOT / "pyproject.toml").read_text()
    floor = re.search(r'"python-socketio>=([\d.]+)"', text)[1]
    yield "python-socketio", f"{floor} and newer", "``test_python.py``"


INTEROP = ROOT / "tests" / "interop"
SERVERS = {
    "socket.io 4.8": ("test_node.py", "NodeScenarios"),
    "4.5": ("test_versions.py", "OldScenarios"),
    "3.1": ("test_versions.py", "OldScenarios", "Scenarios31"),
    "python-socketio": ("test_python.py", "PythonScenarios"),
}


def scenarioRows(_: str) -> Iterator[Row]:
    """
    Everybody runs what is in Scenarios; a class of their own adds to it, or
    says that they differ.
    """
    shared = scenariosOf("scenarios.py", "Scenarios")
    own = {
        name: {
            test: text for cls in classes for test, text in scenariosOf(file, cls).items()
        }
        for name, (file, *classes) in SERVERS.items()
    }
    yield "Scenario", *SERVERS
    for test, text in shared.items():
        yield text, *("differs" if test in own[name] else "yes" for name in SERVERS)
    for name, tests in own.items():
        for test, text in tests.items():
            if not any(test in own[each] for each in list(SERVERS)[: list(SERVERS).index(name)]):
                yield text, *("yes" if test in own[each] else "—" for each in SERVERS)


def scenariosOf(file: str, name: str) -> dict[str, str]:
    """
    The tests of a class and what their docstrings say.
    """
    tree = ast.parse((INTEROP / file).read_text())
    found = next(node for node in tree.body if getattr(node, "name", "") == name)
    assert isinstance(found, ast.ClassDef)
    return {
        node.name: _plain(ast.get_docstring(node) or "")
        for node in found.body
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
        and node.name.startswith("test_")
    }


TABLES: dict[str, Callable[[str], Iterator[Row]]] = {
    "options": optionRows,
    "refused": refusedRows,
    "daemon": daemonRows,
    "bot": botRows,
    "errors": errorRows,
    "interfaces": interfaceRows,
    "dependencies": dependencyRows,
    "servers": serverRows,
    "scenarios": scenarioRows,
}


# writing


def table(rows: Sequence[Row]) -> str:
    """
    A list-table; its first row is the header.
    """
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        for at, cell in enumerate(row):
            lines.append(f"   {'* -' if at == 0 else '  -'} {cell}")
    return "\n".join(lines)


def made(text: str) -> str:
    """
    A page with its tables made anew.
    """

    def replace(found: re.Match[str]) -> str:
        kind, argument = found[1], found[2].strip()
        head = f".. made by scripts/tables.py: {kind} {argument}".rstrip()
        rows = list(TABLES[kind](argument))
        return f"{head}\n\n{table(rows)}\n\n.. end of what is made"

    return MARK.sub(replace, text)


def main(*arguments: str) -> int:
    stale = []
    for page in sorted((ROOT / "docs").rglob("*.rst")):
        text = page.read_text()
        new = made(text)
        if new != text:
            stale.append(page)
            if "--check" not in arguments:
                page.write_text(new)
    for page in stale:
        print(f"{'not up to date' if '--check' in arguments else 'written'}: {page}")
    return bool(stale and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
