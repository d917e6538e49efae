"""Take the README's screenshots: python -m tests.browser.screenshots"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium
from tests.server import running_app

FOLDER = Path(__file__).parent / "screenshots"
# Name → theme, width, height, and the link.
SHOTS = {
    "light": ("light", 1280, 1180, "tab=forward&t=250"),
    "dark": ("dark", 1280, 1400, "tab=prediction&t=480&seed=3"),
    "phone": ("light", 390, 844, "tab=reverse&label=3&frame=25"),
}
PLAYERS = {"forward": "player-forward", "prediction": "player-prediction", "reverse": "player-reverse"}


def settle(page: Page, player: str) -> None:
    """Wait until a film has stopped: a linked run plays once, then goes to the frame of the link."""
    said, seen = page.locator(f"{player} .ends output"), None
    while seen != (seen := said.text_content()):
        page.wait_for_timeout(2500)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for name, (theme, width, height, link) in SHOTS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(f"{address}?__theme={theme}&{link}")
            tab = link.split("&")[0].removeprefix("tab=")
            page.wait_for_selector(f"#{PLAYERS[tab]} .panel")
            settle(page, f"#{PLAYERS[tab]}")
            if width < 640:  # the bench fills a phone's first screen
                page.locator(f"#{PLAYERS[tab]}").evaluate("player => player.scrollIntoView()")
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
