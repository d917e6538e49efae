"""The views of *Predict noise*, *Remove noise* beside the ideal predictor, and the lesson, in a browser."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect

from playground.core.analysis import noise_prediction
from playground.core.analysis.likelihood import variational_bound
from playground.core.analysis.training_step import LINES
from playground.core.data import images
from playground.core.diffusion.schedules import linear
from playground.core.model_registry import ModelRegistry
from playground.core.sampling import generate
from playground.ui.components.lesson import QUESTIONS
from playground.ui.state import noise_analyses
from playground.ui.state.scene import Scene
from playground.ui.state.settings import validate
from playground.ui.tabs.predict_noise_views import ANALYSIS_VIEWS
from tests.browser.conftest import Watched
from tests.browser.states import PLAYERS
from tests.browser.test_links import said
from tests.browser.test_page import OpenPage, drawn, label, numbers, open_tab, quiet, scrub

PLAYER = "player-prediction"


def opened_at(open_page: OpenPage, address: str, link: str) -> Page:
    page = open_page(f"{address}?tab=prediction&{link}").page
    page.wait_for_selector(f"#{PLAYER} .panel")
    return page


def test_every_view_is_a_link_and_dragging_t_sends_no_request(open_page: OpenPage, address: str) -> None:
    watched, other = open_page(), open_page(f"{address}?tab=prediction").page
    open_tab(watched.page, "Predict noise")
    for look in reversed(ANALYSIS_VIEWS):
        drags_without_a_request(watched, look)
        if look in ("parameterizations", "shrinkage"):
            opens_elsewhere(watched.page, other, look)


def heading(look: str) -> str:
    return ANALYSIS_VIEWS[look].claim.question


def drags_without_a_request(watched: Watched, look: str) -> None:
    page = watched.page
    page.get_by_label(ANALYSIS_VIEWS[look].name, exact=True).check()
    expect(page.get_by_role("heading", name=heading(look))).to_be_visible()
    asked = quiet(watched)
    scrub(page, PLAYER, 11)
    scrub(page, PLAYER, 30)
    assert quiet(watched) == asked
    said(page, analysis=look)


def opens_elsewhere(page: Page, other: Page, look: str) -> None:
    other.goto(page.url)
    other.wait_for_function("text => document.body.innerText.includes(text)", arg=heading(look))
    other.wait_for_function(
        "([id, old]) => document.querySelector(`#${id} .numbers`).textContent === old",
        arg=[PLAYER, page.locator(f"#{PLAYER} .numbers").text_content()],
    )
    panels = page.locator(f"#{PLAYER} .panel").count()
    for panel in range(panels):
        assert np.array_equal(drawn(page, PLAYER, panel), drawn(other, PLAYER, panel))


def test_the_four_lines_are_executed_and_their_loss_is_the_one_above(
    open_page: OpenPage, address: str, library: ModelRegistry
) -> None:
    page = opened_at(open_page, address, "analysis=training&t=333&seed=4")
    expect(page.locator(f"#{PLAYER} output")).to_have_text("t = 333")  # exactly the one that the link asks for
    expect(page.locator("#listing code")).to_have_text(list(LINES))
    expect(page.locator("#listing img")).to_have_count(0)
    page.locator("#run-training").click()
    expect(page.locator("#listing img")).to_have_count(3)
    above = page.locator(f"#{PLAYER} .about span").inner_text()
    expect(page.locator("#listing .line-output").last).to_have_text(f"loss = {above}")
    x0, eps = library.pictures("digits").x0(9003), generate.seeded_noise((1, 28, 28), 4)
    record = noise_prediction.predict_noise(library.checkpoint("digits").predictor, x0, eps, linear(1000), [333])
    assert float(above) == pytest.approx(record.error.item(), abs=1e-4)
    source = page.locator("#listing .mixture img").get_attribute("src") or ""
    assert source == images.data_url(record.x_t[0])
    scrub(page, PLAYER, 40)
    page.locator("#run-training").click()
    expect(page.locator("#listing .note")).to_contain_text(label(page, PLAYER))


def test_all_terms_add_up_to_cores_bound(open_page: OpenPage, address: str, library: ModelRegistry) -> None:
    page = opened_at(open_page, address, "analysis=reverse_step&T=40&t=20")
    page.locator("#bound").click()
    expect(page.locator("#bound-table")).to_contain_text("all 40 steps")
    x0, eps = library.pictures("digits").x0(9003), generate.seeded_noise((1, 28, 28), 0)
    *_, found = variational_bound(library.checkpoint("digits").predictor, x0, eps, linear(40))
    last = page.locator("#bound-table tr").last.locator("td").all_inner_texts()
    assert float(last[1]) == pytest.approx(found.bits("fixed_small"), abs=2e-4)
    assert float(last[2]) == pytest.approx(found.bits("fixed_large"), abs=2e-4)
    shown = numbers(page, PLAYER)
    assert float(shown["max difference"]) == 0
    formula = page.locator(f"#{PLAYER} .formulas").inner_text()
    assert shown["weight of xt"] in formula
    page.get_by_role("button", name="Other noise").click()  # another scene: the old sum is gone
    expect(page.locator("#bound-table")).to_have_text("")


def test_strange_pictures_stand_beside_the_usual_error(
    open_page: OpenPage, address: str, library: ModelRegistry, tmp_path: Path
) -> None:
    """What is drawn is what core computed, in shades and in numbers; a picture of one's own gets a column."""
    page = opened_at(open_page, address, "analysis=out_of_distribution&t=250&seed=3")
    shown_with(page, rows=4)
    trials = noise_analyses.ood_results(Scene(library, validate(library, t=250, seed=3)), [250])
    median = library.reference_errors("digits").quantile(0.5, trials["photo"].prediction.level).item()
    for row, (name, each) in enumerate(trials.items()):
        for column, values in enumerate([None, each.prediction.x_t, None, None, each.prediction.x0_hat]):
            if values is not None:
                expected = images.to_bytes(values)[0, 0].numpy().astype(int)
                assert np.abs(drawn(page, PLAYER, 5 * row + column)[..., 0] - expected).max() <= 1
        times = each.prediction.error.item() / median
        assert float(numbers(page, PLAYER)[f"{name} ÷ median"]) == pytest.approx(times, rel=0.01, abs=0.051)
    page.locator("#controls input[type=file]").set_input_files(stripes(tmp_path / "own.png"))
    shown_with(page, rows=5)
    expect(page.locator(f"#{PLAYER} .about").nth(5)).to_have_text("yours")
    expect(page.locator(f"#{PLAYER} .band")).to_have_count(2)


def test_the_hardest_pictures_are_a_press_away(open_page: OpenPage, address: str, library: ModelRegistry) -> None:
    """Chosen, a picture has in the film the error that it is ranked with."""
    page = opened_at(open_page, address, "analysis=out_of_distribution&t=250&seed=3")
    shown_with(page, rows=4)
    page.get_by_role("button", name="Rank the held-out pictures by error").click()
    expect(page.locator(".ranking")).to_have_count(2)
    hardest = page.locator(".ranking").first.locator("button").first
    number, error = hardest.get_attribute("data-picture"), float(hardest.inner_text())
    hardest.click()
    expect(page.locator("#control-image input").first).to_have_value(str(number))
    expect(page.locator(f"#{PLAYER} .about").nth(1)).to_have_text(f"№ {int(number):,}")
    median = library.reference_errors("digits").quantile(0.5, linear(1000).level(torch.tensor([250]))).item()
    assert float(numbers(page, PLAYER)["its data ÷ median"]) == pytest.approx(
        error / median, abs=0.05 + 0.0006 / median
    )
    expect(page.locator(".ranking")).to_have_count(2)  # the others are still a press away
    page.get_by_label("Model").click()
    page.get_by_role("option", name="emoji").click()
    expect(page.locator(".ranking")).to_have_count(0)


def shown_with(page: Page, rows: int) -> None:
    page.wait_for_function(
        "([id, panels]) => document.querySelectorAll(`#${id} .panel`).length === panels",
        arg=[PLAYER, 5 * rows],
    )


def stripes(file: Path) -> Path:
    Image.fromarray((np.indices((28, 28))[1] % 8 < 4).astype(np.uint8) * 255).save(file)
    return file


def test_two_processes_end_beside_their_nearest_pictures(open_page: OpenPage, library: ModelRegistry) -> None:
    page = open_page().page
    open_tab(page, "Remove noise")
    page.get_by_label("Steps", exact=True).fill("10")
    page.get_by_label("network and ideal").check()
    page.locator("#run").click()
    page.wait_for_function("document.querySelectorAll('#player-reverse .panel').length === 8")
    page.wait_for_function("document.querySelector('#player-reverse output')?.textContent.startsWith('after step 10')")
    ideal, near = drawn(page, "player-reverse", 4), drawn(page, "player-reverse", 7)
    assert np.abs(ideal - near).max() <= 1
    assert np.abs(drawn(page, "player-reverse", 0) - drawn(page, "player-reverse", 3)).max() > 50
    number = int(
        page.locator("#player-reverse .panel-text")
        .last.inner_text()
        .removeprefix("№ ")
        .split(" · ")[0]
        .replace(",", "")
    )
    picture = images.to_bytes(library.pictures("digits").x0(number))[0].numpy()
    assert np.array_equal(near[:28, :28, 0], picture)
    assert number < library.pictures("digits").training.stop


def test_the_lesson_asks_first_and_then_goes_there(open_page: OpenPage) -> None:
    page = open_page().page
    page.get_by_role("button", name="Lesson").click()
    panel = page.locator("#lesson .lesson")
    expect(panel.get_by_role("heading", name=QUESTIONS[0].title)).to_be_visible()
    for number, stop in enumerate(QUESTIONS, start=1):
        section = panel.locator("section:not([hidden])")
        expect(section.locator("h3")).to_have_text(stop.title)
        expect(section.locator(".answer")).to_be_hidden()
        section.locator(".guesses button").nth(stop.right if number % 2 else (stop.right + 1) % 3).click()
        expect(section.locator(".answer")).to_be_visible()
        expect(section.locator(".verdict")).to_be_in_viewport()
        expect(section.locator(".verdict")).to_have_text(
            "You guessed right." if number % 2 else "Not so; the right guess is marked."
        )
        wanted = {name: values[0] for name, values in parse_qs(stop.link).items()} | {"lesson": str(number)}
        wanted.pop("frame", None)  # comes with the end of the run
        page.wait_for_function(
            "wanted => { const now = new URLSearchParams(location.search);"
            " return Object.entries(wanted).every(([name, value]) => now.get(name) === value); }",
            arg=wanted,
        )
        expect(page.locator(f"#{PLAYERS[wanted['tab']]} .panel").first).to_be_visible()
        if number < len(QUESTIONS):
            section.locator(".on").click()
    expect(panel.locator("section:not([hidden]) .on")).to_be_disabled()
    panel.locator("section:not([hidden]) .back").click()
    expect(panel.locator("section:not([hidden]) h3")).to_have_text(QUESTIONS[-2].title)
    panel.locator("section:not([hidden]) .close").click()
    expect(panel).to_be_hidden()
    page.wait_for_function("!new URLSearchParams(location.search).has('lesson')")


def test_a_link_opens_the_lesson_where_it_was(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?lesson=3&{QUESTIONS[2].link}").page
    expect(page.locator("#lesson section:not([hidden]) h3")).to_have_text(QUESTIONS[2].title)
    page.wait_for_selector(f"#{PLAYER} .panel")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_lesson_leaves_the_playground_in_sight(open_page: OpenPage, address: str, width: int) -> None:
    page = open_page(f"{address}?lesson=1", width=width, height=844).page
    panel, main = page.locator("#lesson .lesson").bounding_box(), page.locator("#player-forward").bounding_box()
    assert panel is not None
    assert main is not None
    if width == 1440:
        assert main["x"] + main["width"] <= panel["x"]
    else:
        assert panel["height"] < 844 / 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
