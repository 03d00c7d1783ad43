"""
A real browser for the tests: the machine's own Chromium, without a window.

Its driver blocks, so it runs in a thread of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, sync_playwright
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class BrowserMissing(AssertionError):
    """
    There is no browser; the message says how to get one.
    """


def findBrowser() -> str:
    """
    @raise BrowserMissing: there is none on the PATH.
    """
    for found in filter(None, map(shutil.which, NAMES)):
        return found
    raise BrowserMissing(
        "the status page is tested in a real browser: run `make browser`, or install "
        "Chromium so that it is on PATH"
    )


def inBrowser(visit: Callable[[Page], Any], **options: Any) -> Deferred[Any]:
    """
    Have a function look at a page.

    @param visit: called in a thread with a L{Page}.
    @param options: of the browser's context, such as C{viewport}.
    @return: fires with what it returned, once the browser is gone.
    """
    return deferToThread(_visit, findBrowser(), visit, options)


def _visit(browser: str, visit: Callable[[Page], Any], options: Any) -> Any:
    with sync_playwright() as playwright:
        # As root, as CI is, it has no sandbox; it sees nothing but our page.
        running = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        try:
            page = running.new_context(**options).new_page()
            page.set_default_timeout(15_000)
            return visit(page)
        finally:
            running.close()
