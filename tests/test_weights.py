"""The weights that ship: they are what their card says, and do what it says."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DModel

from playground import evaluate
from playground.core.analysis.noise_prediction import mean_squared_error
from playground.core.data.datasets import WEIGHTS, load_pictures
from playground.core.diffusion.predictors import IdentityPredictor, ZeroPredictor
from playground.core.diffusion.schedules import linear
from playground.core.networks.checkpoint_format import WEIGHTS_FILE
from playground.core.networks.checkpoints import Checkpoint, load_checkpoint, sha256
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions

pytestmark = pytest.mark.slow

NAMES = ("digits", "emoji")


def card(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WEIGHTS / name / "card.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def networks() -> dict[str, Checkpoint]:
    return {name: load_checkpoint(WEIGHTS / name, "cpu") for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_hash_is_that_of_the_card(name: str) -> None:
    assert sha256(WEIGHTS / name / "unet" / WEIGHTS_FILE) == card(name)["sha256"]


@pytest.mark.parametrize(("name", "gflop"), [("digits", 0.6), ("emoji", 0.8)])
def test_the_network_is_as_small_as_promised(networks: dict[str, Checkpoint], name: str, gflop: float) -> None:
    assert (WEIGHTS / name / "unet" / WEIGHTS_FILE).stat().st_size < 10_000_000
    assert sum(weight.numel() for weight in networks[name].predictor.unet.parameters()) == card(name)["parameters"]
    assert card(name)["gflop_per_call"] <= gflop


@pytest.mark.parametrize("name", NAMES)
def test_plain_diffusers_loads_it(name: str) -> None:
    unet = UNet2DModel.from_pretrained(WEIGHTS / name / "unet", low_cpu_mem_usage=False)
    scheduler = DDPMScheduler.from_pretrained(WEIGHTS / name / "scheduler")
    size, channels = unet.config.sample_size, unet.config.in_channels
    none = torch.tensor([unet.config.num_class_embeds - 1])
    answer = unet(torch.zeros(1, channels, size, size), 500, class_labels=none).sample
    assert answer.shape == (1, channels, size, size)
    assert answer.dtype == torch.float32
    assert scheduler.config.num_train_timesteps == 1000


@pytest.mark.parametrize(("name", "draws"), [("digits", 1), ("emoji", 16)])
def test_the_held_out_error_is_that_of_the_card_and_beats_zero_and_copycat(
    networks: dict[str, Checkpoint], name: str, draws: int
) -> None:
    """On the held-out pictures with noise of another seed: the card's figure to a tenth."""
    pictures = load_pictures(name)
    x0, labels = pictures.x0(pictures.testing), pictures.labels[pictures.testing]
    network, zero, copycat = (
        mean_squared_error(predictor, x0, labels, linear(1000), draws=draws, seed=7)
        for predictor in (networks[name].predictor, ZeroPredictor(), IdentityPredictor())
    )
    told = card(name)["held_out_error"]
    assert abs(network - told["network"]) < 0.1 * told["network"]
    assert abs(zero - told["zero"]) < 0.01
    assert abs(copycat - told["copycat"]) < 0.02
    assert network < 0.2 * copycat < zero


def test_the_bound_is_that_of_the_card(networks: dict[str, Checkpoint]) -> None:
    """With other noises over 100 of the held-out digits: within a tenth."""
    found = evaluate.bits(networks["digits"], replace(load_pictures("digits"), num_held_out=100), seed=7, draws=2)
    told = card("digits")["evaluation"]["bound"]
    for variance in ("fixed_large", "fixed_small"):
        assert abs(found[variance] - told[variance]) < 0.1 * told[variance]


def test_sampled_emoji_lie_on_clean_white(networks: dict[str, Checkpoint]) -> None:
    """The corners of hearts, fruit and faces: white to a twentieth of the range, and without speckle."""
    emoji = networks["emoji"]
    for name in ("heart", "food-fruit", "face-smiling"):
        label = emoji.label_names.index(name)
        *_, last = generate(
            emoji.predictor,
            emoji.image_shape,
            linear(1000),
            SamplingOptions(num_images=4, label=label, guidance_scale=1.5, steps=20),
        )
        corners = torch.stack([last.x_next[:, :, y, x] for y in (0, 1, 30, 31) for x in (0, 1, 30, 31)])
        assert corners.median() > 0.9
        assert corners.std() < 0.15


def test_digits_sampled_for_a_label_are_of_that_label(networks: dict[str, Checkpoint]) -> None:
    """By the nearest training picture: at least nine in ten."""
    digits, pictures = networks["digits"], load_pictures("digits")
    training = pictures.x0(pictures.training).flatten(1)
    hits = 0
    for label in range(10):
        *_, last = generate(
            digits.predictor,
            digits.image_shape,
            linear(1000),
            SamplingOptions(num_images=4, label=label, guidance_scale=1.5, steps=10),
        )
        nearest = torch.cdist(last.x_next.flatten(1), training).argmin(1)
        hits += int((pictures.labels[nearest] == label).sum())
    assert hits >= 36
