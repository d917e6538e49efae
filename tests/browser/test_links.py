"""Links: what one browser shows, another shows too; and what a link says of the page itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched
from tests.browser.test_page import choose, drawn, label, numbers, open_tab, quiet, remove_noise, scrub

OpenPage = Callable[..., Watched]
SMALL = {"width": 1280, "height": 720}


def said(page: Page, **wanted: str | None) -> dict[str, str]:
    """What the address bar says, once the page and its address say what is `wanted`: None for what they leave out."""

    def query(url: str) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    page.wait_for_function(
        """wanted => {
            const link = new URL(playground.link()).searchParams;
            return Object.entries(wanted).every(([name, value]) => link.get(name) === value);
        }""",
        arg=wanted,
    )
    page.wait_for_url(lambda url: all(query(url).get(name) == value for name, value in wanted.items()))
    return query(page.url)


def same(one: Page, other: Page, player: str, panels: int) -> bool:
    return all(np.array_equal(drawn(one, player, k), drawn(other, player, k)) for k in range(panels))


@pytest.mark.parametrize("way", ["closed form", "Markov chain"])
def test_a_link_to_adding_noise_shows_the_same_pixels(open_page: OpenPage, way: str) -> None:
    watched = open_page()
    page = watched.page
    choose(page, "Schedule", "cosine")
    page.get_by_role("button", name="Other noise").click()
    page.get_by_role("button", name="Another picture").click()
    page.get_by_label("T", exact=True).fill("400")
    page.get_by_label("T", exact=True).press("Enter")
    page.get_by_label(way, exact=True).check()
    expect(page.locator("#player-forward .range-labels span").last).to_have_text("noise · t = 399")
    quiet(watched)
    scrub(page, "player-forward", 60)
    t = label(page, "player-forward").removeprefix("t = ")
    query = said(page, tab="forward", schedule="cosine", T="400", t=t)

    other = open_page(page.url).page
    other.wait_for_function(
        "old => document.querySelector('#player-forward .numbers')?.textContent === old",
        arg=page.locator("#player-forward .numbers").text_content(),
    )
    assert label(other, "player-forward") == label(page, "player-forward")
    assert same(page, other, "player-forward", 3)
    assert said(other, **query) == query


def test_a_link_to_finding_noise_shows_the_same_pixels(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    page.get_by_role("button", name="Other noise").click()
    open_tab(page, "Predict noise")
    page.wait_for_selector("#player-prediction .panel")
    quiet(watched)
    scrub(page, "player-prediction", 30)
    said(page, tab="prediction", t=label(page, "player-prediction").removeprefix("t = "))
    other = open_page(page.url).page
    expect(other.locator("#player-prediction output")).to_have_text(label(page, "player-prediction"))
    assert numbers(other, "player-prediction") == numbers(page, "player-prediction")
    assert same(page, other, "player-prediction", 15)


def test_a_link_to_a_run_runs_it_again_to_the_same_pixels(open_page: OpenPage) -> None:
    page = open_page().page
    page.get_by_role("button", name="Other noise").click()
    open_tab(page, "Remove noise")
    page.get_by_label("Steps", exact=True).fill("8")
    choose(page, "Label", "4")
    choose(page, "Sampler", "ddpm")
    said(page, tab="sampling", label="4", sampler="ddpm", frame=None)  # nothing has been sampled of these
    remove_noise(page)
    scrub(page, "player-reverse", 5)
    said(page, tab="sampling", label="4", sampler="ddpm", frame="5")
    other = open_page(page.url).page
    other.wait_for_function("document.querySelector('#player-reverse .player')?.dataset.frames === '9'")
    assert label(page, "player-reverse").startswith("step 6 of 8")
    expect(other.locator("#player-reverse output")).to_have_text(label(page, "player-reverse"))
    assert same(page, other, "player-reverse", 3)
    elsewhere = open_page(page.url.replace("tab=sampling", "tab=forward")).page  # it waits until its tab is opened
    open_tab(elsewhere, "Remove noise")
    elsewhere.wait_for_function(
        "old => document.querySelector('#player-reverse output')?.textContent === old",
        arg=label(page, "player-reverse"),
    )
    for each in (page, other):  # the other tabs are at the link's settings, too
        open_tab(each, "Add noise")
        each.wait_for_selector("#player-forward .panel")
    assert same(page, other, "player-forward", 3)
    open_tab(page, "Remove noise")
    choose(page, "Label", "5")  # not what was sampled
    said(page, label="5", frame=None)


@pytest.mark.parametrize("tab", ["forward", "prediction"])
def test_a_link_to_what_the_page_shows_anyway_opens(open_page: OpenPage, address: str, tab: str) -> None:
    page = open_page(f"{address}?tab={tab}").page
    page.wait_for_selector(f"#player-{tab} .panel")


def test_bad_values_in_a_link_keep_the_defaults_and_are_told(open_page: OpenPage, address: str) -> None:
    page = open_page(address + "?T=3&seed=7&colour=red&steps=![x](http://example.org/x)").page
    expect(page.locator("#link-note")).to_contain_text("The link has a part that is not known here: colour.")
    expect(page.locator("#link-note")).to_contain_text("T must be a whole number from 10 to 4000; it was 3.")
    expect(page.locator("#link-note")).to_contain_text("it was ![x](http://example.org/x).")  # text, no picture
    expect(page.get_by_label("Seed", exact=True)).to_have_value("7")
    expect(page.get_by_label("T", exact=True)).to_have_value("1000")


def test_share_copies_the_link_and_shows_its_code(open_page: OpenPage, address: str) -> None:
    page = open_page(address, permissions=["clipboard-read", "clipboard-write"]).page
    page.get_by_role("button", name="Other noise").click()
    expect(page.get_by_label("Seed", exact=True)).not_to_have_value("0")
    said(page, seed=page.get_by_label("Seed", exact=True).input_value())
    page.locator("#share").click()
    expect(page.locator("#shared textarea")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#shared textarea").input_value()
    query = parse_qs(urlsplit(copied).query)
    assert copied.startswith(address)
    assert query["seed"] == [page.get_by_label("Seed", exact=True).input_value()]
    expect(page.locator("#copied")).to_have_text("Copied.")
    page.locator("#shared").get_by_role("button", name="Close").click()
    expect(page.locator("#shared textarea")).to_be_hidden()


def test_a_teacher_hides_controls(open_page: OpenPage, address: str) -> None:
    page = open_page(address + "?hide=T,schedule,eta").page
    expect(page.get_by_label("Seed", exact=True)).to_be_visible()
    expect(page.get_by_label("T", exact=True)).to_be_hidden()
    expect(page.get_by_label("Schedule", exact=True)).to_be_hidden()
    said(page, hide="T,schedule,eta")  # and shares the link
    open_tab(page, "Remove noise")
    expect(page.get_by_label("Steps", exact=True)).to_be_visible()
    expect(page.locator("#control-eta")).to_be_hidden()


def test_presenting_makes_type_large_and_a_clicker_steps(open_page: OpenPage) -> None:
    page = open_page().page
    title = page.locator("#player-forward .title").first
    before = title.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    expect(page.get_by_label("T", exact=True)).to_be_visible()
    page.locator("#present").click()
    assert title.evaluate("node => parseFloat(getComputedStyle(node).fontSize)") > 1.3 * before
    expect(page.get_by_label("T", exact=True)).to_be_hidden()
    said(page, present="1")
    start = int(label(page, "player-forward").removeprefix("t = "))
    for key, expected in (("ArrowRight", 1), ("PageDown", 21), ("PageUp", 1), ("ArrowLeft", 0)):
        page.keyboard.press(key)
        assert label(page, "player-forward") == f"t = {start + expected}"
    other = open_page(page.url).page
    expect(other.get_by_label("T", exact=True)).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_label("T", exact=True)).to_be_visible()
    said(page, present=None)


def test_a_click_in_the_strip_goes_there(open_page: OpenPage) -> None:
    page = open_page().page
    views = page.locator("#player-forward .filmstrip button")
    expect(views).to_have_count(10)
    views.nth(6).click()
    assert label(page, "player-forward") == "t = 666"
    expect(views.nth(6)).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("can_copy", [True, False])
def test_share_says_what_happened_where_the_clipboard_is_forbidden(
    can_copy: bool, open_page: OpenPage, address: str
) -> None:
    """As at an http: address in a local network, which is a workshop's, and in a frame."""
    page = open_page(address, **SMALL).page
    page.evaluate("delete Navigator.prototype.clipboard")
    page.evaluate("yes => { document.execCommand = () => yes; }", can_copy)
    page.locator("#share").click()
    expect(page.locator("#copied")).to_have_text(
        re.compile(r"^Copied\.$" if can_copy else "It is selected: press Ctrl")
    )
    link = page.locator("#share-link textarea")
    assert page.evaluate("getSelection().toString()") == link.input_value()
    assert link.input_value().startswith(address)


def test_parts_of_mailings_and_of_gradio_are_no_notices(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?seed=7&utm_source=mail&fbclid=abc&gclid=1&view=api&__theme=light").page
    expect(page.get_by_label("Seed", exact=True)).to_have_value("7")
    expect(page.locator("#link-note")).to_be_hidden()


def test_the_page_of_the_api_leaves_the_link(open_page: OpenPage, address: str) -> None:
    """Gradio writes `view=api` into the address, and removes it again."""
    page = open_page(f"{address}?tab=sampling&sampling_view=guidance&seed=7").page
    page.get_by_role("button", name="Use via API").click()
    expect(page.locator(".api-docs")).to_be_visible()
    page.mouse.click(10, 500)  # beside it
    expect(page.locator(".api-docs")).to_be_hidden()
    query = parse_qs(urlsplit(page.url).query)
    assert query["sampling_view"] == ["guidance"]
    assert query["seed"] == ["7"]


def test_the_wheel_leaves_a_number_alone(open_page: OpenPage) -> None:
    page = open_page(**SMALL).page
    seed = page.get_by_label("Seed", exact=True)
    before = seed.input_value()
    seed.focus()
    seed.hover()
    for _ in range(3):
        page.mouse.wheel(0, -120)
    page.wait_for_timeout(300)
    assert seed.input_value() == before


def test_forced_colours_show_what_is_chosen(open_page: OpenPage) -> None:
    page = open_page(forced_colors="active").page
    for chosen, other in (
        ("#stage .tab-container button.selected", "#stage .tab-container button:not(.selected)"),
        ("#stage .segments label:has(:checked)", "#stage .segments label:not(:has(:checked))"),
    ):
        styles = [
            page.locator(selector).first.evaluate("element => getComputedStyle(element).outlineStyle")
            for selector in (chosen, other)
        ]
        assert styles == ["solid", "none"]
