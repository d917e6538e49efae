"""A browser for all of these tests, in which a page is soon there, and pages that note every request and every error.

It is gone before the other tests: while it is there, its event loop runs, and none of their own can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium

# What must come is waited for, in milliseconds: a slow machine is no mistake of the page.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)

# What may be open as long as the page: the answers come over one of them, and are counted in outstanding.js.
STREAMS = ("/heartbeat/", "/queue/data?")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def regular(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody who comes often: what every page needs is in the cache. The page itself keeps nothing in a browser."""
    context = browser.new_context()
    yield context
    context.close()


@dataclass
class Watched:
    """A page: what it asked for, what of that has not been answered, what went wrong, its console's errors."""

    page: Page
    requests: list[str] = field(default_factory=list)
    unanswered: set[Request] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._asked)
        for end in ("requestfinished", "requestfailed"):
            self.page.on(end, lambda request: self.unanswered.discard(request))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        if not any(stream in request.url for stream in STREAMS):
            self.unanswered.add(request)


@pytest.fixture
def open_page(browser: Browser, regular: BrowserContext, address: str) -> Iterator[Callable[..., Watched]]:
    """Open the app; at the end nothing may have left the machine or failed in the page.

    Whoever comes with options of their own, as Playwright's `new_context` takes them, comes for the first time.
    """
    with opening(browser, regular, address) as open_at:
        yield open_at


@contextmanager
def opening(browser: Browser, regular: BrowserContext, address: str) -> Iterator[Callable[..., Watched]]:
    """The same for pages that several tests share."""
    opened: list[Watched] = []

    def open_at(url: str = address, width: int = 1440, height: int = 1000, **options: Any) -> Watched:
        page = (browser.new_context(**options) if options else regular).new_page()
        page.set_viewport_size({"width": width, "height": height})
        for script in ("outstanding.js", "measuring.js"):
            page.add_init_script(path=Path(__file__).with_name(script))
        watched = Watched(page)
        opened.append(watched)
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.wait_for_function("window.playground?.ready")
        page.wait_for_function("document.querySelector('#about-picture').textContent.includes('picture')")
        return watched

    yield open_at
    for watched in opened:
        context = watched.page.context
        watched.page.close()
        if context is not regular:
            context.close()
        hosts = {urlsplit(url).hostname for url in watched.requests if not url.startswith(("data:", "blob:"))}
        assert hosts <= {"127.0.0.1"}, f"requests left the machine: {hosts}"
        assert not watched.errors
