"""A browser for the whole session, and pages that note every request and every error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page with what it asked for and what went wrong on it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Watched]]:
    """Open the app in a fresh context; at the end nothing may have left the machine or failed in the page."""
    opened: list[Watched] = []

    def open_at(url: str = address, width: int = 1440, height: int = 1000, **options: Any) -> Watched:
        page = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
        watched = Watched(page)
        opened.append(watched)
        page.on("request", lambda request: watched.requests.append(request.url))
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.set_default_timeout(10_000)
        page.goto(url)
        page.wait_for_function("window.playground?.ready")
        page.wait_for_function("document.querySelector('#about-picture').textContent.includes('picture')")
        return watched

    yield open_at
    for watched in opened:
        watched.page.context.close()
        hosts = {urlsplit(url).hostname for url in watched.requests if not url.startswith(("data:", "blob:"))}
        assert hosts <= {"127.0.0.1"}, f"requests left the machine: {hosts}"
        assert not watched.errors
