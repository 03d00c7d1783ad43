"""
The status page, as text: complete as it is served, kept up to date by a few
lines of script in a browser that runs them.

Every value is escaped here, and set as text by the script; a server can make a
bot say anything, but not write this page.

Must not know: HTTP, bots.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any

from txsocketio.bots.document import Document

__all__ = ["CONTENT_SECURITY_POLICY", "span", "statusPage"]

REFRESH = 2
"""Seconds between two looks of the script."""

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif;
  --soft: color-mix(in srgb, CanvasText 66%, Canvas);
  --line: color-mix(in srgb, CanvasText 20%, Canvas);
  --mark: #6a6a6a }
body { margin: 0 auto; max-width: 76rem; padding: 1.2rem 1rem }
header { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: baseline }
h1 { font-size: 1.3rem; margin: 0 }
#ready { font-weight: 600; border-left: .4rem solid #b3261e; padding-left: .6rem;
  overflow-wrap: anywhere }
#ready[data-ready=true] { border-color: #1a7f37 }
#count, .note, .age, dt { color: var(--soft) }
#stale { background: #b3261e; color: #fff; padding: .4rem .7rem; border-radius: .4rem }
.note { font-size: .85rem }
.tools { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center }
#find { font: inherit; padding: .35rem .6rem; width: 18rem; max-width: 100%;
  box-sizing: border-box; border: 1px solid var(--line); border-radius: .4rem }
.bot { border: 1px solid var(--line); border-left: .4rem solid var(--mark);
  border-radius: .4rem; margin: .5rem 0 }
[hidden] { display: none !important }
summary { display: grid; grid-template-columns: 1rem 13rem 7.5rem 7rem 1fr; gap: .15rem 1rem;
  padding: .55rem .8rem; cursor: pointer; overflow-wrap: anywhere; align-items: baseline }
summary::before { content: "\\25b8"; color: var(--soft) }
[open] > summary::before { content: "\\25be" }
summary:hover { background: color-mix(in srgb, CanvasText 5%, Canvas) }
summary:focus-visible { outline: 2px solid Highlight }
.name { font-weight: 600 }
.state { background: var(--mark); color: #fff; border-radius: 1rem; padding: 0 .6rem;
  font-size: .85rem; line-height: 1.6; justify-self: start; white-space: nowrap }
[data-state=connected] { --mark: #1a7f37 }
[data-state=failed] { --mark: #b3261e }
[data-state="backing off"] { --mark: #a85b00 }
[data-state=connecting], [data-state=waiting] { --mark: #2a62c5 }
dl { display: grid; grid-template-columns: 12rem 1fr; gap: .15rem 1rem; margin: 0;
  padding: .3rem .8rem .8rem 2.8rem; overflow-wrap: anywhere }
dd { margin: 0; min-width: 0 }
@media (max-width: 44rem) {
  summary { grid-template-columns: 1rem 1fr auto; gap: .2rem .5rem }
  summary .age, summary .why { grid-column: 2 / -1 }
  dl { grid-template-columns: 8rem 1fr; padding-left: .8rem; gap: .15rem .5rem }
  #find { width: 100% }
}
"""

_SCRIPT = """
"use strict";
const $ = (id) => document.getElementById(id);
const span = (s) => {
  s = Math.max(0, Math.floor(s));
  const d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
  return d ? d + " d " + h + " h" : h ? h + " h " + m + " min"
    : m ? m + " min " + s % 60 + " s" : s + " s";
};
const stamp = (s) => new Date(Math.floor(s) * 1000).toISOString()
  .replace("T", " ").replace(".000Z", " UTC");
const values = (bot, now) => ({
  ...bot, ...bot.counters,
  age: span(now - bot.since),
  since: stamp(bot.since),
  nextAttempt: bot.nextAttempt === null ? null : "in " + span(bot.nextAttempt - now),
});
const rows = () => [...document.querySelectorAll(".bot")];
const show = (doc) => {
  const known = rows().map((row) => row.dataset.bot).join();
  if (known !== doc.bots.map((bot) => bot.name).join()) return location.reload();
  rows().forEach((row, i) => {
    const told = values(doc.bots[i], doc.time);
    row.dataset.state = told.state;
    for (const cell of row.querySelectorAll("[data-field]"))
      cell.textContent = String(told[cell.dataset.field] ?? "\\u2013");
  });
  const up = doc.bots.filter((bot) => bot.state === "connected").length;
  $("ready").dataset.ready = doc.ready;
  $("ready").textContent = doc.ready ? "ready"
    : "not ready: waiting for " + doc.notReady.join(", ");
  $("count").textContent = up + " of " + doc.bots.length + " connected";
  $("time").textContent = stamp(doc.time);
  $("running").textContent = span(doc.time - doc.started);
  $("rule").textContent = doc.readyRule;
  filter();
};
const filter = () => {
  const text = $("find").value.trim().toLowerCase(), only = $("only").checked;
  for (const row of rows())
    row.hidden = !row.textContent.toLowerCase().includes(text)
      || (only && row.dataset.state === "connected");
};
const look = async () => {
  try {
    const answer = await fetch("status.json", { cache: "no-store" });
    if (!answer.ok) throw new Error("status " + answer.status);
    show(await answer.json());
    $("stale").hidden = true;
  } catch (error) {
    $("stale").hidden = false;
  }
  setTimeout(look, REFRESH);
};
$("tools").hidden = false;
$("find").oninput = $("only").onchange = filter;
setTimeout(look, REFRESH);
""".replace("REFRESH", str(REFRESH * 1000))


def _hashed(text: str) -> str:
    return "'sha256-" + b64encode(sha256(text.encode()).digest()).decode("ascii") + "'"


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src {_hashed(_STYLE)}; script-src {_hashed(_SCRIPT)}; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing runs in the page but what stands above."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<title>Socket.IO bots</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Socket.IO bots</h1>
<span id="ready" role="status" data-ready="{isReady}">{ready}</span>
<span id="count">{count}</span>
</header>
<p id="stale" role="alert" hidden>The daemon does not answer; what stands here may be old.</p>
<div class="tools" id="tools" hidden>
<input id="find" type="search" placeholder="find" aria-label="find bots">
<label><input id="only" type="checkbox"> only those not connected</label>
</div>
<main>
{bots}</main>
<p class="note">As of <span id="time">{time}</span>; process {pid}, running for
<span id="running">{running}</span>; ready when connected:
<span id="rule">{rule}</span>; txsocketio {version}.
<a href="status.json">status.json</a>{metrics}</p>
<script>{script}</script>
</body>
</html>
"""

_METRICS = ' <a href="metrics">metrics</a>'

_BOT = """\
<details class="bot" data-bot="{name}" data-state="{state}">
<summary><span class="name">{name}</span> <span class="state" data-field="state">{state}</span>
<span class="age" data-field="age">{age}</span>
<span class="why" data-field="why">{why}</span></summary>
<dl>
{details}</dl>
</details>
"""

_DETAILS = (
    ("server", "server"),
    ("namespace", "namespace"),
    ("plugin", "plugin"),
    ("since", "since"),
    ("transport", "transport"),
    ("sid", "session"),
    ("attempt", "attempt"),
    ("nextAttempt", "next attempt"),
    ("lastError", "last error"),
    ("connects", "connections"),
    ("disconnections", "disconnections"),
    ("eventsIn", "events received"),
    ("emits", "events sent"),
)
"""Which value stands behind which word."""


def statusPage(document: Document, metrics: bool = True) -> str:
    """
    Write the page.

    @param metrics: whether there are metrics to link to.
    """
    bots = document["bots"]
    now = document["time"]
    up = sum(bot["state"] == "connected" for bot in bots)
    waited = ", ".join(document["notReady"])
    values = {
        "isReady": "true" if document["ready"] else "false",
        "ready": "ready" if document["ready"] else f"not ready: waiting for {waited}",
        "count": f"{up} of {len(bots)} connected",
        "time": _stamp(now),
        "pid": document["pid"],
        "running": span(now - document["started"]),
        "rule": document["readyRule"],
        "version": document["version"],
    }
    rows = "".join(_row(bot, now) for bot in bots)
    fixed = {"style": _STYLE, "script": _SCRIPT, "metrics": _METRICS if metrics else ""}
    return _PAGE.format(bots=rows, **fixed, **_escaped(values))


def span(seconds: float) -> str:
    """
    A duration for people: its two largest units.
    """
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _row(bot: Mapping[str, Any], now: float) -> str:
    due = bot["nextAttempt"]
    values = {
        **bot,
        **bot["counters"],
        "age": span(now - bot["since"]),
        "since": _stamp(bot["since"]),
        "nextAttempt": None if due is None else f"in {span(due - now)}",
    }
    shown = _escaped(values)
    details = "".join(
        f'<dt>{word}</dt><dd data-field="{field}">{shown[field]}</dd>\n' for field, word in _DETAILS
    )
    return _BOT.format(details=details, **shown)


def _escaped(values: Mapping[str, Any]) -> dict[str, str]:
    """
    Everything as text that is safe between tags and between quotes.
    """
    return {
        name: "\N{EN DASH}" if value is None else escape(str(value))
        for name, value in values.items()
    }
