"""
C{twistd sioclient}: its options, and the service they make.

Everything is validated while the options are read, before twistd forks;
C{makeService} opens nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from twisted.application.service import IService
from twisted.logger import ILogObserver
from twisted.python import usage
from twisted.python.components import Componentized

import twisted
from txsocketio.bots.config import readConfig
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.descriptions import DaemonDescription
from txsocketio.bots.document import VERSION
from txsocketio.bots.hangup import ReloadOnHangup
from txsocketio.bots.loader import Plugins
from txsocketio.bots.logs import LogLines, observerOf, openLog
from txsocketio.bots.mistakes import BAD_CONFIGURATION, ConfigError
from txsocketio.bots.notify import notifierFor
from txsocketio.bots.overview import overviewOf
from txsocketio.bots.processend import ProcessEnd
from txsocketio.bots.schema import seconds
from txsocketio.bots.seat import parseSeat
from txsocketio.bots.shares import Share, parseShare, shareOfEnvironment
from txsocketio.bots.show import showConfig
from txsocketio.bots.spawning import spawnerOf
from txsocketio.bots.starter import STARTER, writeStarter
from txsocketio.bots.supervisor import Supervisor
from txsocketio.bots.texts import say
from txsocketio.bots.watching import checkEndpoints, watch
from txsocketio.bots.worker import buildObserver, sit

__all__ = ["Options", "makeService"]

MOST_WORKERS = 64

_DEMO_NEEDS = ("socketio", "aiohttp")


def _duration(text: str) -> float:
    value = seconds(text)
    if not value:
        raise ValueError("must be above 0")
    return value


def _workers(text: str) -> int:
    count = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= count <= MOST_WORKERS:
        raise ValueError(f"must be a whole number from 1 to {MOST_WORKERS}; not {text!r:.80}")
    return count


def _said(flag: str, parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """
    Have a mistake tell which option it is in; Twisted does not.
    """

    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise ValueError(f"{flag} {error}") from None

    return read


class Options(usage.Options):
    """
    The command line.

    @ivar bots: the names given by C{--bot}.
    @ivar description: what the bots file says.
    @ivar plugins: where its plugins are found.
    """

    synopsis = "[options] --config FILE | --init [FILE] | --demo | --list-plugins"
    longdesc = "Runs Socket.IO client bots, each as its section of an ini file describes it."

    optFlags = [
        ["check", None, "Validate the file, connect to nothing; exit status 2 if it has mistakes."],
        [
            "connect",
            None,
            "With --check: also try each bot's server; exit status 1 if one cannot be had, "
            "3 if one refuses its bot as the file describes it.",
        ],
        ["show-config", None, "Show what the file comes to, defaults included, secrets hidden."],
        ["init", None, "Write a commented file to begin with, bots.ini or the one named."],
        ["list-plugins", None, "Show the plugins that a file may name, and exit."],
        ["demo", None, "Needs no file: run a server, and two bots that talk to it."],
    ]
    optParameters = [
        ["config", "c", None, "The ini file that describes the bots."],
        [
            "seconds",
            None,
            None,
            "End the demo by itself after so many seconds.",
            _said("--seconds", _duration),
        ],
        [
            "shard",
            None,
            None,
            "Run only the I-th of N shares of the bots: I/N, from 1; or POD/N, with the name of "
            "a StatefulSet's pod (default: the environment's SIOCLIENT_SHARD).",
            _said("--shard", parseShare),
        ],
        [
            "workers",
            None,
            None,
            "Run the bots in N processes, each with its share.",
            _said("--workers", _workers),
        ],
        ["worker", None, None, "Not for people: what --workers tells its processes.", parseSeat],
    ]

    description: DaemonDescription | None = None

    def __init__(self) -> None:
        super().__init__()
        self.bots: list[str] = []
        self.plugins = Plugins()

    def parseOptions(self, options: Any = None) -> None:
        """
        Read the command line; a mistake in it is one that no restart mends.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            said = str(error).removeprefix("Parameter type enforcement failed: ")
            print(f"twistd sioclient: {said}\n(try: twistd sioclient --help)", file=sys.stderr)
            raise SystemExit(BAD_CONFIGURATION) from None

    def opt_version(self) -> None:
        """
        Show the versions of txsocketio and Twisted, and exit.
        """
        say(f"txsocketio {VERSION}, Twisted {twisted.__version__}")
        raise SystemExit(0)

    def opt_bot(self, name: str) -> None:
        """
        Run only this bot; may be given several times.
        """
        self.bots.append(name)

    def parseArgs(self, *files: str) -> None:
        """
        Take the name of the file that C{--init} writes.
        """
        if len(files) > 1 or (files and not self["init"]):
            raise usage.UsageError(f"unexpected {files[-1]!r}; a bots file is given by --config")
        self._new = files[0] if files else STARTER

    def postOptions(self) -> None:
        if self["seconds"] is not None and not self["demo"]:
            raise usage.UsageError("--seconds is for --demo only")
        if self["connect"] and not self["check"]:
            raise usage.UsageError("--connect is for --check only")
        if self["list-plugins"]:
            raise SystemExit(self._listPlugins())
        elif self["init"]:
            raise SystemExit(self._init())
        elif self["demo"]:
            raise SystemExit(self._demo())
        elif not self["config"]:
            raise usage.UsageError("say which bots to run: --config FILE (or try --demo)")
        else:
            self._readConfig()

    def read(self) -> DaemonDescription:
        """
        Read the file, now or again, and choose the bots that the command line
        asks for.

        @raise ConfigError: with all its mistakes.
        """
        # From the second time on by its absolute name: twistd changes folders.
        file = self.description.file if self.description else self["config"]
        shares, seat = self._shares(), self["worker"]
        if not seat:
            return readConfig(file, self.plugins.find, only=self.bots, shares=shares)
        shares.append(seat.share)
        new = readConfig(file, self.plugins.find, only=self.bots, shares=shares)
        return replace(new, settings=seat.settings(new.settings))

    def _shares(self) -> list[Share]:
        share = self["shard"] or shareOfEnvironment(os.environ)
        return [share] if share else []

    def choice(self) -> list[str]:
        """
        The arguments that choose the same bots from anywhere.
        """
        assert self.description is not None
        bots = [argument for name in self.bots for argument in ("--bot", name)]
        shards = [argument for share in self._shares() for argument in ("--shard", str(share))]
        return ["--config", self.description.file, *bots, *shards]

    def _readConfig(self) -> None:
        file = self["config"]
        try:
            self.description = self.read()
            if wrong := checkEndpoints(self.description):
                raise ConfigError(wrong)
        except (ConfigError, ValueError) as error:
            print(error, file=sys.stderr)
            raise SystemExit(BAD_CONFIGURATION) from None
        if self["show-config"]:
            raise SystemExit(self._show())
        elif self["check"]:
            count = len(self.description.bots)
            say(f"{file}: {count} bot{'s' if count != 1 else ''}, no mistakes")
            raise SystemExit(self._connect() if self["connect"] else 0)

    def _show(self) -> int:
        assert self.description is not None
        say(showConfig(self.description, self.plugins.find), end="")
        return 0

    def _connect(self) -> int:
        assert self.description is not None
        # Only the trying and the demo run a reactor here.
        from twisted.internet import reactor

        from txsocketio.bots.trying import runTrying

        return runTrying(reactor, self.description.bots)

    def _init(self) -> int:
        try:
            say(writeStarter(self._new))
        except OSError as error:
            print(f"{self._new} is not written: {error.strerror}", file=sys.stderr)
            return BAD_CONFIGURATION
        return 0

    def _listPlugins(self) -> int:
        for found in self.plugins.found:
            say(found.describe())
        return 0

    def _demo(self) -> int:
        if not all(map(find_spec, _DEMO_NEEDS)):
            print(
                "the demo needs a Socket.IO server; install it with:\n"
                '    python -m pip install "txsocketio[demo]"',
                file=sys.stderr,
            )
            return BAD_CONFIGURATION
        from twisted.internet import reactor

        from txsocketio.bots.demo import runDemo

        return runDemo(reactor, self["seconds"])


def makeService(options: Options) -> IService:
    """
    Make the service of all bots, and of what is beside them.
    """
    from twisted.internet import reactor

    description = options.description
    assert description is not None
    daemon = _daemon(options, description, reactor)
    daemon.adopted = partial(_logOurWay, daemon, options)
    if options["worker"]:
        sit(daemon, options["worker"], reactor)
    ReloadOnHangup(daemon.reload, reactor).setServiceParent(daemon)
    notifier = notifierFor(daemon)
    if notifier is not None:
        notifier.setServiceParent(daemon)
    return daemon


def _daemon(options: Options, description: DaemonDescription, reactor: Any) -> BotDaemon:
    """
    The daemon, or who supervises those that are, and what it serves.
    """
    common: dict[str, Any] = {
        "bots": description.bots,
        "plugins": options.plugins,
        "reactor": reactor,
        "settings": description.settings,
        "read": options.read,
        "endProcess": ProcessEnd(reactor).end,
    }
    if options["workers"] is None:
        daemon = BotDaemon(**common)
        watch(daemon, reactor)
        return daemon
    spawn = spawnerOf(reactor, options.choice(), options.parent or {})
    supervisor = Supervisor(**common, count=options["workers"], spawn=spawn)
    watch(supervisor, reactor, overviewOf(supervisor))
    return supervisor


def _logOurWay(daemon: BotDaemon, options: Options, application: Any) -> None:
    """
    Have C{twistd} log by our observer; a C{--logger} of the user's wins.
    """
    twistd: Mapping[str, Any] = options.parent or {}
    if not isinstance(application, Componentized) or twistd.get("logger"):
        return
    lines = LogLines(lambda: daemon.runners.values())
    if options["worker"]:
        observer: Any = buildObserver(lines)
    else:
        settings = daemon.settings
        daemon.adjustable["log-level"] = lambda value: None  # asked for at each event
        observer = observerOf(
            lines,
            settings["log-format"],
            openLog(twistd),
            lambda: settings["log-level"],
        )
    application.setComponent(ILogObserver, observer)
