"""The scripts are run, and must end in the pictures that the playground sampled."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.core.data import images
from playground.core.data.datasets import WEIGHTS
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.ui.export_script import script
from playground.ui.state import sampling
from playground.ui.state.scene import Scene
from playground.ui.state.settings import validate
from tests.conftest import unlabelled

ASKED: list[dict[str, Any]] = [
    *({"sampler": name} for name in SAMPLERS),
    {"sampler": "ddim", "eta": 1.0, "steps": 7, "label": "3"},
    {
        "sampler": "ddpm",
        "variance_type": "fixed_large",
        "schedule": "cosine",
        "steps": 6,
        "label": "2",
        "guidance_scale": 1,
    },
    {
        "sampler": "ddpm",
        "schedule": "sigmoid",
        "T": 60,
        "timestep_spacing": "linspace",
        "label": "1",
        "second_label": "8",
    },
    {"sampler": "ddim", "zero_terminal_snr": True, "schedule": "scaled_linear", "timestep_spacing": "leading"},
    {
        "sampler": "dpmsolver++",
        "karras_sigmas": True,
        "schedule": "cosine",
        "label": "5",
        "guidance_scale": 4,
        "zero_terminal_snr": True,
    },
    {"sampler": "heun", "init": "image", "strength": 0.6, "inpaint_mask": "left"},
    {"sampler": "ddim", "init": "image", "strength": 0.4, "label": "9"},
    {"sampler": "euler_a", "inpaint_mask": "border", "label": "6"},
    {"sampler": "pndm", "init": "image", "strength": 0.7},
    {"sampler": "ddim", "init": "interpolation", "inpaint_mask": "top", "second_label": "4"},
    {"sampler": "ddim", "sampling_view": "guidance", "label": "7", "guidance_scale": 0},
    # A step at T / 2 itself, where the label changes.
    {"sampler": "ddim", "timestep_spacing": "leading", "steps": 20, "eta": 1.0, "label": "3", "second_label": "8"},
    {"sampler": "dpmsolver++", "timestep_spacing": "leading", "steps": 20, "label": "3", "second_label": "8"},
    {"sampler": "euler", "timestep_spacing": "leading", "steps": 20, "label": "3", "second_label": "8"},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder beside the shipped weights, as the script names them; the working directory."""
    (tmp_path / "weights").symlink_to(WEIGHTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: " ".join(map(str, asked.values())))
def test_a_script_ends_in_the_pictures_on_the_screen(
    asked: dict[str, Any], library: ModelRegistry, folder: Path
) -> None:
    scene = Scene(library, validate(library, **{"num_images": 2, "steps": 8, "seed": 3, **asked}))
    *_, last = sampling.trajectory(scene)
    (folder / "run.py").write_text(script(scene), encoding="utf-8")
    runpy.run_path("run.py", run_name="__main__")
    with Image.open("pictures.png") as image:
        made = np.array(image).astype(int)
    expected = torch.cat(list(images.to_bytes(last.x_next)), 2)[0].numpy().astype(int)
    assert np.abs(made - expected).max() <= 1


@pytest.mark.slow
def test_the_script_of_a_race_runs_every_solver(library: ModelRegistry, folder: Path) -> None:
    asked = {
        "sampling_view": "solvers",
        "nfe": 6,
        "label": "4",
        "seed": 2,
        "init": "image",
        "inpaint_mask": "left",
        "eta": 1.0,
    }
    asked["variance"] = "beta"
    scene = Scene(library, validate(library, **asked))
    *_, runners = sampling.solver_comparison(scene)
    (folder / "run.py").write_text(script(scene), encoding="utf-8")
    runpy.run_path("run.py", run_name="__main__")
    for runner in runners:
        with Image.open(f"{runner.sampler}.png") as image:
            made = np.array(image).astype(int)
        expected = images.to_bytes(runner.x0_hat)[0, 0].numpy().astype(int)
        assert np.abs(made - expected).max() <= 1


@pytest.mark.slow
def test_it_needs_nothing_of_ours(library: ModelRegistry, folder: Path) -> None:
    """In a process of its own, in a folder of its own."""
    scene = Scene(library, validate(library, steps=3, num_images=1))
    (folder / "run.py").write_text(script(scene), encoding="utf-8")
    subprocess.run([sys.executable, "run.py"], check=True)
    with Image.open("pictures.png") as made:
        assert made.size == (28, 28)
    assert "import playground" not in script(scene)
    assert str(WEIGHTS.parent) not in script(scene)  # where the server keeps them is nobody's business


def test_a_network_from_the_hub_is_named_as_there(tmp_path: Path) -> None:
    unlabelled(tmp_path / "unet")
    (library := ModelRegistry([tmp_path], device="cpu")).folders = {"some/network": tmp_path}
    assert "UNet2DModel.from_pretrained('some/network', subfolder='unet', " in script(
        Scene(library, validate(library, model="some/network"))
    )
