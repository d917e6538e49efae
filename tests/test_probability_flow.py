from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, expand_coef
from playground.core.diffusion.schedules import SCHEDULES, linear, zero_terminal_snr
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.probability_flow import probability_flow
from playground.core.sampling.samplers import sample
from playground.core.sampling.steps import Step

SPREAD = 0.3


def of_a_gaussian(x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
    """E[eps | x_t] for x_0 ~ N(0, SPREAD²): sigma x_t / (alpha² SPREAD² + sigma²)."""
    variance = level.alpha**2 * SPREAD**2 + level.sigma**2
    return expand_coef(level.sigma / variance, x_t) * x_t


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()


def test_it_follows_the_exact_solution_with_second_order() -> None:
    """Gaussian data: the flow scales x_t with its standard deviation. Four times the steps, a sixteenth of the error.

    That is so up to the last level, from which both take a step of first order.
    """
    schedule, x_T = linear(1000), noise(50, 2)

    def off(run: Iterator[Step]) -> float:
        first, *_, last = run
        spread = [(each.level.alpha**2 * SPREAD**2 + each.level.sigma**2).sqrt() for each in (first, last)]
        return (last.x_t - x_T * spread[1] / spread[0]).abs().max().item()

    def flow(steps: int) -> float:
        return off(probability_flow(of_a_gaussian, x_T, schedule, steps=steps, clip_x0=False))

    assert flow(200) < 1e-3
    assert flow(50) / flow(200) > 12
    assert (
        flow(100) < off(sample(of_a_gaussian, x_T, schedule, SamplingOptions(steps=200, clip_x0=False))) / 3
    )  # DDIM, as many calls


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
def test_with_one_picture_it_returns_that_picture(steps: int, pictures: Tensor) -> None:
    *_, last = probability_flow(IdealPredictor(pictures[:1]), noise(3, 1, 8, 8), linear(1000), steps=steps)
    assert_close(last.x_next, pictures[:1].double().expand(3, -1, -1, -1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", SCHEDULES)
def test_steps_follow_each_other_from_noise_to_clean(name: str, pictures: Tensor) -> None:
    schedule = zero_terminal_snr(SCHEDULES[name](100))
    run = list(probability_flow(IdealPredictor(pictures), noise(2, 1, 8, 8), schedule, steps=9))
    assert [step.index for step in run] == list(range(9))
    assert {step.total for step in run} == {9}
    for before, after in pairwise(run):
        assert_close(before.x_next, after.x_t)
        assert before.next_level.log_snr == after.level.log_snr
    assert run[-1].next_level.sigma == 0
    assert run[-1].x_next.isfinite().all()
    assert run[0].x0_hat.abs().max() <= 1


def test_nobody_is_asked_for_the_noise_of_what_is_clean() -> None:
    asked = []

    def predictor(x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        asked.append(level.sigma.item())
        return torch.zeros_like(x_t)

    list(probability_flow(predictor, noise(1, 2), linear(100), steps=5))
    assert len(asked) == 9  # two a step, and one in the last
    assert min(asked) > 0
