"""What others build on: links, the endpoints' signatures, command-line flags. A change here is a change for them."""

from __future__ import annotations

import ast
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from gradio_client import Client

from playground.core.model_registry import ModelRegistry
from playground.ui.state.links import from_query
from playground.ui.state.settings import Settings

ROOT = Path(__file__).parents[1]

# What a link says → the settings that differ from the defaults. A part that is left out keeps its default.
LINKS: dict[str, dict[str, Any]] = {
    "": {},
    "tab=forward&t=500": {"t": 500},
    "way=walk&picture=5&seed=9&schedule=cosine&T=300&t=0": {
        "way": "walk",
        "picture": 5,
        "seed": 9,
        "schedule": "cosine",
        "T": 300,
        "t": 0,
    },
    "schedule=scaled_linear&zero_terminal=1": {"schedule": "scaled_linear", "zero_terminal": True},
    "schedule=sigmoid": {"schedule": "sigmoid"},
    "tab=prediction": {"tab": "prediction"},
    "tab=prediction&look=independence": {"tab": "prediction", "look": "independence"},
    "tab=prediction&look=shrinkage&t=20": {"tab": "prediction", "look": "shrinkage", "t": 20},
    "tab=prediction&look=step": {"tab": "prediction", "look": "step"},
    "tab=prediction&look=names": {"tab": "prediction", "look": "names"},
    "tab=prediction&look=training": {"tab": "prediction", "look": "training"},
    "tab=prediction&look=depth&model=emoji&picture=613": {
        "tab": "prediction",
        "look": "depth",
        "model": "emoji",
        "picture": 613,
    },
    "tab=reverse&sampler=ddpm&steps=20&variance=beta&count=2&seed=5&label=3&guidance=2.5&frame=10": {
        "tab": "reverse",
        "sampler": "ddpm",
        "steps": 20,
        "variance": "beta",
        "count": 2,
        "seed": 5,
        "label": "3",
        "guidance": 2.5,
        "frame": 10,
    },
    "tab=reverse&driver=both&eta=0.5": {"tab": "reverse", "driver": "both", "eta": 0.5},
    "tab=reverse&view=slow": {"tab": "reverse", "view": "slow"},
    "tab=reverse&view=guidance&label=7&then=2": {"tab": "reverse", "view": "guidance", "label": "7", "then": "2"},
    "tab=reverse&view=race&solvers=heun,unipc&calls=12": {
        "tab": "reverse",
        "view": "race",
        "solvers": "heun,unipc",
        "calls": 12,
    },
    "tab=reverse&start=picture&start_at=0.3&keep=left&spacing=leading": {
        "tab": "reverse",
        "start": "picture",
        "start_at": 0.3,
        "keep": "left",
        "spacing": "leading",
    },
    "tab=reverse&start=walk&sampler=dpmsolver%2B%2B&karras=1": {
        "tab": "reverse",
        "start": "walk",
        "sampler": "dpmsolver++",
        "karras": True,
    },
    "tab=training&world=two_moons&target=v_prediction&sees_x_t=0&sees_t=0&width=32&depth=2&lr=0.001&paths=ddim": {
        "tab": "training",
        "world": "two_moons",
        "target": "v_prediction",
        "sees_x_t": False,
        "sees_t": False,
        "width": 32,
        "depth": 2,
        "lr": 0.001,
        "paths": "ddim",
    },
    "tab=training&trained=300&moment=100&place=12": {"tab": "training", "trained": 300, "moment": 100, "place": 12},
    "lesson=2&present=1&hide=T,eta": {"lesson": 2, "present": True, "hide": "T,eta"},
}


@pytest.fixture(scope="module")
def shipped() -> ModelRegistry:
    return ModelRegistry(device="cpu")


@pytest.mark.parametrize("link", LINKS)
def test_a_link_gives_the_settings_that_it_always_gave(link: str, shipped: ModelRegistry) -> None:
    settings, notes = from_query(shipped, dict(parse_qsl(link)))
    assert notes == []
    assert {name: value for name, value in asdict(settings).items() if value != getattr(Settings(), name)} == LINKS[
        link
    ]


SCHEDULED = {"schedule": "linear", "T": 1000, "seed": 0, "zero_terminal": False}
NOISY = {"model": "digits", "picture": 9003, "t": 250, **SCHEDULED, "own_picture": ""}
OF_SAMPLER = {"sampler": "ddim", "steps": 50, "guidance": 1.5, "eta": 0.0, "variance": "beta_tilde"}
# Arguments and their defaults.
ENDPOINTS: dict[str, dict[str, Any]] = {
    "/add_noise": NOISY,
    "/predict_noise": {**NOISY, "predictor": "network"},
    "/sample": {"model": "digits", "label": "any", "count": 4, **OF_SAMPLER, **SCHEDULED},
}


def test_the_endpoints_take_the_arguments_that_they_always_took(address: str) -> None:
    named = Client(address, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    found = {
        name: {each["parameter_name"]: each["parameter_default"] for each in endpoint["parameters"]}
        for name, endpoint in named.items()
    }
    assert found == ENDPOINTS


FLAGS: dict[str, set[str]] = {
    "app.py": {"--device", "--host", "--hub-field", "--mcp", "--model", "--plain", "--port"},
    "playground/benchmark.py": {"--json", "--model", "--only", "--turns"},
    "playground/evaluate.py": {"--each", "--seed", "folder"},
    "playground/prepare.py": {"--out", "data", "package"},
    "playground/serve.py": {
        *("--address", "--gpus-per-replica", "--host", "--max-replicas", "--model", "--plain", "--port", "--replicas"),
    },
    "playground/train.py": {
        *("--batch", "--channels", "--data", "--device", "--drop-label", "--ema", "--layers", "--lr", "--out"),
        *("--pictures", "--precision", "--resume", "--save-every", "--seed", "--size", "--start", "--tilt", "--vary"),
    },
}


@pytest.mark.parametrize("program", FLAGS)
def test_a_program_has_the_flags_that_it_always_had(program: str) -> None:
    nodes = ast.walk(ast.parse((ROOT / program).read_text(encoding="utf-8")))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    names = [node.args[0] for node in calls if getattr(node.func, "attr", "") == "add_argument"]
    assert {name.value for name in names if isinstance(name, ast.Constant)} == FLAGS[program]
