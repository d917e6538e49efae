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


@pytest.mark.parametrize("name", SCHEDULES)
def test_small_steps_end_in_the_distribution_of_one_jump(name: str) -> None:
    """Mean and deviation of 4,000 walks of a pixel, within four standard errors of those of q(x_t | x_0)."""
    schedule, t = SCHEDULES[name](200), [0, 50, 120, 199]
    x0 = torch.full((1, 3, 3), 0.7)
    walk = experiments.walk(x0, schedule, t, seed=1, walks=4000)
    assert walk.x_t.shape == (4, 1, 3, 3)
    assert walk.pixel_x0 == pytest.approx(0.7)
    level = schedule.level(torch.tensor(t))
    error = level.sigma / 4000**0.5
    assert ((walk.pixel.double().mean(1) - 0.7 * level.alpha).abs() < 4 * error).all()
    assert ((walk.pixel.double().std(1) - level.sigma).abs() < 4 * error).all()


def test_each_step_of_a_walk_draws_fresh_noise() -> None:
    """The noise that steps 0…k have added is, up to a factor, a part of what 0…k+1 have: correlated, not equal."""
    schedule = linear(100)
    walk = experiments.walk(torch.zeros(1, 60, 60), schedule, [10, 11, 99], seed=0)
    gathered = walk.x_t.flatten(1) / walk.level.sigma[:, None]
    near, far = torch.corrcoef(gathered)[0, 1:].tolist()
    ratio = (walk.level.alpha[1:] / walk.level.alpha[0]) * (walk.level.sigma[0] / walk.level.sigma[1:])
    assert near == pytest.approx(ratio[0].item(), abs=0.05)
    assert far == pytest.approx(ratio[1].item(), abs=0.06)
