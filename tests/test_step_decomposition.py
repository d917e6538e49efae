import math

import pytest
import torch
from torch.testing import assert_close

from playground.core.analysis.step_decomposition import decompose_step
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.schedules import linear, zero_terminal_snr
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import sample


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()


FORWARD_PROCESSES = [
    ("ddpm", {"variance_type": "fixed_large"}),
    ("ddpm", {"variance_type": "fixed_small"}),
    ("ddim", {}),
    ("ddim", {"eta": 0.7}),
]


@pytest.mark.parametrize(("sampler", "options"), FORWARD_PROCESSES)
@pytest.mark.parametrize("clip", [True, False])
def test_the_three_parts_make_up_the_step(sampler: str, options: dict, clip: bool, pictures: torch.Tensor) -> None:
    generator, again = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    run = sample(
        IdealPredictor(pictures * 1.2),
        noise(2, 1, 8, 8),
        linear(1000),
        SamplingOptions(sampler=sampler, steps=7, clip_x0=clip, **options),
        generator=generator,
    )
    for step in run:
        slow = decompose_step(step, SamplingOptions(sampler, **options))
        assert_close(slow.x_t_part * step.x_t - slow.eps_coef * slow.eps, slow.mean, atol=1e-9, rtol=1e-9)
        assert_close(slow.mean + slow.deviation * slow.z, step.x_next, atol=1e-9, rtol=1e-9)
        if slow.deviation > 0:
            assert_close(slow.z, torch.randn(2, 1, 8, 8, generator=again).double(), atol=1e-6, rtol=0)
        else:
            assert not slow.z.any()
        if not clip:
            assert_close(slow.eps, step.eps_hat, atol=1e-9, rtol=1e-9)


def test_its_numbers_are_those_of_the_paper(pictures: torch.Tensor) -> None:
    """Ho et al. 2020, eq. 11, at steps that are neighbours."""
    schedule = linear(50)
    run = sample(
        IdealPredictor(pictures),
        noise(1, 1, 8, 8),
        schedule,
        SamplingOptions(sampler="ddpm", steps=50, variance_type="fixed_large"),
    )
    for step in list(run)[:-1]:
        slow, t = decompose_step(step, SamplingOptions("ddpm", variance_type="fixed_large")), step.t(schedule)
        beta, alpha_bar = schedule.betas[t].item(), schedule.alpha_bar[t].item()
        assert slow.x_t_part.item() == pytest.approx(1 / math.sqrt(1 - beta))
        assert slow.eps_coef.item() == pytest.approx(beta / math.sqrt(1 - alpha_bar) / math.sqrt(1 - beta))
        assert slow.deviation.item() == pytest.approx(math.sqrt(beta))


def test_out_of_pure_noise_the_mean_is_finite(pictures: torch.Tensor) -> None:
    run = sample(
        IdealPredictor(pictures),
        noise(1, 1, 8, 8),
        zero_terminal_snr(linear(100)),
        SamplingOptions(sampler="ddpm", steps=5),
    )
    slow = decompose_step(next(run), SamplingOptions("ddpm"))
    assert slow.x_t_part.isinf()
    assert slow.mean.isfinite().all()


def test_other_samplers_are_told(pictures: torch.Tensor) -> None:
    step = next(
        sample(IdealPredictor(pictures), noise(1, 1, 8, 8), linear(100), SamplingOptions(sampler="heun", steps=5))
    )
    with pytest.raises(ValueError, match="must be ddpm or ddim to show a single step; it was 'heun'"):
        decompose_step(step, SamplingOptions("heun"))
