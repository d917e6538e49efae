import itertools
import math
import pickle

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch.testing import assert_close

from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, expand_coef
from playground.core.diffusion.parameterizations import eps_from_x0
from playground.core.diffusion.predictors import NoisePredictor
from playground.core.diffusion.schedules import SCHEDULES, NoiseSchedule, linear, zero_terminal_snr
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS, sample
from playground.core.sampling.steps import Step
from playground.core.sampling.timesteps import TIMESTEP_SPACINGS


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def last(steps: list[Step]) -> torch.Tensor:
    return steps[-1].x_next


def run(predictor: NoisePredictor, schedule: NoiseSchedule, x_T: torch.Tensor, **options: object) -> list[Step]:
    return list(
        sample(predictor, x_T, schedule, SamplingOptions(**options), generator=torch.Generator().manual_seed(5))
    )


STEPS = (5, 10, 50, 1000)
PAIRS = [(i, j, name, steps) for i, name in enumerate(SCHEDULES) for j, steps in enumerate(STEPS)]
# Every pair of values of two parameters occurs, not every combination of all four.
DDIM = [(name, (0.0, 0.5, 1.0)[(i + j) % 3], (i + j // 2) % 2 == 0, steps) for i, j, name, steps in PAIRS]
DDPM = [(name, ("fixed_small", "fixed_large")[(i + j) % 2], steps) for i, j, name, steps in PAIRS]


def test_the_cases_have_every_pair_of_values() -> None:
    names, counts = len(SCHEDULES), len(STEPS)
    assert len({(eta, clip) for _, eta, clip, _ in DDIM}) == 3 * 2
    assert len({(name, eta) for name, eta, _, _ in DDIM}) == names * 3
    assert len({(steps, eta) for _, eta, _, steps in DDIM}) == counts * 3
    assert len({(name, clip) for name, _, clip, _ in DDIM}) == names * 2
    assert len({(steps, clip) for _, _, clip, steps in DDIM}) == counts * 2
    assert len({(name, variance) for name, variance, _ in DDPM}) == names * 2
    assert len({(steps, variance) for _, variance, steps in DDPM}) == counts * 2


@pytest.mark.parametrize(("name", "eta", "clip", "steps"), DDIM)
def test_ddim_is_that_of_diffusers(name: str, eta: float, clip: bool, steps: int, pictures: torch.Tensor) -> None:
    """Step by step, in float64, from the same x_T and the same fresh noise."""
    schedule, ideal = SCHEDULES[name](1000), IdealPredictor(pictures)
    theirs = DDIMScheduler(
        trained_betas=schedule.betas.tolist(),
        clip_sample=clip,
        set_alpha_to_one=True,
        timestep_spacing="trailing",
    )
    theirs.alphas_cumprod, theirs.final_alpha_cumprod = schedule.alpha_bar, torch.tensor(1.0, dtype=torch.float64)
    theirs.set_timesteps(steps)
    x = randn(3, 1, 8, 8).double()
    noise = torch.Generator().manual_seed(5)
    ours = run(ideal, schedule, x, sampler="ddim", steps=steps, eta=eta, clip_x0=clip)
    for step, t in zip(ours, theirs.timesteps, strict=True):
        assert_close(step.x_t, x, atol=1e-5, rtol=1e-5)
        assert_close(step.level.alpha**2, schedule.alpha_bar[t])
        draw = torch.zeros_like(x)
        if eta > 0 and step.index < steps - 1:
            draw = torch.randn(x.shape, generator=noise).double()
        x = theirs.step(
            ideal(x, step.level), t, x, eta=eta, use_clipped_model_output=True, variance_noise=draw
        ).prev_sample
    assert_close(last(ours), x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "variance", "steps"), DDPM)
def test_ddpm_is_that_of_diffusers(
    name: str, variance: str, steps: int, pictures: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step, in float64, from the same x_T and the same fresh noise."""
    schedule, ideal = SCHEDULES[name](1000), IdealPredictor(pictures)
    theirs = DDPMScheduler(
        trained_betas=schedule.betas.tolist(),
        clip_sample=True,
        timestep_spacing="trailing",
        variance_type=variance,
    )
    theirs.alphas_cumprod, theirs.one = schedule.alpha_bar, torch.tensor(1.0, dtype=torch.float64)
    theirs.set_timesteps(steps)
    x = randn(3, 1, 8, 8).double()
    noise = torch.Generator().manual_seed(5)

    def draw(shape: torch.Size, **_: object) -> torch.Tensor:
        # The paper adds no noise in the last step; diffusers does so wherever that step does not start at t = 0.
        return torch.zeros(shape) if final else torch.randn(shape, generator=noise).double()

    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", draw)
    ours = run(ideal, schedule, x, sampler="ddpm", steps=steps, variance_type=variance)
    for step, t in zip(ours, theirs.timesteps, strict=True):
        assert_close(step.x_t, x, atol=1e-5, rtol=1e-5)
        final = step.index == steps - 1
        x = theirs.step(ideal(x, step.level), t, x).prev_sample
    assert_close(last(ours), x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("clip", [True, False])
def test_ddim_with_eta_one_is_ddpm(clip: bool, pictures: torch.Tensor) -> None:
    ideal, x_T = IdealPredictor(pictures), randn(2, 1, 8, 8).double()
    ddim = run(ideal, linear(1000), x_T, sampler="ddim", eta=1.0, steps=50, clip_x0=clip)
    ddpm = run(ideal, linear(1000), x_T, sampler="ddpm", steps=50, clip_x0=clip)
    for a, b in zip(ddim, ddpm, strict=True):
        assert_close(a.x_next, b.x_next, atol=1e-9, rtol=1e-9)


# From pure noise one step says nothing of any picture: there zero terminal SNR needs two.
@pytest.mark.parametrize(("zero_terminal", "steps"), [(False, 1), *itertools.product([False, True], [2, 7, 50, 250])])
@pytest.mark.parametrize("name", SCHEDULES)
def test_with_one_picture_every_run_ends_in_it(
    name: str, zero_terminal: bool, steps: int, pictures: torch.Tensor
) -> None:
    schedule = SCHEDULES[name](250)
    schedule = zero_terminal_snr(schedule) if zero_terminal else schedule
    ideal = IdealPredictor(pictures[:1])
    for sampler in ("ddim", "ddpm"):
        for spacing in TIMESTEP_SPACINGS:
            ended = last(
                run(ideal, schedule, randn(2, 1, 8, 8).double(), sampler=sampler, steps=steps, timestep_spacing=spacing)
            )
            assert_close(ended, pictures[:1].double().expand_as(ended), atol=1e-6, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_the_final_mean_and_variance_are_those_of_gaussian_data(sampler: str) -> None:
    """With x_0 ~ N(m, s²) a pixel the exact predictor is known; sampling must bring m and s² back."""
    m, s = 0.3, 0.4

    def exact(x_t: torch.Tensor, level: NoiseLevel, labels: torch.Tensor | None = None) -> torch.Tensor:
        gain = level.alpha * s**2 / (level.alpha**2 * s**2 + level.sigma**2)
        x0_hat = m + expand_coef(gain, x_t) * (x_t - level.alpha * m)
        return eps_from_x0(x_t, x0_hat, level)

    pixels = randn(1, 1, 300, 300).double()
    ended = last(run(exact, linear(1000), pixels, sampler=sampler, steps=1000, clip_x0=False))
    # 90,000 pixels: the standard error of the mean is s / 300, that of the variance s² · √2 / 300.
    assert math.isclose(ended.mean().item(), m, abs_tol=4 * s / 300)
    assert math.isclose(ended.var().item(), s**2, abs_tol=4 * s**2 * math.sqrt(2) / 300 + 0.002)


@pytest.mark.parametrize("num_steps", [10, 37, 1000, 4000])
@pytest.mark.parametrize("spacing", TIMESTEP_SPACINGS)
def test_a_run_falls_through_the_schedule_and_ends_clean(spacing: str, num_steps: int, pictures: torch.Tensor) -> None:
    for steps in {1, 3, 10, num_steps // 3, num_steps}:
        t = TIMESTEP_SPACINGS[spacing](num_steps, steps)
        assert len(t) == steps
        assert t[0] <= num_steps - 1
        assert t[-1] >= 0
        assert (t.diff() < 0).all()
    ours = run(IdealPredictor(pictures), linear(num_steps), randn(1, 1, 8, 8), steps=10, timestep_spacing=spacing)
    assert [step.index for step in ours] == list(range(10))
    assert {step.total for step in ours} == {10}
    assert (ours[-1].next_level.alpha, ours[-1].next_level.sigma) == (1, 0)
    for before, after in itertools.pairwise(ours):
        assert before.x_next is after.x_t
        assert before.next_level is after.level


def test_trailing_starts_at_the_noisiest_level() -> None:
    assert TIMESTEP_SPACINGS["trailing"](1000, 10).tolist() == [999, 899, 799, 699, 599, 499, 399, 299, 199, 99]


def test_a_seed_repeats_a_run(pictures: torch.Tensor) -> None:
    ideal, x_T = IdealPredictor(pictures), randn(2, 1, 8, 8)
    assert torch.equal(*(last(run(ideal, linear(1000), x_T, sampler="ddpm", steps=20)) for _ in range(2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be from 1 to T = 100"),
        ({"steps": 101}, "steps must be from 1 to T = 100"),
        ({"sampler": "magic"}, "sampler must be one of ddpm, ddim"),
        ({"timestep_spacing": "odd"}, "timestep_spacing must be one of trailing"),
        ({"variance_type": "none"}, "variance_type must be one of fixed_small, fixed_large"),
        ({"eta": 1.5}, "eta must be from 0 to 1"),
    ],
)
def test_what_is_out_of_range_is_refused_before_the_first_step(
    options: dict[str, object], message: str, pictures: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match=message):
        sample(IdealPredictor(pictures), randn(1, 1, 8, 8), linear(100), SamplingOptions(**options))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_options_that_come_from_another_process_give_the_same_images(sampler: str, pictures: torch.Tensor) -> None:
    ideal, x_T, options = IdealPredictor(pictures), randn(2, 1, 8, 8), SamplingOptions(sampler=sampler, steps=5)
    received: SamplingOptions = pickle.loads(pickle.dumps(options))
    one, other = (
        list(sample(ideal, x_T, linear(100), each, generator=torch.Generator().manual_seed(5)))
        for each in (options, received)
    )
    assert all(torch.equal(a.x_t, b.x_t) and torch.equal(a.x_next, b.x_next) for a, b in zip(one, other, strict=True))
