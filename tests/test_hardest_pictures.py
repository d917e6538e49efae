"""The hardest held-out pictures: ranked as by hand, and shown as what they are."""

import re

import pytest
import torch

from playground.core.analysis.out_of_distribution import error_per_picture, hardest
from playground.core.diffusion.schedules import SCHEDULES, linear
from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoints import Checkpoint
from playground.ui.state import noise_analyses
from playground.ui.state.scene import Scene
from playground.ui.state.settings import validate
from playground.ui.tabs.hardest_pictures import SHOWN, STEPS_OVER_T, rankings


def test_the_error_of_each_picture_is_that_of_the_network_on_it_alone(
    digits: Checkpoint, library: ModelRegistry
) -> None:
    pictures = library.pictures("digits").x0(slice(9000, 9006))
    eps = torch.randn(1, 28, 28, generator=torch.Generator().manual_seed(4))
    found = error_per_picture(digits.predictor, pictures, eps, linear(1000), 300)
    alpha_bar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)[300]
    for x0, error in zip(pictures, found, strict=True):
        x_t = (alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps).float()
        eps_hat = digits.predictor(x_t[None], linear(1000).level(torch.tensor([300])))[0]
        torch.testing.assert_close(error, (eps - eps_hat).square().mean(), rtol=1e-3, atol=1e-6)


def test_the_ranking_begins_with_the_largest_error_and_has_no_more_pictures_than_there_are() -> None:
    found = hardest(torch.tensor([0.1, 0.5, 0.3]), 2)
    assert (found.index.tolist(), found.error.tolist()) == ([1, 2], torch.tensor([0.5, 0.3]).tolist())
    assert len(hardest(torch.tensor([0.1, 0.5]), 8).index) == 2


@pytest.mark.slow
def test_the_rankings_name_held_out_pictures_and_their_errors(
    library: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the scene's t, with the noise of its seed; then over t, the mean of the same at evenly spaced steps."""
    monkeypatch.setattr(noise_analyses, "HELD_OUT", few := 12)
    scene = Scene(library, validate(library, seed=5, t=100, schedule="cosine"))
    shown = list(rankings(scene))
    assert len(shown) == STEPS_OVER_T + 1
    assert shown[0].count("data-picture") == SHOWN
    numbers = [int(number) for number in re.findall(r'data-picture="(\d+)"', shown[-1])]
    errors = [float(error) for error in re.findall(r"<span>([\d.]+)</span>", shown[-1])]
    network, pictures, eps = library.checkpoint("digits").predictor, noise_analyses.held_out(scene), scene.eps()
    assert len(pictures) == few
    schedule = SCHEDULES["cosine"](1000)
    steps = torch.linspace(0, 999, STEPS_OVER_T).round().long().tolist()
    at_t = error_per_picture(network, pictures, eps, schedule, 100)
    over_t = torch.stack([error_per_picture(network, pictures, eps, schedule, t) for t in steps]).mean(0)
    for first, expected in ((0, at_t), (SHOWN, over_t)):
        ranked = sorted(range(few), key=lambda n: -expected[n])[:SHOWN]
        assert numbers[first : first + SHOWN] == [9000 + n for n in ranked]
        assert errors[first : first + SHOWN] == [round(expected[n].item(), 3) for n in ranked]
