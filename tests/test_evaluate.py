import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from PIL import Image
from torch.testing import assert_close

from playground import evaluate
from playground.core.analysis.likelihood import variational_bound
from playground.core.analysis.sample_quality import frechet_distance, nearest, principal_components
from playground.core.data.datasets import ImageDataset, save_pictures
from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import linear
from playground.core.networks.checkpoints import Checkpoint
from playground.core.sampling.generate import seeded_noise
from playground.training.model_card import write_card
from tests.conftest import small_unet, unlabelled

pytestmark = pytest.mark.slow


def points(count: int, dimensions: int, seed: int) -> torch.Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_nearest_is_found_one_by_one(pictures: torch.Tensor) -> None:
    near = pictures[[7, 3, 11]] + 0.01
    found = nearest(near, pictures)
    assert found.index.tolist() == [7, 3, 11]
    assert_close(found.distance, torch.full((3,), 0.01 * 8), atol=1e-4, rtol=1e-3)


def test_frechet_distance_is_the_closed_form_for_axis_parallel_gaussians() -> None:
    """‖μ₁ - μ₂‖² + Σ (s₁ - s₂)², since diagonal covariances commute; the sets are whitened to have exactly these."""
    one = points(500, 4, 0)
    one = (one - one.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(one.T))).T
    s_1, s_2 = torch.tensor([1.0, 2.0, 0.5, 3.0]).double(), torch.tensor([2.0, 2.0, 1.5, 0.1]).double()
    shift = torch.tensor([1.0, 0.0, -2.0, 0.0]).double()
    expected = (shift.square().sum() + (s_1 - s_2).square().sum()).item()
    assert frechet_distance(one * s_1, one * s_2 + shift) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_principal_components_are_those_of_a_singular_value_decomposition() -> None:
    pictures = points(200, 36, 1).reshape(200, 1, 6, 6) * torch.linspace(0.1, 3, 36).reshape(6, 6)
    ours = principal_components(pictures, 5)
    flat = pictures.flatten(1).numpy()
    theirs = np.linalg.svd(flat - flat.mean(0), full_matrices=False)[2][:5].T
    assert_close(ours.T @ ours, torch.eye(5, dtype=torch.float64))
    assert_close(ours @ ours.T, torch.from_numpy(theirs @ theirs.T), atol=1e-8, rtol=0)


def test_the_bound_of_one_picture_is_the_mean_of_its_bounds(tmp_path: Path) -> None:
    """Beside the bound that the page adds up, over 30 noises of its own, within four standard errors."""
    pixels = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pictures = ImageDataset("net", pixels, torch.arange(3), ("a", "b", "c"), 1, "made here", "MIT")
    checkpoint = Checkpoint(
        "net", UNetPredictor(small_unet(), linear(1000), null_label=3), linear(1000), (), {}, (1, 8, 8)
    )
    found = evaluate.bits(checkpoint, pictures, seed=0, draws=2)
    every = []
    for seed in range(6):
        *_, last = variational_bound(checkpoint.predictor, pictures.x0(2), seeded_noise((1, 8, 8), seed), linear(1000))
        every.append(last.bits("fixed_large"))
    mean, spread = torch.tensor(every).mean().item(), torch.tensor(every).std().item()
    assert abs(found["fixed_large"] - mean) < 4 * spread * (1 / 2 + 1 / 6) ** 0.5
    assert found["fixed_large"] < found["fixed_small"]


def test_the_same_seed_gives_the_same_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "STEPS", 5)
    monkeypatch.setattr(evaluate, "BOUND_DRAWS", 2)
    pixels = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pictures = ImageDataset("net", pixels, torch.arange(60) % 3, ("a", "b", "c"), 20, "made here", "MIT")
    save_pictures(pictures, tmp_path / "net")
    small_unet().save_pretrained(tmp_path / "net" / "unet")
    DDPMScheduler().save_pretrained(tmp_path / "net" / "scheduler")
    write_card(tmp_path / "net", pictures, "none", 0)
    said = []
    for _ in range(2):
        evaluate.main([str(tmp_path / "net"), "--each", "12"])
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1]
    card = json.loads((tmp_path / "net" / "card.json").read_text(encoding="utf-8"))
    assert card["evaluation"] == said[0]
    assert said[0]["samples"] == 36
    assert said[0]["held_out_error"]["zero"]["average"] == pytest.approx(1, abs=0.1)
    assert said[0]["bound"]["pictures"] == 20
    assert 0 <= said[0]["label_match"]["held_out"] <= 1
    with Image.open(tmp_path / "net" / "samples.png") as sheet:
        assert sheet.size == (80, 24)


def test_a_network_without_labels_is_measured_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "STEPS", 3)
    monkeypatch.setattr(evaluate, "BOUND_DRAWS", 2)
    pixels = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pictures = ImageDataset("net", pixels, torch.zeros(60, dtype=torch.int64), (), 20, "made here", "MIT")
    save_pictures(pictures, tmp_path / "net")
    unlabelled(tmp_path / "net")
    write_card(tmp_path / "net", pictures, "none", 0)
    found = evaluate.evaluate(tmp_path / "net", 6, 0)
    assert found["samples"] == 6
    assert "label_match" not in found
    with Image.open(tmp_path / "net" / "samples.png") as sheet:
        assert sheet.size == (48, 8)
