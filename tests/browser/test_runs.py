"""Runs in a real Chromium: whatever is opened or pressed, and whatever gets lost on the way, the film is the page's."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from playground.ui.components.lesson import QUESTIONS
from tests.browser.conftest import Watched
from tests.browser.test_page import choose, drawn_anew, scrub
from tests.by_hand import ByHand

OpenPage = Callable[..., Watched]

FILMS = {
    "run": "tab=sampling&sampler=ddpm&steps=12&num_images=2&seed=12&frame=9",
    "slow motion": "tab=sampling&sampling_view=single_step&steps=5&seed=3&frame=13",
    "guidance": "tab=sampling&sampling_view=guidance&steps=6&label=4&seed=5&frame=6",
    "race": "tab=sampling&sampling_view=solvers&nfe=4&T=60&seed=2&solvers=ddim,heun&frame=4",
    "training": "tab=training&seed=4&hidden_width=32&hidden_layers=2&train_steps=60&snapshot=18&generation_step=12",
    "lesson": f"{QUESTIONS[-1].link}&lesson={len(QUESTIONS)}".replace("frame=50", "steps=10&frame=10"),
}
LONGER = {
    "run": "tab=sampling&sampler=ddpm&steps=1000&num_images=2&seed=30&frame=1000",
    "slow motion": "tab=sampling&sampling_view=single_step&steps=300&seed=31&frame=800",
    "guidance": "tab=sampling&sampling_view=guidance&steps=1000&label=4&seed=32&frame=900",
    "race": "tab=sampling&sampling_view=solvers&nfe=100&seed=33&solvers=ddim,heun,ddpm,unipc&frame=100",
    "training": "tab=training&seed=34&hidden_width=128&train_steps=2000&snapshot=1000&generation_step=3",
    "lesson": f"{QUESTIONS[-1].link}&lesson={len(QUESTIONS)}".replace("seed=0", "seed=35").replace(
        "frame=50", "steps=400&frame=400"
    ),
}
"""The same, other ones, and so long that they are under way when the next is opened."""
DELAYS = (0, 0.3, 1, 2)
"""Seconds from the one to the next."""


def kind(name: str) -> str:
    return "training" if name == "training" else "sampling"


def player(name: str) -> str:
    return "player-training" if name == "training" else "player-reverse"


SETTLED = """([kind, player]) => {
    const { state, [kind]: runs } = window.playground?.requests ?? {};
    return window.playground?.ready && !state.pending && !runs.running && !runs.wanted
        && Object.keys(runs.goal).length === 0 && document.querySelector(`#${player} .panel`) !== null;
}"""
SHOWN = """(player) => {
    const node = document.getElementById(player), text = (selector) => node.querySelector(selector)?.textContent ?? "";
    return {
        link: Object.fromEntries(new URL(playground.link()).searchParams), // its parts, in whatever order
        frame: text(".frames output"), place: text(".places output"), numbers: text(".numbers"),
        frames: node.querySelector(".player").dataset.frames,
        stale: node.querySelector(".player").classList.contains("is-stale"),
        visible: node.offsetParent !== null,
        pictures: [...node.querySelectorAll(".panel canvas")].map((canvas) => canvas.toDataURL()),
    };
}"""

Shown = dict[str, Any]


def settled(page: Page, name: str) -> Shown:
    """What is on show, and the link to it, once nothing more is on its way."""
    page.wait_for_function(SETTLED, arg=[kind(name), player(name)])
    drawn_anew(page)
    shown: Shown = page.evaluate(SHOWN, player(name))
    return shown


def differences(one: Shown, other: Shown) -> list[str]:
    """Which parts are not the same; the pictures themselves would be a long text."""
    return [f"{part}: {one[part]} ≠ {other[part]}"[:200] for part in one if one[part] != other[part]]


def open_within(page: Page, link: str) -> None:
    """As the lesson, and whoever follows a link to the page in the page, does."""
    page.evaluate("link => playground.navigate(link)", link)


def on_a_fresh_page(regular: BrowserContext, address: str, name: str, link: str) -> Shown:
    """What a page shows that was opened for this film."""
    page = regular.new_page()
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(f"{address}?{link}")
    found = settled(page, name)
    page.close()
    assert not found["stale"]
    assert found["visible"]
    assert found["pictures"]
    return found


@pytest.fixture(scope="module")
def fresh(regular: BrowserContext, address: str) -> dict[str, Shown]:
    """What each film is like there."""
    found = {name: on_a_fresh_page(regular, address, name, link) for name, link in FILMS.items()}
    assert len({json.dumps(each["pictures"]) for each in found.values()}) == len(FILMS)
    return found


def pairs() -> Iterator[tuple[str, str, float]]:
    """Every film after another one and after one of its own kind: a third of all pairs. With EVERY_DELAY in the
    environment it is all of them, each at every delay.
    """
    everything = "EVERY_DELAY" in os.environ
    for (i, one), (j, other) in itertools.product(enumerate(LONGER), enumerate(FILMS)):
        for delay in DELAYS if everything else [DELAYS[(i + j) // 2 % len(DELAYS)]]:
            if everything or (j - i) % len(FILMS) in (0, 1):
                yield one, other, delay


def test_whatever_is_opened_while_another_runs_ends_in_its_own_film(
    open_page: OpenPage, fresh: dict[str, Shown]
) -> None:
    page, wrong = open_page().page, list[str]()
    for one, other, delay in pairs():
        open_within(page, LONGER[one])
        page.wait_for_timeout(1000 * delay)
        open_within(page, FILMS[other])
        wrong += [f"{one}, {delay} s, {other}: {each}" for each in differences(settled(page, other), fresh[other])]
    assert wrong == []


@pytest.mark.parametrize("last", ["race", "training"])
def test_ten_links_in_two_seconds_end_in_the_last_ones_film(
    open_page: OpenPage, fresh: dict[str, Shown], last: str
) -> None:
    page, names = open_page().page, [name for name in FILMS if name != last]
    links = [(LONGER if k % 2 else FILMS)[names[k % len(names)]] for k in range(9)]
    page.evaluate(
        """async (links) => {
            for (const link of links) {
                playground.navigate(link);
                await new Promise((done) => setTimeout(done, 190));
            }
        }""",
        [*links, FILMS[last]],
    )
    assert differences(settled(page, last), fresh[last]) == []


def test_back_and_forward_lead_to_the_films_before_and_after(
    open_page: OpenPage, fresh: dict[str, Shown], address: str
) -> None:
    page, way = open_page(f"{address}?{FILMS['run']}").page, ("run", "training", "lesson", "race")
    settled(page, "run")
    for name in way[1:]:
        open_within(page, FILMS[name])
        assert differences(settled(page, name), fresh[name]) == []
    for step, name in [*(("back", name) for name in way[-2::-1]), *(("forward", name) for name in way[1:])]:
        page.evaluate(f"history.{step}()")
        page.wait_for_function("playground.requests.state.pending")
        assert differences(settled(page, name), fresh[name]) == []
    page.evaluate("history.back()")
    page.wait_for_timeout(300)
    page.evaluate("history.back()")  # while the one before is on its way
    page.wait_for_function(
        "place => playground.value('generation_step') === place && !playground.requests.state.pending",
        arg=fresh["training"]["link"]["generation_step"],
    )
    assert differences(settled(page, "training"), fresh["training"]) == []


def test_a_link_to_an_earlier_moment_of_a_training_shows_that(
    open_page: OpenPage, regular: BrowserContext, fresh: dict[str, Shown], address: str
) -> None:
    """A network that has learned more is no longer what it was: it learns anew, just as far."""
    page = open_page().page
    open_within(page, FILMS["training"])
    frames = int(settled(page, "training")["frames"])
    page.locator("#train").click()
    page.wait_for_function(
        "frames => document.querySelector('#player-training .player').dataset.frames > frames + 5", arg=frames
    )
    open_within(page, FILMS["training"])
    assert differences(settled(page, "training"), fresh["training"]) == []
    at_its_end = FILMS["training"].replace("&snapshot=18&generation_step=12", "")
    open_within(page, at_its_end)
    expected = on_a_fresh_page(regular, address, "training", at_its_end)
    assert differences(settled(page, "training"), expected) == []


def test_a_tab_that_is_opened_later_is_in_the_link_as_it_stands(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?tab=training&train_steps=20&generation_step=7").page
    settled(page, "training")
    open_within(page, QUESTIONS[0].link)
    page.wait_for_function("!playground.requests.state.pending && playground.value('train_steps') === ''")
    page.get_by_role("tab", name="Train", exact=True).click()
    page.wait_for_function("playground.value('train_steps') === '20' && playground.value('generation_step') === '7'")
    assert page.locator("#player-training .frames output").text_content() == "after 20 steps"


# --- what gets lost ---------------------------------------------------------------------------------------------

PARSED = """([drop]) => { // some pieces of films do not come, as where Gradio brings two updates at once
    const parse = JSON.parse, loses = new Function("film", "number", "update", "last", `return ${drop}`);
    let number = 0, update = 0;
    JSON.parse = (text, ...rest) => {
        const message = parse(text, ...rest);
        if (!message?.pieces?.some(({ request }) => request !== undefined)) return message;
        update += 1;
        const last = message.pieces.some(({ ended }) => ended);
        const pieces = message.pieces.filter((film) => !loses(film, ++number, update, last));
        window.lost = (window.lost ?? 0) + (pieces.length < message.pieces.length);
        return { ...message, pieces };
    };
    window.begun = []; // the films that have begun
    new MutationObserver((begins) => begun.push(...begins.map(({ target }) => target.dataset.run).filter(Boolean)))
        .observe(document.body, { attributeFilter: ["data-run"], subtree: true });
}"""
LOST = {
    "the first piece": "number === 1",
    "one in the middle": "film.request === 1 && film.start === 5",
    "the last piece and the end": "film.request === 1 && (film.ended || film.start === 11)",
    "all": "film.request === 1",
}


def frame_by_frame(page: Page, name: str = "run") -> list[Shown]:
    """Every frame of the film on show."""
    found = list[Shown]()
    for frame in range(int(page.evaluate(SHOWN, player(name))["frames"])):
        scrub(page, player(name), frame)
        found.append(page.evaluate(SHOWN, player(name)))
    return found


@pytest.fixture(scope="module")
def frames(regular: BrowserContext, address: str) -> list[Shown]:
    """Every frame of the run."""
    page = regular.new_page()
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(f"{address}?{FILMS['run']}")
    settled(page, "run")
    found = frame_by_frame(page)
    page.close()
    assert len(found) == 13
    return found


@pytest.mark.parametrize("lost", LOST)
def test_what_is_lost_of_a_film_comes_again(
    open_page: OpenPage, fresh: dict[str, Shown], frames: list[Shown], lost: str
) -> None:
    page = open_page().page
    page.evaluate(PARSED, [LOST[lost]])
    open_within(page, FILMS["run"])
    assert differences(settled(page, "run"), fresh["run"]) == []
    for shown, expected in zip(frame_by_frame(page), frames, strict=True):
        assert differences(shown, expected) == []
    assert len(page.evaluate("begun")) == 1  # nothing was shown twice


def test_updates_of_a_long_film_that_are_lost_come_again_while_it_is_made(
    open_page: OpenPage, regular: BrowserContext, address: str
) -> None:
    link = FILMS["run"].replace("steps=12", "steps=120").replace("frame=9", "frame=50")
    page = open_page().page
    # So few that it ends: a page whose every repetition is lost, too, gives up after twenty.
    page.evaluate(PARSED, ["(window.lost ?? 0) < 8 && update % 3 === 1 && !last && film.start > 0"])
    open_within(page, link)
    assert differences(settled(page, "run"), on_a_fresh_page(regular, address, "run", link)) == []
    assert page.evaluate("lost") == 8
    assert len(page.evaluate("begun")) == 1
    assert page.evaluate("playground.requests.sampling.number") == 1  # the run was not requested again


def test_what_is_lost_of_a_later_film_comes_again(open_page: OpenPage, fresh: dict[str, Shown]) -> None:
    """Nothing of the film before is taken for it."""
    page = open_page().page
    open_within(page, FILMS["slow motion"])
    settled(page, "slow motion")
    latest = page.evaluate("playground.requests.sampling.request.number")
    page.evaluate(PARSED, [f"film.request === {latest} + 1 || film.request === {latest} + 2 && film.start % 3 === 1"])
    open_within(page, FILMS["run"])
    assert differences(settled(page, "run"), fresh["run"]) == []


def test_what_is_lost_of_a_training_comes_again(open_page: OpenPage, fresh: dict[str, Shown]) -> None:
    page = open_page().page
    page.evaluate(PARSED, ["film.request === 1 && (film.start === 2 || film.ended)"])
    open_within(page, FILMS["training"])
    assert differences(settled(page, "training"), fresh["training"]) == []


JOIN = re.compile(r"/queue/join\b")
"""Where every event is sent."""
DROP_ANSWERS = """([kind, count]) => {
    const runs = playground.requests[kind], { arrived } = runs;
    window.dropped = 0;
    runs.arrived = (answer) => { if (window.dropped < count) window.dropped += 1; else arrived(answer); };
}"""


def requests_of(page: Page, address: str, name: str) -> list[int]:
    """The numbers with which this kind of run is asked for from now on, as they are sent."""
    with ByHand(address) as somebody:
        events, sent = {somebody.of_runs(kind(name))["id"], somebody.tells_of(kind(name))["id"]}, list[int]()

    def note(request: Any) -> None:
        if JOIN.search(request.url) and request.post_data_json["fn_index"] in events:
            sent.append(request.post_data_json["data"][0]["number"])

    page.on("request", note)
    return sent


def test_a_request_without_an_answer_is_repeated_and_its_run_starts_once(
    open_page: OpenPage, fresh: dict[str, Shown], address: str
) -> None:
    page = open_page().page
    page.evaluate(PARSED, ["false"])
    sent = requests_of(page, address, "run")
    page.evaluate(DROP_ANSWERS, ["sampling", 2])
    open_within(page, FILMS["run"])
    page.wait_for_function("dropped === 2 && !playground.requests.sampling.running")
    page.wait_for_timeout(5000)  # longer than the page waits for a third answer
    assert differences(settled(page, "run"), fresh["run"]) == []
    assert len(sent) >= 3
    assert set(sent) == {1}
    assert len(page.evaluate("begun")) == 1


def test_a_request_that_does_not_get_there_is_repeated_and_that_is_told(
    open_page: OpenPage, fresh: dict[str, Shown], address: str
) -> None:
    """As on a Space whose own queue loses it: its sender waits for an answer that never comes."""
    page, lost = open_page().page, list[Any]()

    def lose(route: Route) -> None:
        asked = (route.request.post_data_json or {})["data"]
        if asked and isinstance(asked[0], dict) and "number" in asked[0] and "query" not in asked[0] and len(lost) < 8:
            lost.append(asked[0])
            route.fulfill(json={"event_id": f"lost-{len(lost)}"})
        else:
            route.continue_()

    page.route(JOIN, lose)
    page.evaluate(PARSED, ["false"])
    sent = requests_of(page, address, "run")
    open_within(page, FILMS["run"])
    note = page.locator("#player-reverse .run-note")
    expect(note).to_have_text("The run has not started: the server does not answer. It is asked again.")
    assert differences(settled(page, "run"), fresh["run"]) == []
    expect(note).to_have_text("")
    assert len(lost) == 8
    assert set(sent) == {1}
    assert len(page.evaluate("begun")) == 1


def test_a_state_that_does_not_get_there_is_asked_for_again(open_page: OpenPage, fresh: dict[str, Shown]) -> None:
    page, lost = open_page().page, list[Any]()

    def lose(route: Route) -> None:
        asked = (route.request.post_data_json or {})["data"]
        if not lost and asked and isinstance(asked[0], dict) and "query" in asked[0]:
            lost.append(asked[0])
            route.fulfill(json={"event_id": "lost"})
        else:
            route.continue_()

    page.route(JOIN, lose)
    open_within(page, FILMS["run"])
    assert differences(settled(page, "run"), fresh["run"]) == []
    assert len(lost) == 1


def test_a_late_answer_of_an_earlier_state_changes_no_later_one(
    open_page: OpenPage, fresh: dict[str, Shown], address: str
) -> None:
    """Somebody asks for another noise, on a slow line, and opens a link meanwhile."""
    watched, held = open_page(), list[Route]()
    page = watched.page
    with ByHand(address) as somebody:
        late = somebody.pressed("other-noise")["id"]
    page.route(
        JOIN,
        lambda route: held.append(route) if route.request.post_data_json["fn_index"] == late else route.continue_(),
    )
    page.locator("#other-noise").click()
    open_within(page, FILMS["run"])
    settled(page, "run")
    before = page.evaluate("playground.requests.state.number")
    [route] = held
    route.continue_()
    page.wait_for_function("before => playground.requests.state.number > before", arg=before)
    assert differences(settled(page, "run"), fresh["run"]) == []
    expect(page.locator("#control-seed input")).to_have_value("12")
    page.locator("#control-seed input").fill("13")  # what a person does is theirs
    expect(page.locator("#player-reverse .stale")).to_be_visible()
    page.wait_for_function("playground.value('seed') === '13'")


# --- what a film is of ------------------------------------------------------------------------------------------


def set_field(page: Page, name: str, value: str) -> None:
    page.locator(f"#control-{name} input").first.fill(value)
    page.locator(f"#control-{name} input").first.press("Enter")


def set_number(page: Page, name: str, value: str) -> None:
    page.locator(f"#control-{name} input[type=number]").fill(value)
    page.locator(f"#control-{name} input[type=number]").press("Enter")


def choose_in(label: str) -> Callable[[Page, str, str], None]:
    return lambda page, _, value: choose(page, label, value)


CONTROLS: dict[str, tuple[Callable[[Page, str, str], None], str, str]] = {
    "seed": (set_field, "12", "13"),
    "label": (choose_in("Label"), "any", "3"),
    "steps": (set_field, "4", "5"),
    "eta": (set_number, "0.5", "0.6"),
    "guidance_scale": (set_number, "1.5", "2"),
    "image": (set_field, "7", "8"),
    "T": (set_field, "900", "901"),
    "schedule": (choose_in("Schedule"), "linear", "cosine"),
    "sampler": (choose_in("Sampler"), "ddim", "ddpm"),
}


def test_a_film_is_marked_whatever_control_has_changed_and_only_as_long_as_it_has(
    open_page: OpenPage, address: str
) -> None:
    link = "tab=sampling&steps=4&num_images=1&seed=12&eta=0.5&init=image&image=7&T=900&frame=2"
    page = open_page(f"{address}?{link}").page
    first, mark = settled(page, "run"), page.locator("#player-reverse .stale")
    expect(mark).to_be_hidden()
    for name, (put, at_first, other) in CONTROLS.items():
        put(page, name, other)
        expect(mark, name).to_be_visible()
        put(page, name, at_first)
        expect(mark, name).to_be_hidden()
    shown = settled(page, "run")
    assert shown["pictures"] == first["pictures"]
    page.locator("#control-seed input").fill("13")
    mark.get_by_role("button").click()  # “Run again”
    expect(mark).to_be_hidden()
    assert settled(page, "run")["pictures"] != first["pictures"]


def test_a_picture_that_a_film_does_not_use_marks_nothing(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?tab=sampling&steps=3&num_images=1&frame=3").page
    settled(page, "run")
    set_field(page, "image", "8")
    page.wait_for_function("playground.value('image') === '8'")
    expect(page.locator("#player-reverse .stale")).to_be_hidden()


def steps_of(page: Page) -> Any:
    """What “Save every step” saves."""
    with page.expect_download() as download:
        page.locator("#export-npz").click()
    return np.load(Path(download.value.path()))


def test_every_step_that_is_saved_is_of_the_film_on_show(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?tab=sampling&steps=4&num_images=1&seed=6&frame=4", accept_downloads=True).page
    settled(page, "run")
    saved = steps_of(page)
    assert saved["eps_hat"].shape == (4, 1, 1, 28, 28)
    set_field(page, "steps", "7")
    set_field(page, "seed", "9")
    expect(page.locator("#player-reverse .stale")).to_be_visible()
    again = steps_of(page)
    assert {name: saved[name].tolist() for name in saved} == {name: again[name].tolist() for name in again}


def test_of_a_stopped_run_as_many_steps_are_saved_as_were_shown(open_page: OpenPage) -> None:
    page = open_page(accept_downloads=True).page
    page.get_by_role("tab", name="Remove noise").click()
    page.wait_for_selector("#player-reverse .panel")
    page.wait_for_function("!playground.requests.sampling.running")  # it ran by itself
    set_field(page, "steps", "1000")
    before = page.evaluate("document.querySelector('#player-reverse .player').dataset.run")
    page.locator("#run").click()
    page.wait_for_function(
        """before => (({ run, frames }) => run !== before && frames > 20)(
            document.querySelector('#player-reverse .player').dataset)""",
        arg=before,
    )
    page.locator("#stop").click()
    page.wait_for_function("!playground.requests.sampling.running")
    shown = int(page.evaluate(SHOWN, "player-reverse")["frames"])
    page.wait_for_timeout(500)
    assert int(page.evaluate(SHOWN, "player-reverse")["frames"]) == shown
    assert len(steps_of(page)["eps_hat"]) == shown


def test_after_a_run_that_was_stopped_before_its_first_frame_the_film_on_show_is_saved(
    open_page: OpenPage, address: str
) -> None:
    page = open_page(f"{address}?tab=sampling&steps=4&num_images=1&seed=6&frame=4", accept_downloads=True).page
    settled(page, "run")
    saved = steps_of(page)
    set_field(page, "steps", "9")
    for _ in range(2):
        page.evaluate("playground.sample(); playground.requests.sampling.stop()")
        page.wait_for_timeout(500)
    assert page.evaluate(SHOWN, "player-reverse")["frames"] == "5"
    again = steps_of(page)
    assert {name: saved[name].tolist() for name in saved} == {name: again[name].tolist() for name in again}
