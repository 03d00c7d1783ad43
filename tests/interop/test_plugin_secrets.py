"""
What is secret in the options of the built-in plugins is shown nowhere, even if
the peers say it back.
"""

from __future__ import annotations

import json

from bots.peerkit import hooking, serving
from interop.daemons import runningDaemon
from support import deferred, until

PATH, PASSWORD, HEADER, AUTH = "p4th-marked", "p4ssword-marked", "h34der-marked", "4uth-marked"
MARKS = (PATH, PASSWORD, HEADER, AUTH)


@deferred(timeout=60.0)
async def test_secretsOfPluginsStaySecret() -> None:
    """
    A server that refuses a webhook quotes it, another one refuses a relay by
    its token: log, page and status hide all of it.
    """
    async with serving() as source, serving() as target, hooking() as hook:
        hook.statuses = [400, 503, 503]
        hook.said = " ".join(MARKS).encode()
        target.use("/in", lambda auth, *_: f"bad token {auth['token']}")
        bots = (
            f"[bot:hook]\nurl = {source.url}\nplugin = webhook\n"
            f"target = {hook.url.replace('//', f'//me:{PASSWORD}@')}/{PATH}\n"
            f"targetHeaders = Authorization: Bearer {HEADER}\n"
            f"[bot:relay]\nurl = {source.url}\nplugin = relay\n"
            f"target = {target.url}\ntargetNamespace = /in\ntargetAuth = token: {AUTH}\n"
        )
        async with runningDaemon() as daemon:
            daemon.write(bots=bots)
            assert (await daemon.ctl("reload"))[0] == 0
            await daemon.becomes("hook", state="connected")
            await until(lambda: "bad token" in daemon.log, 20)
            source.emit("tick", 1)
            source.emit("tick", 2)
            await until(lambda: len(hook.posts) == 3, 20)
            await until(lambda: "answered 503" in daemon.log and "answered 400" in daemon.log, 20)
            page = (await daemon.get(""))[1]
            told = json.dumps((await daemon.get("status.json"))[1])
            for mark in MARKS:
                assert mark not in daemon.log, daemon.log
                assert mark not in page + told
