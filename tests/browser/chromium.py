"""A Chromium to drive: one that is installed, else one that the system's package manager or Playwright installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
# A browser that starts no traffic of its own: whatever it asks for, the page has asked for.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def installed() -> str | None:
    """The path of an installed Chromium or Chrome."""
    return next(filter(None, map(shutil.which, NAMES)), MAC if os.path.exists(MAC) else None)


def chromium() -> str | None:
    """Its path, or None for the browser that Playwright installed. Raises RuntimeError where none can be had."""
    if path := installed():
        return path
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        attempts.insert(0, ["sh", "-c", "apt-get update -q && apt-get install -y -q chromium"])
    for attempt in attempts:
        if subprocess.run(attempt, capture_output=True).returncode == 0:
            return installed()
    raise RuntimeError(
        "The browser tests need Chromium or Chrome, and none could be installed: install the package 'chromium' "
        "with your system's package manager, or run `python -m playwright install chromium`."
    )
