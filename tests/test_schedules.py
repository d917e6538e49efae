import math

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.schedulers.scheduling_ddpm import rescale_zero_terminal_snr
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from playground.core.diffusion.schedules import SCHEDULES, NoiseSchedule, from_betas, zero_terminal_snr

SIZES = (10, 21, 40, 100, 1000, 4000)
DIFFUSERS = {
    "linear": ("linear", 1e-4, 0.02),
    "scaled_linear": ("scaled_linear", 0.00085, 0.012),
    "cosine": ("squaredcos_cap_v2", 1e-4, 0.02),
    "sigmoid": ("sigmoid", 1e-4, 0.02),
}


@pytest.mark.parametrize("num_steps", SIZES)
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_that_of_diffusers(name: str, num_steps: int) -> None:
    kind, first, last = DIFFUSERS[name]
    scale = 1000 / num_steps
    theirs = DDPMScheduler(
        num_train_timesteps=num_steps,
        beta_schedule=kind,
        beta_start=min(first * scale, 0.999),
        beta_end=min(last * scale, 0.999),
    )
    ours = SCHEDULES[name](num_steps)
    # diffusers computes in float32.
    assert_close(ours.betas.float(), theirs.betas, atol=1e-6, rtol=1e-5)
    assert_close(ours.alpha_bar.float(), theirs.alphas_cumprod, atol=2e-6, rtol=2e-4)


@pytest.mark.parametrize("num_steps", SIZES)
@pytest.mark.parametrize("name", SCHEDULES)
def test_zero_terminal_snr_is_that_of_diffusers(name: str, num_steps: int) -> None:
    ours = zero_terminal_snr(SCHEDULES[name](num_steps))
    assert ours.alpha_bar[-1] == 0
    assert ours.log_snr[-1] == -math.inf
    theirs = rescale_zero_terminal_snr(SCHEDULES[name](num_steps).betas)
    assert_close(ours.betas, theirs, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("zero_terminal", [False, True])
@pytest.mark.parametrize("name", SCHEDULES)
@given(num_steps=st.integers(10, 4000), share=st.floats(0, 1))
def test_t_at_undoes_level(name: str, zero_terminal: bool, num_steps: int, share: float) -> None:
    schedule = SCHEDULES[name](num_steps)
    schedule = zero_terminal_snr(schedule) if zero_terminal else schedule
    t = share * (num_steps - 1)
    assert_close(schedule.t_from_log_snr(schedule.level(t).log_snr).item(), t, atol=1e-7, rtol=0)


@pytest.mark.parametrize("name", SCHEDULES)
def test_whole_steps_have_exactly_their_alpha_bar(name: str) -> None:
    schedule = SCHEDULES[name](1000)
    level = schedule.level(torch.arange(1000))
    assert_close(level.alpha**2, schedule.alpha_bar, atol=1e-15, rtol=1e-12)
    assert_close(level.sigma**2, 1 - schedule.alpha_bar, atol=1e-15, rtol=1e-12)


def test_t_at_is_clamped_at_both_ends() -> None:
    schedule = SCHEDULES["linear"](1000)
    assert schedule.t_from_log_snr(99.0) == 0
    assert schedule.t_from_log_snr(math.inf) == 0
    assert schedule.t_from_log_snr(-99.0) == 999
    assert schedule.t_from_log_snr(-math.inf) == 999


def test_betas_and_alphas_are_those_of_the_paper() -> None:
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    schedule = from_betas("given", betas)
    assert_close(schedule.betas, betas, atol=1e-14, rtol=1e-10)
    assert_close(schedule.alphas, 1 - betas, atol=1e-14, rtol=1e-10)


@pytest.mark.parametrize("name", ["linear", "scaled_linear", "sigmoid"])
def test_x_T_is_as_noisy_at_every_T(name: str) -> None:
    ends = [SCHEDULES[name](num_steps).alpha_bar[-1].item() for num_steps in (40, 100, 1000, 4000)]
    assert max(ends) < 0.006


@pytest.mark.parametrize("num_steps", [-1, 0, 9, 4001])
@pytest.mark.parametrize("name", SCHEDULES)
def test_T_out_of_range_is_refused(name: str, num_steps: int) -> None:
    with pytest.raises(ValueError, match="T must be a whole number from 10 to 4000"):
        SCHEDULES[name](num_steps)


@pytest.mark.parametrize("t", [-0.1, 999.1, math.nan, math.inf])
def test_t_out_of_range_is_refused(t: float) -> None:
    with pytest.raises(ValueError, match="t must be from 0 to 999"):
        SCHEDULES["linear"](1000).level(t)


@pytest.mark.parametrize("alpha_bar", [[0.5, 0.5], [0.4, 0.6], [1.0, 0.5], [0.5, -0.1], [0.5]])
def test_what_does_not_fall_is_no_schedule(alpha_bar: list[float]) -> None:
    with pytest.raises(ValueError, match="alpha_bar"):
        NoiseSchedule("bad", torch.tensor(alpha_bar, dtype=torch.float64))
