"""Runs of every sampler at unusual numbers of steps: `tests.grid` has all of them."""

import itertools

import pytest
import torch

from playground.core.diffusion.schedules import linear
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS, sample
from tests.grid import combinations, described, fault

SHARE = 479


@pytest.mark.slow
def test_sampler_runs_of_a_sample_of_the_grid_are_finite_and_have_their_nfe() -> None:
    runs = list(itertools.islice(combinations(), 0, None, SHARE))
    assert len(runs) > 100
    assert {options.sampler for *_, options in runs} == set(SAMPLERS)
    assert {described(*run): what for run in runs if (what := fault(*run))} == {}


@pytest.mark.parametrize("steps", [29, 31, 58, 61, 62, 97])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampler_takes_no_step_too_many(sampler: str, steps: int) -> None:
    """diffusers' trailing spacing has an additional t of -1 for such numbers (diffusers, issue 4122)."""
    for T in (100, 1000):
        assert fault("linear", T, False, SamplingOptions(sampler=sampler, steps=steps)) == ""


@pytest.mark.parametrize("timestep_spacing", ["leading", "linspace"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampler_is_finite_where_every_timestep_is_visited(sampler: str, timestep_spacing: str) -> None:
    """diffusers' spacings visit a timestep twice there, and divide by their distance of 0 (diffusers, issue 2988)."""
    assert (
        fault("linear", 50, False, SamplingOptions(sampler=sampler, steps=50, timestep_spacing=timestep_spacing)) == ""
    )


@pytest.mark.parametrize("sampler", ["euler_a", "sde-dpmsolver++"])
@pytest.mark.parametrize("steps", [5, 10, 20])
def test_sampler_is_finite_at_zero_terminal_snr_of_a_short_schedule(sampler: str, steps: int) -> None:
    assert fault("linear", 20, True, SamplingOptions(sampler=sampler, steps=steps)) == ""


def test_sample_ends_in_a_sentence_where_a_step_is_not_finite() -> None:
    def faulty(x_t: torch.Tensor, level: object, labels: object = None) -> torch.Tensor:
        return x_t * (float("nan") if calls.pop() == 3 else 1)

    calls = list(range(10, 0, -1))
    steps = sample(faulty, torch.randn(1, 1, 2, 2), linear(100), SamplingOptions(sampler="euler", steps=10))
    finite = list(itertools.islice(steps, 2))
    assert all(step.x_next.isfinite().all() for step in finite)
    with pytest.raises(ValueError, match=r"euler gives no finite values from step 3 of 10 on"):
        next(steps)
