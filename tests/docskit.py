"""
Finds the code blocks of a page, and runs them.

What becomes of a block is said by its language:

  - C{pycon}, and C{>>>} without a block: doctest;
  - C{python}: executed; C{await} is allowed at its top;
  - C{ini}: read as a bots file, a unit of systemd, or plain ini;
  - C{shell}, C{console}: parsed by bash; the commands of this project that it
    calls must exist, with their options;
  - C{javascript}, C{json}, C{toml}, C{yaml}: parsed, and so is C{python} of
    C{:class: theirs}, which shows another client;
  - C{text} and C{::}: drawings and output, no code; but a C{::} that begins
    with a command is C{shell}, and one of lines of JSON is that.

The Python of one page shares one namespace, from top to bottom.  Where it has
a C{server}, the one in memory of C{txsocketio.testing}, its clock is advanced
until what is awaited is there.

A comment before a block changes that; all of them are for readers of the
source, who are not to guess::

    .. runs: as a program        in a child of its own, against the real server
    .. runs: as a module         saved under the name of its :caption:
    .. runs: not, because ...    a reason, which a test counts

    .. logs: ZeroDivisionError   the page makes somebody log it, once or more

    .. unseen:                   code that the page needs and the reader does not

       ...
"""

from __future__ import annotations

import ast
import configparser
import doctest
import importlib
import inspect
import io
import json
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from twisted.internet.defer import Deferred

from support import ROOT
from txsocketio.bots.config import parseConfig
from txsocketio.bots.loader import Plugins
from txsocketio.bots.substitute import Substitution
from txsocketio.bots.tap import Options

# Pages whose code is not ours to run: written by programs, without any.
LISTS = {"docs/reference/rows.rst"}
BUILT = ROOT / "docs" / "_build"

DIRECTIVE = re.compile(r"^([ ]*(?:[*-] +)*)\.\. (code-block|code|sourcecode)::[ ]*(\S*)[ ]*$")
LITERAL = re.compile(r"^([ ]*)(?!\.\. )(?:.*[^:])?::[ ]*$")
COMMANDS = re.compile(
    r"^(\$ |sudo |\w+=\S* )*"
    r"(make|twistd|twist|python[\d.]*|\.venv/bin/\w+|pip|systemctl|journalctl|docker|kubectl|cp|cd"
    r"|curl|git)(?= )",
    re.MULTILINE,
)
UNSEEN = re.compile(r"^([ ]*)\.\. unseen:[ ]*$")
RUNS = re.compile(r"^[ ]*(?:[*-] +)*\.\. runs: (.+?)[ ]*$")
PROMPT = re.compile(r"^([ ]*)>>> ")
OPTION = re.compile(r"^:([\w-]+):[ ]*(.*)$")

DOCTEST_OPTIONS = doctest.REPORT_NDIFF | doctest.ELLIPSIS


def pages() -> list[Path]:
    """
    Every page of prose, but for lists made by programs.
    """
    found = [*(ROOT / "docs").rglob("*.rst"), ROOT / "README.rst", ROOT / "CONTRIBUTING.rst"]
    found += [ROOT / "benchmarks" / "README.rst", ROOT / "CHANGELOG.rst"]
    return sorted(page for page in found if BUILT not in page.parents and nameOf(page) not in LISTS)


def nameOf(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@dataclass
class Block:
    """
    One block of code.

    @ivar line: where its code begins, from 1.
    @ivar how: what a C{.. runs:} before it says, or nothing.
    """

    page: Path
    line: int
    language: str
    code: str
    how: str = ""
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{nameOf(self.page)}:{self.line}"

    @property
    def theirs(self) -> bool:
        """
        Whether it shows another client.
        """
        return self.options.get("class") == "theirs"

    @property
    def notRun(self) -> str:
        """
        The reason not to run it, or nothing.
        """
        return self.how.removeprefix("not, because ") if self.how.startswith("not") else ""


def blocksOf(page: Path, text: str | None = None) -> list[Block]:
    """
    The blocks of a page, from top to bottom.
    """
    lines = (page.read_text() if text is None else text).expandtabs().splitlines()
    return list(_scan(page, lines))


def _scan(page: Path, lines: list[str]) -> Iterator[Block]:
    at, how = 0, ""
    while at < len(lines):
        line = lines[at]
        if said := RUNS.match(line):
            how, at = said[1], at + 1
            # A long reason goes on in the lines below it.
            while at < len(lines) and lines[at].strip() and _indent(lines[at]) > _indent(line):
                how, at = f"{how} {lines[at].strip()}", at + 1
            continue
        if found := DIRECTIVE.match(line):
            at, block = _indented(page, lines, at, len(found[1]), found[3] or "none")
            block.how = how
            yield block
        elif found := UNSEEN.match(line):
            at, block = _indented(page, lines, at, len(found[1]), "python")
            yield block
        elif found := LITERAL.match(line):
            at, block = _indented(page, lines, at, len(found[1]), "none")
            block.how = how
            if COMMANDS.match(block.code):
                block.language = "shell"
            elif block.code.startswith('{"'):
                block.language = "jsonlines"
            yield block
        elif found := PROMPT.match(line):
            start = at
            while at < len(lines) and lines[at].strip():
                at += 1
            code = "\n".join(lines[start:at]) + "\n"
            yield Block(page, start + 1, "pycon", textwrap.dedent(code), how)
        else:
            at += 1
            if not line.strip():
                continue  # a blank line between "runs:" and its block
        how = ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented(
    page: Path, lines: list[str], at: int, column: int, language: str
) -> tuple[int, Block]:
    end = at + 1
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > column):
        end += 1
    start, options = at + 1, {}
    while start < end and (option := OPTION.match(lines[start].strip())):
        options[option[1]] = option[2]
        start += 1
    while start < end and not lines[start].strip():
        start += 1
    code = textwrap.dedent("\n".join(lines[start:end])).rstrip() + "\n"
    return end, Block(page, start + 1, language, code, options=options)


# running


def runPage(page: Path, blocks: list[Block], folder: Path) -> list[str]:
    """
    Run the blocks of a page from top to bottom, its Python in one namespace.

    @param folder: where modules are saved that a page shows; on C{sys.path}.
    @return: what went wrong, one text each.
    """
    module = ModuleType("page")
    names = vars(module)
    names["__file__"] = str(page)
    wrong: list[str] = []
    known = set(sys.modules)
    paths = [str(folder), str(ROOT / "examples" / "bots")]
    sys.path[:0] = paths
    sys.modules["page"] = module
    try:
        for block in blocks:
            wrong += _runBlock(block, names, folder)
    finally:
        for path in paths:
            sys.path.remove(path)
        del sys.modules["page"]
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(folder):
                del sys.modules[name]
    return wrong


def _runBlock(block: Block, names: dict[str, Any], folder: Path) -> list[str]:
    if block.how == "as a module":
        path = folder / block.options["caption"].strip("`")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code)
        importlib.invalidate_caches()
        compile(block.code, str(block), "exec")
        return []
    if block.language == "pycon":
        return _runDoctest(block, names)
    try:
        if block.theirs:
            checkTheirs(block.code)
        elif block.language == "python":
            _execute(block, names)
        else:
            CHECKS[block.language](block.code)
    except Exception:
        return [f"{block}\n{traceback.format_exc()}"]
    return []


def _runDoctest(block: Block, names: dict[str, Any]) -> list[str]:
    test = doctest.DocTestParser().get_doctest(
        block.code, names, nameOf(block.page), str(block.page), block.line - 1
    )
    test.globs = names  # the very same, not a copy: the next block goes on with it
    said = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=DOCTEST_OPTIONS, verbose=False)
    runner.run(test, out=said.write, clear_globs=False)
    return [said.getvalue()] if said.getvalue() else []


def _execute(block: Block, names: dict[str, Any]) -> None:
    # Empty lines first, so that a traceback names the line of the page.
    source = "\n" * (block.line - 1) + block.code
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(source, str(block.page), "exec", flags=flags)
    if not code.co_flags & inspect.CO_COROUTINE:
        exec(code, names)
        return
    result = Deferred.fromCoroutine(eval(code, names))
    for _ in range(200):
        if result.called:
            break
        names["server"].advance(0.1)
    failures: list[Any] = []
    result.addErrback(failures.append)
    if failures:
        failures[0].raiseException()
    assert result.called, "what is awaited never came"


# other languages


def checkIni(code: str) -> None:
    """
    A bots file must be one that the daemon takes; others must be ini.
    """
    if re.search(r"^\[(bot:|daemon\])", code, re.MULTILINE):
        _checkBots(code)
        return
    # A unit of systemd may say a key several times.
    parser = configparser.RawConfigParser(strict=False, allow_no_value=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(code)
    assert parser.sections(), "no section"


def _checkBots(code: str) -> None:
    if not re.search(r"^\[bot:", code, re.MULTILINE):
        code += "\n[bot:any]\nurl = http://127.0.0.1:3000\nplugin = log\n"
    code = re.sub(r"\$\{file:[^}]*\}", "secret", code)
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)", code), "secret")
    parseConfig(code, "page", Plugins().find, Substitution(environ, ROOT))


def checkShell(code: str) -> None:
    """
    Bash can parse it, and what is ours and named in it exists.
    """
    if re.search(r"^\$ ", code, re.MULTILINE):
        # A session: the commands are behind the prompts, the rest is output.
        code = "\n".join(_commands(code))
    parsed = subprocess.run(["bash", "-n"], input=code, text=True, capture_output=True, timeout=20)
    assert parsed.returncode == 0, parsed.stderr
    for words in _calls(code):
        _checkCall(words)


def _commands(code: str) -> Iterator[str]:
    goesOn = False
    for line in code.splitlines():
        if line.startswith("$ ") or goesOn:
            yield line.removeprefix("$ ").removeprefix("> ")
            goesOn = line.endswith("\\")


def _calls(code: str) -> Iterator[list[str]]:
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        # SECRET=x twistd ..., sudo systemctl ...
        while words and (words[0] in ("sudo", "exec") or re.match(r"\w+=", words[0])):
            words = words[1:]
        if words:
            yield words


def _checkCall(words: list[str]) -> None:
    program = Path(words[0]).name
    if program == "make":
        targets = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        for target in targets:
            assert target in targetsOfMakefile(), f"make has no target {target}"
    elif "sioclient" in words and program in ("twistd", "twist"):
        _checkOptions(words[words.index("sioclient") + 1 :])
    elif re.fullmatch(r"python[\d.]*", program):
        for word in words[1:]:
            if word.startswith(("examples/", "scripts/", "benchmarks/")):
                assert (ROOT / word).exists(), f"there is no {word}"


def targetsOfMakefile() -> set[str]:
    return set(re.findall(r"^([a-z][\w -]*?):", (ROOT / "Makefile").read_text(), re.MULTILINE)) | {
        name
        for line in re.findall(
            r"^\.PHONY:((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE
        )
        for name in line.replace("\\", " ").split()
    }


def _checkOptions(words: list[str]) -> None:
    known = Options()
    for word in words:
        if word.startswith("--"):
            name = word[2:].partition("=")[0]
            assert name in known.longOpt or f"{name}=" in known.longOpt, f"sioclient has no {word}"


def checkJavaScript(code: str) -> None:
    """
    Node can parse it, C{await} at its top included.
    """
    done = subprocess.run(
        ["node", "--check", "--input-type=module", "-"],
        input=code,
        text=True,
        capture_output=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr


def checkTheirs(code: str) -> None:
    """
    Python that uses python-socketio: its names exist there.
    """
    import socketio

    compile(code, "theirs", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for name in re.findall(r"\bsocketio\.(\w+)", code):
        assert hasattr(socketio, name), f"socketio has no {name}"
    client = socketio.AsyncSimpleClient if "AsyncSimpleClient" in code else socketio.AsyncClient
    known = {*dir(client), *vars(client())}
    for name in re.findall(r"\bsio\.(\w+)", code):
        assert name in known, f"{client.__name__} has no {name}"
    for method, words in re.findall(r"\b(?:sio|socketio)\.(\w+)\(([^()]*)", code):
        allowed = _parametersOf(getattr(client, method, None) or getattr(socketio, method))
        for word in re.findall(r"\b(\w+)=", words):
            assert word in allowed or not allowed, f"{method}() has no {word}"


def _parametersOf(thing: Any) -> set[str]:
    """
    Of a constructor, those of its bases and of the engine as well, which it
    hands them on to.
    """
    import engineio

    classes = (*thing.__mro__, *engineio.AsyncClient.__mro__) if inspect.isclass(thing) else ()
    made = [cls.__init__ for cls in classes] or [thing]
    return {name for each in made for name in inspect.signature(each).parameters}


CHECKS: dict[str, Callable[[str], Any]] = {
    "ini": checkIni,
    "shell": checkShell,
    "sh": checkShell,
    "bash": checkShell,
    "console": checkShell,
    "json": json.loads,
    "jsonlines": lambda code: [json.loads(line) for line in code.splitlines()],
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}
DRAWINGS = {"text", "none"}
JAVASCRIPT = "javascript"
PROGRAM = "as a program"
