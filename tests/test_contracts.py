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
    "forward_process=markov_chain&image=5&seed=9&schedule=cosine&T=300&t=0": {
        "forward_process": "markov_chain",
        "image": 5,
        "seed": 9,
        "schedule": "cosine",
        "T": 300,
        "t": 0,
    },
    "schedule=scaled_linear&zero_terminal_snr=1": {"schedule": "scaled_linear", "zero_terminal_snr": True},
    "schedule=sigmoid": {"schedule": "sigmoid"},
    "tab=prediction": {"tab": "prediction"},
    "tab=prediction&analysis=independence": {"tab": "prediction", "analysis": "independence"},
    "tab=prediction&analysis=shrinkage&t=20": {"tab": "prediction", "analysis": "shrinkage", "t": 20},
    "tab=prediction&analysis=reverse_step": {"tab": "prediction", "analysis": "reverse_step"},
    "tab=prediction&analysis=parameterizations": {"tab": "prediction", "analysis": "parameterizations"},
    "tab=prediction&analysis=training": {"tab": "prediction", "analysis": "training"},
    "tab=prediction&analysis=out_of_distribution&model=emoji&image=613": {
        "tab": "prediction",
        "analysis": "out_of_distribution",
        "model": "emoji",
        "image": 613,
    },
    "tab=sampling&sampler=ddpm&variance_type=fixed_large&num_images=2&seed=5&label=3&guidance_scale=2.5&frame=10": {
        "tab": "sampling",
        "sampler": "ddpm",
        "variance_type": "fixed_large",
        "num_images": 2,
        "seed": 5,
        "label": "3",
        "guidance_scale": 2.5,
        "frame": 10,
    },
    "tab=sampling&compare_ideal=1&eta=0.5": {"tab": "sampling", "compare_ideal": True, "eta": 0.5},
    "tab=sampling&sampling_view=single_step": {"tab": "sampling", "sampling_view": "single_step"},
    "tab=sampling&sampling_view=guidance&label=7&second_label=2": {
        "tab": "sampling",
        "sampling_view": "guidance",
        "label": "7",
        "second_label": "2",
    },
    "tab=sampling&sampling_view=solvers&solvers=heun,unipc&nfe=12": {
        "tab": "sampling",
        "sampling_view": "solvers",
        "solvers": "heun,unipc",
        "nfe": 12,
    },
    "tab=sampling&init=image&strength=0.3&inpaint_mask=left&timestep_spacing=leading": {
        "tab": "sampling",
        "init": "image",
        "strength": 0.3,
        "inpaint_mask": "left",
        "timestep_spacing": "leading",
    },
    "tab=sampling&init=interpolation&sampler=dpmsolver%2B%2B&karras_sigmas=1": {
        "tab": "sampling",
        "init": "interpolation",
        "sampler": "dpmsolver++",
        "karras_sigmas": True,
    },
    "tab=training&toy_dataset=two_moons&prediction_type=v_prediction&input_x_t=0&input_t=0&hidden_width=32": {
        "tab": "training",
        "toy_dataset": "two_moons",
        "prediction_type": "v_prediction",
        "input_x_t": False,
        "input_t": False,
        "hidden_width": 32,
    },
    "tab=training&hidden_layers=2&lr=0.001&toy_sampler=ddim": {
        "tab": "training",
        "hidden_layers": 2,
        "lr": 0.001,
        "toy_sampler": "ddim",
    },
    "tab=training&train_steps=300&snapshot=100&generation_step=12": {
        "tab": "training",
        "train_steps": 300,
        "snapshot": 100,
        "generation_step": 12,
    },
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


SCHEDULED = {"schedule": "linear", "T": 1000, "seed": 0, "zero_terminal_snr": False}
NOISY = {"model": "digits", "image": 9003, "t": 250, **SCHEDULED, "own_image": ""}
OF_SAMPLER = {"sampler": "ddim", "steps": 50, "guidance_scale": 1.5, "eta": 0.0, "variance_type": "fixed_small"}
# Arguments and their defaults.
ENDPOINTS: dict[str, dict[str, Any]] = {
    "/add_noise": NOISY,
    "/predict_noise": {**NOISY, "predictor": "network"},
    "/sample": {"model": "digits", "label": "any", "num_images": 4, **OF_SAMPLER, **SCHEDULED},
}


def test_the_endpoints_take_the_arguments_that_they_always_took(address: str) -> None:
    named = Client(address, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    found = {
        name: {each["parameter_name"]: each["parameter_default"] for each in endpoint["parameters"]}
        for name, endpoint in named.items()
    }
    assert found == ENDPOINTS


FLAGS: dict[str, set[str]] = {
    "app.py": {"--device", "--host", "--hub-field", "--mcp", "--model", "--no-accelerate", "--port"},
    "playground/benchmark.py": {"--json", "--model", "--only", "--turns"},
    "playground/evaluate.py": {"--each", "--seed", "folder"},
    "playground/prepare.py": {"--out", "data", "package"},
    "playground/serve.py": {
        *(
            "--address",
            "--gpus-per-replica",
            "--host",
            "--max-replicas",
            "--model",
            "--no-accelerate",
            "--port",
            "--replicas",
        ),
    },
    "playground/train.py": {
        *("--augment", "--batch", "--channels", "--checkpoint-seconds", "--data", "--device", "--ema", "--init-from"),
        *(
            "--label-dropout",
            "--layers",
            "--lr",
            "--num-images",
            "--out",
            "--precision",
            "--resume",
            "--seed",
            "--size",
        ),
        "--snr-weight",
    },
}


@pytest.mark.parametrize("program", FLAGS)
def test_a_program_has_the_flags_that_it_always_had(program: str) -> None:
    texts = [(ROOT / program).read_text(encoding="utf-8")]
    if "add_address_options(parser)" in texts[0]:
        texts.append((ROOT / "playground" / "command_line.py").read_text(encoding="utf-8"))
    calls = [node for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    names = [node.args[0] for node in calls if getattr(node.func, "attr", "") == "add_argument"]
    assert {name.value for name in names if isinstance(name, ast.Constant)} == FLAGS[program]
