"""
C{twistd sioclient}: its options, and the service they make.

Everything is validated while the options are read, before twistd forks;
C{makeService} opens nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

from twisted.application.service import IService
from twisted.logger import ILogObserver
from twisted.python import usage
from twisted.python.components import Componentized

from txsocketio.bots.config import readConfig
from txsocketio.bots.daemon import BotDaemon
from txsocketio.bots.descriptions import DaemonDescription
from txsocketio.bots.hangup import ReloadOnHangup
from txsocketio.bots.loader import Plugins
from txsocketio.bots.logs import LogLines, observerOf, openLog
from txsocketio.bots.mistakes import ConfigError
from txsocketio.bots.notify import notifierFor
from txsocketio.bots.processend import ProcessEnd
from txsocketio.bots.schema import seconds
from txsocketio.bots.shares import Share, parseShare, shareOfEnvironment
from txsocketio.bots.show import showConfig
from txsocketio.bots.starter import STARTER, writeStarter
from txsocketio.bots.watching import checkEndpoints, watch

__all__ = ["Options", "makeService"]

BAD_CONFIGURATION = 2
"""The exit status of mistakes that a restart cannot mend."""

_DEMO_NEEDS = ("socketio", "aiohttp")


def _duration(text: str) -> float:
    value = seconds(text)
    if not value:
        raise ValueError("must be above 0")
    return value


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
            "With --check: also try each bot's server; exit status 1 if one cannot be had.",
        ],
        ["show-config", None, "Show what the file comes to, defaults included, secrets hidden."],
        ["init", None, "Write a commented file to begin with, bots.ini or the one named."],
        ["list-plugins", None, "Show the plugins that a file may name, and exit."],
        ["demo", None, "Needs no file: run a server, and two bots that talk to it."],
    ]
    optParameters = [
        ["config", "c", None, "The ini file that describes the bots."],
        ["seconds", None, None, "End the demo by itself after so many seconds.", _duration],
        [
            "shard",
            None,
            None,
            "Run only the I-th of N shares of the bots: I/N, from 1; or POD/N, with the name of "
            "a StatefulSet's pod (default: the environment's SIOCLIENT_SHARD).",
            parseShare,
        ],
    ]

    description: DaemonDescription | None = None

    def __init__(self) -> None:
        super().__init__()
        self.bots: list[str] = []
        self.plugins = Plugins()

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
            self._exit(self._listPlugins)
        elif self["init"]:
            self._exit(self._init)
        elif self["demo"]:
            self._exit(self._demo)
        elif not self["config"]:
            raise usage.UsageError("say which bots to run: --config FILE (or try --demo)")
        else:
            self._readConfig()

    def _exit(self, action: Callable[[], int]) -> None:
        status = action()
        sys.stdout.flush()
        raise SystemExit(status)

    def read(self) -> DaemonDescription:
        """
        Read the file, now or again, and choose the bots that the command line
        asks for.

        @raise ConfigError: with all its mistakes.
        """
        # From the second time on by its absolute name: twistd changes folders.
        file = self.description.file if self.description else self["config"]
        return readConfig(file, self.plugins.find, only=self.bots, shares=self._shares())

    def _shares(self) -> list[Share]:
        share = self["shard"] or shareOfEnvironment(os.environ)
        return [share] if share else []

    def _readConfig(self) -> None:
        file = self["config"]
        try:
            self.description = self.read()
            if wrong := checkEndpoints(self.description.file, self.description.settings):
                raise ConfigError(wrong)
        except (ConfigError, ValueError) as error:
            print(error, file=sys.stderr)
            raise SystemExit(BAD_CONFIGURATION) from None
        if self["show-config"]:
            self._exit(self._show)
        elif self["check"]:
            count = len(self.description.bots)
            print(f"{file}: {count} bot{'s' if count != 1 else ''}, no mistakes")
            self._exit(self._connect if self["connect"] else lambda: 0)

    def _show(self) -> int:
        assert self.description is not None
        print(showConfig(self.description, self.plugins.find), end="")
        return 0

    def _connect(self) -> int:
        assert self.description is not None
        # Only the trying and the demo run a reactor here.
        from twisted.internet import reactor

        from txsocketio.bots.trying import runTrying

        sys.stdout.flush()
        return runTrying(reactor, self.description.bots)

    def _init(self) -> int:
        try:
            print(writeStarter(self._new))
        except OSError as error:
            print(f"{self._new} is not written: {error.strerror}", file=sys.stderr)
            return BAD_CONFIGURATION
        return 0

    def _listPlugins(self) -> int:
        for found in self.plugins.found:
            print(found.describe())
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
    daemon = BotDaemon(
        description.bots,
        options.plugins,
        reactor,
        settings=description.settings,
        read=options.read,
        endProcess=ProcessEnd(reactor).end,
    )
    daemon.adopted = partial(_logOurWay, daemon, options.parent or {})
    watch(daemon, reactor)
    ReloadOnHangup(daemon.reload, reactor).setServiceParent(daemon)
    notifier = notifierFor(daemon)
    if notifier is not None:
        notifier.setServiceParent(daemon)
    return daemon


def _logOurWay(daemon: BotDaemon, twistd: Mapping[str, Any], application: Any) -> None:
    """
    Have C{twistd} log by our observer; a C{--logger} of the user's wins.
    """
    if isinstance(application, Componentized) and not twistd.get("logger"):
        lines = LogLines(lambda: daemon.runners.values())
        logFormat = daemon.settings.get("log-format", "text")
        application.setComponent(ILogObserver, observerOf(lines, logFormat, openLog(twistd)))
