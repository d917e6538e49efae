"""The page where a Space shows it: behind a prefix, and in a frame of another site's page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Watched
from tests.browser.test_page import drawn, label, open_tab, remove_noise, scrub
from tests.conftest import PREFIX, Space
from tests.proxy import Proxy, running_proxy
from tests.test_readme_examples import HERE, examples

OpenPage = Callable[..., Watched]


@pytest.fixture(scope="module")
def proxy(space: Space) -> Iterator[Proxy]:
    with running_proxy(space.address, PREFIX) as proxy:
        yield proxy


def test_behind_a_prefix_everything_answers(open_page: OpenPage, proxy: Proxy, space: Space) -> None:
    watched = open_page(proxy.address)
    page = watched.page
    before = drawn(page, "player-forward", 2)
    scrub(page, "player-forward", 900)
    assert not np.array_equal(drawn(page, "player-forward", 2), before)
    page.get_by_role("button", name="Other noise").click()
    expect(page.get_by_label("Seed", exact=True)).not_to_have_value("0")
    lent = len(space.loans())
    open_tab(page, "Predict noise")
    page.wait_for_selector("#player-prediction .panel")
    assert len(space.loans()) == lent
    open_tab(page, "Remove noise")
    page.get_by_label("Steps", exact=True).fill("5")
    remove_noise(page)
    assert label(page, "player-reverse").startswith("after step 5")
    assert len(space.loans()) == lent + 1
    assert all(urlsplit(url).path.startswith(PREFIX) for url in watched.requests if url.startswith("http"))
    link = page.evaluate("playground.link()")
    assert link.startswith(proxy.address + "?tab=sampling")
    other = open_page(link).page
    other.wait_for_function("document.querySelector('#player-reverse output')?.textContent.startsWith('after step 5')")
    assert all(np.array_equal(drawn(page, "player-reverse", k), drawn(other, "player-reverse", k)) for k in range(3))


@pytest.fixture
def another_site(proxy: Proxy) -> Iterator[str]:
    """The address of a page, on another site, with the app in a frame."""

    class Framing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            address = proxy.address + "?tab=forward&seed=3"
            self.wfile.write(f'<iframe src="{address}" width="1300" height="900"></iframe>'.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Framing) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_in_a_frame_of_another_site_the_page_works_and_shares_its_own_link(
    browser: Browser, another_site: str, proxy: Proxy
) -> None:
    with browser.new_context() as context:
        page, errors = context.new_page(), list[str]()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(another_site)
        frame = page.frames[1]
        frame.wait_for_function("window.playground?.ready")
        frame.wait_for_selector("#player-forward .panel")
        expect(frame.get_by_label("Seed", exact=True)).to_have_value("3")
        frame.get_by_role("button", name="Other noise").click()
        expect(frame.get_by_label("Seed", exact=True)).not_to_have_value("3")
        seed = frame.get_by_label("Seed", exact=True).input_value()
        frame.wait_for_function("seed => location.search.includes(`seed=${seed}`)", arg=seed)
        assert page.url == another_site  # the outer page's address is its own
        frame.locator("#share").click()
        shared = frame.locator("#shared textarea")
        expect(frame.locator("#shared textarea")).to_be_visible()
        link = shared.input_value()
        assert link.startswith(proxy.address)
        assert parse_qs(urlsplit(link).query)["seed"] == [seed]
        assert not errors


def test_the_readmes_example_in_javascript_runs(open_page: OpenPage, address: str) -> None:
    [example] = examples("js")
    page, said = open_page().page, list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.evaluate(f"(async () => {{ {example.replace(HERE, address)} }})()")
    assert any(line.startswith("1 data:image/png;base64,") for line in said)
