"""The page on a phone and on a tablet, touched with a finger."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.states import STATES, at_rest, open_state, seen
from tests.browser.test_page import OpenPage

PHONE: dict[str, Any] = {"has_touch": True, "is_mobile": True, "width": 390, "height": 844}
TABS = ("forward", "prediction", "sampling", "training")
TAB = "#stage .tab-container [role=tab][data-tab-id={}]"


def on_a_phone(open_page: OpenPage) -> Page:
    return open_page(**PHONE).page


def test_the_film_stays_in_view_while_the_page_scrolls(open_page: OpenPage) -> None:
    """Films of up to three rows, with their sliders; the bar with the controls is always there."""
    page = on_a_phone(open_page)
    for name in ("add", "predictors", "shrinkage", "run", "race"):
        state = STATES[name]
        open_state(page, state)
        bar = list(filter(None, ("#show-controls", state.primary)))
        assert seen(page, *bar) == bar, name
        page.evaluate("scrollTo(0, 400)")
        at_rest(page)
        assert page.evaluate("scrollY") > 100, name  # 400 or to the end
        count, slider = state.panels, f"#{state.player} .frames input[type=range]"
        kept = [*(f"#{state.player} .panel:nth-child({k + 1}) canvas" for k in range(count)), slider, *bar]
        assert [each for each in kept if each not in seen(page, *kept)] == [], name
        page.evaluate("scrollTo(0, 0)")


def test_a_knob_is_turned_and_the_film_runs_beside_the_open_sheet(open_page: OpenPage) -> None:
    page, state = on_a_phone(open_page), STATES["run"]
    open_state(page, state)
    page.locator("#show-controls").tap()
    at_rest(page)
    uncovered = """id => {
        const film = document.querySelector(`#${id} .film`).getBoundingClientRect();
        const sheet = document.querySelector('#rail').getBoundingClientRect();
        return Math.min(film.bottom, sheet.top) - Math.max(film.top, 0);
    }"""
    assert page.evaluate(uncovered, state.player) >= 200
    canvas = f"document.querySelector('#{state.player} .panel canvas')"
    before = page.evaluate(f"{canvas}.width")
    page.locator("#control-num_images input[type=number]").fill("9")
    page.locator("#run").tap()
    page.wait_for_function(f"before => {canvas}.width !== before", arg=before)
    assert page.evaluate("document.body.classList.contains('sheet-open')")


def test_what_is_refused_while_the_sheet_is_closed_is_told_above_the_film(open_page: OpenPage) -> None:
    page = on_a_phone(open_page)
    open_state(page, STATES["run"])
    page.locator("#show-controls").tap()
    page.locator("#control-steps input").fill("0")
    page.locator("#show-controls").tap()
    page.locator("#run").tap()
    expect(page.locator(".toast-message-text").first).to_contain_text("steps must be a whole number from 1")
    expect(page.locator(".toast-message-text").first).to_be_visible()


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "heun"])
def test_the_formula_or_sentence_of_a_sampler_is_not_cut(open_page: OpenPage, address: str, sampler: str) -> None:
    page = open_page(f"{address}?tab=sampling&steps=3&frame=3&sampler={sampler}", **PHONE).page
    page.wait_for_selector("#player-reverse .panel canvas")
    formula = page.locator(".sampler-formula .formula")
    expect(formula).to_be_visible()
    assert formula.evaluate("node => node.scrollWidth <= node.clientWidth")
    slider = "#player-reverse .frames input[type=range]"
    assert seen(page, slider) == [slider]


@pytest.mark.parametrize("width", [390, 820, 1024, 1280])
def test_all_tabs_are_in_view(open_page: OpenPage, width: int) -> None:
    """None of them is in a menu."""
    page = open_page(width=width, height=844).page
    tabs = [TAB.format(tab) for tab in TABS]
    assert seen(page, *tabs) == tabs
