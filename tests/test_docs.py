"""
The documentation keeps its word: every block of code on every page runs, or
says why it cannot.
"""

from __future__ import annotations

import builtins
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import asyncioreactor

from docskit import (
    CHECKS,
    DRAWINGS,
    JAVASCRIPT,
    PROGRAM,
    Block,
    blocksOf,
    checkJavaScript,
    nameOf,
    pages,
    runPage,
)
from support import ROOT, runPython
from txsocketio import errors
from txsocketio.options import OPTIONS

PAGES = pages()
BLOCKS = {page: blocksOf(page) for page in PAGES}
ALL = [block for blocks in BLOCKS.values() for block in blocks]
KNOWN = {*CHECKS, *DRAWINGS, "python", "pycon", JAVASCRIPT}

MAY_NOT_RUN = 12
"""
More blocks than these may not be left out, whatever the reasons.
"""


def mine(blocks: list[Block]) -> list[Block]:
    """
    Those that run in this process, without any server.
    """
    skipped = {*DRAWINGS, JAVASCRIPT}
    return [
        block
        for block in blocks
        if block.language not in skipped and not block.notRun and block.how != PROGRAM
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if mine(BLOCKS[page])], ids=nameOf)
def test_page(page: Path, tmp_path: Path, failures: Any) -> None:
    """
    The code of the page does what the page says, and logs no failure but
    those of its C{.. logs:}.
    """
    wrong = runPage(page, mine(BLOCKS[page]), tmp_path)
    assert not wrong, "\n".join(wrong)
    for name in re.findall(r"^\.\. logs: (\w+)$", page.read_text(), re.MULTILINE):
        assert failures.flush(getattr(builtins, name))


@pytest.fixture(scope="module")
def demoServer() -> Iterator[str]:
    """
    The address of the server that C{make demo} starts.
    """
    command = [sys.executable, "-m", "txsocketio.bots.demoserver"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdin and child.stdout
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
        child.stdin.close()


@pytest.mark.parametrize("block", [each for each in ALL if each.how == PROGRAM], ids=str)
def test_program(block: Block, demoServer: str, tmp_path: Path) -> None:
    """
    A whole program runs as it stands, with the server of C{make demo}.
    """
    path = tmp_path / "program.py"
    path.write_text(block.code)
    done = runPython(str(path), demoServer, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_measured() -> None:
    """
    The figures of the README are those that were measured.
    """
    form = r"\* - (.+)\n     - (.+)\n     - (.+)\n     - (.+)\n"
    measured = (ROOT / "docs" / "topics" / "performance" / "peers.rst").read_text()
    known = {row[1:] for row in re.findall(form, measured)}
    readme = re.findall(form, (ROOT / "README.rst").read_text())[1:]
    assert len(readme) >= 5
    assert [row for row in readme if row[1:] not in known] == []


@pytest.mark.node
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(b.language == JAVASCRIPT for b in BLOCKS[page])],
    ids=nameOf,
)  # fmt: skip
def test_javaScript(page: Path) -> None:
    """
    What is shown of the other client is JavaScript.
    """
    blocks = [b for b in BLOCKS[page] if b.language == JAVASCRIPT and not b.notRun]
    # Blocks in braces, so that each may have a "socket" of its own; imports go
    # to the top.
    imports = "\n".join(line for b in blocks for line in b.code.splitlines() if "import " in line)
    bodies = [re.sub(r"^import .*$", "", b.code, flags=re.MULTILINE) for b in blocks]
    checkJavaScript(imports + "\n" + "\n".join(f"{{\n{body}\n}}" for body in bodies))


def test_languages() -> None:
    """
    Every block is of a language that we can run or check.
    """
    strange = [f"{block}: {block.language}" for block in ALL if block.language not in KNOWN]
    assert not strange


def test_leftOut() -> None:
    """
    What is not run has a reason that can be read, and there is little of it.
    """
    leftOut = [block for block in ALL if block.notRun]
    assert all(len(block.notRun.split()) > 3 for block in leftOut), leftOut
    assert len(leftOut) <= MAY_NOT_RUN, [str(block) for block in leftOut]


def test_markers() -> None:
    """
    Every "runs:" is one we know.
    """
    strange = [
        f"{block}: {block.how}"
        for block in ALL
        if block.how and not block.notRun and block.how not in (PROGRAM, "as a module")
    ]
    assert not strange


def test_oneSentenceALine() -> None:
    """
    A line of prose ends with its sentence, so that changes can be read.
    """
    broken = []
    for page in PAGES:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            two = re.search(r"[a-z`][.?!] [A-Z][a-z]+ [a-z]", line)
            isTable = "  " in line.strip()
            if two and not isTable and not line.startswith((" ", "..")):
                broken.append(f"{nameOf(page)}:{number}: {line}")
    assert not broken, "\n".join(broken)


IMPORT = re.compile(r"^ *from (txsocketio\.[\w.]+) import (.+)$", re.MULTILINE)
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))


@pytest.mark.parametrize("path", [*PAGES, *EXAMPLES], ids=nameOf)
def test_importsWhatIsPublic(path: Path) -> None:
    """
    What a page or an example imports is promised to stay.
    """
    stability = (ROOT / "docs" / "reference" / "stability.rst").read_text()
    public = set(re.findall(r"``([\w.]+)``", stability.partition("What is not")[0]))
    private = [
        f"{module}.{name}"
        for module, names in IMPORT.findall(path.read_text())
        for name in names.split(", ")
        if not {module, f"{module}.{name}"} & public
    ]
    assert not private


PROGRAMS = [path for path in EXAMPLES if "react(" in path.read_text()]


@pytest.mark.parametrize("path", PROGRAMS, ids=nameOf)
def test_usage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without arguments, an example says what it shows and how to run it.
    """
    monkeypatch.setattr(sys, "argv", [str(path)])
    monkeypatch.setattr(asyncioreactor, "install", lambda: None)
    with pytest.raises(SystemExit, match=f"python examples/.*{path.name}"):
        runpy.run_path(str(path), run_name="__main__")


def test_linksToFiles() -> None:
    """
    Every file of the checkout that a page names is there.
    """
    form = r"``((?:docs(?!/_build)|examples|tests|scripts|benchmarks|txsocketio)/[\w./-]*\w\.\w+)``"
    missing = [
        f"{nameOf(page)}: {name}"
        for page in PAGES
        for name in re.findall(form, page.read_text())
        if not (ROOT / name).exists()
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=nameOf)
def test_linksToPages(page: Path) -> None:
    """
    Every page that is linked, included or shown is there; C{make docs} looks
    at the rest.
    """
    text = page.read_text()
    docs = ROOT / "docs"
    linked = re.findall(r":doc:`(?:[^`<]*<)?([^`<>]+)>?`", text)
    missing = [
        name
        for name in linked
        if not (docs / name[1:] if name[0] == "/" else page.parent / name)
        .with_suffix(".rst")
        .exists()
    ]
    form = r"^ *\.\. (?:include|literalinclude|image|figure):: (\S+)"
    files = re.findall(form, text, re.MULTILINE)
    missing += [name for name in files if not (page.parent / name).exists()]
    assert not missing


def test_tables() -> None:
    """
    The tables of the reference pages are those that the code makes.
    """
    done = runPython("scripts/tables.py", "--check", cwd=ROOT)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}; make tables makes them anew"


@pytest.mark.parametrize("kind", ["io", "engine", "limits", "wire", "tls", "manager", "socket"])
def test_allOptions(kind: str) -> None:
    """
    Every option is on the page of options, with its meaning.
    """
    page = (ROOT / "docs" / "reference" / "options.rst").read_text()
    for option in OPTIONS.values():
        if option.kind == kind:
            assert f"* - ``{option.name}``\n" in page and option.meaning in page


def test_allErrors() -> None:
    """
    Every error is in the table of occasions, or under another one's.
    """
    page = (ROOT / "docs" / "reference" / "errors.rst").read_text()
    occasions = page[page.index("By occasion") : page.index("Class by class")]
    missing = [each for each in errors.__all__ if f"``{each}``" not in occasions]
    assert missing == ["SocketIOError"]  # the root is nobody's occasion


# the finder itself

PAGE = '''
Words.

.. code-block:: pycon

   >>> 1 + 1
   2

>>> 2 + 2
4

.. runs: not, because it is
   far too dangerous

.. code-block:: shell
   :caption: x.sh

   rm -rf /

   true

* - .. code-block:: javascript

       go()
  - .. runs: as a program

    .. code-block:: python

       go()

.. unseen:

   secret = 1
'''


def test_blocks() -> None:
    """
    Blocks are found with their language, options, code, line and marker.
    """
    found = blocksOf(ROOT / "README.rst", PAGE)
    assert [(b.language, b.code, b.line, b.how) for b in found] == [
        ("pycon", ">>> 1 + 1\n2\n", 6, ""),
        ("pycon", ">>> 2 + 2\n4\n", 9, ""),
        ("shell", "rm -rf /\n\ntrue\n", 18, "not, because it is far too dangerous"),
        ("javascript", "go()\n", 24, ""),
        ("python", "go()\n", 29, "as a program"),
        ("python", "secret = 1\n", 33, ""),
    ]
    assert found[2].options == {"caption": "x.sh"}
    assert found[2].notRun == "it is far too dangerous"


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("pycon", ">>> 1 + 1\n3\n"),
        ("python", "1 / 0\n"),
        ("python", "await server\n"),
        ("ini", "[bot:x]\nurl = http://a\nplugin = log\nunknown = 1\n"),
        ("ini", "key = 1\n"),
        ("shell", "if true\n"),
        ("shell", "make coffee\n"),
        ("console", "$ twistd -n sioclient --teleport\n"),
        ("shell", "python examples/nobody.py\n"),
        ("theirs", "sio.call_me()\n"),
        ("theirs", "sio.call(1, patience=2)\n"),
        ("theirs", "socketio.Nobody()\n"),
        ("json", "{'a': 1}"),
        ("toml", "a = b"),
    ],
)
def test_wrongIsNoticed(language: str, code: str, tmp_path: Path) -> None:
    """
    A block that does not do what it says fails.
    """
    page = ROOT / "README.rst"
    options = {"class": language}
    language = "python" if language == "theirs" else language
    assert runPage(page, [Block(page, 7, language, code, options=options)], tmp_path)


def test_rightPasses(tmp_path: Path) -> None:
    """
    A module can be imported by what follows, and what is awaited comes.
    """
    page = ROOT / "README.rst"
    texts = [
        ("python", "as a module", "number = 3\n"),
        ("python", "", "from shown import number\n"),
        ("python", "", "from txsocketio.testing import MemoryServer\n"),
        ("python", "", "from twisted.internet.task import Clock\nserver = MemoryServer(Clock())\n"),
        ("python", "", "socket = server.connect()\nawait socket.whenConnected()\n"),
        ("pycon", "", ">>> number, socket.connected\n(3, True)\n"),
        ("ini", "", "[daemon]\nstatus = tcp:9464\n"),
        ("console", "", "$ SIO=1 make demo SECONDS=10\nsaid\n$ twistd sioclient \\\n--check x\n"),
        ("shell", "", "sudo systemctl start x\n"),
    ]
    caption = {"caption": "shown.py"}
    blocks = [Block(page, 1, language, code, how, caption) for language, how, code in texts]
    assert runPage(page, blocks, tmp_path) == []


# links of what was built


def test_brokenLinks(tmp_path: Path) -> None:
    """
    A link to a page or to a place in one is followed; others' are not.
    """
    (tmp_path / "api").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="api/a%20b.html#here"></a><a href="api/a%20b.html#gone"></a>'
        '<a href="https://example.com/x"></a><a href="#"></a><a href="#gone"></a>'
        '<img src="gone.svg">'
    )
    (tmp_path / "api" / "a b.html").write_text('<p id="here"><a href="../index.html"></a></p>')
    done = runPython("scripts/links.py", str(tmp_path), cwd=ROOT)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "index.html: #gone (no such place in it)",
        "index.html: api/a%20b.html#gone (no such place in it)",
        "index.html: gone.svg",
    ]
