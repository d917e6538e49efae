"""Errors beside the usual ones: by hand in float64, and what the look says of the shipped networks."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from playground.core.analysis import noise_prediction
from playground.core.analysis.out_of_distribution import (
    OODInput,
    ReferenceErrors,
    evaluate_ood,
    measure_reference_error,
    pure_noise_input,
)
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.predictors import IdentityPredictor, UNetPredictor, ZeroPredictor
from playground.core.diffusion.schedules import SCHEDULES, cosine, linear, zero_terminal_snr
from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoints import Checkpoint
from playground.core.sampling import generate
from playground.ui.state import noise_analyses
from playground.ui.state.scene import Scene
from playground.ui.state.settings import validate
from tests.conftest import small_unet


def level_of(log_snr: torch.Tensor) -> NoiseLevel:
    return NoiseLevel(log_snr.double().sigmoid().sqrt(), (-log_snr.double()).sigmoid().sqrt())


def test_the_usual_error_is_the_one_found_by_hand(pictures: torch.Tensor) -> None:
    """Picture by picture and level by level, in float64, straight from the network."""
    unet, trained_on = small_unet().eval(), linear(1000)
    usual = measure_reference_error(UNetPredictor(unet, trained_on, null_label=3), pictures[:5], levels=4, seed=6)
    eps = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(6)).double()
    unet = unet.double()
    assert usual.error.shape == (4, 5)
    for k, log_snr in enumerate(usual.log_snr.tolist()):
        alpha, sigma = (1 / (1 + math.exp(-log_snr))) ** 0.5, (1 / (1 + math.exp(log_snr))) ** 0.5
        t = np.abs(trained_on.log_snr.numpy() - log_snr).argmin()  # whole steps of the training
        for n in range(5):
            x_t = alpha * pictures[n].double() + sigma * eps[n]
            with torch.no_grad():
                eps_hat = unet(x_t[None], float(t), class_labels=torch.tensor([3])).sample[0]
            assert usual.error[k, n].item() == pytest.approx((eps[n] - eps_hat).square().mean().item(), rel=1e-4)


def test_the_levels_go_from_end_to_end_of_the_training() -> None:
    network = UNetPredictor(small_unet(), linear(1000), null_label=3)
    usual = measure_reference_error(network, torch.zeros(1, 1, 8, 8), levels=10)
    assert_close(usual.log_snr[[0, -1]], linear(1000).log_snr[[-1, 0]])
    assert (usual.log_snr.diff() > 0).all()
    last = measure_reference_error(
        UNetPredictor(small_unet(), zero_terminal_snr(linear(50)), null_label=3), torch.zeros(1, 1, 8, 8)
    )
    assert last.log_snr.isfinite().all()  # at the end itself there is no log-SNR to stand between


def test_a_power_law_is_read_exactly_at_every_level_of_every_schedule() -> None:
    """error = c · SNR^p is a line in logarithms; its quantiles over c are numpy's."""
    factors = torch.rand(30, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.01
    knots = torch.tensor([-30.0, -5.0, 0.5, 3.0, 30.0], dtype=torch.float64)
    usual = ReferenceErrors(knots, (0.7 * knots).exp()[:, None] * factors)
    for make in SCHEDULES.values():
        level = make(200).level(torch.linspace(0, 199, 77))
        for share in (0.05, 0.5, 0.95):
            between = np.quantile(factors.numpy(), share) * (level.alpha / level.sigma).numpy() ** 1.4
            np.testing.assert_allclose(usual.quantile(share, level).numpy(), between, rtol=1e-9)


def test_beyond_the_measured_levels_there_is_no_usual_error() -> None:
    usual = ReferenceErrors(torch.tensor([-1.0, 1.0]), torch.ones(2, 3))
    asked = level_of(torch.tensor([-1.1, -1.0, 0.0, 1.0, 1.1]))
    assert usual.quantile(0.5, asked).isfinite().tolist() == [False, True, True, True, False]
    end = zero_terminal_snr(cosine(100)).level(torch.tensor([99.0]))
    assert usual.quantile(0.5, end).isnan().all()


@pytest.mark.slow
def test_between_two_levels_it_is_what_would_have_been_measured_there(
    library: ModelRegistry, digits: Checkpoint
) -> None:
    """Half way between them, under another schedule: the median to a quarter, where errors are 10,000 times apart."""
    usual, held_out, schedule = library.reference_errors("digits"), library.pictures("digits"), cosine(1000)
    half_way = (usual.log_snr[1::4] + usual.log_snr[2::4]) / 2
    t = schedule.t_from_log_snr(half_way).round().long().tolist()
    x0 = held_out.x0(held_out.testing)[:20]
    pairs = zip(x0, generate.seeded_noise(tuple(x0.shape), 0), strict=True)
    error = torch.stack(
        [noise_prediction.predict_noise(digits.predictor, *pair, schedule, t).error for pair in pairs], 1
    )
    expected = error.double().quantile(0.5, dim=1)
    assert_close(usual.quantile(0.5, schedule.level(torch.tensor(t))), expected, rtol=0.25, atol=0)


def test_a_trial_of_full_strength_is_a_prediction(pictures: torch.Tensor) -> None:
    eps, t, schedule = generate.seeded_noise((1, 8, 8), 0), [0, 30, 99], linear(100)
    ideal = IdealPredictor(pictures)
    one = evaluate_ood(ideal, OODInput("", pictures[2]), eps, schedule, t).prediction
    other = noise_prediction.predict_noise(ideal, pictures[2], eps, schedule, t)
    for name in ("x_t", "eps_hat", "x0_hat", "error", "deviation", "x0_error"):
        assert_close(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_of_noise_of_the_wrong_strength_a_copycat_errs_as_theory_says(strength: float) -> None:
    """It says strength · sigma · eps and is held to eps; whoever says 0 is off by eps itself."""
    eps, t, schedule = generate.seeded_noise((1, 8, 8), 0), [0, 30, 99], linear(100)
    alone = pure_noise_input((1, 8, 8), strength)
    copied, blind = (
        evaluate_ood(each, alone, eps, schedule, t).prediction for each in (IdentityPredictor(), ZeroPredictor())
    )
    sigma, square = schedule.level(torch.tensor(t)).sigma, eps.square().mean().item()
    assert_close(copied.error.double(), (1 - strength * sigma) ** 2 * square, rtol=1e-5, atol=1e-7)
    assert_close(blind.error.double(), torch.full((3,), square, dtype=torch.float64))
    assert_close(copied.deviation.double(), strength * sigma * eps.std(correction=0).item(), rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_what_the_look_says_is_so(library: ModelRegistry, digits: Checkpoint) -> None:
    """Of the shipped digits: strange pictures leave the range where t is small to middle, and come back."""
    trials = noise_analyses.ood_results(Scene(library, validate(library)), [0, 100, 250, 900, 999])
    assert list(trials) == ["its data", "emoji", "photo", "noise"]
    level = trials["noise"].prediction.level
    low, median, high = (library.reference_errors("digits").quantile(share, level) for share in (0.05, 0.5, 0.95))
    assert (low < median).all()
    assert (median < high).all()
    known = trials["its data"].prediction.error
    assert (known < 2 * median).all()
    for name in ("emoji", "photo"):
        error = trials[name].prediction.error
        assert (error[:3] > 3 * high[:3]).all()
        assert (error[3:] < 2 * median[3:]).all()
    noise = trials["noise"].prediction
    times = noise.error / median
    assert (times > 5).all()
    assert (times[1:].diff() > 0)[1:].all()
    said, seen = noise.eps_hat[-1].flatten(), noise.x_t[-1].flatten()
    assert torch.cosine_similarity(said, seen, dim=0) > 0.99
    assert 0.45 < noise.deviation[-1] / noise.eps[-1].std() < 0.6


@pytest.mark.parametrize("t", [2, 5, 10])
def test_what_is_taken_for_noise_can_be_made_out_in_it(library: ModelRegistry, t: int) -> None:
    """At small t ε̂ holds, beside the noise, much of a strange picture and little of one that the network knows."""
    held = {}
    for name, each in noise_analyses.ood_results(Scene(library, validate(library)), [t]).items():
        besides, x0 = (
            values.double().flatten() for values in (each.prediction.eps_hat - each.prediction.eps, each.prediction.x0)
        )
        held[name] = abs(torch.stack([besides, x0]).cov(correction=0)[0, 1].item()) / (x0.std().item() or 1)
    assert min(held["emoji"], held["photo"]) > 4 * held["its data"]
