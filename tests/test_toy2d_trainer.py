import math
import time
from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.parameterizations import EPS_FROM, TARGETS
from playground.core.diffusion.schedules import linear
from playground.core.toy2d.datasets import load_toy_dataset
from playground.core.toy2d.network import MLP2D, TrainingConfig
from playground.core.toy2d.trainer import BATCH, TOTAL_STEPS, Trainer, snapshot_steps


def recipe(**choices: object) -> TrainingConfig:
    return TrainingConfig(load_toy_dataset("two_moons"), linear(1000), **choices)


def trained(steps: int, pieces: int = 1, **choices: object) -> Trainer:
    learner = Trainer(recipe(**choices))
    for _ in range(pieces):
        learner.train_steps(steps // pieces)
    return learner


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_to_be_said_leads_back_to_the_noise(target: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 64, 2, generator=generator).double()
    level = linear(1000).level(torch.linspace(0, 999, 64))
    said = TARGETS[target](x0, eps, level)
    assert_close(EPS_FROM[target](add_noise(x0, eps, level), said, level), eps, atol=1e-8, rtol=0)


def test_an_untrained_network_says_nothing_and_has_a_loss_of_1() -> None:
    learner = Trainer(recipe())
    learner.train_steps(1)
    assert learner.save_snapshot().loss == pytest.approx(1, abs=4 * math.sqrt(2 / (2 * BATCH)))


def test_the_seed_makes_all_of_it_repeat_however_it_is_cut_up() -> None:
    whole, in_pieces, other = trained(60), trained(60, pieces=12), trained(60, seed=1)
    assert torch.equal(whole.save_snapshot().weights, in_pieces.save_snapshot().weights)
    assert not torch.equal(whole.snapshots[0].weights, other.save_snapshot().weights)


def test_other_people_s_draws_change_nothing() -> None:
    alone = trained(20).save_snapshot().weights
    one, other = Trainer(recipe()), Trainer(recipe(seed=5))
    for _ in range(20):
        one.train_steps(1)
        other.train_steps(1)
        torch.rand(3)
    assert torch.equal(one.save_snapshot().weights, alone)


def test_a_moment_stays_what_it_was() -> None:
    learner = Trainer(recipe())
    learner.train_steps(30)
    moment = learner.save_snapshot()
    x_t, level = torch.randn(10, 2), NoiseLevel(torch.tensor(0.6), torch.tensor(0.8))
    before = learner.predictor(moment)(x_t, level)
    learner.train_steps(30)
    assert torch.equal(learner.predictor(moment)(x_t, level), before)
    assert not torch.equal(learner.predictor(learner.save_snapshot())(x_t, level), before)


@pytest.mark.parametrize(("input_x_t", "input_t"), [(True, True), (True, False), (False, True), (False, False)])
def test_it_sees_what_it_may_see(input_x_t: bool, input_t: bool) -> None:
    learner = trained(20, input_x_t=input_x_t, input_t=input_t)
    x_t, t = torch.randn(2, 8, 2), torch.rand(2, 8)
    said = learner.network(x_t[0], t[0])
    assert torch.equal(learner.network(x_t[1], t[0]), said) is not input_x_t
    assert torch.equal(learner.network(x_t[0], t[1]), said) is not input_t


def test_width_and_depth_are_the_network_s() -> None:
    layers = [
        each
        for each in MLP2D(recipe(hidden_width=16, hidden_layers=2), torch.Generator()).layers
        if hasattr(each, "weight")
    ]
    assert [tuple(layer.weight.shape) for layer in layers] == [(16, 34), (16, 16), (2, 16)]


@pytest.mark.slow
def test_it_ends_after_all_its_steps() -> None:
    learner = Trainer(recipe(hidden_width=16, hidden_layers=1))
    start = time.process_time()
    learner.train_steps(10 * TOTAL_STEPS)
    assert learner.finished
    assert learner.step == TOTAL_STEPS
    assert time.process_time() - start < 10
    assert not learner._optimizer.param_groups[0]["lr"] > 1e-6  # it fell to 0


def test_the_first_and_the_last_step_are_looked_at_and_the_first_steps_closely() -> None:
    steps = snapshot_steps()
    assert steps[0] == 0
    assert steps[-1] == TOTAL_STEPS
    gaps = [after - before for before, after in pairwise(steps)]
    assert gaps[0] <= 2
    assert max(gaps) == gaps[-1] < 130
