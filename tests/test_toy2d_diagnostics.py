"""What is learned, measured against what can be known exactly: eight Gaussians, with the default training."""

import math
import time

import pytest
import torch
from torch.testing import assert_close

from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.schedules import linear
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.probability_flow import probability_flow
from playground.core.sampling.samplers import sample
from playground.core.toy2d.datasets import EIGHT_DEVIATION, eight_centres, load_toy_dataset
from playground.core.toy2d.diagnostics import (
    PATH_STEPS,
    TOY_SAMPLERS,
    ReferenceField,
    build_reference,
    energy_distance,
    evaluate_snapshot,
)
from playground.core.toy2d.network import TrainingConfig
from playground.core.toy2d.trainer import TOTAL_STEPS, Trainer

pytestmark = pytest.mark.slow

RECIPE = TrainingConfig(load_toy_dataset("eight_gaussians"), linear(1000))


@pytest.fixture(scope="module")
def known() -> ReferenceField:
    return build_reference(RECIPE)


@pytest.fixture(scope="module")
def learner() -> Trainer:
    """Trained to the end in less than 10 seconds of a processor, whatever else it has to do."""
    learner = Trainer(RECIPE)
    learner.save_snapshot()
    start = time.process_time()
    learner.train_steps(TOTAL_STEPS)
    assert time.process_time() - start < 10
    learner.save_snapshot()
    return learner


def exact(x_t: torch.Tensor, level: NoiseLevel) -> torch.Tensor:
    """E[eps | x_t] for the eight Gaussians themselves, not the 2,000 points drawn from them; brute force, float64."""
    alpha, sigma = level.alpha, level.sigma
    variance = alpha**2 * EIGHT_DEVIATION**2 + sigma**2
    centres = alpha * eight_centres().double()
    away = x_t.double()[:, None] - centres
    shares = (-away.square().sum(2) / (2 * variance)).softmax(1)
    return (shares[:, :, None] * away * sigma / variance).sum(1)


def test_the_exact_field_is_that_of_the_world(known: ReferenceField) -> None:
    """At mid t 2,000 points are as good as the Gaussians that they come from."""
    middle = PATH_STEPS // 2
    level = NoiseLevel(known.level.alpha[middle], known.level.sigma[middle])
    there = known.density[middle] > 0.05
    assert_close(known.field[middle][there].double(), exact(known.grid, level)[there], atol=0.08, rtol=0)


def test_the_density_is_that_of_the_world(known: ReferenceField) -> None:
    middle = PATH_STEPS // 2
    alpha, sigma = known.level.alpha[middle], known.level.sigma[middle]
    away = (known.grid.double()[:, None] - alpha * known.x0.double()).square().sum(2)
    density = (-away / (2 * sigma**2)).exp().mean(1)
    assert_close(known.density[middle], density / density.max(), atol=1e-9, rtol=1e-6)


def test_the_floor_is_below_every_loss_and_the_blind_level_is_1(known: ReferenceField, learner: Trainer) -> None:
    untrained, trained = (
        evaluate_snapshot(known, moment, learner.predictor(moment), "ddim") for moment in learner.snapshots
    )
    assert known.blind == pytest.approx(1, abs=1e-6)
    assert untrained.error == pytest.approx(1, abs=1e-6)
    assert known.floor < trained.error < known.floor + 0.01


def test_the_learned_field_is_the_exact_one(known: ReferenceField, learner: Trainer) -> None:
    seen = evaluate_snapshot(known, learner.snapshots[-1], learner.predictor(learner.snapshots[-1]), "ddim")
    assert seen.r2[PATH_STEPS // 2] > 0.99
    assert seen.r2.shape == (PATH_STEPS,)
    assert seen.r2.min() > 0.9


@pytest.mark.parametrize("paths", TOY_SAMPLERS)
def test_samples_lie_at_the_modes_and_hit_every_one(known: ReferenceField, learner: Trainer, paths: str) -> None:
    """The way that particles go by default: at least 95 %; the others, which take longer strides, a little less."""
    moment = learner.snapshots[-1]
    end = evaluate_snapshot(known, moment, learner.predictor(moment), paths).paths[-1]
    away, nearest = torch.cdist(end, eight_centres()).min(1)
    assert (away < 3 * EIGHT_DEVIATION).double().mean() >= (0.95 if paths == next(iter(TOY_SAMPLERS)) else 0.88)
    assert nearest.unique().numel() == 8


def test_many_samples_are_as_good(learner: Trainer) -> None:
    x_T = torch.randn(5000, 2, generator=torch.Generator().manual_seed(3))
    *_, last = probability_flow(learner.predictor(learner.snapshots[-1]), x_T, RECIPE.schedule, steps=PATH_STEPS)
    away = torch.cdist(last.x_next, eight_centres()).min(1).values
    assert (away < 3 * EIGHT_DEVIATION).double().mean() >= 0.95


def test_who_does_not_see_x_t_learns_nothing() -> None:
    blind = TrainingConfig(load_toy_dataset("eight_gaussians"), linear(1000), input_x_t=False)
    known, learner = build_reference(blind), Trainer(blind)
    learner.train_steps(500)
    moment = learner.save_snapshot()
    seen = evaluate_snapshot(known, moment, learner.predictor(moment), "probability_flow")
    assert seen.error == pytest.approx(1, abs=0.02)
    away = torch.cdist(seen.paths[-1], eight_centres()).min(1).values
    assert (away < 3 * EIGHT_DEVIATION).double().mean() < 0.2
    assert seen.distance > 0.3


def test_who_does_not_see_t_learns_something_blurred(known: ReferenceField, learner: Trainer) -> None:
    recipe = TrainingConfig(load_toy_dataset("eight_gaussians"), linear(1000), input_t=False)
    other = Trainer(recipe)
    other.train_steps(1000)
    blurred = evaluate_snapshot(known, other.save_snapshot(), other.predictor(other.snapshots[0]), "probability_flow")
    sharp = evaluate_snapshot(
        known, learner.snapshots[-1], learner.predictor(learner.snapshots[-1]), "probability_flow"
    )
    assert sharp.error + 0.01 < blurred.error < 0.5
    assert blurred.r2[-1] < 0.7 < sharp.r2[-1]
    assert blurred.distance > sharp.distance


@pytest.mark.parametrize("target", ["sample", "v_prediction"])
def test_every_target_can_be_learned(target: str) -> None:
    recipe = TrainingConfig(load_toy_dataset("eight_gaussians"), linear(1000), target)
    known, learner = build_reference(recipe), Trainer(recipe)
    learner.train_steps(500)
    moment = learner.save_snapshot()
    seen = evaluate_snapshot(known, moment, learner.predictor(moment), "probability_flow")
    assert known.floor < seen.error < known.floor + 0.1 * (known.blind - known.floor)
    assert seen.r2[PATH_STEPS // 2] > 0.9


def test_a_view_is_what_the_samplers_say(known: ReferenceField, learner: Trainer) -> None:
    predictor = learner.predictor(learner.snapshots[-1])
    run = list(sample(predictor, known.start, RECIPE.schedule, SamplingOptions(steps=PATH_STEPS)))
    seen = evaluate_snapshot(known, learner.snapshots[-1], predictor, "ddim")
    assert torch.equal(seen.paths[0], known.start)
    assert torch.equal(seen.paths[5], run[5].x_t)
    assert torch.equal(seen.paths[-1], run[-1].x_next)
    level = NoiseLevel(known.level.alpha[5], known.level.sigma[5])
    assert_close(level.log_snr, run[5].level.log_snr)
    assert_close(seen.field[5], predictor(known.grid, level))


def test_energy_distance_is_0_for_the_same_and_that_of_theory_for_two_points() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, 3000, 2, generator=generator)
    apart = torch.pdist(other.double()).mean().item()
    assert energy_distance(one, other, apart) < 0.06
    assert energy_distance(one + 1, other, apart) > 0.4
    at_0, at_3 = torch.zeros(5, 1), torch.full((4, 1), 3.0)
    assert energy_distance(at_0, at_3, 0.0) == pytest.approx(math.sqrt(2 * 3))


def test_the_draws_are_noisy_data_over_all_t(known: ReferenceField) -> None:
    some = known.x0[torch.arange(len(known.draws.x_t)) % len(known.x0)]
    assert_close(add_noise(some, known.draws.wanted, known.draws.level), known.draws.x_t)
    assert_close(known.draws.wanted.square().mean(), torch.tensor(1.0))
