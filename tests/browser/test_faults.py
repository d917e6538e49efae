"""What goes wrong in a room: pages are closed, the server is stopped and started, the disk is full."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from playground.ui.server.errors import DISK_FULL
from tests.browser.test_links import said
from tests.browser.test_page import drawn, open_tab, remove_noise
from tests.by_hand import ByHand
from tests.proxy import running_proxy
from tests.server import Server, running

ALL_THERE = "document.querySelector('#player-reverse .player-controls output')?.textContent.startsWith('after step 4')"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where that app keeps what it hands out."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def server(files: Path) -> Iterator[Server]:
    """An app of our own, whose threads, files and memory nobody else uses."""
    with running("app.py", "--no-accelerate", GRADIO_TEMP_DIR=str(files)) as server:
        yield server


def threads(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def memory(server: Server) -> float:
    """In MB."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor(server: Server) -> float:
    """Seconds that the process has computed for."""
    times = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def soon(holds: Callable[[], bool], within: float = 20) -> bool:
    end = time.monotonic() + within
    while not holds() and time.monotonic() < end:
        time.sleep(0.2)
    return holds()


def is_idle(server: Server) -> bool:
    """Whether it computes nothing for half a second, but for its own heartbeats."""
    before = processor(server)
    time.sleep(0.5)
    return processor(server) - before < 0.1


def long_run(visitor: ByHand) -> tuple[dict[str, Any], list[Any]]:
    """The event that samples, and values with which it takes minutes."""
    return visitor.run(Steps=1000, Pictures=2)


def started(visitor: ByHand, event: dict[str, Any], values: list[Any]) -> Generator[dict[str, Any]]:
    """What comes from an event that is under way."""
    assert visitor.join(event, values).status_code == 200
    messages = visitor.messages()
    assert any(message["msg"] == "process_generating" for message in messages)
    return messages


def watch(visitor: ByHand, pieces: int) -> None:
    """Start a long run, and hang up after so many pieces of its film."""
    event, values = long_run(visitor)
    assert visitor.join(event, values).status_code == 200
    for message in visitor.messages():
        assert message["msg"] != "process_completed", message
        pieces -= message["msg"] == "process_generating"
        if pieces <= 0:
            return


def test_a_run_whose_person_has_gone_ends(server: Server) -> None:
    with ByHand(server.address) as visitor:
        watch(visitor, 5)
    assert soon(lambda: is_idle(server))


def test_a_hundred_runs_that_are_left_or_stopped_leave_nothing_behind(server: Server, files: Path) -> None:
    rng = random.Random(0)

    def some(count: int) -> None:
        for _ in range(count // 2):
            with ByHand(server.address) as visitor:  # who comes again is somebody else
                watch(visitor, rng.randrange(3))
            event, values = long_run(stayer)
            asked = {"session_hash": stayer.session, "fn_index": event["id"]}
            asked["event_id"] = stayer.join(event, values).json()["event_id"]
            pieces = rng.randrange(1, 4)
            for message in stayer.messages():
                if message["msg"] == "process_completed":
                    break
                pieces -= message["msg"] in ("process_starts", "process_generating")
                if pieces == 0:
                    assert stayer.http.post("cancel", json=asked).json() == {"success": True}

    stayer = ByHand(server.address)
    some(10)  # so that whatever is made once is there
    assert soon(lambda: is_idle(server))
    before, kept = (threads(server), memory(server)), set(files.rglob("*"))
    some(100)
    stayer.http.close()
    assert soon(lambda: is_idle(server))
    assert soon(lambda: threads(server) <= before[0] + 2)
    assert memory(server) < before[1] + 40
    assert set(files.rglob("*")) == kept
    with ByHand(server.address) as visitor:  # all turns were given back
        assert visitor.call(*visitor.run(Steps=2))["success"]


def test_where_the_network_was_lost_and_came_back_the_page_goes_on(browser: Browser, address: str) -> None:
    with running_proxy(address, "") as network, browser.new_context() as context:
        page, errors = context.new_page(), list[str]()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(network.address)
        page.wait_for_function("window.playground?.ready")
        page.get_by_role("button", name="Other noise").click()
        expect(page.get_by_label("Seed", exact=True)).not_to_have_value("0")
        page.wait_for_url("**seed=**")
        link = said(page)
        page.evaluate("window.before = true")
        network.lose()
        page.get_by_role("button", name="Other noise").click()  # nobody answers
        expect(page.get_by_text("Connection to the server was lost").first).to_be_visible(timeout=30_000)
        network.lost = False
        # Gradio opens the page anew as soon as somebody answers, and the link leads back.
        page.wait_for_function("!window.before && window.playground?.ready")
        expect(page.get_by_label("Seed", exact=True)).to_have_value(link["seed"])
        assert said(page) == link
        open_tab(page, "Remove noise")
        page.get_by_label("Steps", exact=True).fill("4")
        remove_noise(page)
        assert not [error for error in errors if "fetch" not in error.lower()]


ON_A_SMALL_DISK = """import os, subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", os.environ["HOME"]], check=True)
os.execv(sys.executable, [sys.executable, "app.py", *sys.argv[1:]])
"""


def test_where_the_disk_is_full_that_is_told_and_all_that_needs_none_goes_on(tmp_path: Path) -> None:
    """A disk of one megabyte, in a name space of its own, for the cache of networks and for what is handed out."""
    script = tmp_path / "on_a_small_disk.py"
    script.write_text(ON_A_SMALL_DISK, encoding="utf-8")
    small = tmp_path / "home"
    small.mkdir()
    command = (str(script), "--model", "weights/digits")
    own = ("unshare", "--map-root-user", "--mount")
    with (
        running(*command, within=own, HOME=str(small), GRADIO_TEMP_DIR=str(small / "files")) as server,
        ByHand(server.address) as visitor,
    ):
        assert soon(lambda: "Its fast path is not there: " in server.said(), within=60)
        everything = visitor.pressed("export-npz")
        assert "Nothing has been sampled yet" in visitor.call(everything, [0, 0])["output"]["error"]
        event, values = visitor.run(Steps=60, Pictures=4)
        assert visitor.call(event, values)["success"]
        assert visitor.call(everything, [values[0]["number"], 61])["output"]["error"] == DISK_FULL
        upload = visitor.http.post("upload", files={"files": ("large.png", os.urandom(2_000_000))})
        assert (upload.status_code, upload.json()["detail"]) == (507, DISK_FULL)
        assert visitor.call(*visitor.run(Steps=2))["success"]


FAULTY = """import runpy
from playground.ui.state import sampling

sampled_from = sampling.sampled_from


def fault(scene):
    if scene.settings.seed == 666:
        raise KeyError("a fault that nobody expects")
    return sampled_from(scene)


sampling.sampled_from = fault
runpy.run_path("app.py", run_name="__main__")
"""


def test_an_unexpected_error_in_a_run_is_shown_and_logged_and_the_next_run_works(browser: Browser) -> None:
    with running("-c", FAULTY, "--no-accelerate") as server, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.address}?tab=sampling&seed=666&steps=3&frame=3")
        expect(page.locator(".toast-message-text")).to_contain_text("Something went wrong here (KeyError).")
        expect(page.locator("#run")).to_be_visible()
        assert "KeyError: 'a fault that nobody expects'" in server.said()
        page.locator("#control-seed input").fill("5")
        page.locator("#run").click()
        expect(page.locator("#player-reverse output")).to_contain_text("after step 3")


def test_who_ends_it_waits_for_no_run_and_no_training_and_the_link_shows_the_same_again(
    server: Server, browser: Browser
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.address}?seed=5&tab=sampling&steps=4&frame=4")
        page.wait_for_function("window.playground?.ready")
        page.wait_for_function(ALL_THERE)
        link, before = said(page), drawn(page, "player-reverse", 1)
        with ByHand(server.address) as visitor, ByHand(server.address) as other:
            messages = started(visitor, *long_run(visitor))
            training = started(other, *other.run("training"))
            asked = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(timeout=20)
            assert time.monotonic() - asked < 5
            messages.close()
            training.close()
        with running("app.py", "--no-accelerate", port=urlsplit(server.address).port):
            page.reload()
            page.wait_for_function("window.playground?.ready")
            page.wait_for_function(ALL_THERE)
            assert said(page) == link
            assert np.array_equal(drawn(page, "player-reverse", 1), before)
