"""The weights that ship: they are what their card says, and do what it says."""

import json

import torch
from diffusers import DDPMScheduler, UNet2DModel

from playground.core.checkpoints import WEIGHTS_FILE, Checkpoint, sha256
from playground.core.datasets import WEIGHTS, load_pictures
from playground.core.experiments import mean_error, reverse
from playground.core.predictors import BlindPredictor, CopycatPredictor
from playground.core.schedules import linear

FOLDER = WEIGHTS / "digits"
CARD = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))


def test_the_hash_is_that_of_the_card() -> None:
    assert sha256(FOLDER / "unet" / WEIGHTS_FILE) == CARD["sha256"]


def test_the_network_is_as_small_as_promised(digits: Checkpoint) -> None:
    assert (FOLDER / "unet" / WEIGHTS_FILE).stat().st_size < 10_000_000
    assert sum(weight.numel() for weight in digits.predictor.unet.parameters()) == CARD["parameters"] <= 2_500_000
    assert CARD["gflop_per_call"] <= 0.6
    assert CARD["pictures_seen"] >= 100_000


def test_plain_diffusers_loads_it() -> None:
    unet = UNet2DModel.from_pretrained(FOLDER / "unet", low_cpu_mem_usage=False)
    scheduler = DDPMScheduler.from_pretrained(FOLDER / "scheduler")
    answer = unet(torch.zeros(1, 1, 28, 28), 500, class_labels=torch.tensor([10])).sample
    assert answer.shape == (1, 1, 28, 28)
    assert scheduler.config.num_train_timesteps == 1000


def test_the_held_out_error_is_that_of_the_card_and_beats_zero_and_copycat(digits: Checkpoint) -> None:
    """On the 1,000 held-out pictures with noise of another seed, one draw each: the card's figure to a tenth."""
    pictures = load_pictures(FOLDER)
    x0, labels = pictures.x0(pictures.testing), pictures.labels[pictures.testing]
    network, zero, copycat = (
        mean_error(predictor, x0, labels, linear(1000), draws=1, seed=7)
        for predictor in (digits.predictor, BlindPredictor(), CopycatPredictor())
    )
    card = CARD["held_out_error"]
    assert abs(network - card["network"]) < 0.1 * card["network"]
    assert abs(zero - card["zero"]) < 0.01
    assert abs(copycat - card["copycat"]) < 0.02
    assert network < 0.1 * copycat < zero


def test_pictures_sampled_for_a_label_are_of_that_label(digits: Checkpoint) -> None:
    """By the nearest training picture: at least nine in ten."""
    pictures = load_pictures(FOLDER)
    training = pictures.x0(pictures.training).flatten(1)
    hits = 0
    for label in range(10):
        *_, last = reverse(
            digits.predictor, digits.image_shape, linear(1000), count=4, label=label, guidance=1.5, steps=20
        )
        nearest = torch.cdist(last.x_next.flatten(1), training).argmin(1)
        hits += int((pictures.labels[nearest] == label).sum())
    assert hits >= 36
