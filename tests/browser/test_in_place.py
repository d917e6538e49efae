"""What one does on the page changes what one looks at, and moves nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.states import STATES, at_rest, seen, wait_for
from tests.browser.test_page import OpenPage, label, open_tab, quiet

TABS = ("Predict noise", "Remove noise", "Train", "Add noise")
SMALL = {"width": 1280, "height": 720}


def film_top(page: Page, player: str) -> float:
    return float(page.evaluate("id => document.querySelector(`#${id} .panels`).getBoundingClientRect().top", player))


# Press a button; after how many milliseconds the slider has gone on, and how far the page is scrolled.
PRESSED = """async ([button, player]) => {
    const slider = document.querySelector(`#${player} .frames input[type=range]`), start = performance.now();
    document.querySelector(button).click();
    let before = Infinity;
    while (+slider.value <= before) {
        before = +slider.value;
        await new Promise(requestAnimationFrame);
    }
    return [performance.now() - start, scrollY];
}"""


@pytest.mark.alone
@pytest.mark.parametrize("name", ["run", "planes"])
def test_the_button_starts_the_film_in_view_within_a_second(open_page: OpenPage, address: str, name: str) -> None:
    state = STATES[name]
    page = open_page(f"{address}?{state.query.replace('steps=10', 'steps=40')}", **SMALL).page
    wait_for(page, state)
    took: list[float] = []
    for _ in range(4):  # whatever else the machine does, one try in four has it to itself
        if min(took, default=1000) >= 1000:
            milliseconds, scrolled = page.evaluate(PRESSED, [state.primary, state.player])
            took.append(milliseconds)
            assert scrolled == 0
            assert page.evaluate(f"() => measuring.film('{state.player}', null).unseen") == []
            page.wait_for_function("() => !playground.requests.sampling.running")
            page.evaluate("() => playground.requests.training.stop()")
    assert min(took) < 1000


def test_what_opens_floats_and_moves_no_film(open_page: OpenPage, address: str) -> None:
    """The explanation, a fold of the rail, the picker, the mark of earlier settings, and a refused value."""
    state = STATES["run"]
    page = open_page(f"{address}?{state.query}", **SMALL).page
    wait_for(page, state)
    top, player = film_top(page, state.player), page.locator(f"#{state.player}")

    def still(what: str) -> None:
        at_rest(page)
        assert film_top(page, state.player) == top, what

    page.locator("#tab-sampling .more summary").click()
    expect(page.locator("#tab-sampling .card")).to_be_visible()
    still("the explanation")
    page.keyboard.press("Escape")
    expect(page.locator("#tab-sampling .card")).to_be_hidden()
    page.locator("#group-sampling-options > button").click()
    expect(page.locator("#control-timestep_spacing")).to_be_visible()
    still("a fold")
    page.locator("#picker summary").click()
    expect(page.locator("#picker .offer")).to_be_visible()
    still("the picker")
    page.get_by_label("Steps", exact=True).fill("11")
    expect(player.locator(".stale")).to_be_visible()
    still("the mark of earlier settings")
    page.get_by_label("Steps", exact=True).fill("100000")
    page.locator("#run").click()
    expect(page.locator(".error-at-field")).to_be_visible()
    still("a refused value")


FILLED = """async () => { // the time from the press to the film
    const start = performance.now();
    document.querySelector('[role=tab][data-tab-id=sampling]').click();
    const film = () => document.querySelector('#player-reverse .panel canvas');
    while (!film()?.offsetParent) await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


@pytest.mark.alone
def test_remove_noise_opens_with_a_film_that_nobody_asked_for(open_page: OpenPage) -> None:
    took: list[float] = []
    for _ in range(4):  # whatever else the machine does, one try in four has it to itself
        if min(took, default=3000) >= 3000:
            took.append(open_page(**SMALL).page.evaluate(FILLED))
    assert min(took) < 3000


# Every label that has stood beside the slider.
LABELS = """new MutationObserver(() => {
    const text = document.querySelector("#player-reverse .frames output")?.textContent;
    if (text && text !== (window.labels ??= []).at(-1)) labels.push(text);
}).observe(document, { childList: true, subtree: true, characterData: true })"""


def test_a_link_to_a_frame_shows_nothing_that_comes_after_it(open_page: OpenPage, address: str) -> None:
    page = open_page(**SMALL).page
    page.evaluate(LABELS)
    page.evaluate("playground.navigate('tab=sampling&steps=60&seed=3&frame=20')")
    expect(page.locator("#player-reverse .frames output")).to_contain_text("step 21 of 60")
    page.wait_for_function("playground.requests.sampling.number && !playground.requests.sampling.running")
    expect(page.locator("#player-reverse .frames output")).to_contain_text("step 21 of 60")
    shown = [int(text.split()[1]) for text in page.evaluate("labels")]
    assert max(shown) == 21


def test_a_link_to_a_frame_runs_once(open_page: OpenPage, address: str) -> None:
    watched, state = open_page(f"{address}?{STATES['run'].query}", **SMALL), STATES["run"]
    wait_for(watched.page, state)
    quiet(watched)
    # Frames that are lost on the way take another request, but no other film.
    assert watched.page.locator(f"#{state.player} [data-run]").get_attribute("data-run") == "1"
    assert label(watched.page, state.player).startswith("step 6 of 10")


# Note how the page moves: the sum of the layout shifts, and for each player the tops that its transport has had.
NOTED = """() => {
    window.noted = { shift: 0, tops: {} };
    // As browsers add them up: what moves at a press, because of it, is meant.
    const unasked = (list) => list.getEntries().filter((entry) => !entry.hadRecentInput);
    const note = (list) => unasked(list).forEach((entry) => { noted.shift += entry.value; });
    new PerformanceObserver(note).observe({ type: 'layout-shift', buffered: false });
    const look = () => {
        for (const transport of document.querySelectorAll('.transports')) {
            const id = transport.closest('[id^=player]').id;
            if (transport.offsetParent) (noted.tops[id] ??= []).push(transport.getBoundingClientRect().top);
        }
        requestAnimationFrame(look);
    };
    look();
}"""


def test_tabs_change_without_a_jump(open_page: OpenPage) -> None:
    """A film comes where the prompt stood."""
    watched = open_page(**SMALL)
    page = watched.page
    page.wait_for_selector("#player-forward .panel canvas")
    quiet(watched)
    page.evaluate(NOTED)
    for tab in TABS:
        open_tab(page, tab)
        quiet(watched)
    noted: dict[str, Any] = page.evaluate("() => noted")
    jumps = {player: max(tops) - min(tops) for player, tops in noted["tops"].items()}
    assert {player: jump for player, jump in jumps.items() if jump > 4} == {}
    assert noted["shift"] <= 0.05


def test_the_keys_move_the_film_at_once_and_not_from_a_field(open_page: OpenPage) -> None:
    """And the key Tab is soon at the film's slider."""
    page = open_page(**SMALL).page
    page.wait_for_selector("#player-forward .panel canvas")
    before = int(label(page, "player-forward").removeprefix("t = "))
    page.keyboard.press("ArrowRight")
    assert label(page, "player-forward") == f"t = {before + 1}"
    assert page.evaluate("scrollY") == 0
    page.get_by_label("Seed", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert label(page, "player-forward") == f"t = {before + 1}"
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex')")
    presses = 0
    while not page.evaluate("document.activeElement.matches('#player-forward .frames input[type=range]')"):
        page.keyboard.press("Tab")
        presses += 1
        assert presses <= 12


def test_escape_closes_what_lies_on_top_first(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?present=1", **SMALL).page
    page.wait_for_selector("#player-forward .panel canvas")
    page.locator("#show-controls").click()
    page.evaluate("document.querySelector('#tab-forward .more').open = true")
    states = []
    for _ in range(3):
        page.keyboard.press("Escape")
        there = "[!!document.querySelector('.more[open]'), ...['sheet-open', 'presenting']"
        states.append(page.evaluate(f"{there}.map((name) => document.body.classList.contains(name))]"))
    assert states == [[False, True, True], [False, False, True], [False, False, False]]


def test_a_drawing_the_film_and_its_slider_are_in_view_together(open_page: OpenPage) -> None:
    page = open_page(**SMALL).page
    page.wait_for_selector("#player-forward .panel canvas")
    page.locator("#picker summary").click()
    pad = page.locator("#picker .drawing canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 100, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Use the drawing").click()
    expect(page.locator("#about-picture")).to_contain_text("your own picture")
    at_rest(page)
    together = ["#picker .drawing canvas", *(f"#player-forward .panel:nth-child({k}) canvas" for k in (1, 2, 3))]
    together.append("#player-forward .frames input[type=range]")
    assert seen(page, *together) == together
    assert page.evaluate("scrollY") == 0


def test_the_pad_does_not_move_when_the_pictures_beside_it_come(open_page: OpenPage) -> None:
    """Else a stroke that begins at once would miss it."""
    page = open_page(**SMALL).page
    page.wait_for_selector("#player-forward .panel canvas")
    top = "document.querySelector('#picker .drawing canvas').getBoundingClientRect().top"
    before = page.evaluate(f"document.querySelector('#picker details').open = true, {top}")
    page.wait_for_selector("#picker .offer button")
    assert page.evaluate(top) == before


def test_the_lists_of_the_rail_are_not_clipped(open_page: OpenPage, address: str) -> None:
    """They lie over whatever is beneath them, down to their last option."""
    state = STATES["run"]
    page = open_page(f"{address}?{state.query}", **SMALL).page
    wait_for(page, state)
    page.locator("#group-sampling-options > button").click()
    expect(page.locator("#control-timestep_spacing")).to_be_visible()
    for name in ("label", "sampler", "inpaint_mask", "timestep_spacing", "schedule", "model"):
        field = page.locator(f"#control-{name} input").first
        field.scroll_into_view_if_needed()
        field.click()
        last = page.locator("ul [role=option]").last
        last.scroll_into_view_if_needed()
        expect(last).to_be_visible()
        assert last.evaluate("measuring.seen"), name
        page.keyboard.press("Escape")
        expect(page.locator("ul [role=option]")).to_have_count(0)


def test_a_clicker_steps_after_any_choice_and_space_plays_while_presenting(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?tab=prediction&t=250", **SMALL).page
    page.wait_for_selector("#player-prediction .panel canvas")
    page.get_by_label("Shrinkage", exact=True).check()
    page.wait_for_function("document.querySelectorAll('#player-prediction .panel').length === 6")
    expect(page.locator("#player-prediction output")).to_have_text("t = 20")  # it opens where there is some
    before = int(label(page, "player-prediction").removeprefix("t = "))
    page.keyboard.press("PageDown")
    assert int(label(page, "player-prediction").removeprefix("t = ")) > before
    page.locator("#present").click()
    page.keyboard.press("Space")
    expect(page.locator("#player-prediction .play")).to_have_attribute("aria-label", "Pause")
    assert page.evaluate("playground.presenting")


def test_back_and_forward_go_through_tabs_and_views(open_page: OpenPage) -> None:
    page = open_page(**SMALL).page
    page.get_by_role("tab", name="Remove noise").click()
    page.wait_for_selector("#player-reverse .panel canvas")
    page.get_by_label("Single step", exact=True).check()
    page.wait_for_function("document.querySelectorAll('#player-reverse .panel').length === 5")  # it runs by itself
    here = "`${playground.tab()} ${playground.value('sampling_view')}` === place && !playground.requests.state.pending"
    for go, place in (
        ("back", "sampling trajectory"),
        ("back", "forward trajectory"),
        ("forward", "sampling trajectory"),
    ):
        page.evaluate(f"history.{go}()")
        page.wait_for_function(f"place => {here}", arg=place)
    page.wait_for_function("document.querySelectorAll('#player-reverse .panel').length === 3")
    expect(page.locator("#player-reverse .stale")).to_be_hidden()


def test_a_refused_seed_stays_in_its_field_and_escape_closes_the_panel_to_share(open_page: OpenPage) -> None:
    page = open_page(**SMALL).page
    field = page.locator("#control-seed input")
    field.fill("-3")
    field.press("Enter")
    expect(page.locator(".error-at-field")).to_contain_text("Seed must be a whole number")
    assert seen(page, "#control-seed input", ".error-at-field") == ["#control-seed input", ".error-at-field"]
    page.locator("#share").click()
    expect(page.locator("#shared textarea")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#shared textarea")).to_be_hidden()


def test_what_was_left_empty_or_wrong_is_told_at_each_field(open_page: OpenPage) -> None:
    page = open_page(**SMALL).page
    for name, value, said in (("seed", "", "it was empty"), ("T", "5", "it was 5"), ("seed", "-1", "it was -1")):
        page.locator(f"#control-{name} input").fill(value)
        page.locator(f"#control-{name} input").press("Tab")
        expect(page.locator(f"#control-{name} ~ .error-at-field, #control-{name} .error-at-field")).to_contain_text(
            said
        )
    assert not {"T", "seed"} & set(page.evaluate("Object.fromEntries(new URL(location.href).searchParams)"))
    page.locator("#control-seed input").fill("3")
    expect(page.locator(".error-at-field")).to_have_count(1)  # that of T
    page.wait_for_function("new URL(location.href).searchParams.get('seed') === '3'")


def test_an_open_explanation_stays_open_when_its_text_is_renewed(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?tab=prediction", **SMALL).page
    page.locator("#tab-prediction .more summary").click()
    page.evaluate("playground.navigate('tab=prediction&analysis=reverse_step')")  # as an answer does that comes late
    expect(page.get_by_role("heading", name="How does ε̂ give the reverse step?")).to_be_visible()
    expect(page.locator("#tab-prediction .more .card")).to_be_visible()


def test_shrinkage_opens_where_there_is_some_and_goes_back(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?tab=prediction&t=700", **SMALL).page
    where = page.locator("#player-prediction .frames output")
    for look, t in (("Shrinkage", 20), ("Predictors", 700), ("Shrinkage", 20)):
        page.get_by_label(look, exact=True).check()
        expect(where).to_have_text(f"t = {t}")
    page.wait_for_function("!document.querySelector('#player-prediction .is-waiting')")
    page.locator("#player-prediction .frames input[type=range]").press("Home")
    page.get_by_label("Independence", exact=True).check()
    page.wait_for_function("document.querySelectorAll('#player-prediction .panel').length === 5")
    expect(where).to_have_text("t = 0")  # a person went there
    page.get_by_label("Shrinkage", exact=True).check()
    page.evaluate("playground.navigate('tab=prediction&analysis=shrinkage&t=20')")
    page.wait_for_function("!playground.requests.state.pending")
    page.get_by_label("Independence", exact=True).check()
    page.wait_for_function("document.querySelectorAll('#player-prediction .panel').length === 5")
    expect(where).to_have_text("t = 20")  # where the link is, not what was left before it


def test_the_lesson_opens_where_it_was_closed(open_page: OpenPage) -> None:
    page = open_page(**SMALL).page
    page.locator("#learn").click()
    page.locator(".lesson .on:visible").click()
    page.locator(".lesson .close:visible").click()
    expect(page.locator(".lesson")).to_be_hidden()
    page.locator("#learn").click()
    expect(page.locator(".lesson .where:visible")).to_have_text("Lesson · 2 of 8")
    page.wait_for_function("new URL(playground.link()).searchParams.get('lesson') === '2'")


def test_an_upload_takes_the_place_of_a_number_that_no_picture_has(open_page: OpenPage, tmp_path: Path) -> None:
    watched = open_page(**SMALL)
    page = watched.page
    page.locator("#control-image input").first.fill("99999")
    quiet(watched)  # the number takes the place of a picture of one's own, and that is through
    file = tmp_path / "own.png"
    Image.fromarray((np.indices((28, 28))[1] % 8 < 4).astype(np.uint8) * 255).save(file)
    page.locator("#controls input[type=file]").set_input_files(file)
    expect(page.locator("#about-picture")).to_contain_text("your own picture")
    expect(page.locator("#control-image input").first).not_to_have_value("99999")
    page.get_by_role("tab", name="Remove noise").click()
    expect(page.locator("#tab-sampling .note").first).to_contain_text("Your picture is not used")
