"""A room of people, on the fast path as everybody has it: all who sample finish, and the page answers meanwhile."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from playground.core.data import images
from playground.core.model_registry import ModelRegistry
from playground.ui.state import sampling
from playground.ui.state.scene import Scene
from playground.ui.state.settings import validate
from tests.browser.conftest import Watched
from tests.server import running

PEOPLE, STEPS = 32, 20


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the app runs as a person starts it, in a home where nothing is ready yet."""
    home = str(tmp_path_factory.mktemp("home"))
    with running("app.py", "--model", "weights/digits", HOME=home) as server:
        yield server.address


def sampled(address: str, seed: int) -> dict[str, str]:
    """The pictures of one person's run, asked for as scripts do."""
    call = f"{address}gradio_api/call/sample"
    asked = ["digits", "any", 1, "ddim", STEPS, 1, "linear", 1000, seed, False, 0, "fixed_small"]
    with httpx.Client(timeout=120) as person:
        event = person.post(call, json={"data": asked}).raise_for_status().json()["event_id"]
        told = person.get(f"{call}/{event}").raise_for_status().text
    *heartbeats, last = told.strip().split("\n\n")  # Gradio sends a heartbeat for every 15 seconds of waiting
    assert all(each.startswith("event: heartbeat") for each in heartbeats), told
    assert last.startswith("event: complete"), told
    answer: list[Any] = json.loads(last.partition("data: ")[2])
    return dict(answer[0][0])


def test_the_page_answers_while_a_room_samples(
    open_page: Callable[..., Watched], fast: str, library: ModelRegistry
) -> None:
    page = open_page(fast).page
    with ThreadPoolExecutor(PEOPLE) as threads:
        people = [threads.submit(sampled, fast, seed) for seed in range(PEOPLE)]
        for number in ("41", "42"):
            page.get_by_label("Picture", exact=True).fill(number)
            expect(page.locator("#about-picture")).to_contain_text(f"picture {number}")
        assert not all(person.done() for person in people)
        found = [person.result() for person in people]
    for seed in (0, 31):
        settings = validate(library, model="digits", num_images=1, steps=STEPS, guidance_scale=1.0, seed=seed)
        *_, last = sampling.trajectory(Scene(library, settings))
        png = found[seed]["0"].partition(",")[2]
        shown = np.array(Image.open(io.BytesIO(base64.b64decode(png)))).astype(int)
        assert np.abs(shown - images.to_bytes(last.x_next)[0, 0].numpy()).max() <= 1
