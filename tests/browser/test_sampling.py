"""The ways to sample and to watch it, in a real Chromium."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from playground.core.data import images
from playground.core.data.datasets import WEIGHTS
from playground.core.model_registry import ModelRegistry
from playground.ui.state import sampling
from playground.ui.state.scene import Scene
from playground.ui.state.settings import validate
from tests.browser.test_links import said
from tests.browser.test_page import SAMPLED, OpenPage, choose, drawn, label, numbers, remove_noise, scrub

PLAYER = "player-reverse"


def watch(page: Page, name: str) -> None:
    page.locator("#control-sampling_view").get_by_label(name).check()


def link_of_film(page: Page) -> Any:
    """Where what is saved says that it can be seen."""
    with page.expect_download() as download:
        page.locator(f"#{PLAYER}").get_by_role("button", name="JSON").click()
    return json.loads(Path(download.value.path()).read_text(encoding="utf-8"))["link"]


def test_each_view_has_its_own_controls_question_and_film(open_page: OpenPage) -> None:
    page = open_page(width=1200).page
    page.get_by_role("tab", name="Remove noise").click()
    expect(page.locator("#control-solvers")).to_be_hidden()
    page.locator("#control-steps input").fill("4")

    watch(page, "Single step")
    expect(page.get_by_role("heading", name="What happens in one step?")).to_be_visible()
    expect(page.locator("#control-num_images")).to_be_hidden()
    page.wait_for_function("document.querySelectorAll('#player-reverse .panel').length === 5")  # it runs by itself
    page.locator("#run").click()
    page.wait_for_function("!playground.requests.sampling.running")
    for frame, part in enumerate(("predict", "subtract", "add noise")):
        scrub(page, PLAYER, 3 + frame)
        assert label(page, PLAYER) == f"{part} · step 2 of 4 · t = 749 → 499"
        panels = page.locator(f"#{PLAYER} .panel")
        absent = [panels.nth(p).get_attribute("data-absent") for p in (2, 4)]
        assert absent == ["not yet" if frame < 1 else "", "not yet" if frame < 2 else ""]
    said(page, sampling_view="single_step")

    watch(page, "Guidance")
    expect(page.locator("#control-label input")).to_have_value("0")  # it needs one
    watch(page, "Trajectory")
    expect(page.locator("#control-label input")).to_have_value("any")  # and had it lent
    watch(page, "Guidance")
    page.locator("#control-label input").click()
    page.get_by_role("option", name="7", exact=True).click()
    remove_noise(page)
    assert float(numbers(page, PLAYER)["rms(ε̂(c) − ε̂(∅))"]) > 0

    watch(page, "Trajectory")
    expect(page.locator("#control-label input")).to_have_value("7")  # a person has chosen it
    page.wait_for_function(SAMPLED)
    watch(page, "Solver comparison")
    expect(page.locator("#player-reverse .skeleton")).to_have_count(10)  # a comparison waits for the press
    expect(page.locator("#player-reverse .stale")).to_be_hidden()
    for hidden in ("sampler", "steps", "compare_ideal", "eta"):
        expect(page.locator(f"#control-{hidden}")).to_be_hidden()
    page.locator("#control-nfe input").fill("3")
    page.locator("#control-T input").fill("60")
    page.locator("#control-T input").press("Tab")
    page.locator("#run").click()
    expect(page.locator("#player-reverse .frames output")).to_have_text("NFE 3 · the pictures")
    expect(page.locator("#player-reverse .chart > svg")).to_be_visible()
    ranks = page.locator("#player-reverse .panel-text").all_inner_texts()
    assert sorted(word for word in ranks if word) == ["another sample", "closest", "second", "third"]
    said(page, sampling_view="solvers", nfe="3", T="60", solvers=None)  # they are the usual ones


def test_what_is_painted_over_is_filled_in_and_the_rest_stays(
    open_page: OpenPage, library: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(accept_downloads=True).page
    page.get_by_role("tab", name="Remove noise").click()
    page.locator("#control-steps input").fill("5")
    page.locator("#group-sampling-options > button").click()
    pad = page.locator("#brush canvas")
    page.wait_for_function("document.querySelector('#brush canvas').style.backgroundImage !== ''")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 24, box["y"] + 88)
    page.mouse.down()
    page.mouse.move(box["x"] + 104, box["y"] + 88, steps=4)
    page.mouse.up()
    expect(page.locator("#control-inpaint_mask input")).to_have_value("what is not painted over")
    remove_noise(page)
    picture = images.to_bytes(library.pictures("digits").x0(9003))[0].numpy().astype(int)
    made = drawn(page, PLAYER, 0)[..., 0]
    same = np.abs(made[:28, :28] - picture) <= 1
    assert same[:14].all()
    assert same[26:].all()
    covered = np.abs(np.stack([made[:28, :28], made[28:, :28]]) - picture)[:, 17:21]
    assert covered.max() > 50

    page.locator("#show-code button").first.click()
    page.wait_for_function("document.querySelector('#script')?.textContent.includes('4 of digits')")
    monkeypatch.chdir(tmp_path)
    Path("weights").symlink_to(WEIGHTS)
    Path("run.py").write_text(page.locator("#script code").inner_text(), encoding="utf-8")
    runpy.run_path("run.py")
    with Image.open("pictures.png") as image:
        by_script = np.array(image).astype(int)
    assert np.abs(by_script[:, :28] - made[:28, :28]).max() <= 1

    with page.expect_download() as download:
        page.locator("#export-npz").click()
    steps = np.load(download.value.path())
    assert steps["x_t"].shape == (6, 4, 1, 28, 28)
    ended = np.clip((steps["x_t"][-1, 0, 0] + 1) * 127.5, 0, 255).round()
    assert np.abs(ended - made[:28, :28]).max() <= 1

    page.locator("#brush button").click()
    expect(page.locator("#control-inpaint_mask input")).to_have_value("nothing")


def test_a_run_of_one_step_shows_its_picture_and_says_when_it_is_of_other_settings(open_page: OpenPage) -> None:
    page = open_page(accept_downloads=True).page
    page.get_by_role("tab", name="Remove noise").click()
    page.wait_for_function(SAMPLED)  # by itself
    expect(page.locator("#stop")).to_be_hidden()
    page.locator("#control-steps input").fill("1")
    expect(page.locator("#player-reverse .stale")).to_be_visible()
    page.locator("#run").click()
    page.wait_for_function(
        "document.querySelector('#player-reverse output')?.textContent === 'after step 1 · the picture'"
    )
    assert drawn(page, PLAYER, 0).std() > 10
    expect(page.locator("#player-reverse .panels")).to_be_in_viewport()
    expect(page.locator("#player-reverse .stale")).to_be_hidden()
    page.locator("#control-steps input").fill("3")
    expect(page.locator("#player-reverse .stale")).to_be_visible()
    page.locator("#run").click()
    page.wait_for_function(
        "document.querySelector('#player-reverse output')?.textContent === 'after step 3 · the picture'"
    )
    expect(page.locator("#player-reverse .stale")).to_be_hidden()
    page.locator("#control-steps input").fill("1001")
    page.locator("#control-steps input").press("Tab")
    expect(page.locator("#control-steps .error-at-field")).to_contain_text("Steps must be a whole number from 1")
    expect(page.locator("#control-guidance_scale input").first).to_be_focused()  # it is left without being held
    page.locator("#control-steps input").fill("0")
    page.locator("#run").click()  # refused, so what is on show stays that of before
    expect(page.locator("#control-steps .error-at-field")).to_contain_text("it was 0.")
    expect(page.locator("#player-reverse .stale")).to_be_visible()
    assert link_of_film(page) is None  # there is none that would lead to it
    page.locator("#control-steps input").fill("2")
    page.locator("#run").click()
    page.wait_for_function(
        "document.querySelector('#player-reverse output')?.textContent === 'after step 2 · the picture'"
    )
    expect(page.locator("#player-reverse .stale")).to_be_hidden()
    assert "steps=2" in link_of_film(page)


def test_a_late_refusal_of_an_earlier_value_does_not_mark_the_field(open_page: OpenPage) -> None:
    page = open_page(accept_downloads=True).page
    page.get_by_role("tab", name="Remove noise").click()
    page.wait_for_function(SAMPLED)
    page.evaluate(
        """async () => {
            const field = document.querySelector("#control-steps input");
            const nextFrame = () => new Promise(requestAnimationFrame);
            const fill = (text) => { field.value = text; field.dispatchEvent(new Event("input", { bubbles: true })); };
            fill("0");
            await nextFrame();
            document.querySelector("#run").click();
            await nextFrame();
            fill("2");
        }"""
    )
    page.wait_for_selector(".toast-message-item[data-explained*='it was 0']", state="attached")
    expect(page.locator("#control-steps.refused, #control-steps .error-at-field")).to_have_count(0)
    page.locator("#run").click()
    page.wait_for_function(
        "document.querySelector('#player-reverse output')?.textContent === 'after step 2 · the picture'"
    )
    assert "steps=2" in link_of_film(page)


def test_the_code_follows_to_another_network(open_page: OpenPage) -> None:
    """Its pictures are fewer and it knows other labels: nothing of that is asked of it before they are there."""
    page = open_page().page
    page.get_by_role("tab", name="Remove noise").click()
    choose(page, "Label", "3")
    page.locator("#show-code button").first.click()
    expect(page.locator("#script")).to_contain_text("4 of digits, label 3")
    choose(page, "Model", "emoji")
    expect(page.locator("#script")).to_contain_text("4 of emoji, label any")
    page.locator("#control-steps input").fill("0")
    expect(page.locator("#script")).to_have_text("steps must be a whole number from 1 to 1000; it was 0.")
    expect(page.locator(".toast-body")).to_have_count(0)


def test_a_link_starts_in_a_picture(open_page: OpenPage, library: ModelRegistry, address: str) -> None:
    asked = {"steps": 10, "num_images": 1, "init": "image", "strength": 0.5, "inpaint_mask": "left", "seed": 4}
    link = "&".join(f"{name}={value}" for name, value in asked.items())
    page = open_page(f"{address}?tab=sampling&frame=5&{link}").page
    page.wait_for_function("document.querySelector('#player-reverse output')?.textContent.startsWith('after step 5')")
    *_, last = sampling.trajectory(Scene(library, validate(library, **asked)))
    expected = images.to_bytes(last.x_next)[0, 0].numpy().astype(int)
    assert np.abs(drawn(page, PLAYER, 0)[..., 0] - expected).max() <= 2
