"""Choosing, drawing and saving pictures; accessibility, the network's card and its change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageSequence
from playwright.sync_api import Page, expect

from playground.core.data import images
from playground.core.model_registry import ModelRegistry
from tests.browser.conftest import Watched
from tests.browser.test_page import PLAYERS, TABS, drawn, numbers, open_tab, quiet, remove_noise, scrub
from tests.server import running_app

OpenPage = Callable[..., Watched]


def choose_picture(page: Page) -> None:
    page.locator("#picker details").evaluate("part => { part.open = true; }")


def test_a_picture_is_chosen_by_a_click(open_page: OpenPage, library: ModelRegistry) -> None:
    page = open_page().page
    choose_picture(page)
    view = page.locator("#picker .offer button").nth(7)
    name = view.get_attribute("aria-label") or ""
    view.click()
    number = int(name.split(":")[0].removeprefix("Picture "))
    expect(page.get_by_label("Picture", exact=True)).to_have_value(str(number))
    expect(page.locator("#about-picture")).to_contain_text(f"picture {number:,}")
    scrub(page, "player-forward", 0)
    expected = library.pictures("digits").pixels[number, 0].numpy()
    assert np.abs(drawn(page, "player-forward", 0)[..., 0].astype(int) - expected).max() <= 1


def test_a_digit_is_drawn_and_the_page_shows_what_the_network_gets(open_page: OpenPage) -> None:
    page = open_page().page
    choose_picture(page)
    pad = page.locator("#picker canvas")
    page.get_by_role("button", name="Use the drawing").click()
    expect(page.get_by_text("There is nothing in the drawing yet").first).to_be_visible()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 120, steps=10)
    page.mouse.up()
    page.get_by_role("button", name="Use the drawing").click()
    expect(page.locator("#about-picture")).to_contain_text("your own picture")
    scrub(page, "player-forward", 0)
    rows, columns = np.nonzero(drawn(page, "player-forward", 0)[..., 0] > 128)
    assert rows.max() - rows.min() + 1 == 20  # as high as MNIST's digits
    assert abs(columns.mean() - 13.5) <= 1  # and in the middle


def test_a_digit_is_drawn_with_the_keys(open_page: OpenPage) -> None:
    page = open_page().page
    choose_picture(page)
    page.locator("#picker canvas").focus()
    page.keyboard.down("Space")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    page.keyboard.up("Space")
    page.get_by_role("button", name="Use the drawing").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#about-picture")).to_contain_text("your own picture")


@pytest.mark.parametrize("tab", PLAYERS)
def test_a_film_is_saved(open_page: OpenPage, tab: str, tmp_path: Path) -> None:
    watched, player = open_page(), PLAYERS[tab]
    page = watched.page
    open_tab(page, tab)
    if tab == "Remove noise":
        page.get_by_label("Steps", exact=True).fill("5")
        remove_noise(page)
    page.wait_for_selector(f"#{player} .panel")
    quiet(watched)  # the page brought a few of a film's frames; the rest comes when its tab is opened
    scrub(page, player, 0)
    saved = {}
    mp4 = {"mp4": "MP4"} if shutil.which("ffmpeg") else {}
    kinds = {"gif": "GIF", **mp4, "png": "PNG strip", "json": "JSON"}
    expect(page.locator(f"#{player} .save button")).to_have_text(list(kinds.values()))
    for kind, name in kinds.items():
        with page.expect_download() as download:
            page.locator(f"#{player} .save").get_by_role("button", name=name, exact=True).click()
        assert download.value.suggested_filename == f"{player}.{kind}"
        saved[kind] = tmp_path / kind
        download.value.save_as(saved[kind])
    told = json.loads(saved["json"].read_text())
    shown = numbers(page, player)
    for number in told["numbers"][:2]:
        symbol = number["symbol"].replace("_", "")
        assert float(shown[symbol]) == pytest.approx(told["frames"][0][number["key"]], abs=1e-4)
    frames = len(told["frames"])
    if mp4:
        assert b"ftyp" in saved["mp4"].read_bytes()[:12]
    with Image.open(saved["gif"]) as gif, Image.open(saved["png"]) as strip:
        assert sum(1 for _ in ImageSequence.Iterator(gif)) == min(40, frames)
        assert strip.height == min(10, frames) * gif.height
        # The first panel of the first frame, enlarged: the pixel in its middle.
        canvas = drawn(page, player, 0)
        rows = 3 if player == "player-prediction" else 1
        times = (gif.height // rows - 34) // canvas.shape[0]
        pixels = np.asarray(strip.convert("RGB"))[26:, 8:][
            : canvas.shape[0] * times : times, : canvas.shape[1] * times : times
        ]
        assert np.abs(pixels.astype(int) - canvas).max() <= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: OpenPage, address: str, scheme: str) -> None:
    watched = open_page(f"{address}?__theme={scheme}")
    page = watched.page
    choose_picture(page)
    page.locator("#card button").first.click()
    for tab in TABS:
        open_tab(page, tab)
        if tab == "Remove noise":
            page.get_by_label("Steps", exact=True).fill("3")
            remove_noise(page)
        quiet(watched)
        page.wait_for_function("document.getAnimations().every((each) => each.playState !== 'running')")
        found = Axe().run(page).response["violations"]
        serious = [
            (each["id"], [node["html"][:90] for node in each["nodes"]])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == []


def test_the_card_of_the_network_can_be_read(open_page: OpenPage, library: ModelRegistry) -> None:
    page = open_page().page
    page.locator("#card button").first.click()
    card = library.checkpoint("digits").card
    expect(page.locator("#card table")).to_contain_text(f"{card['pictures_seen']:,}")
    expect(page.locator("#card table")).to_contain_text(card["command"])
    page.wait_for_function("document.querySelector('#samples img')?.naturalWidth === 280")
    assert images.load_upload((library.folders["digits"] / "samples.png").read_bytes()).width == 280


def changes(watched: Watched) -> list[float]:
    """How many milliseconds each of three changes takes, from the choice to the other network's film."""
    page, took = watched.page, []
    for name, size in (("emoji", 32), ("digits", 28), ("emoji", 32)):
        page.get_by_label("Model", exact=True).first.click()
        change = page.evaluate(
            """async ([name, size]) => {
                const options = [...document.querySelectorAll('[role=option]')];
                const option = options.find((each) => each.textContent.trim().endsWith(name));
                const start = performance.now();
                option.dispatchEvent(new MouseEvent('mousedown', { bubbles: true }));
                while (document.querySelector('#player-forward .panel canvas').width !== size) {
                    await new Promise(requestAnimationFrame);
                }
                return performance.now() - start;
            }""",
            [name, size],
        )
        took.append(change)
        quiet(watched)
    expect(page.locator("#about-picture")).to_contain_text("dolphin")
    return took


@pytest.mark.alone
def test_the_network_changes_in_under_a_second(open_page: OpenPage) -> None:
    """The first change loads it, once for all who come to this server."""
    took = changes(open_page())
    for _ in range(2):  # whatever else the machine does, one try in three has it to itself
        if max(took) >= 1000:
            with running_app() as address:
                took = changes(open_page(address))
    assert max(took) < 1000
