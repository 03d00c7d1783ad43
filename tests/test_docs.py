"""
The documentation keeps its word: every block of code on every page runs, or
says why it cannot.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
from support import ROOT

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
@pytest.mark.usefixtures("failures")
def test_page(page: Path, tmp_path: Path) -> None:
    """
    The code of the page does what the page says.
    """
    wrong = runPage(page, mine(BLOCKS[page]), tmp_path)
    assert not wrong, "\n".join(wrong)


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
            if two and not line.startswith((" ", "..")):
                broken.append(f"{nameOf(page)}:{number}: {line}")
    assert not broken, "\n".join(broken)


def test_linksToFiles() -> None:
    """
    Every file of the checkout that a page names is there.
    """
    form = r"``((?:docs|examples|tests|scripts|benchmarks|txsocketio)/[\w./-]*\w\.\w+)``"
    missing = [
        f"{nameOf(page)}: {name}"
        for page in PAGES
        for name in re.findall(form, page.read_text())
        if not (ROOT / name).exists()
    ]
    assert not missing


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
