"""
From the name in C{plugin = ...} to what makes the bot.

A name is looked for among the built-in plugins, the providers of
L{IBotPlugin} that L{twisted.plugin} finds, and the entry points of the group
C{txsocketio.bots}; with a colon it is C{package.module:Class}.  What cannot be
imported is reported, and hurts nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module, invalidate_caches
from importlib.metadata import EntryPoint, entry_points
from inspect import cleandoc
from typing import Any

from twisted.plugin import getPlugins
from zope.interface import implementer

from txsocketio.bots.mistakes import PluginError, didYouMean
from txsocketio.bots.schema import PluginOption
from txsocketio.errors import described
from txsocketio.interfaces import IBot, IBotPlugin

__all__ = ["BUILT_IN", "ClassPlugin", "Found", "Plugins", "loadDotted"]

_BOTS = "txsocketio.bots"

BUILT_IN = {
    "command": f"{_BOTS}.command:CommandBot",
    "emit": f"{_BOTS}.emit:EmitBot",
    "log": f"{_BOTS}.log:LogBot",
    "relay": f"{_BOTS}.relay:RelayBot",
    "webhook": f"{_BOTS}.webhook:WebhookBot",
}
"""The plugins that come with this package."""

ENTRY_POINTS = "txsocketio.bots"


@implementer(IBotPlugin)
class ClassPlugin:
    """
    An L{IBot} class as a plugin: called with the options, it gives a bot.
    """

    def __init__(self, name: str, cls: Callable[[Mapping[str, Any]], Any]) -> None:
        self.name = name
        self.description = cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        self.schema: Mapping[str, PluginOption] = getattr(cls, "schema", {})
        self.checkConfig = getattr(cls, "checkConfig", None)
        self._cls = cls

    def makeBot(self, config: Mapping[str, Any]) -> Any:
        return self._cls(config)


def _asPlugin(name: str, thing: Any) -> Any:
    if IBotPlugin.providedBy(thing):
        return thing
    if isinstance(thing, type) and IBot.implementedBy(thing):
        return ClassPlugin(name, thing)
    raise PluginError(
        f'"{name}" is neither a class that implements IBot (a Bot, for example) '
        f"nor an IBotPlugin, but {thing!r:.80}"
    )


def _guarded(what: str, load: Callable[[], Any]) -> Any:
    """
    Run the code of others; whatever it raises is a L{PluginError}.
    """
    try:
        return load()
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{what}: {described(error)}") from error


def loadDotted(name: str) -> Any:
    """
    Load C{package.module:Class}.

    @return: an L{IBotPlugin}.
    @raise PluginError: saying what to fix.
    """
    moduleName, _, path = name.partition(":")
    if not moduleName or not path or moduleName.startswith("."):
        raise PluginError(f'"{name}" is not of the form package.module:Class')
    thing = _guarded(f'cannot import "{moduleName}"', lambda: _imported(moduleName))
    for step in path.split("."):
        if not hasattr(thing, step):
            near = didYouMean(step, [each for each in vars(thing) if each[0] != "_"])
            raise PluginError(f'"{moduleName}" has no "{step}"{near}')
        thing = getattr(thing, step)
    return _asPlugin(name, thing)


def _imported(moduleName: str) -> Any:
    try:
        return import_module(moduleName)
    except ModuleNotFoundError as error:
        if error.name and f"{moduleName}.".startswith(f"{error.name}."):
            raise PluginError(
                f'there is no module "{error.name}"; install it, '
                "or put the folder it is in on PYTHONPATH"
            ) from error
        raise


@dataclass(frozen=True, slots=True)
class Found:
    """
    A plugin that can be used by name, or could if it were whole.

    @ivar origin: C{built in}, C{twisted.plugin} or C{entry point}.
    @ivar load: gives the L{IBotPlugin}, or raises L{PluginError}.
    """

    name: str
    origin: str
    load: Callable[[], Any]

    def describe(self) -> str:
        """
        One line for C{--list-plugins}.
        """
        try:
            text = self.load().description
        except PluginError as error:
            text = f"CANNOT BE USED: {error}"
        return f"{self.name}  ({self.origin})  {text}"


class Plugins:
    """
    All plugins of this installation, looked for when first asked.
    """

    def __init__(
        self,
        dropIns: Callable[[], Iterable[Any]] = lambda: getPlugins(IBotPlugin),
        entryPoints: Callable[[], Iterable[EntryPoint]] = lambda: entry_points(group=ENTRY_POINTS),
    ) -> None:
        self._dropIns = dropIns
        self._entryPoints = entryPoints

    def find(self, name: str) -> Any:
        """
        The L{IBotPlugin} of a name.

        @raise PluginError: saying what to fix.
        """
        if ":" in name:
            return loadDotted(name)
        found = next((each for each in self.found if each.name == name), None)
        if found is None:
            near = didYouMean(name, [each.name for each in self.found])
            names = "write package.module:Class for a class of your own"
            raise PluginError(f'there is no plugin "{name}"{near or "; " + names}')
        return found.load()

    def forget(self) -> None:
        """
        Look again when asked next: something may have been installed.
        """
        invalidate_caches()
        self.__dict__.pop("found", None)

    @cached_property
    def found(self) -> list[Found]:
        """
        The plugins that have a name; of several with one name, the first.
        """
        byName: dict[str, Found] = {}
        for each in (*self._builtIn(), *self._fromTwisted(), *self._fromEntryPoints()):
            byName.setdefault(each.name, each)
        return list(byName.values())

    def _builtIn(self) -> Iterator[Found]:
        for name, dotted in BUILT_IN.items():
            yield Found(name, "built in", partial(_loadBuiltIn, name, dotted))

    def _fromTwisted(self) -> Iterator[Found]:
        for plugin in self._dropIns():
            name = getattr(plugin, "name", None)
            if isinstance(name, str):
                yield Found(name, "twisted.plugin", partial(_asPlugin, name, plugin))

    def _fromEntryPoints(self) -> Iterator[Found]:
        for point in self._entryPoints():
            yield Found(point.name, "entry point", partial(_loadPoint, point))


def _loadBuiltIn(name: str, dotted: str) -> Any:
    plugin = loadDotted(dotted)
    plugin.name = name
    return plugin


def _loadPoint(point: EntryPoint) -> Any:
    what = f'cannot import "{point.value}" of the entry point "{point.name}"'
    return _asPlugin(point.name, _guarded(what, point.load))
