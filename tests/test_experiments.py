import pytest
import torch
from torch.testing import assert_close

from playground.core import experiments
from playground.core.checkpoints import Checkpoint
from playground.core.noise import add_noise
from playground.core.predictors import BlindPredictor, CopycatPredictor, UNetPredictor
from playground.core.schedules import SCHEDULES, linear, zero_terminal_snr
from tests.conftest import small_unet


def test_blind_costs_one_and_copycat_what_theory_says(pictures: torch.Tensor) -> None:
    """E(eps - x_t)² = alpha² E x_0² + (1 - sigma)² for independent x_0 and eps."""
    schedule, x0 = linear(1000), pictures.repeat(50, 1, 1, 1)
    level = schedule.level(torch.arange(1000))
    theory = (level.alpha**2 * pictures.square().mean() + (1 - level.sigma) ** 2).mean().item()
    assert abs(experiments.mean_error(BlindPredictor(), x0, None, schedule) - 1) < 0.02
    assert abs(experiments.mean_error(CopycatPredictor(), x0, None, schedule) - theory) < 0.02 * theory


def test_a_seed_is_one_noise_everywhere() -> None:
    assert torch.equal(experiments.gaussian((1, 4, 4), 3), experiments.gaussian((1, 4, 4), 3))
    assert not torch.equal(experiments.gaussian((1, 4, 4), 3), experiments.gaussian((1, 4, 4), 4))


@pytest.mark.parametrize("zero_terminal", [False, True])
def test_prediction_records_what_its_names_say(pictures: torch.Tensor, zero_terminal: bool) -> None:
    schedule = zero_terminal_snr(linear(1000)) if zero_terminal else linear(1000)
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    eps, t = experiments.gaussian((1, 8, 8), 0), experiments.even_steps(schedule, 40)
    record = experiments.prediction(predictor, pictures[0], eps, schedule, t)
    assert record.t.tolist() == t
    assert record.covered is not zero_terminal
    for k in range(len(t)):
        level = schedule.level(t[k])
        x_t = add_noise(pictures[:1], eps[None], level)
        eps_hat = predictor(x_t, level)
        assert_close(record.x_t[k], x_t[0])
        assert_close(record.eps_hat[k], eps_hat[0], atol=1e-4, rtol=1e-4)
        difference = eps - eps_hat[0]
        assert_close(record.error[k], difference.square().mean(), atol=1e-4, rtol=1e-4)
        total = (eps - eps.mean()).square().sum()
        assert_close(record.r2[k], 1 - difference.square().sum() / total, atol=1e-3, rtol=1e-3)
        cosine = (eps * eps_hat[0]).sum() / (eps.norm() * eps_hat.norm())
        assert_close(record.cosine[k], cosine, atol=1e-4, rtol=1e-4)
        assert_close(record.deviation[k], eps_hat.std(correction=0), atol=1e-4, rtol=1e-4)
    assert record.x0_hat.isfinite().all()


@pytest.mark.parametrize("num_steps", [10, 37, 1000, 4000])
def test_even_steps_reach_from_end_to_end(num_steps: int) -> None:
    t = experiments.even_steps(linear(num_steps), 51)
    assert (t[0], t[-1]) == (0, num_steps - 1)
    assert len(t) == len(set(t)) == min(51, num_steps)


def test_the_network_finds_the_noise_under_every_schedule(digits: Checkpoint, library) -> None:
    """At the same log-SNR the error hardly depends on the schedule: matching noise levels works."""
    x0, eps = library.pictures("digits").x0(9003), experiments.gaussian((1, 28, 28), 0)
    errors = []
    for make in SCHEDULES.values():
        schedule = make(500)
        t = round(schedule.t_at(0.0).item())
        errors.append(experiments.prediction(digits.predictor, x0, eps, schedule, [t]).error.item())
    assert max(errors) < 0.08
    assert max(errors) < 1.2 * min(errors)


def test_reverse_repeats_with_its_seed_and_differs_with_another(digits: Checkpoint) -> None:
    ends = []
    for seed in (0, 0, 1):
        *_, step = experiments.reverse(digits.predictor, digits.image_shape, linear(1000), seed=seed, steps=3, label=2)
        ends.append(step.x_next)
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])
