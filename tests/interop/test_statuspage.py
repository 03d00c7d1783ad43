"""
The status page of a real C{twistd}, clicked through in a real browser; with
SCREENSHOTS=FOLDER, it leaves pictures there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect
from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread

from interop.browser import inBrowser
from interop.daemons import SECRET, RunningDaemon, runningDaemon
from support import deferred

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "is_mobile": True}

# A server could make a bot say such things; names of bots are letters and digits.
HOSTILE = """\
[bot:hostile]
url = http://127.0.0.1:1
namespace = /<img src=x onerror=alert(1)>
"""


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def bot(page: Page, name: str) -> Any:
    return page.locator(f'.bot[data-bot="{name}"]')


def command(daemon: RunningDaemon, *arguments: str) -> None:
    code, said = blockingCallFromThread(reactor, lambda: _ctl(daemon, *arguments))
    assert code == 0, said


def _ctl(daemon: RunningDaemon, *arguments: str) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(daemon.ctl(*arguments))


async def visit(daemon: RunningDaemon, look: Callable[[Page], Any], **options: Any) -> None:
    """
    Open the page in a browser, and see that nothing in it goes wrong.
    """

    def open(page: Page) -> None:
        wrong: list[str] = []

        def said(message: ConsoleMessage) -> None:
            wrong.extend([message.text] if message.type == "error" else [])

        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        page.on("console", said)
        page.goto(daemon.url)
        look(page)
        assert [text for text in wrong if "ERR_CONNECTION_REFUSED" not in text] == []
        assert SECRET not in page.content()

    await inBrowser(open, **options)


@deferred(timeout=90.0)
async def test_anOperatorLooksIntoIt() -> None:
    """
    The page tells how the bots are; a click opens one, the search finds it,
    and what changes is seen without a reload, with what was opened still open.
    """
    async with runningDaemon() as daemon:

        def look(page: Page) -> None:
            expect(page.locator("#ready")).to_have_text("not ready: waiting for nowhere")
            expect(page.locator("#count")).to_have_text("1 of 2 connected")
            ticker = bot(page, "ticker")
            expect(ticker.locator(".state")).to_have_text("connected")
            expect(bot(page, "nowhere").locator(".why")).to_contain_text("connection refused")

            server = ticker.locator('[data-field="server"]')
            expect(server).to_be_hidden()
            ticker.locator("summary").click()
            expect(server).to_have_text(re.compile("^http://127.0.0.1:"))
            heard = ticker.locator('[data-field="eventsIn"]')
            before = heard.inner_text()
            expect(heard).not_to_have_text(before)
            picture(page, "desktop")

            page.get_by_label("only those not connected").check()
            expect(ticker).to_be_hidden()
            page.get_by_label("only those not connected").uncheck()
            page.get_by_label("find bots").fill("NOWHERE")
            expect(ticker).to_be_hidden()
            expect(bot(page, "nowhere")).to_be_visible()
            page.get_by_label("find bots").fill("")

            expect(page.locator("#running")).not_to_have_text("0 s")
            command(daemon, "pause", "ticker")
            expect(ticker.locator(".state")).to_have_text("stopped")
            expect(ticker.locator(".why")).to_have_text("paused by an operator")
            expect(page.locator("#count")).to_have_text("0 of 2 connected")
            command(daemon, "resume", "ticker")
            expect(ticker.locator(".state")).to_have_text("connected")
            expect(server).to_be_visible()

        await visit(daemon, look, **DESKTOP)


@deferred(timeout=90.0)
async def test_itIsReadOnAPhone() -> None:
    """
    Nothing is wider than the screen, opened or not.
    """
    async with runningDaemon() as daemon:

        def look(page: Page) -> None:
            for each in page.locator("summary").all():
                each.click()
            expect(bot(page, "nowhere").locator('[data-field="lastError"]')).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            picture(page, "phone")

        await visit(daemon, look, **PHONE)


@deferred(timeout=90.0)
async def test_itIsReadWithoutScript() -> None:
    """
    Complete as it was served; what only script can do is not offered.
    """
    async with runningDaemon() as daemon:

        def look(page: Page) -> None:
            bot(page, "ticker").locator("summary").click()
            expect(bot(page, "ticker").locator('[data-field="transport"]')).to_be_visible()
            expect(page.locator("#tools")).to_be_hidden()
            assert page.locator('noscript meta[http-equiv="refresh"]').count() == 1

        await visit(daemon, look, java_script_enabled=False)


@deferred(timeout=90.0)
async def test_whatOthersSayIsTextAndNothingElse() -> None:
    """
    Neither as it is served nor as the script puts it there.
    """
    async with runningDaemon(bots=HOSTILE) as daemon:

        def look(page: Page) -> None:
            told = bot(page, "hostile").locator('[data-field="namespace"]')
            expect(told).to_have_text("/<img src=x onerror=alert(1)>")
            with page.expect_response("**/status.json") as answered:
                pass
            answered.value.finished()
            expect(told).to_have_text("/<img src=x onerror=alert(1)>")
            assert page.locator("main img").count() == 0
            # Nor would anything run that came in all the same.
            blocked = page.evaluate(
                "() => { const s = document.createElement('script'); s.text = 'window.bad = 1';"
                " document.body.append(s); return window.bad === undefined }"
            )
            assert blocked

        with pytest.raises(AssertionError, match="Content Security Policy"):
            await visit(daemon, look, **DESKTOP)


@deferred(timeout=90.0)
async def test_aDaemonThatIsGoneIsMissed() -> None:
    """
    The page says that it may be old, and does not pretend.
    """
    async with runningDaemon() as daemon:

        def look(page: Page) -> None:
            expect(page.locator("#stale")).to_be_hidden()
            daemon.process.terminate()
            expect(page.locator("#stale")).to_be_visible()
            picture(page, "stale")

        await visit(daemon, look, **DESKTOP)


@deferred(timeout=90.0)
async def test_aReloadIsSeen() -> None:
    """
    A bot that is new in the file comes to the page by itself.
    """
    async with runningDaemon() as daemon:

        def look(page: Page) -> None:
            expect(page.locator(".bot")).to_have_count(2)
            daemon.write(bots="[bot:more]\nurl = http://127.0.0.1:1")
            command(daemon, "reload")
            expect(page.locator(".bot")).to_have_count(3)
            expect(bot(page, "more")).to_be_visible()

        await visit(daemon, look, **DESKTOP)
