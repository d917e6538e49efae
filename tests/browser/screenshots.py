"""Take the README's screenshots and its moving picture: python -m tests.browser.screenshots"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium
from tests.server import running_app

FOLDER = Path(__file__).parent / "screenshots"
# Name → theme, width, height, and the link.
SHOTS = {
    "dark": ("dark", 1280, 720, "tab=prediction&t=480&seed=3"),
    "phone": ("light", 390, 844, "tab=sampling&label=3&frame=25"),
}
PLAYERS = {
    "forward": "player-forward",
    "prediction": "player-prediction",
    "sampling": "player-reverse",
    "training": "player-training",
}
# The moving picture: a link, and the frames (shares of the film) at which the page is taken.
TOUR = {
    "tab=forward&t=0": [k / 24 for k in range(2, 20)],
    "tab=prediction&t=400": [0.1 + k / 20 for k in range(12)],
    "tab=sampling&steps=30&frame=30": [k / 30 for k in range(0, 31, 2)],
    "tab=training&train_steps=800": [k / 15 for k in range(16)],
}
SIZE, SECONDS = (960, 540), 0.14


def settle(page: Page, link: str) -> str:
    """Wait until the film that the link asks for is there; the player's selector."""
    player = "#" + PLAYERS[link.split("&")[0].removeprefix("tab=")]
    page.wait_for_function(
        """player => document.querySelector(`${player} .panel canvas`)
            && Object.values(playground.requests).every((each) => !(each.pending ?? each.running))""",
        arg=player,
    )
    page.wait_for_timeout(500)
    return player


def tour(page: Page, address: str) -> list[Image.Image]:
    """The page while its films are scrubbed through, as smaller pictures."""
    frames = []
    for link, shares in TOUR.items():
        page.goto(f"{address}?__theme=light&{link}")
        slider = page.locator(f"{settle(page, link)} .frames input[type=range]")
        for share in shares:
            slider.evaluate(
                """(slider, share) => {
                    slider.value = Math.round(share * slider.max);
                    slider.dispatchEvent(new Event("input", { bubbles: true }));
                }""",
                share,
            )
            with Image.open(io.BytesIO(page.screenshot())) as image:
                frames.append(image.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS))
    return frames


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for name, (theme, width, height, link) in SHOTS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(f"{address}?__theme={theme}&{link}")
            settle(page, link)
            page.screenshot(path=FOLDER / f"{name}.png")
        first, *others = tour(browser.new_page(viewport={"width": 1280, "height": 720}), address)
        milliseconds = round(1000 * SECONDS)
        first.save(
            FOLDER / "tour.webp",
            save_all=True,
            append_images=others,
            duration=milliseconds,
            loop=0,
            quality=60,
            method=2,
        )
        browser.close()


if __name__ == "__main__":
    main()
