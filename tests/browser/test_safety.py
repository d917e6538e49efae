"""What a network says of itself, and what a link says, is text: in the page nothing of it is executed or fetched."""

from __future__ import annotations

import ast
from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched
from tests.browser.test_page import open_tab, remove_noise
from tests.conftest import HARM, HOSTILE_NAME

OpenPage = Callable[..., Watched]


def unharmed(page: Page) -> None:
    page.wait_for_timeout(300)
    assert page.evaluate("typeof harmed") == "undefined"
    assert page.locator("img[src='/x'], img[src='x']").count() == 0


def test_a_network_that_means_harm_is_shown_as_what_it_is(open_page: OpenPage, damaged: str) -> None:
    watched = open_page(f"{damaged}?model={quote(HOSTILE_NAME)}&label={quote(HARM + ' 3')}&steps=3")
    page = watched.page
    expect(page.locator("#about-picture")).to_contain_text("<img src")
    expect(page.locator("#about-picture")).to_contain_text("![](/x)|")
    expect(page.locator("#control-model input")).to_have_value(HOSTILE_NAME)
    page.get_by_role("button", name="About this network").click()
    expect(page.locator("#card table")).to_contain_text("</script><script>harmed=1</script>{{1+1}}${harmed=1}![](/x)|")
    expect(page.locator("#card tr").filter(has_text="Licence").locator("td")).to_have_count(2)
    page.locator("#picker details").evaluate("part => { part.open = true; }")
    expect(page.locator("#picker .offer button").first).to_have_attribute("title", f"{HARM} 9000")
    for tab in ("Predict noise", "Remove noise"):
        open_tab(page, tab)
        unharmed(page)
    remove_noise(page)
    page.get_by_role("button", name="Show me the code").click()
    script = page.locator("#script code")
    expect(script).to_contain_text("import torch")
    title, *_ = ast.parse(script.text_content() or "").body
    assert isinstance(title, ast.Expr)  # nothing but a text, with all that the label says
    assert HARM in ast.literal_eval(title.value)
    unharmed(page)
    assert not any(url.endswith("/x") for url in watched.requests)


def test_a_link_that_means_harm_is_told_as_text(open_page: OpenPage, address: str) -> None:
    values = "&".join(
        f"{name}={quote(HARM)}" for name in ("model", "T", "hide", "look", "solvers", "present", "lesson")
    )
    watched = open_page(f"{address}?{values}&{quote(HARM, safe='')}={quote(HARM)}")
    page = watched.page
    expect(page.locator("#link-note")).to_contain_text("<img src=")
    page.locator("#share").click()
    expect(page.locator("#shared textarea")).to_be_visible()
    unharmed(page)
    assert not any(url.endswith("/x") for url in watched.requests)
