"""The system's Chromium, driven by Playwright: what it shows is what people see.

Playwright's own browsers are not used, and none is downloaded.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

LIMIT_MS = 60_000
"""How long anything in the browser may take on a busy machine."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """A browser until its context ends; the test is skipped where the machine has none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS, timeout=LIMIT_MS)
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, url: str) -> Page:
    """A page of its own, loaded; what is done on it or expected of it may take LIMIT_MS."""
    page = browser.new_page()
    page.set_default_timeout(LIMIT_MS)
    page.goto(url)
    return page


def complaints(page: Page) -> list[str]:
    """What the page threw, and what the browser logged of it as an error: refused by a policy, not found."""
    logged = [message.text for message in page.console_messages() if message.type == "error"]
    return [str(error) for error in page.page_errors()] + logged
