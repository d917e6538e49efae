"""A ZeroGPU Space, with a package that stands in for `spaces`; the page's events are called by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from playground.core.model_registry import ModelRegistry
from playground.ui.server.zerogpu import MAX_SECONDS, START, lease_seconds, max_network_calls, on_zerogpu
from playground.ui.state.scene import Scene
from playground.ui.state.settings import Settings
from tests.by_hand import ByHand
from tests.conftest import Space


def test_a_slider_costs_no_quota_and_a_sampling_does(space: Space, address: str) -> None:
    client, before = Client(space.address, verbose=False), len(space.loans())
    for t in (10, 500):
        client.predict(t=t, api_name="/add_noise")
        client.predict(t=t, api_name="/predict_noise")
    assert len(space.loans()) == before
    asked = {"label": "3", "num_images": 2, "steps": 4, "seed": 5, "api_name": "/sample"}
    assert client.predict(**asked) == Client(address, verbose=False).predict(**asked)
    [(lent, _)] = space.loans()[before:]
    assert START < lent < MAX_SECONDS


def test_errors_are_the_same_sentences(space: Space) -> None:
    with pytest.raises(AppError, match="steps must be a whole number from 1 to 1000; it was 0"):
        Client(space.address, verbose=False).predict(steps=0, api_name="/sample")
    with ByHand(space.address) as visitor:
        answer = visitor.call(*visitor.run(View="single_step", Keep="left"))
    assert "inpaint_mask must be none to show a single step" in answer["output"]["error"]


def test_a_run_comes_step_by_step_and_ends_where_its_person_goes(space: Space) -> None:
    with ByHand(space.address) as visitor:
        before = len(space.loans())
        assert visitor.join(*visitor.run(Steps=1000, Pictures=1)).status_code == 200
        came = 0
        for message in visitor.messages():
            came += message["msg"] == "process_generating"
            if came == 5:
                break
    [(_, process)] = space.loans()[before:]
    for _ in range(100):
        if not Path(f"/proc/{process}").exists() or "zombie" in Path(f"/proc/{process}/status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("The process went on for ten seconds.")


def test_a_gpu_is_asked_for_as_long_as_the_work_takes(library: ModelRegistry) -> None:
    few = Settings(steps=10, num_images=1)
    scenes = {
        name: Scene(library, replace(few, **more))
        for name, more in {
            "few": {},
            "steps": {"steps": 200},
            "pictures": {"num_images": 16},
            "heun": {"sampler": "heun"},
            "race": {"sampling_view": "solvers", "solvers": "ddim,heun", "nfe": 20},
        }.items()
    }
    calls = {name: max_network_calls(scene) for name, scene in scenes.items()}
    assert calls == {"few": 10, "steps": 200, "pictures": 10, "heun": 19, "race": 1040}
    asked = {name: lease_seconds(scene, 100 * calls[name]) for name, scene in scenes.items() if name != "race"}
    assert START < asked["few"] < asked["pictures"] < asked["steps"] <= MAX_SECONDS
    assert asked["few"] < asked["heun"]


def test_anywhere_else_nothing_is_lent(library: ModelRegistry) -> None:
    def work(scene: Scene) -> Iterator[int]:
        yield scene.settings.steps

    assert on_zerogpu(library, work, max_network_calls) is work
