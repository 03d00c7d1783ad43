"""
Fifty bots on three servers: one healthy, one restarted every five seconds,
one that refuses whoever comes.

    make soak                 ten minutes
    make soak SECONDS=60      one
    make soak WORKERS=2       by so many processes; memory is that of all

At the end it says what was seen, and exits with 1 if anything was wrong:
the healthy bots miss nothing; memory is flat after the first minute; states,
metrics and probes tell the truth at every sample; SIGHUP with one changed bot
restarts one bot; SIGTERM ends within the drain limit, with nothing unsent.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from interop.servers import ServerProcess
from soak.daemonprocess import DaemonProcess
from soak.soakbot import LAST_WORDS
from support import freePort

HEALTHY = [f"healthy-{n:02}" for n in range(20)]
FLAPPING = [f"flapping-{n:02}" for n in range(15)]
REFUSED = [f"refused-{n:02}" for n in range(15)]
CHANGED = HEALTHY[-1]
"""The bot that the reload restarts."""

CYCLE = 5.0
"""Seconds from one death of the flapping server to the next."""

DOWN = 1.0
"""Seconds it stays dead."""

TICK = 0.1
"""Seconds between two events of each server."""

DRAIN = 5.0
WARM_UP = 60.0
MB_IN_TEN_MINUTES = 1.0

_FILE = """\
[daemon]
status = tcp:{port}:interface=127.0.0.1
ready = {ready}

[DEFAULT]
reconnectionDelay = 0.2
reconnectionDelayMax = 1
drainTimeout = {drain}
"""

_BOT = """
[bot:{name}]
url = {url}
plugin = soakbot:Counting
transports = {transports}
file = {name}.heard
"""


class Soak:
    """
    The servers, the daemon, and what was found to be wrong.

    @ivar wrong: a sentence for each thing.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        """
        @param options: more of the daemon's.
        """
        self.folder = folder
        self.options = options
        self.wrong: list[str] = []
        self.memory: list[tuple[float, float]] = []
        self.samples = 0
        self.restarts = 0
        self.ticks = itertools.count(1)
        self.last = 0
        self.healthy = ServerProcess("sio")
        self.flapping = ServerProcess("sio")
        self.refusing = ServerProcess("sio")
        self.config = folder / "bots.ini"

    def run(self, seconds: float) -> None:
        """
        Do it all.
        """
        for server in (self.healthy, self.flapping, self.refusing):
            server.launch()
        port = freePort()
        text = self.describe(port)
        self.config.write_text(text)
        self.daemon = DaemonProcess(self.config, port, self.options)
        try:
            self.daemon.waitUntilServed()
            self.pass_(CYCLE)
            self.began = time.monotonic()
            while time.monotonic() - self.began < seconds / 2:
                self.cycle()
            self.reload(text)
            while time.monotonic() - self.began < seconds:
                self.cycle()
            self.stop()
        finally:
            self.daemon.end()
            for server in (self.healthy, self.flapping, self.refusing):
                server.slay()
        self.judgeMemory()
        self.judgeEvents()
        self.judgeLog()

    def describe(self, port: int) -> str:
        """
        The bots file.
        """
        urls = dict.fromkeys(HEALTHY, self.healthy.url)
        urls |= dict.fromkeys(FLAPPING, self.flapping.url)
        urls |= dict.fromkeys(REFUSED, f"{self.refusing.url}/no")
        kinds = itertools.cycle(["websocket", "polling, websocket"])
        head = _FILE.format(port=port, ready=", ".join(HEALTHY), drain=f"{DRAIN:g}")
        return head + "".join(
            _BOT.format(name=name, url=url, transports=next(kinds)) for name, url in urls.items()
        )

    # what happens

    def pass_(self, seconds: float) -> None:
        """
        Let time pass; the servers talk.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.last = next(self.ticks)
            for server in (self.healthy, self.flapping):
                if server.running:
                    server.ask("emit", event="tick", args=[self.last])
            time.sleep(TICK)

    def cycle(self) -> None:
        """
        The flapping server dies and comes again.
        """
        self.sample(flappingIsUp=True)
        self.flapping.slay()
        self.pass_(DOWN)
        self.sample(flappingIsUp=False)
        self.flapping.launch()
        self.restarts += 1
        self.pass_(CYCLE - DOWN)

    def reload(self, text: str) -> None:
        """
        Change one bot in the file and have it read again.
        """
        before = self.daemon.bots()
        section = f"[bot:{CHANGED}]\n"
        self.config.write_text(text.replace(section, section + "query.changed = yes\n"))
        self.daemon.hangUp()
        self.pass_(2.0)
        after = self.daemon.bots()
        restarted = {name for name in HEALTHY if before[name]["sid"] != after[name]["sid"]}
        self.check(restarted == {CHANGED}, f"the reload restarted {sorted(restarted)}")
        self.check(after[CHANGED]["state"] == "connected", f"{CHANGED} did not come back")

    def stop(self) -> None:
        """
        End the daemon; by then everybody must be well.
        """
        self.pass_(3.0)
        self.bots = self.daemon.bots()
        time.sleep(1.0)  # what is on its way arrives
        status, took = self.daemon.terminate()
        self.check(status in (0, -15), f"the exit status is {status}")
        self.check(took < DRAIN + 2, f"stopping took {took:.1f} s")
        self.stopping = took
        self.said = Counter(str(n) for n in self.healthy.ask("log")["numbers"])

    # what must be true

    def check(self, holds: bool, wrong: str) -> None:
        """
        Write down what does not hold.
        """
        if not holds:
            self.wrong.append(f"{time.strftime('%H:%M:%S')} {wrong}")

    def sample(self, flappingIsUp: bool) -> None:
        """
        Compare what the daemon tells with what is.
        """
        self.samples += 1
        self.memory.append((time.monotonic() - self.began, self.daemon.memory()))
        before = self.daemon.bots()
        metrics = self.daemon.get("/metrics")[1]
        after = self.daemon.bots()
        ready, readyText = self.daemon.get("/readyz")
        sids = {bot["sid"] for name, bot in after.items() if name in HEALTHY}
        self.check(
            sids == set(self.healthy.ask("stats")["sockets"]["/"]),
            "status.json and the healthy server disagree",
        )
        self.check(ready == 200, f"/readyz says {ready}: {readyText}")
        self.checkStates(after, flappingIsUp)
        self.checkMetrics(metrics, before, after)

    def checkStates(self, bots: dict[str, dict[str, Any]], flappingIsUp: bool) -> None:
        """
        Who must be connected is, and nobody else; and they say why not.
        """
        for name in HEALTHY:
            self.check(bots[name]["state"] == "connected", f"{name}: {bots[name]}")
        for name in FLAPPING:
            connected = bots[name]["state"] == "connected"
            self.check(connected == flappingIsUp, f"{name}, up: {flappingIsUp}: {bots[name]}")
        for name in REFUSED:
            bot = bots[name]
            self.check(bot["state"] in ("connecting", "backing off"), f"{name}: {bot}")
            self.check("Auth failed" in str(bot["lastError"]), f"{name}: {bot}")
            self.check(bot["counters"]["connects"] == 0, f"{name}: {bot}")

    def checkMetrics(
        self, text: str, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
    ) -> None:
        """
        The metrics say what the status before and after them says.
        """
        states: dict[str, str] = {}
        connects: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for each in family.samples:
                if each.name == "sioclient_bot_state" and each.value == 1:
                    states[each.labels["bot"]] = each.labels["state"]
                elif each.name == "sioclient_bot_connects_total":
                    connects[each.labels["bot"]] = each.value
        for name in (*HEALTHY, *FLAPPING, *REFUSED):
            if before[name]["since"] == after[name]["since"]:  # nothing changed in between
                told = states.get(name)
                self.check(told == after[name]["state"], f"metrics: {name} is {told}")
            counts = [bots[name]["counters"]["connects"] for bots in (before, after)]
            self.check(connects.get(name, -1) in counts, f"metrics: {name}: {connects.get(name)}")

    def judgeMemory(self) -> None:
        """
        The Theil-Sen slope after the first minute.
        """
        later = [(at, mb) for at, mb in self.memory if at >= WARM_UP]
        slopes = [
            (mb - mb0) / (at - at0) for (at0, mb0), (at, mb) in itertools.combinations(later, 2)
        ]
        self.slope = statistics.median(slopes) * 600 if slopes else None
        if self.slope is not None:
            self.check(self.slope < MB_IN_TEN_MINUTES, f"memory grows {self.slope:.2f} MB in 600 s")

    def judgeEvents(self) -> None:
        """
        Nothing missed, nothing twice, nothing unsent.
        """
        for name in HEALTHY:
            heard = [int(line) for line in (self.folder / f"{name}.heard").read_text().split()]
            self.check(heard[-1] == self.last, f"{name} heard up to {heard[-1]} of {self.last}")
            if name != CHANGED:  # which was away during the reload
                whole = list(range(heard[0], self.last + 1))
                self.check(heard == whole, f"{name} heard {len(heard)} of {len(whole)}")
            sent = [f"{name} {n}" for n in heard]
            sent += [f"{name} end {n}" for n in range(LAST_WORDS)]
            lost = [each for each in sent if not self.said[each]]
            self.check(not lost, f"{name}: {len(lost)} emits are lost, e.g. {lost[:3]}")
            twice = [each for each in sent if self.said[each] > 1 + (name == CHANGED)]
            self.check(not twice, f"{name}: emits came twice, e.g. {twice[:3]}")
        for name in FLAPPING:
            connects = self.bots[name]["counters"]["connects"]
            self.check(connects > self.restarts, f"{name}: {connects} connects")

    def judgeLog(self) -> None:
        """
        Nothing failed that nobody caught.
        """
        for word in ("Traceback", "Unhandled"):
            self.check(word not in self.daemon.log.read_text(), f"the log has a {word}")

    def minutes(self) -> list[float]:
        """
        The median memory of each minute.
        """
        minutes = itertools.groupby(self.memory, lambda sample: sample[0] // 60)
        return [statistics.median(mb for _, mb in samples) for _, samples in minutes]

    def report(self) -> str:
        """
        What was seen.
        """
        slope = "too short to tell" if self.slope is None else f"{self.slope:+.2f} MB in 600 s"
        return "\n".join(
            [
                f"bots       {len(HEALTHY)} healthy, {len(FLAPPING)} flapping, "
                f"{len(REFUSED)} refused",
                f"samples    {self.samples}, restarts of the flapping server {self.restarts}",
                f"events     {self.last} to each, {sum(self.said.values())} back",
                f"memory     {self.memory[0][1]:.1f} MB at first, {self.memory[-1][1]:.1f} MB at "
                f"last; slope after {WARM_UP:g} s: {slope}",
                "           MB a minute: " + " ".join(f"{mb:.1f}" for mb in self.minutes()),
                f"stopping   {self.stopping:.2f} s",
                f"wrong      {len(self.wrong)}",
                *(f"  {each}"[:400] for each in self.wrong[:40]),
            ]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--folder", type=Path, help="an empty one, to look at afterwards")
    parser.add_argument("--workers", help="by how many processes the bots are run")
    options = parser.parse_args()
    more = ["--workers", options.workers] if options.workers else []
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(options.folder or Path(folder), *more)
        soak.run(options.seconds)
    print(soak.report())
    sys.exit(bool(soak.wrong))


if __name__ == "__main__":
    main()
