"""The film, its transport and the button that starts it are on one screen, in every state and on every screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from tests.browser.conftest import Watched, opening
from tests.browser.states import STATES, State, at_rest, measured, open_state
from tests.browser.test_page import OpenPage

PROJECTOR, PHONE, TABLET = (1280, 720), (390, 844), (820, 1180)
SCREENS = (PROJECTOR, (1366, 768), (1440, 900), (1920, 1080), (1280, 660), (1024, 768), TABLET, PHONE)

# On a projector: the least side of a picture, and the least while presenting; on larger screens of some.
SIDES = {
    "add": (280, 380),
    "predictors": (120, 140),
    "independence": (170, 0),
    "shrinkage": (140, 0),
    "step": (155, 0),
    "names": (120, 0),
    "depth": (90, 0),
    "run": (295, 395),
    "both": (205, 0),
    "slow": (155, 0),
    "guidance": (125, 0),
    "race": (170, 0),
    "planes": (220, 295),
}
LARGER_SIDES = {(1440, 900): {"add": 340, "predictors": 150, "run": 350}, (1920, 1080): {"add": 500}}
# On a projector: how far down, at most, the bottoms of the film, the transports and the charts are.
BOTTOMS = {
    "add": {"film_bottom": 450, "transport_bottom": 530, "charts_bottom": 720},
    "run": {"film_bottom": 480, "transport_bottom": 540},
    "predictors": {"film_bottom": 640, "transport_bottom": 690},
    "planes": {"transport_bottom": 490},
}
NEVER = ("unseen", "cut_numbers", "long_captions", "cut_heads", "scroll", "wider")


@pytest.fixture(scope="module")
def watched(browser: Browser, regular: BrowserContext, address: str) -> Iterator[Watched]:
    """One page that goes from state to state."""
    with opening(browser, regular, address) as open_page:
        yield open_page(width=PROJECTOR[0], height=PROJECTOR[1])


@pytest.fixture(scope="module")
def devices(watched: Watched) -> CDPSession:
    return watched.page.context.new_cdp_session(watched.page)


@pytest.fixture(scope="module", params=STATES)
def name(request: pytest.FixtureRequest, watched: Watched, devices: CDPSession) -> str:
    """A state, opened on a projector: all tests of one state come before those of the next."""
    show_at(watched.page, devices, PROJECTOR)
    open_state(watched.page, STATES[request.param])
    return str(request.param)


def show_at(page: Page, devices: CDPSession, size: tuple[int, int], presenting: bool = False) -> None:
    """On a screen of this size; phones and tablets are touched."""
    touched = {"enabled": size in (PHONE, TABLET), "maxTouchPoints": 1}
    devices.send("Emulation.setTouchEmulationEnabled", touched)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("on => { playground.present(on, false); scrollTo(0, 0); }", presenting)
    at_rest(page)


def wrong(name: str, size: tuple[int, int], presenting: bool, found: dict[str, Any]) -> Iterator[str]:
    """What is not as it shall be on this screen."""
    yield from (f"{fault}: {found[fault]}" for fault in NEVER if found[fault])
    least, most = LARGER_SIDES.get(size, {}).get(name, 0), {}
    if presenting:
        least = SIDES.get(name, (0, 0))[1]
    elif size == PROJECTOR:
        least, most = SIDES.get(name, (0, 0))[0], {"film_top": 164, "transport_bottom": 716, **BOTTOMS.get(name, {})}
    elif size == PHONE:
        least = on_a_phone(STATES[name])
        most = {"film_top": 235, "transport_bottom": 735 if name == "planes" else 690}
    if found["side"] < least:
        yield f"side {found['side']} < {least}"
    yield from (f"{where} {found[where]} > {bound}" for where, bound in most.items() if found[where] > bound)


def on_a_phone(state: State) -> int:
    """The least side of a picture on a phone."""
    if state.panels <= 4:
        return 105
    return 52 if state.panels > 15 else 65


def test_the_film_its_transport_and_its_button_are_in_view_on_every_screen(
    watched: Watched, devices: CDPSession, name: str
) -> None:
    """Pictures are as large as they shall be, no number of a caption is cut, and nothing scrolls sideways."""
    page, found = watched.page, []
    screens = [(PROJECTOR, False), (PROJECTOR, True), *((size, False) for size in SCREENS[1:])]
    for size, presenting in screens:
        show_at(page, devices, size, presenting)
        there = measured(page, STATES[name])
        found += [f"{size}{' presenting' * presenting}: {each}" for each in wrong(name, size, presenting, there)]
    assert found == []
    assert watched.complaints == []


@pytest.mark.parametrize("name", ["add", "predictors", "run", "race", "planes"], indirect=True)
def test_text_stands_out_and_only_roles_have_a_hue(watched: Watched, devices: CDPSession, name: str) -> None:
    """Light and dark; what can be pressed has room for a mouse, and on a phone, with the controls, for a finger."""
    page, found = watched.page, []
    for size in (PROJECTOR, PHONE):
        show_at(page, devices, size)
        page.evaluate("open => document.body.classList.toggle('sheet-open', open)", size == PHONE)
        assert page.evaluate("matchMedia('(pointer: coarse)').matches") == (size == PHONE)
        for scheme in ("light", "dark"):
            page.evaluate("dark => document.body.classList.toggle('dark', dark)", scheme == "dark")
            at_rest(page)
            seen = page.evaluate("() => [...measuring.faint(), ...measuring.hued()]")
            found += [f"{size} {scheme}: {each}" for each in seen]
        page.evaluate("() => document.body.classList.remove('dark')")
        found += [f"{size}: {each}" for each in page.evaluate("measuring.small", 40 if size == PHONE else 24)]
    assert found == []


def test_the_ring_of_the_focus_is_no_roles(watched: Watched, devices: CDPSession) -> None:
    page = watched.page
    show_at(page, devices, PROJECTOR)
    rings = []
    for _ in range(12):
        page.keyboard.press("Tab")
        rings += page.evaluate("() => measuring.hued().filter((each) => each.includes(': outline of'))")
    assert rings == []


def test_it_all_holds_in_the_frame_of_a_space(open_page: OpenPage, address: str) -> None:
    page = open_page().page
    page.evaluate(
        """address => {
            const frame = Object.assign(document.createElement('iframe'), { src: address });
            frame.style.cssText = 'position: fixed; inset: 0; width: 1280px; height: 660px; border: 0; z-index: 99';
            document.body.append(frame);
        }""",
        address,
    )
    page.wait_for_function("window.frames[0]?.playground?.ready")
    frame, found = page.frames[1], []
    for name in ("add", "predictors", "run", "planes"):
        open_state(frame, STATES[name])
        there = measured(frame, STATES[name])
        found += [f"{name}: {fault} {there[fault]}" for fault in NEVER if there[fault]]
    assert found == []
