"""Train: a network learns in the browser's sight, and a link brings back how far it came."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from playground.core.diffusion.schedules import linear
from playground.core.model_registry import ModelRegistry
from playground.core.toy2d.datasets import load_toy_dataset
from playground.core.toy2d.diagnostics import PATH_STEPS, ReferenceField, build_reference
from playground.core.toy2d.network import TrainingConfig
from playground.core.toy2d.trainer import TOTAL_STEPS, snapshot_steps
from playground.render.films.toy2d import REACH
from playground.ui import build_app, launch_options
from playground.ui.state.training_sessions import TrainingSessionStore
from tests.browser.conftest import Watched
from tests.browser.test_links import said
from tests.browser.test_page import canvas, numbers, open_tab, quiet

OpenPage = Callable[..., Watched]
DATA, TOY_SAMPLERS, FIELD, EXACT = range(4)


def ink(page: Page, panel: int) -> np.ndarray:
    """How much is drawn at each pixel of a plane, (H, W), 0 to 255."""
    return canvas(page, "player-training", panel)[..., 3]


def scrub(page: Page, name: str, value: int) -> None:
    page.locator("#player-training").get_by_label(name, exact=True).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
        value,
    )


def along(page: Page, row: str) -> str:
    return page.locator(f"#player-training .{row} output").inner_text()


def frames(page: Page) -> int:
    return int(page.locator("#player-training .player").get_attribute("data-frames") or 0)


def wait_for_frames(page: Page, count: int) -> None:
    page.wait_for_function(
        "count => document.querySelector('#player-training .player')?.dataset.frames >= count",
        arg=count,
    )


def open_training(page: Page) -> None:
    open_tab(page, "Train")
    wait_for_frames(page, 1)
    page.wait_for_selector("#player-training .panel canvas")


def pause_after(page: Page, count: int) -> None:
    """Pause as soon as so many frames are there; the last piece of the film comes with the words or before them."""
    page.wait_for_function(
        """count => document.querySelector('#player-training .player').dataset.frames >= count
            && document.querySelector('#training-note').textContent.includes('Training:')
            && (document.querySelector('#pause-training').click(), true)""",
        arg=count,
    )
    expect(page.locator("#training-note")).to_contain_text("2,000 steps are done")
    page.wait_for_timeout(1000)  # what is asked in the moment in which Gradio's stream of answers ends may get none


def near(points: np.ndarray, drawn: np.ndarray) -> float:
    """The share of the points on whose pixel something is drawn."""
    side = len(drawn)
    pixels = np.round((np.stack([points[:, 0], -points[:, 1]], 1) / REACH + 1) / 2 * side).astype(int)
    pixels = pixels[((pixels >= 1) & (pixels < side - 1)).all(1)]
    return float((drawn[pixels[:, 1], pixels[:, 0]] > 40).mean())


@pytest.fixture(scope="module")
def known() -> ReferenceField:
    return build_reference(TrainingConfig(load_toy_dataset("eight_gaussians"), linear(1000)))


def test_it_trains_in_sight_and_what_is_drawn_is_what_core_computed(open_page: OpenPage, known: ReferenceField) -> None:
    page = open_page().page
    open_training(page)
    assert numbers(page, "player-training")["loss, fixed draws"] == "1.0000"
    scrub(page, "Along the generation", 0)
    assert along(page, "places") == "t = 999"
    noisy = known.level.alpha[0] * known.x0 + known.level.sigma[0] * known.eps
    assert near(noisy.numpy(), ink(page, DATA)) > 0.99
    assert near(known.start.numpy(), ink(page, TOY_SAMPLERS)) > 0.99
    scrub(page, "Along the generation", PATH_STEPS)
    assert near(known.x0.numpy(), ink(page, DATA)) > 0.99
    untrained = ink(page, FIELD)

    page.locator("#train").click()
    player = "document.querySelector('#player-training .player')"
    first = page.wait_for_function(f"{player}.dataset.frames > 1 && {player}.dataset.frames").json_value()
    assert int(first) < len(snapshot_steps())  # while it trains, not when it has
    wait_for_frames(page, len(snapshot_steps()))
    expect(page.locator("#player-training .frames output")).to_have_text(f"after {TOTAL_STEPS:,} steps")
    expect(page.get_by_text("All 2,000 steps are done")).to_be_visible()
    shown = numbers(page, "player-training")
    assert float(shown["loss, fixed draws"]) < float(shown["loss floor"]) + 0.01
    assert float(shown["loss floor"]) == pytest.approx(known.floor, abs=1e-4)
    assert shown["t"] == "–"  # nobody is asked about what is clean: the arrows are those of the last t
    scrub(page, "Along the generation", PATH_STEPS // 2)
    assert float(numbers(page, "player-training")["R²(ε̂, exact)"]) > 0.9
    learned, exact = ink(page, FIELD).astype(float), ink(page, EXACT).astype(float)
    assert np.abs(learned - exact).mean() < 0.2 * np.abs(untrained - exact).mean()

    scrub(page, "Frame", 0)
    assert along(page, "frames") == "untrained"
    before = page.locator("#player-training .places input").input_value()
    page.locator("#player-training .panels").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert along(page, "frames") == f"after {snapshot_steps()[1]:,} steps"
    assert page.locator("#player-training .places input").input_value() == str(int(before) + 1)


def test_pause_one_step_reset_and_train_again(open_page: OpenPage) -> None:
    page = open_page().page
    open_training(page)
    page.locator("#one-step").click()
    expect(page.locator("#player-training .frames output")).to_have_text("after 1 step")
    page.locator("#one-step").click()
    expect(page.locator("#player-training .frames output")).to_have_text("after 2 steps")
    page.locator("#train").click()
    pause_after(page, 8)
    stopped, step = frames(page), int(along(page, "frames").split()[1].replace(",", ""))
    assert step < TOTAL_STEPS
    said(page, train_steps=str(step))
    page.wait_for_timeout(700)
    assert frames(page) == stopped
    scrub(page, "Frame", 2)
    page.locator("#one-step").click()  # goes on where the network stood, and shows that
    expect(page.locator("#player-training .frames output")).to_have_text(f"after {step + 1:,} steps")
    said(page, train_steps=str(step + 1), snapshot=None)
    page.locator("#reset-training").click()
    expect(page.locator("#player-training .frames output")).to_have_text("untrained")
    assert frames(page) == 1
    said(page, train_steps=None)


def test_a_link_trains_as_far_and_shows_the_same_pixels(open_page: OpenPage, address: str) -> None:
    chosen = "tab=training&toy_dataset=two_moons&prediction_type=v_prediction&hidden_width=32&hidden_layers=2"
    chosen += "&toy_sampler=ddpm&seed=3&schedule=cosine&lr=0.003"
    page = open_page(f"{address}?{chosen}").page
    wait_for_frames(page, 1)
    page.locator("#train").click()
    pause_after(page, 12)
    scrub(page, "Frame", 9)
    scrub(page, "Along the generation", 15)
    query = said(page, snapshot=str(snapshot_steps()[9]), generation_step="15")

    other = open_page(page.url).page
    wait_for_frames(other, frames(page))
    assert said(other, **query) == query
    assert frames(other) == frames(page)
    assert along(other, "frames") == along(page, "frames")
    assert along(other, "places") == along(page, "places")
    assert numbers(other, "player-training") == numbers(page, "player-training")
    for panel in (DATA, TOY_SAMPLERS, FIELD, EXACT):
        assert np.array_equal(ink(other, panel), ink(page, panel))


def test_what_the_network_may_not_see_it_cannot_learn(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    open_training(page)
    page.get_by_label("xₜ, the noisy point").uncheck()
    quiet(watched)
    page.locator("#train").click()
    pause_after(page, 14)
    assert float(numbers(page, "player-training")["loss, fixed draws"]) == pytest.approx(1, abs=0.02)
    page.get_by_label("xₜ, the noisy point").check()  # another network: it begins anew
    expect(page.locator("#player-training .frames output")).to_have_text("untrained")
    expect(page.locator("#training-note")).to_contain_text("training starts again")


def test_other_ways_to_go_show_the_same_moments(open_page: OpenPage) -> None:
    page = open_page().page
    open_training(page)
    page.locator("#train").click()
    pause_after(page, 6)
    count, before = frames(page), ink(page, TOY_SAMPLERS)
    for name, same in (("DDPM", False), ("probability-flow ODE", True)):
        run = page.locator("#player-training .player").get_attribute("data-run")
        page.get_by_label(name, exact=True).check()
        page.wait_for_function("run => document.querySelector('#player-training .player').dataset.run !== run", arg=run)
        wait_for_frames(page, count)
        scrub(page, "Frame", count - 1)
        assert np.array_equal(ink(page, TOY_SAMPLERS), before) is same


def test_a_world_is_drawn_by_hand(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    open_training(page)
    page.locator("#world-pad summary").click()
    pad = page.locator("#world-pad canvas")
    page.locator("#world-pad .use").click()
    expect(page.get_by_text("There is nothing on the pad yet").first).to_be_visible()
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 12, box["y"] + 64)
    page.mouse.down()
    page.mouse.move(box["x"] + 116, box["y"] + 64, steps=5)
    page.mouse.up()
    before = ink(page, DATA)
    page.locator("#world-pad .use").click()
    quiet(watched)
    drawn = ink(page, DATA) > 40
    assert not np.array_equal(drawn, before > 40)
    expect(page.locator("#training-note")).to_contain_text("The world is your drawing")
    rows, columns = np.nonzero(drawn)
    assert columns.max() - columns.min() > 5 * (rows.max() - rows.min())  # a level line
    page.get_by_label("spiral", exact=True).check()
    quiet(watched)
    rows, columns = np.nonzero(ink(page, DATA) > 40)
    assert columns.max() - columns.min() < 2 * (rows.max() - rows.min())


@pytest.fixture
def sessions_and_address(library: ModelRegistry) -> Iterator[tuple[TrainingSessionStore, str]]:
    """The app in this process, so that a test can look behind the page."""
    before = {id(each) for each in gc.get_objects() if type(each) is TrainingSessionStore}
    app = build_app(library)
    (sessions,) = (each for each in gc.get_objects() if type(each) is TrainingSessionStore and id(each) not in before)
    _, address, _ = app.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())
    yield sessions, address
    app.close()


def test_who_leaves_the_page_leaves_nothing(
    browser: Browser, sessions_and_address: tuple[TrainingSessionStore, str]
) -> None:
    sessions, address = sessions_and_address
    context = browser.new_context()
    page = context.new_page()
    page.goto(address + "?tab=training")
    wait_for_frames(page, 1)
    page.locator("#train").click()
    wait_for_frames(page, 4)
    assert len(sessions) == 1
    (session,) = sessions._sessions.values()
    context.close()
    for _ in range(600):
        if session.left:
            break
        time.sleep(0.1)
    assert session.left
    assert len(sessions) == 0
    stopped = -1
    while stopped != session.trainer.step:
        stopped = session.trainer.step
        time.sleep(1)
    assert stopped < TOTAL_STEPS
