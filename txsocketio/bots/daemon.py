"""
All bots of one process: who they are, and what operators do with them.

What is served beside the bots (status page, control endpoint, notifications)
looks at this service, and never the other way round.

Must not know: files, HTTP, signals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, DeferredLock, maybeDeferred
from twisted.logger import Logger

from txsocketio.bots.changes import Changes, compare
from txsocketio.bots.descriptions import BotDescription, DaemonDescription
from txsocketio.bots.keys import inForce
from txsocketio.bots.loader import Plugins
from txsocketio.bots.mistakes import ConfigError, PluginError, didYouMean
from txsocketio.bots.pace import AttemptPace
from txsocketio.bots.runner import BotRunner
from txsocketio.bots.states import BotState
from txsocketio.waiters import Waiters

__all__ = ["FAILED", "BotDaemon", "UnknownBot"]

FAILED = 1
"""The exit status of C{onError = stop}."""


class UnknownBot(LookupError):
    """
    There is no bot of that name.
    """


def _cannotRead() -> DaemonDescription:
    raise PluginError("this daemon was made without a file; there is nothing to read again")


class BotDaemon(MultiService):
    """
    Runs bots, each on its own.

    @ivar runners: the bots by name, in the order of the file.
    @ivar reactor: the clock of all.
    @ivar settings: the C{[daemon]} section as it is in force.
    @ivar adjustable: the keys of C{[daemon]} that can change while the daemon
        runs, and what is called with the new value, L{None} for none.
    @ivar observers: called without arguments after every change of any bot,
        and when a reload begins and ends; cheap ones.
    @ivar reloading: whether that is under way.
    @ivar adopted: called with the parent when this gets one.
    """

    reloading = False

    _log = Logger()

    def __init__(
        self,
        bots: Iterable[BotDescription],
        plugins: Plugins,
        reactor: Any,
        settings: Mapping[str, Any] | None = None,
        read: Callable[[], DaemonDescription] = _cannotRead,
        endProcess: Callable[[int], object] = lambda status: None,
    ) -> None:
        """
        @param read: reads the bots file again; may raise L{ConfigError}.
        @param endProcess: called with the exit status when the process shall
            end.
        """
        super().__init__()
        self.reactor = reactor
        self.runners: dict[str, BotRunner] = {}
        self.adopted: Callable[[Any], object] = lambda parent: None
        self.settings: dict[str, Any] = inForce(settings or {})
        self.observers: list[Callable[[], object]] = []
        self.adjustable: dict[str, Callable[[Any], object]] = {
            "onError": lambda value: None,  # asked for when it matters
            "attemptsPerHost": self._setPace,
        }
        self._pace = AttemptPace(reactor, self.settings.get("attemptsPerHost"))
        self._plugins = plugins
        self._read = read
        self._endProcess = endProcess
        self._leaving: set[BotRunner] = set()
        self._endWaiters = Waiters()
        self._reloads = DeferredLock()
        for each in bots:
            self.add(each)

    def setServiceParent(self, parent: Any) -> None:
        """
        Become a part of an application.
        """
        super().setServiceParent(parent)
        self.adopted(parent)

    def runner(self, name: str) -> BotRunner:
        """
        The runner of a bot.

        @raise UnknownBot: saying which name is near.
        """
        try:
            return self.runners[name]
        except KeyError:
            near = didYouMean(name, self.runners)
            raise UnknownBot(f'there is no bot "{name}"{near}') from None

    def add(
        self, description: BotDescription, paused: bool = False, plugin: Any = None
    ) -> BotRunner:
        """
        One bot more; it starts at once if the daemon runs.

        @param plugin: its plugin, if that was found already.
        """
        if plugin is None:
            plugin = self._plugins.find(description.plugin)
        runner = BotRunner(description, plugin, self.reactor)
        runner.paused = paused
        runner.changed = self._changed
        runner.lengthen = partial(self._pace.lengthen, description.url)
        self.runners[description.name] = runner
        runner.setServiceParent(self)
        return runner

    def remove(self, name: str) -> Deferred[Any]:
        """
        One bot fewer.

        @return: fires when nothing is left of it; never fails.
        @raise UnknownBot: there is none of that name.
        """
        runner = self.runner(name)
        del self.runners[name]
        return self._leave(runner)

    def stopService(self) -> Deferred[Any]:
        """
        Stop all bots, each within its own limit.

        @return: fires when nothing is left of any, those included that were
            removed before and are not done.
        """
        stopping: Deferred[Any] = super().stopService()
        ended = DeferredList([stopping, *(each.whenEnded() for each in self._leaving)])
        return ended.addCallback(self._cbEnded)

    def whenEnded(self) -> Deferred[Any]:
        """
        @return: fires when the stop that is under way, or the next one, has
            come to its end.
        """
        return self._endWaiters.wait()

    def reload(self) -> Deferred[Changes]:
        """
        Read the bots file again, and do what is different: bots that are new
        start, bots that are gone stop, changed ones are restarted, and no
        other bot notices.  A paused bot stays paused.

        @return: fires when all that is done.  Fails with L{ConfigError} when
            the file has mistakes; then nothing has changed.
        """
        return self._reloads.run(self._reload)

    # inside

    def _cbEnded(self, result: Any) -> Any:
        self._endWaiters.succeed(None)
        return result

    def _changed(self, runner: BotRunner) -> None:
        self._tellObservers()
        if runner.condition.state is BotState.FAILED and self.settings["onError"] == "stop":
            self._log.critical(
                'the bot "{bot}" has failed, and onError = stop: the process ends',
                bot=runner.name,
            )
            self._endProcess(FAILED)

    def _setPace(self, perSecond: float | None) -> None:
        self._pace.perSecond = perSecond

    def _leave(self, runner: BotRunner) -> Deferred[Any]:
        self._leaving.add(runner)
        leaving = maybeDeferred(runner.disownServiceParent)
        return leaving.addCallback(lambda _: self._leaving.discard(runner))

    # inside: reloading

    async def _reload(self) -> Changes:
        self._tell(reloading=True)
        try:
            new, plugins = self._readAgain()
            changes = await self._takeOver(new, plugins)
        finally:
            self._tell(reloading=False)
        self._log.info("the bots file was read again; {changes}", changes=str(changes))
        return changes

    async def _takeOver(self, new: DaemonDescription, plugins: Mapping[str, Any]) -> Changes:
        present = (each.description for each in self.runners.values())
        try:
            changes = compare(present, self.settings, new, self.adjustable)
            self._adjust(changes, new.settings)
            await self._apply(changes, new, plugins)
        except Exception:
            self._log.failure("the bots file was read, but not all of it is in force")
            raise
        return changes

    def _tell(self, reloading: bool) -> None:
        self.reloading = reloading
        self._tellObservers()

    def _tellObservers(self) -> None:
        for each in tuple(self.observers):
            each()

    def _readAgain(self) -> tuple[DaemonDescription, dict[str, Any]]:
        """
        Everything that can go wrong, before anything is changed.

        @return: what the file says, and its plugins by name.
        """
        try:
            self._plugins.forget()
            new = self._read()
            new = replace(new, settings=inForce(new.settings))
            return new, {each.plugin: self._plugins.find(each.plugin) for each in new.bots}
        except (ConfigError, PluginError) as error:
            self._log.error(
                "the bots file has mistakes, so nothing has changed:\n{mistakes}",
                mistakes=str(error),
            )
            raise
        except Exception:
            self._log.failure("the bots file could not be read, so nothing has changed")
            raise

    def _adjust(self, changes: Changes, settings: Mapping[str, Any]) -> None:
        for key in changes.settings:
            if key in changes.fixed:
                continue
            value = settings.get(key)
            self.settings[key] = value
            self.adjustable[key](value)
        if changes.fixed:
            self._log.warn(
                "[daemon] {keys}: changed in the file, but read only when the daemon starts; "
                "restart it",
                keys=", ".join(changes.fixed),
            )

    async def _apply(
        self, changes: Changes, new: DaemonDescription, plugins: Mapping[str, Any]
    ) -> None:
        described = {bot.name: bot for bot in new.bots}
        busy = [self.remove(name) for name in changes.removed]
        busy += [
            Deferred.fromCoroutine(
                self._replace(self.runners[name], described[name], plugins[described[name].plugin])
            )
            for name in changes.changed
        ]
        for name in changes.added:
            self.add(described[name], plugin=plugins[described[name].plugin])
        await DeferredList(busy)
        runners = {name: self.runners[name] for name in described if name in self.runners}
        runners |= self.runners
        self.runners.clear()
        self.runners.update(runners)

    async def _replace(self, old: BotRunner, description: BotDescription, plugin: Any) -> None:
        # The old one stays to be seen until it is gone: two sessions of one
        # bot at a time would be one too many.
        await self._leave(old)
        self.add(description, old.paused, plugin)
