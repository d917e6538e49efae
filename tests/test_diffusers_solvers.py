"""Each solver beside diffusers' own loop, from the same noise."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.schedules import SCHEDULES, NoiseSchedule, linear, zero_terminal_snr
from playground.core.sampling.diffusers_solvers import DiffusersSolver
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS, sample

SOLVERS = {name: each.steps for name, each in SAMPLERS.items() if isinstance(each.steps, DiffusersSolver)}
KARRAS = [name for name, solver in SOLVERS.items() if solver.karras]


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()


def theirs(
    solver: DiffusersSolver,
    ideal: IdealPredictor,
    x_T: torch.Tensor,
    schedule: NoiseSchedule,
    steps: int,
    **options: Any,
) -> list[torch.Tensor]:
    """The loop of a diffusers pipeline: what it holds before each call, as the network gets it, and at the end.

    The network is asked at the scheduler's t; under Karras' spacing, where some round t, at the level of its sigma.
    """
    run = SamplingOptions(steps=steps, **options)
    scheduler, generator = solver.make_scheduler(schedule, run), torch.Generator().manual_seed(5)
    draws = {"generator": generator} if solver.stochastic else {}
    sample, seen = x_T * scheduler.init_noise_sigma, []
    for k, t in enumerate(scheduler.timesteps):
        x_t = scheduler.scale_model_input(sample, t)
        level = schedule.level(t.double())
        if run.karras_sigmas:
            sigma = scheduler.sigmas[k].double()
            level = NoiseLevel(1 / (1 + sigma**2).sqrt(), sigma / (1 + sigma**2).sqrt())
        sample = scheduler.step(ideal(x_t, level), t, sample, **draws).prev_sample
        seen.append(x_t)
    return [*seen, sample]


def ours(
    name: str, ideal: IdealPredictor, x_T: torch.Tensor, schedule: NoiseSchedule, steps: int, **options: Any
) -> list:
    generator = torch.Generator().manual_seed(5)
    return list(
        sample(ideal, x_T, schedule, SamplingOptions(sampler=name, steps=steps, **options), generator=generator)
    )


# Every pair of two of these three occurs.
CASES = [
    (name, schedule, (5, 10, 50)[(i + j) % 3]) for i, name in enumerate(SOLVERS) for j, schedule in enumerate(SCHEDULES)
]


@pytest.mark.parametrize(("name", "schedule", "steps"), CASES)
def test_it_is_diffusers_own_loop(name: str, schedule: str, steps: int, pictures: torch.Tensor) -> None:
    ideal, x_T, levels = IdealPredictor(pictures), noise(3, 1, 8, 8), SCHEDULES[schedule](1000)
    run = ours(name, ideal, x_T, levels, steps)
    expected = theirs(SOLVERS[name], ideal, x_T, levels, steps)
    assert len(run) == len(expected) - 1
    for step, x_t in zip(run, expected, strict=False):
        assert_close(step.x_t, x_t, atol=1e-4, rtol=0)
    assert_close(run[-1].x_next, expected[-1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("spacing", ["leading", "linspace"])
@pytest.mark.parametrize("name", SOLVERS)
def test_under_other_spacings_too(name: str, spacing: str, pictures: torch.Tensor) -> None:
    ideal, x_T = IdealPredictor(pictures), noise(3, 1, 8, 8)
    run = ours(name, ideal, x_T, linear(1000), 10, timestep_spacing=spacing)
    expected = theirs(SOLVERS[name], ideal, x_T, linear(1000), 10, timestep_spacing=spacing)
    assert_close(run[-1].x_next, expected[-1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", KARRAS)
def test_under_the_spacing_of_karras_too(name: str, pictures: torch.Tensor) -> None:
    ideal, x_T = IdealPredictor(pictures), noise(3, 1, 8, 8)
    run = ours(name, ideal, x_T, linear(1000), 10, karras_sigmas=True)
    expected = theirs(SOLVERS[name], ideal, x_T, linear(1000), 10, karras_sigmas=True)
    assert_close(run[-1].x_next, expected[-1], atol=1e-4, rtol=0)
    plain = ours(name, ideal, x_T, linear(1000), 10)
    assert not torch.allclose(run[3].level.alpha, plain[3].level.alpha)


@pytest.mark.parametrize("name", KARRAS)
def test_levels_whose_rounded_t_are_equal_are_no_obstacle(name: str, pictures: torch.Tensor) -> None:
    """Karras' first two levels may share a t, and diffusers' own loop then begins at the second."""
    run = ours(name, IdealPredictor(pictures), noise(1, 1, 8, 8), SCHEDULES["cosine"](1000), 8, karras_sigmas=True)
    assert [step.index for step in run] == list(range(run[0].total))
    assert run[-1].x_next.isfinite().all()


@pytest.mark.parametrize("name", SOLVERS)
def test_every_step_is_in_x_t_coordinates_and_follows_from_the_one_before(name: str, pictures: torch.Tensor) -> None:
    run = ours(name, IdealPredictor(pictures), noise(3, 1, 8, 8), linear(1000), 12)
    for before, after in pairwise(run):
        assert_close(before.x_next, after.x_t, atol=1e-5, rtol=1e-5)
        assert_close(before.next_level.log_snr, after.level.log_snr, atol=1e-3, rtol=0)
    for index, step in enumerate(run):
        assert (step.index, step.total) == (index, len(run))
        assert_close(add_noise(step.x0_hat, step.eps_hat, step.level), step.x_t, atol=1e-9, rtol=1e-9)
        assert step.level.alpha**2 + step.level.sigma**2 == pytest.approx(1)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_pure_noise_at_the_end_of_the_schedule_is_no_obstacle(name: str, schedule: str, pictures: torch.Tensor) -> None:
    run = ours(name, IdealPredictor(pictures), noise(3, 1, 8, 8), zero_terminal_snr(SCHEDULES[schedule](100)), 10)
    assert run[-1].x_next.isfinite().all()
    if name != "pndm":  # which extrapolates from calls before, and overshoots there, in diffusers too
        assert run[-1].x_next.abs().max() < 1.5


@pytest.mark.parametrize("name", [name for name, solver in SOLVERS.items() if not solver.stochastic])
def test_with_one_picture_every_step_points_to_it(name: str, pictures: torch.Tensor) -> None:
    run = ours(name, IdealPredictor(pictures[:1]), noise(3, 1, 8, 8), linear(1000), 10)
    assert_close(run[-1].x0_hat, pictures[:1].double().expand(3, -1, -1, -1), atol=1e-6, rtol=0)


def test_heun_asks_twice_a_step() -> None:
    picture = torch.zeros(1, 1, 2, 2)
    assert len(ours("heun", IdealPredictor(picture), noise(1, 1, 2, 2), linear(100), 10)) == 19
    assert len(ours("pndm", IdealPredictor(picture), noise(1, 1, 2, 2), linear(100), 10)) == 11
