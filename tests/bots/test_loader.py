"""
Tests for L{txsocketio.bots.loader}.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txsocketio.bots.bot import Bot
from txsocketio.bots.loader import BUILT_IN, Plugins, loadDotted
from txsocketio.bots.log import LogBot
from txsocketio.bots.mistakes import PluginError
from txsocketio.bots.schema import PluginOption, schemaOf
from txsocketio.interfaces import IBotPlugin

MODULE = '''
from txsocketio.bots.bot import Bot
from txsocketio.bots.schema import PluginOption, schemaOf

class Mine(Bot):
    """
    Does what is mine,
    and no more.

    Details.
    """
    schema = schemaOf(PluginOption("size"))

class Outer:
    class Inner(Bot): pass

number = 3
'''


@implementer(IBotPlugin)
class APlugin:
    name = "mine"
    description = "does it"
    schema: dict[str, Any] = {}

    def makeBot(self, config: Any) -> Any:
        return Bot(config)


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    texts = {
        "mymodule": MODULE,
        "broken": "raise RuntimeError('oops')",
        "exits": "raise SystemExit(3)",
        "needs": "import notinstalled",
    }
    for name, text in texts.items():
        (tmp_path / f"e_{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, f"e_{name}", raising=False)


def plugins(dropIns: Any = (), entryPoints: Any = ()) -> Plugins:
    return Plugins(lambda: dropIns, lambda: entryPoints)


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "txsocketio.bots")


def test_aClassBecomesAPlugin() -> None:
    """
    A C{Bot} subclass needs nothing else: its docstring describes it.
    """
    plugin = loadDotted("e_mymodule:Mine")
    verifyObject(IBotPlugin, plugin)
    assert plugin.description == "Does what is mine, and no more."
    assert list(plugin.schema) == ["size"]
    assert plugin.makeBot({"size": 1}).config == {"size": 1}


def test_aClassInAClassIsFound() -> None:
    """
    The part after the colon may have dots.
    """
    assert loadDotted("e_mymodule:Outer.Inner").makeBot({}).config == {}


def test_aPluginObjectIsTakenAsItIs(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A module may hold an C{IBotPlugin} provider instead of a class.
    """
    plugin = APlugin()
    monkeypatch.setitem(sys.modules, "e_ready", SimpleNamespace(plugin=plugin))  # type: ignore[arg-type]
    assert loadDotted("e_ready:plugin") is plugin


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("e_mymodule:", "not of the form package.module:Class"),
        (":Mine", "not of the form"),
        ("..x:Mine", "not of the form"),
        ("e_nowhere:Mine", 'there is no module "e_nowhere"; install it, or put'),
        ("e_mymodule.sub:Mine", "there is no module"),
        ("e_needs:Mine", 'cannot import "e_needs": ModuleNotFoundError: .*notinstalled'),
        ("e_broken:Mine", 'cannot import "e_broken": RuntimeError: oops'),
        ("e_exits:Mine", 'cannot import "e_exits": SystemExit: 3'),
        ("e_mymodule:mine", '"e_mymodule" has no "mine"; did you mean "Mine"?'),
        ("e_mymodule:number", "neither a class that implements IBot .* but 3"),
        ("e_mymodule:Outer", "neither a class"),
    ],
)
def test_whatCannotBeLoadedSaysWhatToFix(name: str, said: str) -> None:
    """
    Nothing that a foreign module does escapes as anything else.
    """
    with pytest.raises(PluginError, match=said):
        loadDotted(name)


def test_theBuiltInPluginsCanBeUsed() -> None:
    """
    Each has a name, a description and a schema.
    """
    known = plugins()
    for name in BUILT_IN:
        assert known.find(name).name == name
    assert isinstance(known.find("log").makeBot({}), LogBot)


def test_dropInsAndEntryPointsAreFoundByName() -> None:
    """
    Both ways for others to bring plugins along.
    """
    mine = APlugin()
    known = plugins([mine], [point("theirs", "e_mymodule:Mine")])
    assert known.find("mine") is mine
    assert known.find("theirs").name == "theirs"
    assert known.find("e_mymodule:Mine").description


def test_theFirstOfANameWins() -> None:
    """
    Nobody can replace a built-in plugin by accident.
    """
    impostor = APlugin()
    impostor.name = "log"
    assert plugins([impostor]).find("log") is not impostor


@pytest.mark.parametrize(
    ("name", "said"),
    [("lgo", 'did you mean "log"'), ("zzzz", "write package.module:Class")],
)
def test_anUnknownNameIsAnswered(name: str, said: str) -> None:
    """
    With the nearest one, or with how to name one's own class.
    """
    with pytest.raises(PluginError, match=said):
        plugins().find(name)


def test_aBrokenPluginHurtsNobodyElse() -> None:
    """
    It stands in the list with its error; the others can be used.
    """
    known = plugins(
        [SimpleNamespace(), APlugin()],
        [point("broken", "e_broken:X"), point("fine", "e_mymodule:Mine")],
    )
    lines = [each.describe() for each in known.found]
    assert lines[len(BUILT_IN) :] == [
        "mine  (twisted.plugin)  does it",
        'broken  (entry point)  CANNOT BE USED: cannot import "e_broken:X" of the entry point '
        '"broken": RuntimeError: oops',
        "fine  (entry point)  Does what is mine, and no more.",
    ]
    with pytest.raises(PluginError):
        known.find("broken")
    assert known.find("fine")


def test_theInstallationIsSearched() -> None:
    """
    Without being told where, C{twisted.plugin} and the entry points are asked.
    """
    assert Plugins().find("log").schema == LogBot.schema


def test_aSchemaIsPartOfThePlugin() -> None:
    """
    What a class declares is what a file may say.
    """
    assert schemaOf(PluginOption("size")) == loadDotted("e_mymodule:Mine").schema
